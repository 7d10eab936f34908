//! Recorded answers of EC2 with changed bytes, through the real SDK client: whatever comes, an answer or a failure, in
//! time, and never a panic.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ec2::config::RuntimeComponents;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use proptest::prelude::*;

use super::{Cloud, Known, Settings, SharedHttpClient, Want};
use crate::domain::names::Identity;
use bytes::{changed, config, edits};

#[path = "../../tests/mutate/bytes.rs"]
mod bytes;

const CASES: u32 = 200;

macro_rules! recorded {
    ($($file:literal),* $(,)?) => {
        [$(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/", $file)).as_slice()),*]
    };
}

/// A far end that gives the same answer to all.
#[derive(Clone, Debug)]
struct FarEnd(Arc<Mutex<(u16, Vec<u8>)>>);

impl HttpConnector for FarEnd {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = self.0.lock().unwrap().clone();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))))
    }
}

impl HttpClient for FarEnd {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Asks for everything that this room reads.
async fn ask_all(cloud: &Cloud) {
    let identity = Identity { env: "dev".parse().unwrap(), owner: "owner".to_owned() };
    let known =
        Known { request_ids: &[], instance_ids: &[], existing_volume: Some("vol-1"), ssh_port: 22, want: Want::ALL };
    let _any = cloud.observe(&identity, &known).await;
    let _any = cloud.observe_all(None).await;
    let _any = cloud.regions().await;
    let types = ["m5.large".to_owned()];
    let _any = cloud.spot_prices(&types, &[], jiff::Timestamp::UNIX_EPOCH).await;
}

#[test]
fn an_answer_with_changed_bytes_is_an_answer_or_a_failure_in_time() {
    let recorded = recorded![
        "botocore-describe-instances.xml",
        "botocore-describe-spot-instance-requests.xml",
        "til-describe-spot-instance-requests.xml",
        "botocore-describe-volumes.xml",
        "botocore-describe-security-groups.xml",
        "botocore-describe-key-pairs.xml",
        "botocore-describe-regions.xml",
        "botocore-describe-spot-price-history.xml",
        "botocore-error-describe-instances.xml",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let far_end = FarEnd(Arc::default());
    let settings = Settings {
        region: Some("us-east-1".to_owned()),
        http_client: Some(SharedHttpClient::new(far_end.clone())),
        static_credentials: true,
        ..Settings::default()
    };
    let cloud = runtime.block_on(Cloud::connect(&settings)).unwrap();
    let statuses = prop_oneof![4 => Just(200u16), 1 => Just(400), 1 => Just(503)];
    proptest!(config(CASES), |(which in 0..recorded.len(), edits in edits(), status in statuses)| {
        *far_end.0.lock().unwrap() = (status, changed(recorded[which], &edits));
        let before: u64 = cloud.call_counts().values().sum();
        // All tries of all calls with all their pauses take far less.
        let within = Duration::from_secs(1800);
        let ended = runtime.block_on(async { tokio::time::timeout(within, ask_all(&cloud)).await });
        prop_assert!(ended.is_ok(), "it does not end");
        let calls = cloud.call_counts().values().sum::<u64>() - before;
        prop_assert!(calls < 200, "{calls} calls");
    });
}
