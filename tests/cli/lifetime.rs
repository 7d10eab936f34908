//! Throwaways.

use serde_json::Value;

use super::world::World;

#[test]
fn a_lifetime_is_shown() {
    let world = World::new();
    world.ok("up job --ttl 8h --template ./plain -q", &[]);
    let list = world.ok("list", &[]);
    assert!(list.stdout.contains("EXPIRES") && list.stdout.contains("in 7h 59m"), "{list:#?}");
    let status = world.ok("status job", &[]);
    assert!(status.stdout.contains("expires  in 7h 59m"), "{status:#?}");
    let at = world.json("status job")["expires_at"].clone();
    assert!(at.as_str().unwrap().ends_with('Z'), "{at}");
    world.ok("up job -q", &[]);
    assert_eq!(world.json("status job")["expires_at"], at, "a later `up` does not make it longer");
    let gc = world.ok("gc -r us-east-1", &[]);
    assert_eq!(gc.stdout, "", "its time is not over");
}

#[test]
fn watch_ends_what_has_had_its_time_and_keeps_the_volume() {
    let world = World::new();
    world.ok("up job --ttl 1s -q", &[]);
    world.ok("watch job", &[]).says(&["the time of job is over"]);
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.live("spot_requests").len()), (0, 0), "{account:#?}");
    assert_eq!(account.persistent_volumes().len(), 1);
}

#[test]
fn watch_brings_nodes_back_and_ends_with_the_users_signal() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.interrupt("dev");
    let mut watch = world.start("watch dev --every 1s", &[]);
    watch.wait_for("EC2 stopped it");
    watch.wait_for("every node is ready");
    watch.signal("INT");
    // It may come while the watch rests, or in the moment before that: nothing is under way then either.
    let ended = watch.finish().exits(130);
    assert!(["no longer watched", "interrupted:"].iter().any(|words| ended.stderr.contains(words)), "{ended:?}");
    assert_eq!(world.json("status dev")["phase"], "ready");
    world.account().assert_one_cloudtop();
}

#[test]
fn gc_lists_what_has_had_its_time_and_ends_it_when_told() {
    let world = World::new();
    world.ok("up job --ttl 1s --template ./plain -q", &[]);
    world.ok("up dev -q", &[]);
    // Making `dev` took longer than a second.
    let listed = world.ok("gc -r us-east-1", &[]);
    assert_eq!(listed.rows().len(), 1, "{listed:#?}");
    assert_eq!(listed.rows()[0][..3], ["environment", "job", "us-east-1"]);
    assert!(listed.stdout.contains("its time was over"), "{listed:#?}");
    assert_eq!(world.json("status job")["phase"], "ready", "listing ends nothing");
    world.run("gc -r us-east-1 --end").exits(2).says(&["--yes"]);
    assert_eq!(world.json("status job")["phase"], "ready");

    world.ok("gc -r us-east-1 --end -y", &[]);
    let names = |list: &Value| -> Vec<Value> {
        list["environments"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect()
    };
    assert_eq!(names(&world.json("list")), ["dev"]);
    world.account().assert_one_cloudtop();
}
