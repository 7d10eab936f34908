//! EC2's Query protocol: form-encoded questions, XML answers.

pub(super) mod error;
pub(super) mod filter;
pub(super) mod page;
pub(super) mod request;
pub(super) mod xml;

pub(super) use error::Fault;
pub(super) use filter::Filters;
pub(super) use request::{Args, Request};
pub(super) use xml::Xml;

/// What goes back over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The XML document.
    pub body: String,
}

/// The content type of every EC2 answer.
pub(super) const CONTENT_TYPE: &str = "text/xml;charset=UTF-8";
/// The XML namespace of the EC2 API version that every current client speaks.
pub(super) const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
/// The XML namespace of the STS API.
pub(super) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
