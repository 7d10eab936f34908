//! Calls that go wrong, at the door.

use std::time::Duration;

use super::{Lab, Node, REGION, ask, question};
use crate::simulator::faults::Delivery;
use crate::simulator::{FaultRule, Settings, SimulatorError, Trouble};

fn trouble(words: &str) -> Trouble {
    words.parse().unwrap()
}

impl Lab {
    fn fault(&self, rule: FaultRule) {
        self.simulator.add_fault(rule).unwrap();
    }

    fn delivered(&self, action: &str, parameters: &[(&str, &str)]) -> Delivery {
        self.simulator.dispatch(&question(action, parameters, REGION))
    }

    fn volumes(&self) -> usize {
        self.simulator.show().unwrap().volumes.len()
    }
}

const VOLUME: [(&str, &str); 2] = [("AvailabilityZone", "us-west-2a"), ("Size", "8")];

/// The status and the code of an answer; 200 and none for a good one.
fn status(lab: &Lab, action: &str) -> (u16, String) {
    let answer = lab.raw(action, &[]);
    let code = if answer.status == 200 { String::new() } else { Node::parse(&answer.body).text("Errors/Error/Code") };
    (answer.status, code)
}

#[tokio::test(start_paused = true)]
async fn a_fault_before_the_effect_changes_nothing_and_one_after_it_loses_the_answer_alone() {
    for (words, delivery, made) in [
        ("refuse", Delivery::Refused, 0),
        ("reset-before", Delivery::Reset, 0),
        ("hang-before", Delivery::Never, 0),
        ("reset-after", Delivery::Reset, 1),
        ("hang-after", Delivery::Never, 1),
    ] {
        let lab = Lab::new();
        lab.fault(FaultRule::new("CreateVolume", trouble(words)));
        assert_eq!(lab.delivered("CreateVolume", &VOLUME), delivery, "{words}");
        assert_eq!(lab.volumes(), made, "{words}");
        assert_eq!(lab.simulator.call_counts().unwrap()["CreateVolume"], 1, "{words}: it was sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_truncated_answer_is_half_of_a_good_one() {
    let lab = Lab::new();
    let whole = lab.raw("DescribeVpcs", &[]).body;
    lab.fault(FaultRule::new("DescribeVpcs", Trouble::Truncate));
    let cut = lab.raw("DescribeVpcs", &[]);
    assert_eq!((cut.status, cut.body.len()), (200, whole.len() / 2));
    assert!(!cut.body.contains("</DescribeVpcsResponse>"));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_comes_late_and_its_effect_at_once() {
    let lab = Lab::new();
    lab.fault(FaultRule::new("CreateVolume", trouble("late 2.5s")));
    let Delivery::Late(by, answer) = lab.delivered("CreateVolume", &VOLUME) else { panic!("not late") };
    assert_eq!((by, answer.status, lab.volumes()), (Duration::from_millis(2500), 200, 1));
}

#[tokio::test(start_paused = true)]
async fn the_nth_and_the_first_calls_are_counted_from_when_the_rule_was_made() {
    let lab = Lab::new();
    lab.ok("DescribeVpcs", &[]);
    lab.fault(FaultRule::new("DescribeVpcs", Trouble::Throttle).nth(2));
    let codes: Vec<String> = (0..3).map(|_| status(&lab, "DescribeVpcs").1).collect();
    assert_eq!(codes, ["", "RequestLimitExceeded", ""]);
    lab.fault(FaultRule::new("DescribeSubnets", trouble("error 500 InternalError")).first(2));
    let codes: Vec<u16> = (0..3).map(|_| status(&lab, "DescribeSubnets").0).collect();
    assert_eq!(codes, [500, 500, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_share_of_the_calls_is_drawn_from_the_seed() {
    let struck = |seed| {
        let lab = Lab::with(Settings { seed, ..Settings::default() });
        lab.fault(FaultRule::new("reads", Trouble::Throttle).chance(0.2));
        (0..500).map(|_| status(&lab, "DescribeVpcs").0 != 200).collect::<Vec<_>>()
    };
    let one = struck(1);
    assert_eq!(one, struck(1));
    assert_ne!(one, struck(2));
    let count = one.iter().filter(|struck| **struck).count();
    assert!((70..130).contains(&count), "{count} of 500");
}

#[tokio::test(start_paused = true)]
async fn a_rule_lasts_as_long_as_it_says_in_the_worlds_own_time() {
    let lab = Lab::with(Settings { speed: 10.0, ..Settings::default() });
    let rule = FaultRule::new("*", Trouble::Throttle);
    lab.fault(FaultRule { after: Duration::from_secs(10), lasts: Some(Duration::from_secs(20)), ..rule });
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(status(&lab, "DescribeVpcs").0);
        lab.pass(1.01).await;
    }
    assert_eq!(codes, [200, 503, 503, 200]);
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_and_lists_and_globs_name_actions() {
    for (actions, read, write) in [
        ("reads", 503, 400),
        ("writes", 200, 503),
        ("Describe*,Create*", 503, 503),
        ("CreateTags, DeleteTags", 200, 503),
    ] {
        let lab = Lab::new();
        lab.fault(FaultRule::new(actions, Trouble::Throttle));
        assert_eq!((status(&lab, "DescribeVpcs").0, status(&lab, "CreateTags").0), (read, write), "{actions}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_rule_that_strikes_decides_and_rules_are_taken_away_by_their_actions() {
    let lab = Lab::new();
    lab.fault(FaultRule::new("DescribeVpcs", trouble("error InternalError")).nth(2));
    lab.fault(FaultRule::new("Describe*", Trouble::Throttle));
    assert_eq!(status(&lab, "DescribeVpcs").0, 503);
    assert_eq!(status(&lab, "DescribeVpcs").0, 500);
    lab.simulator.remove_faults("Describe*").unwrap();
    assert_eq!(lab.simulator.show().unwrap().faults, [], "a pattern matches narrower rules too");
    assert_eq!(status(&lab, "DescribeVpcs").0, 200);
}

#[tokio::test(start_paused = true)]
async fn an_error_has_the_status_and_the_words_that_ec2_gives_it() {
    let lab = Lab::new();
    for (words, status, message) in [
        ("throttle", 503, "Request limit exceeded."),
        ("error InternalError", 500, "An internal error has occurred"),
        ("error 503 Unavailable", 503, "The service is unavailable. Please try again shortly."),
        ("error InsufficientInstanceCapacity", 500, "There is no Spot capacity available that matches your request."),
        ("error MaxSpotInstanceCountExceeded", 400, "Max spot instance count exceeded"),
        ("expired", 400, "Request has expired."),
        ("error 418 Teapot short and stout", 418, "short and stout"),
    ] {
        lab.fault(FaultRule::new("DescribeVpcs", trouble(words)));
        let answer = lab.raw("DescribeVpcs", &[]);
        assert_eq!((answer.status, Node::parse(&answer.body).text("Errors/Error/Message").as_str()), (status, message));
        lab.simulator.remove_faults("*").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_have_another_code_at_sts() {
    let lab = Lab::new();
    lab.fault(FaultRule::new("*", Trouble::Expired));
    assert_eq!(status(&lab, "DescribeInstances"), (400, "RequestExpired".to_owned()));
    let answer = lab.raw("GetCallerIdentity", &[]);
    assert_eq!((answer.status, Node::parse(&answer.body).text("Error/Code").as_str()), (403, "ExpiredToken"));
}

#[tokio::test(start_paused = true)]
async fn a_denied_change_names_the_action_and_its_resource_and_carries_an_encoded_message() {
    let lab = Lab::new();
    lab.simulator.set("denied", "CreateVolume, Terminate*,DescribeVpcs").unwrap();
    let message = |action, parameters: &[(&str, &str)]| {
        let answer = lab.raw(action, parameters);
        assert_eq!(answer.status, 403);
        let error = Node::parse(&answer.body);
        assert_eq!(error.text("Errors/Error/Code"), "UnauthorizedOperation");
        error.text("Errors/Error/Message")
    };
    let create = message("CreateVolume", &VOLUME);
    assert!(
        create.starts_with(
            "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/simulated is not authorized \
             to perform: ec2:CreateVolume on resource: arn:aws:ec2:us-west-2:123456789012:volume/* because no identity-based \
             policy allows the ec2:CreateVolume action. Encoded authorization failure message: "
        ),
        "{create}"
    );
    assert!(create.split("message: ").nth(1).unwrap().len() > 300);
    let id = "i-0123456789abcdef0";
    let terminate = message("TerminateInstances", &[("InstanceId.1", id)]);
    assert!(terminate.contains(":instance/i-0123456789abcdef0 because"), "{terminate}");
    let describe = message("DescribeVpcs", &[]);
    assert!(describe.ends_with("because no identity-based policy allows the ec2:DescribeVpcs action"), "{describe}");
}

#[test]
fn a_fault_is_shown_in_the_words_that_make_it() {
    for words in ["throttle", "reset-after", "hang-before", "late 1.5s", "error 400 Odd it is odd", "expired"] {
        assert_eq!(trouble(words).to_string(), words);
    }
    for words in ["", "late", "late soon", "error", "error 500", "explode", "throttle twice"] {
        assert!(matches!(words.parse::<Trouble>(), Err(SimulatorError::Setting { .. })), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_of_one_world_meet_the_same_faults() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world.jsonl");
    let open = || {
        let clock = crate::clock::Clock::starting_at("2026-11-21T12:00:00Z".parse().unwrap());
        crate::simulator::Simulator::open(&path, clock).unwrap()
    };
    let (one, other) = (open(), open());
    one.add_fault(FaultRule::new("DescribeVpcs", Trouble::Throttle).nth(2)).unwrap();
    let statuses: Vec<u16> = [&one, &other, &one].iter().map(|it| ask(it, "DescribeVpcs", &[]).status).collect();
    assert_eq!(statuses, [200, 503, 200]);
    assert_eq!(open().show().unwrap().faults[0].struck, 1);
    other.reset().unwrap();
    assert_eq!(one.show().unwrap().faults, []);
}
