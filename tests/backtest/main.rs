//! The backtest: what the chooser would have chosen in a history of prices, and what that would have come to; and what
//! waiting and moving come to on a trace of where there was capacity.
//!
//! `scripts/backtest` runs it over files of one's own; docs/backtest.md says what they are and what came out. Without them
//! it is judged itself, on a history so small that its figures can be worked out by hand.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod figures;
mod history;
mod holding;
mod moves;
mod report;
mod requests;
mod rows;
mod small;
#[path = "../support/mod.rs"]
mod support;
mod trace;
mod types;
mod waiting;

use std::path::{Path, PathBuf};

use cloudtop::domain::advisor::Advisor;

use history::History;
use holding::World;

/// Minutes that a snapshot and its restoring take, where nothing is said.
const MOVING: i64 = 15;

fn file(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from)
}

/// What a file holds, or why it cannot be read.
fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, String> {
    let text = rows::text(path)?;
    parse(&text).map_err(|why| format!("{}: {why}", path.display()))
}

fn prices(path: &Path) -> Result<String, String> {
    let types = file("BACKTEST_TYPES").ok_or("prices need a file of types")?;
    let previous = std::env::var("BACKTEST_PREVIOUS").ok().filter(|it| !it.is_empty());
    let previous: Option<Vec<String>> = previous.map(|it| it.split([',', ' ']).map(str::to_owned).collect());
    let advisor = file("BACKTEST_ADVISOR");
    let advisor = advisor.map(|path| read(&path, |text| Advisor::parse(text.as_bytes()).map_err(|it| it.to_string())));
    let world = World {
        history: read(path, History::read)?,
        types: read(&types, |text| types::read(text, previous.as_deref()))?,
        advisor: advisor.transpose()?,
    };
    Ok(report::of(&world))
}

fn traces(path: &Path) -> Result<String, String> {
    let moving = std::env::var("BACKTEST_MOVE_MINUTES").ok().filter(|it| !it.is_empty());
    let moving = moving.map_or(Ok(MOVING), |text| rows::number(&text))?;
    let traces = read(path, trace::read)?;
    Ok(traces.iter().map(|(name, trace)| waiting::of(name, trace, moving)).collect::<Vec<_>>().join("\n"))
}

/// Writes the tables to `BACKTEST_TABLE`, of the files that the environment names; there is nothing to do without.
#[test]
fn the_files_that_are_given_are_judged() {
    let told = [
        file("BACKTEST_PRICES").map(|path| format!("## What was held\n\n{}", prices(&path).unwrap())),
        file("BACKTEST_TRACE").map(|path| format!("## What waiting and moving come to\n\n{}", traces(&path).unwrap())),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    if let Some(path) = file("BACKTEST_TABLE") {
        std::fs::write(path, told.join("\n")).unwrap();
    }
}
