//! `cloudtop` alone: what there is, and the next thing to do. From the state and the journals: nothing is asked of EC2,
//! no lock is taken, and without a state, credentials or a network it answers all the same.

use jiff::Timestamp;

use crate::cli::args::simulated_by_environment;
use crate::cli::{CommandError, Globals};
use crate::clock::Clock;
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::last_seen::LastSeen;
use crate::domain::names::EnvName;
use crate::domain::phase::Phase;
use crate::state::{Journal, Paths, State, StateError, glance};
use crate::ui::Ui;
use crate::ui::overview::{Known, Next, Overview, text};
use crate::ui::time::relative;

use super::context::load_config;

/// More than this at once is a list, and no next thing to do.
const MOST_NEXT: usize = 6;

/// Runs `cloudtop` without a command.
///
/// # Errors
/// A state file that is damaged or from a newer version.
pub fn run(globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    let now = Clock::system().now();
    let overview = collect(globals, ui, now)?;
    if globals.json {
        return Ok(ui.json(&overview)?);
    }
    Ok(ui.answer(&text(&overview, now, ui.table_width()))?)
}

/// What the state file says that these options lead to; `None`: there is none yet. Nothing is locked: a state file is
/// replaced as a whole, so that whoever reads it finds one or the other.
///
/// # Errors
/// As [`glance`].
pub fn known(globals: &Globals) -> Result<Option<State>, StateError> {
    glance(&paths(globals)?)
}

fn paths(globals: &Globals) -> Result<Paths, StateError> {
    let file = globals.state.as_deref();
    if globals.simulated() { Paths::for_simulator(file) } else { Paths::resolve(file) }
}

fn collect(globals: &Globals, ui: &Ui, now: Timestamp) -> Result<Overview, CommandError> {
    let paths = paths(globals)?;
    let state = glance(&paths)?;
    let mut environments = Vec::new();
    let mut next = Vec::new();
    for (name, environment) in state.iter().flat_map(|state| &state.environments) {
        let nodes = environment.intent.nodes;
        let seen = Journal::open(&paths, name).since_closed().map(|entries| LastSeen::of(&entries, nodes));
        let seen = seen.unwrap_or_else(|error| {
            ui.warn(&error.to_string());
            LastSeen::default()
        });
        next.push(of_environment(name, environment, &seen, now));
        environments.push(shown(name, environment, seen));
    }
    let configured: Vec<String> = configured(globals, ui).into_iter().filter(|it| unknown(it, &environments)).collect();
    let to_make =
        configured.iter().map(|name| step(&format!("up {name}"), "cloudtop.toml names it; it is not made yet"));
    next.extend(to_make);
    next.truncate(MOST_NEXT);
    let simulated = if globals.simulated() || globals.state.is_some() { Vec::new() } else { simulated() };
    next.extend(in_general(&environments, &configured, &simulated, globals.simulated()));
    let program = program(globals);
    for step in &mut next {
        step.command = format!("{program} {}", step.command);
    }
    Ok(Overview { format_version: 1, environments, configured, simulated, next })
}

/// The program with the options that must be typed again: those that no variable has said.
fn program(globals: &Globals) -> String {
    let mut program = "cloudtop".to_owned();
    if globals.simulated() && !simulated_by_environment() {
        program.push_str(" --sim");
    }
    for (flag, variable, file) in
        [("--state", "CLOUDTOP_STATE", &globals.state), ("--config", "CLOUDTOP_CONFIG", &globals.config)]
    {
        if let Some(file) = file
            && std::env::var_os(variable).is_none_or(|named| named != *file)
        {
            program.push_str(&format!(" {flag} {}", file.display()));
        }
    }
    program
}

fn unknown(name: &str, environments: &[Known]) -> bool {
    environments.iter().all(|it| it.name != name)
}

fn shown(name: &EnvName, environment: &Environment, seen: LastSeen) -> Known {
    Known {
        name: name.to_string(),
        region: environment.intent.region.clone(),
        nodes: environment.intent.nodes,
        phase: seen.phase,
        seen_at: seen.at,
        expires_at: environment.intent.expires_at,
        unfinished: seen.unfinished,
    }
}

/// The environments that the configuration names; one that is broken is said to be so, and stops nothing here.
fn configured(globals: &Globals, ui: &Ui) -> Vec<String> {
    match load_config(globals) {
        Ok(config) => config.environment_names().into_iter().map(str::to_owned).collect(),
        Err(error) => {
            ui.warn(&error.to_string());
            Vec::new()
        }
    }
}

#[cfg(feature = "simulator")]
fn simulated() -> Vec<String> {
    let state = Paths::for_simulator(None).and_then(|paths| glance(&paths)).ok().flatten();
    state.iter().flat_map(|state| state.environments.keys()).map(EnvName::to_string).collect()
}

#[cfg(not(feature = "simulator"))]
fn simulated() -> Vec<String> {
    Vec::new()
}

fn step(command: &str, why: impl Into<String>) -> Next {
    Next { command: command.to_owned(), why: why.into() }
}

/// The next thing to do with an environment.
fn of_environment(name: &EnvName, environment: &Environment, seen: &LastSeen, now: Timestamp) -> Next {
    let intent = &environment.intent;
    if let Some(command) = &seen.unfinished {
        return step(command, "it was broken off, or is still at work; the same command goes on with it");
    }
    if let Some(over) = intent.expires_at.filter(|then| *then <= now) {
        return step(&format!("status {name}"), format!("its time was over {}", relative(over, now)));
    }
    match (intent.goal, seen.phase) {
        (Goal::Gone { .. }, _) => step(&format!("down {name}"), "it is to end, and something of it may be left"),
        (Goal::Stopped, _) | (_, Some(Phase::Stopped | Phase::Stopping)) => {
            step(&format!("start {name}"), "it was stopped; only its disks bill")
        }
        (_, Some(Phase::Ready)) => step(&format!("ssh {name}"), "it was ready when it was last seen"),
        (_, Some(phase)) => step(&format!("up {name}"), format!("it was {}: this brings it there", phase.as_str())),
        (_, None) => step(&format!("status {name}"), "no run of this machine has seen it"),
    }
}

/// What is worth knowing whatever there is.
fn in_general(environments: &[Known], configured: &[String], simulated: &[String], is_simulated: bool) -> Vec<Next> {
    let mut next = Vec::new();
    if !simulated.is_empty() {
        next.push(step("--sim list", format!("what the simulator has: {}", simulated.join(", "))));
    } else if environments.is_empty() && cfg!(feature = "simulator") && !is_simulated {
        next.push(step("--sim up dev", "try it: no account, no network, no cost"));
    }
    if environments.is_empty() {
        next.push(step("doctor", "whether your account has all that is needed, and how to mend what it lacks"));
        if configured.is_empty() {
            next.push(step(
                "up dev",
                "a spot machine of 4 vCPUs and 16 GiB; `cloudtop plan dev` tells beforehand what is made",
            ));
        }
    } else {
        next.push(step("list", "ask EC2 how it is now, and what it costs"));
    }
    next.push(step("--help", "all commands"));
    next
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// Only commands that exist are named.
    #[test]
    fn what_is_named_can_be_typed() {
        let names = ["staging".to_owned()];
        for (configured, simulated) in [(&names[..], &[][..]), (&[], &names), (&[], &[])] {
            for next in in_general(&[], configured, simulated, false) {
                let line = format!("cloudtop {}", next.command);
                let parsed = crate::cli::parse(line.split_whitespace());
                assert!(parsed.is_ok() || next.command == "--help", "{line}");
            }
        }
    }
}
