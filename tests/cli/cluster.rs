//! Several nodes, alike and thrown away.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::World;

/// Instance ids by index.
fn instances(status: &Value) -> Vec<String> {
    let nodes = status["nodes"].as_array().unwrap().iter();
    nodes.filter(|node| node["phase"] != "gone").map(|node| node["instance_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_cluster_lives_its_life_with_every_command_run_twice() {
    let world = World::new();
    let up = world.ok("up core -n 3 --template ./plain -r us-west-1", &[]);
    assert_eq!(world.ok("up core -n 3 --template ./plain -r us-west-1", &[]).stdout, up.stdout);
    let rows = up.rows();
    assert_eq!(rows.len(), 3, "{up:#?}");
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row[0], index.to_string(), "{up:#?}");
        assert!(row[1].starts_with("sir-") && row[2].starts_with("i-"), "{up:#?}");
        assert!(row[3].parse::<std::net::Ipv4Addr>().is_ok(), "{up:#?}");
        assert!(row[4].starts_with("ec2-") && row[4].ends_with(".us-west-1.compute.amazonaws.com"), "{up:#?}");
    }
    for column in 1..5 {
        let distinct: BTreeSet<&str> = rows.iter().map(|row| row[column]).collect();
        assert_eq!(distinct.len(), 3, "column {column}: {up:#?}");
    }
    let account = world.account();
    assert_eq!((account.calls("RunInstances"), account.live("spot_requests").len()), (1, 3));
    let before = world.json("status core");
    assert_eq!((&before["kind"], &before["phase"]), (&json!("cluster"), &json!("ready")));
    for index in 0..3 {
        assert_eq!(world.ok(&format!("ssh core/{index} -- uname"), &[]).stdout, "Linux\n");
    }

    for words in ["stop core", "stop core"] {
        world.ok(words, &[]);
        assert_eq!(world.json("status core")["phase"], "stopped");
    }
    for words in ["start core", "start core"] {
        world.ok(words, &[]);
        let status = world.json("status core");
        assert_eq!((&status["phase"], instances(&status)), (&json!("ready"), instances(&before)));
    }
    assert_eq!(world.interrupt("core").stdout.lines().count(), 3);
    world.ok("up core", &[]).says(&["EC2 stopped it"]);
    world.ok("up core", &[]);
    let back = world.json("status core");
    assert_eq!((&back["phase"], instances(&back)), (&json!("ready"), instances(&before)));
    assert_eq!(
        world.ok("list", &[]).rows()[0][..5],
        ["core", "cluster", "us-west-1", back["zone"].as_str().unwrap(), "3/3"]
    );

    for words in ["down core", "down core"] {
        world.ok(words, &[]);
    }
    world.assert_nothing_was_made();
    world.ok("down core --delete-volumes -y", &[]);
}

#[test]
fn one_interrupted_node_comes_back_and_the_others_are_left_alone() {
    let world = World::new();
    world.ok("up core -n 3 --template ./plain -q", &[]);
    let before = world.json("status core");
    assert_eq!(world.interrupt("core/1").stdout.lines().count(), 1);
    let status = world.json("status core");
    let phases: Vec<&Value> = status["nodes"].as_array().unwrap().iter().map(|node| &node["phase"]).collect();
    assert_eq!(phases, ["ready", "interrupted", "ready"]);
    world.ok("up core", &[]).says(&["node 1: EC2 stopped it"]);
    assert_eq!(instances(&world.json("status core")), instances(&before));
}

#[test]
fn scaling_makes_and_ends_exactly_the_difference() {
    let world = World::new();
    world.ok("up core -n 3 --template ./plain -q", &[]);
    let three = instances(&world.json("status core"));

    world.ok("up core -n 5", &[]);
    let five = instances(&world.json("status core"));
    assert_eq!((five.len(), &five[..3]), (5, &three[..]));

    world.run("up core -n 2").exits(2).says(&["nodes 2 to 4", "--yes"]);
    world.run("up core -n 2 --no-input").exits(2);
    assert_eq!(instances(&world.json("status core")), five);
    assert_eq!(world.account().live("instances").len(), 5);

    world.ok("up core -n 2 -y", &[]);
    let two = instances(&world.json("status core"));
    assert_eq!(two, five[..2]);
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.live("spot_requests").len()), (2, 2), "{account:#?}");
    world.ok("up core", &[]);
    assert_eq!(instances(&world.json("status core")), two);
}

#[test]
fn spreading_uses_several_zones_and_without_it_all_nodes_are_in_one() {
    let world = World::new();
    let zones = |name: &str| -> BTreeSet<String> {
        let status = world.json(&format!("status {name}"));
        status["nodes"].as_array().unwrap().iter().map(|node| node["zone"].as_str().unwrap().to_owned()).collect()
    };
    world.ok("up wide -n 4 --template ./plain --spread -q", &[]);
    world.ok("up near -n 4 --template ./plain -q", &[]);
    assert!(zones("wide").len() >= 3, "{:?}", zones("wide"));
    assert_eq!(zones("near").len(), 1);
}

#[test]
fn one_time_nodes_cannot_be_stopped_and_do_not_come_back_by_themselves() {
    let world = World::new();
    world.ok("up job -n 2 --template ./plain --one-time -q", &[]);
    assert!(world.account().live("spot_requests").iter().all(|it| it["persistent"] == false));
    world.run("stop job").exits(2).says(&["--one-time", "cloudtop down job"]);
    assert_eq!(world.json("status job")["phase"], "ready");
    world.run("up other --one-time --on-interruption stop").exits(2).says(&["--one-time"]);
    world.ok("down job -q", &[]);
    world.assert_nothing_was_made();
}

#[test]
fn the_number_of_describes_does_not_grow_with_the_number_of_nodes() {
    let describes = |nodes: u32| {
        let world = World::new();
        let up = world.ok(&format!("up big -n {nodes} --template ./plain -v"), &[]);
        assert_eq!(up.rows().len(), usize::try_from(nodes).unwrap());
        let calls = up.stderr.lines().find_map(|line| line.strip_prefix("calls: ")).unwrap().to_owned();
        let count = |call: &str| call.rsplit_once(' ').unwrap().1.parse::<u32>().unwrap();
        let describes: u32 = calls.split(", ").filter(|call| call.starts_with("Describe")).map(count).sum();
        (describes, calls)
    };
    let ((few, few_calls), (many, many_calls)) = (describes(5), describes(50));
    // The larger one takes some looks more, for its nodes answer ssh over a longer time; one call a node would be 45.
    assert!(many <= few + 25, "5 nodes: {few_calls}\n50 nodes: {many_calls}");
}
