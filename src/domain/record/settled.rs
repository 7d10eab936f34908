//! How a call without an answer is known to be settled, by what EC2 shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::super::call::Call;
use super::super::observed::{Instance, Interface, Observed, SpotRequest, Volume, VolumeState};
use super::super::tags;
use super::Pending;

/// What EC2 shows alive, by node: a thousand calls may be without an answer. What has ended may be of the time before
/// a call, whatever its age.
pub(super) struct ShownByNode<'a> {
    instances: BTreeMap<u32, Vec<&'a Instance>>,
    requests: BTreeMap<u32, Vec<&'a SpotRequest>>,
    volumes: BTreeMap<u32, &'a Volume>,
    interfaces: BTreeMap<u32, &'a Interface>,
    /// Snapshots by the token of the call that made them.
    snapshots: BTreeMap<&'a str, &'a str>,
    group: Option<&'a str>,
}

impl<'a> ShownByNode<'a> {
    pub(super) fn of(observed: &'a Observed, ended: &BTreeSet<String>, node_of: &dyn Fn(&str) -> Option<u32>) -> Self {
        let mut shown = Self {
            instances: BTreeMap::new(),
            requests: BTreeMap::new(),
            volumes: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            snapshots: observed
                .snapshots
                .iter()
                .filter_map(|it| Some((it.tags.get(tags::TOKEN)?.as_str(), it.id.as_str())))
                .collect(),
            group: observed.groups.first().map(|group| group.id.as_str()),
        };
        for it in observed.instances.iter().filter(|it| it.state.is_live() && !ended.contains(&it.id)) {
            if let Some(node) = node_of(&it.id) {
                shown.instances.entry(node).or_default().push(it);
            }
        }
        for it in observed.requests.iter().filter(|it| it.state.is_live() && !ended.contains(&it.id)) {
            if let Some(node) = node_of(&it.id) {
                shown.requests.entry(node).or_default().push(it);
            }
        }
        for it in observed.volumes.iter().filter(|it| it.state != VolumeState::Deleting) {
            if let Some(node) = node_of(&it.id) {
                shown.volumes.insert(node, it);
            }
        }
        for it in observed.interfaces.iter().filter(|it| !ended.contains(&it.id)) {
            if let Some(node) = node_of(&it.id) {
                shown.interfaces.insert(node, it);
            }
        }
        shown
    }
}

/// How a call without an answer is known to be settled, if it is.
pub(super) fn how_settled(pending: &Pending, shown: &ShownByNode<'_>) -> Option<String> {
    // Clocks differ by seconds between here and EC2.
    let since = pending.since - SignedDuration::from_secs(30);
    match &pending.call {
        Call::Launch(launch) => {
            let fresh = |it: &&Instance| it.launched_at.is_none_or(|at| at >= since);
            let found = |node: &u32| shown.instances.get(node).is_some_and(|all| all.iter().any(fresh));
            // While only some are listed, the same call again tells of all of them.
            launch.nodes.iter().all(found).then(|| "EC2 shows all that it asked for".to_owned())
        }
        Call::RequestSpot(launch) => {
            let fresh = |it: &&&SpotRequest| it.created_at.is_none_or(|at| at >= since);
            let found = launch.nodes.iter().filter_map(|node| shown.requests.get(node)).flatten().find(fresh)?;
            Some(format!("EC2 shows {}", found.id))
        }
        // Until it is attached, no line of the journal but this call knows of it, should a list leave it out.
        // That of which a copy is made is attached still, and is not the copy.
        Call::CreateVolume { node, tags: asked, .. } => {
            let is_it = |it: &&&Volume| it.attachment.is_some() && it.replaces.as_ref() == asked.get(tags::REPLACES);
            let found = shown.volumes.get(node).filter(is_it)?;
            Some(format!("EC2 shows {}", found.id))
        }
        Call::CreateInterface { node, .. } => {
            let found = shown.interfaces.get(node).filter(|it| it.attached)?;
            Some(format!("EC2 shows {}", found.id))
        }
        Call::CreateSnapshot { .. } | Call::CopySnapshot { .. } => {
            let found = shown.snapshots.get(pending.token.to_string().as_str())?;
            Some(format!("EC2 shows {found}"))
        }
        // It is made again if it is still needed; if it is not, it may be there all the same.
        Call::CreateGroup { .. } => Some(format!("EC2 shows {}", shown.group?)),
        _ => Some("it is made again if it is still needed".to_owned()),
    }
}
