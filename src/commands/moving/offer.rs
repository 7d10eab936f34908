//! What is said of moves elsewhere: that one is under way, and that one would help.

use jiff::Timestamp;

use crate::domain::intent::{Goal, Intent};
use crate::domain::names::EnvName;
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::ui::time;

/// Says that an environment is between two places.
pub fn on_its_way(name: &EnvName, intent: &Intent, now: Timestamp) -> Option<String> {
    let moving = intent.moving.as_ref()?;
    let to = match &moving.zone {
        Some(zone) => zone.clone(),
        None => "machines of another type".to_owned(),
    };
    Some(format!(
        "{name} is on its way to {to}, begun {}: `cloudtop move {name}` goes on with it",
        time::relative(moving.since, now)
    ))
}

/// Says what helps where nodes wait for capacity. It costs nothing to be told, so that it is said from the first moment
/// (docs/backtest.md).
pub fn where_it_waits(name: &EnvName, intent: &Intent, views: &[NodeView], now: Timestamp) -> Option<String> {
    if intent.moving.is_some() || intent.fixed_addresses || intent.goal != Goal::Running {
        return None;
    }
    let waiting: Vec<&NodeView> = views.iter().filter(|view| waits_for_capacity(view)).collect();
    let first = waiting.first()?;
    let since = waiting.iter().filter_map(|view| view.ended_at).min();
    let long = since.and_then(|since| now.duration_since(since).try_into().ok());
    let long = long.map(|long| format!("has waited {} for capacity", time::short(long)));
    let what = long.unwrap_or_else(|| "waits for capacity".to_owned());
    let place = first.zone.as_deref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    Some(format!("{name} {what}{place}: `cloudtop move {name}` shows where there is some"))
}

fn waits_for_capacity(view: &NodeView) -> bool {
    let waits = matches!(view.phase, Phase::Interrupted | Phase::Requested);
    waits && view.request_status.as_deref().is_some_and(|code| code.contains("capacity"))
}
