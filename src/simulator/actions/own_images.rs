//! Images of the account's own, made from instances.

use super::tags::asked_for;
use super::{Call, check_id, done};
use crate::simulator::images::find_image;
use crate::simulator::objects::{ImageDisk, Instance, InstanceState, OwnImage, Snapshot, Tags};
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::World;

fn not_found(id: &str) -> Fault {
    Fault::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
}

/// CreateImage, of an instance that runs or is stopped. It takes no client token; a name is given once in a region.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("InstanceId")?.to_owned();
    let name = image_name(call)?;
    let instance = instance(call, &id)?;
    let (tags, of_snapshots) = (asked_for(&call.args, "image")?, asked_for(&call.args, "snapshot")?);
    let left_out = left_out(call)?;
    let reboots = instance.state == InstanceState::Running && !call.args.flag("NoReboot")?;
    let launch = call.world.launches.get(&instance.launch).cloned();
    let launch = launch.ok_or_else(|| Fault::new("InternalError", "An internal error has occurred"))?;
    let root = launch.disks.first().map(|disk| disk.device.clone()).unwrap_or_default();
    let mut disks = Vec::new();
    for volume in &instance.volumes {
        disks.extend(snapshot_of(call, volume, &left_out, &of_snapshots));
    }
    disks.sort_by_key(|disk| disk.device != root);
    let image_id = call.world.next_id("ami");
    let image = OwnImage {
        region: call.region.name.clone(),
        publisher: publisher(call.world, &launch.region, &launch.image),
        name,
        description: call.args.get("Description").unwrap_or_default().to_owned(),
        architecture: launch.architecture,
        disks,
        instance: id.clone(),
        source: launch.image,
        created: call.now,
        visible: call.world.visible_from(&image_id, call.now),
        // An image is there when its snapshots are.
        done: call.world.step_end(call.now, call.world.settings().snapshot, &image_id),
        fails: call.world.settings().snapshots_fail,
        tags,
    };
    call.world.images.put(&image_id, image);
    if let Some(rebooted) = call.world.instances.edit(&id).filter(|_| reboots) {
        rebooted.running_since = Some(call.now);
    }
    let mut xml = Xml::new();
    xml.text("imageId", &image_id);
    Ok(xml)
}

fn image_name(call: &Call<'_>) -> Result<String, Fault> {
    let name = call.args.need("Name")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        let message = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
        return Err(Fault::new("InvalidAMIName.Malformed", message));
    }
    let taken = call.world.images.iter().find(|(_, it)| it.region == call.region.name && it.name == name);
    match taken {
        Some((id, _)) => {
            Err(Fault::new("InvalidAMIName.Duplicate", format!("AMI name {name} is already in use by AMI {id}")))
        }
        None => Ok(name.to_owned()),
    }
}

fn instance(call: &Call<'_>, id: &str) -> Result<Instance, Fault> {
    check_id(id, "i", "InvalidInstanceID.Malformed")?;
    let found = call.world.instances.get(id).filter(|it| it.region == call.region.name && it.visible <= call.now);
    let found = found
        .ok_or_else(|| Fault::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")))?;
    match found.state {
        InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => Ok(found.clone()),
        other => {
            let message = format!("The instance '{id}' is in the '{}' state.", other.name());
            Err(Fault::new("IncorrectInstanceState", message))
        }
    }
}

/// The devices that the image is to be without.
fn left_out(call: &Call<'_>) -> Result<Vec<String>, Fault> {
    let mappings = call.args.items("BlockDeviceMapping");
    let out = mappings.iter().filter(|it| it.given("NoDevice").is_some());
    out.map(|it| it.need("DeviceName").map(str::to_owned)).collect()
}

fn snapshot_of(call: &mut Call<'_>, volume_id: &str, left_out: &[String], tags: &Tags) -> Option<ImageDisk> {
    let volume = call.world.volumes.get(volume_id)?;
    let device = volume.attachment.as_ref()?.device.clone();
    if left_out.contains(&device) {
        return None;
    }
    let (size, encrypted) = (volume.size, volume.encrypted);
    let id = call.world.next_id("snap");
    let snapshot = Snapshot {
        region: call.region.name.clone(),
        volume: volume_id.to_owned(),
        size,
        encrypted,
        description: format!("Created by CreateImage for {volume_id}"),
        started: call.now,
        visible: call.world.visible_from(&id, call.now),
        done: call.world.step_end(call.now, call.world.settings().snapshot, &id),
        fails: call.world.settings().snapshots_fail,
        tags: tags.clone(),
    };
    call.world.snapshots.put(&id, snapshot);
    Some(ImageDisk { device, size, encrypted, snapshot: id })
}

/// Whose the public image is that an image goes back to.
pub(in crate::simulator) fn publisher(world: &World, region: &str, image: &str) -> String {
    match world.images.get(image) {
        Some(own) => own.publisher.clone(),
        None => find_image(region, image).map(|image| image.owner_id).unwrap_or_default(),
    }
}

/// DeregisterImage, in whatever state it is; with `DeleteAssociatedSnapshots` its snapshots go, but for those that another
/// image has.
pub(super) fn deregister(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("ImageId")?.to_owned();
    check_id(&id, "ami", "InvalidAMIID.Malformed")?;
    let snapshots_too = call.args.flag("DeleteAssociatedSnapshots")?;
    let here = call.world.images.get(&id).is_some_and(|it| it.region == call.region.name);
    let image = here.then(|| call.world.images.remove(&id)).flatten().ok_or_else(|| {
        // A public one is somebody else's.
        match find_image(call.region_name(), &id) {
            Some(_) => Fault::new("AuthFailure", format!("Not authorized for image:{id}")).with_status(403),
            None => not_found(&id),
        }
    })?;
    let mut xml = done();
    let disks = image.disks.iter().filter(|_| snapshots_too);
    let gone: Vec<&ImageDisk> = disks.filter(|disk| user_of(call.world, &disk.snapshot).is_none()).collect();
    for disk in &gone {
        call.world.snapshots.remove(&disk.snapshot);
    }
    xml.list("deleteSnapshotResultSet", gone, |xml, disk| {
        xml.text("snapshotId", &disk.snapshot);
        xml.text("returnCode", "success");
    });
    Ok(xml)
}

/// The image that has a snapshot.
pub(super) fn user_of<'w>(world: &'w World, snapshot: &str) -> Option<&'w String> {
    let has = |image: &OwnImage| image.disks.iter().any(|disk| disk.snapshot == snapshot);
    world.images.iter().find(|(_, image)| has(image)).map(|(id, _)| id)
}
