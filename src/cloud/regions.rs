//! Regions.

use aws_smithy_types::retry::RetryConfig;

use super::{Cloud, CloudError, failure};
use crate::domain::failure::{Class, Failure};

impl Cloud {
    /// Checks that the region of this connection exists, as [`Cloud::ensure_regions_exist`] does.
    ///
    /// # Errors
    /// There is no such region, or EC2 cannot be asked.
    pub async fn ensure_region_exists(&self) -> Result<(), CloudError> {
        self.ensure_regions_exist(std::slice::from_ref(&self.region)).await
    }

    /// The regions that this account may use, by name.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn regions(&self) -> Result<Vec<String>, Failure> {
        // A wrong region has no host; more tries would only make the user wait for being told so.
        let twice = aws_sdk_ec2::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(2));
        let call = self.ec2.describe_regions().customize().config_override(twice);
        let answer = call.send().await.map_err(|error| failure::of("DescribeRegions", &error))?;
        let mut names: Vec<String> =
            answer.regions().iter().filter_map(|region| region.region_name().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Checks that the regions that were named exist, and that the account has enabled them. At AWS itself a wrong name shows as a host that does not exist; a
    /// server at an endpoint of its own answers for any region, and its list decides.
    ///
    /// # Errors
    /// There is no such region, or EC2 cannot be asked.
    pub async fn ensure_regions_exist(&self, named: &[String]) -> Result<(), CloudError> {
        match self.regions().await {
            Ok(known) => match named.iter().find(|name| !known.contains(name)) {
                None => Ok(()),
                Some(region) => Err(CloudError::RegionUnknown { region: region.clone(), known: known.join(", ") }),
            },
            Err(failure) if failure.code == failure::UNKNOWN_HOST => {
                Err(CloudError::RegionUnreachable { region: self.region.clone(), failure })
            }
            // It answered, so it is there; what is not allowed here may well not be needed.
            Err(failure) if failure.class == Class::Denied => Ok(()),
            Err(failure) => Err(CloudError::Call(failure)),
        }
    }
}
