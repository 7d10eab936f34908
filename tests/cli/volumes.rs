//! Volumes and snapshots.

use super::world::World;

fn ids(world: &World, words: &str, list: &str, id: &str) -> Vec<String> {
    let answer = world.json(words);
    answer[list].as_array().unwrap().iter().map(|it| it[id].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_volume_is_restored_from_its_snapshot_and_the_old_one_is_kept() {
    let world = World::new();
    world.ok("up dev --volume 20 -q", &[]);
    let taken = world.ok("volume snapshot dev --wait", &["--description", "before the upgrade"]);
    taken.says(&["at most $1.00 a month", "has written what it held in memory"]);
    let shown = world.json("volume snapshots dev");
    let snapshot = shown["snapshots"][0].clone();
    assert_eq!(shown["snapshots"].as_array().unwrap().len(), 1, "{shown:#}");
    assert_eq!((snapshot["state"].as_str(), snapshot["purpose"].as_str()), (Some("completed"), Some("asked")));
    assert_eq!(snapshot["description"], "cloudtop/dev/0: before the upgrade");
    world.run("volume restore dev --snapshot latest").exits(2).says(&["cloudtop down dev"]);
    world.ok("down dev -q", &[]);
    let old = ids(&world, "volume list", "volumes", "volume_id").remove(0);
    world.ok("volume restore dev --snapshot latest", &[]).says(&[&old, "is kept"]);
    let all = world.json("volume list");
    let of_role = |role: &str| {
        let found: Vec<&str> = all["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["role"] == role)
            .map(|it| it["volume_id"].as_str().unwrap())
            .collect();
        assert_eq!(found.len(), 1, "{role}: {all:#}");
        found[0].to_owned()
    };
    assert_eq!(of_role("replaced"), old);
    let new = of_role("persistent");
    world.ok("up dev -q", &[]);
    let status = world.json("status dev");
    assert_eq!(status["volumes"][0]["volume_id"], new.as_str(), "{status:#}");
    assert_eq!(status["phase"], "ready");
    world.run("volume delete dev -y").exits(2).says(&["attached", "cloudtop down dev"]);
    world.ok("gc -r us-east-1", &[]).says(&[]);
    assert!(world.ok("gc -r us-east-1", &[]).stdout.contains(&old), "gc knows what was put aside");
    world.ok(&format!("volume delete {old} -y"), &[]).says(&["is gone"]);
    world.ok(&format!("volume delete-snapshot {} -y", snapshot["snapshot_id"].as_str().unwrap()), &[]);
    assert_eq!(ids(&world, "volume snapshots", "snapshots", "snapshot_id"), [""; 0]);
    assert_eq!(ids(&world, "volume list", "volumes", "volume_id"), [new]);
}

#[test]
fn down_tells_of_a_volume_that_was_made_without_an_environment_and_what_it_costs() {
    let world = World::new();
    world.ok("volume create dev --zone us-east-1a --size 50 -y -q", &[]);
    let id = ids(&world, "volume list", "volumes", "volume_id").remove(0);
    let told = [&*id, "50 GiB in us-east-1a", "$4.00 a month", "cloudtop up dev", "cloudtop volume delete vol-"];
    world.ok("down dev", &[]).says(&told);
    world.run("down dev --delete-volumes -y").exits(1).says(&["nothing was deleted", "cloudtop volume delete vol-"]);
    assert_eq!(ids(&world, "volume list", "volumes", "volume_id"), [&*id]);
    world.ok(&format!("volume delete {id} -y"), &[]);
    world.ok("down dev", &[]).says(&["nothing is left of dev"]);
}

#[test]
fn down_deletes_a_volume_only_after_its_snapshot_and_a_volume_comes_of_that_again() {
    let world = World::new();
    world.ok("up dev --volume 20 --template ./plain -q", &[]);
    world.run("down dev --snapshot").exits(2).says(&["--delete-volumes"]);
    world.ok("sim set setting snapshots fail", &[]);
    let failed = world.run("down dev --delete-volumes --snapshot -y");
    failed.exits(3).says(&["the volume is kept"]);
    assert_eq!(world.json("volume list")["volumes"].as_array().unwrap().len(), 1);
    world.ok("sim set setting snapshots complete", &[]);
    world
        .ok("down dev --delete-volumes --snapshot -y", &[])
        .says(&["has what was on vol-", "its snapshots alone are left"]);
    assert_eq!(world.json("volume list")["volumes"].as_array().unwrap().len(), 0);
    let snapshots = world.json("volume snapshots dev");
    let whole: Vec<&serde_json::Value> =
        snapshots["snapshots"].as_array().unwrap().iter().filter(|it| it["state"] == "completed").collect();
    assert_eq!(whole.len(), 1, "{snapshots:#}");
    assert_eq!(whole[0]["purpose"], "before-deletion");
    let id = whole[0]["snapshot_id"].as_str().unwrap();
    world.ok(&format!("volume create dev --zone us-east-1b --snapshot {id}"), &[]);
    world.ok("up dev --volume 20 --template ./plain -q", &[]);
    let status = world.json("status dev");
    assert_eq!((&status["volumes"][0]["zone"], &status["volumes"][0]["size_gib"]), (&"us-east-1b".into(), &20.into()));
    assert_eq!(world.json("volume list")["volumes"][0]["from_snapshot"], id);
}

#[test]
fn a_volume_grows_while_it_is_in_use_and_never_shrinks() {
    let world = World::new();
    world.ok("up dev --volume 20 -q", &[]);
    world.run("volume resize dev --size 30").exits(2).says(&["--yes"]);
    world.ok("volume resize dev --size 30 -y", &[]).says(&["has 30 GiB", "its file system has grown"]);
    assert_eq!(world.json("status dev")["volumes"][0]["size_gib"], 30);
    world.run("volume resize dev --size 10 -y").exits(2).says(&["no volume smaller"]);
    for gib in [31, 32, 33] {
        world.ok(&format!("volume resize dev --size {gib} -y"), &[]);
    }
    world.run("volume resize dev --size 34 -y").exits(6).says(&["The next modification", "at the time that EC2 names"]);
}

#[test]
fn the_last_volume_of_an_ended_environment_takes_its_name_with_it() {
    let world = World::new();
    world.run("volume snapshot dev").exits(3).says(&["no persistent volume"]);
    world.ok("up dev --volume 20 --template ./plain -q", &[]);
    world.ok("down dev -q", &[]);
    world.ok("volume delete dev --snapshot -y", &[]).says(&["has what was on it"]);
    assert_eq!(world.json("list")["environments"].as_array().unwrap().len(), 0);
    world.run("volume delete vol-0123456789abcdef0 -y").exits(3);
}
