//! The key pair and the security group.

use crate::domain::call::Call;
use crate::domain::market::Market;
use crate::domain::record::{self, Thing};

use super::Planner;

/// What a launch needs of them.
pub(super) struct Network {
    /// The key pair's name.
    pub key_name: String,
    /// The security group.
    pub group_id: String,
}

impl Planner<'_> {
    /// Brings the rules of a group that is there up to date: this machine's address changes.
    pub(super) fn keep_network(&mut self) {
        if self.intent().security_group.is_some() {
            return;
        }
        let Some(group) = self.inputs.observed.groups.first() else {
            self.open_unlisted_group();
            return;
        };
        let port = self.intent().access.port;
        let wanted = &self.intent().ssh_from;
        for cidr in wanted.iter().filter(|cidr| !group.ssh_from.contains(cidr)) {
            let call = Call::AllowSsh { group_id: group.id.clone(), port, cidr: cidr.clone() };
            self.propose(call, "ssh must reach the nodes from there");
        }
        // Only what we opened is closed again: a rule that the user added is the user's.
        let stale = |cidr: &&String| !wanted.contains(cidr) && self.record.opened.contains(*cidr);
        let stale: Vec<String> = group.ssh_from.iter().filter(stale).cloned().collect();
        for cidr in stale {
            let call = Call::RevokeSsh { group_id: group.id.clone(), port, cidr };
            self.propose(call, "this machine's address has changed");
        }
        if !group.open_to_itself {
            self.propose(Call::AllowItself { group_id: group.id.clone() }, "the nodes must reach each other");
        }
    }

    /// What a launch needs; `None` while it is being made.
    pub(super) fn ensure_network(&mut self, market: &Market) -> Option<Network> {
        let name = self.inputs.identity.resource_name();
        let imported = self.record.answered_at("ImportKeyPair", &name);
        let key_there = market.key_present || imported.is_some_and(|at| at >= market.surveyed_at);
        if !key_there {
            let public_key = self.intent().access.public_key.clone();
            self.propose(Call::ImportKey { name: name.clone(), public_key }, "instances are launched with a key pair");
        }
        let group_id = self.ensure_group(market, &name)?;
        key_there.then_some(Network { key_name: name, group_id })
    }

    fn ensure_group(&mut self, market: &Market, name: &str) -> Option<String> {
        if let Some(own) = &self.intent().security_group {
            return Some(own.clone());
        }
        if let Some(group) = self.inputs.observed.groups.first() {
            return Some(group.id.clone());
        }
        if let Some(id) = self.unlisted_group() {
            return Some(id);
        }
        let vpc_id = market.subnets.first().map(|subnet| subnet.vpc_id.clone())?;
        let call = Call::CreateGroup { name: name.to_owned(), vpc_id };
        self.propose(call, "the nodes need a firewall that lets ssh in from here alone");
        None
    }

    /// The group that EC2 said it made and does not list yet.
    fn unlisted_group(&self) -> Option<String> {
        self.record.known.iter().find(|(_, known)| known.thing == Thing::Group).map(|(id, _)| id.clone())
    }

    /// A group that is not listed yet is opened by its id, and a launch may name it. What was answered is not asked
    /// for again: its rules cannot be seen.
    fn open_unlisted_group(&mut self) {
        let Some(group_id) = self.unlisted_group() else { return };
        let port = self.intent().access.port;
        let ssh = self.intent().ssh_from.iter();
        let ssh = ssh.map(|cidr| Call::AllowSsh { group_id: group_id.clone(), port, cidr: cidr.clone() });
        for call in ssh.chain([Call::AllowItself { group_id: group_id.clone() }]) {
            let open = record::subjects(&call).iter().all(|id| self.record.was_answered(call.action(), id));
            if !open {
                self.propose(call, "ssh must reach the nodes, and they each other");
            }
        }
    }

    /// Deletes the group and the key pair, when nothing uses them any more.
    pub(super) fn delete_network(&mut self) {
        let shown = self.inputs.observed.groups.iter().map(|group| group.id.clone());
        let unseen = self.record.known.iter().filter(|(_, known)| known.thing == Thing::Group);
        let mut groups: Vec<String> = shown.chain(unseen.map(|(id, _)| id.clone())).collect();
        groups.sort();
        groups.dedup();
        for id in groups {
            self.propose(Call::DeleteGroup { id }, "nothing uses it any more");
        }
        let own = self.inputs.identity.resource_name();
        // An environment that was adopted has the key pair of the installation that made it.
        let others: Vec<String> =
            self.inputs.observed.keys.iter().map(|key| key.name.clone()).filter(|name| *name != own).collect();
        for name in others {
            self.propose(Call::DeleteKey { name }, "nothing uses it any more");
        }
        if !self.record.was_answered("DeleteKeyPair", &own) {
            self.propose(Call::DeleteKey { name: own }, "nothing uses it any more");
        }
    }
}
