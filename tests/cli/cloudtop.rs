//! One machine, from nothing to nothing.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::world::{Output, World};

/// The one node of an environment.
fn node(status: &Value) -> &Value {
    assert_eq!(status["nodes"].as_array().unwrap().len(), 1, "{status:#}");
    &status["nodes"][0]
}

/// Runs what must change nothing when it is run again; gives what it said the first time.
fn twice(world: &World, words: &str) -> Output {
    let (first, second) = (world.ok(words, &[]), world.ok(words, &[]));
    assert_eq!(first.stdout, second.stdout, "{words}");
    first
}

#[test]
fn a_cloudtop_lives_its_life_with_every_command_run_twice() {
    let world = World::new();
    let first = twice(&world, "up dev");
    let status = world.json("status dev");
    let instance = node(&status)["instance_id"].as_str().unwrap().to_owned();
    let volume = status["volumes"][0]["volume_id"].clone();
    assert_eq!(first.rows()[0][2], instance);
    assert_eq!(twice(&world, "list").rows()[0][..3], ["dev", "cloudtop", "us-east-1"]);
    twice(&world, "status dev");
    assert_eq!(twice(&world, "ssh dev -- uname").stdout, "Linux\n");

    twice(&world, "stop dev");
    let stopped = world.json("status dev");
    assert_eq!(stopped["phase"], "stopped");
    assert_eq!(stopped["price_per_hour"], 0.0);
    let account = world.account();
    assert_eq!(account.live("spot_requests")[0]["state"], "disabled");
    assert_eq!(account.live("instances")[0]["state"], "stopped");

    twice(&world, "start dev");
    assert_eq!(node(&world.json("status dev"))["instance_id"], instance);

    let interrupted = world.interrupt("dev");
    assert!(interrupted.stdout.contains(&instance), "{interrupted:?}");
    world.run("sim interrupt dev").exits(3).says(&["no spot instance of `dev` runs"]);
    let seen = world.json("status dev");
    assert!(node(&seen)["waiting_for"].as_str().unwrap().contains("no spot capacity"), "{seen:#}");
    world.ok("up dev", &[]).says(&["EC2 stopped it: no spot capacity"]);
    world.ok("up dev", &[]);
    let back = world.json("status dev");
    assert_eq!((&back["phase"], &node(&back)["instance_id"]), (&json!("ready"), &json!(instance)));
    assert_eq!(world.ok("ssh dev -- uname", &[]).stdout, "Linux\n");
    world.account().assert_one_cloudtop();

    let down = world.ok("down dev", &[]);
    assert_eq!(down.stdout, "");
    for words in ["down dev", "down dev"] {
        world.ok(words, &[]).says(&[volume.as_str().unwrap(), "is kept", "$4.00 a month", "--delete-volumes"]);
    }
    let account = world.account();
    assert_eq!(account.live("volumes")[0]["id"], volume, "{account:#?}");
    assert_eq!((account.live("volumes").len(), account.live("instances").len()), (1, 0));
    assert_eq!((account.live("spot_requests").len(), account.live("security_groups").len()), (0, 0));

    world.run("down dev --delete-volumes").exits(2).says(&["--yes"]);
    assert_eq!(world.account().live("volumes").len(), 1);
    twice(&world, "down dev --delete-volumes -y");
    world.account().assert_empty();
    assert!(world.ok("sim show", &[]).stderr.contains("nothing is left"));
    assert_eq!(world.json("list")["environments"], json!([]));
}

#[test]
fn a_volume_that_was_kept_is_used_again() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let before = world.json("status dev");
    world.ok("down dev -q", &[]);
    world.ok("up dev -q", &[]);
    let after = world.json("status dev");
    assert_eq!(before["volumes"][0]["volume_id"], after["volumes"][0]["volume_id"]);
    assert_ne!(node(&before)["instance_id"], node(&after)["instance_id"]);
    assert_eq!(after["volumes"][0]["attached_to"], node(&after)["instance_id"]);
    world.account().assert_one_cloudtop();
}

#[test]
fn status_has_the_fields_that_scripts_rely_on() {
    let world = World::new();
    let up = world.json("up dev");
    let status = world.json("status dev");
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
    let has = |of: &Value, wanted: &[&str]| {
        let keys = keys(of);
        let missing: Vec<_> = wanted.iter().filter(|key| !keys.contains(&(**key).to_owned())).collect();
        assert!(missing.is_empty(), "no {missing:?} in {of:#}");
    };
    for document in [&up, &status, &world.json("list")["environments"][0]] {
        has(
            document,
            &[
                "format_version",
                "name",
                "kind",
                "region",
                "zone",
                "phase",
                "nodes",
                "volumes",
                "price_per_hour",
                "price_per_month",
            ],
        );
        has(
            node(document),
            &[
                "index",
                "phase",
                "spot_request_id",
                "spot_status",
                "instance_id",
                "instance_type",
                "zone",
                "public_ip",
                "private_ip",
                "public_dns",
                "price_per_hour",
                "waiting_for",
            ],
        );
        has(&document["volumes"][0], &["volume_id", "size_gib", "device", "state", "attached_to"]);
    }
    assert_eq!(status["format_version"], 1);
    assert_eq!((&status["name"], &status["kind"]), (&json!("dev"), &json!("cloudtop")));
    assert_eq!((&status["region"], &status["phase"]), (&json!("us-east-1"), &json!("ready")));
    let node = node(&status);
    assert_eq!((&node["index"], &node["phase"]), (&json!(0), &json!("ready")));
    assert_eq!((&node["spot_status"], &node["waiting_for"]), (&json!("fulfilled"), &Value::Null));
    assert!(node["spot_request_id"].as_str().unwrap().starts_with("sir-"), "{node:#}");
    assert!(node["public_dns"].as_str().unwrap().ends_with(".amazonaws.com"), "{node:#}");
    assert_eq!(node["zone"], status["zone"]);
    let volume = &status["volumes"][0];
    assert_eq!((&volume["size_gib"], &volume["device"]), (&json!(50), &json!("/dev/xvdj")));
    assert_eq!((&volume["state"], &volume["attached_to"]), (&json!("in-use"), &node["instance_id"]));
    let (hour, month) = (status["price_per_hour"].as_f64().unwrap(), status["price_per_month"].as_f64().unwrap());
    assert!(hour > 0.0 && (month - (hour * 730.0 + 4.0)).abs() < 0.01, "{hour} {month}");
}

#[test]
fn up_tells_the_pool_its_price_and_the_runner_up_before_it_launches() {
    // At the simulator's own speed, so that no stage falls between two looks.
    let world = World::empty();
    let up = world.ok("up dev -v", &[]);
    let place = |words: &str| up.stderr.find(words).unwrap_or_else(|| panic!("no {words:?} in {up:#?}"));
    assert!(place("an hour (") < place("launch node 0"), "{up:#?}");
    assert!(place("; next is ") < place("launch node 0"), "{up:#?}");
    for stage in ["launching: EC2 is starting i-", "running: vol-", "waiting for ssh", "dev: ready"] {
        place(stage);
    }
}

#[test]
fn a_remote_command_gives_its_output_and_its_exit_code() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    assert_eq!(world.ok("ssh dev -- uname", &[]).stdout, "Linux\n");
    for (command, code) in [("false", 1), ("exit 42", 42), ("true", 0)] {
        let ended = world.run(&format!("ssh dev -- {command}")).exits(code);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "{command}");
    }
    world.run("ssh dev/0 -- uname").exits(0);
    let rehearsal = world.ok("test-interrupt dev", &[]);
    assert!(rehearsal.stdout.contains("what would be ended before it is unmounted"), "{}", rehearsal.stdout);
    world.run("test-interrupt dev/1").exits(3);
    world.run("ssh dev/1 -- uname").exits(3).says(&["has no node 1"]);
    world.ok("stop dev -q", &[]);
    world.run("ssh dev -- uname").exits(1).says(&["does not run", "cloudtop start dev"]);
}

#[test]
fn plain_ssh_knows_the_node_once_its_file_is_included() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let ssh = |args: &[&str]| {
        let mut command = Command::new("ssh");
        world.enclose(&mut command);
        command.args(args).output().unwrap()
    };
    let config = world.ssh_config();
    let direct = ssh(&["-F", config.to_str().unwrap(), "cloudtop-dev", "uname"]);
    assert_eq!(String::from_utf8_lossy(&direct.stdout), "Linux\n", "{direct:?}");

    // ssh takes the home directory from the password file and not from HOME, so the user's file is named.
    let users = world.home().join(".ssh/config");
    fs::create_dir(world.home().join(".ssh")).unwrap();
    fs::write(&users, "Host other\n    User me\n").unwrap();
    world.ok("ssh --setup", &[]).says(&["now includes"]);
    let once = fs::read_to_string(&users).unwrap();
    assert!(once.ends_with("Host other\n    User me\n"), "{once}");
    assert_eq!(once.matches("Include").count(), 1, "{once}");
    let included = ssh(&["-F", users.to_str().unwrap(), "cloudtop-dev", "uname"]);
    assert_eq!(String::from_utf8_lossy(&included.stdout), "Linux\n", "{included:?}");

    world.ok("ssh --setup", &[]).says(&["already includes"]);
    assert_eq!(fs::read_to_string(&users).unwrap(), once);
}

#[test]
fn up_leaves_the_users_ssh_configuration_alone() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("up two -q -y", &[]);
    assert!(!world.home().join(".ssh").exists());
}

#[test]
fn an_instance_that_was_terminated_is_replaced_and_gets_the_same_volume() {
    let world = World::new();
    world.ok("up t --on-interruption terminate -q", &[]);
    let mut seen = vec![world.json("status t")];
    for round in 0..2 {
        world.interrupt("t");
        let before = seen.last().unwrap();
        let gone = node(before)["instance_id"].as_str().unwrap();
        let up = world.ok("up t", &[]).says(&["EC2 ended it: no spot capacity", "takes its place"]);
        assert!(round > 0 || up.stderr.contains(&format!("{gone} is gone")), "{up:#?}");
        let after = world.json("status t");
        assert!(seen.iter().all(|before| node(before)["instance_id"] != node(&after)["instance_id"]), "{after:#}");
        assert_eq!(after["volumes"][0]["volume_id"], before["volumes"][0]["volume_id"]);
        assert_eq!(after["volumes"][0]["attached_to"], node(&after)["instance_id"]);
        assert_eq!(world.ok("ssh t -- uname", &[]).stdout, "Linux\n");
        world.account().assert_one_cloudtop();
        seen.push(after);
    }
}
