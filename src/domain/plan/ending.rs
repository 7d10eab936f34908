//! Nodes and environments that should be gone.
//!
//! Cancel before terminate: a persistent request launches a replacement for an instance that dies first.

use crate::domain::call::Call;
use crate::domain::lifecycle;
use crate::domain::observed::{Instance, InstanceState, SpotRequest, Volume, VolumeState};
use crate::domain::phase::Phase;
use crate::domain::record::{LOST_SHOWS_WITHIN, Pending};
use crate::domain::snapshots::{self, Purpose, Standing};
use crate::domain::volume_work;

use super::world::{NodeFacts, World, ago};
use super::{Blocked, NodeView, Planner};

impl<'a> Planner<'a> {
    /// Plans for an environment of which nothing should be left, but the volumes unless `delete_volumes`.
    pub(super) fn end(&mut self, world: &World<'a>, delete_volumes: bool) {
        let reason = "the environment is to be gone";
        for (&index, facts) in &world.nodes {
            self.end_node(index, facts, reason);
        }
        for request in &world.stray_requests {
            self.cancel.add(&request.id, reason);
        }
        for instance in &world.stray_instances {
            self.end_instance(instance, reason);
        }
        self.unfinished |= !world.stray_requests.is_empty() || !world.stray_instances.is_empty();
        if let Some(waiting_for) = self.fulfilled_when_cancelled(&world.stray_ended_requests) {
            self.wait(waiting_for);
        }
        let computing = self.views.iter().any(|view| view.phase != Phase::Gone) || self.unfinished;
        if computing {
            return;
        }
        if delete_volumes {
            self.delete_volumes(world);
        }
        self.end_move(delete_volumes);
        // The group is in use as long as an interface is in it.
        if self.delete_interfaces(world) {
            return;
        }
        match self.wait_for_lost_group() {
            Some(waiting_for) => self.wait(waiting_for),
            None => self.delete_network(),
        }
    }

    /// Ends a node that the environment is too small for; once it is gone it is no longer spoken of.
    pub(super) fn end_extra(&mut self, index: u32, facts: &NodeFacts<'a>) {
        self.end_node(index, facts, "the environment is to be smaller");
        let gone = self.views.last().is_some_and(|view| view.phase == Phase::Gone);
        if gone && self.delete_interfaces_of(facts, "its node is no more") {
            return;
        }
        if self.views.last().is_some_and(|view| view.phase == Phase::Gone) {
            self.views.pop();
        }
    }

    /// Ends one node; its volume is another matter.
    pub(super) fn end_node(&mut self, index: u32, facts: &NodeFacts<'a>, reason: &str) {
        for request in &facts.requests {
            self.cancel.add(&request.id, reason);
        }
        for instance in &facts.live {
            self.end_instance(instance, reason);
        }
        let (phase, waiting_for) = self.ending_standing(facts);
        self.views.push(NodeView::of(index, facts, phase, waiting_for));
    }

    /// Terminates an instance once the cancelling of its request was answered.
    pub(super) fn end_instance(&mut self, instance: &Instance, reason: &str) {
        let may_launch_again = instance.request_id.as_deref().is_some_and(|id| self.may_launch(id, instance));
        if !may_launch_again {
            self.terminate.add(&instance.id, reason);
        }
    }

    /// Whether an instance's request may be live still. One that EC2 does not list counts as over only when it
    /// cannot be that the list is behind.
    fn may_launch(&self, request: &str, instance: &Instance) -> bool {
        if self.record.was_answered("CancelSpotInstanceRequests", request) || self.record.has_ended(request) {
            return false;
        }
        match self.requests.get(request) {
            Some(shown) => shown.state.is_live(),
            None => {
                let is_new = instance.launched_at.is_some_and(|at| ago(at, self.now()) < LOST_SHOWS_WITHIN);
                is_new || self.record.known.contains_key(request)
            }
        }
    }

    /// What is waited for where EC2 fulfilled a request just when we cancelled it, and does not say yet which instance
    /// it launched.
    pub(super) fn fulfilled_when_cancelled(&self, ended: &[&SpotRequest]) -> Option<String> {
        let lately = |id: &str| self.record.cancelled_at(id).is_some_and(|at| ago(at, self.now()) < LOST_SHOWS_WITHIN);
        ended
            .iter()
            .find(|it| lifecycle::leaves_instance(it) && it.instance_id.is_none() && lately(&it.id))
            .map(|it| format!("EC2 to say what {} launched before it was cancelled", it.id))
    }

    fn ending_standing(&mut self, facts: &NodeFacts<'a>) -> (Phase, Option<String>) {
        if let Some(waiting_for) = self.wait_for_lost(facts) {
            return (Phase::Ending, Some(waiting_for));
        }
        if let Some(instance) = facts.live.first() {
            return (Phase::Ending, Some(format!("{} is to be terminated", instance.id)));
        }
        if let Some(request) = facts.requests.first() {
            return (Phase::Ending, Some(format!("{} is being cancelled", request.id)));
        }
        let shutting_down = facts.ending.iter().find(|it| it.state != InstanceState::Terminated);
        if let Some(instance) = shutting_down {
            return (Phase::Ending, Some(format!("{} is shutting down", instance.id)));
        }
        match facts.unseen_launch() {
            Some((id, _)) => (Phase::Ending, Some(format!("EC2 does not list {id} yet; then it is ended"))),
            None => match self.fulfilled_when_cancelled(&facts.ended_requests) {
                Some(waiting_for) => (Phase::Ending, Some(waiting_for)),
                None => (Phase::Gone, None),
            },
        }
    }

    /// Where a launch has no answer and no more instances are wanted, its token is no help: asking again could
    /// launch. What it made must have time to show.
    pub(super) fn wait_for_lost(&mut self, facts: &NodeFacts<'a>) -> Option<String> {
        facts.pending.first().map(|pending| self.wait_out(pending))
    }

    /// A group that is not listed yet cannot be deleted, and would be left behind.
    fn wait_for_lost_group(&mut self) -> Option<String> {
        let making = |it: &&Pending| matches!(it.call, Call::CreateGroup { .. });
        let pending = self.record.pending.iter().find(making)?;
        self.inputs.observed.groups.is_empty().then(|| self.wait_out(pending))
    }

    pub(super) fn wait_out(&mut self, pending: &Pending) -> String {
        let waited = ago(pending.at, self.now());
        if waited > LOST_SHOWS_WITHIN {
            self.settle(pending.token, "nothing of it showed in a minute");
            return "EC2 is looked at once more".to_owned();
        }
        let left = (LOST_SHOWS_WITHIN - waited).as_secs();
        format!("the answer to `{}` was lost, and EC2 may list late what it made ({left} s left)", pending.call)
    }

    fn delete_volumes(&mut self, world: &World<'a>) {
        // A volume that the user brought may have the tags of the environment that once made it.
        let brought = self.intent().volume.existing();
        let ours = |volume: &&Volume| volume.node_tag.is_some() && brought != Some(&volume.id);
        let all: Vec<&Volume> = self.inputs.observed.volumes.iter().filter(ours).collect();
        for &volume in &all {
            let aside = |older: &Volume| !self.goes_with_move(&older.id);
            if let Some(newer) = all.iter().find(|it| it.replaces.as_ref() == Some(&volume.id) && aside(volume)) {
                self.put_aside(volume, newer);
                continue;
            }
            if let Some(older) = all.iter().find(|it| volume.replaces.as_ref() == Some(&it.id) && aside(it)) {
                // It alone tells which one it replaced.
                self.wait(format!("{} to be put aside", older.id));
                continue;
            }
            match volume.state {
                VolumeState::Available | VolumeState::Error
                    if self.intent().snapshot_first && !self.is_safe(volume) => {}
                VolumeState::Available | VolumeState::Error => {
                    self.propose(Call::DeleteVolume { id: volume.id.clone() }, "its deletion was asked for");
                }
                VolumeState::Deleting => self.wait(format!("{} to be deleted", volume.id)),
                _ => self.wait(format!("{} to be free", volume.id)),
            }
        }
        for facts in world.nodes.values() {
            if let Some(id) = facts.unseen_volume() {
                // Deleted by its id now, it would be called gone already, and show up after us.
                self.wait(format!("EC2 to list {id}, which is then deleted"));
            }
        }
    }

    /// Ends a restore that was cut off before its last call: the volume that was replaced is kept, and no node's.
    pub(super) fn put_aside(&mut self, volume: &Volume, newer: &Volume) {
        if self.record.just_answered("CreateTags", &volume.id, self.now()) {
            return self.wait(format!("EC2 to show the tags of {}", volume.id));
        }
        let call = Call::SetTags { id: volume.id.clone(), tags: volume_work::aside_for(&newer.id) };
        self.propose(call, "a restore put another volume in its place: it is kept");
    }

    /// Whether there is a whole snapshot of a volume since it was last in use; sees to it where there is not.
    fn is_safe(&mut self, volume: &Volume) -> bool {
        let (id, record) = (volume.id.as_str(), self.record);
        if volume.state == VolumeState::Error {
            let words = format!("EC2 calls {id} broken, and of such a volume no snapshot can be made: it is kept");
            self.block_for_snapshot(volume, words);
            return false;
        }
        let before = Purpose::BeforeDeletion;
        match snapshots::standing(record, &self.inputs.observed.snapshots, id, before, self.now()) {
            Standing::Completed(_) => return true,
            Standing::Nothing => self.snapshot(volume),
            Standing::Unanswered(pending) => {
                let waiting_for = self.wait_out(pending);
                self.wait(waiting_for);
            }
            Standing::Unlisted(snapshot) => self.wait(format!("EC2 to list {snapshot}, the snapshot of {id}")),
            Standing::Pending(snapshot) => self.wait(snapshots::in_words(snapshot)),
            Standing::Failed(snapshot) if snapshot.started_at >= record.began => {
                let words = format!("EC2 could not make {}, the snapshot of {id}: the volume is kept", snapshot.id);
                self.block_for_snapshot(volume, words);
            }
            // It failed an earlier run.
            Standing::Failed(_) => self.snapshot(volume),
        }
        false
    }

    fn snapshot(&mut self, volume: &Volume) {
        let call = snapshots::call(
            self.inputs.identity,
            &self.intent().all_tags(),
            volume,
            Purpose::BeforeDeletion,
            "before its volume was deleted",
        );
        self.propose(call, "its volume is to be deleted, and a snapshot of it was asked for");
    }

    fn block_for_snapshot(&mut self, volume: &Volume, words: String) {
        let node = volume.node_tag.as_deref().and_then(|tag| tag.parse().ok()).unwrap_or_default();
        self.block(Blocked::Volume { node, words });
        self.unfinished = true;
    }

    pub(super) fn wait(&mut self, what: String) {
        self.waiting_for.push(what);
        self.unfinished = true;
    }
}
