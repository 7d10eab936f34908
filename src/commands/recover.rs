//! `cloudtop recover`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use jiff::Timestamp;

use crate::cli::{CommandError, Exit};
use crate::cloud::{Cloud, Found};
use crate::config::{EnvironmentSettings, VolumeSetting};
use crate::domain::environment::Environment;
use crate::domain::intent::{Goal, Intent};
use crate::domain::names::EnvName;
use crate::domain::observed::{InstanceState, RequestState};
use crate::domain::{nodes, tags};
use crate::state::State;

use super::context::{Context, home_dir};
use super::list::{self, ListArgs};
use super::wish::{self, Makings};

/// Rebuild lost state from the tags of what is there.
///
/// What the state knows already is left as it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop recover\n  cloudtop recover -r us-west-2")]
pub struct RecoverArgs {
    /// Take over the environments of this installation, too (the tag cloudtop:owner)
    #[arg(long, value_name = "ID")]
    pub owner: Option<String>,
}

/// Runs `cloudtop recover`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &RecoverArgs, context: &Context) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    let found = find(context, None).await?;
    let owner = owner(context, args, &state, &found)?;
    let mut recovered = BTreeMap::new();
    for found in found.iter().filter(|it| it.found.identity.owner == owner) {
        let name = &found.found.identity.env;
        if state.environments.contains_key(name) {
            continue;
        }
        recovered.insert(name.clone(), rebuild(context, found)?);
    }
    if recovered.is_empty() {
        context.ui.status("nothing was found that the state does not know");
        return Ok(());
    }
    for name in recovered.keys() {
        context.ui.status(&format!(
            "recovered {name}; not known from tags: --set values, --max-price, --subnet, and the configuration that it was made with"
        ));
    }
    context
        .store
        .update(|state| {
            state.owner.clone_from(&owner);
            state.environments.extend(recovered);
        })
        .await?;
    list::run(&ListArgs {}, context).await
}

/// An environment that was found, and where.
pub struct FoundThere {
    /// The environment.
    pub found: Found,
    /// The region.
    pub region: String,
    /// EC2 there.
    pub cloud: Cloud,
}

/// Looks for environments by their tags: in the region named by flag, else in all that are enabled.
pub async fn find(context: &Context, owner: Option<&str>) -> Result<Vec<FoundThere>, CommandError> {
    let state = context.store.read().await?;
    let known = state.environments.values().next().map(|it| it.intent.region.clone());
    let first = context.connect(known.as_deref().or(Some("us-east-1")), None).await?;
    let regions = match &context.globals.region {
        Some(only) => {
            first.ensure_region_exists().await?;
            vec![only.clone()]
        }
        None => first.regions().await?,
    };
    context.ui.status(&match regions.as_slice() {
        [one] => format!("looking in {one}"),
        all => format!("looking in {} regions", all.len()),
    });
    let mut all = Vec::new();
    for region in regions {
        let cloud = context.connect_to(&region, None).await?;
        for found in cloud.observe_all(owner).await?.into_iter().filter(is_anything_left) {
            all.push(FoundThere { found, region: region.clone(), cloud: cloud.clone() });
        }
    }
    Ok(all)
}

/// Whether there is more of it than terminated instances and ended requests, which EC2 lists for a while.
fn is_anything_left(found: &Found) -> bool {
    let seen = &found.observed;
    seen.instances.iter().any(|it| it.state.is_live())
        || seen.requests.iter().any(|it| it.state.is_live())
        || !seen.volumes.is_empty()
        || !seen.groups.is_empty()
}

/// Whose environments are recovered: this installation's own, or those that the user names. Two people may share an
/// account, and one's environments are not the other's.
fn owner(context: &Context, args: &RecoverArgs, state: &State, found: &[FoundThere]) -> Result<String, CommandError> {
    let owners: BTreeSet<&str> = found.iter().map(|it| it.found.identity.owner.as_str()).collect();
    if let Some(named) = &args.owner {
        if !state.environments.is_empty() && *named != state.owner {
            let text = "this installation has environments of its own, under another id";
            return Err(CommandError::usage(text).hint("use another state file: --state FILE"));
        }
        return Ok(named.clone());
    }
    if owners.is_empty() || owners.contains(state.owner.as_str()) {
        return Ok(state.owner.clone());
    }
    let listed = owners.iter().copied().collect::<Vec<_>>().join(", ");
    context.ui.note(&format!("there are environments of other installations: {listed}"));
    Err(CommandError::new(Exit::NotFound, "nothing here is of this installation")
        .hint("if one of them was yours, take it over with --owner ID"))
}

/// An environment as far as its tags and its resources tell.
pub fn rebuild(context: &Context, there: &FoundThere) -> Result<Environment, CommandError> {
    let Found { identity, observed, terms, .. } = &there.found;
    let tag = |key: &str| there.found.tags.values().find_map(|tags| tags.get(key).cloned());
    let types: BTreeSet<String> = observed
        .instances
        .iter()
        .map(|it| it.instance_type.clone())
        .chain(observed.requests.iter().map(|it| it.instance_type.clone()))
        .collect();
    let settings = EnvironmentSettings {
        template: tag(tags::TEMPLATE),
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
        region: &there.region,
        previous: None,
        identity_file: identity_file(context, &public_key)?,
        public_key,
        ssh_from: observed.groups.iter().flat_map(|group| group.ssh_from.clone()).collect(),
        now: context.clock.now(),
    };
    let mut intent = made_or_bare(settings, makings, &identity.env, context)?;
    intent.goal = goal(&there.found);
    intent.expires_at = tag(tags::EXPIRES).and_then(|text| text.parse::<Timestamp>().ok());
    intent.tags = own_tags(&there.found);
    let now = context.clock.now();
    Ok(Environment { intent, profile: context.globals.profile.clone(), created_at: now, updated_at: now })
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
            let settings = EnvironmentSettings { template: None, ..settings };
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
    of_instances.chain(of_volumes).chain(of_requests).max().map_or(1, |highest: u32| highest.saturating_add(1))
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
    let Some(first) = found.tags.values().next() else { return BTreeMap::new() };
    let ours = |key: &str| key.starts_with("cloudtop:") || key.starts_with("aws:") || key == tags::NAME;
    first.iter().filter(|(key, _)| !ours(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
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
