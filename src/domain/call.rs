//! The calls that change something at EC2, in our own words.
//!
//! A call holds all that it needs, so that the journal can repeat it to the letter: EC2 takes a repeated client
//! token only with the same parameters.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intent::Interruption;
use super::market::Image;
use super::nodes;
use super::pools::Pool;
use super::snapshots::Purpose;

/// One mutating call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Import a public key as the environment's key pair.
    ImportKey {
        /// The key pair's name.
        name: String,
        /// OpenSSH form.
        public_key: String,
    },
    /// Make the environment's security group.
    CreateGroup {
        /// The group's name.
        name: String,
        /// The VPC.
        vpc_id: String,
    },
    /// Open port 22 to a range of addresses.
    AllowSsh {
        /// The group.
        group_id: String,
        /// The port of sshd.
        port: u16,
        /// The range.
        cidr: String,
    },
    /// Close port 22 to a range of addresses.
    RevokeSsh {
        /// The group.
        group_id: String,
        /// The port of sshd.
        port: u16,
        /// The range.
        cidr: String,
    },
    /// Let the group's members reach each other.
    AllowItself {
        /// The group.
        group_id: String,
    },
    /// Make a persistent volume.
    CreateVolume {
        /// The node that it is for.
        node: u32,
        /// The availability zone.
        zone: String,
        /// GiB.
        gib: u32,
        /// The snapshot to make it from. `None`: a blank one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<String>,
        /// All its tags.
        tags: Tags,
    },
    /// Make a snapshot of a volume.
    CreateSnapshot {
        /// The volume.
        volume_id: String,
        /// What for.
        purpose: Purpose,
        /// What is written about it.
        description: String,
        /// All its tags, but the one for the call's token.
        tags: Tags,
    },
    /// Copy a snapshot from another region into this one.
    CopySnapshot {
        /// The region that it is in.
        from: String,
        /// The region that it is copied to, where the call is sent.
        to: String,
        /// The snapshot.
        snapshot: String,
        /// The size of its volume, GiB.
        gib: u32,
        /// What for.
        purpose: Purpose,
        /// What is written about it.
        description: String,
        /// All its tags, but the one for the call's token.
        tags: Tags,
    },
    /// Make a volume larger, in use or not.
    Enlarge {
        /// The volume.
        id: String,
        /// GiB, more than it has.
        gib: u32,
    },
    /// Set tags of one resource.
    SetTags {
        /// The resource.
        id: String,
        /// The tags to set; others stay.
        tags: Tags,
    },
    /// Make the network interface that a node keeps its private address by.
    CreateInterface {
        /// The node that it is for.
        node: u32,
        /// Its availability zone, which is the subnet's.
        zone: String,
        /// The subnet.
        subnet_id: String,
        /// The security group: it belongs to the interface, not to what is launched with it.
        group_id: String,
        /// All its tags.
        tags: Tags,
    },
    /// Have whatever a network interface is the first of get a public address.
    MakePublic {
        /// The interface.
        id: String,
    },
    /// Launch by `RunInstances`.
    Launch(Launch),
    /// Launch by `RequestSpotInstances`, one node a call.
    RequestSpot(Launch),
    /// Set tags.
    Tag {
        /// The resources.
        ids: Vec<String>,
        /// The node that they are of.
        node: u32,
    },
    /// Attach a volume.
    Attach {
        /// The volume.
        volume_id: String,
        /// The instance.
        instance_id: String,
        /// The device name.
        device: String,
    },
    /// Take a volume off an instance that is stopped.
    Detach {
        /// The volume.
        volume_id: String,
        /// The instance.
        instance_id: String,
    },
    /// Cancel spot requests.
    CancelRequests {
        /// The requests.
        ids: Vec<String>,
    },
    /// Terminate instances.
    Terminate {
        /// The instances.
        ids: Vec<String>,
    },
    /// Stop instances.
    Stop {
        /// The instances.
        ids: Vec<String>,
        /// Whether to hibernate them.
        hibernate: bool,
    },
    /// Start stopped instances.
    Start {
        /// The instances.
        ids: Vec<String>,
    },
    /// Delete a persistent volume.
    DeleteVolume {
        /// The volume.
        id: String,
    },
    /// Delete the security group.
    DeleteGroup {
        /// The group.
        id: String,
    },
    /// Delete the key pair.
    DeleteKey {
        /// Its name.
        name: String,
    },
    /// Delete a network interface that nothing has.
    DeleteInterface {
        /// The interface.
        id: String,
    },
    /// Make an image of an instance, with snapshots of its disks.
    CreateImage {
        /// The instance.
        instance_id: String,
        /// The image's name, which no other has: the same call again is refused.
        name: String,
        /// What is written about it.
        description: String,
        /// The devices whose disks are not to be in it.
        without: Vec<String>,
        /// Whether an instance that runs goes on running.
        no_reboot: bool,
        /// All tags of the image and of its snapshots, but the one for the call's token.
        tags: Tags,
    },
    /// Delete an image, with its snapshots.
    DeregisterImage {
        /// The image.
        id: String,
    },
    /// Delete a snapshot.
    DeleteSnapshot {
        /// The snapshot.
        id: String,
    },
}

/// What instances are launched with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// The nodes, ascending; their number is the number wanted.
    pub nodes: Vec<u32>,
    /// The fewest that will do: the number wanted, or 1 where a part is welcome.
    pub at_least: u32,
    /// Where.
    pub pool: Pool,
    /// USD per node and hour when it was chosen.
    pub price: f64,
    /// Whether it is launched on demand: at its full price, and nobody takes it away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_demand: bool,
    /// The image.
    pub image: Image,
    /// The root disk, GiB.
    pub root_gib: u32,
    /// The key pair.
    pub key_name: String,
    /// The security group.
    pub group_id: String,
    /// The network interface that was made for it, where the node has one: it brings its own subnet and group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface_id: Option<String>,
    /// Base64.
    pub user_data: String,
    /// What EC2 does when it takes a node away.
    pub on_interruption: Interruption,
    /// Whether the spot request ends with its instance.
    pub one_time: bool,
    /// The most to pay, USD per node and hour.
    pub max_price: Option<f64>,
    /// When an open request gives up.
    pub valid_until: Option<Timestamp>,
    /// Number of `ephemeralN` mappings that the type needs.
    pub ephemeral_disks: u32,
    /// Whether a shutdown from inside ends the instance (it stops it otherwise).
    pub shutdown_terminates: bool,
    /// The name of the instance profile, which gives nodes a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
    /// All tags of its nodes. A later version of the tool, or another `--ttl`, must not change what is sent again.
    pub tags: Tags,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImportKey { name, .. } => write!(f, "import key pair {name}"),
            Self::CreateGroup { name, vpc_id } => write!(f, "create security group {name} in {vpc_id}"),
            Self::AllowSsh { group_id, port, cidr } => write!(f, "open port {port} of {group_id} to {cidr}"),
            Self::RevokeSsh { group_id, port, cidr } => write!(f, "close port {port} of {group_id} to {cidr}"),
            Self::AllowItself { group_id } => write!(f, "open {group_id} to its own members"),
            Self::CreateVolume { node, zone, gib, snapshot, .. } => {
                let from = snapshot.as_ref().map(|id| format!(" from {id}")).unwrap_or_default();
                write!(f, "create a {gib} GiB gp3 volume for node {node} in {zone}{from}")
            }
            Self::CreateSnapshot { volume_id, .. } => write!(f, "create a snapshot of {volume_id}"),
            Self::CopySnapshot { from, to, snapshot, .. } => write!(f, "copy {snapshot} from {from} to {to}"),
            Self::Enlarge { id, gib } => write!(f, "make {id} {gib} GiB large"),
            Self::SetTags { id, tags } => {
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "tag {id} with {}", tags.join(", "))
            }
            Self::CreateInterface { node, zone, .. } => {
                write!(f, "create a network interface for node {node} in {zone}")
            }
            Self::MakePublic { id } => write!(f, "have {id} get a public address"),
            Self::Launch(launch) => write!(f, "launch {launch} by RunInstances"),
            Self::RequestSpot(launch) => write!(f, "launch {launch} by RequestSpotInstances"),
            Self::Tag { ids, node } => write!(f, "tag {} as node {node}", list(ids)),
            Self::Attach { volume_id, instance_id, device } => {
                write!(f, "attach {volume_id} to {instance_id} as {device}")
            }
            Self::Detach { volume_id, instance_id } => write!(f, "detach {volume_id} from {instance_id}"),
            Self::CancelRequests { ids } => write!(f, "cancel spot request {}", list(ids)),
            Self::Terminate { ids } => write!(f, "terminate {}", list(ids)),
            Self::Stop { ids, hibernate: false } => write!(f, "stop {}", list(ids)),
            Self::Stop { ids, hibernate: true } => write!(f, "hibernate {}", list(ids)),
            Self::Start { ids } => write!(f, "start {}", list(ids)),
            Self::DeleteVolume { id } => write!(f, "delete volume {id}"),
            Self::DeleteGroup { id } => write!(f, "delete security group {id}"),
            Self::DeleteKey { name } => write!(f, "delete key pair {name}"),
            Self::DeleteInterface { id } => write!(f, "delete network interface {id}"),
            Self::DeleteSnapshot { id } => write!(f, "delete snapshot {id}"),
            Self::CreateImage { instance_id, .. } => write!(f, "create an image of {instance_id}"),
            Self::DeregisterImage { id } => write!(f, "delete image {id} with its snapshots"),
        }
    }
}

impl fmt::Display for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, set) = (if self.nodes.len() == 1 { "node" } else { "nodes" }, nodes::to_tag(&self.nodes));
        let on_demand = if self.on_demand { " ON-DEMAND" } else { "" };
        write!(f, "{word} {set} as {}{on_demand} with {}", self.pool, self.image.id)
    }
}

/// At most three ids by name: a line about a thousand nodes must stay a line.
fn list(ids: &[String]) -> String {
    match ids {
        [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a}, {b}, {c} and {} more", rest.len()),
        _ => ids.join(", "),
    }
}

impl Call {
    /// EC2's name of the action.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::ImportKey { .. } => "ImportKeyPair",
            Self::CreateGroup { .. } => "CreateSecurityGroup",
            Self::AllowSsh { .. } | Self::AllowItself { .. } => "AuthorizeSecurityGroupIngress",
            Self::RevokeSsh { .. } => "RevokeSecurityGroupIngress",
            Self::CreateVolume { .. } => "CreateVolume",
            Self::CreateSnapshot { .. } => "CreateSnapshot",
            Self::CopySnapshot { .. } => "CopySnapshot",
            Self::Enlarge { .. } => "ModifyVolume",
            Self::CreateInterface { .. } => "CreateNetworkInterface",
            Self::MakePublic { .. } => "ModifyNetworkInterfaceAttribute",
            Self::Launch(_) => "RunInstances",
            Self::RequestSpot(_) => "RequestSpotInstances",
            Self::Tag { .. } | Self::SetTags { .. } => "CreateTags",
            Self::Attach { .. } => "AttachVolume",
            Self::Detach { .. } => "DetachVolume",
            Self::CancelRequests { .. } => "CancelSpotInstanceRequests",
            Self::Terminate { .. } => "TerminateInstances",
            Self::Stop { .. } => "StopInstances",
            Self::Start { .. } => "StartInstances",
            Self::DeleteVolume { .. } => "DeleteVolume",
            Self::DeleteGroup { .. } => "DeleteSecurityGroup",
            Self::DeleteKey { .. } => "DeleteKeyPair",
            Self::DeleteInterface { .. } => "DeleteNetworkInterface",
            Self::DeleteSnapshot { .. } => "DeleteSnapshot",
            Self::CreateImage { .. } => "CreateImage",
            Self::DeregisterImage { .. } => "DeregisterImage",
        }
    }

    /// Whether EC2 takes a client token for it and an answer that was lost must be asked for again with that token.
    /// All other calls are the same done once or twice, or refuse a second time by name.
    #[must_use]
    pub fn takes_token(&self) -> bool {
        matches!(
            self,
            Self::Launch(_) | Self::RequestSpot(_) | Self::CreateVolume { .. } | Self::CreateInterface { .. }
        )
    }
}

/// What a call that succeeded made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Ids of instances, in the order of the launch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
    /// Ids of spot requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    /// The id of a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The id of a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The id of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The id of a security group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The id of a network interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

/// Tags by key.
pub type Tags = BTreeMap<String, String>;
