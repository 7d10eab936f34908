//! A node on a trace: it waits where its volume is, or moves to another zone.

use super::trace::{Tick, Trace};

/// What a run over a whole trace came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Seconds in which the node was of use.
    pub useful: i64,
    /// USD, for those and for the time in which a node waits for its volume.
    pub paid: f64,
    /// How often the node was lost.
    pub losses: u32,
    /// How often the volume was moved.
    pub moves: u32,
    /// The longest time without a node that is of use, seconds.
    pub longest_wait: i64,
    /// The time without one until now.
    waits: i64,
}

/// When and how a node moves.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    /// After how many seconds without a node it looks elsewhere. `None`: never.
    pub after: Option<i64>,
    /// How many seconds a snapshot and its restoring take. The node in the new zone is launched first, for that is the only
    /// way to learn whether there is one, and is paid for meanwhile.
    pub moving: i64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Up,
    /// Without a node, for so many seconds.
    Lost(i64),
    /// A node is there, and its volume in so many seconds; it has been without one of use for so many.
    Moving {
        to: usize,
        left: i64,
        lost: i64,
    },
}

impl Course {
    fn useful(&mut self, seconds: i64) {
        self.useful += seconds;
        if seconds > 0 {
            self.waits = 0;
        }
    }

    fn useless(&mut self, seconds: i64) {
        self.waits += seconds;
        self.longest_wait = self.longest_wait.max(self.waits);
    }

    /// USD per hour of use.
    pub fn per_useful_hour(&self) -> Option<f64> {
        (self.useful > 0).then(|| self.paid / hours(self.useful))
    }
}

pub fn hours(seconds: i64) -> f64 {
    seconds as f64 / 3_600.0
}

/// A node that begins in the zone `home`. What it knows at a tick is what its own launches then are told.
pub fn run(trace: &Trace, home: usize, habit: Habit) -> Course {
    let (mut zone, mut state) = (home, State::Lost(0));
    let mut course = Course::default();
    for tick in &trace.ticks {
        state = looked_at(tick, zone, state, habit, &mut course);
        let pay = |at: usize| tick.seen[at].price * hours(tick.lasts);
        state = match state {
            State::Up => {
                course.paid += pay(zone);
                course.useful(tick.lasts);
                State::Up
            }
            State::Lost(since) => {
                course.useless(tick.lasts);
                State::Lost(since + tick.lasts)
            }
            State::Moving { to, left, lost } if left >= tick.lasts => {
                course.paid += pay(to);
                course.useless(tick.lasts);
                State::Moving { to, left: left - tick.lasts, lost: lost + tick.lasts }
            }
            State::Moving { to, left, .. } => {
                course.paid += pay(to);
                course.useless(left);
                course.useful(tick.lasts - left);
                course.moves += 1;
                zone = to;
                State::Up
            }
        };
    }
    course
}

/// What is found, and done about it, when a tick begins.
fn looked_at(tick: &Tick, zone: usize, state: State, habit: Habit, course: &mut Course) -> State {
    let lost = match state {
        State::Up if tick.seen[zone].available => return State::Up,
        State::Up => {
            course.losses += 1;
            0
        }
        State::Moving { to, .. } if tick.seen[to].available => return state,
        State::Moving { lost, .. } | State::Lost(lost) => lost,
    };
    if tick.seen[zone].available {
        return State::Up;
    }
    let others = (0..tick.seen.len()).filter(|it| *it != zone && tick.seen[*it].available);
    let cheapest = others.min_by(|a, b| tick.seen[*a].price.total_cmp(&tick.seen[*b].price));
    match (cheapest, habit.after) {
        (Some(to), Some(after)) if lost >= after => State::Moving { to, left: habit.moving, lost },
        _ => State::Lost(lost),
    }
}

/// A node that is wherever one can be had, at the lowest price, and whose volume is always there already.
pub fn best(trace: &Trace) -> Course {
    let mut course = Course::default();
    for tick in &trace.ticks {
        let there = tick.seen.iter().filter(|it| it.available).map(|it| it.price);
        match there.min_by(f64::total_cmp) {
            Some(price) => {
                course.paid += price * hours(tick.lasts);
                course.useful(tick.lasts);
            }
            None => course.useless(tick.lasts),
        }
    }
    course
}

#[cfg(test)]
mod tests {
    use super::super::small::trace as small;
    use super::super::trace::Seen;
    use super::*;

    fn minutes(course: &Course) -> (i64, i64) {
        (course.useful / 60, course.longest_wait / 60)
    }

    fn habit(after: Option<i64>, moving: i64) -> Habit {
        Habit { after: after.map(|it| it * 60), moving: moving * 60 }
    }

    fn cents(course: &Course) -> i64 {
        (course.paid * 100.0).round() as i64
    }

    #[test]
    fn a_trace_ends_where_its_last_tick_begins() {
        let trace = small();
        assert_eq!(
            (trace.ticks.len(), trace.seconds() / 60, &trace.zones[..]),
            (9, 90, &["us-east-1a", "us-east-1b"].map(str::to_owned)[..])
        );
        assert_eq!(trace.only(|zone| zone.ends_with('b')).ticks[0].seen, [Seen { available: false, price: 2.0 }]);
    }

    #[test]
    fn an_absence_ends_when_a_launch_works_again_or_with_the_trace() {
        assert_eq!(small().absences(0), [40 * 60, 10 * 60]);
        assert_eq!(small().absences(1), [20 * 60], "that it was not there at first is no loss");
    }

    #[test]
    fn who_stays_waits_and_pays_for_no_more_than_is_there() {
        let stays = run(&small(), 0, habit(None, 15));
        assert_eq!((minutes(&stays), cents(&stays)), ((40, 40), 67));
        assert_eq!((stays.losses, stays.moves), (2, 0));
        let other = run(&small(), 1, habit(None, 15));
        assert_eq!((minutes(&other), cents(&other), other.losses), ((60, 20), 200, 1));
    }

    #[test]
    fn who_moves_at_once_pays_for_the_node_that_waits_for_its_volume() {
        // Up in a for 20 minutes, lost; b is paid from 20 to 50, of use from 35 to 50, and then lost; a has nothing until
        // 60: there from 60 on, the volume at 75, 5 minutes of use until a is lost again; b at 80, for 10 minutes of 15.
        let moves = run(&small(), 0, habit(Some(0), 15));
        assert_eq!((moves.useful / 60, moves.moves, moves.losses), (20 + 15 + 5, 2, 3));
        assert_eq!(cents(&moves), 200, "40 minutes of a and 40 of b");
        assert_eq!(moves.longest_wait / 60, 25);
    }

    #[test]
    fn who_waits_first_moves_only_when_that_time_has_gone_by() {
        // Lost at 20, moves at 30: b is of use from 45 to 50.
        let moves = run(&small(), 0, habit(Some(10), 15));
        assert_eq!(moves.useful / 60, 20 + 5 + 5);
        let patient = run(&small(), 0, habit(Some(60), 15));
        assert_eq!(patient, run(&small(), 0, habit(None, 15)));
    }

    #[test]
    fn a_target_that_is_lost_on_the_way_leaves_the_volume_where_it_is() {
        // 40 minutes to move: b is there from 20 to 50 and lost just then; a is back at 60.
        let moves = run(&small(), 0, habit(Some(0), 40));
        assert_eq!((moves.moves, moves.useful / 60), (0, 40));
        assert_eq!(cents(&moves), 67 + 100 + 33, "and was paid for");
    }

    #[test]
    fn the_best_possible_is_wherever_it_is_cheapest() {
        let best = best(&small());
        assert_eq!((minutes(&best), cents(&best)), ((80, 10), 67 + 133));
    }
}
