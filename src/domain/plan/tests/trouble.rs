//! What goes wrong, and what the user changes their mind to.

use proptest::prelude::*;

use crate::domain::intent::{Goal, Intent, Interruption, VolumeWish};

use super::ec2::{Ec2, OWN_GROUP};
use super::fixture::{self, TYPES, ZONES};
use super::tool::{Fate, Tool};

/// One thing that happens between two looks.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Nothing, for some seconds.
    Quiet(i64),
    /// The call at that place of the next plan.
    Call(usize, Fate),
    /// The tool is killed, and begun again later.
    Kill(i64),
    /// EC2 takes a node away.
    Interrupt(u32),
    /// The user terminates a node in the console.
    UserEnds(u32),
    /// The user stops a node in the console.
    UserStops(u32),
    /// A pool has room for so many more.
    Room(usize, usize, u32),
    /// The user wants something else.
    Goal(Goal),
    /// The user wants another number of nodes.
    Nodes(u32),
}

/// What becomes of one call.
pub fn fates() -> impl Strategy<Value = Fate> + Clone {
    prop_oneof![Just(Fate::LostBefore), Just(Fate::LostAfter), Just(Fate::KilledBefore), Just(Fate::KilledAfter)]
}

pub fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let fate = fates();
    let goal = prop_oneof![
        3 => Just(Goal::Running),
        1 => Just(Goal::Stopped),
        1 => Just(Goal::Gone { delete_volumes: false }),
    ];
    let one = prop_oneof![
        10 => (1_i64..20).prop_map(Trouble::Quiet),
        1 => (60_i64..700).prop_map(Trouble::Quiet),
        5 => (0_usize..3, fate).prop_map(|(place, fate)| Trouble::Call(place, fate)),
        1 => (0_i64..100).prop_map(Trouble::Kill),
        2 => (0_u32..4).prop_map(Trouble::Interrupt),
        1 => (0_u32..4).prop_map(Trouble::UserEnds),
        1 => (0_u32..4).prop_map(Trouble::UserStops),
        2 => (0_usize..2, 0_usize..3, 0_u32..4).prop_map(|(kind, zone, room)| Trouble::Room(kind, zone, room)),
        2 => goal.prop_map(Trouble::Goal),
        1 => (1_u32..5).prop_map(Trouble::Nodes),
    ];
    // Short ones strike while things are being made, long ones later.
    prop_oneof![prop::collection::vec(one.clone(), 1..8), prop::collection::vec(one, 1..60)]
}

/// Environments of all kinds.
pub fn intents() -> impl Strategy<Value = Intent> {
    let ways = prop_oneof![
        Just((Interruption::Stop, false)),
        Just((Interruption::Terminate, false)),
        Just((Interruption::Terminate, true))
    ];
    let volume = prop_oneof![
        3 => Just(VolumeWish::Managed { gib: 100 }),
        1 => Just(VolumeWish::None),
        1 => Just(VolumeWish::Existing { id: "vol-user".to_owned() }),
    ];
    let bools = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.3), prop::bool::weighted(0.4));
    (ways, volume, 1_u32..4, bools).prop_map(|(way, volume, nodes, (spread, patient, own_group, fixed_addresses))| {
        let (on_interruption, one_time) = way;
        let nodes = if matches!(volume, VolumeWish::Existing { .. }) { 1 } else { nodes };
        let wait_for_capacity = patient && !one_time;
        let security_group = own_group.then(|| OWN_GROUP.to_owned());
        Intent {
            nodes,
            on_interruption,
            one_time,
            volume,
            spread,
            wait_for_capacity,
            security_group,
            fixed_addresses,
            ..fixture::intent()
        }
    })
}

impl Trouble {
    /// Lets it happen; what strikes a call is for the next turn.
    pub fn strike(&self, ec2: &mut Ec2, tool: &mut Tool) -> Option<(usize, Fate)> {
        tool.trace.push(format!("  -> {self:?}"));
        let live = |ec2: &Ec2, node: u32| ec2.live(node).first().map(|id| (*id).to_owned());
        match *self {
            Self::Quiet(seconds) => ec2.pass(seconds),
            Self::Call(place, fate) => return Some((place, fate)),
            Self::Kill(seconds) => {
                tool.kill();
                ec2.pass(seconds);
            }
            Self::Interrupt(node) => live(ec2, node).iter().for_each(|id| ec2.interrupt(id)),
            Self::UserEnds(node) => {
                live(ec2, node).iter().for_each(|id| ec2.end_instance(id, "instance-terminated-by-user"));
            }
            Self::UserStops(node) => live(ec2, node).iter().for_each(|id| drop(ec2.stop_instance(id))),
            Self::Room(kind, zone, room) => {
                ec2.room.insert((TYPES[kind].to_owned(), ZONES[zone].to_owned()), room);
            }
            // A one-time spot instance cannot be stopped: the command refuses.
            Self::Goal(Goal::Stopped) if tool.intent.one_time => {}
            Self::Goal(goal) => change(tool, |intent| intent.goal = goal),
            Self::Nodes(nodes) => {
                if !matches!(tool.intent.volume, VolumeWish::Existing { .. }) {
                    change(tool, |intent| intent.nodes = nodes);
                }
            }
        }
        None
    }
}

/// Another command, in a process of its own.
pub fn change(tool: &mut Tool, change: impl FnOnce(&mut Intent)) {
    tool.kill();
    change(&mut tool.intent);
}
