//! Which node each thing is of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::nodes;
use super::observed::{Observed, SpotRequest};
use super::record::{Record, SHOWN_WITHIN};

/// The node of each instance, request, volume and interface that EC2 shows.
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<String, u32>);

impl Places {
    /// Works the nodes out: from a thing's own tag, from the launch that it came from, from its request or its
    /// instance, or from what is remembered. `existing` is the volume that the user brought.
    #[must_use]
    pub fn of(observed: &Observed, record: &Record, existing: Option<&str>, now: Timestamp) -> Self {
        let mut places = Self::default();
        for volume in &observed.volumes {
            // A volume that the user brought has no tag of ours, or that of another environment; an environment
            // with such a volume has one node.
            let brought = existing == Some(&volume.id);
            let tag = volume.node_tag.as_deref().filter(|_| !brought);
            places.put(&volume.id, tag.map_or(Some(0), |tag| tag.parse().ok()));
        }
        for interface in &observed.interfaces {
            places.put(&interface.id, interface.node_tag.as_deref().and_then(|tag| tag.parse().ok()));
        }
        for request in &observed.requests {
            let own = request.node_tag.as_deref().and_then(|tag| tag.parse().ok());
            places.put(&request.id, own.or_else(|| remembered(record, &request.id)));
        }
        places.put_instances(observed, record);
        for request in &observed.requests {
            if places.node_of(&request.id).is_none() {
                places.put(&request.id, request.instance_id.as_deref().and_then(|id| places.node_of(id)));
            }
        }
        if places.deal_out_old_strays(observed, now) {
            places.put_instances(observed, record);
        }
        places
    }

    /// The node of an instance, a request, a volume or an interface.
    #[must_use]
    pub fn node_of(&self, id: &str) -> Option<u32> {
        self.0.get(id).copied()
    }

    fn put(&mut self, id: &str, node: Option<u32>) {
        if let Some(node) = node {
            self.0.insert(id.to_owned(), node);
        }
    }

    fn put_instances(&mut self, observed: &Observed, record: &Record) {
        for instance in &observed.instances {
            let own = instance.node_tag.as_deref().and_then(|tag| nodes::at(tag, instance.launch_index));
            let by_request = instance.request_id.as_deref().and_then(|id| self.node_of(id));
            self.put(&instance.id, own.or(by_request).or_else(|| remembered(record, &instance.id)));
        }
    }

    /// A request that still has its launch's whole set as its tag, and whose first instance is long gone, can be any
    /// of the set: it gets the first index that nothing else has and whose volume is not in another zone. Returns
    /// whether there were any.
    fn deal_out_old_strays(&mut self, observed: &Observed, now: Timestamp) -> bool {
        let mut strays: Vec<&SpotRequest> = observed
            .requests
            .iter()
            .filter(|it| it.state.is_live() && self.node_of(&it.id).is_none())
            .filter(|it| it.created_at.is_some_and(|at| now.duration_since(at) > SHOWN_WITHIN))
            .collect();
        if strays.is_empty() {
            return false;
        }
        let instances = observed.instances.iter().filter(|it| it.state.is_live()).map(|it| it.id.as_str());
        let requests = observed.requests.iter().filter(|it| it.state.is_live()).map(|it| it.id.as_str());
        let mut taken: BTreeSet<u32> = instances.chain(requests).filter_map(|id| self.node_of(id)).collect();
        let zones: BTreeMap<u32, &str> =
            observed.volumes.iter().filter_map(|it| Some((self.node_of(&it.id)?, it.zone.as_str()))).collect();
        strays.sort_by(|a, b| a.id.cmp(&b.id));
        for stray in strays {
            let Some(tag) = stray.node_tag.as_deref() else { continue };
            let fits =
                |node: &u32| zones.get(node).is_none_or(|zone| stray.zone.as_deref().is_none_or(|of| of == *zone));
            let free = nodes::all(tag).into_iter().filter(|node| !taken.contains(node)).min_by_key(|node| !fits(node));
            if let Some(node) = free {
                taken.insert(node);
                self.put(&stray.id, Some(node));
            }
        }
        true
    }
}

fn remembered(record: &Record, id: &str) -> Option<u32> {
    record.known.get(id).and_then(|known| known.node)
}
