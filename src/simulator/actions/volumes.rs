//! EBS volumes.

use super::tags::asked_for;
use super::{Call, check_id, done, pick, tag_set};
use crate::simulator::objects::{Attachment, AttachmentState, InstanceState, Volume};
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::ACCOUNT;

const FILTERS: [&str; 14] = [
    "attachment.attach-time",
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "attachment.status",
    "availability-zone",
    "create-time",
    "encrypted",
    "size",
    "snapshot-id",
    "status",
    "tag-key",
    "volume-id",
    "volume-type",
];

pub(super) fn not_found(id: &str) -> Fault {
    Fault::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
}

/// What a volume of some kind is made as: its IOPS and its throughput in MiB/s. Defaults are those of the EBS user guide.
pub(super) fn performance(
    kind: &str,
    size: u32,
    iops: Option<u32>,
    throughput: Option<u32>,
) -> Result<(Option<u32>, Option<u32>), Fault> {
    match kind {
        "gp3" => Ok((Some(iops.unwrap_or(3000)), Some(throughput.unwrap_or(125)))),
        "gp2" => Ok((Some((size.saturating_mul(3)).clamp(100, 16_000)), None)),
        "io1" | "io2" => iops.map(|iops| (Some(iops), None)).ok_or_else(|| Fault::missing("iops")),
        "st1" | "sc1" | "standard" => Ok((None, None)),
        _ => Err(Fault::value(format!("Value ({kind}) for parameter volumeType is invalid."))),
    }
}

/// A size that a kind of volume may have, in GiB.
pub(super) fn allowed_size(kind: &str, size: i64) -> Result<u32, Fault> {
    let most = if matches!(kind, "gp3" | "io2") { 65_536 } else { 16_384 };
    u32::try_from(size).ok().filter(|size| (1..=most).contains(size)).ok_or_else(|| {
        Fault::value(format!("Value ({size}) for parameter size is invalid. A {kind} volume has from 1 to {most} GiB."))
    })
}

/// CreateVolume. Without a type it makes a gp2 volume, as EC2 does.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Fault> {
    if let Some(made) = call.made_before()? {
        let id = made.first().map_or("", String::as_str);
        return written(call, id);
    }
    let zone = call.args.need("AvailabilityZone")?;
    if !call.has_zone(zone) {
        return Err(Fault::new("InvalidZone.NotFound", format!("The zone '{zone}' does not exist.")));
    }
    let kind = call.args.get("VolumeType").unwrap_or("gp2");
    let source = super::snapshots::source(call)?;
    let least = source.as_ref().map(|(_, snapshot)| i64::from(snapshot.size));
    let size: i64 = call.args.number("Size")?.or(least).ok_or_else(|| Fault::missing("size/snapshot"))?;
    let size = allowed_size(kind, size)?;
    if let Some((id, snapshot)) = source.as_ref().filter(|(_, snapshot)| size < snapshot.size) {
        let message = format!("The size of the snapshot '{id}' is {} GiB: a volume cannot be smaller.", snapshot.size);
        return Err(Fault::value(message));
    }
    let (iops, throughput) = performance(kind, size, call.args.number("Iops")?, call.args.number("Throughput")?)?;
    let tags = asked_for(&call.args, "volume")?;
    // What is made from an encrypted snapshot is encrypted, whatever is asked for.
    let encrypted = call.args.flag("Encrypted")? || source.as_ref().is_some_and(|(_, snapshot)| snapshot.encrypted);
    let id = call.world.next_id("vol");
    let volume = Volume {
        region: call.region.name.clone(),
        zone: zone.to_owned(),
        size,
        kind: kind.to_owned(),
        iops,
        throughput,
        encrypted,
        snapshot: source.map(|(id, _)| id),
        created: call.now,
        visible: call.world.visible_from(&id, call.now),
        ready: call.world.step_end(call.now, call.world.settings().volume_creation, &id),
        attachment: None,
        stuck: false,
        modification: None,
        modified: Vec::new(),
        tags,
    };
    call.world.volumes.put(&id, volume);
    call.remember(std::slice::from_ref(&id))?;
    written(call, &id)
}

fn written(call: &Call<'_>, id: &str) -> Result<Xml, Fault> {
    let volume = call.world.volumes.get(id).ok_or_else(|| not_found(id))?;
    let mut xml = Xml::new();
    write(&mut xml, call, id, volume);
    Ok(xml)
}

fn write(xml: &mut Xml, call: &Call<'_>, id: &str, volume: &Volume) {
    xml.text("volumeId", id);
    xml.show("size", volume.size);
    xml.text("snapshotId", volume.snapshot.as_deref().unwrap_or_default());
    xml.text("availabilityZone", &volume.zone);
    xml.text("status", volume.state(call.now));
    xml.time("createTime", volume.created);
    xml.list("attachmentSet", &volume.attachment, |xml, attachment| write_attachment(xml, id, attachment));
    tag_set(xml, &volume.tags);
    xml.text("volumeType", &volume.kind);
    if let Some(iops) = volume.iops {
        xml.show("iops", iops);
    }
    xml.show("encrypted", volume.encrypted);
    if volume.encrypted {
        xml.text("kmsKeyId", &format!("arn:aws:kms:{}:{ACCOUNT}:key/simulated", volume.region));
    }
    xml.show("multiAttachEnabled", false);
    if let Some(throughput) = volume.throughput {
        xml.show("throughput", throughput);
    }
}

fn write_attachment(xml: &mut Xml, id: &str, attachment: &Attachment) {
    xml.text("volumeId", id);
    xml.text("instanceId", &attachment.instance);
    xml.text("device", &attachment.device);
    xml.text("status", attachment.state.name());
    xml.time("attachTime", attachment.at);
    xml.show("deleteOnTermination", attachment.delete_on_termination);
}

/// DescribeVolumes.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let ids = call.args.list("VolumeId");
    let page = Page::read(&call.args, 5..=1000)?;
    let (region, now) = (call.region_name(), call.now);
    ids.iter().try_for_each(|id| check_id(id, "vol", "InvalidVolumeID.Malformed"))?;
    let seen = |volume: &Volume| volume.region == region && volume.visible <= now;
    let missing = |absent: &[&str]| not_found(absent.first().copied().unwrap_or_default());
    let found = pick(&call.world.volumes, &ids, seen, missing)?;
    let shown = found.into_iter().filter(|(id, volume)| {
        let of = |test: &dyn Fn(&Attachment) -> bool| volume.attachment.as_ref().is_some_and(test);
        filters.accept(&volume.tags, |name, is| match name {
            "attachment.attach-time" => of(&|it| is(&it.at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string())),
            "attachment.delete-on-termination" => of(&|it| is(&it.delete_on_termination.to_string())),
            "attachment.device" => of(&|it| is(&it.device)),
            "attachment.instance-id" => of(&|it| is(&it.instance)),
            "attachment.status" => of(&|it| is(it.state.name())),
            "availability-zone" => is(&volume.zone),
            "create-time" => is(&volume.created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
            "encrypted" => is(&volume.encrypted.to_string()),
            "size" => is(&volume.size.to_string()),
            "snapshot-id" => volume.snapshot.as_deref().is_some_and(is),
            "status" => is(volume.state(now)),
            "volume-type" => is(&volume.kind),
            _ => is(id),
        })
    });
    let (shown, next) = page.cut(shown, |(id, _)| id);
    let mut xml = Xml::new();
    xml.list("volumeSet", shown, |xml, (id, volume)| write(xml, call, id, volume));
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

/// AttachVolume: an available volume to a running or stopped instance of its zone.
pub(super) fn attach(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (volume_id, instance_id) = (call.args.need("VolumeId")?, call.args.need("InstanceId")?);
    let device = call.args.need("Device")?;
    check_id(volume_id, "vol", "InvalidVolumeID.Malformed")?;
    let instance = super::instances::find(call, instance_id)?;
    let here = |volume: &&Volume| volume.region == call.region.name;
    let volume = call.world.volumes.get(volume_id).filter(here).ok_or_else(|| not_found(volume_id))?;
    if volume.attachment.is_some() {
        return Err(Fault::new("VolumeInUse", format!("{volume_id} is already attached to an instance")));
    }
    if volume.state(call.now) != "available" {
        return Err(Fault::new("IncorrectState", format!("{volume_id} is not 'available'.")));
    }
    if volume.zone != instance.zone {
        let message =
            format!("The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'");
        return Err(Fault::new("InvalidVolume.ZoneMismatch", message));
    }
    if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
        return Err(Fault::new("IncorrectState", format!("Instance '{instance_id}' is not 'running'.")));
    }
    let attached = |id: &String| call.world.volumes.get(id).and_then(|volume| volume.attachment.as_ref());
    if instance.volumes.iter().filter_map(attached).any(|attachment| attachment.device == device) {
        let message = format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
        return Err(Fault::value(message));
    }
    let attachment = Attachment {
        instance: instance_id.to_owned(),
        device: device.to_owned(),
        state: AttachmentState::Attaching,
        until: Some(call.world.step_end(call.now, call.world.settings().attach, volume_id)),
        at: call.now,
        delete_on_termination: false,
    };
    let mut xml = Xml::new();
    write_attachment(&mut xml, volume_id, &attachment);
    if let Some(volume) = call.world.volumes.edit(volume_id) {
        volume.attachment = Some(attachment);
    }
    if let Some(instance) = call.world.instances.edit(instance_id) {
        instance.volumes.push(volume_id.to_owned());
    }
    Ok(xml)
}

/// DetachVolume: it stays `detaching` for a while; one that is stuck does so until it is told otherwise or its instance ends.
/// Force frees it.
pub(super) fn detach(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let volume_id = call.args.need("VolumeId")?;
    check_id(volume_id, "vol", "InvalidVolumeID.Malformed")?;
    let until = call.world.step_end(call.now, call.world.settings().attach, volume_id);
    let volume = call.world.volumes.get(volume_id).filter(|it| it.region == call.region.name);
    let attachment = volume.ok_or_else(|| not_found(volume_id))?.attachment.as_ref();
    let Some(attachment) = attachment else {
        // The missing blank is EC2's own.
        return Err(Fault::new("IncorrectState", format!("Volume '{volume_id}'is in the 'available' state.")));
    };
    if let Some(other) = call.args.get("InstanceId").filter(|asked| *asked != attachment.instance) {
        let message = format!("Volume '{volume_id}' is not attached to instance '{other}'.");
        return Err(Fault::new("InvalidAttachment.NotFound", message));
    }
    let instance = call.world.instances.get(&attachment.instance);
    let is_root = instance.is_some_and(|it| it.volumes.first().is_some_and(|first| first == volume_id));
    if is_root && instance.is_some_and(|it| it.state == InstanceState::Running) {
        let message = format!("Unable to detach root volume '{volume_id}' from instance '{}'", attachment.instance);
        return Err(Fault::new("OperationNotPermitted", message));
    }
    let mut xml = Xml::new();
    let force = call.args.flag("Force")?;
    let Some(volume) = call.world.volumes.edit(volume_id) else { return Err(not_found(volume_id)) };
    let stuck = volume.stuck && !force;
    if let Some(attachment) = volume.attachment.as_mut() {
        attachment.state = AttachmentState::Detaching;
        attachment.until = (!stuck).then_some(until);
        write_attachment(&mut xml, volume_id, attachment);
    }
    Ok(xml)
}

/// DeleteVolume.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("VolumeId")?;
    check_id(id, "vol", "InvalidVolumeID.Malformed")?;
    let volume = call.world.volumes.get(id).filter(|it| it.region == call.region.name).ok_or_else(|| not_found(id))?;
    if let Some(attachment) = &volume.attachment {
        let message = format!("Volume {id} is currently attached to {}", attachment.instance);
        return Err(Fault::new("VolumeInUse", message));
    }
    call.world.volumes.remove(id);
    Ok(done())
}
