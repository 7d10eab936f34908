//! A question as it comes in: the action, its form-encoded parameters, and who asks from where.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{Fault, Filters};

/// The region that a client means when nothing says which.
const DEFAULT_REGION: &str = "us-east-1";
/// What stands before the action in X-Amz-Target, for the services here that speak JSON: Service Quotas, the price list
/// and Cost Explorer.
const JSON_TARGETS: [&str; 3] = ["ServiceQuotasV20190624.", "AWSPriceListService.", "AWSInsightsIndexService."];

/// One request.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Request {
    /// The region of the signature's scope, else of the host name, else us-east-1.
    pub region: String,
    /// The access key that signed, if one did. Signatures are not verified.
    pub access_key: Option<String>,
    /// The service of the signature's scope.
    service: String,
    params: BTreeMap<String, String>,
}

impl Request {
    /// Reads a request's query string and body; both may carry parameters.
    pub fn read(query: &str, body: &[u8], authorization: Option<&str>, host: Option<&str>) -> Self {
        let mut params: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        params.extend(form_urlencoded::parse(body).into_owned());
        let scope = authorization
            .and_then(|header| header.split("Credential=").nth(1))
            .and_then(|rest| rest.split([',', ' ']).next())
            .map(str::to_owned)
            .or_else(|| params.get("X-Amz-Credential").cloned());
        let mut scope = scope.as_deref().unwrap_or_default().split('/');
        let access_key = scope.next().filter(|key| !key.is_empty()).map(str::to_owned);
        let signed_region = scope.nth(1).filter(|region| !region.is_empty());
        let region = signed_region.or_else(|| host.and_then(region_of_host)).unwrap_or(DEFAULT_REGION).to_owned();
        // Each part that is taken moves on: after the region comes the service.
        let service = scope.next().unwrap_or_default().to_owned();
        Self { region, access_key, service, params }
    }

    /// Reads a request that came in by either protocol: in AWS's JSON, `target` (the header X-Amz-Target) names the
    /// action and the body is an object of parameters.
    pub fn read_either(
        target: Option<&str>,
        query: &str,
        body: &[u8],
        authorization: Option<&str>,
        host: Option<&str>,
    ) -> Self {
        let Some(target) = target else { return Self::read(query, body, authorization, host) };
        let mut request = Self::read("", b"", authorization, host);
        let action = JSON_TARGETS.iter().find_map(|known| target.strip_prefix(known)).unwrap_or(target);
        request.params.insert("Action".to_owned(), action.to_owned());
        let members: serde_json::Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        for (name, value) in members {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            request.params.insert(name, text);
        }
        request
    }

    /// The same for S3, which is asked by method and path: `/BUCKET?list-type=2` and `/BUCKET/KEY`. Other services have
    /// one path, and their action is in the request already.
    #[must_use]
    pub fn addressed_to(mut self, method: &str, path: &str) -> Self {
        if self.service == "s3" {
            let path =
                form_urlencoded::parse(path.replace('+', "%2B").as_bytes()).next().map(|(path, _)| path.into_owned());
            let path = path.unwrap_or_default();
            let path = path.trim_start_matches('/');
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            let action = match (method, key) {
                ("GET", "") => "ListObjectsV2",
                ("GET", _) => "GetObject",
                _ => "S3",
            };
            let parts = [("Action", action), ("Bucket", bucket), ("Key", key)];
            self.params.extend(parts.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        self
    }

    /// A request with these parameters, as somebody else of the account makes it.
    pub fn of(region: &str, parameters: &[(&str, &str)]) -> Self {
        let params = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { region: region.to_owned(), access_key: None, service: String::new(), params }
    }

    /// The action asked for.
    pub fn action(&self) -> &str {
        self.params.get("Action").map_or("", String::as_str)
    }

    /// All parameters.
    pub fn args(&self) -> Args<'_> {
        Args { params: &self.params, prefix: String::new() }
    }

    /// What makes two requests with one ClientToken the same request: everything but the token and the signature.
    pub fn fingerprint(&self) -> u64 {
        let mut parts = Vec::with_capacity(self.params.len() * 2);
        for (name, value) in &self.params {
            if !matches!(name.as_str(), "ClientToken" | "DryRun" | "Version") && !name.starts_with("X-Amz-") {
                parts.push(name.as_str());
                parts.push(value.as_str());
            }
        }
        crate::simulator::chance::draw(0, &parts)
    }
}

/// The region in a host name such as `ec2.eu-west-1.amazonaws.com`.
fn region_of_host(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    let service = labels.next()?;
    let region = labels.next()?;
    (matches!(service, "ec2" | "sts") && labels.next() == Some("amazonaws")).then_some(region)
}

/// The parameters below one prefix: `LaunchSpecification.` and the like.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Args<'a> {
    params: &'a BTreeMap<String, String>,
    prefix: String,
}

impl<'a> Args<'a> {
    /// The parameters of a structure.
    pub fn under(&self, name: &str) -> Args<'a> {
        Args { params: self.params, prefix: format!("{}{name}.", self.prefix) }
    }

    /// A parameter's value, if it is there and not empty.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// A parameter's value, empty ones too: a tag may have an empty value.
    pub fn given(&self, name: &str) -> Option<&'a str> {
        self.params.get(&format!("{}{name}", self.prefix)).map(String::as_str)
    }

    /// A required parameter.
    pub fn need(&self, name: &str) -> Result<&'a str, Fault> {
        self.get(name).ok_or_else(|| Fault::missing(name))
    }

    /// A truth value; absent is false.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.maybe_flag(name)?.unwrap_or(false))
    }

    /// A truth value, if it is there.
    pub fn maybe_flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => Err(Fault::value(format!("Invalid value '{other}' for {name}. Expected a boolean."))),
        }
    }

    /// A number, if it is there.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Fault> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| Fault::value(format!("Value ({text}) for parameter {name} is invalid.")))
            })
            .transpose()
    }

    /// An instant, if it is there.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.get(name)
            .map(|text| {
                let invalid = || Fault::value(format!("Value ({text}) for parameter {name} is invalid. Invalid date."));
                // boto3 may send an instant without its zone; EC2 takes it as UTC.
                text.parse().or_else(|_| format!("{text}Z").parse()).map_err(|_: jiff::Error| invalid())
            })
            .transpose()
    }

    /// The values of `Name.1`, `Name.2`, ...
    pub fn list(&self, name: &str) -> Vec<&'a str> {
        self.indexes(name)
            .into_iter()
            .filter_map(|index| self.params.get(&format!("{}{name}.{index}", self.prefix)).map(String::as_str))
            .collect()
    }

    /// The structures `Name.1.`, `Name.2.`, ...
    pub fn items(&self, name: &str) -> Vec<Args<'a>> {
        self.indexes(name).into_iter().map(|index| self.under(&format!("{name}.{index}"))).collect()
    }

    /// The filters, checked against the names that the action knows; `tag:KEY` is known where `tag-key` is.
    pub fn filters(&self, known: &[&str]) -> Result<Filters, Fault> {
        Filters::read(self, known)
    }

    /// The indexes used below a name, in order of number and not of text.
    fn indexes(&self, name: &str) -> Vec<u32> {
        let start = format!("{}{name}.", self.prefix);
        let mut indexes: Vec<u32> = self
            .params
            .range(start.clone()..)
            .take_while(|(key, _)| key.starts_with(&start))
            .filter_map(|(key, _)| key.get(start.len()..)?.split('.').next()?.parse().ok())
            .collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::Request;

    #[test]
    fn the_region_comes_from_the_credential_scope_then_the_host_then_the_default() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/ec2/aws4_request, SignedHeaders=host";
        let signed = Request::read("", b"Action=X", Some(header), Some("ec2.us-west-2.amazonaws.com"));
        assert_eq!((signed.region.as_str(), signed.access_key.as_deref()), ("eu-west-1", Some("AKIDEXAMPLE")));
        assert_eq!(Request::read("", b"", None, Some("ec2.us-west-2.amazonaws.com")).region, "us-west-2");
        assert_eq!(Request::read("", b"", None, Some("127.0.0.1:80")).region, "us-east-1");
    }

    #[test]
    fn a_json_request_is_read_like_any_other() {
        let body = br#"{"ServiceCode":"ec2","MaxResults":5}"#;
        let read = |target| Request::read_either(Some(target), "", body, None, None);
        let quotas = read("ServiceQuotasV20190624.ListServiceQuotas");
        assert_eq!((quotas.action(), quotas.args().get("ServiceCode")), ("ListServiceQuotas", Some("ec2")));
        assert_eq!(quotas.args().number("MaxResults").unwrap(), Some(5_u32));
        assert_eq!(read("Other.RunInstances").action(), "Other.RunInstances", "no other service is reached by JSON");
    }

    #[test]
    fn lists_go_by_number_and_structures_nest() {
        let body = b"Id.10=j&Id.2=b&Id.1=a&Spec.Item.1.Name=x&Spec.Item.1.Value.1=y";
        let request = Request::read("", body, None, None);
        assert_eq!(request.args().list("Id"), ["a", "b", "j"]);
        let items = request.args().under("Spec").items("Item");
        assert_eq!(items.first().unwrap().get("Name"), Some("x"));
        assert_eq!(items.first().unwrap().list("Value"), ["y"]);
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let request = Request::read("", b"A=2026-01-02T03:04:05Z&B=2026-01-02T03:04:05&C=soon", None, None);
        assert_eq!(request.args().time("A").unwrap(), request.args().time("B").unwrap());
        assert!(request.args().time("C").is_err());
    }
}
