//! An environment's journal read as a log: what was run, what that did, and what it has cost.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::call::{Call, Made};
use super::failure::Failure;
use super::journal::{Entry, Event};
use super::phase::Phase;

/// Everything that was run for one environment, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The runs.
    pub runs: Vec<RunLog>,
    /// When nodes ran, as far as runs saw it.
    pub spans: Vec<Span>,
}

/// One run of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLog {
    /// When it began.
    pub began: Timestamp,
    /// The command as typed.
    pub command: String,
    /// What happened in it.
    pub lines: Vec<Line>,
    /// When and how it ended; `None`: it was broken off, or goes on still.
    pub ended: Option<(Timestamp, String)>,
    /// Whether nothing but volumes was left of the environment after it.
    pub closed: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: Kind,
    /// What, in words.
    pub text: String,
    /// EC2's action, where it was a call.
    pub action: Option<&'static str>,
    /// Ids of what a call has made.
    pub made: Vec<String>,
    /// Why a call was sent, or why it failed.
    pub reason: Option<String>,
    /// EC2's code, where a call failed.
    pub code: Option<String>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call took effect.
    Done,
    /// A call was refused, and did nothing.
    Refused,
    /// A call has no answer: it may have taken effect.
    Lost,
    /// What became of a call without an answer was found out.
    Settled,
    /// A node came into another phase.
    Node,
}

impl Kind {
    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Lost => "no-answer",
            Self::Settled => "settled",
            Self::Node => "node",
        }
    }
}

/// A time in which an instance ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The node.
    pub node: u32,
    /// The instance.
    pub instance_id: String,
    /// When it was first seen running.
    pub from: Timestamp,
    /// When it was seen running no more, or was ended by us. `None`: it was running when it was last seen.
    pub to: Option<Timestamp>,
    /// USD an hour when it was launched; `None` where the journal does not tell.
    pub price: Option<f64>,
}

/// What was spent on instances, as far as the journal tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// USD.
    pub usd: f64,
    /// Hours of instances, all nodes together.
    pub hours: f64,
    /// Hours of which the price is not known; they are in `hours`.
    pub unpriced_hours: f64,
    /// Whether something was running when it was last seen.
    pub runs_on: bool,
}

impl History {
    /// Reads a journal.
    #[must_use]
    pub fn read(entries: &[Entry]) -> Self {
        let mut reader = Reader::default();
        for entry in entries {
            reader.take(entry);
        }
        reader.finish()
    }

    /// What instances have cost between `since` and `now`: the price at the launch times the time in which they were
    /// seen running. An estimate: prices move, and what EC2 does while no command runs is seen late or not at all.
    #[must_use]
    pub fn spent(&self, since: Option<Timestamp>, now: Timestamp) -> Spent {
        let mut spent = Spent::default();
        for span in &self.spans {
            let from = since.map_or(span.from, |since| since.max(span.from));
            let length = span.to.unwrap_or(now).duration_since(from).max(SignedDuration::ZERO);
            let hours = length.as_secs_f64() / 3600.0;
            spent.hours += hours;
            match span.price {
                Some(price) => spent.usd += price * hours,
                None => spent.unpriced_hours += hours,
            }
            spent.runs_on |= span.to.is_none();
        }
        spent
    }
}

#[derive(Default)]
struct Reader {
    history: History,
    /// Calls that were written down and have no answer: when, the call, the reason.
    open: BTreeMap<Uuid, (Timestamp, Call, String)>,
    /// The price of each node's last launch.
    prices: BTreeMap<u32, f64>,
}

impl Reader {
    fn take(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.event {
            Event::Began { command } => {
                self.close_run();
                self.history.runs.push(RunLog::new(at, command));
            }
            Event::Intended { token, call, reason } => {
                if let Call::Launch(launch) | Call::RequestSpot(launch) = &**call {
                    self.prices.extend(launch.nodes.iter().map(|node| (*node, launch.price)));
                }
                self.open.insert(*token, (at, (**call).clone(), reason.clone()));
            }
            Event::Done { token, made } => self.answered(at, token, made),
            Event::Refused { token, failure } => self.failed(at, token, failure, Kind::Refused),
            Event::Lost { token, failure } => self.failed(at, token, failure, Kind::Lost),
            Event::Settled { token, how } => {
                let text = match self.open.remove(token) {
                    Some((_, call, _)) => format!("{call}: {how}"),
                    None => format!("a call without an answer: {how}"),
                };
                self.line(at, Kind::Settled, text);
            }
            Event::Node { node, phase, text, instance_id, .. } => {
                self.node(at, *node, *phase, instance_id.as_deref());
                let waits = if text.is_empty() { String::new() } else { format!(": {text}") };
                self.line(at, Kind::Node, format!("node {node} {}{waits}", phase.as_str()));
            }
            Event::Ended { outcome } => {
                let run = self.run(at);
                run.ended = Some((at, outcome.clone()));
                self.close_run();
            }
            Event::Moved { region } => {
                self.line(at, Kind::Node, format!("the environment is in {region} from here on"));
            }
            Event::Closed { .. } => {
                self.run(at).closed = true;
                self.stop_all(at);
            }
        }
    }

    fn finish(mut self) -> History {
        self.close_run();
        self.history
    }

    /// The run that goes on. A journal may begin in the middle of one.
    fn run(&mut self, at: Timestamp) -> &mut RunLog {
        if self.history.runs.is_empty() {
            self.history.runs.push(RunLog::new(at, "(not known)"));
        }
        let last = self.history.runs.len() - 1;
        &mut self.history.runs[last]
    }

    fn line(&mut self, at: Timestamp, kind: Kind, text: String) -> &mut Line {
        let line = Line { at, kind, text, action: None, made: Vec::new(), reason: None, code: None };
        let lines = &mut self.run(at).lines;
        lines.push(line);
        let last = lines.len() - 1;
        &mut lines[last]
    }

    fn answered(&mut self, at: Timestamp, token: &Uuid, made: &Made) {
        let Some((_, call, reason)) = self.open.remove(token) else { return };
        if let Call::Terminate { ids } | Call::Stop { ids, .. } = &call {
            self.stop(at, |span| ids.contains(&span.instance_id));
        }
        let line = self.line(at, Kind::Done, call.to_string());
        line.action = Some(call.action());
        let ids = made.instances.iter().chain(&made.requests).chain(&made.volume).chain(&made.interface);
        line.made = ids.chain(&made.group).cloned().collect();
        line.reason = Some(reason);
    }

    fn failed(&mut self, at: Timestamp, token: &Uuid, failure: &Failure, kind: Kind) {
        // A call whose answer was lost may still be settled, or answered when it is repeated.
        let call = match kind {
            Kind::Lost => self.open.get(token).map(|(_, call, _)| call.clone()),
            _ => self.open.remove(token).map(|(_, call, _)| call),
        };
        let text = call.as_ref().map_or_else(|| failure.action.clone(), Call::to_string);
        let line = self.line(at, kind, text);
        line.action = call.as_ref().map(Call::action);
        line.reason = Some(failure.message.clone());
        line.code = Some(failure.code.clone());
    }

    /// What a run that ended without an answer leaves open.
    fn close_run(&mut self) {
        if self.history.runs.last().is_some_and(|run| run.ended.is_some()) {
            return;
        }
        let left: Vec<(Timestamp, Call)> = self.open.values().map(|(at, call, _)| (*at, call.clone())).collect();
        for (at, call) in left {
            let told = self
                .history
                .runs
                .last()
                .is_some_and(|run| run.lines.iter().any(|it| it.kind == Kind::Lost && it.text == call.to_string()));
            if !told {
                let line = self.line(at, Kind::Lost, call.to_string());
                line.action = Some(call.action());
                line.reason = Some("the run was broken off before its answer was written down".to_owned());
            }
        }
    }

    fn node(&mut self, at: Timestamp, node: u32, phase: Phase, instance_id: Option<&str>) {
        let Some(id) = instance_id.filter(|_| phase.bills()) else {
            self.stop(at, |span| span.node == node);
            return;
        };
        self.stop(at, |span| span.node == node && span.instance_id != id);
        let runs = self.history.spans.iter().any(|span| span.to.is_none() && span.instance_id == id);
        if !runs {
            let price = self.prices.get(&node).copied();
            self.history.spans.push(Span { node, instance_id: id.to_owned(), from: at, to: None, price });
        }
    }

    fn stop_all(&mut self, at: Timestamp) {
        self.stop(at, |_| true);
        self.prices.clear();
    }

    fn stop(&mut self, at: Timestamp, which: impl Fn(&Span) -> bool) {
        for span in self.history.spans.iter_mut().filter(|span| span.to.is_none() && which(span)) {
            span.to = Some(at);
        }
    }
}

impl RunLog {
    fn new(began: Timestamp, command: &str) -> Self {
        Self { began, command: command.to_owned(), lines: Vec::new(), ended: None, closed: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::Class;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    fn entry(second: i64, event: Event) -> Entry {
        Entry { at: at(second), event }
    }

    fn began(second: i64, command: &str) -> Entry {
        entry(second, Event::Began { command: command.to_owned() })
    }

    fn node(second: i64, phase: Phase, instance: Option<&str>) -> Entry {
        let instance_id = instance.map(str::to_owned);
        entry(
            second,
            Event::Node {
                node: 0,
                phase,
                text: String::new(),
                instance_id,
                request_id: None,
                status: None,
                since: None,
            },
        )
    }

    fn intended(second: i64, call: Call) -> Entry {
        entry(second, Event::Intended { token: Uuid::nil(), call: Box::new(call), reason: "because".to_owned() })
    }

    fn terminate() -> Call {
        Call::Terminate { ids: vec!["i-1".to_owned()] }
    }

    #[test]
    fn a_call_is_told_with_what_came_of_it() {
        let failure = Failure {
            action: "TerminateInstances".to_owned(),
            code: "Odd".to_owned(),
            message: "no".to_owned(),
            class: Class::Unknown,
        };
        let history = History::read(&[
            began(0, "down dev"),
            intended(1, terminate()),
            entry(2, Event::Refused { token: Uuid::nil(), failure }),
            intended(3, terminate()),
            entry(4, Event::Done { token: Uuid::nil(), made: Made::default() }),
            entry(5, Event::Ended { outcome: "done".to_owned() }),
        ]);
        let run = &history.runs[0];
        let told: Vec<(Kind, &str)> = run.lines.iter().map(|line| (line.kind, line.text.as_str())).collect();
        assert_eq!(told, [(Kind::Refused, "terminate i-1"), (Kind::Done, "terminate i-1")]);
        assert_eq!((run.lines[0].code.as_deref(), run.lines[1].reason.as_deref()), (Some("Odd"), Some("because")));
        assert_eq!(run.ended, Some((at(5), "done".to_owned())));
    }

    #[test]
    fn a_call_of_a_run_that_was_killed_is_told_as_unanswered() {
        let history = History::read(&[began(0, "down dev"), intended(1, terminate()), began(9, "down dev")]);
        assert_eq!((history.runs[0].lines[0].kind, &history.runs[0].ended), (Kind::Lost, &None));
        let torn = History::read(&[intended(1, terminate())]);
        assert_eq!((torn.runs.len(), torn.runs[0].lines.len()), (1, 1), "a journal may begin anywhere");
    }

    #[test]
    fn only_the_time_in_which_a_node_ran_is_counted() {
        let mut history = History::read(&[
            began(0, "up dev"),
            node(0, Phase::Launching, Some("i-1")),
            node(3600, Phase::Running, Some("i-1")),
            node(3700, Phase::Ready, Some("i-1")),
            node(7200, Phase::Interrupted, Some("i-1")),
            node(9000, Phase::Ready, Some("i-1")),
            intended(10_700, terminate()),
            entry(10_800, Event::Done { token: Uuid::nil(), made: Made::default() }),
        ]);
        assert_eq!(history.spent(None, at(1_000_000)).hours, 1.5);
        assert_eq!(history.spent(None, at(1_000_000)).unpriced_hours, 1.5, "no launch tells the price");
        for span in &mut history.spans {
            span.price = Some(2.0);
        }
        let spent = history.spent(Some(at(5400)), at(1_000_000));
        assert_eq!((spent.usd, spent.runs_on), (2.0, false));
    }

    #[test]
    fn what_ran_when_it_was_last_seen_is_counted_until_now() {
        let history = History::read(&[began(0, "up dev"), node(0, Phase::Ready, Some("i-1"))]);
        let spent = history.spent(None, at(7200));
        assert_eq!((spent.hours, spent.runs_on), (2.0, true));
        let replaced = History::read(&[
            node(0, Phase::Ready, Some("i-1")),
            node(3600, Phase::Ready, Some("i-2")),
            entry(7200, Event::Closed { volumes: Default::default() }),
        ]);
        assert_eq!(replaced.spent(None, at(9000)).hours, 2.0, "one node is one instance");
    }
}
