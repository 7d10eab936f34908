//! An environment rebuilt from its tags and its resources, and what those do not tell.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cli::CommandError;
use crate::config::{EnvironmentSettings, VolumeSetting};
use crate::domain::environment::Environment;
use crate::domain::found::Found;
use crate::domain::intent::{Goal, ImageFamily, Intent};
use crate::domain::names::EnvName;
use crate::domain::observed::{InstanceState, RequestState};
use crate::domain::{nodes, tags};

use super::context::{Context, home_dir};
use super::everywhere::FoundThere;
use super::wish::{self, Makings};

/// An environment as far as its tags and its resources tell.
pub fn environment(context: &Context, there: &FoundThere) -> Result<Environment, CommandError> {
    let Found { identity, observed, terms, .. } = &there.found;
    let tag = |key: &str| there.found.tag(key).map(str::to_owned);
    let types: BTreeSet<String> = observed
        .instances
        .iter()
        .map(|it| it.instance_type.clone())
        .chain(observed.requests.iter().map(|it| it.instance_type.clone()))
        .collect();
    let settings = EnvironmentSettings {
        template: tag(tags::TEMPLATE),
        os: there.found.tag(tags::OS).and_then(ImageFamily::named),
        types: (!types.is_empty()).then(|| types.into_iter().collect()),
        nodes: Some(count_nodes(&there.found)),
        on_interruption: terms.on_interruption,
        one_time: observed.requests.iter().any(|it| !it.persistent).then_some(true),
        volume: Some(observed.volumes.first().map_or(VolumeSetting::Without, |volume| VolumeSetting::Gib(volume.gib))),
        ami: terms.image_id.clone(),
        security_group: terms.group_ids.first().filter(|_| observed.groups.is_empty()).cloned(),
        ..EnvironmentSettings::default()
    };
    let public_key = terms.public_key.clone().unwrap_or_default();
    let makings = Makings {
        name: &identity.env,
        installation: &identity.owner,
        region: &there.region,
        previous: None,
        identity_file: identity_file(context, &public_key)?,
        public_key,
        ssh_from: observed.groups.iter().flat_map(|group| group.ssh_from.clone()).collect(),
        now: context.clock.now(),
    };
    let mut intent = made_or_bare(settings, makings, &identity.env, context)?;
    intent.fixed_addresses |= there.found.spare.interfaces.iter().any(|it| it.keeps_address);
    intent.goal = goal(&there.found);
    intent.expires_at = tag(tags::EXPIRES).and_then(|text| text.parse::<Timestamp>().ok());
    intent.tags = own_tags(&there.found);
    let now = context.clock.now();
    Ok(Environment {
        intent,
        profile: context.globals.profile.clone(),
        region_move: None,
        created_at: now,
        updated_at: now,
    })
}

/// What was recovered, in a line.
pub fn in_words(there: &FoundThere, rebuilt: &Environment) -> String {
    let seen = &there.found.observed;
    let instances = seen.instances.iter().filter(|it| it.state.is_live()).count();
    let counted = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let volumes = counted(seen.volumes.len(), "volume");
    let region = &there.region;
    match rebuilt.intent.goal {
        Goal::Running => format!("{} in {region}, to run, {volumes}", counted(instances, "instance")),
        Goal::Stopped => format!("{} in {region}, stopped, {volumes}", counted(instances, "instance")),
        Goal::Gone { .. } if seen.volumes.is_empty() => {
            format!(
                "ended, but for a security group or a key pair in {region}: `cloudtop down {}` ends the rest",
                there.found.identity.env
            )
        }
        Goal::Gone { .. } => format!("ended, {volumes} kept in {region}"),
    }
}

/// What tags do not tell, each with what the next `up` does for want of it.
pub fn unknown(context: &Context, there: &FoundThere, rebuilt: &Environment) -> Vec<String> {
    let (found, intent) = (&there.found, &rebuilt.intent);
    let mut lines = Vec::new();
    let types: BTreeSet<&str> =
        found.observed.instances.iter().filter(|it| it.state.is_live()).map(|it| it.instance_type.as_str()).collect();
    lines.push(match types.is_empty() {
        true => "which instance types it had: `up` chooses by configuration and template; name them with -t".to_owned(),
        false => {
            let types = types.into_iter().collect::<Vec<_>>().join(", ");
            format!("which other types would have done: a node launched anew is {types}; name others with -t")
        }
    });
    lines.push("--max-price: a node launched anew has no limit but the on-demand price".to_owned());
    lines.push(
        "--min-saving, --interruption-minutes, --fallback: pools are weighed as usual, and nothing is launched on demand"
            .to_owned(),
    );
    lines.push("--set and --user-data: a node launched anew boots with the template's defaults".to_owned());
    lines
        .push("--zone, --spread, --subnet: nodes launched anew go into the default subnet that is cheapest".to_owned());
    if intent.delivers && !context.paths.private_dir(&found.identity.env).exists() {
        lines.push(
            "its random secrets and certificates: the next `up` makes new ones, which a running cluster may refuse; copy \
             the directory private/NAME from beside the state file of the machine that made it first (docs/secrets.md)"
                .to_owned(),
        );
    }
    lines.push("--instance-profile: a node launched anew has the configuration's, or none".to_owned());
    if let Some(image) = &found.terms.image_id {
        lines.push(format!("the image family: {image} stays, newer images are not taken; name another with --ami"));
    }
    if found.observed.volumes.is_empty() && found.is_alive() {
        lines.push("whether nodes should have volumes: none has one, and `up` makes none; say --volume GIB".to_owned());
    }
    if intent.access.identity_file.is_none() {
        lines.push(
            match found.terms.public_key {
                Some(_) => "where its private key is: none on this machine fits, so ssh works only if an agent has it",
                None => "which key logs in: `up` takes --key or the usual one, and nodes that are there keep the key they have",
            }
            .to_owned(),
        );
    }
    lines.into_iter().map(|line| format!("not known: {line}")).collect()
}

/// The intent; where the template was a directory that is not here, the default one stands in.
fn made_or_bare(
    settings: EnvironmentSettings,
    makings: Makings<'_>,
    name: &EnvName,
    context: &Context,
) -> Result<Intent, CommandError> {
    match wish::make(&settings, makings.clone()) {
        Ok(made) => Ok(made.intent),
        Err(error) => {
            context.ui.warn(&format!("the template of {name} is not here ({error}): its next `up` needs --template"));
            let settings = EnvironmentSettings { template: None, os: None, ..settings };
            Ok(wish::make(&settings, makings)?.intent)
        }
    }
}

/// The highest index that anything is tagged with, and one more.
fn count_nodes(found: &Found) -> u32 {
    let instances = found.observed.instances.iter().filter(|it| it.state.is_live());
    let of_instances = instances.filter_map(|it| nodes::at(it.node_tag.as_deref()?, it.launch_index));
    let of_volumes = found.observed.volumes.iter().filter_map(|it| it.node_tag.as_deref()?.parse().ok());
    let live = found.observed.requests.iter().filter(|it| it.state.is_live());
    let of_requests = live.filter_map(|it| it.node_tag.as_deref()?.parse().ok());
    // A tag that somebody wrote by hand must not make an environment of four billion nodes.
    let all = of_instances.chain(of_volumes).chain(of_requests).filter(|index| *index < nodes::MOST);
    all.max().map_or(1, |highest: u32| highest + 1)
}

fn goal(found: &Found) -> Goal {
    let live: Vec<InstanceState> =
        found.observed.instances.iter().map(|it| it.state).filter(|it| it.is_live()).collect();
    let waits = found.observed.requests.iter().any(|it| matches!(it.state, RequestState::Open | RequestState::Active));
    let by_user = found.observed.requests.iter().any(|it| it.status == "instance-stopped-by-user");
    if live.is_empty() && !waits {
        return Goal::Gone { delete_volumes: false };
    }
    let stopped = live.iter().all(|it| matches!(it, InstanceState::Stopped | InstanceState::Stopping));
    if stopped && (by_user || !waits) { Goal::Stopped } else { Goal::Running }
}

/// The user's own tags: what every resource has and is none of ours.
fn own_tags(found: &Found) -> BTreeMap<String, String> {
    // What EC2 launched by itself has no tags at all.
    let mut tagged = found.tags.values().filter(|tags| !tags.is_empty());
    let Some(first) = tagged.next() else { return BTreeMap::new() };
    let ours = |key: &str| key.starts_with("cloudtop:") || key.starts_with("aws:") || key == tags::NAME;
    let mut own = first.clone();
    own.retain(|key, _| !ours(key));
    for tags in tagged {
        own.retain(|key, value| tags.get(key) == Some(value));
    }
    own
}

/// The private key of a public key, where it is in one of the usual places; `None` leaves it to the agent.
fn identity_file(context: &Context, public_key: &str) -> Result<Option<std::path::PathBuf>, CommandError> {
    let own = context.ssh_dir()?.keys();
    let users = home_dir().map(|home| home.join(".ssh"));
    for directory in std::iter::once(own).chain(users) {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for path in
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "pub"))
        {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let private = path.with_extension("");
            if same_key(&text, public_key) && private.exists() {
                return Ok(Some(private));
            }
        }
    }
    Ok(None)
}

fn same_key(a: &str, b: &str) -> bool {
    use crate::ssh::PublicKey;
    matches!((PublicKey::parse(a), PublicKey::parse(b)), (Ok(a), Ok(b)) if a.same_key(&b))
}
