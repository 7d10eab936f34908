//! EC2 in our own words: the only room that knows the AWS SDK.
//!
//! [`Cloud`] is one narrow struct over the real client. Domain types go in and come out; every error code is told
//! apart in one table (`codes`); every SDK shape is converted once (`convert`). Tests and `--sim` swap the far end of
//! the HTTP client, never this room.

mod act;
#[cfg(all(test, feature = "actual"))]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod actual_tests;
mod address;
mod advisor;
mod codes;
mod connect;
mod console;
mod convert;
#[cfg(feature = "actual")]
mod cost_explorer;
mod count;
mod credentials;
#[cfg(feature = "actual")]
mod data_feed;
pub mod doctor;
mod failure;
mod found;
mod free_volumes;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod fuzz;
mod https;
mod identity;
mod images;
mod interfaces;
mod launch;
mod near;
mod nearest;
mod network;
mod observe;
mod on_demand;
mod own_images;
mod presign;
mod price_history;
mod prices;
mod profile;
mod quotas;
mod regions;
mod retry;
mod scores;
mod self_attach;
mod storage;
mod survey;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
mod types;
mod whole;

use std::collections::BTreeMap;

use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;

pub use address::{AddressError, my_address};
pub use advisor::{ADVISOR_URL, AdvisorError, Published, spot_advisor};
pub use aws_smithy_runtime_api::client::http::SharedHttpClient;
#[cfg(test)]
pub(crate) use codes::all as error_codes;
pub use connect::{CloudError, Settings};
#[cfg(feature = "actual")]
pub use cost_explorer::Costs;
#[cfg(feature = "actual")]
pub use data_feed::{Bucket, Fetched};
pub use free_volumes::FreeVolume;
pub use identity::Caller;
pub use nearest::nearest;
pub use observe::{Known, Want};
pub use profile::profile_names;
pub use survey::SurveyError;

/// EC2 in one region, with one set of credentials.
#[derive(Clone, Debug)]
pub struct Cloud {
    ec2: aws_sdk_ec2::Client,
    sts: aws_sdk_sts::Client,
    iam: aws_sdk_iam::Client,
    quotas: aws_sdk_servicequotas::Client,
    pricing: aws_sdk_pricing::Client,
    #[cfg(feature = "actual")]
    s3: aws_sdk_s3::Client,
    #[cfg(feature = "actual")]
    cost_explorer: aws_sdk_costexplorer::Client,
    credentials: Option<SharedCredentialsProvider>,
    region: String,
    expires_at: Option<Timestamp>,
    counts: count::Counts,
}

impl Cloud {
    /// The region's name, for example `us-east-1`.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The same credentials and settings in another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let config = self.ec2.config().to_builder().region(aws_config::Region::new(region.to_owned())).build();
        Self { ec2: aws_sdk_ec2::Client::from_conf(config), region: region.to_owned(), ..self.clone() }
    }

    /// How often each action was sent since the connection was made, repeats by the SDK counted too.
    #[must_use]
    pub fn call_counts(&self) -> BTreeMap<String, u64> {
        self.counts.get()
    }
}

/// A filter of a describe call. EC2 takes at most 200 values in one ([`MOST_FILTER_VALUES`]).
fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> aws_sdk_ec2::types::Filter {
    let values = values.into_iter().map(Into::into).collect();
    aws_sdk_ec2::types::Filter::builder().name(name).set_values(Some(values)).build()
}

/// The most values that one filter takes ("Filtering" in the EC2 API reference).
const MOST_FILTER_VALUES: usize = 200;
