//! Spot requests: RequestSpotInstances, their description, their cancellation.

use jiff::{SignedDuration, Timestamp};

use super::groups::group_set;
use super::launch_spec::{check_hibernation, read};
use super::tags::asked_for;
use super::{Call, pick, tag_set_even_empty};
use crate::simulator::catalog::find_type;
use crate::simulator::network::vpc_id;
use crate::simulator::objects::{Behaviour, Launch, RequestState, SpotRequest, Tags};
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Args, Fault, Filters, Xml};
use crate::simulator::quota;
use crate::simulator::spot;
use crate::simulator::world::World;

/// How long a request without ValidUntil stays open, as the answers recorded from EC2 show it.
const DEFAULT_VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// EC2's least limit, in USD per hour.
const LEAST_PRICE: f64 = 0.001;

/// What a spot request asks for beside the launch itself.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub persistent: bool,
    pub behaviour: Behaviour,
    pub max_price: Option<f64>,
    pub valid_until: Option<Timestamp>,
}

impl Market {
    /// Reads the request's kind, behaviour and end; `kind_name` is what the kind's parameter is called here.
    pub fn read(args: &Args<'_>, kind_name: &str, now: Timestamp) -> Result<Self, Fault> {
        let kind = args.get(kind_name);
        let persistent = match kind {
            None | Some("one-time") => false,
            Some("persistent") => true,
            Some(other) => return Err(Fault::value(format!("Value ({other}) for parameter type is invalid."))),
        };
        let behaviour = match args.get("InstanceInterruptionBehavior") {
            None | Some("terminate") => Behaviour::Terminate,
            Some("stop") => Behaviour::Stop,
            Some("hibernate") => Behaviour::Hibernate,
            Some(other) => {
                return Err(Fault::value(format!(
                    "Value ({other}) for parameter instanceInterruptionBehavior is invalid."
                )));
            }
        };
        if !persistent && behaviour != Behaviour::Terminate {
            let message = format!(
                "The request with type '{}' is not supported when instanceInterruptionBehavior is set to '{}'.",
                kind.unwrap_or("null"),
                behaviour.name()
            );
            return Err(Fault::combination(message));
        }
        let valid_until = args.time("ValidUntil")?;
        if valid_until.is_some_and(|end| end <= now) {
            return Err(Fault::value("The validUntil time must be in the future."));
        }
        Ok(Self { persistent, behaviour, max_price: None, valid_until })
    }

    /// A request for one launch, just made.
    pub fn request(&self, world: &World, id: &str, launch: &Launch, launch_id: &str, now: Timestamp) -> SpotRequest {
        SpotRequest {
            region: launch.region.clone(),
            launch: launch_id.to_owned(),
            persistent: self.persistent,
            behaviour: self.behaviour,
            max_price: self.max_price,
            state: RequestState::Open,
            status: "pending-evaluation".to_owned(),
            message: "Your Spot request has been submitted for review, and is pending evaluation.".to_owned(),
            changed: now,
            instance: None,
            launched_zone: None,
            launches: 0,
            valid_until: self.valid_until,
            created: now,
            visible: world.visible_from(id, now),
            retry: Some(world.step_end(now, world.settings().evaluation, id)),
            tags: Tags::new(),
        }
    }
}

/// A price limit, if one is given.
pub(super) fn max_price(args: &Args<'_>, name: &str) -> Result<Option<f64>, Fault> {
    let Some(price) = args.number::<f64>(name)? else { return Ok(None) };
    if price.is_finite() && price >= LEAST_PRICE {
        return Ok(Some(price));
    }
    Err(Fault::value(format!(
        "Value ({price}) for parameter price is invalid. \"{price}\" is an invalid spot instance price"
    )))
}

/// EC2 launches spot instances by a role of the account's, which it can make itself only for those who may make roles.
pub(super) fn check_role(call: &Call<'_>) -> Result<(), Fault> {
    if call.world.settings().spot_role {
        return Ok(());
    }
    let message =
        "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.";
    Err(Fault::new("AuthFailure.ServiceLinkedRoleCreationNotPermitted", message).with_status(403))
}

/// RequestSpotInstances. Its tags are the requests' alone.
pub(super) fn request(call: &mut Call<'_>) -> Result<Xml, Fault> {
    if let Some(made) = call.made_before()? {
        return Ok(written(call, &made));
    }
    let args = call.args.clone();
    let count = args.number::<i64>("InstanceCount")?.unwrap_or(1);
    let count = u64::try_from(count).ok().filter(|count| (1..=1000).contains(count)).ok_or_else(|| {
        Fault::value(format!("Value ({count}) for parameter instanceCount is invalid. It must be from 1 to 1000."))
    })?;
    let specification = args.under("LaunchSpecification");
    let mut launch = read(call, &specification)?;
    let mut market = Market::read(&args, "Type", call.now)?;
    market.max_price = max_price(&args, "SpotPrice")?;
    market.valid_until = market.valid_until.or_else(|| call.now.checked_add(DEFAULT_VALIDITY).ok());
    if market.behaviour == Behaviour::Hibernate {
        launch.hibernation = true;
        check_hibernation(&launch)?;
    }
    check_role(call)?;
    let (left, _) = quota::left(call.world, call.region_name(), &launch.instance_type, true);
    if left < count * quota::vcpus_of(&launch.instance_type) {
        return Err(Fault::new("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"));
    }
    let tags = asked_for(&args, "spot-instances-request")?;
    let launch_id = call.world.next_id("launch");
    call.world.launches.put(&launch_id, launch.clone());
    let mut made = Vec::new();
    for _ in 0..count {
        let id = call.world.next_request_id();
        let request =
            SpotRequest { tags: tags.clone(), ..market.request(call.world, &id, &launch, &launch_id, call.now) };
        call.world.requests.put(&id, request);
        made.push(id);
    }
    call.remember(&made)?;
    Ok(written(call, &made))
}

fn written(call: &Call<'_>, ids: &[String]) -> Xml {
    let found = ids.iter().filter_map(|id| call.world.requests.get(id).map(|request| (id, request)));
    let mut xml = Xml::new();
    xml.list("spotInstanceRequestSet", found, |xml, (id, request)| write(xml, call.world, id, request));
    xml
}

fn write(xml: &mut Xml, world: &World, id: &str, request: &SpotRequest) {
    xml.text("spotInstanceRequestId", id);
    let launch = world.launches.get(&request.launch);
    // Without a limit of the user's the on-demand price is the limit.
    let on_demand = || launch.and_then(|launch| find_type(&launch.instance_type)).and_then(|it| it.on_demand_usd);
    if let Some(price) = request.max_price.or_else(on_demand) {
        xml.text("spotPrice", &format!("{price:.6}"));
    }
    xml.text("type", kind(request));
    xml.text("state", request.state.name());
    xml.within("status", |xml| {
        xml.text("code", &request.status);
        xml.time("updateTime", request.changed);
        xml.text("message", &request.message);
    });
    if let Some(end) = request.valid_until {
        xml.time("validUntil", end);
    }
    if let Some(launch) = launch {
        xml.within("launchSpecification", |xml| write_launch(xml, world, launch));
    }
    xml.some("instanceId", request.instance.as_deref());
    xml.time("createTime", request.created);
    xml.text("productDescription", "Linux/UNIX");
    tag_set_even_empty(xml, &request.tags);
    xml.some("launchedAvailabilityZone", request.launched_zone.as_deref());
    xml.text("instanceInterruptionBehavior", request.behaviour.name());
}

fn kind(request: &SpotRequest) -> &'static str {
    if request.persistent { "persistent" } else { "one-time" }
}

fn write_launch(xml: &mut Xml, world: &World, launch: &Launch) {
    xml.text("imageId", &launch.image);
    xml.some("keyName", launch.key.as_deref());
    group_set(xml, world, &launch.groups);
    xml.text("instanceType", &launch.instance_type);
    if let Some(zone) = &launch.zone {
        xml.within("placement", |xml| xml.text("availabilityZone", zone));
    }
    xml.list("blockDeviceMapping", &launch.disks, |xml, disk| {
        xml.text("deviceName", &disk.device);
        xml.within("ebs", |xml| {
            xml.show("volumeSize", disk.size);
            xml.show("deleteOnTermination", disk.delete_on_termination);
            xml.text("volumeType", &disk.kind);
            xml.show("encrypted", disk.encrypted);
        });
    });
    xml.within("monitoring", |xml| xml.show("enabled", false));
    xml.some("subnetId", launch.subnet.as_deref());
    if let Some(profile) = &launch.profile {
        let name = if profile.starts_with("arn:") { "arn" } else { "name" };
        xml.within("iamInstanceProfile", |xml| xml.text(name, profile));
    }
    xml.show("ebsOptimized", launch.ebs_optimized);
}

const FILTERS: [&str; 18] = [
    "create-time",
    "instance-id",
    "launch.group-id",
    "launch.image-id",
    "launch.instance-type",
    "launch.key-name",
    "launched-availability-zone",
    "network-interface.subnet-id",
    "network-interface.vpc-id",
    "product-description",
    "spot-instance-request-id",
    "spot-price",
    "state",
    "status-code",
    "status-message",
    "tag-key",
    "type",
    "valid-until",
];

fn not_found(absent: &[&str]) -> Fault {
    let id = absent.first().copied().unwrap_or_default();
    Fault::new("InvalidSpotInstanceRequestID.NotFound", format!("The spot instance request ID '{id}' does not exist"))
}

fn check_ids(ids: &[&str]) -> Result<(), Fault> {
    match ids.iter().find(|id| !id.starts_with("sir-") || id.len() < 12) {
        Some(id) => Err(Fault::malformed("InvalidSpotInstanceRequestID.Malformed", id, "sir")),
        None => Ok(()),
    }
}

/// DescribeSpotInstanceRequests.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&FILTERS)?;
    let ids = call.args.list("SpotInstanceRequestId");
    let page = Page::read(&call.args, 5..=1000)?;
    check_ids(&ids)?;
    let (region, now) = (call.region_name(), call.now);
    let seen = |request: &SpotRequest| request.region == region && request.visible <= now;
    let found = pick(&call.world.requests, &ids, seen, not_found)?;
    let shown = found.into_iter().filter(|(id, request)| accepts(&filters, call.world, id, request));
    let (shown, next) = page.cut(shown, |(id, _)| id);
    let mut xml = Xml::new();
    xml.list("spotInstanceRequestSet", shown, |xml, (id, request)| write(xml, call.world, id, request));
    xml.some("nextToken", next.as_deref());
    Ok(xml)
}

fn accepts(filters: &Filters, world: &World, id: &str, request: &SpotRequest) -> bool {
    let launch = world.launches.get(&request.launch);
    let seconds = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    filters.accept(&request.tags, |name, is| match name {
        "create-time" => is(&seconds(request.created)),
        "instance-id" => request.instance.as_deref().is_some_and(is),
        "launch.group-id" => launch.is_some_and(|it| it.groups.iter().any(|group| is(group))),
        "launch.image-id" => launch.is_some_and(|it| is(&it.image)),
        "launch.instance-type" => launch.is_some_and(|it| is(&it.instance_type)),
        "launch.key-name" => launch.and_then(|it| it.key.as_deref()).is_some_and(is),
        "launched-availability-zone" => request.launched_zone.as_deref().is_some_and(is),
        "network-interface.subnet-id" => launch.and_then(|it| it.subnet.as_deref()).is_some_and(is),
        "network-interface.vpc-id" => is(&vpc_id(&request.region)),
        "product-description" => is("Linux/UNIX"),
        "spot-instance-request-id" => is(id),
        "spot-price" => request.max_price.is_some_and(|price| is(&format!("{price:.6}"))),
        "state" => is(request.state.name()),
        "status-code" => is(&request.status),
        "status-message" => is(&request.message),
        "type" => is(kind(request)),
        _ => request.valid_until.is_some_and(|end| is(&seconds(end))),
    })
}

/// CancelSpotInstanceRequests: all of them or none. What is over already is answered as it is.
pub(super) fn cancel(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let ids = call.args.list("SpotInstanceRequestId");
    if ids.is_empty() {
        return Err(Fault::missing("SpotInstanceRequestId"));
    }
    check_ids(&ids)?;
    let region = call.region_name();
    pick(&call.world.requests, &ids, |request| request.region == region, not_found)?;
    for id in &ids {
        spot::cancel(call.world, id, call.now);
    }
    let state = |id: &str| call.world.requests.get(id).map_or("cancelled", |request| request.state.name());
    let mut xml = Xml::new();
    xml.list("spotInstanceRequestSet", &ids, |xml, id| {
        xml.text("spotInstanceRequestId", id);
        xml.text("state", state(id));
    });
    Ok(xml)
}
