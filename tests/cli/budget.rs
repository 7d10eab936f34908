//! Budgets, what things cost and have cost, and the user's own command that is told.

use std::fs;

use super::world::{World, eventually};

/// Any instance has spent this within a second.
const TINY: &str = "monthly = 0.000001";

/// A world in which `dev` runs, and a budget of all environments that is spent.
fn spent(action: &str) -> World {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.write("cloudtop.toml", format!("[budget]\n{TINY}\naction = \"{action}\"\n"));
    world
}

/// Has a command of the user's own write down what it is told: the event, the environment, and what is on its input.
fn told_by(world: &World, more: &str) {
    let command = r#"["sh", "-c", "echo $CLOUDTOP_EVENT $CLOUDTOP_ENV: $(cat) >> told; test \"$CLOUDTOP_MESSAGE\""]"#;
    world.write("cloudtop.toml", format!("{more}\n[notify]\ncommand = {command}\n"));
}

fn told(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.cwd().join("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// How often EC2 was asked for instances. The first time in a `watch` with budgets is for them.
fn looks(world: &World) -> u64 {
    world.account().calls("DescribeInstances")
}

#[test]
fn starting_says_the_price_now_and_every_end_what_it_came_to() {
    let world = World::new();
    world.ok("up dev", &[]).says(&["an hour now; so far this month $"]);
    world.ok("stop dev", &[]).says(&["its disks cost about $5.", "dev came to $", "this month"]);
    world.ok("start dev", &[]).says(&["dev: m", ", to be started, costs $", "an hour now ($", "so far this month $"]);
    world.ok("stop dev -q", &[]);
    world.ok("up dev", &[]).says(&[", to be started, costs $"]);
    world.ok("down dev", &[]).says(&["dev came to $", "is kept, at about $4.00 a month"]);
}

#[test]
fn the_list_tells_what_was_spent_by_each_and_in_all() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("up job --template ./plain -q", &[]);
    world.ok("down job --delete-volumes -y -q", &[]);
    let list = world.ok("list", &[]);
    assert!(list.stdout.contains("SPENT") && list.stdout.contains("\nin all: $"), "{list:#?}");
    let json = world.json("list");
    let (all, dev) = (&json["spent_this_month"], &json["environments"][0]["spent_this_month"]);
    assert!(all.as_f64().unwrap() > dev.as_f64().unwrap() && dev.as_f64().unwrap() > 0.0, "{json:#}");
    assert_eq!(json["price_per_hour"], json["environments"][0]["price_per_hour"]);
    assert_eq!(json["budgets"], serde_json::json!([]));
}

#[test]
fn the_list_tells_how_budgets_stand_and_warns_of_spent_ones() {
    let world = spent("warn");
    world.write(
        "cloudtop.toml",
        format!("[budget]\nmonthly = 50000\n[env.dev.budget]\n{TINY}\n[env.no.budget]\n{TINY}\n"),
    );
    let list = world.ok("list", &[]).says(&["warning: the budget of dev is spent"]);
    assert!(!list.stderr.contains("all environments is spent"), "{list:#?}");
    assert!(list.stdout.contains("of $50000.00 this month (0 %)\nbudget of dev: $"), "{list:#?}");
    assert!(!list.stdout.contains("budget of no"), "{list:#?}");
    let budgets = world.json("list")["budgets"].clone();
    assert_eq!((&budgets[0]["name"], &budgets[1]["name"]), (&serde_json::Value::Null, &"dev".into()));
    assert!(budgets[1]["spent_this_month"].as_f64().unwrap() > budgets[1]["monthly"].as_f64().unwrap());

    world.write("cloudtop.toml", "[budget]\nmonthly = 0\n");
    let list = world.ok("list", &[]).says(&["budgets are not known", "line 2", "above 0"]);
    assert!(list.stdout.contains("dev"), "what there is must be seen all the same: {list:#?}");
    world.run("up other").exits(2);
}

#[test]
fn a_spent_budget_that_warns_lets_up_go_on() {
    let world = spent("warn");
    world
        .ok("up job --template ./plain", &[])
        .says(&["warning: the budget of all environments is spent", "job: ready"]);
}

#[test]
fn a_spent_budget_that_stops_refuses_up_and_start_and_touches_nothing() {
    let world = spent("stop");
    world.run("up job --template ./plain").exits(5).says(&["is spent", "nothing of job", "--over-budget", "[budget]"]);
    assert_eq!(world.account().live("instances").len(), 1);
    assert_eq!(world.json("list")["environments"].as_array().unwrap().len(), 1, "it is not noted either");
    world.ok("up dev", &[]).says(&["dev: ready"]);
    world.ok("stop dev -q", &[]);
    world.run("start dev").exits(5).says(&["is spent"]);
    world.run("up dev").exits(5);
    assert_eq!(world.json("status dev")["phase"], "stopped");
    world.ok("start dev --over-budget", &[]).says(&["warning: the budget of all environments is spent"]);
    world.ok("up job --template ./plain --over-budget -q", &[]);
}

#[test]
fn a_budget_of_one_environment_is_not_about_the_others() {
    let world = spent("stop");
    world.write("cloudtop.toml", format!("[env.dev.budget]\n{TINY}\naction = \"stop\"\n"));
    world.ok("stop dev -q", &[]);
    world.run("start dev").exits(5).says(&["the budget of dev is spent", "[env.dev.budget]"]);
    let up = world.ok("up job --template ./plain", &[]);
    assert!(!up.stderr.contains("budget"), "{up:#?}");
}

#[test]
fn what_would_be_too_much_by_the_end_of_the_month_is_said_before_it_is_launched() {
    let world = World::new();
    // So dear that any rest of the month is too much.
    world.ok("sim set price us-east-1 m5.large us-east-1a 900000", &[]);
    let plan = "plan job -t m5.large --zone us-east-1a --template ./plain";
    eventually("the price", || (world.json(plan)["pools"][0]["price_per_hour"] == 900_000.0).then_some(()));
    world.write("cloudtop.toml", "[budget]\nmonthly = 50\naction = \"stop\"\n");
    let up = world.ok("up job -t m5.large --zone us-east-1a --template ./plain", &[]);
    let (note, ready) = (up.stderr.find("would be passed"), up.stderr.find("job: launching"));
    assert!(note.is_some() && note < ready, "{up:#?}");
    world.write("cloudtop.toml", "[budget]\nmonthly = 1e15\n");
    let up = world.ok("up rest -t m5.large --zone us-east-1a --template ./plain", &[]);
    assert!(!up.stderr.contains("budget"), "{up:#?}");
}

#[test]
fn watch_stops_what_runs_when_the_budget_is_spent_and_tells_it_once() {
    let world = spent("stop");
    told_by(&world, &format!("[budget]\n{TINY}\naction = \"stop\""));
    let mut watch = world.start("watch dev --every 1s", &[]);
    watch.wait_for("dev was stopped, its disks are kept");
    assert_eq!(world.json("status dev")["phase"], "stopped");
    assert_eq!(world.account().live("instances").len(), 1, "it is there to be started");
    eventually("being told", || (!told(&world).is_empty()).then_some(()));
    watch.signal("INT");
    watch.finish();
    // Another watch asks the budgets, too; it ends at a look after that.
    let before = looks(&world);
    let watch = world.start("watch dev --every 1s", &[]);
    eventually("being asked", || (looks(&world) > before).then_some(()));
    world.ok("down dev -q", &[]);
    watch.finish().exits(0).says(&["there is nothing to watch"]);
    assert_eq!(told(&world).len(), 1, "{:#?}", told(&world));
    assert!(told(&world)[0].starts_with("stopped-for-budget dev: the budget of all environments is spent: $"));
    assert_eq!(world.account().persistent_volumes().len(), 1);
}

#[test]
fn watch_leaves_alone_what_was_started_over_budget_and_tells_that_it_is_spent_once() {
    let world = spent("stop");
    world.ok("stop dev -q", &[]);
    world.ok("start dev --over-budget -q", &[]);
    told_by(&world, &format!("[budget]\n{TINY}\naction = \"stop\""));
    for _ in 0..2 {
        let before = looks(&world);
        let watch = world.start("watch dev --every 1s", &[]);
        eventually("three looks", || (looks(&world) >= before + 3).then_some(()));
        watch.signal("INT");
        watch.finish().exits(130);
    }
    assert_eq!(told(&world).len(), 1, "{:#?}", told(&world));
    assert!(told(&world)[0].starts_with("budget-spent dev: "), "{:#?}", told(&world));
    assert_eq!(world.json("status dev")["phase"], "ready");
}

#[test]
fn watch_does_not_end_what_it_cannot_stop() {
    let world = World::new();
    world.ok("up dev --one-time -q", &[]);
    world.write("cloudtop.toml", format!("[budget]\n{TINY}\naction = \"stop\"\n"));
    let mut watch = world.start("watch dev --every 1s", &[]);
    watch.wait_for("was made with --one-time and cannot be stopped: `cloudtop down dev` ends it");
    watch.signal("INT");
    watch.finish().exits(130);
    assert_eq!(world.json("status dev")["phase"], "ready");
}

#[test]
fn an_interruption_the_return_and_the_end_are_told() {
    let world = World::new();
    told_by(&world, "");
    world.ok("up dev --ttl 1h -q", &[]);
    world.interrupt("dev");
    let mut watch = world.start("watch dev --every 1s", &[]);
    watch.wait_for("every node is ready");
    eventually("being told", || (told(&world).len() == 2).then_some(()));
    watch.signal("INT");
    watch.finish();
    assert!(told(&world)[0].starts_with("interrupted dev: node 0 of dev: EC2 stopped it"), "{:#?}", told(&world));
    assert!(told(&world)[1].starts_with("back dev: every node of dev is ready again, at $"), "{:#?}", told(&world));

    world.ok("up job --ttl 1s --template ./plain -q", &[]);
    world.ok("watch job", &[]);
    assert_eq!(told(&world)[2], "ended job: the time of job was over: it was ended; volumes are kept");
}

#[test]
fn that_watching_ends_by_an_error_is_told() {
    let world = World::new();
    told_by(&world, "");
    world.ok("up dev -q", &[]);
    world.ok("sim set fault DescribeInstances denied", &[]);
    world.run("watch dev --every 1s").exits(6);
    assert!(told(&world)[0].starts_with("failed dev: dev is no longer watched: "), "{:#?}", told(&world));
}

#[test]
fn a_command_that_fails_hangs_or_is_not_there_is_said_and_watching_goes_on() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    for (command, words) in [
        (r#"["false"]"#, "`false` ended with exit status: 1"),
        (r#"["no-such-program"]"#, "`no-such-program` cannot be run"),
        (r#"["sleep", "1000"]"#, "`sleep` had not ended after 10 seconds and was killed"),
    ] {
        let budget = format!("[budget]\nmonthly = 0.{:0>8}", command.len());
        world.write("cloudtop.toml", format!("{budget}\n[notify]\ncommand = {command}\n"));
        let mut watch = world.start("watch dev --every 1s", &[]);
        watch.wait_for(&format!("nobody may know of `budget-spent`: {words}"));
        let before = looks(&world);
        eventually("more looks", || (looks(&world) >= before + 2).then_some(()));
        watch.signal("INT");
        watch.finish().exits(130);
    }
}
