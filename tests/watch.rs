//! Schedules of snapshots as `watch` keeps them: the program and the built-in EC2 in one process, on a virtual clock, so that
//! days take no time.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/in_process.rs"]
mod in_process;

use std::time::Duration;

use serde_json::Value;

use in_process::World;

const UP: &str = "--type m5.xlarge --zone us-east-1a --volume 80";
const DAY: u64 = 24;

/// The futures of whole commands, unoptimised, are too deep for a thread's usual 2 MiB. The program's own has 8.
const STACK: usize = 32 << 20;

/// A runtime of its own, with a clock that goes on when nothing else can.
fn alone<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async { work().await });
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).unwrap();
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

async fn hours(hours: u64) {
    tokio::time::advance(Duration::from_secs(hours * 3600)).await;
}

/// A world in which `dev` runs, with a schedule.
async fn scheduled(keep: u32, more: &str) -> World {
    let world = World::at("2026-11-02T10:00:00Z").await;
    let schedule = format!("[env.dev.snapshots]\nevery = \"1d\"\nkeep = {keep}\n");
    std::fs::write(world.file("cloudtop.toml"), schedule).unwrap();
    world.ok(&format!("up dev {UP} {more}")).await;
    world
}

impl World {
    /// Watches for that long, and is killed then.
    async fn watch(&self, hours: u64) {
        let watch = self.run("watch dev --every 1h");
        let ended = tokio::time::timeout(Duration::from_secs(hours * 3600), watch).await;
        assert!(ended.is_err(), "it ended by itself: {ended:?}");
    }

    /// The snapshots that there are, the newest first.
    async fn snapshots(&self) -> Vec<Value> {
        let answer: Value = serde_json::from_str(&self.ok("volume snapshots dev --json").await.0).unwrap();
        answer["snapshots"].as_array().unwrap().clone()
    }

    /// What the snapshots that there are were made for, the newest first.
    async fn purposes(&self) -> Vec<String> {
        self.snapshots().await.iter().map(|it| it["purpose"].as_str().unwrap().to_owned()).collect()
    }
}

/// The hours between snapshots, whole ones, the newest first.
fn gaps(snapshots: &[Value]) -> Vec<i64> {
    let at = |it: &Value| it["started_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    snapshots.windows(2).map(|pair| (at(&pair[0]) - at(&pair[1])) / 3600).collect()
}

#[test]
fn one_a_day_is_made_and_as_many_as_asked_for_are_kept() {
    alone(|| async {
        let world = scheduled(3, "--ttl 10d").await;
        world.ok("volume snapshot dev").await;
        hours(1).await;
        let (_, said) = world.ok("watch dev --every 1h").await;
        for words in [
            "every 1d, 3 of each volume are kept, at most $12.00 a month",
            "dev/0: EC2 writes snap-",
            "is deleted: 3 newer",
        ] {
            assert!(said.contains(words), "no {words:?} in {said}");
        }
        let made: Vec<&str> =
            said.split("EC2 writes ").skip(1).filter_map(|rest| rest.split_once(',').map(|(id, _)| id)).collect();
        assert_eq!(made.len(), 10, "{said}");
        let snapshots = world.snapshots().await;
        let kept: Vec<&str> = snapshots[..3].iter().rev().map(|it| it["snapshot_id"].as_str().unwrap()).collect();
        assert_eq!(kept, made[7..], "the newest are kept: {said}");
        assert_eq!(world.purposes().await, ["scheduled", "scheduled", "scheduled", "asked"]);
        assert_eq!(gaps(&snapshots[..3]), [DAY as i64; 2], "{snapshots:#?}");
        assert_eq!(snapshots[0]["description"], "cloudtop/dev/0: scheduled");
        assert!(snapshots.iter().all(|it| it["state"] == "completed"), "{snapshots:#?}");
    });
}

#[test]
fn what_nobody_kept_for_days_is_made_up_for_by_one() {
    alone(|| async {
        let world = scheduled(7, "").await;
        world.watch(1).await;
        assert_eq!(world.snapshots().await.len(), 1);
        hours(5 * DAY).await;
        world.watch(3).await;
        assert_eq!(gaps(&world.snapshots().await), [121]);
        world.watch(DAY).await;
        assert_eq!(world.snapshots().await.len(), 3);
    });
}

#[test]
fn a_stopped_node_gets_one_more_and_then_none_until_it_has_lived_again() {
    alone(|| async {
        let world = scheduled(7, "").await;
        world.watch(1).await;
        world.ok("stop dev").await;
        world.watch(5 * DAY).await;
        assert_eq!(world.snapshots().await.len(), 2, "nothing was written to it since the second");
        world.ok("start dev").await;
        world.watch(1).await;
        assert_eq!(world.snapshots().await.len(), 3);
    });
}

#[test]
fn an_answer_that_was_lost_makes_no_second_snapshot() {
    alone(|| async {
        for fault in ["reset-after", "truncate", "error 500 InternalError"] {
            let world = scheduled(7, "").await;
            world.ok(&format!("sim set fault CreateSnapshot {fault} --nth 1")).await;
            world.watch(12).await;
            assert_eq!(world.purposes().await, ["scheduled"], "{fault}");
        }
    });
}

#[test]
fn trouble_is_said_once_and_what_is_due_is_made_when_it_is_over() {
    alone(|| async {
        let world = scheduled(1, "--ttl 3d").await;
        world.ok("sim set fault CreateSnapshot denied --for 5h").await;
        let (_, said) = world.ok("watch dev --every 1h").await;
        assert_eq!(said.matches("the snapshot that is due could not be made").count(), 1, "{said}");
        assert_eq!(said.matches("EC2 writes").count(), 3, "{said}");
        assert_eq!(world.snapshots().await.len(), 1);
    });
}

#[test]
fn a_snapshot_that_ec2_cannot_make_is_told_and_made_anew() {
    alone(|| async {
        let world = scheduled(1, "--ttl 6h").await;
        world.ok("sim set setting snapshots fail").await;
        world.watch(2).await;
        world.ok("sim set setting snapshots complete").await;
        let (_, said) = world.ok("watch dev --every 1h").await;
        assert!(said.contains("EC2 could not make snap-"), "{said}");
        let snapshots = world.snapshots().await;
        assert_eq!(snapshots[0]["state"], "completed", "{snapshots:#?}");
        assert!(snapshots[1..].iter().all(|it| it["state"] == "error"), "what failed takes no place: {snapshots:#?}");
    });
}
