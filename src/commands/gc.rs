//! `cloudtop gc`.

use clap::Args;

use crate::cli::CommandError;
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;

use super::context::Context;
use super::everywhere::{self, Breadth, FoundThere};
use super::stop::{Change, PATIENCE};
use super::work::{self, Work};
use super::{down, rebuild, report};

/// Find what has our tags and no use any more: throwaways whose time is over, and environments that the state does not
/// know.
///
/// Lists them. With --end, ends those that you choose; volumes are kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop gc\n  cloudtop gc --end\n  cloudtop gc -r us-west-2 --end --yes")]
pub struct GcArgs {
    /// End them, after asking for each
    #[arg(long)]
    pub end: bool,
}

/// Something that has no use any more.
struct Useless {
    there: FoundThere,
    environment: Environment,
    known: bool,
    why: String,
}

/// Runs `cloudtop gc`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &GcArgs, context: &Context) -> Result<(), CommandError> {
    let all = find(context).await?;
    if all.is_empty() {
        context.ui.status("everything that has our tags is known and in use");
        return Ok(());
    }
    for useless in &all {
        let line = describe(context, useless).await?;
        context.ui.answer(&line)?;
    }
    if !args.end {
        context.ui.status("end them with `cloudtop gc --end`; take unknown ones back with `cloudtop recover`");
        return Ok(());
    }
    for useless in all {
        let name = useless.there.found.identity.env.clone();
        if context.ui.confirm(&format!("End {name}? Its volumes are kept."), "--yes (-y)")? {
            end(context, useless, &name).await?;
        }
    }
    Ok(())
}

async fn find(context: &Context) -> Result<Vec<Useless>, CommandError> {
    let state = context.store.read().await?;
    let now = context.clock.now();
    let mut all = Vec::new();
    for there in everywhere::find(context, Some(&state.owner), Breadth::Environments).await?.found {
        let known = state.environments.get(&there.found.identity.env);
        let environment = match known {
            Some(environment) => environment.clone(),
            None => rebuild::environment(context, &there)?,
        };
        let runs = there.found.observed.instances.iter().any(|it| it.state.is_live())
            || there.found.observed.requests.iter().any(|it| it.state.is_live());
        let expired = environment.intent.expires_at.filter(|at| *at <= now && runs);
        let why = match (expired, known.is_some()) {
            (Some(at), _) => format!("its time was over {}", crate::ui::time::relative(at, now)),
            (None, false) => "no state knows it".to_owned(),
            (None, true) => continue,
        };
        let known = known.is_some();
        all.push(Useless { there, environment, known, why });
    }
    Ok(all)
}

async fn describe(context: &Context, useless: &Useless) -> Result<String, CommandError> {
    let FoundThere { found, region, cloud } = &useless.there;
    let intent = &useless.environment.intent;
    let views = report::views(context, &found.identity, intent, &found.observed)?;
    let prices = report::prices(context, cloud, &views).await;
    let name = &found.identity.env;
    let report = report::report(name, intent, views, &found.observed, &prices);
    Ok(format!(
        "{name} in {region}: {}; {}, {} a month",
        useless.why,
        report::what_exists(&report),
        money::amount(report.price_per_month())
    ))
}

async fn end(context: &Context, useless: Useless, name: &EnvName) -> Result<(), CommandError> {
    let goal = Goal::Gone { delete_volumes: false };
    if useless.known {
        let change = Change { name, goal, verb: "down", wait: Wait::None, timeout: None };
        let report = change.carry_out(context).await?;
        return down::forget_if_nothing_is_left(context, name, &report).await;
    }
    let _lock = context.lock(name).await?;
    let mut environment = useless.environment;
    environment.intent.goal = goal;
    let work = Work {
        cloud: &useless.there.cloud,
        identity: &useless.there.found.identity,
        environment: &environment,
        verb: "gc",
        wait: Wait::None,
        timeout: Some(PATIENCE),
        patient: false,
        market: None,
    };
    work::carry_out(context, work).await?;
    context.ui.status(&format!("{name} is gone; volumes are kept"));
    Ok(())
}
