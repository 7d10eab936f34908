//! Trying every action: reads by a small real call, everything else by a dry run.

use std::future::Future;
use std::sync::Arc;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types as sdk;
use aws_smithy_runtime_api::http::Response;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::super::act::{count, tagged};
use super::super::{Cloud, failure, filter};
use crate::domain::call::{Launch, Tags};
use crate::domain::doctor::permissions::{ACTIONS, Action, Answer, HARMLESS, How, answer};
use crate::domain::failure::Failure;
use crate::domain::names::Identity;
use crate::domain::tags;

// Ids that are well-formed and nobody's: a dry run on them changes nothing even where DryRun were taken no notice of.
const INSTANCE: &str = "i-00000000000000000";
const VOLUME: &str = "vol-00000000000000000";
const GROUP: &str = "sg-00000000000000000";
const REQUEST: &str = "sir-00000000";
const INTERFACE: &str = "eni-00000000000000000";
const SNAPSHOT: &str = "snap-00000000000000000";
const IMAGE: &str = "ami-00000000000000000";
/// The smallest page that most describes take.
const SMALL_PAGE: i32 = 5;

/// What actions are tried with: what is launched in a dry run has to exist.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Whose tags the things would carry.
    pub identity: Identity,
    /// A launch as `up` would ask for; its key pair and security group need not exist.
    pub launch: Launch,
    /// A VPC.
    pub vpc_id: String,
    /// A public key, OpenSSH form.
    pub public_key: String,
}

impl Cloud {
    /// Tries every action that the tool uses, side by side. Nothing is made or changed.
    pub async fn try_actions(&self, trial: &Trial) -> Vec<(Action, Answer)> {
        let trial = Arc::new(trial.clone());
        let first = answer(How::DryRunOnNothing, self.try_action(HARMLESS, &trial).await);
        let deaf = first == Answer::Ignored;
        let mut tries = JoinSet::new();
        for &(name, how) in ACTIONS.iter().filter(|(name, how)| *name != HARMLESS && !(deaf && *how != How::Read)) {
            let (cloud, trial) = (self.clone(), Arc::clone(&trial));
            tries.spawn(async move { ((name, how), answer(how, cloud.try_action(name, &trial).await)) });
        }
        let mut tried = vec![((HARMLESS, How::DryRunOnNothing), first)];
        tried.extend(tries.join_all().await);
        tried.sort_by_key(|((name, _), _)| *name);
        tried
    }

    async fn try_action(&self, name: &str, trial: &Trial) -> Result<(), Failure> {
        if name.starts_with("Describe") { self.try_read(name, trial).await } else { self.try_change(name, trial).await }
    }

    async fn try_read(&self, name: &str, trial: &Trial) -> Result<(), Failure> {
        let ec2 = &self.ec2;
        let ours = || filter("tag-key", [tags::ENV]);
        let named = || filter("instance-type", [trial.launch.pool.instance_type.as_str()]);
        match name {
            "DescribeImages" => said(name, ec2.describe_images().owners("self").send()).await,
            "DescribeInstances" => {
                said(name, ec2.describe_instances().filters(ours()).max_results(SMALL_PAGE).send()).await
            }
            "DescribeInstanceTypes" => said(name, ec2.describe_instance_types().filters(named()).send()).await,
            "DescribeInstanceTypeOfferings" => {
                said(name, ec2.describe_instance_type_offerings().filters(named()).send()).await
            }
            "DescribeKeyPairs" => said(name, ec2.describe_key_pairs().filters(ours()).send()).await,
            "DescribeNetworkInterfaces" => {
                said(name, ec2.describe_network_interfaces().filters(ours()).max_results(SMALL_PAGE).send()).await
            }
            "DescribeRegions" => said(name, ec2.describe_regions().send()).await,
            "DescribeSecurityGroups" => said(name, ec2.describe_security_groups().filters(ours()).send()).await,
            "DescribeSnapshots" => {
                said(name, ec2.describe_snapshots().owner_ids("self").max_results(SMALL_PAGE).send()).await
            }
            "DescribeSpotInstanceRequests" => {
                said(name, ec2.describe_spot_instance_requests().filters(ours()).send()).await
            }
            "DescribeSpotPriceHistory" => {
                let kind = trial.launch.pool.instance_type.as_str().into();
                said(name, ec2.describe_spot_price_history().instance_types(kind).max_results(1).send()).await
            }
            "DescribeSubnets" => said(name, ec2.describe_subnets().max_results(SMALL_PAGE).send()).await,
            "DescribeVolumes" => {
                said(name, ec2.describe_volumes().filters(ours()).max_results(SMALL_PAGE).send()).await
            }
            "DescribeVolumesModifications" => {
                said(name, ec2.describe_volumes_modifications().max_results(SMALL_PAGE).send()).await
            }
            _ => Err(untried(name)),
        }
    }

    async fn try_change(&self, name: &str, trial: &Trial) -> Result<(), Failure> {
        let ec2 = &self.ec2;
        let tags = tags::of_environment(&trial.identity, &Tags::new());
        let key = trial.launch.key_name.as_str();
        match name {
            "CreateNetworkInterface" => {
                let subnet = trial.launch.pool.subnet.clone();
                let call = ec2.create_network_interface().dry_run(true).set_subnet_id(subnet);
                said(name, call.tag_specifications(tagged(sdk::ResourceType::NetworkInterface, &tags)).send()).await
            }
            "CreateSecurityGroup" => {
                let call = ec2.create_security_group().dry_run(true).group_name(key).description("a dry run");
                let call = call.vpc_id(&trial.vpc_id);
                said(name, call.tag_specifications(tagged(sdk::ResourceType::SecurityGroup, &tags)).send()).await
            }
            "CreateTags" => {
                let tag = |(key, value): (&String, &String)| sdk::Tag::builder().key(key).value(value).build();
                let call = ec2.create_tags().dry_run(true).resources(INSTANCE);
                said(name, call.set_tags(Some(tags.iter().map(tag).collect())).send()).await
            }
            "CreateVolume" => {
                let call = ec2.create_volume().dry_run(true).availability_zone(&trial.launch.pool.zone).size(count(1));
                let call = call.volume_type(sdk::VolumeType::Gp3).encrypted(true);
                said(name, call.tag_specifications(tagged(sdk::ResourceType::Volume, &tags)).send()).await
            }
            "ImportKeyPair" => {
                let call = ec2.import_key_pair().dry_run(true).key_name(key);
                let call = call.public_key_material(Blob::new(trial.public_key.as_str()));
                said(name, call.tag_specifications(tagged(sdk::ResourceType::KeyPair, &tags)).send()).await
            }
            "RequestSpotInstances" => said(name, self.spot_request(trial).send()).await,
            "RunInstances" => {
                // A key pair or group that does not exist would be refused before the permission is looked at.
                let call = self.run_call(&trial.launch, Uuid::now_v7()).dry_run(true);
                let call = call.set_key_name(None).set_security_group_ids(None).set_network_interfaces(None);
                said(name, call.set_subnet_id(trial.launch.pool.subnet.clone()).send()).await
            }
            _ => self.try_change_of_nothing(name).await,
        }
    }

    fn spot_request(
        &self,
        trial: &Trial,
    ) -> aws_sdk_ec2::operation::request_spot_instances::builders::RequestSpotInstancesFluentBuilder {
        let pool = &trial.launch.pool;
        let specification = sdk::RequestSpotLaunchSpecification::builder()
            .image_id(&trial.launch.image.id)
            .instance_type(pool.instance_type.as_str().into())
            .set_subnet_id(pool.subnet.clone())
            .build();
        self.ec2.request_spot_instances().dry_run(true).instance_count(1).launch_specification(specification)
    }

    async fn try_change_of_nothing(&self, name: &str) -> Result<(), Failure> {
        let ec2 = &self.ec2;
        let rule = || {
            let range = sdk::IpRange::builder().cidr_ip("127.0.0.1/32").build();
            sdk::IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22).ip_ranges(range).build()
        };
        match name {
            "AttachVolume" => {
                let call = ec2.attach_volume().dry_run(true).volume_id(VOLUME).instance_id(INSTANCE).device("/dev/sdj");
                said(name, call.send()).await
            }
            "AuthorizeSecurityGroupIngress" => {
                let call = ec2.authorize_security_group_ingress().dry_run(true).group_id(GROUP);
                said(name, call.ip_permissions(rule()).send()).await
            }
            "RevokeSecurityGroupIngress" => {
                let call = ec2.revoke_security_group_ingress().dry_run(true).group_id(GROUP);
                said(name, call.ip_permissions(rule()).send()).await
            }
            "CancelSpotInstanceRequests" => {
                let call = ec2.cancel_spot_instance_requests().dry_run(true).spot_instance_request_ids(REQUEST);
                said(name, call.send()).await
            }
            "DeleteKeyPair" => {
                said(name, ec2.delete_key_pair().dry_run(true).key_name("cloudtop-doctor-nothing").send()).await
            }
            "DeleteNetworkInterface" => {
                said(name, ec2.delete_network_interface().dry_run(true).network_interface_id(INTERFACE).send()).await
            }
            "DeleteSnapshot" => said(name, ec2.delete_snapshot().dry_run(true).snapshot_id(SNAPSHOT).send()).await,
            "CreateImage" => {
                let call = ec2.create_image().dry_run(true).instance_id(INSTANCE);
                said(name, call.name("cloudtop-doctor-nothing").send()).await
            }
            "DeregisterImage" => said(name, ec2.deregister_image().dry_run(true).image_id(IMAGE).send()).await,
            "CopySnapshot" => {
                let call = ec2.copy_snapshot().dry_run(true).source_region(&self.region);
                said(name, call.source_snapshot_id(SNAPSHOT).send()).await
            }
            "CreateSnapshot" => said(name, ec2.create_snapshot().dry_run(true).volume_id(VOLUME).send()).await,
            "ModifyVolume" => {
                said(name, ec2.modify_volume().dry_run(true).volume_id(VOLUME).size(count(1)).send()).await
            }
            "DeleteSecurityGroup" => said(name, ec2.delete_security_group().dry_run(true).group_id(GROUP).send()).await,
            "DeleteVolume" => said(name, ec2.delete_volume().dry_run(true).volume_id(VOLUME).send()).await,
            "DetachVolume" => said(name, ec2.detach_volume().dry_run(true).volume_id(VOLUME).send()).await,
            "ModifyNetworkInterfaceAttribute" => {
                let call = ec2.modify_network_interface_attribute().dry_run(true).network_interface_id(INTERFACE);
                said(name, call.associate_public_ip_address(true).send()).await
            }
            "StartInstances" => said(name, ec2.start_instances().dry_run(true).instance_ids(INSTANCE).send()).await,
            "GetConsoleOutput" => said(name, ec2.get_console_output().dry_run(true).instance_id(INSTANCE).send()).await,
            "StopInstances" => said(name, ec2.stop_instances().dry_run(true).instance_ids(INSTANCE).send()).await,
            "TerminateInstances" => {
                said(name, ec2.terminate_instances().dry_run(true).instance_ids(INSTANCE).send()).await
            }
            _ => Err(untried(name)),
        }
    }
}

/// What was answered, as far as it matters here.
async fn said<T, E>(name: &str, sent: impl Future<Output = Result<T, SdkError<E, Response>>>) -> Result<(), Failure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    // On the heap: one future of all actions would be as large as the largest, in every task.
    Box::pin(sent).await.map(drop).map_err(|error| failure::of(name, &error))
}

/// An action of the list that this room has no call for. (A test keeps it from happening.)
fn untried(name: &str) -> Failure {
    failure::refused(name, "NotTried", "there is no way to try it".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use crate::domain::doctor::permissions::ACTIONS;

    /// Actions that this room calls and that are not tried: services other than EC2, and what only the doctor asks for.
    const OTHERS: [&str; 7] = [
        "DescribeRouteTables",
        "DescribeVpcs",
        "GetAWSDefaultServiceQuota",
        "GetCallerIdentity",
        "GetProducts",
        "GetRole",
        "GetServiceQuota",
    ];

    /// What `prices --scores` calls: it is a matter of those who ask for it.
    const OF_SCORES: [&str; 2] = ["DescribeAvailabilityZones", "GetSpotPlacementScores"];

    /// What `init --self-attach` calls: most users do without it, so that it is not tried either.
    const OF_SELF_ATTACH: [&str; 10] = [
        "AddRoleToInstanceProfile",
        "CreateInstanceProfile",
        "CreateRole",
        "DeleteInstanceProfile",
        "DeleteRole",
        "DeleteRolePolicy",
        "GetInstanceProfile",
        "GetRole",
        "PutRolePolicy",
        "RemoveRoleFromInstanceProfile",
    ];

    /// What `cost --actual` calls of EC2: its permissions are in docs/cost-actual.md.
    const OF_ACTUAL: [&str; 1] = ["DescribeSpotDatafeedSubscription"];

    #[test]
    fn the_policy_has_what_making_the_role_of_self_attachment_calls() {
        let policy = include_str!("../../../docs/iam-policy.json");
        for action in OF_SELF_ATTACH {
            assert!(policy.contains(&format!("\"iam:{action}\"")), "{action}");
        }
    }

    #[test]
    fn the_policy_has_what_placement_scores_need() {
        let policy = include_str!("../../../docs/iam-policy.json");
        for action in OF_SCORES {
            assert!(policy.contains(&format!("\"ec2:{action}\"")), "{action}");
        }
    }

    #[test]
    fn every_action_that_the_cloud_room_calls_is_tried() {
        let mut called = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cloud"), &mut called);
        let untried = OTHERS.into_iter().chain(OF_SELF_ATTACH).chain(OF_SCORES).chain(OF_ACTUAL);
        let known: BTreeSet<String> = ACTIONS.iter().map(|(name, _)| *name).chain(untried).map(str::to_owned).collect();
        assert!(called.contains("RunInstances") && called.contains("DescribeSubnets"), "{called:?}");
        let missing: Vec<_> = called.difference(&known).collect();
        assert!(missing.is_empty(), "add to domain::doctor::permissions and docs/iam-policy.json: {missing:?}");
    }

    /// The names of the SDK's own methods that are sent, as EC2 writes them: `.describe_images()` is DescribeImages.
    fn collect(folder: &Path, called: &mut BTreeSet<String>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                collect(&path, called);
                continue;
            }
            let text: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
            for client in ["ec2.", "sts.", "iam.", "quotas.", "client."] {
                for rest in text.split(client).skip(1) {
                    let name = rest.split(|c: char| c != '_' && !c.is_ascii_lowercase() && !c.is_ascii_digit()).next();
                    let name = name.filter(|name| name.contains('_') && rest[name.len()..].starts_with("()"));
                    called.extend(name.map(camel));
                }
            }
        }
    }

    fn camel(name: &str) -> String {
        let words = name.split('_').map(|word| match word {
            "aws" => "AWS".to_owned(),
            word => word[..1].to_uppercase() + &word[1..],
        });
        words.collect()
    }
}
