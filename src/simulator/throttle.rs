//! Request throttling: token buckets for each region and action, and for the instances that an action touches.
//!
//! Sizes (tokens) and refill rates (tokens a second) are those of "Request throttling for the Amazon EC2 API" in the EC2
//! developer guide: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::faults::{is_read, throttled};
use super::protocol::{Args, Fault, Request};
use super::world::World;

/// What is in a bucket at an instant.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub tokens: f64,
    pub at: Timestamp,
}

/// How much a bucket holds, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Size {
    tokens: f64,
    a_second: f64,
}

const fn size(tokens: f64, a_second: f64) -> Size {
    Size { tokens, a_second }
}

const READS: Size = size(100.0, 20.0);
const BROAD_READS: Size = size(50.0, 10.0);
const WRITES: Size = size(50.0, 5.0);

/// Reads that have a smaller bucket when they are neither filtered nor paged.
const BROAD: [&str; 6] = [
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSpotInstanceRequests",
    "DescribeVolumes",
];

/// The bucket of an action's requests.
fn requests(action: &str, broad: bool) -> Size {
    match action {
        "RunInstances" | "StartInstances" => size(5.0, 2.0),
        "CreateTags" | "DeleteTags" => size(100.0, 10.0),
        "CreateNetworkInterface"
        | "CreateVolume"
        | "DeleteNetworkInterface"
        | "DeleteVolume"
        | "TerminateInstances" => size(100.0, 5.0),
        _ if broad => BROAD_READS,
        _ if is_read(action) => READS,
        // The resource-intensive actions (spot requests, rules of groups) have buckets of the same size.
        _ => WRITES,
    }
}

/// The bucket of the instances that an action touches, for the actions that have one.
fn instances(action: &str) -> Option<Size> {
    match action {
        "RunInstances" | "StartInstances" => Some(size(1000.0, 2.0)),
        "StopInstances" | "TerminateInstances" => Some(size(1000.0, 20.0)),
        _ => None,
    }
}

/// How many instances a request touches.
fn touched(args: &Args<'_>) -> f64 {
    let named = u32::try_from(args.list("InstanceId").len()).unwrap_or(u32::MAX);
    let launched = args.number::<u32>("MaxCount").ok().flatten().unwrap_or(0);
    f64::from(named.max(launched))
}

/// Takes a request's tokens out of its buckets, or refuses it when there are too few: then none are taken.
pub(super) fn admit(world: &mut World, request: &Request, now: Timestamp) -> Result<(), Fault> {
    let factor = world.settings().throttling;
    if factor == 0.0 {
        return Ok(());
    }
    let (action, args) = (request.action(), request.args());
    let narrowed = ["MaxResults", "NextToken"].iter().any(|name| args.get(name).is_some());
    let broad = BROAD.contains(&action) && !narrowed && args.items("Filter").is_empty();
    let name = format!("{}/{action}", request.region);
    let mut wanted = vec![(name.clone() + if broad { "/broad" } else { "" }, requests(action, broad), 1.0)];
    if let Some(size) = instances(action) {
        wanted.push((name + "/instances", size, touched(&args)));
    }
    let mut left = Vec::new();
    for (name, full, cost) in wanted {
        let tokens = filled(world.buckets.get(&name), size(full.tokens * factor, full.a_second * factor), now) - cost;
        if tokens < 0.0 {
            return Err(throttled());
        }
        left.push((name, tokens));
    }
    for (name, tokens) in left {
        world.buckets.put(&name, Bucket { tokens, at: now });
    }
    Ok(())
}

/// What a bucket has in it now. One that was never used is full.
fn filled(bucket: Option<&Bucket>, full: Size, now: Timestamp) -> f64 {
    let Some(bucket) = bucket else { return full.tokens };
    let seconds = now.duration_since(bucket.at).as_secs_f64().max(0.0);
    (bucket.tokens + seconds * full.a_second).min(full.tokens)
}

#[cfg(test)]
mod tests {
    use super::{BROAD_READS, READS, WRITES, instances, requests, size};

    #[test]
    fn the_sizes_are_those_that_ec2_documents() {
        assert_eq!(requests("DescribeSpotPriceHistory", false), READS);
        assert_eq!(requests("DescribeInstances", true), BROAD_READS);
        assert_eq!(requests("AttachVolume", false), WRITES);
        assert_eq!(requests("RunInstances", false), size(5.0, 2.0));
        assert_eq!(instances("RunInstances"), Some(size(1000.0, 2.0)));
        assert_eq!(instances("TerminateInstances"), Some(size(1000.0, 20.0)));
        assert_eq!(instances("CreateTags"), None);
    }
}
