//! Where a move goes: what was named, or what the user takes of what there is.

use crate::cli::{CommandError, Exit};
use crate::domain::demand::Demand;
use crate::domain::environment::Environment;
use crate::domain::intent::{Goal, Intent, VolumeWish};
use crate::domain::money;
use crate::domain::moving::{Moving, Target};
use crate::domain::names::EnvName;
use crate::ui::moving::line;
use crate::ui::{tables, time};

use super::super::context::Context;
use super::MoveArgs;
use super::choices::{Choices, Scene};

/// What cannot be moved, or not there: said before anything is touched.
pub fn check(name: &EnvName, intent: &Intent, args: &MoveArgs, region: Option<&str>) -> Result<(), CommandError> {
    if let Some(other) = region.filter(|region| *region != intent.region) {
        let text = format!(
            "`{name}` is in {}, and cannot be moved to {other}: its snapshots are of its region",
            intent.region
        );
        return Err(CommandError::usage(text).hint("another zone of the region is asked for with --zone"));
    }
    if matches!(intent.goal, Goal::Gone { .. }) {
        let text = format!("`{name}` was ended: there is nothing to move but its volumes");
        return Err(CommandError::usage(text).hint(format!(
            "`cloudtop volume create {name} --zone AZ --snapshot ID` makes its volume elsewhere, and `up` launches there"
        )));
    }
    if intent.fixed_addresses {
        let text = format!("the nodes of `{name}` keep their private addresses, which belong to one machine's place");
        return Err(CommandError::usage(text).hint("make another environment there, and end this one"));
    }
    let Some(zone) = &args.zone else { return Ok(()) };
    if !zone.starts_with(&intent.region) || *zone == intent.region {
        let text = format!("{zone} is no availability zone of {0}: use for example {0}a", intent.region);
        return Err(CommandError::usage(text));
    }
    if let VolumeWish::Existing { id } = &intent.volume {
        let text = format!("{id} is your own volume (--volume-id), and a volume cannot leave its availability zone");
        return Err(CommandError::usage(text).hint("--type moves to another type in its zone"));
    }
    if let Some(subnet) = &intent.subnet {
        let text = format!("`{name}` is in your own subnet {subnet}, which belongs to one availability zone");
        return Err(CommandError::usage(text).hint("--type moves to another type in its zone"));
    }
    Ok(())
}

/// Whether this is the move that is under way.
pub fn goes_on(args: &MoveArgs, intent: &Intent) -> bool {
    let Some(moving) = &intent.moving else { return false };
    let same_zone = args.zone.is_none() || args.zone == moving.zone;
    same_zone && (args.types.is_empty() || intent.demand == Demand::Types(args.types.clone()))
}

/// The target: named by flags, or taken from what there is. `None`: it was only shown.
pub fn choose(
    args: &MoveArgs,
    context: &Context,
    scene: &Scene,
    choices: &Choices,
) -> Result<Option<Target>, CommandError> {
    let types = (!args.types.is_empty()).then(|| args.types.clone());
    if args.zone.is_some() || types.is_some() {
        let target = Target { zone: args.zone.clone(), types };
        let there = scene.pools().iter().any(|(kind, zone)| target.is_met_by(kind, zone));
        if choices.offers.is_empty() && !there {
            return Err(nowhere(scene, choices));
        }
        return Ok(Some(target));
    }
    if choices.offers.is_empty() {
        return Err(nowhere(scene, choices));
    }
    if !context.ui.can_ask() && !context.globals.yes {
        choices.tell(context, scene)?;
        let best = choices.offers.first().map(|it| it.zone.clone()).unwrap_or_default();
        let text = format!("say where `{}` is to move", scene.name);
        return Err(CommandError::usage(text).hint(format!("for example --zone {best}; --yes (-y) takes the first")));
    }
    let lines: Vec<String> = choices.offers.iter().map(line).collect();
    let question = format!("Where to? {} is {} now", scene.name, scene.in_words());
    let taken = context.ui.select(&question, &lines, 0, "--zone AZ or --type TYPE")?;
    let Some(offer) = choices.offers.get(taken) else { return Ok(None) };
    let stays = scene.pools().iter().all(|(_, zone)| *zone == offer.zone);
    Ok(Some(match stays {
        true => Target { zone: None, types: Some(vec![offer.instance_type.clone()]) },
        false => Target { zone: Some(offer.zone.clone()), types: None },
    }))
}

/// What is said where no pool will do.
pub fn nowhere(scene: &Scene, choices: &Choices) -> CommandError {
    let reasons = tables::turned_down(&choices.ranking);
    let shown = reasons.iter().take(8).cloned().collect::<Vec<_>>().join("\n  ");
    let text = format!("there is no other pool that will do for `{}`:\n  {shown}", scene.name);
    let error = CommandError::new(Exit::NoCapacity, text);
    error.hint(format!("allow other types: `cloudtop move {} --type a,b`", scene.name))
}

/// Says what the move comes to, before it is begun.
pub fn announce(context: &Context, scene: &Scene, choices: &Choices, target: &Target, moving: &Moving) {
    let from = match scene.price_per_hour {
        Some(usd) => format!("{}, at {} an hour", scene.in_words(), money::hourly(usd)),
        None => scene.in_words(),
    };
    let fits = |it: &&crate::ui::moving::Offer| target.is_met_by(&it.instance_type, &it.zone);
    let to = match choices.offers.iter().find(fits) {
        Some(offer) => {
            let hour = money::hourly(offer.price_per_hour * f64::from(offer.nodes));
            let time = time::short(offer.time.total());
            let on_demand = if offer.on_demand { " ON-DEMAND" } else { "" };
            format!("{} in {}{on_demand}, at {hour} an hour, in about {time}", offer.instance_type, offer.zone)
        }
        None => "where it was".to_owned(),
    };
    context.ui.status(&format!("{} moves from {from} to {to}", scene.name));
    let copies = moving.left.values().filter(|left| left.volume.is_some()).count();
    if copies > 0 {
        let volumes = if copies == 1 { "its volume is" } else { "its volumes are" };
        let then = if moving.keep_old { "both are kept" } else { "the old goes when the new one is ready" };
        context.ui.status(&format!("until then {volumes} there twice, and a snapshot besides; {then}"));
    }
}

/// What the user is asked before the first call.
pub fn question(name: &EnvName, keep_old: bool) -> String {
    let what = if keep_old { "What is on its root disk alone" } else { "What is on its old root disk alone" };
    format!("Move `{name}`? It is stopped for that time. {what} does not come along.")
}

/// A later launch goes by the settings: they should say where it is now.
pub fn tell_of_settings(context: &Context, name: &EnvName, environment: &Environment) -> Result<(), CommandError> {
    let Some(moving) = &environment.intent.moving else { return Ok(()) };
    let settings = context.config()?.environment(name.as_str());
    if let (Some(zone), Some(configured)) = (&moving.zone, &settings.zone)
        && zone != configured
    {
        context.ui.note(&format!(
            "the configuration says zone = \"{configured}\" for {name}, which is in {zone} now: change it there"
        ));
    }
    if let (Demand::Types(types), Some(configured)) = (&environment.intent.demand, &settings.types)
        && types != configured
    {
        let (old, new) = (configured.join(", "), types.join(", "));
        context
            .ui
            .note(&format!("the configuration says types {old} for {name}, which was moved to {new}: change it there"));
    }
    Ok(())
}
