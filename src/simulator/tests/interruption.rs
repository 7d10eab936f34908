//! Interruptions with each behaviour.

use std::time::Duration;

use super::{Lab, RUNNING, STOPPED, TYPE};
use crate::simulator::{Capacity, Reason, Target};

fn pair(state: &str, code: &str) -> (String, String) {
    (state.to_owned(), code.to_owned())
}

fn one(id: &str) -> Target {
    Target::Instances(vec![id.to_owned()])
}

#[tokio::test(start_paused = true)]
async fn stop_stops_and_ec2_alone_starts_again_when_capacity_is_back() {
    let lab = Lab::new();
    let (instance, request) = lab.run_spot("stop", &[]);
    lab.pass(RUNNING).await;
    let interrupted = lab.simulator.interrupt(&one(&instance), Reason::Capacity, Duration::ZERO).unwrap();
    assert_eq!((interrupted[0].instance_id.as_str(), interrupted[0].behaviour), (instance.as_str(), "stop"));
    assert_eq!(lab.state(&instance), "stopping");
    lab.pass(STOPPED).await;
    assert_eq!(lab.status(&request), pair("disabled", "instance-stopped-no-capacity"));
    assert_eq!(lab.instance(&instance).text("stateReason/code"), "Server.SpotInstanceShutdown");
    assert_eq!(lab.code("StartInstances", &[("InstanceId.1", &instance)]), "IncorrectSpotRequestState");
    lab.simulator.set_capacity(super::REGION, TYPE, "*", Capacity::None).unwrap();
    lab.pass(60.0).await;
    assert_eq!(lab.state(&instance), "stopped", "the pool is dry");
    lab.simulator.set_capacity(super::REGION, TYPE, "*", Capacity::Available).unwrap();
    lab.pass(3.0 + RUNNING).await;
    assert_eq!(lab.state(&instance), "running");
    assert_eq!(lab.status(&request), pair("active", "fulfilled"));
}

#[tokio::test(start_paused = true)]
async fn terminate_ends_the_instance_and_a_persistent_request_launches_a_new_one() {
    let lab = Lab::new();
    let request = lab.request("persistent", &[]);
    lab.pass(RUNNING + 0.5).await;
    let first = lab.spot_request(&request).text("instanceId");
    lab.simulator.interrupt(&one(&first), Reason::Capacity, Duration::ZERO).unwrap();
    assert_eq!(lab.state(&first), "shutting-down");
    lab.pass(STOPPED).await;
    assert_eq!(lab.status(&request), pair("open", "instance-terminated-no-capacity"));
    assert_eq!(lab.instance(&first).text("stateReason/code"), "Server.SpotInstanceTermination");
    lab.pass(5.0 + RUNNING).await;
    let second = lab.spot_request(&request).text("instanceId");
    assert_ne!(first, second);
    assert_eq!(lab.state(&second), "running");
}

#[tokio::test(start_paused = true)]
async fn a_one_time_request_closes_when_its_instance_is_interrupted() {
    let lab = Lab::new();
    let request = lab.request("one-time", &[]);
    lab.pass(RUNNING + 0.5).await;
    let instance = lab.spot_request(&request).text("instanceId");
    lab.simulator.interrupt(&one(&instance), Reason::Price, Duration::ZERO).unwrap();
    lab.pass(60.0).await;
    assert_eq!(lab.status(&request), pair("closed", "instance-terminated-by-price"));
    assert!(lab.simulator.show().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn hibernate_stops_as_stop_does() {
    let lab = Lab::new();
    let disk = [
        ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "30"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
    ];
    let image = crate::simulator::images::images(super::REGION);
    let image = image.iter().find(|it| it.architecture == "x86_64" && it.root_device_name == "/dev/sda1").unwrap();
    let mut parameters = disk.to_vec();
    parameters.push(("ImageId", &image.id));
    let (instance, request) = lab.run_spot("hibernate", &parameters);
    lab.pass(RUNNING).await;
    assert_eq!(lab.instance(&instance).text("hibernationOptions/configured"), "true");
    lab.simulator.interrupt(&one(&instance), Reason::Capacity, Duration::ZERO).unwrap();
    lab.pass(STOPPED).await;
    assert_eq!(lab.status(&request), pair("disabled", "instance-stopped-no-capacity"));
}

#[tokio::test(start_paused = true)]
async fn a_notice_marks_the_request_first() {
    let lab = Lab::new();
    let (instance, request) = lab.run_spot("stop", &[]);
    lab.pass(RUNNING).await;
    lab.simulator.interrupt(&one(&instance), Reason::Capacity, Duration::from_secs(120)).unwrap();
    assert_eq!(lab.status(&request), pair("active", "marked-for-stop"));
    lab.pass(119.0).await;
    assert_eq!(lab.state(&instance), "running");
    lab.pass(1.0).await;
    assert_eq!(lab.state(&instance), "stopping");
}

#[tokio::test(start_paused = true)]
async fn an_environments_nodes_are_found_by_the_tags_of_instance_or_request() {
    let lab = Lab::new();
    let tags = |kind: &'static str, node: &'static str| {
        [
            ("TagSpecification.1.ResourceType", kind),
            ("TagSpecification.1.Tag.1.Key", "cloudtop:env"),
            ("TagSpecification.1.Tag.1.Value", "dev"),
            ("TagSpecification.1.Tag.2.Key", "cloudtop:node"),
            ("TagSpecification.1.Tag.2.Value", node),
        ]
    };
    let (first, _) = lab.run_spot("stop", &tags("instance", "0"));
    let request = lab.request("persistent", &tags("spot-instances-request", "1"));
    lab.run_spot("stop", &[]);
    lab.pass(RUNNING + 0.5).await;
    let second = lab.spot_request(&request).text("instanceId");
    let interrupt = |node| {
        let target = Target::Environment { name: "dev".to_owned(), node };
        let found = lab.simulator.interrupt(&target, Reason::Capacity, Duration::ZERO).unwrap();
        found.into_iter().map(|it| it.instance_id).collect::<Vec<_>>()
    };
    assert_eq!(interrupt(Some(1)), [second.as_str()]);
    assert_eq!(interrupt(None), [first.as_str()], "the other is ending already");
    let unknown = lab.simulator.interrupt(&one("i-0123456789abcdef0"), Reason::Price, Duration::ZERO);
    assert!(unknown.unwrap_err().to_string().contains("i-0123456789abcdef0"));
}

#[tokio::test(start_paused = true)]
async fn a_price_above_the_limit_interrupts_and_a_fall_brings_back() {
    let lab = Lab::new();
    lab.simulator.set_price(super::REGION, TYPE, "*", Some(0.1)).unwrap();
    let limit = [("InstanceMarketOptions.SpotOptions.MaxPrice", "0.2")];
    let (instance, request) = lab.run_spot("stop", &limit);
    lab.pass(RUNNING).await;
    let interrupted = lab.simulator.set_price(super::REGION, TYPE, "*", Some(0.3)).unwrap();
    assert_eq!(interrupted.len(), 1);
    lab.pass(60.0).await;
    assert_eq!(lab.status(&request), pair("disabled", "instance-stopped-by-price"));
    lab.simulator.set_price(super::REGION, TYPE, "*", Some(0.1)).unwrap();
    lab.pass(2.5 + RUNNING).await;
    assert_eq!(lab.state(&instance), "running");
}
