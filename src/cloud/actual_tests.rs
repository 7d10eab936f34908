//! S3 and Cost Explorer over the real SDK clients, against answers given word for word.

use std::sync::{Arc, Mutex};

use aws_sdk_ec2::config::RuntimeComponents;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use jiff::civil::Date;

use super::{Cloud, Settings};
use crate::domain::bill::Kind;
use crate::domain::data_feed::Place;
use crate::domain::failure::Class;

/// Status, headers and document.
type Given = (u16, Vec<(&'static str, &'static str)>, String);

/// A far end that answers by a function of the request, and keeps what it was asked: address, signature's scope, body.
#[derive(Clone)]
struct FarEnd {
    asked: Arc<Mutex<Vec<String>>>,
    answer: fn(&str) -> Given,
}

impl FarEnd {
    async fn cloud(answer: fn(&str) -> Given) -> (Cloud, Arc<Mutex<Vec<String>>>) {
        let far = Self { asked: Arc::default(), answer };
        let asked = Arc::clone(&far.asked);
        let settings = Settings {
            region: Some("us-east-1".to_owned()),
            http_client: Some(SharedHttpClient::new(far)),
            static_credentials: true,
            ..Settings::default()
        };
        (Cloud::connect(&settings).await.unwrap(), asked)
    }
}

impl std::fmt::Debug for FarEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FarEnd")
    }
}

impl HttpConnector for FarEnd {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let scope = request.headers().get("authorization").unwrap_or_default();
        let asked = format!("{} {scope} {body}", request.uri());
        let (status, headers, answer) = (self.answer)(&asked);
        self.asked.lock().unwrap().push(asked);
        let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer));
        for (name, value) in headers {
            answer.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(answer))
    }
}

impl HttpClient for FarEnd {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn s3_error(code: &str, more: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>why</Message>{more}</Error>")
}

fn listing(keys: &[&str], more: &str) -> String {
    let rows: String = keys.iter().map(|key| format!("<Contents><Key>{key}</Key><Size>9</Size></Contents>")).collect();
    format!("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{rows}{more}</ListBucketResult>")
}

/// S3 says it in a header, or in the answer, by how the bucket came to be asked in the wrong region.
#[tokio::test]
async fn a_bucket_in_another_region_is_asked_there() {
    let answers: [fn(&str) -> Given; 2] = [
        |asked| match asked.contains("/eu-west-1/s3/") {
            true => (200, vec![], listing(&["f/1.2026-11-20-07.001.a.gz"], "")),
            false => (301, vec![("x-amz-bucket-region", "eu-west-1")], s3_error("PermanentRedirect", "")),
        },
        |asked| match asked.contains("/eu-west-1/s3/") {
            true => (200, vec![], listing(&["f/1.2026-11-20-07.001.a.gz"], "")),
            false => (400, vec![], s3_error("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")),
        },
    ];
    for answer in answers {
        let (cloud, asked) = FarEnd::cloud(answer).await;
        let mut bucket = cloud.feed_bucket(Place::new("feeds", "f"));
        let first = bucket.first_hour("1").await.unwrap().unwrap();
        assert_eq!(first.to_string(), "2026-11-20T07:00:00Z");
        bucket.first_hour("1").await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 3, "the region is remembered");
    }
}

#[tokio::test]
async fn a_refusal_in_the_buckets_own_region_is_a_refusal() {
    let (cloud, asked) =
        FarEnd::cloud(|_| (403, vec![("x-amz-bucket-region", "us-east-1")], s3_error("AccessDenied", ""))).await;
    let failure = cloud.feed_bucket(Place::new("feeds", "")).first_hour("1").await.unwrap_err();
    assert_eq!((failure.class, failure.action.as_str()), (Class::Denied, "ListObjectsV2"));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_window_is_listed_page_by_page() {
    let (cloud, asked) = FarEnd::cloud(|asked| {
        let first = ["f/1.2026-11-20-07.001.a.gz", "f/1.2026-11-20-08.001.b.gz"];
        let second = ["f/1.2026-11-20-09.001.c.gz", "f/1.2026-11-20-10.001.d.gz", "f/1.2026-11-20-11.001.e.gz"];
        let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>";
        match asked.contains("continuation-token=more") {
            true => (200, vec![], listing(&second, more)),
            false => (200, vec![], listing(&first, more)),
        }
    })
    .await;
    let at = |text: &str| text.parse().unwrap();
    let mut bucket = cloud.feed_bucket(Place::new("feeds", "f"));
    let files = bucket.files("1", at("2026-11-20T07:30:00Z"), at("2026-11-20T10:00:00Z")).await.unwrap();
    let hours: Vec<String> = files.iter().map(|file| file.hour.strftime("%H").to_string()).collect();
    assert_eq!(hours, ["07", "08", "09"]);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2, "what is later than the window is not listed");
    assert!(asked[0].contains("prefix=f%2F1.&start-after=f%2F1.2026-11-20-07"), "{}", asked[0]);
}

#[tokio::test]
async fn an_account_without_a_feed_is_no_error() {
    let (cloud, _) = FarEnd::cloud(|_| {
        let code = "InvalidSpotDatafeed.NotFound";
        let error = format!("<Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors>");
        (400, vec![], format!("<Response>{error}</Response>"))
    })
    .await;
    assert_eq!(cloud.data_feed().await, Ok(None));
}

#[tokio::test]
async fn costs_are_read_by_environment_day_and_kind_over_all_pages() {
    let (cloud, asked) = FarEnd::cloud(|asked| {
        let line = |tag: &str, usage: &str, usd: &str, unit: &str| {
            format!(
                r#"{{"Keys":["{tag}","{usage}"],"Metrics":{{"UnblendedCost":{{"Amount":"{usd}","Unit":"{unit}"}}}}}}"#
            )
        };
        let day = |day: &str, groups: &[String], estimated: bool, next: &str| {
            let groups = groups.join(",");
            let span = format!(r#"{{"Start":"2026-11-{day}","End":"2026-11-30"}}"#);
            let results = format!(r#"{{"TimePeriod":{span},"Groups":[{groups}],"Estimated":{estimated}}}"#);
            (200, vec![], format!(r#"{{"ResultsByTime":[{results}]{next}}}"#))
        };
        if asked.contains("NextPageToken") {
            return day("02", &[line("cloudtop:env$dev", "EBS:VolumeUsage.gp3", "0.25", "USD")], true, "");
        }
        let lines = [
            line("cloudtop:env$dev", "SpotUsage:m5.large", "1.5", "USD"),
            line("cloudtop:env$", "SpotUsage:m5.large", "9", "USD"),
            line("cloudtop:env$dev", "SpotUsage:m5.large", "NaN", "USD"),
            line("cloudtop:env$dev", "SpotUsage:m5.large", "9", "CNY"),
        ];
        day("01", &lines, false, r#","NextPageToken":"more""#)
    })
    .await;
    let (from, to) = (Date::constant(2026, 11, 1), Date::constant(2026, 11, 3));
    let costs = cloud.costs(&["dev".to_owned()], from, to).await.unwrap();
    let found: Vec<_> = costs.amounts.iter().map(|it| (it.env.as_str(), it.day.day(), it.kind, it.usd)).collect();
    assert_eq!(found, [("dev", 1, Some(Kind::Instance), 1.5), ("dev", 2, Some(Kind::Disk), 0.25)]);
    assert_eq!((costs.requests, costs.unsettled), (2, vec![Date::constant(2026, 11, 2)]));
    let asked = asked.lock().unwrap();
    assert!(asked[0].contains("/us-east-1/ce/") && asked[0].contains(r#""Granularity":"DAILY""#), "{}", asked[0]);
    assert!(asked[0].contains(r#"{"Tags":{"Key":"cloudtop:env","Values":["dev"]}}"#), "{}", asked[0]);
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_before_it_costs_much() {
    let (cloud, asked) =
        FarEnd::cloud(|_| (200, vec![], r#"{"ResultsByTime":[],"NextPageToken":"more"}"#.to_owned())).await;
    let (from, to) = (Date::constant(2026, 11, 1), Date::constant(2026, 11, 3));
    assert_eq!(cloud.costs(&["dev".to_owned()], from, to).await.unwrap_err().class, Class::BadRequest);
    assert_eq!(asked.lock().unwrap().len(), 20);
}
