//! Where volumes are, whose they are, and working on one.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::domain::call::Tags;
use crate::domain::environment::Environment;
use crate::domain::names::{EnvName, Identity};
use crate::domain::stored::{Stored, StoredVolume};
use crate::domain::tags;
use crate::domain::volume_work::{Moment, Next};
use crate::engine::{VolumeWork, Worked};
use crate::state::State;
use crate::ui::Live;

use super::super::context::Context;
use super::super::ssh::NodeName;

/// An environment, whether the state knows it or not, and the region where its volumes are.
pub struct Place {
    /// EC2 there.
    pub cloud: Cloud,
    /// Which environment, and whose.
    pub identity: Identity,
    /// What the state knows of it.
    pub environment: Option<Environment>,
}

impl Place {
    /// The place of an environment: the state's, or that of its settings.
    pub async fn of(context: &Context, name: &EnvName) -> Result<Self, CommandError> {
        let state = context.store.read().await?;
        let environment = state.environments.get(name).cloned();
        let cloud = match &environment {
            Some(it) => context.connect_to(&it.intent.region, it.profile.as_deref()).await?,
            None => {
                let settings = context.config()?.environment(name.as_str());
                context.connect(settings.region.as_deref(), settings.profile.as_deref()).await?
            }
        };
        Ok(Self { cloud, identity: context.identity(&state, name), environment })
    }

    /// The environment's volumes and snapshots.
    pub async fn stored(&self) -> Result<Stored, CommandError> {
        Ok(self.cloud.stored(&self.identity.owner, Some(&self.identity)).await?)
    }

    /// The tags of the user's own, with ours that tell what was asked for.
    pub fn own_tags(&self, context: &Context) -> Result<Tags, CommandError> {
        match &self.environment {
            Some(it) => Ok(it.intent.all_tags()),
            None => Ok(context.config()?.environment(self.identity.env.as_str()).tags),
        }
    }

    /// Works on one of its volumes until that is done. `command` is what was typed, without flags that say how long to
    /// wait: the same again goes on with what was cut off.
    pub async fn work<T>(
        &self,
        context: &Context,
        task: Task<'_>,
        decide: impl Fn(Moment<'_>) -> Next<T>,
    ) -> Result<T, CommandError> {
        let live = Live::new(&context.ui, self.identity.env.as_str());
        let work = VolumeWork {
            cloud: &self.cloud,
            identity: &self.identity,
            journal: &mut context.journal(&self.identity.env),
            clock: context.clock,
            reporter: &live,
            interrupt: context.interrupt.clone(),
            command: task.command.clone(),
            changing: task.changing,
            images: task.images,
            since: task.since,
            patience: None,
        };
        let worked = work.run(decide).await;
        live.finish(match &worked {
            Ok(Worked::Done(_)) => "done",
            Ok(Worked::Stopped(_)) => "blocked",
            Ok(Worked::Refused(_)) => "refused",
            Ok(Worked::TimedOut(_)) => "timed-out",
            Ok(Worked::Interrupted(_)) => "interrupted",
            Err(_) => "failed",
        });
        let go_on = format!("go on with `cloudtop {}`", task.command);
        let look = match task.images {
            true => "`cloudtop image list` shows what there is",
            false => "`cloudtop volume list` and `cloudtop volume snapshots` show what there is",
        };
        match worked? {
            Worked::Done(it) => Ok(it),
            Worked::Stopped(why) => Err(CommandError::new(Exit::Failed, why)),
            Worked::Refused(failure) => Err(CommandError::from(failure).hint(go_on)),
            Worked::TimedOut(what) => {
                Err(CommandError::new(Exit::NotReady, format!("it was not done in time; it waits for {what}"))
                    .hint(go_on))
            }
            Worked::Interrupted(signal) => {
                let text = format!("{}: what was begun at EC2 goes on there", signal.as_str());
                Err(CommandError::new(Exit::Code(signal.exit_code()), text).hint(go_on).hint(look))
            }
        }
    }
}

/// What is worked on.
pub struct Task<'a> {
    /// The command as typed, without `cloudtop`.
    pub command: String,
    /// The volume of which changes are asked for.
    pub changing: Option<&'a str>,
    /// Whether it is about images.
    pub images: bool,
    /// Since when it is worked on, where an earlier task began it.
    pub since: Option<Timestamp>,
}

impl Task<'_> {
    /// A task that waits for as long as it takes.
    pub fn new(command: String) -> Self {
        Self { command, changing: None, images: false, since: None }
    }
}

/// The volumes in place of an environment, or of one node of it, by node.
pub fn of_nodes<'s>(stored: &'s Stored, name: &NodeName) -> Result<Vec<&'s StoredVolume>, CommandError> {
    let wanted = |it: &&StoredVolume| match name.index() {
        Some(index) => it.node() == Some(index),
        None => it.node().is_some(),
    };
    let mut found: Vec<&StoredVolume> = stored.in_place().into_iter().filter(wanted).collect();
    found.sort_by_key(|it| it.node());
    if found.is_empty() {
        let of = name.index().map(|index| format!("node {index} of ")).unwrap_or_default();
        let text = format!("{of}`{}` has no persistent volume of cloudtop's own there", name.env());
        return Err(CommandError::new(Exit::NotFound, text)
            .hint("`cloudtop volume list` shows those that there are; is it another --region?"));
    }
    Ok(found)
}

/// The one volume in place that is meant.
pub fn of_node<'s>(stored: &'s Stored, name: &NodeName) -> Result<&'s StoredVolume, CommandError> {
    match of_nodes(stored, name)?[..] {
        [one] => Ok(one),
        ref several => {
            let text = format!("`{}` has {} volumes: say which node's", name.env(), several.len());
            Err(CommandError::usage(text).hint(format!("for example {}/0", name.env())))
        }
    }
}

/// Everything that is kept there: see [`clouds`].
pub async fn everywhere(context: &Context) -> Result<Vec<(Cloud, Stored)>, CommandError> {
    let state = context.store.read().await?;
    let (mut all, mut seen): (Vec<(Cloud, Stored)>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    for cloud in clouds(context, &state).await? {
        let mut stored = cloud.stored(&state.owner, None).await?;
        // Two profiles may be of one account.
        stored.volumes.retain(|it| seen.insert(it.volume.id.clone()));
        // Those of images go with their images.
        stored.snapshots.retain(|it| !it.tags.contains_key(tags::IMAGE) && seen.insert(it.id.clone()));
        all.push((cloud, stored));
    }
    Ok(all)
}

/// Where things may be kept: in each region and with each profile that the state knows, and in the region that is named
/// or configured.
pub async fn clouds(context: &Context, state: &State) -> Result<Vec<Cloud>, CommandError> {
    let known = state.environments.values().map(|it| (it.intent.region.clone(), it.profile.clone()));
    let mut places: BTreeSet<(String, Option<String>)> = known.collect();
    if let Some(only) = &context.globals.region {
        places.retain(|(region, _)| region == only);
    }
    let own = context.connect(None, None).await;
    match own {
        Ok(cloud) if !places.iter().any(|(region, _)| region == cloud.region()) => {
            places.insert((cloud.region().to_owned(), None));
        }
        Err(error) if places.is_empty() => return Err(error),
        _ => {}
    }
    let mut all = Vec::new();
    for (region, profile) in places {
        all.push(context.connect_to(&region, profile.as_deref()).await?);
    }
    Ok(all)
}
