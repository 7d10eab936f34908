//! The plan: what to do next, and why. A pure function of what is wanted, shown, remembered, and the time.
//!
//! All steps of a plan can be carried out now, in any order; what must come later is planned when it can be done.
//! So there is no order to get wrong after a crash: look again, plan again, go on.

mod addresses;
mod ending;
mod launching;
mod layout;
mod moving;
mod network;
mod running;
mod stopping;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::fixture;
mod view;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::call::Call;
use super::intent::{Goal, Intent};
use super::names::Identity;
use super::observed::{Observed, SpotRequest};
use super::phase::{Phase, Wait};
use super::places::Places;
use super::pools::{Pin, Ranking};
use super::record::{self, Record};

pub use launching::ROOT_GIB;
pub use view::NodeView;
use world::World;

/// The device name that a persistent volume is attached as.
pub const VOLUME_DEVICE: &str = "/dev/xvdj";

/// The most ids in one call. EC2 takes about a thousand; half is safe and still few calls.
const IDS_PER_CALL: usize = 500;

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Whose it is.
    pub identity: &'a Identity,
    /// What is wanted.
    pub intent: &'a Intent,
    /// What EC2 shows.
    pub observed: &'a Observed,
    /// What we remember.
    pub record: &'a Record,
    /// How far `up` waits.
    pub wait: Wait,
    /// The time.
    pub now: Timestamp,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Calls to make now.
    pub steps: Vec<Step>,
    /// Every node as it is.
    pub nodes: Vec<NodeView>,
    /// Calls without an answer that are settled, and how that is known. To be written down before the steps.
    pub settled: Vec<(Uuid, String)>,
    /// How things stand.
    pub status: Status,
    /// What was chosen from, when something is to be launched.
    pub ranking: Option<Ranking>,
    /// What is waited for beyond single nodes.
    pub waiting_for: Vec<String>,
}

/// One call and its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The call.
    pub call: Call,
    /// The token of an earlier call that this one repeats.
    pub token: Option<Uuid>,
    /// Why.
    pub reason: String,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// There is more to do, or to wait for.
    Working,
    /// Something must be launched, and what there is to choose from is not known: ask, and plan again.
    NeedsSurvey,
    /// All is as it should be.
    Done,
    /// It cannot go on without the user.
    Blocked(Blocked),
}

/// Why it cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub enum Blocked {
    /// No pool will do now.
    NoPool(Ranking),
    /// EC2 refused a spot request for good.
    RequestFailed {
        /// The node.
        node: u32,
        /// The status in words.
        words: String,
    },
    /// A volume cannot be had.
    Volume {
        /// The node.
        node: u32,
        /// Why, and what to do.
        words: String,
    },
    /// A node will not become ready.
    Node {
        /// The node.
        node: u32,
        /// Why.
        words: String,
    },
}

/// Makes the plan.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let existing = inputs.intent.volume.existing();
    let places = Places::of(inputs.observed, inputs.record, existing, inputs.now);
    let settled = inputs.record.settled(inputs.observed, &|id| places.node_of(id));
    let tokens: BTreeSet<Uuid> = settled.iter().map(|(token, _)| *token).collect();
    // Where all is to be gone, it is all the same what is left behind.
    let moving = inputs.intent.moving.as_ref().filter(|_| !matches!(inputs.intent.goal, Goal::Gone { .. }));
    let world = World::of(inputs.observed, inputs.record, &places, existing, &tokens, moving);
    let mut planner = Planner::new(inputs);
    match inputs.intent.goal {
        Goal::Running => planner.run(&world),
        Goal::Stopped => planner.stop(&world),
        Goal::Gone { delete_volumes } => planner.end(&world, delete_volumes),
    }
    let mut plan = planner.finish();
    plan.settled.extend(settled);
    plan
}

/// Collects steps and views while the nodes are gone through.
struct Planner<'a> {
    inputs: &'a Inputs<'a>,
    record: &'a Record,
    /// What EC2 shows of each spot request.
    requests: BTreeMap<&'a str, &'a SpotRequest>,
    /// Calls that are repeated, or waited for, in words.
    repeated: BTreeMap<Uuid, String>,
    steps: Vec<Step>,
    views: Vec<NodeView>,
    settled: Vec<(Uuid, String)>,
    cancel: Batch,
    terminate: Batch,
    stop: Batch,
    start: Batch,
    /// Nodes that must be launched, and where they must be.
    launch: Vec<(u32, Option<Pin>)>,
    blocked: Option<Blocked>,
    needs_survey: bool,
    ranking: Option<Ranking>,
    waiting_for: Vec<String>,
    /// Whether something is still under way that no node shows.
    unfinished: bool,
}

/// Ids that go into one call, and why.
#[derive(Default)]
struct Batch {
    ids: Vec<String>,
    reason: String,
}

impl<'a> Planner<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        Self {
            inputs,
            record: inputs.record,
            requests: inputs.observed.requests.iter().map(|it| (it.id.as_str(), it)).collect(),
            repeated: BTreeMap::new(),
            steps: Vec::new(),
            views: Vec::new(),
            settled: Vec::new(),
            cancel: Batch::default(),
            terminate: Batch::default(),
            stop: Batch::default(),
            start: Batch::default(),
            launch: Vec::new(),
            blocked: None,
            needs_survey: false,
            ranking: None,
            waiting_for: Vec::new(),
            unfinished: false,
        }
    }

    fn intent(&self) -> &'a Intent {
        self.inputs.intent
    }

    fn now(&self) -> Timestamp {
        self.inputs.now
    }

    /// Proposes a call, unless the same one about the same thing was answered a moment ago: lists lag behind.
    fn propose(&mut self, call: Call, reason: impl Into<String>) {
        let subjects = record::subjects(&call);
        let now = self.now();
        if subjects.is_empty() || subjects.iter().any(|id| !self.record.just_answered(call.action(), id, now)) {
            self.steps.push(Step { call, token: None, reason: reason.into() });
        }
        self.unfinished = true;
    }

    fn block(&mut self, why: Blocked) {
        self.blocked.get_or_insert(why);
    }

    /// Turns the batches into calls.
    fn flush(&mut self) {
        let hibernate = self.intent().on_interruption == super::intent::Interruption::Hibernate;
        let (cancel, terminate) = (std::mem::take(&mut self.cancel), std::mem::take(&mut self.terminate));
        let (stop, start) = (std::mem::take(&mut self.stop), std::mem::take(&mut self.start));
        self.flush_batch(cancel, |ids| Call::CancelRequests { ids });
        self.flush_batch(terminate, |ids| Call::Terminate { ids });
        self.flush_batch(stop, |ids| Call::Stop { ids, hibernate });
        self.flush_batch(start, |ids| Call::Start { ids });
    }

    fn flush_batch(&mut self, mut batch: Batch, call: impl Fn(Vec<String>) -> Call) {
        batch.ids.sort();
        batch.ids.dedup();
        for ids in batch.ids.chunks(IDS_PER_CALL) {
            self.propose(call(ids.to_vec()), batch.reason.clone());
        }
    }

    fn finish(mut self) -> Plan {
        self.flush();
        let met = self.views.iter().all(|view| self.is_met(view));
        let status = match self.blocked {
            Some(why) => Status::Blocked(why),
            None if self.needs_survey => Status::NeedsSurvey,
            None if met && self.steps.is_empty() && !self.unfinished => Status::Done,
            None => Status::Working,
        };
        Plan {
            steps: self.steps,
            nodes: self.views,
            settled: self.settled,
            status,
            ranking: self.ranking,
            waiting_for: self.waiting_for,
        }
    }

    /// Whether a node is where it should be.
    fn is_met(&self, view: &NodeView) -> bool {
        let wanted = view.index < self.intent().nodes;
        match self.intent().goal {
            Goal::Running if wanted => self.inputs.wait.is_met_by(view.phase),
            // What EC2 stopped is as stopped as can be: it cannot be stopped again.
            Goal::Stopped if wanted => matches!(view.phase, Phase::Stopped | Phase::Absent | Phase::Interrupted),
            _ => matches!(view.phase, Phase::Gone | Phase::Absent),
        }
    }
}

impl Batch {
    fn add(&mut self, id: &str, reason: &str) {
        self.ids.push(id.to_owned());
        if self.reason.is_empty() {
            reason.clone_into(&mut self.reason);
        }
    }
}
