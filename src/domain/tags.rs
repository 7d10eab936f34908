//! The tags that make a resource ours. They are ownership: what they do not name is never touched.

use std::collections::BTreeMap;

use super::names::Identity;

/// The environment's name.
pub const ENV: &str = "cloudtop:env";
/// The id of the installation that made it.
pub const OWNER: &str = "cloudtop:owner";
/// The node's index, or the set of indexes of the launch that it came from (see [`super::nodes`]).
pub const NODE: &str = "cloudtop:node";
/// The version of the tool that made it.
pub const VERSION: &str = "cloudtop:version";
/// The template that nodes are made from.
pub const TEMPLATE: &str = "cloudtop:template";
/// The operating system, where it is not the template's own.
pub const OS: &str = "cloudtop:os";
/// What a volume or an interface is for: [`ROLE_PERSISTENT`], [`ROLE_ROOT`], [`ROLE_ADDRESS`], [`ROLE_RESTORED`] or
/// [`ROLE_REPLACED`].
pub const ROLE: &str = "cloudtop:role";
/// The id of the installation from which this one has adopted the environment.
pub const ADOPTED_FROM: &str = "cloudtop:adopted-from";
/// What a throwaway environment's time is over, RFC 3339.
pub const EXPIRES: &str = "cloudtop:expires";
/// The role of a volume that outlives its instance.
pub const ROLE_PERSISTENT: &str = "persistent";
/// The role of a volume that is made from a snapshot and is not its node's yet.
pub const ROLE_RESTORED: &str = "restored";
/// The role of a volume in whose place another was put: kept, and no node's any more.
pub const ROLE_REPLACED: &str = "replaced";
/// The volume that a restored one takes the place of. While both are their node's, the one with this tag counts: that
/// the restored one gets its role is the one step that decides.
pub const REPLACES: &str = "cloudtop:replaces";
/// The volume of another region that a snapshot or a volume is a copy of, by a move into this one.
pub const COPIED_FROM: &str = "cloudtop:copied-from";
/// Why a snapshot was made: see [`super::snapshots::Purpose`].
pub const SNAPSHOT: &str = "cloudtop:snapshot";
/// The token of the call that made a snapshot: `CreateSnapshot` takes no client token, so this tells whether a call
/// whose answer was lost has made one.
pub const TOKEN: &str = "cloudtop:token";
/// The name of an image, on the image and on the snapshots of its disks.
pub const IMAGE: &str = "cloudtop:image";
/// Which version of it: the time at which its bake began.
pub const BAKE: &str = "cloudtop:bake";
/// The environment that an image was made from, where it was made from a running one.
pub const BAKED_FROM: &str = "cloudtop:baked-from";
/// The role of an image to launch from.
pub const ROLE_IMAGE: &str = "image";
/// The role of an image that has a running machine as it was, keys and all: for its builder alone.
pub const ROLE_RAW_IMAGE: &str = "raw-image";
/// The role of a volume that goes with its instance.
pub const ROLE_ROOT: &str = "root";
/// The role of a network interface that outlives its instance, for the address that it has.
pub const ROLE_ADDRESS: &str = "address";
/// The name that consoles show.
pub const NAME: &str = "Name";

/// The tags of a resource that belongs to the environment as a whole.
#[must_use]
pub fn of_environment(id: &Identity, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut tags = own.clone();
    tags.insert(ENV.to_owned(), id.env.to_string());
    tags.insert(OWNER.to_owned(), id.owner.clone());
    tags.insert(VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    tags.insert(NAME.to_owned(), format!("cloudtop/{}", id.env));
    tags
}

/// The tags of what belongs to the nodes in `node_tag`: one index, or a set.
#[must_use]
pub fn of_nodes(id: &Identity, own: &BTreeMap<String, String>, node_tag: &str) -> BTreeMap<String, String> {
    let mut tags = of_environment(id, own);
    tags.insert(NODE.to_owned(), node_tag.to_owned());
    if node_tag.parse::<u32>().is_ok() {
        tags.insert(NAME.to_owned(), format!("cloudtop/{}/{node_tag}", id.env));
    }
    tags
}
