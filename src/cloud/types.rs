//! Instance types, and the zones that offer them.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;

use super::survey::SurveyError;
use super::{Cloud, MOST_FILTER_VALUES, convert, failure, filter, near};
use crate::domain::demand::{Demand, Requirements};
use crate::domain::failure::Failure;
use crate::domain::market::TypeFacts;
use crate::domain::quote::Question;

/// The most types that DescribeInstanceTypes takes by name, and its largest page.
const TYPES_A_CALL: usize = 100;
const PAGE: i32 = 100;
/// The largest page of DescribeInstanceTypeOfferings.
const OFFERINGS_PAGE: i32 = 1000;

impl Cloud {
    /// The types that were named, or those that may meet the requirements (the domain's own filter decides).
    pub(super) async fn instance_types(&self, demand: &Demand) -> Result<Vec<TypeFacts>, SurveyError> {
        match demand {
            Demand::Types(names) => self.named_types(names).await,
            Demand::Requirements(wanted) => Ok(self.matching_types(wanted).await?),
        }
    }

    /// The types that a question is about, whatever their price.
    ///
    /// # Errors
    /// A type that was named does not exist, or a call failed.
    pub async fn types_asked_about(&self, question: &Question) -> Result<Vec<TypeFacts>, SurveyError> {
        let mut found = match question.as_demand() {
            Some(demand) => self.instance_types(&demand).await?,
            None => self.all_types().await?,
        };
        found.retain(|facts| question.is_about(facts));
        Ok(found)
    }

    /// All types that are sold as spot.
    async fn all_types(&self) -> Result<Vec<TypeFacts>, Failure> {
        let spot = filter("supported-usage-class", ["spot"]);
        let pages = self.ec2.describe_instance_types().filters(spot).into_paginator().page_size(PAGE);
        let found: Result<Vec<_>, _> = pages.items().send().collect().await;
        let found = found.map_err(|error| failure::of("DescribeInstanceTypes", &error))?;
        Ok(found.iter().filter_map(convert::type_facts).collect())
    }

    async fn named_types(&self, names: &[String]) -> Result<Vec<TypeFacts>, SurveyError> {
        let names: Vec<&String> = names.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = Vec::new();
        for chunk in names.chunks(TYPES_A_CALL) {
            let types = chunk.iter().map(|name| name.as_str().into()).collect();
            let answer = self.ec2.describe_instance_types().set_instance_types(Some(types)).send().await;
            match answer.map_err(|error| failure::of("DescribeInstanceTypes", &error)) {
                Ok(answer) => found.extend(answer.instance_types().iter().filter_map(convert::type_facts)),
                Err(failure) if failure.code == "InvalidInstanceType" => {
                    return Err(self.unknown_type(&names, failure).await?);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(found)
    }

    /// EC2 names unknown types in a sentence only; so the list of all names tells which it was and what is near it.
    async fn unknown_type(&self, names: &[&String], failure: Failure) -> Result<SurveyError, Failure> {
        let known = self.offerings(sdk::LocationType::Region, Vec::new()).await?;
        let is_known = |name: &str| known.iter().any(|(known, _)| known == name);
        let Some(unknown) = names.iter().find(|name| !is_known(name)) else { return Err(failure) };
        let near = near::names(unknown, known.iter().map(|(name, _)| name.as_str()));
        Ok(SurveyError::UnknownType { name: (*unknown).clone(), region: self.region.clone(), near: in_words(&near) })
    }

    async fn matching_types(&self, wanted: &Requirements) -> Result<Vec<TypeFacts>, Failure> {
        let mut filters = vec![
            filter("current-generation", ["true"]),
            filter("supported-usage-class", ["spot"]),
            filter("processor-info.supported-architecture", [wanted.arch.as_str()]),
            filter("bare-metal", ["false"]),
            filter("burstable-performance-supported", ["false"]),
        ];
        if wanted.local_ssd {
            filters.push(filter("instance-storage-supported", ["true"]));
        }
        let pages = self.ec2.describe_instance_types().set_filters(Some(filters)).into_paginator().page_size(PAGE);
        let found: Result<Vec<_>, _> = pages.items().send().collect().await;
        let found = found.map_err(|error| failure::of("DescribeInstanceTypes", &error))?;
        Ok(found.iter().filter_map(convert::type_facts).collect())
    }

    /// The zones that offer types: those named, or all. EC2 does not say whether there is capacity in them.
    pub(super) async fn offered(&self, demand: &Demand) -> Result<Vec<(String, String)>, Failure> {
        let by_zone = sdk::LocationType::AvailabilityZone;
        let Demand::Types(names) = demand else { return self.offerings(by_zone, Vec::new()).await };
        let mut offered = Vec::new();
        for chunk in names.chunks(MOST_FILTER_VALUES) {
            offered.extend(self.offerings(by_zone.clone(), vec![filter("instance-type", chunk)]).await?);
        }
        Ok(offered)
    }

    /// (type, place) in order.
    async fn offerings(
        &self,
        by: sdk::LocationType,
        filters: Vec<sdk::Filter>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let filters = (!filters.is_empty()).then_some(filters);
        let call = self.ec2.describe_instance_type_offerings().location_type(by).set_filters(filters);
        let rows: Result<Vec<_>, _> = call.into_paginator().page_size(OFFERINGS_PAGE).items().send().collect().await;
        let rows = rows.map_err(|error| failure::of("DescribeInstanceTypeOfferings", &error))?;
        let pair = |row: &sdk::InstanceTypeOffering| {
            Some((row.instance_type()?.as_str().to_owned(), row.location()?.to_owned()))
        };
        let mut pairs: Vec<(String, String)> = rows.iter().filter_map(pair).collect();
        pairs.sort_unstable();
        Ok(pairs)
    }
}

/// "did you mean m5.large or m5.xlarge?", or a hint where nothing is near.
fn in_words(near: &[String]) -> String {
    match near {
        [] => "`cloudtop plan NAME --cpus N --memory GIB` lists those that will do".to_owned(),
        names => format!("did you mean {}?", names.join(" or ")),
    }
}
