//! What images there are, who uses them, and what bakes that came to no end have left.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::environment::Environment;
use crate::domain::failure::Failure;
use crate::domain::images::{self, OwnImage};
use crate::domain::intent::{Goal, ImageWish};
use crate::domain::money;
use crate::domain::names::{EnvName, Identity};
use crate::domain::stored::Stored;
use crate::domain::tags;
use crate::state::State;

use super::super::context::Context;
use super::super::everywhere::Sight;
use super::super::volume::place;

/// The images of one region.
pub struct Shelf {
    /// EC2 there.
    pub cloud: Cloud,
    /// Images, and the snapshots that have their tags.
    pub stored: Stored,
    /// The environments that use an image, by its id; of one that the state does not know, what it uses is known alone.
    pub used: BTreeMap<String, BTreeSet<String>>,
}

/// The images in each region that the state knows, and in the one that is configured.
pub async fn everywhere(context: &Context) -> Result<Vec<Shelf>, CommandError> {
    let state = context.store.read().await?;
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for cloud in place::clouds(context, &state).await? {
        let mut stored = cloud.own_images(&state.owner, None).await?;
        // Two profiles may be of one account.
        stored.images.retain(|it| seen.insert(it.id.clone()));
        stored.snapshots.retain(|it| seen.insert(it.id.clone()));
        let used = used(&cloud, &state, &stored.images).await?;
        all.push(Shelf { cloud, stored, used });
    }
    Ok(all)
}

/// Who uses which of these images: environments that name it, and instances that were launched from it, which a
/// persistent request may launch again.
pub async fn used(
    cloud: &Cloud,
    state: &State,
    images: &[OwnImage],
) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, environment) in &state.environments {
        let intent = &environment.intent;
        if let ImageWish::Id(id) = &intent.image
            && !matches!(intent.goal, Goal::Gone { .. })
        {
            used.entry(id.clone()).or_default().insert(name.to_string());
        }
    }
    let ids: Vec<String> = images.iter().map(|it| it.id.clone()).collect();
    for (id, env) in cloud.images_in_use(&ids).await? {
        used.entry(id).or_default().insert(env);
    }
    used.retain(|id, _| ids.contains(id));
    Ok(used)
}

/// What a bake has left that nobody goes on with: images that nothing can be launched from, and snapshots without an image.
/// Each with what it costs at most, USD a month.
pub fn halves(state: &State, stored: &Stored) -> Vec<(String, f64)> {
    let goes_on = |tags: &crate::domain::call::Tags| {
        let name = tags.get(tags::ENV).and_then(|name| name.parse::<EnvName>().ok());
        name.is_some_and(|name| state.environments.get(&name).is_some_and(|it| it.intent.baking.is_some()))
    };
    let images = stored.images.iter().filter(|it| !it.is_usable() && !goes_on(&it.tags));
    let images = images.map(|it| (it.id.clone(), money::snapshot_per_month(it.gib)));
    let orphans = images::orphans(&stored.images, &stored.snapshots).into_iter().filter(|it| !goes_on(&it.tags));
    images.chain(orphans.map(|it| (it.id.clone(), money::snapshot_per_month(it.gib)))).collect()
}

/// Says it, where there is anything.
pub fn tell(context: &Context, region: &str, halves: &[(String, f64)]) {
    if halves.is_empty() {
        return;
    }
    let ids: Vec<&str> = halves.iter().map(|(id, _)| id.as_str()).collect();
    let usd: f64 = halves.iter().map(|(_, usd)| usd).sum();
    let ids = ids.join(" ");
    context.ui.status(&format!(
        "of bakes that came to no end {ids} are left in {region}, at most {} a month: `cloudtop image rm {ids}`",
        money::amount(usd)
    ));
}

/// Tells what bakes have left in the regions that were looked at.
pub async fn tell_of_halves(context: &Context, sight: &Sight) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    let mut regions: BTreeMap<&str, &Cloud> = BTreeMap::new();
    for there in &sight.found {
        if there.found.spare.snapshots.iter().any(|it| it.tags.contains_key(tags::IMAGE)) {
            regions.insert(&there.region, &there.cloud);
        }
    }
    for (region, cloud) in regions {
        let stored = cloud.own_images(&state.owner, None).await?;
        tell(context, region, &halves(&state, &stored));
    }
    Ok(())
}

/// After `down` of a builder: what of its image is left. That EC2 does not answer now is no reason to fail.
pub async fn tell_of_a_bake_given_up(context: &Context, environment: &Environment) {
    let (Some(baking), intent) = (&environment.intent.baking, &environment.intent) else { return };
    let Ok(builder) = baking.image.builder() else { return };
    let left = async {
        let cloud = context.connect_to(&intent.region, environment.profile.as_deref()).await?;
        let state = context.store.read().await?;
        let identity = Identity { env: builder, owner: state.owner.clone() };
        let stored = cloud.own_images(&state.owner, Some(&identity)).await?;
        Ok::<_, CommandError>(halves(&state, &stored))
    };
    match left.await {
        Ok(halves) => tell(context, &intent.region, &halves),
        Err(_) => context.ui.note("what is left of its image is told by `cloudtop image list`"),
    }
}

/// Refuses to make something else of an environment in which an image is baked.
pub async fn must_be_no_builder(context: &Context, name: &EnvName) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    let Some(baking) = state.environments.get(name).and_then(|it| it.intent.baking.as_ref()) else { return Ok(()) };
    let image = &baking.image;
    let text = format!("`{name}` is the builder of the image `{image}`, which is not finished");
    Err(CommandError::usage(text)
        .hint(format!("go on with `cloudtop image bake {image}`, or give it up with `cloudtop down {name}`")))
}
