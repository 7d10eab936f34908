//! A copy of an encrypted snapshot from another region must bring a signed URL of the same call at the region that it comes
//! from: with it EC2 there is asked in the user's name ("PresignedUrl" of CopySnapshot in the EC2 API reference). Other SDKs
//! make it by themselves, the one for Rust does not. It is signed by Signature Version 4, in its query form.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;

/// How long EC2 may take until it uses the URL. Other SDKs give it the same hour.
const VALID_FOR: Duration = Duration::from_secs(3600);

/// Why there is no signed URL.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsigned {
    /// There are no credentials any more.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Not all that a signature is of was said.
    #[error("the copy could not be signed")]
    Parameters(#[from] v4::signing_params::BuildError),
    /// They are there, and it could not be signed.
    #[error("the copy could not be signed")]
    Signing(#[from] SigningError),
}

/// A copy between two regions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copying<'a> {
    /// The region that the snapshot is in.
    pub from: &'a str,
    /// The region that it is copied to.
    pub to: &'a str,
    /// The snapshot.
    pub snapshot: &'a str,
}

impl Copying<'_> {
    /// The URL, signed now with what the provider has.
    ///
    /// # Errors
    /// [`Unsigned`]
    pub(super) async fn signed(
        &self,
        credentials: &SharedCredentialsProvider,
        now: Timestamp,
    ) -> Result<String, Unsigned> {
        self.url(credentials.provide_credentials().await?, now)
    }

    fn url(&self, credentials: Credentials, now: Timestamp) -> Result<String, Unsigned> {
        let Self { from, to, snapshot } = self;
        let domain = if from.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let host = format!("ec2.{from}.{domain}");
        let url = format!(
            "https://{host}/?Action=CopySnapshot&DestinationRegion={to}&SourceRegion={from}&SourceSnapshotId={snapshot}\
             &Version=2016-11-15"
        );
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(VALID_FOR);
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(from)
            .name("ec2")
            .time(now.into())
            .settings(settings)
            .build()?;
        let headers = [("host", host.as_str())].into_iter();
        let request = SignableRequest::new("GET", url.as_str(), headers, SignableBody::Bytes(&[]))?;
        let (instructions, _) = sign(request, &parameters.into())?.into_parts();
        let (_, added) = instructions.into_parts();
        let added = added.iter().map(|(name, value)| format!("&{name}={}", encoded(value)));
        Ok(url + &added.collect::<String>())
    }
}

/// As Signature Version 4 has values encoded.
fn encoded(value: &str) -> String {
    let mut all = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => all.push(char::from(byte)),
            _ => all.push_str(&format!("%{byte:02X}")),
        }
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// botocore 1.44.5 was asked for the same copy at the same moment with the same made-up keys.
    #[test]
    fn the_signature_is_the_one_that_botocore_makes() {
        let session = Some("TOKEN/+=".to_owned());
        let credentials = Credentials::new("AKIDEXAMPLE", "SECRETEXAMPLE", session, None, "test");
        let copying = Copying { from: "us-east-1", to: "us-west-2", snapshot: "snap-0123456789abcdef0" };
        let url = copying.url(credentials, "2026-11-21T12:00:00Z".parse().unwrap()).unwrap();
        assert!(
            url.starts_with("https://ec2.us-east-1.amazonaws.com/?Action=CopySnapshot&DestinationRegion=us-west-2&")
        );
        let signature = "b0de626efeedbf45237860a2979a742e1098acd1565949ca7d772493bfc5be91";
        assert!(url.contains(&format!("&X-Amz-Signature={signature}")), "{url}");
    }
}
