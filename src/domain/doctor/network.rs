//! Whether what is launched gets an address and can be reached.

use super::{Area, Check};
use crate::domain::market::Subnet;

/// The check's name.
pub const NAME: &str = "network";

/// A route table of a VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// Whether it counts for every subnet that has none of its own.
    pub main: bool,
    /// The subnets that it was given to.
    pub subnets: Vec<String>,
    /// Where 0.0.0.0/0 leads; none where no route has it.
    pub way_out: Option<WayOut>,
}

/// Where packets for the rest of the world go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// To an internet gateway: both ways.
    Internet,
    /// To something that lets packets out alone, or to a network of the user's own; EC2's id of it.
    Elsewhere(String),
    /// To something that is not there any more.
    Nowhere,
}

/// What is wrong with a subnet.
struct Fault {
    /// Whether nodes there cannot be launched or reached at all.
    fatal: bool,
    what: String,
    mend: String,
}

/// Whether nodes can be launched into the subnets and reached there. `named`: it is the one that the user chose, whose
/// nodes are launched with a public address whatever the subnet's own default. `nodes`: how many there are to be.
#[must_use]
pub fn check(subnets: &[Subnet], tables: &[RouteTable], named: bool, nodes: u32) -> Check {
    let faults: Vec<(&Subnet, Fault)> =
        subnets.iter().filter_map(|subnet| Some((subnet, fault(subnet, tables, named, nodes)?))).collect();
    let dead = faults.iter().filter(|(_, fault)| fault.fatal).count();
    let Some((_, first)) = faults.iter().find(|(_, fault)| fault.fatal == (dead > 0)) else {
        return Check::ok(NAME, summary(subnets, named));
    };
    let found = by_fault(&faults);
    if dead == subnets.len() {
        return Check::wrong(NAME, Area::Other, found, first.mend.clone());
    }
    let rest = if named { String::new() } else { format!("; {} of {} will do", subnets.len() - dead, subnets.len()) };
    Check::warning(NAME, format!("{found}{rest}"), first.mend.clone())
}

/// The faults, each with the subnets that have it.
fn by_fault(faults: &[(&Subnet, Fault)]) -> String {
    let mut groups: Vec<(&str, Vec<&Subnet>)> = Vec::new();
    for (subnet, fault) in faults {
        match groups.iter_mut().find(|(what, _)| *what == fault.what) {
            Some((_, subnets)) => subnets.push(subnet),
            None => groups.push((&fault.what, vec![subnet])),
        }
    }
    let line = |(what, subnets): &(&str, Vec<&Subnet>)| match subnets.as_slice() {
        [one] => format!("{} ({}) {what}", one.id, one.zone),
        [first, rest @ ..] => format!("{} ({}) and {} more subnets: each {what}", first.id, first.zone, rest.len()),
        [] => String::new(),
    };
    groups.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn summary(subnets: &[Subnet], named: bool) -> String {
    let free: u64 = subnets.iter().map(|subnet| u64::from(subnet.free_addresses)).sum();
    let vpc = subnets.first().map_or("no VPC", |subnet| subnet.vpc_id.as_str());
    match subnets {
        [one] if named => format!("subnet {} in {} ({vpc}), {free} free addresses, a route out", one.id, one.zone),
        _ => format!(
            "default VPC {vpc}: {} subnets, {free} free addresses, routes out, public addresses on",
            subnets.len()
        ),
    }
}

fn fault(subnet: &Subnet, tables: &[RouteTable], named: bool, nodes: u32) -> Option<Fault> {
    let id = &subnet.id;
    let other = "use another subnet with --subnet";
    if let Some(what) = no_way(subnet, tables) {
        let mend = format!(
            "give {id} a route table whose 0.0.0.0/0 leads to an internet gateway: `aws ec2 create-route \
             --route-table-id RTB --destination-cidr-block 0.0.0.0/0 --gateway-id IGW`, or {other}"
        );
        return Some(Fault { fatal: true, what, mend });
    }
    if !named && !subnet.public_addresses {
        let mend = format!("`aws ec2 modify-subnet-attribute --subnet-id {id} --map-public-ip-on-launch`, or {other}");
        return Some(Fault { fatal: true, what: "gives no public addresses".to_owned(), mend });
    }
    if subnet.free_addresses >= nodes.max(1) {
        return None;
    }
    let what = format!("has {} free addresses, and {nodes} are needed", subnet.free_addresses);
    let mend = format!("delete network interfaces in {id} that nothing uses, or {other}");
    Some(Fault { fatal: subnet.free_addresses == 0 || named, what, mend })
}

/// What keeps packets of a subnet from the internet, or from coming back.
fn no_way(subnet: &Subnet, tables: &[RouteTable]) -> Option<String> {
    let own = tables.iter().find(|table| table.subnets.contains(&subnet.id));
    match own.or_else(|| tables.iter().find(|table| table.main)).and_then(|table| table.way_out.as_ref()) {
        Some(WayOut::Internet) => None,
        Some(WayOut::Elsewhere(id)) => Some(format!("leads out by {id}, through which no ssh comes in")),
        Some(WayOut::Nowhere) => Some("has a route out whose gateway is gone".to_owned()),
        None => Some("has no route out".to_owned()),
    }
}

/// The verdict on a region without any default subnet.
#[must_use]
pub fn no_default_subnet(region: &str, default_vpc: Option<&str>) -> Check {
    match default_vpc {
        None => Check::wrong(
            NAME,
            Area::Other,
            format!("{region} has no default VPC"),
            format!("`aws ec2 create-default-vpc --region {region}`, or name a subnet with --subnet"),
        ),
        Some(vpc) => Check::wrong(
            NAME,
            Area::Other,
            format!("the default VPC {vpc} of {region} has no default subnets"),
            format!("`aws ec2 create-default-subnet --availability-zone {region}a`, or name a subnet with --subnet"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::doctor::Verdict;

    fn subnet(id: &str, free_addresses: u32, public_addresses: bool) -> Subnet {
        let (zone, vpc_id) = ("us-east-1a".to_owned(), "vpc-1".to_owned());
        Subnet { id: id.to_owned(), zone, vpc_id, free_addresses, public_addresses }
    }

    fn main(way_out: Option<WayOut>) -> RouteTable {
        RouteTable { main: true, subnets: Vec::new(), way_out }
    }

    #[test]
    fn a_default_network_with_a_gateway_and_addresses_is_fine() {
        let fine = check(&[subnet("a", 4091, true), subnet("b", 10, true)], &[main(Some(WayOut::Internet))], false, 3);
        assert_eq!(fine.verdict, Verdict::Ok);
        assert!(fine.found.contains("2 subnets, 4101 free addresses"), "{fine:?}");
    }

    #[test]
    fn a_subnets_own_table_counts_before_the_main_one() {
        let own = RouteTable { main: false, subnets: vec!["a".to_owned()], way_out: None };
        let tables = [main(Some(WayOut::Internet)), own];
        let one = check(&[subnet("a", 9, true), subnet("b", 9, true)], &tables, false, 1);
        assert_eq!(one.verdict, Verdict::Warning);
        assert!(one.found.contains("a (us-east-1a) has no route out; 1 of 2 will do"), "{one:?}");
        assert_eq!(check(&[subnet("a", 9, true)], &tables, true, 1).verdict, Verdict::Wrong(Area::Other));
    }

    #[test]
    fn subnets_with_the_same_fault_are_told_together() {
        let all = check(&[subnet("a", 9, true), subnet("b", 9, true), subnet("c", 9, true)], &[], false, 1);
        assert_eq!(all.found, "a (us-east-1a) and 2 more subnets: each has no route out");
    }

    #[test]
    fn a_way_that_only_leads_out_is_none_for_ssh() {
        for way in [Some(WayOut::Elsewhere("nat-1".to_owned())), Some(WayOut::Nowhere), None] {
            let verdict = check(&[subnet("a", 9, true)], &[main(way.clone())], false, 1).verdict;
            assert_eq!(verdict, Verdict::Wrong(Area::Other), "{way:?}");
        }
    }

    #[test]
    fn public_addresses_matter_where_ec2_picks_the_subnet() {
        let tables = [main(Some(WayOut::Internet))];
        let default = check(&[subnet("a", 9, false)], &tables, false, 1);
        assert_eq!(default.verdict, Verdict::Wrong(Area::Other));
        assert!(default.mend.unwrap_or_default().contains("--map-public-ip-on-launch"));
        assert_eq!(check(&[subnet("a", 9, false)], &tables, true, 1).verdict, Verdict::Ok);
    }

    #[test]
    fn a_subnet_with_too_few_addresses_is_told() {
        let tables = [main(Some(WayOut::Internet))];
        assert_eq!(check(&[subnet("a", 2, true)], &tables, true, 3).verdict, Verdict::Wrong(Area::Other));
        let some = check(&[subnet("a", 2, true), subnet("b", 9, true)], &tables, false, 3);
        assert_eq!(some.verdict, Verdict::Warning);
        assert!(some.found.contains("2 free addresses, and 3 are needed"), "{some:?}");
    }

    #[test]
    fn without_a_default_vpc_the_command_that_makes_one_is_named() {
        let none = no_default_subnet("us-east-1", None);
        assert!(none.mend.unwrap_or_default().contains("aws ec2 create-default-vpc --region us-east-1"));
        let bare = no_default_subnet("us-east-1", Some("vpc-1"));
        assert!(bare.mend.unwrap_or_default().contains("create-default-subnet"));
    }
}
