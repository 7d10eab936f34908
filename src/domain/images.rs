//! Machine images of one's own: what they are called, what there is of them, and what is done next about one.
//!
//! `CreateImage` takes no client token, but a name is given once in a region. Each bake has a name of its own for its
//! image, so that the same call again makes nothing twice, and one whose answer was lost is found by that.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::call::{Call, Tags};
use super::demand::Arch;
use super::intent::ImageFamily;
use super::names::{EnvName, Identity, MAX_NAME_LENGTH, NameError};
use super::observed::{Snapshot, SnapshotState};
use super::plan::Step;
use super::record::{LOST_SHOWS_WITHIN, REPEAT_LOST_FOR, SHOWN_WITHIN};
use super::tags;
use super::volume_work::{Moment, Next};

/// What the names of builders begin with.
const BUILDER: &str = "bake-";

/// The name that a user gives to an image. All that are baked under it are its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(String);

impl ImageName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The environment in which it is baked: it is under way there, and has its journal there.
    ///
    /// # Errors
    /// Never: what is an image's name is short enough.
    pub fn builder(&self) -> Result<EnvName, NameError> {
        format!("{BUILDER}{}", self.0).parse()
    }
}

impl FromStr for ImageName {
    type Err = NameError;

    /// As an environment's, and short enough for its builder's name.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let name: EnvName = text.parse()?;
        let length = text.len();
        if length + BUILDER.len() > MAX_NAME_LENGTH {
            return Err(NameError::TooLongForImage { length, most: MAX_NAME_LENGTH - BUILDER.len() });
        }
        Ok(Self(name.into()))
    }
}

impl TryFrom<String> for ImageName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ImageName> for String {
    fn from(name: ImageName) -> Self {
        name.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image that is being baked in an environment, its builder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baking {
    /// What it will be called.
    pub image: ImageName,
    /// Which version of it.
    pub version: String,
    /// The running environment that it is made from; `None`: from a template alone.
    pub from: Option<EnvName>,
    /// The system that it will have.
    pub os: ImageFamily,
    /// The user's own files that the environment had that it is made from: not to be in the image.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// How many versions are kept. `None`: all.
    #[serde(default)]
    pub keep: Option<usize>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a bake is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The running machine is imaged as it is.
    Copying,
    /// The builder is launched, and set up.
    Building,
    /// What is a machine's own is taken away. Cut off here, nobody knows what of it is gone, nor may log in any more.
    Cleaning,
    /// That is done. An instance that was started since is not clean any more.
    Clean {
        /// The builder's instance.
        instance_id: String,
        /// When it was last started.
        launched_at: Option<Timestamp>,
    },
}

/// EC2's states of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageState {
    /// Being made.
    Pending,
    /// Ready to be launched from.
    Available,
    /// EC2 could not make it.
    Failed,
}

impl ImageState {
    /// The word in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Failed => "failed",
        }
    }
}

/// An image of one's own.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnImage {
    /// Its id.
    pub id: String,
    /// What EC2 calls it.
    pub ami_name: String,
    /// How it stands.
    pub state: ImageState,
    /// Why, where EC2 tells.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Its processor architecture.
    pub arch: Option<Arch>,
    /// GiB of all its disks.
    pub gib: u32,
    /// The snapshots of its disks.
    pub snapshots: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

impl OwnImage {
    /// The user's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tag(tags::IMAGE).unwrap_or_default()
    }

    /// Which version of it.
    #[must_use]
    pub fn version(&self) -> &str {
        self.tag(tags::BAKE).unwrap_or_default()
    }

    /// The template that it was made with.
    #[must_use]
    pub fn template(&self) -> Option<&str> {
        self.tag(tags::TEMPLATE)
    }

    /// The system that it has.
    #[must_use]
    pub fn os(&self) -> Option<ImageFamily> {
        self.tag(tags::OS).and_then(ImageFamily::named)
    }

    /// The environment that it was made from, where it was made from one.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.tag(tags::BAKED_FROM)
    }

    /// Whether it is a running machine's as it was: it has that machine's keys, and only its builder may use it.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.tag(tags::ROLE) == Some(tags::ROLE_RAW_IMAGE)
    }

    /// Whether nodes can be launched from it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state == ImageState::Available && !self.is_raw()
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).map(String::as_str)
    }
}

/// An image that is to be made of an instance.
#[derive(Clone, Debug)]
pub struct Make<'a> {
    /// The bake.
    pub baking: &'a Baking,
    /// Its builder.
    pub identity: &'a Identity,
    /// The instance.
    pub instance_id: &'a str,
    /// Whether it is a running machine as it is: it is not restarted, and the image is for the builder alone.
    pub raw: bool,
    /// The devices that are not to be in it.
    pub without: &'a [String],
    /// The builder's tags: those of the user's own, and those that tell what was asked for.
    pub own_tags: &'a Tags,
}

impl Make<'_> {
    /// What is done next for the image.
    #[must_use]
    pub fn next(&self, at: Moment<'_>) -> Next<OwnImage> {
        let ami_name = self.ami_name();
        let answered = at.record.answered_at("CreateImage", &ami_name).filter(|answered| *answered >= at.since);
        if let Some(image) = at.seen.images.iter().find(|it| it.ami_name == ami_name) {
            return match image.state {
                ImageState::Available => Next::Done(image.clone()),
                ImageState::Pending => Next::Wait(self.in_words(image, &at.seen.snapshots)),
                // It failed an earlier run.
                ImageState::Failed if answered.is_none() => remove_image(image, at),
                ImageState::Failed => {
                    let why = image.reason.as_deref().unwrap_or("EC2 does not say why");
                    Next::Stop(format!("EC2 could not make {}, the image of {}: {why}", image.id, self.instance_id))
                }
            };
        }
        let ours = |call: &Call| matches!(call, Call::CreateImage { name, .. } if *name == ami_name);
        if let Some(pending) = at.record.pending.iter().find(|it| ours(&it.call)) {
            let waited = at.now.duration_since(pending.at).max(SignedDuration::ZERO);
            if at.now.duration_since(pending.since) > REPEAT_LOST_FOR {
                return Next::Settle(pending.token, "nothing of it showed in ten minutes".to_owned());
            }
            if waited <= LOST_SHOWS_WITHIN {
                let left = (LOST_SHOWS_WITHIN - waited).as_secs();
                return Next::Wait(format!(
                    "the answer to `{}` was lost, and EC2 may list late what it made ({left} s left)",
                    pending.call
                ));
            }
            let reason = "its answer was lost: asking again under the same name, so that nothing is made twice";
            let step = Step { call: pending.call.clone(), token: Some(pending.token), reason: reason.to_owned() };
            return Next::Act(Box::new(step));
        }
        if answered.is_some_and(|answered| at.now.duration_since(answered) < SHOWN_WITHIN) {
            return Next::Wait(format!("EC2 to list the image of {}, which it makes", self.instance_id));
        }
        let reason = if self.raw { "its machine is to be copied" } else { "an image was asked for" };
        Next::Act(Box::new(Step { call: self.call(), token: None, reason: reason.to_owned() }))
    }

    /// What EC2 knows the image by. Two installations may each have an image of the same name.
    #[must_use]
    pub fn ami_name(&self) -> String {
        let tail = self.identity.owner.len().saturating_sub(8);
        let owner = self.identity.owner.get(tail..).unwrap_or_default();
        let raw = if self.raw { "/raw" } else { "" };
        format!("cloudtop/{owner}/{}/{}{raw}", self.baking.image, self.baking.version)
    }

    fn call(&self) -> Call {
        let baking = self.baking;
        let mut all = tags::of_environment(self.identity, self.own_tags);
        // It outlives what the tag is about.
        all.remove(tags::EXPIRES);
        let role = if self.raw { tags::ROLE_RAW_IMAGE } else { tags::ROLE_IMAGE };
        all.extend(
            [
                (tags::IMAGE, baking.image.as_str()),
                (tags::BAKE, baking.version.as_str()),
                (tags::OS, baking.os.as_str()),
                (tags::ROLE, role),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        if let Some(from) = &baking.from {
            all.insert(tags::BAKED_FROM.to_owned(), from.to_string());
        }
        all.insert(tags::NAME.to_owned(), format!("cloudtop/{}", baking.image));
        let of = baking.from.as_ref().map_or_else(String::new, |from| format!(", of {from}"));
        Call::CreateImage {
            instance_id: self.instance_id.to_owned(),
            name: self.ami_name(),
            description: format!("{} of {}{of}, made by cloudtop", baking.version, baking.image),
            without: self.without.to_vec(),
            // A stopped one is not started.
            no_reboot: true,
            tags: all,
        }
    }

    /// EC2 tells how far an image is by its snapshots alone.
    fn in_words(&self, image: &OwnImage, snapshots: &[Snapshot]) -> String {
        let own: Vec<&Snapshot> = snapshots.iter().filter(|it| is_of(it, image)).collect();
        let progress = own.iter().filter_map(|it| it.progress).min();
        let progress = progress.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
        format!("{}, the image of {}, to be available: it is pending{progress}", image.id, self.instance_id)
    }
}

/// Whether a snapshot is of an image's disks.
fn is_of(snapshot: &Snapshot, image: &OwnImage) -> bool {
    let same = |key: &str| snapshot.tags.get(key).is_some_and(|value| Some(value) == image.tags.get(key));
    image.snapshots.contains(&snapshot.id) || (same(tags::IMAGE) && same(tags::BAKE) && same(tags::ROLE))
}

/// What is done next to be rid of images with their snapshots, and of snapshots that images have left.
///
/// An image and its snapshots go by one call; where that was done in part only, what is left goes one by one.
#[must_use]
pub fn remove(ids: &[String], at: Moment<'_>) -> Next<()> {
    if let Some(image) = at.seen.images.iter().find(|it| ids.contains(&it.id)) {
        return remove_image(image, at);
    }
    match at.seen.snapshots.iter().find(|it| ids.contains(&it.id)) {
        None => Next::Done(()),
        Some(it) if at.record.just_answered("DeleteSnapshot", &it.id, at.now) => {
            Next::Wait(format!("{} to be deleted", it.id))
        }
        Some(it) => {
            let call = Call::DeleteSnapshot { id: it.id.clone() };
            Next::Act(Box::new(Step { call, token: None, reason: "its image is gone".to_owned() }))
        }
    }
}

fn remove_image<T>(image: &OwnImage, at: Moment<'_>) -> Next<T> {
    if at.record.just_answered("DeregisterImage", &image.id, at.now) {
        return Next::Wait(format!("{} to be gone", image.id));
    }
    let call = Call::DeregisterImage { id: image.id.clone() };
    Next::Act(Box::new(Step { call, token: None, reason: "its end was asked for".to_owned() }))
}

/// What has to go for images to be gone: their ids, and those of their snapshots.
#[must_use]
pub fn with_snapshots(images: &[&OwnImage]) -> Vec<String> {
    images.iter().flat_map(|it| std::iter::once(&it.id).chain(&it.snapshots)).cloned().collect()
}

/// Snapshots of images that are gone.
#[must_use]
pub fn orphans<'s>(images: &[OwnImage], snapshots: &'s [Snapshot]) -> Vec<&'s Snapshot> {
    let of_an_image = |it: &Snapshot| images.iter().any(|image| is_of(it, image));
    let all = snapshots.iter().filter(|it| it.tags.contains_key(tags::IMAGE) && it.state != SnapshotState::Pending);
    all.filter(|it| !of_an_image(it)).collect()
}

/// The versions of a name, newest first.
#[must_use]
pub fn versions<'i>(images: &'i [OwnImage], name: &str) -> Vec<&'i OwnImage> {
    let mut all: Vec<&OwnImage> = images.iter().filter(|it| it.name() == name).collect();
    all.sort_by_key(|it| std::cmp::Reverse((it.created_at, it.version(), &it.id)));
    all
}

/// The images that a word names: `NAME` all its versions, newest first; `NAME@VERSION` or an id that one.
#[must_use]
pub fn named<'i>(images: &'i [OwnImage], word: &str) -> Vec<&'i OwnImage> {
    if word.starts_with("ami-") {
        return images.iter().filter(|it| it.id == word).collect();
    }
    let (name, version) = word.split_once('@').map_or((word, None), |(name, version)| (name, Some(version)));
    versions(images, name).into_iter().filter(|it| version.is_none_or(|version| it.version() == version)).collect()
}

/// The versions of a name beyond the newest so many, but for those that are in use.
#[must_use]
pub fn to_prune<'i>(images: &'i [OwnImage], name: &str, keep: usize, used: &BTreeSet<String>) -> Vec<&'i OwnImage> {
    let usable = versions(images, name).into_iter().filter(|it| it.is_usable());
    usable.skip(keep.max(1)).filter(|it| !used.contains(&it.id)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
