//! Token buckets.

use super::{Lab, REGION, TYPE, answered, image, question};

/// How many calls in a row are answered before one is throttled.
fn answered_before_throttled(lab: &Lab, action: &str, parameters: &[(&str, &str)]) -> usize {
    (0..2000).take_while(|_| lab.raw(action, parameters).status != 503).count()
}

const FILTER: [(&str, &str); 2] = [("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", "running")];

#[tokio::test(start_paused = true)]
async fn nothing_is_throttled_unless_it_is_asked_for() {
    let lab = Lab::new();
    assert_eq!(answered_before_throttled(&lab, "DescribeVpcs", &[]), 2000);
}

#[tokio::test(start_paused = true)]
async fn each_action_of_each_region_has_its_own_bucket_which_fills_again() {
    let lab = Lab::new();
    lab.simulator.set("throttling", "on").unwrap();
    assert_eq!(answered_before_throttled(&lab, "DescribeVpcs", &[]), 100);
    assert_eq!(lab.code("DescribeVpcs", &[]), "RequestLimitExceeded");
    assert_eq!(lab.raw("DescribeSubnets", &[]).status, 200, "another action");
    let elsewhere = answered(lab.simulator.dispatch(&question("DescribeVpcs", &[], "eu-west-1")));
    assert_eq!(elsewhere.status, 200, "another region");
    lab.pass(1.0).await;
    assert_eq!(answered_before_throttled(&lab, "DescribeVpcs", &[]), 20);
    lab.pass(3600.0).await;
    assert_eq!(answered_before_throttled(&lab, "DescribeVpcs", &[]), 100, "no more than the bucket holds");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_neither_filtered_nor_paged_has_a_smaller_bucket() {
    let lab = Lab::new();
    lab.simulator.set("throttling", "on").unwrap();
    assert_eq!(answered_before_throttled(&lab, "DescribeInstances", &[]), 50);
    assert_eq!(answered_before_throttled(&lab, "DescribeInstances", &FILTER), 100);
}

#[tokio::test(start_paused = true)]
async fn a_factor_makes_all_buckets_smaller() {
    let lab = Lab::new();
    lab.simulator.set("throttling", "0.1").unwrap();
    assert_eq!(answered_before_throttled(&lab, "DescribeVpcs", &[]), 10);
    lab.simulator.set("throttling", "off").unwrap();
    assert_eq!(lab.raw("DescribeVpcs", &[]).status, 200);
}

#[tokio::test(start_paused = true)]
async fn launches_are_limited_by_calls_and_by_instances() {
    let lab = Lab::new();
    lab.simulator.set("throttling", "on").unwrap();
    let image = image();
    let launch = |count: &str| {
        let parameters =
            [("ImageId", image.as_str()), ("InstanceType", TYPE), ("MinCount", count), ("MaxCount", count)];
        lab.raw("RunInstances", &parameters).status
    };
    assert_eq!((launch("600"), launch("600"), launch("400")), (200, 503, 200));
    assert_eq!(launch("1"), 503, "the thousand are used up");
    lab.pass(2.0).await;
    assert_eq!((launch("4"), launch("1")), (200, 503), "two more a second");
    lab.pass(60.0).await;
    let calls: Vec<u16> = (0..6).map(|_| launch("1")).collect();
    assert_eq!(calls, [200, 200, 200, 200, 200, 503]);
    assert_eq!(lab.simulator.show().unwrap().instances.iter().filter(|it| it.zone.starts_with(REGION)).count(), 1009);
}
