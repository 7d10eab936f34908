//! How long nodes take from stage to stage, learnt from earlier runs: for saying how much time is left.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::journal::{Entry, Event};
use super::phase::{Phase, Wait};

/// Of each stage, only so many of the newest times count: what an older template took says little about the new one.
const REMEMBERED: usize = 101;

/// Where a node comes from: a disk that is booted again is ready sooner than one that is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nothing was there.
    New,
    /// It was stopped, by the user or by EC2.
    Stopped,
    /// It ran.
    Running,
}

impl Origin {
    /// Of a node that was first seen in a phase.
    #[must_use]
    pub fn of(first: Phase) -> Self {
        match first {
            Phase::Gone | Phase::Absent | Phase::Requested => Self::New,
            Phase::Interrupted | Phase::Stopped | Phase::Stopping => Self::Stopped,
            _ => Self::Running,
        }
    }
}

/// Where the nodes go, and how long they took to get there before.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    target: Phase,
    usual: BTreeMap<(Origin, Phase), Usual>,
}

/// The usual times of one stage: medians.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Usual {
    /// In the stage itself.
    stage: Duration,
    /// From its beginning to the target.
    whole: Duration,
}

/// Times of one stage, oldest first: in it, and from its beginning to the target.
type Samples = BTreeMap<(Origin, Phase), Vec<(Duration, Duration)>>;

impl Pace {
    /// The way to a phase of which nothing is known.
    #[must_use]
    pub fn unknown(target: Phase) -> Self {
        Self { target, usual: BTreeMap::new() }
    }

    /// What journals tell of the way to a phase, each from its oldest entry to the newest.
    #[must_use]
    pub fn learn<'a>(journals: impl IntoIterator<Item = &'a [Entry]>, target: Phase) -> Self {
        let mut samples = Samples::new();
        for journal in journals {
            read(journal, target, &mut samples);
        }
        let usual = samples.into_iter().map(|(key, all)| {
            let newest = all.get(all.len().saturating_sub(REMEMBERED)..).unwrap_or(&all);
            let usual = Usual {
                stage: median(newest.iter().map(|(stage, _)| *stage)),
                whole: median(newest.iter().map(|(_, whole)| *whole)),
            };
            (key, usual)
        });
        Self { target, usual: usual.collect() }
    }

    /// Where the nodes go.
    #[must_use]
    pub fn target(&self) -> Phase {
        self.target
    }

    /// Whether a node in this phase is where it should be.
    #[must_use]
    pub fn is_there(&self, phase: Phase) -> bool {
        has_arrived(phase, self.target)
    }

    /// How long a node that has been in its phase for a time will usually go on to its target. What a stage takes longer
    /// than it usually does is not taken off those that follow. `None`: nothing is known, or it should be there by now.
    #[must_use]
    pub fn left(&self, origin: Origin, phase: Phase, elapsed: Duration) -> Option<Duration> {
        let usual = self.usual.get(&(origin, phase)).filter(|_| !self.is_there(phase))?;
        let after = usual.whole.saturating_sub(usual.stage);
        Some(usual.stage.saturating_sub(elapsed) + after).filter(|left| !left.is_zero())
    }
}

/// The phase that a run of `up` waits for.
#[must_use]
pub fn target_of(wait: Wait) -> Phase {
    match wait {
        Wait::None => Phase::Requested,
        Wait::Running => Phase::Attached,
        Wait::Ssh => Phase::Reachable,
        Wait::Ready => Phase::Ready,
    }
}

fn has_arrived(phase: Phase, target: Phase) -> bool {
    match target {
        Phase::Gone => matches!(phase, Phase::Gone | Phase::Absent),
        Phase::Stopped => phase == Phase::Stopped,
        _ => phase >= target,
    }
}

/// Reads one journal, run by run: what happened between two runs nobody has timed.
fn read(journal: &[Entry], target: Phase, samples: &mut Samples) {
    let mut seen: BTreeMap<u32, Vec<(Timestamp, Phase)>> = BTreeMap::new();
    for entry in journal {
        match &entry.event {
            Event::Began { .. } | Event::Ended { .. } => {
                std::mem::take(&mut seen).values().for_each(|stages| sample(stages, target, samples));
            }
            Event::Node { node, phase, .. } => {
                let stages = seen.entry(*node).or_default();
                if stages.last().is_none_or(|(_, last)| last != phase) {
                    stages.push((entry.at, *phase));
                }
            }
            _ => {}
        }
    }
    seen.values().for_each(|stages| sample(stages, target, samples));
}

/// Takes the times from what a node went through in one run. A long run may have gone to the target more than once.
fn sample(stages: &[(Timestamp, Phase)], target: Phase, samples: &mut Samples) {
    let mut rest = stages;
    while let Some(end) = rest.iter().skip(1).position(|(_, phase)| has_arrived(*phase, target)).map(|at| at + 1) {
        let (way, after) = rest.split_at(end);
        if let Some((there, _)) = after.first() {
            sample_way(way, *there, target, samples);
        }
        rest = after;
    }
}

fn sample_way(way: &[(Timestamp, Phase)], there: Timestamp, target: Phase, samples: &mut Samples) {
    // A node that is back at its target has been there for any time.
    let way = match way {
        [(_, first), after @ ..] if has_arrived(*first, target) => after,
        all => all,
    };
    let Some((_, first)) = way.first() else { return };
    let origin = Origin::of(*first);
    let ends = way.iter().skip(1).map(|(at, _)| *at).chain([there]);
    for (place, ((begin, phase), end)) in way.iter().zip(ends).enumerate() {
        // A stage in which the run has found the node has begun before it.
        if place == 0 && is_passing(*phase) {
            continue;
        }
        let spans = (Duration::try_from(end.duration_since(*begin)), Duration::try_from(there.duration_since(*begin)));
        if let (Ok(stage), Ok(whole)) = spans {
            samples.entry((origin, *phase)).or_default().push((stage, whole));
        }
    }
}

/// Whether a node goes through a phase by itself; in the others it stays until a command sends it on.
fn is_passing(phase: Phase) -> bool {
    !matches!(phase, Phase::Gone | Phase::Absent | Phase::Stopped | Phase::Ready)
}

/// The middle one; of an even number the smaller of both, for what hangs is longer and not shorter.
fn median(all: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<Duration> = all.collect();
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(second: i64, event: Event) -> Entry {
        Entry { at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second), event }
    }

    fn began(second: i64) -> Entry {
        at(second, Event::Began { command: "up dev".to_owned() })
    }

    fn node(second: i64, node: u32, phase: Phase) -> Entry {
        let (text, instance_id, request_id, status, since) = (String::new(), None, None, None, None);
        at(second, Event::Node { node, phase, text, instance_id, request_id, status, since })
    }

    /// A run in which a node is launched, boots and is ready, so many seconds each after the stage before.
    fn run(begin: i64, launch: i64, boot: i64) -> Vec<Entry> {
        vec![
            began(begin),
            node(begin, 0, Phase::Absent),
            node(begin + 2, 0, Phase::Launching),
            node(begin + 2 + launch, 0, Phase::Attached),
            node(begin + 2 + launch + boot, 0, Phase::Ready),
            at(begin + 999, Event::Ended { outcome: "done".to_owned() }),
        ]
    }

    fn left(pace: &Pace, phase: Phase, elapsed: u64) -> Option<u64> {
        pace.left(Origin::New, phase, Duration::from_secs(elapsed)).map(|left| left.as_secs())
    }

    #[test]
    fn what_is_left_is_the_middle_of_what_it_took() {
        let journal = [run(0, 10, 40), run(1000, 12, 30), run(2000, 500, 600)].concat();
        let pace = Pace::learn([journal.as_slice()], Phase::Ready);
        assert_eq!(left(&pace, Phase::Absent, 0), Some(52));
        assert_eq!(left(&pace, Phase::Launching, 0), Some(50));
        assert_eq!(left(&pace, Phase::Launching, 8), Some(42));
        assert_eq!(left(&pace, Phase::Attached, 15), Some(25));
    }

    #[test]
    fn time_left_is_never_less_than_what_the_stages_after_take() {
        let pace = Pace::learn([run(0, 10, 40).as_slice()], Phase::Ready);
        assert_eq!(left(&pace, Phase::Launching, 10), Some(40));
        assert_eq!(left(&pace, Phase::Launching, 7200), Some(40));
    }

    #[test]
    fn a_last_stage_that_takes_longer_than_usual_has_no_time_left_to_tell() {
        let pace = Pace::learn([run(0, 10, 40).as_slice()], Phase::Ready);
        assert_eq!(left(&pace, Phase::Attached, 39), Some(1));
        for elapsed in [40, 41, 100_000, u64::MAX] {
            assert_eq!(left(&pace, Phase::Attached, elapsed), None);
        }
    }

    #[test]
    fn without_an_earlier_run_nothing_is_said() {
        assert_eq!(left(&Pace::unknown(Phase::Ready), Phase::Launching, 0), None);
        let cut_off = run(0, 10, 40).into_iter().take(4).collect::<Vec<_>>();
        assert_eq!(left(&Pace::learn([cut_off.as_slice()], Phase::Ready), Phase::Launching, 0), None);
    }

    #[test]
    fn a_stage_that_had_begun_before_the_run_is_not_timed() {
        let journal = [began(0), node(0, 0, Phase::Launching), node(3, 0, Phase::Attached), node(50, 0, Phase::Ready)];
        let pace = Pace::learn([journal.as_slice()], Phase::Ready);
        let left = |phase| pace.left(Origin::Running, phase, Duration::ZERO).map(|left| left.as_secs());
        assert_eq!((left(Phase::Launching), left(Phase::Attached)), (None, Some(47)));
    }

    #[test]
    fn what_lies_between_two_runs_is_not_timed() {
        let journal = [began(0), node(0, 0, Phase::Absent), began(5000), node(5001, 0, Phase::Ready)];
        assert_eq!(Pace::learn([journal.as_slice()], Phase::Ready), Pace::unknown(Phase::Ready));
    }

    #[test]
    fn starting_again_is_another_way_than_being_made() {
        let again =
            [began(5000), node(5000, 0, Phase::Stopped), node(5001, 0, Phase::Launching), node(5009, 0, Phase::Ready)];
        let journal = [run(0, 10, 40), again.to_vec()].concat();
        let pace = Pace::learn([journal.as_slice()], Phase::Ready);
        assert_eq!(left(&pace, Phase::Launching, 0), Some(50));
        let again = pace.left(Origin::Stopped, Phase::Launching, Duration::from_secs(2));
        assert_eq!(again, Some(Duration::from_secs(6)));
    }

    #[test]
    fn a_watch_that_brings_a_node_back_times_that_alone() {
        let mut journal = run(0, 10, 40);
        journal.pop();
        journal.extend([
            node(90_000, 0, Phase::Interrupted),
            node(90_300, 0, Phase::Launching),
            node(90_320, 0, Phase::Ready),
        ]);
        let pace = Pace::learn([journal.as_slice()], Phase::Ready);
        let back = pace.left(Origin::Stopped, Phase::Launching, Duration::ZERO);
        assert_eq!((back, left(&pace, Phase::Launching, 0)), (Some(Duration::from_secs(20)), Some(50)));
    }

    #[test]
    fn the_way_down_is_timed_to_its_own_end() {
        let journal = [began(0), node(0, 0, Phase::Ready), node(1, 0, Phase::Ending), node(31, 0, Phase::Gone)];
        let pace = Pace::learn([journal.as_slice()], Phase::Gone);
        assert_eq!(pace.left(Origin::Running, Phase::Ready, Duration::ZERO), Some(Duration::from_secs(31)));
        assert_eq!(pace.left(Origin::Running, Phase::Ending, Duration::from_secs(10)), Some(Duration::from_secs(20)));
        assert!(pace.is_there(Phase::Absent) && !pace.is_there(Phase::Stopped));
    }
}
