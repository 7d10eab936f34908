//! Network interfaces: those that instances are launched with and those made beforehand.

use super::groups::{check_exists, group_set};
use super::tags::asked_for;
use super::{Call, done, pick, tag_set_even_empty};
use crate::simulator::chance;
use crate::simulator::network::{self, find_subnet, private_name, public_name, subnets, vpc_id};
use crate::simulator::objects::{InstanceState, Interface};
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::{ACCOUNT, World};

const FILTERS: [&str; 10] = [
    "attachment.instance-id",
    "availability-zone",
    "description",
    "group-id",
    "network-interface-id",
    "private-ip-address",
    "status",
    "subnet-id",
    "tag-key",
    "vpc-id",
];

fn not_found(id: &str) -> Fault {
    Fault::new("InvalidNetworkInterfaceID.NotFound", format!("The networkInterface ID '{id}' does not exist"))
}

fn zone_of(interface: &Interface) -> String {
    let found = subnets(&interface.region).into_iter().find(|subnet| subnet.id == interface.subnet);
    found.map(|subnet| subnet.zone).unwrap_or_default()
}

fn status(interface: &Interface) -> &'static str {
    if interface.instance.is_some() { "in-use" } else { "available" }
}

/// A locally administered address, drawn for the interface.
fn mac(id: &str) -> String {
    let bytes = chance::draw(0, &["mac", id]).to_be_bytes();
    let rest: Vec<String> = bytes.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("02:{}", rest.join(":"))
}

/// Whose describe an interface is written in: its own names the instance that it is attached to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Instance,
    Itself,
}

/// What an instance's and the interface's own describe have in common.
pub(super) fn write_common(xml: &mut Xml, world: &World, id: &str, interface: &Interface, within: Within) {
    xml.text("networkInterfaceId", id);
    xml.text("subnetId", &interface.subnet);
    xml.text("vpcId", &vpc_id(&interface.region));
    xml.text("description", &interface.description);
    xml.text("ownerId", ACCOUNT);
    xml.text("status", status(interface));
    xml.text("macAddress", &mac(id));
    xml.show("privateIpAddress", interface.private_ip);
    xml.text("privateDnsName", &private_name(&interface.region, interface.private_ip));
    xml.show("sourceDestCheck", true);
    group_set(xml, world, &interface.groups);
    if let Some((instance_id, attached)) = interface.instance.as_ref().zip(interface.attached) {
        xml.within("attachment", |xml| {
            xml.text("attachmentId", &id.replace("eni-", "eni-attach-"));
            if within == Within::Itself {
                xml.text("instanceId", instance_id);
                xml.text("instanceOwnerId", ACCOUNT);
            }
            xml.show("deviceIndex", 0);
            xml.text("status", "attached");
            xml.time("attachTime", attached);
            xml.show("deleteOnTermination", interface.delete_on_termination);
            xml.show("networkCardIndex", 0);
        });
        if let Some(address) = world.instances.get(instance_id).and_then(|it| it.public_ip) {
            xml.within("association", |xml| {
                xml.show("publicIp", address);
                xml.text("publicDnsName", &public_name(&interface.region, address));
                xml.text("ipOwnerId", "amazon");
            });
        }
    }
    xml.list("privateIpAddressesSet", [interface.private_ip], |xml, address| {
        xml.show("privateIpAddress", address);
        xml.text("privateDnsName", &private_name(&interface.region, address));
        xml.show("primary", true);
    });
    xml.empty("ipv6AddressesSet");
    xml.text("interfaceType", "interface");
}

fn write(xml: &mut Xml, world: &World, id: &str, interface: &Interface) {
    write_common(xml, world, id, interface, Within::Itself);
    xml.text("availabilityZone", &zone_of(interface));
    xml.show("requesterManaged", false);
    tag_set_even_empty(xml, &interface.tags);
}

/// DescribeNetworkInterfaces.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let page = Page::read(&call.args, 5..=1000)?;
    let ids = call.args.list("NetworkInterfaceId");
    let (region, now) = (call.region_name(), call.now);
    let vpc = vpc_id(region);
    let seen = |interface: &Interface| interface.region == region && interface.visible <= now;
    let missing = |absent: &[&str]| not_found(absent.first().copied().unwrap_or_default());
    let found = pick(&call.world.interfaces, &ids, seen, missing)?;
    let shown = found.into_iter().filter(|(id, interface)| {
        filters.accept(&interface.tags, |name, is| match name {
            "attachment.instance-id" => interface.instance.as_deref().is_some_and(is),
            "availability-zone" => is(&zone_of(interface)),
            "description" => is(&interface.description),
            "group-id" => interface.groups.iter().any(|group| is(group)),
            "network-interface-id" => is(id),
            "private-ip-address" => is(&interface.private_ip.to_string()),
            "status" => is(status(interface)),
            "subnet-id" => is(&interface.subnet),
            _ => is(&vpc),
        })
    });
    let (shown, next) = page.cut(shown, |(id, _)| id);
    let mut xml = Xml::new();
    xml.list("networkInterfaceSet", shown, |xml, (id, interface)| write(xml, call.world, id, interface));
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

/// CreateNetworkInterface: an address that is known before the instance is.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Fault> {
    if let Some(made) = call.made_before()? {
        return written(call, made.first().map_or("", String::as_str));
    }
    let region = call.region_name();
    let subnet = find_subnet(region, call.args.need("SubnetId")?)?;
    let groups = super::launch_spec::group_ids(call, &call.args.list("SecurityGroupId"), &[])?;
    let tags = asked_for(&call.args, "network-interface")?;
    let mut taken = network::taken(call.world, &subnet.id);
    let id = call.world.next_id("eni");
    let private_ip = match call.args.number("PrivateIpAddress")? {
        Some(address) => network::take_address(&subnet, &mut taken, address).map(|()| address)?,
        None => network::free_address(&subnet, &mut taken, &id)?,
    };
    let interface = Interface {
        region: region.to_owned(),
        subnet: subnet.id,
        private_ip,
        groups,
        description: call.args.get("Description").unwrap_or_default().to_owned(),
        instance: None,
        attached: None,
        delete_on_termination: false,
        public: false,
        created: call.now,
        visible: call.world.visible_from(&id, call.now),
        tags,
    };
    call.world.interfaces.put(&id, interface);
    call.remember(std::slice::from_ref(&id))?;
    written(call, &id)
}

fn written(call: &Call<'_>, id: &str) -> Result<Xml, Fault> {
    let interface = call.world.interfaces.get(id).ok_or_else(|| not_found(id))?;
    let mut xml = Xml::new();
    xml.within("networkInterface", |xml| write(xml, call.world, id, interface));
    xml.some("clientToken", call.args.get("ClientToken"));
    Ok(xml)
}

/// ModifyNetworkInterfaceAttribute, one attribute a call: of them a public address, the groups and the description.
///
/// The API reference says that the first "can be enabled for any network interface but will only apply to the primary". That
/// an interface made beforehand has it disabled, even in a subnet that gives public addresses, is the user guide's word
/// for launches with such an interface ("Manage the IPv4 addresses"), read strictly.
pub(super) fn modify(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("NetworkInterfaceId")?;
    let there = call.world.interfaces.get(id).is_some_and(|it| it.region == call.region.name);
    if !there {
        return Err(not_found(id));
    }
    let (public, groups) = (call.args.maybe_flag("AssociatePublicIpAddress")?, call.args.list("SecurityGroupId"));
    let description = call.args.get("Description.Value");
    if usize::from(public.is_some()) + usize::from(!groups.is_empty()) + usize::from(description.is_some()) != 1 {
        return Err(Fault::combination("Exactly one attribute of the network interface must be given."));
    }
    check_groups(call.world, call.region_name(), &groups)?;
    let groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
    let description = description.map(str::to_owned);
    let Some(interface) = call.world.interfaces.edit(id) else { return Err(not_found(id)) };
    if let Some(description) = description {
        interface.description = description;
    }
    if !groups.is_empty() {
        interface.groups.clone_from(&groups);
    }
    if let Some(public) = public {
        interface.public = public;
    }
    if let Some(instance) = interface.instance.clone() {
        follow(call.world, &instance, public, &groups);
    }
    Ok(done())
}

/// An instance is in its interface's groups, and has or loses a public address at once if it runs.
fn follow(world: &mut World, instance: &str, public: Option<bool>, groups: &[String]) {
    let number = world.next_number();
    let Some(instance) = world.instances.edit(instance) else { return };
    if !groups.is_empty() {
        instance.groups = groups.to_vec();
    }
    let Some(public) = public else { return };
    instance.public = public;
    let runs = public && instance.state == InstanceState::Running;
    instance.public_ip = runs.then(|| instance.public_ip.unwrap_or_else(|| network::public_address(number)));
}

/// DeleteNetworkInterface: refused while it is attached.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("NetworkInterfaceId")?;
    let found = call.world.interfaces.get(id).filter(|it| it.region == call.region.name);
    if found.ok_or_else(|| not_found(id))?.instance.is_some() {
        let message = format!("Network interface '{id}' is currently in use.");
        return Err(Fault::new("InvalidNetworkInterface.InUse", message));
    }
    call.world.interfaces.remove(id);
    Ok(done())
}

/// That the groups named exist.
pub(super) fn check_groups(world: &World, region: &str, ids: &[&str]) -> Result<(), Fault> {
    ids.iter().try_for_each(|id| check_exists(world, region, id))
}
