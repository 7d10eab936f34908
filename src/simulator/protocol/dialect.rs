//! How each service words its answers: EC2 and its kin in XML of three sorts, Service Quotas and the price list in JSON.

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
            _ => Self::Ec2,
        }
    }

    /// The service's name, as IAM's policies have it.
    pub fn service(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Query(service) | Self::Json(service) => service,
        }
    }

    /// The document that carries an action's answer.
    pub fn success(self, action: &str, request_id: &str, content: Xml) -> Answer {
        match self {
            Self::Ec2 => ec2_success(action, request_id, &content),
            Self::Json(_) => Answer { status: 200, body: content.finish() },
            Self::Query(service) => {
                let mut xml = Xml::document();
                xml.root(&format!("{action}Response"), namespace(service), |xml| {
                    xml.within(&format!("{action}Result"), |xml| xml.append(&content));
                    xml.within("ResponseMetadata", |xml| xml.text("RequestId", request_id));
                });
                Answer { status: 200, body: xml.finish() }
            }
        }
    }

    /// The document that carries an error. Faults are worded as EC2 does; the other services have other codes for what
    /// they share.
    pub fn fault(self, fault: &Fault, request_id: &str) -> Answer {
        match self {
            Self::Ec2 => fault.ec2_answer(request_id),
            Self::Query(service) => {
                let (code, status) = match &*fault.code {
                    "UnauthorizedOperation" => ("AccessDenied", 403),
                    code => (code, fault.status),
                };
                let mut xml = Xml::document();
                xml.root("ErrorResponse", namespace(service), |xml| {
                    xml.within("Error", |xml| {
                        xml.text("Type", "Sender");
                        xml.text("Code", code);
                        xml.text("Message", &fault.message);
                    });
                    xml.text("RequestId", request_id);
                });
                Answer { status, body: xml.finish() }
            }
            Self::Json(_) => {
                let body = serde_json::json!({ "__type": json_code(&fault.code), "Message": fault.message });
                Answer { status: if fault.status == 403 { 400 } else { fault.status }, body: body.to_string() }
            }
        }
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
