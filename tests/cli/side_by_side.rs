//! Several runs at the same time.

use super::world::World;

#[test]
fn a_second_up_waits_for_the_first_says_so_and_makes_nothing_again() {
    let world = World::new();
    world.ok("sim set setting pending 80s", &[]);
    let mut first = world.start("up dev", &[]);
    first.wait_for("launching: EC2 is starting");
    let mut second = world.start("up dev", &[]);
    second.wait_for(&format!("another cloudtop (pid {}) is working on `dev`", first.pid()));

    let list = world.json("list");
    assert_eq!(list["environments"][0]["phase"], "launching", "a list waits for nobody: {list:#}");
    world.ok("status dev", &[]);

    let (first, second) = (first.finish().exits(0), second.finish().exits(0));
    assert_eq!(first.stdout, second.stdout);
    world.account().assert_one_cloudtop();
    assert_eq!(world.account().calls("RunInstances"), 1);
}

#[test]
fn environments_do_not_wait_for_each_other() {
    let world = World::new();
    let runs: Vec<_> =
        ["a", "b", "c"].iter().map(|name| world.start(&format!("up {name} --template coreos"), &[])).collect();
    for run in runs {
        let ended = run.finish().exits(0);
        assert!(!ended.stderr.contains("another cloudtop"), "{ended:#?}");
    }
    assert_eq!(world.account().live("instances").len(), 3);
    assert_eq!(world.json("list")["environments"].as_array().unwrap().len(), 3);
}

#[test]
fn down_beside_an_up_waits_and_then_ends_all() {
    let world = World::new();
    world.ok("sim set setting pending 20s", &[]);
    let mut up = world.start("up dev --template coreos", &[]);
    up.wait_for("launching: EC2 is starting");
    let down = world.start("down dev", &[]);
    up.finish().exits(0);
    down.finish().exits(0).says(&["another cloudtop"]);
    world.assert_nothing_was_made();
}
