//! Nodes that should run.

use jiff::SignedDuration;

use crate::domain::call::Call;
use crate::domain::intent::VolumeWish;
use crate::domain::lifecycle::{self, Meaning};
use crate::domain::nodes;
use crate::domain::observed::{Instance, InstanceState, Probe, RequestState, SpotRequest, Volume, VolumeState};
use crate::domain::phase::Phase;
use crate::domain::record::{Pending, REPEAT_LOST_FOR};
use crate::domain::tags;

use super::world::{NodeFacts, World, ago};
use super::{Blocked, NodeView, Planner, Step, VOLUME_DEVICE};

/// How long a new request may be held before another pool is tried.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(30);

/// The largest launch whose nodes get tags of their own. Each takes a call, for EC2 sets one value a call; its bucket
/// for CreateTags holds a hundred calls and refills ten a second, so that a thousand nodes would be ready minutes
/// before they are tagged. What such a launch was tagged with tells its nodes apart, see [`nodes`].
const TAGGED_ONE_BY_ONE: u64 = 100;

/// A phase, and what is waited for in it.
pub(super) type Standing = (Phase, Option<String>);

impl<'a> Planner<'a> {
    /// Plans for an environment that should run.
    pub(super) fn run(&mut self, world: &World<'a>) {
        self.keep_network();
        let nothing = NodeFacts::default();
        for index in 0..self.intent().nodes {
            let facts = world.nodes.get(&index).unwrap_or(&nothing);
            let (phase, waiting_for) = match self.leave(index, facts) {
                Some(leaving) => leaving,
                None => self.run_node(index, facts),
            };
            self.views.push(NodeView::of(index, facts, phase, waiting_for));
        }
        for (&index, facts) in world.nodes.range(self.intent().nodes..) {
            self.end_extra(index, facts);
        }
        self.launch_missing(world);
        self.clear_what_was_left(world);
    }

    fn run_node(&mut self, index: u32, facts: &NodeFacts<'a>) -> Standing {
        self.end_doubles(index, facts);
        self.end_double_interfaces(index, facts);
        match facts.instance() {
            Some(instance) => self.run_instance(index, facts, instance),
            None => self.run_without_instance(index, facts),
        }
    }

    /// One node is one instance. A second one, however it came to be, only costs money.
    pub(super) fn end_doubles(&mut self, index: u32, facts: &NodeFacts<'a>) {
        let Some(kept) = facts.instance() else { return };
        let reason = format!("node {index} is {} already", kept.id);
        for double in facts.live.iter().filter(|it| it.id != kept.id) {
            let of_double = |it: &&&SpotRequest| {
                it.instance_id.as_deref() == Some(&double.id) || double.request_id.as_deref() == Some(&it.id)
            };
            for request in facts.requests.iter().filter(of_double) {
                self.cancel.add(&request.id, &reason);
            }
            self.end_instance(double, &reason);
        }
    }

    fn run_instance(&mut self, index: u32, facts: &NodeFacts<'a>, instance: &Instance) -> Standing {
        match instance.state {
            InstanceState::Pending | InstanceState::Running if self.lost_its_request(facts, instance) => {
                self.end_instance(instance, "its spot request is cancelled: EC2 would not bring it back");
                (
                    Phase::Ending,
                    Some(format!("{} is ended, for its request was cancelled; then another is launched", instance.id)),
                )
            }
            InstanceState::Pending => {
                self.tag(index, facts, instance);
                self.make_volume(index, facts, instance);
                (Phase::Launching, Some(format!("EC2 is starting {}", instance.id)))
            }
            InstanceState::Running => {
                self.tag(index, facts, instance);
                self.run_running(index, facts, instance)
            }
            InstanceState::Stopping => {
                (Phase::Stopping, Some(format!("{} is stopping; it is started when it has stopped", instance.id)))
            }
            InstanceState::Stopped => self.run_stopped(facts, instance),
            // Neither is live, so neither comes here; the words are right all the same.
            InstanceState::ShuttingDown | InstanceState::Terminated => (Phase::Ending, None),
        }
    }

    /// Whether we have cancelled its request, in a `down` that was broken off or for another pool, so that EC2 would not
    /// bring it back. What somebody else cancelled stays: there may be work on it, and it is theirs to end.
    fn lost_its_request(&self, facts: &NodeFacts<'a>, instance: &Instance) -> bool {
        let request = instance.request_id.as_deref().and_then(|id| self.requests.get(id));
        facts.request().is_none()
            && request
                .is_some_and(|it| it.state == RequestState::Cancelled && self.record.cancelled_at(&it.id).is_some())
    }

    fn run_stopped(&mut self, facts: &NodeFacts<'a>, instance: &Instance) -> Standing {
        match facts.request() {
            // While the notice still stands, the request has not caught up with its instance.
            Some(request) if lifecycle::is_interrupted(request) || is_marked(request) => {
                (Phase::Interrupted, Some(lifecycle::in_words(request)))
            }
            Some(_) => self.start(instance),
            None => self.run_stopped_without_request(instance),
        }
    }

    fn run_stopped_without_request(&mut self, instance: &Instance) -> Standing {
        // Cancelling a disabled request makes EC2 end the stopped instance: there is nothing to start. One that was
        // cancelled while its instance was stopping leaves it stopped for good.
        let request = instance.request_id.as_deref().and_then(|id| self.requests.get(id));
        if let Some(request) = request.filter(|it| it.state == RequestState::Cancelled) {
            if self.record.cancelled_at(&request.id).is_some() {
                self.end_instance(instance, "its spot request is cancelled: it can never be started again");
            }
            return (Phase::Ending, Some(format!("EC2 is ending {}, whose request is cancelled", instance.id)));
        }
        // Who stopped it decides who starts it, and the request alone tells.
        match self.unlisted_request(instance) {
            Some(id) => (Phase::Stopped, Some(format!("EC2 to list {id}, the request of {}", instance.id))),
            None => self.start(instance),
        }
    }

    fn start(&mut self, instance: &Instance) -> Standing {
        self.start.add(&instance.id, "it is stopped and should run");
        (Phase::Stopped, Some(format!("{} is being started", instance.id)))
    }

    fn run_running(&mut self, index: u32, facts: &NodeFacts<'a>, instance: &Instance) -> Standing {
        let marked = facts.request().filter(|it| is_marked(it));
        if let Some(request) = marked {
            return (Phase::Running, Some(lifecycle::in_words(request)));
        }
        self.see_to_public_address(facts, instance);
        self.make_volume(index, facts, instance);
        if let Err(waiting_for) = self.attach_volume(index, facts, instance) {
            return (Phase::Running, Some(waiting_for));
        }
        match self.inputs.observed.probes.get(&instance.id) {
            Some(Probe::Ready) => (Phase::Ready, None),
            Some(Probe::Reachable(why)) => (Phase::Reachable, Some(why.clone())),
            Some(Probe::Unreachable(why)) => (Phase::Attached, Some(why.clone())),
            Some(Probe::Failed(why)) => {
                self.block(Blocked::Node { node: index, words: why.clone() });
                (Phase::Reachable, Some(why.clone()))
            }
            None if self.was_ready(instance) => (Phase::Ready, None),
            None => (Phase::Attached, Some("ssh has not been asked yet".to_owned())),
        }
    }

    /// Whether the instance was seen ready since it was last started.
    fn was_ready(&self, instance: &Instance) -> bool {
        self.record
            .ready
            .get(&instance.id)
            .is_some_and(|at| instance.launched_at.is_none_or(|launched| *at >= launched))
    }

    fn run_without_instance(&mut self, index: u32, facts: &NodeFacts<'a>) -> Standing {
        if let Some(pending) = facts.pending_launch() {
            return self.repeat_lost(pending);
        }
        if let Some(request) = facts.request() {
            return self.run_request(facts, request);
        }
        if let Some((id, _)) = facts.unseen_launch() {
            return (Phase::Launching, Some(format!("EC2 has made {id} and does not list it yet")));
        }
        if let Some(waiting_for) = self.fulfilled_when_cancelled(&facts.ended_requests) {
            return (Phase::Requested, Some(waiting_for));
        }
        if let Some(failed) = self.freshly_failed(facts) {
            self.block(Blocked::RequestFailed { node: index, words: lifecycle::in_words(failed) });
            return (Phase::Absent, Some(lifecycle::in_words(failed)));
        }
        match self.zone_of_volume(index, facts).and_then(|zone| self.pin(index, facts, zone)) {
            Ok(pin) => {
                self.launch.push((index, pin));
                (Phase::Absent, Some("nothing is there yet".to_owned()))
            }
            Err(waiting_for) => (Phase::Absent, Some(waiting_for)),
        }
    }

    /// The zone that the node's volume pins, if it has one; `Err` says what must be known or done before a launch.
    fn zone_of_volume(&mut self, index: u32, facts: &NodeFacts<'a>) -> Result<Option<String>, String> {
        if self.intent().volume == VolumeWish::None {
            return Ok(None);
        }
        if let Some(volume) = facts.volume.filter(|it| it.state != VolumeState::Deleting) {
            return Ok(Some(volume.zone.clone()));
        }
        // A volume that is there and not shown pins the zone all the same.
        if let Some(id) = facts.unseen_volume() {
            return Err(format!("EC2 to list its volume {id}, which says where to launch"));
        }
        if let Some(pending) = facts.pending_volume() {
            return Err(self.repeat_lost(pending).1.unwrap_or_default());
        }
        match self.intent().volume.existing() {
            Some(id) => Err(self.block_for_missing_volume(index, id)),
            None => Ok(None),
        }
    }

    fn block_for_missing_volume(&mut self, index: u32, id: &str) -> String {
        let words = format!("the volume {id} is not there: check --volume-id and --region");
        self.block(Blocked::Volume { node: index, words: words.clone() });
        words
    }

    /// The same call with the same token: EC2 answers with what it made, or makes it now.
    pub(super) fn repeat_lost(&mut self, pending: &Pending) -> Standing {
        if ago(pending.at, self.now()) > REPEAT_LOST_FOR {
            self.settle(pending.token, "nothing of it showed in ten minutes");
            return (Phase::Absent, Some("nothing is there yet".to_owned()));
        }
        if let Some(words) = self.repeated.get(&pending.token) {
            return (Phase::Requested, Some(words.clone()));
        }
        let words = format!("no answer yet to `{}`", pending.call);
        self.repeated.insert(pending.token, words.clone());
        self.steps.push(Step {
            call: pending.call.clone(),
            token: Some(pending.token),
            reason: "its answer was lost: asking again with the same client token, so that nothing is made twice"
                .to_owned(),
        });
        (Phase::Requested, Some(words))
    }

    pub(super) fn settle(&mut self, token: uuid::Uuid, how: &str) {
        if !self.settled.iter().any(|(known, _)| *known == token) {
            self.settled.push((token, how.to_owned()));
        }
        // The record still holds it: what follows from its being settled is planned at the next look.
        self.unfinished = true;
    }

    fn run_request(&mut self, facts: &NodeFacts<'a>, request: &SpotRequest) -> Standing {
        let words = lifecycle::in_words(request);
        match request.state {
            RequestState::Open if self.should_try_elsewhere(request) => {
                self.cancel.add(&request.id, "EC2 holds it for want of capacity or price: another pool is tried");
                (Phase::Requested, Some(words))
            }
            RequestState::Open if lifecycle::is_interrupted(request) => (Phase::Interrupted, Some(words)),
            // Cancelling ends a stopped instance: only when that instance is seen to be gone, not when a list lags.
            RequestState::Disabled if ended(facts, request) => {
                self.cancel.add(&request.id, "its instance is gone: it can never be started again");
                (Phase::Ending, Some(words))
            }
            _ => (Phase::Requested, Some(words)),
        }
    }

    /// Whether a new request that EC2 holds should give way to another pool. One that has had an instance is EC2's
    /// to fulfil again: its volume pins the zone anyway.
    fn should_try_elsewhere(&self, request: &SpotRequest) -> bool {
        lifecycle::meaning(&request.status) == Meaning::Holding
            && !self.intent().wait_for_capacity
            && !self.record.fulfilled.contains(&request.id)
            && request.created_at.is_some_and(|at| ago(at, self.now()) > HELD_FOR)
    }

    /// A request that failed for good since a command last began to work on the environment.
    fn freshly_failed(&self, facts: &NodeFacts<'a>) -> Option<&'a SpotRequest> {
        let newest = facts.ended_requests.iter().copied().max_by_key(|it| it.created_at)?;
        let fresh = newest.created_at.zip(self.record.began).is_some_and(|(made, began)| made >= began);
        Some(newest).filter(|it| it.state == RequestState::Failed && fresh)
    }

    /// Gives a node that came from a launch of many, or from a spot request, tags of its own.
    fn tag(&mut self, index: u32, facts: &NodeFacts<'a>, instance: &Instance) {
        let own = index.to_string();
        let untagged = instance.node_tag.is_none();
        let settled = instance.state == InstanceState::Running;
        let launch = instance.node_tag.as_deref().filter(|tag| tells_of_many(tag, instance, index));
        let is_own =
            |tag: &Option<String>| tag.as_deref() == Some(&own) || (launch.is_some() && tag.as_deref() == launch);
        let request_is_own = facts.request().is_none_or(|request| is_own(&request.node_tag));
        if is_own(&instance.node_tag) && request_is_own && !self.has_bare_root(facts, instance) {
            return;
        }
        // An instance of a spot request carries no tags at all: at once. Others can wait until their disks are known.
        if !untagged && !settled {
            return;
        }
        let persistent = facts.volume.map(|volume| volume.id.as_str());
        let mut ids = vec![instance.id.clone()];
        let unseen = instance.request_id.as_deref().filter(|id| self.record.known.contains_key(*id));
        ids.extend(facts.request().map(|request| request.id.as_str()).or(unseen).map(str::to_owned));
        ids.extend(instance.volume_ids.iter().filter(|id| Some(id.as_str()) != persistent).cloned());
        self.propose(Call::Tag { ids, node: index }, "what is not tagged cannot be found again");
    }

    /// Whether the instance came from a spot request and its root volume was not tagged yet.
    fn has_bare_root(&self, facts: &NodeFacts<'a>, instance: &Instance) -> bool {
        let persistent = facts.volume.map(|volume| volume.id.as_str());
        self.intent().requests_spot()
            && !instance.on_demand
            && instance.state == InstanceState::Running
            && instance
                .volume_ids
                .iter()
                .any(|id| Some(id.as_str()) != persistent && !self.record.was_answered("CreateTags", id))
    }

    /// Makes the node's volume in the zone where its instance is: made any earlier, it would pin the zone.
    fn make_volume(&mut self, index: u32, facts: &NodeFacts<'a>, instance: &Instance) {
        let VolumeWish::Managed { gib } = self.intent().volume else { return };
        if facts.volume.is_some() || facts.unseen_volume().is_some() {
            return;
        }
        if let Some(pending) = facts.pending_volume() {
            self.repeat_lost(pending);
            return;
        }
        let mut tags = self.tags_of(&[index]);
        tags.insert(tags::ROLE.to_owned(), tags::ROLE_PERSISTENT.to_owned());
        let zone = instance.zone.clone();
        if self.left_volume_of(index).is_some() {
            return self.copy_volume(index, facts, zone, tags);
        }
        let call = Call::CreateVolume { node: index, zone, gib, snapshot: None, tags };
        self.propose(call, "the node has no persistent volume yet");
    }

    /// Attaches the node's volume; `Err` says what is waited for until it is attached.
    fn attach_volume(&mut self, index: u32, facts: &NodeFacts<'a>, instance: &Instance) -> Result<(), String> {
        if self.intent().volume == VolumeWish::None {
            return Ok(());
        }
        let Some(volume) = facts.volume else {
            return Err(match (facts.unseen_volume(), self.intent().volume.existing()) {
                (Some(id), _) => format!("EC2 has made its volume {id} and does not list it yet"),
                (None, Some(id)) => self.block_for_missing_volume(index, id),
                (None, None) => "its volume is being made".to_owned(),
            });
        };
        match (volume.state, &volume.attachment) {
            (_, Some(attachment)) if attachment.instance_id == instance.id && attachment.attached => Ok(()),
            (VolumeState::Available, _) if volume.zone == instance.zone => {
                let device = VOLUME_DEVICE.to_owned();
                let call = Call::Attach { volume_id: volume.id.clone(), instance_id: instance.id.clone(), device };
                self.propose(call, "the instance runs and its volume is free");
                Err(format!("{} is being attached", volume.id))
            }
            _ => Err(self.volume_trouble(index, facts, instance, volume)),
        }
    }

    /// Why the volume cannot be attached now; blocks where waiting will not help.
    fn volume_trouble(&mut self, index: u32, facts: &NodeFacts<'a>, instance: &Instance, volume: &Volume) -> String {
        let id = &volume.id;
        let (hopeless, words) = match (volume.state, &volume.attachment) {
            (VolumeState::Creating, _) => (false, format!("EC2 is making {id}")),
            (VolumeState::Error, _) => (true, format!("EC2 calls {id} broken: restore it from a snapshot")),
            (VolumeState::Deleting, _) => (false, format!("{id} is being deleted by someone; another is made then")),
            (VolumeState::Available, _) => {
                let why = format!("{id} is in {} and {} in {}", volume.zone, instance.id, instance.zone);
                (
                    true,
                    format!(
                        "{why}: a volume can be attached in its own zone only; `down` and `up` again, which launches there"
                    ),
                )
            }
            (VolumeState::InUse, Some(other)) if other.instance_id == instance.id => {
                (false, format!("{id} is being attached as {}", other.device))
            }
            (VolumeState::InUse, Some(other)) => {
                let shown = facts.ending.iter().chain(&facts.live).any(|it| it.id == other.instance_id);
                let known = self.record.known.contains_key(&other.instance_id);
                let ours = shown || known || self.record.has_ended(&other.instance_id);
                let foreign = "which is none of this environment's: detach it there first";
                let ending = "which is ending and must let go of it first";
                let tail = if ours { ending } else { foreign };
                (!ours, format!("{id} is attached to {}, {tail}", other.instance_id))
            }
            (VolumeState::InUse, None) => (false, format!("EC2 does not say yet where {id} is attached")),
        };
        if hopeless {
            self.block(Blocked::Volume { node: index, words: words.clone() });
        }
        words
    }
}

/// Whether a tag is that of a large launch, and says with the instance's place in it which node it is.
fn tells_of_many(tag: &str, instance: &Instance, index: u32) -> bool {
    nodes::count(tag) > TAGGED_ONE_BY_ONE && nodes::at(tag, instance.launch_index) == Some(index)
}

/// Whether EC2 has given notice.
pub(super) fn is_marked(request: &SpotRequest) -> bool {
    lifecycle::meaning(&request.status) == Meaning::Marked
}

/// Whether the request's instance is seen to be ending or ended.
pub(super) fn ended(facts: &NodeFacts<'_>, request: &SpotRequest) -> bool {
    facts.ending.iter().any(|it| request.instance_id.as_deref() == Some(&it.id))
}
