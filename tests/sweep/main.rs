//! The crash sweep: each command is run once to count its calls, then once more for every call and every fault, on a
//! fresh account each time. The next run finishes it, and the account must hold exactly what it should.
//!
//! In one process and on a virtual clock: minutes of EC2 pass in milliseconds. `scripts/sweep` prints the whole table.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and this one reports")]

mod check;
mod files;
mod matrix;
mod network;
mod scenario;
mod world;

use scenario::Scenario;

#[test]
fn whatever_breaks_the_next_run_finishes_and_nothing_is_lost_or_left() {
    let (extent, part) = matrix::asked_for();
    let rows: Vec<&Scenario> = scenario::ALL.iter().filter(|it| it.name.contains(&part)).collect();
    assert!(!rows.is_empty(), "no row's name has {part:?} in it");
    let result = matrix::sweep(&rows, extent);
    println!("{}", result.table());
    let failures = result.failures();
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), result.size(), result.report());
}
