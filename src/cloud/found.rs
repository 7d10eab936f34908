//! All environments at once, found by their tags: for `list`, `recover` and `gc`.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;

use super::observe::{may_have_instance, persistent, tag};
use super::{Cloud, convert, failure, filter};
use crate::domain::call::Tags;
use crate::domain::failure::Failure;
use crate::domain::intent::Interruption;
use crate::domain::names::Identity;
use crate::domain::observed::Observed;
use crate::domain::tags;

/// An environment that was found by its tags.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which.
    pub identity: Identity,
    /// What there is of it. `ssh_from` of its groups are all rules for one TCP port, for that port is not known.
    pub observed: Observed,
    /// The tags of each resource, by id.
    pub tags: BTreeMap<String, Tags>,
    /// What it was asked for with, as far as EC2 knows.
    pub terms: Terms,
}

/// What is known of how an environment was asked for: enough to go on with it when the state file is lost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// The image of an instance of it.
    pub image_id: Option<String>,
    /// The subnet of an instance of it.
    pub subnet_id: Option<String>,
    /// The security groups of an instance of it.
    pub group_ids: Vec<String>,
    /// The name of the key pair.
    pub key_name: Option<String>,
    /// The public key of the key pair, in OpenSSH form, where the key pair is the environment's own.
    pub public_key: Option<String>,
    /// What its spot requests do on an interruption.
    pub on_interruption: Option<Interruption>,
    /// The limit of its spot requests, USD per hour. EC2 shows the on-demand price where none was given.
    pub max_price: Option<f64>,
}

type Environments = BTreeMap<(String, String), Found>;

impl Cloud {
    /// Finds every environment in the region, or those of one installation.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn observe_all(&self, owner: Option<&str>) -> Result<Vec<Found>, Failure> {
        let mut ours = vec![filter("tag-key", [tags::ENV])];
        ours.extend(owner.map(|owner| tag(tags::OWNER, owner)));
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
                found.keep_tags(volume.volume_id(), volume.tags());
                found.observed.volumes.extend(convert::volume(volume));
            });
        }
        for group in &groups? {
            with(&mut all, group.tags(), |found| {
                found.keep_tags(group.group_id(), group.tags());
                found.observed.groups.extend(convert::group(group, None));
            });
        }
        for key in &keys? {
            with(&mut all, key.tags(), |found| {
                found.terms.key_name = key.key_name().map(str::to_owned);
                found.terms.public_key = key.public_key().map(|text| text.trim_end().to_owned());
            });
        }
        Ok(all.into_values().collect())
    }

    async fn keys(&self, filters: Vec<sdk::Filter>) -> Result<Vec<sdk::KeyPairInfo>, Failure> {
        let call = self.ec2.describe_key_pairs().set_filters(Some(filters)).include_public_key(true);
        let answer = call.send().await.map_err(|error| failure::of("DescribeKeyPairs", &error))?;
        Ok(answer.key_pairs.unwrap_or_default())
    }
}

/// Does something to the environment that a resource's tags name. A name that is none of ours is left alone.
fn with(all: &mut Environments, list: &[sdk::Tag], act: impl FnOnce(&mut Found)) {
    let tags = convert::tags(list);
    let (Some(name), Some(owner)) = (tags.get(tags::ENV), tags.get(tags::OWNER)) else { return };
    let Ok(env) = name.parse() else {
        tracing::debug!(name, "a tag that is no name of an environment");
        return;
    };
    act(all.entry((name.clone(), owner.clone())).or_insert_with(|| Found {
        identity: Identity { env, owner: owner.clone() },
        observed: Observed::default(),
        tags: BTreeMap::new(),
        terms: Terms::default(),
    }));
}

impl Found {
    fn keep_tags(&mut self, id: Option<&str>, list: &[sdk::Tag]) {
        if let Some(id) = id {
            self.tags.insert(id.to_owned(), convert::tags(list));
        }
    }

    fn add_instance(&mut self, from: &sdk::Instance) {
        self.keep_tags(from.instance_id(), from.tags());
        let Some(instance) = convert::instance(from) else { return };
        // An instance that has ended has lost its subnet and groups.
        if instance.state.is_live() {
            self.terms.image_id = from.image_id().map(str::to_owned);
            self.terms.subnet_id = from.subnet_id().map(str::to_owned);
            self.terms.key_name = from.key_name().map(str::to_owned);
            self.terms.group_ids =
                from.security_groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect();
        }
        self.observed.instances.push(instance);
    }

    fn add_request(&mut self, from: &sdk::SpotInstanceRequest) {
        self.keep_tags(from.spot_instance_request_id(), from.tags());
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
