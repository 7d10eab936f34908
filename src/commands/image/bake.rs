//! `cloudtop image bake`.

use clap::Args;
use jiff::Timestamp;

use crate::cli::{CommandError, Exit};
use crate::config::{EnvironmentSettings, VolumeSetting};
use crate::domain::call::Call;
use crate::domain::demand::{Arch, Demand, Requirements};
use crate::domain::environment::Environment;
use crate::domain::images::{Baking, ImageName, Stage};
use crate::domain::intent::{Goal, ImageFamily, ImageWish, Intent, Interruption};
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::plan::ROOT_GIB;
use crate::templates::{Template, UserDataFormat};

use super::super::context::Context;
use super::super::preflight::{self, Fit};
use super::super::wish::{self, DEFAULT_TEMPLATE};
use super::super::{budget, choosing};
use super::builder::Builder;

/// The template's variables that name tools. What is copied from a machine has its tools already.
const TOOLS: [&str; 5] = ["dotfiles", "repositories", "downloads", "setup", "setup_each_boot"];
/// A builder that nobody goes on with ends itself then.
const LIFETIME: std::time::Duration = std::time::Duration::from_secs(4 * 3600);
/// The builder's size where nobody says another: what is installed comes from the network.
const BUILDER: (u32, u32) = (2, 4);

/// Make an image: of a template, or of an environment that runs.
///
/// A builder is launched and set up, what is a machine's own is taken from it (keys, secrets, identity, logs), it is
/// stopped, imaged and ended. Run again it goes on where it was cut off. The same name again makes the next version.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop image bake tools --template cloudtop --set packages=mdadm,build-essential\n  cloudtop image bake tools --from dev --keep 3\n  cloudtop up work --image tools"
)]
pub struct BakeArgs {
    /// What it is to be called
    #[arg(value_name = "IMAGE")]
    pub image: ImageName,
    /// Copy this environment's machine as it is, which runs on; its persistent volume is not copied
    #[arg(long, value_name = "NAME", conflicts_with_all = ["template", "set", "os"])]
    pub from: Option<EnvName>,
    /// A built-in template, or a directory (with a slash) [default: cloudtop]
    #[arg(long, value_name = "NAME|DIR")]
    pub template: Option<String>,
    /// Set a variable of the template
    #[arg(long, value_name = "KEY=VALUE", value_parser = wish::key_value)]
    pub set: Vec<(String, String)>,
    /// Operating system, where the template is made for several
    #[arg(long, value_parser = wish::operating_system, value_name = "ubuntu|debian|amazon-linux")]
    pub os: Option<ImageFamily>,
    /// Processor architecture
    #[arg(long, value_parser = wish::architecture, value_name = "x86_64|arm64")]
    pub arch: Option<Arch>,
    /// Instance types that will do for the builder [default: 2 vCPUs, 4 GiB]
    #[arg(short = 't', long = "type", value_name = "TYPE", value_delimiter = ',', conflicts_with = "arch")]
    pub types: Vec<String>,
    /// Keep this many versions, and delete older ones that nothing uses
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// Go on although a budget is spent (until the month is over)
    #[arg(long)]
    pub over_budget: bool,
}

/// Runs `cloudtop image bake`.
pub async fn run(args: &BakeArgs, context: &Context) -> Result<(), CommandError> {
    let name = args.image.builder().map_err(|error| CommandError::usage(error.to_string()))?;
    let _lock = context.lock(&name).await?;
    let begun = context.store.read().await?.environments.get(&name).cloned();
    let builder = match begun {
        Some(begun) => Builder::go_on(context, &name, begun).await?,
        None => None,
    };
    let builder = match builder {
        Some(builder) => builder,
        None => begin(args, context, &name).await?,
    };
    let began = builder.began()?;
    let keep = args.keep.map(|keep| keep as usize);
    builder.bake(keep, began).await
}

/// Checks all that can be checked, says what it will cost, and notes the bake.
async fn begin<'c>(args: &BakeArgs, context: &'c Context, name: &EnvName) -> Result<Builder<'c>, CommandError> {
    let from = match &args.from {
        Some(from) => Some((from, source(context, from).await?)),
        None => None,
    };
    let settings = settings(args, context, name, from.as_ref().map(|(_, it)| it))?;
    let template = settings.template.as_deref().unwrap_or(DEFAULT_TEMPLATE);
    let template = Template::load(template)?.on(settings.os)?;
    if template.manifest.user_data_format != UserDataFormat::CloudConfig {
        let text = format!("no image can be made of `{}`", template.manifest.name);
        return Err(CommandError::usage(text).hint(
            "its nodes are set up by Ignition, which runs once in the life of a disk; templates with cloud-init will do",
        ));
    }
    let os = template.manifest.image.family;
    let fit = preflight::check_settings(context, name, settings).await?;
    choosing::tell_of_fallback(context, &fit.environment.intent, fit.market.as_ref());
    tell_price(context, &fit);
    budget::before_up(context, name, &fit, args.over_budget).await?;
    let secrets = from.as_ref().map(|(_, it)| it.intent.secrets.iter().map(|secret| secret.path.clone()).collect());
    let baking = Baking {
        image: args.image.clone(),
        version: version(context.clock.now()),
        from: args.from.clone(),
        os,
        secrets: secrets.unwrap_or_default(),
        keep: args.keep.map(|keep| keep as usize),
        stage: if from.is_some() { Stage::Copying } else { Stage::Building },
    };
    let mut environment = fit.environment;
    // Nothing is launched before there is something to launch it from.
    environment.intent.goal = if from.is_some() { Goal::Stopped } else { Goal::Running };
    environment.intent.baking = Some(baking);
    let builder = Builder::new(context, name, fit.cloud, environment).await?;
    builder.note().await?;
    Ok(builder)
}

/// The environment that is copied.
async fn source(context: &Context, from: &EnvName) -> Result<Environment, CommandError> {
    let (_, environment) = context.environment(from).await?;
    if let Some(baking) = &environment.intent.baking {
        return Err(CommandError::usage(format!("`{from}` is the builder of the image `{}`", baking.image)));
    }
    if environment.intent.nodes > 1 {
        let text = format!("`{from}` has {} nodes, and one machine makes an image", environment.intent.nodes);
        return Err(CommandError::usage(text).hint("bake its template: `cloudtop image bake NAME --template ...`"));
    }
    Ok(environment)
}

/// When it began, in UTC: as versions sort.
fn version(now: Timestamp) -> String {
    now.strftime("%Y%m%d-%H%M%S").to_string()
}

/// What the builder is: the configuration's `[env.bake-NAME]` and defaults, what was typed, and what a builder must be.
fn settings(
    args: &BakeArgs,
    context: &Context,
    name: &EnvName,
    from: Option<&Environment>,
) -> Result<EnvironmentSettings, CommandError> {
    let mut settings = context.config()?.environment(name.as_str());
    settings = EnvironmentSettings {
        template: args.template.clone(),
        set: args.set.iter().cloned().collect(),
        os: args.os,
        arch: args.arch,
        types: (!args.types.is_empty()).then(|| args.types.clone()),
        ..EnvironmentSettings::default()
    }
    .over(settings);
    if let Some(from) = from {
        copy(&mut settings, from);
    }
    if settings.types.is_none() {
        settings.cpus = settings.cpus.or(Some(BUILDER.0));
        settings.memory = settings.memory.or(Some(BUILDER.1));
    }
    // One machine without a volume, that can be stopped, and that nothing of the user's is given to.
    settings.nodes = Some(1);
    settings.spread = None;
    (settings.volume, settings.volume_id) = (Some(VolumeSetting::Without), None);
    (settings.one_time, settings.on_interruption) = (Some(false), Some(Interruption::Stop));
    settings.instance_profile = Some(String::new());
    settings.secrets.clear();
    settings.idle = None;
    settings.ttl = Some(LIFETIME);
    Ok(settings)
}

/// What a machine's copy must have of it.
fn copy(settings: &mut EnvironmentSettings, from: &Environment) {
    let Intent { template, os, set, user_data_file, demand, image, region, subnet, .. } = &from.intent;
    (settings.template, settings.os) = (Some(template.clone()), *os);
    settings.set =
        set.iter().filter(|(key, _)| !TOOLS.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
    settings.user_data.clone_from(user_data_file);
    (settings.region, settings.profile) = (Some(region.clone()), from.profile.clone());
    settings.subnet = settings.subnet.take().or_else(|| subnet.clone());
    settings.image = None;
    settings.ami = match image {
        ImageWish::Id(id) => Some(id.clone()),
        ImageWish::Family(_) => None,
    };
    if settings.types.is_some() {
        return;
    }
    match demand {
        Demand::Types(types) => settings.types = Some(types.clone()),
        Demand::Requirements(Requirements { arch, .. }) => settings.arch = Some(*arch),
    }
    if settings.types.is_some() {
        (settings.cpus, settings.memory, settings.arch) = (None, None, None);
        (settings.local_ssd, settings.gpu) = (None, None);
    }
}

/// The price before.
fn tell_price(context: &Context, fit: &Fit) {
    let launch = fit.plan.steps.iter().find_map(|step| match &step.call {
        Call::Launch(launch) | Call::RequestSpot(launch) => {
            Some((launch.pool.to_string(), launch.price, launch.root_gib))
        }
        _ => None,
    });
    // Key pair and group come first: then the choice is told by the ranking.
    let chosen = fit.plan.ranking.as_ref().and_then(|ranking| ranking.choices.first());
    let (pool, price) = match (&launch, chosen) {
        (Some((pool, price, _)), _) => (pool.clone(), *price),
        (None, Some(choice)) => (choice.pool.to_string(), choice.price),
        (None, None) => return,
    };
    let images = fit.market.iter().flat_map(|market| market.images.values());
    let gib = launch.map(|it| it.2).or(images.map(|image| image.root_gib).max()).unwrap_or_default().max(ROOT_GIB);
    context.ui.status(&format!(
        "the builder costs {} an hour ({pool}), mostly for some minutes; an image of {gib} GiB at most {} a month: only what \
         is written counts",
        money::hourly(price),
        money::amount(money::snapshot_per_month(gib))
    ));
}

/// What an image cannot be made of is said by this.
pub fn gone_wrong(text: String, image: &ImageName, name: &EnvName) -> CommandError {
    CommandError::new(Exit::Failed, text)
        .hint(format!("look at it with `cloudtop ssh {name}` and `cloudtop logs {name} --of tools`"))
        .hint(format!("try again with `cloudtop image bake {image}`, or give it up with `cloudtop down {name}`"))
}
