//! `cloudtop sim`.

mod deed;
mod scenario;
mod show;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use crate::cli::{CommandError, Exit};
use crate::simulator::{Deed, Simulator, Target};

use super::context::Context;
use deed::DeedArgs;

/// The built-in simulator of EC2: its world is the one that `--sim` works with.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop sim interrupt dev\n  cloudtop sim set capacity us-east-1 m7a.xlarge us-east-1a none\n  cloudtop sim set fault '*' throttle --chance 20%\n  cloudtop sim scenario bad-day.toml\n  cloudtop sim serve --port 5000"
)]
pub struct SimArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: SimAction,
}

/// What to do with the simulator.
#[derive(Debug, Subcommand)]
pub enum SimAction {
    /// Answer EC2's Query protocol over HTTP on this machine, for other clients
    #[command(after_help = "Example:\n  cloudtop sim serve --port 5000")]
    Serve {
        /// The port on 127.0.0.1; 0 for any
        #[arg(long, default_value_t = 5000)]
        port: u16,
    },
    /// What is done to the world at once.
    #[command(flatten)]
    Deed(DeedArgs),
    /// Lay a scenario of settings, faults and events upon the world
    #[command(
        after_help = "Examples:\n  cloudtop sim scenario bad-day.toml\n  cloudtop sim scenario --list\n\nThe format is told in docs/simulator.md."
    )]
    Scenario {
        /// The scenario; its time begins now
        #[arg(required_unless_present = "list")]
        file: Option<PathBuf>,
        /// Show the faults at work, and what is still to come
        #[arg(long, conflicts_with = "file")]
        list: bool,
    },
    /// Forget the world, its settings and its faults, and begin a new one
    #[command(after_help = "Example:\n  cloudtop sim reset")]
    Reset,
    /// Everything that exists in the world, and the faults at work
    #[command(after_help = "Examples:\n  cloudtop sim show\n  cloudtop sim show --json")]
    Show,
    /// Connect stdin and stdout to the ssh server of a node: for ssh's ProxyCommand
    #[command(hide = true)]
    Connect {
        /// The instance
        instance: String,
    },
}

/// Runs `cloudtop sim`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: SimArgs, context: &Context) -> Result<(), CommandError> {
    let simulator =
        context.simulator().ok_or_else(|| CommandError::new(Exit::Failed, "the simulator did not start"))?;
    match args.action {
        SimAction::Serve { port } => serve(context, simulator, port).await,
        SimAction::Deed(deed) => carry_out(context, simulator, deed),
        SimAction::Scenario { file, .. } => play(context, simulator, file),
        SimAction::Reset => {
            simulator.reset()?;
            context.ui.status("the simulated account is empty");
            Ok(())
        }
        SimAction::Show => show::show(context, simulator),
        SimAction::Connect { instance } => {
            let stream = tokio::io::join(tokio::io::stdin(), tokio::io::stdout());
            simulator
                .serve_ssh(&instance, stream)
                .await
                .map_err(|error| CommandError::new(Exit::Failed, error.to_string()))
        }
    }
}

async fn serve(context: &Context, simulator: &Simulator, port: u16) -> Result<(), CommandError> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let failed = |error: std::io::Error| {
        CommandError::new(Exit::Failed, format!("cannot listen on {wanted}: {error}"))
            .hint("use another --port, or 0 for any")
    };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    context.ui.answer(&format!("http://{address}"))?;
    context.ui.status(&format!(
        "try: aws ec2 describe-regions --endpoint-url http://{address} (any credentials do); Ctrl-C ends it"
    ));
    let mut interrupt = context.interrupt.clone();
    let shutdown = async move {
        let _held = interrupt.hold();
        interrupt.wait().await;
    };
    crate::simulator::serve(simulator.clone(), listener, shutdown).await;
    Ok(())
}

fn carry_out(context: &Context, simulator: &Simulator, args: DeedArgs) -> Result<(), CommandError> {
    let deed = args.deed()?;
    let lines = simulator.carry_out(&deed)?;
    if lines.is_empty() {
        nothing_found(&deed)?;
    }
    for line in lines {
        context.ui.answer(&line)?;
    }
    Ok(())
}

/// Whoever names something that is not there should hear of it.
fn nothing_found(deed: &Deed) -> Result<(), CommandError> {
    let place = |target: &Target| match target {
        Target::Environment { name, .. } => format!("of `{name}`"),
        Target::Zone(zone) => format!("in {zone}"),
        Target::Instances(ids) => ids.join(", "),
    };
    let message = match deed {
        Deed::Interrupt { target, .. } | Deed::Rebalance(target) => {
            format!("no spot instance {} runs in the simulator", place(target))
        }
        Deed::Volume { target, .. } => format!("the simulator has no volume {}", place(target)),
        Deed::Meddle(meddling) => {
            format!("the simulator has nothing {} to do that to", place(&meddling.target))
        }
        _ => return Ok(()),
    };
    Err(CommandError::new(Exit::NotFound, message))
}

fn play(context: &Context, simulator: &Simulator, file: Option<PathBuf>) -> Result<(), CommandError> {
    let Some(file) = file else {
        if context.globals.json {
            return show::show(context, simulator);
        }
        let summary = simulator.show()?;
        let lines = show::trouble(&summary);
        if lines.is_empty() {
            context.ui.status("no fault is at work, and nothing is to come by itself");
        }
        return Ok(context.ui.answer(&lines.join("\n"))?);
    };
    let scenario = scenario::read(&file)?;
    simulator.load(&scenario)?;
    context.ui.status(&format!(
        "{}: {} settings, {} faults, {} events",
        file.display(),
        scenario.settings.len(),
        scenario.faults.len(),
        scenario.events.len()
    ));
    Ok(())
}
