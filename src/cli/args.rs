//! What may be typed.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands::awake::AwakeArgs;
use crate::commands::code::CodeArgs;
use crate::commands::completions::CompletionsArgs;
use crate::commands::config::ConfigArgs;
use crate::commands::cost::CostArgs;
use crate::commands::cp::CpArgs;
use crate::commands::docker_context::DockerContextArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::down::DownArgs;
use crate::commands::gc::GcArgs;
use crate::commands::history::HistoryArgs;
use crate::commands::image::ImageArgs;
use crate::commands::init::InitArgs;
use crate::commands::kubeconfig::KubeconfigArgs;
use crate::commands::list::ListArgs;
use crate::commands::logs::LogsArgs;
use crate::commands::man::ManArgs;
use crate::commands::moving::MoveArgs;
use crate::commands::plan::PlanArgs;
use crate::commands::prices::PricesArgs;
use crate::commands::recover::RecoverArgs;
#[cfg(feature = "simulator")]
use crate::commands::sim::SimArgs;
use crate::commands::ssh::SshArgs;
use crate::commands::start::StartArgs;
use crate::commands::status::StatusArgs;
use crate::commands::stop::StopArgs;
use crate::commands::template::TemplateArgs;
use crate::commands::test_interrupt::TestInterruptArgs;
use crate::commands::top::TopArgs;
use crate::commands::up::UpArgs;
use crate::commands::volume::VolumeArgs;
use crate::commands::watch::WatchArgs;
use crate::ui::{ColorChoice, ProgressStyle};

/// A powerful development machine on EC2 spot, given back after every interruption with nothing lost.
#[derive(Debug, Parser)]
#[command(name = "cloudtop", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Examples:
  cloudtop                   what there is, and what may be done next
  cloudtop --sim up dev      try it without an account
  cloudtop up dev            make a machine, or bring it back
  cloudtop ssh dev
  cloudtop down dev
\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 no such thing, 4 not ready in time, 5 no capacity or price too high, \
6 credentials, permission or quota, 7 state file, 130/143 interrupted.")]
pub struct Cli {
    /// Options that all commands share.
    #[command(flatten)]
    pub globals: Globals,
    /// The verb; without one, `cloudtop` says what there is and what may be done next.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that all commands share.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// AWS region, for example us-east-1
    #[arg(short, long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// Profile in ~/.aws/config
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Another endpoint than AWS's own
    #[arg(long, global = true, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Use the built-in simulator: no account, no network, no cost
    #[cfg(feature = "simulator")]
    #[arg(long, global = true, env = "CLOUDTOP_SIM", value_parser = switch, action = ArgAction::SetTrue)]
    pub sim: bool,
    /// The state file
    #[arg(long, global = true, env = "CLOUDTOP_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// The configuration file, instead of ./cloudtop.toml
    #[arg(long, global = true, env = "CLOUDTOP_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Never ask anything
    #[arg(long, global = true)]
    pub no_input: bool,
    /// No progress on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more: -v the calls, -vv the log
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Colour in the output
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// How progress is told on stderr
    #[arg(long, global = true, value_enum, env = "CLOUDTOP_PROGRESS", default_value = "auto", value_name = "HOW")]
    pub progress: HowProgress,
}

impl Globals {
    /// Whether the built-in simulator is used.
    #[must_use]
    pub fn simulated(&self) -> bool {
        #[cfg(feature = "simulator")]
        return self.sim;
        #[cfg(not(feature = "simulator"))]
        false
    }
}

/// Whether `CLOUDTOP_SIM` asks for the simulator.
#[must_use]
pub fn simulated_by_environment() -> bool {
    #[cfg(feature = "simulator")]
    return std::env::var("CLOUDTOP_SIM").is_ok_and(|text| switch(&text) == Ok(true));
    #[cfg(not(feature = "simulator"))]
    false
}

/// The value of a switch's environment variable; an empty one is as good as none.
#[cfg(feature = "simulator")]
fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("use 1 or 0".to_owned()),
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum Color {
    /// On terminals, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// How to tell progress.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum HowProgress {
    /// Drawn over itself on a terminal, in lines elsewhere.
    #[default]
    Auto,
    /// A line a change: for screen readers and logs.
    Plain,
    /// A JSON object a line: for programs.
    Json,
}

impl From<HowProgress> for ProgressStyle {
    fn from(how: HowProgress) -> Self {
        match how {
            HowProgress::Auto => Self::Auto,
            HowProgress::Plain => Self::Plain,
            HowProgress::Json => Self::Json,
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an environment be there: create it, bring it back, or finish what an earlier run began
    Up(Box<UpArgs>),
    /// What `up` would do, with reasons; nothing is done
    Plan(Box<PlanArgs>),
    /// Stop paying for compute; disks are kept
    Stop(StopArgs),
    /// Start what was stopped
    Start(StartArgs),
    /// Move an environment to another availability zone or instance type
    Move(MoveArgs),
    /// End an environment; its persistent volumes are kept unless you say otherwise
    Down(DownArgs),
    /// What there is
    List(ListArgs),
    /// All of it live on a screen, with prices, budgets and events, and keys for ssh, stop, start and down
    Top(TopArgs),
    /// What an environment is doing, and why
    Status(StatusArgs),
    /// A shell on a node, or a command's output and exit code
    Ssh(SshArgs),
    /// Copy files and directories to and from nodes
    Cp(CpArgs),
    /// Open a folder of a node in VS Code
    Code(CodeArgs),
    /// What a node's boot and its scripts have printed
    Logs(LogsArgs),
    /// Keep a node up that would stop itself when it is idle
    Awake(AwakeArgs),
    /// Let your `docker` work on a node
    DockerContext(DockerContextArgs),
    /// Fetch the kubeconfig of a Kubernetes cluster
    Kubeconfig(KubeconfigArgs),
    /// Rehearse an interruption on a node
    TestInterrupt(TestInterruptArgs),
    /// Stay, report changes, bring nodes back
    Watch(WatchArgs),
    /// Spot prices: what they are and were, and what they save
    Prices(PricesArgs),
    /// What was spent, what it costs now per hour, and what the month will have been
    Cost(CostArgs),
    /// Rebuild lost state from the tags of what is there
    Recover(RecoverArgs),
    /// Persistent volumes and their snapshots: list, make, snapshot, restore, enlarge, delete
    Volume(VolumeArgs),
    /// Images of your own, with your tools in them: bake, list, remove
    Image(ImageArgs),
    /// Find what has our tags and no use any more
    Gc(GcArgs),
    /// What is wrong with credentials, permissions, quotas, network, key or state, and how to mend it
    Doctor(DoctorArgs),
    /// Ask a few questions, show what the answers cost, and write them into cloudtop.toml
    Init(InitArgs),
    /// What was run, what it did, what failed, and what it has cost
    History(HistoryArgs),
    /// What cloudtop.toml says, whether it is right, and its schema for editors
    Config(ConfigArgs),
    /// Look at and render templates
    Template(TemplateArgs),
    /// The built-in simulator of EC2
    #[cfg(feature = "simulator")]
    Sim(SimArgs),
    /// Print a script with which a shell completes commands, options and names
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them
    Man(ManArgs),
}
