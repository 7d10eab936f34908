//! How all nodes stand, as lines: what changed since the last look, and a picture that fits the screen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dialoguer::console::truncate_str;

use super::text::{one_line, padded, width};
use super::time::short;
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;

/// More nodes than this are counted rather than told one by one where lines cannot be drawn over.
const TOLD_SINGLY: usize = 10;

/// The most nodes that are shown by themselves beside the counts.
const LAGGARDS: usize = 8;

/// All nodes of one environment.
#[derive(Debug)]
pub(super) struct Board {
    name: String,
    rows: BTreeMap<u32, Row>,
    waiting: Vec<String>,
    counts: String,
}

/// A node.
#[derive(Debug)]
struct Row {
    phase: Phase,
    /// EC2's status code, where it says more than the phase.
    status: Option<String>,
    waiting_for: Option<String>,
    /// Since when it is in this phase.
    since: Instant,
}

impl Row {
    fn is_same_as(&self, other: &Self) -> bool {
        self.phase == other.phase && self.waiting_for == other.waiting_for
    }

    fn words(&self) -> String {
        match &self.waiting_for {
            Some(words) => format!("{}: {words}", stage(self.phase)),
            None => stage(self.phase).to_owned(),
        }
    }
}

impl Board {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), rows: BTreeMap::new(), waiting: Vec::new(), counts: String::new() }
    }

    /// Takes a look at all nodes; gives a line for each that changed, or one with the counts where nodes are many.
    pub(super) fn look(&mut self, nodes: &[NodeView], now: Instant) -> Vec<String> {
        let mut before = std::mem::take(&mut self.rows);
        let mut changed = Vec::new();
        for node in nodes {
            let old = before.remove(&node.index);
            let since = old.as_ref().filter(|old| old.phase == node.phase).map_or(now, |old| old.since);
            let row = Row {
                phase: node.phase,
                status: node.request_status.clone().filter(|_| says_more(node.phase)),
                waiting_for: node.waiting_for.as_deref().map(one_line),
                since,
            };
            if !old.is_some_and(|old| old.is_same_as(&row)) {
                changed.push(node.index);
            }
            self.rows.insert(node.index, row);
        }
        let counts = self.counted();
        let before = std::mem::replace(&mut self.counts, counts);
        if nodes.len() <= TOLD_SINGLY {
            let row = |index| self.rows.get(&index).map(|row| format!("{}: {}", self.label(index), row.words()));
            changed.into_iter().filter_map(row).collect()
        } else if before != self.counts {
            vec![format!("{}: {}", self.name, self.summary())]
        } else {
            Vec::new()
        }
    }

    /// Takes what is waited for beyond single nodes; gives the lines that are new.
    pub(super) fn wait(&mut self, waiting: &[String]) -> Vec<String> {
        let waiting: Vec<String> = waiting.iter().map(|words| one_line(words)).collect();
        let new = waiting.iter().filter(|words| !self.waiting.contains(words));
        let lines = new.map(|words| format!("{}: waiting for {words}", self.name)).collect();
        self.waiting = waiting;
        lines
    }

    /// The picture: one line a node, or the counts and the nodes that are furthest behind where there is no room.
    pub(super) fn picture(&self, now: Instant, rows: usize, columns: usize) -> String {
        // One line for what is waited for beyond nodes, one for the cursor.
        let room = rows.saturating_sub(2).max(1);
        let mut lines = Vec::new();
        if self.rows.len() <= room {
            lines.extend(self.node_lines(self.rows.iter(), now));
        } else {
            lines.push(format!("{}: {}", self.name, self.summary()));
            let mut behind: Vec<_> = self.rows.iter().filter(|(_, row)| row.waiting_for.is_some()).collect();
            behind.sort_by_key(|(_, row)| row.phase);
            lines.extend(self.node_lines(behind.into_iter().take(LAGGARDS.min(room - 1)), now));
        }
        if !self.waiting.is_empty() {
            lines.push(format!("{}: waiting for {}", self.name, self.waiting.join(", ")));
        }
        let lines: Vec<String> = lines.iter().map(|line| truncate_str(line, columns, "...").into_owned()).collect();
        lines.join("\n")
    }

    fn node_lines<'a>(&self, rows: impl Iterator<Item = (&'a u32, &'a Row)>, now: Instant) -> Vec<String> {
        let rows: Vec<(String, &Row, String)> = rows
            .map(|(&index, row)| (self.label(index), row, short(now.saturating_duration_since(row.since))))
            .collect();
        let widest = |of: fn(&(String, &Row, String)) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let (labels, stages) = (widest(|row| width(&row.0)), widest(|row| width(stage(row.1.phase))));
        let spans = widest(|row| width(&row.2));
        rows.iter()
            .map(|(label, row, span)| {
                let (label, stage) = (padded(label, labels), padded(stage(row.phase), stages));
                let words = row.waiting_for.as_deref().unwrap_or_default();
                format!("{label}  {stage}  {span:>spans$}  {words}").trim_end().to_owned()
            })
            .collect()
    }

    /// `core/3`; a single node goes by the environment's name, as for `ssh`.
    fn label(&self, index: u32) -> String {
        if self.rows.len() == 1 { self.name.clone() } else { format!("{}/{index}", self.name) }
    }

    /// How many nodes are in each stage, the furthest first: `991 ready, 7 launching, 2 requested (price-too-low)`.
    fn counted(&self) -> String {
        let mut groups: BTreeMap<(Phase, Option<&str>), usize> = BTreeMap::new();
        for row in self.rows.values() {
            *groups.entry((row.phase, row.status.as_deref())).or_default() += 1;
        }
        let words = groups.iter().rev().map(|((phase, status), count)| match status {
            Some(status) => format!("{count} {} ({status})", stage(*phase)),
            None => format!("{count} {}", stage(*phase)),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// The counts, and what one of the nodes furthest behind waits for.
    fn summary(&self) -> String {
        let waiting = self.rows.values().filter(|row| row.waiting_for.is_some());
        match waiting.min_by_key(|row| row.phase).and_then(|row| row.waiting_for.as_ref()) {
            Some(words) => format!("{}: {words}", self.counts),
            None => self.counts.clone(),
        }
    }
}

/// How often the picture is drawn anew: its spans count seconds.
pub(super) const REDRAW: Duration = Duration::from_secs(1);

/// Whether EC2's status of the request tells why the node is not further.
fn says_more(phase: Phase) -> bool {
    matches!(phase, Phase::Requested | Phase::Interrupted)
}

/// A phase as what is happening in it.
fn stage(phase: Phase) -> &'static str {
    match phase {
        Phase::Absent => "not launched",
        Phase::Running => "running",
        Phase::Attached => "waiting for ssh",
        Phase::Reachable => "waiting for first boot",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::bare;
    use super::*;

    /// A thousand nodes: `ready` ready, `booting` booting, the rest asked for.
    fn thousand(ready: u32, booting: u32) -> Vec<NodeView> {
        (0..1000)
            .map(|index| match index {
                _ if index < ready => bare(index, Phase::Ready, None),
                _ if index < ready + booting => bare(index, Phase::Reachable, Some("cloud-init: running")),
                _ => {
                    let mut node = bare(index, Phase::Requested, Some("EC2 is looking at the request"));
                    node.request_status = Some("pending-evaluation".to_owned());
                    node
                }
            })
            .collect()
    }

    #[test]
    fn a_node_is_told_of_when_its_stage_or_its_reason_changes() {
        let (mut board, now) = (Board::new("dev"), Instant::now());
        let mut look = |phase, words| board.look(&[bare(0, phase, words)], now);
        assert_eq!(look(Phase::Absent, Some("a launch")), ["dev: not launched: a launch"]);
        assert_eq!(look(Phase::Launching, Some("EC2 is starting i-1")), ["dev: launching: EC2 is starting i-1"]);
        assert!(look(Phase::Launching, Some("EC2 is starting i-1")).is_empty());
        assert_eq!(look(Phase::Running, Some("vol-1 to be attached")), ["dev: running: vol-1 to be attached"]);
        assert_eq!(look(Phase::Attached, Some("refused")), ["dev: waiting for ssh: refused"]);
        assert_eq!(look(Phase::Attached, Some("timed\nout")), ["dev: waiting for ssh: timed out"]);
        assert_eq!(look(Phase::Reachable, None), ["dev: waiting for first boot"]);
        assert_eq!(look(Phase::Ready, None), ["dev: ready"]);
        assert!(look(Phase::Ready, None).is_empty());
    }

    #[test]
    fn nodes_of_a_cluster_go_by_their_index() {
        let (mut board, now) = (Board::new("core"), Instant::now());
        let nodes = [bare(0, Phase::Ready, None), bare(1, Phase::Launching, None)];
        assert_eq!(board.look(&nodes, now), ["core/0: ready", "core/1: launching"]);
    }

    #[test]
    fn a_thousand_nodes_are_one_line_a_change_of_the_counts() {
        let (mut board, now) = (Board::new("big"), Instant::now());
        let first = board.look(&thousand(0, 0), now);
        assert_eq!(first, ["big: 1000 requested (pending-evaluation): EC2 is looking at the request"]);
        assert!(board.look(&thousand(0, 0), now).is_empty());
        let later = board.look(&thousand(991, 7), now);
        assert_eq!(
            later,
            [
                "big: 991 ready, 7 waiting for first boot, 2 requested (pending-evaluation): EC2 is looking at the request"
            ]
        );
        assert_eq!(board.look(&thousand(1000, 0), now), ["big: 1000 ready"]);
    }

    #[test]
    fn the_picture_has_a_line_a_node_with_the_time_in_its_stage() {
        let (mut board, start) = (Board::new("core"), Instant::now());
        let mut nodes = [bare(0, Phase::Launching, Some("EC2 is starting i-1")), bare(1, Phase::Attached, None)];
        board.look(&nodes, start);
        nodes[1].phase = Phase::Ready;
        board.look(&nodes, start + Duration::from_secs(60));
        board.wait(&["sg-1 to be free".to_owned()]);
        assert_eq!(
            board.picture(start + Duration::from_secs(72), 24, 80),
            "core/0  launching  1m 12s  EC2 is starting i-1\n\
             core/1  ready         12s\n\
             core: waiting for sg-1 to be free"
        );
    }

    #[test]
    fn the_picture_never_outgrows_the_screen() {
        let (mut board, now) = (Board::new("big"), Instant::now());
        board.look(&thousand(600, 300), now);
        board.wait(&["something".to_owned()]);
        for (rows, columns) in [(24, 80), (5, 40), (3, 20), (1, 10)] {
            let picture = board.picture(now, rows, columns);
            assert!(picture.lines().count() < rows.max(3), "{rows} rows: {picture}");
            assert!(picture.lines().all(|line| width(line) <= columns), "{columns} columns: {picture}");
        }
        assert_eq!(
            board.picture(now, 5, 60),
            "big: 600 ready, 300 waiting for first boot, 100 requested...\n\
             big/900  requested  0s  EC2 is looking at the request\n\
             big/901  requested  0s  EC2 is looking at the request\n\
             big: waiting for something"
        );
    }

    #[test]
    fn what_is_waited_for_is_told_once() {
        let mut board = Board::new("dev");
        let wait = ["sg-1 to be free".to_owned()];
        assert_eq!(board.wait(&wait), ["dev: waiting for sg-1 to be free"]);
        assert!(board.wait(&wait).is_empty());
        assert!(board.wait(&[]).is_empty());
        assert_eq!(board.wait(&wait), ["dev: waiting for sg-1 to be free"]);
    }
}
