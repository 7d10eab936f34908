//! What was spent, from the terminal. Whole lives, with hours in them, are in `tests/cost.rs`.

use super::world::World;

#[test]
fn what_an_environment_costs_is_told_by_kind_and_all_of_them_by_name() {
    let world = World::new();
    world.ok("up dev -q -t m5.large --zone us-east-1a", &[]);
    world.ok("up job -q -t m5.large --zone us-east-1a --no-volume", &[]);
    let all = world.ok("cost", &[]);
    let names: Vec<&str> = all.rows().iter().take(2).map(|row| row[0]).collect();
    assert!(names.contains(&"dev") && names.contains(&"job"), "{all:?}");
    all.says(&["data transfer, taxes and free tiers are left out"]);
    let dev = world.ok("cost dev", &[]);
    let kinds: Vec<&str> = dev.rows().iter().take(3).map(|row| row[0]).collect();
    assert!(kinds.contains(&"instance") && kinds.contains(&"disk") && kinds.contains(&"address"), "{dev:?}");
    for words in ["spent since 20", "saved against on-demand", "now: $0.", "this month: "] {
        assert!(dev.stdout.contains(words), "no {words:?} in {}", dev.stdout);
    }
    // A minute at the price of the pool is the least.
    let bill = world.json("cost dev");
    let price = world.json("status dev --no-ask")["nodes"][0]["price_per_hour"].as_f64().unwrap();
    let instance = bill["groups"].as_array().unwrap().iter().find(|it| it["key"] == "instance").unwrap();
    assert!((instance["total"].as_f64().unwrap() - price / 60.0).abs() < price / 60.0, "{bill}");
    assert!(bill["price_per_hour"].as_f64().unwrap() > price, "disk and address are in it: {bill}");
}

#[test]
fn a_bill_is_put_together_by_node_and_by_tag_and_written_for_other_programs() {
    let world = World::new();
    world.write("cloudtop.toml", "[tags]\nteam = \"web, core\"\n");
    world.ok("up job -q -n 2 -t m5.large --zone us-east-1a --template ./plain", &[]);
    let csv = world.ok("cost --by node --csv", &[]).stdout;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("node,instance_hours,instances,disks,snapshots,addresses,total,saved"));
    let nodes: Vec<&str> = lines.map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(nodes, ["job/0", "job/1"]);
    let tag = world.json("cost --by tag=team");
    assert_eq!((&tag["by"], &tag["groups"][0]["key"]), (&"tag=team".into(), &"web, core".into()));
    assert!(world.ok("cost --by tag=team --csv", &[]).stdout.contains("\n\"web, core\","));
    assert!(world.ok("cost --by tag=other", &[]).stdout.contains("(none)"));
}

#[test]
fn nothing_was_spent_where_nothing_was_run_and_what_is_not_there_has_no_bill() {
    let world = World::new();
    let empty = world.ok("cost --all", &[]).stdout;
    assert!(empty.starts_with("spent in all: $0.00\n"), "{empty}");
    world.run("cost dev").exits(3).says(&["there is no environment `dev`"]);
    world.run("cost --by week").exits(2).says(&["use env, day, kind, node or tag=KEY"]);
    world.run("cost --since yesterday").exits(2);
    world.run("cost --days 3 --all").exits(2);
}
