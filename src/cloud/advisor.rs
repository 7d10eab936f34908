//! The Spot Advisor's data, from their public address: no AWS call, no credentials, no permission.

use std::io::Read as _;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use flate2::read::GzDecoder;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::{failure, https};
use crate::domain::advisor::Advisor;

/// Where AWS keeps what its page "Spot Instance Advisor" shows.
pub const ADVISOR_URL: &str = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json";
/// How long it may take, all in all: the data are an addition, and nobody waits long for them.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes that are read. In 2025 it was two to three million.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// How every gzip stream begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why there are no data.
#[derive(Debug, thiserror::Error)]
pub enum AdvisorError {
    /// Not all of it in time.
    #[error("no whole answer within 5 s")]
    Timeout,
    /// No answer.
    #[error("{why}")]
    Unreachable {
        /// What is known of why.
        why: String,
    },
    /// An answer, and no data.
    #[error("HTTP {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// More than anybody would make of it.
    #[error("an answer of more than {} MiB", MOST_BYTES >> 20)]
    TooLarge,
    /// An answer that is something else: a captive portal, a proxy's page, another form of the data.
    #[error("an answer that is not the Spot Advisor's data")]
    Unreadable,
}

/// What was answered.
#[derive(Debug)]
pub enum Published {
    /// Nothing has changed since the answer that had the tag.
    Unchanged,
    /// The data.
    Data {
        /// What they say.
        advisor: Advisor,
        /// When they were made, where the server says so.
        modified: Option<Timestamp>,
        /// The server's tag of this version, to ask again with.
        tag: Option<String>,
    },
}

/// Fetches the data, unless they are still those of the tag.
///
/// # Errors
/// No answer within 5 s, or none that is the Advisor's data.
pub async fn spot_advisor(url: &str, tag: Option<&str>) -> Result<Published, AdvisorError> {
    tokio::time::timeout(TIMEOUT, fetch(url, tag)).await.map_err(|_| AdvisorError::Timeout)?
}

async fn fetch(url: &str, tag: Option<&str>) -> Result<Published, AdvisorError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url).map_err(|error| unreachable(&error))?;
    if let Some(tag) = tag {
        request.headers_mut().try_insert("if-none-match", tag.to_owned()).map_err(|error| unreachable(&error))?;
    }
    let connector = https::connector(HttpConnectorSettings::default(), None);
    let response = connector.call(request).await.map_err(|error| unreachable(&error))?;
    let (status, header) = (response.status().as_u16(), |name| response.headers().get(name).map(str::to_owned));
    let (modified, new_tag) = (header("last-modified"), header("etag"));
    match status {
        304 if tag.is_some() => return Ok(Published::Unchanged),
        200 => {}
        status => return Err(AdvisorError::Status { status }),
    }
    let advisor = Advisor::parse(&unpacked(body(response).await?)?).map_err(|_| AdvisorError::Unreadable)?;
    let modified = modified.and_then(|text| Some(rfc2822::parse(&text).ok()?.timestamp()));
    Ok(Published::Data { advisor, modified, tag: new_tag })
}

async fn body(response: HttpResponse) -> Result<Vec<u8>, AdvisorError> {
    let mut stream = ByteStream::new(response.into_body());
    let mut bytes = Vec::new();
    while let Some(some) = stream.try_next().await.map_err(|error| unreachable(&error))? {
        bytes.extend_from_slice(&some);
        if bytes.len() > MOST_BYTES {
            return Err(AdvisorError::TooLarge);
        }
    }
    Ok(bytes)
}

/// What is kept packed in S3 is sent packed, whatever was asked for.
fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, AdvisorError> {
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    GzDecoder::new(bytes.as_slice()).take(most + 1).read_to_end(&mut text).map_err(|_| AdvisorError::Unreadable)?;
    if text.len() > MOST_BYTES { Err(AdvisorError::TooLarge) } else { Ok(text) }
}

fn unreachable(error: &(dyn std::error::Error + 'static)) -> AdvisorError {
    AdvisorError::Unreachable { why: failure::chain(error) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn what_comes_packed_is_unpacked_and_what_does_not_is_left() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"{}").unwrap();
        assert_eq!(unpacked(packed.finish().unwrap()).unwrap(), b"{}");
        assert_eq!(unpacked(b"{}".to_vec()).unwrap(), b"{}");
        assert!(matches!(unpacked(vec![0x1f, 0x8b, 0]), Err(AdvisorError::Unreadable)));
    }

    #[test]
    fn a_small_answer_that_unpacks_without_end_is_cut_off() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let zeros = vec![0; 1 << 20];
        (0..33).for_each(|_| packed.write_all(&zeros).unwrap());
        assert!(matches!(unpacked(packed.finish().unwrap()), Err(AdvisorError::TooLarge)));
    }
}
