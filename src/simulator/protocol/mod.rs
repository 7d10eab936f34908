//! EC2's Query protocol: form-encoded questions, XML answers.

pub(super) mod dialect;
pub(super) mod error;
pub(super) mod filter;
pub(super) mod page;
pub(super) mod request;
pub(super) mod xml;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

pub(super) use dialect::Dialect;
pub(super) use error::Fault;
pub(super) use filter::Filters;
pub(super) use request::{Args, Request};
pub(super) use xml::Xml;

/// What goes back over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The document: XML, or of some services JSON.
    pub body: String,
    /// Whether it goes as a file packed by gzip.
    pub packed: bool,
}

impl Answer {
    /// A document that goes as it is.
    pub fn plain(status: u16, body: String) -> Self {
        Self { status, body, packed: false }
    }

    /// What goes over the wire.
    pub fn into_bytes(self) -> Vec<u8> {
        if self.packed { gzip(&self.body) } else { self.body.into_bytes() }
    }

    /// The content type that the document is sent with.
    pub fn content_type(&self) -> &'static str {
        if self.packed {
            return "binary/octet-stream";
        }
        if self.body.starts_with('{') { "application/x-amz-json-1.1" } else { "text/xml;charset=UTF-8" }
    }
}

/// The XML namespace of the EC2 API version that every current client speaks.
pub(super) const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
/// The XML namespace of the IAM API.
pub(super) const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// The XML namespace of the S3 API.
pub(super) const S3_NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// The XML namespace of the STS API.
pub(super) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A text packed by gzip, the same bytes for the same text.
pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail.
    let _ = packer.write_all(text.as_bytes());
    packer.finish().unwrap_or_default()
}
