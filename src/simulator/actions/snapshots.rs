//! Snapshots of EBS volumes.

use std::time::Duration;

use super::tags::asked_for;
use super::volumes::not_found as no_volume;
use super::{Call, check_id, done, own_images, pick, tag_set};
use crate::simulator::objects::Snapshot;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::ACCOUNT;

const FILTERS: [&str; 11] = [
    "description",
    "encrypted",
    "owner-alias",
    "owner-id",
    "progress",
    "snapshot-id",
    "start-time",
    "status",
    "tag-key",
    "volume-id",
    "volume-size",
];

/// EC2 begins one snapshot of a volume in this time.
const ONE_IN: Duration = Duration::from_secs(15);

/// "Snapshots created by a copy snapshot operation have an arbitrary volume ID": this one, in all answers that were seen.
const VOLUME_OF_A_COPY: &str = "vol-ffffffff";

fn not_found(id: &str) -> Fault {
    Fault::new("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
}

/// CreateSnapshot. It takes no client token: the same call again makes another.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let volume_id = call.args.need("VolumeId")?;
    check_id(volume_id, "vol", "InvalidVolumeID.Malformed")?;
    let volume = call.world.volumes.get(volume_id).filter(|it| it.region == call.region.name);
    let volume = volume.ok_or_else(|| no_volume(volume_id))?;
    if volume.state(call.now) == "creating" {
        return Err(Fault::new("IncorrectState", format!("Volume '{volume_id}' is in the 'creating' state.")));
    }
    let (size, encrypted) = (volume.size, volume.encrypted);
    let soonest = |it: &Snapshot| call.world.after(it.started, ONE_IN);
    if call.world.snapshots.values().any(|it| it.volume == volume_id && call.now < soonest(it)) {
        let message = "The maximum per volume CreateSnapshot request rate has been exceeded.";
        return Err(Fault::new("SnapshotCreationPerVolumeRateExceeded", message));
    }
    let tags = asked_for(&call.args, "snapshot")?;
    let id = call.world.next_id("snap");
    let settings = call.world.settings();
    let snapshot = Snapshot {
        region: call.region.name.clone(),
        volume: volume_id.to_owned(),
        size,
        encrypted,
        description: call.args.get("Description").unwrap_or_default().to_owned(),
        started: call.now,
        visible: call.world.visible_from(&id, call.now),
        done: call.world.step_end(call.now, settings.snapshot, &id),
        fails: settings.snapshots_fail,
        tags,
    };
    let mut xml = Xml::new();
    write(&mut xml, call, &id, &snapshot);
    call.world.snapshots.put(&id, snapshot);
    Ok(xml)
}

/// CopySnapshot, sent to the region that it is copied to. It takes no client token either.
pub(super) fn copy(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (id, from) = (call.args.need("SourceSnapshotId")?, call.args.need("SourceRegion")?);
    check_id(id, "snap", "InvalidSnapshotID.Malformed")?;
    let source = call.world.snapshots.get(id).filter(|it| it.region == from && it.visible <= call.now);
    let source = source.ok_or_else(|| not_found(id))?.clone();
    let state = source.state(call.now);
    if state != "completed" {
        return Err(Fault::new("IncorrectState", format!("Snapshot '{id}' is in the '{state}' state.")));
    }
    if source.encrypted && from != call.region.name && call.args.get("PresignedUrl").is_none() {
        return Err(Fault::missing("PresignedUrl"));
    }
    let tags = asked_for(&call.args, "snapshot")?;
    let new = call.world.next_id("snap");
    let settings = call.world.settings();
    let copy = Snapshot {
        region: call.region.name.clone(),
        volume: VOLUME_OF_A_COPY.to_owned(),
        description: call.args.get("Description").unwrap_or_default().to_owned(),
        started: call.now,
        visible: call.world.visible_from(&new, call.now),
        done: call.world.step_end(call.now, settings.snapshot, &new),
        fails: settings.snapshots_fail,
        tags,
        ..source
    };
    let mut xml = Xml::new();
    xml.text("snapshotId", &new);
    tag_set(&mut xml, &copy.tags);
    call.world.snapshots.put(&new, copy);
    Ok(xml)
}

fn write(xml: &mut Xml, call: &Call<'_>, id: &str, snapshot: &Snapshot) {
    xml.text("snapshotId", id);
    xml.text("volumeId", &snapshot.volume);
    xml.text("status", snapshot.state(call.now));
    xml.time("startTime", snapshot.started);
    xml.text("progress", &format!("{}%", snapshot.progress(call.now)));
    xml.text("ownerId", ACCOUNT);
    xml.show("volumeSize", snapshot.size);
    xml.text("description", &snapshot.description);
    tag_set(xml, &snapshot.tags);
    xml.show("encrypted", snapshot.encrypted);
    xml.text("storageTier", "standard");
}

/// DescribeSnapshots: the account's own. There are no others in this world, whoever's are asked for.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let ids = call.args.list("SnapshotId");
    let owners = call.args.list("Owner");
    let page = Page::read(&call.args, 5..=1000)?;
    let (region, now) = (call.region_name(), call.now);
    ids.iter().try_for_each(|id| check_id(id, "snap", "InvalidSnapshotID.Malformed"))?;
    let ours = owners.is_empty() || owners.iter().any(|owner| matches!(*owner, "self" | ACCOUNT));
    let seen = |it: &Snapshot| ours && it.region == region && it.visible <= now;
    let missing = |absent: &[&str]| not_found(absent.first().copied().unwrap_or_default());
    let found = pick(&call.world.snapshots, &ids, seen, missing)?;
    let shown = found.into_iter().filter(|(id, it)| {
        filters.accept(&it.tags, |name, is| match name {
            "description" => is(&it.description),
            "encrypted" => is(&it.encrypted.to_string()),
            "owner-alias" => false,
            "owner-id" => is(ACCOUNT),
            "progress" => is(&format!("{}%", it.progress(now))),
            "start-time" => is(&it.started.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
            "status" => is(it.state(now)),
            "volume-id" => is(&it.volume),
            "volume-size" => is(&it.size.to_string()),
            _ => is(id),
        })
    });
    let (shown, next) = page.cut(shown, |(id, _)| id);
    let mut xml = Xml::new();
    xml.list("snapshotSet", shown, |xml, (id, snapshot)| write(xml, call, id, snapshot));
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

/// DeleteSnapshot: one that is pending, too.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("SnapshotId")?;
    check_id(id, "snap", "InvalidSnapshotID.Malformed")?;
    let there = call.world.snapshots.get(id).is_some_and(|it| it.region == call.region.name);
    if !there {
        return Err(not_found(id));
    }
    if let Some(image) = own_images::user_of(call.world, id) {
        return Err(Fault::new("InvalidSnapshot.InUse", format!("The snapshot {id} is currently in use by {image}")));
    }
    call.world.snapshots.remove(id);
    Ok(done())
}

/// The snapshot that a volume is to be made from, if one is asked for: it must be whole.
pub(super) fn source(call: &Call<'_>) -> Result<Option<(String, Snapshot)>, Fault> {
    let Some(id) = call.args.get("SnapshotId") else { return Ok(None) };
    check_id(id, "snap", "InvalidSnapshotID.Malformed")?;
    let found = call.world.snapshots.get(id).filter(|it| it.region == call.region.name);
    let found = found.ok_or_else(|| not_found(id))?;
    let state = found.state(call.now);
    if state != "completed" {
        return Err(Fault::new("IncorrectState", format!("Snapshot '{id}' is in the '{state}' state.")));
    }
    Ok(Some((id.to_owned(), found.clone())))
}
