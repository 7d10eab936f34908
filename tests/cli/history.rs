//! The journal, read like a log.

use std::io::Write;

use serde_json::Value;

use super::world::World;

fn journal(world: &World, name: &str) -> std::path::PathBuf {
    world.state_file().with_file_name(format!("state.json.d/journal/{name}.jsonl"))
}

fn events<'a>(run: &'a Value, kind: &str) -> Vec<&'a Value> {
    run["events"].as_array().unwrap().iter().filter(|it| it["kind"] == kind).collect()
}

#[test]
fn what_was_run_is_told_with_what_it_made_and_how_it_ended() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let instance = world.json("status dev")["nodes"][0]["instance_id"].as_str().unwrap().to_owned();
    world.ok("stop dev -q", &[]);
    let text = world.ok("history dev", &[]).stdout;
    assert!(text.starts_with("dev: 2 runs\n"), "{text}");
    for words in [
        "  up dev  -> done after",
        "launch node 0 as",
        &format!("-> {instance}, sir-"),
        "node 0 ready",
        "  stop dev  -> done",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert!(!text.contains("is cheapest"), "reasons only when asked for: {text}");
    assert!(world.ok("history dev -v", &[]).stdout.contains("for interruptions"));

    let json = world.json("history dev");
    let runs = json["environments"][0]["runs"].as_array().unwrap();
    let launch = events(&runs[0], "done").into_iter().find(|it| it["action"] == "RunInstances").unwrap();
    assert_eq!(launch["made"][0], instance.as_str());
    assert_eq!((&runs[1]["command"], &runs[1]["outcome"]), (&"stop dev".into(), &"done".into()));
    assert_eq!(json["environments"][0]["runs_on"], false, "it was stopped");
    assert!(json["environments"][0]["cost_estimate"].as_f64().unwrap() > 0.0);
    assert_eq!(json["environments"][0]["unpriced_hours"], 0.0);
}

#[test]
fn what_is_gone_is_remembered_and_the_last_runs_can_be_asked_for() {
    let world = World::new();
    world.ok("up job --no-volume -q", &[]);
    world.ok("down job -q", &[]);
    world.assert_nothing_was_made();
    let all = world.ok("history", &[]).stdout;
    assert!(all.contains("nothing but volumes was left"), "{all}");
    let last = world.json("history job -n 1")["environments"][0].clone();
    assert_eq!((last["runs"].as_array().unwrap().len(), &last["runs_left_out"]), (1, &1.into()));
    assert_eq!(last["runs"][0]["command"], "down job");
    assert_eq!(world.ok("history --since 1d", &[]).stdout, all);
    world.run("history --since soon").exits(2);
    world.run("history other").exits(3).says(&["there is no environment `other`"]);
}

#[test]
fn a_refusal_is_told_with_its_code_and_a_killed_run_by_its_want_of_an_end() {
    let world = World::new();
    world.ok("sim set setting denied CreateVolume", &[]);
    world.run("up dev -q").exits(6);
    world.ok("sim set setting denied", &[""]);
    let refused = world.ok("history dev", &[]).stdout;
    assert!(refused.contains("refused: create a") && refused.contains("(UnauthorizedOperation)"), "{refused}");

    let whole = std::fs::read_to_string(journal(&world, "dev")).unwrap();
    let intended = whole.lines().position(|line| line.contains("\"intended\"")).unwrap();
    let killed: Vec<&str> = whole.lines().take(intended + 1).collect();
    std::fs::write(journal(&world, "dev"), format!("{}\n{{\"at\":\"2026", killed.join("\n"))).unwrap();
    let text = world.ok("history dev", &[]).stdout;
    assert!(text.contains("no end was written down") && text.contains("no answer: "), "{text}");
}

#[test]
fn a_journal_that_is_not_understood_is_an_error_that_names_the_line() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let mut file = std::fs::OpenOptions::new().append(true).open(journal(&world, "dev")).unwrap();
    writeln!(file, "{{\"at\":\"2026-11-01T00:00:00Z\",\"event\":\"unheard-of\"}}").unwrap();
    world.run("history dev").exits(7).says(&["unheard-of"]);
}
