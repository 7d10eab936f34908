//! `cloudtop up`.

use std::time::Duration;

use clap::Args;

use crate::cli::CommandError;
use crate::config::{self, WaitFor};
use crate::domain::intent::Intent;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;
use crate::ssh::include::{self, IncludeState};
use crate::ui::report::EnvironmentReport;
use crate::ui::{shapes, tables};

use super::choosing;
use super::context::{Context, home_dir};
use super::preflight::{self, Fit};
use super::wish::WishArgs;
use super::work::{self, Work};
use super::{budget, deliver, keeping, spending};

/// How long `up` waits where nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// The variables of templates that name tools, which a node fetches after it is ready.
const TOOLS: [&str; 5] = ["dotfiles", "repositories", "downloads", "setup", "setup_each_boot"];

/// Make an environment be there: create it, bring it back, or finish what an earlier run began.
///
/// Returns when every node is ready. Run again it changes nothing, or finishes what is unfinished.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop up dev\n  cloudtop up big --cpus 16 --memory 64 --local-ssd --max-price 0.40\n  cloudtop up core -n 3 --template coreos -r us-west-1 --ttl 8h\n  cloudtop up core -n 40 --json --progress json    for a program: progress on stderr, the answer on stdout"
)]
pub struct UpArgs {
    /// The environment's name
    pub name: EnvName,
    /// What it should be.
    #[command(flatten)]
    pub wish: WishArgs,
    /// How far to wait
    #[arg(long, value_parser = parse_wait, value_name = "running|ssh|ready|none")]
    pub wait: Option<Wait>,
    /// How long to wait, for example 10m
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub timeout: Option<Duration>,
    /// Print the plan, do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Go on although a budget is spent (until the month is over)
    #[arg(long)]
    pub over_budget: bool,
}

/// Reads the value of `--wait`.
pub(super) fn parse_wait(text: &str) -> Result<Wait, String> {
    match text {
        "none" => Ok(Wait::None),
        "running" => Ok(Wait::Running),
        "ssh" => Ok(Wait::Ssh),
        "ready" => Ok(Wait::Ready),
        _ => Err("use running, ssh, ready or none".to_owned()),
    }
}

/// How far a setting waits.
fn configured(setting: Option<WaitFor>) -> Wait {
    match setting {
        Some(WaitFor::None) => Wait::None,
        Some(WaitFor::Running) => Wait::Running,
        Some(WaitFor::Ssh) => Wait::Ssh,
        Some(WaitFor::Ready) | None => Wait::Ready,
    }
}

/// Runs `cloudtop up`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &UpArgs, context: &Context) -> Result<(), CommandError> {
    if args.dry_run {
        return super::plan::show(context, &args.name, &args.wish).await;
    }
    super::image::must_be_no_builder(context, &args.name).await?;
    Box::pin(super::moving::region::go_on(context, &args.name)).await?;
    let _lock = context.lock(&args.name).await?;
    let fit = preflight::check(context, &args.name, &args.wish).await?;
    budget::before_up(context, &args.name, &fit, args.over_budget).await?;
    confirm_smaller(context, &args.name, &fit)?;
    tell_of_what_waits(context, &args.name, &fit);
    choosing::tell_of_fallback(context, &fit.environment.intent, fit.market.as_ref());
    // A secret that is missing is found before anything is made or noted.
    let identity = context.identity(&context.store.read().await?, &args.name);
    let delivery = deliver::gather(context, &identity, &fit.environment.intent).await?;
    let environment = fit.environment.clone();
    context
        .store
        .update(|state| {
            state.environments.insert(args.name.clone(), environment);
        })
        .await?;
    let wait = args.wait.unwrap_or_else(|| configured(fit.settings.wait));
    let mut report = work::carry_out(
        context,
        Work {
            cloud: &fit.cloud,
            identity: &identity,
            environment: &fit.environment,
            verb: "up",
            wait,
            timeout: Some(args.timeout.or(fit.settings.timeout).unwrap_or(PATIENCE)),
            patient: false,
            market: fit.market,
            delivery,
        },
    )
    .await?;
    if wait == Wait::Ready {
        look_at_tools(context, &args.name, &fit.environment.intent, &mut report).await?;
    }
    for note in &report.notes {
        context.ui.warn(note);
    }
    spending::tell(context, &report);
    keeping::remind(context, &args.name, fit.settings.snapshots, &report);
    answer(context, &report)?;
    for command in &fit.after_up {
        context.ui.note(&format!("next, on this machine: {command}"));
    }
    offer_include(context, &args.name)
}

/// A node is ready without its tools, which come from other people's servers; what came of them is said. Only a CloudTop
/// has such tools, so that nodes without are not asked.
async fn look_at_tools(
    context: &Context,
    name: &EnvName,
    intent: &Intent,
    report: &mut EnvironmentReport,
) -> Result<(), CommandError> {
    if !TOOLS.iter().any(|variable| intent.set.get(*variable).is_some_and(|value| !value.is_empty())) {
        return Ok(());
    }
    super::report::ask_nodes(context, name, intent, report).await?;
    let mut failed = Vec::new();
    for node in &report.nodes {
        let index = node.view.index;
        let Some(tools) = node.said.as_ref().and_then(|said| said.as_ref().ok()?.tools.as_ref()) else { continue };
        failed.extend(tools.failed.iter().map(|it| format!("node {index}: a tool failed: {it}")));
        if let Some(item) = &tools.item {
            context.ui.note(&format!(
                "node {index} still fetches its tools ({item}): `cloudtop status {name}` tells what came of them, \
                 `cloudtop logs {name} --of tools -f` shows the work"
            ));
        }
    }
    if !failed.is_empty() {
        failed.push(format!(
            "`cloudtop logs {name} --of tools` shows why; `systemctl restart cloudtop-tools` tries again"
        ));
    }
    report.notes.extend(failed);
    Ok(())
}

/// User data is for a first boot: nodes that are there keep theirs.
fn tell_of_what_waits(context: &Context, name: &EnvName, fit: &Fit) {
    let Some(previous) = fit.previous.as_ref().filter(|it| !super::report::is_over(it.intent.goal)) else { return };
    let made_from = |it: &Intent| {
        let profile = (it.instance_profile.clone(), it.image.clone());
        (it.template.clone(), it.os, it.set.clone(), it.user_data_file.clone(), it.idle_minutes, profile)
    };
    if made_from(&previous.intent) != made_from(&fit.environment.intent) {
        context.ui.note(&format!(
            "the template or its settings have changed: nodes of {name} that are there keep what they were launched with \
             until `cloudtop down {name}` and `up`"
        ));
    }
}

/// Fewer nodes than before ends the others: that needs the user's word.
fn confirm_smaller(context: &Context, name: &EnvName, fit: &Fit) -> Result<(), CommandError> {
    let after = fit.environment.intent.nodes;
    let before =
        fit.previous.as_ref().filter(|it| !super::report::is_over(it.intent.goal)).map_or(0, |it| it.intent.nodes);
    if before <= after {
        return Ok(());
    }
    let last = before - 1;
    let which = if after == last { format!("node {last}") } else { format!("nodes {after} to {last}") };
    if context.ui.confirm(&format!("End {which} of `{name}`? Their volumes are kept."), "--yes (-y)")? {
        return Ok(());
    }
    Err(CommandError::silent(1))
}

/// Prints what there is now.
pub fn answer(context: &Context, report: &EnvironmentReport) -> Result<(), CommandError> {
    if context.globals.json {
        return Ok(context.ui.json(&shapes::EnvironmentShape::from(report))?);
    }
    context.ui.answer(&tables::nodes(report, context.ui.table_width()))?;
    Ok(())
}

/// Offers, once, to let plain `ssh` know the nodes. Nothing of the user's is changed without their word.
fn offer_include(context: &Context, name: &EnvName) -> Result<(), CommandError> {
    let ssh_dir = context.ssh_dir()?;
    let Some(ssh_config) = home_dir().map(|home| home.join(".ssh").join("config")) else { return Ok(()) };
    let asked = context.paths.ssh_dir().join("include-asked");
    if context.globals.simulated()
        || asked.exists()
        || include::include_state(&ssh_config, &ssh_dir)? == IncludeState::Included
    {
        return Ok(());
    }
    if !context.ui.can_ask() {
        context.ui.note(&format!(
            "`cloudtop ssh {name}` works; for plain ssh, let `cloudtop ssh --setup` add one line to {}",
            ssh_config.display()
        ));
        return Ok(());
    }
    let question =
        format!("Add one Include line to {}, so that plain `ssh cloudtop-{name}` works?", ssh_config.display());
    if context.ui.confirm(&question, "--yes (-y)")? {
        include::add_include(&ssh_config, &ssh_dir)?;
    }
    crate::state::files::replace(&asked, b"").map_err(CommandError::from)
}
