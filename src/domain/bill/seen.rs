//! What was used, as EC2 shows it: it knows when things began, and what ended while no command ran.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::journal::SLACK;
use super::usage::{Disk, Owner, Purchase, Run, Usage};
use crate::domain::found::Found;
use crate::domain::lifecycle::{self, Meaning};
use crate::domain::nodes;
use crate::domain::observed::{Instance, InstanceState, SpotRequest, Volume, VolumeState};

/// How long EC2 goes on listing an instance that has ended: about an hour.
const LISTED: SignedDuration = SignedDuration::from_hours(1);

/// A look at what EC2 has of one environment in one region.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The environment's name.
    pub env: &'a str,
    /// The region.
    pub region: &'a str,
    /// What was found; `None`: nothing.
    pub found: Option<&'a Found>,
    /// When the environment's journal was last written to.
    pub last_word: Option<Timestamp>,
    /// When EC2 was looked at.
    pub now: Timestamp,
}

impl Usage {
    /// Brings what an environment's journal tells up to what EC2 shows in a region.
    ///
    /// What EC2 shows no more has ended: an instance at the latest an hour ago, for so long ended ones are listed; a
    /// volume when the journal last spoke, or later. What the journal does not know is added.
    pub fn see(&mut self, look: &Look<'_>) {
        let mut seeing = Seeing { usage: self, look, requests: BTreeMap::new() };
        for request in look.found.iter().flat_map(|found| &found.observed.requests) {
            if let Some(id) = &request.instance_id {
                seeing.requests.insert(id, request);
            }
        }
        seeing.instances();
        seeing.volumes();
        seeing.roots();
        seeing.snapshots();
    }
}

struct Seeing<'a, 'u> {
    usage: &'u mut Usage,
    look: &'a Look<'a>,
    /// Spot requests by the instance that they launched last.
    requests: BTreeMap<&'a str, &'a SpotRequest>,
}

impl<'a> Seeing<'a, '_> {
    fn instances(&mut self) {
        let mut shown = BTreeSet::new();
        for instance in self.look.found.iter().flat_map(|found| &found.observed.instances) {
            shown.insert(instance.id.as_str());
            self.instance(instance);
        }
        for place in 0..self.usage.runs.len() {
            let run = &self.usage.runs[place];
            if self.is_here(&run.owner) && run.to.is_none() && !shown.contains(run.instance_id.as_str()) {
                self.not_shown(place);
            }
        }
    }

    fn instance(&mut self, it: &'a Instance) {
        let open = self.usage.runs.iter().rposition(|run| run.to.is_none() && run.instance_id == it.id);
        match (it.state, open) {
            (InstanceState::Running, _) => self.running(it, open),
            (InstanceState::Pending, Some(place)) => self.end_run(place, it.launched_at, false, false),
            (_, Some(place)) => {
                let (at, taken) = self.ended(it.id.as_str(), it.ended_at);
                self.end_run(place, at, at.is_some(), taken);
            }
            (_, None) => {}
        }
    }

    fn running(&mut self, it: &'a Instance, open: Option<usize>) {
        let public_address = it.public_ip.is_some();
        let Some(place) = open else {
            let run = self.new_run(it);
            self.usage.runs.push(Run { public_address, ..run });
            return;
        };
        let run = &mut self.usage.runs[place];
        run.public_address = public_address;
        let Some(launched_at) = it.launched_at else { return };
        if launched_at.duration_since(run.from) > SLACK {
            // It was stopped and started meanwhile: the run that the journal knows ended before, at the latest then.
            let again = Run { from: launched_at, ..run.clone() };
            self.end_run(place, Some(launched_at), false, false);
            self.usage.runs.push(again);
        }
    }

    fn new_run(&self, it: &Instance) -> Run {
        let own = it.node_tag.as_deref().and_then(|tag| nodes::at(tag, it.launch_index));
        // What a persistent request launches again carries no tags; the request does.
        let of_request = || self.requests.get(it.id.as_str())?.node_tag.as_deref()?.parse().ok();
        Run {
            owner: self.owner(&it.id, own.or_else(of_request)),
            instance_id: it.id.clone(),
            instance_type: it.instance_type.clone(),
            zone: it.zone.clone(),
            purchase: if it.on_demand { Purchase::OnDemand } else { Purchase::Spot },
            from: it.launched_at.unwrap_or(self.look.now),
            to: None,
            taken: false,
            end_assumed: false,
            launch_price: None,
            public_address: false,
        }
    }

    /// When an instance that runs no more was stopped or ended, and whether EC2 did it.
    fn ended(&self, id: &str, told: Option<Timestamp>) -> (Option<Timestamp>, bool) {
        let request = self.requests.get(id).filter(|it| lifecycle::meaning(&it.status) == Meaning::Interrupted);
        (request.and_then(|it| it.updated_at).or(told), request.is_some())
    }

    fn not_shown(&mut self, place: usize) {
        let run = &self.usage.runs[place];
        let request = self.requests.get(run.instance_id.as_str()).filter(|it| !it.state.is_live());
        let (told, taken) = (request.and_then(|it| it.updated_at), self.ended(&run.instance_id, None).1);
        // Where EC2 has put another in its place, that one was launched after its end.
        let others = self.usage.runs.iter().filter(|other| other.owner.node.is_some() && self.is_here(&other.owner));
        let next = others.filter(|other| other.owner.node == run.owner.node && other.from > run.from);
        let latest = next.map(|other| other.from).fold(self.look.now - LISTED, Timestamp::min);
        // A new one is shown late.
        if told.is_some() || latest > run.from {
            self.end_run(place, told.or(Some(latest)), told.is_some(), taken);
        }
    }

    fn end_run(&mut self, place: usize, at: Option<Timestamp>, known: bool, taken: bool) {
        let run = &mut self.usage.runs[place];
        let at = at.filter(|at| *at >= run.from);
        run.to = Some(at.unwrap_or(self.look.now));
        run.end_assumed = at.is_none() || !known;
        run.taken |= taken;
    }

    fn volumes(&mut self) {
        let mut shown = BTreeSet::new();
        let volumes =
            self.look.found.iter().flat_map(|found| found.observed.volumes.iter().chain(&found.spare.put_aside));
        for volume in volumes.filter(|volume| volume.state != VolumeState::Deleting) {
            shown.insert(volume.id.as_str());
            self.there(volume, |disk| disk.id == volume.id);
        }
        let (look, last_word) = (self.look, self.look.last_word.unwrap_or(self.look.now));
        for disk in self.usage.disks.iter_mut().filter(|disk| is_here(look, &disk.owner) && disk.to.is_none()) {
            if disk.id.starts_with("vol-") && !shown.contains(disk.id.as_str()) {
                disk.to = Some(last_word.max(disk.from));
            }
        }
    }

    /// A disk that EC2 shows: what EC2 says of it counts.
    fn there(&mut self, volume: &Volume, is_it: impl Fn(&Disk) -> bool) {
        let made_at = self.look.found.and_then(|found| found.made_at.get(&volume.id)).copied();
        // One that grew is several: the last has not been since it was made.
        let has_grown = self.usage.disks.iter().any(|disk| disk.to.is_some() && disk.id == volume.id);
        if let Some(disk) = self.usage.disks.iter_mut().rfind(|disk| disk.to.is_none() && is_it(disk)) {
            disk.id.clone_from(&volume.id);
            disk.from = made_at.filter(|_| !has_grown).unwrap_or(disk.from);
            disk.gib = volume.gib;
            return;
        }
        let node = volume.node_tag.as_deref().and_then(|tag| tag.parse().ok());
        let (owner, id) = (self.owner(&volume.id, node), volume.id.clone());
        self.usage.disks.push(Disk { owner, id, gib: volume.gib, from: made_at.unwrap_or(self.look.now), to: None });
    }

    /// Root disks go with their instances.
    fn roots(&mut self) {
        let mut there = BTreeSet::new();
        for instance in self.look.found.iter().flat_map(|found| &found.observed.instances) {
            if instance.state.is_live() {
                there.insert(instance.id.clone());
            }
        }
        let mut last_end: BTreeMap<String, Timestamp> = BTreeMap::new();
        for run in &self.usage.runs {
            let end = last_end.entry(run.instance_id.clone()).or_insert(run.from);
            *end = (*end).max(run.to.unwrap_or(self.look.now));
        }
        let look = self.look;
        for disk in self.usage.disks.iter_mut().filter(|disk| is_here(look, &disk.owner) && disk.to.is_none()) {
            let is_gone = disk.id.starts_with("i-") && !there.contains(&disk.id);
            if is_gone && look.now.duration_since(disk.from) > LISTED {
                disk.to = Some(last_end.get(&disk.id).copied().unwrap_or(disk.from).max(disk.from));
            }
        }
        for root in look.found.iter().flat_map(|found| &found.spare.roots) {
            let instance = root.attachment.as_ref().map(|it| it.instance_id.as_str());
            self.there(root, |disk| disk.id == root.id || Some(disk.id.as_str()) == instance);
        }
    }

    fn snapshots(&mut self) {
        let Some(found) = self.look.found else { return };
        let (look, last_word) = (self.look, self.look.last_word.unwrap_or(self.look.now));
        for it in self.usage.snapshots.iter_mut().filter(|it| is_here(look, &it.owner) && it.to.is_none()) {
            match found.spare.snapshots.iter().find(|snapshot| snapshot.id == it.id) {
                Some(snapshot) => it.gib = snapshot.gib,
                // Somebody else has deleted it.
                None => it.to = Some(last_word.max(it.from)),
            }
        }
        let known: BTreeSet<String> = self.usage.snapshots.iter().map(|it| it.id.clone()).collect();
        for snapshot in found.spare.snapshots.iter().filter(|it| !known.contains(&it.id)) {
            let from = found.made_at.get(&snapshot.id).copied().unwrap_or(self.look.now);
            let (owner, id) = (self.owner(&snapshot.id, None), snapshot.id.clone());
            self.usage.snapshots.push(Disk { owner, id, gib: snapshot.gib, from, to: None });
        }
    }

    fn owner(&self, id: &str, node: Option<u32>) -> Owner {
        let tags = self.look.found.and_then(|found| found.tags.get(id)).cloned().unwrap_or_default();
        let (env, region) = (self.look.env.to_owned(), self.look.region.to_owned());
        Owner { env, region, node, tags: Arc::new(tags) }
    }

    fn is_here(&self, owner: &Owner) -> bool {
        is_here(self.look, owner)
    }
}

fn is_here(look: &Look<'_>, owner: &Owner) -> bool {
    owner.env == look.env && owner.region == look.region
}

#[cfg(test)]
mod tests;
