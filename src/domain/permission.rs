//! A missing permission: who may not do what with which thing, and the policy statement that would let them.

use serde_json::{Value, json};

use super::failure::Failure;

/// What the tool needs, as a policy; the statement to add is always a part of it.
const POLICY: &str = include_str!("../../docs/iam-policy.json");

/// The codes that AWS sends where a policy is in the way.
const CODES: [&str; 3] = ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"];

/// What a refusal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The ARN of the user or role, where AWS names it.
    pub who: Option<String>,
    /// What they may not do, for example `ec2:RunInstances`.
    pub action: String,
    /// The ARN of the thing, where AWS names it.
    pub resource: Option<String>,
    /// AWS's reason, for example `because no identity-based policy allows the ec2:RunInstances action`.
    pub why: Option<String>,
}

impl Denial {
    /// Reads a failure; `None` where it is of another kind.
    ///
    /// AWS's sentence is "User: ARN is not authorized to perform: ACTION on resource: ARN because ..."; EC2 leaves it out
    /// in some regions and for some calls.
    #[must_use]
    pub fn of(failure: &Failure) -> Option<Self> {
        if !CODES.contains(&failure.code.as_str()) {
            return None;
        }
        let message = failure.message.as_str();
        let Some((before, after)) = message.split_once(" is not authorized to perform: ") else {
            let action = format!("{}:{}", service_of(&failure.action), failure.action);
            return Some(Self { who: None, action, resource: None, why: None });
        };
        let who = before.rsplit(char::is_whitespace).next().filter(|who| who.starts_with("arn:"));
        let (action, rest) = word(after);
        let (resource, why) = match rest.strip_prefix("on resource: ") {
            Some(rest) => {
                let (resource, rest) = word(rest);
                (Some(resource), rest)
            }
            None => (None, rest),
        };
        let why = why.trim().trim_end_matches('.');
        Some(Self {
            who: who.map(str::to_owned),
            action: action.trim_end_matches('.').to_owned(),
            resource: resource.map(|it| it.trim_end_matches('.').to_owned()),
            why: Some(why).filter(|why| !why.is_empty()).map(str::to_owned),
        })
    }

    /// The statements to add, as JSON in one line, for this action alone; `None` where the tool's policy has none.
    #[must_use]
    pub fn statement(&self) -> Option<String> {
        let policy: Value = serde_json::from_str(POLICY).ok()?;
        let allowing: Vec<&Value> =
            policy.get("Statement")?.as_array()?.iter().filter(|it| self.is_named(it)).collect();
        let of_resource: Vec<&Value> = allowing.iter().copied().filter(|it| self.is_covered(it)).collect();
        let chosen = if of_resource.is_empty() { allowing } else { of_resource };
        let statements: Vec<String> = chosen.into_iter().map(|it| self.narrowed(it)).collect();
        (!statements.is_empty()).then(|| statements.join(", "))
    }

    /// Who may not do what, and what to do about it.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let who = self.who.as_deref().unwrap_or("whoever these credentials are (`aws sts get-caller-identity`)");
        let on = self.resource.as_ref().map(|it| format!(" on {it}")).unwrap_or_default();
        let why = self.why.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
        let mend = match self.statement() {
            _ if self.is_explicit() => {
                "an explicit deny stands above every statement that allows: have who keeps that \
                 policy change it"
                    .to_owned()
            }
            Some(statement) => {
                format!("add to their policy (docs/iam-policy.json has all that cloudtop needs): {statement}")
            }
            None => "allow it in their policy; what cloudtop itself needs is in docs/iam-policy.json".to_owned(),
        };
        let decode = "the same command with `-vv` shows EC2's encoded reason, where it sends one: `aws sts \
             decode-authorization-message --encoded-message ...` reads it";
        vec![format!("{who} may not call {}{on}{why}", self.action), mend, decode.to_owned()]
    }

    fn is_explicit(&self) -> bool {
        self.why.as_deref().is_some_and(|why| why.contains("explicit deny"))
    }

    fn is_named(&self, statement: &Value) -> bool {
        texts(statement.get("Action")).contains(&self.action.as_str())
    }

    fn is_covered(&self, statement: &Value) -> bool {
        let Some(resource) = &self.resource else { return false };
        texts(statement.get("Resource")).iter().any(|pattern| matches(pattern, resource))
    }

    /// The statement for this action alone, its parts in the order in which policies are written.
    fn narrowed(&self, statement: &Value) -> String {
        let action = json!(self.action);
        let part = |key: &'static str| {
            let value = if key == "Action" { Some(&action) } else { statement.get(key) };
            value.map(|value| format!("\"{key}\": {value}"))
        };
        let parts: Vec<String> =
            ["Sid", "Effect", "Action", "Resource", "Condition"].into_iter().filter_map(part).collect();
        format!("{{{}}}", parts.join(", "))
    }
}

/// The service of a call that cloudtop makes, as policies name it.
fn service_of(action: &str) -> &'static str {
    match action {
        "GetCallerIdentity" => "sts",
        _ if action.ends_with("ServiceQuota") => "servicequotas",
        _ => "ec2",
    }
}

/// The first word, and the rest without the blank.
fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

/// One text or a list of them.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a text is of a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).filter(|&at| rest.is_char_boundary(at)).any(|at| matches(tail, &rest[at..]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::failure::Class;

    fn denied(action: &str, code: &str, message: &str) -> Failure {
        Failure { action: action.to_owned(), code: code.to_owned(), message: message.to_owned(), class: Class::Denied }
    }

    const LONG: &str = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ann is \
         not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1 \
         because no identity-based policy allows the ec2:RunInstances action.";

    #[test]
    fn who_may_not_do_what_is_read_from_the_sentence() {
        let denial = Denial::of(&denied("RunInstances", "UnauthorizedOperation", LONG)).unwrap();
        assert_eq!(denial.who.as_deref(), Some("arn:aws:iam::123456789012:user/ann"));
        assert_eq!(denial.action, "ec2:RunInstances");
        assert_eq!(denial.resource.as_deref(), Some("arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1"));
        assert_eq!(denial.why.as_deref(), Some("because no identity-based policy allows the ec2:RunInstances action"));
        assert!(
            denial.hints()[0].starts_with("arn:aws:iam::123456789012:user/ann may not call ec2:RunInstances on arn:")
        );
    }

    #[test]
    fn a_sentence_that_names_nothing_is_told_by_the_call() {
        let short = "You are not authorized to perform this operation.";
        let denial = Denial::of(&denied("DeleteVolume", "UnauthorizedOperation", short)).unwrap();
        assert_eq!(
            (denial.action.as_str(), denial.who.clone(), denial.resource.clone()),
            ("ec2:DeleteVolume", None, None)
        );
        let quota = Denial::of(&denied("GetServiceQuota", "AccessDeniedException", "no")).unwrap();
        assert_eq!(quota.action, "servicequotas:GetServiceQuota");
        assert!(quota.statement().unwrap().contains(r#""Sid": "LookAtQuotas""#));
    }

    #[test]
    fn the_statement_is_the_policys_own_for_the_thing_that_was_denied() {
        let denial = Denial::of(&denied("RunInstances", "UnauthorizedOperation", LONG)).unwrap();
        let statement: Value = serde_json::from_str(&denial.statement().unwrap()).unwrap();
        assert_eq!((&statement["Sid"], &statement["Action"]), (&json!("LaunchFrom"), &json!("ec2:RunInstances")));
        let unnamed = Denial { resource: None, ..denial };
        assert_eq!(unnamed.statement().unwrap().matches(r#""Action": "ec2:RunInstances""#).count(), 3);
    }

    #[test]
    fn a_condition_stays_with_its_statement() {
        let denial = Denial::of(&denied("DeleteVolume", "UnauthorizedOperation", "no")).unwrap();
        let statement: Value = serde_json::from_str(&denial.statement().unwrap()).unwrap();
        assert_eq!(statement["Condition"], json!({"Null": {"aws:ResourceTag/cloudtop:env": "false"}}));
        assert_eq!(statement["Effect"], "Allow");
    }

    #[test]
    fn against_an_explicit_deny_no_statement_is_offered() {
        let message = "User: arn:aws:iam::1:user/a is not authorized to perform: ec2:StopInstances on resource: \
             arn:aws:ec2:us-east-1:1:instance/i-1 with an explicit deny in a service control policy";
        let hints = Denial::of(&denied("StopInstances", "UnauthorizedOperation", message)).unwrap().hints();
        assert!(hints[0].ends_with("with an explicit deny in a service control policy"), "{hints:?}");
        assert!(hints.iter().all(|hint| !hint.contains("\"Effect\"")), "{hints:?}");
    }

    #[test]
    fn another_failure_is_no_denial() {
        assert_eq!(Denial::of(&denied("RunInstances", "PendingVerification", LONG)), None);
    }

    #[test]
    fn a_star_in_a_pattern_stands_for_anything() {
        assert!(matches("arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:us-east-1:1:volume/vol-1"));
        assert!(!matches("arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:us-east-1:1:instance/i-1"));
        assert!(matches("*", "") && !matches("a", "ab"));
    }
}
