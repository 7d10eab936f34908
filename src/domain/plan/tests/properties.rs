//! Whatever goes wrong: never two instances for one node, never a volume lost, always an end.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::domain::intent::{Goal, Intent, VolumeWish};
use crate::domain::plan::Status;

use super::ec2::Ec2;
use super::fixture::ZONES;
use super::tool::Tool;
use super::trouble::{Trouble, change, fates, intents, troubles};

const GONE: Goal = Goal::Gone { delete_volumes: false };

/// Turns after which an end is late. A turn is some seconds, and the longest wait that there is takes ten minutes.
const TURNS: usize = 400;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_121),
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

struct Case {
    ec2: Ec2,
    tool: Tool,
}

impl Case {
    fn new(intent: Intent, seed: u64) -> Self {
        let mut ec2 = Ec2::new(seed);
        ec2.bring_volume("vol-user", if seed.is_multiple_of(2) { None } else { Some("3") }, ZONES[2]);
        Self { ec2, tool: Tool::new(intent) }
    }

    fn suffer(&mut self, troubles: &[Trouble]) {
        for trouble in troubles {
            let fate = trouble.strike(&mut self.ec2, &mut self.tool);
            self.tool.turn(&mut self.ec2, fate);
            self.check();
            let seconds = 1 + self.ec2.noise.below(4);
            self.ec2.pass(seconds);
        }
    }

    /// No rule has been broken.
    fn check(&self) {
        assert!(self.ec2.violations.is_empty(), "{:?}\n{}", self.ec2.violations, self.trace());
    }

    fn trace(&self) -> String {
        self.tool.trace.join("\n")
    }

    /// Nothing more goes wrong: the loop comes to its end, and stays there.
    fn come_to_rest(&mut self) {
        self.ec2.room.clear();
        match self.tool.intent.goal {
            // No list is so far behind that it does not show the last trouble, and no notice of EC2's runs for longer.
            Goal::Running => self.ec2.pass(40),
            // What EC2 stopped it starts again by itself, and then there is work again.
            Goal::Stopped => self.ec2.pass(150),
            Goal::Gone { .. } => {}
        }
        self.tool.trace.push("calm".to_owned());
        let mut turns = 0;
        loop {
            let plan = self.tool.turn(&mut self.ec2, None);
            self.check();
            if plan.status == Status::Done {
                break;
            }
            self.ec2.pass(3);
            turns += 1;
            assert!(turns < TURNS, "no end\n{}", self.trace());
        }
        if matches!(self.tool.intent.goal, Goal::Gone { .. }) {
            // Its journal is closed: the tool knows nothing of it any more.
            return;
        }
        // What shows late has shown by then, and no list is behind.
        self.ec2.pass(100);
        for _ in 0..5 {
            self.ec2.pass(7);
            let plan = self.tool.turn(&mut self.ec2, None);
            self.check();
            assert!(plan.steps.is_empty() && plan.status == Status::Done, "work after the end\n{}", self.trace());
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_each_node_is_one_instance_and_the_work_ends(
        intent in intents(), troubles in troubles(), seed in any::<u64>(),
    ) {
        let mut case = Case::new(intent, seed);
        case.suffer(&troubles);
        case.come_to_rest();
        if case.tool.intent.goal == Goal::Running {
            for node in 0..case.tool.intent.nodes {
                assert_eq!(case.ec2.live(node).len(), 1, "node {node}\n{}", case.trace());
            }
            assert!((case.tool.intent.nodes..8).all(|node| case.ec2.live(node).is_empty()), "{}", case.trace());
            let fixed = if case.tool.intent.fixed_addresses { case.tool.intent.nodes as usize } else { 0 };
            assert_eq!(case.ec2.interfaces_left().len(), fixed, "{}", case.trace());
        }
    }

    #[test]
    fn whatever_happened_nothing_is_left_alive_when_it_is_gone(
        intent in intents(), troubles in troubles(), seed in any::<u64>(), delete_volumes in any::<bool>(),
    ) {
        let mut case = Case::new(intent, seed);
        case.suffer(&troubles);
        let managed = case.ec2.managed_volumes().len();
        case.ec2.may_delete_volumes = delete_volumes;
        change(&mut case.tool, |intent| intent.goal = Goal::Gone { delete_volumes });
        case.come_to_rest();
        case.ec2.pass(200);
        assert_eq!(case.ec2.alive(), Vec::<String>::new(), "{}", case.trace());
        assert_eq!(case.ec2.interfaces_left(), Vec::<&str>::new(), "{}", case.trace());
        let left = case.ec2.managed_volumes().len();
        assert_eq!(left, if delete_volumes { 0 } else { managed }, "{}", case.trace());
        if matches!(case.tool.intent.volume, VolumeWish::Existing { .. }) {
            assert!(case.ec2.volumes.contains_key("vol-user"));
        }
    }

    #[test]
    fn nothing_is_left_alive_of_a_launch_without_an_answer_when_down_follows_at_once(
        intent in intents(), fate in fates(), seed in any::<u64>(), turns in 2_i64..4,
    ) {
        let mut case = Case::new(intent, seed);
        case.tool.launches = Some(fate);
        case.suffer(&(0..turns).map(|_| Trouble::Quiet(1)).collect::<Vec<_>>());
        change(&mut case.tool, |intent| intent.goal = GONE);
        case.come_to_rest();
        case.ec2.pass(200);
        assert_eq!(case.ec2.alive(), Vec::<String>::new(), "{}", case.trace());
    }
}
