//! EC2's errors: a code, a message and an HTTP status.
//!
//! Codes and messages are those of the EC2 API reference's error list and of answers recorded from EC2.

use std::borrow::Cow;

use super::{Answer, EC2_NAMESPACE, Xml};

/// A refusal, as EC2 words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Fault {
    /// The HTTP status: 400 unless said otherwise.
    pub status: u16,
    /// EC2's error code.
    pub code: Cow<'static, str>,
    /// EC2's message.
    pub message: String,
}

impl Fault {
    /// A client error (HTTP 400).
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into() }
    }

    /// The same error with another HTTP status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// A required parameter is missing.
    pub fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// A parameter has a value that EC2 does not take.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// Two parameters do not go together.
    pub fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    /// An id that is not of the right form.
    pub fn malformed(code: &'static str, id: &str, prefix: &str) -> Self {
        Self::new(code, format!("Invalid id: \"{id}\" (expecting \"{prefix}-...\")"))
    }

    /// EC2's answer when a pool is dry: HTTP 500, which SDKs take for a passing fault and retry.
    pub fn no_capacity(message: impl Into<String>) -> Self {
        Self::new("InsufficientInstanceCapacity", message).with_status(500)
    }

    /// The document that carries this error in EC2's dialect.
    pub fn ec2_answer(&self, request_id: &str) -> Answer {
        let mut xml = Xml::document();
        xml.within("Response", |xml| {
            xml.within("Errors", |xml| {
                xml.within("Error", |xml| {
                    xml.text("Code", &self.code);
                    xml.text("Message", &self.message);
                });
            });
            xml.text("RequestID", request_id);
        });
        Answer::plain(self.status, xml.finish())
    }
}

/// The document that carries an action's answer in EC2's dialect.
pub(in crate::simulator) fn ec2_success(action: &str, request_id: &str, content: &Xml) -> Answer {
    let mut xml = Xml::document();
    xml.root(&format!("{action}Response"), EC2_NAMESPACE, |xml| {
        xml.text("requestId", request_id);
        xml.append(content);
    });
    Answer::plain(200, xml.finish())
}
