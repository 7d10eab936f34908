//! What time does: instances start, stop and end, volumes attach and detach.
//!
//! Every step happens at the instant that was stored for it, not at the instant somebody looked.

use jiff::Timestamp;

use super::network;
use super::objects::{AttachmentState, Cause, InstanceState};
use super::spot;
use super::usage;
use super::world::World;

/// Brings the world to `now`.
pub(super) fn advance(world: &mut World, now: Timestamp) {
    if world.next_due.is_some_and(|due| now < due) {
        return;
    }
    while step(world, now) {}
    world.next_due = next_due(world);
}

/// Does all that is due; whether anything was. What it did may have made more due.
fn step(world: &mut World, now: Timestamp) -> bool {
    let passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    let instances: Vec<String> = world
        .instances
        .iter()
        .filter(|(_, it)| passed(it.until) || passed(it.notice.as_ref().map(|notice| notice.at)))
        .map(|(id, _)| id.clone())
        .collect();
    let volumes: Vec<String> = world
        .volumes
        .iter()
        .filter(|(_, it)| passed(it.attachment.as_ref().and_then(|attachment| attachment.until)))
        .map(|(id, _)| id.clone())
        .collect();
    let requests: Vec<String> =
        world.requests.iter().filter(|(_, it)| passed(spot::due(world, it))).map(|(id, _)| id.clone()).collect();
    for id in &instances {
        step_instance(world, id, now);
    }
    for id in &volumes {
        step_volume(world, id);
    }
    for id in &requests {
        spot::step(world, id, now);
    }
    !(instances.is_empty() && volumes.is_empty() && requests.is_empty())
}

/// The earliest instant at which time alone does something.
pub(super) fn next_due(world: &World) -> Option<Timestamp> {
    let instances = world.instances.values().flat_map(|it| [it.until, it.notice.as_ref().map(|notice| notice.at)]);
    let volumes = world.volumes.values().map(|it| it.attachment.as_ref().and_then(|attachment| attachment.until));
    let requests = world.requests.values().map(|it| spot::due(world, it));
    let due = instances.chain(volumes).chain(requests).flatten().min();
    due.or(Some(Timestamp::MAX))
}

fn step_instance(world: &mut World, id: &str, now: Timestamp) {
    let Some(instance) = world.instances.get(id) else { return };
    let state = instance.state;
    if let Some(notice) = instance.notice.clone().filter(|notice| notice.at <= now) {
        if state == InstanceState::Running {
            spot::interrupt(world, id, notice.cause, notice.at);
        }
        if let Some(instance) = world.instances.edit(id) {
            instance.notice = None;
        }
        return;
    }
    let Some(at) = instance.until else { return };
    match state {
        InstanceState::Pending if instance.failure.is_some() => fail(world, id, at),
        InstanceState::Pending => now_running(world, id, at),
        InstanceState::Stopping => {
            enter(world, id, InstanceState::Stopped, None, at);
            spot::instance_stopped(world, id, at);
        }
        InstanceState::ShuttingDown => now_terminated(world, id, at),
        InstanceState::Terminated => forget(world, id),
        InstanceState::Running | InstanceState::Stopped => {}
    }
}

fn enter(world: &mut World, id: &str, state: InstanceState, until: Option<Timestamp>, at: Timestamp) {
    let Some(instance) = world.instances.edit(id) else { return };
    instance.state = state;
    instance.until = until;
    instance.changed = at;
    if state != InstanceState::Running && state != InstanceState::Pending {
        instance.running_since = None;
        instance.rebalance = None;
        instance.delivered.forget_memory();
    }
    if matches!(state, InstanceState::Stopped | InstanceState::Terminated) {
        instance.public_ip = None;
    }
}

fn now_running(world: &mut World, id: &str, at: Timestamp) {
    let number = world.next_number();
    enter(world, id, InstanceState::Running, None, at);
    let Some(instance) = world.instances.edit(id) else { return };
    instance.running_since = Some(at);
    instance.cause = None;
    // A public address is lent for one run: it differs after every start.
    instance.public_ip = instance.public.then(|| network::public_address(number));
}

/// An instance that does not come up is terminated without having run.
fn fail(world: &mut World, id: &str, at: Timestamp) {
    if let Some(instance) = world.instances.edit(id) {
        instance.cause = Some(Cause::Launch);
    }
    now_terminated(world, id, at);
}

fn now_terminated(world: &mut World, id: &str, at: Timestamp) {
    let listed = at.checked_add(world.settings().span(world.settings().listed)).unwrap_or(Timestamp::MAX);
    enter(world, id, InstanceState::Terminated, Some(listed), at);
    let Some(instance) = world.instances.edit(id) else { return };
    let (volumes, interfaces) = (std::mem::take(&mut instance.volumes), std::mem::take(&mut instance.interfaces));
    for volume_id in volumes {
        let Some(volume) = world.volumes.get(&volume_id) else { continue };
        if volume.attachment.as_ref().is_some_and(|attachment| attachment.delete_on_termination) {
            world.volumes.remove(&volume_id);
        } else if let Some(volume) = world.volumes.edit(&volume_id) {
            volume.attachment = None;
        }
    }
    for interface_id in interfaces {
        let Some(interface) = world.interfaces.get(&interface_id) else { continue };
        if interface.delete_on_termination {
            world.interfaces.remove(&interface_id);
        } else if let Some(interface) = world.interfaces.edit(&interface_id) {
            (interface.instance, interface.attached) = (None, None);
        }
    }
    spot::instance_terminated(world, id, at);
}

/// Takes a terminated instance off the list, and its launch with it when nothing else came of that.
fn forget(world: &mut World, id: &str) {
    let Some(instance) = world.instances.remove(id) else { return };
    forget_launch(world, &instance.launch);
}

/// Forgets what was asked for at a launch once nothing refers to it.
pub(super) fn forget_launch(world: &mut World, launch: &str) {
    let used =
        world.instances.values().any(|it| it.launch == launch) || world.requests.values().any(|it| it.launch == launch);
    if !used {
        world.launches.remove(launch);
    }
}

fn step_volume(world: &mut World, id: &str) {
    let Some(volume) = world.volumes.edit(id) else { return };
    let Some(attachment) = &mut volume.attachment else { return };
    attachment.until = None;
    if attachment.state == AttachmentState::Attaching {
        attachment.state = AttachmentState::Attached;
    } else {
        let instance_id = attachment.instance.clone();
        volume.attachment = None;
        if let Some(instance) = world.instances.edit(&instance_id) {
            instance.volumes.retain(|other| other != id);
        }
    }
}

/// Begins to stop an instance.
pub(super) fn begin_stop(world: &mut World, id: &str, cause: Cause, at: Timestamp) {
    usage::ended(world, id, cause, at);
    let until = world.step_end(at, world.settings().stop, id);
    enter(world, id, InstanceState::Stopping, Some(until), at);
    if let Some(instance) = world.instances.edit(id) {
        (instance.cause, instance.notice) = (Some(cause), None);
    }
    spot::instance_stopping(world, id, at);
}

/// Begins to start a stopped instance.
pub(super) fn begin_start(world: &mut World, id: &str, at: Timestamp) {
    let until = world.step_end(at, world.settings().pending, id);
    enter(world, id, InstanceState::Pending, Some(until), at);
    if let Some(instance) = world.instances.edit(id) {
        (instance.cause, instance.launched) = (None, at);
    }
}

/// Begins to terminate an instance. Nothing changes for one that is ending already.
pub(super) fn begin_terminate(world: &mut World, id: &str, cause: Cause, at: Timestamp) {
    if world.instances.get(id).is_none_or(|instance| instance.state.is_ending()) {
        return;
    }
    usage::ended(world, id, cause, at);
    let until = world.step_end(at, world.settings().terminate, id);
    enter(world, id, InstanceState::ShuttingDown, Some(until), at);
    if let Some(instance) = world.instances.edit(id) {
        (instance.cause, instance.notice) = (Some(cause), None);
    }
    if cause == Cause::User {
        spot::user_terminated(world, id, at);
    }
}
