//! What `template.toml` says.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::deliver::{self, Deliver, DeliverDone};
use super::source::Source;
use super::variables::{self, Value};
use super::{TemplateError, ready};
use crate::config::parse_toml;
use crate::domain::intent::ImageFamily;

/// A template's description of itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// What a node made from it is, in a sentence or two.
    pub description: String,
    /// The image it is for.
    pub image: Image,
    /// The login name on that image.
    pub user: String,
    /// What the file `user-data` renders to.
    pub user_data_format: UserDataFormat,
    gzip: Option<bool>,
    boot: Option<Boot>,
    /// The template's own check.
    #[serde(default)]
    pub ready: Ready,
    /// Whether a node has a persistent volume unless the user says otherwise.
    #[serde(default)]
    pub persistent_volume: bool,
    volume_mount: Option<String>,
    /// What it may be put on besides `image.family`.
    #[serde(default)]
    pub os: BTreeMap<ImageFamily, OtherOs>,
    /// A command for the user's own machine, to be shown once nodes are there; rendered like `ready.command`.
    pub after_up: Option<String>,
    /// Whether nodes know each other by their private addresses, so that each must keep its own over a relaunch.
    #[serde(default)]
    pub fixed_addresses: bool,
    /// Names of the random secrets that an environment of this template has: made once, the same for all its nodes.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// The files that nodes get over ssh.
    #[serde(default)]
    pub deliver: Vec<Deliver>,
    /// What they do then.
    #[serde(default)]
    pub deliver_done: DeliverDone,
    /// Ports that nodes use among themselves, for people to read.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// How a cluster's kubeconfig is got, where it is one of Kubernetes.
    pub kubeconfig: Option<Kubeconfig>,
    /// What can be set.
    #[serde(default)]
    pub variables: BTreeMap<String, VariableSpec>,
}

/// The image a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its family; the newest image of it is looked up at launch.
    pub family: ImageFamily,
}

/// What is different on another image family.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherOs {
    /// The login name on its images.
    pub user: String,
}

/// What user data is, which says how values are quoted in it and what reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserDataFormat {
    /// YAML for cloud-init, beginning with `#cloud-config`.
    CloudConfig,
    /// JSON for Ignition.
    Ignition,
}

/// How the end of the first boot is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boot {
    /// `cloud-init status`.
    CloudInit,
    /// Not at all: once sshd answers the node is set up, as with Ignition, which is done before sshd starts.
    None,
}

/// The template's own check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// A line for the node's shell, rendered like the user data but with values quoted for a shell. Exit 0 is ready;
    /// otherwise its last line of output is shown as what the node waits for.
    #[serde(default)]
    pub command: String,
}

/// How a Kubernetes cluster's kubeconfig is got.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kubeconfig {
    /// A line for the shell of node 0 that prints it as JSON.
    pub command: String,
    /// The port of node 0 at which the cluster's API listens.
    pub port: u16,
}

/// A variable that a template declares.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableSpec {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: VariableKind,
    /// What it is for.
    pub description: String,
    /// Its value when it is not set. `None`: it must be set.
    pub default: Option<Value>,
    /// The texts that it can be. Empty: any.
    #[serde(default)]
    pub one_of: Vec<String>,
}

/// The types a variable can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VariableKind {
    /// Any text.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Texts, with commas between them in `--set`.
    List,
    /// The text of a file of the user's, which is named by its path. Its default can only be none: the empty text.
    File,
}

impl Manifest {
    /// Whether what reads the user data at boot unpacks gzip. Unless the template says otherwise cloud-init does and
    /// Ignition does not: its authors declined to (coreos/ignition, pull requests 398 and 1100).
    #[must_use]
    pub fn may_be_gzipped(&self) -> bool {
        self.gzip.unwrap_or(self.user_data_format == UserDataFormat::CloudConfig)
    }

    /// How the end of the first boot is asked for: unless the template says otherwise as its format has it.
    #[must_use]
    pub fn boot(&self) -> Boot {
        self.boot.unwrap_or(match self.user_data_format {
            UserDataFormat::CloudConfig => Boot::CloudInit,
            UserDataFormat::Ignition => Boot::None,
        })
    }

    /// Where the persistent volume is mounted: an absolute path. `None`: the template does not mount one.
    ///
    /// `~` is `/home/` and the login name, as all image families have it.
    #[must_use]
    pub fn volume_mount(&self) -> Option<String> {
        let path = self.volume_mount.as_ref()?;
        Some(match path.strip_prefix("~/") {
            Some(below) => format!("/home/{}/{below}", self.user),
            None => path.clone(),
        })
    }

    pub(super) fn read(source: &Source) -> Result<Self, TemplateError> {
        let template = || source.label().to_owned();
        let text = source.read("template.toml").map_err(|error| TemplateError::Unreadable {
            template: template(),
            file: "template.toml".to_owned(),
            source: error,
        })?;
        let manifest: Self =
            parse_toml(&text).map_err(|fault| TemplateError::Manifest { template: template(), fault })?;
        manifest.check().map_err(|message| TemplateError::Contradiction { template: template(), message })?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        for (name, spec) in &self.variables {
            if !variables::is_name(name) {
                return Err(format!("a variable cannot be called `{name}`: use letters, digits and _"));
            }
            if spec.default.as_ref().is_some_and(|value| !spec.kind.may_default_to(value)) {
                return Err(match spec.kind {
                    VariableKind::File => format!("the default of variable `{name}` can only be \"\", no file"),
                    kind => format!("the default of variable `{name}` is not {}", kind.in_words()),
                });
            }
            if spec.default.as_ref().is_some_and(|value| !spec.takes(value)) {
                return Err(format!("the default of variable `{name}` is not {}", spec.in_words()));
            }
        }
        if self.volume_mount.as_ref().is_some_and(|path| !path.starts_with('/') && !path.starts_with("~/")) {
            return Err("volume_mount must be an absolute path, beginning with / or ~/".to_owned());
        }
        if self.persistent_volume && self.volume_mount.is_none() {
            return Err("persistent_volume = true needs volume_mount, the place where it is mounted".to_owned());
        }
        if self.user_data_format == UserDataFormat::Ignition && self.boot == Some(Boot::CloudInit) {
            return Err("an Ignition image has no cloud-init to ask: leave `boot` out".to_owned());
        }
        deliver::check(&self.deliver, &self.secrets)?;
        ready::check_is_one_line(&self.ready.command)
    }
}
