//! The refusal of a caller without permission, in the words that EC2 uses since 2023.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::is_read;
use crate::simulator::actions;
use crate::simulator::chance::draw;
use crate::simulator::protocol::{Fault, Request};
use crate::simulator::world::{ACCOUNT, World};

/// About as many bytes as EC2's ciphertext has before base64.
const CIPHERTEXT: u64 = 480;

/// UnauthorizedOperation. A describe is refused for all resources at once and without an encoded message, a change for the
/// resource that it would make or touch.
pub(in crate::simulator) fn denied(world: &World, request: &Request, now: Timestamp) -> Fault {
    let action = request.action();
    let service = actions::service(action);
    let who = format!("User: arn:aws:iam::{ACCOUNT}:user/simulated is not authorized to perform: {service}:{action}");
    let why = format!("because no identity-based policy allows the {service}:{action} action");
    if service != "ec2" {
        return Fault::new("AccessDenied", format!("{who} {why}")).with_status(403);
    }
    let message = if is_read(action) {
        format!("You are not authorized to perform this operation. {who} {why}")
    } else {
        format!(
            "You are not authorized to perform this operation. {who} on resource: arn:aws:ec2:{}:{ACCOUNT}:{} {why}. \
             Encoded authorization failure message: {}",
            request.region,
            resource(request),
            ciphertext(world, action, now)
        )
    };
    Fault::new("UnauthorizedOperation", message).with_status(403)
}

/// What the action is about, as the last part of an ARN: an id that the request names, else the kind that it makes.
fn resource(request: &Request) -> String {
    let args = request.args();
    let first = |name: &str| args.list(name).first().copied();
    let kind = |id: &str| match id.split('-').next() {
        Some("i") => "instance",
        Some("vol") => "volume",
        Some("sir") => "spot-instances-request",
        Some("eni") => "network-interface",
        Some("key") => "key-pair",
        Some("ami") => "image",
        _ => "security-group",
    };
    let named = ["VolumeId", "InstanceId", "GroupId", "NetworkInterfaceId", "KeyPairId", "ImageId"]
        .iter()
        .find_map(|name| args.get(name).or_else(|| first(name)))
        .or_else(|| first("SpotInstanceRequestId"))
        .or_else(|| first("ResourceId"));
    if let Some(id) = named {
        return format!("{}/{id}", kind(id));
    }
    let made = match request.action() {
        "CreateVolume" => "volume/*",
        "CreateSecurityGroup" => "security-group/*",
        "CreateNetworkInterface" => "network-interface/*",
        "ImportKeyPair" | "DeleteKeyPair" => "key-pair/*",
        "RequestSpotInstances" => "spot-instances-request/*",
        _ => "instance/*",
    };
    made.to_owned()
}

/// What only STS could decode. It is drawn, and says nothing.
fn ciphertext(world: &World, action: &str, now: Timestamp) -> String {
    let at = now.to_string();
    let bytes: Vec<u8> = (0..CIPHERTEXT / 8)
        .flat_map(|block| draw(world.seed(), &["denial", action, &at, &block.to_string()]).to_be_bytes())
        .collect();
    URL_SAFE_NO_PAD.encode(bytes)
}
