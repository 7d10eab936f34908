//! Requests and world files that are broken on purpose: an answer in EC2's form or a clear error, never a panic.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Answer, Lab, Node, Request, ask, image, zones};
use crate::clock::Clock;
use crate::simulator::door::connector::connector;
use crate::simulator::faults::Delivery;
use crate::simulator::{Settings, Simulator, SimulatorError, serve};
use mutate::bytes::{changed, config, edits};
use mutate::json::{altered, changes};

#[path = "../../../tests/mutate/mod.rs"]
mod mutate;

const REQUEST_CASES: u32 = 400;
const DOOR_CASES: u32 = 150;
const FILE_CASES: u32 = 150;

const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-west-2/ec2/aws4_request, SignedHeaders=host";

/// Requests that are good, of all kinds.
fn bodies() -> Vec<String> {
    let (image, zone) = (image(), zones().remove(0));
    let run = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId={image}&InstanceType=c7i.xlarge&MinCount=1&MaxCount=3&ClientToken=t\
         &InstanceMarketOptions.MarketType=spot&InstanceMarketOptions.SpotOptions.SpotInstanceType=persistent\
         &InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=stop&InstanceMarketOptions.SpotOptions.MaxPrice=0.5\
         &BlockDeviceMapping.1.DeviceName=%2Fdev%2Fsda1&BlockDeviceMapping.1.Ebs.VolumeSize=20\
         &NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.AssociatePublicIpAddress=true\
         &TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b&UserData=IyE%3D"
    );
    let request = format!(
        "Action=RequestSpotInstances&InstanceCount=2&Type=persistent&SpotPrice=0.5&ValidUntil=2027-01-01T00:00:00Z\
         &LaunchSpecification.ImageId={image}&LaunchSpecification.InstanceType=c7i.xlarge\
         &LaunchSpecification.Placement.AvailabilityZone={zone}"
    );
    let rule = "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22\
                &IpPermissions.1.IpRanges.1.CidrIp=192.0.2.1%2F32";
    let key =
        "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSU9NcXFua1Z6cm0wU2RHNlVPb3FLTHNhYmdINUM5b2tXaTBkaDJsOUdLSmw=";
    vec![
        run,
        request,
        format!("Action=CreateVolume&AvailabilityZone={zone}&Size=8&VolumeType=gp3&ClientToken=v&Iops=3000"),
        "Action=DescribeInstances&Filter.1.Name=tag:a&Filter.1.Value.1=*&MaxResults=5&NextToken=".to_owned(),
        "Action=DescribeSpotPriceHistory&InstanceType.1=m5.large&StartTime=2026-01-02T03:04:05Z&MaxResults=9"
            .to_owned(),
        "Action=DescribeInstanceTypes&Filter.1.Name=instance-type&Filter.1.Value.1=m5.*&MaxResults=5".to_owned(),
        "Action=DescribeImages&Owner.1=amazon&Filter.1.Name=name&Filter.1.Value.1=al2023-*".to_owned(),
        "Action=CreateSecurityGroup&GroupName=g&GroupDescription=d".to_owned(),
        format!("Action=AuthorizeSecurityGroupIngress&GroupName=g&{rule}"),
        format!("Action=ImportKeyPair&KeyName=k&PublicKeyMaterial={key}"),
        "Action=CreateTags&ResourceId.1=i-0123456789abcdef0&Tag.1.Key=a&Tag.1.Value=b".to_owned(),
        "Action=TerminateInstances&InstanceId.1=i-0123456789abcdef0&InstanceId.2=i-1&DryRun=true".to_owned(),
        "Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
        "Action=CreateNetworkInterface&SubnetId=subnet-1&PrivateIpAddress=172.31.0.9".to_owned(),
    ]
}

fn lab() -> Lab {
    // A world of its own would be slow to fill: one for all, as EC2 is.
    let lab = Lab::new();
    lab.ok("CreateSecurityGroup", &[("GroupName", "there"), ("GroupDescription", "d")]);
    lab.run(&[]);
    lab
}

fn answer_of(lab: &Lab, request: &Request) -> Answer {
    match lab.simulator.dispatch(request) {
        Delivery::Answer(answer) => answer,
        other => panic!("no fault was asked for: {other:?}"),
    }
}

/// An answer of EC2's form: XML that is whole, with a status of EC2's.
fn check(status: u16, body: &str) {
    assert!(matches!(status, 200 | 400 | 401 | 403 | 412 | 500 | 503), "{status} {body}");
    // Panics when it is no XML.
    let answer = Node::parse(body);
    assert!(status == 200 || !answer.text("Errors/Error/Code").is_empty() || body.contains("<Code>"), "{body}");
    assert!(!body.contains("InternalError"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_request_with_changed_bytes_gets_an_answer() {
    let (lab, bodies) = (lab(), bodies());
    for body in &bodies {
        let answer = answer_of(&lab, &Request::read("", body.as_bytes(), Some(HEADER), None));
        check(answer.status, &answer.body);
    }
    let whole = 0..bodies.len();
    proptest!(config(REQUEST_CASES), |(which in whole, edits in edits(), header in edits(), place in 0..3u8)| {
        let body = changed(bodies[which].as_bytes(), &edits);
        let text = String::from_utf8_lossy(&body).into_owned();
        let signed = String::from_utf8_lossy(&changed(HEADER.as_bytes(), &header)).into_owned();
        let request = match place {
            0 => Request::read(&text, b"", Some(HEADER), None),
            1 => Request::read("", &body, Some(HEADER), None),
            _ => Request::read("", &body, Some(&signed), Some(&text)),
        };
        let answer = answer_of(&lab, &request);
        check(answer.status, &answer.body);
    });
}

#[tokio::test(start_paused = true)]
async fn numbers_beyond_all_bounds_get_an_answer() {
    let (lab, bodies) = (lab(), bodies());
    let odd = [
        "-1",
        "0",
        "4294967295",
        "18446744073709551616",
        "1e308",
        "NaN",
        "inf",
        "-0",
        "",
        "\u{0}",
        "9999-12-31T23:59:59Z",
    ];
    for body in &bodies {
        let pairs: Vec<&str> = body.split('&').collect();
        for place in 1..pairs.len() {
            for value in odd {
                let (name, _) = pairs[place].split_once('=').unwrap();
                let mut other = pairs.clone();
                let pair = format!("{name}={value}");
                other[place] = &pair;
                let answer = answer_of(&lab, &Request::read("", other.join("&").as_bytes(), Some(HEADER), None));
                check(answer.status, &answer.body);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_door_in_process_takes_any_request() {
    let (lab, bodies) = (lab(), bodies());
    let door = connector(lab.simulator.clone());
    proptest!(config(DOOR_CASES), |(which in 0..bodies.len(), edits in edits(), uri in edits(), header in edits())| {
        let mut request = HttpRequest::new(SdkBody::from(changed(bodies[which].as_bytes(), &edits)));
        let _refused = request.set_method("POST");
        let uri = changed(b"https://ec2.us-west-2.amazonaws.com/?Action=DescribeVpcs", &uri);
        let _refused = request.set_uri(String::from_utf8_lossy(&uri).into_owned());
        let header = String::from_utf8_lossy(&changed(HEADER.as_bytes(), &header)).into_owned();
        let _refused = request.headers_mut().try_insert("authorization", header);
        // The door answers at once: what it gives is there when it is asked for.
        let answer = futures_now(door.call(request));
        if let Some(Ok(answer)) = answer {
            let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
            check(answer.status().as_u16(), &body);
        }
    });
}

/// What a future has by now.
fn futures_now<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn the_http_door_outlives_any_bytes() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let simulator = Simulator::in_memory(Settings::default(), runtime.block_on(async { Clock::system() }));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(simulator, listener, std::future::pending()));
    // It may hang up before all is sent, or wait for more when the length that it was told is more than it gets.
    let send = |bytes: &[u8], patience: Duration| -> Vec<u8> {
        let mut answer = Vec::new();
        runtime.block_on(async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let _hung_up = stream.write_all(bytes).await;
            let _late = tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await;
        });
        answer
    };
    let (soon, surely) = (Duration::from_millis(50), Duration::from_secs(60));
    let body = "Action=DescribeVpcs&Version=2016-11-15";
    let good = format!(
        "POST /?a=b HTTP/1.1\r\nHost: ec2.us-west-2.amazonaws.com\r\nConnection: close\r\nAuthorization: {HEADER}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(send(good.as_bytes(), surely).starts_with(b"HTTP/1.1 200"));
    proptest!(config(DOOR_CASES), |(edits in edits())| {
        let answer = send(&changed(good.as_bytes(), &edits), soon);
        prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
    });
    assert!(send(good.as_bytes(), surely).starts_with(b"HTTP/1.1 200"), "it still answers");
}

/// A world's file with a little of everything in it.
fn world_file() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world.jsonl");
    let simulator = Simulator::open(&path, clock()).unwrap();
    for body in bodies() {
        simulator.dispatch(&Request::read("", body.as_bytes(), Some(HEADER), None));
    }
    simulator.set_price("us-west-2", super::TYPE, "*", Some(0.07)).unwrap();
    std::fs::read(&path).unwrap()
}

fn clock() -> Clock {
    Clock::starting_at("2026-11-21T12:00:00Z".parse().unwrap())
}

/// A world's file of these bytes is used, or refused by its name and left as it is.
fn use_world(bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world.jsonl");
    std::fs::write(&path, bytes).unwrap();
    match Simulator::open(&path, clock()) {
        Ok(simulator) => {
            simulator.show().unwrap();
            for action in
                ["DescribeInstances", "DescribeSpotInstanceRequests", "DescribeVolumes", "DescribeSecurityGroups"]
            {
                let answer = ask(&simulator, action, &[]);
                check(answer.status, &answer.body);
            }
        }
        Err(error) => {
            assert!(matches!(error, SimulatorError::Damaged { .. } | SimulatorError::Format { .. }), "{error:?}");
            assert!(error.to_string().contains("world.jsonl"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "what is not understood is left as it is");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_world_file_with_changed_bytes_is_used_or_refused() {
    let good = world_file();
    use_world(&good);
    proptest!(config(FILE_CASES), |(edits in edits())| use_world(&changed(&good, &edits)));
}

#[tokio::test(start_paused = true)]
async fn a_world_file_whose_lines_say_other_things_is_used_or_refused() {
    let good = String::from_utf8(world_file()).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    proptest!(config(FILE_CASES), |(line in 0..lines.len(), changes in changes())| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[line] = altered(&serde_json::from_str(&lines[line]).unwrap(), &changes).to_string();
        use_world(format!("{}\n", lines.join("\n")).as_bytes());
    });
}
