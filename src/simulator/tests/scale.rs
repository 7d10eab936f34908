//! A thousand nodes.

use super::{Lab, RUNNING, image};

#[tokio::test(start_paused = true)]
async fn a_thousand_nodes_have_addresses_of_their_own_and_come_in_one_page() {
    let lab = Lab::new();
    let tags = [
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "cloudtop:env"),
        ("TagSpecification.1.Tag.1.Value", "big"),
    ];
    let image = image();
    let mut parameters = vec![
        ("ImageId", image.as_str()),
        ("InstanceType", super::TYPE),
        ("MinCount", "1000"),
        ("MaxCount", "1000"),
        ("InstanceMarketOptions.MarketType", "spot"),
    ];
    parameters.extend(tags);
    let began = std::time::Instant::now();
    assert_eq!(lab.raw("RunInstances", &parameters).status, 200);
    let launched = began.elapsed();
    lab.pass(RUNNING).await;
    lab.simulator.show().unwrap();
    let began = std::time::Instant::now();
    let answer = lab.raw("DescribeInstances", &[("Filter.1.Name", "tag:cloudtop:env"), ("Filter.1.Value.1", "b*")]);
    let described = began.elapsed();
    let page = super::Node::parse(&answer.body);
    for path in ["ipAddress", "privateIpAddress", "instanceId", "spotInstanceRequestId"] {
        let mut values = page.texts(&format!("reservationSet/item/instancesSet/item/{path}"));
        values.sort();
        values.dedup();
        assert_eq!(values.len(), 1000, "{path}");
    }
    // Generous: a debug build on a busy machine. A quadratic step would take many times as long.
    assert!(launched.as_secs() < 5 && described.as_secs() < 5, "{launched:?}, {described:?}");
}
