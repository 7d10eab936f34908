//! What happens in one scenario: commands of the user, and what EC2 and others do meanwhile.

use std::fmt;

use cloudtop::domain::intent::Interruption;

use super::chance::Chance;
use super::network::{ANY, Fault, Weather};

/// How an environment is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    pub nodes: u32,
    pub volume: bool,
    pub on_interruption: Interruption,
    pub one_time: bool,
    pub wait_for_capacity: bool,
    pub max_price: Option<f64>,
}

/// What the user runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    Up(Wish),
    /// The same as before, with another number of nodes.
    Scale(u32),
    Stop,
    Start,
    Down {
        delete_volumes: bool,
    },
}

/// How a command is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub verb: Verb,
    pub weather: Weather,
    /// Seconds that it is given.
    pub timeout: u64,
    /// After how many seconds the user presses Ctrl-C.
    pub signal: Option<u64>,
    /// What happens while it runs, and after how many seconds.
    pub meanwhile: Vec<(u64, Event)>,
}

/// What others do.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// EC2 takes nodes away: all, or one; with a notice of so many seconds.
    Interrupt { node: Option<u32>, price: bool, notice: u64 },
    /// The spot price of a type; none: the market's own again.
    Price { first: bool, usd: Option<f64> },
    /// The capacity of a type, or of all.
    Capacity { first: Option<bool>, there: bool },
    /// Somebody uses the console.
    Meddle { what: Meddling, which: u64 },
}

/// What somebody does behind our back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    Terminate,
    Stop,
    Start,
    CancelRequest,
    DetachVolume,
    DeleteGroup,
    DeleteKey,
    CloseGroup,
    RenameInstance,
}

/// One thing after another.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Command(Command),
    Event(Event),
    Pass {
        seconds: u64,
    },
    /// State file and journal are gone, and found again by tags a while later.
    LoseState,
}

/// How a scenario ends, when all is calm again and before everything is deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    pub seed: u64,
    /// The longest that EC2 does not list what was just made, seconds.
    pub lag: u64,
    /// Each with its place in the whole scenario of the seed.
    pub steps: Vec<(usize, Step)>,
    pub last: Verb,
}

impl Scenario {
    /// The scenario of a seed.
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let length = 3 + chance.below(8);
        let mut steps = vec![Step::Command(Command { verb: Verb::Up(wish(&mut chance)), ..command(&mut chance) })];
        steps.extend((1..length).map(|_| step(&mut chance)));
        let steps = steps.into_iter().enumerate().collect();
        Self { seed, lag: chance.pick(&[1, 8, 8, 20]), steps, last: verb(&mut chance) }
    }

    /// The same with these steps alone.
    pub fn only(mut self, places: &[usize]) -> Self {
        self.steps.retain(|(place, _)| places.contains(place));
        self
    }

    /// The places of its steps, as `SOAK_STEPS` takes them.
    pub fn places(&self) -> String {
        self.steps.iter().map(|(place, _)| place.to_string()).collect::<Vec<_>>().join(",")
    }
}

fn step(chance: &mut Chance) -> Step {
    match chance.below(20) {
        0..=11 => Step::Command(command(chance)),
        12..=16 => Step::Event(event(chance)),
        17 | 18 => Step::Pass { seconds: chance.pick(&[1, 5, 15, 60, 400]) },
        _ => Step::LoseState,
    }
}

fn command(chance: &mut Chance) -> Command {
    let verb = verb(chance);
    let kill = chance.one_in(3).then(|| (1 + u32::try_from(chance.below(70)).unwrap_or(0), chance.one_in(2)));
    let per_mille = chance.pick(&[0, 0, 20, 100, 250]);
    let one: [&'static [Fault]; 3] = [&[Fault::LostAfter], &[Fault::Throttled], &[Fault::Silent]];
    let faults = if chance.one_in(3) { chance.pick(&one) } else { ANY };
    let weather = Weather { seed: chance.next(), per_mille, faults, kill };
    let timeout = chance.pick(&[15, 60, 900, 900, 900]);
    let signal = chance.one_in(8).then(|| chance.below(60));
    let meanwhile = match chance.below(4) {
        0 => vec![(chance.below(90), event(chance))],
        _ => Vec::new(),
    };
    Command { verb, weather, timeout, signal, meanwhile }
}

fn verb(chance: &mut Chance) -> Verb {
    match chance.below(12) {
        0..=2 => Verb::Up(wish(chance)),
        3..=5 => Verb::Scale(1 + u32::try_from(chance.below(4)).unwrap_or(0)),
        6 | 7 => Verb::Stop,
        8 | 9 => Verb::Start,
        10 => Verb::Down { delete_volumes: chance.one_in(4) },
        _ => Verb::Down { delete_volumes: false },
    }
}

fn wish(chance: &mut Chance) -> Wish {
    let one_time = chance.one_in(8);
    let behaviours = [Interruption::Stop, Interruption::Stop, Interruption::Terminate];
    Wish {
        nodes: chance.pick(&[1, 1, 2, 3]),
        volume: !chance.one_in(4),
        on_interruption: chance.pick(&behaviours),
        one_time,
        wait_for_capacity: chance.one_in(8),
        max_price: chance.one_in(6).then_some(0.5),
    }
}

fn event(chance: &mut Chance) -> Event {
    let which = chance.next();
    match chance.below(10) {
        0..=2 => Event::Interrupt {
            node: chance.one_in(2).then(|| u32::try_from(chance.below(3)).unwrap_or(0)),
            price: chance.one_in(2),
            notice: chance.pick(&[0, 0, 120]),
        },
        3 => Event::Price { first: chance.one_in(2), usd: chance.pick(&[None, Some(0.01), Some(2.0)]) },
        4 | 5 => Event::Capacity { first: chance.pick(&[None, Some(true), Some(false)]), there: chance.one_in(2) },
        _ => {
            let all = [
                Meddling::Terminate,
                Meddling::Terminate,
                Meddling::Stop,
                Meddling::Start,
                Meddling::CancelRequest,
                Meddling::DetachVolume,
                Meddling::DeleteGroup,
                Meddling::DeleteKey,
                Meddling::CloseGroup,
                Meddling::RenameInstance,
            ];
            Event::Meddle { what: chance.pick(&all), which }
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "SOAK_CASES=1 SOAK_SEED={} SOAK_STEPS={}", self.seed, self.places())?;
        writeln!(f, "  lists lag up to {} s", self.lag)?;
        for (place, step) in &self.steps {
            writeln!(f, "  {place}: {step:?}")?;
        }
        write!(f, "  then, when all is calm: {:?}; down --delete-volumes", self.last)
    }
}
