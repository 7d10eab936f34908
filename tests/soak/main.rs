//! The soak: seeded random scenarios of commands, faults, interruptions, kills and meddling, each in process on a virtual
//! clock, each ending in calm with everything as it was asked for and then with nothing left.
//!
//! `SOAK_CASES` says how many, `SOAK_SEED` with which seed they begin. Of one alone (`SOAK_CASES=1`), `SOAK_STEPS=0,3`
//! leaves only these steps, and `SOAK_TELL=1` has it tell all that it does.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stderr, reason = "a soak tells what it did")]

mod chance;
mod load;
mod network;
mod scenario;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use scenario::Scenario;
use world::Figures;

/// As many as a test suite has time for.
const CASES: u64 = 40;
/// How often a smaller scenario is tried before it is taken to hold: the SDK draws its pauses by itself.
const TRIES: u32 = 2;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// The scenario of a seed, or what was asked for of it.
fn scenario(seed: u64) -> Scenario {
    let whole = Scenario::of(seed);
    let Ok(places) = std::env::var("SOAK_STEPS") else { return whole };
    let places: Vec<usize> = places.split(',').filter_map(|place| place.parse().ok()).collect();
    whole.only(&places)
}

/// Goes through one scenario on a clock of its own.
fn go_through(scenario: &Scenario) -> Result<Figures, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(world::go_through(scenario))));
    ended.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        Err(format!(
            "a panic: {}",
            words.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned())).unwrap_or_default()
        ))
    })
}

/// The fewest steps that still fail, and how.
fn shrink(mut scenario: Scenario, mut why: String) -> (Scenario, String) {
    loop {
        let smaller = (0..scenario.steps.len()).rev().find_map(|place| {
            let mut smaller = scenario.clone();
            smaller.steps.remove(place);
            let why = (0..TRIES).find_map(|_| go_through(&smaller).err())?;
            Some((smaller, why))
        });
        match smaller {
            Some(found) => (scenario, why) = found,
            None => return (scenario, why),
        }
    }
}

#[test]
fn whatever_happens_the_last_command_leaves_what_was_asked_for_and_down_leaves_nothing() {
    let (cases, first) = (number("SOAK_CASES", CASES), number("SOAK_SEED", 1));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, failures, total) = (AtomicU64::new(first), Mutex::new(Vec::new()), Mutex::new(Figures::default()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + cases {
                        return;
                    }
                    match go_through(&scenario(seed)) {
                        Ok(figures) => total.lock().unwrap().add(figures),
                        Err(why) => {
                            eprintln!("seed {seed} fails: {why}");
                            failures.lock().unwrap().push((seed, why));
                        }
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    eprintln!("{cases} scenarios from seed {first}, {:.0} s: {total:?}", began.elapsed().as_secs_f64());
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let seeds: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    if let Some((seed, why)) = failures.into_iter().next() {
        let (smallest, why) = shrink(scenario(seed), why);
        panic!(
            "{} of {cases} scenarios fail, with the seeds {seeds:?}; the first, as small as it goes:\n{smallest}\n{why}",
            seeds.len()
        );
    }
}
