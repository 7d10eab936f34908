//! `cloudtop volume`: persistent volumes and their snapshots.

mod create;
mod delete;
mod list;
pub mod place;
pub(super) mod quiet;
mod resize;
mod restore;
mod snapshot;

use clap::{Args, Subcommand};

use crate::cli::CommandError;

use super::context::Context;

/// Persistent volumes and their snapshots.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop volume list\n  cloudtop volume snapshot dev --wait\n  \
                  cloudtop volume restore dev --snapshot latest\n  cloudtop volume resize dev --size 200")]
pub struct VolumeArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done with volumes.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The volumes that there are, those of ended environments too
    List(list::ListArgs),
    /// Make an environment's volume before its first `up`
    Create(create::CreateArgs),
    /// Make a snapshot of an environment's volumes
    Snapshot(snapshot::SnapshotArgs),
    /// The snapshots that there are
    Snapshots(list::SnapshotsArgs),
    /// Put a volume made from a snapshot in the place of the one that is there, which is kept
    Restore(restore::RestoreArgs),
    /// Make a volume larger, in use or not
    Resize(resize::ResizeArgs),
    /// Delete a volume that nothing is attached to
    Delete(delete::DeleteArgs),
    /// Delete a snapshot
    DeleteSnapshot(delete::DeleteSnapshotArgs),
}

/// Runs `cloudtop volume`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &VolumeArgs, context: &Context) -> Result<(), CommandError> {
    match &args.verb {
        Verb::List(args) => list::run(args, context).await,
        Verb::Create(args) => create::run(args, context).await,
        Verb::Snapshot(args) => snapshot::run(args, context).await,
        Verb::Snapshots(args) => list::snapshots(args, context).await,
        Verb::Restore(args) => restore::run(args, context).await,
        Verb::Resize(args) => resize::run(args, context).await,
        Verb::Delete(args) => delete::run(args, context).await,
        Verb::DeleteSnapshot(args) => delete::snapshot(args, context).await,
    }
}
