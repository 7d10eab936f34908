//! What `watch` does beside bringing nodes back: snapshots by schedule, notices on the desktop, times in its log.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::world::{Running, World, eventually};

/// Puts a program before those of the system; it writes down its arguments, one a line.
fn fake(world: &World, name: &str) {
    let directory = world.home().join("bin");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> {}/shown\n", world.home().display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn shown(world: &World) -> String {
    fs::read_to_string(world.home().join("shown")).unwrap_or_default()
}

/// A watch where the programs above are found, with a session's bus or without.
fn watch(world: &World, words: &[&str], bus: bool) -> Running {
    let mut command: Command = world.command(&[&["watch", "dev", "--every", "1s"], words].concat());
    command.env("PATH", format!("{}:{}", world.home().join("bin").display(), std::env::var("PATH").unwrap()));
    if bus {
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    }
    Running::new(command, "watch dev".to_owned())
}

#[test]
fn a_snapshot_that_is_due_is_made_while_the_node_holds_its_writes() {
    let world = World::new();
    world.ok("up dev --volume 20 -q", &[]);
    world.write("cloudtop.toml", "[snapshots]\nevery = \"1d\"\nkeep = 2\n");
    let mut running = watch(&world, &[], false);
    running.wait_for("snapshots of dev: every 1d, 2 of each volume are kept, at most $2.00 a month");
    running.wait_for("the file system of node 0 of dev was frozen for that moment");
    running.wait_for("dev/0: EC2 writes snap-");
    running.kill();
    world.ok("volume snapshots dev", &[]).answers(&["scheduled", "cloudtop/dev/0: scheduled"]);
    // Another watch sees what the killed one has made.
    let looks = world.account().calls("DescribeSnapshots");
    let running = watch(&world, &[], false);
    eventually("more looks", || (world.account().calls("DescribeSnapshots") > looks).then_some(()));
    running.signal("TERM");
    running.finish().exits(143);
    assert_eq!(world.json("volume snapshots dev")["snapshots"].as_array().unwrap().len(), 1);
}

#[test]
fn an_environment_without_a_volume_of_its_own_has_nothing_to_make_snapshots_of() {
    let world = World::new();
    world.ok("up dev --no-volume --template ./plain -q", &[]);
    world.write("cloudtop.toml", "[snapshots]\nevery = \"1d\"\n");
    let mut running = watch(&world, &[], false);
    running.wait_for("dev has no persistent volume of cloudtop's own yet");
    running.signal("TERM");
    running.finish().exits(143);
}

#[test]
fn an_interruption_and_the_return_are_shown_on_the_desktop() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    fake(&world, "notify-send");
    world.interrupt("dev");
    let mut running = watch(&world, &["--desktop"], true);
    running.wait_for("every node is ready");
    eventually("the notice", || shown(&world).contains("ready again").then_some(()));
    running.signal("TERM");
    running.finish();
    let shown = shown(&world);
    let words: Vec<&str> = shown.lines().collect();
    assert_eq!(words[..5], ["--app-name=cloudtop", "--urgency", "critical", "--", "cloudtop: dev"], "{shown}");
    assert!(words[5].starts_with("node 0 of dev: EC2 stopped it"), "{shown}");
    assert_eq!(words[8], "normal", "{shown}");
}

#[test]
fn a_desktop_that_is_not_there_is_said_once_and_nothing_else_suffers() {
    for (bus, why) in [(true, "`notify-send` cannot be run"), (false, "no session bus")] {
        let world = World::new();
        world.ok("up dev -q", &[]);
        world.write(
            "cloudtop.toml",
            "[notify]\ndesktop = true\ncommand = [\"sh\", \"-c\", \"echo $CLOUDTOP_EVENT >> told\"]\n",
        );
        world.interrupt("dev");
        let mut running = watch(&world, &["--times"], bus);
        running.wait_for("every node is ready");
        let told = world.cwd().join("told");
        eventually("being told", || {
            (fs::read_to_string(&told).unwrap_or_default() == "interrupted\nback\n").then_some(())
        });
        running.signal("TERM");
        let ended = running.finish();
        assert_eq!(ended.stderr.matches("notices are not shown on the desktop").count(), 1, "{ended:#?}");
        assert!(ended.stderr.contains(why), "{ended:#?}");
        let stamped = |line: &&str| line.len() > 21 && line[..20].parse::<jiff::Timestamp>().is_ok();
        assert!(ended.stderr.lines().all(|line| stamped(&line)), "a line has no time: {ended:#?}");
    }
}

#[test]
fn what_a_command_has_started_ends_with_it_when_it_takes_too_long() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.write("cloudtop.toml", "[notify]\ncommand = [\"sh\", \"-c\", \"sleep 1000 & echo $! > child; wait\"]\n");
    world.interrupt("dev");
    let mut running = watch(&world, &[], false);
    running.wait_for("had not ended after 10 seconds and was killed");
    let child = fs::read_to_string(world.cwd().join("child")).unwrap();
    let stat = format!("/proc/{}/stat", child.trim());
    // It is gone, or nobody's business but its new parent's.
    eventually("its end", || fs::read_to_string(&stat).map_or(Some(()), |text| text.contains(") Z ").then_some(())));
    running.kill();
}
