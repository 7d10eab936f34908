//! Ending what `gc` has found: whole environments by the engine, single things in an order in which nothing comes back.

use std::collections::BTreeMap;

use crate::cli::{CommandError, Exit};
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::leftovers::{Kind, Leftover};
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;
use crate::engine::{Removal, Removed};
use crate::ui::Live;
use crate::ui::report::EnvironmentReport;

use super::context::Context;
use super::everywhere::FoundThere;
use super::gc::Useless;
use super::rebuild;
use super::stop::{Change, PATIENCE};
use super::work::{self, Work};

/// What is chosen of one environment in one region.
struct Part<'a> {
    there: &'a FoundThere,
    whole: bool,
    things: Vec<Leftover>,
}

/// Ends what was chosen; `ended` gets the ids of what is gone. A failure about one environment does not keep the others;
/// the first is the answer.
pub async fn end(context: &Context, chosen: &[Useless], ended: &mut Vec<String>) -> Result<(), CommandError> {
    let mut parts: BTreeMap<(String, EnvName), Part<'_>> = BTreeMap::new();
    for useless in chosen {
        let it = &useless.row.leftover;
        let part = parts.entry((it.region.clone(), it.of.env.clone())).or_insert_with(|| Part {
            there: &useless.there,
            whole: false,
            things: Vec::new(),
        });
        match it.kind {
            Kind::Environment => part.whole = true,
            _ => part.things.push(it.clone()),
        }
    }
    let mut first: Option<CommandError> = None;
    for part in parts.into_values() {
        let Err(error) = end_part(context, &part, ended).await else { continue };
        if context.interrupt.came().is_some() {
            return Err(error);
        }
        match &first {
            Some(_) => context.ui.warn(&error.to_string()),
            None => first = Some(error),
        }
    }
    first.map_or(Ok(()), Err)
}

async fn end_part(context: &Context, part: &Part<'_>, ended: &mut Vec<String>) -> Result<(), CommandError> {
    let name = &part.there.found.identity.env;
    let state = context.store.read().await?;
    let known = state.environments.get(name).cloned();
    if let Some(elsewhere) = known.as_ref().filter(|it| it.intent.region != part.there.region) {
        // Both would have one journal.
        let text =
            format!("there is another `{name}` in {}: this one cannot be ended beside it", elsewhere.intent.region);
        return Err(CommandError::usage(text).hint(format!(
            "recover it into a state file of its own and end it there: `cloudtop --state FILE recover {name} -r {} --owner {}`",
            part.there.region, state.owner
        )));
    }
    if part.whole {
        let report = end_whole(context, part.there, known).await?;
        ended.push(name.to_string());
        tell_of_volumes(context, name, &report);
    }
    if part.things.is_empty() {
        return Ok(());
    }
    remove(context, part, ended).await
}

/// Ends all that computes for an environment.
async fn end_whole(
    context: &Context,
    there: &FoundThere,
    known: Option<Environment>,
) -> Result<EnvironmentReport, CommandError> {
    let name = &there.found.identity.env;
    let goal = Goal::Gone { delete_volumes: false };
    if known.is_some() {
        let change = Change { name, goal, verb: "down", wait: Wait::None, timeout: None };
        return change.carry_out(context).await;
    }
    let mut environment = rebuild::environment(context, there)?;
    let _lock = context.lock(name).await?;
    environment.intent.goal = goal;
    let work = Work {
        cloud: &there.cloud,
        identity: &there.found.identity,
        environment: &environment,
        verb: "gc",
        wait: Wait::None,
        timeout: Some(PATIENCE),
        patient: false,
        market: None,
        delivery: None,
    };
    work::carry_out(context, work).await
}

fn tell_of_volumes(context: &Context, name: &EnvName, report: &EnvironmentReport) {
    if report.volumes.is_empty() {
        context.ui.status(&format!("{name} is gone; nothing of it is left"));
    }
    for volume in &report.volumes {
        let (usd, _) = money::gp3_per_month(&report.region, u64::from(volume.size_gib));
        context.ui.status(&format!(
            "{name} is gone; its volume {0} is kept, at about {1} a month: `cloudtop gc {0}` deletes it",
            volume.volume_id,
            money::amount(usd)
        ));
    }
}

async fn remove(context: &Context, part: &Part<'_>, ended: &mut Vec<String>) -> Result<(), CommandError> {
    let identity = &part.there.found.identity;
    let name = &identity.env;
    let _lock = context.lock(name).await?;
    let live = Live::new(&context.ui, name.as_str());
    let ids: Vec<String> = part.things.iter().map(|it| it.id.clone()).collect();
    let removal = Removal {
        cloud: &part.there.cloud,
        identity,
        journal: &mut context.journal(name),
        clock: context.clock,
        reporter: &live,
        interrupt: context.interrupt.clone(),
        command: format!("gc {}", ids.join(" ")),
        things: &part.things,
    };
    let removed = removal.run().await;
    live.finish(match &removed {
        Ok(Removed::All) => "done",
        Ok(Removed::Refused(_)) => "refused",
        Ok(Removed::TimedOut(_)) => "timed-out",
        Ok(Removed::Interrupted(_)) => "interrupted",
        Err(_) => "failed",
    });
    let again = format!("go on with `cloudtop gc {}`", ids.join(" "));
    match removed? {
        Removed::All => {
            for thing in &part.things {
                context.ui.status(&format!("{} {} is gone", thing.kind.as_str(), thing.id));
            }
            ended.extend(ids);
            forget(context, part).await
        }
        Removed::Refused(failure) => Err(CommandError::from(failure).hint(again)),
        Removed::TimedOut(what) => {
            let text = format!("{} could not be ended in time; waited for {what}", ids.join(", "));
            Err(CommandError::new(Exit::NotReady, text).hint(again))
        }
        Removed::Interrupted(signal) => {
            let text = format!("{}: of {} some may be left", signal.as_str(), ids.join(", "));
            let error = CommandError::new(Exit::Code(signal.exit_code()), text);
            Err(error.hint(again).hint("`cloudtop gc` lists what is left"))
        }
    }
}

/// An environment that was kept for its volumes is forgotten with the last of them.
async fn forget(context: &Context, part: &Part<'_>) -> Result<(), CommandError> {
    let found = &part.there.found;
    let removed = |id: &String| part.things.iter().any(|it| it.kind == Kind::Volume && it.id == *id);
    let any = part.things.iter().any(|it| it.kind == Kind::Volume);
    if !any || found.is_alive() || !found.observed.volumes.iter().all(|it| removed(&it.id)) {
        return Ok(());
    }
    let name = &found.identity.env;
    context.forget_ended(name).await
}
