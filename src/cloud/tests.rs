//! The room as a whole, over the real SDK client, against answers given word for word.

use std::sync::{Arc, Mutex};

use aws_sdk_ec2::config::RuntimeComponents;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use uuid::Uuid;

use super::{Cloud, Known, Settings, SharedHttpClient, Want};
use crate::domain::call::{Call, Launch, Tags};
use crate::domain::demand::Arch;
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::Interruption;
use crate::domain::market::Image;
use crate::domain::names::Identity;
use crate::domain::pools::Pool;
use crate::domain::quota::{Limit, Purchase};

/// A far end that answers by a function of the request's body, and keeps what it was asked.
#[derive(Clone)]
struct FarEnd {
    asked: Arc<Mutex<Vec<String>>>,
    answer: fn(&str) -> (u16, String),
}

impl FarEnd {
    fn new(answer: fn(&str) -> (u16, String)) -> Self {
        Self { asked: Arc::default(), answer }
    }

    async fn cloud(&self) -> Cloud {
        let settings = Settings {
            region: Some("us-east-1".to_owned()),
            http_client: Some(SharedHttpClient::new(self.clone())),
            static_credentials: true,
            ..Settings::default()
        };
        Cloud::connect(&settings).await.unwrap()
    }
}

impl std::fmt::Debug for FarEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FarEnd")
    }
}

impl HttpConnector for FarEnd {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
        let (status, answer) = (self.answer)(&body);
        self.asked.lock().unwrap().push(body);
        let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer));
        HttpConnectorFuture::ready(Ok(answer))
    }
}

impl HttpClient for FarEnd {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn error(code: &str) -> String {
    format!("<Response><Errors><Error><Code>{code}</Code><Message>why</Message></Error></Errors></Response>")
}

/// An answer to whatever action the body names.
fn success(body: &str, inner: &str) -> (u16, String) {
    let action = body.strip_prefix("Action=").and_then(|rest| rest.split('&').next()).unwrap();
    (200, format!("<{action}Response>{inner}</{action}Response>"))
}

fn identity() -> Identity {
    Identity { env: "dev".parse().unwrap(), owner: "owner".to_owned() }
}

async fn launch(cloud: &Cloud) -> Failure {
    let image = Image {
        id: "ami-1".to_owned(),
        name: String::new(),
        arch: Arch::X86_64,
        root_device: "/dev/sda1".to_owned(),
        root_gib: 8,
    };
    let launch = Launch {
        nodes: vec![0],
        at_least: 1,
        pool: Pool { instance_type: "m5.large".to_owned(), zone: "us-east-1a".to_owned(), subnet: None },
        price: 0.04,
        on_demand: false,
        image,
        root_gib: 8,
        key_name: "key".to_owned(),
        group_id: "sg-1".to_owned(),
        interface_id: None,
        user_data: String::new(),
        on_interruption: Interruption::Stop,
        one_time: false,
        max_price: None,
        valid_until: None,
        ephemeral_disks: 0,
        shutdown_terminates: false,
        instance_profile: None,
        tags: Tags::new(),
    };
    cloud.perform(&identity(), &Tags::new(), &Call::Launch(launch), Uuid::nil()).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_dry_pool_that_answers_with_http_500_is_asked_once() {
    let cloud = FarEnd::new(|_| (500, error("InsufficientInstanceCapacity"))).cloud().await;
    assert_eq!(launch(&cloud).await.class, Class::Capacity);
    assert_eq!(cloud.call_counts()["RunInstances"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_may_have_happened_is_sent_again_with_the_same_token() {
    let far_end = FarEnd::new(|_| (503, "<html>go away</html>".to_owned()));
    let cloud = far_end.cloud().await;
    let failure = launch(&cloud).await;
    assert_eq!((failure.code.as_str(), failure.class), ("UnreadableAnswer", Class::Ambiguous));
    let token = format!("ClientToken={}", Uuid::nil());
    let asked = far_end.asked.lock().unwrap();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|body| body.contains(&token)));
}

#[tokio::test(start_paused = true)]
async fn a_relaunch_without_tags_is_found_by_its_request() {
    let far_end = FarEnd::new(|body| {
        let request = "<spotInstanceRequestSet><item><spotInstanceRequestId>sir-1</spotInstanceRequestId>\
             <state>active</state><instanceId>i-9</instanceId></item></spotInstanceRequestSet>";
        let instance = "<reservationSet><item><instancesSet><item><instanceId>i-9</instanceId></item></instancesSet>\
             </item></reservationSet>";
        let inner = match body {
            _ if body.contains("Action=DescribeSpotInstanceRequests") => request,
            _ if body.contains("Filter.1.Name=instance-id&Filter.1.Value.1=i-9") => instance,
            _ => "",
        };
        success(body, inner)
    });
    let cloud = far_end.cloud().await;
    let known = Known {
        request_ids: &[],
        instance_ids: &[],
        existing_volume: None,
        ssh_port: 22,
        want: Want { volumes: false, groups: false, interfaces: false, snapshots: false, keys: false },
    };
    let observed = cloud.observe(&identity(), &known).await.unwrap();
    assert_eq!(observed.instances.len(), 1);
    assert_eq!((observed.instances[0].id.as_str(), &observed.instances[0].node_tag), ("i-9", &None));
    let calls = cloud.call_counts();
    assert_eq!((calls["DescribeInstances"], calls["DescribeSpotInstanceRequests"]), (2, 1));
    assert!(!calls.contains_key("DescribeVolumes"));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_ends_in_the_middle_is_no_answer() {
    let far_end = FarEnd::new(|body| {
        let (status, whole) = success(body, "<volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet>");
        let end = if body.contains("Action=DescribeVolumes") { whole.len() / 2 } else { whole.len() };
        (status, whole[..end].to_owned())
    });
    let cloud = far_end.cloud().await;
    let known = Known { request_ids: &[], instance_ids: &[], existing_volume: None, ssh_port: 22, want: Want::ALL };
    let failure = cloud.observe(&identity(), &known).await.unwrap_err();
    assert_eq!((failure.action.as_str(), failure.class), ("DescribeVolumes", Class::Ambiguous));
    assert_eq!(cloud.call_counts()["DescribeVolumes"], 4, "asked again, for it may be whole the next time");
}

#[tokio::test(start_paused = true)]
async fn a_group_of_the_same_name_that_is_not_ours_is_not_taken() {
    let far_end = FarEnd::new(|body| {
        if body.contains("Action=CreateSecurityGroup") {
            return (400, error("InvalidGroup.Duplicate"));
        }
        let group = "<securityGroupInfo><item><groupId>sg-1</groupId></item></securityGroupInfo>";
        success(body, group)
    });
    let call = Call::CreateGroup { name: "cloudtop-dev".to_owned(), vpc_id: "vpc-1".to_owned() };
    let failure = far_end.cloud().await.perform(&identity(), &Tags::new(), &call, Uuid::nil()).await.unwrap_err();
    assert_eq!(failure.class, Class::BadRequest);
    assert!(failure.message.starts_with("security group cloudtop-dev in vpc-1 exists"), "{}", failure.message);
}

/// How many ids a body names.
fn ids_in(body: &str) -> usize {
    body.matches("InstanceId.").count()
}

async fn terminate(far_end: &FarEnd, ids: &[&str]) -> Result<(), Failure> {
    let call = Call::Terminate { ids: ids.iter().map(|id| (*id).to_owned()).collect() };
    far_end.cloud().await.perform(&identity(), &Tags::new(), &call, Uuid::nil()).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn the_rest_is_terminated_when_some_are_gone() {
    let far_end = FarEnd::new(|body| match ids_in(body) {
        3 => (400, error("InvalidInstanceID.NotFound").replace("why", "The instance IDs 'i-1, i-3' do not exist")),
        _ => success(body, ""),
    });
    terminate(&far_end, &["i-1", "i-2", "i-3"]).await.unwrap();
    let asked = far_end.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].ends_with("InstanceId.1=i-2"), "{}", asked[1]);
}

#[tokio::test(start_paused = true)]
async fn each_is_tried_when_ec2_does_not_say_which_is_gone() {
    let far_end = FarEnd::new(|body| match body.contains("=i-1") {
        true => (400, error("InvalidInstanceID.NotFound")),
        false => success(body, ""),
    });
    terminate(&far_end, &["i-1", "i-2"]).await.unwrap();
    let asked: Vec<usize> = far_end.asked.lock().unwrap().iter().map(|body| ids_in(body)).collect();
    assert_eq!(asked, [2, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_termination_that_is_denied_is_no_success() {
    let far_end = FarEnd::new(|_| (403, error("UnauthorizedOperation")));
    assert_eq!(terminate(&far_end, &["i-1"]).await.unwrap_err().class, Class::Denied);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_ids_are_two_calls() {
    let far_end = FarEnd::new(|body| success(body, ""));
    let many: Vec<String> = (0..1000).map(|n| format!("i-{n}")).collect();
    terminate(&far_end, &many.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    let asked: Vec<usize> = far_end.asked.lock().unwrap().iter().map(|body| ids_in(body)).collect();
    assert_eq!(asked, [500, 500]);
}

/// Calls for many nodes run as tasks of their own.
#[tokio::test]
async fn every_call_can_be_spawned() {
    fn sendable<T: Send>(_: &T) {}
    let cloud = FarEnd::new(|_| (200, String::new())).cloud().await;
    let (identity, tags, call) = (identity(), Tags::new(), Call::Start { ids: Vec::new() });
    let known = Known { request_ids: &[], instance_ids: &[], existing_volume: None, ssh_port: 22, want: Want::ALL };
    sendable(&cloud.perform(&identity, &tags, &call, Uuid::nil()));
    sendable(&cloud.observe(&identity, &known));
    sendable(&cloud.observe_all(None));
    sendable(&cloud.spot_prices(&[], &[], jiff::Timestamp::UNIX_EPOCH));
    sendable(&cloud.ensure_region_exists());
}

/// What EC2 answers about an account that runs a c5.large and a g5.xlarge, and asks for an m5.xlarge.
fn account(body: &str) -> (u16, String) {
    let instance = |name: &str| {
        format!("<item><instanceType>{name}</instanceType><instanceLifecycle>spot</instanceLifecycle></item>")
    };
    let info = |name: &str, vcpus: u32| {
        format!(
            "<item><instanceType>{name}</instanceType><vCpuInfo><defaultVCpus>{vcpus}</defaultVCpus></vCpuInfo></item>"
        )
    };
    let inner = match body {
        _ if body.contains("Action=DescribeInstances&") => {
            let items = instance("c5.large") + &instance("g5.xlarge");
            format!("<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>")
        }
        _ if body.contains("Action=DescribeSpotInstanceRequests") => "<spotInstanceRequestSet><item>\
             <launchSpecification><instanceType>m5.xlarge</instanceType></launchSpecification></item>\
             </spotInstanceRequestSet>"
            .to_owned(),
        _ if body.contains("Action=DescribeInstanceTypes") => {
            let items = info("c5.large", 2) + &info("m5.xlarge", 4) + &info("m7a.2xlarge", 8);
            format!("<instanceTypeSet>{items}</instanceTypeSet>")
        }
        _ => return (400, error("UnknownOperationException")),
    };
    success(body, &inner)
}

#[tokio::test(start_paused = true)]
async fn a_quota_counts_its_own_families_and_open_requests() {
    let far_end = FarEnd::new(|body| match body {
        _ if body.contains("QuotaCode") => (200, r#"{"Quota":{"QuotaCode":"L-34B43A08","Value":16.0}}"#.to_owned()),
        _ => account(body),
    });
    let quota = far_end.cloud().await.quota_use("m7a.2xlarge", Purchase::Spot).await.unwrap().unwrap();
    assert_eq!((quota.quota.code, quota.limit.clone(), quota.used), ("L-34B43A08", Limit::Applied(16), 6));
    assert_eq!((quota.each, quota.has_room_for(1), quota.has_room_for(2)), (Some(8), Some(true), Some(false)));
    let asked = far_end.asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|body| body.contains("QuotaCode")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_an_account_has_no_value_of_its_own_the_default_is_asked_for() {
    let far_end = FarEnd::new(|body| match body {
        _ if body.contains("QuotaCode") => (400, r#"{"__type":"NoSuchResourceException"}"#.to_owned()),
        _ => account(body),
    });
    let cloud = far_end.cloud().await;
    let quota = cloud.quota_use("m7a.2xlarge", Purchase::Spot).await.unwrap().unwrap();
    // The default is not told here either.
    assert!(matches!(quota.limit, Limit::Unknown(_)), "{quota:?}");
    let calls = cloud.call_counts();
    assert_eq!((calls["GetServiceQuota"], calls["GetAWSDefaultServiceQuota"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_may_not_be_asked_for_is_no_failure() {
    let far_end = FarEnd::new(|body| match body {
        _ if body.contains("QuotaCode") => {
            (400, r#"{"__type":"AccessDeniedException","Message":"User: me is not authorized"}"#.to_owned())
        }
        _ => account(body),
    });
    let quota = far_end.cloud().await.quota_use("m7a.2xlarge", Purchase::Spot).await.unwrap().unwrap();
    assert_eq!((quota.used, quota.has_room_for(1)), (6, None));
    assert!(
        matches!(&quota.limit, Limit::Unknown(why) if why.contains("may not call servicequotas:GetServiceQuota")),
        "{quota:?}"
    );
}
