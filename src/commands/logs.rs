//! `cloudtop logs`.

use clap::{Args, ValueEnum};

use crate::cli::{CommandError, Exit};
use crate::ssh::run::Ended;
use crate::ssh::{SshOptions, Tty};

use super::context::Context;
use super::ssh::{self, Found, NodeName};

/// What a node's boot and its scripts have printed.
///
/// Read from the node's journal over ssh. Where ssh does not answer, what EC2 has of the console is shown instead, which
/// may be minutes old.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop logs dev\n  cloudtop logs dev --of tools -f\n  cloudtop logs core/2 --of boot -n 1000"
)]
pub struct LogsArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// Of what
    #[arg(long, value_enum, default_value = "all", value_name = "WHAT")]
    pub of: Of,
    /// How many lines, the newest
    #[arg(short = 'n', long, default_value_t = 200, value_name = "N")]
    pub lines: u32,
    /// Go on until it is interrupted
    #[arg(short, long)]
    pub follow: bool,
}

/// Whose words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// All of them but idle, by time.
    All,
    /// The first boot: cloud-init or Ignition.
    Boot,
    /// The persistent volume.
    Volume,
    /// The instance store.
    Ephemeral,
    /// Your dotfiles, repositories, downloads and scripts.
    Tools,
    /// etcd or k3s.
    Cluster,
    /// The node's attaching of its own volume.
    Attach,
    /// EC2's notices.
    Interrupt,
    /// Whether the node takes itself for unused; once a minute.
    Idle,
}

impl Of {
    fn units(self) -> &'static [&'static str] {
        // journalctl fails where a pattern alone is given and no unit matches it: a name always stands beside.
        const BOOT: [&str; 3] = ["cloud-final", "'cloud-*'", "'ignition-*'"];
        match self {
            Self::All => &[
                "cloudtop-volume",
                "cloudtop-ephemeral",
                "cloudtop-tools",
                "cloudtop-etcd",
                "cloudtop-k3s",
                "cloudtop-attach",
                "cloudtop-interrupt",
                BOOT[0],
                BOOT[1],
                BOOT[2],
            ],
            Self::Boot => &BOOT,
            Self::Volume => &["cloudtop-volume"],
            Self::Ephemeral => &["cloudtop-ephemeral"],
            Self::Tools => &["cloudtop-tools"],
            Self::Cluster => &["cloudtop-etcd", "cloudtop-k3s"],
            Self::Attach => &["cloudtop-attach"],
            Self::Interrupt => &["cloudtop-interrupt"],
            Self::Idle => &["cloudtop-idle"],
        }
    }
}

/// The line for the node's shell.
fn question(args: &LogsArgs) -> String {
    let units: Vec<String> = args.of.units().iter().map(|unit| format!("-u {unit}")).collect();
    let follow = if args.follow { " -f" } else { "" };
    format!("sudo journalctl --no-pager -q -o short-iso -n {}{follow} {}", args.lines, units.join(" "))
}

/// Runs `cloudtop logs`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &LogsArgs, context: &Context) -> Result<(), CommandError> {
    let node = ssh::find(context, &args.node).await?;
    // Without a terminal there the far side would not notice that nobody listens any more.
    let tty = if args.follow && context.ui.table_width().is_some() { Tty::Force } else { Tty::Never };
    match node.run(&SshOptions { tty, ..SshOptions::default() }, &[question(args)]).await? {
        Ended::Exited(0) => Ok(()),
        Ended::NoConnection => console(args, context, &node).await,
        ended => Err(CommandError::silent(ended.code())),
    }
}

/// What EC2 has of the console, where ssh has no connection. Another host key than before is no reason to look away.
async fn console(args: &LogsArgs, context: &Context, node: &Found) -> Result<(), CommandError> {
    if let Err(error) = node.explain().await
        && !error.is_silent()
    {
        return Err(error);
    }
    let text = node.cloud.console_output(&node.instance).await?;
    if text.trim().is_empty() {
        let text = format!("ssh does not answer, and EC2 has no console output of {} yet", node.instance);
        return Err(CommandError::new(Exit::Failed, text).hint("look again in a few minutes"));
    }
    context.ui.note("ssh does not answer: this is what EC2 has of the console, which may be minutes old");
    // A machine's words must not steer the user's terminal.
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.chars().filter(|letter| *letter == '\t' || !letter.is_control()).collect())
        .collect();
    let older = lines.len().saturating_sub(usize::try_from(args.lines).unwrap_or(usize::MAX));
    context.ui.answer(&lines.into_iter().skip(older).collect::<Vec<_>>().join("\n"))?;
    Ok(())
}
