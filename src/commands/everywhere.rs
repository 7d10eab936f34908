//! Looking for what has our tags, in one region or in all of them side by side.

use tokio::task::JoinSet;

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::failure::Failure;
use crate::domain::found::Found;

use super::context::Context;

/// Regions that are asked at the same time. Each has buckets of its own for calls; this machine has not.
const AT_ONCE: usize = 8;

/// An environment that was found, and where.
#[derive(Clone)]
pub struct FoundThere {
    /// The environment.
    pub found: Found,
    /// The region.
    pub region: String,
    /// EC2 there.
    pub cloud: Cloud,
}

/// Something that could not be looked at.
pub struct LeftOut {
    /// The region.
    pub region: String,
    /// Why: of the region's first call, or of one kind of resource.
    pub failure: Failure,
}

/// What was found, and what could not be looked at.
pub struct Sight {
    /// Ordered by region, name and owner.
    pub found: Vec<FoundThere>,
    /// Ordered by region.
    pub left_out: Vec<LeftOut>,
    /// How many regions were looked at.
    pub regions: usize,
}

/// Looks for environments by their tags, with all that they have, or for those of one installation: in the region named by flag, else in all
/// that are enabled. A region that refuses is told and left out.
///
/// # Errors
/// Where no region at all could be looked at.
pub async fn find(context: &Context, owner: Option<&str>) -> Result<Sight, CommandError> {
    let state = context.store.read().await?;
    let known = state.environments.values().next().map(|it| it.intent.region.clone());
    let first = context.connect(known.as_deref().or(Some("us-east-1")), None).await?;
    let regions = match &context.globals.region {
        Some(only) => {
            first.ensure_region_exists().await?;
            vec![only.clone()]
        }
        None => first.regions().await.map_err(|failure| {
            CommandError::from(failure).hint("name a region with -r: then the list of regions is not needed")
        })?,
    };
    context.ui.status(&match regions.as_slice() {
        [one] => format!("looking in {one}"),
        all => format!("looking in {} regions", all.len()),
    });
    let sight = look(&first, &regions, owner).await;
    match sight.left_out.first() {
        Some(refused) if sight.regions == 0 => return Err(refused.failure.clone().into()),
        _ => {}
    }
    for out in &sight.left_out {
        context.ui.warn(&format!("not all of {} could be looked at: {}", out.region, out.failure));
    }
    Ok(sight)
}

async fn look(first: &Cloud, regions: &[String], owner: Option<&str>) -> Sight {
    let mut sight = Sight { found: Vec::new(), left_out: Vec::new(), regions: 0 };
    let mut waiting = regions.iter();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < AT_ONCE
            && let Some(region) = waiting.next()
        {
            let (cloud, owner) = (first.in_region(region), owner.map(str::to_owned));
            tasks.spawn(async move {
                let seen = look_in(&cloud, owner.as_deref()).await;
                (cloud, seen)
            });
        }
        let Some(joined) = tasks.join_next().await else { break };
        // A task ends without an answer only when the whole program does.
        let Ok((cloud, seen)) = joined else { continue };
        sight.take(&cloud, seen);
    }
    sight.found.sort_by(|a, b| {
        let key = |it: &FoundThere| (it.region.clone(), it.found.identity.env.clone(), it.found.identity.owner.clone());
        key(a).cmp(&key(b))
    });
    sight.left_out.sort_by(|a, b| a.region.cmp(&b.region));
    sight
}

/// What one region shows, and what it does not let us see.
async fn look_in(cloud: &Cloud, owner: Option<&str>) -> Result<(Vec<Found>, Vec<Failure>), Failure> {
    let found = cloud.observe_all(owner).await?;
    Ok(cloud.observe_spare(found, owner).await)
}

impl Sight {
    fn take(&mut self, cloud: &Cloud, seen: Result<(Vec<Found>, Vec<Failure>), Failure>) {
        let region = cloud.region().to_owned();
        let unseen = match seen {
            Ok((found, unseen)) => {
                self.regions += 1;
                let there = |found| FoundThere { found, region: region.clone(), cloud: cloud.clone() };
                self.found.extend(found.into_iter().map(there));
                unseen
            }
            Err(failure) => vec![failure],
        };
        self.left_out.extend(unseen.into_iter().map(|failure| LeftOut { region: region.clone(), failure }));
    }
}
