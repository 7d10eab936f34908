//! Moving to another zone or type, over the whole program.

use serde_json::{Value, json};

use super::world::World;

const UP: &str = "up dev -t m5.xlarge --zone us-east-1a --volume 20 -q";

/// A CloudTop in us-east-1a, and what it is made of.
fn begin() -> (World, String, String) {
    let world = World::new();
    world.ok(UP, &[]);
    let status = world.json("status dev");
    let (instance, volume) = (&status["nodes"][0]["instance_id"], &status["volumes"][0]["volume_id"]);
    let (instance, volume) = (instance.as_str().unwrap().to_owned(), volume.as_str().unwrap().to_owned());
    (world, instance, volume)
}

fn place(world: &World) -> (Value, Value) {
    let status = world.json("status dev");
    assert_eq!(status["phase"], "ready", "{status:#}");
    assert_eq!(status["volumes"][0]["attached_to"], status["nodes"][0]["instance_id"], "{status:#}");
    (status["nodes"][0]["instance_type"].clone(), status["nodes"][0]["zone"].clone())
}

/// Nothing is left of the move but the one node in its new place.
fn assert_moved(world: &World, to: (&str, &str)) {
    assert_eq!(place(world), (json!(to.0), json!(to.1)));
    let account = world.account();
    account.assert_one_cloudtop();
    assert_eq!(account.live("snapshots").len(), 0, "{account:#?}");
    world.ok("move dev", &["--zone", to.1]).says(&["is there already"]);
}

#[test]
fn a_cloudtop_moves_to_another_zone_with_all_that_is_on_its_volume() {
    let (world, old, volume) = begin();
    let moved = world.ok("move dev --zone us-east-1c -y", &[]);
    moved.says(&[
        "dev moves from m5.xlarge in us-east-1a, at $",
        "to m5.xlarge in us-east-1c, at $",
        "the old goes when the new one is ready",
        &format!("{old} is stopping, for its node moves"),
        &format!("a snapshot of {volume}"),
        "so far this month $",
    ]);
    assert_moved(&world, ("m5.xlarge", "us-east-1c"));
    let all = world.json("volume list");
    let new = &all["volumes"][0];
    assert_ne!(new["volume_id"], volume.as_str());
    assert!(new["from_snapshot"].as_str().is_some_and(|id| id.starts_with("snap-")), "{all:#}");
    world.ok("up dev -q", &[]);
    assert_eq!(place(&world).1, "us-east-1c", "a zone that was named before is the new one now");
    world.ok("down dev --delete-volumes -y", &[]);
    world.account().assert_empty();
}

#[test]
fn another_type_in_the_same_zone_takes_the_volume_along() {
    let (world, old, volume) = begin();
    world.ok("move dev --type m6i.xlarge -y", &[]).says(&[&format!("{volume} to be free of {old}")]);
    assert_moved(&world, ("m6i.xlarge", "us-east-1a"));
    assert_eq!(world.json("status dev")["volumes"][0]["volume_id"], volume.as_str());
    assert_eq!(world.account().calls("CreateSnapshot"), 0);
}

#[test]
fn what_ec2_took_away_is_let_go_of_and_works_elsewhere() {
    let (world, _, _) = begin();
    world.ok("sim set capacity us-east-1 * us-east-1a none", &[]);
    world.interrupt("dev");
    let notes = world.json("status dev")["notes"].to_string();
    assert!(notes.contains("for capacity in us-east-1a: `cloudtop move dev` shows where there is some"), "{notes}");
    let offers = world.json("move dev --dry-run");
    let zones: Vec<&Value> = offers["offers"].as_array().unwrap().iter().map(|it| &it["zone"]).collect();
    assert!(zones.len() > 1 && !zones.contains(&&json!("us-east-1a")), "{offers:#}");
    assert!(offers["offers"][0]["estimated_seconds"].as_u64().is_some_and(|it| it > 100), "{offers:#}");
    world.ok("move dev -y", &[]).says(&["EC2 stopped it and alone can start it"]);
    assert_moved(&world, ("m5.xlarge", zones[0].as_str().unwrap()));
}

#[test]
fn without_anybody_to_ask_it_lists_what_there_is_and_names_the_flag() {
    let (world, old, _) = begin();
    let shown = world.run("move dev").exits(2).says(&["--zone us-east-1", "--yes (-y)"]);
    assert!(shown.stdout.contains("TIME") && shown.stdout.contains("us-east-1b"), "{shown:#?}");
    world.run("move dev --zone us-east-1c").exits(2).says(&["--yes (-y)"]);
    world.run("move dev --zone eu-west-1a -y").exits(2).says(&["no availability zone of us-east-1"]);
    world.run("move none --zone us-east-1c").exits(3).says(&["no environment `none`"]);
    assert_eq!(world.json("status dev")["nodes"][0]["instance_id"], old.as_str());
    world.ok("down dev -q", &[]);
    world.run("move dev --zone us-east-1c -y").exits(2).says(&["was ended"]);
}

#[test]
fn a_volume_of_the_users_own_stays_in_its_zone() {
    let (world, _, volume) = begin();
    world.ok("down dev -q", &[]);
    world.ok("up own -t m5.xlarge -q", &["--volume-id", &volume]);
    world.run("move own --zone us-east-1c -y").exits(2).says(&[&volume, "is your own volume", "--type"]);
    world.ok("move own --type m6i.xlarge -y", &[]);
    assert_eq!(world.json("status own")["volumes"][0]["volume_id"], volume.as_str());
}

#[test]
fn a_new_place_that_is_dry_too_loses_nothing_and_the_way_back_is_the_same_command() {
    let (world, old, volume) = begin();
    world.ok("sim set capacity us-east-1 * us-east-1c none", &[]);
    let dry = world.run("move dev --zone us-east-1c -y").exits(5);
    dry.says(&["InsufficientInstanceCapacity", "nothing is lost", "cloudtop move dev --zone AZ"]);
    let status = world.json("status dev");
    let notes = status["notes"].to_string();
    assert!(notes.contains("on its way to us-east-1c") && notes.contains("cloudtop move dev"), "{status:#}");
    world.ok("move dev --zone us-east-1a -y", &[]);
    let status = world.json("status dev");
    assert_eq!(status["nodes"][0]["instance_id"], old.as_str(), "it was stopped, and is started: {status:#}");
    assert_eq!(status["volumes"][0]["volume_id"], volume.as_str());
    assert!(!status["notes"].to_string().contains("on its way"), "{status:#}");
    world.account().assert_one_cloudtop();
    assert_eq!(world.account().live("snapshots").len(), 0);
}

#[test]
fn what_is_kept_is_said_with_what_it_costs() {
    let (world, _, volume) = begin();
    let moved = world.ok("move dev --zone us-east-1c --keep-old -y", &[]);
    moved.says(&[&format!("{volume} is kept, at about $1.60 a month"), "cloudtop volume delete"]);
    let all = world.json("volume list");
    let roles: Vec<&Value> = all["volumes"].as_array().unwrap().iter().map(|it| &it["role"]).collect();
    assert!(roles.len() == 2 && roles.contains(&&json!("replaced")), "{all:#}");
    let snapshots = world.json("volume snapshots dev");
    assert_eq!(snapshots["snapshots"][0]["purpose"], "asked", "{snapshots:#}");
    world.ok("move dev --zone us-east-1b -y", &[]);
    assert_eq!(world.account().live("snapshots").len(), 1, "what was kept is nobody's to delete but the user's");
    world.ok("volume delete -y", &[&volume]);
}

#[test]
fn killed_anywhere_it_goes_on_with_the_same_command_and_with_up() {
    let moments = ["stop i-", "to be completed", "attach vol-", "cancel spot request"];
    for (place, moment) in moments.into_iter().enumerate() {
        let (world, _, _) = begin();
        world.ok("sim set setting snapshot 60s", &[]);
        let mut cut = world.start("move dev --zone us-east-1c -y -v", &[]);
        cut.wait_for(moment);
        assert!(cut.kill(), "{moment}");
        let status = world.json("status dev");
        assert!(status["notes"].to_string().contains("on its way to us-east-1c"), "{moment}: {status:#}");
        let words = if place % 2 == 0 { "move dev --zone us-east-1c" } else { "up dev -q" };
        world.ok(words, &[]);
        assert_moved(&world, ("m5.xlarge", "us-east-1c"));
    }
}

#[test]
fn down_in_the_middle_of_a_move_keeps_the_volume_and_nothing_else_is_left() {
    let (world, _, volume) = begin();
    world.ok("sim set capacity us-east-1 * us-east-1c none", &[]);
    world.run("move dev --zone us-east-1c -y -q").exits(5);
    world.ok("down dev", &[]).says(&[&volume, "is kept"]);
    let account = world.account();
    assert_eq!((account.live("volumes").len(), account.live("snapshots").len()), (1, 0), "{account:#?}");
    world.ok("sim set capacity us-east-1 * us-east-1c available", &[]);
    world.ok("up dev -q", &[]);
    assert_eq!(world.json("status dev")["volumes"][0]["volume_id"], volume.as_str());
    assert_eq!(place(&world).1, "us-east-1a");
}

#[test]
fn a_cluster_moves_as_a_whole() {
    let world = World::new();
    world.ok("up core -n 3 --template ./plain -t m5.xlarge --zone us-east-1a --volume 20 -q", &[]);
    world.ok("move core --zone us-east-1c -y -q", &[]);
    let status = world.json("status core");
    assert_eq!((&status["zone"], &status["phase"]), (&json!("us-east-1c"), &json!("ready")), "{status:#}");
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.persistent_volumes().len()), (3, 3), "{account:#?}");
    assert_eq!(account.live("snapshots").len(), 0);
}
