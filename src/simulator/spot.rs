//! Spot requests: evaluated, fulfilled, interrupted, tried again.
//!
//! States and status codes are those of the EC2 user guide's page "Get the status of your Spot Instance requests".

use jiff::Timestamp;

use super::catalog::find_type;
use super::launch::{LaunchTags, Place, make_instance};
use super::lifecycle;
use super::network;
use super::objects::{Behaviour, Cause, Instance, InstanceState, Launch, RequestState, SpotRequest};
use super::pools;
use super::world::World;

/// What EC2 says of a request that waits for capacity.
pub(super) const NO_CAPACITY: &str = "There is no Spot capacity available that matches your request.";

const TERMINATED_NO_CAPACITY: (&str, &str) = (
    "instance-terminated-no-capacity",
    "Your Spot Instance was terminated because there is no longer Spot capacity available.",
);

/// When time next does something to a request.
pub(super) fn due(world: &World, request: &SpotRequest) -> Option<Timestamp> {
    if request.state.is_over() {
        return request.changed.checked_add(world.settings().span(world.settings().listed)).ok();
    }
    let expiry = request.valid_until.filter(|_| request.state == RequestState::Open);
    match (request.retry, expiry) {
        (Some(retry), Some(expiry)) => Some(retry.min(expiry)),
        (retry, expiry) => retry.or(expiry),
    }
}

/// Does what is due to a request.
pub(super) fn step(world: &mut World, id: &str, now: Timestamp) {
    let Some(request) = world.requests.get(id) else { return };
    if request.state.is_over() {
        let launch = request.launch.clone();
        world.requests.remove(id);
        lifecycle::forget_launch(world, &launch);
        return;
    }
    let retry = request.retry;
    if let Some(expiry) = request.valid_until.filter(|at| request.state == RequestState::Open && *at <= now)
        && retry.is_none_or(|retry| expiry <= retry)
    {
        let message = "Your Spot request expired before it was fulfilled.";
        set_status(world, id, RequestState::Cancelled, "schedule-expired", message, expiry);
        return;
    }
    let Some(at) = retry else { return };
    match request.state {
        RequestState::Open => try_fulfil(world, id, at, now),
        RequestState::Disabled => try_restart(world, id, at, now),
        _ => clear_retry(world, id),
    }
}

/// Puts a request into a state with a status.
pub(super) fn set_status(world: &mut World, id: &str, state: RequestState, code: &str, message: &str, at: Timestamp) {
    let Some(request) = world.requests.edit(id) else { return };
    request.state = state;
    request.changed = at;
    request.status = code.to_owned();
    request.message = message.to_owned();
    if state.is_over() {
        request.retry = None;
    }
}

fn clear_retry(world: &mut World, id: &str) {
    if let Some(request) = world.requests.edit(id) {
        request.retry = None;
    }
}

/// Why a pool does not take a request now: a status code with its message. None: it does.
fn refusal(
    world: &World,
    request: &SpotRequest,
    launch: &Launch,
    zone: &str,
    at: Timestamp,
) -> Option<(&'static str, String)> {
    if pools::room(world, &launch.region, zone, &launch.instance_type, true) == 0 {
        return Some(("capacity-not-available", NO_CAPACITY.to_owned()));
    }
    let price = pools::price(world, &launch.region, zone, &launch.instance_type, at)?;
    price_refusal(request.max_price, price).map(|message| ("price-too-low", message))
}

/// EC2's message when a price is above the limit.
pub(super) fn price_refusal(limit: Option<f64>, price: f64) -> Option<String> {
    let limit = limit.filter(|limit| *limit < price)?;
    Some(format!(
        "Your Spot request price of {limit} is lower than the minimum required Spot request fulfillment price of {price}."
    ))
}

/// The zones that a launch may go to.
pub(super) fn zones_of(launch: &Launch) -> Vec<String> {
    let Some(type_info) = find_type(&launch.instance_type) else { return Vec::new() };
    let mut zones = pools::zones_for(&launch.region, type_info);
    if let Some(wanted) = &launch.zone {
        zones.retain(|zone| zone == wanted);
    }
    zones
}

fn try_fulfil(world: &mut World, id: &str, at: Timestamp, now: Timestamp) {
    let Some(request) = world.requests.get(id) else { return };
    let Some(launch) = world.launches.get(&request.launch).cloned() else { return clear_retry(world, id) };
    if let Some(message) = bad_parameters(world, &launch) {
        return set_status(world, id, RequestState::Failed, "bad-parameters", &message, at);
    }
    let mut refused = ("capacity-not-available", NO_CAPACITY.to_owned());
    let mut chosen = None;
    for zone in zones_of(&launch) {
        match refusal(world, request, &launch, &zone, at) {
            Some(reason) => refused = reason,
            None => {
                chosen = Some(zone);
                break;
            }
        }
    }
    let Some(zone) = chosen else { return wait_on(world, id, refused.0, &refused.1, at, now) };
    if launch_for(world, id, &launch, &zone, at).is_none() {
        // An interface may still be on an instance that shuts down. Nobody has recorded what EC2 says then.
        let message = match launch.interface {
            Some(_) => "The network interface is in use.",
            None => "The subnet has no free address left.",
        };
        wait_on(world, id, "constraint-not-fulfillable", message, at, now);
    }
}

/// What a launch names that is not there any more: somebody deleted it while the request waited.
fn bad_parameters(world: &World, launch: &Launch) -> Option<String> {
    let gone = launch.groups.iter().find(|id| world.groups.get(id).is_none());
    if let Some(id) = gone {
        return Some(format!("The security group '{id}' does not exist"));
    }
    if let Some(id) = launch.interface.as_ref().filter(|id| world.interfaces.get(id).is_none()) {
        return Some(format!("The networkInterface ID '{id}' does not exist"));
    }
    let key = launch.key.as_ref()?;
    let there = world.keys.values().any(|it| it.region == launch.region && it.name == *key);
    (!there).then(|| format!("The key pair '{key}' does not exist"))
}

fn launch_for(world: &mut World, id: &str, launch: &Launch, zone: &str, at: Timestamp) -> Option<()> {
    let subnet = match &launch.subnet {
        Some(subnet) => network::find_subnet(&launch.region, subnet).ok()?,
        None => network::subnet_of_zone(&launch.region, zone)?,
    };
    let launch_id = world.requests.get(id)?.launch.clone();
    let mut taken = network::taken(world, &subnet.id);
    let place = Place { launch_id, subnet, reservation: world.next_id("r"), token: None };
    let tags = LaunchTags::default();
    let instance = make_instance(world, launch, &place, (0, Some(id), &tags), &mut taken, at).ok()?;
    fulfilled(world, id, &instance, zone, at);
    Some(())
}

/// Notes that a request has its instance.
pub(super) fn fulfilled(world: &mut World, id: &str, instance: &str, zone: &str, at: Timestamp) {
    set_status(world, id, RequestState::Active, "fulfilled", "Your Spot request is fulfilled.", at);
    if let Some(request) = world.requests.edit(id) {
        request.instance = Some(instance.to_owned());
        request.launched_zone = Some(zone.to_owned());
        request.launches += 1;
        request.retry = None;
    }
}

/// Leaves an open request waiting. A world that nobody looked at for days is not tried once for every two seconds of them.
fn wait_on(world: &mut World, id: &str, code: &str, message: &str, at: Timestamp, now: Timestamp) {
    if world.requests.get(id).is_some_and(|request| request.status != code || request.message != message) {
        set_status(world, id, RequestState::Open, code, message, at);
    }
    try_later(world, id, at, now);
}

fn try_later(world: &mut World, id: &str, at: Timestamp, now: Timestamp) {
    let interval = world.settings().span(world.settings().retry);
    let next = at.checked_add(interval).unwrap_or(Timestamp::MAX);
    let recently = now.checked_sub(interval).unwrap_or(Timestamp::MIN);
    if let Some(request) = world.requests.edit(id) {
        // At the speeds that can be set an interval may round to nothing: time has to move all the same.
        let next = if next < recently { now } else { next };
        request.retry = Some(next.max(at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(next)));
    }
}

/// EC2 starts an instance again that it stopped itself, in the same zone, once there is room at the price.
fn try_restart(world: &mut World, id: &str, at: Timestamp, now: Timestamp) {
    let Some(request) = world.requests.get(id) else { return };
    let Some((instance_id, zone)) = request.instance.clone().zip(request.launched_zone.clone()) else {
        return clear_retry(world, id);
    };
    let Some(launch) = world.launches.get(&request.launch) else { return clear_retry(world, id) };
    if refusal(world, request, launch, &zone, at).is_some() {
        return try_later(world, id, at, now);
    }
    lifecycle::begin_start(world, &instance_id, at);
    fulfilled(world, id, &instance_id, &zone, at);
}

/// Announces an interruption: EC2 marks the request two minutes before.
pub(super) fn announce(world: &mut World, instance_id: &str, cause: Cause, now: Timestamp, at: Timestamp) {
    let Some(instance) = world.instances.edit(instance_id) else { return };
    instance.notice = Some(super::objects::Notice { cause, at });
    let Some(id) = instance.request.clone() else { return };
    let Some(request) = world.requests.get(&id).filter(|request| request.state == RequestState::Active) else { return };
    match request.behaviour {
        // The user guide ("State changes for a Spot request"): when EC2 needs the capacity back, the request shows this at
        // once, while the instance goes on running for the two minutes of its notice.
        Behaviour::Terminate if cause == Cause::Capacity => {
            let ended = if request.persistent { RequestState::Open } else { RequestState::Closed };
            set_status(world, &id, ended, TERMINATED_NO_CAPACITY.0, TERMINATED_NO_CAPACITY.1, now);
        }
        Behaviour::Terminate => {
            let message = "Your Spot Instance is marked for termination.";
            set_status(world, &id, RequestState::Active, "marked-for-termination", message, now);
        }
        Behaviour::Stop | Behaviour::Hibernate => mark_for_stop(world, &id, now),
    }
}

/// What an interruption does to an instance: `stop`, `hibernate` or `terminate`.
pub(super) fn behaviour(world: &World, instance: &Instance) -> &'static str {
    let request = instance.request.as_ref().and_then(|id| world.requests.get(id));
    let active = request.filter(|request| request.state == RequestState::Active);
    active.map_or("terminate", |request| request.behaviour.name())
}

fn mark_for_stop(world: &mut World, id: &str, at: Timestamp) {
    set_status(world, id, RequestState::Active, "marked-for-stop", "Your Spot Instance is marked for stop.", at);
}

/// An instance begins to stop, whoever stops it: until it has stopped, its request is marked.
pub(super) fn instance_stopping(world: &mut World, instance_id: &str, at: Timestamp) {
    let Some((id, _)) = request_of(world, instance_id) else { return };
    if world.requests.get(&id).is_some_and(|request| request.state == RequestState::Active) {
        mark_for_stop(world, &id, at);
    }
}

/// Interrupts a running spot instance as its request says. One whose request was cancelled is terminated: nothing is left to
/// start it again.
pub(super) fn interrupt(world: &mut World, instance_id: &str, cause: Cause, at: Timestamp) {
    let request =
        world.instances.get(instance_id).and_then(|it| it.request.as_ref()).and_then(|id| world.requests.get(id));
    let stays = request.is_some_and(|it| it.state == RequestState::Active && it.behaviour != Behaviour::Terminate);
    if stays {
        lifecycle::begin_stop(world, instance_id, cause, at);
    } else {
        lifecycle::begin_terminate(world, instance_id, cause, at);
    }
}

fn request_of(world: &World, instance_id: &str) -> Option<(String, Cause)> {
    let instance = world.instances.get(instance_id)?;
    Some((instance.request.clone()?, instance.cause.unwrap_or(Cause::User)))
}

fn capacity_back(world: &World, at: Timestamp) -> Timestamp {
    at.checked_add(world.settings().span(world.settings().capacity_return)).unwrap_or(Timestamp::MAX)
}

/// An instance has stopped: its request is disabled from now on, and not before.
pub(super) fn instance_stopped(world: &mut World, instance_id: &str, at: Timestamp) {
    let Some((id, cause)) = request_of(world, instance_id) else { return };
    let Some(request) = world.requests.get(&id) else { return };
    if request.state == RequestState::Cancelled {
        // Cancelled while it was stopping: EC2 ends a stopped instance whose request is gone.
        return lifecycle::begin_terminate(world, instance_id, cause, at);
    }
    let (code, message) = match cause {
        Cause::User | Cause::Launch => ("instance-stopped-by-user", "You stopped your Spot Instance."),
        Cause::Price => (
            "instance-stopped-by-price",
            "Your Spot Instance was stopped because the Spot price exceeded your maximum price.",
        ),
        Cause::Capacity => (
            "instance-stopped-no-capacity",
            "Your Spot Instance was stopped because there is no longer Spot capacity available.",
        ),
    };
    let back = (cause != Cause::User).then(|| capacity_back(world, at));
    set_status(world, &id, RequestState::Disabled, code, message, at);
    if let Some(request) = world.requests.edit(&id) {
        request.retry = back;
    }
}

/// An instance that EC2 interrupted has ended.
pub(super) fn instance_terminated(world: &mut World, instance_id: &str, at: Timestamp) {
    let Some((id, cause)) = request_of(world, instance_id) else { return };
    let (code, message) = match cause {
        Cause::User => return,
        Cause::Price => (
            "instance-terminated-by-price",
            "Your Spot Instance was terminated because the Spot price exceeded your maximum price.",
        ),
        Cause::Capacity => TERMINATED_NO_CAPACITY,
        Cause::Launch => return never_came_up(world, &id, instance_id, at),
    };
    ended(world, &id, instance_id, (code, message), capacity_back(world, at), at);
}

/// The user ended an instance: a persistent request that was not cancelled first launches another.
pub(super) fn user_terminated(world: &mut World, instance_id: &str, at: Timestamp) {
    let Some((id, _)) = request_of(world, instance_id) else { return };
    let again = world.step_end(at, world.settings().evaluation, &id);
    ended(world, &id, instance_id, ("instance-terminated-by-user", "You terminated your Spot Instance."), again, at);
}

/// A launch failed after the request was fulfilled. That the request closes, and with which code, is the user guide's list of
/// codes read as best we can: nobody has recorded it.
fn never_came_up(world: &mut World, id: &str, instance_id: &str, at: Timestamp) {
    let failure = world.instances.get(instance_id).and_then(|it| it.failure.as_deref()).unwrap_or_default();
    let (code, message) = match failure {
        "Client.VolumeLimitExceeded" => {
            ("limit-exceeded", "The limit on the number of EBS volumes or total volume storage was exceeded.")
        }
        _ => ("system-error", "There was an unexpected system error."),
    };
    set_status(world, id, RequestState::Closed, code, message, at);
}

fn ended(
    world: &mut World,
    id: &str,
    instance_id: &str,
    (code, message): (&str, &str),
    again: Timestamp,
    at: Timestamp,
) {
    let Some(request) = world.requests.get(id) else { return };
    let current = request.instance.as_deref() == Some(instance_id);
    // One that was told so with its notice has this status already.
    let told = request.state == RequestState::Open && request.status == TERMINATED_NO_CAPACITY.0;
    if !current || !(told || matches!(request.state, RequestState::Active | RequestState::Disabled)) {
        return;
    }
    let persistent = request.persistent;
    let state = if persistent { RequestState::Open } else { RequestState::Closed };
    set_status(world, id, state, code, message, at);
    if let Some(request) = world.requests.edit(id).filter(|_| persistent) {
        request.instance = None;
        request.retry = Some(again);
    }
}

/// Cancels a request: what runs goes on running, what is stopped is ended.
pub(super) fn cancel(world: &mut World, id: &str, now: Timestamp) {
    let Some(request) = world.requests.get(id) else { return };
    let instance = request.instance.clone();
    match request.state {
        RequestState::Open => {
            let message = "Your Spot request was canceled before it was fulfilled.";
            set_status(world, id, RequestState::Cancelled, "canceled-before-fulfillment", message, now);
        }
        RequestState::Active => {
            let message = "Your Spot request is canceled, but your instance is still running.";
            set_status(world, id, RequestState::Cancelled, "request-canceled-and-instance-running", message, now);
        }
        RequestState::Disabled => {
            let message = "Your Spot request is canceled, and your stopped instance is terminated.";
            set_status(world, id, RequestState::Cancelled, "instance-terminated-by-user", message, now);
            let stopped =
                instance.filter(|id| world.instances.get(id).is_some_and(|it| it.state == InstanceState::Stopped));
            if let Some(instance) = stopped {
                lifecycle::begin_terminate(world, &instance, Cause::User, now);
            }
        }
        RequestState::Closed | RequestState::Cancelled | RequestState::Failed => {}
    }
}
