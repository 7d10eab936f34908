//! A copy of an encrypted snapshot from another region must bring a signed URL of the same call at the region that it comes
//! from: with it EC2 there is asked in the user's name ("PresignedUrl" of CopySnapshot in the EC2 API reference). Other SDKs
//! make it by themselves, the one for Rust does not. It is signed by Signature Version 4, in its query form.

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use jiff::Timestamp;

use super::sha256::{hex, hmac, sha256};

/// How long EC2 may take until it uses the URL. Other SDKs give it the same hour.
const VALID_FOR_SECONDS: u32 = 3600;

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
    /// Where there are no credentials any more.
    pub(super) async fn signed(
        &self,
        credentials: &SharedCredentialsProvider,
        now: Timestamp,
    ) -> Result<String, CredentialsError> {
        Ok(self.url(&credentials.provide_credentials().await?, now))
    }

    fn url(&self, credentials: &Credentials, now: Timestamp) -> String {
        let (from, time) = (self.from, now.strftime("%Y%m%dT%H%M%SZ").to_string());
        let (day, _) = time.split_once('T').unwrap_or((&time, ""));
        let domain = if from.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let host = format!("ec2.{from}.{domain}");
        let scope = format!("{day}/{from}/ec2/aws4_request");
        let mut parameters = vec![
            ("Action", "CopySnapshot".to_owned()),
            ("DestinationRegion", self.to.to_owned()),
            ("SourceRegion", from.to_owned()),
            ("SourceSnapshotId", self.snapshot.to_owned()),
            ("Version", "2016-11-15".to_owned()),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", credentials.access_key_id())),
            ("X-Amz-Date", time.clone()),
            ("X-Amz-Expires", VALID_FOR_SECONDS.to_string()),
            ("X-Amz-SignedHeaders", "host".to_owned()),
        ];
        if let Some(session) = credentials.session_token() {
            parameters.push(("X-Amz-Security-Token", session.to_owned()));
        }
        // What is signed has its parameters in order.
        parameters.sort_unstable();
        let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let query = query.join("&");
        let request = format!("GET\n/\n{query}\nhost:{host}\n\nhost\n{}", hex(&sha256(b"")));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&sha256(request.as_bytes())));
        let secret = format!("AWS4{}", credentials.secret_access_key());
        let parts = [day, from, "ec2", "aws4_request", &to_sign];
        let signature = parts.iter().fold(secret.into_bytes(), |key, part| hmac(&key, part.as_bytes()).to_vec());
        format!("https://{host}/?{query}&X-Amz-Signature={}", hex(&signature))
    }
}

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
        let url = copying.url(&credentials, "2026-11-21T12:00:00Z".parse().unwrap());
        assert!(
            url.starts_with("https://ec2.us-east-1.amazonaws.com/?Action=CopySnapshot&DestinationRegion=us-west-2&")
        );
        let signature = "b0de626efeedbf45237860a2979a742e1098acd1565949ca7d772493bfc5be91";
        assert!(url.ends_with(&format!("&X-Amz-Signature={signature}")), "{url}");
    }
}
