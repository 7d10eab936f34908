//! What the model does about network interfaces that are made beforehand.

use crate::domain::call::{Launch, Made};
use crate::domain::failure::Class;
use crate::domain::observed::Interface;

use super::{Answer, Ec2, Thing, refused};

impl Ec2 {
    pub(super) fn create_interface(&mut self, node: u32, zone: &str, subnet: &str) -> Answer {
        if let Some(there) = self.interfaces.values().find(|it| it.node == node && it.due.is_none()) {
            self.violations.push(format!("a second interface for node {node}, which has {}", there.it.id));
        }
        let (id, shows_at) = self.new_id("eni");
        let interface = Interface {
            id: id.clone(),
            node_tag: Some(node.to_string()),
            keeps_address: true,
            zone: zone.to_owned(),
            subnet_id: subnet.to_owned(),
            private_ip: Some(format!("address of {id}")),
            attached: false,
            instance_id: None,
        };
        self.interfaces.insert(id.clone(), Thing::new(interface, node, self.now, shows_at));
        Ok(Made { interface: Some(id), ..Made::default() })
    }

    pub(super) fn make_public(&self, id: &str) -> Answer {
        match self.there(id) {
            Some(_) => Ok(Made::default()),
            None => refused(Class::NotYetVisible, "InvalidNetworkInterfaceID.NotFound"),
        }
    }

    /// Lists may show it for a moment more: it is due to vanish.
    pub(super) fn delete_interface(&mut self, id: &str) -> Answer {
        let due = self.soon(2, 6);
        let Some(interface) = self.there(id) else {
            return refused(Class::Gone, "InvalidNetworkInterfaceID.NotFound");
        };
        if interface.it.attached {
            return refused(Class::InUse, "InvalidNetworkInterface.InUse");
        }
        if self.known_addresses.get(&interface.node).is_some_and(|known| known == id) {
            self.violations.push(format!("{id} is deleted, and others count on its address"));
        }
        self.interfaces.get_mut(id).unwrap().due = due;
        Ok(Made::default())
    }

    fn there(&self, id: &str) -> Option<&Thing<Interface>> {
        self.interfaces.get(id).filter(|it| it.due.is_none())
    }

    /// Nobody counts on the address of a node that the environment is not to have.
    pub fn forget_addresses_beyond(&mut self, nodes: u32) {
        self.known_addresses.retain(|node, _| *node < nodes);
    }

    /// Whether a launch names an interface that it cannot have.
    pub(super) fn check_interface(&mut self, launch: &Launch) -> Option<Answer> {
        let id = launch.interface_id.as_ref()?;
        let Some(interface) = self.there(id) else {
            return Some(refused(Class::NotYetVisible, "InvalidNetworkInterfaceID.NotFound"));
        };
        let (node, zone, attached) = (interface.node, interface.it.zone.clone(), interface.it.attached);
        if launch.nodes != [node] || launch.pool.zone != zone {
            self.violations.push(format!("{id} of node {node} in {zone} for a launch of {launch}"));
        }
        attached.then(|| refused(Class::InUse, "InvalidNetworkInterface.InUse"))
    }

    /// Whether a request's interface, if it has one, is free for its next instance.
    pub(super) fn interface_is_free(&self, request: &str) -> bool {
        let id = self.launches.get(request).and_then(|launch| launch.interface_id.as_ref());
        id.is_none_or(|id| self.there(id).is_some_and(|it| !it.it.attached))
    }

    /// An instance has its interface from its first moment.
    pub(super) fn occupy(&mut self, launch: &Launch, instance: &str) {
        let Some(id) = &launch.interface_id else { return };
        let interface = self.interfaces.get_mut(id).unwrap();
        (interface.it.attached, interface.it.instance_id) = (true, Some(instance.to_owned()));
        let node = interface.node;
        let before = self.known_addresses.insert(node, id.clone());
        if before.is_some_and(|before| before != *id) {
            self.violations.push(format!("node {node} came back with another address"));
        }
    }

    /// An instance that has ended lets go of its interface.
    pub(super) fn let_go(&mut self, instance: &str) {
        for interface in self.interfaces.values_mut() {
            if interface.it.instance_id.as_deref() == Some(instance) {
                (interface.it.attached, interface.it.instance_id) = (false, None);
            }
        }
    }

    pub(super) fn interfaces_go_on(&mut self) {
        let now = self.now;
        self.interfaces.retain(|_, it| it.due.is_none_or(|due| due > now));
    }
}
