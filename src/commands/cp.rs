//! `cloudtop cp`.

use std::convert::Infallible;
use std::str::FromStr;

use clap::Args;

use crate::cli::CommandError;
use crate::ssh::copy::{self, End};
use crate::ssh::run::Ended;

use super::context::Context;
use super::ssh::{self, NodeName};

/// Copy files and directories to and from nodes.
///
/// It is the system's scp with the nodes' own ssh entries. A directory is copied whole. A path on a node is relative to the
/// login's home; 255 is ssh's own failure.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop cp notes.txt dev:\n  cloudtop cp -q src include dev:persistent/project\n  cloudtop cp core/2:/var/log/syslog .\n  cloudtop cp core/0:data core/1:"
)]
pub struct CpArgs {
    /// What to copy: a path here, or NAME[/INDEX]:PATH on a node
    #[arg(value_name = "SOURCE", required = true)]
    pub from: Vec<Place>,
    /// Where to: a path here, or NAME[/INDEX]:PATH on a node
    #[arg(value_name = "DEST")]
    pub to: Place,
}

/// A path here or on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Here.
    Here(String),
    /// On a node.
    Node(NodeName, String),
}

impl FromStr for Place {
    type Err = Infallible;

    /// What stands before the first colon is a node if it can be one: `./a:b` cannot.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let node = text.split_once(':').and_then(|(name, path)| Some(Self::Node(name.parse().ok()?, path.to_owned())));
        Ok(node.unwrap_or_else(|| Self::Here(text.to_owned())))
    }
}

/// Runs `cloudtop cp`.
///
/// # Errors
/// What went wrong, with its exit code; scp's own exit code.
pub async fn run(args: &CpArgs, context: &Context) -> Result<(), CommandError> {
    let mut ends = Vec::new();
    for place in args.from.iter().chain([&args.to]) {
        ends.push(end(context, place).await?);
    }
    let (Some(to), true) = (ends.pop(), ends_on_a_node(args)) else {
        let error = CommandError::usage("neither end of the copy is on a node");
        return Err(
            error.hint("a path on a node is NAME:PATH or NAME/INDEX:PATH, for example `cloudtop cp a.txt dev:`")
        );
    };
    match copy::copy(&context.ssh_dir()?, &ends, &to, context.globals.quiet).await? {
        Ended::Exited(0) => Ok(()),
        ended => {
            if context.globals.simulated() {
                context.ui.note("a simulated node has no files: it answers scripted commands alone");
            }
            Err(CommandError::silent(ended.code()))
        }
    }
}

fn ends_on_a_node(args: &CpArgs) -> bool {
    args.from.iter().chain([&args.to]).any(|place| matches!(place, Place::Node(..)))
}

async fn end(context: &Context, place: &Place) -> Result<End, CommandError> {
    Ok(match place {
        Place::Here(path) => End::Here(path.clone()),
        Place::Node(name, path) => End::There { alias: ssh::find(context, name).await?.alias, path: path.clone() },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_what_can_be_a_nodes_name() {
        let Ok(node) = "core/2:/etc/hosts".parse::<Place>();
        assert_eq!(node, Place::Node("core/2".parse().unwrap(), "/etc/hosts".to_owned()));
        let Ok(home) = "dev:".parse::<Place>();
        assert_eq!(home, Place::Node("dev".parse().unwrap(), String::new()));
        for text in ["a", "./dev:x", "/dev:x", "core/x:y", ":y"] {
            let Ok(here) = text.parse::<Place>();
            assert_eq!(here, Place::Here(text.to_owned()));
        }
    }
}
