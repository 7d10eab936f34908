//! Pools that are dry or too dear.

use serde_json::Value;

use super::world::World;

const TYPES: &str = "-t m7a.xlarge,m6a.xlarge";

/// The pools that would do, cheapest first, as `type in zone`.
fn pools(world: &World) -> Vec<String> {
    let plan = world.json(&format!("plan dev {TYPES}"));
    let name =
        |pool: &Value| format!("{} in {}", pool["instance_type"].as_str().unwrap(), pool["zone"].as_str().unwrap());
    plan["pools"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn when_every_pool_is_dry_each_is_named_with_its_reason() {
    let world = World::new();
    let pools = pools(&world);
    assert!(pools.len() >= 4, "{pools:?}");
    world.ok("sim set capacity us-east-1 * * none", &[]);
    let up = world.run(&format!("up dev {TYPES}")).exits(5);
    let error = &up.stderr[up.stderr.find("error:").unwrap()..];
    for pool in &pools {
        let (kind, zone) = pool.split_once(" in ").unwrap();
        let zones = error.split(&format!("{kind} in ")).nth(1).and_then(|rest| rest.split([';', '.']).next());
        assert!(zones.is_some_and(|zones| zones.split(", ").any(|it| it == zone)), "no {pool} in {error}");
    }
    assert!(error.contains("InsufficientInstanceCapacity") && error.contains("--wait-for-capacity"), "{error}");
    assert_eq!(up.stdout, "");
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.live("volumes").len()), (0, 0), "{account:#?}");

    world.ok("sim set capacity us-east-1 * * available", &[]);
    world.ok("down dev", &[]);
    world.assert_nothing_was_made();
}

#[test]
fn dozens_of_dry_pools_are_tried_one_after_the_other_without_waiting() {
    let world = World::new();
    world.ok("sim set capacity us-east-1 * * none", &[]);
    let up = world.run("up dev --cpus 16 --memory 64 --local-ssd --arch arm64").exits(5);
    let up = up.says(&["InsufficientInstanceCapacity"]);
    assert!(up.stderr.matches("trying the next pool").count() > 20, "{up:#?}");
    assert!(world.account().live("instances").is_empty());
}

#[test]
fn a_dry_pool_is_put_aside_and_the_next_cheapest_is_taken() {
    let world = World::new();
    let pools = pools(&world);
    let (kind, zone) = pools[0].split_once(" in ").unwrap();
    world.ok("sim set capacity us-east-1", &[kind, zone, "none"]);
    world.ok(&format!("up dev {TYPES}"), &[]).says(&[&format!("no capacity in {}", pools[0])]);
    let node = &world.json("status dev")["nodes"][0];
    let taken = format!("{} in {}", node["instance_type"].as_str().unwrap(), node["zone"].as_str().unwrap());
    assert_eq!(taken, pools[1]);
    world.account().assert_one_cloudtop();
}

#[test]
fn a_price_limit_below_every_pool_makes_nothing() {
    let world = World::new();
    let up = world.run(&format!("up dev {TYPES} --max-price 0.002")).exits(5);
    let up = up.says(&["m7a.xlarge in us-east-1", "price is above the limit of $0.0020", "--max-price"]);
    assert!(up.stderr.len() < 4000, "{up:#?}");
    world.assert_nothing_was_made();
}

#[test]
fn a_volume_pins_its_zone_even_when_that_is_dry() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let zone = world.json("status dev")["zone"].as_str().unwrap().to_owned();
    world.ok("down dev -q", &[]);
    world.ok("sim set capacity us-east-1 *", &[&zone, "none"]);
    world.run(&format!("up dev {TYPES}")).exits(5).says(&[&format!("m7a.xlarge in {zone}")]);
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.persistent_volumes().len()), (0, 1), "{account:#?}");
}

#[test]
fn a_request_that_waits_is_fulfilled_when_capacity_returns() {
    let world = World::new();
    world.ok("sim set capacity us-east-1 * * none", &[]);
    let up = world.run(&format!("up dev {TYPES} --wait-for-capacity --timeout 3s")).exits(4);
    up.says(&["after 3s", "no spot capacity", "capacity-not-available", "cloudtop up dev", "cloudtop down dev"]);
    let waiting = world.json("status dev");
    assert_eq!(waiting["phase"], "requested");
    assert_eq!(world.account().live("spot_requests").len(), 1);

    world.ok("sim set capacity us-east-1 * * available", &[]);
    world.ok("up dev", &[]);
    let ready = world.json("status dev");
    assert_eq!(ready["phase"], "ready");
    assert_eq!(ready["nodes"][0]["spot_request_id"], waiting["nodes"][0]["spot_request_id"]);
    world.account().assert_one_cloudtop();
}

#[test]
fn a_request_that_waits_can_be_given_up() {
    let world = World::new();
    world.ok("sim set capacity us-east-1 * * none", &[]);
    world.run(&format!("up dev {TYPES} --wait-for-capacity --timeout 1s")).exits(4);
    world.ok("down dev", &[]);
    world.assert_nothing_was_made();
}
