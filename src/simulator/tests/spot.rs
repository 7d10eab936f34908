//! Spot requests and the user's own doings.

use super::{Lab, RUNNING, STOPPED, TYPE, zones};
use crate::simulator::Capacity;

fn pair(state: &str, code: &str) -> (String, String) {
    (state.to_owned(), code.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_user_stop_disables_the_request_only_when_the_instance_is_stopped() {
    let lab = Lab::new();
    let (instance, request) = lab.run_spot("stop", &[]);
    lab.pass(RUNNING).await;
    assert_eq!(lab.status(&request), pair("active", "fulfilled"));
    lab.ok("StopInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(lab.status(&request), pair("active", "marked-for-stop"));
    assert_eq!(lab.code("StartInstances", &[("InstanceId.1", &instance)]), "IncorrectSpotRequestState");
    lab.pass(STOPPED).await;
    assert_eq!(lab.status(&request), pair("disabled", "instance-stopped-by-user"));
    lab.pass(60.0).await;
    assert_eq!(lab.state(&instance), "stopped", "EC2 does not start what the user stopped");
    lab.ok("StartInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(lab.status(&request), pair("active", "fulfilled"));
    lab.pass(RUNNING).await;
    assert_eq!(lab.state(&instance), "running");
}

#[tokio::test(start_paused = true)]
async fn a_one_time_instance_cannot_be_stopped_and_its_request_closes_with_it() {
    let lab = Lab::new();
    let instance = lab.run(&[("InstanceMarketOptions.MarketType", "spot")]).remove(0);
    lab.pass(RUNNING).await;
    assert_eq!(lab.code("StopInstances", &[("InstanceId.1", &instance)]), "UnsupportedOperation");
    let request = lab.instance(&instance).text("spotInstanceRequestId");
    lab.ok("TerminateInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(lab.status(&request), pair("closed", "instance-terminated-by-user"));
    lab.pass(60.0).await;
    assert_eq!(lab.simulator.show().unwrap().instances.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cancelling_an_active_request_leaves_an_orphan() {
    let lab = Lab::new();
    let (instance, request) = lab.run_spot("stop", &[]);
    lab.pass(RUNNING).await;
    let answer = lab.ok("CancelSpotInstanceRequests", &[("SpotInstanceRequestId.1", &request)]);
    assert_eq!(answer.text("spotInstanceRequestSet/item/state"), "cancelled");
    lab.pass(60.0).await;
    assert_eq!(lab.state(&instance), "running");
    assert_eq!(lab.status(&request), pair("cancelled", "request-canceled-and-instance-running"));
    lab.ok("CancelSpotInstanceRequests", &[("SpotInstanceRequestId.1", &request)]);
    lab.ok("TerminateInstances", &[("InstanceId.1", &instance)]);
    lab.pass(60.0).await;
    assert!(lab.simulator.show().unwrap().is_empty(), "nothing is launched again");
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_disabled_request_ends_the_stopped_instance() {
    let lab = Lab::new();
    let (instance, request) = lab.run_spot("stop", &[]);
    lab.pass(RUNNING).await;
    lab.ok("StopInstances", &[("InstanceId.1", &instance)]);
    lab.pass(STOPPED).await;
    lab.ok("CancelSpotInstanceRequests", &[("SpotInstanceRequestId.1", &request)]);
    lab.pass(STOPPED).await;
    assert_eq!(lab.state(&instance), "terminated");
    assert!(lab.simulator.show().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn terminating_before_cancelling_launches_another_instance_without_tags() {
    let lab = Lab::new();
    let tags = [
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "a"),
        ("TagSpecification.1.Tag.1.Value", "b"),
    ];
    let (first, request) = lab.run_spot("stop", &tags);
    lab.pass(RUNNING).await;
    lab.ok("TerminateInstances", &[("InstanceId.1", &first)]);
    assert_eq!(lab.status(&request), pair("open", "instance-terminated-by-user"));
    lab.pass(1.0).await;
    assert_eq!(lab.status(&request), pair("active", "fulfilled"));
    let second = lab.spot_request(&request).text("instanceId");
    assert_ne!(first, second);
    assert_eq!(lab.instance(&first).tag("a").as_deref(), Some("b"));
    assert_eq!(lab.instance(&second).tag("a"), None);
    // In the other order nothing comes back.
    lab.ok("CancelSpotInstanceRequests", &[("SpotInstanceRequestId.1", &request)]);
    lab.ok("TerminateInstances", &[("InstanceId.1", &second)]);
    lab.pass(60.0).await;
    assert!(lab.simulator.show().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_is_evaluated_and_its_tags_stay_its_own() {
    let lab = Lab::new();
    let tags = [
        ("TagSpecification.1.ResourceType", "spot-instances-request"),
        ("TagSpecification.1.Tag.1.Key", "a"),
        ("TagSpecification.1.Tag.1.Value", "b"),
    ];
    let request = lab.request("persistent", &tags);
    assert_eq!(
        lab.code("DescribeSpotInstanceRequests", &[("SpotInstanceRequestId.1", &request)]),
        "InvalidSpotInstanceRequestID.NotFound"
    );
    lab.pass(0.2).await;
    assert_eq!(lab.status(&request), pair("open", "pending-evaluation"));
    lab.pass(RUNNING).await;
    let shown = lab.spot_request(&request);
    assert_eq!(shown.text("state"), "active");
    assert_eq!(shown.tag("a").as_deref(), Some("b"));
    let instance = lab.instance(&shown.text("instanceId"));
    assert_eq!(
        (instance.text("instanceLifecycle"), instance.text("spotInstanceRequestId")),
        ("spot".to_owned(), request)
    );
    assert!(instance.all("tagSet/item").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_capacity_and_for_its_price_and_expires() {
    let lab = Lab::new();
    let region = super::REGION;
    lab.simulator.set_capacity(region, TYPE, "*", Capacity::None).unwrap();
    let request = lab.request("one-time", &[]);
    let late = lab.request("one-time", &[("ValidUntil", "2026-11-21T12:00:30Z")]);
    lab.pass(1.0).await;
    assert_eq!(lab.status(&request), pair("open", "capacity-not-available"));
    lab.pass(40.0).await;
    assert_eq!(lab.status(&late), pair("cancelled", "schedule-expired"));
    lab.simulator.set_capacity(region, TYPE, "*", Capacity::Available).unwrap();
    assert_eq!(lab.status(&request), pair("active", "fulfilled"));
    lab.simulator.set_price(region, TYPE, "*", Some(0.5)).unwrap();
    let low = lab.request("persistent", &[("SpotPrice", "0.4")]);
    lab.pass(1.0).await;
    assert_eq!(lab.status(&low), pair("open", "price-too-low"));
    let message = lab.spot_request(&low).text("status/message");
    assert!(message.contains("price of 0.4 is lower") && message.contains("price of 0.5."), "{message}");
    lab.simulator.set_price(region, TYPE, "*", Some(0.3)).unwrap();
    assert_eq!(lab.status(&low), pair("active", "fulfilled"));
    let prices = lab.ok(
        "DescribeSpotPriceHistory",
        &[("InstanceType.1", TYPE), ("AvailabilityZone", &zones()[0]), ("ProductDescription.1", "Linux/UNIX")],
    );
    assert_eq!(prices.texts("spotPriceHistorySet/item/spotPrice")[..2], ["0.300000", "0.500000"]);
}

#[tokio::test(start_paused = true)]
async fn an_open_request_can_be_cancelled_before_anything_is_launched() {
    let lab = Lab::new();
    let request = lab.request("persistent", &[]);
    lab.ok("CancelSpotInstanceRequests", &[("SpotInstanceRequestId.1", &request)]);
    lab.pass(60.0).await;
    assert_eq!(lab.status(&request), pair("cancelled", "canceled-before-fulfillment"));
    assert!(lab.simulator.show().unwrap().instances.is_empty());
}
