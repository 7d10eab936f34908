//! Several runs at the same time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use super::world::{Running, World};

/// Holds one of the program's locks, as another run of it would.
fn hold(path: &Path) -> File {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::options().create(true).append(true).open(path).unwrap();
    file.lock().unwrap();
    file
}

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
        ["a", "b", "c"].iter().map(|name| world.start(&format!("up {name} --template ./plain"), &[])).collect();
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
    let mut up = world.start("up dev --template ./plain", &[]);
    up.wait_for("launching: EC2 is starting");
    let down = world.start("down dev", &[]);
    up.finish().exits(0);
    down.finish().exits(0).says(&["another cloudtop"]);
    world.assert_nothing_was_made();
}

#[test]
fn fifty_runs_on_one_state_file_lose_nothing_and_each_that_waits_says_so() {
    let world = World::new();
    for name in ["stopped", "ended"] {
        world.ok(&format!("up {name} --template ./plain -q"), &[]);
    }
    let names = ["a", "b", "c", "d", "stopped", "ended"];
    let locks = world.state_file().with_extension("json.d").join("locks");
    let held: Vec<File> = names.iter().map(|name| hold(&locks.join(format!("{name}.lock")))).collect();

    let up = |name: &str| format!("up {name} --template ./plain --wait running");
    let mut commands: Vec<String> = names[..4].iter().flat_map(|name| vec![up(name); 6]).collect();
    for _ in 0..3 {
        commands.extend(["stop stopped".to_owned(), "start stopped --wait running".to_owned()]);
        commands.extend(["down ended".to_owned(), up("ended")]);
    }
    let mut waiting: Vec<Running> = commands.iter().map(|words| world.start(words, &[])).collect();
    let lists: Vec<Running> = (0..14).map(|_| world.start("list --json", &[])).collect();
    assert_eq!(waiting.len() + lists.len(), 50);
    for list in lists {
        let list = list.finish().exits(0).json();
        assert_eq!(list["environments"].as_array().unwrap().len(), 2, "a list waits for nobody: {list:#}");
    }
    for (run, words) in waiting.iter_mut().zip(&commands) {
        run.wait_for(&format!("waiting: another cloudtop is working on `{}`", words.split(' ').nth(1).unwrap()));
    }
    drop(held);
    for run in waiting {
        run.finish().exits(0);
    }

    let (account, list) = (world.account(), world.json("list"));
    let listed: Vec<&str> =
        list["environments"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names[..5].iter().all(|name| listed.contains(name)), "{list:#}");
    let mut instances: BTreeMap<&str, usize> = BTreeMap::new();
    for instance in account.live("instances") {
        *instances.entry(instance["tags"]["cloudtop:env"].as_str().unwrap()).or_default() += 1;
    }
    assert!(names[..5].iter().all(|name| instances.get(name) == Some(&1)), "{instances:?}");
    // It was brought up and ended in some order: it is there once and known, or it is not there.
    assert_eq!(instances.get("ended").copied().unwrap_or(0), usize::from(listed.contains(&"ended")), "{instances:?}");
    for kind in ["security_groups", "key_pairs"] {
        assert_eq!(account.live(kind).len(), listed.len(), "{kind}: {:#}", account.0);
    }
    assert!(account.calls("RunInstances") <= 4 + 2 + 3, "one launch for each environment and each time it was ended");
}

#[test]
fn who_waits_for_the_state_file_says_so() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    let held = hold(&world.state_file().with_file_name("state.lock"));
    let mut list = world.start("list", &[]);
    list.wait_for("waiting: another cloudtop is using the state file");
    drop(held);
    assert_eq!(list.finish().exits(0).rows()[0][0], "dev");
}
