//! `cloudtop test-interrupt`.

use clap::Args;

use crate::cli::CommandError;

use super::context::Context;
use super::ssh::{self, NodeName};

/// What the templates put on a node for the two minutes before an interruption.
const REHEARSAL: &str = "sudo /opt/cloudtop/interrupt rehearse";

/// Rehearse an interruption: what a node does in the two minutes before EC2 takes it away.
///
/// Runs the scripts in /etc/cloudtop/interrupt.d on the node and says what would be ended before its volume is unmounted.
/// Nothing is ended, and nothing is asked of EC2.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop test-interrupt dev\n  cloudtop test-interrupt core/2")]
pub struct TestInterruptArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
}

/// Runs `cloudtop test-interrupt`.
///
/// # Errors
/// What went wrong, with its exit code; the rehearsal's own exit code.
pub async fn run(args: &TestInterruptArgs, context: &Context) -> Result<(), CommandError> {
    ssh::on_node(context, &args.node, &[REHEARSAL.to_owned()]).await
}
