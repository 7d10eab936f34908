//! From flags, configuration and what was asked for before, to an intent.

mod args;
mod rules;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use crate::cli::CommandError;
use crate::config::{EnvironmentSettings, VolumeSetting};
use crate::domain::demand::{Demand, Requirements};
use crate::domain::intent::{self, Access, Goal, ImageFamily, ImageWish, Intent, Kind, VolumeWish};
use crate::domain::names::EnvName;
use crate::domain::plan::VOLUME_DEVICE;
use crate::domain::user_data::UserData;
use crate::templates::{self, Template};

use super::choosing;
use super::context::{current_dir, home_dir};
use super::look_over;
pub use args::WishArgs;
use args::has_requirements;
pub(super) use args::{architecture, key_value, operating_system, volume_gib};
use rules::{check, idle, interruption};

/// The volume that a CloudTop gets when nobody says otherwise, GiB.
pub(super) const DEFAULT_VOLUME_GIB: u32 = 50;
/// The template where none is named.
pub(super) const DEFAULT_TEMPLATE: &str = "cloudtop";
/// The port of sshd on every image that templates name.
const SSH_PORT: u16 = 22;

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
