//! The doors themselves: the connector, HTTP, ssh.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::{Lab, Node, RUNNING};
use crate::clock::Clock;
use crate::simulator::door::connector::connector;
use crate::simulator::{FaultRule, Settings, Simulator, serve};

fn header(region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/{region}/ec2/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn through_the_connector(simulator: &Simulator, region: &str) -> Option<(u16, String)> {
    answered_by_the_connector(simulator, region).await.ok()
}

async fn answered_by_the_connector(simulator: &Simulator, region: &str) -> Result<(u16, String), ConnectorError> {
    let mut request = HttpRequest::new(SdkBody::from("Action=DescribeAvailabilityZones&Version=2016-11-15"));
    request.set_method("POST").unwrap();
    request.set_uri(format!("https://ec2.{region}.amazonaws.com/")).unwrap();
    request.headers_mut().insert("authorization", header(region));
    let response = connector(simulator.clone()).call(request).await?;
    let body = String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap();
    Ok((response.status().as_u16(), body))
}

#[tokio::test(start_paused = true)]
async fn the_connector_answers_in_the_region_signed_for() {
    let lab = Lab::new();
    let (status, body) = through_the_connector(&lab.simulator, "eu-west-1").await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(Node::parse(&body).texts("availabilityZoneInfo/item/zoneName")[0], "eu-west-1a");
    assert!(through_the_connector(&lab.simulator, "eu-nowhere-1").await.is_none(), "no such host");
}

#[tokio::test(start_paused = true)]
async fn the_connector_breaks_delays_and_hangs_as_the_faults_say() {
    let lab = Lab::new();
    let call = || answered_by_the_connector(&lab.simulator, "us-west-2");
    let fault = |words: &str| {
        lab.simulator.remove_faults("*").unwrap();
        lab.simulator.add_fault(FaultRule::new("*", words.parse().unwrap())).unwrap();
    };
    for words in ["refuse", "reset-before", "reset-after"] {
        fault(words);
        let error = call().await.unwrap_err();
        assert!(error.is_io(), "{words}: {error:?}");
    }
    fault("late 30s");
    let begun = Instant::now();
    assert_eq!(call().await.unwrap().0, 200);
    assert_eq!(begun.elapsed().as_secs(), 30, "in virtual time");
    for words in ["hang-before", "hang-after"] {
        fault(words);
        assert!(tokio::time::timeout(Duration::from_secs(3600), call()).await.is_err(), "{words}");
    }
}

#[tokio::test]
async fn the_http_door_closes_the_connection_or_cuts_the_answer() {
    let simulator = Simulator::in_memory(Settings::default(), Clock::system());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = tokio::spawn(serve(simulator.clone(), listener, std::future::pending()));
    let ask = || {
        let common = format!("Host: {address}\r\nConnection: close\r\nAuthorization: {}\r\n", header("eu-west-1"));
        over_http(address, format!("GET /?Action=DescribeVpcs&Version=2016-11-15 HTTP/1.1\r\n{common}\r\n"))
    };
    assert!(ask().await.contains("</DescribeVpcsResponse>"));
    for (words, answered) in [("reset-after", false), ("refuse", false), ("truncate", true)] {
        simulator.remove_faults("*").unwrap();
        simulator.add_fault(FaultRule::new("*", words.parse().unwrap())).unwrap();
        let answer = ask().await;
        assert_eq!(answer.starts_with("HTTP/1.1 200"), answered, "{words}: {answer}");
        assert!(!answer.contains("</DescribeVpcsResponse>"), "{words}: {answer}");
    }
    door.abort();
}

async fn over_http(address: std::net::SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_http_door_answers_get_and_post_and_closes_when_told() {
    let simulator = Simulator::in_memory(Settings::default(), Clock::system());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let door = tokio::spawn(serve(simulator, listener, async {
        let _ = stopped.await;
    }));
    let body = "Action=DescribeVpcs&Version=2016-11-15";
    let common = format!("Host: {address}\r\nConnection: close\r\nAuthorization: {}\r\n", header("eu-west-1"));
    let post = format!("POST / HTTP/1.1\r\n{common}Content-Length: {}\r\n\r\n{body}", body.len());
    let answer = over_http(address, post).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-type: text/xml;charset=UTF-8"), "{answer}");
    assert!(answer.contains("<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">"));
    let get = format!("GET /?{body} HTTP/1.1\r\n{common}\r\n");
    assert!(over_http(address, get).await.contains("<vpcId>"));
    let unsigned = format!("GET /?{body} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    assert!(over_http(address, unsigned).await.starts_with("HTTP/1.1 403"));
    stop.send(()).unwrap();
    door.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_node_greets_as_an_ssh_server_does_over_a_pipe() {
    let lab = Lab::new();
    let id = lab.run(&[]).remove(0);
    let (near, far) = tokio::io::duplex(4096);
    assert!(lab.simulator.serve_ssh(&id, far).await.is_err(), "it has not booted");
    drop(near);
    lab.pass(RUNNING + 1.0).await;
    let (mut near, far) = tokio::io::duplex(4096);
    let simulator = lab.simulator.clone();
    let served = tokio::spawn(async move { simulator.serve_ssh(&id, far).await });
    let mut greeting = [0; 8];
    near.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"SSH-2.0-");
    drop(near);
    let _ = served.await.unwrap();
}
