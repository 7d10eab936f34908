//! Credentials: AWS's standard chain, asked once at the start, so that their absence is told early and clearly.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds;
use aws_config::imds::client::error::ImdsError;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use aws_sdk_ec2::config::SharedHttpClient;
use jiff::Timestamp;

use super::connect::CloudError;
use super::failure;

/// How long the instance metadata service may take to answer. It is a hop away, and absent everywhere but on EC2.
const METADATA_WAIT: Duration = Duration::from_secs(1);

/// Credentials that no simulator looks at.
pub(super) fn simulated() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("SIMULATOR", "simulator", None, None, "simulator"))
}

/// The user's credentials: those of `named` alone (`--profile`), or the first that the standard chain has. The chain
/// looks at the environment first, so it would overrule a profile that was named on the command line.
///
/// With them comes the time at which they end, where they say.
///
/// `profile` is the profile that the files' own rules select, for the message.
///
/// # Errors
/// There are none, or those that are there cannot be used (an SSO session that has ended, a process that fails).
pub(super) async fn standard(
    named: Option<&str>,
    profile: &str,
    region: &Region,
    http: SharedHttpClient,
) -> Result<(SharedCredentialsProvider, Option<Timestamp>), CloudError> {
    let conf = ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(http);
    let (chain, looked) = match named {
        Some(name) => (only_profile(name, &conf), format!("profile {name} of ~/.aws/config and ~/.aws/credentials")),
        None => (whole_chain(region.clone(), conf).await, places(profile)),
    };
    match chain.provide_credentials().await {
        Ok(first) => {
            let expires_at = first.expiry().and_then(|at| Timestamp::try_from(at).ok());
            let first = Mutex::new(Some(first));
            Ok((SharedCredentialsProvider::new(Primed { first, chain }), expires_at))
        }
        Err(CredentialsError::CredentialsNotLoaded(_)) => Err(CloudError::CredentialsMissing { looked }),
        // The metadata service comes last. Where it is switched off, or a firewall answers in its place, there is none.
        Err(source) if failure::find::<ImdsError>(&source).is_some() => Err(CloudError::CredentialsMissing { looked }),
        Err(source) => Err(CloudError::CredentialsUnusable { profile: profile.to_owned(), source }),
    }
}

fn only_profile(name: &str, conf: &ProviderConfig) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(ProfileFileCredentialsProvider::builder().configure(conf).profile_name(name).build())
}

async fn whole_chain(region: Region, conf: ProviderConfig) -> SharedCredentialsProvider {
    // The SDK's default is four attempts: most people are not on EC2 and would wait for nothing.
    let metadata = imds::Client::builder()
        .configure(&conf)
        .max_attempts(1)
        .connect_timeout(METADATA_WAIT)
        .read_timeout(METADATA_WAIT)
        .operation_timeout(2 * METADATA_WAIT)
        .build();
    let chain = DefaultCredentialsChain::builder().region(region).imds_client(metadata).configure(conf);
    SharedCredentialsProvider::new(chain.build().await)
}

/// Where the standard chain looks, in its order.
fn places(profile: &str) -> String {
    format!(
        "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), profile {profile} of ~/.aws/config and \
         ~/.aws/credentials (keys, SSO, role, process), AWS_WEB_IDENTITY_TOKEN_FILE, the container \
         (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) and the EC2 instance metadata service"
    )
}

/// Hands out the credentials that were loaded at the start, then asks the chain: an SSO session or a process is not
/// asked twice in one command.
#[derive(Debug)]
struct Primed {
    first: Mutex<Option<Credentials>>,
    chain: SharedCredentialsProvider,
}

impl ProvideCredentials for Primed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match first {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => self.chain.provide_credentials(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_credentials_are_handed_out_once() {
        let first = Mutex::new(Some(Credentials::new("FIRST", "secret", None, None, "test")));
        let primed = Primed { first, chain: simulated() };
        assert_eq!(primed.provide_credentials().await.unwrap().access_key_id(), "FIRST");
        assert_eq!(primed.provide_credentials().await.unwrap().access_key_id(), "SIMULATOR");
    }
}
