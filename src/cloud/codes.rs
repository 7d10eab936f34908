//! EC2's error codes: what each means for going on. The one table; nothing else compares codes.
//!
//! From the EC2 API reference ("Error codes for the Amazon EC2 API") for the actions that are used here.

use crate::domain::failure::Class;

/// What a code means whatever the action was.
const CODES: &[(Class, &[&str])] = &[
    (
        Class::Throttled,
        &[
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "EC2ThrottledException",
            "BandwidthLimitExceeded",
            "SlowDown",
            "PriorRequestNotComplete",
            // One snapshot of a volume in fifteen seconds, and so many at a time.
            "SnapshotCreationPerVolumeRateExceeded",
            "ConcurrentSnapshotLimitExceeded",
        ],
    ),
    (
        Class::Capacity,
        &[
            "InsufficientInstanceCapacity",
            "InsufficientCapacity",
            "InsufficientCapacityOnHost",
            "InsufficientHostCapacity",
            "InsufficientReservedInstanceCapacity",
            "InsufficientVolumeCapacity",
            "InsufficientAddressCapacity",
            "InsufficientFreeAddressesInSubnet",
            "UnfulfillableCapacity",
            "SpotMaxPriceTooLow",
            "VolumeTypeNotAvailableInZone",
            "VolumeTypeNotAvailableInRegion",
        ],
    ),
    (
        Class::Quota,
        &[
            "LimitExceeded",
            "MaxSpotInstanceCountExceeded",
            "MaxFleetCountExceeded",
            "VcpuLimitExceeded",
            "InstanceLimitExceeded",
            "SnapshotLimitExceeded",
            "VolumeLimitExceeded",
            "VolumeModificationRateExceeded",
            "VolumeModificationSizeLimitExceeded",
            "MaxIOPSLimitExceeded",
            "ResourceLimitExceeded",
            "ResourceCountExceeded",
            "SecurityGroupLimitExceeded",
            "SecurityGroupsPerInstanceLimitExceeded",
            "SecurityGroupsPerInterfaceLimitExceeded",
            "RulesPerSecurityGroupLimitExceeded",
            "NetworkInterfaceLimitExceeded",
            "PrivateIpAddressLimitExceeded",
            "KeyPairLimitExceeded",
            // Of GetSpotPlacementScores: different questions in 24 hours.
            "MaxConfigLimitExceeded",
        ],
    ),
    (
        Class::Denied,
        &[
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "OperationNotPermitted",
            "OptInRequired",
            "PendingVerification",
            "Blocked",
            "AccountDisabled",
            // The role AWSServiceRoleForEC2Spot is missing and these credentials may not make it.
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        ],
    ),
    (
        Class::Credentials,
        &[
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "RequestInTheFuture",
            "RequestTimeTooSkewed",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "InvalidSecurityToken",
            "MissingAuthenticationToken",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ],
    ),
    // Made a moment ago. Deletes know better, see `BY_ACTION`.
    (
        Class::NotYetVisible,
        &[
            "InvalidInstanceID.NotFound",
            "InvalidSpotInstanceRequestID.NotFound",
            "InvalidVolume.NotFound",
            "InvalidGroup.NotFound",
            "InvalidSecurityGroupID.NotFound",
            "InvalidKeyPair.NotFound",
            "InvalidNetworkInterfaceID.NotFound",
        ],
    ),
    (
        Class::Gone,
        &[
            "InvalidAttachment.NotFound",
            "InvalidPermission.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "InvalidSnapshot.NotFound",
            "InvalidSpotDatafeed.NotFound",
            "NoSuchBucket",
            "NoSuchKey",
            // The token's instance came up and has ended since.
            "IdempotentInstanceTerminated",
            // Service Quotas: the account has no value of its own.
            "NoSuchResourceException",
            "NoSuchEntity",
        ],
    ),
    (
        Class::Exists,
        &[
            "EntityAlreadyExists",
            "InvalidAMIName.Duplicate",
            "InvalidGroup.Duplicate",
            "InvalidKeyPair.Duplicate",
            "InvalidPermission.Duplicate",
        ],
    ),
    (
        Class::InUse,
        &[
            "IncorrectModificationState",
            "IncorrectState",
            "IncorrectInstanceState",
            "IncorrectSpotRequestState",
            "InvalidInstanceState",
            "DependencyViolation",
            "VolumeInUse",
            "InvalidGroup.InUse",
            "InvalidNetworkInterface.InUse",
            "ResourceInUse",
            "ConcurrentTagAccess",
            "DeleteConflict",
            "EntityTemporarilyUnmodifiable",
        ],
    ),
    (
        Class::BadRequest,
        &[
            "AttachmentLimitExceeded",
            "DryRunOperation",
            "IllegalArgumentException",
            "InstanceAlreadyLinked",
            "InvalidAMIID.Malformed",
            "InvalidAMIID.NotFound",
            "InvalidAMIName.Malformed",
            "InvalidAMIID.Unavailable",
            "InvalidAction",
            "InvalidAvailabilityZone",
            "InvalidBlockDeviceMapping",
            "InvalidDevice.InUse",
            "InvalidFilter",
            "InvalidGroupId.Malformed",
            "InvalidID",
            "InvalidInput",
            "InvalidInstanceAttributeValue",
            "InvalidInstanceID",
            "InvalidInstanceID.Malformed",
            "InvalidInstanceType",
            "InvalidInterface.IpAddressLimitExceeded",
            "InvalidKey.Format",
            "InvalidKeyPair.Format",
            "InvalidNextToken",
            "InvalidPaginationToken",
            "InvalidParameter",
            "InvalidParameterCombination",
            "InvalidParameterDependency",
            "InvalidParameterValue",
            "InvalidPermission.Malformed",
            "InvalidQueryParameter",
            "InvalidRequest",
            "InvalidSecurityRequestHasExpired",
            "InvalidSnapshot.InUse",
            "InvalidSnapshotID.Malformed",
            "InvalidSpotInstanceRequestID",
            "InvalidSpotInstanceRequestID.Malformed",
            "InvalidSubnet",
            "InvalidSubnetID.NotFound",
            "InvalidTagKey.Malformed",
            "InvalidUserData.Malformed",
            "InvalidVolume.ZoneMismatch",
            "InvalidVolumeID.Duplicate",
            "InvalidVolumeID.Malformed",
            "InvalidVolumeID.ZoneMismatch",
            "InvalidVpcID.NotFound",
            "InvalidZone.NotFound",
            "MalformedPolicyDocument",
            "MalformedQueryString",
            "MissingAction",
            "MissingInput",
            "MissingParameter",
            "NoSuchVersion",
            "TagLimitExceeded",
            "TagPolicyViolation",
            "UnknownParameter",
            "UnknownPrincipalType.Unsupported",
            "Unsupported",
            "UnsupportedHibernationConfiguration",
            "UnsupportedOperation",
            "UnsupportedProtocol",
            "UnsupportedTenancy",
            "VPCIdNotSpecified",
            "VPCResourceNotSpecified",
            "VolumeTypeNotSupported",
        ],
    ),
    (
        Class::Ambiguous,
        &[
            // An earlier call with this client token took effect; what is sent now differs from it.
            "IdempotentParameterMismatch",
            "InternalError",
            "InternalFailure",
            "RequestTimeout",
            "RequestTimeoutException",
            "ServerInternal",
            "ServiceException",
            "ServiceUnavailable",
            "Unavailable",
        ],
    ),
];

/// A code that means something else for some actions.
struct Exception {
    code: &'static str,
    actions: &'static [&'static str],
    class: Class,
}

const BY_ACTION: &[Exception] = &[
    // "Your requested instance type is not supported in your requested Availability Zone": another zone may have it.
    Exception { code: "Unsupported", actions: &["RunInstances", "RequestSpotInstances"], class: Class::Capacity },
    // "Attachment point /dev/xvdj is already in use": our device names are well-formed, so nothing else is wrong.
    Exception { code: "InvalidParameterValue", actions: &["AttachVolume"], class: Class::InUse },
    // Generic names for an id that CreateTags does not see yet.
    Exception { code: "InvalidID", actions: &["CreateTags"], class: Class::NotYetVisible },
    Exception { code: "InvalidInstanceID.NotFound", actions: &["TerminateInstances"], class: Class::Gone },
    Exception {
        code: "InvalidSpotInstanceRequestID.NotFound",
        actions: &["CancelSpotInstanceRequests"],
        class: Class::Gone,
    },
    Exception { code: "InvalidVolume.NotFound", actions: &["DeleteVolume"], class: Class::Gone },
    Exception {
        code: "InvalidGroup.NotFound",
        actions: &["DeleteSecurityGroup", "RevokeSecurityGroupIngress"],
        class: Class::Gone,
    },
    Exception {
        code: "InvalidSecurityGroupID.NotFound",
        actions: &["DeleteSecurityGroup", "RevokeSecurityGroupIngress"],
        class: Class::Gone,
    },
    Exception { code: "InvalidKeyPair.NotFound", actions: &["DeleteKeyPair"], class: Class::Gone },
    Exception { code: "InvalidNetworkInterfaceID.NotFound", actions: &["DeleteNetworkInterface"], class: Class::Gone },
    Exception { code: "InvalidNetworkInterface.InUse", actions: &["DeleteNetworkInterface"], class: Class::InUse },
    Exception { code: "InvalidSnapshot.NotFound", actions: &["DeleteSnapshot"], class: Class::Gone },
    Exception { code: "InvalidAMIID.NotFound", actions: &["DeregisterImage"], class: Class::Gone },
    Exception { code: "InvalidAMIID.Unavailable", actions: &["DeregisterImage"], class: Class::Gone },
    // Its image is listed still, or goes just now.
    Exception { code: "InvalidSnapshot.InUse", actions: &["DeleteSnapshot"], class: Class::InUse },
];

/// What a code means for going on after an action; `None` for a code that is not known here.
pub(super) fn class(action: &str, code: &str) -> Option<Class> {
    let by_action = BY_ACTION.iter().find(|entry| entry.code == code && entry.actions.contains(&action));
    let always = || CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(class, _)| *class);
    by_action.map(|entry| entry.class).or_else(always)
}

/// Every code that is told apart, with its class, and with the actions after which it has that class alone.
#[cfg(test)]
pub(crate) fn all() -> Vec<(Class, &'static str, &'static [&'static str])> {
    let always = CODES.iter().flat_map(|(class, codes)| codes.iter().map(|code| (*class, *code, &[][..])));
    always.chain(BY_ACTION.iter().map(|entry| (entry.class, entry.code, entry.actions))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::advice;

    #[test]
    fn every_code_has_a_sentence_for_the_user_and_every_sentence_a_code() {
        let known: BTreeSet<&str> = all().iter().map(|(_, code, _)| *code).collect();
        let told: BTreeSet<&str> = advice::codes().collect();
        let ours: BTreeSet<&str> = advice::OURS.iter().map(|(code, _)| *code).collect();
        assert_eq!(known.difference(&told).collect::<Vec<_>>(), [&""; 0], "codes without a sentence");
        let other: BTreeSet<&str> = told.difference(&known).copied().collect();
        assert_eq!(other, ours, "sentences of codes that nobody tells apart");
    }

    #[test]
    fn no_code_stands_in_two_classes() {
        let mut seen = BTreeSet::new();
        for code in CODES.iter().flat_map(|(_, codes)| codes.iter()) {
            assert!(seen.insert(code), "{code} stands there twice");
        }
    }

    #[test]
    fn a_missing_instance_is_not_visible_yet_to_a_tag_and_gone_to_a_terminate() {
        let of = |action| class(action, "InvalidInstanceID.NotFound");
        assert_eq!(of("CreateTags"), Some(Class::NotYetVisible));
        assert_eq!(of("AttachVolume"), Some(Class::NotYetVisible));
        assert_eq!(of("TerminateInstances"), Some(Class::Gone));
    }

    #[test]
    fn an_attach_that_finds_its_device_taken_is_tried_again() {
        assert_eq!(class("AttachVolume", "InvalidParameterValue"), Some(Class::InUse));
        assert_eq!(class("AttachVolume", "IncorrectState"), Some(Class::InUse));
        assert_eq!(class("RunInstances", "InvalidParameterValue"), Some(Class::BadRequest));
    }

    #[test]
    fn a_pool_refusal_is_no_quota_and_a_quota_no_pool_refusal() {
        for code in ["InsufficientInstanceCapacity", "SpotMaxPriceTooLow", "Unsupported"] {
            assert_eq!(class("RunInstances", code), Some(Class::Capacity), "{code}");
        }
        for code in ["MaxSpotInstanceCountExceeded", "VcpuLimitExceeded"] {
            assert_eq!(class("RunInstances", code), Some(Class::Quota), "{code}");
        }
        assert_eq!(class("StopInstances", "Unsupported"), Some(Class::BadRequest));
    }

    #[test]
    fn a_missing_spot_role_is_no_fault_of_the_credentials() {
        let code = "AuthFailure.ServiceLinkedRoleCreationNotPermitted";
        assert_eq!(class("RunInstances", code), Some(Class::Denied));
        assert_eq!(class("RunInstances", "AuthFailure"), Some(Class::Credentials));
    }

    #[test]
    fn a_code_from_the_future_is_unknown() {
        assert_eq!(class("RunInstances", "BrandNewCode"), None);
    }
}
