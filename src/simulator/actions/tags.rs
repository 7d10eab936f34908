//! Tags, on whatever can carry them.

use jiff::Timestamp;

use super::{Call, done};
use crate::simulator::objects::Tags;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Args, Fault, Xml};
use crate::simulator::world::World;

/// The kinds of resource that a TagSpecification may name.
const KINDS: [&str; 8] = [
    "instance",
    "volume",
    "spot-instances-request",
    "network-interface",
    "security-group",
    "key-pair",
    "snapshot",
    "image",
];
const MOST_TAGS: usize = 50;

/// The tags that a create asks for on one kind of resource.
pub(super) fn asked_for(args: &Args<'_>, kind: &str) -> Result<Tags, Fault> {
    let mut tags = Tags::new();
    for specification in args.items("TagSpecification") {
        let named = specification.need("ResourceType")?;
        if !KINDS.contains(&named) {
            return Err(Fault::value(format!("'{named}' is not a valid taggable resource type for this operation.")));
        }
        let given = read(&specification)?;
        if given.is_empty() {
            return Err(Fault::value("Tag specification must have at least one tag"));
        }
        if named == kind {
            tags.extend(given);
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn read(args: &Args<'_>) -> Result<Tags, Fault> {
    let mut tags = Tags::new();
    for tag in args.items("Tag") {
        let (key, value) = (tag.need("Key")?, tag.given("Value").unwrap_or_default());
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Fault::value(format!("Tag keys starting with 'aws:' are reserved for internal use: {key}")));
        }
        if key.chars().count() > 128 {
            return Err(Fault::value(format!("Tag key exceeds the maximum length of 128 characters: {key}")));
        }
        if value.chars().count() > 256 {
            return Err(Fault::value(format!("Tag value exceeds the maximum length of 256 characters: {value}")));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

pub(super) fn check_count(tags: &Tags) -> Result<(), Fault> {
    if tags.len() > MOST_TAGS {
        return Err(Fault::new("TagLimitExceeded", "The maximum number of tags for a resource is 50."));
    }
    Ok(())
}

/// The kind of resource an id is of, in EC2's words.
fn kind_of(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("i") => "instance",
        Some("vol") => "volume",
        Some("sir") => "spot-instances-request",
        Some("snap") => "snapshot",
        Some("ami") => "image",
        Some("eni") => "network-interface",
        Some("sg") => "security-group",
        _ => "key-pair",
    }
}

fn missing(id: &str) -> Fault {
    let (code, what) = match kind_of(id) {
        "instance" => ("InvalidInstanceID.NotFound", "instance ID"),
        "volume" => ("InvalidVolume.NotFound", "volume"),
        "spot-instances-request" => ("InvalidSpotInstanceRequestID.NotFound", "spot instance request ID"),
        "snapshot" => ("InvalidSnapshot.NotFound", "snapshot"),
        "image" => ("InvalidAMIID.NotFound", "image"),
        "network-interface" => ("InvalidNetworkInterfaceID.NotFound", "networkInterface ID"),
        "security-group" => ("InvalidGroup.NotFound", "security group"),
        _ => ("InvalidID", "ID"),
    };
    Fault::new(code, format!("The {what} '{id}' does not exist"))
}

fn edit<'w>(world: &'w mut World, region: &str, id: &str) -> Option<&'w mut Tags> {
    let here = |own: &str| own == region;
    match kind_of(id) {
        "instance" => world.instances.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
        "volume" => world.volumes.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
        "spot-instances-request" => world.requests.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
        "snapshot" => world.snapshots.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
        "image" => world.images.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
        "network-interface" => world.interfaces.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
        "security-group" => world.groups.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
        _ => world.keys.edit(id).filter(|it| here(&it.region)).map(|it| &mut it.tags),
    }
}

/// CreateTags: on all the resources named, or on none.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let ids = call.args.list("ResourceId");
    if ids.is_empty() {
        return Err(Fault::missing("resourceIdSet"));
    }
    let tags = read(&call.args)?;
    if tags.is_empty() {
        return Err(Fault::missing("tagSet"));
    }
    let region = call.region_name();
    for id in &ids {
        let mut all = edit(call.world, region, id).ok_or_else(|| missing(id))?.clone();
        all.extend(tags.clone());
        check_count(&all)?;
    }
    for id in ids {
        if let Some(own) = edit(call.world, region, id) {
            own.extend(tags.clone());
        }
    }
    Ok(done())
}

/// DeleteTags: by key, or by key and value; without tags all of them.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let ids = call.args.list("ResourceId");
    if ids.is_empty() {
        return Err(Fault::missing("resourceIdSet"));
    }
    let wanted: Vec<(&str, Option<&str>)> = call
        .args
        .items("Tag")
        .iter()
        .map(|tag| tag.need("Key").map(|key| (key, tag.given("Value"))))
        .collect::<Result<_, _>>()?;
    let region = call.region_name();
    for id in ids {
        let own = edit(call.world, region, id).ok_or_else(|| missing(id))?;
        own.retain(|key, value| {
            !wanted.is_empty() && !wanted.iter().any(|(k, v)| k == key && v.is_none_or(|v| v == value))
        });
    }
    Ok(done())
}

/// All tagged objects of a region that describes see.
fn tagged<'w>(world: &'w World, region: &str, now: Timestamp) -> Vec<(&'w String, &'w Tags)> {
    let mut all = Vec::new();
    let here = |own: &str, visible: Timestamp| own == region && visible <= now;
    all.extend(world.instances.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.extend(world.volumes.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.extend(world.snapshots.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.extend(world.images.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.extend(world.requests.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.extend(world.interfaces.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.extend(world.groups.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.extend(world.keys.iter().filter(|(_, it)| here(&it.region, it.visible)).map(|(id, it)| (id, &it.tags)));
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

/// DescribeTags.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&["key", "resource-id", "resource-type", "value"])?;
    let page = Page::read(&call.args, 5..=1000)?;
    let no_tags = Tags::new();
    let mut rows = Vec::new();
    for (id, tags) in tagged(call.world, call.region_name(), call.now) {
        for (key, value) in tags {
            let shown = filters.accept(&no_tags, |name, is| match name {
                "key" => is(key),
                "resource-id" => is(id),
                "resource-type" => is(kind_of(id)),
                _ => is(value),
            });
            if shown {
                rows.push((format!("{id}/{key}"), id, key, value));
            }
        }
    }
    let (shown, next) = page.cut(rows.into_iter(), |(row, ..)| row);
    let mut xml = Xml::new();
    xml.list("tagSet", shown, |xml, (_, id, key, value)| {
        xml.text("resourceId", id);
        xml.text("resourceType", kind_of(id));
        xml.text("key", key);
        xml.text("value", value);
    });
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}
