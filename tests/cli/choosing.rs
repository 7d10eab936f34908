//! Which pool is taken and why, savings, clusters over pools, and nodes on demand.

use serde_json::Value;

use super::world::World;

const ONE_POOL: &str = "-t m5.xlarge --zone us-east-1a";

fn usd(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// What is written in a plan's list of pools, the best first.
fn pools(plan: &Value) -> Vec<(String, f64, f64)> {
    let of = |pool: &Value| {
        (pool["instance_type"].as_str().unwrap().to_owned(), usd(&pool["price_per_hour"]), usd(&pool["score"]))
    };
    plan["pools"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_plan_is_in_the_order_of_scores_and_says_why_the_first_is_first() {
    let world = World::new();
    let plan = world.json("plan dev --cpus 8 --memory 32");
    let pools = pools(&plan);
    assert!(pools.len() > 20 && pools.is_sorted_by(|a, b| a.2 <= b.2), "{pools:?}");
    assert!(!pools.is_sorted_by(|a, b| a.1 <= b.1), "interruptions count");
    let best = &plan["pools"][0];
    let sum = usd(&best["price_per_hour"]) + usd(&best["interruption_cost_per_hour"]);
    assert!(
        (sum - usd(&best["score"])).abs() < 2e-6 && best["interruption_band"].is_string() && best["market"] == "spot"
    );
    let choice = plan["choice"].as_str().unwrap();
    assert!(
        choice.contains("for interruptions") && choice.contains(best["instance_type"].as_str().unwrap()),
        "{choice}"
    );
    world.ok("plan dev --cpus 8 --memory 32", &[]).answers(&["the best first", "EXPECTED", "INTERRUPTED", choice]);

    let by_price = world.json("plan dev --cpus 8 --memory 32 --interruption-minutes 0");
    assert!(self::pools(&by_price).is_sorted_by(|a, b| a.1 <= b.1));
    // `up` has told the price by then: it goes on with the rest of the sentence.
    let (_, against) = choice.split_once(';').unwrap();
    world.ok("up dev --cpus 8 --memory 32", &[]).says(&[" an hour for interruptions (", against]);
}

#[test]
fn a_saving_that_no_pool_has_makes_nothing_and_is_remembered() {
    let world = World::new();
    let up = world.run("up dev -t m7a.xlarge --min-saving 99%").exits(5);
    up.says(&["m7a.xlarge in us-east-1", "saves less than 99 %", "--min-saving"]);
    world.assert_nothing_was_made();
    world.ok("up dev -t m7a.xlarge --min-saving 10", &[]);
    world.ok("stop dev", &[]);
    assert_eq!(world.json("start dev")["phase"], "ready");
    for (value, words) in [("100", "0 to 99"), ("-1", "0 to 99"), ("half", "such as 50 or 50%")] {
        world.run_with("plan other --min-saving", &[value]).exits(2).says(&[words]);
    }
    world.run("plan other --interruption-minutes 1441").exits(2);
    world.run("plan other --fallback reserved").exits(2).says(&["on-demand or none"]);
}

#[test]
fn a_request_that_waits_waits_for_the_saving() {
    let world = World::new();
    let up = world.run(&format!("up dev {ONE_POOL} --min-saving 98 --wait-for-capacity --timeout 3s")).exits(4);
    up.says(&["price-too-low"]);
    world.ok("sim set price us-east-1 m5.xlarge us-east-1a 0.002", &[]);
    world.ok("up dev", &[]);
    world.account().assert_one_cloudtop();
}

#[test]
fn without_the_price_list_no_saving_is_known_and_nothing_is_made() {
    let world = World::new();
    world.ok("sim set setting denied GetProducts", &[]);
    for wish in ["--min-saving 50", "--fallback on-demand"] {
        let up = world.run(&format!("up dev {ONE_POOL} {wish}")).exits(6);
        up.says(&["on-demand prices are not known", "GetProducts", "--min-saving 0"]);
        world.assert_nothing_was_made();
    }
    world.ok(&format!("up dev {ONE_POOL}"), &[]);
}

#[test]
fn on_demand_is_launched_when_asked_for_and_told_everywhere() {
    let world = World::new();
    world.ok("sim set capacity us-east-1 * * no-spot", &[]);
    world.run(&format!("up dev {ONE_POOL}")).exits(5).says(&["InsufficientInstanceCapacity"]);
    let up = world.ok(&format!("up dev {ONE_POOL} --fallback on-demand -q"), &[]);
    assert!(up.stderr.contains("ON-DEMAND: m5.xlarge in us-east-1a at $0.1920 an hour"), "{up:#?}");
    assert!(up.stderr.contains("no spot saving"), "{up:#?}");

    let status = world.json("status dev");
    let node = &status["nodes"][0];
    assert_eq!((&node["market"], &node["spot_request_id"]), (&Value::from("on-demand"), &Value::Null));
    assert_eq!((usd(&node["price_per_hour"]), usd(&status["price_per_hour"])), (0.192, 0.192));
    world.ok("status dev", &[]).answers(&["ON-DEMAND", "0.1920", "no spot saving"]);
    world.ok("list", &[]).answers(&["ON-DEMAND", "0.1920"]);
    assert_eq!(world.json("list")["environments"][0]["nodes"][0]["market"], "on-demand");
    let account = world.account();
    assert_eq!((account.live("instances").len(), account.live("spot_requests").len()), (1, 0), "{account:#?}");

    let id = node["instance_id"].clone();
    world.ok("stop dev", &[]);
    assert_eq!(world.json("status dev")["phase"], "stopped");
    let again = world.json("start dev");
    assert_eq!((&again["phase"], &again["nodes"][0]["instance_id"]), (&Value::from("ready"), &id));
    world.ok("down dev --delete-volumes -y", &[]);
    world.assert_nothing_was_made();
}

#[test]
fn the_full_price_is_told_before_anything_is_made_and_never_above_the_limit() {
    let world = World::new();
    let up = world.ok(&format!("up dev {ONE_POOL} --fallback on-demand"), &[]);
    let note = up.stderr.find("where no spot pool will do: ON-DEMAND, m5.xlarge at $0.1920 an hour a node");
    assert!(note.is_some_and(|at| at < up.stderr.find("m5.xlarge in us-east-1a").unwrap()), "{up:#?}");
    assert_eq!(world.json("status dev")["nodes"][0]["market"], "spot", "spot is there");
    world.ok("down dev --delete-volumes -y", &[]);

    world.ok("sim set capacity us-east-1 * * no-spot", &[]);
    let up = world.run(&format!("up dev {ONE_POOL} --fallback on-demand --max-price 0.15")).exits(5);
    up.says(&["m5.xlarge on demand: it costs more than the limit of $0.1500"]);
    assert!(world.account().live("instances").is_empty());
    world
        .run(&format!("plan other {ONE_POOL} --fallback on-demand --wait-for-capacity"))
        .exits(2)
        .says(&["--wait-for-capacity waits for spot"]);
}

#[test]
fn a_plan_of_the_full_price_says_so() {
    let world = World::new();
    let wish = format!("{ONE_POOL} --min-saving 99 --fallback on-demand");
    let plan = world.json(&format!("plan dev {wish}"));
    assert_eq!((&plan["pools"][0]["market"], usd(&plan["pools"][0]["score"])), (&Value::from("on-demand"), 0.192));
    world.ok(&format!("plan dev {wish}"), &[]).answers(&["ON-DEMAND: m5.xlarge in us-east-1a at $0.1920 an hour"]);
}

#[test]
fn the_best_prices_are_in_the_order_in_which_up_takes_them() {
    let world = World::new();
    let names = |json: &Value| -> Vec<String> {
        let name =
            |it: &Value| format!("{} in {}", it["instance_type"].as_str().unwrap(), it["zone"].as_str().unwrap());
        json["pools"].as_array().unwrap().iter().map(name).collect()
    };
    for minutes in ["0", "30", "240"] {
        let best = world.json(&format!("prices --best --cpus 8 --memory 32 --interruption-minutes {minutes}"));
        let plan = world.json(&format!("plan dev --cpus 8 --memory 32 --interruption-minutes {minutes}"));
        let taken = names(&plan);
        assert!(taken.len() > 20 && names(&best).starts_with(&taken[..20]), "with {minutes} minutes");
        assert_eq!(best["pools"][0]["score"], plan["pools"][0]["score"]);
    }
    world.write("cloudtop.toml", "interruption_minutes = 7\n");
    world.ok("prices --best", &[]).answers(&["EXPECTED", "INTERRUPTED"]).says(&["at 7 minutes each"]);
    world.run("prices --best --sort price").exits(2);
    world.run("prices --interruption-minutes 5").exits(2);
}
