//! `cloudtop stop`.

use std::time::Duration;

use clap::Args;

use crate::cli::CommandError;
use crate::config;
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::phase::{Phase, Wait};
use crate::ui::report::EnvironmentReport;

use super::context::Context;
use super::work::{self, Work};
use super::{deliver, report, spending, up};

/// How long `stop` and `start` wait where nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Stop paying for compute; disks are kept.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cloudtop stop dev")]
pub struct StopArgs {
    /// The environment's name
    pub name: EnvName,
    /// How long to wait, for example 10m
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub timeout: Option<Duration>,
}

/// Runs `cloudtop stop`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &StopArgs, context: &Context) -> Result<(), CommandError> {
    let one_time = |environment: &Environment| environment.intent.one_time;
    let (_, before) = context.environment(&args.name).await?;
    if one_time(&before) {
        let text = format!("`{}` was made with --one-time, and EC2 cannot stop such a node", args.name);
        return Err(CommandError::usage(text).hint(format!("end it with `cloudtop down {}`", args.name)));
    }
    let began = spending::life_began(context, &args.name)?;
    let change =
        Change { name: &args.name, goal: Goal::Stopped, verb: "stop", wait: Wait::None, timeout: args.timeout };
    let report = change.carry_out(context).await?;
    // Of what others have made, the journal does not know.
    let kept = money::amount(spending::kept_per_month(context, &args.name).max(report.volume_usd_per_month));
    context.ui.status(&format!("{} is stopped; its disks cost about {kept} a month", args.name));
    spending::tell_sum(context, &args.name, began);
    if report.nodes.iter().any(|node| node.view.phase == Phase::Interrupted) {
        context.ui.note(&format!(
            "EC2 had stopped a node of {0} itself, and starts it again when it can; it bills then: `cloudtop stop {0}` again, or `cloudtop down {0}`",
            args.name
        ));
    }
    up::answer(context, &report)
}

/// A command that changes nothing but the goal.
pub struct Change<'a> {
    /// The environment.
    pub name: &'a EnvName,
    /// What it should be from now on.
    pub goal: Goal,
    /// The verb, for the journal.
    pub verb: &'a str,
    /// How far to wait.
    pub wait: Wait,
    /// How long to wait; none: the usual time.
    pub timeout: Option<Duration>,
}

impl Change<'_> {
    /// Notes the goal and carries it out. What is gone with nothing left of it is forgotten, while nobody else may work on
    /// it: an environment whose volumes are kept stays known, for they cost money, and the next `up` uses them again.
    pub async fn carry_out(self, context: &Context) -> Result<EnvironmentReport, CommandError> {
        self.change(context, false).await
    }

    /// The same, with a volume deleted only once there is a whole snapshot of it.
    pub async fn after_snapshots(self, context: &Context) -> Result<EnvironmentReport, CommandError> {
        self.change(context, true).await
    }

    async fn change(self, context: &Context, snapshot_first: bool) -> Result<EnvironmentReport, CommandError> {
        let _lock = context.lock(self.name).await?;
        let (state, before) = context.environment(self.name).await?;
        if report::is_over(before.intent.goal) && !report::is_over(self.goal) {
            let text = format!("`{}` was ended: only its volumes may be left", self.name);
            return Err(CommandError::usage(text).hint(format!("bring it back with `cloudtop up {}`", self.name)));
        }
        let cloud = context.connect(Some(&before.intent.region), before.profile.as_deref()).await?;
        let mut environment = before;
        environment.intent.goal = self.goal;
        environment.intent.snapshot_first = snapshot_first;
        environment.updated_at = context.clock.now();
        let identity = context.identity(&state, self.name);
        let delivery = deliver::gather(context, &identity, &environment.intent).await?;
        let noted = environment.clone();
        context
            .store
            .update(|state| {
                state.environments.insert(self.name.clone(), noted);
            })
            .await?;
        let work = Work {
            cloud: &cloud,
            identity: &identity,
            environment: &environment,
            verb: self.verb,
            wait: self.wait,
            timeout: Some(self.timeout.unwrap_or(PATIENCE)),
            patient: false,
            market: None,
            delivery,
        };
        let report = work::carry_out(context, work).await?;
        if report::is_over(self.goal) && report.volumes.is_empty() {
            context
                .store
                .update(|state| {
                    state.environments.remove(self.name);
                })
                .await?;
            context.paths.remove_private(self.name)?;
        }
        Ok(report)
    }
}
