//! `cloudtop image rm`.

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::config;
use crate::domain::images::{self, OwnImage};
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::tags;

use super::super::context::Context;
use super::super::volume::place::{Place, Task};
use super::shelf::{self, Shelf};

/// Delete images with their snapshots.
///
/// One that an environment uses is kept: its nodes could not be launched again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop image rm tools\n  cloudtop image rm tools@20261121-213000 -y\n  \
                  cloudtop image rm ami-0123456789abcdef0")]
pub struct RmArgs {
    /// A name (all its versions), a version, or an id; the id of a snapshot that is left of an image
    #[arg(value_name = "NAME[@VERSION]|ID", required = true)]
    pub what: Vec<String>,
    /// Also those that an environment uses
    #[arg(long)]
    pub even_if_used: bool,
}

/// What goes, all of one name and in one region.
struct Going<'a> {
    shelf: &'a Shelf,
    builder: EnvName,
    /// Ids, and what each is in words.
    things: Vec<(String, String)>,
    /// The images' and their snapshots'.
    ids: Vec<String>,
}

/// Runs `cloudtop image rm`.
pub async fn run(args: &RmArgs, context: &Context) -> Result<(), CommandError> {
    let shelves = shelf::everywhere(context).await?;
    let mut going: Vec<Going<'_>> = Vec::new();
    for word in &args.what {
        let found = find(args, &shelves, word)?;
        going.extend(found);
    }
    let all: Vec<&str> = going.iter().flat_map(|it| it.things.iter().map(|(_, words)| words.as_str())).collect();
    if !context.ui.confirm(&format!("Delete {}?", all.join(", ")), "--yes (-y)")? {
        return Err(CommandError::silent(1));
    }
    for it in &going {
        let _lock = context.lock(&it.builder).await?;
        must_not_be_baked(context, it).await?;
        let place = Place { cloud: it.shelf.cloud.clone(), ..Place::of(context, &it.builder).await? };
        let words: Vec<&str> = it.things.iter().map(|(id, _)| id.as_str()).collect();
        let task = Task { images: true, ..Task::new(format!("image rm {}", words.join(" "))) };
        place.work(context, task, |at| images::remove(&it.ids, at)).await?;
        for (_, words) in &it.things {
            context.ui.status(&format!("{words} is gone"));
        }
    }
    Ok(())
}

/// What a word stands for, by region.
fn find<'a>(args: &RmArgs, shelves: &'a [Shelf], word: &str) -> Result<Vec<Going<'a>>, CommandError> {
    let mut found = Vec::new();
    for shelf in shelves {
        let images = images::named(&shelf.stored.images, word);
        if let Some(used) =
            images.iter().find_map(|it| Some((it, shelf.used.get(&it.id)?))).filter(|_| !args.even_if_used)
        {
            let users: Vec<&str> = used.1.iter().map(String::as_str).collect();
            let text = format!("{} of `{}` is used by {}", used.0.id, used.0.name(), users.join(", "));
            return Err(CommandError::usage(text).hint(
                "end what uses it first, or let --even-if-used delete it: its nodes cannot be launched from it again then",
            ));
        }
        let snapshot = shelf.stored.snapshots.iter().find(|it| it.id == word);
        let builder = images.first().map(|it| &it.tags).or(snapshot.map(|it| &it.tags));
        let Some(builder) = builder.and_then(|tags| tags.get(tags::ENV)?.parse().ok()) else { continue };
        let mut ids = images::with_snapshots(&images);
        let mut things: Vec<(String, String)> = images.iter().map(|it| (it.id.clone(), in_words(it))).collect();
        if let Some(snapshot) = snapshot {
            ids.push(snapshot.id.clone());
            things.push((snapshot.id.clone(), format!("{} ({} GiB)", snapshot.id, snapshot.gib)));
        }
        found.push(Going { shelf, builder, things, ids });
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let error = CommandError::new(Exit::NotFound, format!("there is no image `{word}` of your own"));
    let names: Vec<&str> = shelves.iter().flat_map(|it| it.stored.images.iter().map(OwnImage::name)).collect();
    Err(match config::nearest(word, names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`cloudtop image list` shows those that there are; is it another --region?"),
    })
}

fn in_words(image: &OwnImage) -> String {
    let (name, version, gib) = (image.name(), image.version(), image.gib);
    let usd = money::amount(money::snapshot_per_month(gib));
    format!("{} ({name}@{version}, {gib} GiB, at most {usd} a month)", image.id)
}

async fn must_not_be_baked(context: &Context, it: &Going<'_>) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    let Some(baking) = state.environments.get(&it.builder).and_then(|known| known.intent.baking.as_ref()) else {
        return Ok(());
    };
    let of_this_bake = |image: &OwnImage| image.version() == baking.version && it.ids.contains(&image.id);
    if !it.shelf.stored.images.iter().any(of_this_bake) {
        return Ok(());
    }
    let text = format!("`{}` is being baked just now", baking.image);
    Err(CommandError::usage(text).hint(format!(
        "go on with `cloudtop image bake {}`, or give it up with `cloudtop down {}`",
        baking.image, it.builder
    )))
}
