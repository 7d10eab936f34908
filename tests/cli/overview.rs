//! `cloudtop` alone, the environment that `CLOUDTOP_ENV` names, and words of other tools.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::world::{Output, Running, World};

fn of(command: Command) -> Output {
    Running::new(command, "cloudtop".to_owned()).finish()
}

fn next(answer: &Value) -> Vec<&str> {
    answer["next"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect()
}

#[test]
fn where_nothing_is_yet_it_says_how_to_begin() {
    let world = World::empty();
    let ended = of(world.real(&[])).exits(0);
    assert!(ended.stdout.starts_with("There are no environments yet.\n\nNext:\n"), "{ended:#?}");
    assert!(ended.stdout.contains("  cloudtop --sim up dev  ") && ended.stderr.is_empty(), "{ended:#?}");
    let answer = of(world.real(&["--json"])).exits(0).json();
    assert_eq!(answer["environments"], serde_json::json!([]));
    assert!(next(&answer).contains(&"cloudtop doctor"));
    let elsewhere = of(world.real(&["--sim", "--state", "s.json", "--json"])).exits(0).json();
    assert_eq!(next(&elsewhere)[1], "cloudtop --sim --state s.json up dev");
    // It has only looked.
    assert!(!world.state_file().exists());
    assert_eq!(fs::read_dir(world.home()).unwrap().count(), 0);
}

#[test]
fn it_says_what_was_last_seen_and_what_that_leads_to() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    let answer = world.json("");
    let dev = &answer["environments"][0];
    assert_eq!((&dev["name"], &dev["last_known_phase"], &dev["nodes"]), (&"dev".into(), &"ready".into(), &1.into()));
    assert_eq!(next(&answer)[0], "cloudtop ssh dev");
    let calls = world.account().0["calls"].clone();
    let text = world.ok("", &[]).stdout;
    assert!(text.lines().next().unwrap().starts_with("NAME") && text.contains("ready, "), "{text}");
    assert_eq!(world.account().0["calls"], calls, "EC2 was asked");

    world.ok("stop dev -q", &[]);
    assert_eq!(next(&world.json(""))[0], "cloudtop start dev");
    world.write("cloudtop.toml", "[env.staging]\nnodes = 2\n[env.dev]\nnodes = 1\n");
    let answer = world.json("");
    assert_eq!(answer["configured"], serde_json::json!(["staging"]));
    assert_eq!(next(&answer)[1], "cloudtop up staging");
    world.ok("down dev --delete-volumes -y -q", &[]);
    assert_eq!(world.json("")["environments"], serde_json::json!([]));
}

#[test]
fn a_run_that_was_broken_off_is_the_next_thing_to_do() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    let journal = world.state_file().with_file_name("state.json.d/journal/dev.jsonl");
    let mut text = fs::read_to_string(&journal).unwrap();
    text.push_str("{\"at\":\"2030-01-01T00:00:00Z\",\"event\":{\"began\":{\"command\":\"up dev -n 1\"}}}\n");
    fs::write(&journal, text).unwrap();
    let answer = world.json("");
    assert_eq!(answer["environments"][0]["unfinished"], "up dev -n 1");
    assert_eq!(next(&answer)[0], "cloudtop up dev -n 1");
}

#[test]
fn damage_is_told_and_hides_as_little_as_it_can() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    world.write("cloudtop.toml", "nodes = = 1\n");
    let journal = world.state_file().with_file_name("state.json.d/journal/dev.jsonl");
    fs::write(&journal, "{\"no\":\"entry\"}\n").unwrap();
    let ended = world.ok("", &[]).says(&["dev.jsonl", "cloudtop.toml", "line 1"]);
    assert!(ended.stdout.contains("not seen yet") && ended.stdout.contains("cloudtop status dev"), "{ended:#?}");
    fs::write(world.state_file(), "{").unwrap();
    world.run("").exits(7).says(&["state.json"]);
}

#[test]
fn cloudtop_env_names_the_environment_of_commands_that_are_given_none() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    let with = |args: &[&str], name: &str| {
        let mut command = world.command(args);
        command.env("CLOUDTOP_ENV", name);
        of(command)
    };
    assert_eq!(with(&["status", "--json"], "dev").exits(0).json()["name"], "dev");
    assert_eq!(with(&["ssh", "--", "uname"], "dev").exits(0).stdout, "Linux\n");
    with(&["status", "other"], "dev").exits(3).says(&["`other`"]);
    with(&["status"], "Dev").exits(2).says(&["Dev", "lower-case"]);
    // Empty is as good as not set.
    with(&["status"], "").exits(2).says(&["<NAME>"]);
    // What ends a machine is told which, and what tells of all does.
    with(&["down"], "dev").exits(2).says(&["<NAME>"]);
    with(&["history"], "dev").exits(0);
    with(&["ssh", "--setup"], "dev").exits(0).says(&["ssh cloudtop-NAME"]);
    assert_eq!(world.json("status dev --no-ask")["phase"], "ready");
}

#[test]
fn a_word_of_another_tool_is_wrong_usage_with_ours() {
    let world = World::empty();
    for (words, ours) in
        [("create dev", "`cloudtop up NAME`"), ("ls", "`cloudtop list`"), ("rm dev", "`cloudtop down NAME`")]
    {
        world.run(words).exits(2).says(&[ours]);
    }
    world.run("up dev --templat coreos").exits(2).says(&["--template"]);
}
