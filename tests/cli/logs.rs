//! What nodes say: `logs`, `status` that asks them, `awake`, and what came of the user's tools.

use crate::world::World;

#[test]
fn status_tells_what_a_node_says_of_itself() {
    let world = World::new();
    world.ok("up dev --idle 45m", &["--set", "repositories=https://git.example/a,https://down.invalid/b"]);
    let status = world.json("status dev");
    let said = &status["nodes"][0]["said"];
    assert_eq!(said["volume"], "the volume is mounted at /home/ubuntu/persistent");
    assert_eq!(said["idle"], "in use: it has just started");
    assert_eq!((&said["tools"]["state"], &said["tools"]["ok"]), (&"done".into(), &1.into()));
    let failed = said["tools"]["failed"][0].as_str().unwrap();
    assert!(failed.starts_with("repository https://down.invalid/b: "), "{failed}");

    let text = world.ok("status dev", &[]).stdout;
    for line in [
        "\nnode 0 says:\n",
        "\n  idle   in use: it has just started\n",
        "\n  tools  1 done; failed: repository https://down.invalid/b: Could not resolve host: down.invalid",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    let unasked = world.json("status dev --no-ask");
    assert_eq!((&unasked["nodes"][0]["said"], &unasked["nodes"][0]["unanswered"]), (&().into(), &().into()));
}

#[test]
fn up_tells_of_a_tool_that_failed_and_is_done_all_the_same() {
    let world = World::new();
    let up = world.ok("up dev", &["--set", "dotfiles=https://down.invalid/dots", "--json"]);
    let up = up.says(&["a tool failed: dotfiles https://down.invalid/dots", "cloudtop logs dev --of tools"]).json();
    assert_eq!(up["phase"], "ready");
    assert!(up["notes"][0].as_str().unwrap().contains("a tool failed"), "{up:#}");
}

#[test]
fn a_node_that_is_about_to_be_taken_away_says_so() {
    let world = World::new();
    world.ok("up dev", &[]);
    world.ok("sim set setting speed 1", &[]);
    world.ok("sim interrupt dev --notice 10m", &[]);
    let said = &world.json("status dev")["nodes"][0]["said"];
    let notice = said["interruption"].as_str().unwrap();
    assert!(notice.starts_with("EC2 takes this instance away at ") && notice.ends_with("(stop)"), "{notice}");
}

#[test]
fn a_node_that_does_not_answer_is_told_and_no_error() {
    let world = World::new();
    // It runs at once, and its ssh server comes up only later.
    world.ok("sim set setting boot 10h", &[]);
    world.ok("up dev --wait running", &[]);
    let status = world.json("status dev");
    let why = status["nodes"][0]["unanswered"].as_str().unwrap();
    assert!(why.contains("does not answer ssh"), "{why}");
    let text = world.ok("status dev", &[]).stdout;
    assert!(text.contains("\nnode 0 does not answer: "), "{text}");
}

#[test]
fn logs_are_the_journal_of_the_boot_and_of_the_templates_units() {
    let world = World::new();
    world.ok("up core -n 2", &[]);
    let all = world.ok("logs core/1", &[]).stdout;
    for words in ["cloudtop-ephemeral[1]: ", "cloudtop-volume[1]: the volume is mounted", "cloud-final[1]: Cloud-init"]
    {
        assert!(all.contains(words), "no {words:?} in {all}");
    }
    let volume = world.ok("logs core --of volume", &[]).stdout;
    assert!(volume.lines().all(|line| line.contains(" cloudtop-volume[1]: ")) && !volume.is_empty(), "{volume}");
    assert_eq!(world.ok("logs core -n 1", &[]).stdout.lines().count(), 1);
    world.run("logs core/2").exits(3).says(&["has no node 2"]);
    world.run("logs nosuch").exits(3);
    world.run("logs core --of kernel").exits(2);
    assert_eq!(world.ok("logs core --of cluster", &[]).stdout, "", "it is no cluster of anything");
    world.ok("stop core", &["-y"]);
    world.run("logs core").exits(1).says(&["does not run", "cloudtop start core"]);
}

#[test]
fn logs_are_the_consoles_while_ssh_does_not_answer() {
    let world = World::new();
    world.ok("sim set setting boot 10h", &[]);
    world.ok("up dev --wait running", &[]);
    let logs = world.ok("logs dev", &[]).says(&["ssh does not answer", "the console"]);
    assert!(logs.stdout.contains("Linux version"), "{logs:#?}");
    let calls = world.account().calls("GetConsoleOutput");
    assert_eq!(calls, 1);
}

#[test]
fn a_node_that_stops_itself_can_be_kept_awake() {
    let world = World::new();
    world.ok("up dev", &[]);
    world.run("awake dev 4h").exits(2).says(&["no --idle"]);
    world.ok("up other --idle 45m", &[]);
    world.ok("awake other 90m", &[]).says(&["other stays up for 1h 30m"]);
    world.ok("awake other off", &[]).says(&["stops again"]);
    world.run("awake other soon").exits(2);
    world.run("awake other 5s").exits(2);
}

#[test]
fn a_script_of_the_users_is_found_beside_where_it_was_named() {
    let world = World::new();
    world.write("conf/cloudtop.toml", "[env.dev.set]\nsetup = \"boot/setup.sh\"\n");
    world.run("up dev --config conf/cloudtop.toml").exits(2).says(&["conf/boot/setup.sh", "`setup`"]);
    world.assert_nothing_was_made();
    world.write("conf/boot/setup.sh", "#!/bin/sh\necho from the file\n");
    world.ok("up dev --config conf/cloudtop.toml", &[]);
    // What was named once is meant wherever the next `up` is typed.
    world.ok("up dev", &[]);
    let tools = &world.json("status dev")["nodes"][0]["said"]["tools"];
    assert_eq!(tools["state"], "done", "the script was not sent: {tools}");
    world.write("own.sh", "#!/bin/sh\necho own\n");
    let plan = world.ok("template render cloudtop --set setup=own.sh", &[]).stdout;
    assert!(plan.contains("  - path: /etc/cloudtop/setup\n") && plan.contains("      echo own\n"), "{plan}");
    world.run("template render cloudtop --set setup=none.sh").exits(2).says(&["none.sh"]);
}
