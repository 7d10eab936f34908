//! The loop.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::clock::Clock;
use crate::cloud::{Cloud, Known, Want};
use crate::delivery::Delivery;
use crate::domain::failure::{Class, Failure, UNKNOWN_PROFILE};
use crate::domain::intent::{Goal, Intent};
use crate::domain::journal::Event;
use crate::domain::lifecycle;
use crate::domain::market::{Market, Published};
use crate::domain::names::Identity;
use crate::domain::observed::{Observed, Probe, VolumeState};
use crate::domain::phase::{Phase, Wait};
use crate::domain::plan::{self, Blocked, Inputs, NodeView, Plan, Status};
use crate::domain::pools::Ranking;
use crate::domain::record::{Record, Thing};
use crate::ssh::{host_keys, managed_config};
use crate::state::Journal;

use super::act::{Acted, Actor};
use super::ending::{Ending, EngineError, Outcome};
use super::interrupt::Interrupt;
use super::probe::{Prober, Reach};
use super::report::{self, Progress, Reporter};
use super::schedule::{AFTER_TROUBLE, LOOKS, Pace, QUIET};

/// How old prices and offers may be when something is launched.
const MARKET_KEEPS: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// How long answers of nodes are gathered before the plan is made again: a thousand nodes answer at nearly one time.
const GATHER: Duration = Duration::from_millis(50);

/// One run: what it is for, and what it works with.
pub struct Run<'a> {
    /// EC2.
    pub cloud: &'a Cloud,
    /// Whose environment it is.
    pub identity: &'a Identity,
    /// What is wanted.
    pub intent: &'a Intent,
    /// What was and is done for it.
    pub journal: &'a mut Journal,
    /// The time.
    pub clock: Clock,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
    /// How nodes are reached.
    pub reach: &'a Reach,
    /// Whether the user wants to end.
    pub interrupt: Interrupt,
    /// How far and how long.
    pub options: Options,
    /// What AWS publishes about the types; found out when something must be launched.
    pub published: Publishing<'a>,
    /// What nodes get over ssh, if anything.
    pub delivery: Option<Arc<Delivery>>,
    /// The tags of what is made, beside those that say whose it is: [`Intent::all_tags`].
    pub tags: BTreeMap<String, String>,
}

/// What AWS publishes, once it is asked for.
pub type Publishing<'a> = Pin<Box<dyn Future<Output = Published> + 'a>>;

/// How far and how long a run goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// How far `up` waits.
    pub wait: Wait,
    /// When to give up waiting. `None`: never.
    pub timeout: Option<Duration>,
    /// Whether to wait for capacity when every pool refuses, instead of ending.
    pub patient: bool,
    /// The command as typed, for the journal.
    pub command: String,
    /// What there is to choose from, where the caller has asked already.
    pub market: Option<Market>,
}

/// What the loop carries along.
struct Carried {
    record: Record,
    observed: Observed,
    market: Option<Market>,
    /// What AWS publishes, where it has been asked for.
    published: Option<Published>,
    prober: Prober,
    /// Nodes as they were last written down.
    written: Vec<NodeView>,
    /// What was waited for last, beyond the nodes.
    mendable: Vec<String>,
    looks: Pace,
    /// Whether all that is waited for is what nodes answer.
    only_nodes: bool,
    trouble: Pace,
    /// When EC2 is looked at again. `None`: it was looked at just now.
    next_look: Option<Instant>,
    /// Whether what was told to be chosen is on demand. `None`: nothing was told yet.
    chosen: Option<bool>,
    /// Whether a look has succeeded.
    seen: bool,
}

/// How long EC2 may not know an instance profile before the run ends: what IAM has made reaches it within seconds.
const PROFILE_KNOWN_WITHIN: Duration = Duration::from_secs(60);
/// How many looks in a row may fail before one more ends the run.
const BLIND_LOOKS: u32 = 8;
/// How long the last look may take when the user ends the run: it tells what exists, and must not hold the user.
const LAST_LOOK_WITHIN: Duration = Duration::from_secs(3);

impl Run<'_> {
    /// Works until the intent is carried out, or an ending of another kind.
    ///
    /// # Errors
    /// [`EngineError`]; what was made until then is in the journal.
    pub async fn run(mut self) -> Result<Outcome, EngineError> {
        let _held = self.interrupt.hold();
        let started = Instant::now();
        let mut carried = self.begin()?;
        let ending = self.work(&mut carried, started).await?;
        if matches!(ending, Ending::Interrupted(_)) {
            self.look_once_more(&mut carried).await;
        }
        let all: Vec<NodeView> = std::mem::take(&mut carried.written);
        self.end(&mut carried, &ending, &all)?;
        Ok(Outcome { ending, nodes: all, observed: carried.observed, seen: carried.seen })
    }

    /// Looks at what exists when the user ends the run: what was made or ended a moment ago is part of it.
    async fn look_once_more(&mut self, carried: &mut Carried) {
        if let Ok(Ok(())) = tokio::time::timeout(LAST_LOOK_WITHIN, self.look_once(carried)).await {
            carried.written = self.plan(carried).nodes;
        }
    }

    fn begin(&mut self) -> Result<Carried, EngineError> {
        let mut record = Record::read(&self.journal.since_closed()?);
        if self.delivery.is_some() && self.options.wait == Wait::Ready {
            // What was ready may lack what is to be delivered now: only the nodes themselves know.
            record.ready.clear();
        }
        let prober = Prober::new(
            self.reach.clone(),
            self.identity.env.clone(),
            self.intent.nodes,
            self.intent.access.clone(),
            self.delivery.clone(),
        );
        let mut carried = Carried {
            record,
            observed: Observed::default(),
            published: self.options.market.as_ref().map(|market| market.published.clone()),
            market: self.options.market.take(),
            prober,
            written: Vec::new(),
            mendable: Vec::new(),
            looks: LOOKS.start(),
            only_nodes: false,
            trouble: AFTER_TROUBLE.start(),
            next_look: None,
            chosen: None,
            seen: false,
        };
        let command = self.options.command.clone();
        self.actor(&mut carried.record).write(vec![Event::Began { command }])?;
        Ok(carried)
    }

    async fn work(&mut self, carried: &mut Carried, started: Instant) -> Result<Ending, EngineError> {
        self.look(carried).await?;
        loop {
            if let Some(signal) = self.interrupt.came() {
                return Ok(Ending::Interrupted(signal));
            }
            let plan = self.plan(carried);
            self.take_in(carried, &plan)?;
            let acted = match self.decide(carried, plan).await? {
                Decision::End(ending) => return Ok(ending),
                Decision::Again => continue,
                Decision::Wait(acted) => acted,
            };
            if let Some(failure) = acted.fatal {
                return Ok(Ending::Refused(failure));
            }
            let unknown = acted.mendable.iter().find(|failure| failure.code == UNKNOWN_PROFILE);
            if let Some(failure) = unknown.filter(|_| started.elapsed() > PROFILE_KNOWN_WITHIN) {
                return Ok(Ending::Refused(failure.clone()));
            }
            carried.mendable = acted.mendable.iter().map(ToString::to_string).collect();
            if self.is_late(started) {
                return Ok(self.timed_out(carried));
            }
            if acted.turned_away && !acted.succeeded && !acted.trouble {
                continue;
            }
            let next_look = carried.next_look(acted.succeeded, acted.trouble);
            self.pause(carried, next_look, started).await?;
        }
    }

    /// What the plan says to do now.
    async fn decide(&mut self, carried: &mut Carried, plan: Plan) -> Result<Decision, EngineError> {
        if plan.status == Status::NeedsSurvey {
            let key_name = self.identity.resource_name();
            let survey = Box::pin(self.cloud.survey(self.intent, &key_name, self.clock.now()));
            let known = carried.published.take();
            let publishing = self.published.as_mut();
            let published = async {
                match known {
                    Some(known) => known,
                    None => publishing.await,
                }
            };
            // A signal is asked about before the next plan.
            if let Ok((market, published)) = self.interrupt.unless(async { tokio::join!(survey, published) }).await {
                carried.market = Some(Market { published: published.clone(), ..market? });
                carried.published = Some(published);
            }
            return Ok(Decision::Again);
        }
        if let Some(ranking) = &plan.ranking {
            self.announce_choice(carried, ranking, &plan);
        }
        if !plan.steps.is_empty() {
            let acted = self.actor(&mut carried.record).carry_out(plan.steps).await?;
            return Ok(Decision::Wait(acted));
        }
        match plan.status {
            Status::Done => Ok(Decision::End(Ending::Done)),
            Status::Blocked(Blocked::NoPool(_)) if self.options.patient => {
                carried.market = None;
                Ok(Decision::Wait(Acted::default()))
            }
            Status::Blocked(why) => Ok(Decision::End(Ending::Blocked(why))),
            Status::Working | Status::NeedsSurvey => Ok(Decision::Wait(Acted::default())),
        }
    }

    fn actor<'b>(&'b mut self, record: &'b mut Record) -> Actor<'b> {
        Actor {
            cloud: self.cloud,
            identity: self.identity,
            tags: &self.tags,
            clock: self.clock,
            reporter: self.reporter,
            journal: self.journal,
            record,
            interrupt: self.interrupt.clone(),
        }
    }

    fn plan(&self, carried: &mut Carried) -> Plan {
        let now = self.clock.now();
        if carried.market.as_ref().is_some_and(|market| now.duration_since(market.surveyed_at) > MARKET_KEEPS) {
            carried.market = None;
        }
        carried.observed.market.clone_from(&carried.market);
        plan::plan(&Inputs {
            identity: self.identity,
            intent: self.intent,
            observed: &carried.observed,
            record: &carried.record,
            wait: self.options.wait,
            now,
        })
    }

    /// Looks at EC2, again and again while that fails in passing: nothing is planned on what was not seen. The nodes'
    /// own answers are kept.
    async fn look(&mut self, carried: &mut Carried) -> Result<(), EngineError> {
        let mut pace = AFTER_TROUBLE.start();
        let interrupt = self.interrupt.clone();
        for _ in 0..BLIND_LOOKS {
            let failure = match interrupt.unless(self.look_once(carried)).await {
                // Before anything is planned, the loop asks whether the user wants to end.
                Err(_) | Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
            };
            if !matches!(failure.class, Class::Throttled | Class::Ambiguous) {
                return Err(EngineError::Look(failure));
            }
            self.reporter.report(&Progress::Note(&format!("cannot look at EC2 now, trying again: {failure}")));
            if interrupt.unless(tokio::time::sleep(pace.next_wait())).await.is_err() {
                return Ok(());
            }
        }
        interrupt.unless(self.look_once(carried)).await.unwrap_or(Ok(())).map_err(EngineError::Look)
    }

    async fn look_once(&mut self, carried: &mut Carried) -> Result<(), Failure> {
        let (request_ids, instance_ids) = (carried.ids(Thing::Request), carried.ids(Thing::Instance));
        carried.next_look = None;
        let known = Known {
            request_ids: &request_ids,
            instance_ids: &instance_ids,
            existing_volume: self.intent.volume.existing(),
            ssh_port: self.intent.access.port,
            want: Want {
                keys: matches!(self.intent.goal, Goal::Gone { .. }),
                snapshots: self.intent.snapshot_first || self.intent.moving.is_some(),
                ..Want::in_use(self.intent)
            },
        };
        let mut observed = self.cloud.observe(self.identity, &known).await?;
        observed.probes = std::mem::take(&mut carried.observed.probes);
        forget_old_answers(&mut observed, &carried.observed);
        carried.record.absorb(&observed, self.clock.now());
        carried.observed = observed;
        carried.seen = true;
        Ok(())
    }

    /// Writes down what is settled and what has changed, tells of it, and asks the nodes.
    fn take_in(&mut self, carried: &mut Carried, plan: &Plan) -> Result<(), EngineError> {
        let settled = plan.settled.iter().map(|(token, how)| Event::Settled { token: *token, how: how.clone() });
        let mut events: Vec<Event> = settled.collect();
        let mut notes = Vec::new();
        let mut ec2_moves = !events.is_empty();
        for view in &plan.nodes {
            let before = carried.written.iter().find(|known| known.index == view.index);
            if before.is_none_or(|known| is_news(known, view)) {
                notes.extend(notes_of_change(carried, view));
                events.push(node_event(view));
                ec2_moves |= before.is_none_or(|known| known.phase.min(view.phase) < Phase::Attached);
            }
        }
        for note in report::few(notes) {
            self.reporter.report(&Progress::Note(&note));
        }
        if ec2_moves {
            carried.looks.restart();
        }
        self.actor(&mut carried.record).write(events)?;
        self.reporter.report(&Progress::Nodes(&plan.nodes));
        self.reporter.report(&Progress::Waiting(&plan.waiting_for));
        carried.written.clone_from(&plan.nodes);
        carried.only_nodes = self.asks_nodes() && plan.nodes.iter().all(|view| view.phase >= Phase::Attached);
        if self.asks_nodes() {
            if carried.prober.members_changed(&plan.nodes) {
                carried.observed.probes.retain(|_, probe| *probe != Probe::Ready);
            }
            let answered = &carried.observed.probes;
            let ready = |instance: &str| matches!(answered.get(instance), Some(Probe::Ready | Probe::Failed(_)));
            carried.prober.ask(&plan.nodes, &ready, self.clock.now())?;
        } else if self.intent.goal == Goal::Running {
            carried.prober.write_hosts(&plan.nodes)?;
        }
        Ok(())
    }

    fn asks_nodes(&self) -> bool {
        self.intent.goal == Goal::Running && self.options.wait >= Wait::Ssh
    }

    /// Says what is launched for how much, before it is.
    fn announce_choice(&self, carried: &mut Carried, ranking: &Ranking, plan: &Plan) {
        let nodes = plan.nodes.iter().filter(|view| view.phase == Phase::Absent).count();
        let is_news = carried.chosen.is_none_or(|on_demand| ranking.on_demand() && !on_demand);
        if is_news && nodes > 0 {
            carried.chosen = Some(ranking.on_demand());
            self.reporter.report(&Progress::Chosen { ranking, nodes });
        }
    }

    fn is_late(&self, started: Instant) -> bool {
        self.options.timeout.is_some_and(|timeout| started.elapsed() >= timeout)
    }

    fn timed_out(&self, carried: &Carried) -> Ending {
        let nodes = carried.written.iter().filter(|view| !self.options.wait.is_met_by(view.phase));
        let of_nodes = nodes.filter_map(|view| Some(format!("node {}: {}", view.index, view.waiting_for.clone()?)));
        let waiting_for = of_nodes.chain(carried.mendable.iter().cloned()).collect();
        Ending::TimedOut { after: self.options.timeout.unwrap_or_default(), waiting_for }
    }

    /// Waits for the next look, an answer of a node, the deadline or the user, whichever comes first.
    async fn pause(&mut self, carried: &mut Carried, next_look: Instant, started: Instant) -> Result<(), EngineError> {
        let deadline = self.options.timeout.map(|timeout| started + timeout);
        let next_probe = carried.prober.next_due().map(|due| due.max(Instant::now() + GATHER));
        let until = [Some(next_look), next_probe, deadline].into_iter().flatten().min().unwrap_or(next_look);
        tokio::select! {
            _ = self.interrupt.wait() => return Ok(()),
            answers = carried.prober.answers() => {
                carried.observed.probes.extend(answers);
                gather(carried).await;
                return Ok(());
            }
            () = sleep_until(until) => {}
        }
        if Instant::now() >= next_look || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return self.look(carried).await;
        }
        // A node is due to be asked again; EC2 is not.
        Ok(())
    }

    fn end(&mut self, carried: &mut Carried, ending: &Ending, nodes: &[NodeView]) -> Result<(), EngineError> {
        let gone = matches!(self.intent.goal, Goal::Gone { .. }) && matches!(ending, Ending::Done);
        let mut events = vec![Event::Ended { outcome: ending.in_words() }];
        if gone {
            managed_config::remove_environment(&self.reach.ssh_dir, self.identity.env.as_str())?;
            events.push(Event::Closed { volumes: kept_volumes(&carried.observed) });
        } else if carried.seen {
            carried.prober.write_hosts(nodes)?;
        }
        for instance in carried.observed.instances.iter().filter(|it| !it.state.is_live()) {
            host_keys::forget_host_key(&self.reach.ssh_dir, &instance.id)?;
        }
        self.actor(&mut carried.record).write(events)?;
        Ok(())
    }
}

/// What EC2 did with a node while nobody looked.
fn notes_of_change(carried: &Carried, view: &NodeView) -> Vec<String> {
    let Some(instance) = &view.instance_id else { return Vec::new() };
    let mut notes = Vec::new();
    let record = &carried.record;
    let last = record.last_instance.get(&view.index).filter(|last| record.lived.contains(*last));
    // What a node that moves has left is there still.
    let is_there = |id: &str| carried.observed.instances.iter().any(|it| it.id == id && it.state.is_live());
    if let Some(last) = last.filter(|last| *last != instance && view.phase > Phase::Stopping && !is_there(last)) {
        notes.push(format!("node {}: {last} is gone; {instance} takes its place", view.index));
    }
    let request = carried.observed.requests.iter().find(|it| Some(&it.id) == view.request_id.as_ref());
    if let Some(request) = request.filter(|it| lifecycle::is_interrupted(it)) {
        notes.push(format!("node {}: {}", view.index, lifecycle::in_words(request)));
    }
    notes
}

/// What the loop does after a plan.
enum Decision {
    End(Ending),
    Again,
    Wait(Acted),
}

impl Carried {
    /// What EC2 said it made and may not show by its tags yet.
    fn ids(&self, thing: Thing) -> Vec<String> {
        self.record.known.iter().filter(|(_, known)| known.thing == thing).map(|(id, _)| id.clone()).collect()
    }

    /// When to look at EC2 again: at once after a call that succeeded, slowly after trouble. While only nodes answer,
    /// the time that was set after the last look stands.
    fn next_look(&mut self, succeeded: bool, trouble: bool) -> Instant {
        let now = Instant::now();
        let next = match self.next_look {
            _ if trouble => now + self.trouble.next_wait(),
            _ if succeeded => {
                self.trouble.restart();
                self.looks.restart();
                now
            }
            Some(set) => set,
            None if self.only_nodes => now + self.looks.next_wait().max(QUIET),
            None => now + self.looks.next_wait(),
        };
        self.next_look = Some(next);
        next
    }
}

/// The volumes that outlive the environment, by node.
fn kept_volumes(observed: &Observed) -> BTreeMap<u32, String> {
    let kept = observed.volumes.iter().filter(|it| it.state != VolumeState::Deleting);
    kept.filter_map(|it| Some((it.node_tag.as_deref()?.parse().ok()?, it.id.clone()))).collect()
}

/// Takes the answers that come in the next moment, too.
async fn gather(carried: &mut Carried) {
    let end = Instant::now() + GATHER;
    while let Ok(answers) = tokio::time::timeout_at(end, carried.prober.answers()).await {
        carried.observed.probes.extend(answers);
    }
}

/// An instance that was stopped and started must be asked anew.
fn forget_old_answers(observed: &mut Observed, before: &Observed) {
    let launched = |of: &Observed, id: &str| -> Option<Timestamp> {
        of.instances.iter().find(|it| it.id == id).and_then(|it| it.launched_at)
    };
    let mut probes = std::mem::take(&mut observed.probes);
    probes.retain(|id, _| launched(observed, id).is_some() && launched(observed, id) == launched(before, id));
    observed.probes = probes;
}

/// Whether a node is worth a line in the journal: what it is made of must be known to the next run.
fn is_news(before: &NodeView, now: &NodeView) -> bool {
    (before.phase, &before.instance_id, &before.request_id) != (now.phase, &now.instance_id, &now.request_id)
}

fn node_event(view: &NodeView) -> Event {
    Event::Node {
        node: view.index,
        phase: view.phase,
        text: view.waiting_for.clone().unwrap_or_default(),
        instance_id: view.instance_id.clone(),
        request_id: view.request_id.clone(),
        status: view.request_status.clone(),
        since: if view.phase >= Phase::Launching { view.launched_at } else { view.ended_at },
    }
}
