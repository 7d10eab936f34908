//! How all nodes stand, as lines: what changed since the last look, and a picture that fits the screen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::beacon::Sign;
use super::canvas::Size;
use super::fold::{self, Row};
use super::text::{one_line, padded, width};
use super::time::short;
use crate::domain::pace::{Origin, Pace};
use crate::domain::plan::NodeView;

/// More nodes than this are counted rather than told one by one where lines cannot be drawn over.
const TOLD_SINGLY: usize = 10;
/// The most nodes that are shown by themselves beside the counts.
const LAGGARDS: usize = 8;
/// How long counts that change are kept back where lines cannot be drawn over: a thousand nodes change at every look.
const COUNTED_EVERY: Duration = Duration::from_secs(2);
/// Below so many columns stages have shorter words, and there is no room for what is waited for.
const NARROW: usize = 60;

/// All nodes of one environment.
#[derive(Debug)]
pub(super) struct Board {
    name: String,
    pace: Pace,
    rows: BTreeMap<u32, Row>,
    waiting: Vec<String>,
    counts: String,
    /// The counts that were told last, and when.
    told: Option<(String, Instant)>,
    /// Whether EC2 has refused something since nodes last came forward.
    refused: bool,
}

/// What a look has brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// The nodes that are not as they were, by index.
    pub changed: Vec<u32>,
    /// A line for each of them, or one with the counts where nodes are many.
    pub lines: Vec<String>,
    /// Whether there are other numbers of nodes in the stages than before.
    pub recounted: bool,
}

impl Board {
    pub(super) fn new(name: &str, pace: Pace) -> Self {
        Self {
            name: name.to_owned(),
            pace,
            rows: BTreeMap::new(),
            waiting: Vec::new(),
            counts: String::new(),
            told: None,
            refused: false,
        }
    }

    /// Takes a look at all nodes.
    pub(super) fn look(&mut self, nodes: &[NodeView], now: Instant) -> Look {
        let mut before = std::mem::take(&mut self.rows);
        let mut changed = Vec::new();
        for node in nodes {
            let old = before.remove(&node.index);
            let kept = old.as_ref().filter(|old| old.phase == node.phase);
            let row = Row {
                phase: node.phase,
                group: fold::group(node),
                attention: fold::attention(node),
                waiting_for: node.waiting_for.as_deref().map(one_line),
                since: kept.map_or(now, |old| old.since),
                origin: match &old {
                    // Where it was at its goal, another way begins.
                    Some(old) if !self.pace.is_there(old.phase) => old.origin,
                    _ => Origin::of(node.phase),
                },
            };
            if !old.is_some_and(|old| old.is_same_as(&row)) {
                changed.push(node.index);
            }
            self.rows.insert(node.index, row);
        }
        let counts = fold::counts(self.rows.values());
        let recounted = std::mem::replace(&mut self.counts, counts) != self.counts;
        self.refused &= !recounted;
        let lines = if nodes.len() <= TOLD_SINGLY {
            let row = |index: &u32| self.rows.get(index).map(|row| format!("{}: {}", self.label(*index), row.words()));
            changed.iter().filter_map(row).collect()
        } else {
            self.counts_to_tell(now)
        };
        Look { changed, lines, recounted }
    }

    /// A line with the counts, where they are others than those told last, and that was not a moment ago.
    fn counts_to_tell(&mut self, now: Instant) -> Vec<String> {
        let is_time = |at: &Instant| now.saturating_duration_since(*at) >= COUNTED_EVERY || self.all_there();
        match &self.told {
            Some((told, at)) if *told == self.counts || !is_time(at) => Vec::new(),
            _ => {
                self.told = Some((self.counts.clone(), now));
                vec![format!("{}: {}", self.name, self.summary(now))]
            }
        }
    }

    /// The line with the counts that was kept back, if there is one: nothing comes after it.
    pub(super) fn kept_back(&mut self, now: Instant) -> Option<String> {
        let (told, at) = self.told.as_mut()?;
        *at = now.checked_sub(COUNTED_EVERY).filter(|_| *told != self.counts)?;
        self.counts_to_tell(now).pop()
    }

    /// Takes what is waited for beyond single nodes; gives what is new of it, and `None` where all is as it was.
    pub(super) fn wait(&mut self, waiting: &[String]) -> Option<Vec<String>> {
        let waiting: Vec<String> = waiting.iter().map(|words| one_line(words)).collect();
        let before = std::mem::replace(&mut self.waiting, waiting);
        let new = || self.waiting.iter().filter(|words| !before.contains(words)).cloned().collect();
        (before != self.waiting).then(new)
    }

    /// EC2 has refused something that does not pass by itself.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// The picture: one line a node, or the counts and the nodes that need attention where there is no room.
    pub(super) fn picture(&self, now: Instant, size: Size, coloured: bool) -> Vec<String> {
        // One line for what is waited for beyond nodes, one for the cursor.
        let room = size.rows.saturating_sub(2).max(1);
        let mut lines = Vec::new();
        if self.rows.len() <= room {
            lines.extend(self.node_lines(self.rows.iter().collect(), now, size.columns, coloured));
        } else {
            // Where there is little room, the counts are all that is told before the nodes themselves.
            let summary = if size.columns < NARROW { self.counted(now) } else { self.summary(now) };
            lines.push(format!("{}: {summary}", self.name));
            let shown = fold::foremost(&self.rows, &self.pace, LAGGARDS.min(room - 1));
            lines.extend(self.node_lines(shown, now, size.columns, coloured));
        }
        if !self.waiting.is_empty() {
            lines.push(format!("{}: waiting for {}", self.name, self.waiting.join(", ")));
        }
        lines
    }

    fn node_lines(&self, rows: Vec<(&u32, &Row)>, now: Instant, columns: usize, coloured: bool) -> Vec<String> {
        let narrow = columns < NARROW;
        let cells: Vec<[String; 4]> = rows
            .iter()
            .map(|(index, row)| {
                let stage = if narrow { fold::short_stage(row.phase) } else { fold::stage(row.phase) };
                let left = row.left(&self.pace, now).map(fold::about).unwrap_or_default();
                [self.label(**index), stage.to_owned(), short(row.elapsed(now)), left]
            })
            .collect();
        let widest =
            |column: usize| cells.iter().filter_map(|row| row.get(column)).map(|it| width(it)).max().unwrap_or(0);
        let widths = [widest(0), widest(1), widest(2), widest(3)];
        let line = |([label, stage, span, left], (_, row)): (&[String; 4], &(&u32, &Row))| {
            let [labels, stages, spans, lefts] = widths;
            let stage = fold::coloured(&padded(stage, stages), row, coloured);
            let mut line = format!("{}  {stage}  {span:>spans$}", padded(label, labels));
            if lefts > 0 {
                line.push_str(&format!("  {}", padded(left, lefts)));
            }
            format!("{line}  {}", row.waiting_for.as_deref().unwrap_or_default()).trim_end().to_owned()
        };
        cells.iter().zip(&rows).map(line).collect()
    }

    /// What the window's title and the taskbar say: `cloudtop: dev 2/3 ready`.
    pub(super) fn sign(&self) -> Sign {
        let (there, all) = (self.there(), self.rows.len());
        let title = match all {
            0 => format!("cloudtop: {}", self.name),
            _ => format!("cloudtop: {} {there}/{all} {}", self.name, self.pace.target().as_str()),
        };
        Sign { title, bar: fold::bar(self.rows.values(), &self.pace, self.refused) }
    }

    /// How many nodes are where they should be.
    pub(super) fn there(&self) -> usize {
        self.rows.values().filter(|row| self.pace.is_there(row.phase)).count()
    }

    fn all_there(&self) -> bool {
        self.there() == self.rows.len()
    }

    /// How many nodes are in each phase.
    pub(super) fn phases(&self) -> BTreeMap<&'static str, usize> {
        let mut phases = BTreeMap::new();
        for row in self.rows.values() {
            *phases.entry(row.phase.as_str()).or_default() += 1;
        }
        phases
    }

    /// How long it will usually take until all nodes are where they should be.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        fold::left(self.rows.values(), &self.pace, now)
    }

    /// How long one node will usually take.
    pub(super) fn left_of(&self, index: u32, now: Instant) -> Option<Duration> {
        self.rows.get(&index)?.left(&self.pace, now)
    }

    /// `core/3`; a single node goes by the environment's name, as for `ssh`.
    fn label(&self, index: u32) -> String {
        if self.rows.len() == 1 { self.name.clone() } else { format!("{}/{index}", self.name) }
    }

    /// The counts, and the time left where it is known.
    fn counted(&self, now: Instant) -> String {
        let left = self.left(now).map(|left| format!("; {}", fold::about(left))).unwrap_or_default();
        format!("{}{left}", self.counts)
    }

    /// The same, and what the node waits for that needs attention most.
    fn summary(&self, now: Instant) -> String {
        let first = fold::foremost(&self.rows, &self.pace, 1);
        match first.first().and_then(|(_, row)| row.waiting_for.as_ref()) {
            Some(words) => format!("{}: {words}", self.counted(now)),
            None => self.counted(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::bare;
    use super::super::text::clipped;
    use super::*;
    use crate::domain::phase::Phase;

    fn board(name: &str) -> Board {
        Board::new(name, Pace::unknown(Phase::Ready))
    }

    /// A thousand nodes: `ready` ready, `booting` booting, the rest held back for want of capacity.
    fn thousand(ready: u32, booting: u32) -> Vec<NodeView> {
        (0..1000)
            .map(|index| match index {
                _ if index < ready => bare(index, Phase::Ready, None),
                _ if index < ready + booting => bare(index, Phase::Reachable, Some("cloud-init: running")),
                _ => {
                    let mut node = bare(index, Phase::Requested, Some("EC2 has no spot capacity there now"));
                    node.request_status = Some("capacity-not-available".to_owned());
                    node.zone = Some("us-west-2b".to_owned());
                    node
                }
            })
            .collect()
    }

    #[test]
    fn a_node_is_told_of_when_its_stage_or_its_reason_changes() {
        let (mut board, now) = (board("dev"), Instant::now());
        let mut look = |phase, words| board.look(&[bare(0, phase, words)], now).lines;
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
        let (mut board, now) = (board("core"), Instant::now());
        let nodes = [bare(0, Phase::Ready, None), bare(1, Phase::Launching, None)];
        assert_eq!(board.look(&nodes, now).lines, ["core/0: ready", "core/1: launching"]);
    }

    #[test]
    fn a_thousand_nodes_are_one_line_a_change_of_the_counts_and_not_at_every_look() {
        let (mut board, start) = (board("big"), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let waiting = "waiting for capacity in us-west-2b: EC2 has no spot capacity there now";
        assert_eq!(board.look(&thousand(0, 0), start).lines, [format!("big: 1000 {waiting}")]);
        assert!(board.look(&thousand(0, 0), after(60)).lines.is_empty());
        assert_eq!(board.look(&thousand(0, 7), after(61)).lines, [format!("big: 7 booting, 993 {waiting}")]);
        let silent = board.look(&thousand(5, 7), after(62));
        assert_eq!((silent.lines.len(), silent.recounted, silent.changed.len()), (0, true, 10));
        let later = board.look(&thousand(991, 7), after(63));
        assert_eq!(later.lines, [format!("big: 991 ready, 7 booting, 2 {waiting}")]);
        assert_eq!(board.look(&thousand(1000, 0), after(63)).lines, ["big: 1000 ready"], "the last is never kept back");
        assert_eq!(board.kept_back(after(63)), None);
    }

    #[test]
    fn counts_that_were_kept_back_are_told_in_the_end() {
        let (mut board, now) = (board("big"), Instant::now());
        board.look(&thousand(0, 1000), now);
        board.look(&thousand(400, 600), now);
        assert_eq!(board.kept_back(now).as_deref(), Some("big: 400 ready, 600 booting: cloud-init: running"));
        assert_eq!(board.kept_back(now), None);
    }

    #[test]
    fn the_picture_has_a_line_a_node_with_the_time_in_its_stage() {
        let (mut board, start) = (board("core"), Instant::now());
        let mut nodes = [bare(0, Phase::Launching, Some("EC2 is starting i-1")), bare(1, Phase::Attached, None)];
        board.look(&nodes, start);
        nodes[1].phase = Phase::Ready;
        board.look(&nodes, start + Duration::from_secs(60));
        board.wait(&["sg-1 to be free".to_owned()]);
        let picture =
            |columns| board.picture(start + Duration::from_secs(72), Size { rows: 24, columns }, false).join("\n");
        assert_eq!(
            picture(80),
            "core/0  launching  1m 12s  EC2 is starting i-1\n\
             core/1  ready         12s\n\
             core: waiting for sg-1 to be free"
        );
    }

    #[test]
    fn the_time_left_is_told_where_earlier_runs_tell_it() {
        let mut board = Board::new("core", fold::samples::pace());
        let start = Instant::now();
        let nodes = [
            bare(0, Phase::Launching, Some("EC2 is starting i-1")),
            bare(1, Phase::Attached, Some("refused")),
            bare(2, Phase::Ready, None),
        ];
        board.look(&[bare(0, Phase::Absent, None), bare(1, Phase::Absent, None), bare(2, Phase::Absent, None)], start);
        board.look(&nodes, start);
        let picture = |seconds| {
            let now = start + Duration::from_secs(seconds);
            board.picture(now, Size { rows: 24, columns: 80 }, false).join("\n")
        };
        assert_eq!(
            picture(3),
            "core/0  launching        3s  about 50s left  EC2 is starting i-1\n\
             core/1  waiting for ssh  3s  about 40s left  refused\n\
             core/2  ready            3s"
        );
        assert_eq!(
            picture(100),
            "core/0  launching        1m 40s  about 40s left  EC2 is starting i-1\n\
             core/1  waiting for ssh  1m 40s                  refused\n\
             core/2  ready            1m 40s"
        );
        assert_eq!(board.left(start + Duration::from_secs(100)), None, "of one node nothing is known any more");
    }

    #[test]
    fn the_picture_never_outgrows_the_screen() {
        let (mut board, now) = (board("big"), Instant::now());
        board.look(&thousand(600, 300), now);
        board.wait(&["something".to_owned()]);
        for (rows, columns) in [(24, 80), (5, 40), (3, 20), (1, 10)] {
            let picture = board.picture(now, Size { rows, columns }, true);
            assert!(picture.len() < rows.max(3), "{rows} rows: {picture:?}");
        }
        let picture = board.picture(now, Size { rows: 5, columns: 80 }, false);
        assert_eq!(
            picture.iter().map(|line| clipped(line, 60)).collect::<Vec<_>>(),
            [
                "big: 600 ready, 300 booting, 100 waiting for capacity in ...",
                "big/900  requested  0s  EC2 has no spot capacity there now",
                "big/901  requested  0s  EC2 has no spot capacity there now",
                "big: waiting for something",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_has_short_words() {
        let (mut board, now) = (board("core"), Instant::now());
        board.look(&[bare(0, Phase::Attached, Some("refused")), bare(11, Phase::Reachable, None)], now);
        let picture = board.picture(now, Size { rows: 24, columns: 40 }, false);
        assert_eq!(picture, ["core/0   booting     0s  refused", "core/11  first boot  0s"]);
    }

    #[test]
    fn colour_is_in_the_picture_only_where_it_is_wanted() {
        let (mut board, now) = (board("core"), Instant::now());
        board.look(&[bare(0, Phase::Ready, None), bare(1, Phase::Interrupted, Some("it was taken"))], now);
        let picture = |coloured| board.picture(now, Size { rows: 24, columns: 80 }, coloured).join("\n");
        assert!(picture(true).contains("\u{1b}[32mready") && !picture(false).contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&picture(true)).to_string(), picture(false));
    }

    #[test]
    fn the_title_counts_what_is_where_it_should_be() {
        let (mut board, now) = (Board::new("dev", Pace::unknown(Phase::Stopped)), Instant::now());
        assert_eq!(board.sign().title, "cloudtop: dev");
        board.look(&[bare(0, Phase::Stopped, None), bare(1, Phase::Stopping, None)], now);
        assert_eq!(board.sign().title, "cloudtop: dev 1/2 stopped");
    }

    #[test]
    fn what_is_waited_for_is_told_once() {
        let mut board = board("dev");
        let wait = ["sg-1 to be free".to_owned()];
        assert_eq!(board.wait(&wait), Some(wait.to_vec()));
        assert_eq!(board.wait(&wait), None);
        assert_eq!(board.wait(&[]), Some(Vec::new()));
        assert_eq!(board.wait(&wait), Some(wait.to_vec()));
    }
}
