//! Nodes that should be stopped, with their disks kept.

use crate::domain::lifecycle;
use crate::domain::observed::{Instance, InstanceState, RequestState, SpotRequest};
use crate::domain::phase::Phase;

use super::running::ended;
use super::world::{NodeFacts, World};
use super::{NodeView, Planner};

impl<'a> Planner<'a> {
    /// Plans for an environment that should be stopped.
    pub(super) fn stop(&mut self, world: &World<'a>) {
        let nothing = NodeFacts::default();
        for index in 0..self.intent().nodes {
            let facts = world.nodes.get(&index).unwrap_or(&nothing);
            let (phase, waiting_for) = self.stop_node(index, facts);
            self.views.push(NodeView::of(index, facts, phase, waiting_for));
        }
        self.unfinished |= !world.stray_requests.is_empty() || !world.stray_instances.is_empty();
        self.rest_what_was_left(world);
        for (&index, facts) in world.nodes.range(self.intent().nodes..) {
            self.end_extra(index, facts);
        }
    }

    fn stop_node(&mut self, index: u32, facts: &NodeFacts<'a>) -> (Phase, Option<String>) {
        self.end_doubles(index, facts);
        if let Some(instance) = facts.instance() {
            return self.stop_instance(facts, instance);
        }
        if let Some(waiting_for) = self.wait_for_lost(facts) {
            return (Phase::Requested, Some(waiting_for));
        }
        // There is no instance to stop: an open request would launch one. The instance of any other is there, and not
        // listed; cancelling would leave it running, or end it if it is stopped.
        let (over, others): (Vec<&SpotRequest>, Vec<&SpotRequest>) =
            facts.requests.iter().partition(|it| it.state == RequestState::Open || ended(facts, it));
        for request in &over {
            self.cancel.add(&request.id, "it would launch an instance, and the environment should be stopped");
        }
        if let Some(request) = others.first() {
            return (Phase::Requested, Some(format!("EC2 to list the instance of {}", request.id)));
        }
        if let Some(request) = over.first() {
            return (Phase::Requested, Some(format!("{} is being cancelled", request.id)));
        }
        if let Some((id, _)) = facts.unseen_launch() {
            return (Phase::Launching, Some(format!("EC2 does not list {id} yet; then it is stopped")));
        }
        match self.fulfilled_when_cancelled(&facts.ended_requests) {
            Some(waiting_for) => (Phase::Launching, Some(waiting_for)),
            None => (Phase::Absent, None),
        }
    }

    fn stop_instance(&mut self, facts: &NodeFacts<'a>, instance: &Instance) -> (Phase, Option<String>) {
        let id = &instance.id;
        let cancelled = instance.request_id.as_deref().filter(|request| self.is_cancelled_by_us(request));
        if let Some(request) = cancelled {
            self.end_instance(instance, "its spot request is cancelled: it cannot be stopped any more");
            return (Phase::Ending, Some(format!("{id} to end: {request} is cancelled, so it cannot be stopped")));
        }
        match instance.state {
            InstanceState::Pending => {
                (Phase::Launching, Some(format!("{id} is starting, and can be stopped only when it runs")))
            }
            InstanceState::Running => {
                self.stop.add(id, "the environment should be stopped");
                (Phase::Stopping, Some(format!("{id} is stopping")))
            }
            InstanceState::Stopping => (Phase::Stopping, Some(format!("{id} is stopping"))),
            InstanceState::Stopped => self.stopped(facts, instance),
            InstanceState::ShuttingDown | InstanceState::Terminated => (Phase::Ending, None),
        }
    }

    /// Whether we asked for a request's end, and it has ended.
    fn is_cancelled_by_us(&self, request: &str) -> bool {
        let shown = self.requests.get(request).is_some_and(|it| it.state == RequestState::Cancelled);
        shown && self.record.cancelled_at(request).is_some()
    }

    /// A stopped instance can be started again only when its request is disabled.
    fn stopped(&self, facts: &NodeFacts<'a>, instance: &Instance) -> (Phase, Option<String>) {
        match facts.request() {
            Some(request) if lifecycle::is_interrupted(request) => {
                (Phase::Interrupted, Some(lifecycle::in_words(request)))
            }
            // A request that says `fulfilled` while its instance is stopped is about to say `disabled`. An imitation
            // that never does must not hold the user up: `instance-stopped` is what was asked for.
            Some(request) if request.state == RequestState::Active && request.status != "fulfilled" => {
                (Phase::Stopping, Some(format!("its spot request is not disabled yet; it is {}", request.status)))
            }
            Some(_) => (Phase::Stopped, None),
            None => match self.unlisted_request(instance) {
                Some(id) => (Phase::Stopping, Some(format!("EC2 to list {id}, the request of {}", instance.id))),
                None => (Phase::Stopped, None),
            },
        }
    }

    /// The request of an instance that is known to be there and is not listed.
    pub(super) fn unlisted_request<'i>(&self, instance: &'i Instance) -> Option<&'i str> {
        let id = instance.request_id.as_deref()?;
        (!self.requests.contains_key(id) && self.record.known.contains_key(id)).then_some(id)
    }
}
