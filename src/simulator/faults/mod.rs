//! Calls that go wrong on purpose: rules kept in the world, so that every process that shares it meets them.
//!
//! - `rule`: which calls a rule is about, and when it strikes
//! - `trouble`: what it does to them, and the words for it
//! - `errors`: EC2's codes with their statuses and messages
//! - `denial`: the refusal of a caller without permission

mod denial;
mod errors;
mod rule;
mod trouble;

use std::time::Duration;

use jiff::Timestamp;

use super::actions;
use super::control;
use super::protocol::{Answer, Request};
use super::world::World;

pub(super) use denial::denied;
pub(super) use errors::throttled;
pub use rule::FaultRule;
pub(super) use rule::{Armed, covers, is_read};
pub use trouble::Trouble;

/// What comes of a request at its door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The answer, at once.
    Answer(Answer),
    /// The answer, after a while.
    Late(Duration, Answer),
    /// The connection is refused: nobody heard the request.
    Refused,
    /// The connection breaks before an answer came.
    Reset,
    /// No answer ever comes.
    Never,
}

/// Answers one request, or lets it go wrong as the first rule says that strikes.
pub(super) fn deliver(world: &mut World, request: &Request, now: Timestamp) -> Delivery {
    let trouble = strike(world, request.action(), now);
    let unheard = match trouble {
        Some(Trouble::Refuse) => Some(Delivery::Refused),
        Some(Trouble::ResetBefore) => Some(Delivery::Reset),
        Some(Trouble::HangBefore) => Some(Delivery::Never),
        _ => None,
    };
    if let Some(delivery) = unheard {
        // It was sent, and is counted as sent.
        world.count_call(request.action());
        return delivery;
    }
    let refusal = trouble.as_ref().and_then(|trouble| trouble.refusal(world, request, now));
    let mut answer = actions::answer(world, request, now, refusal);
    control::called(world, request.action(), now);
    match trouble {
        Some(Trouble::ResetAfter) => Delivery::Reset,
        Some(Trouble::HangAfter) => Delivery::Never,
        Some(Trouble::Late(by)) => Delivery::Late(by, answer),
        Some(Trouble::Truncate) => {
            answer.body.truncate(answer.body.floor_char_boundary(answer.body.len() / 2));
            Delivery::Answer(answer)
        }
        _ => Delivery::Answer(answer),
    }
}

/// Has every rule that is about an action count the call; the first that strikes decides.
fn strike(world: &mut World, action: &str, now: Timestamp) -> Option<Trouble> {
    let seed = world.seed();
    let about: Vec<String> =
        world.faults.iter().filter(|(_, it)| it.is_about(action, now)).map(|(id, _)| id.clone()).collect();
    let mut struck = None;
    for id in about {
        let Some(armed) = world.faults.edit(&id) else { continue };
        armed.seen += 1;
        if struck.is_none() && armed.strikes(seed, &id) {
            armed.struck += 1;
            struck = Some(armed.rule.trouble.clone());
        }
    }
    struck
}

/// Adds a rule behind those that there are.
pub(super) fn arm(world: &mut World, rule: FaultRule, now: Timestamp) {
    let number = world.faults.last_id().and_then(|id| id.parse::<u32>().ok()).unwrap_or(0) + 1;
    let begins = world.after(now, rule.after);
    let ends = rule.lasts.map(|lasts| world.after(begins, lasts));
    world.faults.put(&format!("{number:04}"), Armed { rule, begins, ends, seen: 0, struck: 0 });
}

/// Takes away the rules whose actions the pattern matches.
pub(super) fn disarm(world: &mut World, pattern: &str) {
    let gone: Vec<String> = world
        .faults
        .iter()
        .filter(|(_, it)| super::protocol::filter::matches(pattern, &it.rule.actions))
        .map(|(id, _)| id.clone())
        .collect();
    for id in gone {
        world.faults.remove(&id);
    }
}
