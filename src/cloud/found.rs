//! All environments at once, found by their tags: for `list`, `recover` and `gc`.

use std::collections::BTreeMap;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types as sdk;

use super::observe::{may_have_instance, persistent, tag};
use super::{Cloud, convert, failure, filter};
use crate::domain::failure::Failure;
use crate::domain::found::Found;
use crate::domain::intent::Interruption;
use crate::domain::names::Identity;
use crate::domain::tags;

/// The largest page of describes.
const PAGE: i32 = 1000;

type Environments = BTreeMap<(String, String), Found>;

impl Cloud {
    /// Finds every environment in the region, or those of one installation.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn observe_all(&self, owner: Option<&str>) -> Result<Vec<Found>, Failure> {
        let ours = tagged_by(owner);
        let (instances, requests, volumes, groups, keys) = tokio::join!(
            self.instances(ours.clone()),
            self.requests(ours.clone()),
            self.volumes([ours.as_slice(), &[persistent()]].concat()),
            self.groups(ours.clone()),
            self.keys(ours.clone()),
        );
        let (mut instances, requests) = (instances?, requests?);
        let untagged = instances.len();
        let named = requests.iter().filter(|request| may_have_instance(request));
        let named: Vec<String> = named.filter_map(|request| request.instance_id().map(str::to_owned)).collect();
        self.add_instances(&mut instances, &named).await?;

        let mut all = Environments::new();
        for request in &requests {
            with(&mut all, request.tags(), |found| found.add_request(request));
        }
        for (place, instance) in instances.iter().enumerate() {
            // Those that only their request names have its environment's tags to go by.
            let request = requests.iter().find(|request| request.instance_id() == instance.instance_id());
            let tags = if place < untagged { instance.tags() } else { request.map(|of| of.tags()).unwrap_or_default() };
            with(&mut all, tags, |found| found.add_instance(instance));
        }
        for volume in &volumes? {
            with(&mut all, volume.tags(), |found| {
                found.keep(volume.volume_id(), volume.tags(), volume.create_time());
                found.observed.volumes.extend(convert::volume(volume));
            });
        }
        for group in &groups? {
            with(&mut all, group.tags(), |found| {
                found.keep(group.group_id(), group.tags(), None);
                found.observed.groups.extend(convert::group(group, None));
            });
        }
        for key in &keys? {
            with(&mut all, key.tags(), |found| {
                found.keep(key.key_name(), key.tags(), key.create_time());
                found.observed.keys.extend(convert::key(key));
                found.terms.public_key = key.public_key().map(|text| text.trim_end().to_owned());
            });
        }
        Ok(all.into_values().collect())
    }

    /// Adds what environments have beside what they work with: root volumes, interfaces, snapshots. What EC2 does not
    /// let us see is left out, and told by its failure.
    pub async fn observe_spare(&self, found: Vec<Found>, owner: Option<&str>) -> (Vec<Found>, Vec<Failure>) {
        let ours = tagged_by(owner);
        let (volumes, interfaces, snapshots) = tokio::join!(
            self.volumes([ours.as_slice(), &[spare_roles()]].concat()),
            self.interfaces(ours.clone()),
            self.snapshots(ours.clone()),
        );
        let key = |it: &Found| (it.identity.env.to_string(), it.identity.owner.clone());
        let mut all: Environments = found.into_iter().map(|it| (key(&it), it)).collect();
        let mut unseen = Vec::new();
        for volume in &or_unseen(volumes, &mut unseen) {
            with(&mut all, volume.tags(), |found| {
                found.keep(volume.volume_id(), volume.tags(), volume.create_time());
                let is_root = convert::tags(volume.tags()).get(tags::ROLE).is_some_and(|role| role == tags::ROLE_ROOT);
                let kind = if is_root { &mut found.spare.roots } else { &mut found.spare.put_aside };
                kind.extend(convert::volume(volume));
            });
        }
        for interface in &or_unseen(interfaces, &mut unseen) {
            with(&mut all, interface.tag_set(), |found| {
                found.keep(interface.network_interface_id(), interface.tag_set(), None);
                found.spare.interfaces.extend(convert::interface(interface));
            });
        }
        for snapshot in &or_unseen(snapshots, &mut unseen) {
            with(&mut all, snapshot.tags(), |found| {
                found.keep(snapshot.snapshot_id(), snapshot.tags(), snapshot.start_time());
                found.spare.snapshots.extend(convert::snapshot(snapshot));
            });
        }
        (all.into_values().collect(), unseen)
    }

    /// Our account's own: without that, all the public ones of the world are looked through.
    pub(super) async fn snapshots(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::Snapshot>, Failure> {
        let pages = self.ec2.describe_snapshots().owner_ids("self").set_filters(Some(filters)).into_paginator();
        let found: Result<Vec<_>, _> = pages.page_size(PAGE).items().send().collect().await;
        found.map_err(|error| failure::of("DescribeSnapshots", &error))
    }
}

/// What has our tags, or those of one installation.
pub(super) fn tagged_by(owner: Option<&str>) -> Vec<sdk::Filter> {
    let mut ours = vec![filter("tag-key", [tags::ENV])];
    ours.extend(owner.map(|owner| tag(tags::OWNER, owner)));
    ours
}

/// Volumes that no node works with.
fn spare_roles() -> sdk::Filter {
    filter(&format!("tag:{}", tags::ROLE), [tags::ROLE_ROOT, tags::ROLE_RESTORED, tags::ROLE_REPLACED])
}

fn or_unseen<T>(seen: Result<Vec<T>, Failure>, unseen: &mut Vec<Failure>) -> Vec<T> {
    seen.unwrap_or_else(|failure| {
        unseen.push(failure);
        Vec::new()
    })
}

/// Does something to the environment that a resource's tags name. A name that is none of ours is left alone.
fn with(all: &mut Environments, list: &[sdk::Tag], act: impl FnOnce(&mut Found)) {
    let tags = convert::tags(list);
    let (Some(name), Some(owner)) = (tags.get(tags::ENV), tags.get(tags::OWNER)) else { return };
    let Ok(env) = name.parse() else {
        tracing::debug!(name, "a tag that is no name of an environment");
        return;
    };
    let identity = Identity { env, owner: owner.clone() };
    act(all.entry((name.clone(), owner.clone())).or_insert_with(|| Found::new(identity)));
}

impl Found {
    fn keep(&mut self, id: Option<&str>, list: &[sdk::Tag], made_at: Option<&DateTime>) {
        let Some(id) = id else { return };
        self.tags.insert(id.to_owned(), convert::tags(list));
        if let Some(at) = made_at.and_then(convert::time) {
            self.made_at.insert(id.to_owned(), at);
        }
    }

    fn add_instance(&mut self, from: &sdk::Instance) {
        self.keep(from.instance_id(), from.tags(), from.launch_time());
        let Some(instance) = convert::instance(from) else { return };
        // An instance that has ended has lost its subnet and groups.
        if instance.state.is_live() {
            self.terms.image_id = from.image_id().map(str::to_owned);
            self.terms.subnet_id = from.subnet_id().map(str::to_owned);
            for id in from.security_groups().iter().filter_map(|group| group.group_id()) {
                if !self.terms.group_ids.iter().any(|known| known == id) {
                    self.terms.group_ids.push(id.to_owned());
                }
            }
        }
        self.observed.instances.push(instance);
    }

    fn add_request(&mut self, from: &sdk::SpotInstanceRequest) {
        self.keep(from.spot_instance_request_id(), from.tags(), from.create_time());
        let behaviour = from.instance_interruption_behavior().map(sdk::InstanceInterruptionBehavior::as_str);
        let ours = [Interruption::Stop, Interruption::Hibernate, Interruption::Terminate];
        let behaviour = ours.into_iter().find(|ours| Some(ours.as_str()) == behaviour);
        self.terms.on_interruption = behaviour.or(self.terms.on_interruption);
        self.terms.max_price = from.spot_price().and_then(|usd| usd.parse().ok()).or(self.terms.max_price);
        self.observed.requests.extend(convert::request(from));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> sdk::Tag {
        sdk::Tag::builder().key(key).value(value).build()
    }

    #[test]
    fn resources_are_told_apart_by_name_and_owner() {
        let mut all = Environments::new();
        for owner in ["a", "b", "a"] {
            with(&mut all, &[tag(tags::ENV, "dev"), tag(tags::OWNER, owner)], |_| {});
        }
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn a_tag_that_is_no_name_of_ours_is_left_alone() {
        let mut all = Environments::new();
        with(&mut all, &[tag(tags::ENV, "Not A Name"), tag(tags::OWNER, "a")], |_| {});
        with(&mut all, &[tag(tags::ENV, "dev")], |_| {});
        assert!(all.is_empty());
    }

    #[test]
    fn the_terms_are_those_of_a_live_instance() {
        let mut all = Environments::new();
        let list = [tag(tags::ENV, "dev"), tag(tags::OWNER, "a")];
        let instance = |id: &str, image: &str, state| {
            let state = sdk::InstanceState::builder().name(state).build();
            sdk::Instance::builder().instance_id(id).image_id(image).state(state).build()
        };
        let live = instance("i-1", "ami-live", sdk::InstanceStateName::Running);
        let ended = instance("i-2", "ami-ended", sdk::InstanceStateName::Terminated);
        with(&mut all, &list, |found| found.add_instance(&live));
        with(&mut all, &list, |found| found.add_instance(&ended));
        let found = all.into_values().next().unwrap();
        assert_eq!(found.terms.image_id.as_deref(), Some("ami-live"));
        assert_eq!(found.observed.instances.len(), 2);
    }
}
