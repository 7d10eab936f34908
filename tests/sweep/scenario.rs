//! What is swept: each command, from where it starts to what must be there in the end.

use std::time::Duration;

use cloudtop::simulator::{Act, Capacity, Deed, Meddling, Reason, Target};

use super::network::Calls;
use super::world::World;

/// One row of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// What happens before, undisturbed.
    pub before: &'static [Step],
    /// The command that is disturbed.
    pub command: &'static str,
    /// Which of its calls go wrong, each in its turn.
    pub calls: Calls,
    /// The next runs, undisturbed. None: the command once more.
    pub then: &'static [&'static str],
    /// What must be there then.
    pub wanted: Wanted,
}

/// Something that happens before.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Run(&'static str),
    Wait(Duration),
    /// The state file and the journals are lost; the installation's id is not.
    LoseState,
    /// Somebody terminates all instances in the console.
    TerminateAll,
    /// EC2 takes away all that runs on spot, and there is no capacity where it was.
    Interrupted,
    /// There is nothing left for spot.
    NoSpot,
}

/// What must be there in the end.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub env: &'static str,
    pub nodes: usize,
    pub doing: Doing,
    /// Persistent volumes. None: that depends on how far the command came.
    pub volumes: Option<usize>,
    /// Network interfaces that nodes keep their addresses by. Where there are any, there are no others.
    pub addresses: usize,
    /// How many instances and volumes were ever made. None: that depends on how far the command came.
    pub ever: Option<(usize, usize)>,
    /// Whether nodes are on demand, and have no spot requests.
    pub on_demand: bool,
    /// How many snapshots there are, and were ever made. None: that depends on how far the command came.
    pub snapshots: Option<usize>,
    /// How many snapshots were made for a move, and are gone. None: that depends on how far the command came.
    pub for_move: Option<usize>,
    /// Whether volumes may have been put aside.
    pub aside: Aside,
    /// How large persistent volumes are, GiB. None: as `up` makes them.
    pub gib: Option<u32>,
    /// Where ssh is let in from.
    pub ssh_from: &'static str,
}

/// Whether volumes are put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    Never,
    /// That depends on how far the command came.
    Perhaps,
    /// None that was ever made is gone.
    Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Running,
    Stopped,
    /// What there is is stopped: a stop makes nothing that the command before it had not come to.
    StoppedIfThere,
    Gone,
}

const HERE: &str = "127.0.0.1/32";

pub const fn running(env: &'static str, nodes: usize) -> Wanted {
    Wanted {
        env,
        nodes,
        doing: Doing::Running,
        volumes: Some(nodes),
        addresses: 0,
        ever: Some((nodes, nodes)),
        on_demand: false,
        snapshots: Some(0),
        for_move: Some(0),
        aside: Aside::Never,
        gib: None,
        ssh_from: HERE,
    }
}

/// Nodes that were launched on demand.
const fn on_demand(wanted: Wanted) -> Wanted {
    Wanted { on_demand: true, ..wanted }
}

/// Nodes that keep their private addresses.
const fn fixed(nodes: usize) -> Wanted {
    Wanted { addresses: nodes, ..running("fix", nodes) }
}

pub const fn stopped(env: &'static str, nodes: usize) -> Wanted {
    Wanted { doing: Doing::Stopped, ..running(env, nodes) }
}

const fn gone(env: &'static str, volumes: usize) -> Wanted {
    Wanted { doing: Doing::Gone, nodes: 0, volumes: Some(volumes), ..running(env, 0) }
}

const fn ever(instances: usize, volumes: usize, wanted: Wanted) -> Wanted {
    Wanted { ever: Some((instances, volumes)), ..wanted }
}

const fn however_far(wanted: Wanted) -> Wanted {
    let volumes = match wanted.doing {
        Doing::Gone => wanted.volumes,
        _ => None,
    };
    Wanted { ever: None, volumes, ..wanted }
}

const fn with_snapshots(snapshots: usize, wanted: Wanted) -> Wanted {
    Wanted { snapshots: Some(snapshots), ..wanted }
}

/// Nodes that have moved: their old instances and volumes are gone, and so are the snapshots in between.
const fn moved(nodes: usize, wanted: Wanted) -> Wanted {
    Wanted { for_move: Some(nodes), ever: Some((2 * nodes, 2 * nodes)), ..wanted }
}

/// A move that the user gave up: of a copy that a node has had, the source is put aside.
const fn given_up(wanted: Wanted) -> Wanted {
    Wanted { aside: Aside::Perhaps, for_move: None, ever: None, ..wanted }
}

const fn row(
    name: &'static str,
    before: &'static [Step],
    command: &'static str,
    then: &'static [&'static str],
    wanted: Wanted,
) -> Scenario {
    Scenario { name, before, command, calls: Calls::Changing, then, wanted }
}

const fn with_describes(scenario: Scenario) -> Scenario {
    Scenario { calls: Calls::All, ..scenario }
}

use Step::{Interrupted, LoseState, NoSpot, Run, TerminateAll, Wait};

const DEV: Step = Run("up dev");
const DEV_THAT_TERMINATES: Step = Run("up dev --on-interruption terminate");
const IN_A: Step = Run("up dev --zone us-east-1a");
const THREE_IN_A: Step = Run("up core -n 3 --zone us-east-1a");
const ONE: Step = Run("up core -n 1");
const THREE: Step = Run("up core -n 3");
const FIXED: Step = Run("up fix -n 3 --template tests/templates/fixed");
const FIXED_THAT_TERMINATES: Step = Run("up fix -n 3 --template tests/templates/fixed --on-interruption terminate");
const FULL_PRICE: Step = Run("up dev -t m5.xlarge --zone us-east-1a --fallback on-demand");
const TWO_HOURS: Step = Wait(Duration::from_secs(7200));

pub const ALL: &[Scenario] = &[
    // Each command, run again.
    row("up", &[], "up dev", &[], running("dev", 1)),
    row("up (terminate)", &[], "up dev --on-interruption terminate", &[], running("dev", 1)),
    row("up (3 nodes)", &[], "up core -n 3", &[], running("core", 3)),
    row("up (3, terminate)", &[], "up core -n 3 --on-interruption terminate", &[], running("core", 3)),
    row("up (kept volume)", &[DEV, Run("down dev")], "up dev", &[], ever(2, 1, running("dev", 1))),
    row(
        "up (elsewhere)",
        &[DEV],
        "up dev --allow-ssh 192.0.2.1/32",
        &[],
        Wanted { ssh_from: "192.0.2.1/32", ..running("dev", 1) },
    ),
    row("scale up", &[ONE], "up core -n 3", &[], running("core", 3)),
    row("scale down", &[THREE], "up core -n 1", &[], Wanted { volumes: Some(3), ..ever(3, 3, running("core", 1)) }),
    row("stop", &[DEV], "stop dev", &[], stopped("dev", 1)),
    row("stop (3 nodes)", &[THREE], "stop core", &[], stopped("core", 3)),
    row("start", &[DEV, Run("stop dev")], "start dev", &[], running("dev", 1)),
    row("down", &[DEV], "down dev", &[], ever(1, 1, gone("dev", 1))),
    row("down (terminate)", &[DEV_THAT_TERMINATES], "down dev", &[], ever(1, 1, gone("dev", 1))),
    row("down (stopped)", &[DEV, Run("stop dev")], "down dev", &[], ever(1, 1, gone("dev", 1))),
    row("down (3 nodes)", &[THREE], "down core", &[], ever(3, 3, gone("core", 3))),
    row("down --delete-volumes", &[DEV], "down dev --delete-volumes", &[], ever(1, 1, gone("dev", 0))),
    row(
        "down --snapshot",
        &[DEV],
        "down dev --delete-volumes --snapshot",
        &[],
        with_snapshots(1, ever(1, 1, gone("dev", 0))),
    ),
    row(
        "down --snapshot (3)",
        &[THREE],
        "down core --delete-volumes --snapshot",
        &[],
        with_snapshots(3, ever(3, 3, gone("core", 0))),
    ),
    // Volumes.
    row(
        "volume snapshot",
        &[DEV, Run("down dev")],
        "volume snapshot dev --wait",
        &["volume list"],
        Wanted { snapshots: None, ..ever(1, 1, gone("dev", 1)) },
    ),
    row(
        "volume delete",
        &[DEV, Run("down dev")],
        "volume delete dev --snapshot",
        &["down dev --delete-volumes --snapshot"],
        with_snapshots(1, ever(1, 1, gone("dev", 0))),
    ),
    row(
        "volume resize",
        &[DEV, Run("down dev")],
        "volume resize dev --size 40",
        &[],
        Wanted { gib: Some(40), ..ever(1, 1, gone("dev", 1)) },
    ),
    row("volume create", &[], "volume create dev --size 20 --zone us-east-1b", &["up dev"], running("dev", 1)),
    // It watches until the time of the environment is over, and ends that.
    row(
        "watch (schedule)",
        &[Run("up kept --ttl 1h"), Run("stop kept")],
        "watch kept --every 20m",
        &["watch kept --every 20m"],
        with_snapshots(1, ever(1, 1, gone("kept", 1))),
    ),
    row(
        "volume restore",
        &[DEV, Run("down dev"), Run("volume snapshot dev --wait")],
        "volume restore dev --snapshot latest",
        &["volume restore dev --snapshot latest", "up dev"],
        Wanted { aside: Aside::Kept, ever: None, ..with_snapshots(1, running("dev", 1)) },
    ),
    row(
        "volume restore, then up",
        &[DEV, Run("down dev"), Run("volume snapshot dev --wait")],
        "volume restore dev --snapshot latest",
        &["up dev"],
        Wanted { aside: Aside::Kept, ever: None, volumes: None, ..with_snapshots(1, running("dev", 1)) },
    ),
    with_describes(row("recover", &[DEV, LoseState], "recover", &["recover", "up dev"], running("dev", 1))),
    row("gc --end (unknown)", &[DEV, LoseState], "gc --end", &["gc --end", "recover"], ever(1, 1, gone("dev", 1))),
    row(
        "gc --end (expired)",
        &[Run("up dev --ttl 1h"), TWO_HOURS],
        "gc --end",
        &["gc --end"],
        ever(1, 1, gone("dev", 1)),
    ),
    // Nodes that keep their private addresses.
    row("up (fixed)", &[], "up fix -n 3 --template tests/templates/fixed", &[], fixed(3)),
    row(
        "up (fixed, terminate)",
        &[],
        "up fix -n 3 --template tests/templates/fixed --on-interruption terminate",
        &[],
        fixed(3),
    ),
    row("relaunch (fixed)", &[FIXED_THAT_TERMINATES, TerminateAll], "up fix", &[], ever(6, 3, fixed(3))),
    row("down (fixed)", &[FIXED], "down fix", &[], ever(3, 3, gone("fix", 3))),
    row("scale down (fixed)", &[FIXED], "up fix -n 1", &[], Wanted { volumes: Some(3), ..ever(3, 3, fixed(1)) }),
    // Nodes on demand, for there is nothing left for spot.
    row(
        "up (on demand)",
        &[NoSpot],
        "up dev -t m5.xlarge --zone us-east-1a --fallback on-demand",
        &[],
        on_demand(running("dev", 1)),
    ),
    row(
        "up (3, on demand)",
        &[NoSpot],
        "up core -n 3 -t m5.xlarge --zone us-east-1a --fallback on-demand --on-interruption terminate",
        &[],
        on_demand(running("core", 3)),
    ),
    row("stop (on demand)", &[NoSpot, FULL_PRICE], "stop dev", &[], on_demand(stopped("dev", 1))),
    row("start (on demand)", &[NoSpot, FULL_PRICE, Run("stop dev")], "start dev", &[], on_demand(running("dev", 1))),
    row("down (on demand)", &[NoSpot, FULL_PRICE], "down dev", &[], on_demand(ever(1, 1, gone("dev", 1)))),
    with_describes(row(
        "recover (on demand)",
        &[NoSpot, FULL_PRICE, LoseState],
        "recover",
        &["recover", "up dev"],
        on_demand(running("dev", 1)),
    )),
    row(
        "up (on demand), down",
        &[NoSpot],
        "up dev -t m5.xlarge --zone us-east-1a --fallback on-demand",
        &["down dev --delete-volumes"],
        however_far(gone("dev", 0)),
    ),
    // Moves.
    row("move", &[IN_A], "move dev --zone us-east-1c", &[], moved(1, running("dev", 1))),
    row("move (3 nodes)", &[THREE_IN_A], "move core --zone us-east-1c", &[], moved(3, running("core", 3))),
    row(
        "move (terminate)",
        &[Run("up dev --zone us-east-1a --on-interruption terminate")],
        "move dev --zone us-east-1c",
        &[],
        moved(1, running("dev", 1)),
    ),
    row("move (interrupted)", &[IN_A, Interrupted], "move dev --zone us-east-1c", &[], moved(1, running("dev", 1))),
    row("move (stopped)", &[IN_A, Run("stop dev")], "move dev --zone us-east-1c", &[], moved(1, running("dev", 1))),
    row(
        "move --keep-old",
        &[IN_A],
        "move dev --zone us-east-1c --keep-old",
        &[],
        Wanted { aside: Aside::Kept, ..ever(2, 2, with_snapshots(1, running("dev", 1))) },
    ),
    row("move --type", &[IN_A], "move dev --type m6i.xlarge", &[], ever(2, 1, running("dev", 1))),
    row("move --type (3)", &[THREE_IN_A], "move core --type m6i.xlarge", &[], ever(6, 3, running("core", 3))),
    row("move, then up", &[IN_A], "move dev --zone us-east-1c", &["up dev"], moved(1, running("dev", 1))),
    row(
        "move, then back",
        &[IN_A],
        "move dev --zone us-east-1c",
        &["up dev", "move dev --zone us-east-1a"],
        Wanted { for_move: None, ever: None, ..running("dev", 1) },
    ),
    row(
        "move, then elsewhere",
        &[IN_A],
        "move dev --zone us-east-1c",
        &["up dev", "move dev --zone us-east-1b"],
        Wanted { for_move: None, ever: None, ..running("dev", 1) },
    ),
    row(
        "move --type, then back",
        &[IN_A],
        "move dev --type m6i.xlarge",
        &["up dev", "move dev --type m5.xlarge,m5a.xlarge"],
        Wanted { ever: None, ..running("dev", 1) },
    ),
    row("move, then stop", &[IN_A], "move dev --zone us-east-1c", &["stop dev", "up dev"], moved(1, running("dev", 1))),
    row("move, then down", &[IN_A], "move dev --zone us-east-1c", &["down dev"], given_up(gone("dev", 1))),
    row("move (3), then down", &[THREE_IN_A], "move core --zone us-east-1c", &["down core"], given_up(gone("core", 3))),
    row(
        "move, then down --delete",
        &[IN_A],
        "move dev --zone us-east-1c",
        &["down dev --delete-volumes"],
        Wanted { for_move: None, ..however_far(gone("dev", 0)) },
    ),
    // A user who wants something else after all.
    row("up, then down", &[], "up dev", &["down dev --delete-volumes"], however_far(gone("dev", 0))),
    row(
        "up (terminate), down",
        &[],
        "up dev --on-interruption terminate",
        &["down dev --delete-volumes"],
        however_far(gone("dev", 0)),
    ),
    row(
        "up (fixed), then down",
        &[],
        "up fix -n 3 --template tests/templates/fixed",
        &["down fix --delete-volumes"],
        however_far(gone("fix", 0)),
    ),
    row("up (3), then down", &[], "up core -n 3", &["down core --delete-volumes"], however_far(gone("core", 0))),
    row(
        "up, then elsewhere",
        &[],
        "up dev",
        &["up dev --allow-ssh 192.0.2.1/32"],
        Wanted { ssh_from: "192.0.2.1/32", ..running("dev", 1) },
    ),
    row(
        "up, then stop",
        &[],
        "up dev",
        &["stop dev"],
        Wanted { doing: Doing::StoppedIfThere, ..however_far(stopped("dev", 1)) },
    ),
    row("down, then up", &[DEV], "down dev", &["up dev"], however_far(running("dev", 1))),
    row(
        "down (terminate), up",
        &[DEV_THAT_TERMINATES],
        "down dev",
        &["up dev --on-interruption terminate"],
        however_far(running("dev", 1)),
    ),
    row("down (3), then up", &[THREE], "down core", &["up core -n 3"], however_far(running("core", 3))),
    row("down (stopped), up", &[DEV, Run("stop dev")], "down dev", &["up dev"], however_far(running("dev", 1))),
    row("stop, then start", &[DEV], "stop dev", &["start dev"], running("dev", 1)),
    row("start, then stop", &[DEV, Run("stop dev")], "start dev", &["stop dev"], stopped("dev", 1)),
    row("stop, then down", &[DEV], "stop dev", &["down dev --delete-volumes"], ever(1, 1, gone("dev", 0))),
    row("scale up, then down", &[ONE], "up core -n 3", &["up core -n 1"], however_far(running("core", 1))),
    row("scale down, then up", &[THREE], "up core -n 1", &["up core -n 3"], however_far(running("core", 3))),
];

impl Scenario {
    /// Brings an empty world to where the command starts.
    pub async fn begin(&self, world: &World) -> Result<(), String> {
        for step in self.before {
            match step {
                Run(line) => world.ok(line).await?,
                Wait(time) => tokio::time::sleep(*time).await,
                LoseState => lose_state(world),
                TerminateAll => terminate_all(world),
                Interrupted => {
                    world.simulator.set_capacity("us-east-1", "*", "us-east-1a", Capacity::NoSpot).unwrap();
                    interrupt_all(world);
                }
                NoSpot => world.simulator.set_capacity("us-east-1", "*", "*", Capacity::NoSpot).unwrap(),
            }
        }
        Ok(())
    }

    /// The next runs.
    pub fn next_runs(&self) -> Vec<&'static str> {
        if self.then.is_empty() { vec![self.command] } else { self.then.to_vec() }
    }
}

fn interrupt_all(world: &World) {
    let shown = world.simulator.show().unwrap();
    let ids = shown.instances.iter().map(|it| it.id.clone()).collect();
    world.simulator.interrupt(&Target::Instances(ids), Reason::Capacity, Duration::ZERO).unwrap();
}

fn terminate_all(world: &World) {
    let shown = world.simulator.show().unwrap();
    let ids = shown.instances.iter().map(|it| it.id.clone()).collect();
    let meddling = Meddling { act: Act::Terminate, target: Target::Instances(ids) };
    world.simulator.carry_out(&Deed::Meddle(meddling)).unwrap();
}

fn lose_state(world: &World) {
    std::fs::remove_file(world.file("state.json")).unwrap();
    std::fs::remove_dir_all(world.file("state.json.d/journal")).unwrap();
}
