//! vCPU quotas: one for each group of instance families, for spot and for on-demand, in each region.
//!
//! The groups are those of "Amazon EC2 instance type quotas" and "Spot Instance quotas" in the EC2 user guide.

use super::catalog::find_type;
use super::objects::{InstanceState, RequestState};
use super::world::World;

/// The groups of families that have a quota of their own.
pub(super) const GROUPS: [&str; 11] =
    ["standard", "dl", "f", "g-vt", "high-memory", "hpc", "inf", "p", "p5", "trn", "x"];

/// The group that an instance type's quota is of.
pub(super) fn group(instance_type: &str, spot: bool) -> &'static str {
    let digit = instance_type.find(|c: char| c.is_ascii_digit()).unwrap_or(instance_type.len());
    let (family, rest) = instance_type.split_at(digit);
    match family.split('-').next().unwrap_or_default() {
        "dl" => "dl",
        "f" => "f",
        "g" | "gr" | "vt" => "g-vt",
        "u" => "high-memory",
        "hpc" => "hpc",
        "inf" => "inf",
        // The fifth generation has a spot quota of its own, and shares the on-demand one.
        "p" if spot && rest.starts_with('5') => "p5",
        "p" => "p",
        "trn" => "trn",
        "x" => "x",
        _ => "standard",
    }
}

/// The vCPUs of a type.
pub(super) fn vcpus_of(instance_type: &str) -> u64 {
    find_type(instance_type).map_or(0, |it| u64::from(it.vcpus))
}

/// What is left of the quota that a type falls under, and the quota itself. Open requests count as those do whose instance
/// is alive.
pub(super) fn left(world: &World, region: &str, instance_type: &str, spot: bool) -> (u64, u64) {
    let group_asked = group(instance_type, spot);
    let counted = |launch: &str| {
        let of = world.launches.get(launch).map(|launch| launch.instance_type.as_str());
        of.filter(|name| group(name, spot) == group_asked).map_or(0, vcpus_of)
    };
    let takes = |state| matches!(state, InstanceState::Pending | InstanceState::Running | InstanceState::Stopping);
    let alive =
        world.instances.values().filter(|it| it.region == region && it.request.is_some() == spot && takes(it.state));
    let open = world.requests.values().filter(|it| spot && it.region == region && it.state == RequestState::Open);
    let used: u64 = alive.map(|it| counted(&it.launch)).chain(open.map(|it| counted(&it.launch))).sum();
    let limit = world.settings().quota(group_asked, spot);
    (limit.saturating_sub(used), limit)
}

#[cfg(test)]
mod tests {
    use super::group;

    #[test]
    fn each_type_has_its_group() {
        for (name, spot) in
            [("m7a.xlarge", "standard"), ("im4gn.large", "standard"), ("inf2.xlarge", "inf"), ("g5.xlarge", "g-vt")]
        {
            assert_eq!(group(name, true), spot, "{name}");
        }
        assert_eq!((group("p5.48xlarge", true), group("p5.48xlarge", false)), ("p5", "p"));
        assert_eq!((group("p4d.24xlarge", true), group("x2iedn.xlarge", true)), ("p", "x"));
        assert_eq!((group("u-6tb1.metal", false), group("hpc7a.12xlarge", true)), ("high-memory", "hpc"));
        assert_eq!((group("vt1.3xlarge", true), group("trn1.2xlarge", true)), ("g-vt", "trn"));
    }
}
