//! What was done, for people and for scripts.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::text::{one_line, some_of, width};
use super::time::short;
use crate::domain::history::{History, Kind, Line, RunLog, Spent};
use crate::domain::money;

/// What is shown of one environment.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The environment's name.
    pub name: String,
    /// The runs to show, oldest first.
    pub runs: Vec<RunLog>,
    /// How many older ones are not shown.
    pub left_out: usize,
    /// What was spent in the time that is shown.
    pub spent: Spent,
}

impl Shown {
    /// The runs since a time, and of those at most `most`.
    #[must_use]
    pub fn new(name: String, history: &History, since: Option<Timestamp>, most: Option<usize>, now: Timestamp) -> Self {
        let last = |run: &RunLog| run.ended.as_ref().map(|(at, _)| *at).or(run.lines.last().map(|line| line.at));
        let is_new = |run: &&RunLog| since.is_none_or(|since| last(run).unwrap_or(run.began) >= since);
        let mut runs: Vec<RunLog> = history.runs.iter().filter(is_new).cloned().collect();
        runs.drain(..runs.len().saturating_sub(most.unwrap_or(usize::MAX)));
        let left_out = history.runs.len() - runs.len();
        Self { name, left_out, runs, spent: history.spent(since, now) }
    }
}

/// The answer of `cloudtop history`. Nothing is folded where there is no width. With `reasons`, why each call was sent.
#[must_use]
pub fn text(all: &[Shown], reasons: bool, width: Option<usize>) -> String {
    let mut lines = Vec::new();
    for shown in all {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let older = if shown.left_out == 0 { String::new() } else { format!(" ({} older not shown)", shown.left_out) };
        lines.push(format!("{}: {}{older}", shown.name, super::text::counted(shown.runs.len(), "run")));
        for run in &shown.runs {
            run_lines(&mut lines, run, reasons, width);
        }
        lines.extend(spent(&shown.name, &shown.spent).into_iter().flat_map(|line| folded(&line, "  ", width)));
    }
    lines.join("\n")
}

fn run_lines(lines: &mut Vec<String>, run: &RunLog, reasons: bool, width: Option<usize>) {
    let ending = match &run.ended {
        Some((at, outcome)) => {
            let took = Duration::try_from(at.duration_since(run.began)).unwrap_or_default();
            format!("{} after {}", one_line(outcome), short(took))
        }
        None => "no end was written down: it was killed, or goes on".to_owned(),
    };
    let began = run.began.strftime("%F %T UTC");
    lines.extend(folded(&format!("{began}  {}  -> {ending}", one_line(&run.command)), "    ", width));
    for line in &run.lines {
        lines.extend(folded(&format!("  {}  {}", line.at.strftime("%T"), words(line, reasons)), "            ", width));
    }
    if run.closed {
        lines.push("  nothing but volumes was left of it then".to_owned());
    }
}

fn words(line: &Line, reasons: bool) -> String {
    let text = one_line(&line.text);
    let why = line.reason.as_deref().map(one_line).unwrap_or_default();
    match line.kind {
        Kind::Done => {
            let made = if line.made.is_empty() { String::new() } else { format!(" -> {}", some_of(&line.made)) };
            let because = if reasons && !why.is_empty() { format!(" ({why})") } else { String::new() };
            format!("{text}{made}{because}")
        }
        Kind::Refused => format!("refused: {text}: {why}{}", code(line)),
        Kind::Lost => format!("no answer: {text}: {why}{}", code(line)),
        Kind::Settled | Kind::Node => text,
    }
}

fn code(line: &Line) -> String {
    line.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default()
}

/// What was spent, in words.
fn spent(name: &str, spent: &Spent) -> Vec<String> {
    if spent.hours <= 0.0 {
        return Vec::new();
    }
    let long = |hours: f64| short(Duration::from_secs_f64(hours * 3600.0));
    let priced = spent.hours - spent.unpriced_hours;
    let mut parts = Vec::new();
    if priced > 0.0 {
        let usd = if spent.usd < 0.01 { money::hourly(spent.usd) } else { money::amount(spent.usd) };
        parts.push(format!("about {usd} for {} of instances", long(priced)));
    }
    if spent.unpriced_hours > 0.0 {
        parts.push(format!("{} of instances at prices that the journal does not tell", long(spent.unpriced_hours)));
    }
    let mut text = format!(
        "cost: {} (an estimate: the price at the launch, while runs saw them running; without volumes; \
         `cloudtop cost {name} --all` counts each hour at its own price)",
        parts.join(", and ")
    );
    if spent.runs_on {
        text.push_str("; what was running when it was last seen is counted until now");
    }
    vec![text]
}

/// A line folded at blanks, its continuations indented. A word that is too long stays whole: ids are there to be copied.
fn folded(line: &str, indent: &str, columns: Option<usize>) -> Vec<String> {
    let Some(columns) = columns else { return vec![line.to_owned()] };
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in line.split_inclusive(' ') {
        if !current.trim().is_empty() && width(&current) + width(word.trim_end()) > columns {
            lines.push(current.trim_end().to_owned());
            current = indent.to_owned();
        }
        current.push_str(word);
    }
    lines.push(current.trim_end().to_owned());
    lines
}

/// The answer of `cloudtop history --json`.
#[derive(Debug, Serialize)]
pub struct Shape<'a> {
    format_version: u32,
    environments: Vec<EnvironmentShape<'a>>,
}

#[derive(Debug, Serialize)]
struct EnvironmentShape<'a> {
    name: &'a str,
    runs: Vec<RunShape<'a>>,
    runs_left_out: usize,
    /// An estimate of what instances have cost, USD.
    cost_estimate: f64,
    instance_hours: f64,
    unpriced_hours: f64,
    /// Whether something was running when it was last seen: it is counted until now.
    runs_on: bool,
}

#[derive(Debug, Serialize)]
struct RunShape<'a> {
    command: &'a str,
    began_at: Timestamp,
    /// Null where no end was written down.
    ended_at: Option<Timestamp>,
    outcome: Option<&'a str>,
    closed: bool,
    events: Vec<EventShape<'a>>,
}

#[derive(Debug, Serialize)]
struct EventShape<'a> {
    at: Timestamp,
    /// `done`, `refused`, `no-answer`, `settled` or `node`.
    kind: &'static str,
    text: &'a str,
    action: Option<&'a str>,
    made: &'a [String],
    reason: Option<&'a str>,
    code: Option<&'a str>,
}

impl<'a> From<&'a [Shown]> for Shape<'a> {
    fn from(all: &'a [Shown]) -> Self {
        Self { format_version: 1, environments: all.iter().map(EnvironmentShape::from).collect() }
    }
}

impl<'a> From<&'a Shown> for EnvironmentShape<'a> {
    fn from(shown: &'a Shown) -> Self {
        Self {
            name: &shown.name,
            runs: shown.runs.iter().map(RunShape::from).collect(),
            runs_left_out: shown.left_out,
            cost_estimate: shown.spent.usd,
            instance_hours: shown.spent.hours,
            unpriced_hours: shown.spent.unpriced_hours,
            runs_on: shown.spent.runs_on,
        }
    }
}

impl<'a> From<&'a RunLog> for RunShape<'a> {
    fn from(run: &'a RunLog) -> Self {
        Self {
            command: &run.command,
            began_at: run.began,
            ended_at: run.ended.as_ref().map(|(at, _)| *at),
            outcome: run.ended.as_ref().map(|(_, outcome)| outcome.as_str()),
            closed: run.closed,
            events: run.lines.iter().map(EventShape::from).collect(),
        }
    }
}

impl<'a> From<&'a Line> for EventShape<'a> {
    fn from(line: &'a Line) -> Self {
        Self {
            at: line.at,
            kind: line.kind.as_str(),
            text: &line.text,
            action: line.action,
            made: &line.made,
            reason: line.reason.as_deref(),
            code: line.code.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_folded_at_blanks_and_no_id_is_cut() {
        let line = "  12:00:00  attach vol-0123456789abcdef0 to i-0123456789abcdef0 as /dev/xvdj";
        let lines = folded(line, "            ", Some(50));
        assert_eq!(
            lines,
            ["  12:00:00  attach vol-0123456789abcdef0 to", "            i-0123456789abcdef0 as /dev/xvdj"]
        );
        assert_eq!(folded("0123456789", "  ", Some(4)), ["0123456789"]);
        assert_eq!(folded(line, "", None), [line]);
    }
}
