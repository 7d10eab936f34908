//! `cloudtop awake`.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::cli::CommandError;
use crate::config;

use super::context::Context;
use super::ssh::{self, NodeName};

/// Keep a node up that would stop itself when it is idle.
///
/// Only nodes of an environment with --idle stop themselves.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop awake dev 4h\n  cloudtop awake dev off")]
pub struct AwakeArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// For how long from now, for example 4h; off: no longer
    #[arg(value_name = "TIME|off")]
    pub time: Awake,
}

/// For how long a node is kept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awake {
    /// For so long from now.
    For(Duration),
    /// No longer.
    Off,
}

impl FromStr for Awake {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match config::parse_duration(text).map_err(|error| error.to_string())? {
            time if time < Duration::from_mins(1) => Err("it looks once a minute: use a minute or more".to_owned()),
            time => Ok(Self::For(time)),
        }
    }
}

/// Runs `cloudtop awake`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &AwakeArgs, context: &Context) -> Result<(), CommandError> {
    let name = args.node.env();
    let (_, environment) = context.environment(name).await?;
    if environment.intent.idle_minutes.is_none() {
        let text = format!("`{name}` has no --idle: its nodes do not stop by themselves");
        return Err(CommandError::usage(text).hint("nodes that are launched after `cloudtop up NAME --idle 45m` do"));
    }
    let time = match args.time {
        Awake::For(time) => format!("{}m", time.as_secs().div_ceil(60)),
        Awake::Off => "off".to_owned(),
    };
    ssh::on_node(context, &args.node, &[format!("sudo /opt/cloudtop/idle awake {time}")]).await?;
    context.ui.status(&match args.time {
        Awake::For(time) => format!("{name} stays up for {}, used or not", crate::ui::time::short(time)),
        Awake::Off => format!("{name} stops again when nobody uses it"),
    });
    Ok(())
}
