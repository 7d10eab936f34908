//! `cloudtop image`: images of one's own.

mod bake;
mod builder;
mod choose;
mod list;
mod rm;
mod shelf;

use clap::{Args, Subcommand};

use crate::cli::CommandError;

use super::context::Context;

pub(super) use choose::chosen;
pub(super) use shelf::{must_be_no_builder, tell_of_a_bake_given_up, tell_of_halves};

/// Images of your own, with your tools in them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop image bake tools --template cloudtop --set packages=mdadm,build-essential\n  \
                  cloudtop image bake tools --from dev --keep 3\n  cloudtop image list\n  cloudtop up work --image tools\n  \
                  cloudtop image rm tools"
)]
pub struct ImageArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done with images.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make an image: of a template, or of an environment that runs
    Bake(Box<bake::BakeArgs>),
    /// The images that there are, what they cost, and who uses them
    List(list::ListArgs),
    /// Delete images with their snapshots
    Rm(rm::RmArgs),
}

/// Runs `cloudtop image`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &ImageArgs, context: &Context) -> Result<(), CommandError> {
    match &args.verb {
        Verb::Bake(args) => bake::run(args, context).await,
        Verb::List(args) => list::run(args, context).await,
        Verb::Rm(args) => rm::run(args, context).await,
    }
}
