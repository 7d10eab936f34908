//! What the caller may do: every action that the tool uses, and the statements of the policy that are missing.

use serde::Deserialize;
use serde_json::Value;

use super::{Area, Check};
use crate::domain::failure::{Class, Failure};

/// The check's name.
pub const NAME: &str = "permissions";

/// The policy that the documentation gives: statements to add are parts of it.
const POLICY: &str = include_str!("../../../docs/iam-policy.json");

/// What the identifiers of statements begin with that only some users need (docs/self-attach.md).
const OPTIONAL: &str = "Optional";

/// How it is found out whether an action is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By doing it: it only reads.
    Read,
    /// By a dry run that would make something.
    DryRun,
    /// By a dry run on something that does not exist. A policy that allows the action on tagged things alone refuses
    /// that too.
    DryRunOnNothing,
}

/// An action of EC2, without the `ec2:` before it.
pub type Action = (&'static str, How);

/// Every action of EC2 that the tool uses. (Tests hold it against the policy and the calls that the code makes.)
pub const ACTIONS: &[Action] = &[
    ("DescribeImages", How::Read),
    ("DescribeInstanceTypeOfferings", How::Read),
    ("DescribeInstanceTypes", How::Read),
    ("DescribeInstances", How::Read),
    ("DescribeKeyPairs", How::Read),
    ("DescribeNetworkInterfaces", How::Read),
    ("DescribeRegions", How::Read),
    ("DescribeSecurityGroups", How::Read),
    ("DescribeSnapshots", How::Read),
    ("DescribeSpotInstanceRequests", How::Read),
    ("DescribeSpotPriceHistory", How::Read),
    ("DescribeSubnets", How::Read),
    ("DescribeVolumes", How::Read),
    ("DescribeVolumesModifications", How::Read),
    ("CreateNetworkInterface", How::DryRun),
    ("CreateSecurityGroup", How::DryRun),
    ("CreateTags", How::DryRun),
    ("CreateVolume", How::DryRun),
    ("ImportKeyPair", How::DryRun),
    ("RequestSpotInstances", How::DryRun),
    ("RunInstances", How::DryRun),
    ("AttachVolume", How::DryRunOnNothing),
    ("AuthorizeSecurityGroupIngress", How::DryRunOnNothing),
    ("CancelSpotInstanceRequests", How::DryRunOnNothing),
    ("DeleteKeyPair", How::DryRunOnNothing),
    ("DeleteNetworkInterface", How::DryRunOnNothing),
    ("DeleteSecurityGroup", How::DryRunOnNothing),
    ("DeleteSnapshot", How::DryRunOnNothing),
    ("DeleteVolume", How::DryRunOnNothing),
    ("DetachVolume", How::DryRunOnNothing),
    ("CopySnapshot", How::DryRunOnNothing),
    ("CreateImage", How::DryRunOnNothing),
    ("CreateSnapshot", How::DryRunOnNothing),
    ("DeregisterImage", How::DryRunOnNothing),
    ("GetConsoleOutput", How::DryRunOnNothing),
    ("ModifyNetworkInterfaceAttribute", How::DryRunOnNothing),
    ("ModifyVolume", How::DryRunOnNothing),
    ("RevokeSecurityGroupIngress", How::DryRunOnNothing),
    ("StartInstances", How::DryRunOnNothing),
    ("StopInstances", How::DryRunOnNothing),
    ("TerminateInstances", How::DryRunOnNothing),
];

/// The action that is tried first: where a server takes no notice of DryRun, deleting a key pair that does not exist
/// does nothing.
pub const HARMLESS: &str = "DeleteKeyPair";

/// What trying an action told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is allowed.
    Allowed,
    /// It is not.
    Refused,
    /// The server did it, or would have: it takes no notice of DryRun.
    Ignored,
    /// Neither; what was said instead.
    Unclear(String),
}

/// What the outcome of a try tells about the permission.
#[must_use]
pub fn answer(how: How, outcome: Result<(), Failure>) -> Answer {
    let failure = match (how, outcome) {
        (How::Read, Ok(())) => return Answer::Allowed,
        (How::DryRun | How::DryRunOnNothing, Ok(())) => return Answer::Ignored,
        (_, Err(failure)) => failure,
    };
    // What is said about the thing itself was said after the caller was let through.
    let let_through = failure.code == "DryRunOperation" || failure.code.ends_with(".NotFound");
    match failure.class {
        _ if let_through => Answer::Allowed,
        Class::Denied => Answer::Refused,
        Class::Capacity | Class::Quota | Class::Exists | Class::InUse | Class::Gone | Class::NotYetVisible => {
            Answer::Allowed
        }
        _ => Answer::Unclear(failure.to_string()),
    }
}

/// The verdict on all that was tried.
#[must_use]
pub fn check(tried: &[(Action, Answer)]) -> Vec<Check> {
    let mut checks = Vec::new();
    let ignored = tried.iter().any(|(_, answer)| *answer == Answer::Ignored);
    let all_refused = tried.iter().filter(|(_, answer)| *answer == Answer::Refused).map(|(action, _)| *action);
    let (untold, refused): (Vec<_>, Vec<_>) = all_refused.partition(|action| is_untold(*action, tried));
    if !refused.is_empty() {
        let found = format!("{} of {} actions are not allowed: {}", refused.len(), tried.len(), names(&refused));
        checks.push(Check::wrong(NAME, Area::Access, found, add_statements(&refused)));
    }
    if !untold.is_empty() {
        let found = format!(
            "{} actions are refused on things that do not exist, as by a policy that allows them on things with the \
             tag cloudtop:env alone; otherwise they are missing: {}",
            untold.len(),
            names(&untold)
        );
        checks.push(Check::warning(NAME, found, format!("if they are missing, {}", add_statements(&untold))));
    }
    if ignored {
        let found = "this endpoint takes no notice of DryRun: what changes something was not tried";
        checks.push(Check::warning(NAME, found, "look at the policy yourself: docs/iam-policy.json"));
    }
    checks.extend(unclear(tried));
    if checks.is_empty() {
        checks.push(Check::ok(NAME, format!("all {} actions that the tool uses are allowed", tried.len())));
    }
    checks
}

/// Whether a refusal may come from a policy that looks at the thing's tags: then all such actions are refused, and those
/// that make things are not.
fn is_untold((_, how): Action, tried: &[(Action, Answer)]) -> bool {
    let refused = |wanted: How| tried.iter().filter(move |((_, how), _)| *how == wanted).map(|(_, it)| it);
    how == How::DryRunOnNothing
        && refused(How::DryRunOnNothing).all(|it| *it == Answer::Refused)
        && !refused(How::DryRun).any(|it| *it == Answer::Refused)
}

/// What could not be told, by what was said instead.
fn unclear(tried: &[(Action, Answer)]) -> Option<Check> {
    let said: Vec<&str> = tried
        .iter()
        .filter_map(|(_, answer)| match answer {
            Answer::Unclear(said) => Some(said.as_str()),
            Answer::Allowed | Answer::Refused | Answer::Ignored => None,
        })
        .collect();
    let first = said.first()?;
    let found = format!("of {} of {} actions it could not be told: {first}", said.len(), tried.len());
    Some(Check::warning(NAME, found, "run `cloudtop doctor` again; -vv shows each answer"))
}

fn names(actions: &[Action]) -> String {
    actions.iter().map(|(name, _)| format!("ec2:{name}")).collect::<Vec<_>>().join(", ")
}

fn add_statements(actions: &[Action]) -> String {
    let wanted: Vec<String> = actions.iter().map(|(name, _)| format!("ec2:{name}")).collect();
    let statements: Vec<String> = statements(&wanted).iter().map(|text| format!("`{text}`")).collect();
    format!("add to the caller's policy: {}", statements.join(", "))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    action: OneOrMany,
    resource: Value,
    condition: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The statements that everybody needs of the documented policy and that allow these actions (`ec2:RunInstances`, `iam:GetRole`), each cut down
/// to them, as JSON in one line that may be broken at any of its blanks.
#[must_use]
pub fn statements(actions: &[String]) -> Vec<String> {
    let text = |statement: &Statement| {
        let wanted: Vec<&String> = statement.action.as_slice().iter().filter(|it| actions.contains(it)).collect();
        if wanted.is_empty() {
            return None;
        }
        let listed = serde_json::to_string(&wanted).ok()?;
        let condition = statement.condition.as_ref().map(|it| format!(r#","Condition": {it}"#)).unwrap_or_default();
        let whole = format!(r#"{{"Effect":"Allow","Action":{listed},"Resource":{}{condition}}}"#, statement.resource);
        // No name, ARN or tag in it has a comma of its own.
        Some(whole.replace(',', ", "))
    };
    needed(&policy()).filter_map(text).collect()
}

/// What nobody can do without.
fn needed(policy: &Policy) -> impl Iterator<Item = &Statement> {
    policy.statement.iter().filter(|statement| !statement.sid.starts_with(OPTIONAL))
}

/// The policy is part of the program, and tests read it: that it cannot be parsed does not happen.
fn policy() -> Policy {
    serde_json::from_str(POLICY).unwrap_or(Policy { statement: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::doctor::Verdict;
    use std::collections::BTreeSet;

    /// Actions that the policy allows beside those tried here.
    const OTHERS: [&str; 7] = [
        "ec2:DescribeRouteTables",
        "ec2:DescribeVpcs",
        "iam:CreateServiceLinkedRole",
        "iam:GetRole",
        "pricing:GetProducts",
        "servicequotas:GetAWSDefaultServiceQuota",
        "servicequotas:GetServiceQuota",
    ];

    fn all(of: impl Fn(Action) -> Answer) -> Vec<(Action, Answer)> {
        ACTIONS.iter().map(|action| (*action, of(*action))).collect()
    }

    fn refused(names: &[&str]) -> Vec<Check> {
        check(&all(|(name, _)| if names.contains(&name) { Answer::Refused } else { Answer::Allowed }))
    }

    fn failed(code: &str, class: Class) -> Result<(), Failure> {
        Err(Failure { action: "StopInstances".to_owned(), code: code.to_owned(), message: "words".to_owned(), class })
    }

    #[test]
    fn the_actions_tried_are_those_of_the_documented_policy() {
        let policy = policy();
        let allowed: BTreeSet<String> =
            needed(&policy).flat_map(|statement| statement.action.as_slice().to_vec()).collect();
        let tried = ACTIONS.iter().map(|(name, _)| format!("ec2:{name}"));
        let expected: BTreeSet<String> = tried.chain(OTHERS.map(str::to_owned)).collect();
        assert_eq!(allowed, expected);
    }

    #[test]
    fn every_call_that_changes_something_is_tried() {
        // `Call::action` names one action a line.
        let source = include_str!("../call.rs");
        let body = source.split("pub fn action").nth(1).and_then(|rest| rest.split("\n    }").next());
        let body = body.unwrap_or_default();
        let named: BTreeSet<&str> = body.split('"').skip(1).step_by(2).collect();
        assert!(named.len() >= 16, "{named:?}");
        let tried: BTreeSet<&str> =
            ACTIONS.iter().filter(|(_, how)| *how != How::Read).map(|(name, _)| *name).collect();
        let missing: Vec<_> = named.difference(&tried).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_dry_run_that_is_answered_as_one_is_allowed_and_unauthorized_is_not() {
        let dry = How::DryRunOnNothing;
        assert_eq!(answer(dry, failed("DryRunOperation", Class::BadRequest)), Answer::Allowed);
        assert_eq!(answer(dry, failed("UnauthorizedOperation", Class::Denied)), Answer::Refused);
        assert_eq!(answer(dry, failed("InvalidInstanceID.NotFound", Class::NotYetVisible)), Answer::Allowed);
        assert_eq!(answer(dry, Ok(())), Answer::Ignored);
        assert_eq!(answer(How::Read, Ok(())), Answer::Allowed);
        let lost = answer(dry, failed("NoAnswer", Class::Ambiguous));
        assert!(matches!(lost, Answer::Unclear(said) if said.contains("NoAnswer")));
    }

    #[test]
    fn all_allowed_is_one_line() {
        let fine = check(&all(|_| Answer::Allowed));
        assert_eq!((fine.len(), fine[0].verdict), (1, Verdict::Ok));
        assert!(fine[0].found.contains(&ACTIONS.len().to_string()), "{fine:?}");
    }

    #[test]
    fn a_missing_permission_is_named_with_the_statement_to_add() {
        let checks = refused(&["TerminateInstances"]);
        assert_eq!((checks.len(), checks[0].verdict), (1, Verdict::Wrong(Area::Access)));
        assert!(checks[0].found.contains("1 of 41 actions are not allowed: ec2:TerminateInstances"), "{checks:?}");
        let mend = checks[0].mend.clone().unwrap_or_default();
        assert!(
            mend.contains(r#"{"Effect":"Allow", "Action":["ec2:TerminateInstances"], "Resource":"*", "Condition""#)
        );
        assert!(mend.contains("aws:ResourceTag/cloudtop:env"), "{mend}");
        let launching = refused(&["RunInstances"])[0].mend.clone().unwrap_or_default();
        assert_eq!(launching.matches(r#"["ec2:RunInstances"]"#).count(), 3, "three statements allow it: {launching}");
    }

    #[test]
    fn what_a_policy_by_tags_refuses_on_nothing_is_no_missing_permission() {
        let on_nothing: Vec<&str> =
            ACTIONS.iter().filter(|(_, how)| *how == How::DryRunOnNothing).map(|(name, _)| *name).collect();
        let by_tags = refused(&on_nothing);
        assert_eq!((by_tags.len(), by_tags[0].verdict), (1, Verdict::Warning), "{by_tags:?}");
        // One of them alone is not a matter of tags.
        assert_eq!(refused(&on_nothing[1..])[0].verdict, Verdict::Wrong(Area::Access));
        // Nor is it where nothing at all is allowed.
        let nothing = check(&all(|_| Answer::Refused));
        assert_eq!((nothing.len(), nothing[0].verdict), (1, Verdict::Wrong(Area::Access)));
        let listed = nothing[0].mend.clone().unwrap_or_default();
        assert!(ACTIONS.iter().all(|(name, _)| listed.contains(&format!("\"ec2:{name}\""))), "{listed}");
    }

    #[test]
    fn what_could_not_be_told_is_a_warning() {
        let lost = |(name, _)| match name {
            "StopInstances" => Answer::Unclear("StopInstances: no answer (NoAnswer)".to_owned()),
            _ => Answer::Allowed,
        };
        let checks = check(&all(lost));
        assert_eq!((checks.len(), checks[0].verdict), (1, Verdict::Warning));
        assert!(checks[0].found.contains("of 1 of 41 actions it could not be told: StopInstances"), "{checks:?}");
        let deaf = |(_, how)| if how == How::Read { Answer::Allowed } else { Answer::Ignored };
        assert!(check(&all(deaf))[0].found.contains("takes no notice of DryRun"));
    }
}
