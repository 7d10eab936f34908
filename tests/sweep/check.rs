//! Whether there is what should be, nothing twice, nothing without an owner.

use std::collections::{BTreeMap, BTreeSet};

use cloudtop::cloud::{self, Cloud, Known, Want};
use cloudtop::domain::names::Identity;
use cloudtop::simulator::{InstanceSummary, RequestSummary, Summary, VolumeSummary};

use super::scenario::{Aside, Doing, Wanted};
use super::world::World;

type Tags = BTreeMap<String, String>;

/// What differs from what is wanted, in words.
pub async fn differences(world: &World, wanted: &Wanted) -> Vec<String> {
    let shown = world.simulator.show().unwrap();
    let mut found = Findings(Vec::new());
    let instances: Vec<_> = shown.instances.iter().filter(|it| !it.gone).collect();
    let wanted = &if_there(wanted, &instances);
    let requests: Vec<_> = shown.spot_requests.iter().filter(|it| !it.gone).collect();
    let volumes: Vec<_> = shown.volumes.iter().filter(|it| tag(&it.tags, "cloudtop:role") == "persistent").collect();
    found.count("instances", instances.len(), wanted.nodes);
    // Those on demand have none.
    let of_requests = Wanted { nodes: if wanted.on_demand { 0 } else { wanted.nodes }, ..*wanted };
    found.count("spot requests", requests.len(), of_requests.nodes);
    let network = usize::from(wanted.doing != Doing::Gone);
    if wanted.doing != Doing::StoppedIfThere {
        found.count("security groups", shown.security_groups.len(), network);
        found.count("key pairs", shown.key_pairs.len(), network);
    }
    found.check_states(wanted, &instances, &requests);
    found.check_volumes(wanted, &instances, &volumes);
    found.check_snapshots(world, &shown, wanted);
    found.check_roots(&shown, wanted);
    found.check_addresses(&shown, wanted);
    found.check_owners(&shown, wanted);
    found.check_nodes(wanted, instances.iter().map(|it| (it.id.as_str(), &it.tags)));
    found.check_nodes(&of_requests, requests.iter().map(|it| (it.id.as_str(), &it.tags)));
    if let Some((instances, volumes)) = wanted.ever {
        // The service says instances for as long as they are listed, and the answers name those that are not.
        let mut all: BTreeSet<String> = shown.instances.iter().map(|it| it.id.clone()).collect();
        all.extend(world.network.ever_made("i-"));
        found.count("instances ever made", all.len(), instances);
        found.count("volumes ever made", world.network.ever_made("vol-").len(), volumes);
        // A node has one volume and one address, however often it comes back.
        if wanted.addresses > 0 {
            found.count("interfaces ever made", world.network.ever_made("eni-").len(), volumes);
        }
    }
    if wanted.doing == Doing::Running {
        found.check_rules(world, wanted).await;
    }
    found.0
}

/// What is left where nothing should be.
/// Snapshots stay, and so do volumes that were put aside, where there may be any.
pub fn leftovers(world: &World, aside: bool) -> Vec<String> {
    let shown = world.simulator.show().unwrap();
    let mut left = Vec::new();
    left.extend(shown.instances.iter().filter(|it| !it.gone).map(|it| format!("{} is left, {}", it.id, it.state)));
    left.extend(shown.spot_requests.iter().filter(|it| !it.gone).map(|it| format!("{} is left, {}", it.id, it.state)));
    let volumes = shown.volumes.iter().filter(|it| !(aside && is_aside(it)));
    left.extend(volumes.map(|it| format!("{} is left, {}", it.id, it.state)));
    let others = [&shown.security_groups, &shown.key_pairs, &shown.network_interfaces];
    left.extend(others.into_iter().flatten().map(|it| format!("{} ({}) is left", it.id, it.name)));
    left
}

/// Whether a volume is no node's: made by a restore that was not finished, or put aside by one.
fn is_aside(volume: &VolumeSummary) -> bool {
    matches!(tag(&volume.tags, "cloudtop:role"), "restored" | "replaced")
}

/// What was never begun is not wanted.
fn if_there(wanted: &Wanted, instances: &[&InstanceSummary]) -> Wanted {
    match wanted.doing {
        Doing::StoppedIfThere if instances.is_empty() => Wanted { nodes: 0, ..*wanted },
        Doing::StoppedIfThere => Wanted { doing: Doing::Stopped, ..*wanted },
        _ => *wanted,
    }
}

struct Findings(Vec<String>);

impl Findings {
    fn say(&mut self, text: String) {
        self.0.push(text);
    }

    fn count(&mut self, what: &str, found: usize, wanted: usize) {
        if found != wanted {
            self.say(format!("{found} {what}, wanted {wanted}"));
        }
    }

    fn check_states(&mut self, wanted: &Wanted, instances: &[&InstanceSummary], requests: &[&RequestSummary]) {
        let (instance, request) = match wanted.doing {
            Doing::Running => ("running", "active"),
            Doing::Stopped => ("stopped", "disabled"),
            Doing::StoppedIfThere | Doing::Gone => return,
        };
        for it in instances.iter().filter(|it| it.state != instance) {
            self.say(format!("{} is {}", it.id, it.state));
        }
        for it in requests {
            if it.state != request {
                self.say(format!("{} is {} ({})", it.id, it.state, it.status));
            }
            if !it.persistent {
                self.say(format!("{} is not persistent", it.id));
            }
        }
        let of_spot = instances.iter().filter(|_| !wanted.on_demand);
        for it in of_spot.filter(|it| !requests.iter().any(|of| of.instance_id.as_deref() == Some(&it.id))) {
            self.say(format!("{} has no live request", it.id));
        }
    }

    fn check_volumes(&mut self, wanted: &Wanted, instances: &[&InstanceSummary], volumes: &[&VolumeSummary]) {
        if let Some(wanted) = wanted.volumes {
            self.count("persistent volumes", volumes.len(), wanted);
        }
        for it in volumes.iter().filter(|it| wanted.gib.is_some_and(|gib| gib != it.size_gib)) {
            self.say(format!("{} has {} GiB", it.id, it.size_gib));
        }
        let nodes: BTreeSet<&str> = volumes.iter().map(|it| tag(&it.tags, "cloudtop:node")).collect();
        if nodes.len() != volumes.len() && wanted.aside == Aside::Never {
            self.say(format!("{} persistent volumes for {} nodes", volumes.len(), nodes.len()));
        }
        for instance in instances {
            let node = tag(&instance.tags, "cloudtop:node");
            let own = |it: &&&VolumeSummary| it.instance_id.as_deref() == Some(&instance.id);
            match volumes.iter().find(own) {
                Some(volume) if tag(&volume.tags, "cloudtop:node") != node => {
                    self.say(format!("{} of another node is attached to {}", volume.id, instance.id));
                }
                Some(_) => {}
                // A machine that was stopped before it had a volume gets it when it starts.
                None if wanted.doing == Doing::Stopped && wanted.ever.is_none() => {}
                None => self.say(format!("{} has no persistent volume", instance.id)),
            }
        }
        let free = volumes.iter().filter(|it| it.instance_id.is_none());
        for volume in free.filter(|it| it.state != "available") {
            self.say(format!("{} is {} and attached to nothing", volume.id, volume.state));
        }
    }

    /// Each snapshot is whole and was made once; where volumes were put aside, none that was ever made is gone.
    fn check_snapshots(&mut self, world: &World, shown: &Summary, wanted: &Wanted) {
        if let Some(snapshots) = wanted.snapshots {
            self.count("snapshots", shown.snapshots.len(), snapshots);
            if let Some(for_move) = wanted.for_move {
                self.count("snapshots ever made", world.network.ever_made("snap-").len(), snapshots + for_move);
            }
            for it in shown.snapshots.iter().filter(|it| it.state != "completed") {
                self.say(format!("{} is {}", it.id, it.state));
            }
        }
        for id in world.network.ever_made("vol-").iter().filter(|_| wanted.aside == Aside::Kept) {
            if !shown.volumes.iter().any(|it| it.id == **id) {
                self.say(format!("{id} is gone"));
            }
        }
    }

    /// Root disks go with their instances; there is one of each.
    fn check_roots(&mut self, shown: &Summary, wanted: &Wanted) {
        let roots = shown.volumes.iter().filter(|it| tag(&it.tags, "cloudtop:role") != "persistent" && !is_aside(it));
        self.count("root disks", roots.count(), wanted.nodes);
    }

    /// Each node has one interface that was made for it, and is on it.
    fn check_addresses(&mut self, shown: &Summary, wanted: &Wanted) {
        let kept = shown.network_interfaces.iter().filter(|it| tag(&it.tags, "cloudtop:role") == "address");
        let kept: Vec<_> = kept.collect();
        self.count("interfaces for addresses", kept.len(), wanted.addresses);
        let nodes: BTreeSet<&str> = kept.iter().map(|it| tag(&it.tags, "cloudtop:node")).collect();
        if nodes.len() != kept.len() {
            self.say(format!("{} interfaces for {} nodes", kept.len(), nodes.len()));
        }
        if wanted.addresses > 0 && shown.network_interfaces.len() != kept.len() {
            self.say("a node was launched without its interface".to_owned());
        }
    }

    /// Everything carries the names of its environment and its owner. What is listed still and gone need not.
    fn check_owners(&mut self, shown: &Summary, wanted: &Wanted) {
        let instances = shown.instances.iter().filter(|it| !it.gone).map(|it| (&it.id, &it.tags));
        let requests = shown.spot_requests.iter().filter(|it| !it.gone).map(|it| (&it.id, &it.tags));
        let volumes = shown.volumes.iter().map(|it| (&it.id, &it.tags));
        let volumes = volumes.chain(shown.snapshots.iter().map(|it| (&it.id, &it.tags)));
        let others = shown.security_groups.iter().chain(&shown.key_pairs);
        let addresses = shown.network_interfaces.iter().filter(|it| tag(&it.tags, "cloudtop:role") == "address");
        let others = others.chain(addresses).map(|it| (&it.id, &it.tags));
        let mut owners = BTreeSet::new();
        for (id, tags) in instances.chain(requests).chain(volumes).chain(others) {
            owners.insert(tag(tags, "cloudtop:owner").to_owned());
            if tag(tags, "cloudtop:env") != wanted.env || tag(tags, "cloudtop:owner").is_empty() {
                self.say(format!("{id} is not tagged: {tags:?}"));
            }
        }
        if owners.len() > 1 {
            self.say(format!("there are several owners: {owners:?}"));
        }
    }

    /// Each node has one, tagged with its own index.
    fn check_nodes<'a>(&mut self, wanted: &Wanted, things: impl Iterator<Item = (&'a str, &'a Tags)>) {
        let mut nodes: Vec<&str> = Vec::new();
        for (id, tags) in things {
            let node = tag(tags, "cloudtop:node");
            let is_own = node.parse::<usize>().is_ok_and(|node| node < wanted.nodes);
            // Who is stopped while it starts still has its launch's own set of nodes.
            if !is_own && (wanted.doing == Doing::Running || wanted.nodes == 1) {
                self.say(format!("{id} is tagged as node {node:?}"));
            }
            nodes.push(node);
        }
        nodes.sort_unstable();
        nodes.dedup();
        if wanted.doing == Doing::Running && nodes.len() != wanted.nodes {
            self.say(format!("nodes {nodes:?} are tagged, wanted {}", wanted.nodes));
        }
    }

    /// The group lets ssh in from where it should, and from nowhere else.
    async fn check_rules(&mut self, world: &World, wanted: &Wanted) {
        let settings = cloud::Settings {
            region: Some("us-east-1".to_owned()),
            http_client: Some(world.simulator.http_client()),
            static_credentials: true,
            ..cloud::Settings::default()
        };
        let cloud = Cloud::connect(&settings).await.unwrap();
        let Some(owner) =
            world.simulator.show().unwrap().security_groups.first().map(|it| it.tags["cloudtop:owner"].clone())
        else {
            return;
        };
        let identity = Identity { env: wanted.env.parse().unwrap(), owner };
        let known = Known { request_ids: &[], instance_ids: &[], existing_volume: None, ssh_port: 22, want: Want::ALL };
        let observed = cloud.observe(&identity, &known).await.unwrap();
        for group in observed.groups {
            if group.ssh_from != [wanted.ssh_from] {
                self.say(format!("ssh is let in from {:?}, wanted {}", group.ssh_from, wanted.ssh_from));
            }
            if !group.open_to_itself {
                self.say(format!("{} is not open to its own members", group.id));
            }
        }
    }
}

fn tag<'t>(tags: &'t Tags, key: &str) -> &'t str {
    tags.get(key).map(String::as_str).unwrap_or_default()
}
