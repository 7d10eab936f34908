//! Many nodes in few words: counts, those that need attention, how far all of them are, and how long it will take.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};

use super::beacon::Bar;
use super::time::short;
use crate::domain::lifecycle::{self, Meaning};
use crate::domain::pace::{Origin, Pace};
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;

const GOOD: Style = AnsiColor::Green.on_default();
const HELD: Style = AnsiColor::Yellow.on_default();

/// A node.
#[derive(Debug)]
pub(super) struct Row {
    pub phase: Phase,
    /// The words under which it is counted.
    pub group: String,
    /// Whether it goes on by itself.
    pub attention: Attention,
    pub waiting_for: Option<String>,
    /// Since when it is in this phase.
    pub since: Instant,
    /// Where it came from.
    pub origin: Origin,
}

/// Whether a node goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attention {
    /// It does, or is where it should be.
    None,
    /// EC2 holds it back, or took it away.
    Held,
}

impl Row {
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.phase == other.phase && self.waiting_for == other.waiting_for
    }

    pub(super) fn words(&self) -> String {
        match &self.waiting_for {
            Some(words) => format!("{}: {words}", stage(self.phase)),
            None => stage(self.phase).to_owned(),
        }
    }

    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// How long it will usually go on; of a node that EC2 holds back nobody can tell.
    pub(super) fn left(&self, pace: &Pace, now: Instant) -> Option<Duration> {
        match self.attention {
            Attention::None => pace.left(self.origin, self.phase, self.elapsed(now)),
            Attention::Held => None,
        }
    }
}

/// Whether a node goes on by itself.
pub(super) fn attention(node: &NodeView) -> Attention {
    match node.phase {
        Phase::Interrupted => Attention::Held,
        Phase::Requested if is_held(node) => Attention::Held,
        _ => Attention::None,
    }
}

fn is_held(node: &NodeView) -> bool {
    node.request_status.as_deref().is_some_and(|code| lifecycle::meaning(code) == Meaning::Holding)
}

/// The words under which a node is counted: `waiting for capacity in us-west-2b`.
pub(super) fn group(node: &NodeView) -> String {
    let place = node.zone.as_deref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    match (node.phase, node.request_status.as_deref()) {
        (Phase::Requested, Some(code)) if is_held(node) => match () {
            () if code.contains("capacity") => format!("waiting for capacity{place}"),
            () if code.contains("price") => format!("waiting for a lower price{place}"),
            () => format!("held back by EC2{place} ({code})"),
        },
        (Phase::Requested, Some(code)) => format!("requested ({code})"),
        (Phase::Interrupted, _) => format!("taken away by EC2{place}"),
        (Phase::Attached | Phase::Reachable, _) => "booting".to_owned(),
        (phase, _) => stage(phase).to_owned(),
    }
}

/// How many nodes are in each group, the furthest first: `991 ready, 7 booting, 2 waiting for capacity in us-west-2b`.
pub(super) fn counts<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut groups: BTreeMap<&str, (Phase, usize)> = BTreeMap::new();
    for row in rows {
        let (furthest, count) = groups.entry(row.group.as_str()).or_insert((row.phase, 0));
        *furthest = row.phase.max(*furthest);
        *count += 1;
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(group, (phase, _))| (Reverse(*phase), *group));
    let words: Vec<String> = groups.into_iter().map(|(group, (_, count))| format!("{count} {group}")).collect();
    words.join(", ")
}

/// The nodes that need attention most: those held back, then those furthest from their goal, the slowest first. Those that are
/// where they should be are not among them.
pub(super) fn foremost<'a>(rows: &'a BTreeMap<u32, Row>, pace: &Pace, most: usize) -> Vec<(&'a u32, &'a Row)> {
    let mut open: Vec<_> = rows.iter().filter(|(_, row)| !pace.is_there(row.phase)).collect();
    open.sort_by_key(|(_, row)| (Reverse(row.attention), share(row.phase, pace.target()), row.since));
    open.truncate(most);
    open
}

/// How long it will usually take until all are where they should be; `None` where that is not known of each.
pub(super) fn left<'a>(rows: impl Iterator<Item = &'a Row>, pace: &Pace, now: Instant) -> Option<Duration> {
    rows.filter(|row| !pace.is_there(row.phase)).try_fold(None, |longest: Option<Duration>, row| {
        let left = row.left(pace, now)?;
        Some(Some(longest.map_or(left, |longest| longest.max(left))))
    })?
}

/// Time left in words, rounded up as far as it is certain: `about 40s left`.
pub(super) fn about(left: Duration) -> String {
    let seconds = left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
    let step = match seconds {
        0..60 => 5,
        60..300 => 10,
        _ => 60,
    };
    let rounded = seconds.max(1).checked_next_multiple_of(step).unwrap_or(seconds);
    format!("about {} left", short(Duration::from_secs(rounded)))
}

/// How far all of them are, for the taskbar.
pub(super) fn bar<'a>(rows: impl Iterator<Item = &'a Row>, pace: &Pace, refused: bool) -> Bar {
    let (mut sum, mut all, mut held) = (0_usize, 0_usize, false);
    for row in rows {
        sum += usize::from(share(row.phase, pace.target()));
        all += 1;
        held |= row.attention == Attention::Held;
    }
    let Some(percent) = sum.checked_div(all).and_then(|percent| u8::try_from(percent).ok()) else { return Bar::Busy };
    match (refused, held) {
        (true, _) => Bar::Failing(percent),
        (_, true) => Bar::Held(percent),
        _ => Bar::Percent(percent),
    }
}

/// How much of the way to a phase a node has behind it in another, in per cent, roughly: it only draws a bar and an order.
fn share(phase: Phase, target: Phase) -> u8 {
    match (target, phase) {
        (Phase::Gone, Phase::Gone | Phase::Absent) | (Phase::Stopped, Phase::Stopped) => 100,
        (Phase::Gone, Phase::Ending) | (Phase::Stopped, Phase::Stopping) => 50,
        (Phase::Gone | Phase::Stopped, _) => 0,
        (target, phase) if phase >= target => 100,
        (_, Phase::Requested) => 10,
        (_, Phase::Launching) => 25,
        (_, Phase::Running) => 40,
        (_, Phase::Attached) => 55,
        (_, Phase::Reachable) => 75,
        _ => 0,
    }
}

/// A stage's word in a colour, which says nothing that the word does not.
pub(super) fn coloured(word: &str, row: &Row, wanted: bool) -> String {
    let style = match (row.attention, row.phase) {
        _ if !wanted => return word.to_owned(),
        (Attention::Held, _) => HELD,
        (_, Phase::Ready) => GOOD,
        _ => return word.to_owned(),
    };
    format!("{style}{word}{style:#}")
}

/// A phase as what is happening in it.
pub(super) fn stage(phase: Phase) -> &'static str {
    match phase {
        Phase::Absent => "not launched",
        Phase::Running => "running",
        Phase::Attached => "waiting for ssh",
        Phase::Reachable => "waiting for first boot",
        other => other.as_str(),
    }
}

/// The same where there is little room.
pub(super) fn short_stage(phase: Phase) -> &'static str {
    match phase {
        Phase::Absent => "absent",
        Phase::Attached => "booting",
        Phase::Reachable => "first boot",
        other => stage(other),
    }
}

/// What an earlier run took, for tests.
#[cfg(test)]
pub(super) mod samples {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::domain::journal::{Entry, Event};

    /// Ten seconds from launch to boot, forty from there to ready.
    pub(crate) fn pace() -> Pace {
        let entry = |second, event| Entry { at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second), event };
        let node = |second, phase| {
            let (text, instance_id, request_id, status, since) = (String::new(), None, None, None, None);
            entry(second, Event::Node { node: 0, phase, text, instance_id, request_id, status, since })
        };
        let journal = [
            entry(0, Event::Began { command: "up core".to_owned() }),
            node(0, Phase::Absent),
            node(2, Phase::Launching),
            node(12, Phase::Attached),
            node(52, Phase::Ready),
        ];
        Pace::learn([journal.as_slice()], Phase::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::bare;
    use super::*;

    fn row(phase: Phase, status: Option<&str>, since: Instant) -> Row {
        let mut node = bare(0, phase, None);
        node.request_status = status.map(str::to_owned);
        node.zone = Some("us-west-2b".to_owned());
        let (group, attention) = (group(&node), attention(&node));
        Row { phase, group, attention, waiting_for: None, since, origin: Origin::New }
    }

    #[test]
    fn nodes_are_counted_by_what_they_wait_for() {
        let now = Instant::now();
        let rows = [
            row(Phase::Requested, Some("capacity-not-available"), now),
            row(Phase::Requested, Some("price-too-low"), now),
            row(Phase::Requested, Some("pending-evaluation"), now),
            row(Phase::Requested, Some("placement-group-constraint"), now),
            row(Phase::Interrupted, Some("instance-stopped-no-capacity"), now),
            row(Phase::Attached, Some("fulfilled"), now),
            row(Phase::Reachable, Some("fulfilled"), now),
            row(Phase::Ready, Some("fulfilled"), now),
        ];
        assert_eq!(
            counts(rows.iter()),
            "1 ready, 2 booting, 1 taken away by EC2 in us-west-2b, \
             1 held back by EC2 in us-west-2b (placement-group-constraint), 1 requested (pending-evaluation), \
             1 waiting for a lower price in us-west-2b, 1 waiting for capacity in us-west-2b"
        );
        assert_eq!(counts([].iter()), "");
    }

    #[test]
    fn those_held_back_come_first_then_the_furthest_behind_then_the_slowest() {
        let start = Instant::now();
        let later = start + Duration::from_secs(9);
        let rows = BTreeMap::from([
            (0, row(Phase::Ready, None, start)),
            (1, row(Phase::Reachable, None, start)),
            (2, row(Phase::Launching, None, later)),
            (3, row(Phase::Launching, None, start)),
            (4, row(Phase::Requested, Some("capacity-not-available"), later)),
        ]);
        let order = |target, most| {
            foremost(&rows, &Pace::unknown(target), most).into_iter().map(|(index, _)| *index).collect::<Vec<_>>()
        };
        assert_eq!(order(Phase::Ready, 9), [4, 3, 2, 1]);
        assert_eq!(order(Phase::Ready, 2), [4, 3]);
        assert_eq!(order(Phase::Reachable, 9), [4, 3, 2]);
    }

    #[test]
    fn time_left_is_in_words_as_certain_as_it_is() {
        let cases = [
            (1, "about 5s left"),
            (36, "about 40s left"),
            (58, "about 1m left"),
            (61, "about 1m 10s left"),
            (301, "about 6m left"),
            (7100, "about 1h 59m left"),
        ];
        for (seconds, words) in cases {
            assert_eq!(about(Duration::from_secs(seconds)), words);
        }
        assert_eq!(about(Duration::from_millis(40_001)), "about 45s left");
        assert!(about(Duration::MAX).starts_with("about "));
    }

    #[test]
    fn all_take_as_long_as_the_slowest_of_them() {
        let (start, pace) = (Instant::now(), samples::pace());
        let at = |rows: &[Row], seconds| left(rows.iter(), &pace, start + Duration::from_secs(seconds));
        let both =
            [row(Phase::Launching, None, start), row(Phase::Attached, None, start), row(Phase::Ready, None, start)];
        assert_eq!(at(&both, 5), Some(Duration::from_secs(45)));
        assert_eq!(at(&[row(Phase::Ready, None, start)], 5), None);
        let held = [row(Phase::Launching, None, start), row(Phase::Requested, Some("price-too-low"), start)];
        assert_eq!(at(&held, 5), None);
    }

    #[test]
    fn the_bar_grows_with_every_stage_and_is_full_at_the_goal() {
        let now = Instant::now();
        let up = [Phase::Absent, Phase::Requested, Phase::Launching, Phase::Running, Phase::Attached, Phase::Reachable];
        let shares: Vec<u8> = up.iter().map(|phase| share(*phase, Phase::Ready)).collect();
        assert!(shares.is_sorted() && shares.iter().all(|share| *share < 100), "{shares:?}");
        for target in [Phase::Ready, Phase::Stopped, Phase::Gone] {
            assert_eq!(bar([row(target, None, now)].iter(), &Pace::unknown(target), false), Bar::Percent(100));
        }
        let two = [row(Phase::Ready, None, now), row(Phase::Requested, Some("price-too-low"), now)];
        assert_eq!(bar(two.iter(), &Pace::unknown(Phase::Ready), false), Bar::Held(55));
        assert_eq!(bar(two.iter(), &Pace::unknown(Phase::Ready), true), Bar::Failing(55));
        assert_eq!(bar([].iter(), &Pace::unknown(Phase::Ready), true), Bar::Busy);
    }
}
