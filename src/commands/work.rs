//! Carrying an intent out with the engine, and what its ending means for the user.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::delivery::Delivery;
use crate::domain::environment::Environment;
use crate::domain::failure::Failure;
use crate::domain::market::Market;
use crate::domain::money;
use crate::domain::names::{EnvName, Identity};
use crate::domain::phase::Wait;
use crate::domain::plan::Blocked;
use crate::domain::pools::{Ranking, RejectionKind};
use crate::engine::{Ending, Options, Outcome, Run, Signal};
use crate::ui::report::EnvironmentReport;
use crate::ui::{Live, tables};

use super::context::Context;
use super::{pace, published, report, spending, why};

/// How long prices are waited for once the user has ended the run.
const LAST_PRICES_WITHIN: Duration = Duration::from_secs(2);

/// What is to be carried out.
pub struct Work<'a> {
    /// EC2.
    pub cloud: &'a Cloud,
    /// Whose environment it is.
    pub identity: &'a Identity,
    /// The environment as it should be.
    pub environment: &'a Environment,
    /// The verb, for the journal and for hints.
    pub verb: &'a str,
    /// How far to wait.
    pub wait: Wait,
    /// How long to wait.
    pub timeout: Option<Duration>,
    /// Whether to wait for capacity rather than to end.
    pub patient: bool,
    /// What there is to choose from, where it has been asked for already.
    pub market: Option<Market>,
    /// What nodes get over ssh: see [`super::deliver::gather`].
    pub delivery: Option<Arc<Delivery>>,
}

/// Carries the intent out. `Ok` only when all is as it should be.
pub async fn carry_out(context: &Context, work: Work<'_>) -> Result<EnvironmentReport, CommandError> {
    let env = &work.identity.env;
    let mut journal = context.journal(env);
    let live = Live::towards(&context.ui, env.as_str(), pace::of(context, &work).await);
    let reach = context.reach()?;
    let run = Run {
        cloud: work.cloud,
        identity: work.identity,
        intent: &work.environment.intent,
        journal: &mut journal,
        clock: context.clock,
        reporter: &live,
        reach: &reach,
        interrupt: context.interrupt.clone(),
        options: Options {
            wait: work.wait,
            timeout: work.timeout,
            patient: work.patient,
            command: format!("{} {env}", work.verb),
            market: work.market,
        },
        published: Box::pin(published::warn(context, work.cloud, &work.environment.intent)),
        delivery: work.delivery,
        tags: work.environment.intent.all_tags(),
    };
    let outcome = Box::pin(run.run()).await;
    live.finish(outcome.as_ref().map_or("failed", |outcome| word_for(&outcome.ending)));
    let outcome = outcome.map_err(|error| {
        let look = format!("what exists is told by `cloudtop status {env}`; {}", go_on(env, work.verb));
        CommandError::from(error).hint(look)
    })?;
    let Outcome { ending, nodes, observed, seen } = outcome;
    let prices = report::prices(context, work.cloud, &nodes);
    let prices = match &ending {
        Ending::Interrupted(signal) if !seen => return Err(interrupted_blind(env, work.verb, *signal)),
        // Who ends a run does not wait for prices.
        Ending::Interrupted(_) => tokio::time::timeout(LAST_PRICES_WITHIN, prices).await.unwrap_or_default(),
        _ => prices.await,
    };
    let mut report = report::report(env, &work.environment.intent, nodes, &observed, &prices);
    spending::add_to(context, work.identity, &observed, &mut report);
    if context.globals.verbose > 0 {
        let counts: Vec<String> =
            work.cloud.call_counts().iter().map(|(action, count)| format!("{action} {count}")).collect();
        context.ui.status(&format!("calls: {}", counts.join(", ")));
    }
    if matches!(ending, Ending::Done) {
        super::moving::note_end(context, env, work.environment, work.wait).await?;
    }
    match ending {
        Ending::Done => Ok(report),
        Ending::Refused(failure) => {
            let quota = match report::last_run(context, env, &observed)?.and_then(|run| run.failed) {
                Some(failed) => why::quota_hints(work.cloud, &failed.call, &failure).await,
                None => Vec::new(),
            };
            Err(refused(failure, quota).hint(report::what_exists(&report)).hint(go_on(env, work.verb)))
        }
        other => Err(ended(env, work.verb, other, &report)),
    }
}

/// How a run ended, for programs that follow it.
fn word_for(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::TimedOut { .. } => "timed-out",
        Ending::Blocked(_) => "blocked",
        Ending::Refused(_) => "refused",
        Ending::Interrupted(signal) => signal.as_str(),
    }
}

/// What an ending short of the goal says.
fn ended(env: &EnvName, verb: &str, ending: Ending, report: &EnvironmentReport) -> CommandError {
    let go_on = go_on(env, verb);
    match ending {
        Ending::Done => CommandError::silent(0),
        Ending::TimedOut { after, waiting_for } => {
            let after = crate::ui::time::short(after);
            let last =
                if waiting_for.is_empty() { "nothing that is known".to_owned() } else { first_few(&waiting_for) };
            let text = format!("`{env}` is not where it should be after {after}; it waits for {last}");
            CommandError::new(Exit::NotReady, text).hint(report::what_exists(report)).hint(go_on)
        }
        Ending::Blocked(blocked) => self::blocked(env, blocked).hint(report::what_exists(report)).hint(go_on),
        Ending::Refused(failure) => refused(failure, Vec::new()).hint(report::what_exists(report)).hint(go_on),
        Ending::Interrupted(signal) => {
            let text = format!("{}: {}", signal.as_str(), report::what_exists(report));
            CommandError::new(Exit::Code(signal.exit_code()), text).hint(go_on)
        }
    }
}

/// The two commands that follow a run that ended early.
fn go_on(env: &EnvName, verb: &str) -> String {
    match verb {
        // `down` does not know what `gc` ends.
        "down" | "gc" => format!("go on with `cloudtop {verb} {env}`"),
        _ => format!("go on with `cloudtop {verb} {env}`; end it with `cloudtop down {env}`"),
    }
}

/// EC2 refused something for good.
fn refused(failure: Failure, more: Vec<String>) -> CommandError {
    let mut error = CommandError::from(failure);
    error.hints.extend(more);
    error
}

/// The user asked for the end before EC2 could be looked at.
fn interrupted_blind(env: &EnvName, verb: &str, signal: Signal) -> CommandError {
    let text = format!("{}: EC2 was not seen, so what exists of {env} is not known", signal.as_str());
    CommandError::new(Exit::Code(signal.exit_code()), text)
        .hint(format!("look with `cloudtop status {env}`; go on with `cloudtop {verb} {env}`"))
}

fn first_few(things: &[String]) -> String {
    match things {
        [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a}; {b}; {c}; and {} more", rest.len()),
        _ => things.join("; "),
    }
}

/// What cannot go on without the user.
pub fn blocked(env: &EnvName, blocked: Blocked) -> CommandError {
    match blocked {
        Blocked::NoPool(ranking) => no_pool(env, &ranking),
        Blocked::RequestFailed { node, words } => {
            CommandError::new(Exit::Failed, format!("node {node} of `{env}`: {words}"))
        }
        Blocked::Volume { node, words } => {
            CommandError::new(Exit::NotFound, format!("node {node} of `{env}`: {words}"))
        }
        Blocked::Node { node, words } => {
            CommandError::new(Exit::Failed, format!("node {node} of `{env}` will not become ready: {words}"))
                .hint(format!("look at it with `cloudtop ssh {env}/{node}`"))
        }
    }
}

/// No pool will do: now (exit code 5), or ever (2).
pub fn no_pool(env: &EnvName, ranking: &Ranking) -> CommandError {
    let later =
        !ranking.refusals.is_empty() || ranking.rejections.iter().any(|it| it.kind != RejectionKind::Unsuitable);
    let reasons = tables::turned_down(ranking);
    let shown = reasons.iter().take(12).cloned().collect::<Vec<_>>().join("\n  ");
    let exit = if later { Exit::NoCapacity } else { Exit::Usage };
    let mut error = CommandError::new(exit, format!("no pool will do for `{env}`:\n  {shown}"));
    if let Some(price) = ranking.least_dear {
        let price = money::hourly(price);
        error = error.hint(format!(
            "of those that are too dear, the cheapest costs {price} an hour now: see --max-price and --min-saving"
        ));
    }
    if later {
        error.hint("try more types (-t a,b), another --zone or --region, a higher --max-price, or --wait-for-capacity")
    } else {
        error.hint("ask for other types (-t), or for less (--cpus, --memory)")
    }
}
