//! What is still to happen to a world: events of a scenario, at a time or after a call.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deed::{Deed, carry_out};
use crate::simulator::faults::covers;
use crate::simulator::lag;
use crate::simulator::world::World;
use crate::ui::time;

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// So long after the scenario was loaded. Divided by the world's `speed`.
    At(Duration),
    /// Right after the nth call, counted from 1 and from when the scenario was loaded.
    AfterCall {
        /// The actions, as a fault rule names them.
        actions: String,
        /// Which of the calls.
        nth: u64,
    },
}

/// Something that is still to happen, or has happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::simulator) struct Event {
    due: Due,
    pub deed: Deed,
    /// How it is written in the scenario.
    pub words: String,
    /// What came of it; none: it is still to happen.
    pub outcome: Option<String>,
}

impl Event {
    /// When it happens, in words, seen from now.
    pub fn when(&self, now: Timestamp) -> String {
        match &self.due {
            Due::At(at) if self.outcome.is_some() => format!("at {at:.0}"),
            Due::At(at) => time::relative((*at).max(now), now),
            Due::AfterCalls { actions, .. } if self.outcome.is_some() => format!("after {actions}"),
            Due::AfterCalls { actions, left } => format!("after {left} more of {actions}"),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Due {
    At(Timestamp),
    AfterCalls { actions: String, left: u64 },
}

/// Plans an event of a scenario that is loaded now.
pub(super) fn plan(world: &mut World, now: Timestamp, when: &When, deed: Deed, words: String) {
    let due = match when {
        When::At(after) => Due::At(world.after(now, *after)),
        When::AfterCall { actions, nth } => Due::AfterCalls { actions: actions.clone(), left: *nth },
    };
    put(world, Event { due, deed, words, outcome: None });
}

/// Plans a deed for an instant.
pub(super) fn at(world: &mut World, at: Timestamp, deed: Deed) {
    put(world, Event { due: Due::At(at), deed, words: "capacity returns".to_owned(), outcome: None });
}

fn put(world: &mut World, event: Event) {
    let number = world.events.last_id().and_then(|id| id.parse::<u32>().ok()).unwrap_or(0) + 1;
    world.events.put(&format!("{number:04}"), event);
}

/// Brings the world to `now`, through every event on the way.
pub(in crate::simulator) fn pass(world: &mut World, now: Timestamp) {
    while let Some((at, id)) = next(world).filter(|(at, _)| *at <= now) {
        lag::advance(world, at);
        happen(world, &id, at);
        lag::remember(world, at);
    }
    lag::advance(world, now);
}

/// The event that comes next by time.
fn next(world: &World) -> Option<(Timestamp, String)> {
    let timed = world.events.iter().filter(|(_, event)| event.outcome.is_none()).filter_map(|(id, event)| {
        let Due::At(at) = event.due else { return None };
        Some((at, id.clone()))
    });
    timed.min()
}

/// Counts a call that was answered, and lets happen what waited for it.
pub(in crate::simulator) fn called(world: &mut World, action: &str, now: Timestamp) {
    let waiting: Vec<String> = world
        .events
        .iter()
        .filter(|(_, event)| event.outcome.is_none())
        .filter(|(_, event)| matches!(&event.due, Due::AfterCalls { actions, .. } if covers(actions, action)))
        .map(|(id, _)| id.clone())
        .collect();
    for id in waiting {
        let Some(event) = world.events.edit(&id) else { continue };
        let Due::AfterCalls { left, .. } = &mut event.due else { continue };
        *left = left.saturating_sub(1);
        if *left == 0 {
            happen(world, &id, now);
        }
    }
}

fn happen(world: &mut World, id: &str, at: Timestamp) {
    let Some(deed) = world.events.get(id).map(|event| event.deed.clone()) else { return };
    let outcome = match carry_out(world, at, &deed) {
        Ok(lines) if lines.is_empty() => "done".to_owned(),
        Ok(lines) => lines.join(", "),
        Err(error) => format!("failed: {error}"),
    };
    world.next_due = None;
    if let Some(event) = world.events.edit(id) {
        event.outcome = Some(outcome);
    }
}
