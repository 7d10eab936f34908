//! What EC2 has for hire: instance types, regions, zones and which zone offers which type.
//!
//! The facts are in `data/`, see its README for where they come from.

use std::collections::HashMap;
use std::sync::LazyLock;

const TYPES_CSV: &str = include_str!("data/instance-types.csv");
const REGIONS_CSV: &str = include_str!("data/regions.csv");

/// One instance type, as DescribeInstanceTypes tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeInfo {
    /// For example `c5d.large`.
    pub name: String,
    /// Virtual CPUs with the default options.
    pub vcpus: u32,
    /// Physical cores with the default options.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Of `i386`, `x86_64`, `arm64`.
    pub architectures: Vec<String>,
    /// Whether EC2 calls it current.
    pub current_generation: bool,
    /// Of `on-demand`, `spot`, `capacity-block`.
    pub usage_classes: Vec<String>,
    /// Whether it earns and spends CPU credits (the T families).
    pub burstable: bool,
    /// Whether it is a whole machine without a hypervisor.
    pub bare_metal: bool,
    /// `nitro` or `xen`; none for bare metal.
    pub hypervisor: Option<String>,
    /// Whether it can hibernate.
    pub hibernation: bool,
    /// Its local disks, if any.
    pub instance_store: Option<InstanceStore>,
    /// Its GPUs, if any.
    pub gpus: Option<Gpus>,
    /// How many network interfaces it takes.
    pub max_enis: u32,
    /// How many IPv4 addresses each interface takes.
    pub ips_per_eni: u32,
    /// EC2's own words, for example `Up to 10 Gigabit`.
    pub network_performance: String,
    /// Linux, us-east-1, USD per hour; none where no price is published.
    pub on_demand_usd: Option<f64>,
}

/// The local disks of a type; all of one kind and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceStore {
    /// All disks together, in GB.
    pub total_gb: u64,
    /// How many.
    pub disk_count: u32,
    /// Each, in GB.
    pub disk_gb: u64,
    /// `ssd` or `hdd`.
    pub kind: String,
    /// `required`, `supported` or `unsupported`; where it is `unsupported` the disks appear only if the launch maps `ephemeralN`.
    pub nvme: String,
}

/// The GPUs of a type; all alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpus {
    /// How many.
    pub count: u32,
    /// For example `A10G`.
    pub name: String,
    /// For example `NVIDIA`.
    pub manufacturer: String,
    /// Memory of each, in MiB.
    pub memory_mib: u64,
}

/// One region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// For example `us-west-1`.
    pub name: String,
    /// The host name of its EC2 endpoint.
    pub endpoint: String,
    /// `opt-in-not-required`, `opted-in` or `not-opted-in`.
    pub opt_in_status: String,
    /// Its availability zones, by name.
    pub zones: Vec<Zone>,
    offered: &'static [u8],
}

/// One availability zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The account's own name for it, for example `us-west-1a`.
    pub name: String,
    /// The same for every account, for example `usw1-az3`.
    pub id: String,
}

/// All instance types of the simulator, family by family and small to large.
#[must_use]
pub fn instance_types() -> &'static [TypeInfo] {
    static TYPES: LazyLock<Vec<TypeInfo>> = LazyLock::new(|| data_lines(TYPES_CSV).filter_map(parse_type).collect());
    &TYPES
}

/// The type of that name.
#[must_use]
pub fn find_type(name: &str) -> Option<&'static TypeInfo> {
    instance_types().get(type_index(name)?)
}

/// All commercial regions, by name.
#[must_use]
pub fn regions() -> &'static [Region] {
    static REGIONS: LazyLock<Vec<Region>> =
        LazyLock::new(|| data_lines(REGIONS_CSV).filter_map(parse_region).collect());
    &REGIONS
}

/// The region of that name.
#[must_use]
pub fn find_region(name: &str) -> Option<&'static Region> {
    regions().iter().find(|region| region.name == name)
}

/// Whether the zone (by name) of the region offers the type.
///
/// A region that is not opted in offers nothing.
#[must_use]
pub fn offered(region: &str, zone: &str, type_name: &str) -> bool {
    let Some(region) = find_region(region) else { return false };
    let Some(bit) = region.zones.iter().position(|candidate| candidate.name == zone) else { return false };
    let Some(mask) = type_index(type_name).and_then(|index| region.offered.get(index)) else { return false };
    mask.wrapping_sub(b'0') >> bit & 1 == 1
}

fn type_index(name: &str) -> Option<usize> {
    static INDEX: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
        instance_types().iter().enumerate().map(|(index, info)| (info.name.as_str(), index)).collect()
    });
    INDEX.get(name).copied()
}

/// The lines of a data file without its comments and its heading.
fn data_lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn parse_type(line: &str) -> Option<TypeInfo> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    let info = TypeInfo {
        name: next()?.to_owned(),
        vcpus: next()?.parse().ok()?,
        cores: next()?.parse().ok()?,
        memory_mib: next()?.parse().ok()?,
        architectures: words(next()?),
        current_generation: yes_or_no(next()?)?,
        usage_classes: words(next()?),
        burstable: yes_or_no(next()?)?,
        bare_metal: yes_or_no(next()?)?,
        hypervisor: next().map(|name| (!name.is_empty()).then(|| name.to_owned()))?,
        hibernation: yes_or_no(next()?)?,
        instance_store: parse_store([next()?, next()?, next()?, next()?, next()?])?,
        gpus: parse_gpus([next()?, next()?, next()?, next()?])?,
        max_enis: next()?.parse().ok()?,
        ips_per_eni: next()?.parse().ok()?,
        network_performance: next()?.to_owned(),
        on_demand_usd: optional(next()?, |price| price.parse().ok())?,
    };
    next().is_none().then_some(info)
}

fn parse_store([total, disks, each, kind, nvme]: [&str; 5]) -> Option<Option<InstanceStore>> {
    optional(total, |total| {
        Some(InstanceStore {
            total_gb: total.parse().ok()?,
            disk_count: disks.parse().ok()?,
            disk_gb: each.parse().ok()?,
            kind: kind.to_owned(),
            nvme: nvme.to_owned(),
        })
    })
}

fn parse_gpus([count, name, manufacturer, memory]: [&str; 4]) -> Option<Option<Gpus>> {
    optional(count, |count| {
        Some(Gpus {
            count: count.parse().ok()?,
            name: name.to_owned(),
            manufacturer: manufacturer.to_owned(),
            memory_mib: memory.parse().ok()?,
        })
    })
}

/// An empty field is no value; a field that cannot be read makes the line unreadable.
fn optional<T>(field: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if field.is_empty() { Some(None) } else { read(field).map(Some) }
}

fn words(field: &str) -> Vec<String> {
    field.split('|').map(str::to_owned).collect()
}

fn yes_or_no(field: &str) -> Option<bool> {
    match field {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn parse_region(line: &'static str) -> Option<Region> {
    let mut fields = line.splitn(4, ',');
    let name = fields.next()?.to_owned();
    let opt_in_status = fields.next()?.to_owned();
    let zones = fields.next()?.split(';').map(parse_zone).collect::<Option<Vec<_>>>()?;
    let endpoint = format!("ec2.{name}.amazonaws.com");
    Some(Region { name, endpoint, opt_in_status, zones, offered: fields.next()?.as_bytes() })
}

fn parse_zone(field: &str) -> Option<Zone> {
    let (name, id) = field.split_once('=')?;
    Some(Zone { name: name.to_owned(), id: id.to_owned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_types_is_read() {
        assert_eq!(instance_types().len(), data_lines(TYPES_CSV).count());
        assert!(instance_types().len() > 350);
    }

    #[test]
    fn every_line_of_the_regions_is_read_and_fits_the_types() {
        assert_eq!(regions().len(), data_lines(REGIONS_CSV).count());
        for region in regions() {
            let known = if region.opt_in_status == "not-opted-in" { 0 } else { instance_types().len() };
            assert_eq!(region.offered.len(), known, "{}", region.name);
            for mask in region.offered {
                assert!(u32::from(mask - b'0') < 1 << region.zones.len(), "{}", region.name);
            }
        }
    }

    #[test]
    fn types_and_zones_have_names_of_their_own() {
        let names: std::collections::HashSet<_> = instance_types().iter().map(|info| &info.name).collect();
        assert_eq!(names.len(), instance_types().len());
        let zones: Vec<_> = regions().iter().flat_map(|region| &region.zones).collect();
        assert_eq!(zones.iter().map(|zone| &zone.id).collect::<std::collections::HashSet<_>>().len(), zones.len());
    }

    #[test]
    fn an_unreadable_line_is_no_type() {
        let line = data_lines(TYPES_CSV).next().unwrap();
        assert!(parse_type(line).is_some());
        assert!(parse_type(&line.replace(",no,", ",maybe,")).is_none());
        assert!(parse_type(&format!("{line},more")).is_none());
    }

    #[test]
    fn old_and_new_disks_are_told_apart() {
        let old = find_type("c3.8xlarge").unwrap().instance_store.as_ref().unwrap();
        assert_eq!((old.disk_count, old.disk_gb, old.total_gb, old.nvme.as_str()), (2, 320, 640, "unsupported"));
        let new = find_type("c5d.large").unwrap().instance_store.as_ref().unwrap();
        assert_eq!((new.disk_count, new.nvme.as_str()), (1, "required"));
        assert!(find_type("c5.large").unwrap().instance_store.is_none());
    }

    #[test]
    fn a_metal_type_has_no_hypervisor_and_a_gpu_type_has_gpus() {
        let metal = find_type("c5.metal").unwrap();
        assert!(metal.bare_metal && metal.hypervisor.is_none());
        let gpus = find_type("p5.48xlarge").unwrap().gpus.as_ref().unwrap();
        assert_eq!((gpus.count, gpus.name.as_str(), gpus.manufacturer.as_str()), (8, "H100", "NVIDIA"));
        assert_eq!(find_type("no.such"), None);
    }

    #[test]
    fn us_west_1_has_two_zones_and_us_east_1_six() {
        assert_eq!(find_region("us-west-1").unwrap().zones.len(), 2);
        assert_eq!(find_region("us-east-1").unwrap().zones.len(), 6);
        assert_eq!(find_region("us-east-1").unwrap().endpoint, "ec2.us-east-1.amazonaws.com");
        assert_eq!(find_region("us-moon-1"), None);
    }

    #[test]
    fn offers_follow_the_recorded_zones() {
        assert!(offered("us-east-1", "us-east-1a", "c7i.large"));
        assert!(!offered("us-east-1", "us-east-1e", "c7i.large"), "the old zone lacks new types");
        assert!(offered("us-west-1", "us-west-1a", "m5.large"));
        assert!(!offered("us-west-1", "us-west-1z", "m5.large"));
        assert!(!offered("mx-central-1", "mx-central-1a", "m5.large"), "not opted in");
        assert!(!offered("us-west-1", "us-west-1a", "no.such"));
    }
}
