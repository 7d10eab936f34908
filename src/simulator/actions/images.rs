//! Machine images.

use super::{Call, check_id};
use crate::simulator::images::{Image, find_image, images};
use crate::simulator::objects::Tags;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Filters, Xml};
use crate::simulator::world::ACCOUNT;

const FILTERS: [&str; 18] = [
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
    "state",
    "tag-key",
    "virtualization-type",
];

/// The image with that id in the call's region.
pub(super) fn find(call: &Call<'_>, id: &str) -> Result<Image, Fault> {
    check_id(id, "ami", "InvalidAMIID.Malformed")?;
    find_image(call.region_name(), id)
        .ok_or_else(|| Fault::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")))
}

/// DescribeImages. Deprecated images are left out unless asked for, or named by their ids.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let page = Page::read(&call.args, 1..=1000)?;
    let ids = call.args.list("ImageId");
    let owners = call.args.list("Owner");
    let deprecated_too = call.args.flag("IncludeDeprecated")? || !ids.is_empty();
    let mut found = if ids.is_empty() {
        images(call.region_name())
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
    filters.accept(&Tags::new(), |name, is| match name {
        "architecture" => is(&image.architecture),
        "block-device-mapping.volume-type" => is("gp3"),
        "creation-date" => is(&image.creation_date.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
        "description" => is(&image.description),
        "ena-support" | "is-public" => is("true"),
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
    xml.show("isPublic", true);
    xml.text("architecture", &image.architecture);
    xml.text("imageType", "machine");
    xml.show("enaSupport", true);
    xml.some("imageOwnerAlias", image.owner_alias.as_deref());
    xml.text("name", &image.name);
    xml.text("description", &image.description);
    xml.text("rootDeviceType", "ebs");
    xml.text("rootDeviceName", &image.root_device_name);
    xml.list("blockDeviceMapping", [image], |xml, image| {
        xml.text("deviceName", &image.root_device_name);
        xml.within("ebs", |xml| {
            xml.text("snapshotId", &image.root_snapshot_id);
            xml.show("volumeSize", image.root_gib);
            xml.show("deleteOnTermination", true);
            xml.text("volumeType", "gp3");
            xml.show("encrypted", false);
        });
    });
    xml.text("virtualizationType", "hvm");
    xml.text("hypervisor", "xen");
    xml.text("platformDetails", "Linux/UNIX");
    xml.text("usageOperation", "RunInstances");
    if let Some(at) = image.deprecation_time {
        xml.time("deprecationTime", at);
    }
}
