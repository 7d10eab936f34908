//! Waits and failures say why, to whoever watches and to whoever asks later.

use serde_json::Value;

use super::world::World;

const TYPE: &str = "-t m7a.xlarge";

/// What `status` notes of the environment, in one text.
fn notes(status: &Value) -> String {
    let notes = status["notes"].as_array().unwrap();
    notes.iter().map(|note| note.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// What the one node waits for.
fn waiting_for(status: &Value) -> String {
    status["nodes"][0]["waiting_for"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn assert_has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

#[test]
fn pools_that_all_refused_are_named_by_up_and_by_status_when_nobody_watches() {
    let world = World::new();
    world.ok("sim set capacity us-east-1 * * none", &[]);
    let up = world.run("up dev -t m7a.xlarge,m6a.xlarge,m5.xlarge,m6i.xlarge").exits(5);
    let error = &up.stderr[up.stderr.find("error:").unwrap()..];
    let told = "m7a.xlarge in us-east-1a, us-east-1b, us-east-1c, us-east-1d";
    assert_has(error, &[told, "m5.xlarge in ", "EC2: There is no Spot capacity available", "hint: try more types"]);
    assert_eq!(error.matches("InsufficientInstanceCapacity").count(), 1, "twenty pools are one sentence: {error}");
    assert_has(error, &["dev now has nothing that costs money", "`cloudtop up dev`", "`cloudtop down dev`"]);

    let status = world.json("status dev");
    assert_has(&notes(&status), &["`up dev` ended", "no pool would do", told, "EC2: There is no Spot capacity"]);
    assert_has(&waiting_for(&status), &["cloudtop up dev", "pools refused (InsufficientInstanceCapacity)"]);
}

#[test]
fn a_limit_below_every_price_is_told_with_the_price_that_would_do() {
    let world = World::new();
    let up = world.run(&format!("up dev {TYPE} --max-price 0.002")).exits(5);
    up.says(&["price is above the limit of $0.0020", "hint: of those that are too dear, the cheapest costs $0.0"]);
}

#[test]
fn a_met_quota_is_told_with_its_use_and_the_command_that_raises_it() {
    let world = World::new();
    world.ok("sim set setting spot-vcpus 6", &[]);
    world.ok(&format!("up one {TYPE} -q"), &[]);
    let up = world.run(&format!("up two {TYPE}")).exits(6);
    let told = [
        "the account's quota of spot vCPUs",
        "the spot quota of the standard (A, C, D, H, I, M, R, T, Z) families in us-east-1, L-34B43A08",
        "4 are in use (open spot requests count), and 1 x m7a.xlarge asks for 4 more",
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-34B43A08 --desired-value",
        "--region us-east-1`",
    ];
    let up = up.says(&told).says(&["MaxSpotInstanceCountExceeded", "hint: go on with `cloudtop up two`"]);
    assert!(!up.stderr.contains("caused by"), "{up:#?}");

    let status = world.json("status two");
    assert_has(&notes(&status), &told);
    assert_has(&waiting_for(&status), &["cloudtop up two", "MaxSpotInstanceCountExceeded"]);

    world.ok("sim set setting spot-vcpus 8", &[]);
    world.ok(&format!("up two {TYPE} -q"), &[]);
    assert_eq!(notes(&world.json("status two")), "", "what is mended is not told any more");
}

#[test]
fn a_missing_permission_is_told_with_the_statement_to_add() {
    let world = World::new();
    world.ok("sim set setting denied CreateSecurityGroup", &[]);
    let up = world.run(&format!("up dev {TYPE}")).exits(6);
    let told = ["may not call ec2:CreateSecurityGroup", "docs/iam-policy.json", "decode-authorization-message"];
    let up = up.says(&told).says(&["UnauthorizedOperation", "cloudtop down dev"]);
    let statement = up.stderr.lines().find(|line| line.contains("\"Effect\"")).unwrap();
    let statement = &statement[statement.find('{').unwrap()..];
    let statements: Value = serde_json::from_str(&format!("[{statement}]")).unwrap();
    assert!(statements.as_array().unwrap().iter().all(|it| it["Action"] == "ec2:CreateSecurityGroup"), "{statements}");
    assert_has(&notes(&world.json("status dev")), &told);
}

#[test]
fn a_look_that_is_denied_says_what_would_allow_it() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    world.ok("sim set setting denied DescribeVolumes", &[]);
    let status = world.run("status dev").exits(6);
    status.says(&["may not call ec2:DescribeVolumes", r#""Action": "ec2:DescribeVolumes", "Resource": "*""#]);
}

#[test]
fn a_run_out_of_time_tells_the_last_status_the_cost_and_both_ways_on() {
    let world = World::new();
    world.ok("sim set setting pending 300s", &[]);
    let up = world.run(&format!("up dev {TYPE} --timeout 2s")).exits(4);
    let up = up.says(&["after 2s; it waits for node 0: EC2 is starting i-", "dev now has 1 instance (i-"]);
    let up = up.says(&["instances cost $0.0", " an hour", "`cloudtop up dev`", "`cloudtop down dev`"]);
    assert!(!up.stderr.contains("$0.0000"), "an instance that starts costs money in a moment: {up:#?}");
    assert_eq!(world.account().live("instances").len(), 1, "what exists is kept");
    assert_has(&notes(&world.json("status dev")), &["`up dev` ended", "not ready after 2s", "EC2 is starting i-"]);
}

#[test]
fn a_request_that_is_left_waiting_is_told_with_what_it_may_cost() {
    let world = World::new();
    world.ok("sim set capacity us-east-1 * * none", &[]);
    let up = world.run(&format!("up dev {TYPE} --wait-for-capacity --timeout 2s")).exits(4);
    let why = "EC2 has no spot capacity there now (capacity-not-available, m7a.xlarge in us-east-1";
    let up = up.says(&[why, "; wait, or allow more: other types (-t a,b)"]);
    up.says(&["1 open spot request (sir-", "what EC2 still launches would cost $0.0"]);
    assert_has(&waiting_for(&world.json("status dev")), &[why, "wait, or allow more"]);
}

#[test]
fn ctrl_c_tells_what_is_left_and_what_it_costs() {
    let world = World::new();
    world.ok("sim set setting pending 60s", &[]);
    let mut up = world.start(&format!("up dev {TYPE}"), &[]);
    up.wait_for("launching: EC2 is starting");
    up.signal("INT");
    let ended = up.finish().exits(130).says(&["interrupted: dev now has 1 instance (i-", "instances cost $0.0"]);
    ended.says(&["go on with `cloudtop up dev`", "end it with `cloudtop down dev`"]);
}

#[test]
fn a_run_that_was_killed_is_told_as_one_that_has_not_ended() {
    let world = World::new();
    world.ok("sim set setting pending 60s", &[]);
    let mut up = world.start(&format!("up dev {TYPE}"), &[]);
    up.wait_for("launching: EC2 is starting");
    assert!(up.kill());
    assert_has(&notes(&world.json("status dev")), &["`up dev` began", "it is at work, or was killed"]);
    world.ok("sim set setting pending 1s", &[]);
    world.ok("up dev -q", &[]);
    assert_eq!(notes(&world.json("status dev")), "");
}

#[test]
fn a_node_whose_request_somebody_cancelled_is_told_of_for_it_would_never_come_back() {
    let world = World::new();
    world.ok(&format!("up dev -q {TYPE}"), &[]);
    assert_eq!(notes(&world.json("status dev")), "");
    world.ok("sim meddle cancel dev", &[]);
    let told = ["was cancelled", "nor bring it back", "`cloudtop down dev`"];
    assert_has(&notes(&world.json("status dev")), &told);
    assert_has(&world.ok("up dev", &[]).stderr, &told);
    world.ok("down dev -q", &[]);
    world.ok("up dev -q", &[]);
    assert_eq!(notes(&world.json("status dev")), "", "its successor has a request of its own");
}
