//! The program on bad days: scenarios of faults, a lost zone, and other users.

use std::path::Path;

use serde_json::Value;

use super::world::{Output, World, phase_reached};

/// A world with one of the scenarios of `tests/scenarios`.
fn on_a_bad_day(name: &str) -> World {
    let world = World::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name);
    world.ok("sim scenario", &[file.to_str().unwrap()]);
    world
}

/// How many calls the faults have struck.
fn struck(world: &World) -> u64 {
    world.account().0["faults"].as_array().unwrap().iter().map(|it| it["struck"].as_u64().unwrap()).sum()
}

fn outcomes(world: &World) -> Vec<Value> {
    world.account().0["events"].as_array().unwrap().iter().map(|it| it["outcome"].clone()).collect()
}

fn gone(world: &World) {
    world.ok("down dev --delete-volumes -y -q", &[]);
    world.assert_nothing_was_made();
}

#[test]
fn a_throttled_account_gets_its_cloudtop_and_loses_it_without_a_trace() {
    let world = on_a_bad_day("throttled.toml");
    world.ok("up dev -q", &[]);
    world.account().assert_one_cloudtop();
    gone(&world);
    assert!(struck(&world) > 0, "{:#}", world.account().0);
}

#[test]
fn lost_answers_make_nothing_twice_and_leave_nothing() {
    let world = on_a_bad_day("lossy.toml");
    world.ok("up dev -q", &[]);
    world.account().assert_one_cloudtop();
    gone(&world);
    let lost = &world.account().0["faults"][0];
    assert_eq!((lost["fault"].as_str(), lost["struck"].as_u64()), (Some("reset-after"), Some(1)), "{lost:#}");
}

#[test]
fn a_zone_that_is_lost_while_a_node_comes_up_gives_it_back() {
    let world = on_a_bad_day("zone-lost.toml");
    world.ok("up dev -q", &[]);
    let outcomes = outcomes(&world);
    assert!(outcomes[0].as_str().is_some_and(|it| it.ends_with(": stop")), "{outcomes:?}");
    let account = world.account();
    account.assert_one_cloudtop();
    assert_eq!(account.live("instances")[0]["state"], "running");
}

#[test]
fn an_environment_survives_who_cleans_up_what_he_does_not_know() {
    let world = on_a_bad_day("meddled.toml");
    world.ok("up dev -q", &[]);
    let outcomes = outcomes(&world);
    assert!(
        outcomes.iter().all(|it| it.as_str().is_some_and(|it| it != "done" && !it.starts_with("failed"))),
        "{outcomes:?}"
    );
    assert_eq!(world.account().persistent_volumes().len(), 1, "{:#}", world.account().0);
    gone(&world);
}

#[test]
fn credentials_that_expire_in_mid_run_end_it_and_the_next_run_goes_on() {
    let world = World::new();
    world.write("late.toml", "[[event]]\nafter-call = 'RunInstances'\ndo = 'set fault * expired'\n");
    world.ok("sim scenario late.toml", &[]);
    world.run("up dev").exits(6).says(&["RequestExpired"]);
    world.ok("sim set fault * none", &[]);
    world.ok("up dev -q", &[]);
    world.account().assert_one_cloudtop();
}

#[test]
fn a_user_who_terminates_a_node_is_seen_and_it_comes_back() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let before = world.json("status dev")["nodes"][0]["instance_id"].clone();
    world.ok("sim meddle terminate dev/0", &[]);
    world.ok("up dev -q", &[]);
    let status = phase_reached(&world, "dev", "ready");
    assert_ne!(status["nodes"][0]["instance_id"], before);
    assert_eq!(world.account().persistent_volumes().len(), 1, "{:#}", world.account().0);
}

#[test]
fn a_scenario_is_read_strictly_and_says_where_it_is_wrong() {
    let world = World::empty();
    for (text, line, words) in [
        ("[settings]\nspeed = 20\nsped = 2\n", 3, "sped"),
        ("[[fault]]\ncall = 'RunInstances'\n", 2, "`calls`"),
        ("[[fault]]\ncalls = 'RunInstances'\nfault = 'explode'\n", 3, "reset-after"),
        ("[[event]]\nat = '10s'\ndo = 'dance'\n", 3, "dance"),
        ("[[event]]\ndo = 'interrupt dev'\n", 1, "`after-call`"),
        ("[[event]]\nat = 'noon'\ndo = 'interrupt dev'\n", 2, "200ms"),
    ] {
        world.write("bad.toml", text);
        let refused = world.run("sim scenario bad.toml").exits(2);
        refused.says(&[&format!("bad.toml: line {line}"), words]);
    }
    world.run("sim scenario nowhere.toml").exits(2).says(&["nowhere.toml"]);
    let shown = world.account().0;
    assert_eq!((&shown["faults"], &shown["events"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn what_is_at_work_is_listed_and_a_reset_ends_it() {
    let world = World::empty();
    world.write(
        "day.toml",
        "[[fault]]\ncalls = 'reads'\nfault = 'late 2s'\nchance = '10%'\n[[event]]\nat = '10m'\ndo = 'interrupt dev'\n",
    );
    world.ok("sim scenario day.toml", &[]);
    world.ok("sim set fault RunInstances reset-after --nth 2", &[]);
    let list = |output: Output| output.stdout;
    let listed = list(world.ok("sim scenario --list", &[]));
    for words in
        ["reads  late 2s  (10 %", "RunInstances  reset-after  (call 2", "event            in 9m ", "interrupt dev"]
    {
        assert!(listed.contains(words), "no {words:?} in {listed}");
    }
    assert!(list(world.ok("sim show", &[])).contains("reset-after"));
    world.ok("sim set fault Run* none", &[]);
    assert!(!list(world.ok("sim scenario --list", &[])).contains("RunInstances"));
    world.ok("sim reset", &[]);
    assert_eq!(list(world.ok("sim scenario --list", &[])).trim(), "");
    world.run("sim set fault RunInstances explode").exits(2).says(&["hang-before"]);
    world.run("sim interrupt --zone us-east-1a").exits(3).says(&["us-east-1a"]);
    world.run("sim meddle terminate dev").exits(3).says(&["`dev`"]);
}
