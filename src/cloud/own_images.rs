//! Images of the account's own: making, finding and deleting them.

use aws_sdk_ec2::types as sdk;
use aws_smithy_types::retry::RetryConfig;
use jiff::Timestamp;
use uuid::Uuid;

use super::act::tagged;
use super::found::tagged_by;
use super::observe::tag;
use super::{Cloud, convert, failure, filter};
use crate::domain::call::{Made, Tags};
use crate::domain::failure::Failure;
use crate::domain::images::{ImageState, OwnImage};
use crate::domain::names::Identity;
use crate::domain::stored::Stored;
use crate::domain::tags;

/// The largest page of DescribeImages.
const PAGE: i32 = 1000;
/// What EC2 says to a name that an image has already.
const NAME_TAKEN: &str = "InvalidAMIName.Duplicate";

/// An image that is to be made.
pub(super) struct ImageOf<'a> {
    /// Of which instance.
    pub instance_id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What is written about it.
    pub description: &'a str,
    /// The devices that are not to be in it.
    pub without: &'a [String],
    /// Whether an instance that runs goes on running.
    pub no_reboot: bool,
}

impl Cloud {
    /// The images of an installation, or those baked in one of its builders, with the snapshots that carry the same tags.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn own_images(&self, owner: &str, builder: Option<&Identity>) -> Result<Stored, Failure> {
        let mut ours = tagged_by(Some(owner));
        ours.extend(builder.map(|identity| tag(tags::ENV, identity.env.as_str())));
        ours.push(filter("tag-key", [tags::IMAGE]));
        let (images, snapshots) = tokio::join!(self.images_by(ours.clone()), self.snapshots(ours.clone()));
        Ok(Stored {
            images: images?.iter().filter_map(own_image).collect(),
            snapshots: snapshots?.iter().filter_map(convert::snapshot).collect(),
            ..Stored::default()
        })
    }

    async fn images_by(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::Image>, Failure> {
        let call = self.ec2.describe_images().owners("self").set_filters(Some(filters)).include_deprecated(true);
        let found: Result<Vec<_>, _> = call.into_paginator().page_size(PAGE).items().send().collect().await;
        found.map_err(|error| failure::of("DescribeImages", &error))
    }

    /// The device names of an instance's disks other than the root's; `None` where there is none of that id.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn disks_beside_the_root(&self, instance_id: &str) -> Result<Option<Vec<String>>, Failure> {
        let found = self.instances(vec![filter("instance-id", [instance_id])]).await?;
        let disks = |it: &sdk::Instance| {
            let root = it.root_device_name().unwrap_or_default();
            let all = it.block_device_mappings().iter().filter_map(|disk| disk.device_name());
            all.filter(|device| *device != root).map(str::to_owned).collect()
        };
        Ok(found.first().map(disks))
    }

    /// The images, of those given, that instances of this account were launched from that are not gone: a persistent
    /// request launches from its image again. With each, the environment of the instance, or else its id.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn images_in_use(&self, ids: &[String]) -> Result<Vec<(String, String)>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let alive = ["pending", "running", "shutting-down", "stopping", "stopped"];
        let filters = vec![filter("image-id", ids.iter().map(String::as_str)), filter("instance-state-name", alive)];
        let found = self.instances(filters).await?;
        let user = |it: &sdk::Instance| {
            let tags = convert::tags(it.tags());
            let name = tags.get(tags::ENV).map(String::as_str).or(it.instance_id())?;
            Some((it.image_id()?.to_owned(), name.to_owned()))
        };
        Ok(found.iter().filter_map(user).collect())
    }

    /// `CreateImage` takes no client token, so the SDK must not send it again by itself. Its name is given once: where EC2
    /// says that it is taken, an earlier call has made it.
    pub(super) async fn create_image(&self, wish: &ImageOf<'_>, tags: &Tags, token: Uuid) -> Result<Made, Failure> {
        let mut tags = tags.clone();
        tags.insert(tags::TOKEN.to_owned(), token.to_string());
        let without = wish.without.iter().map(|device| {
            // "To omit the device from the block device mapping, specify an empty string" (EC2 API, BlockDeviceMapping).
            sdk::BlockDeviceMapping::builder().device_name(device).no_device("").build()
        });
        let call = self
            .ec2
            .create_image()
            .instance_id(wish.instance_id)
            .name(wish.name)
            .description(wish.description)
            .no_reboot(wish.no_reboot)
            .set_block_device_mappings(Some(without.collect()).filter(|all: &Vec<_>| !all.is_empty()))
            .tag_specifications(tagged(sdk::ResourceType::Image, &tags))
            .tag_specifications(tagged(sdk::ResourceType::Snapshot, &tags));
        let once = aws_sdk_ec2::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = call.customize().config_override(once).send().await;
        let failure = match answer.map_err(|error| failure::of("CreateImage", &error)) {
            Ok(answer) => return Ok(Made { image: answer.image_id().map(str::to_owned), ..Made::default() }),
            Err(failure) => failure,
        };
        if failure.code != NAME_TAKEN {
            return Err(failure);
        }
        let found = self.images_by(vec![filter("name", [wish.name])]).await?;
        match found.first() {
            Some(image) => Ok(Made { image: image.image_id().map(str::to_owned), ..Made::default() }),
            None => Err(failure),
        }
    }

    pub(super) async fn deregister_image(&self, id: &str) -> Result<(), Failure> {
        let call = self.ec2.deregister_image().image_id(id).delete_associated_snapshots(true);
        call.send().await.map(drop).map_err(|error| failure::of("DeregisterImage", &error))
    }
}

fn own_image(from: &sdk::Image) -> Option<OwnImage> {
    let state = match from.state()? {
        sdk::ImageState::Available | sdk::ImageState::Disabled => ImageState::Available,
        sdk::ImageState::Failed | sdk::ImageState::Error | sdk::ImageState::Invalid => ImageState::Failed,
        sdk::ImageState::Deregistered => return None,
        // `pending`, `transient`, or a word from the future.
        _ => ImageState::Pending,
    };
    let disks = || from.block_device_mappings().iter().filter_map(|disk| disk.ebs());
    let reason = from.state_reason().and_then(|reason| reason.message()).filter(|text| !text.is_empty());
    Some(OwnImage {
        id: from.image_id()?.to_owned(),
        ami_name: from.name().unwrap_or_default().to_owned(),
        state,
        reason: reason.map(str::to_owned),
        created_at: from.creation_date().and_then(|text| text.parse::<Timestamp>().ok()),
        arch: from.architecture().and_then(|it| convert::arch(it.as_str())),
        gib: disks().filter_map(|disk| disk.volume_size()).filter_map(|gib| u32::try_from(gib).ok()).sum(),
        snapshots: disks()
            .filter_map(|disk| disk.snapshot_id())
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect(),
        tags: convert::tags(from.tags()),
    })
}
