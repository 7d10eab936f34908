//! An environment as its tags show it, for those who have no state of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::call::Tags;
use super::intent::Interruption;
use super::names::Identity;
use super::observed::{Interface, Observed, Snapshot, Volume};

/// An environment that was found by its tags.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which.
    pub identity: Identity,
    /// What there is of it. `ssh_from` of its groups are all rules for one TCP port, for that port is not known.
    pub observed: Observed,
    /// What it has beside that and would not miss.
    pub spare: Spare,
    /// The tags of each resource, by id.
    pub tags: BTreeMap<String, Tags>,
    /// When each resource was made, by id, where EC2 tells; of an instance when it was last started.
    pub made_at: BTreeMap<String, Timestamp>,
    /// What it was asked for with, as far as EC2 knows.
    pub terms: Terms,
}

/// What an environment has beside what it works with; asked for only where leftovers are looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spare {
    /// Root volumes: they should go with their instances.
    pub roots: Vec<Volume>,
    /// Volumes that `volume restore` has made and not put in place, or has put another in the place of.
    pub put_aside: Vec<Volume>,
    /// Network interfaces, those in use too.
    pub interfaces: Vec<Interface>,
    /// Snapshots that carry its tags.
    pub snapshots: Vec<Snapshot>,
}

/// What is known of how an environment was asked for: enough to go on with it when the state file is lost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// The image of an instance of it.
    pub image_id: Option<String>,
    /// The subnet of an instance of it.
    pub subnet_id: Option<String>,
    /// The security groups that its instances are in.
    pub group_ids: Vec<String>,
    /// The public key of the key pair, in OpenSSH form, where the key pair is the environment's own.
    pub public_key: Option<String>,
    /// What its spot requests do on an interruption.
    pub on_interruption: Option<Interruption>,
    /// The limit of its spot requests, USD per hour. EC2 shows the on-demand price where none was given.
    pub max_price: Option<f64>,
}

impl Found {
    /// An environment of which nothing was found yet.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            observed: Observed::default(),
            spare: Spare::default(),
            tags: BTreeMap::new(),
            made_at: BTreeMap::new(),
            terms: Terms::default(),
        }
    }

    /// Whether anything of it computes, or may: an instance that is not ending, or a request that may launch one.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.observed.instances.iter().any(|it| it.state.is_live())
            || self.observed.requests.iter().any(|it| it.state.is_live())
    }

    /// Whether there is more of it than what has ended, which EC2 lists for a while.
    #[must_use]
    pub fn is_anything_left(&self) -> bool {
        let seen = &self.observed;
        self.is_alive() || !seen.volumes.is_empty() || !seen.groups.is_empty() || !seen.keys.is_empty()
    }

    /// The value of a tag that some resource has.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.values().find_map(|tags| tags.get(key)).map(String::as_str)
    }
}
