//! What is asked besides EC2's own actions: IAM, Service Quotas, the time, and dry runs.

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::{Lab, REGION, ask};
use crate::simulator::door::connector::connector;
use crate::simulator::protocol::Request;

const SPOT_ROLE: &str = "AWSServiceRoleForEC2Spot";

/// Every action that changes something.
const CHANGES: [&str; 21] = [
    "AttachVolume",
    "AuthorizeSecurityGroupIngress",
    "CancelSpotInstanceRequests",
    "CreateNetworkInterface",
    "CreateSecurityGroup",
    "CreateTags",
    "CreateVolume",
    "DeleteKeyPair",
    "DeleteNetworkInterface",
    "DeleteSecurityGroup",
    "DeleteTags",
    "DeleteVolume",
    "DetachVolume",
    "ImportKeyPair",
    "ModifyNetworkInterfaceAttribute",
    "RequestSpotInstances",
    "RevokeSecurityGroupIngress",
    "RunInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
];

#[tokio::test(start_paused = true)]
async fn every_change_can_be_tried_by_a_dry_run() {
    let lab = Lab::new();
    for action in CHANGES {
        let answer = lab.raw(action, &[("DryRun", "true")]);
        assert_eq!(answer.status, 412, "{action}: {}", answer.body);
        assert!(answer.body.contains("<Code>DryRunOperation</Code>"), "{action}: {}", answer.body);
    }
    lab.simulator.set("denied", &CHANGES.join(",")).unwrap();
    for action in CHANGES {
        let answer = lab.raw(action, &[("DryRun", "true")]);
        assert_eq!(answer.status, 403, "{action}: {}", answer.body);
        assert!(answer.body.contains("<Code>UnauthorizedOperation</Code>"), "{action}: {}", answer.body);
    }
    assert!(lab.simulator.show().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_role_of_spot_is_there_missing_or_not_to_be_looked_at() {
    let lab = Lab::new();
    let there = lab.ok("GetRole", &[("RoleName", SPOT_ROLE)]);
    assert_eq!(there.text("GetRoleResult/Role/RoleName"), SPOT_ROLE);
    assert!(
        there
            .text("GetRoleResult/Role/Arn")
            .ends_with("role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot")
    );
    assert!(!there.text("ResponseMetadata/RequestId").is_empty());
    let code = |name: &str| {
        let answer = lab.raw("GetRole", &[("RoleName", name)]);
        (answer.status, super::Node::parse(&answer.body).text("Error/Code"))
    };
    assert_eq!(code("another"), (404, "NoSuchEntity".to_owned()));
    lab.simulator.set("spot-role", "missing").unwrap();
    assert_eq!(code(SPOT_ROLE), (404, "NoSuchEntity".to_owned()));
    lab.simulator.set("denied", "GetRole").unwrap();
    assert_eq!(code(SPOT_ROLE), (403, "AccessDenied".to_owned()));
    assert!(lab.simulator.set("spot-role", "perhaps").is_err());
}

/// An answer of Service Quotas: its status and document.
fn quotas(lab: &Lab, action: &str, body: &str) -> (u16, Value) {
    let header = format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/{REGION}/servicequotas/aws4_request");
    let target = format!("ServiceQuotasV20190624.{action}");
    let asked = Request::read_either(Some(&target), "", body.as_bytes(), Some(&header), None);
    let answer = super::answered(lab.simulator.dispatch(&asked));
    assert_eq!(answer.content_type(), "application/x-amz-json-1.1");
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test(start_paused = true)]
async fn service_quotas_speaks_json_and_knows_the_worlds_own_numbers() {
    let lab = Lab::new();
    lab.simulator.set("spot-vcpus", "12").unwrap();
    let asked = r#"{"ServiceCode":"ec2","QuotaCode":"L-34B43A08"}"#;
    let (status, answer) = quotas(&lab, "GetServiceQuota", asked);
    assert_eq!((status, &answer["Quota"]["Value"]), (200, &Value::from(12.0)));
    assert_eq!(quotas(&lab, "GetAWSDefaultServiceQuota", asked).1["Quota"]["Value"], 5.0);

    let (first, second) = (quotas(&lab, "ListServiceQuotas", r#"{"ServiceCode":"ec2","MaxResults":10}"#).1, {
        let first = quotas(&lab, "ListServiceQuotas", r#"{"ServiceCode":"ec2","MaxResults":10}"#).1;
        let next = serde_json::json!({ "ServiceCode": "ec2", "NextToken": first["NextToken"] });
        quotas(&lab, "ListServiceQuotas", &next.to_string()).1
    });
    assert_eq!((first["Quotas"].as_array().unwrap().len(), second["Quotas"].as_array().unwrap().len()), (10, 9));

    let refused = |body: &str| {
        let (status, answer) = quotas(&lab, "GetServiceQuota", body);
        (status, answer["__type"].as_str().unwrap().to_owned())
    };
    let code = |code: &str| (400, code.to_owned());
    assert_eq!(refused(r#"{"ServiceCode":"ec2","QuotaCode":"L-0"}"#), code("NoSuchResourceException"));
    assert_eq!(refused(r#"{"ServiceCode":"s3","QuotaCode":"L-34B43A08"}"#), code("NoSuchResourceException"));
    assert_eq!(refused("{"), code("IllegalArgumentException"));
    lab.simulator.set("denied", "GetServiceQuota").unwrap();
    assert_eq!(refused(asked), code("AccessDeniedException"));
}

#[tokio::test(start_paused = true)]
async fn the_default_vpc_has_a_main_route_table_that_leads_out() {
    let lab = Lab::new();
    let vpc = lab.ok("DescribeVpcs", &[]).text("vpcSet/item/vpcId");
    let tables = lab.ok("DescribeRouteTables", &[("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", &vpc)]);
    assert_eq!(tables.text("routeTableSet/item/associationSet/item/main"), "true");
    let ways = tables.texts("routeTableSet/item/routeSet/item/gatewayId");
    assert!(ways.iter().any(|id| id.starts_with("igw-")), "{ways:?}");
    let elsewhere = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", "vpc-1")];
    assert!(lab.ok("DescribeRouteTables", &elsewhere).all("routeTableSet/item").is_empty());
    let missing = ask(&lab.simulator, "DescribeRouteTables", &[("RouteTableId.1", "rtb-0123456789abcdef0")]);
    assert!(missing.body.contains("InvalidRouteTableID.NotFound"), "{}", missing.body);
}

#[tokio::test(start_paused = true)]
async fn every_answer_tells_the_time_there() {
    let lab = Lab::new();
    let mut request = HttpRequest::new(SdkBody::from("Action=GetCallerIdentity"));
    request.set_uri("https://sts.us-east-1.amazonaws.com/").unwrap();
    let response = connector(lab.simulator.clone()).call(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 403, "not signed, and the time is told all the same");
    assert_eq!(response.headers().get("date"), Some("Sat, 21 Nov 2026 12:00:00 GMT"));
}
