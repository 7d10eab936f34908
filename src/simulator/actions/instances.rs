//! Instances as describes show them.

use std::collections::BTreeMap;

use super::instance_xml::{state_reason, write_reservation, write_state};
use super::{Call, check_id, pick};
use crate::simulator::network::{private_name, public_name, vpc_id};
use crate::simulator::objects::{Instance, InstanceState};
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Filters, Xml};
use crate::simulator::world::{ACCOUNT, World};

const FILTERS: [&str; 33] = [
    "architecture",
    "availability-zone",
    "block-device-mapping.device-name",
    "block-device-mapping.volume-id",
    "client-token",
    "dns-name",
    "group-id",
    "hypervisor",
    "image-id",
    "instance-id",
    "instance-lifecycle",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "ip-address",
    "key-name",
    "launch-index",
    "launch-time",
    "network-interface.network-interface-id",
    "owner-id",
    "private-dns-name",
    "private-ip-address",
    "reservation-id",
    "root-device-name",
    "root-device-type",
    "spot-instance-request-id",
    "state-reason-code",
    "subnet-id",
    "tag-key",
    "virtualization-type",
    "vpc-id",
];

/// EC2's refusal of ids that are not there, or not seen yet.
pub(super) fn not_found(absent: &[&str]) -> Fault {
    let (ids, verb) = if absent.len() == 1 { ("ID", "does") } else { ("IDs", "do") };
    Fault::new("InvalidInstanceID.NotFound", format!("The instance {ids} '{}' {verb} not exist", absent.join(", ")))
}

/// The instance with that id, seen by describes already or not.
pub(super) fn find<'c>(call: &'c Call<'_>, id: &str) -> Result<&'c Instance, Fault> {
    check_id(id, "i", "InvalidInstanceID.Malformed")?;
    call.world.instances.get(id).filter(|it| it.region == call.region.name).ok_or_else(|| not_found(&[id]))
}

/// DescribeInstances.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let ids = call.args.list("InstanceId");
    if !ids.is_empty() && call.args.get("MaxResults").is_some() {
        return Err(Fault::combination("The parameter instancesSet cannot be used with the parameter maxResults"));
    }
    let page = Page::read(&call.args, 5..=1000)?;
    let found = seen(call, &ids)?;
    let shown = found.into_iter().filter(|(id, instance)| accepts(&filters, call.world, id, instance));
    let (shown, next) = page.cut(shown, |(id, _)| id);
    let mut reservations: BTreeMap<&str, Vec<(&String, &Instance)>> = BTreeMap::new();
    for (id, instance) in shown {
        reservations.entry(&instance.reservation).or_default().push((id, instance));
    }
    let mut xml = Xml::new();
    xml.list("reservationSet", reservations.values(), |xml, instances| write_reservation(xml, call.world, instances));
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

fn seen<'c>(call: &'c Call<'_>, ids: &[&str]) -> Result<Vec<(&'c String, &'c Instance)>, Fault> {
    ids.iter().try_for_each(|id| check_id(id, "i", "InvalidInstanceID.Malformed"))?;
    let seen = |instance: &Instance| instance.region == call.region.name && instance.visible <= call.now;
    pick(&call.world.instances, ids, seen, not_found)
}

fn accepts(filters: &Filters, world: &World, id: &str, it: &Instance) -> bool {
    let Some(launch) = world.launches.get(&it.launch) else { return false };
    filters.accept(&it.tags, |name, is| match name {
        "architecture" => is(&launch.architecture),
        "availability-zone" => is(&it.zone),
        "block-device-mapping.device-name" => launch.disks.iter().any(|disk| is(&disk.device)),
        "block-device-mapping.volume-id" => it.volumes.iter().any(|volume| is(volume)),
        "client-token" => it.token.as_deref().is_some_and(is),
        "dns-name" => it.public_ip.is_some_and(|address| is(&public_name(&it.region, address))),
        "group-id" | "instance.group-id" => it.groups.iter().any(|group| is(group)),
        "hypervisor" => is("xen"),
        "image-id" => is(&launch.image),
        "instance-id" => is(id),
        "instance-lifecycle" => it.request.is_some() && is("spot"),
        "instance-state-code" => is(&it.state.code().to_string()),
        "instance-state-name" => is(it.state.name()),
        "instance-type" => is(&launch.instance_type),
        "instance.group-name" => {
            it.groups.iter().filter_map(|group| world.groups.get(group)).any(|group| is(&group.name))
        }
        "ip-address" => it.public_ip.is_some_and(|address| is(&address.to_string())),
        "key-name" => launch.key.as_deref().is_some_and(is),
        "launch-index" => is(&it.index.to_string()),
        "launch-time" => is(&it.launched.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
        "network-interface.network-interface-id" => it.interfaces.iter().any(|interface| is(interface)),
        "owner-id" => is(ACCOUNT),
        "private-dns-name" => is(&private_name(&it.region, it.private_ip)),
        "private-ip-address" => is(&it.private_ip.to_string()),
        "reservation-id" => is(&it.reservation),
        "root-device-name" => launch.disks.first().is_some_and(|disk| is(&disk.device)),
        "root-device-type" => is("ebs"),
        "spot-instance-request-id" => it.request.as_deref().is_some_and(is),
        "state-reason-code" => state_reason(it).is_some_and(|(code, _)| is(code)),
        "subnet-id" => is(&it.subnet),
        "virtualization-type" => is("hvm"),
        _ => is(&vpc_id(&it.region)),
    })
}

/// DescribeInstanceStatus: of running instances, or with IncludeAllInstances of all. The checks pass once the instance has booted.
pub(super) fn describe_status(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let known = [
        "availability-zone",
        "instance-state-code",
        "instance-state-name",
        "instance-status.status",
        "system-status.status",
    ];
    let filters = call.args.filters(&known)?;
    let ids = call.args.list("InstanceId");
    let all = call.args.flag("IncludeAllInstances")?;
    let page = Page::read(&call.args, 5..=1000)?;
    let found = seen(call, &ids)?;
    let status = |it: &Instance| match it.running_since {
        None => "not-applicable",
        Some(since) if super::super::door::ssh::booted(call.world, since) <= call.now => "ok",
        Some(_) => "initializing",
    };
    let shown = found.into_iter().filter(|(_, it)| {
        (all || it.state == InstanceState::Running)
            && filters.accept(&it.tags, |name, is| match name {
                "availability-zone" => is(&it.zone),
                "instance-state-code" => is(&it.state.code().to_string()),
                "instance-state-name" => is(it.state.name()),
                _ => is(status(it)),
            })
    });
    let (shown, next) = page.cut(shown, |(id, _)| id);
    let mut xml = Xml::new();
    xml.list("instanceStatusSet", shown, |xml, (id, it)| {
        xml.text("instanceId", id);
        xml.text("availabilityZone", &it.zone);
        write_state(xml, "instanceState", it.state);
        for name in ["systemStatus", "instanceStatus"] {
            xml.within(name, |xml| {
                xml.text("status", status(it));
                let details = (it.state == InstanceState::Running).then_some(());
                xml.list("details", details, |xml, ()| {
                    xml.text("name", "reachability");
                    xml.text("status", if status(it) == "ok" { "passed" } else { "initializing" });
                });
            });
        }
    });
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}
