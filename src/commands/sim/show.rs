//! What there is in the simulated account, and what is going to happen to it.

use crate::cli::CommandError;
use crate::commands::context::Context;
use crate::simulator::{Simulator, Summary};

/// Prints everything.
///
/// # Errors
/// A world that cannot be read.
pub fn show(context: &Context, simulator: &Simulator) -> Result<(), CommandError> {
    let summary = simulator.show()?;
    if context.globals.json {
        return Ok(context.ui.json(&summary)?);
    }
    if summary.is_empty() {
        context.ui.status("nothing is left in the simulated account");
    }
    let mut lines = resources(&summary);
    lines.extend(trouble(&summary));
    context.ui.answer(&lines.join("\n"))?;
    Ok(())
}

fn resources(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    for it in summary.instances.iter().filter(|it| !it.gone) {
        lines.push(format!("instance         {}  {}  {}  {}", it.id, it.instance_type, it.zone, it.state));
    }
    for it in summary.spot_requests.iter().filter(|it| !it.gone) {
        lines.push(format!("spot request     {}  {}  {}", it.id, it.state, it.status));
    }
    for it in &summary.volumes {
        lines.push(format!("volume           {}  {} GiB  {}  {}", it.id, it.size_gib, it.zone, it.state));
    }
    for it in &summary.snapshots {
        lines.push(format!("snapshot         {}  {} GiB  of {}  {}", it.id, it.size_gib, it.volume_id, it.state));
    }
    let named = [
        ("security group  ", &summary.security_groups),
        ("key pair        ", &summary.key_pairs),
        ("interface       ", &summary.network_interfaces),
    ];
    for (word, things) in named {
        lines.extend(things.iter().map(|it| format!("{word} {}  {}  {}", it.id, it.region, it.name)));
    }
    lines
}

/// The faults at work, and what is still to come or has come by itself.
pub fn trouble(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    for it in &summary.faults {
        let when = if it.when.is_empty() { "always" } else { &it.when };
        lines.push(format!(
            "fault            {}  {}  ({when}; struck {} of {} calls)",
            it.actions, it.fault, it.struck, it.seen
        ));
    }
    for it in &summary.events {
        let outcome = it.outcome.as_ref().map_or_else(String::new, |outcome| format!("  -> {outcome}"));
        lines.push(format!("event            {}: {}{outcome}", it.when, it.what));
    }
    lines
}
