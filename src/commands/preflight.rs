//! What is found out before anything is made: so that bad input costs nothing.

use crate::cli::{CommandError, Exit};
use crate::cloud::{self, Cloud};
use crate::config::EnvironmentSettings;
use crate::domain::environment::Environment;
use crate::domain::intent::{Goal, Intent, VolumeWish};
use crate::domain::market::Market;
use crate::domain::names::{EnvName, Identity};
use crate::domain::phase::Wait;
use crate::domain::plan::{self, Blocked, Inputs, Plan, Status};
use crate::domain::record::Record;
use crate::ssh::address::parse_cidr;
use crate::ssh::keys::{self, KeySearch};

use super::context::{Context, home_dir};
use super::published;
use super::report;
use super::wish::{self, Made, Makings, WishArgs};
use super::work;

/// An environment as it should be, found fit to be carried out.
pub struct Fit {
    /// EC2 in its region.
    pub cloud: Cloud,
    /// The environment.
    pub environment: Environment,
    /// How it was before.
    pub previous: Option<Environment>,
    /// The settings that it was made from.
    pub settings: EnvironmentSettings,
    /// What would be done now.
    pub plan: Plan,
    /// What there is to choose from, where something must be launched.
    pub market: Option<Market>,
    /// What the template has the user run on their own machine once nodes are there.
    pub after_up: Vec<String>,
}

/// Checks everything that can be checked before anything is made.
pub async fn check(context: &Context, name: &EnvName, args: &WishArgs) -> Result<Fit, CommandError> {
    let settings = args.over(context.config()?.environment(name.as_str()));
    check_settings(context, name, settings).await
}

/// The same for settings that were put together elsewhere.
pub async fn check_settings(
    context: &Context,
    name: &EnvName,
    settings: EnvironmentSettings,
) -> Result<Fit, CommandError> {
    let state = context.store.read().await?;
    let previous = state.environments.get(name).cloned();
    let before = previous.as_ref().map(|it| it.intent.region.as_str());
    let profile = settings.profile.clone().or_else(|| previous.as_ref()?.profile.clone());
    // The region of an environment that exists is its own, whatever the configuration says by now.
    let region = before.or(settings.region.as_deref());
    let cloud = context.connect(region, profile.as_deref()).await?;
    if let Some(before) = before.filter(|before| *before != cloud.region()) {
        let text = format!("`{name}` is in {before}, and an environment cannot change its region");
        return Err(CommandError::usage(text).hint(format!("use another name, or `cloudtop down {name}` first")));
    }
    let before = previous.as_ref().map(|it| &it.intent);
    let identity = context.identity(&state, name);
    let Made { intent, after_up, .. } = make(context, &identity, &settings, before, &cloud).await?;
    if let Some(before) = previous.as_ref().map(|it| &it.intent).filter(|it| !report::is_over(it.goal)) {
        check_unchanged(name, before, &intent)?;
    }
    let now = context.clock.now();
    let environment = Environment {
        intent,
        profile: context.globals.profile.clone().or(profile),
        region_move: previous.as_ref().and_then(|it| it.region_move.clone()),
        created_at: previous.as_ref().map_or(now, |it| it.created_at),
        updated_at: now,
    };
    cloud.ensure_region_exists().await?;
    let (plan, market) = plan_now(context, &cloud, &identity, &environment).await?;
    if let Status::Blocked(blocked @ (Blocked::NoPool(_) | Blocked::Volume { .. })) = &plan.status {
        let error = work::blocked(name, blocked.clone());
        // What can never be, or cannot be begun, is not noted as something that there is.
        if error.exit == Exit::Usage || previous.is_none() {
            return Err(error);
        }
    }
    Ok(Fit { cloud, environment, previous, settings, plan, market, after_up })
}

/// What cannot be changed while an environment is there: better said than silently left as it is.
fn check_unchanged(name: &EnvName, before: &Intent, after: &Intent) -> Result<(), CommandError> {
    let other_volume = before.volume.existing() != after.volume.existing() && before.volume != VolumeWish::None;
    // Which key a recovered environment has may not be known.
    let key_known = !before.access.public_key.is_empty();
    let other_key = key_known && before.access.public_key != after.access.public_key;
    let other_os = before.template == after.template && before.os != after.os;
    let what = match (other_volume, other_key, other_os) {
        (true, ..) => "volume",
        (_, true, _) => "ssh key",
        (_, _, true) => "operating system",
        _ => return Ok(()),
    };
    let text = format!("`{name}` has its {what} already, and it cannot be exchanged while the environment is there");
    Err(CommandError::usage(text).hint(format!("`cloudtop down {name}` first; volumes are kept")))
}

/// The intent that settings make, with its warnings said.
pub async fn make(
    context: &Context,
    identity: &Identity,
    settings: &EnvironmentSettings,
    previous: Option<&Intent>,
    cloud: &Cloud,
) -> Result<Made, CommandError> {
    let previous = previous.filter(|it| !report::is_over(it.goal) || it.volume != VolumeWish::None);
    let (public_key, identity_file) = key(context, settings, previous).await?;
    let ssh_from = ssh_from(context, settings, previous).await?;
    let makings = Makings {
        name: &identity.env,
        installation: &identity.owner,
        region: cloud.region(),
        previous,
        public_key,
        identity_file,
        ssh_from,
        now: context.clock.now(),
    };
    let chosen = super::image::chosen(cloud, &identity.owner, settings, previous).await?;
    let made = wish::make(chosen.as_ref().unwrap_or(settings), makings)?;
    for warning in &made.warnings {
        context.ui.warn(warning);
    }
    Ok(made)
}

/// The key to log in with: the one named, the one it was made with, or the best that is there.
async fn key(
    context: &Context,
    settings: &EnvironmentSettings,
    previous: Option<&Intent>,
) -> Result<(String, Option<std::path::PathBuf>), CommandError> {
    let known = previous.filter(|it| !it.access.public_key.is_empty());
    if let (None, Some(before)) = (&settings.key, known) {
        return Ok((before.access.public_key.clone(), before.access.identity_file.clone()));
    }
    let own_ssh = home_dir().map(|home| home.join(".ssh"));
    let agent = std::env::var_os("SSH_AUTH_SOCK");
    // A simulated node needs no key of the user's: one is made for it.
    let simulated = context.globals.simulated();
    let search = KeySearch {
        explicit: settings.key.as_deref(),
        user_ssh_dir: own_ssh.as_deref().filter(|_| !simulated),
        agent_socket: agent.as_deref().filter(|_| !simulated),
    };
    let key = keys::choose(&context.ssh_dir()?, &search).await?;
    for passed_over in &key.passed_over {
        context.ui.note(&format!("key not used: {passed_over}"));
    }
    Ok((key.public.to_openssh(), key.identity_file))
}

/// From where ssh is let in: what was named, or this machine's address.
async fn ssh_from(
    context: &Context,
    settings: &EnvironmentSettings,
    previous: Option<&Intent>,
) -> Result<Vec<String>, CommandError> {
    if settings.security_group.is_some() || previous.is_some_and(|it| it.security_group.is_some()) {
        return Ok(Vec::new());
    }
    if let Some(named) = &settings.allow_ssh {
        let parse = |text: &String| {
            // Who writes 0.0.0.0/0 means it: it is allowed when it is given, and never otherwise.
            parse_cidr(text, true).map(|cidr| cidr.to_string()).map_err(|error| CommandError::of(Exit::Usage, error))
        };
        return named.iter().map(parse).collect();
    }
    if context.globals.simulated() {
        return Ok(vec!["127.0.0.1/32".to_owned()]);
    }
    match (cloud::my_address().await, previous) {
        (Ok(address), _) => Ok(vec![crate::ssh::address::Cidr::from(address).to_string()]),
        (Err(error), Some(before)) => {
            context.ui.warn(&format!(
                "this machine's address is not known ({error}): ssh stays open to {}",
                before.ssh_from.join(", ")
            ));
            Ok(before.ssh_from.clone())
        }
        (Err(error), None) => {
            Err(CommandError::of(Exit::Usage, error)
                .hint("say from where ssh is to be let in: --allow-ssh 203.0.113.7/32"))
        }
    }
}

/// What would be done now for the environment, and what there is to choose from where it matters.
pub async fn plan_now(
    context: &Context,
    cloud: &Cloud,
    identity: &Identity,
    environment: &Environment,
) -> Result<(Plan, Option<Market>), CommandError> {
    let intent = &environment.intent;
    let known = cloud::Known {
        request_ids: &[],
        instance_ids: &[],
        existing_volume: intent.volume.existing(),
        ssh_port: intent.access.port,
        want: cloud::Want::in_use(intent),
    };
    let mut observed = Box::pin(cloud.observe(identity, &known)).await?;
    let now = context.clock.now();
    let mut record = Record::read(&context.journal(&identity.env).since_closed()?);
    record.absorb(&observed, now);
    let make =
        |observed: &_| plan::plan(&Inputs { identity, intent, observed, record: &record, wait: Wait::Ready, now });
    let first = make(&observed);
    if first.status != Status::NeedsSurvey || intent.goal != Goal::Running {
        return Ok((first, None));
    }
    let key_name = identity.resource_name();
    let (market, published) =
        tokio::join!(Box::pin(cloud.survey(intent, &key_name, now)), published::insist(context, cloud, intent));
    observed.market = Some(Market { published: published?, ..market? });
    let plan = make(&observed);
    Ok((plan, observed.market))
}
