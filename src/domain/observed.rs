//! What EC2 says now of one environment, in our own words.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::call::Tags;
use super::market::Market;

/// Everything that EC2 shows of one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Instances with our tags, and those that our spot requests launched. Terminated ones linger for an hour.
    pub instances: Vec<Instance>,
    /// Spot requests with our tags, ended ones too as long as EC2 lists them.
    pub requests: Vec<SpotRequest>,
    /// Persistent volumes: those with our tags, and the one that the user named.
    pub volumes: Vec<Volume>,
    /// Snapshots with our tags; asked for only where volumes are to be deleted after a snapshot.
    pub snapshots: Vec<Snapshot>,
    /// The network interfaces that nodes keep their addresses by; asked for only where nodes have them.
    pub interfaces: Vec<Interface>,
    /// The security groups made for the environment.
    pub groups: Vec<SecurityGroup>,
    /// The key pairs made for the environment; asked for only when it is to be gone.
    pub keys: Vec<KeyPair>,
    /// What the nodes themselves answered, by instance id.
    pub probes: BTreeMap<String, Probe>,
    /// What there is to choose from; asked for only when something must be launched.
    pub market: Option<Market>,
}

/// An instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// The `cloudtop:node` tag as it stands: one index, or a set from the launch. `None`: untagged.
    pub node_tag: Option<String>,
    /// Its place in the launch that made it, from 0.
    pub launch_index: u32,
    /// Its state.
    pub state: InstanceState,
    /// Why it is in that state, in EC2's words, when EC2 says.
    pub state_reason: Option<String>,
    /// Its type.
    pub instance_type: String,
    /// Its availability zone.
    pub zone: String,
    /// Its spot request.
    pub request_id: Option<String>,
    /// Whether it is on demand: it has no spot request, and is billed at the full price.
    pub on_demand: bool,
    /// Addresses and names, as far as it has them.
    pub public_ip: Option<String>,
    /// The address in the VPC.
    pub private_ip: Option<String>,
    /// The public DNS name.
    pub public_dns: Option<String>,
    /// When it was last launched or started.
    pub launched_at: Option<Timestamp>,
    /// When a user or EC2 began to stop or end it, where EC2 tells.
    pub ended_at: Option<Timestamp>,
    /// Ids of its EBS volumes.
    pub volume_ids: Vec<String>,
}

/// EC2's instance states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Being launched or started.
    Pending,
    /// Running; it bills.
    Running,
    /// On the way to stopped.
    Stopping,
    /// Stopped; only its disks bill.
    Stopped,
    /// On the way to terminated.
    ShuttingDown,
    /// Gone.
    Terminated,
}

impl InstanceState {
    /// Whether the instance is there or may come back (not ending, not ended).
    #[must_use]
    pub fn is_live(self) -> bool {
        !matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// A spot instance request.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotRequest {
    /// Its id.
    pub id: String,
    /// The `cloudtop:node` tag as it stands.
    pub node_tag: Option<String>,
    /// Its state.
    pub state: RequestState,
    /// EC2's status code, an open set of words.
    pub status: String,
    /// EC2's own sentence about it.
    pub message: String,
    /// The instance that it launched last.
    pub instance_id: Option<String>,
    /// The type that it asks for.
    pub instance_type: String,
    /// The availability zone that it asks for, or was launched in.
    pub zone: Option<String>,
    /// Whether it launches again after an interruption.
    pub persistent: bool,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When EC2 last changed its status.
    pub updated_at: Option<Timestamp>,
}

/// EC2's spot request states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Waiting to launch.
    Open,
    /// Its instance is there.
    Active,
    /// Its instance is stopped.
    Disabled,
    /// Interrupted or terminated, for good.
    Closed,
    /// Cancelled.
    Cancelled,
    /// Refused because of its parameters.
    Failed,
}

impl RequestState {
    /// Whether the request has or may launch an instance.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Active | Self::Disabled)
    }
}

/// An EBS volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// The `cloudtop:node` tag; `None` for a volume that the user brought.
    pub node_tag: Option<String>,
    /// GiB.
    pub gib: u32,
    /// Its availability zone.
    pub zone: String,
    /// Its state.
    pub state: VolumeState,
    /// The volume that it was put in the place of, by `volume restore`.
    pub replaces: Option<String>,
    /// Where it is attached.
    pub attachment: Option<Attachment>,
}

/// EC2's volume states, as far as they make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeState {
    /// Being made.
    Creating,
    /// Free.
    Available,
    /// Attached, or nearly.
    InUse,
    /// On the way out.
    Deleting,
    /// EC2 calls it broken.
    Error,
}

/// A volume on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The instance.
    pub instance_id: String,
    /// The device name that it was attached as.
    pub device: String,
    /// Whether it is attached for good (neither attaching nor detaching).
    pub attached: bool,
}

/// A security group made for the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// From where port 22 is open.
    pub ssh_from: Vec<String>,
    /// Whether its members reach each other.
    pub open_to_itself: bool,
}

/// A key pair made for the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// Its id, for tags; calls name it by its name.
    pub id: String,
    /// Its name, unique in a region.
    pub name: String,
    /// The public key, in OpenSSH form, where EC2 tells it.
    pub public_key: Option<String>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: String,
    /// The `cloudtop:node` tag as it stands.
    pub node_tag: Option<String>,
    /// Whether it was made for a node to keep its address by, and not by EC2 for one launch.
    pub keeps_address: bool,
    /// Its availability zone.
    pub zone: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its address in the VPC.
    pub private_ip: Option<String>,
    /// Whether it is attached to an instance.
    pub attached: bool,
    /// The instance, where EC2 says which.
    pub instance_id: Option<String>,
}

/// A snapshot of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// The volume that it is of.
    pub volume_id: String,
    /// The size of that volume, GiB; the snapshot holds at most as much.
    pub gib: u32,
    /// Its state.
    pub state: SnapshotState,
    /// How much of it is written, in percent, where EC2 says.
    pub progress: Option<u8>,
    /// When it was begun: what it holds is what was on the volume then.
    pub started_at: Option<Timestamp>,
    /// What whoever made it wrote about it.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
}

/// EC2's snapshot states, as far as they make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// Being written, or in a state that is not known here: nothing may be deleted for its sake.
    Pending,
    /// All of it is there: a volume can be made from it.
    Completed,
    /// It came to nothing.
    Error,
}

impl SnapshotState {
    /// EC2's own word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

/// What a node itself answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Nothing yet; why.
    Unreachable(String),
    /// sshd answers, but the node is not ready; what it said.
    Reachable(String),
    /// The ready command succeeded.
    Ready,
    /// It will not become ready by waiting; why.
    Failed(String),
}
