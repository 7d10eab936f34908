//! `cloudtop down` in the middle of a move into another region: what is in the region where the environment is not.

use crate::cli::CommandError;
use crate::domain::journal::Event;
use crate::domain::names::EnvName;
use crate::domain::region_move::{self, copied_from};
use crate::domain::snapshots::Purpose;
use crate::domain::stored::{Stored, StoredVolume};
use crate::domain::volume_work::{self, Take};

use super::super::super::context::Context;
use super::super::PATIENCE;
use super::trip::Trip;

/// Ends the move, so that `down` finds an environment in one region. Of each volume the old one or its copy stays, unless
/// the user gave their word for all.
///
/// # Errors
/// What went wrong: the same command goes on.
pub async fn give_up(
    context: &Context,
    name: &EnvName,
    delete_volumes: bool,
    snapshot: bool,
) -> Result<(), CommandError> {
    let _lock = context.lock(name).await?;
    let state = context.store.read().await?;
    let Some(environment) = state.environments.get(name).filter(|it| it.region_move.is_some()).cloned() else {
        return Ok(());
    };
    let mut trip = Trip::of(context, name, environment, PATIENCE).await?;
    let (old, new) = (trip.old.stored().await?, trip.new.stored().await?);
    let there = trip.environment.intent.region == trip.going.to;
    if !there {
        for id in unused_copies(&old, &new) {
            trip.work(&trip.new, false, |at| volume_work::delete(&id, None, at)).await?;
        }
    }
    for (place, of) in [(&trip.old, &old), (&trip.new, &new)] {
        for id in region_move::spent_snapshots(&trip.going, of, &old, &new) {
            trip.work(place, false, |at| volume_work::delete_snapshot(&id, at)).await?;
        }
    }
    if there && delete_volumes && !trip.going.keep_old {
        for volume in old.in_place() {
            delete(&trip, volume, snapshot).await?;
        }
    } else if there {
        trip.keep(&old.in_place()).await?;
    } else {
        // What was done in the new region is not of the life that ends here.
        trip.write(Event::Moved { region: trip.going.from.clone() })?;
    }
    trip.end().await
}

/// Volumes of the new region that no node has had, and which hold nothing that the old ones have not.
fn unused_copies(old: &Stored, new: &Stored) -> Vec<String> {
    let whole = |it: &&StoredVolume| copied_from(&it.tags).is_some_and(|from| old.volume(from).is_some());
    let free = new.volumes.iter().filter(|it| it.volume.attachment.is_none());
    free.filter(whole).map(|it| it.volume.id.clone()).collect()
}

async fn delete(trip: &Trip<'_>, volume: &StoredVolume, snapshot: bool) -> Result<(), CommandError> {
    let own_tags = trip.environment.intent.all_tags();
    let take = Take {
        identity: &trip.old.identity,
        volume: &volume.volume,
        purpose: Purpose::BeforeDeletion,
        description: "before its deletion",
        own_tags: &own_tags,
        wait: true,
    };
    let id = &volume.volume.id;
    trip.work(&trip.old, false, |at| volume_work::delete(id, snapshot.then_some(&take), at)).await.map(drop)
}
