//! `cloudtop watch`.

use std::time::Duration;

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::config;
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;
use crate::engine::Signal;

use super::context::Context;
use super::deliver;
use super::notify::Event;
use super::report;
use super::service;
use super::stop::Change;
use super::vigil::Vigil;
use super::work::{self, Work};

/// Stay, report changes, bring nodes back, keep snapshots by schedule, and end what has had its time.
///
/// In the foreground, until Ctrl-C; or as a service of your own, which systemd or launchd starts with each login.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop watch dev --every 1m\n  cloudtop watch dev --desktop\n  \
                  cloudtop watch --install dev     (shows the service, asks, and starts it)\n  cloudtop watch --uninstall dev")]
pub struct WatchArgs {
    /// The environment's name; with --install or --uninstall several, or none for all
    #[arg(value_name = "NAME", required_unless_present_any = ["install", "uninstall"])]
    pub names: Vec<EnvName>,
    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = config::parse_duration)]
    pub every: Duration,
    /// Show notices on the desktop, of interruptions and returns among others
    #[arg(long)]
    pub desktop: bool,
    /// Put the time before each line, for a log that does not
    #[arg(long)]
    pub times: bool,
    /// Install it as a service of your own that runs from now on
    #[arg(long, conflicts_with = "uninstall")]
    pub install: bool,
    /// End and remove such services
    #[arg(long)]
    pub uninstall: bool,
}

/// What watching does next.
enum Next {
    /// Look again later.
    Wait(Duration),
    /// There is nothing to watch any more.
    End,
}

/// Runs `cloudtop watch`.
///
/// # Errors
/// What went wrong, with its exit code; 130 or 143 when the user ends it.
pub async fn run(args: &WatchArgs, context: &Context) -> Result<(), CommandError> {
    if args.install {
        return service::install(args, context).await;
    }
    if args.uninstall {
        return service::uninstall(args, context).await;
    }
    match &args.names[..] {
        [name] => stay(name, args, context).await,
        _ => Err(CommandError::usage("one environment is watched at a time")
            .hint("`cloudtop watch --install NAME NAME` watches several, each as a service")),
    }
}

async fn stay(name: &EnvName, args: &WatchArgs, context: &Context) -> Result<(), CommandError> {
    if args.times {
        context.ui.tell_times(context.clock);
    }
    let mut interrupt = context.interrupt.clone();
    context.environment(name).await?;
    let mut vigil = Vigil::begin(context, name, args.desktop)?;
    loop {
        let wait = match once(name, args, context, &mut vigil).await {
            Ok(Next::Wait(wait)) => vigil.until_snapshot().map_or(wait, |snapshot| wait.min(snapshot)),
            Ok(Next::End) => return Ok(()),
            Err(error) => {
                vigil.tell_failure(&error).await;
                return Err(error);
            }
        };
        let _held = interrupt.hold();
        tokio::select! {
            signal = interrupt.wait() => return ended(context, name, signal),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn ended(context: &Context, name: &EnvName, signal: Signal) -> Result<(), CommandError> {
    context.ui.status(&format!("{name} is no longer watched; nothing was changed by that"));
    Err(CommandError::silent(signal.exit_code()))
}

/// Looks once, and does what is to be done.
async fn once(
    name: &EnvName,
    args: &WatchArgs,
    context: &Context,
    vigil: &mut Vigil<'_>,
) -> Result<Next, CommandError> {
    let (state, environment) = context.environment(name).await?;
    let now = context.clock.now();
    if environment.intent.expires_at.is_some_and(|at| at <= now) {
        context.ui.note(&format!("the time of {name} is over: ending it; volumes are kept"));
        let goal = Goal::Gone { delete_volumes: false };
        let change = Change { name, goal, verb: "down", wait: Wait::None, timeout: None };
        change.carry_out(context).await?;
        vigil.tell(Event::Ended, &format!("the time of {name} was over: it was ended; volumes are kept")).await;
        return Ok(Next::End);
    }
    if !report::is_over(environment.intent.goal) {
        vigil.keep_snapshots().await?;
    }
    if vigil.keep_budgets(&environment).await? {
        return Ok(Next::Wait(pause(args, context, &environment)));
    }
    match environment.intent.goal {
        Goal::Running => bring_back(name, args, context, vigil, &state, &environment).await,
        Goal::Stopped => Ok(Next::Wait(pause(args, context, &environment))),
        Goal::Gone { .. } => {
            context.ui.note(&format!("{name} was ended: there is nothing to watch"));
            Ok(Next::End)
        }
    }
}

/// What is left of a throwaway's time.
fn time_left(context: &Context, environment: &Environment) -> Option<Duration> {
    let left = environment.intent.expires_at?.duration_since(context.clock.now());
    Some(Duration::try_from(left).unwrap_or_default())
}

/// How long until the next look: never longer than a throwaway has.
fn pause(args: &WatchArgs, context: &Context, environment: &Environment) -> Duration {
    time_left(context, environment).map_or(args.every, |left| left.min(args.every))
}

/// Works until every node is ready. What EC2 holds back is waited for, as long as it takes.
async fn bring_back(
    name: &EnvName,
    args: &WatchArgs,
    context: &Context,
    vigil: &mut Vigil<'_>,
    state: &crate::state::State,
    environment: &Environment,
) -> Result<Next, CommandError> {
    let _lock = context.lock(name).await?;
    // Whoever had the lock may have stopped or ended it: what was read before counts no more.
    let current = context.store.read().await?.environments.get(name).cloned();
    if current.as_ref() != Some(environment) {
        return Ok(Next::Wait(Duration::ZERO));
    }
    let cloud = context.connect(Some(&environment.intent.region), environment.profile.as_deref()).await?;
    let identity = context.identity(state, name);
    let before = report::look(context, &cloud, &identity, environment).await?;
    let ready =
        |it: &crate::ui::report::EnvironmentReport| it.nodes.iter().all(|node| Wait::Ready.is_met_by(node.view.phase));
    vigil.seen(&before).await;
    if ready(&before) {
        vigil.is_ready(&before);
        return Ok(Next::Wait(pause(args, context, environment)));
    }
    let timeout = vigil.patience(time_left(context, environment));
    let work = Work {
        cloud: &cloud,
        identity: &identity,
        environment,
        verb: "watch",
        wait: Wait::Ready,
        timeout,
        patient: true,
        market: None,
        delivery: deliver::gather(context, &identity, &environment.intent).await?,
    };
    let report = match work::carry_out(context, work).await {
        // Its time is over before it is ready, or budgets are to be asked again: the next look does.
        Err(error) if error.exit == Exit::NotReady => return Ok(Next::Wait(Duration::ZERO)),
        other => other?,
    };
    context.ui.note(&format!("{name}: every node is ready"));
    vigil.became_ready(&report).await;
    Ok(Next::Wait(args.every))
}
