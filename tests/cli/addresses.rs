//! Nodes that keep their private addresses.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::World;

const UP: &str = "up core -n 3 --on-interruption terminate -q --template";

fn template() -> String {
    format!("{}/tests/templates/fixed", env!("CARGO_MANIFEST_DIR"))
}

/// A field of each node.
fn of_nodes(status: &Value, field: &str) -> Vec<String> {
    let nodes = status["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node[field].as_str().unwrap_or_else(|| panic!("no {field}: {node:#}")).to_owned()).collect()
}

#[test]
fn nodes_that_are_taken_away_and_launched_anew_have_the_addresses_that_they_had() {
    let world = World::new();
    world.ok(UP, &[&template()]);
    let before = world.json("status core");
    let addresses = of_nodes(&before, "private_ip");
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(of_nodes(&before, "public_ip").iter().collect::<BTreeSet<_>>().len(), 3);

    assert_eq!(world.interrupt("core").stdout.lines().count(), 3);
    world.ok("up core", &[]);
    let after = world.json("status core");
    assert_eq!(after["phase"], "ready");
    for field in ["private_ip", "interface_id"] {
        assert_eq!(of_nodes(&after, field), of_nodes(&before, field));
    }
    assert!(of_nodes(&after, "instance_id").iter().all(|id| !of_nodes(&before, "instance_id").contains(id)));
    assert_eq!(world.account().live("network_interfaces").len(), 3);

    world.ok("down core", &[]);
    world.account().assert_empty();
}

#[test]
fn addresses_are_found_again_when_the_state_is_lost_and_go_with_the_environment() {
    let world = World::new();
    world.ok(UP, &[&template()]);
    let before = world.json("status core");
    std::fs::remove_file(world.state_file()).unwrap();
    world.ok("recover", &[]);
    assert_eq!(of_nodes(&world.json("status core"), "interface_id"), of_nodes(&before, "interface_id"));
    world.ok("down core", &[]);
    world.account().assert_empty();
}

#[test]
fn an_address_between_two_instances_is_no_leftover() {
    let world = World::new();
    world.ok(UP, &[&template()]);
    world.ok("sim set setting capacity-return 10h", &[]);
    world.interrupt("core/0");
    let waiting = world.json("status core");
    assert_eq!(waiting["nodes"][0]["private_ip"], json!(of_nodes(&waiting, "private_ip")[0]));
    let gc = world.ok("gc", &[]);
    assert!(!gc.stdout.contains("eni-"), "{gc:#?}");
}
