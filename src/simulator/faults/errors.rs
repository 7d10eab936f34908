//! EC2's errors as they were seen on the wire: code, HTTP status, message.
//!
//! Sources: answers quoted in public issue trackers and recordings, and the EC2 API reference ("Error codes for the
//! Amazon EC2 API"). Where a message names an id, the id is an example.

use crate::simulator::protocol::Fault;

/// What a code comes with. Server errors are 5xx; EC2 sends a pool's refusal as one too.
const USUAL: &[(&str, u16, &str)] = &[
    // Illness of EC2's own.
    ("InternalError", 500, "An internal error has occurred"),
    ("InternalFailure", 500, "The request processing has failed because of an unknown error, exception, or failure."),
    ("ServiceUnavailable", 503, "The service is unavailable. Please try again shortly."),
    ("Unavailable", 503, "The service is unavailable. Please try again shortly."),
    ("RequestLimitExceeded", 503, "Request limit exceeded."),
    // Pools and prices.
    ("InsufficientInstanceCapacity", 500, "There is no Spot capacity available that matches your request."),
    ("UnfulfillableCapacity", 500, "There is no capacity available that matches your request."),
    (
        "SpotMaxPriceTooLow",
        400,
        "Your Spot request price of 0.001 is lower than the minimum required Spot request fulfillment price of 0.0374.",
    ),
    (
        "Unsupported",
        400,
        "The requested configuration is currently not supported. Please check the documentation for supported configurations.",
    ),
    (
        "InsufficientFreeAddressesInSubnet",
        400,
        "There are not enough free addresses in subnet 'subnet-056d542a687f866ee' to satisfy the requested number of instances.",
    ),
    // Quotas.
    ("MaxSpotInstanceCountExceeded", 400, "Max spot instance count exceeded"),
    ("MaxFleetCountExceeded", 400, "You've reached your quota for maximum Fleet Requests for this account."),
    (
        "VcpuLimitExceeded",
        400,
        "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the \
         specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    ),
    ("VolumeLimitExceeded", 400, "You have exceeded the number of volumes limit."),
    // Who asks.
    ("AuthFailure", 401, "AWS was not able to validate the provided access credentials"),
    (
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        403,
        "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    ),
    ("ExpiredToken", 403, "The security token included in the request is expired"),
    ("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    ("OptInRequired", 401, "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe."),
    (
        "PendingVerification",
        400,
        "Your account is currently being verified. Verification normally takes less than 2 hours. Until your account is \
         verified, you may not be able to launch additional instances or create additional volumes.",
    ),
    ("RequestExpired", 400, "Request has expired."),
    ("UnauthorizedOperation", 403, "You are not authorized to perform this operation."),
    // States.
    (
        "IncorrectInstanceState",
        400,
        "The instance 'i-0186ee404747acbaf' is not in a state from which it can be started.",
    ),
    (
        "IncorrectSpotRequestState",
        400,
        "You can't start the Spot Instance 'i-0186ee404747acbaf' because the associated Spot Instance request is not in an \
         appropriate state to support start.",
    ),
    ("IncorrectState", 400, "Instance 'i-0d740b81c23f11a4c' is not 'running'."),
    (
        "OperationNotPermitted",
        400,
        "The instance 'i-017fc9a2a33b853fe' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
    ),
    ("DependencyViolation", 400, "resource sg-22992c53 has a dependent object"),
    ("VolumeInUse", 400, "vol-0d64915304625f48d is already attached to an instance"),
    (
        "InvalidVolume.ZoneMismatch",
        400,
        "The volume 'vol-0b2c3d4e5f6a78901' is not in the same availability zone as instance 'i-0123456789abcdef0'",
    ),
    // What is not there, or not seen yet.
    ("InvalidGroup.NotFound", 400, "The security group 'sg-22992c53' does not exist"),
    ("InvalidInstanceID.NotFound", 400, "The instance ID 'i-1a2b3c4d' does not exist"),
    ("InvalidSnapshot.NotFound", 400, "The snapshot 'snap-0d16416527e67c663' does not exist."),
    ("InvalidSpotInstanceRequestID.NotFound", 400, "The spot instance request ID 'sir-37a31a3b' does not exist"),
    ("InvalidSubnetID.NotFound", 400, "The subnet ID 'subnet-056d542a687f866ee' does not exist"),
    ("InvalidVolume.NotFound", 400, "The volume 'vol-04c1b309bb8d18d71' does not exist."),
    // An instance profile that was made a moment ago.
    (
        "InvalidParameterValue",
        400,
        "Value (testProfile) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    ),
];

/// The status and the message that usually come with a code.
pub(super) fn usual(code: &str) -> (u16, &'static str) {
    let known = USUAL.iter().find(|(name, ..)| *name == code);
    known.map_or((400, "The request was refused."), |(_, status, message)| (*status, message))
}

fn known(code: &'static str) -> Fault {
    let (status, message) = usual(code);
    Fault::new(code, message).with_status(status)
}

/// The refusal of a call too many.
pub(in crate::simulator) fn throttled() -> Fault {
    known("RequestLimitExceeded")
}

/// The refusal of credentials that have expired: EC2 has a code of its own for it.
pub(super) fn expired(by_ec2: bool) -> Fault {
    known(if by_ec2 { "RequestExpired" } else { "ExpiredToken" })
}
