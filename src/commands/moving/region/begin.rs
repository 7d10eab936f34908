//! What is found out, said and asked before a move into another region.

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::environment::Environment;
use crate::domain::intent::{Goal, ImageWish, Intent, VolumeWish};
use crate::domain::money;
use crate::domain::moving::{self, Target};
use crate::domain::names::EnvName;
use crate::domain::region_move::RegionMove;
use crate::ui::moving::Offer;
use crate::ui::time;

use super::super::super::budget;
use super::super::super::context::Context;
use super::super::choices::{Choices, Scene};
use super::super::{MoveArgs, target};

/// The environment with its move noted. `None`: it was only shown.
pub async fn begin(
    args: &MoveArgs,
    context: &Context,
    mut environment: Environment,
) -> Result<Option<Environment>, CommandError> {
    let (name, to) = (&args.name, context.globals.region.clone().unwrap_or_default());
    check(name, &environment.intent, args, &to)?;
    let identity = context.identity(&context.store.read().await?, name);
    let from = environment.intent.region.clone();
    let (old, new) = (
        context.connect_to(&from, environment.profile.as_deref()).await?,
        context.connect_to(&to, environment.profile.as_deref()).await?,
    );
    new.ensure_region_exists().await?;
    if let Some(there) = new.stored(&identity.owner, Some(&identity)).await?.in_place().first() {
        let text = format!("`{name}` has a volume in {to} already: {}", there.volume.id);
        let hint = format!("end it first: `cloudtop volume delete {} -r {to}`", there.volume.id);
        return Err(CommandError::usage(text).hint(hint));
    }
    let scene = Scene::look(context, &old, &identity, &environment).await?;
    scene.must_be_settled(name)?;
    let there = Intent { region: to.clone(), ..environment.intent.clone() };
    let choices = Choices::find(context, &new, &there, &scene, args).await?;
    if args.dry_run {
        choices.tell(context, &scene)?;
        return Ok(None);
    }
    let Some(target) = target::choose(args, context, &scene, &choices)? else { return Ok(None) };
    let fits = |it: &&Offer| target.is_met_by(&it.instance_type, &it.zone);
    let Some(offer) = choices.offers.iter().find(fits) else { return Err(target::nowhere(&scene, &choices)) };
    announce(context, &scene, &old, &to, offer, args.keep_old);
    let question = format!(
        "Move `{name}` to {to}? Its machines in {from} end first. What is on their root disks alone does not come along."
    );
    if !context.ui.confirm(&question, "--yes (-y)")? {
        return Err(CommandError::silent(1));
    }
    budget::before_start(context, name, args.over_budget).await?;
    let types = Target { zone: None, types: target.types.clone() };
    let zone = offer.zone.clone();
    let since = context.clock.now();
    environment.intent.demand = moving::demand(&types, &environment.intent.demand);
    environment.intent.goal = Goal::Gone { delete_volumes: false };
    environment.intent.snapshot_first = false;
    environment.updated_at = since;
    let (zone_named, until, keep_old) = (args.zone.is_some(), args.wait, args.keep_old);
    environment.region_move = Some(RegionMove { since, from, to, zone, zone_named, until, keep_old });
    Ok(Some(environment))
}

fn announce(context: &Context, scene: &Scene, old: &Cloud, to: &str, offer: &Offer, keep_old: bool) {
    let price = scene.price_per_hour.map(|usd| format!(", at {} an hour", money::hourly(usd))).unwrap_or_default();
    let hour = money::hourly(offer.price_per_hour * f64::from(offer.nodes));
    let on_demand = if offer.on_demand { " ON-DEMAND" } else { "" };
    let (kind, zone, took) = (&offer.instance_type, &offer.zone, time::short(offer.time.total()));
    let from = scene.in_words();
    context.ui.status(&format!(
        "{} moves from {from}{price} to {kind} in {zone}{on_demand}, at {hour} an hour, in about {took}",
        scene.name
    ));
    let gib = scene.volumes_gib();
    if gib > 0 {
        let then = if keep_old { "both are kept" } else { "the old go when the new are in use" };
        context.ui.status(&format!(
            "up to {gib} GiB are copied from {} to {to}, and AWS bills the transfer between regions for each; until then \
             there are two volumes and two snapshots of each: {then}",
            old.region()
        ));
    }
}

/// What cannot come along: said before anything is touched.
fn check(name: &EnvName, intent: &Intent, args: &MoveArgs, to: &str) -> Result<(), CommandError> {
    let refused = |what: &str, hint: String| {
        Err(CommandError::usage(format!("`{name}` cannot be moved from {} to {to}: {what}", intent.region)).hint(hint))
    };
    let another = format!("make another environment there: `cloudtop up NAME -r {to}`");
    if matches!(intent.goal, Goal::Gone { .. }) {
        return refused("it was ended", format!("bring it back first: `cloudtop up {name}`"));
    }
    if intent.moving.is_some() {
        return refused("another move of it is under way", format!("finish that first: `cloudtop move {name}`"));
    }
    if intent.fixed_addresses {
        return refused("its nodes keep their private addresses, which belong to a subnet", another);
    }
    if let Some(id) = intent.subnet.as_ref().or(intent.security_group.as_ref()) {
        return refused(&format!("{id} is your own, and of its region"), another);
    }
    if let ImageWish::Id(id) = &intent.image {
        return refused(&format!("its image {id} is of its region"), another);
    }
    if let VolumeWish::Existing { id } = &intent.volume {
        return refused(&format!("{id} is your own volume (--volume-id)"), another);
    }
    match &args.zone {
        Some(zone) if !zone.starts_with(to) || zone == to => {
            refused(&format!("{zone} is no availability zone there"), format!("use for example {to}a"))
        }
        _ => Ok(()),
    }
}
