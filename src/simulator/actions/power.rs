//! Starting, stopping and terminating.

use super::instance_xml::write_state;
use super::instances::{find, not_found};
use super::{Call, check_id};
use crate::simulator::lifecycle;
use crate::simulator::objects::{Cause, Instance, InstanceState, RequestState, SpotRequest};
use crate::simulator::pools;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::spot;

fn named<'a>(call: &Call<'a>) -> Result<Vec<&'a str>, Fault> {
    let ids = call.args.list("InstanceId");
    if ids.is_empty() {
        return Err(Fault::missing("InstanceId"));
    }
    ids.iter().try_for_each(|id| check_id(id, "i", "InvalidInstanceID.Malformed"))?;
    let absent: Vec<&str> = ids.iter().filter(|id| find(call, id).is_err()).copied().collect();
    if absent.is_empty() { Ok(ids) } else { Err(not_found(&absent)) }
}

/// Acts on all the instances named and answers each one's state before and after.
fn change(call: &mut Call<'_>, ids: &[&str], mut act: impl FnMut(&mut Call<'_>, &str)) -> Xml {
    let state =
        |call: &Call<'_>, id: &str| call.world.instances.get(id).map_or(InstanceState::Terminated, |it| it.state);
    let mut changes = Vec::new();
    for id in ids {
        let before = state(call, id);
        act(call, id);
        changes.push((*id, before, state(call, id)));
    }
    let mut xml = Xml::new();
    xml.list("instancesSet", changes, |xml, (id, before, after)| {
        xml.text("instanceId", id);
        write_state(xml, "currentState", after);
        write_state(xml, "previousState", before);
    });
    xml
}

fn request_of<'c>(call: &'c Call<'_>, instance: &Instance) -> Option<&'c SpotRequest> {
    instance.request.as_ref().and_then(|id| call.world.requests.get(id))
}

/// TerminateInstances: all of them or none. A terminated one may be terminated again.
pub(super) fn terminate(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let ids = named(call)?;
    Ok(change(call, &ids, |call, id| lifecycle::begin_terminate(call.world, id, Cause::User, call.now)))
}

/// StopInstances. A spot instance can be stopped only while its persistent request is active.
pub(super) fn stop(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let ids = named(call)?;
    for id in &ids {
        check_stop(call, id)?;
    }
    Ok(change(call, &ids, |call, id| {
        if call.world.instances.get(id).is_some_and(|it| it.state == InstanceState::Running) {
            lifecycle::begin_stop(call.world, id, Cause::User, call.now);
        }
    }))
}

fn check_stop(call: &Call<'_>, id: &str) -> Result<(), Fault> {
    let instance = find(call, id)?;
    if instance.state.is_ending() || instance.state == InstanceState::Pending {
        let message = format!("This instance '{id}' is not in a state from which it can be stopped.");
        return Err(Fault::new("IncorrectInstanceState", message));
    }
    if instance.request.is_none() {
        return Ok(());
    }
    let request = request_of(call, instance);
    if request.is_some_and(|request| request.persistent && !request.state.is_over()) {
        return Ok(());
    }
    let kind = if request.is_some_and(|request| request.persistent) { "cancelled" } else { "one-time" };
    let message = format!(
        "You can't stop the Spot Instance '{id}' because it is associated with a {kind} Spot Instance request. \
         You can only stop Spot Instances associated with persistent Spot Instance requests."
    );
    Err(Fault::new("UnsupportedOperation", message))
}

/// StartInstances. A spot instance can be started only once its request is disabled, and not when EC2 stopped it.
pub(super) fn start(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let ids = named(call)?;
    for id in &ids {
        check_start(call, id)?;
    }
    Ok(change(call, &ids, |call, id| {
        let Some(instance) = call.world.instances.get(id).filter(|it| it.state == InstanceState::Stopped) else {
            return;
        };
        let (request, zone) = (instance.request.clone(), instance.zone.clone());
        lifecycle::begin_start(call.world, id, call.now);
        if let Some(request) = request {
            spot::fulfilled(call.world, &request, id, &zone, call.now);
        }
    }))
}

fn check_start(call: &Call<'_>, id: &str) -> Result<(), Fault> {
    let instance = find(call, id)?;
    if matches!(instance.state, InstanceState::Pending | InstanceState::Running) {
        return Ok(());
    }
    if let Some(request) = request_of(call, instance) {
        if request.state == RequestState::Disabled && request.status != "instance-stopped-by-user" {
            let message = "Only Amazon EC2 can restart an interrupted stopped Spot Instance.";
            return Err(Fault::new("IncorrectSpotRequestState", message));
        }
        if request.state != RequestState::Disabled && !instance.state.is_ending() {
            let message = format!(
                "You can't start the Spot Instance '{id}' because the associated Spot Instance request is not in an appropriate state to support start."
            );
            return Err(Fault::new("IncorrectSpotRequestState", message));
        }
    }
    if instance.state != InstanceState::Stopped {
        let message = format!("The instance '{id}' is not in a state from which it can be started.");
        return Err(Fault::new("IncorrectInstanceState", message));
    }
    check_room(call, instance)
}

fn check_room(call: &Call<'_>, instance: &Instance) -> Result<(), Fault> {
    let Some(launch) = call.world.launches.get(&instance.launch) else { return Ok(()) };
    let spot = instance.request.is_some();
    if pools::room(call.world, &launch.region, &instance.zone, &launch.instance_type, spot) == 0 {
        return Err(Fault::no_capacity(spot::NO_CAPACITY));
    }
    let limit = request_of(call, instance).and_then(|request| request.max_price);
    let price = pools::price(call.world, &launch.region, &instance.zone, &launch.instance_type, call.now);
    match price.and_then(|price| spot::price_refusal(limit, price)) {
        Some(message) => Err(Fault::new("SpotMaxPriceTooLow", message)),
        None => Ok(()),
    }
}
