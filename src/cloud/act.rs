//! Carrying out one mutating call.
//!
//! Each call may be sent twice. What is made already, by us, counts as made; what is gone already counts as deleted.

use aws_sdk_ec2::types as sdk;
use aws_smithy_types::retry::RetryConfig;
use uuid::Uuid;

use super::own_images::ImageOf;
use super::presign::Copying;
use super::{Cloud, failure};
use crate::clock::Clock;
use crate::domain::call::{Call, Made, Tags};
use crate::domain::failure::{Class, Failure};
use crate::domain::names::Identity;
use crate::domain::{nodes, tags};

/// How many ids go into one call. EC2's own limit is 1,000 for most; half of that keeps its answers quick.
const IDS_A_CALL: usize = 500;

/// A call over many ids.
#[derive(Clone, Copy)]
enum Many {
    Cancel,
    Terminate,
    Stop { hibernate: bool },
    Start,
}

impl Cloud {
    /// Carries out a call. `token` is its client token: sent again with the same token and call, EC2 makes nothing new.
    /// `own_tags` are for calls that know no tags of their own: those may be made anew at any time.
    ///
    /// # Errors
    /// The call's failure. A call over many ids that fails midway has taken effect for some.
    pub async fn perform(
        &self,
        identity: &Identity,
        own_tags: &Tags,
        call: &Call,
        token: Uuid,
    ) -> Result<Made, Failure> {
        tracing::debug!(%token, %call, "performing");
        let nothing = |()| Made::default();
        match call {
            Call::ImportKey { name, public_key } => {
                self.import_key(identity, own_tags, name, public_key).await.map(nothing)
            }
            Call::CreateGroup { name, vpc_id } => self.create_group(identity, own_tags, name, vpc_id).await,
            Call::AllowSsh { group_id, port, cidr } => self.allow_ssh(group_id, *port, cidr).await.map(nothing),
            Call::RevokeSsh { group_id, port, cidr } => self.revoke_ssh(group_id, *port, cidr).await.map(nothing),
            Call::AllowItself { group_id } => self.allow_itself(group_id).await.map(nothing),
            Call::CreateVolume { zone, gib, snapshot, tags, .. } => {
                self.create_volume(tags, zone, *gib, snapshot.as_deref(), token).await
            }
            Call::CreateSnapshot { volume_id, description, tags, .. } => {
                self.create_snapshot(tags, volume_id, description, token).await
            }
            Call::CopySnapshot { from, snapshot, description, tags, .. } => {
                self.copy_snapshot(tags, from, snapshot, description, token).await
            }
            Call::Enlarge { id, gib } => self.enlarge(id, *gib).await.map(nothing),
            Call::SetTags { id, tags } => {
                // The policy of docs/iam-policy.json lets us set tags only together with this one.
                let mut tags = tags.clone();
                tags.insert(tags::ENV.to_owned(), identity.env.to_string());
                self.tag(std::slice::from_ref(id), &tags).await.map(nothing)
            }
            Call::CreateInterface { subnet_id, group_id, tags, .. } => {
                self.create_interface(tags, subnet_id, group_id, token).await
            }
            Call::MakePublic { id } => self.make_public(id).await.map(nothing),
            Call::Launch(launch) => self.run_instances(launch, token).await,
            Call::RequestSpot(launch) => self.request_spot(launch, token).await,
            Call::Tag { ids, node } => {
                let tags = tags::of_nodes(identity, own_tags, &nodes::to_tag(&[*node]));
                self.tag(ids, &tags).await.map(nothing)
            }
            Call::Attach { volume_id, instance_id, device } => {
                self.attach(volume_id, instance_id, device).await.map(nothing)
            }
            Call::Detach { volume_id, instance_id } => self.detach(volume_id, instance_id).await.map(nothing),
            Call::CancelRequests { ids } => self.in_chunks(Many::Cancel, ids).await.map(nothing),
            Call::Terminate { ids } => self.in_chunks(Many::Terminate, ids).await.map(nothing),
            Call::Stop { ids, hibernate } => {
                self.in_chunks(Many::Stop { hibernate: *hibernate }, ids).await.map(nothing)
            }
            Call::Start { ids } => self.in_chunks(Many::Start, ids).await.map(nothing),
            Call::DeleteVolume { id } => gone_is_done(self.delete_volume(id).await).map(nothing),
            Call::DeleteGroup { id } => gone_is_done(self.delete_group(id).await).map(nothing),
            Call::DeleteKey { name } => gone_is_done(self.delete_key(name).await).map(nothing),
            Call::DeleteInterface { id } => gone_is_done(self.delete_interface(id).await).map(nothing),
            Call::CreateImage { instance_id, name, description, without, no_reboot, tags } => {
                let wish = ImageOf { instance_id, name, description, without, no_reboot: *no_reboot };
                self.create_image(&wish, tags, token).await
            }
            Call::DeregisterImage { id } => gone_is_done(self.deregister_image(id).await).map(nothing),
            Call::DeleteSnapshot { id } => gone_is_done(self.delete_snapshot(id).await).map(nothing),
        }
    }

    async fn create_volume(
        &self,
        tags: &Tags,
        zone: &str,
        gib: u32,
        snapshot: Option<&str>,
        token: Uuid,
    ) -> Result<Made, Failure> {
        let call = self
            .ec2
            .create_volume()
            .availability_zone(zone)
            .size(count(gib))
            // gp2 is EC2's default; gp3 is cheaper and as fast at any size.
            .volume_type(sdk::VolumeType::Gp3)
            .encrypted(true)
            .set_snapshot_id(snapshot.map(str::to_owned))
            .client_token(token.to_string())
            .tag_specifications(tagged(sdk::ResourceType::Volume, tags));
        let answer = call.send().await.map_err(|error| failure::of("CreateVolume", &error))?;
        Ok(Made { volume: answer.volume_id().map(str::to_owned), ..Made::default() })
    }

    /// `CreateSnapshot` takes no client token, so the SDK must not send it again by itself: whether a call without an
    /// answer has made a snapshot is told by the tag that has its token.
    async fn create_snapshot(
        &self,
        tags: &Tags,
        volume: &str,
        description: &str,
        token: Uuid,
    ) -> Result<Made, Failure> {
        let mut tags = tags.clone();
        tags.insert(tags::TOKEN.to_owned(), token.to_string());
        let call = self.ec2.create_snapshot().volume_id(volume).description(description);
        let call = call.tag_specifications(tagged(sdk::ResourceType::Snapshot, &tags));
        let once = aws_sdk_ec2::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = call.customize().config_override(once).send().await;
        let answer = answer.map_err(|error| failure::of("CreateSnapshot", &error))?;
        Ok(Made { snapshot: answer.snapshot_id().map(str::to_owned), ..Made::default() })
    }

    /// `CopySnapshot` takes no client token either. An encrypted snapshot stays encrypted, with the key that is the
    /// account's default in this region.
    async fn copy_snapshot(
        &self,
        tags: &Tags,
        from: &str,
        snapshot: &str,
        description: &str,
        token: Uuid,
    ) -> Result<Made, Failure> {
        let mut tags = tags.clone();
        tags.insert(tags::TOKEN.to_owned(), token.to_string());
        let call = self.ec2.copy_snapshot().source_region(from).source_snapshot_id(snapshot).description(description);
        let call = call.destination_region(&self.region).presigned_url(self.signed_copy(from, snapshot).await?);
        let call = call.tag_specifications(tagged(sdk::ResourceType::Snapshot, &tags));
        let once = aws_sdk_ec2::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = call.customize().config_override(once).send().await;
        let answer = answer.map_err(|error| failure::of("CopySnapshot", &error))?;
        Ok(Made { snapshot: answer.snapshot_id().map(str::to_owned), ..Made::default() })
    }

    async fn signed_copy(&self, from: &str, snapshot: &str) -> Result<String, Failure> {
        let failed = |why: String| Failure {
            action: "CopySnapshot".to_owned(),
            code: "NoCredentials".to_owned(),
            message: why,
            class: Class::Credentials,
        };
        let credentials = self.credentials.as_ref().ok_or_else(|| failed("there are no credentials".to_owned()))?;
        let copying = Copying { from, to: &self.region, snapshot };
        // The signature is of the true time, whatever time a simulated account has.
        copying.signed(credentials, Clock::system().now()).await.map_err(|error| failed(error.to_string()))
    }

    /// Makes a volume larger. Asked again for the size that it has, EC2 changes nothing, or says that it is being changed.
    async fn enlarge(&self, id: &str, gib: u32) -> Result<(), Failure> {
        let call = self.ec2.modify_volume().volume_id(id).size(count(gib));
        call.send().await.map(drop).map_err(|error| failure::of("ModifyVolume", &error))
    }

    /// Sets tags on resources of any kind. Setting them twice is the same as once.
    ///
    /// # Errors
    /// The call's failure: then some of the resources may have the tags. One that is gone makes the call fail for all
    /// others of its chunk.
    pub async fn tag(&self, ids: &[String], tags: &Tags) -> Result<(), Failure> {
        for chunk in ids.chunks(IDS_A_CALL) {
            let call = self.ec2.create_tags().set_resources(Some(chunk.to_vec())).set_tags(Some(sdk_tags(tags)));
            call.send().await.map_err(|error| failure::of("CreateTags", &error))?;
        }
        Ok(())
    }

    async fn attach(&self, volume: &str, instance: &str, device: &str) -> Result<(), Failure> {
        let call = self.ec2.attach_volume().volume_id(volume).instance_id(instance).device(device);
        call.send().await.map(drop).map_err(|error| failure::of("AttachVolume", &error))
    }

    async fn detach(&self, volume: &str, instance: &str) -> Result<(), Failure> {
        let call = self.ec2.detach_volume().volume_id(volume).instance_id(instance);
        call.send().await.map(drop).map_err(|error| failure::of("DetachVolume", &error))
    }

    async fn cancel(&self, ids: Vec<String>) -> Result<(), Failure> {
        let call = self.ec2.cancel_spot_instance_requests().set_spot_instance_request_ids(Some(ids));
        call.send().await.map(drop).map_err(|error| failure::of("CancelSpotInstanceRequests", &error))
    }

    async fn terminate(&self, ids: Vec<String>) -> Result<(), Failure> {
        let call = self.ec2.terminate_instances().set_instance_ids(Some(ids));
        call.send().await.map(drop).map_err(|error| failure::of("TerminateInstances", &error))
    }

    async fn stop(&self, ids: Vec<String>, hibernate: bool) -> Result<(), Failure> {
        let call = self.ec2.stop_instances().set_instance_ids(Some(ids)).set_hibernate(hibernate.then_some(true));
        call.send().await.map(drop).map_err(|error| failure::of("StopInstances", &error))
    }

    async fn start(&self, ids: Vec<String>) -> Result<(), Failure> {
        let call = self.ec2.start_instances().set_instance_ids(Some(ids));
        call.send().await.map(drop).map_err(|error| failure::of("StartInstances", &error))
    }

    /// Sends ids in chunks. EC2 refuses a whole call when one id is gone, and names those in its message: what was to
    /// end has ended, so the others are sent again without them.
    async fn in_chunks(&self, what: Many, ids: &[String]) -> Result<(), Failure> {
        for chunk in ids.chunks(IDS_A_CALL) {
            let mut left = chunk.to_vec();
            while !left.is_empty() {
                let failure = match self.send_many(what, left.clone()).await {
                    Ok(()) => break,
                    Err(failure) if failure.class == Class::Gone => failure,
                    Err(failure) => return Err(failure),
                };
                let before = left.len();
                left.retain(|id| !failure.message.contains(id.as_str()));
                if left.len() == before {
                    self.one_by_one(what, &left).await?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// For the case that EC2 does not say which ids are gone.
    async fn one_by_one(&self, what: Many, ids: &[String]) -> Result<(), Failure> {
        for id in ids {
            gone_is_done(self.send_many(what, vec![id.clone()]).await)?;
        }
        Ok(())
    }

    async fn send_many(&self, what: Many, ids: Vec<String>) -> Result<(), Failure> {
        match what {
            Many::Cancel => self.cancel(ids).await,
            Many::Terminate => self.terminate(ids).await,
            Many::Stop { hibernate } => self.stop(ids, hibernate).await,
            Many::Start => self.start(ids).await,
        }
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), Failure> {
        let call = self.ec2.delete_snapshot().snapshot_id(id);
        call.send().await.map(drop).map_err(|error| failure::of("DeleteSnapshot", &error))
    }

    async fn delete_volume(&self, id: &str) -> Result<(), Failure> {
        let call = self.ec2.delete_volume().volume_id(id);
        call.send().await.map(drop).map_err(|error| failure::of("DeleteVolume", &error))
    }
}

/// A delete of what is gone has done what it should.
pub(super) fn gone_is_done(result: Result<(), Failure>) -> Result<(), Failure> {
    result.or_else(|failure| if failure.class == Class::Gone { Ok(()) } else { Err(failure) })
}

/// Tags that a resource is made with: it is never there without its owner's name, even if we end right after the call.
pub(super) fn tagged(resource: sdk::ResourceType, tags: &Tags) -> sdk::TagSpecification {
    sdk::TagSpecification::builder().resource_type(resource).set_tags(Some(sdk_tags(tags))).build()
}

fn sdk_tags(tags: &Tags) -> Vec<sdk::Tag> {
    tags.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

/// A number as EC2 takes it. Nothing that is counted here comes near the limit.
pub(super) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
