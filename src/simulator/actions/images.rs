//! Machine images.

use jiff::Timestamp;

use super::{Call, check_id, tag_set};
use crate::simulator::images::{Image, Own, find_image, images};
use crate::simulator::objects::{OwnImage, Tags};
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Filters, Xml};
use crate::simulator::world::ACCOUNT;

const FILTERS: [&str; 19] = [
    "architecture",
    "block-device-mapping.volume-type",
    "creation-date",
    "description",
    "ena-support",
    "hypervisor",
    "image-id",
    "image-type",
    "is-public",
    "name",
    "owner-alias",
    "owner-id",
    "platform-details",
    "root-device-name",
    "root-device-type",
    "source-instance-id",
    "state",
    "tag-key",
    "virtualization-type",
];

/// The image with that id in the call's region, to launch from.
pub(super) fn launchable(call: &Call<'_>, id: &str) -> Result<Image, Fault> {
    let image = find(call, id)?;
    if image.state != "available" {
        let message = format!("The image ID '{id}' is currently {}, and cannot be used.", image.state);
        return Err(Fault::new("InvalidAMIID.Unavailable", message));
    }
    Ok(image)
}

fn find(call: &Call<'_>, id: &str) -> Result<Image, Fault> {
    check_id(id, "ami", "InvalidAMIID.Malformed")?;
    let own = call.world.images.get(id).filter(|it| it.region == call.region.name && it.visible <= call.now);
    if let Some(own) = own {
        return Ok(shown(id, own, call.now));
    }
    find_image(call.region_name(), id)
        .ok_or_else(|| Fault::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")))
}

/// An image of the account's own as describes show it.
fn shown(id: &str, own: &OwnImage, now: Timestamp) -> Image {
    let root = own.disks.first();
    Image {
        id: id.to_owned(),
        name: own.name.clone(),
        owner_id: ACCOUNT.to_owned(),
        owner_alias: None,
        architecture: own.architecture.clone(),
        creation_date: own.created,
        deprecation_time: None,
        root_device_name: root.map(|disk| disk.device.clone()).unwrap_or_default(),
        root_snapshot_id: root.map(|disk| disk.snapshot.clone()).unwrap_or_default(),
        root_gib: root.map(|disk| disk.size).unwrap_or_default(),
        description: own.description.clone(),
        state: own.state(now).to_owned(),
        own: Some(Own {
            tags: own.tags.clone(),
            instance: own.instance.clone(),
            source: own.source.clone(),
            encrypted: root.is_some_and(|disk| disk.encrypted),
            more: (own.disks.iter().skip(1))
                .map(|it| (it.device.clone(), it.size, it.encrypted, it.snapshot.clone()))
                .collect(),
        }),
    }
}

/// DescribeImages. Deprecated images are left out unless asked for, or named by their ids.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let page = Page::read(&call.args, 1..=1000)?;
    let ids = call.args.list("ImageId");
    let owners = call.args.list("Owner");
    let deprecated_too = call.args.flag("IncludeDeprecated")? || !ids.is_empty();
    let mut found = if ids.is_empty() {
        let (region, now) = (call.region_name(), call.now);
        let seen = |it: &OwnImage| it.region == region && it.visible <= now;
        let own = call.world.images.iter().filter(|(_, it)| seen(it)).map(|(id, it)| shown(id, it, now));
        own.chain(images(region)).collect()
    } else {
        ids.iter().map(|id| find(call, id)).collect::<Result<Vec<_>, _>>()?
    };
    let now = call.now;
    found.retain(|image| {
        (deprecated_too || image.deprecation_time.is_none_or(|at| at > now))
            && owned(&owners, image)
            && accepts(&filters, image)
    });
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let (shown, next) = page.cut(found.iter(), |image| &image.id);
    let mut xml = Xml::new();
    xml.list("imagesSet", shown, write_image);
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

fn owned(owners: &[&str], image: &Image) -> bool {
    let own = |owner: &str| owner == ACCOUNT || owner == "self";
    owners.is_empty()
        || owners.iter().any(|owner| {
            *owner == image.owner_id
                || Some(*owner) == image.owner_alias.as_deref()
                || (own(owner) && image.owner_id == ACCOUNT)
        })
}

fn accepts(filters: &Filters, image: &Image) -> bool {
    let no_tags = Tags::new();
    let own = image.own.as_ref();
    filters.accept(own.map_or(&no_tags, |own| &own.tags), |name, is| match name {
        "architecture" => is(&image.architecture),
        "block-device-mapping.volume-type" => is("gp3"),
        "creation-date" => is(&image.creation_date.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
        "description" => is(&image.description),
        "ena-support" => is("true"),
        "is-public" => is(if own.is_some() { "false" } else { "true" }),
        "source-instance-id" => own.is_some_and(|own| is(&own.instance)),
        "hypervisor" => is("xen"),
        "image-id" => is(&image.id),
        "image-type" => is("machine"),
        "name" => is(&image.name),
        "owner-alias" => image.owner_alias.as_deref().is_some_and(is),
        "owner-id" => is(&image.owner_id),
        "platform-details" => is("Linux/UNIX"),
        "root-device-name" => is(&image.root_device_name),
        "root-device-type" => is("ebs"),
        "state" => is(&image.state),
        "virtualization-type" => is("hvm"),
        _ => false,
    })
}

fn write_image(xml: &mut Xml, image: &Image) {
    xml.text("imageId", &image.id);
    xml.text("imageLocation", &format!("{}/{}", image.owner_alias.as_deref().unwrap_or(&image.owner_id), image.name));
    xml.text("imageState", &image.state);
    xml.text("imageOwnerId", &image.owner_id);
    xml.time("creationDate", image.creation_date);
    xml.show("isPublic", image.own.is_none());
    xml.text("architecture", &image.architecture);
    xml.text("imageType", "machine");
    xml.show("enaSupport", true);
    xml.some("imageOwnerAlias", image.owner_alias.as_deref());
    xml.text("name", &image.name);
    xml.text("description", &image.description);
    xml.text("rootDeviceType", "ebs");
    xml.text("rootDeviceName", &image.root_device_name);
    let own = image.own.as_ref();
    let encrypted = own.is_some_and(|own| own.encrypted);
    let root = (image.root_device_name.clone(), image.root_gib, encrypted, image.root_snapshot_id.clone());
    let more = own.map(|own| own.more.as_slice()).unwrap_or_default();
    xml.list("blockDeviceMapping", std::iter::once(&root).chain(more), |xml, (device, size, encrypted, snapshot)| {
        xml.text("deviceName", device);
        xml.within("ebs", |xml| {
            xml.text("snapshotId", snapshot);
            xml.show("volumeSize", size);
            xml.show("deleteOnTermination", *device == root.0);
            xml.text("volumeType", "gp3");
            xml.show("encrypted", encrypted);
        });
    });
    if let Some(own) = own {
        tag_set(xml, &own.tags);
        xml.text("sourceInstanceId", &own.instance);
        xml.text("sourceImageId", &own.source);
        if image.state == "failed" {
            xml.within("stateReason", |xml| {
                xml.text("code", "Server.InternalError");
                xml.text("message", "Server.InternalError: Internal error on image creation");
            });
        }
    }
    xml.text("virtualizationType", "hvm");
    xml.text("hypervisor", "xen");
    xml.text("platformDetails", "Linux/UNIX");
    xml.text("usageOperation", "RunInstances");
    if let Some(at) = image.deprecation_time {
        xml.time("deprecationTime", at);
    }
}
