//! How each service words its answers: EC2 and its kin in XML of three sorts, Service Quotas, the price list and
//! Cost Explorer in JSON, S3 by paths.

use super::error::ec2_success;
use super::{Answer, Fault, IAM_NAMESPACE, STS_NAMESPACE, Xml};

/// A service's way of speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Dialect {
    /// EC2's Query protocol.
    Ec2,
    /// The Query protocol of all other services; the name is the service's.
    Query(&'static str),
    /// AWS's JSON 1.1; the name is the service's.
    Json(&'static str),
    /// S3's documents, and its objects.
    S3,
}

impl Dialect {
    /// The dialect that an action is answered in.
    pub fn of(action: &str) -> Self {
        match action {
            "GetCallerIdentity" => Self::Query("sts"),
            "AddRoleToInstanceProfile"
            | "CreateInstanceProfile"
            | "CreateRole"
            | "DeleteInstanceProfile"
            | "DeleteRole"
            | "DeleteRolePolicy"
            | "GetInstanceProfile"
            | "GetRole"
            | "GetRolePolicy"
            | "PutRolePolicy"
            | "RemoveRoleFromInstanceProfile" => Self::Query("iam"),
            "GetAWSDefaultServiceQuota" | "GetServiceQuota" | "ListServiceQuotas" => Self::Json("servicequotas"),
            "GetProducts" => Self::Json("pricing"),
            "GetCostAndUsage" => Self::Json("ce"),
            "GetObject" | "ListObjectsV2" => Self::S3,
            _ => Self::Ec2,
        }
    }

    /// The service's name, as IAM's policies have it.
    pub fn service(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::S3 => "s3",
            Self::Query(service) | Self::Json(service) => service,
        }
    }

    /// The document that carries an action's answer.
    pub fn success(self, action: &str, request_id: &str, content: Xml) -> Answer {
        match self {
            Self::Ec2 => ec2_success(action, request_id, &content),
            Self::Json(_) => Answer::plain(200, content.finish()),
            Self::S3 => Answer { packed: action == "GetObject", ..Answer::plain(200, content.finish()) },
            Self::Query(service) => {
                let mut xml = Xml::document();
                xml.root(&format!("{action}Response"), namespace(service), |xml| {
                    xml.within(&format!("{action}Result"), |xml| xml.append(&content));
                    xml.within("ResponseMetadata", |xml| xml.text("RequestId", request_id));
                });
                Answer::plain(200, xml.finish())
            }
        }
    }

    /// The document that carries an error. Faults are worded as EC2 does; the other services have other codes for what
    /// they share.
    pub fn fault(self, fault: &Fault, request_id: &str) -> Answer {
        match self {
            Self::Ec2 => fault.ec2_answer(request_id),
            Self::S3 => {
                let (code, status) = plain_code(fault);
                let mut xml = Xml::document();
                xml.within("Error", |xml| {
                    xml.text("Code", code);
                    xml.text("Message", &fault.message);
                    xml.text("RequestId", request_id);
                });
                Answer::plain(status, xml.finish())
            }
            Self::Query(service) => {
                let (code, status) = plain_code(fault);
                let mut xml = Xml::document();
                xml.root("ErrorResponse", namespace(service), |xml| {
                    xml.within("Error", |xml| {
                        xml.text("Type", "Sender");
                        xml.text("Code", code);
                        xml.text("Message", &fault.message);
                    });
                    xml.text("RequestId", request_id);
                });
                Answer::plain(status, xml.finish())
            }
            Self::Json(_) => {
                let body = serde_json::json!({ "__type": json_code(&fault.code), "Message": fault.message });
                Answer::plain(if fault.status == 403 { 400 } else { fault.status }, body.to_string())
            }
        }
    }
}

/// The code and the status of a refusal where they are not EC2's own.
fn plain_code(fault: &Fault) -> (&str, u16) {
    match &*fault.code {
        "UnauthorizedOperation" => ("AccessDenied", 403),
        code => (code, fault.status),
    }
}

fn namespace(service: &str) -> &'static str {
    if service == "iam" { IAM_NAMESPACE } else { STS_NAMESPACE }
}

fn json_code(code: &str) -> &str {
    match code {
        "AccessDenied" | "UnauthorizedOperation" => "AccessDeniedException",
        "InvalidNextToken" => "InvalidPaginationTokenException",
        "InvalidParameterValue" | "MissingParameter" => "IllegalArgumentException",
        "InternalError" => "ServiceException",
        "RequestLimitExceeded" => "TooManyRequestsException",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_worded_as_the_service_that_was_asked_words_it() {
        let refused = Fault::new("UnauthorizedOperation", "no").with_status(403);
        let answer = |action| Dialect::of(action).fault(&refused, "id");
        assert!(answer("RunInstances").body.contains("<Code>UnauthorizedOperation</Code>"));
        let iam = answer("GetRole");
        assert!(iam.body.contains("<Code>AccessDenied</Code>") && iam.body.contains(IAM_NAMESPACE), "{iam:?}");
        let json = answer("GetServiceQuota");
        assert_eq!((json.status, json.body.as_str()), (400, r#"{"Message":"no","__type":"AccessDeniedException"}"#));
        assert_eq!(json.content_type(), "application/x-amz-json-1.1");
        assert_eq!(iam.content_type(), "text/xml;charset=UTF-8");
    }
}
