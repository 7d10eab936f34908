//! The estimate beside what the built-in EC2 itself has counted: the program and the account in one process, on a virtual
//! clock. The account knows when each instance really ran; the program only what it saw and what EC2 told it.
#![cfg(all(feature = "simulator", feature = "actual"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/in_process.rs"]
mod in_process;

use std::time::Duration;

use cloudtop::cli::Exit;
use serde_json::Value;

use in_process::World;

const UP: &str = "up dev --type m5.xlarge --zone us-east-1a --wait running";

impl World {
    /// A new one, on the 16th of November 2026 at 10:00 UTC.
    async fn new() -> Self {
        Self::at("2026-11-16T10:00:00Z").await
    }

    async fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --json --fresh")).await.0).unwrap()
    }

    /// Runs what must fail; the error and its hints.
    async fn refused(&self, line: &str, exit: Exit) -> String {
        let (result, _, err) = self.run(line).await;
        let error = result.unwrap_err();
        assert_eq!(error.exit, exit, "{line}: {error}");
        format!("{err}{error}\n{}", error.hints.join("\n"))
    }

    async fn set(&self, setting: &str) {
        self.ok(&format!("sim set setting {setting}")).await;
    }

    async fn pass(&self, minutes: u64) {
        tokio::time::advance(Duration::from_secs(60 * minutes)).await;
    }

    /// Five and a half hours in which the price doubles, a stop of an hour, and fifty minutes more; then it is ended, and
    /// `days` go by.
    async fn live(&self, days: u64) {
        self.ok(UP).await;
        self.pass(150).await;
        self.price("0.20").await;
        self.pass(180).await;
        self.ok("stop dev").await;
        self.pass(60).await;
        self.ok("start dev --wait running").await;
        self.pass(50).await;
        self.ok("down dev").await;
        self.pass(24 * 60 * days).await;
    }
}

fn usd(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name}: {value}"))
}

/// Three hours at 0.10, for the third has begun when the price changes; then two and a half and fifty minutes at 0.20.
const BY_HAND: f64 = 0.3 + 2.5 * 0.2 + 0.2 * 50.0 / 60.0;

#[tokio::test(start_paused = true)]
async fn the_estimate_is_what_the_data_feed_has_counted() {
    let world = World::new().await;
    world.set("data-feed my-feeds/spot").await;
    world.live(1).await;
    let (text, err) = world.ok("cost --actual").await;
    assert!(err.contains("reading 7 files of the spot data feed in s3://my-feeds/spot/"), "{err}");
    assert!(text.contains("spot instances alone"), "{text}");
    let told = world.json("cost dev --actual=feed").await;
    let total = &told["total"];
    assert!((usd(total, "actual") - BY_HAND).abs() < 0.001, "{told}");
    assert!(usd(total, "off").abs() < 0.001, "{told}");
    assert_eq!((told["source"].as_str(), told["other_lines"].as_u64()), (Some("data-feed"), Some(0)));
    let again = world.json("cost --actual=feed --feed s3://my-feeds/spot").await;
    assert_eq!(again["total"], *total);
}

/// Hours whose file may be on its way still are compared neither here nor there.
#[tokio::test(start_paused = true)]
async fn what_runs_still_is_compared_as_far_as_the_feed_has_come() {
    let world = World::new().await;
    world.set("data-feed my-feeds").await;
    world.ok(UP).await;
    world.refused("cost --actual=feed", Exit::NotFound).await;
    world.pass(330).await;
    let told = world.json("cost --actual=feed").await;
    assert!((usd(&told["total"], "actual") - 0.4).abs() < 0.001, "{told}");
    assert!(usd(&told["total"], "off").abs() < 0.001, "{told}");
    assert_eq!(told["to"], "2026-11-16T14:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_not_there_and_an_environment_that_is_not_are_told() {
    let world = World::new().await;
    world.live(1).await;
    world.set("data-feed my-feeds").await;
    let elsewhere = world.refused("cost --actual --feed s3://others/spot", Exit::Failed).await;
    assert!(elsewhere.contains("no S3 bucket of that name") && elsewhere.contains("s3://others/spot/"), "{elsewhere}");
    let unknown = world.refused("cost nobody --actual", Exit::NotFound).await;
    assert!(unknown.contains("no environment `nobody`"), "{unknown}");
}

#[tokio::test(start_paused = true)]
async fn without_a_feed_cost_explorer_is_asked_and_its_price_is_said_before() {
    let world = World::new().await;
    world.live(1).await;
    let none = world.refused("cost --actual=feed", Exit::NotFound).await;
    assert!(none.contains("create-spot-datafeed-subscription") && none.contains("$0.01"), "{none}");
    let untagged = world.refused("cost --actual", Exit::NotFound).await;
    assert!(untagged.contains("asking Cost Explorer costs $0.01 a request"), "{untagged}");
    assert!(untagged.contains("update-cost-allocation-tags-status"), "{untagged}");
    world.set("cost-tags active").await;
    let told = world.json("cost --actual").await;
    let of = |kind: &str| told["kinds"].as_array().unwrap().iter().find(|it| it["kind"] == kind).unwrap().clone();
    assert!((usd(&of("instance"), "actual") - BY_HAND).abs() < 0.001, "{told}");
    assert!(usd(&of("instance"), "off").abs() < 0.001, "{told}");
    assert_eq!((told["requests"].as_u64(), told["unsettled_days"][0].as_str()), (Some(1), Some("2026-11-16")));
    // The built-in Cost Explorer has instances alone on its bill.
    assert!(usd(&of("disk"), "estimate") > 0.0 && of("disk")["actual"] == 0.0, "{told}");
    world.pass(40 * 24 * 60).await;
    let settled = world.json("cost --since 2026-11-01 --actual=cost-explorer").await;
    assert_eq!(settled["requests"].as_u64(), Some(2), "forty days are two pages: {settled}");
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing_is_told_with_the_place() {
    let world = World::new().await;
    world.set("data-feed my-feeds").await;
    world.live(1).await;
    world.set("denied GetObject").await;
    let denied = world.refused("cost --actual", Exit::Denied).await;
    assert!(denied.contains("s3:GetObject") && denied.contains("docs/cost-actual.md"), "{denied}");
    assert!(denied.contains("s3://my-feeds/"), "{denied}");
}

/// What EC2 takes away in its first hour is free, in the feed as in the estimate.
#[tokio::test(start_paused = true)]
async fn an_hour_that_ec2_broke_off_is_free_on_both_sides() {
    let world = World::new().await;
    world.set("data-feed my-feeds").await;
    world.set("capacity-return 3h").await;
    world.ok(UP).await;
    world.pass(30).await;
    world.ok("sim interrupt dev").await;
    world.pass(5).await;
    world.ok("down dev").await;
    world.pass(24 * 60).await;
    let told = world.json("cost --actual=feed").await;
    assert_eq!((usd(&told["total"], "actual"), usd(&told["total"], "estimate")), (0.0, 0.0), "{told}");
}
