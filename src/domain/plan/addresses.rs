//! Fixed private addresses: one network interface of ours a node, made before its first launch and kept over all others.
//!
//! EC2 deletes the interface that it makes for a launch with its instance, and not one that was there before
//! (API reference, InstanceNetworkInterfaceSpecification, DeleteOnTermination). Such an interface holds its node to a zone,
//! as a volume does. Nodes that are launched together go into one zone, or over several with `--spread`, as they do
//! without: a VPC's subnets reach each other.

use crate::domain::call::{Call, Launch};
use crate::domain::observed::{Instance, InstanceState, Interface};
use crate::domain::pools::{Choice, Pin, Ranking};

use super::Planner;
use super::network::Network;
use super::world::{NodeFacts, World};

impl<'a> Planner<'a> {
    /// Where the node must be launched, because of its volume or its interface; `Err` says what must be known or done
    /// before.
    pub(super) fn pin(
        &mut self,
        index: u32,
        facts: &NodeFacts<'a>,
        zone_of_volume: Option<String>,
    ) -> Result<Option<Pin>, String> {
        let by_volume = zone_of_volume.map(|zone| Pin { zone, subnet: None, may_move: false });
        if !self.intent().fixed_addresses {
            return Ok(by_volume);
        }
        let Some(interface) = facts.interface() else {
            if let Some(id) = facts.unseen_interface() {
                return Err(format!("EC2 to list {id}, which has its address"));
            }
            return match facts.pending_interface() {
                Some(pending) => Err(self.repeat_lost(pending).1.unwrap_or_default()),
                None => Ok(by_volume),
            };
        };
        if let Some(holder) = holder(facts, interface) {
            return Err(format!("{holder} to let go of {}, which has the node's address", interface.id));
        }
        if by_volume.as_ref().is_some_and(|pin| pin.zone != interface.zone) {
            self.give_up(interface, "its node has a volume in another zone, and can be launched there only");
            return Err("an address where its volume is".to_owned());
        }
        let (zone, subnet) = (interface.zone.clone(), Some(interface.subnet_id.clone()));
        let may_move = by_volume.is_none() && !self.may_be_known(index, interface);
        Ok(Some(Pin { zone, subnet, may_move }))
    }

    /// Whether others may count on the interface's address: its node has been there with it. Of one that was not made by
    /// us, as far as we remember, we cannot tell.
    fn may_be_known(&self, index: u32, interface: &Interface) -> bool {
        let made_by_us = self.record.was_answered("CreateNetworkInterface", &interface.id);
        !made_by_us || self.record.last_instance.contains_key(&index)
    }

    fn give_up(&mut self, interface: &Interface, reason: &str) {
        self.propose(Call::DeleteInterface { id: interface.id.clone() }, reason);
    }

    /// Gives up interfaces whose zone has no room, where another has and nobody counts on their addresses yet. As long as
    /// nothing in the zone has refused, the nodes stay, whatever prices do meanwhile.
    pub(super) fn move_elsewhere(
        &mut self,
        world: &World<'a>,
        pin: &Pin,
        nodes: &[u32],
        here: &Ranking,
        anywhere: &Ranking,
    ) -> bool {
        let refused = anywhere.refusals.iter().any(|refusal| refusal.pool.zone == pin.zone);
        let Some(best) = anywhere.choices.first().filter(|best| best.pool.zone != pin.zone) else { return false };
        // Whoever must pay the full price pays it here as well as there.
        if (!refused || best.on_demand) && !here.choices.is_empty() {
            return false;
        }
        let reason = format!("{} is dry: the node gets its address in {}", pin.zone, best.pool.zone);
        for node in nodes {
            let interfaces = world.nodes.get(node).map(|facts| facts.interfaces.as_slice()).unwrap_or_default();
            for interface in interfaces {
                self.give_up(interface, &reason);
            }
            self.tell(*node, &reason);
        }
        true
    }

    /// Launches one node with its interface, or makes that first.
    pub(super) fn launch_with_address(
        &mut self,
        world: &World<'a>,
        node: u32,
        choice: &Choice,
        ranking: &Ranking,
        network: &Network,
    ) {
        let Some(interface) = world.nodes.get(&node).and_then(NodeFacts::interface) else {
            return self.make_interface(node, choice, network);
        };
        if self.should_be_public(&interface.subnet_id)
            && !self.record.was_answered("ModifyNetworkInterfaceAttribute", &interface.id)
        {
            // Before the launch, for the first boot needs the internet.
            let reason = "EC2 gives no public address to what is launched with an interface that is there already";
            self.propose(Call::MakePublic { id: interface.id.clone() }, reason);
            return self.tell(node, &format!("{} to be ready for a public address", interface.id));
        }
        if let Some(launch) = self.launch_of(choice, &[node], network) {
            let launch = Launch { interface_id: Some(interface.id.clone()), ..launch };
            self.propose_launch(launch, ranking, choice);
        }
    }

    fn make_interface(&mut self, node: u32, choice: &Choice, network: &Network) {
        let Some(subnet_id) = choice.pool.subnet.clone() else { return };
        let call = Call::CreateInterface {
            node,
            zone: choice.pool.zone.clone(),
            subnet_id,
            group_id: network.group_id.clone(),
            tags: self.tags_of_interface(node),
        };
        self.propose(call, "the node keeps its private address for as long as the environment is there");
        self.tell(node, "its private address is being made");
    }

    /// Whether nodes in a subnet should get a public address: in a default one always, in one of the user's own where
    /// that gives them.
    fn should_be_public(&self, subnet_id: &str) -> bool {
        let market = self.inputs.observed.market.as_ref();
        let gives = |id: &str| market.is_some_and(|it| it.subnets.iter().any(|it| it.id == id && it.public_addresses));
        self.intent().subnet.is_none() || gives(subnet_id)
    }

    /// A node that runs without the public address that was asked for before its launch is given one now: nobody has
    /// written down whether EC2 minds the interface's attribute at every launch and start. Once after each.
    pub(super) fn see_to_public_address(&mut self, facts: &NodeFacts<'a>, instance: &Instance) {
        let Some(interface) = facts.interface().filter(|_| instance.public_ip.is_none()) else { return };
        let asked = self.record.answered_at("ModifyNetworkInterfaceAttribute", &interface.id);
        if asked.zip(instance.launched_at).is_some_and(|(asked, launched)| asked < launched) {
            self.propose(Call::MakePublic { id: interface.id.clone() }, "the node runs and has no public address");
        }
    }

    /// A node has one address. A second interface, however it came to be, is only in the way.
    pub(super) fn end_double_interfaces(&mut self, index: u32, facts: &NodeFacts<'a>) {
        let Some(kept) = facts.interface() else { return };
        for double in facts.interfaces.iter().filter(|it| it.id != kept.id && !it.attached) {
            self.give_up(double, &format!("node {index} has {} already", kept.id));
        }
    }

    /// Deletes all interfaces, once nothing that had them is left. Whether there are any still.
    pub(super) fn delete_interfaces(&mut self, world: &World<'a>) -> bool {
        let shown = &self.inputs.observed.interfaces;
        for interface in shown {
            self.give_up(interface, "nothing uses it any more");
        }
        let unseen: Vec<&str> = world.nodes.values().filter_map(NodeFacts::unseen_interface).collect();
        for id in &unseen {
            // Deleted by its id now, it would be called gone already, and show up after us.
            self.wait(format!("EC2 to list {id}, which is then deleted"));
        }
        !(shown.is_empty() && unseen.is_empty())
    }

    /// Deletes the interfaces of a node that is gone. Whether there are any still.
    pub(super) fn delete_interfaces_of(&mut self, facts: &NodeFacts<'a>, reason: &str) -> bool {
        for interface in &facts.interfaces {
            self.give_up(interface, reason);
        }
        if let Some(id) = facts.unseen_interface() {
            self.wait(format!("EC2 to list {id}, which is then deleted"));
        }
        !facts.interfaces.is_empty() || facts.unseen_interface().is_some()
    }

    fn tell(&mut self, node: u32, words: &str) {
        if let Some(view) = self.views.iter_mut().find(|view| view.index == node) {
            view.waiting_for = Some(words.to_owned());
        }
    }
}

/// What has an interface that a node is to be launched with. A list may show it attached to what has terminated already.
fn holder(facts: &NodeFacts<'_>, interface: &Interface) -> Option<String> {
    let terminated = |id: &str| facts.ending.iter().any(|it| it.id == id && it.state == InstanceState::Terminated);
    match &interface.instance_id {
        Some(id) => (interface.attached && !terminated(id)).then(|| id.clone()),
        None => interface.attached.then(|| "EC2".to_owned()),
    }
}
