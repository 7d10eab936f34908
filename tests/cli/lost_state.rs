//! State files that are gone, damaged or from the future.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::world::World;

/// A document without what was spent, which grows while one looks.
fn without_spending(mut document: Value) -> Value {
    let environments = document["environments"].as_array_mut().into_iter().flatten();
    for environment in environments.filter_map(Value::as_object_mut) {
        environment.remove("spent_this_month");
    }
    document.as_object_mut().unwrap().remove("spent_this_month");
    document
}

/// The list without the line below it, for the same reason.
fn table(list: &str) -> Vec<&str> {
    list.lines().filter(|line| !line.starts_with("in all: ")).collect()
}

#[test]
fn recover_brings_back_what_list_and_status_said() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("up core -n 2 --template ./plain -r us-west-1 -q", &[]);
    world.ok("up rest -q", &[]);
    world.ok("stop rest -q", &[]);
    let list = world.ok("list", &[]);
    let commands = ["list", "status dev", "status core", "status rest"];
    let ask = |words| without_spending(world.json(words));
    let before = commands.map(ask);

    fs::remove_file(world.state_file()).unwrap();
    assert_eq!(world.json("list")["environments"], serde_json::json!([]));
    world.run("status dev").exits(3).says(&["cloudtop recover"]);
    let recovered = world.ok("recover", &[]).says(&["recovered dev", "recovered core", "recovered rest"]);
    assert_eq!(table(&recovered.stdout), table(&list.stdout));
    assert_eq!(table(&world.ok("list", &[]).stdout), table(&list.stdout));
    assert_eq!(commands.map(ask), before);

    world.ok("recover", &[]).says(&["nothing was found that the state does not know"]);
    let calls = |action| world.account().calls(action);
    let launched = calls("RunInstances");
    for words in ["up dev", "up core"] {
        world.ok(words, &[]);
    }
    assert_eq!(calls("RunInstances"), launched, "what was recovered is used and not made again");
    assert_eq!(world.ok("ssh core/1 -- uname", &[]).stdout, "Linux\n");
}

#[test]
fn what_has_ended_is_not_recovered() {
    let world = World::new();
    world.ok("up core -n 2 --template ./plain -q", &[]);
    world.ok("down core -q", &[]);
    fs::remove_file(world.state_file()).unwrap();
    world.ok("recover", &[]).says(&["nothing was found that the state does not know"]);
}

#[test]
fn up_without_its_state_finds_what_it_made_before() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let before = without_spending(world.json("status dev"));
    fs::remove_file(world.state_file()).unwrap();
    world.ok("up dev -q", &[]);
    world.account().assert_one_cloudtop();
    assert_eq!(without_spending(world.json("status dev")), before);
}

#[test]
fn a_state_file_that_cannot_be_read_is_left_as_it_is() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let good = fs::read(world.state_file()).unwrap();
    let path = world.state_file().display().to_string();
    let damaged: [(&[u8], &str); 5] = [
        (&good[..good.len() / 2], "recover"),
        (b"", "recover"),
        (b"\xff\xfe nonsense", "recover"),
        (b"[]", "recover"),
        (br#"{"format_version": 99, "surprise": true}"#, "newer version"),
    ];
    for (bytes, hint) in damaged {
        fs::write(world.state_file(), bytes).unwrap();
        let commands = ["list", "status dev", "up dev", "down dev", "stop dev", "ssh dev -- uname", "recover", "gc"];
        for words in commands {
            let ended = world.run(words).exits(7).says(&[&path, hint, "left as it is"]);
            assert_eq!(ended.stdout, "", "{words}");
            assert_eq!(fs::read(world.state_file()).unwrap(), bytes, "{words}");
        }
    }
    fs::write(world.state_file(), good).unwrap();
    assert_eq!(world.json("status dev")["phase"], "ready");
    world.account().assert_one_cloudtop();
}

#[test]
fn what_the_program_keeps_is_for_its_owner_alone() {
    let world = World::new();
    let mut command = world.command(&["up", "dev", "-q"]);
    command.env_remove("CLOUDTOP_STATE");
    assert!(command.status().unwrap().success());
    let directory = world.home().join(".local/state/cloudtop/sim");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&directory.join("state.json"))), (0o700, 0o600));
    assert_eq!(mode(&directory.join("journal/dev.jsonl")), 0o600);
}
