//! Launching what is missing: which nodes, in which pool, by which call.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::call::{Call, Launch, Tags};
use crate::domain::intent::{Intent, Interruption};
use crate::domain::money;
use crate::domain::nodes;
use crate::domain::pools::{self, Choice, Pin, Ranking, Refusal};
use crate::domain::refusals;
use crate::domain::tags;

use super::network::Network;
use super::world::World;
use super::{Blocked, Planner};

/// When an open request gives up, unless the environment expires first. EC2's own default is said to be 7 days, after
/// which even a fulfilled persistent request would stop bringing its node back.
const REQUEST_VALID_FOR: SignedDuration = SignedDuration::from_hours(365 * 24);
/// The smallest root disk, GiB.
pub const ROOT_GIB: u32 = 20;
/// The most `ephemeralN` mappings that older types have.
const MAX_EPHEMERAL: u32 = 24;

impl Intent {
    /// Whether nodes are launched by `RequestSpotInstances`: it alone can do persistent + terminate, and wait.
    #[must_use]
    pub fn requests_spot(&self) -> bool {
        self.wait_for_capacity || (self.on_interruption == Interruption::Terminate && !self.one_time)
    }
}

impl<'a> Planner<'a> {
    /// Launches the nodes that have nothing.
    pub(super) fn launch_missing(&mut self, world: &World<'a>) {
        if self.launch.is_empty() {
            return;
        }
        if !world.stray_requests.is_empty() || !world.stray_instances.is_empty() {
            self.waiting_for.push("EC2 to show which nodes the requests that are there belong to".to_owned());
            return;
        }
        let Some(market) = &self.inputs.observed.market else {
            self.needs_survey = true;
            return;
        };
        let network = self.ensure_network(market);
        for (pin, nodes) in self.by_pin() {
            let refusals = self.refusals(world);
            let wanted = count(&nodes);
            let mut ranking = pools::rank(self.intent(), market, &refusals, pin.as_ref(), wanted, self.now());
            if let Some(pin) = pin.filter(|pin| pin.may_move) {
                let anywhere = pools::rank(self.intent(), market, &refusals, None, wanted, self.now());
                if self.move_elsewhere(world, &pin, &nodes, &ranking, &anywhere) {
                    continue;
                }
                // Where no zone will do, each says its own reason.
                if ranking.choices.is_empty() {
                    ranking = anywhere;
                }
            }
            if ranking.choices.is_empty() {
                self.tell_why_none_will_do(&nodes, &ranking);
                self.block(Blocked::NoPool(ranking));
                continue;
            }
            let laid_out = self.lay_out(world, &nodes, &ranking);
            ranking.laid_out = laid_out.iter().map(|(place, nodes)| (*place, count(nodes))).collect();
            match &network {
                Some(network) => self.launch_nodes(world, laid_out, &ranking, network),
                None => self.tell_what_follows(&ranking),
            }
            // Nodes may be held to several zones. What is told of one must not hide that another is on demand.
            if self.ranking.as_ref().is_none_or(|told| ranking.on_demand() && !told.on_demand()) {
                self.ranking = Some(ranking);
            }
        }
    }

    /// Nothing was launched for these nodes, and this is why.
    fn tell_why_none_will_do(&mut self, nodes: &[u32], ranking: &Ranking) {
        let again = match ranking.refusals.is_empty() {
            true => "",
            false => "; a pool that refused is asked again after three minutes",
        };
        let words = format!("a pool that will do: {}{again}", ranking.in_short());
        for view in self.views.iter_mut().filter(|view| nodes.contains(&view.index)) {
            view.waiting_for = Some(words.clone());
        }
    }

    /// What is launched once there are a key pair and a security group to launch it with.
    fn tell_what_follows(&mut self, ranking: &Ranking) {
        let launches = ranking.launches().map(|(choice, nodes)| {
            let nodes = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
            let how = if choice.on_demand { " ON-DEMAND" } else { "" };
            let price = money::hourly(choice.price);
            format!("{nodes} will be launched as {}{how} at {price} an hour each", choice.pool)
        });
        let launches = launches.collect::<Vec<_>>().join(", ");
        self.waiting_for.push(format!("the key pair and the security group; then {launches}"));
    }

    /// The missing nodes by where they must be.
    fn by_pin(&mut self) -> BTreeMap<Option<Pin>, Vec<u32>> {
        let mut groups: BTreeMap<Option<Pin>, Vec<u32>> = BTreeMap::new();
        for (node, pin) in std::mem::take(&mut self.launch) {
            groups.entry(pin).or_default().push(node);
        }
        groups
    }

    /// What refused a call, and what let a request wait until we cancelled it.
    fn refusals(&self, world: &World<'a>) -> Vec<Refusal> {
        let ended = world.nodes.values().flat_map(|facts| facts.ended_requests.iter().copied());
        self.record.refusals.iter().cloned().chain(refusals::given_up(ended)).collect()
    }

    fn launch_nodes(
        &mut self,
        world: &World<'a>,
        laid_out: Vec<(usize, Vec<u32>)>,
        ranking: &Ranking,
        network: &Network,
    ) {
        for (place, nodes) in laid_out {
            let Some(choice) = ranking.choices.get(place) else { continue };
            if self.intent().fixed_addresses {
                for &node in &nodes {
                    self.launch_with_address(world, node, choice, ranking, network);
                }
                continue;
            }
            for nodes in self.by_user_data(&nodes) {
                let launch = self.launch_of(choice, &nodes, network);
                let Some(launch) = launch else { continue };
                self.propose_launch(launch, ranking, choice);
            }
        }
    }

    pub(super) fn propose_launch(&mut self, launch: Launch, ranking: &Ranking, choice: &Choice) {
        let reason = pools::explained(choice, ranking);
        if self.intent().requests_spot() && !choice.on_demand {
            for &node in &launch.nodes {
                let tags = self.tags_of(&[node]);
                let single = Launch { nodes: vec![node], at_least: 1, tags, ..launch.clone() };
                self.propose(Call::RequestSpot(single), reason.clone());
            }
        } else {
            self.propose(Call::Launch(launch), reason);
        }
    }

    /// Nodes that may share one call: the same user data, and a set that fits into a tag.
    fn by_user_data(&self, nodes: &[u32]) -> Vec<Vec<u32>> {
        let mut groups: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for &node in nodes {
            groups.entry(self.intent().user_data.of(node).unwrap_or_default()).or_default().push(node);
        }
        let mut calls = Vec::new();
        for group in groups.into_values() {
            let mut rest = group.as_slice();
            while !rest.is_empty() {
                let part = nodes::fitting(rest);
                calls.push(part.to_vec());
                rest = &rest[part.len()..];
            }
        }
        calls
    }

    pub(super) fn launch_of(&self, choice: &Choice, nodes: &[u32], network: &Network) -> Option<Launch> {
        let intent = self.intent();
        let first = *nodes.first()?;
        let needs_mappings = choice.facts.local_disks > 0 && !choice.facts.local_nvme;
        let memory_gib = u32::try_from(choice.facts.memory_mib.div_ceil(1024)).unwrap_or(u32::MAX);
        // Hibernation writes the memory to the root disk.
        let for_memory = if intent.on_interruption == Interruption::Hibernate { memory_gib } else { 0 };
        Some(Launch {
            nodes: nodes.to_vec(),
            at_least: if choice.in_part { 1 } else { count(nodes) },
            pool: choice.pool.clone(),
            price: choice.price,
            on_demand: choice.on_demand,
            root_gib: choice.image.root_gib.max(ROOT_GIB).saturating_add(for_memory),
            image: choice.image.clone(),
            key_name: network.key_name.clone(),
            group_id: network.group_id.clone(),
            interface_id: None,
            user_data: intent.user_data.of(first).unwrap_or_default().to_owned(),
            on_interruption: intent.on_interruption,
            one_time: intent.one_time,
            max_price: choice.max_price,
            valid_until: self.valid_until().filter(|_| !choice.on_demand),
            ephemeral_disks: if needs_mappings { choice.facts.local_disks.min(MAX_EPHEMERAL) } else { 0 },
            shutdown_terminates: intent.one_time || intent.on_interruption == Interruption::Terminate,
            instance_profile: intent.instance_profile.clone(),
            tags: self.tags_of(nodes),
        })
    }

    /// The tags of the interface that a node keeps its address by.
    pub(super) fn tags_of_interface(&self, node: u32) -> Tags {
        let mut tags = self.tags_of(&[node]);
        tags.insert(tags::ROLE.to_owned(), tags::ROLE_ADDRESS.to_owned());
        tags
    }

    /// The tags of what belongs to these nodes.
    pub(super) fn tags_of(&self, nodes: &[u32]) -> Tags {
        tags::of_nodes(self.inputs.identity, &self.intent().all_tags(), &nodes::to_tag(nodes))
    }

    /// Requests that may wait have an end of their own.
    fn valid_until(&self) -> Option<Timestamp> {
        let year = self.now().checked_add(REQUEST_VALID_FOR).ok();
        self.intent().requests_spot().then_some(self.intent().expires_at.or(year)).flatten()
    }
}

fn count(nodes: &[u32]) -> u32 {
    u32::try_from(nodes.len()).unwrap_or(u32::MAX)
}
