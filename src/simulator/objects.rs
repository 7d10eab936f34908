//! What exists in a simulated account.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sshd::deliver::Delivered;

/// Tags by key.
pub(super) type Tags = BTreeMap<String, String>;

/// The states of an instance, with EC2's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    pub fn code(self) -> u16 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    /// Whether it is over or about to be.
    pub fn is_ending(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// Who ended or stopped an instance, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cause {
    User,
    Price,
    Capacity,
    /// It never came up.
    Launch,
}

/// An interruption that was announced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    pub cause: Cause,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Instance {
    pub region: String,
    pub zone: String,
    pub reservation: String,
    pub launch: String,
    pub index: u32,
    pub token: Option<String>,
    pub request: Option<String>,
    pub state: InstanceState,
    /// When the present state passes over into the next; of a terminated instance, when it is no longer listed.
    pub until: Option<Timestamp>,
    pub changed: Timestamp,
    pub cause: Option<Cause>,
    pub notice: Option<Notice>,
    /// Since when EC2 recommends to move to another instance.
    #[serde(default)]
    pub rebalance: Option<Timestamp>,
    /// Why it is not going to come up: one of [`super::launch::FAILURES`].
    #[serde(default)]
    pub failure: Option<String>,
    pub created: Timestamp,
    pub visible: Timestamp,
    /// The last launch or start.
    pub launched: Timestamp,
    pub running_since: Option<Timestamp>,
    pub private_ip: Ipv4Addr,
    pub public_ip: Option<Ipv4Addr>,
    /// Whether it gets a public address when it runs.
    pub public: bool,
    pub subnet: String,
    pub groups: Vec<String>,
    pub interfaces: Vec<String>,
    pub volumes: Vec<String>,
    /// What lies on its disk and in its memory that came over ssh.
    #[serde(default, skip_serializing_if = "Delivered::is_empty")]
    pub delivered: Delivered,
    pub tags: Tags,
}

/// What was asked for at a launch; shared by all instances and requests of one call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Launch {
    pub region: String,
    pub image: String,
    pub architecture: String,
    pub instance_type: String,
    pub key: Option<String>,
    pub public_key: Option<String>,
    pub user_data: Option<String>,
    pub zone: Option<String>,
    pub subnet: Option<String>,
    pub groups: Vec<String>,
    pub public: bool,
    pub interface: Option<String>,
    pub private_ip: Option<Ipv4Addr>,
    pub disks: Vec<Disk>,
    pub tokens_required: bool,
    pub hop_limit: u32,
    pub metadata_tags: bool,
    pub shutdown_terminates: bool,
    pub hibernation: bool,
    pub profile: Option<String>,
    pub ebs_optimized: bool,
}

/// A role of IAM's. It is one account's, in no region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Role {
    pub path: String,
    pub description: Option<String>,
    pub trust: String,
    /// The inline policies by name.
    pub policies: BTreeMap<String, String>,
    pub created: Timestamp,
    pub tags: Tags,
}

/// What gives instances a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Profile {
    pub path: String,
    pub role: Option<String>,
    pub created: Timestamp,
    pub tags: Tags,
}

/// A disk that a launch makes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Disk {
    pub device: String,
    pub size: u32,
    pub kind: String,
    pub iops: Option<u32>,
    pub throughput: Option<u32>,
    pub encrypted: bool,
    pub snapshot: Option<String>,
    pub delete_on_termination: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Behaviour {
    Stop,
    Hibernate,
    Terminate,
}

impl Behaviour {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
            Self::Terminate => "terminate",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RequestState {
    Open,
    Active,
    Closed,
    Disabled,
    Cancelled,
    Failed,
}

impl RequestState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Active => "active",
            Self::Closed => "closed",
            Self::Disabled => "disabled",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled | Self::Failed)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SpotRequest {
    pub region: String,
    pub launch: String,
    pub persistent: bool,
    pub behaviour: Behaviour,
    pub max_price: Option<f64>,
    pub state: RequestState,
    pub status: String,
    pub message: String,
    pub changed: Timestamp,
    pub instance: Option<String>,
    pub launched_zone: Option<String>,
    pub launches: u32,
    pub valid_until: Option<Timestamp>,
    pub created: Timestamp,
    pub visible: Timestamp,
    /// When EC2 looks at it next: open requests, and those whose instance EC2 itself stopped.
    pub retry: Option<Timestamp>,
    pub tags: Tags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AttachmentState {
    Attaching,
    Attached,
    Detaching,
}

impl AttachmentState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Attachment {
    pub instance: String,
    pub device: String,
    pub state: AttachmentState,
    pub until: Option<Timestamp>,
    pub at: Timestamp,
    pub delete_on_termination: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Volume {
    pub region: String,
    pub zone: String,
    pub size: u32,
    pub kind: String,
    pub iops: Option<u32>,
    pub throughput: Option<u32>,
    pub encrypted: bool,
    pub snapshot: Option<String>,
    pub created: Timestamp,
    pub visible: Timestamp,
    pub ready: Timestamp,
    pub attachment: Option<Attachment>,
    /// Whether it stays `detaching`, as a volume does that the guest has still mounted.
    #[serde(default)]
    pub stuck: bool,
    /// The last change of its size, kind or speed.
    #[serde(default)]
    pub modification: Option<Modification>,
    /// When its changes began, the last day's at least.
    #[serde(default)]
    pub modified: Vec<Timestamp>,
    pub tags: Tags,
}

/// A change of a volume that goes on beside its use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Modification {
    pub from: Performance,
    pub to: Performance,
    pub started: Timestamp,
    /// When the volume has its new size.
    pub effective: Timestamp,
    pub done: Timestamp,
}

/// What of a volume can be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Performance {
    pub size: u32,
    pub kind: String,
    pub iops: Option<u32>,
    pub throughput: Option<u32>,
}

impl Modification {
    /// EC2's word for its state.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match () {
            () if now < self.effective => "modifying",
            () if now < self.done => "optimizing",
            () => "completed",
        }
    }

    /// How much of it is done, in percent.
    pub fn progress(&self, now: Timestamp) -> i64 {
        percent(self.started, self.done, now)
    }
}

/// How much of a span has passed, in percent.
fn percent(from: Timestamp, to: Timestamp, now: Timestamp) -> i64 {
    let (whole, passed) = (to.duration_since(from).as_millis(), now.duration_since(from).as_millis());
    if whole <= 0 || passed >= whole { 100 } else { i64::try_from(passed * 100 / whole).unwrap_or(0) }
}

/// A snapshot of a volume: what is on it was there when it began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub region: String,
    pub volume: String,
    pub size: u32,
    pub encrypted: bool,
    pub description: String,
    pub started: Timestamp,
    pub visible: Timestamp,
    pub done: Timestamp,
    /// Whether it ends as `error`.
    pub fails: bool,
    pub tags: Tags,
}

impl Snapshot {
    /// EC2's word for its state.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match () {
            () if now < self.done => "pending",
            () if self.fails => "error",
            () => "completed",
        }
    }

    /// How much of it is done, in percent.
    pub fn progress(&self, now: Timestamp) -> i64 {
        percent(self.started, self.done, now)
    }
}

/// An image of the account's own, made from an instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OwnImage {
    pub region: String,
    pub name: String,
    pub description: String,
    pub architecture: String,
    /// The disks: the root's first, each with its snapshot.
    pub disks: Vec<ImageDisk>,
    pub instance: String,
    /// The image that the instance was launched from.
    pub source: String,
    /// Whose the first image of that line was: it tells the system and its login name.
    pub publisher: String,
    pub created: Timestamp,
    pub visible: Timestamp,
    pub done: Timestamp,
    /// Whether it ends as `failed`.
    pub fails: bool,
    pub tags: Tags,
}

/// A disk of an image of the account's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImageDisk {
    pub device: String,
    pub size: u32,
    pub encrypted: bool,
    pub snapshot: String,
}

impl OwnImage {
    /// EC2's word for its state.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match () {
            () if now < self.done => "pending",
            () if self.fails => "failed",
            () => "available",
        }
    }
}

impl Volume {
    /// EC2's word for its state.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match &self.attachment {
            Some(_) => "in-use",
            None if now < self.ready => "creating",
            None => "available",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Source {
    Cidr(String),
    Cidr6(String),
    Group(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rule {
    pub id: String,
    pub protocol: String,
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub source: Source,
    pub description: Option<String>,
}

impl Rule {
    /// Whether it permits the same: its id and its description do not count.
    pub fn is_same(&self, other: &Rule) -> bool {
        (&self.protocol, self.from, self.to, &self.source) == (&other.protocol, other.from, other.to, &other.source)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub region: String,
    pub name: String,
    pub description: String,
    pub rules: Vec<Rule>,
    pub created: Timestamp,
    pub visible: Timestamp,
    pub tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeyPair {
    pub region: String,
    pub name: String,
    pub kind: String,
    pub fingerprint: String,
    pub public_key: String,
    pub created: Timestamp,
    pub visible: Timestamp,
    pub tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Interface {
    pub region: String,
    pub subnet: String,
    pub private_ip: Ipv4Addr,
    pub groups: Vec<String>,
    pub description: String,
    pub instance: Option<String>,
    pub attached: Option<Timestamp>,
    pub delete_on_termination: bool,
    /// Whether what runs with it gets a public address, where the launch did not say so itself.
    #[serde(default)]
    pub public: bool,
    pub created: Timestamp,
    pub visible: Timestamp,
    pub tags: Tags,
}

/// What a ClientToken was first used for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Token {
    pub fingerprint: u64,
    pub made: Vec<String>,
}

/// How much of a pool (a type in a zone) is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// As much as is asked for.
    Available,
    /// Nothing.
    None,
    /// Nothing as spot, as much as is asked for on demand: spot is what on-demand leaves.
    NoSpot,
    /// So many instances at once, those that live counted.
    Count(u32),
}

/// What was set about a pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Pool {
    pub region: String,
    /// A type's name, or `*`.
    pub instance_type: String,
    /// A zone's name, or `*`.
    pub zone: String,
    pub capacity: Option<Capacity>,
    /// Prices set by hand since a time; `None`: the market's own again.
    pub prices: Vec<(Timestamp, Option<f64>)>,
}
