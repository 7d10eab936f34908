//! `cloudtop sim`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use tokio::net::TcpListener;

use crate::cli::{CommandError, Exit};
use crate::config;
use crate::domain::names::EnvName;
use crate::simulator::{Capacity, Reason, Simulator, Target};

use super::context::Context;
use super::ssh::NodeName;

/// The built-in simulator of EC2: its world is the one that `--sim` works with.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop sim interrupt dev\n  cloudtop sim set capacity us-east-1 m7a.xlarge us-east-1a none\n  cloudtop sim serve --port 5000"
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
    Serve {
        /// The port on 127.0.0.1; 0 for any
        #[arg(long, default_value_t = 5000)]
        port: u16,
    },
    /// EC2 takes nodes away, as it does with spot instances
    Interrupt {
        /// The environment's name, with /INDEX for one node
        #[arg(value_name = "NAME[/INDEX]")]
        node: NodeName,
        /// Why
        #[arg(long, value_enum, default_value = "capacity")]
        reason: InterruptReason,
        /// How long before it happens the node is told; without it, not at all
        #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
        notice: Option<Duration>,
    },
    /// Set a price, a capacity, or how the world behaves
    Set {
        /// What to set.
        #[command(subcommand)]
        what: SetWhat,
    },
    /// Forget the world and begin a new one
    Reset,
    /// Everything that exists in the world
    Show,
    /// Connect stdin and stdout to the ssh server of a node: for ssh's ProxyCommand
    #[command(hide = true)]
    Connect {
        /// The instance
        instance: String,
    },
}

/// Why EC2 interrupts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum InterruptReason {
    /// The price rose above the limit.
    Price,
    /// EC2 needs the capacity.
    Capacity,
}

/// What to set.
#[derive(Debug, Subcommand)]
pub enum SetWhat {
    /// The spot price of a pool
    Price {
        /// The region
        region: String,
        /// The instance type
        instance_type: String,
        /// The availability zone, or `*`
        zone: String,
        /// USD per hour, or `market`
        price: String,
    },
    /// How much of a pool there is
    Capacity {
        /// The region
        region: String,
        /// The instance type, or `*`
        instance_type: String,
        /// The availability zone, or `*`
        zone: String,
        /// `none`, `available`, or a number of instances
        capacity: String,
    },
    /// A setting: see docs/simulator.md
    Setting {
        /// Its name, for example `speed`
        name: String,
        /// Its value
        value: String,
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
        SimAction::Interrupt { node, reason, notice } => {
            interrupt(context, simulator, &node, reason, notice.unwrap_or_default())
        }
        SimAction::Set { what } => set(context, simulator, what),
        SimAction::Reset => {
            simulator.reset()?;
            context.ui.status("the simulated account is empty");
            Ok(())
        }
        SimAction::Show => show(context, simulator),
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

fn interrupt(
    context: &Context,
    simulator: &Simulator,
    node: &NodeName,
    reason: InterruptReason,
    notice: Duration,
) -> Result<(), CommandError> {
    let reason = match reason {
        InterruptReason::Price => Reason::Price,
        InterruptReason::Capacity => Reason::Capacity,
    };
    let target = Target::Environment { name: node.env().to_string(), node: node.index() };
    let interrupted = simulator.interrupt(&target, reason, notice)?;
    if interrupted.is_empty() {
        return Err(nothing_runs(node.env()));
    }
    for one in interrupted {
        context.ui.answer(&format!("{}: {}", one.instance_id, one.behaviour))?;
    }
    Ok(())
}

fn nothing_runs(env: &EnvName) -> CommandError {
    CommandError::new(Exit::NotFound, format!("no spot instance of `{env}` runs in the simulator"))
}

fn set(context: &Context, simulator: &Simulator, what: SetWhat) -> Result<(), CommandError> {
    match what {
        SetWhat::Price { region, instance_type, zone, price } => {
            let price = match price.as_str() {
                "market" => None,
                text => Some(
                    text.parse()
                        .map_err(|_| CommandError::usage("a price is a number of USD per hour, or `market`"))?,
                ),
            };
            for one in simulator.set_price(&region, &instance_type, &zone, price)? {
                context.ui.answer(&format!("{}: {}", one.instance_id, one.behaviour))?;
            }
        }
        SetWhat::Capacity { region, instance_type, zone, capacity } => {
            let capacity = match capacity.as_str() {
                "none" => Capacity::None,
                "available" => Capacity::Available,
                text => Capacity::Count(
                    text.parse().map_err(|_| CommandError::usage("a capacity is `none`, `available` or a number"))?,
                ),
            };
            simulator.set_capacity(&region, &instance_type, &zone, capacity)?;
        }
        SetWhat::Setting { name, value } => simulator.set(&name, &value)?,
    }
    Ok(())
}

fn show(context: &Context, simulator: &Simulator) -> Result<(), CommandError> {
    let summary = simulator.show()?;
    if context.globals.json {
        return Ok(context.ui.json(&summary)?);
    }
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
    let named = [
        ("security group  ", &summary.security_groups),
        ("key pair        ", &summary.key_pairs),
        ("interface       ", &summary.network_interfaces),
    ];
    for (word, things) in named {
        lines.extend(things.iter().map(|it| format!("{word} {}  {}  {}", it.id, it.region, it.name)));
    }
    if summary.is_empty() {
        context.ui.status("nothing is left in the simulated account");
    }
    context.ui.answer(&lines.join("\n"))?;
    Ok(())
}
