//! The codes one by one.

/// A code's sentence, and its next step where the class's own says too little.
pub(super) struct Row {
    pub code: &'static str,
    pub sentence: &'static str,
    pub next: Option<&'static str>,
}

const fn row(code: &'static str, sentence: &'static str) -> Row {
    Row { code, sentence, next: None }
}

const fn step(code: &'static str, sentence: &'static str, next: &'static str) -> Row {
    Row { code, sentence, next: Some(next) }
}

const TOO_MANY_CALLS: &str = "EC2 wants fewer calls a second from this account";
const VCPU_QUOTA: &str = "end what is not needed (`cloudtop list`, `cloudtop gc`), use smaller or fewer nodes, or have the \
                          vCPU quota of the family raised under Service Quotas";
const EBS_QUOTA: &str =
    "delete volumes that are not needed (`cloudtop gc`), or have the EBS quota raised under Service Quotas";
const GROUPS_QUOTA: &str = "delete security groups that are not needed (`cloudtop gc` lists ours), or have the VPC quota \
                            raised under Service Quotas";
const SSO: &str = "get new ones: with SSO, `aws sso login`; else run again what gave them to you";
const KEYS: &str = "check the access key and the profile (`aws configure list`, --profile)";
const SUPPORT: &str = "ask AWS Support: nothing but AWS can mend it";
const WAIT_FOR_STATE: &str =
    "cloudtop waits for that by itself; where it has given up, run the same command again in a minute";
const OTHER_VOLUME_TYPE: &str = "use another --zone or --region: cloudtop's volumes are gp3";
const OUR_FAULT: &str = "it is a fault of cloudtop: report it with the output of `-vv`";
const GOES_ON: &str = "nothing is made twice by running the same command again; `cloudtop status` tells what exists";
const NETWORK: &str = "check the network and `--endpoint-url`; nothing is made twice by running the same command again";
const OTHER_TYPE: &str = "choose another type (-t), or tell what it needs (--cpus, --memory)";
const OTHER_IMAGE: &str = "name another image with --ami, or leave it to the template";
const OTHER_ZONE: &str = "use another --zone, or none: `cloudtop plan` lists those that will do";
const OTHER_SUBNET: &str = "check --subnet, --security-group and --region";
const DOWN_UP: &str = "`cloudtop down`, then `cloudtop up`: it launches in the volume's zone";

pub(super) const ROWS: &[Row] = &[
    // Too many calls.
    row("RequestLimitExceeded", "EC2 wants fewer calls a second from this account and region"),
    row("SnapshotCreationPerVolumeRateExceeded", "EC2 begins one snapshot of a volume in fifteen seconds"),
    row("ConcurrentSnapshotLimitExceeded", "the account has as many snapshots being written as it may"),
    row("Throttling", TOO_MANY_CALLS),
    row("ThrottlingException", TOO_MANY_CALLS),
    row("ThrottledException", TOO_MANY_CALLS),
    row("RequestThrottled", TOO_MANY_CALLS),
    row("RequestThrottledException", TOO_MANY_CALLS),
    row("TooManyRequestsException", TOO_MANY_CALLS),
    row("EC2ThrottledException", TOO_MANY_CALLS),
    row("BandwidthLimitExceeded", "EC2 wants fewer bytes a second from this account"),
    row("SlowDown", TOO_MANY_CALLS),
    row("PriorRequestNotComplete", "EC2 is still busy with an earlier call about the same thing"),
    // No capacity in this pool.
    row("InsufficientInstanceCapacity", "EC2 has no capacity for this type in that zone now"),
    row("InsufficientCapacity", "EC2 has not enough capacity for that now"),
    row("InsufficientCapacityOnHost", "the dedicated host has no room for it"),
    row("InsufficientHostCapacity", "EC2 has no dedicated host for it now"),
    row("InsufficientReservedInstanceCapacity", "EC2 has no reserved capacity for it now"),
    step(
        "InsufficientVolumeCapacity",
        "EC2 has no room for a volume of this kind in that zone now",
        "use another --zone or --region, or run the same command again later",
    ),
    step(
        "InsufficientAddressCapacity",
        "AWS has not enough public addresses there now",
        "use another --region, or run the same command again later",
    ),
    step(
        "InsufficientFreeAddressesInSubnet",
        "the subnet has too few free addresses for so many nodes",
        "name a larger one with --subnet, use another --zone, or end what is in it and not needed",
    ),
    row("UnfulfillableCapacity", "EC2 cannot give so many of them there now"),
    step(
        "SpotMaxPriceTooLow",
        "the spot price there is above your limit",
        "raise or drop --max-price, or allow more types (-t a,b) and zones: `cloudtop plan` shows the prices",
    ),
    step("VolumeTypeNotAvailableInZone", "EC2 has no volumes of this type in that zone", OTHER_VOLUME_TYPE),
    step("VolumeTypeNotAvailableInRegion", "EC2 has no volumes of this type in that region", OTHER_VOLUME_TYPE),
    // Limits of the account.
    step(
        "MaxSpotInstanceCountExceeded",
        "the account's quota of spot vCPUs for these families is used up in this region",
        VCPU_QUOTA,
    ),
    step(
        "LimitExceeded",
        "IAM has no room for one more role, policy or instance profile, or the profile has another role in it",
        "look at what the account has in IAM; `cloudtop init --self-attach --remove` takes cloudtop's own away",
    ),
    step(
        "MaxFleetCountExceeded",
        "the account has as many fleets as it may in this region",
        "delete fleets that are not needed, or have that quota raised under Service Quotas",
    ),
    step("VcpuLimitExceeded", "the account's quota of vCPUs for these families is used up in this region", VCPU_QUOTA),
    step("InstanceLimitExceeded", "the account runs as many instances as it may in this region", VCPU_QUOTA),
    step(
        "SnapshotLimitExceeded",
        "the account has as many snapshots as it may",
        "delete snapshots that are not needed (`cloudtop volume snapshots`), or have the EBS quota raised under Service Quotas",
    ),
    step(
        "VolumeModificationRateExceeded",
        "EC2 changes a volume only so often in a day, and this one was changed as often as that",
        "run the same command again at the time that EC2 names; until then nothing has changed",
    ),
    step("VolumeModificationSizeLimitExceeded", "the account has as much storage being changed as it may", EBS_QUOTA),
    step("VolumeLimitExceeded", "the account has as many volumes, or as much storage, as it may", EBS_QUOTA),
    step("MaxIOPSLimitExceeded", "the account's volumes have as many IOPS together as they may", EBS_QUOTA),
    row("ResourceLimitExceeded", "the account has as many of these as it may in this region"),
    row("ResourceCountExceeded", "the call is about more things than one call may be"),
    step("SecurityGroupLimitExceeded", "the VPC has as many security groups as it may", GROUPS_QUOTA),
    step(
        "SecurityGroupsPerInstanceLimitExceeded",
        "an instance may not have so many security groups",
        "name fewer with --security-group, or have the VPC quota raised under Service Quotas",
    ),
    step(
        "SecurityGroupsPerInterfaceLimitExceeded",
        "a network interface may not have so many security groups",
        "name fewer with --security-group, or have the VPC quota raised under Service Quotas",
    ),
    step(
        "RulesPerSecurityGroupLimitExceeded",
        "the environment's security group has as many rules as it may",
        "delete rules of addresses that you no longer use, or have the VPC quota raised under Service Quotas",
    ),
    step(
        "NetworkInterfaceLimitExceeded",
        "the account has as many network interfaces as it may in this region",
        "end what is not needed (`cloudtop gc`), or have the VPC quota raised under Service Quotas",
    ),
    step(
        "PrivateIpAddressLimitExceeded",
        "a network interface of this type may not have so many addresses",
        OTHER_TYPE,
    ),
    step(
        "KeyPairLimitExceeded",
        "the account has as many key pairs as it may in this region",
        "delete key pairs that are not needed (`cloudtop gc` lists ours, `aws ec2 describe-key-pairs` all)",
    ),
    step(
        "MaxConfigLimitExceeded",
        "the account has asked for as many different placement scores as it may in 24 hours",
        "leave --scores out, ask again what was asked before, or wait for a day",
    ),
    // Not allowed to.
    row("UnauthorizedOperation", "the policy of these credentials does not allow that call"),
    row("AccessDenied", "the policy of these credentials does not allow that call"),
    row("AccessDeniedException", "the policy of these credentials does not allow that call"),
    step(
        "OperationNotPermitted",
        "EC2 forbids this for that thing, whoever asks",
        "EC2's message says why; an instance that is protected from stop or termination must have that taken away first",
    ),
    step(
        "OptInRequired",
        "the account has not enabled this service, region or image",
        "enable the region under \"Account\" in the AWS console, or subscribe to the image in AWS Marketplace; or use \
         another --region or --ami",
    ),
    step(
        "PendingVerification",
        "AWS is still verifying this account in this region",
        "run the same command again in some minutes, or use another --region; if it lasts, ask AWS Support",
    ),
    step("Blocked", "AWS has blocked this account", SUPPORT),
    step("AccountDisabled", "AWS has disabled this account", SUPPORT),
    step(
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        "the account lacks the role AWSServiceRoleForEC2Spot, and these credentials may not make it",
        "have someone who may do it run `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`, once \
         for the account",
    ),
    // Credentials.
    step(
        "AuthFailure",
        "AWS cannot validate these credentials in this region",
        "look at `aws sts get-caller-identity` and the clock (`date -u`); a region that is off by default must be enabled \
         for the account first",
    ),
    step("ExpiredToken", "these temporary credentials have expired", SSO),
    step("ExpiredTokenException", "these temporary credentials have expired", SSO),
    step(
        "RequestExpired",
        "the call was signed too long ago, or too far in the future: this machine's clock is wrong",
        "set the clock (`timedatectl set-ntp true`), then run the same command again; if it is right, get new credentials",
    ),
    step(
        "RequestInTheFuture",
        "the call was signed in the future: this machine's clock is wrong",
        "set the clock (`timedatectl set-ntp true`), then run the same command again",
    ),
    step(
        "RequestTimeTooSkewed",
        "this machine's clock and AWS's are too far apart",
        "set the clock (`timedatectl set-ntp true`), then run the same command again",
    ),
    step(
        "InvalidSignatureException",
        "the secret key does not belong to the access key, or this machine's clock is wrong",
        "check the keys (`aws configure list`, --profile) and the clock (`date -u`)",
    ),
    step("IncompleteSignature", "the call's signature is not whole", KEYS),
    step("InvalidAccessKeyId", "there is no such access key", KEYS),
    step("InvalidClientTokenId", "there is no such access key, or it is not active", KEYS),
    step("InvalidSecurity", "AWS takes these credentials for no valid ones", KEYS),
    step("InvalidSecurityToken", "AWS takes the session token for no valid one", SSO),
    step("MissingAuthenticationToken", "the call was not signed", KEYS),
    step(
        "SignatureDoesNotMatch",
        "the secret key does not belong to the access key, or this machine's clock is wrong",
        "check the keys (`aws configure list`, --profile) and the clock (`date -u`)",
    ),
    step("UnrecognizedClientException", "there is no such access key, or its session is not valid", KEYS),
    step(
        "NoCredentials",
        "there are no AWS credentials, or they cannot be loaded",
        "use `aws configure` or `aws sso login`, name a --profile, or try it without any: `cloudtop --sim up dev`",
    ),
    // Not shown, not there, there already.
    row("InvalidInstanceID.NotFound", "EC2 does not show that instance, or not yet"),
    row("InvalidSpotInstanceRequestID.NotFound", "EC2 does not show that spot request, or not yet"),
    step(
        "InvalidVolume.NotFound",
        "EC2 does not show that volume, or not yet",
        "check --volume-id and --region; one of cloudtop's own shows within seconds: run the same command again",
    ),
    step(
        "InvalidGroup.NotFound",
        "EC2 does not show that security group, or not yet",
        "check --security-group and --region; one of cloudtop's own shows within seconds: run the same command again",
    ),
    row("InvalidSecurityGroupID.NotFound", "EC2 does not show that security group, or not yet"),
    row("InvalidKeyPair.NotFound", "EC2 does not show that key pair, or not yet"),
    row("InvalidNetworkInterfaceID.NotFound", "EC2 does not show that network interface, or not yet"),
    step(
        "InvalidSnapshot.InUse",
        "an image (AMI) is made of the snapshot",
        "delete the image first: `cloudtop image rm`, or in the console where it is none of cloudtop's",
    ),
    row("InvalidSnapshotID.Malformed", "what was given is no id of a snapshot"),
    row("InvalidSnapshot.NotFound", "the snapshot is not there any more"),
    step(
        "InvalidSpotDatafeed.NotFound",
        "the account has no spot data feed",
        "`aws ec2 create-spot-datafeed-subscription --bucket BUCKET` makes one, for the hours to come",
    ),
    step(
        "NoSuchBucket",
        "there is no S3 bucket of that name",
        "correct the name; `aws ec2 describe-spot-datafeed-subscription` tells the spot data feed's",
    ),
    step(
        "NoSuchKey",
        "the S3 bucket has no such object any more",
        "run the same command again: the bucket may delete old files by a rule of its own while they are read",
    ),
    row("InvalidAttachment.NotFound", "the volume is not attached any more"),
    row("InvalidPermission.NotFound", "the security group has no such rule any more"),
    row("InvalidSecurityGroupRuleId.NotFound", "the security group has no such rule any more"),
    row("IdempotentInstanceTerminated", "the instance that the call made has ended since"),
    step(
        "NoSuchResourceException",
        "Service Quotas has no such quota, or no value of the account's own for it",
        "nothing is to be done: AWS's default is asked for instead",
    ),
    row("NoSuchEntity", "IAM has no such role, policy or instance profile, or not yet"),
    step(
        "InvalidAMIName.Duplicate",
        "an image has that name already",
        "run the same command again: it goes on with what there is",
    ),
    step(
        "InvalidGroup.Duplicate",
        "there is a security group of that name already",
        "run the same command again; if the group is not cloudtop's, rename it or delete it",
    ),
    row("InvalidKeyPair.Duplicate", "there is a key pair of that name already"),
    row("EntityAlreadyExists", "IAM has a role or instance profile of that name already"),
    row("InvalidPermission.Duplicate", "the security group has that rule already"),
    // Something else first.
    step(
        "IncorrectModificationState",
        "the volume is being changed already, and EC2 does one change at a time",
        WAIT_FOR_STATE,
    ),
    step("IncorrectState", "the thing is in a state in which EC2 does not do that", WAIT_FOR_STATE),
    step("IncorrectInstanceState", "the instance is in a state in which EC2 does not do that", WAIT_FOR_STATE),
    step(
        "IncorrectSpotRequestState",
        "the spot request is not in a state to start its instance: the stop has not ended, or EC2 itself stopped it",
        "cloudtop waits until the request is `disabled`; what EC2 stopped, EC2 alone starts again: `cloudtop status` tells",
    ),
    step("InvalidInstanceState", "the instance is in a state in which EC2 does not do that", WAIT_FOR_STATE),
    row("DependencyViolation", "something that still exists uses that thing"),
    step(
        "VolumeInUse",
        "the volume is attached to an instance already",
        "cloudtop waits while its own instance lets go of it; `cloudtop status` tells which has it: detach it there if \
         that is none of this environment's",
    ),
    row("InvalidGroup.InUse", "an instance or an interface still uses the security group"),
    row("InvalidNetworkInterface.InUse", "the network interface is still attached to an instance"),
    row("ResourceInUse", "something still uses that thing"),
    row("ConcurrentTagAccess", "two calls changed the same tags at once"),
    step(
        "DeleteConflict",
        "something was added to the role or the instance profile that cloudtop has not made",
        "take it away in IAM, then run the same command again",
    ),
    row("EntityTemporarilyUnmodifiable", "IAM is still busy with an earlier change of that thing"),
    // Wrong calls.
    step(
        "AttachmentLimitExceeded",
        "the instance has as many volumes and interfaces as its type may",
        "choose a larger type (-t), or detach what is not needed",
    ),
    step(
        "DryRunOperation",
        "the call would have been allowed, and was only a trial",
        "nothing is to be done: nothing was made",
    ),
    step(
        "IdempotentParameterMismatch",
        "an earlier call with the same client token took effect with other parameters",
        "run the same command again: cloudtop looks for what the first call made, and makes nothing twice",
    ),
    step("IllegalArgumentException", "Service Quotas does not take the question as it was put", OUR_FAULT),
    step("InstanceAlreadyLinked", "the instance is linked to another VPC already", OUR_FAULT),
    step(
        "InvalidAMIName.Malformed",
        "EC2 does not take that name for an image",
        "report this: cloudtop makes the name itself",
    ),
    step(
        "InvalidAMIID.Malformed",
        "that is no image's id",
        "use one such as ami-0123456789abcdef0 with --ami, or leave it to the template",
    ),
    step(
        "InvalidAMIID.NotFound",
        "there is no such image in this region, or this account may not use it",
        "images differ from region to region: check --ami and --region, or leave the image to the template",
    ),
    step("InvalidAMIID.Unavailable", "the image cannot be used now: it is not ready, or was withdrawn", OTHER_IMAGE),
    step(
        "InvalidAction",
        "the service does not know this call",
        "check --endpoint-url: something else than EC2 may answer there",
    ),
    step("InvalidAvailabilityZone", "there is no such availability zone in this region", OTHER_ZONE),
    step("InvalidBlockDeviceMapping", "the image does not take these disks", OTHER_IMAGE),
    step(
        "InvalidDevice.InUse",
        "the device name is taken on that instance",
        "detach what has it, or run the same command again once it is free",
    ),
    step("InvalidFilter", "EC2 does not know that filter", OUR_FAULT),
    step(
        "InvalidGroupId.Malformed",
        "that is no security group's id",
        "use one such as sg-0123456789abcdef0 with --security-group",
    ),
    step(
        "InvalidID",
        "EC2 does not know that id",
        "check the ids that you gave (--volume-id, --security-group, --subnet, --ami)",
    ),
    row("InvalidInput", "EC2 does not take what the call says"),
    row("InvalidInstanceAttributeValue", "the instance does not take that value"),
    row("InvalidInstanceID", "that is no instance's id"),
    row("InvalidInstanceID.Malformed", "that is no instance's id"),
    step("InvalidInstanceType", "there is no such instance type in this region", OTHER_TYPE),
    step(
        "InvalidInterface.IpAddressLimitExceeded",
        "an interface of this type may not have so many addresses",
        OTHER_TYPE,
    ),
    step(
        "InvalidKey.Format",
        "EC2 does not take that public key",
        "use an ed25519 or RSA key in OpenSSH's form with --key",
    ),
    step(
        "InvalidKeyPair.Format",
        "EC2 does not take that public key",
        "use an ed25519 or RSA key in OpenSSH's form with --key",
    ),
    step(
        "InvalidNextToken",
        "the rest of a long answer can no longer be asked for",
        "run the same command again: it asks anew",
    ),
    step(
        "InvalidPaginationToken",
        "the rest of a long answer can no longer be asked for",
        "run the same command again: it asks anew",
    ),
    row("InvalidParameter", "a parameter is not valid"),
    row("InvalidParameterCombination", "two parameters do not go together"),
    row("InvalidParameterDependency", "a parameter needs another one"),
    row("InvalidParameterValue", "a parameter has a value that EC2 does not take"),
    row("InvalidPermission.Malformed", "the security group does not take that rule"),
    row("InvalidQueryParameter", "the call is not written as EC2 reads it"),
    row("InvalidRequest", "the call is not written as EC2 reads it"),
    step(
        "InvalidSecurityRequestHasExpired",
        "the call was signed too long ago: this machine's clock is wrong",
        "set the clock (`timedatectl set-ntp true`), then run the same command again",
    ),
    row("InvalidSpotInstanceRequestID", "that is no spot request's id"),
    row("InvalidSpotInstanceRequestID.Malformed", "that is no spot request's id"),
    step("InvalidSubnet", "EC2 cannot use that subnet", OTHER_SUBNET),
    step("InvalidSubnetID.NotFound", "there is no such subnet in this region", OTHER_SUBNET),
    step(
        "InvalidTagKey.Malformed",
        "a tag has a key that EC2 does not take",
        "change it under [tags] in cloudtop.toml",
    ),
    step("InvalidUserData.Malformed", "EC2 does not take the user data", "look at it with `cloudtop template render`"),
    step("InvalidVolume.ZoneMismatch", "the volume is in another availability zone than the instance", DOWN_UP),
    step("InvalidVolumeID.Duplicate", "the volume is named twice in one call", OUR_FAULT),
    step(
        "InvalidVolumeID.Malformed",
        "that is no volume's id",
        "use one such as vol-0123456789abcdef0 with --volume-id",
    ),
    step("InvalidVolumeID.ZoneMismatch", "the volume is in another availability zone than the instance", DOWN_UP),
    step("InvalidVpcID.NotFound", "there is no such VPC in this region", OTHER_SUBNET),
    step("InvalidZone.NotFound", "there is no such availability zone in this region", OTHER_ZONE),
    row("MalformedQueryString", "the call is not written as EC2 reads it"),
    step("MalformedPolicyDocument", "IAM does not take the policy", OUR_FAULT),
    row("MissingAction", "the call says not what is wanted"),
    step(
        "MissingInput",
        "EC2 needs something that the call leaves out, often a subnet where there is no default VPC",
        "name a --subnet, or make the default VPC: `aws ec2 create-default-vpc`",
    ),
    row("MissingParameter", "the call leaves out a parameter that EC2 needs"),
    step(
        "NoSuchVersion",
        "the service does not know this version of EC2's interface",
        "check --endpoint-url: something else than EC2 may answer there",
    ),
    step("TagLimitExceeded", "a thing may not have so many tags (50)", "name fewer under [tags] in cloudtop.toml"),
    step(
        "TagPolicyViolation",
        "a tag policy of the organisation forbids one of the tags",
        "change the tags under [tags] in cloudtop.toml to what the policy allows",
    ),
    row("UnknownParameter", "EC2 does not know a parameter of the call"),
    row("UnknownPrincipalType.Unsupported", "EC2 does not take that kind of principal"),
    step(
        "Unsupported",
        "EC2 does not offer that there: mostly the type in that zone",
        "choose another type (-t), another --zone or --region",
    ),
    step(
        "UnsupportedHibernationConfiguration",
        "this type, image or root disk cannot hibernate",
        "use `--on-interruption stop`, or another type or image",
    ),
    row("UnsupportedOperation", "EC2 does not do that with that thing"),
    row("UnsupportedProtocol", "EC2 does not take this protocol"),
    step("UnsupportedTenancy", "the VPC's tenancy does not go with spot", "name a --subnet of another VPC"),
    step(
        "VPCIdNotSpecified",
        "there is no default VPC in this region, and no other was named",
        "name a --subnet, or make the default VPC: `aws ec2 create-default-vpc`",
    ),
    step(
        "VPCResourceNotSpecified",
        "this type needs a VPC, and none was named",
        "name a --subnet, or make the default VPC: `aws ec2 create-default-vpc`",
    ),
    step("VolumeTypeNotSupported", "EC2 does not take volumes of this type there", OTHER_VOLUME_TYPE),
    // Nobody knows.
    step("InternalError", "EC2 had an error of its own", GOES_ON),
    step("InternalFailure", "EC2 had an error of its own", GOES_ON),
    step("RequestTimeout", "EC2 gave up waiting for the rest of the call", GOES_ON),
    step("RequestTimeoutException", "EC2 gave up waiting for the rest of the call", GOES_ON),
    step("ServerInternal", "EC2 had an error of its own", GOES_ON),
    step("ServiceException", "Service Quotas had an error of its own", GOES_ON),
    step("ServiceUnavailable", "EC2 is overloaded or down just now", GOES_ON),
    step("Unavailable", "EC2 is overloaded or down just now", GOES_ON),
    step("NoAnswer", "no answer came: the connection failed or broke", NETWORK),
    step("Timeout", "no answer came in time", NETWORK),
    step(
        "UnknownHost",
        "the name of EC2's host cannot be looked up: there is no such region, or this machine has no network",
        "check --region, --endpoint-url and the network; nothing was sent",
    ),
    step(
        "UnknownInstanceProfile",
        "EC2 knows no instance profile of that name",
        "check --instance-profile and `instance_profile` in cloudtop.toml; `cloudtop init --self-attach` makes one, and EC2 \
         may take a minute to learn of it",
    ),
    step(
        "UnreadableAnswer",
        "something answered that is not EC2: a proxy, a captive network, or another server",
        "check --endpoint-url, HTTPS_PROXY and the network; nothing is made twice by running the same command again",
    ),
];
