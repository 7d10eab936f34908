//! The address by which the world sees this machine.

use std::net::IpAddr;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::{failure, https};

/// AWS's own echo: answers with the caller's address and a line feed.
const ECHO: &str = "https://checkip.amazonaws.com";
/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the address is not known.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// No answer in time.
    #[error("{ECHO} did not answer within 5 s: name who may reach port 22 with --allow-ssh CIDR")]
    Timeout,
    /// No answer.
    #[error("{ECHO} cannot be asked ({why}): name who may reach port 22 with --allow-ssh CIDR")]
    Unreachable {
        /// What is known of why.
        why: String,
    },
    /// An answer that is no address: a captive portal, a proxy's page.
    #[error("{ECHO} answered with HTTP {status} and no address: name who may reach port 22 with --allow-ssh CIDR")]
    NoAddress {
        /// The HTTP status.
        status: u16,
    },
}

/// Asks AWS by which address it sees this machine.
///
/// # Errors
/// No answer within 5 s, or none that is an address.
pub async fn my_address() -> Result<IpAddr, AddressError> {
    let (status, body) = tokio::time::timeout(TIMEOUT, fetch()).await.map_err(|_| AddressError::Timeout)??;
    let text = String::from_utf8_lossy(&body);
    text.trim().parse().map_err(|_| AddressError::NoAddress { status })
}

async fn fetch() -> Result<(u16, Vec<u8>), AddressError> {
    let unreachable =
        |error: &(dyn std::error::Error + 'static)| AddressError::Unreachable { why: failure::chain(error) };
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(ECHO).map_err(|error| unreachable(&error))?;
    let connector = https::connector(HttpConnectorSettings::default(), None);
    let response = connector.call(request).await.map_err(|error| unreachable(&error))?;
    let status = response.status().as_u16();
    let body = ByteStream::new(response.into_body()).collect().await.map_err(|error| unreachable(&error))?;
    Ok((status, body.to_vec()))
}
