//! The default VPC and its subnets.

use super::Call;
use crate::simulator::network::{Subnet, VPC_CIDR, find_subnet, free_count, subnets, vpc_id};
use crate::simulator::objects::Tags;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::ACCOUNT;

/// DescribeVpcs: the default one.
pub(super) fn describe_vpcs(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let known = ["cidr", "cidr-block-association.cidr-block", "is-default", "owner-id", "state", "tag-key", "vpc-id"];
    let filters = call.args.filters(&known)?;
    let id = vpc_id(call.region_name());
    if let Some(unknown) = call.args.list("VpcId").into_iter().find(|asked| *asked != id) {
        return Err(Fault::new("InvalidVpcID.NotFound", format!("The vpc ID '{unknown}' does not exist")));
    }
    let shown = filters.accept(&Tags::new(), |name, is| match name {
        "cidr" | "cidr-block-association.cidr-block" => is(VPC_CIDR),
        "is-default" => is("true"),
        "owner-id" => is(ACCOUNT),
        "state" => is("available"),
        _ => is(&id),
    });
    let mut xml = Xml::new();
    xml.list("vpcSet", shown.then_some(&id), |xml, id| {
        xml.text("vpcId", id);
        xml.text("ownerId", ACCOUNT);
        xml.text("state", "available");
        xml.text("cidrBlock", VPC_CIDR);
        xml.text("dhcpOptionsId", &id.replace("vpc-", "dopt-"));
        xml.text("instanceTenancy", "default");
        xml.show("isDefault", true);
    });
    Ok(xml)
}

/// DescribeSubnets: the default one of each zone.
pub(super) fn describe_subnets(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let known = [
        "availability-zone",
        "availability-zone-id",
        "cidr-block",
        "default-for-az",
        "map-public-ip-on-launch",
        "owner-id",
        "state",
        "subnet-id",
        "tag-key",
        "vpc-id",
    ];
    let filters = call.args.filters(&known)?;
    let region = call.region_name();
    let ids = call.args.list("SubnetId");
    ids.iter().try_for_each(|id| find_subnet(region, id).map(drop))?;
    let vpc = vpc_id(region);
    let accept = |subnet: &Subnet| {
        filters.accept(&Tags::new(), |name, is| match name {
            "availability-zone" => is(&subnet.zone),
            "availability-zone-id" => is(&subnet.zone_id),
            "cidr-block" => is(&subnet.cidr),
            "default-for-az" | "map-public-ip-on-launch" => is("true"),
            "owner-id" => is(ACCOUNT),
            "state" => is("available"),
            "subnet-id" => is(&subnet.id),
            _ => is(&vpc),
        })
    };
    let shown =
        subnets(region).into_iter().filter(|it| (ids.is_empty() || ids.contains(&it.id.as_str())) && accept(it));
    let mut xml = Xml::new();
    xml.list("subnetSet", shown, |xml, subnet| {
        xml.text("subnetId", &subnet.id);
        xml.text("state", "available");
        xml.text("ownerId", ACCOUNT);
        xml.text("vpcId", &vpc);
        xml.text("cidrBlock", &subnet.cidr);
        xml.show("availableIpAddressCount", free_count(call.world, &subnet.id));
        xml.text("availabilityZone", &subnet.zone);
        xml.text("availabilityZoneId", &subnet.zone_id);
        xml.show("defaultForAz", true);
        xml.show("mapPublicIpOnLaunch", true);
        xml.show("assignIpv6AddressOnCreation", false);
    });
    Ok(xml)
}
