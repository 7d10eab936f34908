//! What there is and what may be done next, as this machine's own files tell it.

use jiff::Timestamp;
use serde::Serialize;

use super::tables::grid::{Column, render};
use super::text::{one_line, padded, width};
use super::time::relative;
use crate::domain::phase::Phase;

const COLUMNS: [Column; 5] = [
    Column::new("NAME"),
    Column::new("REGION").dropped(1),
    Column::new("NODES").right(),
    Column::new("LAST SEEN"),
    Column::new("EXPIRES").dropped(2),
];

/// The answer of `cloudtop` without a command; its JSON is this.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// The version of this form.
    pub format_version: u32,
    /// What the state knows.
    pub environments: Vec<Known>,
    /// What the configuration names and the state does not know.
    pub configured: Vec<String>,
    /// What the built-in simulator has, where it is not the one that is asked about.
    pub simulated: Vec<String>,
    /// What may be done next, the most useful first.
    pub next: Vec<Next>,
}

/// An environment.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// How many nodes it is to have.
    pub nodes: u32,
    /// The stage of its furthest node behind, when it was last seen.
    #[serde(rename = "last_known_phase")]
    pub phase: Option<Phase>,
    /// When that was.
    pub seen_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// A command that has not ended.
    pub unfinished: Option<String>,
}

/// A thing to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    /// The whole command line.
    pub command: String,
    /// Why.
    pub why: String,
}

/// The answer for people.
#[must_use]
pub fn text(overview: &Overview, now: Timestamp, columns: Option<usize>) -> String {
    let mut text = match overview.environments.as_slice() {
        [] => "There are no environments yet.".to_owned(),
        all => render(&COLUMNS, &all.iter().map(|it| row(it, now)).collect::<Vec<_>>(), columns),
    };
    text.push_str("\n\nNext:");
    let wide = overview.next.iter().map(|next| width(&next.command)).max().unwrap_or(0);
    for next in &overview.next {
        let line = format!("  {}  {}", padded(&next.command, wide), next.why);
        let fits = columns.is_none_or(|columns| width(&line) <= columns);
        text.push_str(&if fits { format!("\n{line}") } else { format!("\n  {}\n      {}", next.command, next.why) });
    }
    text
}

fn row(known: &Known, now: Timestamp) -> Vec<String> {
    let seen = match (known.phase, known.seen_at) {
        (Some(phase), Some(at)) => format!("{}, {}", phase.as_str(), relative(at, now)),
        _ => "not seen yet".to_owned(),
    };
    vec![
        one_line(&known.name),
        one_line(&known.region),
        known.nodes.to_string(),
        seen,
        known.expires_at.map(|then| relative(then, now)).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_has_the_reason_below_the_command() {
        let next = vec![Next { command: "cloudtop ssh dev".to_owned(), why: "it was ready".to_owned() }];
        let (environments, names) = (Vec::new(), Vec::new());
        let overview = Overview { format_version: 1, environments, configured: names.clone(), simulated: names, next };
        let now = Timestamp::UNIX_EPOCH;
        assert!(text(&overview, now, Some(80)).ends_with("Next:\n  cloudtop ssh dev  it was ready"));
        assert!(text(&overview, now, Some(20)).ends_with("Next:\n  cloudtop ssh dev\n      it was ready"));
    }
}
