//! The guided `init`, where nobody is asked: by flags, or by taking what is proposed. tests/outside/test_terminal.py answers
//! its questions in a terminal.

use std::fs;

use super::world::World;

fn file(world: &World) -> String {
    fs::read_to_string(world.cwd().join("cloudtop.toml")).unwrap_or_default()
}

#[test]
fn without_a_terminal_it_takes_what_is_proposed_when_told_to_and_else_names_the_flag() {
    let world = World::new();
    world.run("init").exits(2).says(&["Name of the environment", "add NAME", "--yes (-y)"]);
    world.run("init dev").exits(2).says(&["Region (type to search)", "add -r REGION"]);
    world.run("init dev -r us-east-1").exits(2).says(&["What it is for", "add --template NAME"]);
    let all = "-r us-east-1 --template cloudtop";
    world.run(&format!("init dev {all}")).exits(2).says(&["Size of the machine", "--cpus N --memory GIB"]);
    assert_eq!(file(&world), "", "nothing is written before all is answered");
    let said = world.ok("init dev -y", &[]);
    for words in ["Next: `cloudtop up dev`", "8 hours on 22 days", "a month", "m5a.xlarge in us-east-1a now, $0.0"] {
        assert!(said.stdout.contains(words), "{words} in {said:?}");
    }
    let wanted = "region = \"us-east-1\"\n\n[env.dev]\ncpus = 4\nmemory = 16\nvolume = 50\nidle = \"45m\"\n\n\
                  [env.dev.budget]\nmonthly = 15\n";
    assert_eq!(file(&world), wanted);
    assert_eq!(world.account().live("instances").len(), 0, "nothing is made");
}

#[test]
fn what_was_answered_is_what_up_makes_and_may_be_answered_again() {
    let world = World::new();
    world.ok("init dev -y -r us-west-2 --cpus 2 --memory 8 --volume 10 --idle 1h --budget 0", &[]);
    assert!(!file(&world).contains("budget"), "{}", file(&world));
    world.ok("up dev -q", &[]);
    let status = world.json("status dev");
    assert_eq!((status["region"].as_str(), status["volumes"][0]["size_gib"].as_u64()), (Some("us-west-2"), Some(10)));
    let text = file(&world).replace("cpus = 2", "cpus = 2 # small") + "\n[tags]\nteam = \"x\"\n";
    fs::write(world.cwd().join("cloudtop.toml"), text).unwrap();
    world.ok("init -y --memory 16 --budget 40", &[]);
    let after = file(&world);
    for line in ["cpus = 2 # small", "memory = 16", "monthly = 40", "team = \"x\"", "idle = \"1h\""] {
        assert!(after.contains(line), "{line} in {after}");
    }
    world.ok("init dev -y --idle 0m", &[]);
    assert!(file(&world).contains("idle = \"0m\""), "{}", file(&world));
    for line in ["memory = 16", "monthly = 40", "cpus = 2 # small", "volume = 10"] {
        assert!(file(&world).contains(line), "what the file says is proposed: {line} in {}", file(&world));
    }
    world.ok("plan dev -q", &[]);
    let after = file(&world);
    let again = world.ok("init dev -y --memory 16 --budget 40", &[]);
    assert!(again.stdout.contains("says all that already"), "{again:?}");
    assert_eq!(file(&world), after);
    world.ok("init dev -y --budget 0", &[]);
    assert!(!file(&world).contains("budget") && file(&world).contains("memory = 16"), "{}", file(&world));
}

#[test]
fn what_is_there_already_is_offered_and_not_ignored() {
    let world = World::new();
    world.ok("up old -q --volume 20", &[]);
    world.ok("down old -q -y", &[]);
    let kept = world.ok("init old -y", &[]);
    kept.says(&["of 20 GiB in us-east-1", "is kept from an earlier old: `up` takes it again"]);
    assert!(!file(&world).contains("volume ="), "{}", file(&world));
    world.ok("up lost -q", &[]);
    fs::remove_file(world.state_file()).unwrap();
    world.ok("init dev -y", &[]).says(&["us-east-1 has an environment lost", "`cloudtop recover lost"]);
}

#[test]
fn a_file_that_is_broken_is_told_with_its_line_and_left_alone() {
    let world = World::new();
    fs::write(world.cwd().join("cloudtop.toml"), "region = \"us-east-1\"\n[env.dev\n").unwrap();
    world.run("init dev -y").exits(2).says(&["line 2"]);
    assert_eq!(file(&world), "region = \"us-east-1\"\n[env.dev\n");
    fs::remove_file(world.cwd().join("cloudtop.toml")).unwrap();
    let other = world.ok("init dev -y --config other.toml", &[]);
    assert!(other.stdout.contains("other.toml is written"), "{other:?}");
    assert!(world.cwd().join("other.toml").exists() && file(&world).is_empty());
    world.run("init dev -y -r us-nowhere-9").exits(2).says(&["us-nowhere-9"]);
    world.run("init dev -y --budget lots").exits(2).says(&["use an amount"]);
}
