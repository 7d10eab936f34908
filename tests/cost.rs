//! Bills of whole lives: the program and the built-in EC2 in one process, on a virtual clock, so that hours take no time.
//! What each comes to was worked out by hand.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/in_process.rs"]
mod in_process;

use std::time::Duration;

use serde_json::Value;

use in_process::World;

/// A type that costs 0.192 an hour on demand.
const UP: &str = "--type m5.xlarge --zone us-east-1a --wait running";

impl World {
    /// A new one, on the 2nd of November 2026 at 10:00 UTC.
    async fn new() -> Self {
        let world = Self::at("2026-11-02T10:00:00Z").await;
        world.simulator.set("capacity-return", "2h").unwrap();
        world
    }

    async fn cost(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("cost {line} --json --fresh")).await.0).unwrap()
    }

    /// What kinds have cost, in whole cents: instance, disk, address; and the whole.
    async fn cents(&self, line: &str) -> [i64; 4] {
        let bill = self.cost(&format!("{line} --by kind")).await;
        let of = |kind: &str| {
            let groups = bill["groups"].as_array().unwrap();
            groups.iter().find(|it| it["key"] == kind).map_or(0, |it| cents(&it["total"]))
        };
        [of("instance"), of("disk"), of("address"), cents(&bill["spent"])]
    }
}

fn cents(usd: &Value) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "some dollars")]
    let cents = (usd.as_f64().unwrap() * 100.0).round() as i64;
    cents
}

async fn hours(hours: u64) {
    tokio::time::advance(Duration::from_secs(hours * 3600)).await;
}

async fn minutes(minutes: u64) {
    tokio::time::advance(Duration::from_secs(minutes * 60)).await;
}

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

/// A life: three hours, in the second of which the price rises; ten hours stopped; half an hour that EC2 ends; down.
#[test]
fn a_life_is_billed_hour_by_hour_and_its_disks_all_the_time() {
    alone(|| async {
        let world = World::new().await;
        world.ok(&format!("up dev {UP} --volume 80")).await;
        minutes(90).await;
        world.price("0.16").await;
        minutes(90).await;
        // 0.10 + 0.10 + 0.16 = 0.36. The root disk has 20 GiB, so that both are 100: 8.00 x 3 / 720 = 0.0333. 3 x 0.005 = 0.015.
        assert_eq!(world.cents("dev").await, [36, 3, 2, 41]);
        let bill = world.cost("dev").await;
        assert_eq!(
            (cents(&bill["saved"]), bill["notes"].as_array().unwrap().len()),
            (22, 0),
            "3 x 0.192 - 0.36 {bill}"
        );
        // An hour now: 0.16 + 8.00 / 720 + 0.005 = 0.1761; until the end of the month 28 days and 11 hours are left, 683.
        assert!((bill["price_per_hour"].as_f64().unwrap() - 0.176_111).abs() < 1e-6, "{bill}");
        assert!((bill["month_projected"].as_f64().unwrap() - (0.409 + 683.0 * 0.176_111)).abs() < 0.01, "{bill}");

        world.ok("stop dev").await;
        hours(10).await;
        // 8.00 x 13 / 720 = 0.1444.
        assert_eq!(world.cents("dev").await, [36, 14, 2, 52]);

        // Half an hour that EC2 ends, while no command looks: nothing for the instance, 0.0025 for the address.
        world.ok("start dev --wait running").await;
        minutes(30).await;
        world.ok("sim interrupt dev").await;
        minutes(30).await;
        let bill = world.cost("dev").await;
        assert!(bill["notes"][0].as_str().unwrap().contains("1 run free of charge, interrupted by EC2"), "{bill}");
        // 8.00 x 14 / 720 = 0.1556; 0.015 + 0.0025 = 0.0175.
        assert_eq!(world.cents("dev").await, [36, 16, 2, 53]);

        world.ok("down dev").await;
        hours(24).await;
        // The volume alone is kept: 6.40 x 38 / 720 = 0.3378, and the root disk's 1.60 x 14 / 720 = 0.0311.
        assert_eq!(world.cents("dev").await, [36, 37, 2, 75]);
        let day = world.cost("dev --by day").await;
        let days: Vec<&str> = day["groups"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect();
        assert_eq!(days, ["2026-11-02", "2026-11-03", "2026-11-04"]);
        // Whose volume is deleted by hand is counted until the journal last spoke of it.
        world.ok("sim meddle delete-volume dev").await;
        assert_eq!(world.cents("dev").await[1], 16, "6.40 x 14 / 720 + 0.0311");
    });
}

#[test]
fn environments_that_are_gone_are_on_the_bill_and_nothing_is_asked_of_them() {
    alone(|| async {
        let world = World::new().await;
        world.ok(&format!("up job {UP} --no-volume")).await;
        world.ok(&format!("up dev {UP} --no-volume")).await;
        hours(1).await;
        world.ok("down job").await;
        hours(2).await;
        let bill = world.cost("").await;
        let groups: Vec<(&str, i64)> = bill["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["key"].as_str().unwrap(), cents(&it["instances"])))
            .collect();
        assert_eq!(groups, [("dev", 30), ("job", 10)]);
        assert_eq!(world.cents("job").await, [10, 0, 1, 11]);
        // Since an hour ago, only what runs still.
        assert_eq!(world.cost("--days 1").await["groups"].as_array().unwrap().len(), 2);
        hours(24).await;
        assert_eq!(world.cost("--days 1").await["groups"].as_array().unwrap().len(), 1);
        world.ok("down dev").await;
        let text = world.ok("cost --by env").await;
        assert!(text.0.contains("now: $0.0000 an hour") && text.1.contains("data transfer"), "{text:?}");
    });
}

/// No spot capacity: two hours on demand are 2 x 0.192 = 0.384, and nothing is saved.
#[test]
fn what_fell_back_on_demand_is_billed_at_the_full_price() {
    alone(|| async {
        let world = World::new().await;
        world.ok("sim set capacity us-east-1 * * no-spot").await;
        world.ok(&format!("up dev {UP} --no-volume --fallback on-demand")).await;
        hours(2).await;
        assert_eq!(world.cents("dev").await[0], 38);
        assert_eq!(cents(&world.cost("dev").await["saved"]), 0);
    });
}

/// EC2 tells neither spot nor on-demand prices: the launch's price stands in, no saving is shown, and both are said.
#[test]
fn without_prices_those_of_launches_stand_in_and_no_saving_is_shown() {
    alone(|| async {
        let world = World::new().await;
        world.ok(&format!("up dev {UP} --no-volume")).await;
        hours(2).await;
        world.simulator.set("denied", "DescribeSpotPriceHistory,GetProducts").unwrap();
        let (out, err) = world.ok("cost dev --json").await;
        let bill: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((cents(&bill["groups"][0]["total"]), &bill["saved"]), (20, &Value::Null), "{bill}");
        for words in
            ["spot prices are not known, those of launches stand in", "on-demand prices are not known, so no saving"]
        {
            assert!(err.contains(words), "no {words:?} in {err}");
        }
        assert!(bill["notes"][0].as_str().unwrap().contains("2 hours counted at the price of the launch"));
        // Not even EC2 itself: the journal alone.
        world.simulator.set("denied", "reads").unwrap();
        let (out, err) = world.ok("cost dev --json").await;
        assert_eq!(cents(&serde_json::from_str::<Value>(&out).unwrap()["groups"][0]["total"]), 20, "{out}");
        assert!(err.contains("what is there is told by the journals alone"), "{err}");
    });
}

/// What EC2 launched again by itself has a disk and hours of its own.
#[test]
fn what_ec2_launches_in_the_place_of_another_is_billed_from_its_own_launch() {
    alone(|| async {
        let world = World::new().await;
        world.ok(&format!("up job {UP} --no-volume --on-interruption terminate")).await;
        minutes(90).await;
        world.ok("sim interrupt job").await;
        minutes(30).await;
        let bill = world.cost("job").await;
        assert!((bill["instance_hours"].as_f64().unwrap() - 1.5).abs() < 0.02, "the end is EC2's own: {bill}");
        // Two hours without capacity, and two in which the new one runs. EC2 does not list the old one any more: it is counted
        // until the new one was launched, three hours and a half after itself.
        minutes(210).await;
        let bill = world.cost("job").await;
        assert!((bill["instance_hours"].as_f64().unwrap() - 5.5).abs() < 0.02, "{bill}");
        assert_eq!(cents(&bill["groups"][0]["total"]), 55, "{bill}");
        assert!(bill["notes"][0].as_str().unwrap().contains("ended while no command looked"), "{bill}");
    });
}

#[test]
fn a_clock_that_was_set_back_makes_no_negative_bill() {
    alone(|| async {
        let world = World::new().await;
        world.ok(&format!("up dev {UP} --no-volume")).await;
        hours(2).await;
        world.ok("down dev").await;
        let path = world.file("state.json.d/journal/dev.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        // All that `down` wrote, a day earlier than it was.
        let at = text.lines().position(|line| line.contains("\"command\":\"down dev\"")).unwrap();
        let earlier = |(place, line): (usize, &str)| match place >= at {
            true => line
                .replacen("2026-11-02T", "2026-11-01T", 1)
                .replace("\"since\":\"2026-11-02T", "\"since\":\"2026-11-01T"),
            false => line.to_owned(),
        };
        let lines: Vec<String> = text.lines().enumerate().map(earlier).collect();
        std::fs::write(&path, format!("{}\n", lines.join("\n"))).unwrap();
        let bill = world.cost("dev").await;
        assert_eq!(cents(&bill["spent"]), 0, "{bill}");
        assert!(bill["notes"][0].as_str().unwrap().contains("the clock was wrong"), "{bill}");
    });
}
