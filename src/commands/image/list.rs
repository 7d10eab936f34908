//! `cloudtop image list`.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::CommandError;
use crate::domain::money;
use crate::ui::images::{self as shown, ImageRow};

use super::super::context::Context;
use super::shelf::{self, Shelf};

/// The images that there are, what they cost, and who uses them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop image list\n  cloudtop image list -r eu-west-1 --json")]
pub struct ListArgs {}

/// Runs `cloudtop image list`.
pub async fn run(_: &ListArgs, context: &Context) -> Result<(), CommandError> {
    let shelves = shelf::everywhere(context).await?;
    let rows = rows(&shelves);
    if context.globals.json {
        return Ok(context.ui.json(&shown::ImagesShape::from(rows.as_slice()))?);
    }
    if rows.is_empty() {
        context.ui.status("there are no images of your own; `cloudtop image bake NAME` makes one");
    }
    context.ui.answer(&shown::images(&rows, context.clock.now(), context.ui.table_width()))?;
    let state = context.store.read().await?;
    for shelf in &shelves {
        shelf::tell(context, shelf.cloud.region(), &shelf::halves(&state, &shelf.stored));
    }
    Ok(())
}

/// Images by name, newest first.
pub fn rows(shelves: &[Shelf]) -> Vec<ImageRow> {
    let mut rows: Vec<ImageRow> = Vec::new();
    for shelf in shelves {
        let region = shelf.cloud.region();
        rows.extend(shelf.stored.images.iter().map(|image| ImageRow {
            region: region.to_owned(),
            image: image.clone(),
            used_by: shelf.used.get(&image.id).cloned().unwrap_or_else(BTreeSet::new),
            usd_per_month: money::snapshot_list_price(region) * f64::from(image.gib),
        }));
    }
    rows.sort_by_key(|row| {
        (row.image.name().to_owned(), std::cmp::Reverse(row.image.created_at), row.image.id.clone())
    });
    rows
}
