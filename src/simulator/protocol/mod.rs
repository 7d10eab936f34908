//! EC2's Query protocol: form-encoded questions, XML answers.

pub(super) mod dialect;
pub(super) mod error;
pub(super) mod filter;
pub(super) mod page;
pub(super) mod request;
pub(super) mod xml;

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
}

impl Answer {
    /// The content type that the document is sent with.
    pub fn content_type(&self) -> &'static str {
        if self.body.starts_with('{') { "application/x-amz-json-1.1" } else { "text/xml;charset=UTF-8" }
    }
}

/// The XML namespace of the EC2 API version that every current client speaks.
pub(super) const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
/// The XML namespace of the IAM API.
pub(super) const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// The XML namespace of the STS API.
pub(super) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
