//! What can be wrong with what was asked for, seen by itself.

use std::collections::BTreeMap;

use crate::cli::CommandError;
use crate::config::EnvironmentSettings;
use crate::domain::intent::{Intent, Interruption};

/// The least that EC2 takes as a maximum price, USD per hour.
const LEAST_MAX_PRICE: f64 = 0.001;
/// The least time without use after which a node stops itself: five minutes before, it warns.
const LEAST_IDLE_MINUTES: u32 = 10;
/// Tags of the user's own beside ours; EC2 takes 50 on a resource.
const MOST_OWN_TAGS: usize = 40;

/// After how many minutes without use nodes stop themselves.
pub(super) fn idle(
    settings: &EnvironmentSettings,
    previous: Option<&Intent>,
    on_interruption: Interruption,
    one_time: bool,
) -> Result<Option<u32>, CommandError> {
    let Some(idle) = settings.idle else { return Ok(previous.and_then(|it| it.idle_minutes)) };
    let minutes = u32::try_from(idle.as_secs() / 60).unwrap_or(u32::MAX);
    if idle.is_zero() {
        return Ok(None);
    }
    if minutes < LEAST_IDLE_MINUTES {
        return Err(CommandError::usage(format!(
            "--idle: nodes warn 5 minutes before they stop, so use {LEAST_IDLE_MINUTES}m or more (0m: never)"
        )));
    }
    if one_time || on_interruption == Interruption::Terminate {
        let error =
            CommandError::usage("--idle: a node that powers itself off is ended, not stopped, with these settings");
        return Err(
            error.hint("use it with --on-interruption stop, without --one-time; or end the environment with --ttl")
        );
    }
    Ok(Some(minutes))
}

/// What can be wrong with settings by themselves.
pub(super) fn check(settings: &EnvironmentSettings, region: &str, nodes: u32) -> Result<(), CommandError> {
    if nodes == 0 {
        return Err(CommandError::usage("an environment has at least one node: use `down` to end it"));
    }
    if let Some(price) = settings.max_price.filter(|price| !price.is_finite() || *price < LEAST_MAX_PRICE) {
        return Err(CommandError::usage(format!(
            "--max-price {price}: EC2 takes {LEAST_MAX_PRICE} USD an hour or more"
        )));
    }
    if let Some(zone) = settings.zone.as_deref().filter(|zone| !zone.starts_with(region) || *zone == region) {
        return Err(CommandError::usage(format!(
            "{zone} is no availability zone of {region}: use for example {region}a"
        )));
    }
    if settings.ami.is_some() && settings.image.is_some() {
        return Err(CommandError::usage("`ami` and `image` answer the same question: keep one of them"));
    }
    if settings.types.is_some() && (settings.cpus.is_some() || settings.memory.is_some()) {
        return Err(CommandError::usage("`types` and `cpus`/`memory` answer the same question: keep one of them"));
    }
    check_tags(&settings.tags)
}

/// The limits of EC2's tags (EC2 user guide, "Tag restrictions").
fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), CommandError> {
    if tags.len() > MOST_OWN_TAGS {
        return Err(CommandError::usage(format!("[tags] has {} tags, at most {MOST_OWN_TAGS} will do", tags.len())));
    }
    for (key, value) in tags {
        let lower = key.to_ascii_lowercase();
        if lower.starts_with("aws:") || lower.starts_with("cloudtop:") || key == "Name" || key.is_empty() {
            return Err(CommandError::usage(format!("the tag {key:?} is not yours to set: use another key")));
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(CommandError::usage(format!(
                "the tag {key:?} is too long: 128 characters for a key, 256 for a value"
            )));
        }
    }
    Ok(())
}

/// What EC2 does with a node that it takes away.
pub(super) fn interruption(
    settings: &EnvironmentSettings,
    previous: Option<&Intent>,
    one_time: bool,
) -> Result<Interruption, CommandError> {
    if one_time {
        return match settings.on_interruption {
            None | Some(Interruption::Terminate) => Ok(Interruption::Terminate),
            Some(other) => Err(CommandError::usage(format!(
                "a one-time request can only terminate: leave out --on-interruption {} or --one-time",
                other.as_str()
            ))),
        };
    }
    let wanted = settings.on_interruption.or(previous.map(|it| it.on_interruption)).unwrap_or(Interruption::Stop);
    if wanted == Interruption::Hibernate && settings.wait_for_capacity == Some(true) {
        return Err(CommandError::usage(
            "a request that waits for capacity cannot hibernate: EC2 offers the two only apart",
        ));
    }
    Ok(wanted)
}
