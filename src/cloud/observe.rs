//! What EC2 shows of one environment now.
//!
//! One filtered, paged describe for each kind of resource, whatever the number of nodes, side by side. Never a
//! describe by explicit ids: it fails whole when one id is missing, which right after a create is normal.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;

use super::{Cloud, MOST_FILTER_VALUES, convert, failure, filter};
use crate::domain::failure::Failure;
use crate::domain::intent::Intent;
use crate::domain::names::Identity;
use crate::domain::observed::{Instance, InstanceState, Observed, SpotRequest, Volume};
use crate::domain::tags;

/// The largest page of most describes.
const PAGE: i32 = 1000;
/// The largest page of DescribeVolumes.
const VOLUMES_PAGE: i32 = 500;

/// What is known of an environment before EC2 is asked.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Spot requests made a moment ago, whose tags EC2 may not show yet.
    pub request_ids: &'a [String],
    /// Instances made a moment ago, whose tags EC2 may not show yet.
    pub instance_ids: &'a [String],
    /// A volume that the user brought, and that carries no tags of ours.
    pub existing_volume: Option<&'a str>,
    /// The port of sshd, whose rules in the security group are ours.
    pub ssh_port: u16,
    /// What to ask for beside instances and requests.
    pub want: Want,
}

/// What to ask for beside instances and requests: a tick that waits for an instance need not ask for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Persistent volumes.
    pub volumes: bool,
    /// Security groups.
    pub groups: bool,
    /// The network interfaces that nodes keep their addresses by: asked for where nodes have them.
    pub interfaces: bool,
    /// Snapshots: asked for when volumes are to be deleted after one.
    pub snapshots: bool,
    /// Key pairs: asked for when the environment is to be gone, for one may have another name than we would give it.
    pub keys: bool,
}

impl Want {
    /// Everything.
    pub const ALL: Self = Self { volumes: true, groups: true, interfaces: true, snapshots: true, keys: true };

    /// Everything that an environment works with, but nothing that is only there to be deleted.
    #[must_use]
    pub fn in_use(intent: &Intent) -> Self {
        Self { interfaces: intent.fixed_addresses, snapshots: intent.moving.is_some(), keys: false, ..Self::ALL }
    }
}

impl Cloud {
    /// Observes one environment. What was not wanted is empty; probes and market are for the caller to fill in.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn observe(&self, env: &Identity, known: &Known<'_>) -> Result<Observed, Failure> {
        let ours = owned(env);
        let (instances, requests, volumes, interfaces, snapshots, groups, keys) = tokio::join!(
            self.instances(ours.clone()),
            self.requests(ours.clone()),
            self.wanted_volumes(&ours, known),
            async { if known.want.interfaces { self.addresses(&ours).await } else { Ok(Vec::new()) } },
            async { if known.want.snapshots { self.snapshots(ours.clone()).await } else { Ok(Vec::new()) } },
            async { if known.want.groups { self.groups(ours.clone()).await } else { Ok(Vec::new()) } },
            async { if known.want.keys { self.keys(ours.clone()).await } else { Ok(Vec::new()) } },
        );
        let (mut instances, mut requests) = (instances?, requests?);
        self.add_requests(&mut requests, known.request_ids).await?;
        let named = requests.iter().filter(|request| may_have_instance(request));
        let named = named.filter_map(|request| request.instance_id());
        let named: Vec<String> =
            named.chain(known.instance_ids.iter().map(String::as_str)).map(str::to_owned).collect();
        self.add_instances(&mut instances, &named).await?;
        let mut instances: Vec<Instance> = instances.iter().filter_map(convert::instance).collect();
        let requests: Vec<SpotRequest> = requests.iter().filter_map(convert::request).collect();
        name_requests(&mut instances, &requests);
        Ok(Observed {
            instances,
            requests,
            volumes: volumes?,
            interfaces: interfaces?,
            snapshots: snapshots?.iter().filter_map(convert::snapshot).collect(),
            groups: groups?.iter().filter_map(|group| convert::group(group, Some(known.ssh_port))).collect(),
            keys: keys?.iter().filter_map(convert::key).collect(),
            ..Observed::default()
        })
    }

    /// Which of these instances are there still: not terminated.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn instances_left(&self, ids: &[String]) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        self.add_instances(&mut found, ids).await?;
        let found = found.iter().filter_map(convert::instance);
        Ok(found.filter(|it| it.state != InstanceState::Terminated).map(|it| it.id).collect())
    }

    /// The environment's persistent volumes, and the one that the user brought.
    async fn wanted_volumes(&self, ours: &[sdk::Filter], known: &Known<'_>) -> Result<Vec<Volume>, Failure> {
        if !known.want.volumes {
            return Ok(Vec::new());
        }
        let persistent = [ours, &[persistent()]].concat();
        let (made, brought) = tokio::join!(self.volumes(persistent), async {
            match known.existing_volume {
                Some(id) => self.volumes(vec![filter("volume-id", [id])]).await,
                None => Ok(Vec::new()),
            }
        });
        let mut volumes: Vec<_> = made?.iter().filter_map(convert::volume).collect();
        for mut volume in brought?.iter().filter_map(convert::volume) {
            // Whatever tags it has, it is the user's, and a node tag would make it one that may be deleted.
            volume.node_tag = None;
            volumes.retain(|other| other.id != volume.id);
            volumes.push(volume);
        }
        Ok(volumes)
    }

    /// Adds requests by id that are not among those found by their tags.
    async fn add_requests(&self, found: &mut Vec<sdk::SpotInstanceRequest>, ids: &[String]) -> Result<(), Failure> {
        let missing = absent(ids, found.iter().filter_map(|request| request.spot_instance_request_id()));
        for chunk in missing.chunks(MOST_FILTER_VALUES) {
            found.extend(self.requests(vec![filter("spot-instance-request-id", chunk)]).await?);
        }
        Ok(())
    }

    /// Adds instances by id that are not among those found by their tags: an instance that RequestSpotInstances
    /// launches, or a persistent request launches anew, carries none.
    pub(super) async fn add_instances(&self, found: &mut Vec<sdk::Instance>, ids: &[String]) -> Result<(), Failure> {
        let missing = absent(ids, found.iter().filter_map(|instance| instance.instance_id()));
        for chunk in missing.chunks(MOST_FILTER_VALUES) {
            found.extend(self.instances(vec![filter("instance-id", chunk)]).await?);
        }
        Ok(())
    }

    pub(super) async fn instances(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::Instance>, Failure> {
        let pages = self.ec2.describe_instances().set_filters(Some(filters)).into_paginator().page_size(PAGE);
        let reservations: Result<Vec<_>, _> = pages.items().send().collect().await;
        let reservations = reservations.map_err(|error| failure::of("DescribeInstances", &error))?;
        Ok(reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default()).collect())
    }

    pub(super) async fn requests(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::SpotInstanceRequest>, Failure> {
        let call = self.ec2.describe_spot_instance_requests().set_filters(Some(filters));
        let found: Result<Vec<_>, _> = call.into_paginator().page_size(PAGE).items().send().collect().await;
        found.map_err(|error| failure::of("DescribeSpotInstanceRequests", &error))
    }

    pub(super) async fn volumes(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::Volume>, Failure> {
        let call = self.ec2.describe_volumes().set_filters(Some(filters));
        let found: Result<Vec<_>, _> = call.into_paginator().page_size(VOLUMES_PAGE).items().send().collect().await;
        found.map_err(|error| failure::of("DescribeVolumes", &error))
    }

    pub(super) async fn groups(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::SecurityGroup>, Failure> {
        let call = self.ec2.describe_security_groups().set_filters(Some(filters));
        let found: Result<Vec<_>, _> = call.into_paginator().page_size(PAGE).items().send().collect().await;
        found.map_err(|error| failure::of("DescribeSecurityGroups", &error))
    }

    pub(super) async fn keys(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::KeyPairInfo>, Failure> {
        let call = self.ec2.describe_key_pairs().set_filters(Some(filters)).include_public_key(true);
        let answer = call.send().await.map_err(|error| failure::of("DescribeKeyPairs", &error))?;
        Ok(answer.key_pairs.unwrap_or_default())
    }
}

/// What belongs to an environment.
fn owned(env: &Identity) -> Vec<sdk::Filter> {
    vec![tag(tags::ENV, env.env.as_str()), tag(tags::OWNER, &env.owner)]
}

/// Whose tag has that value.
pub(super) fn tag(key: &str, value: &str) -> sdk::Filter {
    filter(&format!("tag:{key}"), [value])
}

/// Volumes that outlive their instance; root volumes are ours too, but go by themselves.
pub(super) fn persistent() -> sdk::Filter {
    tag(tags::ROLE, tags::ROLE_PERSISTENT)
}

/// Whether a request's instance may still be there. A cancelled request leaves its instance running: an orphan that
/// bills, and that must be found even though it never got tags.
pub(super) fn may_have_instance(request: &sdk::SpotInstanceRequest) -> bool {
    let orphan = request.status().and_then(|status| status.code()) == Some("request-canceled-and-instance-running");
    orphan || convert::request(request).is_some_and(|request| request.state.is_live())
}

/// A request and its instance name each other; where the instance does not, the request's word will do. An instance
/// that RequestSpotInstances launches has no tags, so that its request is all that tells whose it is.
fn name_requests(instances: &mut [Instance], requests: &[SpotRequest]) {
    for instance in instances.iter_mut().filter(|instance| instance.request_id.is_none()) {
        let names_it = |request: &&SpotRequest| request.instance_id.as_deref() == Some(&instance.id);
        instance.request_id = requests.iter().find(names_it).map(|request| request.id.clone());
    }
}

/// The ids that are not there yet, each once.
fn absent<'a>(ids: &[String], there: impl Iterator<Item = &'a str>) -> Vec<String> {
    let there: BTreeSet<&str> = there.collect();
    let missing: BTreeSet<&String> = ids.iter().filter(|id| !there.contains(id.as_str())).collect();
    missing.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(state: sdk::SpotInstanceState, status: &str) -> sdk::SpotInstanceRequest {
        sdk::SpotInstanceRequest::builder()
            .spot_instance_request_id("sir-1")
            .state(state)
            .status(sdk::SpotInstanceStatus::builder().code(status).build())
            .build()
    }

    #[test]
    fn the_orphan_of_a_cancelled_request_is_looked_for() {
        let cancelled = |status| request(sdk::SpotInstanceState::Cancelled, status);
        assert!(may_have_instance(&cancelled("request-canceled-and-instance-running")));
        assert!(!may_have_instance(&cancelled("canceled-before-fulfillment")));
        assert!(may_have_instance(&request(sdk::SpotInstanceState::Disabled, "instance-stopped-no-capacity")));
    }

    #[test]
    fn an_instance_that_does_not_say_its_request_is_told_it_by_the_request() {
        let from = |id: &str, own: Option<&str>| {
            let builder = sdk::Instance::builder().instance_id(id).set_spot_instance_request_id(own.map(str::to_owned));
            convert::instance(&builder.build())
        };
        let named = sdk::SpotInstanceRequest::builder().spot_instance_request_id("sir-1").instance_id("i-1").build();
        let requests: Vec<_> = convert::request(&named).into_iter().collect();
        let instances = [from("i-1", None), from("i-2", None), from("i-1", Some("sir-9"))];
        let mut instances: Vec<_> = instances.into_iter().flatten().collect();
        name_requests(&mut instances, &requests);
        let told: Vec<_> = instances.iter().map(|instance| instance.request_id.as_deref()).collect();
        assert_eq!(told, [Some("sir-1"), None, Some("sir-9")]);
    }

    #[test]
    fn an_id_is_asked_for_once_and_only_when_missing() {
        let ids = ["i-2", "i-1", "i-2", "i-3"].map(str::to_owned);
        assert_eq!(absent(&ids, ["i-1"].into_iter()), ["i-2", "i-3"]);
    }
}
