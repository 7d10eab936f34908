//! What there is to choose from: types, zones, prices, subnets, images and the key pair, asked for side by side.

use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;

use super::{Cloud, convert, failure, filter};
use crate::domain::demand::Demand;
use crate::domain::failure::Failure;
use crate::domain::intent::{ImageFamily, Intent};
use crate::domain::market::{Market, Published, Subnet};

/// Why there is nothing to choose from.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A type that was named does not exist there.
    #[error("there is no instance type {name} in {region}: {near}")]
    UnknownType {
        /// The name.
        name: String,
        /// The region.
        region: String,
        /// Names that are like it, in words.
        near: String,
    },
    /// No subnet was named and there is no default one.
    #[error(
        "{region} has no default VPC with default subnets: \
         name a subnet with --subnet, or make them with `aws ec2 create-default-vpc`"
    )]
    NoDefaultSubnet {
        /// The region.
        region: String,
    },
    /// The subnet that was named is not there.
    #[error("there is no subnet {id} in {region}: name another with --subnet")]
    UnknownSubnet {
        /// The id.
        id: String,
        /// The region.
        region: String,
    },
    /// The image that was named is not there.
    #[error("there is no image {id} in {region}, or it is not yours to use: image ids differ from region to region")]
    UnknownImage {
        /// The id.
        id: String,
        /// The region.
        region: String,
    },
    /// The image that was named has an architecture that is not supported, or no root disk.
    #[error("the image {id} cannot be used: it must be of x86_64 or arm64 and boot from EBS")]
    UnusableImage {
        /// The id.
        id: String,
    },
    /// No image of the family is published there.
    #[error("no image of the family {family:?} is published in {region}: name one with --ami")]
    NoImage {
        /// The family.
        family: ImageFamily,
        /// The region.
        region: String,
    },
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Failure),
}

impl Cloud {
    /// Surveys what EC2 offers for an intent, at the time `now`; `key_name` is the environment's key pair. What AWS
    /// publishes elsewhere is for the caller to add.
    ///
    /// # Errors
    /// What the user named does not exist there, or a call failed.
    pub async fn survey(&self, intent: &Intent, key_name: &str, now: Timestamp) -> Result<Market, SurveyError> {
        let demand = &intent.demand;
        let zones: Vec<String> = intent.only_zone().map(str::to_owned).into_iter().collect();
        let named = match demand {
            Demand::Types(names) => names.as_slice(),
            Demand::Requirements(_) => &[],
        };
        let (types, offered, prices, subnets, images, key_present) = tokio::join!(
            self.instance_types(demand),
            self.offered(demand),
            self.spot_prices(named, &zones, now),
            self.subnets(intent.subnet.as_deref()),
            self.images(&intent.image, now),
            self.has_key(key_name),
        );
        // Types first: an unknown one makes the others' calls fail too, with less to say.
        let types = types?;
        let mut prices = prices?;
        if named.is_empty() {
            let suitable = types.iter().filter(|facts| demand.accepts(facts).is_ok());
            let suitable: Vec<String> = suitable.map(|facts| facts.name.clone()).collect();
            prices = self.spot_prices(&suitable, &zones, now).await?;
        }
        let mut offered = offered?;
        offered.retain(|(name, _)| types.iter().any(|facts| facts.name == *name));
        Ok(Market {
            surveyed_at: now,
            types,
            offered,
            prices,
            subnets: subnets?,
            images: images?,
            key_present: key_present?,
            published: Published::default(),
        })
    }

    /// The subnet that was named, or the default one of each zone.
    pub(super) async fn subnets(&self, named: Option<&str>) -> Result<Vec<Subnet>, SurveyError> {
        let which = match named {
            Some(id) => filter("subnet-id", [id]),
            None => filter("default-for-az", ["true"]),
        };
        let found = self.describe_subnets(which).await?;
        let subnets: Vec<Subnet> = found.iter().filter_map(convert::subnet).collect();
        let region = self.region.clone();
        match named {
            _ if !subnets.is_empty() => Ok(subnets),
            Some(id) => Err(SurveyError::UnknownSubnet { id: id.to_owned(), region }),
            None => Err(SurveyError::NoDefaultSubnet { region }),
        }
    }

    async fn describe_subnets(&self, which: sdk::Filter) -> Result<Vec<sdk::Subnet>, Failure> {
        let pages = self.ec2.describe_subnets().filters(which).into_paginator();
        let found: Result<Vec<_>, _> = pages.items().send().collect().await;
        found.map_err(|error| failure::of("DescribeSubnets", &error))
    }

    async fn has_key(&self, name: &str) -> Result<bool, Failure> {
        let answer = self.ec2.describe_key_pairs().filters(filter("key-name", [name])).send().await;
        let answer = answer.map_err(|error| failure::of("DescribeKeyPairs", &error))?;
        Ok(!answer.key_pairs().is_empty())
    }
}
