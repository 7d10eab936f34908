//! What there is to choose from: types, zones, prices, subnets, images.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::advisor::Band;
use super::demand::Arch;

/// What an instance type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeFacts {
    /// Its name, for example `c7i.4xlarge`.
    pub name: String,
    /// Default vCPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Architectures that images for it may have.
    pub archs: Vec<Arch>,
    /// Whether EC2 sells it as spot.
    pub spot: bool,
    /// Whether EC2 counts it as a current generation.
    pub current_generation: bool,
    /// Whether its processor is throttled to credits (t types).
    pub burstable: bool,
    /// Whether it is a whole machine.
    pub bare_metal: bool,
    /// Instance store in all, GB; 0: none.
    pub local_disk_gb: u64,
    /// How many instance-store disks.
    pub local_disks: u32,
    /// Whether its instance store is NVMe. Types whose is not need `ephemeralN` mappings at launch.
    pub local_nvme: bool,
    /// Whether it can hibernate.
    pub hibernation: bool,
    /// How many GPUs; a part of one counts as one.
    pub gpus: u32,
}

/// A spot price that is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotPrice {
    /// The instance type.
    pub instance_type: String,
    /// The availability zone.
    pub zone: String,
    /// USD per hour.
    pub usd_per_hour: f64,
    /// Since when.
    pub since: Timestamp,
}

/// A subnet that instances may be launched in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its availability zone.
    pub zone: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Addresses that are left.
    pub free_addresses: u32,
    /// Whether instances get a public address there by themselves.
    pub public_addresses: bool,
}

/// An image to boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: Arch,
    /// The device name of the root disk, for example `/dev/sda1`.
    pub root_device: String,
    /// The least size of the root disk, GiB.
    pub root_gib: u32,
}

/// What EC2 offers in one region for one demand, at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Market {
    /// When it was asked for.
    pub surveyed_at: Timestamp,
    /// The types that were asked about, unsuitable ones too.
    pub types: Vec<TypeFacts>,
    /// (type, availability zone) that EC2 offers at all.
    pub offered: Vec<(String, String)>,
    /// Prices now, at most one a pool.
    pub prices: Vec<SpotPrice>,
    /// Subnets of the VPC that will be used.
    pub subnets: Vec<Subnet>,
    /// The image for each architecture; none where the family has none.
    pub images: BTreeMap<Arch, Image>,
    /// Whether the environment's key pair is there already.
    pub key_present: bool,
    /// What AWS publishes about the types.
    pub published: Published,
}

/// What AWS publishes beside what EC2 answers, by instance type, for one region. What is not known is not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// How often spot instances are interrupted: the Spot Advisor.
    pub bands: BTreeMap<String, Band>,
    /// On-demand prices, USD per hour: the price list.
    pub on_demand: BTreeMap<String, f64>,
}
