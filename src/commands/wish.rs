//! From flags, configuration and what was asked for before, to an intent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use jiff::Timestamp;

use crate::cli::CommandError;
use crate::config::{self, EnvironmentSettings, VolumeSetting};
use crate::domain::demand::{Arch, Demand, Requirements};
use crate::domain::intent::{self, Access, Goal, ImageFamily, ImageWish, Intent, Interruption, Kind, VolumeWish};
use crate::domain::names::EnvName;
use crate::domain::plan::VOLUME_DEVICE;
use crate::domain::user_data::UserData;
use crate::templates::{self, Template};

use super::choosing::{self, ChoosingArgs};
use super::context::{current_dir, home_dir};
use super::look_over;

/// The volume that a CloudTop gets when nobody says otherwise, GiB.
pub(super) const DEFAULT_VOLUME_GIB: u32 = 50;
/// The template where none is named.
pub(super) const DEFAULT_TEMPLATE: &str = "cloudtop";
/// The port of sshd on every image that templates name.
const SSH_PORT: u16 = 22;
/// The least that EC2 takes as a maximum price, USD per hour.
const LEAST_MAX_PRICE: f64 = 0.001;
/// The least time without use after which a node stops itself: five minutes before, it warns.
const LEAST_IDLE_MINUTES: u32 = 10;
/// Tags of the user's own beside ours; EC2 takes 50 on a resource.
const MOST_OWN_TAGS: usize = 40;

/// What an environment should be.
#[derive(Clone, Debug, Default, Args)]
pub struct WishArgs {
    /// Number of nodes
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::domain::nodes::MOST)))]
    pub nodes: Option<u32>,
    /// Instance types that will do, for example c7i.4xlarge,m7a.4xlarge
    #[arg(short = 't', long = "type", value_name = "TYPE", value_delimiter = ',', conflicts_with_all = ["cpus", "memory", "arch", "local_ssd", "gpu"])]
    pub types: Vec<String>,
    /// The least number of vCPUs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cpus: Option<u32>,
    /// The least memory, GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub memory: Option<u32>,
    /// Processor architecture
    #[arg(long, value_parser = architecture, value_name = "x86_64|arm64")]
    pub arch: Option<Arch>,
    /// Only types with local disks
    #[arg(long)]
    pub local_ssd: bool,
    /// Only types with a GPU
    #[arg(long)]
    pub gpu: bool,
    /// The only availability zone allowed
    #[arg(long, value_name = "AZ")]
    pub zone: Option<String>,
    /// Lay the nodes out over availability zones
    #[arg(long)]
    pub spread: bool,
    /// The most to pay, USD per node and hour
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub max_price: Option<f64>,
    /// How pools are weighed, and what happens when none will do.
    #[command(flatten)]
    pub choosing: ChoosingArgs,
    /// What EC2 does with a node that it takes away
    #[arg(long, value_parser = behaviour, value_name = "stop|hibernate|terminate")]
    pub on_interruption: Option<Interruption>,
    /// A node that was taken away does not come back
    #[arg(long)]
    pub one_time: bool,
    /// Leave the request open until there is capacity at the price
    #[arg(long)]
    pub wait_for_capacity: bool,
    /// A built-in template, or a directory (with a slash)
    #[arg(long, value_name = "NAME|DIR")]
    pub template: Option<String>,
    /// Send this user data as it is, instead of the template's
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// Set a variable of the template
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Operating system, where the template is made for several
    #[arg(long, value_parser = operating_system, value_name = "ubuntu|debian|amazon-linux")]
    pub os: Option<ImageFamily>,
    /// Boot this image
    #[arg(long, value_name = "ID")]
    pub ami: Option<String>,
    /// Boot this image of your own (`cloudtop image list`): its newest version, or NAME@VERSION
    #[arg(long, value_name = "NAME", conflicts_with = "ami")]
    pub image: Option<String>,
    /// Size of the persistent volume when it is made
    #[arg(long, value_name = "GIB", value_parser = volume_gib, allow_negative_numbers = true, conflicts_with_all = ["no_volume", "volume_id"])]
    pub volume: Option<u32>,
    /// No persistent volume
    #[arg(long, conflicts_with = "volume_id")]
    pub no_volume: bool,
    /// Use this volume, which you have already
    #[arg(long, value_name = "ID")]
    pub volume_id: Option<String>,
    /// Public key, or private key with its public key beside it
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Let ssh in from there [default: this machine's address]
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub allow_ssh: Vec<String>,
    /// Use this security group, which you have already
    #[arg(long, value_name = "ID")]
    pub security_group: Option<String>,
    /// Use this subnet instead of the default VPC's
    #[arg(long, value_name = "ID")]
    pub subnet: Option<String>,
    /// Launch nodes with this instance profile: with a role (`cloudtop init --self-attach` makes one); "": none
    #[arg(long, value_name = "NAME", value_parser = instance_profile)]
    pub instance_profile: Option<String>,
    /// A throwaway: it is ended after that time, for example 8h
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub ttl: Option<Duration>,
    /// Nodes stop themselves when nobody has used them for that time, for example 45m; 0m: never
    #[arg(long, value_name = "TIME", value_parser = config::parse_idle)]
    pub idle: Option<Duration>,
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("use KEY=VALUE".to_owned()),
    }
}

pub(super) fn architecture(text: &str) -> Result<Arch, String> {
    let all = [Arch::X86_64, Arch::Arm64];
    all.into_iter().find(|arch| arch.as_str() == text).ok_or_else(|| "use x86_64 or arm64".to_owned())
}

pub(super) fn operating_system(text: &str) -> Result<ImageFamily, String> {
    ImageFamily::named(text).ok_or_else(|| "use ubuntu, debian or amazon-linux".to_owned())
}

fn behaviour(text: &str) -> Result<Interruption, String> {
    let all = [Interruption::Stop, Interruption::Hibernate, Interruption::Terminate];
    all.into_iter().find(|it| it.as_str() == text).ok_or_else(|| "use stop, hibernate or terminate".to_owned())
}

pub(super) fn volume_gib(text: &str) -> Result<u32, String> {
    let gib = text.parse::<i64>().map_err(|_| "use a whole number of GiB, for example 100".to_owned())?;
    config::check_volume_gib(gib).map_err(|error| error.to_string())
}

/// The names that IAM takes for instance profiles (IAM API reference, CreateInstanceProfile). An empty one takes away what
/// was asked for before.
fn instance_profile(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if text.len() <= 128 && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("use the name of an instance profile, not its ARN: up to 128 letters, digits and _+=,.@-".to_owned())
}

impl WishArgs {
    /// The flags as settings; what was not given is `None`.
    pub fn settings(&self) -> EnvironmentSettings {
        let switch = |on: bool| on.then_some(true);
        let list = |values: &Vec<String>| (!values.is_empty()).then(|| values.clone());
        let volume = self.volume.map(VolumeSetting::Gib).or(self.no_volume.then_some(VolumeSetting::Without));
        self.choosing.add_to(EnvironmentSettings {
            types: list(&self.types),
            cpus: self.cpus,
            memory: self.memory,
            arch: self.arch,
            local_ssd: switch(self.local_ssd),
            gpu: switch(self.gpu),
            zone: self.zone.clone(),
            max_price: self.max_price,
            on_interruption: self.on_interruption,
            one_time: switch(self.one_time),
            template: self.template.clone(),
            user_data: self.user_data.clone(),
            set: self.set.iter().cloned().collect(),
            os: self.os,
            ami: self.ami.clone(),
            image: self.image.clone(),
            volume,
            volume_id: self.volume_id.clone(),
            key: self.key.clone(),
            allow_ssh: list(&self.allow_ssh),
            security_group: self.security_group.clone(),
            subnet: self.subnet.clone(),
            ttl: self.ttl,
            idle: self.idle,
            nodes: self.nodes,
            spread: switch(self.spread),
            wait_for_capacity: switch(self.wait_for_capacity),
            instance_profile: self.instance_profile.clone(),
            ..EnvironmentSettings::default()
        })
    }

    /// The flags over the configuration. Naming types by flag sets the configuration's requirements aside, and the
    /// other way round: they answer the same question.
    pub fn over(&self, mut configured: EnvironmentSettings) -> EnvironmentSettings {
        let flags = self.settings();
        if flags.types.is_some() {
            (configured.cpus, configured.memory, configured.arch) = (None, None, None);
            (configured.local_ssd, configured.gpu) = (None, None);
        }
        if has_requirements(&flags) {
            configured.types = None;
        }
        if flags.volume.is_some() {
            configured.volume_id = None;
        }
        if flags.volume_id.is_some() {
            configured.volume = None;
        }
        if flags.template.is_some() {
            configured.user_data = None;
        }
        flags.over(configured)
    }
}

/// What an intent is made from besides the settings.
#[derive(Clone)]
pub struct Makings<'a> {
    /// The environment.
    pub name: &'a EnvName,
    /// The id of this installation.
    pub installation: &'a str,
    /// The region.
    pub region: &'a str,
    /// What was asked for before.
    pub previous: Option<&'a Intent>,
    /// The key to log in with.
    pub public_key: String,
    /// The private key to log in with; `None`: the agent's.
    pub identity_file: Option<PathBuf>,
    /// From where ssh is let in.
    pub ssh_from: Vec<String>,
    /// The time.
    pub now: Timestamp,
}

/// An intent, and what its making has to say.
pub struct Made {
    /// The intent.
    pub intent: Intent,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// What the template has the user run on their own machine once nodes are there.
    pub after_up: Vec<String>,
}

/// Makes the intent that an environment should run as.
pub fn make(settings: &EnvironmentSettings, makings: Makings<'_>) -> Result<Made, CommandError> {
    let previous = makings.previous;
    let nodes = settings.nodes.or(previous.map(|it| it.nodes)).unwrap_or(1);
    check(settings, makings.region, nodes)?;
    let mut source = Source::of(settings, previous);
    let template = Template::load(&source.template)?.on(source.os)?;
    source.resolve_files(&template, settings)?;
    let volume = volume(settings, previous, &template);
    if matches!(volume, VolumeWish::Existing { .. }) && nodes > 1 {
        return Err(CommandError::usage(
            "one volume cannot be on several nodes: use --volume-id with one node, or --volume GIB",
        ));
    }
    let one_time = settings.one_time.or(previous.map(|it| it.one_time)).unwrap_or(false);
    let on_interruption = interruption(settings, previous, one_time)?;
    let expires_at = match settings.ttl {
        // A configured lifetime counts from the first `up`, not from every later one.
        Some(ttl) => {
            previous.and_then(|it| it.expires_at).filter(|at| *at > makings.now).or(makings.now.checked_add(ttl).ok())
        }
        None => previous.and_then(|it| it.expires_at).filter(|at| *at > makings.now),
    };
    let idle_minutes = idle(settings, previous, on_interruption, one_time)?;
    let named = settings.instance_profile.clone().or_else(|| previous?.instance_profile.clone());
    let instance_profile = named.filter(|name| !name.is_empty());
    let context = templates::Context {
        environment: makings.name.to_string(),
        region: makings.region.to_owned(),
        nodes,
        expires_at,
        idle_minutes,
        self_attach: intent::attach_themselves(instance_profile.as_deref(), &volume, on_interruption, one_time),
        installation: makings.installation.to_owned(),
        variables: templates::set_variables(&template, &source.set)?,
        volume: known_volume(&volume),
    };
    let (user_data, warnings) = user_data(source.file.as_deref(), &template, &context, makings.name, nodes)?;
    let first = templates::Node::of(makings.name, 0, nodes);
    let after_up =
        (0..nodes).map(|index| template.after_up(&context, &templates::Node::of(makings.name, index, nodes)));
    let after_up = after_up.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    // Its files are for what its own user data sets up.
    let source_is_template = source.file.is_none();
    let intent = Intent {
        region: makings.region.to_owned(),
        goal: Goal::Running,
        kind: previous.map_or(kind(nodes, &volume), |it| it.kind),
        nodes,
        demand: match previous.filter(|it| it.moving.is_some()) {
            Some(moving) => moving.demand.clone(),
            None => demand(settings, previous),
        },
        zone: settings.zone.clone().or_else(|| previous?.zone.clone()),
        spread: settings.spread.or(previous.map(|it| it.spread)).unwrap_or(false),
        max_price: settings.max_price.or_else(|| previous?.max_price),
        on_interruption,
        one_time,
        wait_for_capacity: settings.wait_for_capacity.unwrap_or(false),
        choosing: choosing::choosing(settings, previous)?,
        image: image(settings, previous, &template),
        os: source.os,
        template: source.template,
        set: source.set,
        user_data_file: source.file,
        user_data,
        access: Access {
            user: template.manifest.user.clone(),
            port: SSH_PORT,
            public_key: makings.public_key,
            identity_file: makings.identity_file,
            ready_command: template.ready_command(&context, &first)?,
        },
        volume,
        ssh_from: makings.ssh_from,
        security_group: settings.security_group.clone().or_else(|| previous?.security_group.clone()),
        subnet: settings.subnet.clone().or_else(|| previous?.subnet.clone()),
        expires_at,
        idle_minutes,
        instance_profile,
        // Once nodes have fixed addresses they keep them: what is not looked for is left behind.
        fixed_addresses: template.manifest.fixed_addresses || previous.is_some_and(|it| it.fixed_addresses),
        delivers: template.delivers() && source_is_template,
        secrets: settings.secrets.clone().into_iter().map(|(path, secret)| secret.at(path)).collect(),
        snapshot_first: false,
        // What has begun to move goes on to where it was meant to go, whatever the settings say by now.
        moving: previous.and_then(|it| it.moving.clone()),
        baking: None,
        tags: if settings.tags.is_empty() {
            previous.map(|it| it.tags.clone()).unwrap_or_default()
        } else {
            settings.tags.clone()
        },
    };
    Ok(Made { intent, warnings, after_up })
}

/// After how many minutes without use nodes stop themselves.
fn idle(
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
fn check(settings: &EnvironmentSettings, region: &str, nodes: u32) -> Result<(), CommandError> {
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

/// Where user data comes from.
struct Source {
    template: String,
    os: Option<ImageFamily>,
    set: BTreeMap<String, String>,
    file: Option<PathBuf>,
}

impl Source {
    /// What is said now; what was said before stands where nothing is, but for another template's variables and file.
    fn of(settings: &EnvironmentSettings, previous: Option<&Intent>) -> Self {
        let same = previous.filter(|it| settings.template.as_ref().is_none_or(|named| *named == it.template));
        let mut set = same.map(|it| it.set.clone()).unwrap_or_default();
        set.extend(settings.set.clone());
        let before = same.map(|it| it.template.clone());
        Self {
            template: settings.template.clone().or(before).unwrap_or_else(|| DEFAULT_TEMPLATE.to_owned()),
            os: settings.os.or_else(|| same?.os),
            set,
            file: settings.user_data.clone().or_else(|| same?.user_data_file.clone()),
        }
    }
}

impl Source {
    /// A path is kept whole: the next `up` may be typed elsewhere.
    fn resolve_files(&mut self, template: &Template, settings: &EnvironmentSettings) -> Result<(), CommandError> {
        let cwd = current_dir()?;
        let base = |name: &str| settings.set_in.get(name).unwrap_or(&cwd).clone();
        templates::resolve_files(template, &mut self.set, home_dir().as_deref(), base);
        Ok(())
    }
}

fn image(settings: &EnvironmentSettings, previous: Option<&Intent>, template: &Template) -> ImageWish {
    let before = previous.map(|it| it.image.clone()).filter(|image| matches!(image, ImageWish::Id(_)));
    let named = settings.ami.clone().map(ImageWish::Id);
    named.or(before).unwrap_or(ImageWish::Family(template.manifest.image.family))
}

fn volume(settings: &EnvironmentSettings, previous: Option<&Intent>, template: &Template) -> VolumeWish {
    if let Some(id) = &settings.volume_id {
        return VolumeWish::Existing { id: id.clone() };
    }
    match (settings.volume, previous) {
        (Some(VolumeSetting::Without), _) => VolumeWish::None,
        (Some(VolumeSetting::Gib(gib)), _) => VolumeWish::Managed { gib },
        (None, Some(previous)) => previous.volume.clone(),
        (None, None) if template.manifest.persistent_volume => VolumeWish::Managed { gib: DEFAULT_VOLUME_GIB },
        (None, None) => VolumeWish::None,
    }
}

pub(super) fn known_volume(volume: &VolumeWish) -> Option<templates::Volume> {
    let device = VOLUME_DEVICE.to_owned();
    match volume {
        VolumeWish::None => None,
        VolumeWish::Managed { gib } => Some(templates::Volume { device, gib: Some(*gib), id: None }),
        VolumeWish::Existing { id } => Some(templates::Volume { device, gib: None, id: Some(id.clone()) }),
    }
}

fn kind(nodes: u32, volume: &VolumeWish) -> Kind {
    if nodes == 1 && *volume != VolumeWish::None { Kind::Cloudtop } else { Kind::Cluster }
}

fn interruption(
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

fn has_requirements(settings: &EnvironmentSettings) -> bool {
    let EnvironmentSettings { cpus, memory, arch, local_ssd, gpu, .. } = settings;
    cpus.is_some() || memory.is_some() || arch.is_some() || local_ssd.is_some() || gpu.is_some()
}

fn demand(settings: &EnvironmentSettings, previous: Option<&Intent>) -> Demand {
    if let Some(types) = &settings.types {
        return Demand::Types(types.clone());
    }
    let before = previous.map(|it| it.demand.clone());
    if let Some(before) = before.filter(|_| !has_requirements(settings)) {
        return before;
    }
    let default = Requirements::default();
    // Who names only one of the two gets the other as small as can be.
    let (cpus, memory) = match (settings.cpus, settings.memory) {
        (None, None) => (default.cpus, default.memory_gib),
        (cpus, memory) => (cpus.unwrap_or(1), memory.unwrap_or(1)),
    };
    Demand::Requirements(Requirements {
        cpus,
        memory_gib: memory,
        arch: settings.arch.unwrap_or(default.arch),
        local_ssd: settings.local_ssd.unwrap_or(false),
        gpu: settings.gpu.unwrap_or(false),
    })
}

/// Renders the user data of all nodes, or takes the user's own.
fn user_data(
    file: Option<&Path>,
    template: &Template,
    context: &templates::Context,
    name: &EnvName,
    nodes: u32,
) -> Result<(UserData, Vec<String>), CommandError> {
    let gzip = template.manifest.may_be_gzipped();
    if let Some(file) = file {
        let bytes = templates::read_user_data_file(file)?;
        let sent = BASE64_STANDARD.encode(templates::prepare(bytes.clone(), gzip)?.bytes);
        return Ok((UserData::Shared(sent), look_over::file(file, &bytes, template)?));
    }
    let render = |index: u32| -> Result<(String, bool), CommandError> {
        let rendered = template.render(context, &templates::Node::of(name, index, nodes))?;
        Ok((BASE64_STANDARD.encode(templates::prepare(rendered.raw, gzip)?.bytes), rendered.per_node))
    };
    let (first, per_node) = render(0)?;
    let warnings = look_over::rendered(template, context, &templates::Node::of(name, 0, nodes))?;
    if !per_node {
        return Ok((UserData::Shared(first), warnings));
    }
    let all = (0..nodes).map(|index| render(index).map(|(text, _)| text)).collect::<Result<Vec<_>, _>>()?;
    Ok((UserData::PerNode(all), warnings))
}
