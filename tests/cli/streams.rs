//! stdout is the answer, stderr the way to it.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::{Child, Command, Stdio};

use super::world::World;

#[test]
fn json_is_one_document_on_stdout_and_progress_is_on_stderr() {
    let world = World::new();
    let commands = [
        "plan dev",
        "up dev --dry-run",
        "up dev",
        "up dev",
        "list",
        "status dev",
        "stop dev",
        "start dev",
        "sim show",
        "template list",
        "template show cloudtop",
        "down dev",
    ];
    for words in commands {
        let ended = world.ok(words, &["--json"]);
        assert!(ended.json().is_object(), "{ended:#?}");
    }
    let up = world.ok("up dev --json", &[]);
    assert!(up.stderr.contains("dev: ready") && up.json()["phase"] == "ready", "{up:#?}");
}

#[test]
fn a_plan_makes_nothing() {
    let world = World::new();
    for words in ["plan dev", "up dev --dry-run", "up core -n 3 --template ./plain --dry-run"] {
        let plan = world.ok(words, &[]);
        assert!(plan.stdout.contains("RunInstances") || plan.stdout.contains("key pair"), "{plan:#?}");
        world.assert_nothing_was_made();
    }
}

#[test]
fn quiet_leaves_only_the_answer_and_errors() {
    let world = World::new();
    for words in ["up dev -q", "up dev -q", "list -q", "status dev -q", "stop dev -q", "start dev -q"] {
        let ended = world.ok(words, &[]);
        assert_eq!(ended.stderr, "", "{words}");
        assert_ne!(ended.stdout, "", "{words}");
    }
    let down = world.ok("down dev -q", &[]);
    assert_eq!((down.stdout.as_str(), down.stderr.as_str()), ("", ""));
    world.run("status no -q").exits(3).says(&["error: there is no environment `no`"]);
}

#[test]
fn piped_output_has_no_escape_codes_unless_they_are_asked_for() {
    let world = World::new();
    for words in ["up dev -v", "list", "status dev", "plan dev", "down dev", "status no", "--help"] {
        let ended = world.run(words);
        assert!(!ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'), "{ended:#?}");
        assert!(!ended.stderr.contains('\r'), "{ended:#?}");
    }
    let coloured = world.run("status no --color always").exits(3);
    assert!(coloured.stderr.contains('\x1b'), "{coloured:#?}");
}

#[test]
fn a_narrow_pipe_does_not_fold_tables() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let run = |columns: &str| world.command(&["status", "dev"]).env("COLUMNS", columns).output().unwrap().stdout;
    assert_eq!(run("20"), run("300"));
}

/// Starts the program with both streams piped.
fn piped(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let commands: [&[&str]; 7] = [
        &["list"],
        &["list", "--json"],
        &["status", "dev"],
        &["sim", "show", "--json"],
        &["template", "render", "cloudtop"],
        &["--help"],
        &["completions", "bash"],
    ];
    for args in commands {
        let mut child = piped(world.command(args));
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{args:?}: {stderr}");
    }
}

#[test]
fn progress_that_nobody_reads_does_not_stop_the_work() {
    let world = World::new();
    let mut child = piped(world.command(&["up", "dev", "-v"]));
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(world.json("status dev")["phase"], "ready");
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let world = World::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = world.command(&["template", "list"]).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("standard output"), "{ended:?}");
}
