//! The role with which nodes attach their own volumes: its name, and what it may do.

/// The policy that the documentation gives, for an installation in AWS's largest partition.
const POLICY: &str = include_str!("../../docs/self-attach-policy.json");
/// Who may take the role on: EC2, for the instances that are launched with it.
const TRUST: &str = include_str!("../../docs/self-attach-trust.json");
/// What stands in [`POLICY`] where an installation's id goes.
const PLACEHOLDER: &str = "YOUR-INSTALLATION-ID";

/// The path of the role and of the instance profile, by which both are known as ours.
pub const PATH: &str = "/cloudtop/";
/// The name of the inline policy of the role.
pub const POLICY_NAME: &str = "attach-own-volume";

/// The name of the role and of the instance profile of an installation. IAM's names are one account's, in which several
/// people may have each their own installation.
#[must_use]
pub fn name(owner: &str) -> String {
    // The id is a UUIDv7, whose first digits are its time: the last ones tell two installations apart.
    let tail = owner.len().saturating_sub(12);
    format!("cloudtop-self-attach-{}", owner.get(tail..).unwrap_or(owner))
}

/// What the role may do: find volumes, and attach those of the installation, each node to itself alone.
#[must_use]
pub fn policy(owner: &str, region: &str) -> String {
    let of_partition = POLICY.replace("arn:aws:", &format!("arn:{}:", partition(region)));
    of_partition.replace(PLACEHOLDER, owner)
}

/// Who may take the role on.
#[must_use]
pub fn trust(region: &str) -> String {
    // The regions of China have names of their own for services ("AWS service principals" in the IAM user guide).
    match partition(region) {
        "aws-cn" => TRUST.replace("ec2.amazonaws.com", "ec2.amazonaws.com.cn"),
        _ => TRUST.to_owned(),
    }
}

/// The partition that a region is in, as ARNs name it.
fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::tags;

    const OWNER: &str = "0199aaaa-0000-7000-8000-00000000000a";

    fn statements() -> Vec<Value> {
        let policy: Value = serde_json::from_str(&policy(OWNER, "us-east-1")).unwrap();
        policy["Statement"].as_array().unwrap().clone()
    }

    #[test]
    fn the_role_may_attach_volumes_of_one_installation_and_nothing_else_of_that_kind() {
        let of_volumes = &statements()[1];
        assert_eq!(of_volumes["Resource"], "arn:aws:ec2:*:*:volume/*");
        let owner = format!("aws:ResourceTag/{}", tags::OWNER);
        let role = format!("aws:ResourceTag/{}", tags::ROLE);
        let expected = json!({"StringEquals": {owner: OWNER, role: tags::ROLE_PERSISTENT}});
        assert_eq!(of_volumes["Condition"], expected);
    }

    #[test]
    fn every_statement_that_changes_something_has_a_condition() {
        let mut actions = Vec::new();
        for statement in statements() {
            let action = statement["Action"].as_str().unwrap().to_owned();
            assert!(action.starts_with("ec2:Describe") || statement["Condition"].is_object(), "{statement}");
            actions.push(action);
        }
        assert_eq!(actions, ["ec2:DescribeVolumes", "ec2:AttachVolume", "ec2:AttachVolume"]);
    }

    #[test]
    fn other_partitions_have_arns_and_services_of_their_own() {
        assert!(policy(OWNER, "cn-north-1").contains("arn:aws-cn:ec2:*:*:instance/${ec2:InstanceID}"));
        assert!(policy(OWNER, "us-gov-west-1").contains("arn:aws-us-gov:ec2:*:*:volume/*"));
        assert!(!policy(OWNER, "cn-north-1").contains("arn:aws:"));
        assert!(trust("cn-north-1").contains("\"ec2.amazonaws.com.cn\""));
        assert!(trust("us-gov-west-1").contains("\"ec2.amazonaws.com\""));
    }

    #[test]
    fn two_installations_have_roles_of_their_own_whose_names_iam_takes() {
        assert_eq!(name(OWNER), "cloudtop-self-attach-00000000000a");
        assert!(name(OWNER).len() <= 64);
        assert_eq!(name("short"), "cloudtop-self-attach-short");
    }
}
