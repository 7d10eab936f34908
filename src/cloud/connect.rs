//! Making the connection: region, profile, credentials, endpoint, timeouts.

use std::time::Duration;

use aws_config::profile::ProfileFileLoadError;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_ec2::config::{IdentityCache, SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;

use super::profile::{self, Profile};
use super::retry::CapacityIsFinal;
use super::{Cloud, count, credentials, https, whole};
use crate::domain::failure::Failure;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is sent in all, as far as the SDK repeats it by itself.
const MOST_ATTEMPTS: u32 = 4;
/// How long credentials may take to load. The SDK's 5 s are too few for a process that asks for a touch of a key.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(60);

/// Where to connect to, and as whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region; `None`: `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
    pub region: Option<String>,
    /// The profile that was named by a flag: its credentials alone are used. `None`: the standard chain, in which
    /// `AWS_PROFILE` has its usual place after keys in the environment.
    pub profile: Option<String>,
    /// Another endpoint for all calls; `None`: `AWS_ENDPOINT_URL`, the profile's, or AWS itself.
    pub endpoint_url: Option<String>,
    /// Another far end, inside this process: the simulator's door.
    pub http_client: Option<SharedHttpClient>,
    /// Made-up credentials, and no look at the user's AWS files or environment, but for the region: for the simulator.
    pub static_credentials: bool,
    /// How long one attempt of one call may take.
    pub call_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            profile: None,
            endpoint_url: None,
            http_client: None,
            static_credentials: false,
            call_timeout: Duration::from_secs(20),
        }
    }
}

/// Why EC2 cannot be worked with at all.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// No region was named anywhere.
    #[error(
        "no region was named: use -r (for example -r us-east-1), or set AWS_REGION, \
         or `region` of profile {profile} in ~/.aws/config"
    )]
    RegionMissing {
        /// The profile that was looked at.
        profile: String,
    },
    /// What was named has not the shape of a region's name.
    #[error(
        "{region:?} is no region's name: use one such as us-east-1 (a zone has a letter after it, a region has not)"
    )]
    RegionMalformed {
        /// As it was given.
        region: String,
    },
    /// EC2 does not list the region.
    #[error("there is no region {region}, or this account has not enabled it: use one of {known}")]
    RegionUnknown {
        /// The region.
        region: String,
        /// Those that there are, in words.
        known: String,
    },
    /// The region's host name does not exist, or no name can be looked up at all.
    #[error(
        "EC2 cannot be found in {region}: the region may not exist, or this machine has no network ({})",
        .failure.message
    )]
    RegionUnreachable {
        /// The region.
        region: String,
        /// What was tried.
        failure: Failure,
    },
    /// The endpoint is no URL.
    #[error("the endpoint {url:?} is no URL: use for example http://localhost:5000")]
    EndpointMalformed {
        /// As it was given.
        url: String,
    },
    /// A profile was asked for that is in neither file.
    #[error("there is no profile {profile} in ~/.aws/config or ~/.aws/credentials: there is {known}")]
    ProfileUnknown {
        /// The profile.
        profile: String,
        /// Those that there are, in words.
        known: String,
    },
    /// One of the profile files cannot be read.
    #[error("the AWS profile files (~/.aws/config, ~/.aws/credentials) cannot be read")]
    ProfileFile {
        /// Why.
        #[source]
        source: Box<ProfileFileLoadError>,
    },
    /// No credentials anywhere.
    #[error(
        "no AWS credentials were found: looked in {looked}. \
         Use `aws configure` or `aws sso login`, or set the environment"
    )]
    CredentialsMissing {
        /// The places, in words.
        looked: String,
    },
    /// Credentials that are configured but do not work.
    #[error(
        "the AWS credentials (profile {profile}) cannot be used: \
         if they are of SSO, run `aws sso login --profile {profile}`"
    )]
    CredentialsUnusable {
        /// The profile.
        profile: String,
        /// Why.
        #[source]
        source: CredentialsError,
    },
    /// EC2 was reached and refused.
    #[error(transparent)]
    Call(#[from] Failure),
}

impl Cloud {
    /// Makes ready to call EC2: finds region and credentials. Sends nothing to EC2 itself.
    ///
    /// # Errors
    /// No region, no such profile, no credentials, an endpoint that is none.
    pub async fn connect(settings: &Settings) -> Result<Self, CloudError> {
        if let Some(url) = settings.endpoint_url.as_ref().filter(|url| !is_http(url)) {
            return Err(CloudError::EndpointMalformed { url: url.clone() });
        }
        let Found { config, region, expires_at } =
            if settings.static_credentials { simulated(settings)? } else { real(settings).await? };
        tracing::debug!(region, endpoint = config.endpoint_url(), "connected");
        let counts = count::Counts::default();
        let ec2 = aws_sdk_ec2::config::Builder::from(&config)
            .retry_classifier(CapacityIsFinal)
            .retry_partition(own_budget())
            .interceptor(counts.clone())
            .build();
        let sts = aws_sdk_sts::config::Builder::from(&config).interceptor(counts.clone()).build();
        let iam = aws_sdk_iam::config::Builder::from(&config).interceptor(counts.clone()).build();
        let quotas = aws_sdk_servicequotas::config::Builder::from(&config).interceptor(counts.clone()).build();
        let pricing = aws_sdk_pricing::config::Builder::from(&config).interceptor(counts.clone()).build();
        Ok(Self {
            ec2: aws_sdk_ec2::Client::from_conf(ec2),
            sts: aws_sdk_sts::Client::from_conf(sts),
            iam: aws_sdk_iam::Client::from_conf(iam),
            quotas: aws_sdk_servicequotas::Client::from_conf(quotas),
            pricing: aws_sdk_pricing::Client::from_conf(pricing),
            #[cfg(feature = "actual")]
            s3: super::data_feed::s3(&config, settings.static_credentials, &counts),
            #[cfg(feature = "actual")]
            cost_explorer: super::cost_explorer::client(&config, &region, &counts),
            credentials: config.credentials_provider(),
            region,
            expires_at,
            counts,
        })
    }
}

/// What a connection may spend on repeats. The SDK's own budget is one for the whole process, so that whoever uses it up
/// takes from everybody else.
fn own_budget() -> RetryPartition {
    RetryPartition::custom("cloudtop").token_bucket(TokenBucket::default()).build()
}

/// What a connection is made from.
struct Found {
    config: SdkConfig,
    region: String,
    /// When the credentials end, where they say.
    expires_at: Option<Timestamp>,
}

/// The configuration by AWS's own rules.
async fn real(settings: &Settings) -> Result<Found, CloudError> {
    let profile = Profile::read(settings.profile.as_deref()).await?;
    let region = profile::region(settings, Some(&profile))?;
    let http = settings.http_client.clone().unwrap_or_else(https::client);
    let named = settings.profile.as_deref();
    let place = Region::new(region.clone());
    let (credentials, expires_at) = credentials::standard(named, &profile.name, &place, http.clone()).await?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(place)
        .profile_name(profile.name)
        .http_client(whole::client(http))
        .credentials_provider(credentials)
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT).build())
        .retry_config(retries())
        .timeout_config(timeouts(settings.call_timeout))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    Ok(Found { config: loader.load().await, region, expires_at })
}

/// The configuration for the simulator: nothing of the user's AWS configuration may reach into it.
fn simulated(settings: &Settings) -> Result<Found, CloudError> {
    let region = profile::region(settings, None)?;
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.clone()))
        .http_client(whole::client(settings.http_client.clone().unwrap_or_else(https::client)))
        .credentials_provider(credentials::simulated())
        .identity_cache(IdentityCache::lazy().build())
        .retry_config(retries())
        .timeout_config(timeouts(settings.call_timeout))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(settings.endpoint_url.clone());
    Ok(Found { config: config.build(), region, expires_at: None })
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(MOST_ATTEMPTS)
}

/// The SDK has no attempt timeout of its own; with one, watching for stalled streams too would say the same twice.
fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(attempt).build()
}

fn is_http(url: &str) -> bool {
    url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endpoint_without_a_scheme_is_refused_before_anything_is_sent() {
        let settings = Settings {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some("localhost:5000".to_owned()),
            static_credentials: true,
            ..Settings::default()
        };
        assert!(matches!(Cloud::connect(&settings).await, Err(CloudError::EndpointMalformed { .. })));
    }

    #[tokio::test]
    async fn a_zone_is_no_region() {
        let settings =
            Settings { region: Some("us-east-1a".to_owned()), static_credentials: true, ..Settings::default() };
        assert!(matches!(Cloud::connect(&settings).await, Err(CloudError::RegionMalformed { .. })));
    }
}
