//! RunInstances: now or not at all.

use super::launch_spec::{check_hibernation, read};
use super::requests::{Market, check_role, max_price};
use super::tags::asked_for;
use super::{Call, instance_xml};
use crate::simulator::launch::{LaunchTags, Place, make_instance};
use crate::simulator::network::{self, Subnet, find_subnet, free_count, subnet_of_zone};
use crate::simulator::objects::{Behaviour, Launch, RequestState, SpotRequest};
use crate::simulator::pools;
use crate::simulator::protocol::{Args, Fault, Xml};
use crate::simulator::quota;
use crate::simulator::spot;

/// RunInstances. Within MinCount and MaxCount it makes as many as there is room for in one zone.
pub(super) fn run(call: &mut Call<'_>) -> Result<Xml, Fault> {
    if let Some(made) = call.made_before()? {
        if made.iter().any(|id| call.world.instances.get(id).is_none()) {
            let message = "The client token was used for an instance that is terminated and gone.";
            return Err(Fault::new("IdempotentInstanceTerminated", message));
        }
        return Ok(instance_xml::reservation(call, &made));
    }
    let args = call.args.clone();
    let (least, most) = counts(&args)?;
    let mut launch = read(call, &args)?;
    let market = market(call, &args)?;
    if market.as_ref().is_some_and(|market| market.behaviour == Behaviour::Hibernate) {
        launch.hibernation = true;
        check_hibernation(&launch)?;
    }
    let tags = LaunchTags {
        instance: asked_for(&args, "instance")?,
        volume: asked_for(&args, "volume")?,
        interface: asked_for(&args, "network-interface")?,
        request: asked_for(&args, "spot-instances-request")?,
    };
    if market.is_some() {
        check_role(call)?;
    }
    let most = within_quota(call, &launch, market.is_some(), least, most)?;
    let (subnet, count) = choose(call, &launch, market.as_ref(), least, most)?;
    let made = launch_all(call, launch, market.as_ref(), subnet, count, &tags)?;
    call.remember(&made)?;
    Ok(instance_xml::reservation(call, &made))
}

fn counts(args: &Args<'_>) -> Result<(usize, usize), Fault> {
    let least = args.number::<usize>("MinCount")?.ok_or_else(|| Fault::missing("MinCount"))?;
    let most = args.number::<usize>("MaxCount")?.ok_or_else(|| Fault::missing("MaxCount"))?;
    if least < 1 || most < least {
        return Err(Fault::value(format!(
            "Value ({least}) for parameter minCount is invalid. It must be from 1 to maxCount."
        )));
    }
    if most > 1 && args.items("NetworkInterface").iter().any(|item| item.get("NetworkInterfaceId").is_some()) {
        return Err(Fault::combination("A network interface can be attached to one instance only."));
    }
    Ok((least, most))
}

fn market(call: &Call<'_>, args: &Args<'_>) -> Result<Option<Market>, Fault> {
    let options = args.under("InstanceMarketOptions");
    match options.get("MarketType") {
        None => return Ok(None),
        Some("spot") => {}
        Some(other) => return Err(Fault::value(format!("Value ({other}) for parameter marketType is invalid."))),
    }
    let spot = options.under("SpotOptions");
    let market = Market::read(&spot, "SpotInstanceType", call.now)?;
    if market.persistent && market.behaviour == Behaviour::Terminate {
        let message =
            "The terminate InstanceInterruptionBehavior is not supported when requestType is set to persistent.";
        return Err(Fault::combination(message));
    }
    if !market.persistent && market.valid_until.is_some() {
        return Err(Fault::combination("ValidUntil is not supported when requestType is set to one-time."));
    }
    Ok(Some(Market { max_price: max_price(&spot, "MaxPrice")?, ..market }))
}

fn within_quota(call: &Call<'_>, launch: &Launch, spot: bool, least: usize, most: usize) -> Result<usize, Fault> {
    let each = quota::vcpus_of(&launch.instance_type).max(1);
    let (left, limit) = quota::left(call.world, call.region_name(), &launch.instance_type, spot);
    let fits = usize::try_from(left / each).unwrap_or(usize::MAX);
    if fits >= least {
        return Ok(most.min(fits));
    }
    if spot {
        return Err(Fault::new("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"));
    }
    let message = format!(
        "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket that the \
         specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
    );
    Err(Fault::new("VcpuLimitExceeded", message))
}

fn subnet_for(launch: &Launch, zone: &str) -> Result<Subnet, Fault> {
    let nowhere = || Fault::new("MissingInput", "No subnets found for the default VPC. Please specify a subnet.");
    match &launch.subnet {
        Some(id) => find_subnet(&launch.region, id),
        None => subnet_of_zone(&launch.region, zone).ok_or_else(nowhere),
    }
}

/// The first zone with room for all, else the one with room for most; EC2 puts one call's instances into one zone.
fn choose(
    call: &Call<'_>,
    launch: &Launch,
    market: Option<&Market>,
    least: usize,
    most: usize,
) -> Result<(Subnet, usize), Fault> {
    let zones = spot::zones_of(launch);
    let mut best: Option<(usize, Subnet)> = None;
    let mut refused = None;
    for zone in &zones {
        let price = pools::price(call.world, &launch.region, zone, &launch.instance_type, call.now);
        let limit = market.and_then(|market| market.max_price);
        if market.is_some()
            && let Some(message) = price.and_then(|price| spot::price_refusal(limit, price))
        {
            refused = Some(Fault::new("SpotMaxPriceTooLow", message));
            continue;
        }
        let subnet = subnet_for(launch, zone)?;
        let room = pools::room(call.world, &launch.region, zone, &launch.instance_type, market.is_some()).min(most);
        if room < least {
            refused = Some(no_capacity(launch, &zones, zone, market.is_some()));
            continue;
        }
        let free = if launch.interface.is_some() { most } else { free_count(call.world, &subnet.id) };
        if free < least {
            let message = format!(
                "There are not enough free addresses in subnet '{}' to satisfy the requested number of instances.",
                subnet.id
            );
            refused = Some(Fault::new("InsufficientFreeAddressesInSubnet", message));
            continue;
        }
        let fits = room.min(free);
        if best.as_ref().is_none_or(|(most_yet, _)| fits > *most_yet) {
            best = Some((fits, subnet));
        }
        if fits >= most {
            break;
        }
    }
    match best {
        Some((count, subnet)) => Ok((subnet, count)),
        None => Err(refused.unwrap_or_else(|| not_offered(call, launch))),
    }
}

fn no_capacity(launch: &Launch, zones: &[String], zone: &str, spot: bool) -> Fault {
    if spot {
        return Fault::no_capacity(spot::NO_CAPACITY);
    }
    let name = &launch.instance_type;
    if launch.zone.is_none() {
        let disk = launch.disks.first().map_or("gp3", |disk| &disk.kind);
        return Fault::no_capacity(format!(
            "We currently do not have sufficient {name} capacity in zones with support for '{disk}' volumes. \
             Our system will be working on provisioning additional capacity."
        ));
    }
    let others: Vec<&str> = zones.iter().map(String::as_str).filter(|other| *other != zone).collect();
    let hint = if others.is_empty() {
        String::new()
    } else {
        format!(
            " You can currently get {name} capacity by not specifying an Availability Zone in your request or choosing {}.",
            others.join(", ")
        )
    };
    Fault::no_capacity(format!(
        "We currently do not have sufficient {name} capacity in the Availability Zone you requested ({zone}). \
         Our system will be working on provisioning additional capacity.{hint}"
    ))
}

fn not_offered(call: &Call<'_>, launch: &Launch) -> Fault {
    let anywhere = Launch { zone: None, ..launch.clone() };
    let zone = launch.zone.as_deref().unwrap_or_else(|| call.region_name());
    Fault::new(
        "Unsupported",
        format!(
            "Your requested instance type ({}) is not supported in your requested Availability Zone ({zone}). \
             Please retry your request by not specifying an Availability Zone or choosing {}.",
            launch.instance_type,
            spot::zones_of(&anywhere).join(", ")
        ),
    )
}

fn launch_all(
    call: &mut Call<'_>,
    launch: Launch,
    market: Option<&Market>,
    subnet: Subnet,
    count: usize,
    tags: &LaunchTags,
) -> Result<Vec<String>, Fault> {
    let now = call.now;
    let reservation = call.world.next_id("r");
    let mut taken = network::taken(call.world, &subnet.id);
    let launch_id = call.world.next_id("launch");
    call.world.launches.put(&launch_id, launch.clone());
    let token = call.args.get("ClientToken").map(str::to_owned);
    let place = Place { launch_id: launch_id.clone(), subnet, reservation, token };
    let mut made = Vec::with_capacity(count);
    for index in 0..u32::try_from(count).unwrap_or(u32::MAX) {
        let request = market.map(|market| {
            let id = call.world.next_request_id();
            let request = SpotRequest {
                tags: tags.request.clone(),
                state: RequestState::Active,
                retry: None,
                ..market.request(call.world, &id, &launch, &launch_id, now)
            };
            call.world.requests.put(&id, request);
            id
        });
        let instance = make_instance(call.world, &launch, &place, (index, request.as_deref(), tags), &mut taken, now)?;
        if let Some(request) = &request {
            spot::fulfilled(call.world, request, &instance, &place.subnet.zone, now);
        }
        made.push(instance);
    }
    Ok(made)
}
