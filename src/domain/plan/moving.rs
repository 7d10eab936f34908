//! Nodes that move: what they leave is brought to rest, its volume is copied, and once all have arrived it goes.
//!
//! The order is that of safety. Nothing is launched in the new place before nothing can write to the old volume any more and
//! there is a whole snapshot of it; nothing of the old place is ended for good, that need not be, before every node has been
//! seen in the new one.

use crate::domain::call::{Call, Tags};
use crate::domain::lifecycle;
use crate::domain::moving::Moving;
use crate::domain::observed::{Instance, InstanceState, RequestState, Snapshot, SpotRequest, Volume, VolumeState};
use crate::domain::phase::Phase;
use crate::domain::snapshots::{self, Purpose, Standing};
use crate::domain::tags;
use crate::domain::volume_work;

use super::running::{Standing as NodeStanding, is_marked};
use super::world::{NodeFacts, World};
use super::{Blocked, Planner};

const TO_MOVE: &str = "its node moves";
const LEFT: &str = "its node has moved, and was seen ready in its new place";

impl<'a> Planner<'a> {
    fn moving(&self) -> Option<&'a Moving> {
        self.intent().moving.as_ref()
    }

    /// The volume of which a node that moves gets a copy.
    pub(super) fn left_volume_of(&self, index: u32) -> Option<&'a str> {
        self.moving()?.left.get(&index)?.volume.as_deref()
    }

    /// What must be done in the old place before a node is launched in the new one. `None`: nothing.
    pub(super) fn leave(&mut self, index: u32, facts: &NodeFacts<'a>) -> Option<NodeStanding> {
        self.moving()?.left.get(&index)?;
        let has_volume = facts.volume.is_some() || facts.unseen_volume().is_some() || facts.pending_volume().is_some();
        if facts.instance().is_some() && (has_volume || self.left_volume_of(index).is_none()) {
            // It is in its new place already; what it has left is cleared from there.
            return None;
        }
        let waiting = self.rest(facts).or_else(|| self.take_off(facts)).or_else(|| self.save(index, facts));
        let (phase, words) = waiting?;
        self.unfinished = true;
        Some((phase, Some(words)))
    }

    /// Brings to rest what nodes have left, where they should be stopped, too.
    pub(super) fn rest_what_was_left(&mut self, world: &World<'a>) {
        for facts in world.nodes.values() {
            if let Some((_, words)) = self.rest(facts) {
                self.wait(words);
            }
        }
    }

    /// Stops an instance that is left, so that it can be started again should the new place be dry; ends it where EC2
    /// alone could start it, for then nobody would know when it writes again. What is waited for.
    fn rest(&mut self, facts: &NodeFacts<'a>) -> Option<(Phase, String)> {
        let mut waiting = None;
        for &instance in &facts.left.instances {
            let request = request_of(facts, instance);
            waiting = waiting.or(self.rest_instance(instance, request));
        }
        for &request in &facts.left.requests {
            let has_instance = facts.left.instances.iter().any(|it| are_one(it, request));
            if !has_instance {
                waiting = waiting.or(Some(self.rest_request(request)));
            }
        }
        waiting
    }

    fn rest_instance(&mut self, instance: &Instance, request: Option<&'a SpotRequest>) -> Option<(Phase, String)> {
        let id = &instance.id;
        let unlisted = self.unlisted_request(instance).filter(|_| request.is_none() && instance.state.is_live());
        if let Some(request) = unlisted {
            return Some((Phase::Stopping, format!("EC2 to list {request}, which says who may stop and start {id}")));
        }
        let can_stop = request.map_or(instance.request_id.is_none(), |it| it.persistent);
        match instance.state {
            InstanceState::Pending => {
                Some((Phase::Launching, format!("{id} is starting, and can be stopped only when it runs")))
            }
            InstanceState::Running if can_stop => {
                // Not hibernated: file systems must be whole in the snapshot.
                self.propose(Call::Stop { ids: vec![id.clone()], hibernate: false }, TO_MOVE);
                Some((Phase::Stopping, format!("{id} is stopping, for its node moves")))
            }
            InstanceState::Running => {
                Some(self.end_left(instance, request, "it cannot be stopped, and its node moves"))
            }
            InstanceState::Stopping => Some((Phase::Stopping, format!("{id} is stopping, for its node moves"))),
            InstanceState::Stopped => self.rest_stopped(instance, request),
            InstanceState::ShuttingDown => Some((Phase::Ending, format!("{id} is shutting down"))),
            InstanceState::Terminated => None,
        }
    }

    fn rest_stopped(&mut self, instance: &Instance, request: Option<&'a SpotRequest>) -> Option<(Phase, String)> {
        if instance.on_demand {
            return None;
        }
        match request {
            Some(request) if lifecycle::is_interrupted(request) || is_marked(request) => {
                let reason = "EC2 stopped it and alone can start it, at any moment: its node moves";
                Some(self.end_left(instance, Some(request), reason))
            }
            Some(request) if request.state == RequestState::Active && request.status != "fulfilled" => {
                Some((Phase::Stopping, format!("{} is not disabled yet; it is {}", request.id, request.status)))
            }
            Some(_) => None,
            None => Some(self.end_left(instance, None, "its spot request is over: it can never be started again")),
        }
    }

    fn end_left(&mut self, instance: &Instance, request: Option<&SpotRequest>, reason: &str) -> (Phase, String) {
        if let Some(request) = request {
            self.cancel.add(&request.id, reason);
        }
        self.end_instance(instance, reason);
        (Phase::Ending, format!("{} to end: {reason}", instance.id))
    }

    /// A request that is left and has no instance that is listed.
    fn rest_request(&mut self, request: &SpotRequest) -> (Phase, String) {
        let id = &request.id;
        match request.state {
            // Cancelling would leave an instance running, or end it if it is stopped: only when it is seen to be gone.
            RequestState::Active | RequestState::Disabled if !self.is_seen_ended(request) => {
                (Phase::Requested, format!("EC2 to list the instance of {id}"))
            }
            _ => {
                self.cancel.add(id, "it would launch in the place that its node leaves");
                (Phase::Requested, format!("{id} is being cancelled, for its node moves"))
            }
        }
    }

    fn is_seen_ended(&self, request: &SpotRequest) -> bool {
        let all = &self.inputs.observed.instances;
        all.iter().any(|it| are_one(it, request) && !it.state.is_live())
    }

    /// Takes a volume that its node keeps off the instance that is left.
    fn take_off(&mut self, facts: &NodeFacts<'a>) -> Option<(Phase, String)> {
        let volume = facts.volume?;
        let attachment = volume.attachment.as_ref()?;
        let holder = facts.left.instances.iter().find(|it| it.id == attachment.instance_id)?;
        if attachment.attached {
            let call = Call::Detach { volume_id: volume.id.clone(), instance_id: holder.id.clone() };
            self.propose(call, "its node gets another machine");
        }
        Some((Phase::Stopped, format!("{} to be free of {}", volume.id, holder.id)))
    }

    /// Sees to it that there is a whole snapshot of the volume that a node leaves, until it has its copy.
    fn save(&mut self, index: u32, facts: &NodeFacts<'a>) -> Option<(Phase, String)> {
        let id = self.left_volume_of(index)?;
        if facts.volume.is_some() || facts.unseen_volume().is_some() || facts.pending_volume().is_some() {
            return None;
        }
        let Some(volume) = facts.left.volume else {
            return Some((Phase::Stopped, format!("EC2 to list {id}, the volume that is to be copied")));
        };
        if volume.state == VolumeState::Error {
            let words = format!("EC2 calls {id} broken, and of such a volume no copy can be made");
            self.block(Blocked::Volume { node: index, words: words.clone() });
            return Some((Phase::Stopped, words));
        }
        match self.standing_of_copy(facts, volume) {
            Standing::Completed(_) => None,
            Standing::Nothing => {
                self.begin_copy(volume);
                Some((Phase::Stopped, format!("a snapshot of {id}")))
            }
            Standing::Unanswered(pending) => Some((Phase::Stopped, self.wait_out(pending))),
            Standing::Unlisted(it) => Some((Phase::Stopped, format!("EC2 to list {it}, the snapshot of {id}"))),
            Standing::Pending(snapshot) => Some((Phase::Stopped, snapshots::in_words(snapshot))),
            Standing::Failed(snapshot) if snapshot.started_at >= self.record.began => {
                let words = format!("EC2 could not make {}, the snapshot of {id}; nothing is lost", snapshot.id);
                self.block(Blocked::Volume { node: index, words: words.clone() });
                Some((Phase::Stopped, words))
            }
            // It failed an earlier run.
            Standing::Failed(_) => {
                self.begin_copy(volume);
                Some((Phase::Stopped, format!("another snapshot of {id}")))
            }
        }
    }

    fn begin_copy(&mut self, volume: &Volume) {
        let own = self.intent().all_tags();
        let call = snapshots::call(self.inputs.identity, &own, volume, Purpose::Move, "for a move");
        self.propose(call, "its node moves, and a volume cannot leave its availability zone");
    }

    /// How the snapshot stands that was made for this move, since the node that is left last ran: somebody may have started
    /// it meanwhile.
    fn standing_of_copy(&self, facts: &NodeFacts<'a>, volume: &Volume) -> Standing<'a> {
        let ran = facts.left.instances.iter().filter_map(|it| it.launched_at).max();
        let record = self.record;
        let ours = record
            .shots
            .iter()
            .rfind(|it| it.volume_id == volume.id && it.purpose == Purpose::Move && ran.is_none_or(|ran| it.at >= ran));
        match ours {
            Some(shot) => snapshots::standing_of(shot, record, &self.inputs.observed.snapshots, self.now()),
            None => Standing::Nothing,
        }
    }

    /// Makes the copy of a node's volume where its instance is. Its node's is the newer of the two from then on.
    pub(super) fn copy_volume(&mut self, index: u32, facts: &NodeFacts<'a>, zone: String, mut tags: Tags) {
        let Some(volume) = facts.left.volume else { return };
        let Standing::Completed(snapshot) = self.standing_of_copy(facts, volume) else { return };
        tags.insert(tags::REPLACES.to_owned(), volume.id.clone());
        tags.remove(tags::EXPIRES);
        let (gib, snapshot) = (volume.gib.max(snapshot.gib), Some(snapshot.id.clone()));
        let call = Call::CreateVolume { node: index, zone, gib, snapshot, tags };
        self.propose(call, "the node has moved, and gets a copy of its volume");
    }

    /// Ends and deletes what was left, once every node is where it should be.
    pub(super) fn clear_what_was_left(&mut self, world: &World<'a>) {
        let Some(moving) = self.moving() else { return };
        if !self.views.iter().all(|view| moving.until.is_met_by(view.phase)) {
            // Whoever does not wait as long need not wait for this.
            self.unfinished |= self.inputs.wait >= moving.until;
            return;
        }
        if self.end_all_left(world) {
            return;
        }
        let volumes = self.inputs.observed.volumes.iter();
        for volume in volumes.filter(|it| moving.is_old_volume(&it.id) || moving.spare.contains(&it.id)) {
            let copy = self.inputs.observed.volumes.iter().find(|it| it.replaces.as_ref() == Some(&volume.id));
            match copy.filter(|_| moving.keep_old && moving.is_old_volume(&volume.id)) {
                Some(copy) => self.put_aside_after_move(volume, copy),
                None => self.delete_left_volume(volume),
            }
        }
        self.clear_copies(moving.keep_old);
    }

    /// Whether there still are requests or instances that were left.
    fn end_all_left(&mut self, world: &World<'a>) -> bool {
        let before = self.waiting_for.len();
        for facts in world.nodes.values() {
            for request in &facts.left.requests {
                self.cancel.add(&request.id, LEFT);
                self.wait(format!("{} to be cancelled", request.id));
            }
            for instance in &facts.left.instances {
                if instance.state.is_live() {
                    self.end_instance(instance, LEFT);
                }
                self.wait(format!("{} to end: {LEFT}", instance.id));
            }
        }
        self.waiting_for.len() > before
    }

    fn put_aside_after_move(&mut self, volume: &Volume, copy: &Volume) {
        if self.record.just_answered("CreateTags", &volume.id, self.now()) {
            return self.wait(format!("EC2 to show the tags of {}", volume.id));
        }
        let call = Call::SetTags { id: volume.id.clone(), tags: volume_work::aside_for(&copy.id) };
        self.propose(call, "its node has moved and has a copy of it: it is kept, and no node's");
    }

    fn delete_left_volume(&mut self, volume: &Volume) {
        match volume.state {
            VolumeState::Available | VolumeState::Error => {
                self.propose(Call::DeleteVolume { id: volume.id.clone() }, LEFT);
            }
            VolumeState::Deleting => self.wait(format!("{} to be deleted", volume.id)),
            _ => self.wait(format!("{} to be free", volume.id)),
        }
    }

    /// Deletes the snapshots that a move has made, or leaves them to the user.
    pub(super) fn clear_copies(&mut self, keep: bool) {
        for snapshot in self.inputs.observed.snapshots.iter().filter(|it| is_of_move(it)) {
            let id = snapshot.id.clone();
            if keep {
                let tags = Tags::from([(tags::SNAPSHOT.to_owned(), Purpose::Asked.as_str().to_owned())]);
                self.propose(Call::SetTags { id, tags }, "it is to be kept: from now on it is the user's");
            } else {
                self.propose(Call::DeleteSnapshot { id }, "it was made for a move, and is not needed any more");
            }
        }
        self.wait_for_copies_unlisted();
    }

    /// A snapshot that EC2 does not list yet would be left behind.
    fn wait_for_copies_unlisted(&mut self) {
        let record = self.record;
        for shot in record.shots.iter().filter(|it| it.purpose == Purpose::Move) {
            match snapshots::standing_of(shot, record, &self.inputs.observed.snapshots, self.now()) {
                Standing::Unanswered(pending) => {
                    let words = self.wait_out(pending);
                    self.wait(words);
                }
                Standing::Unlisted(id) if !record.was_answered("DeleteSnapshot", id) => {
                    self.wait(format!("EC2 to list {id}, which is then deleted"));
                }
                _ => {}
            }
        }
    }

    /// Ends a move where all is to be gone: what was copied goes, and so does a copy of a volume that no node has had. One
    /// that a node has had is kept beside the volume that it is a copy of.
    pub(super) fn end_move(&mut self, delete_volumes: bool) {
        let Some(moving) = self.moving() else { return };
        if !delete_volumes {
            let all = &self.inputs.observed.volumes;
            for volume in all {
                let source =
                    all.iter().find(|it| volume.replaces.as_ref() == Some(&it.id) && moving.is_old_volume(&it.id));
                match source {
                    Some(source) if self.record.attached.contains(&volume.id) && !moving.spare.contains(&volume.id) => {
                        self.put_aside(source, volume);
                    }
                    Some(_) => self.delete_left_volume(volume),
                    None => {}
                }
            }
        }
        self.clear_copies(false);
    }

    /// Whether a volume that another is a copy of goes with it, where the user gave their word for deleting volumes.
    pub(super) fn goes_with_move(&self, id: &str) -> bool {
        self.moving().is_some_and(|moving| !moving.keep_old && moving.is_old_volume(id))
    }
}

fn is_of_move(snapshot: &Snapshot) -> bool {
    snapshot.tags.get(tags::SNAPSHOT).is_some_and(|purpose| purpose == Purpose::Move.as_str())
}

fn are_one(instance: &Instance, request: &SpotRequest) -> bool {
    instance.request_id.as_ref() == Some(&request.id) || request.instance_id.as_ref() == Some(&instance.id)
}

/// The live request of an instance that is left.
fn request_of<'a>(facts: &NodeFacts<'a>, instance: &Instance) -> Option<&'a SpotRequest> {
    facts.left.requests.iter().copied().find(|it| are_one(instance, it))
}
