//! Changes of volumes that are in use: their size, kind and speed.

use jiff::{SignedDuration, Timestamp};

use super::volumes::{allowed_size, not_found, performance};
use super::{Call, check_id};
use crate::simulator::objects::{Modification, Performance, Volume};
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Xml};

/// How often a volume may be changed in a day (the API reference of ModifyVolume).
const A_DAY: usize = 4;

/// ModifyVolume: one change at a time, four in 24 hours, and never to a smaller size.
pub(super) fn modify(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = call.args.need("VolumeId")?;
    check_id(id, "vol", "InvalidVolumeID.Malformed")?;
    let volume = call.world.volumes.get(id).filter(|it| it.region == call.region.name);
    let volume = volume.ok_or_else(|| not_found(id))?;
    if volume.state(call.now) == "creating" {
        return Err(Fault::new("IncorrectState", format!("Volume '{id}' is in the 'creating' state.")));
    }
    let to = target(call, volume)?;
    check_rate(id, volume, call.now)?;
    let (from, modified) = (of(volume), volume.modified.clone());
    let effective = call.world.step_end(call.now, call.world.settings().modification / 2, id);
    let done = call.world.step_end(call.now, call.world.settings().modification, id);
    let modification = Modification { from, to: to.clone(), started: call.now, effective, done };
    let mut xml = Xml::new();
    xml.within("volumeModification", |xml| write(xml, id, &modification, call.now));
    let day_ago = call.now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(call.now);
    if let Some(volume) = call.world.volumes.edit(id) {
        (volume.size, volume.kind, volume.iops, volume.throughput) = (to.size, to.kind, to.iops, to.throughput);
        volume.modified = modified.into_iter().filter(|at| *at > day_ago).chain([call.now]).collect();
        volume.modification = Some(modification);
    }
    Ok(xml)
}

fn of(volume: &Volume) -> Performance {
    Performance { size: volume.size, kind: volume.kind.clone(), iops: volume.iops, throughput: volume.throughput }
}

fn target(call: &Call<'_>, volume: &Volume) -> Result<Performance, Fault> {
    let kind = call.args.get("VolumeType").unwrap_or(&volume.kind);
    let size = allowed_size(kind, call.args.number("Size")?.unwrap_or_else(|| i64::from(volume.size)))?;
    if size < volume.size {
        return Err(Fault::value("New size cannot be smaller than existing size"));
    }
    let same = kind == volume.kind;
    let iops = call.args.number("Iops")?.or(volume.iops.filter(|_| same && kind != "gp2"));
    let throughput = call.args.number("Throughput")?.or(volume.throughput.filter(|_| same));
    let (iops, throughput) = performance(kind, size, iops, throughput)?;
    Ok(Performance { size, kind: kind.to_owned(), iops, throughput })
}

fn check_rate(id: &str, volume: &Volume, now: Timestamp) -> Result<(), Fault> {
    if volume.modification.as_ref().is_some_and(|it| it.state(now) != "completed") {
        let message = format!("Volume {id} is currently being modified.");
        return Err(Fault::new("IncorrectModificationState", message));
    }
    let day = SignedDuration::from_hours(24);
    let lately: Vec<&Timestamp> = volume.modified.iter().filter(|at| now.duration_since(**at) < day).collect();
    match lately.first() {
        Some(first) if lately.len() >= A_DAY => {
            let next = first.saturating_add(day).unwrap_or(now).strftime("%Y-%m-%dT%H:%M:%SZ");
            let message = format!(
                "You've reached the maximum modification rate per volume limit. The next modification of {id} is possible at {next}"
            );
            Err(Fault::new("VolumeModificationRateExceeded", message))
        }
        _ => Ok(()),
    }
}

fn write(xml: &mut Xml, id: &str, it: &Modification, now: Timestamp) {
    xml.text("volumeId", id);
    xml.text("modificationState", it.state(now));
    for (which, performance) in [("target", &it.to), ("original", &it.from)] {
        xml.show(&format!("{which}Size"), performance.size);
        if let Some(iops) = performance.iops {
            xml.show(&format!("{which}Iops"), iops);
        }
        xml.text(&format!("{which}VolumeType"), &performance.kind);
        if let Some(throughput) = performance.throughput {
            xml.show(&format!("{which}Throughput"), throughput);
        }
    }
    xml.show("progress", it.progress(now));
    xml.time("startTime", it.started);
    if it.state(now) == "completed" {
        xml.time("endTime", it.done);
    }
}

/// DescribeVolumesModifications: the last change of each volume that was ever changed.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&["modification-state", "original-size", "target-size", "volume-id"])?;
    let ids = call.args.list("VolumeId");
    let page = Page::read(&call.args, 5..=500)?;
    let (region, now) = (call.region_name(), call.now);
    if let Some(unknown) = ids.iter().find(|id| call.world.volumes.get(id).is_none_or(|it| it.region != region)) {
        return Err(not_found(unknown));
    }
    let found = call.world.volumes.iter().filter(|(_, it)| it.region == region);
    let found = found.filter_map(|(id, it)| Some((id, it, it.modification.as_ref()?)));
    let found = found.filter(|(id, ..)| ids.is_empty() || ids.contains(&id.as_str()));
    let shown = found.filter(|(id, volume, it)| {
        filters.accept(&volume.tags, |name, is| match name {
            "modification-state" => is(it.state(now)),
            "original-size" => is(&it.from.size.to_string()),
            "target-size" => is(&it.to.size.to_string()),
            _ => is(id),
        })
    });
    let (shown, next) = page.cut(shown, |(id, ..)| id);
    let mut xml = Xml::new();
    xml.list("volumeModificationSet", shown, |xml, (id, _, it)| write(xml, id, it, now));
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}
