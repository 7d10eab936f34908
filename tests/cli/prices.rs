//! What spot costs, from the terminal.

use serde_json::Value;

use super::world::World;

fn pools(answer: &Value) -> Vec<(String, f64)> {
    let pools = answer["pools"].as_array().unwrap().iter();
    pools.map(|it| (it["zone"].as_str().unwrap().to_owned(), it["price_per_hour"].as_f64().unwrap())).collect()
}

#[test]
fn prices_are_told_by_zone_cheapest_first_with_what_they_save() {
    let world = World::new();
    let answer = world.json("prices m5.large");
    let found = pools(&answer);
    assert!(found.len() > 2 && found.is_sorted_by(|a, b| a.1 <= b.1), "{found:?}");
    let first = &answer["pools"][0];
    let (now, on_demand) = (first["price_per_hour"].as_f64().unwrap(), first["on_demand_per_hour"].as_f64().unwrap());
    assert!((on_demand - 0.096).abs() < 1e-9 && (first["saving"].as_f64().unwrap() - (1.0 - now / 0.096)).abs() < 1e-9);
    assert!(first["min"].as_f64() <= first["median"].as_f64() && first["median"].as_f64() <= first["max"].as_f64());

    let table = world.ok("prices m5.large", &[]).stdout;
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[3]), ("m5.large", found[0].0.as_str()), "{table}");
    assert!(row[5].ends_with('%') && row[7].chars().all(|bar| ('▁'..='█').contains(&bar)), "{table}");
    world.assert_nothing_was_made();
}

/// The price that a launch is chosen by is the one that is shown.
#[test]
fn the_cheapest_pool_is_the_one_that_up_takes() {
    let world = World::new();
    let cheapest = world.json("prices --cpus 8 --memory 32 --top 1")["pools"][0].clone();
    let plan = world.json("plan dev --cpus 8 --memory 32");
    assert_eq!(plan["pools"][0]["instance_type"], cheapest["instance_type"]);
    assert_eq!(plan["pools"][0]["zone"], cheapest["zone"]);
    assert_eq!(plan["pools"][0]["price_per_hour"], cheapest["price_per_hour"]);
}

#[test]
fn names_may_be_patterns_and_the_order_another() {
    let world = World::new();
    let csv = world.ok("prices --csv --sort type", &["c5*.xlarge"]).stdout;
    let types: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert!(types.is_sorted() && types.contains(&"c5.xlarge") && types.contains(&"c5d.xlarge"), "{csv}");
    assert!(types.iter().all(|name| name.starts_with("c5") && name.ends_with(".xlarge")));
    let back = world.ok("prices --csv --sort type --reverse --top 3", &["c5*.xlarge"]).stdout;
    assert_eq!(back.lines().count(), 4);
    assert!(back.lines().nth(1).unwrap().split(',').nth(1).unwrap() > types[0]);
}

#[test]
fn the_same_question_is_not_asked_twice_in_a_few_minutes() {
    let world = World::new();
    let asked = |world: &World| world.account().0["calls"]["DescribeSpotPriceHistory"].as_u64().unwrap_or(0);
    world.ok("prices m5.large", &[]);
    let once = asked(&world);
    let again = world.ok("prices m5.large --sort median", &[]);
    assert!(again.stderr.contains("prices as they were"), "{}", again.stderr);
    assert_eq!(asked(&world), once);
    let fresh = world.ok("prices m5.large --fresh", &[]);
    assert!(!fresh.stderr.contains("prices as they were"), "{}", fresh.stderr);
    assert!(asked(&world) > once);
}

#[test]
fn without_the_price_list_all_else_is_told_and_what_is_missing_is_said() {
    let world = World::new();
    world.ok("sim set setting denied GetProducts", &[]);
    let answer = world.ok("prices m5.large", &["--json"]);
    assert!(answer.stderr.contains("on-demand prices are not known, so no savings are shown"), "{}", answer.stderr);
    let first = answer.json()["pools"][0].clone();
    assert_eq!((&first["on_demand_per_hour"], &first["saving"]), (&Value::Null, &Value::Null));
    assert!(first["price_per_hour"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_chart_has_a_line_for_each_zone_and_can_be_a_picture() {
    let world = World::new();
    let chart = world.ok("prices --chart m5.large --days 7 --svg m5.svg", &[]);
    for words in ["m5.large, 7 days, $ an hour", "  a us-east-1a $", "  - on demand $0.0960"] {
        assert!(chart.stdout.contains(words), "no {words:?} in {}", chart.stdout);
    }
    let picture = std::fs::read_to_string(world.cwd().join("m5.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains(">us-east-1a<"), "{picture}");
}

#[test]
fn all_regions_are_asked_and_their_zones_told_apart() {
    let world = World::new();
    let answer = world.json("prices m5.large --all-regions --days 1");
    let regions: std::collections::BTreeSet<&str> =
        answer["pools"].as_array().unwrap().iter().map(|it| it["region"].as_str().unwrap()).collect();
    assert!(regions.len() > 5 && regions.contains("us-east-1") && regions.contains("eu-west-1"), "{regions:?}");
}

#[test]
fn some_regions_are_asked_side_by_side_and_how_much_came_is_told() {
    let world = World::new();
    let told = world.ok("prices m5.large --regions us-east-1,eu-west-1,us-east-1 --json", &[]);
    let answer = told.json();
    let regions: std::collections::BTreeSet<&str> =
        answer["pools"].as_array().unwrap().iter().map(|it| it["region"].as_str().unwrap()).collect();
    assert_eq!(regions.into_iter().collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
    for region in ["us-east-1", "eu-west-1"] {
        let line = told.stderr.lines().find(|line| line.starts_with(region)).unwrap();
        let rows = line.strip_prefix(region).unwrap().strip_prefix(": ").unwrap().strip_suffix(" rows").unwrap();
        assert!(rows.parse::<u32>().unwrap() > 30, "{line}");
    }
    world.run("prices m5.large --regions us-east-1 -r eu-west-1").exits(2);
    world.run("prices m5.large --regions us-east-1,us-east-9").exits(2).says(&["there is no region us-east-9"]);
}

#[test]
fn types_with_a_gpu_are_found_by_the_word_and_told_by_their_number() {
    let world = World::new();
    let found = world.json("prices --gpu --sort gpus");
    let gpus: Vec<u64> = found["pools"].as_array().unwrap().iter().map(|it| it["gpus"].as_u64().unwrap()).collect();
    assert!(gpus.len() > 20 && gpus.iter().all(|count| *count > 0) && gpus.is_sorted_by(|a, b| a >= b), "{gpus:?}");
    assert!(gpus[0] > 1);
    let plan = world.json("plan dev --gpu");
    assert!(plan["pools"][0]["instance_type"].as_str().unwrap().starts_with('g'), "{plan:#}");
    world.run("prices m5.large --gpu").exits(2);
}

#[test]
fn placement_is_scored_by_zone_and_only_where_that_is_asked_for() {
    let world = World::new();
    let without = world.json("prices m5.large m5a.large m6i.large");
    assert!(without["pools"].as_array().unwrap().iter().all(|it| it["score"].is_null()));
    assert_eq!(world.account().calls("GetSpotPlacementScores"), 0);

    let told = world.ok("prices m5.large m5a.large m6i.large --scores=40 --sort score", &["--json"]);
    let answer = told.json();
    let mut by_zone = std::collections::BTreeMap::new();
    let mut scores = Vec::new();
    for it in answer["pools"].as_array().unwrap() {
        let score = it["score"].as_u64().unwrap();
        assert!((1..=10).contains(&score), "{it}");
        assert_eq!(*by_zone.entry(it["zone"].to_string()).or_insert(score), score, "one a zone");
        scores.push(score);
    }
    assert!(scores.is_sorted_by(|a, b| a >= b) && by_zone.len() > 3, "{scores:?}");
    assert_eq!(world.account().calls("GetSpotPlacementScores"), 1);

    let few = world.ok("prices m5.large --scores", &[]);
    assert!(few.stdout.lines().next().unwrap().ends_with("SCORE"), "{}", few.stdout);
    assert!(few.stderr.contains("fewer than three types"), "{}", few.stderr);
    let dry = "sim set capacity us-east-1 * us-east-1a none";
    world.ok(dry, &[]);
    let csv = world.ok("prices m5.large m5a.large m6i.large --scores --csv --zone us-east-1a --fresh", &[]).stdout;
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",1")) && csv.lines().count() > 1, "{csv}");
}

#[test]
fn where_placement_is_not_scored_all_else_is_told() {
    let world = World::new();
    for (fault, words) in [
        ("denied", "placement is not scored: GetSpotPlacementScores: "),
        ("error MaxConfigLimitExceeded", "(MaxConfigLimitExceeded)"),
    ] {
        let fault: Vec<&str> = fault.split(' ').collect();
        world.ok("sim set fault GetSpotPlacementScores", &fault);
        let told = world.ok("prices m5.large m5a.large m6i.large --scores", &[]);
        assert!(told.stderr.contains(words) && told.rows().len() > 3, "{told:?}");
        assert!(!told.stdout.contains("SCORE") && !told.stderr.contains("SCORE"), "{told:?}");
        world.ok("sim set fault * none", &[]);
    }
}

#[test]
fn what_has_no_price_and_what_does_not_exist_are_told_apart() {
    let world = World::new();
    world.run("prices m5.lagre").exits(2).says(&["there is no instance type m5.lagre", "did you mean m5.large"]);
    world.run("prices m5.large --zone us-east-1x").exits(3).says(&["EC2 has no spot price of m5.large in us-east-1x"]);
    world.run_with("prices", &["zz*"]).exits(3).says(&["EC2 has no spot price of zz*"]);
    world.run("prices m5.large --days 91").exits(2);
    world.run("prices m5.large --cpus 4").exits(2);
    world.run("prices m5.large -r us-east-9").exits(2);
}
