//! How progress is told to programs, and to people who want lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::world::{Output, World};

/// Standard error as the events that it is: each line one object, with its time, in the order of their times.
#[track_caller]
fn events(ended: &Output) -> Vec<Value> {
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let events: Vec<Value> = ended.stderr.lines().map(read).collect();
    let times: Vec<Timestamp> = events.iter().map(|it| it["time"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted(), "{}", ended.stderr);
    assert!(events.iter().all(|it| it["time"].as_str().unwrap().ends_with('Z') && it["event"].is_string()));
    assert_are_documented(&events);
    events
}

/// Every event and every field has its name in the page that programs are written by.
#[track_caller]
fn assert_are_documented(events: &[Value]) {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/progress.md")).unwrap();
    for event in events {
        let fields = event.as_object().unwrap().keys().map(String::as_str);
        for name in fields.chain(event["event"].as_str()) {
            assert!(page.contains(&format!("`{name}`")), "docs/progress.md does not tell of `{name}`: {event}");
        }
    }
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|it| it["event"] == kind).collect()
}

/// The last phase of each node.
fn last_phases(events: &[Value]) -> BTreeMap<u64, &str> {
    let nodes = of_kind(events, "node").into_iter();
    nodes.map(|it| (it["node"].as_u64().unwrap(), it["phase"].as_str().unwrap())).collect()
}

#[test]
fn every_line_of_a_life_is_an_event_and_the_answer_stays_one_document() {
    let world = World::new();
    let lives = [
        ("up core -n 3 --template ./plain", "ready", "ready"),
        ("stop core", "stopped", "stopped"),
        ("start core", "ready", "ready"),
        ("down core -y", "gone", "gone"),
    ];
    for (words, goal, phase) in lives {
        let ended = world.ok(words, &["--json", "--progress", "json"]);
        assert!(ended.json().is_object(), "{ended:#?}");
        let events = events(&ended);
        let begin = &of_kind(&events, "begin")[0];
        assert_eq!((&begin["environment"], &begin["goal"]), (&"core".into(), &goal.into()), "{words}");
        assert_eq!(of_kind(&events, "end")[0]["outcome"], "done", "{words}");
        let counts = of_kind(&events, "counts");
        let last = counts.last().unwrap();
        assert_eq!((&last["nodes"], &last["at_goal"]), (&3.into(), &3.into()), "{words}: {last}");
        assert!(last_phases(&events).values().all(|it| *it == phase || *it == "absent"), "{words}: {events:#?}");
    }
}

#[test]
fn a_launch_is_told_with_its_price_its_calls_and_its_nodes() {
    let world = World::new();
    let events = events(&world.ok("up core -n 3 --template ./plain --progress json", &[]));
    let chosen = of_kind(&events, "chosen")[0];
    let launch = &chosen["launches"][0];
    let sum = launch["price_per_hour"].as_f64().unwrap() * launch["nodes"].as_f64().unwrap();
    assert!((chosen["price_per_hour"].as_f64().unwrap() - sum).abs() < 1e-9 && sum > 0.0, "{chosen}");
    let calls: Vec<&Value> = of_kind(&events, "call").into_iter().filter(|it| it["action"] == "RunInstances").collect();
    assert_eq!(calls.iter().map(|it| it["state"].as_str().unwrap()).collect::<Vec<_>>(), ["sent", "done"]);
    let made: Vec<&str> = calls[1]["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let ready: Vec<&Value> = of_kind(&events, "node").into_iter().filter(|it| it["phase"] == "ready").collect();
    assert_eq!(ready.len(), 3, "{events:#?}");
    assert!(ready.iter().all(|it| made.contains(&it["instance_id"].as_str().unwrap())), "{made:?}");
}

#[test]
fn the_time_left_is_known_from_the_second_time_on() {
    let world = World::new();
    let left = |ended: &Output| {
        let nodes: Vec<Value> = events(ended).into_iter().filter(|it| it["phase"] == "launching").collect();
        assert!(!nodes.is_empty());
        nodes.iter().map(|it| it["seconds_left"].as_u64()).collect::<Vec<_>>()
    };
    let first = world.ok("up dev --no-volume --progress json", &[]);
    assert!(left(&first).iter().all(Option::is_none), "{}", first.stderr);
    world.ok("down dev -y -q", &[]);
    let second = world.ok("up dev --no-volume --progress json", &[]);
    assert!(left(&second).iter().all(Option::is_some), "{}", second.stderr);
}

#[test]
fn an_error_is_an_event_too() {
    let world = World::new();
    let none = events(&world.run("status no --progress json").exits(3));
    let error = none.last().unwrap();
    assert_eq!(error["event"], "error");
    assert!(error["text"].as_str().unwrap().contains("`no`") && !error["hints"].as_array().unwrap().is_empty());
    let cheap = events(&world.run("up dev --max-price 0.001 --progress json").exits(5));
    assert_eq!(cheap.last().unwrap()["event"], "error", "{cheap:#?}");
}

#[test]
fn ctrl_c_ends_the_events_in_order() {
    let world = World::new();
    let mut up = world.start("up core -n 3 --template ./plain --progress json", &[]);
    up.wait_for("\"phase\":\"launching\"");
    up.signal("INT");
    let events = events(&up.finish().exits(130));
    let [.., end, error] = &events[..] else { panic!("{events:#?}") };
    assert_eq!(
        (&end["event"], &end["outcome"], &error["event"]),
        (&"end".into(), &"interrupted".into(), &"error".into())
    );
}

#[test]
fn watch_and_recover_tell_events() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("sim interrupt dev", &[]);
    let mut watch = world.start("watch dev --every 1s --progress json", &[]);
    watch.wait_for("\"event\":\"end\"");
    watch.wait_for("every node is ready");
    watch.signal("INT");
    let told = events(&watch.finish().exits(130));
    assert_eq!(last_phases(&told)[&0], "ready", "{told:#?}");
    events(&world.ok("recover --progress json", &[]));
}

#[test]
fn the_environment_may_say_it_and_quiet_wins() {
    let world = World::new();
    let run = |words: &[&str]| {
        let ended = world.command(words).env("CLOUDTOP_PROGRESS", "json").output().unwrap();
        assert_eq!(ended.status.code(), Some(0));
        String::from_utf8(ended.stderr).unwrap()
    };
    assert!(run(&["up", "dev"]).lines().all(|line| line.starts_with('{')));
    assert_eq!(run(&["up", "dev", "-q"]), "");
    let plain = world.ok("up dev --progress plain", &[]).stderr;
    assert!(plain.contains("dev: ready") && !plain.contains('{'), "{plain}");
    world.run("up dev --progress loud").exits(2).says(&["plain"]);
}

#[test]
fn the_full_price_is_told_even_to_a_program_that_wants_quiet() {
    let world = World::new();
    world.ok("sim set capacity us-east-1 * * no-spot", &[]);
    let wish = "up dev -t m5.xlarge --zone us-east-1a --no-volume --fallback on-demand --progress json";
    let told = events(&world.ok(&format!("{wish} -q"), &[]));
    assert!(told.iter().all(|it| it["event"] == "message"), "{told:#?}");
    let dear: Vec<&Value> = told.iter().filter(|it| it["level"] == "on-demand").collect();
    assert!(dear.len() == 1 && dear[0]["text"].as_str().unwrap().contains("no spot saving"), "{told:#?}");
}

#[test]
fn a_hundred_nodes_are_told_in_few_lines() {
    let world = World::new();
    let up = world.ok("up big -n 100 --template ./plain", &[]).stderr;
    assert!(up.contains("big: 100 ready") && up.lines().count() < 30, "{} lines: {up}", up.lines().count());
    assert!(!up.contains("big/7"), "{up}");
}

#[test]
fn nothing_of_a_terminal_is_in_a_pipe() {
    let world = World::new();
    let mut told = world.command(&["up", "dev", "--color", "never"]);
    for (name, value) in [("TERM", "xterm-ghostty"), ("TERM_PROGRAM", "ghostty"), ("WT_SESSION", "1")] {
        told.env(name, value);
    }
    let ended = told.env("CLOUDTOP_TITLE", "always").env("CLOUDTOP_TASKBAR", "always").output().unwrap();
    assert!(ended.status.success() && !ended.stderr.contains(&0x1b) && !ended.stdout.contains(&0x1b));
}
