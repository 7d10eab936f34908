//! What the user asked for. Commands change it, the engine carries it out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::choosing::Choosing;
use super::demand::Demand;
use super::images::Baking;
use super::moving::Moving;
use super::secrets::SecretFile;
use super::tags;
use super::user_data::UserData;

/// One environment as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Where it is, for example `us-east-1`. Never changes in the life of an environment.
    pub region: String,
    /// What state it should be in.
    pub goal: Goal,
    /// A CloudTop or a cluster; words for people, not a second code path.
    pub kind: Kind,
    /// How many nodes, at least 1.
    pub nodes: u32,
    /// What machines will do.
    pub demand: Demand,
    /// The only availability zone allowed, if the user named one.
    pub zone: Option<String>,
    /// Whether nodes are laid out over availability zones rather than all in the cheapest pool.
    pub spread: bool,
    /// The most to pay, USD per node and hour. `None`: the spot price, which on-demand caps.
    pub max_price: Option<f64>,
    /// What EC2 does with a node that it takes away.
    pub on_interruption: Interruption,
    /// A one-time spot request: a node that was taken away does not come back.
    pub one_time: bool,
    /// Leave a request open until there is capacity at the price, instead of failing when every pool refuses.
    pub wait_for_capacity: bool,
    /// How pools are weighed, and what happens when none will do.
    #[serde(default)]
    pub choosing: Choosing,
    /// The image family or id.
    pub image: ImageWish,
    /// The operating system that was asked for, of those that the template is made for. `None`: the template's own.
    #[serde(default)]
    pub os: Option<ImageFamily>,
    /// The template's name, or its directory.
    pub template: String,
    /// What was set of the template's variables.
    pub set: BTreeMap<String, String>,
    /// The file whose user data is sent instead of the template's.
    pub user_data_file: Option<PathBuf>,
    /// What nodes run at first boot.
    pub user_data: UserData,
    /// How a node is asked whether it is ready.
    pub access: Access,
    /// The persistent volume of each node.
    pub volume: VolumeWish,
    /// Who may reach port 22. Empty with `security_group`.
    pub ssh_from: Vec<String>,
    /// A group of the user's own instead of one made here.
    pub security_group: Option<String>,
    /// A subnet of the user's own instead of the default VPC's.
    pub subnet: Option<String>,
    /// When a throwaway environment has had its time.
    pub expires_at: Option<Timestamp>,
    /// After how many minutes without use a node stops itself. `None`: never.
    #[serde(default)]
    pub idle_minutes: Option<u32>,
    /// The instance profile that nodes are launched with. `None`: none, and so no role.
    #[serde(default)]
    pub instance_profile: Option<String>,
    /// Whether each node keeps its private address for the environment's life: one network interface of ours a node.
    #[serde(default)]
    pub fixed_addresses: bool,
    /// Whether the template has files that nodes get over ssh.
    #[serde(default)]
    pub delivers: bool,
    /// The user's own files that nodes get over ssh.
    #[serde(default)]
    pub secrets: Vec<SecretFile>,
    /// Whether a volume is deleted only once there is a whole snapshot of it.
    #[serde(default)]
    pub snapshot_first: bool,
    /// The move that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
    /// The image that is baked in it, where it is the builder of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baking: Option<Baking>,
    /// Tags of the user's own on everything that is made.
    pub tags: BTreeMap<String, String>,
}

impl Intent {
    /// The tags of the user's own, with those of ours that tell what was asked for: what is needed to go on with an
    /// environment when the state file is lost.
    #[must_use]
    pub fn all_tags(&self) -> BTreeMap<String, String> {
        let mut all = self.tags.clone();
        all.insert(tags::TEMPLATE.to_owned(), self.template.clone());
        if let Some(os) = self.os {
            all.insert(tags::OS.to_owned(), os.as_str().to_owned());
        }
        if let Some(at) = self.expires_at {
            all.insert(tags::EXPIRES.to_owned(), at.to_string());
        }
        all
    }

    /// The only availability zone allowed: that of a move that is under way, else the one that the user named.
    #[must_use]
    pub fn only_zone(&self) -> Option<&str> {
        self.moving.as_ref().and_then(|moving| moving.zone.as_deref()).or(self.zone.as_deref())
    }

    /// The same when its move is over. Where all is gone in the middle of it, the volume that is left says where it is.
    pub fn end_move(&mut self) {
        let Some(moving) = self.moving.take() else { return };
        if self.zone.is_some() && moving.zone.is_some() {
            self.zone = moving.zone.filter(|_| !matches!(self.goal, Goal::Gone { .. }));
        }
    }
}

/// Whether nodes attach their volumes themselves: they have a role, and EC2 launches them again by itself. In all other
/// cases either this tool launches them, or what EC2 brings back has its volume still.
#[must_use]
pub fn attach_themselves(
    instance_profile: Option<&str>,
    volume: &VolumeWish,
    on_interruption: Interruption,
    one_time: bool,
) -> bool {
    let launched_by_ec2 = on_interruption == Interruption::Terminate && !one_time;
    instance_profile.is_some() && *volume != VolumeWish::None && launched_by_ec2
}

/// What state an environment should be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Every node is there.
    Running,
    /// Nothing runs, disks are kept.
    Stopped,
    /// Nothing is left but, unless asked for, the persistent volumes.
    Gone {
        /// Whether the user gave their word for deleting the persistent volumes too.
        delete_volumes: bool,
    },
}

/// What an environment is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One development machine.
    Cloudtop,
    /// Several nodes, or nodes without a volume.
    Cluster,
}

impl Kind {
    /// The word in tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cloudtop => "cloudtop",
            Self::Cluster => "cluster",
        }
    }
}

/// EC2's interruption behaviour of a spot request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interruption {
    /// Stopped, and started again by EC2: same instance, disks kept.
    Stop,
    /// Like stop, with the memory written to the root disk.
    Hibernate,
    /// Ended; a persistent request launches a new instance.
    Terminate,
}

impl Interruption {
    /// EC2's own word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
            Self::Terminate => "terminate",
        }
    }
}

/// Which image nodes boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageWish {
    /// The newest of a family, found at launch time.
    Family(ImageFamily),
    /// This very one.
    Id(String),
}

/// The image families that templates may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageFamily {
    /// Ubuntu LTS, server.
    Ubuntu,
    /// Debian stable.
    Debian,
    /// Amazon Linux 2023.
    AmazonLinux,
    /// Flatcar Container Linux, stable channel.
    Flatcar,
    /// Fedora CoreOS, stable stream.
    FedoraCoreos,
}

impl ImageFamily {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ubuntu, Self::Debian, Self::AmazonLinux, Self::Flatcar, Self::FedoraCoreos];

    /// The word in templates, flags and tags.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ubuntu => "ubuntu",
            Self::Debian => "debian",
            Self::AmazonLinux => "amazon-linux",
            Self::Flatcar => "flatcar",
            Self::FedoraCoreos => "fedora-coreos",
        }
    }

    /// The family of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == word)
    }
}

/// How a node is reached and asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The login name.
    pub user: String,
    /// The port of sshd.
    pub port: u16,
    /// The public key that EC2 puts on the node, in OpenSSH form.
    pub public_key: String,
    /// The private key to log in with; `None`: the agent has it.
    pub identity_file: Option<PathBuf>,
    /// The command that exits 0 on a node that is ready. `None`: reachable is ready.
    pub ready_command: Option<String>,
}

/// The persistent volume of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeWish {
    /// None.
    None,
    /// One of ours, made when there is none yet.
    Managed {
        /// Its size when it is made, GiB.
        gib: u32,
    },
    /// One that the user has, for an environment of one node. Never deleted.
    Existing {
        /// Its id.
        id: String,
    },
}

impl VolumeWish {
    /// The id of the volume that the user brought.
    #[must_use]
    pub fn existing(&self) -> Option<&str> {
        match self {
            Self::Existing { id } => Some(id),
            Self::None | Self::Managed { .. } => None,
        }
    }
}
