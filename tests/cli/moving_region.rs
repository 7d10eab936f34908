//! Moving to another region, over the whole program.

use serde_json::{Value, json};

use super::world::World;

const UP: &str = "up dev -t m5.xlarge --zone us-east-1a --volume 20 -q";
const MOVE: &str = "move dev -r us-west-2 --zone us-west-2b -y";

/// A CloudTop in us-east-1a, and its volume.
fn begin() -> (World, String) {
    let world = World::new();
    world.ok(UP, &[]);
    let status = world.json("status dev");
    let volume = status["volumes"][0]["volume_id"].as_str().unwrap().to_owned();
    (world, volume)
}

/// The ids of the volumes that outlive instances, in all regions.
fn volumes(world: &World) -> Vec<String> {
    let account = world.account();
    account.persistent_volumes().iter().map(|it| it["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Nothing is left of the move but the one node in us-west-2b, with a volume that was made of a snapshot.
fn assert_moved(world: &World) {
    let status = world.json("status dev");
    assert_eq!((&status["region"], &status["phase"]), (&json!("us-west-2"), &json!("ready")), "{status:#}");
    assert_eq!(status["nodes"][0]["zone"], "us-west-2b");
    assert_eq!(status["volumes"][0]["attached_to"], status["nodes"][0]["instance_id"], "{status:#}");
    assert!(!status["notes"].to_string().contains("on its way"), "{status:#}");
    let all = world.json("volume list");
    assert!(all["volumes"][0]["from_snapshot"].as_str().is_some_and(|id| id.starts_with("snap-")), "{all:#}");
    let account = world.account();
    account.assert_one_cloudtop();
    assert_eq!(account.live("snapshots").len(), 0, "{account:#?}");
}

#[test]
fn a_cloudtop_moves_to_another_region_with_all_that_is_on_its_volume() {
    let (world, _) = begin();
    world.ok(MOVE, &[]).says(&[
        "dev moves from m5.xlarge in us-east-1a, at $",
        "to m5.xlarge in us-west-2b, at $",
        "20 GiB are copied from us-east-1 to us-west-2, and AWS bills the transfer",
        "so far this month $",
    ]);
    assert_moved(&world);
    assert_eq!(world.account().calls("CopySnapshot"), 1);
    world.ok("up dev -q", &[]);
    assert_moved(&world);
    world.ok("move dev -r us-east-1 --zone us-east-1a -y -q", &[]);
    assert_eq!(world.json("status dev")["region"], "us-east-1", "and back");
    world.account().assert_one_cloudtop();
    world.ok("down dev --delete-volumes -y", &[]);
    world.account().assert_empty();
    assert_eq!(world.account().live("snapshots").len(), 0);
}

#[test]
fn killed_anywhere_it_goes_on_with_the_same_command_and_with_up() {
    let moments = [
        ("terminate i-", true),
        ("create a snapshot of", true),
        ("copy snap-", true),
        ("gp3 volume for node", true),
        ("launch node", true),
        ("attach vol-", true),
        ("delete volume", false),
        ("delete snapshot", false),
    ];
    for (place, (moment, old_is_there)) in moments.into_iter().enumerate() {
        let (world, volume) = begin();
        let mut cut = world.start(&format!("{MOVE} -v"), &[]);
        cut.wait_for(moment);
        assert!(cut.kill(), "{moment}");
        let there = volumes(&world).contains(&volume);
        assert!(there || !old_is_there, "{moment}: the old volume goes before its copy is in use");
        let notes = world.json("status dev")["notes"].to_string();
        assert!(notes.contains("on its way to us-west-2"), "{moment}: {notes}");
        let words = if place % 2 == 0 { "move dev" } else { "up dev -q" };
        world.ok(words, &[]);
        assert_moved(&world);
        assert!(!volumes(&world).contains(&volume));
        assert!(world.account().calls("CopySnapshot") <= 2, "{moment}");
    }
}

#[test]
fn a_dry_region_loses_nothing_and_another_zone_of_it_is_a_way_on() {
    let (world, volume) = begin();
    world.ok("sim set capacity us-west-2 * us-west-2b none", &[]);
    world.run(&format!("{MOVE} -q")).exits(5).says(&["nothing is lost", "another zone of us-west-2"]);
    assert!(volumes(&world).contains(&volume));
    world.ok("move dev --zone us-west-2c -y -q", &[]);
    world.ok("move dev", &[]).says(&[&format!("{volume} is kept in us-east-1")]);
    let status = world.json("status dev");
    assert_eq!((&status["phase"], &status["nodes"][0]["zone"]), (&json!("ready"), &json!("us-west-2c")));
    world.ok("volume delete -r us-east-1 -y", &[&volume]);
    world.account().assert_one_cloudtop();
}

#[test]
fn down_in_the_middle_keeps_what_is_on_the_volume_and_no_snapshot() {
    for (moment, left) in [("copy snap-", 1), ("attach vol-", 2)] {
        let (world, volume) = begin();
        let mut cut = world.start(&format!("{MOVE} -v"), &[]);
        cut.wait_for(moment);
        assert!(cut.kill());
        world.ok("down dev", &[]).says(&[&volume, "is kept"]);
        let account = world.account();
        assert_eq!((account.live("instances").len(), account.live("snapshots").len()), (0, 0), "{moment} {account:#?}");
        assert!(volumes(&world).contains(&volume), "{moment}");
        assert_eq!(volumes(&world).len(), left, "{moment}");
        world.ok("up dev -q", &[]);
        let used: Value = world.json("status dev")["volumes"][0]["volume_id"].clone();
        assert_eq!(used == volume.as_str(), left == 1, "{moment}");
    }
}

#[test]
fn down_with_the_volumes_ends_both_regions_things() {
    for moment in ["terminate i-", "copy snap-", "gp3 volume for node", "attach vol-"] {
        let (world, _) = begin();
        let mut cut = world.start(&format!("{MOVE} -v"), &[]);
        cut.wait_for(moment);
        assert!(cut.kill());
        world.ok("down dev --delete-volumes -y", &[]);
        world.account().assert_empty();
        assert_eq!(world.account().live("snapshots").len(), 0, "{moment}");
    }
}

#[test]
fn what_is_kept_is_nobodys_and_is_not_taken_for_a_nodes_volume_again() {
    let (world, volume) = begin();
    let kept = format!("{volume} is kept in us-east-1, at about $1.60 a month");
    world.ok(MOVE, &["--keep-old"]).says(&[&kept, "volume delete"]);
    assert!(volumes(&world).contains(&volume));
    assert_eq!(world.account().live("snapshots").len(), 2);
    world.ok("move dev -r us-east-1 --zone us-east-1a -y -q", &[]);
    let status = world.json("status dev");
    assert_eq!(status["phase"], "ready");
    assert_ne!(status["volumes"][0]["volume_id"], volume.as_str());
    assert!(volumes(&world).contains(&volume), "what was kept is nobody's to delete but the user's");
}

#[test]
fn a_cluster_moves_as_a_whole() {
    let world = World::new();
    world.ok("up core -n 3 --template ./plain -t m5.xlarge --zone us-east-1a --volume 20 -q", &[]);
    world.ok("move core -r us-west-2 -y -q", &[]);
    let status = world.json("status core");
    assert_eq!((&status["region"], &status["phase"]), (&json!("us-west-2"), &json!("ready")), "{status:#}");
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.persistent_volumes().len()), (3, 3), "{account:#?}");
    assert_eq!((account.live("snapshots").len(), account.calls("CopySnapshot")), (0, 3));
}

#[test]
fn what_is_of_its_region_is_refused_before_anything_is_touched() {
    let (world, volume) = begin();
    world.run("move dev -r us-west-2").exits(2).says(&["--zone us-west-2", "--yes (-y)"]);
    world.run("move dev -r us-west-2 --zone us-east-1b -y").exits(2).says(&["no availability zone there"]);
    world.run("move dev -r xx-none-1 -y").exits(2).says(&["xx-none-1"]);
    let offers = world.json("move dev -r us-west-2 --dry-run");
    assert!(offers["offers"][0]["zone"].as_str().is_some_and(|it| it.starts_with("us-west-2")), "{offers:#}");
    assert_eq!(world.json("status dev")["phase"], "ready");
    world.ok("down dev -q", &[]);
    world.run("move dev -r us-west-2 -y").exits(2).says(&["was ended"]);
    world.ok("up own -t m5.xlarge -q", &["--volume-id", &volume]);
    world.run("move own -r us-west-2 -y").exits(2).says(&[&volume, "is your own volume"]);
}

#[test]
fn another_target_is_refused_in_the_middle() {
    let (world, _) = begin();
    let mut cut = world.start(&format!("{MOVE} -v"), &[]);
    cut.wait_for("copy snap-");
    assert!(cut.kill());
    world.run("move dev -r eu-west-1 -y").exits(2).says(&["on its way to us-west-2b", "cloudtop down dev"]);
    world.run("start dev").exits(2).says(&["cloudtop up dev"]);
    world.ok("move dev -q", &[]);
    assert_moved(&world);
}
