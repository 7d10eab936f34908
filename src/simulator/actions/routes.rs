//! The route table of the default VPC: the main one, with a way to the internet.

use super::Call;
use crate::simulator::network::{VPC_CIDR, vpc_id};
use crate::simulator::objects::Tags;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::ACCOUNT;

/// DescribeRouteTables: the default VPC has one, for all its subnets.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let known = [
        "association.gateway-id",
        "association.main",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "route.gateway-id",
        "route.nat-gateway-id",
        "route.origin",
        "route.state",
        "tag-key",
        "vpc-id",
    ];
    let filters = call.args.filters(&known)?;
    let vpc = vpc_id(call.region_name());
    let of_kind = |kind: &str| vpc.replacen("vpc", kind, 1);
    let (id, gateway, association) = (of_kind("rtb"), of_kind("igw"), of_kind("rtbassoc"));
    if let Some(unknown) = call.args.list("RouteTableId").into_iter().find(|asked| *asked != id) {
        let message = format!("The routeTable ID '{unknown}' does not exist");
        return Err(Fault::new("InvalidRouteTableID.NotFound", message));
    }
    let shown = filters.accept(&Tags::new(), |name, is| match name {
        "association.main" => is("true"),
        "association.route-table-association-id" => is(&association),
        "association.route-table-id" | "route-table-id" => is(&id),
        "owner-id" => is(ACCOUNT),
        "route.destination-cidr-block" => is(VPC_CIDR) || is("0.0.0.0/0"),
        "route.gateway-id" => is("local") || is(&gateway),
        "route.origin" => is("CreateRouteTable") || is("CreateRoute"),
        "route.state" => is("active"),
        "vpc-id" => is(&vpc),
        _ => false,
    });
    let routes = [(VPC_CIDR, "local", "CreateRouteTable"), ("0.0.0.0/0", gateway.as_str(), "CreateRoute")];
    let mut xml = Xml::new();
    xml.list("routeTableSet", shown.then_some(()), |xml, ()| {
        xml.text("routeTableId", &id);
        xml.text("vpcId", &vpc);
        xml.text("ownerId", ACCOUNT);
        xml.list("routeSet", routes, |xml, (to, by, origin)| {
            xml.text("destinationCidrBlock", to);
            xml.text("gatewayId", by);
            xml.text("state", "active");
            xml.text("origin", origin);
        });
        xml.list("associationSet", [&association], |xml, association| {
            xml.text("routeTableAssociationId", association);
            xml.text("routeTableId", &id);
            xml.show("main", true);
            xml.within("associationState", |xml| xml.text("state", "associated"));
        });
        xml.empty("propagatingVgwSet");
        xml.empty("tagSet");
    });
    Ok(xml)
}
