//! What was used, as an environment's journal tells it.
//!
//! A journal is written by commands alone. What EC2 did while none ran is seen by the next one, with the time that EC2
//! gives it, if any.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::usage::{Disk, Owner, Purchase, Run, Usage};
use crate::domain::call::{Call, Launch, Made, Tags};
use crate::domain::journal::{Entry, Event};
use crate::domain::lifecycle::{self, Meaning};
use crate::domain::phase::Phase;
use crate::domain::tags;

/// How far apart two times of one start may be: EC2's of the call, and ours of the first look that showed it running.
pub(super) const SLACK: SignedDuration = SignedDuration::from_mins(2);
/// How long after it was last seen alive something may have ended for that to be told from a command that was running.
const LOOKED_AWAY: SignedDuration = SignedDuration::from_mins(5);

impl Usage {
    /// What an environment has used, all its lives together. What was there at the journal's end has no end.
    #[must_use]
    pub fn read(env: &str, entries: &[Entry]) -> Self {
        let mut reader = Reader { env: env.to_owned(), ..Reader::default() };
        for entry in entries {
            reader.take(entry);
        }
        reader.usage
    }
}

/// The region that an availability zone is in: `us-east-1a`, `us-west-2-lax-1a`.
#[must_use]
pub(super) fn region_of(zone: &str) -> String {
    let mut parts = Vec::new();
    for part in zone.split('-') {
        let digits = part.trim_end_matches(|c: char| c.is_ascii_lowercase());
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            parts.push(digits);
            break;
        }
        parts.push(part);
    }
    parts.join("-")
}

#[derive(Default)]
struct Reader {
    env: String,
    usage: Usage,
    /// Calls without an answer.
    open: BTreeMap<Uuid, Call>,
    /// What each node was last launched as.
    launched: BTreeMap<u32, Arc<LaunchedAs>>,
    machines: BTreeMap<String, Machine>,
    /// The instance that each node was last seen with.
    current: BTreeMap<u32, String>,
    /// Persistent volumes that are there: where in the usage.
    volumes: BTreeMap<String, usize>,
    /// Those in regions that the environment has left.
    left: BTreeMap<String, usize>,
}

/// What an instance was launched as.
struct LaunchedAs {
    instance_type: String,
    zone: String,
    price: f64,
    purchase: Purchase,
    root_gib: u32,
    tags: Arc<Tags>,
}

/// An instance that the journal knows.
struct Machine {
    node: u32,
    launched_as: Arc<LaunchedAs>,
    /// Where in the usage its root disk is.
    root: usize,
    /// Where in the usage its last run is, and whether it goes on.
    last_run: Option<usize>,
    runs: bool,
    /// When EC2 says that it was last started.
    started: Option<Timestamp>,
    /// Whether a command saw it starting: then the next look that shows it running tells when that was.
    starting: bool,
    hibernating: bool,
    seen: Timestamp,
}

/// How something ended.
#[derive(Clone, Copy)]
struct End {
    at: Timestamp,
    /// When its root disk ended, if it did.
    gone: Timestamp,
    /// Whether it is known to have been then, or only not later.
    known: bool,
    /// Whether EC2 did it.
    taken: bool,
}

impl LaunchedAs {
    fn of(launch: &Launch) -> Self {
        Self {
            instance_type: launch.pool.instance_type.clone(),
            zone: launch.pool.zone.clone(),
            price: launch.price,
            purchase: if launch.on_demand { Purchase::OnDemand } else { Purchase::Spot },
            root_gib: launch.root_gib,
            tags: Arc::new(launch.tags.clone()),
        }
    }

    fn owner(&self, env: &str, node: u32) -> Owner {
        Owner { env: env.to_owned(), region: region_of(&self.zone), node: Some(node), tags: Arc::clone(&self.tags) }
    }
}

impl Reader {
    fn take(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.event {
            Event::Intended { token, call, .. } => {
                if let Call::Launch(launch) | Call::RequestSpot(launch) = &**call {
                    let launched_as = Arc::new(LaunchedAs::of(launch));
                    self.launched.extend(launch.nodes.iter().map(|node| (*node, Arc::clone(&launched_as))));
                }
                self.open.insert(*token, (**call).clone());
            }
            Event::Done { token, made } => self.done(token, made, at),
            Event::Refused { token, .. } | Event::Settled { token, .. } => {
                self.open.remove(token);
            }
            Event::Node { node, phase, instance_id, status, since, .. } => match instance_id {
                Some(id) => self.node(*node, id, *phase, status.as_deref(), (*since, at)),
                None => self.end_of_node(*node, None, at),
            },
            Event::Closed { volumes } => self.close(&volumes.values().cloned().collect(), at),
            // Its volumes in the old region end when they are deleted, not when a later life ends.
            Event::Moved { region } => self.moved(region),
            Event::Began { .. } | Event::Lost { .. } | Event::Ended { .. } => {}
        }
    }

    fn done(&mut self, token: &Uuid, made: &Made, at: Timestamp) {
        let Some(call) = self.open.remove(token) else { return };
        match call {
            Call::Launch(launch) => {
                for (node, id) in launch.nodes.iter().zip(&made.instances) {
                    self.machine(*node, id, at);
                }
            }
            Call::Terminate { ids } => {
                for id in &ids {
                    self.end(id, End { at, gone: at, known: true, taken: false });
                }
            }
            Call::Stop { ids, hibernate } => {
                for id in &ids {
                    match self.machines.get_mut(id).filter(|_| hibernate) {
                        // Its memory is written to the disk first, and that is charged.
                        Some(machine) => machine.hibernating = true,
                        None => self.stop(id, End { at, gone: at, known: true, taken: false }),
                    }
                }
            }
            Call::CreateVolume { node, zone, gib, tags, .. } => {
                let Some(id) = &made.volume else { return };
                let owner =
                    Owner { env: self.env.clone(), region: region_of(&zone), node: Some(node), tags: Arc::new(tags) };
                self.volumes.insert(id.clone(), self.usage.disks.len());
                self.usage.disks.push(Disk { owner, id: id.clone(), gib, from: at, to: None });
            }
            Call::DeleteVolume { id } => self.end_volume(&id, at),
            Call::Enlarge { id, gib } => self.enlarge(&id, gib, at),
            Call::CreateSnapshot { volume_id, tags, .. } => self.snapshot(made, &volume_id, tags, at),
            Call::CopySnapshot { to, gib, tags, .. } => {
                let Some(id) = &made.snapshot else { return };
                let node = tags.get(tags::NODE).and_then(|node| node.parse().ok());
                let owner = Owner { env: self.env.clone(), region: to, node, tags: Arc::new(tags) };
                self.usage.snapshots.push(Disk { owner, id: id.clone(), gib, from: at, to: None });
            }
            Call::DeleteSnapshot { id } => {
                for it in self.usage.snapshots.iter_mut().filter(|it| it.id == id && it.to.is_none()) {
                    it.to = Some(at);
                }
            }
            _ => {}
        }
    }

    /// The machine of an id, which may be new: EC2 itself launches for a persistent request. `None` where it is not known
    /// what it was launched as.
    fn machine(&mut self, node: u32, id: &str, at: Timestamp) -> Option<&mut Machine> {
        if !self.machines.contains_key(id) {
            let launched_as = Arc::clone(self.launched.get(&node)?);
            let owner = launched_as.owner(&self.env, node);
            let root = self.usage.disks.len();
            self.usage.disks.push(Disk { owner, id: id.to_owned(), gib: launched_as.root_gib, from: at, to: None });
            let machine = Machine {
                node,
                launched_as,
                root,
                last_run: None,
                runs: false,
                started: None,
                starting: false,
                hibernating: false,
                seen: at,
            };
            self.machines.insert(id.to_owned(), machine);
        }
        self.machines.get_mut(id)
    }

    fn node(
        &mut self,
        node: u32,
        id: &str,
        phase: Phase,
        status: Option<&str>,
        (since, at): (Option<Timestamp>, Timestamp),
    ) {
        self.end_of_node(node, Some(id), since.filter(|_| phase >= Phase::Launching).unwrap_or(at));
        let taken = status.is_some_and(|code| lifecycle::meaning(code) == Meaning::Interrupted);
        let mut end = self.seen_end(id, (since, at), status, taken || phase == Phase::Interrupted);
        // What is just being stopped or ended has run until now, whenever it was last looked at.
        end.known |= matches!(phase, Phase::Stopping | Phase::Ending);
        match phase {
            Phase::Gone | Phase::Ending | Phase::Absent | Phase::Requested => self.end(id, end),
            Phase::Interrupted if status.is_some_and(|code| code.starts_with("instance-terminated")) => {
                self.end(id, end);
            }
            Phase::Interrupted | Phase::Stopped => self.stop(id, end),
            Phase::Stopping => {
                if self.machines.get(id).is_some_and(|machine| !machine.hibernating) {
                    self.stop(id, end);
                }
            }
            Phase::Launching => {
                // What is starting does not run, whatever was seen last.
                self.stop(id, End { at: since.unwrap_or(at), gone: at, known: false, taken: false });
                if let Some(machine) = self.machine(node, id, at) {
                    machine.starting = true;
                }
                self.current.insert(node, id.to_owned());
            }
            Phase::Running | Phase::Attached | Phase::Reachable | Phase::Ready => self.runs(node, id, since, at),
        }
        if let Some(machine) = self.machines.get_mut(id) {
            machine.seen = at;
        }
    }

    /// When something ended that a look shows as ended: when EC2 says so, else at the latest by that look.
    fn seen_end(
        &self,
        id: &str,
        (since, at): (Option<Timestamp>, Timestamp),
        status: Option<&str>,
        taken: bool,
    ) -> End {
        let Some(machine) = self.machines.get(id) else { return End { at, gone: at, known: true, taken } };
        let began = machine.last_run.and_then(|run| self.usage.runs.get(run)).map(|run| run.from);
        let told = since.filter(|since| *since <= at && began.is_none_or(|began| *since >= began));
        let known = told.is_some() || at.duration_since(machine.seen) < LOOKED_AWAY;
        // Of what was stopped first, the time that EC2 tells is that of the stop, and its disk went on.
        let was_stopped = !machine.runs || status.is_some_and(|code| code.starts_with("instance-stopped"));
        let gone = if was_stopped { at } else { told.unwrap_or(at) };
        End { at: told.unwrap_or(at), gone, known, taken }
    }

    fn runs(&mut self, node: u32, id: &str, since: Option<Timestamp>, at: Timestamp) {
        self.end_unseen(id, since);
        self.current.insert(node, id.to_owned());
        let env = self.env.clone();
        let next = self.usage.runs.len();
        let before = self.machines.get(id).and_then(|it| it.last_run).and_then(|run| self.usage.runs[run].to);
        let Some(machine) = self.machine(node, id, at) else { return };
        machine.hibernating = false;
        if machine.runs {
            return;
        }
        let from = if machine.starting { at } else { since.unwrap_or(at) };
        (machine.starting, machine.runs, machine.started, machine.last_run) = (false, true, since, Some(next));
        let launched_as = Arc::clone(&machine.launched_as);
        self.usage.runs.push(Run {
            owner: launched_as.owner(&env, node),
            instance_id: id.to_owned(),
            instance_type: launched_as.instance_type.clone(),
            zone: launched_as.zone.clone(),
            purchase: launched_as.purchase,
            from: before.map_or(from, |before| from.max(before)),
            to: None,
            taken: false,
            end_assumed: false,
            launch_price: Some(launched_as.price),
            public_address: true,
        });
    }

    /// Whoever was started since it was last seen running has stopped before: at the latest then.
    fn end_unseen(&mut self, id: &str, since: Option<Timestamp>) {
        let Some(machine) = self.machines.get(id).filter(|machine| machine.runs) else { return };
        let (Some(before), Some(since)) = (machine.started, since) else { return };
        if since.duration_since(before) > SLACK {
            self.stop(id, End { at: since, gone: since, known: false, taken: false });
        }
    }

    /// A node has nothing but this instance, or nothing at all.
    fn end_of_node(&mut self, node: u32, but: Option<&str>, at: Timestamp) {
        let Some(old) = self.current.get(&node).filter(|old| Some(old.as_str()) != but).cloned() else { return };
        self.current.remove(&node);
        let known = self.machines.get(&old).is_none_or(|machine| at.duration_since(machine.seen) < LOOKED_AWAY);
        self.end(&old, End { at, gone: at, known, taken: false });
    }

    /// It runs no more.
    fn stop(&mut self, id: &str, end: End) {
        let Some(machine) = self.machines.get_mut(id) else { return };
        machine.hibernating = false;
        let Some(run) = machine.last_run.and_then(|run| self.usage.runs.get_mut(run)) else { return };
        // EC2's reason may come later than the stop itself.
        run.taken |= end.taken && (machine.runs || run.to.is_some_and(|to| end.at.duration_since(to) < LOOKED_AWAY));
        if machine.runs {
            machine.runs = false;
            run.to = Some(end.at);
            run.end_assumed = !end.known;
        }
    }

    /// It is gone, and its root disk with it.
    fn end(&mut self, id: &str, end: End) {
        self.stop(id, end);
        let Some(machine) = self.machines.get(id) else { return };
        if self.current.get(&machine.node).is_some_and(|current| current == id) {
            self.current.remove(&machine.node);
        }
        if let Some(root) = self.usage.disks.get_mut(machine.root) {
            root.to = root.to.or(Some(end.gone));
        }
    }

    fn end_volume(&mut self, id: &str, at: Timestamp) {
        let place = self.volumes.remove(id).or_else(|| self.left.remove(id));
        if let Some(disk) = place.and_then(|place| self.usage.disks.get_mut(place)) {
            disk.to = Some(at);
        }
    }

    /// From now on it is another disk.
    fn enlarge(&mut self, id: &str, gib: u32, at: Timestamp) {
        let Some(disk) = self.volumes.get(id).and_then(|place| self.usage.disks.get_mut(*place)) else { return };
        disk.to = Some(at);
        let larger = Disk { gib, from: at, to: None, ..disk.clone() };
        self.volumes.insert(id.to_owned(), self.usage.disks.len());
        self.usage.disks.push(larger);
    }

    /// It holds at most as much as its volume, whose size the journal tells where it made it.
    fn snapshot(&mut self, made: &Made, volume_id: &str, tags: Tags, at: Timestamp) {
        let volume = self.volumes.get(volume_id).and_then(|place| self.usage.disks.get(*place));
        let (Some(id), Some(volume)) = (&made.snapshot, volume) else { return };
        let owner = Owner { tags: Arc::new(tags), ..volume.owner.clone() };
        self.usage.snapshots.push(Disk { owner, id: id.clone(), gib: volume.gib, from: at, to: None });
    }

    /// The volumes of the region where the environment is from now on are its own again, all others are left.
    fn moved(&mut self, region: &str) {
        let mut all = std::mem::take(&mut self.volumes);
        all.append(&mut self.left);
        let there = |place: &usize| self.usage.disks.get(*place).is_some_and(|disk| disk.owner.region == region);
        (self.volumes, self.left) = all.into_iter().partition(|(_, place)| there(place));
    }

    /// Nothing is left but some volumes.
    fn close(&mut self, kept: &BTreeSet<String>, at: Timestamp) {
        let machines: Vec<String> = self.machines.keys().cloned().collect();
        for id in machines {
            self.end(&id, End { at, gone: at, known: true, taken: false });
        }
        let gone: Vec<String> = self.volumes.keys().filter(|id| !kept.contains(*id)).cloned().collect();
        for id in gone {
            self.end_volume(&id, at);
        }
        self.machines.clear();
        self.launched.clear();
        self.current.clear();
    }
}

#[cfg(test)]
pub(in crate::domain::bill) mod tests;
