//! What the engine does, against the model: look, plan, write down, call, write down.

use uuid::Uuid;

use crate::domain::call::{Call, Made};
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::{Goal, Intent, VolumeWish};
use crate::domain::journal::{Entry, Event};
use crate::domain::observed::Observed;
use crate::domain::phase::Wait;
use crate::domain::plan::{self, Inputs, NodeView, Plan, Status};
use crate::domain::record::Record;

use super::ec2::Ec2;
use super::fixture;

/// What becomes of one call of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never reaches EC2, and no answer comes.
    LostBefore,
    /// It takes effect, and the answer is lost.
    LostAfter,
    /// The tool is killed before it is sent.
    KilledBefore,
    /// The tool is killed before the answer comes.
    KilledAfter,
}

pub struct Tool {
    pub intent: Intent,
    /// What becomes of each launch.
    pub launches: Option<Fate>,
    record: Record,
    journal: Vec<Entry>,
    written: Vec<NodeView>,
    /// What happened, for a test that fails.
    pub trace: Vec<String>,
    running: bool,
    calls: u64,
}

impl Tool {
    pub fn new(intent: Intent) -> Self {
        Self {
            intent,
            launches: None,
            record: Record::default(),
            journal: Vec::new(),
            written: Vec::new(),
            trace: Vec::new(),
            running: false,
            calls: 0,
        }
    }

    /// The process ends at once.
    pub fn kill(&mut self) {
        self.running = false;
    }

    /// One turn of the loop; `fate` strikes the call at that place.
    pub fn turn(&mut self, ec2: &mut Ec2, fate: Option<(usize, Fate)>) -> Plan {
        if !self.running {
            self.record = Record::read(&self.journal);
            self.written.clear();
            self.write(ec2, Event::Began { command: "cloudtop".to_owned() });
            self.running = true;
        }
        let existing = match &self.intent.volume {
            VolumeWish::Existing { id } => Some(id.as_str()),
            _ => None,
        };
        let mut observed = ec2.look(existing);
        ec2.forget_addresses_beyond(match self.intent.goal {
            Goal::Running | Goal::Stopped => self.intent.nodes,
            Goal::Gone { .. } => 0,
        });
        self.record.absorb(&observed, ec2.now);
        let mut plan = self.plan(&observed, ec2);
        if plan.status == Status::NeedsSurvey {
            observed.market = Some(ec2.market());
            plan = self.plan(&observed, ec2);
        }
        self.trace.push(shown(&observed, ec2));
        self.trace.push(told(&plan));
        self.take_in(ec2, &plan);
        if plan.steps.is_empty() && matches!(plan.status, Status::Done | Status::Blocked(_)) {
            self.end(ec2, &plan);
        }
        self.carry_out(ec2, &plan, fate);
        plan
    }

    fn plan(&self, observed: &Observed, ec2: &Ec2) -> Plan {
        let identity = fixture::identity();
        let inputs = Inputs {
            identity: &identity,
            intent: &self.intent,
            observed,
            record: &self.record,
            wait: Wait::Ready,
            now: ec2.now,
        };
        let plan = plan::plan(&inputs);
        assert_eq!(plan, plan::plan(&inputs), "the same inputs give the same plan");
        plan
    }

    fn write(&mut self, ec2: &Ec2, event: Event) {
        let entry = Entry { at: ec2.now, event };
        self.record.apply(&entry);
        self.journal.push(entry);
    }

    fn take_in(&mut self, ec2: &Ec2, plan: &Plan) {
        for (token, how) in &plan.settled {
            self.write(ec2, Event::Settled { token: *token, how: how.clone() });
        }
        for view in &plan.nodes {
            let before = self.written.iter().find(|known| known.index == view.index);
            let as_before = |known: &&NodeView| {
                (known.phase, &known.instance_id, &known.request_id)
                    == (view.phase, &view.instance_id, &view.request_id)
            };
            if before.filter(as_before).is_none() {
                let event = Event::Node {
                    node: view.index,
                    phase: view.phase,
                    text: view.waiting_for.clone().unwrap_or_default(),
                    instance_id: view.instance_id.clone(),
                    request_id: view.request_id.clone(),
                    status: None,
                    since: None,
                };
                self.write(ec2, event);
            }
        }
        self.written.clone_from(&plan.nodes);
    }

    fn end(&mut self, ec2: &mut Ec2, plan: &Plan) {
        self.write(ec2, Event::Ended { outcome: format!("{:?}", plan.status) });
        if plan.status == Status::Done && matches!(self.intent.goal, Goal::Gone { .. }) {
            // The journal of a life that is over is not read again: the first look of the next must be right.
            self.journal.clear();
            ec2.pass(35);
        }
        self.running = false;
    }

    fn carry_out(&mut self, ec2: &mut Ec2, plan: &Plan, fate: Option<(usize, Fate)>) {
        let mut steps = Vec::new();
        for step in &plan.steps {
            self.calls += 1;
            let token = step.token.unwrap_or(Uuid::from_u64_pair(7, self.calls));
            steps.push((token, step.call.clone()));
            let call = Box::new(step.call.clone());
            self.write(ec2, Event::Intended { token, call, reason: step.reason.clone() });
        }
        // Calls are sent side by side: any order is possible.
        if !steps.is_empty() {
            let first = usize::try_from(ec2.noise.below(64)).unwrap() % steps.len();
            steps.rotate_left(first);
        }
        for (place, (token, call)) in steps.iter().enumerate() {
            let launches = matches!(call, Call::Launch(_) | Call::RequestSpot(_));
            let fate = fate.filter(|(which, _)| *which == place).map(|(_, fate)| fate);
            let fate = fate.or(self.launches.filter(|_| launches));
            if !self.send(ec2, *token, call, fate) {
                self.running = false;
                return;
            }
            if ec2.noise.one_in(3) {
                ec2.pass(1);
            }
        }
    }

    /// Sends one call. `false`: the tool is dead.
    fn send(&mut self, ec2: &mut Ec2, token: Uuid, call: &Call, fate: Option<Fate>) -> bool {
        let reaches = !matches!(fate, Some(Fate::LostBefore | Fate::KilledBefore));
        let answer = if reaches { ec2.perform(token, call) } else { Ok(Made::default()) };
        self.trace.push(format!("    {call}: {answer:?} {fate:?}"));
        match (fate, answer) {
            (Some(Fate::KilledBefore | Fate::KilledAfter), _) => return false,
            (Some(Fate::LostBefore | Fate::LostAfter), _) => {
                let (action, code) = (call.action().to_owned(), "Timeout".to_owned());
                let failure = Failure { action, code, message: String::new(), class: Class::Ambiguous };
                self.write(ec2, Event::Lost { token, failure });
            }
            (None, Ok(made)) => self.write(ec2, Event::Done { token, made }),
            (None, Err(failure)) => {
                let fatal = failure.class == Class::BadRequest;
                self.write(ec2, Event::Refused { token, failure });
                return !fatal;
            }
        }
        true
    }
}

fn shown(observed: &Observed, ec2: &Ec2) -> String {
    let mut text = format!("{} shows", ec2.now);
    for it in &observed.instances {
        text += &format!(" {}({:?} {:?} {:?})", it.id, it.node_tag, it.state, it.request_id);
    }
    for it in &observed.requests {
        text += &format!(" {}({:?} {:?} {} {:?})", it.id, it.node_tag, it.state, it.status, it.instance_id);
    }
    for it in &observed.volumes {
        text +=
            &format!(" {}({:?} {} {:?})", it.id, it.state, it.zone, it.attachment.as_ref().map(|it| &it.instance_id));
    }
    for it in &observed.interfaces {
        text += &format!(" {}({} {:?})", it.id, it.zone, it.instance_id);
    }
    text
}

fn told(plan: &Plan) -> String {
    let views = plan
        .nodes
        .iter()
        .map(|it| format!("{}:{:?}({})", it.index, it.phase, it.waiting_for.clone().unwrap_or_default()));
    let status = match &plan.status {
        Status::Blocked(why) => format!("{why:?}").chars().take(120).collect(),
        status => format!("{status:?}"),
    };
    format!("  {status} {} {:?} settled {}", views.collect::<Vec<_>>().join(" "), plan.waiting_for, plan.settled.len())
}
