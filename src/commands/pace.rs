//! How long nodes took before, for the time that is left.

use crate::domain::intent::Goal;
use crate::domain::journal::Entry;
use crate::domain::names::EnvName;
use crate::domain::pace::{self, Pace};
use crate::domain::phase::Phase;

use super::context::Context;
use super::work::Work;

/// A journal that is longer tells of thousands of nodes: reading it again would hold up the work that it should comfort in.
const READ_UP_TO_BYTES: u64 = 16 << 20;

/// What this installation's journals tell of the way that the work goes: those of environments with the same template, and of
/// this one's earlier lives. What cannot be read tells nothing; the engine will say why.
pub async fn of(context: &Context, work: &Work<'_>) -> Pace {
    let target = match work.environment.intent.goal {
        Goal::Running => pace::target_of(work.wait),
        Goal::Stopped => Phase::Stopped,
        Goal::Gone { .. } => Phase::Gone,
    };
    if context.ui.options().quiet {
        return Pace::unknown(target);
    }
    let mut names = vec![work.identity.env.clone()];
    if let Ok(state) = context.store.read().await {
        let alike = state.environments.iter().filter(|(_, it)| it.intent.template == work.environment.intent.template);
        names.splice(0..0, alike.map(|(name, _)| name.clone()).filter(|name| *name != work.identity.env));
    }
    let journals: Vec<Vec<Entry>> = names.iter().map(|name| read(context, name)).collect();
    Pace::learn(journals.iter().map(Vec::as_slice), target)
}

fn read(context: &Context, name: &EnvName) -> Vec<Entry> {
    let length = std::fs::metadata(context.paths.journal(name)).map_or(0, |it| it.len());
    if length > READ_UP_TO_BYTES { Vec::new() } else { context.journal(name).read().unwrap_or_default() }
}
