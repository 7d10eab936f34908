//! The default VPC of each region: its subnets and addresses.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::catalog::{Region, find_region};
use super::chance;
use super::protocol::Fault;
use super::world::World;

/// The block of every default VPC, as on EC2.
pub(super) const VPC_CIDR: &str = "172.31.0.0/16";
/// Addresses of a /20 subnet less the five that EC2 keeps.
const USABLE: u32 = 4091;

/// One default subnet: one a zone.
#[derive(Clone, Debug)]
pub(super) struct Subnet {
    pub id: String,
    pub zone: String,
    pub zone_id: String,
    pub cidr: String,
    first: u32,
}

/// The id of a region's default VPC: the same in every world.
pub(super) fn vpc_id(region: &str) -> String {
    chance::id("vpc", 0, &[region])
}

/// The id of a region's default security group.
pub(super) fn default_group_id(region: &str) -> String {
    chance::id("sg", 0, &["default", region])
}

/// The default subnets of a region.
pub(super) fn subnets(region: &str) -> Vec<Subnet> {
    find_region(region).map(of_region).unwrap_or_default()
}

fn of_region(region: &Region) -> Vec<Subnet> {
    region
        .zones
        .iter()
        .zip(0_u8..16)
        .map(|(zone, index)| {
            let base = Ipv4Addr::new(172, 31, index * 16, 0);
            Subnet {
                id: chance::id("subnet", 0, &[&zone.name]),
                zone: zone.name.clone(),
                zone_id: zone.id.clone(),
                cidr: format!("{base}/20"),
                first: u32::from(base) + 4,
            }
        })
        .collect()
}

/// The subnet with that id.
pub(super) fn find_subnet(region: &str, id: &str) -> Result<Subnet, Fault> {
    subnets(region)
        .into_iter()
        .find(|subnet| subnet.id == id)
        .ok_or_else(|| Fault::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist")))
}

/// The default subnet of a zone.
pub(super) fn subnet_of_zone(region: &str, zone: &str) -> Option<Subnet> {
    subnets(region).into_iter().find(|subnet| subnet.zone == zone)
}

/// The addresses of a subnet that are taken.
pub(super) fn taken(world: &World, subnet: &str) -> BTreeSet<Ipv4Addr> {
    world
        .interfaces
        .values()
        .filter(|interface| interface.subnet == subnet)
        .map(|interface| interface.private_ip)
        .collect()
}

/// How many addresses a subnet has left.
pub(super) fn free_count(world: &World, subnet: &str) -> usize {
    usize::try_from(USABLE).unwrap_or(0).saturating_sub(taken(world, subnet).len())
}

/// A free address of a subnet, noted as taken: where the id's draw points, or the next free one after it.
pub(super) fn free_address(subnet: &Subnet, taken: &mut BTreeSet<Ipv4Addr>, id: &str) -> Result<Ipv4Addr, Fault> {
    let start = u32::try_from(chance::draw(0, &[id]) % u64::from(USABLE)).unwrap_or(0);
    for step in 0..USABLE {
        let address = Ipv4Addr::from(subnet.first + (start + step) % USABLE);
        if taken.insert(address) {
            return Ok(address);
        }
    }
    let message = format!(
        "There are not enough free addresses in subnet '{}' to satisfy the requested number of instances.",
        subnet.id
    );
    Err(Fault::new("InsufficientFreeAddressesInSubnet", message))
}

/// Takes a given address of a subnet.
pub(super) fn take_address(subnet: &Subnet, taken: &mut BTreeSet<Ipv4Addr>, address: Ipv4Addr) -> Result<(), Fault> {
    if !(subnet.first..subnet.first + USABLE).contains(&u32::from(address)) {
        return Err(Fault::value("Address does not fall within the subnet's address range"));
    }
    if taken.insert(address) {
        Ok(())
    } else {
        Err(Fault::new("InvalidIPAddress.InUse", format!("Address {address} is in use.")))
    }
}

/// A public address for a number that is given out once: from 198.18.0.0/15, the range kept free for tests (RFC 2544), so
/// that no simulated address is anybody's. It wraps after 131,070 addresses.
pub(super) fn public_address(number: u64) -> Ipv4Addr {
    let offset = u32::try_from(number % 131_070).unwrap_or(0);
    Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + offset)
}

/// The name that EC2 gives a public address.
pub(super) fn public_name(region: &str, address: Ipv4Addr) -> String {
    let dashed = address.to_string().replace('.', "-");
    // us-east-1 kept the names it had when it was the only region.
    if region == "us-east-1" {
        format!("ec2-{dashed}.compute-1.amazonaws.com")
    } else {
        format!("ec2-{dashed}.{region}.compute.amazonaws.com")
    }
}

/// The name that EC2 gives a private address.
pub(super) fn private_name(region: &str, address: Ipv4Addr) -> String {
    let dashed = address.to_string().replace('.', "-");
    if region == "us-east-1" {
        format!("ip-{dashed}.ec2.internal")
    } else {
        format!("ip-{dashed}.{region}.compute.internal")
    }
}
