//! Whose account, and which region.

use std::time::Duration;

use crate::cli::CommandError;
use crate::cloud::{self, Cloud};
use crate::config::EnvironmentSettings;

use super::super::context::Context;

/// Where the list of regions is asked for when no region is known yet.
const ANY_REGION: &str = "us-east-1";
/// Environment variables that say whose credentials are used.
const WHO: [&str; 2] = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID"];

/// Asks for the profile and the region, as far as nobody has said them, and connects.
pub async fn choose(
    context: &Context,
    written: &EnvironmentSettings,
    answers: &mut EnvironmentSettings,
) -> Result<Cloud, CommandError> {
    answers.profile = profile(context, written).await?;
    let profile = answers.profile.as_deref().or(written.profile.as_deref());
    if let Some(region) = &context.globals.region {
        let cloud = context.connect(None, profile).await?;
        cloud.ensure_region_exists().await?;
        answers.region = Some(region.clone());
        return Ok(cloud);
    }
    // What the environment and the profile say is known to the SDK alone.
    let first = match context.connect(written.region.as_deref(), profile).await {
        Err(_) if written.region.is_none() => context.connect(Some(ANY_REGION), profile).await.map(|it| (it, false)),
        known => known.map(|it| (it, true)),
    };
    let (cloud, is_known) = first?;
    let regions = cloud.regions().await?;
    let near = near(context, &regions).await;
    let region = region(context, &cloud, is_known, &regions, &near)?;
    answers.region = Some(region.clone());
    Ok(cloud.in_region(&region))
}

async fn profile(context: &Context, written: &EnvironmentSettings) -> Result<Option<String>, CommandError> {
    if context.globals.profile.is_some() {
        return Ok(context.globals.profile.clone());
    }
    let said = WHO.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if said || context.globals.simulated() {
        return Ok(None);
    }
    let names = cloud::profile_names().await;
    if names.len() < 2 {
        return Ok(None);
    }
    let before = written.profile.as_deref().unwrap_or("default");
    let proposed = names.iter().position(|name| name == before).unwrap_or(0);
    let chosen = &names[context.ui.select("Profile of ~/.aws", &names, proposed, "--profile NAME")?];
    Ok((chosen != before).then(|| chosen.clone()))
}

/// How far regions are. Not for the simulator or an endpoint of the user's own: those are here.
async fn near(context: &Context, regions: &[String]) -> Vec<(String, Duration)> {
    if context.globals.simulated() || context.globals.endpoint_url.is_some() || !context.ui.can_ask() {
        return Vec::new();
    }
    context.ui.status(&format!("measuring how far {} regions are", regions.len()));
    cloud::nearest(regions).await
}

/// The region: what is configured already is proposed, else the nearest.
fn region(
    context: &Context,
    cloud: &Cloud,
    is_known: bool,
    regions: &[String],
    near: &[(String, Duration)],
) -> Result<String, CommandError> {
    let mut ordered: Vec<(&str, Option<Duration>)> =
        near.iter().map(|(name, took)| (name.as_str(), Some(*took))).collect();
    let far = regions.iter().filter(|name| near.iter().all(|(near, _)| near != *name));
    ordered.extend(far.map(|name| (name.as_str(), None)));
    let current = is_known.then(|| cloud.region());
    let wanted = current.or(near.first().map(|(name, _)| name.as_str())).unwrap_or(ANY_REGION);
    let proposed = ordered.iter().position(|(name, _)| *name == wanted).unwrap_or(0);
    let lines: Vec<String> = ordered
        .iter()
        .map(|(name, took)| match took {
            Some(took) => format!("{name:16} {:4} ms", took.as_millis()),
            None => (*name).to_owned(),
        })
        .collect();
    let chosen = context.ui.search("Region (type to search)", &lines, proposed, "-r REGION")?;
    Ok(ordered[chosen].0.to_owned())
}

/// Environments that are there and that this machine's state does not know.
pub async fn tell_what_is_there(context: &Context, cloud: &Cloud) {
    let (Ok(found), Ok(state)) = (cloud.observe_all(None).await, context.store.read().await) else { return };
    let lost: Vec<_> = found
        .iter()
        .filter(|it| it.is_anything_left() && !state.environments.contains_key(&it.identity.env))
        .map(|it| (it.identity.env.to_string(), it.identity.owner == state.owner))
        .collect();
    for (name, ours) in &lost {
        let how =
            if *ours { format!("`cloudtop recover {name}`") } else { format!("`cloudtop recover {name} --adopt`") };
        let whose = if *ours { "" } else { " of another installation" };
        context.ui.note(&format!(
            "{} has an environment {name}{whose} that this machine does not know: {how} takes it up",
            cloud.region()
        ));
    }
}
