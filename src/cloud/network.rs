//! The environment's security group and key pair. Both are unique by name, so making one twice is refused by name, and
//! the one that is there counts as made if it carries our tags.

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types as sdk;

use super::act::{gone_is_done, tagged};
use super::{Cloud, convert, failure, filter};
use crate::domain::call::{Made, Tags};
use crate::domain::failure::{Class, Failure};
use crate::domain::names::Identity;
use crate::domain::tags;

impl Cloud {
    pub(super) async fn import_key(
        &self,
        identity: &Identity,
        own: &Tags,
        name: &str,
        public_key: &str,
    ) -> Result<(), Failure> {
        const ACTION: &str = "ImportKeyPair";
        let call = self
            .ec2
            .import_key_pair()
            .key_name(name)
            .public_key_material(Blob::new(public_key))
            .tag_specifications(tagged(sdk::ResourceType::KeyPair, &tags::of_environment(identity, own)));
        match call.send().await.map_err(|error| failure::of(ACTION, &error)) {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == Class::Exists => self.check_key(identity, name, failure).await,
            Err(failure) => Err(failure),
        }
    }

    /// Success if the key pair of that name is ours.
    async fn check_key(&self, identity: &Identity, name: &str, duplicate: Failure) -> Result<(), Failure> {
        let answer = self.ec2.describe_key_pairs().filters(filter("key-name", [name])).send().await;
        let answer = answer.map_err(|error| failure::of("DescribeKeyPairs", &error))?;
        // Made a moment ago and not listed yet: the refusal stands for now.
        let Some(key) = answer.key_pairs().first() else { return Err(not_visible(duplicate)) };
        if is_ours(identity, key.tags()) { Ok(()) } else { Err(foreign(&duplicate, &format!("key pair {name}"))) }
    }

    pub(super) async fn create_group(
        &self,
        identity: &Identity,
        own: &Tags,
        name: &str,
        vpc_id: &str,
    ) -> Result<Made, Failure> {
        const ACTION: &str = "CreateSecurityGroup";
        let call = self
            .ec2
            .create_security_group()
            .group_name(name)
            .description(format!("cloudtop {}: ssh from its user, and its nodes among themselves", identity.env))
            .vpc_id(vpc_id)
            .tag_specifications(tagged(sdk::ResourceType::SecurityGroup, &tags::of_environment(identity, own)));
        match call.send().await.map_err(|error| failure::of(ACTION, &error)) {
            Ok(answer) => Ok(Made { group: answer.group_id().map(str::to_owned), ..Made::default() }),
            Err(failure) if failure.class == Class::Exists => self.find_group(identity, name, vpc_id, failure).await,
            Err(failure) => Err(failure),
        }
    }

    /// The group of that name, if it is ours.
    async fn find_group(
        &self,
        identity: &Identity,
        name: &str,
        vpc_id: &str,
        duplicate: Failure,
    ) -> Result<Made, Failure> {
        let found = self.groups(vec![filter("group-name", [name]), filter("vpc-id", [vpc_id])]).await?;
        let Some(group) = found.first() else { return Err(not_visible(duplicate)) };
        if !is_ours(identity, group.tags()) {
            return Err(foreign(&duplicate, &format!("security group {name} in {vpc_id}")));
        }
        Ok(Made { group: group.group_id().map(str::to_owned), ..Made::default() })
    }

    pub(super) async fn allow_ssh(&self, group: &str, port: u16, cidr: &str) -> Result<(), Failure> {
        self.authorize(group, ssh_rule(port, cidr)).await
    }

    pub(super) async fn allow_itself(&self, group: &str) -> Result<(), Failure> {
        let itself = sdk::UserIdGroupPair::builder().group_id(group).build();
        self.authorize(group, sdk::IpPermission::builder().ip_protocol("-1").user_id_group_pairs(itself).build()).await
    }

    async fn authorize(&self, group: &str, rule: sdk::IpPermission) -> Result<(), Failure> {
        let call = self.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(rule);
        match call.send().await.map_err(|error| failure::of("AuthorizeSecurityGroupIngress", &error)) {
            Err(failure) if failure.class != Class::Exists => Err(failure),
            _ => Ok(()),
        }
    }

    pub(super) async fn revoke_ssh(&self, group: &str, port: u16, cidr: &str) -> Result<(), Failure> {
        let call = self.ec2.revoke_security_group_ingress().group_id(group).ip_permissions(ssh_rule(port, cidr));
        let done = call.send().await.map(drop);
        gone_is_done(done.map_err(|error| failure::of("RevokeSecurityGroupIngress", &error)))
    }

    pub(super) async fn delete_group(&self, id: &str) -> Result<(), Failure> {
        let call = self.ec2.delete_security_group().group_id(id);
        call.send().await.map(drop).map_err(|error| failure::of("DeleteSecurityGroup", &error))
    }

    pub(super) async fn delete_key(&self, name: &str) -> Result<(), Failure> {
        let call = self.ec2.delete_key_pair().key_name(name);
        call.send().await.map(drop).map_err(|error| failure::of("DeleteKeyPair", &error))
    }
}

/// One TCP port open to one range, IPv4 or IPv6.
fn ssh_rule(port: u16, cidr: &str) -> sdk::IpPermission {
    let builder = sdk::IpPermission::builder().ip_protocol("tcp").from_port(port.into()).to_port(port.into());
    if cidr.contains(':') {
        builder.ipv6_ranges(sdk::Ipv6Range::builder().cidr_ipv6(cidr).build()).build()
    } else {
        builder.ip_ranges(sdk::IpRange::builder().cidr_ip(cidr).build()).build()
    }
}

fn is_ours(identity: &Identity, list: &[sdk::Tag]) -> bool {
    let found = convert::tags(list);
    found.get(tags::ENV).map(String::as_str) == Some(identity.env.as_str())
        && found.get(tags::OWNER) == Some(&identity.owner)
}

fn not_visible(duplicate: Failure) -> Failure {
    Failure { class: Class::NotYetVisible, ..duplicate }
}

fn foreign(duplicate: &Failure, what: &str) -> Failure {
    let message = format!("{what} exists, but does not carry the tags of this environment: delete or rename it");
    failure::refused(&duplicate.action, &duplicate.code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_range_is_given_as_one() {
        assert_eq!(ssh_rule(22, "2001:db8::1/128").ipv6_ranges().len(), 1);
        assert_eq!(ssh_rule(22, "192.0.2.1/32").ip_ranges().len(), 1);
    }
}
