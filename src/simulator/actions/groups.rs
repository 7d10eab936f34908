//! Security groups and their inbound rules.

use std::net::IpAddr;

use super::{Call, check_id, done, pick, tag_set};
use crate::simulator::network::vpc_id;
use crate::simulator::objects::{Group, InstanceState, Rule, Source};
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Args, Fault, Xml};
use crate::simulator::world::{ACCOUNT, World};

use super::tags::asked_for;

const FILTERS: [&str; 12] = [
    "description",
    "egress.ip-permission.cidr",
    "group-id",
    "group-name",
    "ip-permission.cidr",
    "ip-permission.from-port",
    "ip-permission.group-id",
    "ip-permission.protocol",
    "ip-permission.to-port",
    "owner-id",
    "tag-key",
    "vpc-id",
];

fn not_found(id: &str) -> Fault {
    Fault::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
}

/// The group with that id, seen by describes already or not.
pub(super) fn check_exists(world: &World, region: &str, id: &str) -> Result<(), Fault> {
    check_id(id, "sg", "InvalidGroupId.Malformed")?;
    world.groups.get(id).filter(|group| group.region == region).map(|_| ()).ok_or_else(|| not_found(id))
}

/// The id of the group with that name.
pub(super) fn by_name(world: &World, region: &str, name: &str) -> Option<String> {
    world.groups.iter().find(|(_, group)| group.region == region && group.name == name).map(|(id, _)| id.clone())
}

/// Writes a `groupSet`.
pub(super) fn group_set(xml: &mut Xml, world: &World, ids: &[String]) {
    xml.list("groupSet", ids, |xml, id| {
        xml.text("groupId", id);
        xml.text("groupName", world.groups.get(id).map_or("", |group| &group.name));
    });
}

/// DescribeSecurityGroups.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let page = Page::read(&call.args, 5..=1000)?;
    let (ids, names) = (call.args.list("GroupId"), call.args.list("GroupName"));
    let (region, now) = (call.region_name(), call.now);
    let vpc = vpc_id(region);
    let seen = |group: &Group| group.region == region && group.visible <= now;
    ids.iter().try_for_each(|id| check_id(id, "sg", "InvalidGroupId.Malformed"))?;
    let missing = |absent: &[&str]| not_found(absent.first().copied().unwrap_or_default());
    let found = pick(&call.world.groups, &ids, seen, missing)?;
    if let Some(absent) = names.iter().find(|name| !found.iter().any(|(_, group)| group.name == **name)) {
        return Err(not_found(absent));
    }
    let shown = found.into_iter().filter(|(id, group)| {
        let any = |test: &dyn Fn(&Rule) -> bool| group.rules.iter().any(test);
        (names.is_empty() || names.contains(&group.name.as_str()))
            && filters.accept(&group.tags, |name, is| match name {
                "description" => is(&group.description),
                "egress.ip-permission.cidr" => is("0.0.0.0/0"),
                "group-id" => is(id),
                "group-name" => is(&group.name),
                "ip-permission.cidr" => any(&|rule| matches!(&rule.source, Source::Cidr(cidr) if is(cidr))),
                "ip-permission.from-port" => any(&|rule| rule.from.is_some_and(|port| is(&port.to_string()))),
                "ip-permission.group-id" => any(&|rule| matches!(&rule.source, Source::Group(group) if is(group))),
                "ip-permission.protocol" => any(&|rule| is(&rule.protocol)),
                "ip-permission.to-port" => any(&|rule| rule.to.is_some_and(|port| is(&port.to_string()))),
                "owner-id" => is(ACCOUNT),
                _ => is(&vpc),
            })
    });
    let (shown, next) = page.cut(shown, |(id, _)| id);
    let mut xml = Xml::new();
    xml.list("securityGroupInfo", shown, |xml, (id, group)| {
        xml.text("ownerId", ACCOUNT);
        xml.text("groupId", id);
        xml.text("groupName", &group.name);
        xml.text("groupDescription", &group.description);
        xml.text("vpcId", &vpc);
        write_permissions(xml, &group.rules);
        xml.list("ipPermissionsEgress", [()], |xml, ()| {
            xml.text("ipProtocol", "-1");
            xml.empty("groups");
            xml.list("ipRanges", [()], |xml, ()| xml.text("cidrIp", "0.0.0.0/0"));
            xml.empty("ipv6Ranges");
            xml.empty("prefixListIds");
        });
        tag_set(xml, &group.tags);
        xml.text("securityGroupArn", &format!("arn:aws:ec2:{region}:{ACCOUNT}:security-group/{id}"));
    });
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

/// Rules for one protocol and port range stand in one item, with all their sources.
fn write_permissions(xml: &mut Xml, rules: &[Rule]) {
    let mut ranges: Vec<(&str, Option<i32>, Option<i32>)> =
        rules.iter().map(|rule| (rule.protocol.as_str(), rule.from, rule.to)).collect();
    ranges.sort_unstable();
    ranges.dedup();
    xml.list("ipPermissions", ranges, |xml, range| {
        let of_range: Vec<&Rule> =
            rules.iter().filter(|rule| (rule.protocol.as_str(), rule.from, rule.to) == range).collect();
        xml.text("ipProtocol", range.0);
        if let (Some(from), Some(to)) = (range.1, range.2) {
            xml.show("fromPort", from);
            xml.show("toPort", to);
        }
        let write = |xml: &mut Xml, list: &str, name: &str, value: fn(&Source) -> Option<&String>| {
            let sources = of_range.iter().filter_map(|rule| value(&rule.source).map(|value| (value, rule)));
            xml.list(list, sources, |xml, (value, rule)| {
                xml.text(name, value);
                if list == "groups" {
                    xml.text("userId", ACCOUNT);
                }
                xml.some("description", rule.description.as_deref());
            });
        };
        write(xml, "groups", "groupId", |source| if let Source::Group(id) = source { Some(id) } else { None });
        write(xml, "ipRanges", "cidrIp", |source| if let Source::Cidr(cidr) = source { Some(cidr) } else { None });
        write(xml, "ipv6Ranges", "cidrIpv6", |source| if let Source::Cidr6(cidr) = source { Some(cidr) } else { None });
        xml.empty("prefixListIds");
    });
}

/// CreateSecurityGroup. It takes no ClientToken: names are unique in a VPC, which does the same.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (name, description) = (call.args.need("GroupName")?, call.args.need("GroupDescription")?);
    let region = call.region_name();
    if name.len() > 255 || description.len() > 255 {
        return Err(Fault::value("A security group's name and description may have up to 255 characters."));
    }
    if name.starts_with("sg-") {
        return Err(Fault::value(format!(
            "Value ({name}) for parameter groupName is invalid. Group names may not begin with sg-."
        )));
    }
    let vpc = vpc_id(region);
    if let Some(other) = call.args.get("VpcId").filter(|asked| *asked != vpc) {
        return Err(Fault::new("InvalidVpcID.NotFound", format!("The vpc ID '{other}' does not exist")));
    }
    if by_name(call.world, region, name).is_some() {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Fault::new("InvalidGroup.Duplicate", message));
    }
    let tags = asked_for(&call.args, "security-group")?;
    let id = call.world.next_id("sg");
    let group = Group {
        region: region.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        rules: Vec::new(),
        created: call.now,
        visible: call.world.visible_from(&id, call.now),
        tags,
    };
    let mut xml = done();
    xml.text("groupId", &id);
    tag_set(&mut xml, &group.tags);
    xml.text("securityGroupArn", &format!("arn:aws:ec2:{region}:{ACCOUNT}:security-group/{id}"));
    call.world.groups.put(&id, group);
    Ok(xml)
}

fn addressed(call: &Call<'_>) -> Result<String, Fault> {
    if let Some(id) = call.args.get("GroupId") {
        check_exists(call.world, call.region_name(), id)?;
        return Ok(id.to_owned());
    }
    let name = call.args.get("GroupName").ok_or_else(|| Fault::missing("GroupName or GroupId"))?;
    by_name(call.world, call.region_name(), name).ok_or_else(|| not_found(name))
}

/// The rules of a request: IpPermissions, or the older parameters beside each other.
fn rules(call: &mut Call<'_>) -> Result<Vec<Rule>, Fault> {
    let mut found = Vec::new();
    let mut permissions = call.args.items("IpPermissions");
    let alone = permissions.is_empty();
    if alone {
        permissions.push(call.args.clone());
    }
    for permission in permissions {
        let protocol = permission.need("IpProtocol")?.to_ascii_lowercase();
        let (from, to) = (permission.number("FromPort")?, permission.number("ToPort")?);
        check_ports(&protocol, from, to)?;
        let sources = sources(call, &permission, alone)?;
        if sources.is_empty() {
            return Err(Fault::missing("ipPermissions.ipRanges"));
        }
        for (source, description) in sources {
            let id = call.world.next_id("sgr");
            let (from, to) = if protocol == "-1" { (None, None) } else { (from, to) };
            found.push(Rule { id, protocol: protocol.clone(), from, to, source, description });
        }
    }
    Ok(found)
}

fn check_ports(protocol: &str, from: Option<i32>, to: Option<i32>) -> Result<(), Fault> {
    match (protocol, from, to) {
        ("-1" | "icmp" | "icmpv6", ..) => Ok(()),
        ("tcp" | "udp", Some(from), Some(to)) if (0..=65535).contains(&from) && (from..=65535).contains(&to) => Ok(()),
        ("tcp" | "udp", Some(from), Some(to)) => Err(Fault::value(format!("Invalid TCP/UDP port range ({from}:{to})"))),
        ("tcp" | "udp", ..) => Err(Fault::value(format!(
            "Invalid value 'Must specify both from and to ports with {}.' for portRange.",
            protocol.to_uppercase()
        ))),
        _ => Err(Fault::value(format!("Invalid value '{protocol}' for IP protocol. Unknown protocol."))),
    }
}

fn sources(call: &Call<'_>, permission: &Args<'_>, alone: bool) -> Result<Vec<(Source, Option<String>)>, Fault> {
    let mut found = Vec::new();
    if alone && let Some(cidr) = permission.get("CidrIp") {
        found.push((Source::Cidr(check_cidr(cidr, false)?), None));
    }
    let described = |item: &Args<'_>| item.get("Description").map(str::to_owned);
    for item in permission.items("IpRanges") {
        found.push((Source::Cidr(check_cidr(item.need("CidrIp")?, false)?), described(&item)));
    }
    for item in permission.items("Ipv6Ranges") {
        found.push((Source::Cidr6(check_cidr(item.need("CidrIpv6")?, true)?), described(&item)));
    }
    for item in permission.items("Groups") {
        let id = match (item.get("GroupId"), item.get("GroupName")) {
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => by_name(call.world, call.region_name(), name).ok_or_else(|| not_found(name))?,
            (None, None) => return Err(Fault::missing("groups.groupId")),
        };
        check_exists(call.world, call.region_name(), &id)?;
        found.push((Source::Group(id), described(&item)));
    }
    Ok(found)
}

fn check_cidr(text: &str, v6: bool) -> Result<String, Fault> {
    let valid = text.split_once('/').is_some_and(|(address, bits)| {
        let most = if v6 { 128 } else { 32 };
        address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6() == v6)
            && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    });
    if valid { Ok(text.to_owned()) } else { Err(Fault::value(format!("CIDR block {text} is malformed"))) }
}

/// AuthorizeSecurityGroupIngress: all rules or none.
pub(super) fn authorize(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = addressed(call)?;
    let rules = rules(call)?;
    let group = call.world.groups.edit(&id).ok_or_else(|| not_found(&id))?;
    if let Some(rule) = rules.iter().find(|rule| group.rules.iter().any(|other| other.is_same(rule))) {
        let message = format!(
            "the specified rule \"peer: {}, {}, from port: {}, to port: {}, ALLOW\" already exists",
            peer(&rule.source),
            rule.protocol.to_uppercase(),
            rule.from.unwrap_or(-1),
            rule.to.unwrap_or(-1)
        );
        return Err(Fault::new("InvalidPermission.Duplicate", message));
    }
    group.rules.extend(rules.iter().cloned());
    let mut xml = done();
    xml.list("securityGroupRuleSet", rules, |xml, rule| {
        xml.text("securityGroupRuleId", &rule.id);
        xml.text("groupId", &id);
        xml.text("groupOwnerId", ACCOUNT);
        xml.show("isEgress", false);
        xml.text("ipProtocol", &rule.protocol);
        xml.show("fromPort", rule.from.unwrap_or(-1));
        xml.show("toPort", rule.to.unwrap_or(-1));
        match &rule.source {
            Source::Cidr(cidr) => xml.text("cidrIpv4", cidr),
            Source::Cidr6(cidr) => xml.text("cidrIpv6", cidr),
            Source::Group(group) => xml.within("referencedGroupInfo", |xml| {
                xml.text("groupId", group);
                xml.text("userId", ACCOUNT);
            }),
        }
        xml.some("description", rule.description.as_deref());
        xml.empty("tagSet");
    });
    Ok(xml)
}

fn peer(source: &Source) -> &str {
    match source {
        Source::Cidr(text) | Source::Cidr6(text) | Source::Group(text) => text,
    }
}

/// RevokeSecurityGroupIngress, by rule or by rule id.
pub(super) fn revoke(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = addressed(call)?;
    let by_id = call.args.list("SecurityGroupRuleId");
    let rules = if by_id.is_empty() { rules(call)? } else { Vec::new() };
    let group = call.world.groups.edit(&id).ok_or_else(|| not_found(&id))?;
    let absent = rules.iter().any(|rule| !group.rules.iter().any(|other| other.is_same(rule)));
    if absent {
        let message = "The specified rule does not exist in this security group.";
        return Err(Fault::new("InvalidPermission.NotFound", message));
    }
    if let Some(unknown) = by_id.iter().find(|asked| !group.rules.iter().any(|rule| rule.id == **asked)) {
        let message = format!("The security group rule ID '{unknown}' does not exist");
        return Err(Fault::new("InvalidSecurityGroupRuleId.NotFound", message));
    }
    group.rules.retain(|rule| !by_id.contains(&rule.id.as_str()) && !rules.iter().any(|other| other.is_same(rule)));
    Ok(done())
}

/// DeleteSecurityGroup: refused while an interface, an instance that is not yet terminated or another group's rule has it.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = addressed(call)?;
    let world = &*call.world;
    if world.groups.get(&id).is_some_and(|group| group.name == "default") {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Fault::new("CannotDelete", message));
    }
    let by_interface = world.interfaces.values().any(|interface| interface.groups.contains(&id));
    let by_instance =
        world.instances.values().any(|it| it.state != InstanceState::Terminated && it.groups.contains(&id));
    let by_rule = world
        .groups
        .iter()
        .any(|(other, group)| *other != id && group.rules.iter().any(|rule| rule.source == Source::Group(id.clone())));
    if by_interface || by_instance || by_rule {
        return Err(Fault::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    call.world.groups.remove(&id);
    let mut xml = done();
    xml.text("groupId", &id);
    Ok(xml)
}
