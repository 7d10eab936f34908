//! What `cloudtop doctor` asks AWS: who calls and what time it is there, the role that spot needs, the network, and
//! (in `permissions`) what the caller may do. Nothing here changes anything.

mod permissions;

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_sdk_ec2::types as sdk;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::retry::RetryConfig;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::{Caller, Cloud, SurveyError, failure, filter};
use crate::domain::demand::Arch;
use crate::domain::doctor::network::{RouteTable, WayOut};
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::ImageWish;
use crate::domain::market::{Image, Subnet};

pub use permissions::Trial;

/// The role by which EC2 launches spot instances for the account. EC2 makes it at the first request, if the caller may
/// ("Service-linked role for Spot Instance requests", EC2 user guide).
const SPOT_ROLE: &str = "AWSServiceRoleForEC2Spot";

/// The first answer: whose the credentials are, and the time at AWS.
#[derive(Clone, Debug)]
pub struct Hello {
    /// Who calls, or why that cannot be told.
    pub caller: Result<Caller, Failure>,
    /// The answer's Date header, of a refusal too; `None` where nothing answered, or without one.
    pub date: Option<Timestamp>,
}

impl Cloud {
    /// Asks STS whose the credentials are. A call that is refused for a clock that is wrong still tells the time.
    pub async fn hello(&self) -> Hello {
        let date = DateHeader::default();
        // Without a network more tries would only make the user wait for being told so.
        let twice = aws_sdk_sts::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(2));
        let call = self.sts.get_caller_identity().customize().config_override(twice).interceptor(date.clone());
        let caller = call.send().await.map_err(|error| failure::of("GetCallerIdentity", &error));
        Hello { caller: caller.map(|answer| Caller::from(&answer)), date: date.get() }
    }

    /// When the credentials that were found at the start end; `None` for those that do not, or do not say.
    #[must_use]
    pub fn credentials_expire_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether the account has the role that spot needs.
    ///
    /// # Errors
    /// It cannot be told: most callers may not ask IAM.
    pub async fn has_spot_role(&self) -> Result<bool, Failure> {
        match self.iam.get_role().role_name(SPOT_ROLE).send().await {
            Ok(_) => Ok(true),
            Err(error) => match failure::of("GetRole", &error) {
                missing if missing.code == "NoSuchEntity" => Ok(false),
                failure => Err(failure),
            },
        }
    }

    /// The subnet that was named, or the default ones; none where there are no default ones.
    ///
    /// # Errors
    /// There is none with that id, or the call's failure.
    pub async fn usable_subnets(&self, named: Option<&str>) -> Result<Vec<Subnet>, SurveyError> {
        match self.subnets(named).await {
            Err(SurveyError::NoDefaultSubnet { .. }) => Ok(Vec::new()),
            found => found,
        }
    }

    /// An image that is wished for, of x86_64 if there is one; `None` where there is none or it cannot be told.
    pub async fn some_image(&self, wish: &ImageWish, now: Timestamp) -> Option<Image> {
        let mut images = self.images(wish, now).await.ok()?;
        images.remove(&Arch::X86_64).or_else(|| images.into_values().next())
    }

    /// The default VPC's id, where there is one.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn default_vpc(&self) -> Result<Option<String>, Failure> {
        let answer = self.ec2.describe_vpcs().filters(filter("is-default", ["true"])).send().await;
        let answer = answer.map_err(|error| failure::of("DescribeVpcs", &error))?;
        Ok(answer.vpcs().first().and_then(|vpc| vpc.vpc_id()).map(str::to_owned))
    }

    /// The route tables of a VPC.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn route_tables(&self, vpc_id: &str) -> Result<Vec<RouteTable>, Failure> {
        let pages = self.ec2.describe_route_tables().filters(filter("vpc-id", [vpc_id])).into_paginator();
        let found: Result<Vec<_>, _> = pages.items().send().collect().await;
        let found = found.map_err(|error| failure::of("DescribeRouteTables", &error))?;
        Ok(found.iter().map(route_table).collect())
    }
}

/// Whether a failure says that nothing answers at all, so that there is no sense in asking more.
#[must_use]
pub fn nothing_answers(failure: &Failure) -> bool {
    failure.class == Class::Ambiguous && [failure::UNKNOWN_HOST, "NoAnswer", "Timeout"].contains(&failure.code.as_str())
}

fn route_table(from: &sdk::RouteTable) -> RouteTable {
    let given = from.associations().iter();
    RouteTable {
        main: given.clone().any(|it| it.main().unwrap_or_default()),
        subnets: given.filter_map(|it| it.subnet_id().map(str::to_owned)).collect(),
        way_out: from.routes().iter().find(|it| it.destination_cidr_block() == Some("0.0.0.0/0")).map(way_out),
    }
}

fn way_out(route: &sdk::Route) -> WayOut {
    if route.state() == Some(&sdk::RouteState::Blackhole) {
        return WayOut::Nowhere;
    }
    let gateway = route.gateway_id();
    if gateway.is_some_and(|id| id.starts_with("igw-")) {
        return WayOut::Internet;
    }
    let others = [gateway, route.nat_gateway_id(), route.transit_gateway_id(), route.network_interface_id()];
    WayOut::Elsewhere(others.into_iter().flatten().next().unwrap_or("something else").to_owned())
}

/// Catches the Date header of an answer, whether it is a refusal or not. Clones share one.
#[derive(Clone, Debug, Default)]
struct DateHeader(Arc<Mutex<Option<Timestamp>>>);

impl DateHeader {
    fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[dyn_dispatch_hint]
impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "date header"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let header = context.response().headers().get("date");
        // An HTTP date is one of RFC 2822 in GMT (RFC 9110, 5.6.7).
        let date = header.and_then(|text| DateTimeParser::new().parse_timestamp(text).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(to: &str) -> aws_sdk_ec2::types::builders::RouteBuilder {
        sdk::Route::builder().destination_cidr_block(to)
    }

    fn table(route: sdk::Route) -> RouteTable {
        let main = sdk::RouteTableAssociation::builder().main(true).build();
        let own = sdk::RouteTableAssociation::builder().main(false).subnet_id("subnet-1").build();
        route_table(&sdk::RouteTable::builder().routes(route).associations(main).associations(own).build())
    }

    #[test]
    fn only_an_internet_gateway_that_is_there_lets_ssh_in() {
        let out = "0.0.0.0/0";
        let whole = table(route(out).gateway_id("igw-1").state(sdk::RouteState::Active).build());
        assert_eq!(whole.way_out, Some(WayOut::Internet));
        assert_eq!((whole.main, whole.subnets), (true, vec!["subnet-1".to_owned()]));
        let gone = table(route(out).gateway_id("igw-1").state(sdk::RouteState::Blackhole).build());
        assert_eq!(gone.way_out, Some(WayOut::Nowhere));
        let nat = table(route(out).nat_gateway_id("nat-1").build());
        assert_eq!(nat.way_out, Some(WayOut::Elsewhere("nat-1".to_owned())));
        assert_eq!(table(route("10.0.0.0/8").gateway_id("local").build()).way_out, None);
    }
}
