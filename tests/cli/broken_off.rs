//! Runs that end in the middle, and what the next one makes of it.

use super::world::World;

/// Kills `up` after as many lines as given, and runs it again.
fn kill_after(lines: std::ops::RangeInclusive<u32>) {
    for count in lines {
        let world = World::new();
        let mut up = world.start("up dev -v", &[]);
        for _ in 0..count {
            up.next_line();
        }
        assert!(up.kill(), "it ended by itself within {count} lines");
        world.ok("up dev -q", &[]);
        world.account().assert_one_cloudtop();
        let status = world.json("status dev");
        assert_eq!(status["phase"], "ready", "killed after {count} lines: {status:#}");
        assert_eq!(status["volumes"][0]["attached_to"], status["nodes"][0]["instance_id"]);
    }
}

#[test]
fn killed_while_it_chooses_it_makes_everything_once() {
    kill_after(1..=2);
}

#[test]
fn killed_while_it_makes_the_key_and_the_group_it_makes_everything_once() {
    kill_after(4..=6);
}

#[test]
fn killed_around_the_launch_it_launches_once() {
    kill_after(8..=10);
}

#[test]
fn killed_while_it_attaches_the_volume_it_makes_everything_once() {
    kill_after(11..=12);
}

#[test]
fn a_cluster_killed_around_its_launch_has_each_node_once() {
    for lines in [8, 11] {
        let world = World::new();
        let mut up = world.start("up core -n 3 --template ./plain -v", &[]);
        for _ in 0..lines {
            up.next_line();
        }
        assert!(up.kill(), "it ended by itself within {lines} lines");
        world.ok("up core -q", &[]);
        let account = world.account();
        assert_eq!((account.live("instances").len(), account.live("spot_requests").len()), (3, 3), "{account:#?}");
        assert_eq!((account.live("security_groups").len(), account.live("key_pairs").len()), (1, 1), "{account:#?}");
    }
}

#[test]
fn down_ends_what_a_killed_up_has_left() {
    for said in ["create security group", "launching: EC2 is starting"] {
        let world = World::new();
        world.ok("sim set setting pending 20s", &[]);
        let mut up = world.start("up dev -v", &[]);
        up.wait_for(said);
        assert!(up.kill());
        world.ok("down dev --delete-volumes -y", &[]);
        world.assert_nothing_was_made();
    }
}

#[test]
fn down_after_a_launch_without_answer_ends_all_or_says_what_it_waits_for() {
    let world = World::new();
    let mut up = world.start("up dev -v", &[]);
    up.wait_for("launch node 0");
    assert!(up.kill());
    // Whether the launch was sent is a matter of a moment. If nothing shows it, EC2 may only be behind.
    let down = world.run("down dev --delete-volumes -y --timeout 1s");
    match down.code {
        0 => world.assert_nothing_was_made(),
        _ => drop(down.exits(4).says(&["the answer to `launch node 0", "was lost", "go on with `cloudtop down dev"])),
    }
    assert!(world.account().live("instances").is_empty());
}

#[test]
fn a_killed_down_is_finished_by_the_next() {
    for lines in [1, 3] {
        let world = World::new();
        world.ok("up dev -q", &[]);
        let mut down = world.start("down dev --delete-volumes -y -v", &[]);
        for _ in 0..lines {
            down.next_line();
        }
        down.kill();
        world.ok("down dev --delete-volumes -y", &[]);
        world.assert_nothing_was_made();
    }
}

#[test]
fn a_signal_ends_the_work_and_tells_what_exists_and_what_can_be_done() {
    for (signal, code, word) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        let world = World::new();
        world.ok("sim set setting pending 60s", &[]);
        let mut up = world.start("up dev", &[]);
        up.wait_for("launching: EC2 is starting");
        up.signal(signal);
        let ended = up.finish().exits(code);
        assert_eq!(ended.stdout, "");
        let ended = ended.says(&[word, "dev now has 1 instance (i-", "cloudtop up dev", "cloudtop down dev"]);
        let instance = world.json("status dev")["nodes"][0]["instance_id"].clone();
        assert!(ended.stderr.contains(instance.as_str().unwrap()), "{ended:#?}");
        world.ok("up dev -q", &[]);
        world.account().assert_one_cloudtop();
        assert_eq!(world.json("status dev")["nodes"][0]["instance_id"], instance);
    }
}
