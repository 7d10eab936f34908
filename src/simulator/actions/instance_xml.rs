//! An instance as EC2 writes it.

use super::groups::group_set;
use super::interfaces::{Within, write_common};
use super::{Call, tag_set};
use crate::simulator::launch::FAILURES;
use crate::simulator::network::{private_name, public_name, vpc_id};
use crate::simulator::objects::{Cause, Instance, InstanceState, Launch};
use crate::simulator::protocol::Xml;
use crate::simulator::world::{ACCOUNT, World};

/// The content of RunInstances' answer: instances of one reservation.
pub(super) fn reservation(call: &Call<'_>, ids: &[String]) -> Xml {
    let found: Vec<(&String, &Instance)> =
        ids.iter().filter_map(|id| call.world.instances.get(id).map(|instance| (id, instance))).collect();
    let mut xml = Xml::new();
    write_reservation(&mut xml, call.world, &found);
    xml
}

/// A reservation: the instances of one launch.
pub(super) fn write_reservation(xml: &mut Xml, world: &World, instances: &[(&String, &Instance)]) {
    xml.text("reservationId", instances.first().map_or("", |(_, instance)| &instance.reservation));
    xml.text("ownerId", ACCOUNT);
    // Groups of a reservation are of EC2-Classic, which is gone: EC2 answers an empty set.
    xml.empty("groupSet");
    xml.list("instancesSet", instances, |xml, (id, instance)| write(xml, world, id, instance));
}

/// `<name><code/><name/></name>`.
pub(super) fn write_state(xml: &mut Xml, name: &str, state: InstanceState) {
    xml.within(name, |xml| {
        xml.show("code", state.code());
        xml.text("name", state.name());
    });
}

fn write(xml: &mut Xml, world: &World, id: &str, instance: &Instance) {
    let Some(launch) = world.launches.get(&instance.launch) else { return };
    let over = instance.state == InstanceState::Terminated;
    xml.text("instanceId", id);
    xml.text("imageId", &launch.image);
    write_state(xml, "instanceState", instance.state);
    write_names(xml, instance, over);
    xml.text("reason", &reason(instance));
    xml.some("keyName", launch.key.as_deref());
    xml.show("amiLaunchIndex", instance.index);
    xml.empty("productCodes");
    xml.text("instanceType", &launch.instance_type);
    xml.time("launchTime", instance.launched);
    xml.within("placement", |xml| {
        xml.text("availabilityZone", &instance.zone);
        xml.empty("groupName");
        xml.text("tenancy", "default");
    });
    xml.within("monitoring", |xml| xml.text("state", "disabled"));
    if !over {
        xml.text("subnetId", &instance.subnet);
        xml.text("vpcId", &vpc_id(&instance.region));
        xml.show("privateIpAddress", instance.private_ip);
        if let Some(address) = instance.public_ip {
            xml.show("ipAddress", address);
        }
        xml.show("sourceDestCheck", true);
    }
    group_set(xml, world, if over { &[] } else { &instance.groups });
    if let Some((code, message)) = state_reason(instance) {
        xml.within("stateReason", |xml| {
            xml.text("code", code);
            xml.text("message", message);
        });
    }
    xml.text("architecture", &launch.architecture);
    xml.text("rootDeviceType", "ebs");
    xml.text("rootDeviceName", launch.disks.first().map_or("", |disk| &disk.device));
    write_disks(xml, world, instance);
    xml.text("virtualizationType", "hvm");
    xml.text("clientToken", instance.token.as_deref().unwrap_or_default());
    if let Some(request) = &instance.request {
        xml.text("instanceLifecycle", "spot");
        xml.text("spotInstanceRequestId", request);
    }
    tag_set(xml, &instance.tags);
    xml.text("hypervisor", "xen");
    let interfaces = instance.interfaces.iter().filter_map(|id| world.interfaces.get(id).map(|it| (id, it)));
    xml.list("networkInterfaceSet", interfaces, |xml, (id, interface)| {
        write_common(xml, world, id, interface, Within::Instance)
    });
    write_options(xml, launch);
}

fn write_names(xml: &mut Xml, instance: &Instance, over: bool) {
    match over {
        true => xml.empty("privateDnsName"),
        false => xml.text("privateDnsName", &private_name(&instance.region, instance.private_ip)),
    }
    match instance.public_ip {
        None => xml.empty("dnsName"),
        Some(address) => xml.text("dnsName", &public_name(&instance.region, address)),
    }
}

fn reason(instance: &Instance) -> String {
    let who = match instance.cause {
        None => return String::new(),
        Some(Cause::Launch) => return state_reason(instance).map_or_else(String::new, |(code, _)| code.to_owned()),
        Some(Cause::User) => "User initiated",
        Some(Cause::Price | Cause::Capacity) => "Service initiated",
    };
    format!("{who} ({})", instance.changed.strftime("%Y-%m-%d %H:%M:%S GMT"))
}

/// Why an instance is in its state: code and message.
pub(super) fn state_reason(instance: &Instance) -> Option<(&'static str, &'static str)> {
    if instance.state == InstanceState::Pending {
        return Some(("pending", "pending"));
    }
    match instance.cause? {
        Cause::User => Some(("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")),
        Cause::Launch => {
            let failure = FAILURES.iter().find(|(name, ..)| Some(*name) == instance.failure.as_deref());
            failure.map(|(_, code, message)| (*code, *message))
        }
        Cause::Price | Cause::Capacity if instance.state.is_ending() => Some((
            "Server.SpotInstanceTermination",
            "Server.SpotInstanceTermination: Instance terminated due to spot interruption",
        )),
        Cause::Price | Cause::Capacity => Some((
            "Server.SpotInstanceShutdown",
            "Server.SpotInstanceShutdown: Instance stopped due to spot interruption",
        )),
    }
}

fn write_disks(xml: &mut Xml, world: &World, instance: &Instance) {
    let attached = instance.volumes.iter().filter_map(|id| {
        let volume = world.volumes.get(id)?;
        volume.attachment.as_ref().map(|attachment| (id, attachment))
    });
    xml.list("blockDeviceMapping", attached, |xml, (id, attachment)| {
        xml.text("deviceName", &attachment.device);
        xml.within("ebs", |xml| {
            xml.text("volumeId", id);
            xml.text("status", attachment.state.name());
            xml.time("attachTime", attachment.at);
            xml.show("deleteOnTermination", attachment.delete_on_termination);
        });
    });
}

fn write_options(xml: &mut Xml, launch: &Launch) {
    if let Some(profile) = &launch.profile {
        let arn = match profile.starts_with("arn:") {
            true => profile.clone(),
            false => format!("arn:aws:iam::{ACCOUNT}:instance-profile/{profile}"),
        };
        xml.within("iamInstanceProfile", |xml| {
            xml.text("arn", &arn);
            xml.text("id", "AIPASIMULATEDPROFILE1");
        });
    }
    xml.show("ebsOptimized", launch.ebs_optimized);
    xml.show("enaSupport", true);
    xml.within("hibernationOptions", |xml| xml.show("configured", launch.hibernation));
    xml.within("metadataOptions", |xml| {
        xml.text("state", "applied");
        xml.text("httpTokens", if launch.tokens_required { "required" } else { "optional" });
        xml.show("httpPutResponseHopLimit", launch.hop_limit);
        xml.text("httpEndpoint", "enabled");
        xml.text("httpProtocolIpv6", "disabled");
        xml.text("instanceMetadataTags", if launch.metadata_tags { "enabled" } else { "disabled" });
    });
    xml.text("platformDetails", "Linux/UNIX");
    xml.text("usageOperation", "RunInstances");
}
