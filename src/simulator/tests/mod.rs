//! Tests through the door, at the level of what goes over the wire. Time is virtual.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod behaviours;
mod doors;
mod faults;
mod fuzz;
mod interruption;
mod lag;
mod launching;
mod lifecycle;
mod protocol;
mod recorded;
mod scale;
mod services;
mod spot;
mod storage;
mod throttling;
mod world_file;
mod xml;

use std::time::Duration;

use super::catalog::{find_type, regions};
use super::faults::Delivery;
use super::images::images;
use super::protocol::{Answer, Request};
use super::{Settings, Simulator};
use crate::clock::Clock;
use xml::Node;

const REGION: &str = "us-west-2";
const TYPE: &str = "c7i.xlarge";

/// A simulator and the questions put to it.
struct Lab {
    simulator: Simulator,
}

impl Lab {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let clock = Clock::starting_at("2026-11-21T12:00:00Z".parse().unwrap());
        Self { simulator: Simulator::in_memory(settings, clock) }
    }

    fn raw(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        ask(&self.simulator, action, parameters)
    }

    fn ok(&self, action: &str, parameters: &[(&str, &str)]) -> Node {
        let answer = self.raw(action, parameters);
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        Node::parse(&answer.body)
    }

    /// The code of the error that must come.
    fn code(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let answer = self.raw(action, parameters);
        assert_ne!(answer.status, 200, "{action}: {}", answer.body);
        Node::parse(&answer.body).text("Errors/Error/Code")
    }

    async fn pass(&self, seconds: f64) {
        tokio::time::advance(Duration::from_secs_f64(seconds)).await;
    }

    /// RunInstances with these parameters beside the usual ones: the instances' ids.
    fn run(&self, more: &[(&str, &str)]) -> Vec<String> {
        let image = image();
        let mut parameters =
            vec![("ImageId", image.as_str()), ("InstanceType", TYPE), ("MinCount", "1"), ("MaxCount", "1")];
        parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        parameters.extend(more);
        self.ok("RunInstances", &parameters).texts("instancesSet/item/instanceId")
    }

    /// A persistent spot instance with a behaviour, and its request.
    fn run_spot(&self, behaviour: &str, more: &[(&str, &str)]) -> (String, String) {
        let mut parameters = vec![
            ("InstanceMarketOptions.MarketType", "spot"),
            ("InstanceMarketOptions.SpotOptions.SpotInstanceType", "persistent"),
            ("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", behaviour),
        ];
        parameters.extend(more);
        let instance = self.run(&parameters).remove(0);
        let requests = self.simulator.show().unwrap().spot_requests;
        let request = requests.into_iter().find(|it| it.instance_id.as_ref() == Some(&instance)).unwrap().id;
        (instance, request)
    }

    /// RequestSpotInstances for one instance.
    fn request(&self, kind: &str, more: &[(&str, &str)]) -> String {
        let image = image();
        let mut parameters = vec![
            ("LaunchSpecification.ImageId", image.as_str()),
            ("LaunchSpecification.InstanceType", TYPE),
            ("Type", kind),
        ];
        parameters.extend(more);
        self.ok("RequestSpotInstances", &parameters).text("spotInstanceRequestSet/item/spotInstanceRequestId")
    }

    fn instance(&self, id: &str) -> Node {
        self.ok("DescribeInstances", &[("InstanceId.1", id)]).child("reservationSet/item/instancesSet/item")
    }

    fn state(&self, id: &str) -> String {
        self.instance(id).text("instanceState/name")
    }

    fn spot_request(&self, id: &str) -> Node {
        self.ok("DescribeSpotInstanceRequests", &[("SpotInstanceRequestId.1", id)]).child("spotInstanceRequestSet/item")
    }

    /// A request's state and status code.
    fn status(&self, id: &str) -> (String, String) {
        let request = self.spot_request(id);
        (request.text("state"), request.text("status/code"))
    }
}

fn ask(simulator: &Simulator, action: &str, parameters: &[(&str, &str)]) -> Answer {
    answered(simulator.dispatch(&question(action, parameters, REGION)))
}

/// The answer, whenever it comes; there must be one.
fn answered(delivery: Delivery) -> Answer {
    match delivery {
        Delivery::Answer(answer) | Delivery::Late(_, answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

fn question(action: &str, parameters: &[(&str, &str)], region: &str) -> Request {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", action)
        .append_pair("Version", "2016-11-15")
        .extend_pairs(parameters)
        .finish();
    let header =
        format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/{region}/ec2/aws4_request, SignedHeaders=host");
    Request::read("", body.as_bytes(), Some(&header), None)
}

/// An x86_64 image of the region.
fn image() -> String {
    images(REGION)
        .into_iter()
        .find(|image| image.architecture == "x86_64" && image.deprecation_time.is_none())
        .unwrap()
        .id
}

/// The zones of the region that offer the usual type.
fn zones() -> Vec<String> {
    super::pools::zones_for(REGION, find_type(TYPE).unwrap())
}

#[test]
fn the_usual_region_and_type_are_there() {
    assert!(regions().iter().any(|region| region.name == REGION));
    assert!(zones().len() > 1);
}

/// What a demonstration takes at most until a launched instance runs and is seen.
const RUNNING: f64 = 1.6;
/// The same until a stopping one is stopped, or an ending one terminated.
const STOPPED: f64 = 1.6;
