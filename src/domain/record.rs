//! What we remember having done, read from the journal: EC2 shows a new thing late, and an answer may be lost.

mod settled;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::call::{Call, Launch, Made};
use super::failure::{Class, Failure};
use super::journal::{Entry, Event};
use super::lifecycle;
use super::observed::{Observed, VolumeState};
use super::phase::Phase;
use super::places::Places;
use super::pools::Refusal;
use super::snapshots::{Purpose, Shot};
use super::tags;
use settled::{ShownByNode, how_settled};

/// How long a thing that EC2 said it made may stay out of its lists. Usually it is seconds; a thing missing for
/// longer is taken to be gone.
pub const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How long to wait for what a lost call may have made to show, where asking again is not wanted (`down`, `stop`).
pub const LOST_SHOWS_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// How long a lost call is repeated with its own token. EC2 keeps tokens for far longer.
pub const REPEAT_LOST_FOR: SignedDuration = SignedDuration::from_mins(10);
/// How long a thing that was shown long ago must be missing before it is taken to be gone: one list may be stale.
const MISSED_FOR: SignedDuration = SignedDuration::from_secs(10);
/// How long the same call about the same thing is not repeated after it was answered: lists lag behind.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// What is remembered of one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What EC2 said it made, by id, until it is known to be gone.
    pub known: BTreeMap<String, Known>,
    /// Calls without an answer.
    pub pending: Vec<Pending>,
    /// Pools that refused.
    pub refusals: Vec<Refusal>,
    /// Spot requests that have had an instance.
    pub fulfilled: BTreeSet<String>,
    /// When an instance was last seen ready.
    pub ready: BTreeMap<String, Timestamp>,
    /// Addresses from which port 22 was opened by us.
    pub opened: BTreeSet<String>,
    /// Snapshots that were asked for, in that order; of those before a deletion the ones since a node last lived.
    pub shots: Vec<Shot>,
    /// When a command last began to work on it.
    pub began: Option<Timestamp>,
    /// Volumes of which an attachment was ever asked for: their nodes may have written to them.
    pub attached: BTreeSet<String>,
    /// Instances that were seen alive: EC2 lists for an hour what was ended before the environment began.
    pub lived: BTreeSet<String>,
    /// The last instance of each node.
    pub last_instance: BTreeMap<u32, String>,
    /// When a call about a thing was last answered: (action, id).
    answered: BTreeMap<(&'static str, String), Timestamp>,
    /// When we last asked for the end of a spot request, answered or not.
    cancelled: BTreeMap<String, Timestamp>,
    /// Instances, requests and volumes that were seen ending, and interfaces that we deleted. None comes back, whatever a
    /// list that is behind says.
    ended: BTreeSet<String>,
}

/// A thing that EC2 said it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is.
    pub thing: Thing,
    /// Its node, where it has one.
    pub node: Option<u32>,
    /// When it was made, or first heard of.
    pub since: Timestamp,
    /// Whether EC2 has shown it: then it is not late any more, and missing means gone.
    pub shown: bool,
    /// Since when EC2 has not shown it, in this run.
    pub missed: Option<Timestamp>,
    /// Whether we have asked for its end.
    pub ending: bool,
}

/// What a known thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// An instance.
    Instance,
    /// A spot request.
    Request,
    /// A persistent volume.
    Volume,
    /// A network interface that a node keeps its address by.
    Interface,
    /// A security group.
    Group,
}

/// A call that was written down and has no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Its client token.
    pub token: Uuid,
    /// The call.
    pub call: Call,
    /// When it was first written down.
    pub since: Timestamp,
    /// When it was last written down, or last lost.
    pub at: Timestamp,
}

impl Record {
    /// Reads what is remembered from an environment's journal.
    #[must_use]
    pub fn read(entries: &[Entry]) -> Self {
        let mut record = Self::default();
        for entry in entries {
            record.apply(entry);
        }
        record
    }

    /// Takes in one more line of the journal.
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.event {
            Event::Intended { token, call, .. } => {
                let since = self.take_pending(*token).map_or(at, |pending| pending.since);
                self.note_intention(call, at);
                self.note_shot(*token, call, at);
                self.pending.push(Pending { token: *token, call: (**call).clone(), since, at });
            }
            Event::Done { token, made } => {
                if let Some(shot) = self.shots.iter_mut().find(|shot| shot.token == *token) {
                    shot.id.clone_from(&made.snapshot);
                }
                if let Some(pending) = self.take_pending(*token) {
                    self.remember(&pending.call, made, at);
                }
            }
            Event::Refused { token, failure } => {
                self.shots.retain(|shot| shot.token != *token);
                if let Some(pending) = self.take_pending(*token) {
                    self.refused(&pending.call, failure, at);
                }
            }
            Event::Lost { token, .. } => {
                if let Some(place) = self.pending.iter().position(|pending| pending.token == *token) {
                    self.pending[place].at = at;
                    let call = self.pending[place].call.clone();
                    self.may_have_opened(&call);
                }
            }
            Event::Settled { token, .. } => {
                if let Some(pending) = self.take_pending(*token) {
                    self.may_have_opened(&pending.call);
                    if let Call::DeleteInterface { id } = &pending.call {
                        self.known.remove(id);
                    }
                }
            }
            Event::Node { node, phase, instance_id, request_id, .. } => {
                // In an earlier phase the instance is one that ended, maybe that of an earlier request.
                let instance_is_there = *phase >= Phase::Interrupted;
                if let Some(request) = request_id.as_ref().filter(|_| !matches!(phase, Phase::Gone | Phase::Absent)) {
                    self.hear_of(request, Thing::Request, *node, at);
                    if instance_is_there && instance_id.is_some() {
                        self.fulfilled.insert(request.clone());
                    }
                }
                if instance_is_there {
                    self.forget_last_shots();
                }
                if let Some(instance) = instance_id {
                    if instance_is_there || *phase == Phase::Ending {
                        self.hear_of(instance, Thing::Instance, *node, at);
                        self.lived.insert(instance.clone());
                    }
                    self.last_instance.insert(*node, instance.clone());
                    match phase {
                        Phase::Ready => self.ready.insert(instance.clone(), at),
                        _ => self.ready.remove(instance),
                    };
                }
            }
            Event::Moved { .. } => *self = Self::default(),
            Event::Closed { volumes } => {
                *self = Self::default();
                for (node, id) in volumes {
                    self.hear_of(id, Thing::Volume, *node, at);
                }
            }
            Event::Began { .. } => self.began = Some(at),
            Event::Ended { .. } => {}
        }
    }

    /// Brings what is remembered up to date with what EC2 shows: what is shown is there, what ended is forgotten,
    /// and so is what has not been shown for longer than lists lag.
    pub fn absorb(&mut self, observed: &Observed, now: Timestamp) {
        let places = Places::of(observed, self, None, now);
        let instances = observed.instances.iter().map(|it| (&it.id, Thing::Instance, it.state.is_live()));
        let requests = observed.requests.iter().map(|it| (&it.id, Thing::Request, it.state.is_live()));
        let volumes = observed.volumes.iter().map(|it| (&it.id, Thing::Volume, it.state != VolumeState::Deleting));
        let interfaces = observed.interfaces.iter().map(|it| (&it.id, Thing::Interface, !self.has_ended(&it.id)));
        let interfaces: Vec<_> = interfaces.collect();
        let groups = observed.groups.iter().map(|it| (&it.id, Thing::Group, true));
        let mut shown: BTreeSet<&str> = BTreeSet::new();
        for (id, thing, live) in instances.chain(requests).chain(volumes).chain(interfaces).chain(groups) {
            shown.insert(id);
            if !live {
                self.known.remove(id);
                self.ended.insert(id.clone());
            } else if let Some(known) = self.known.get_mut(id) {
                (known.shown, known.missed) = (true, None);
                known.node = known.node.or_else(|| places.node_of(id));
            } else if !self.ended.contains(id) {
                // Made by a call whose answer was lost, or by EC2 itself. One list may leave it out all the same.
                let node = places.node_of(id);
                self.known
                    .insert(id.clone(), Known { thing, node, since: now, shown: true, missed: None, ending: false });
            }
        }
        self.expect_instances_of_cancelled(observed, &places, &shown, now);
        self.known.retain(|id, known| {
            if shown.contains(id.as_str()) {
                return true;
            }
            let missed = *known.missed.get_or_insert(now);
            let late = !known.shown && !known.ending && now.duration_since(known.since) < SHOWN_WITHIN;
            late || now.duration_since(missed) < MISSED_FOR
        });
    }

    /// A request that EC2 fulfilled just when we cancelled it leaves an instance, which may not be listed yet.
    fn expect_instances_of_cancelled(
        &mut self,
        observed: &Observed,
        places: &Places,
        shown: &BTreeSet<&str>,
        now: Timestamp,
    ) {
        for request in observed.requests.iter().filter(|it| lifecycle::leaves_instance(it)) {
            let (Some(id), Some(since)) = (&request.instance_id, self.cancelled_at(&request.id)) else { continue };
            let late = now.duration_since(since) < SHOWN_WITHIN;
            if late && !shown.contains(id.as_str()) && !self.ended.contains(id) {
                let (thing, node) = (Thing::Instance, places.node_of(&request.id));
                let known = Known { thing, node, since, shown: false, missed: None, ending: false };
                self.known.entry(id.clone()).or_insert(known);
            }
        }
    }

    /// Whether an instance, a request or a volume was seen ending in this run, or an interface was deleted by us.
    #[must_use]
    pub fn has_ended(&self, id: &str) -> bool {
        self.ended.contains(id)
    }

    /// When we last asked for the end of a spot request, whether the answer came or not.
    #[must_use]
    pub fn cancelled_at(&self, request_id: &str) -> Option<Timestamp> {
        self.cancelled.get(request_id).copied()
    }

    /// Takes in what a line about a node names. It was shown when the line was written.
    fn hear_of(&mut self, id: &str, thing: Thing, node: u32, at: Timestamp) {
        let known = Known { thing, node: Some(node), since: at, shown: true, missed: None, ending: false };
        self.known.entry(id.to_owned()).or_insert(known);
    }

    /// Calls without an answer of which EC2 now shows what they made, or which need no answer because they can be
    /// made again; with how that is known. `node_of` tells the node of an instance, a request or a volume.
    #[must_use]
    pub fn settled(&self, observed: &Observed, node_of: &dyn Fn(&str) -> Option<u32>) -> Vec<(Uuid, String)> {
        if self.pending.is_empty() {
            return Vec::new();
        }
        let shown = ShownByNode::of(observed, &self.ended, node_of);
        let how = |pending: &Pending| Some((pending.token, how_settled(pending, &shown)?));
        self.pending.iter().filter(|it| !self.may_be_deleted(&it.call, observed)).filter_map(how).collect()
    }

    /// Whether a deletion without an answer may have taken effect or not: what it was to delete is not shown now, and has
    /// not been missing for long.
    fn may_be_deleted(&self, call: &Call, observed: &Observed) -> bool {
        let Call::DeleteInterface { id } = call else { return false };
        self.known.contains_key(id) && !observed.interfaces.iter().any(|it| it.id == *id)
    }

    /// Whether a call of this action about this thing was answered a moment ago.
    #[must_use]
    pub fn just_answered(&self, action: &'static str, id: &str, now: Timestamp) -> bool {
        self.answered_at(action, id).is_some_and(|at| now.duration_since(at) < SETTLES_WITHIN)
    }

    /// Whether a call of this action about this thing was ever answered.
    #[must_use]
    pub fn was_answered(&self, action: &'static str, id: &str) -> bool {
        self.answered_at(action, id).is_some()
    }

    /// When a call of this action about this thing was last answered.
    #[must_use]
    pub fn answered_at(&self, action: &'static str, id: &str) -> Option<Timestamp> {
        self.answered.get(&(action, id.to_owned())).copied()
    }

    /// A rule of which no answer tells is ours: should the address change, it is closed again.
    fn may_have_opened(&mut self, call: &Call) {
        if let Call::AllowSsh { cidr, .. } = call {
            self.opened.insert(cidr.clone());
        }
    }

    /// A snapshot that is asked for under a token; or what may write to a volume again.
    fn note_shot(&mut self, token: Uuid, call: &Call, at: Timestamp) {
        match call {
            Call::CreateSnapshot { volume_id, purpose, .. } if !self.shots.iter().any(|it| it.token == token) => {
                self.shots.push(Shot { token, volume_id: volume_id.clone(), purpose: *purpose, at, id: None });
            }
            // A copy has no volume: it is known by what it is a copy of.
            Call::CopySnapshot { snapshot, purpose, .. } if !self.shots.iter().any(|it| it.token == token) => {
                self.shots.push(Shot { token, volume_id: snapshot.clone(), purpose: *purpose, at, id: None });
            }
            // Only what EC2 has listed is deleted: it is not late when it is listed no more.
            Call::DeleteSnapshot { id } => {
                for shot in self.shots.iter_mut().filter(|it| it.id.as_ref() == Some(id)) {
                    shot.id = None;
                }
            }
            Call::Launch(_) | Call::RequestSpot(_) | Call::Start { .. } | Call::Attach { .. } => {
                self.forget_last_shots();
            }
            _ => {}
        }
    }

    /// What was to be the last state of a volume is not its last any more: its node lives, and writes.
    fn forget_last_shots(&mut self) {
        self.shots.retain(|shot| shot.purpose != Purpose::BeforeDeletion);
    }

    fn take_pending(&mut self, token: Uuid) -> Option<Pending> {
        let place = self.pending.iter().position(|pending| pending.token == token)?;
        Some(self.pending.remove(place))
    }

    fn note_intention(&mut self, call: &Call, at: Timestamp) {
        match call {
            Call::CancelRequests { ids } => self.cancelled.extend(ids.iter().map(|id| (id.clone(), at))),
            // Only what EC2 has listed is deleted: should the answer be lost, it is not late when it is listed no more.
            Call::DeleteInterface { id } => {
                if let Some(known) = self.known.get_mut(id) {
                    known.shown = true;
                }
            }
            // The volume may be of an earlier life, whose journal is not read any more.
            Call::Attach { volume_id, instance_id, .. } => {
                self.attached.insert(volume_id.clone());
                if let Some(node) = self.known.get(instance_id).and_then(|known| known.node) {
                    self.hear_of(volume_id, Thing::Volume, node, at);
                }
            }
            _ => {}
        }
    }

    fn remember(&mut self, call: &Call, made: &Made, at: Timestamp) {
        let mut know = |id: &str, thing: Thing, node: Option<u32>| {
            self.known
                .insert(id.to_owned(), Known { thing, node, since: at, shown: false, missed: None, ending: false });
        };
        match call {
            Call::Launch(launch) | Call::RequestSpot(launch) => {
                for (place, id) in made.instances.iter().enumerate() {
                    know(id, Thing::Instance, launch.nodes.get(place).copied());
                }
                for (place, id) in made.requests.iter().enumerate() {
                    know(id, Thing::Request, launch.nodes.get(place).copied());
                }
            }
            Call::CreateVolume { node, .. } => {
                if let Some(id) = &made.volume {
                    know(id, Thing::Volume, Some(*node));
                }
            }
            Call::CreateInterface { node, .. } => {
                if let Some(id) = &made.interface {
                    know(id, Thing::Interface, Some(*node));
                    self.answered.insert((call.action(), id.clone()), at);
                }
            }
            Call::DeleteInterface { id } => {
                self.known.remove(id);
                self.ended.insert(id.clone());
            }
            Call::CreateGroup { .. } => {
                if let Some(id) = &made.group {
                    know(id, Thing::Group, None);
                }
            }
            Call::AllowSsh { cidr, .. } => {
                self.opened.insert(cidr.clone());
            }
            Call::RevokeSsh { cidr, .. } => {
                self.opened.remove(cidr);
            }
            Call::DeleteVolume { id } | Call::DeleteGroup { id } => {
                self.known.remove(id);
            }
            // It is no node's any more, and not looked for.
            Call::SetTags { id, tags: set } if set.get(tags::ROLE).is_some_and(|role| role == tags::ROLE_REPLACED) => {
                self.known.remove(id);
            }
            Call::ImportKey { name, .. } => {
                self.answered.remove(&("DeleteKeyPair", name.clone()));
            }
            Call::DeleteKey { name } => {
                self.answered.remove(&("ImportKeyPair", name.clone()));
            }
            Call::CancelRequests { ids } | Call::Terminate { ids } => {
                for id in ids {
                    if let Some(known) = self.known.get_mut(id) {
                        known.ending = true;
                    }
                }
            }
            _ => {}
        }
        self.note_answer(call, at);
    }

    fn note_answer(&mut self, call: &Call, at: Timestamp) {
        for id in subjects(call) {
            self.answered.insert((call.action(), id), at);
        }
    }

    fn refused(&mut self, call: &Call, failure: &Failure, at: Timestamp) {
        match (call, failure.class) {
            (Call::Launch(launch) | Call::RequestSpot(launch), Class::Capacity) => {
                self.refuse(launch, failure.clone(), at);
            }
            // What was to be made is there.
            (_, Class::Exists) => self.note_answer(call, at),
            // What was to be deleted is not there.
            (
                Call::DeleteVolume { .. }
                | Call::DeleteInterface { .. }
                | Call::DeleteGroup { .. }
                | Call::DeleteKey { .. },
                Class::Gone,
            ) => {
                self.remember(call, &Made::default(), at);
            }
            _ => {}
        }
    }

    /// Puts a launch's pool aside.
    fn refuse(&mut self, launch: &Launch, failure: Failure, at: Timestamp) {
        let (pool, at_least, on_demand) = (launch.pool.clone(), launch.at_least, launch.on_demand);
        self.refusals.push(Refusal { pool, at, at_least, failure, on_demand });
    }
}

/// What a call is about, for telling whether it was answered a moment ago.
#[must_use]
pub fn subjects(call: &Call) -> Vec<String> {
    match call {
        Call::ImportKey { name, .. } | Call::DeleteKey { name } | Call::CreateGroup { name, .. } => vec![name.clone()],
        Call::AllowSsh { group_id, cidr, .. } | Call::RevokeSsh { group_id, cidr, .. } => {
            vec![format!("{group_id} {cidr}")]
        }
        Call::AllowItself { group_id } => vec![group_id.clone()],
        Call::Attach { volume_id, instance_id, .. } | Call::Detach { volume_id, instance_id } => {
            vec![format!("{volume_id} {instance_id}")]
        }
        Call::DeleteVolume { id }
        | Call::DeleteGroup { id }
        | Call::MakePublic { id }
        | Call::DeleteInterface { id }
        | Call::SetTags { id, .. }
        | Call::Enlarge { id, .. }
        | Call::DeregisterImage { id }
        | Call::DeleteSnapshot { id } => vec![id.clone()],
        Call::CreateImage { name, .. } => vec![name.clone()],
        Call::Tag { ids, .. }
        | Call::CancelRequests { ids }
        | Call::Terminate { ids }
        | Call::Stop { ids, .. }
        | Call::Start { ids } => ids.clone(),
        Call::Launch(_)
        | Call::RequestSpot(_)
        | Call::CreateVolume { .. }
        | Call::CreateSnapshot { .. }
        | Call::CopySnapshot { .. }
        | Call::CreateInterface { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
