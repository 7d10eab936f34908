//! `cloudtop list`.

use std::collections::BTreeMap;

use clap::Args;

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::environment::Environment;
use crate::domain::found::Found;
use crate::domain::names::EnvName;
use crate::domain::observed::Observed;
use crate::state::State;
use crate::ui::report::EnvironmentReport;
use crate::ui::{shapes, tables};

use super::context::Context;
use super::spending::{Seen, Spending};
use super::{budget, report};

/// What there is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop list\n  cloudtop list --json")]
pub struct ListArgs {}

/// Runs `cloudtop list`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(_: &ListArgs, context: &Context) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    let (mut reports, mut seen) = (Vec::new(), Vec::new());
    for ((region, profile), environments) in by_place(context, &state) {
        let cloud = context.connect(Some(&region), profile.as_deref()).await?;
        let found = cloud.observe_all(Some(&state.owner)).await?;
        reports.extend(of_place(context, &state, &cloud, &environments, &found).await?);
        seen.push(Seen { region, profile, found });
    }
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    let spending = Spending::read(context, &state, &seen);
    if let Err(error) = &spending {
        context.ui.warn(&format!("what was spent is not known: {error}"));
    }
    let spending = spending.ok().inspect(|it| it.add_to(&mut reports));
    let budgets = spending.as_ref().map_or_else(Vec::new, |it| budget::for_list(context, it, &reports));
    let spent = spending.map(|it| it.total());
    if context.globals.json {
        return Ok(context.ui.json(&shapes::ListShape::new(&reports, spent, &budgets))?);
    }
    if reports.is_empty() {
        context.ui.status(
            "there are no environments: make one with `cloudtop up NAME`, or find lost ones with `cloudtop recover`",
        );
    }
    context.ui.answer(&tables::list(&reports, context.clock.now(), context.ui.table_width()))?;
    if !(reports.is_empty() && budgets.is_empty()) {
        context.ui.answer(&tables::list_sums(&reports, spent, &budgets))?;
    }
    Ok(())
}

/// A region and the credentials' profile for it.
pub(super) type Place = (String, Option<String>);

/// The environments by region and credentials: each such place is asked once, however many it has. With `--region`
/// only those of that region.
pub(super) fn by_place<'s>(
    context: &Context,
    state: &'s State,
) -> BTreeMap<Place, Vec<(&'s EnvName, &'s Environment)>> {
    let mut places: BTreeMap<Place, Vec<(&EnvName, &Environment)>> = BTreeMap::new();
    for (name, environment) in &state.environments {
        let region = environment.intent.region.clone();
        if context.globals.region.as_ref().is_none_or(|only| *only == region) {
            places.entry((region, environment.profile.clone())).or_default().push((name, environment));
        }
    }
    places
}

/// The environments of a place, as it was found.
///
/// # Errors
/// A journal that cannot be read.
pub(super) async fn of_place(
    context: &Context,
    state: &State,
    cloud: &Cloud,
    environments: &[(&EnvName, &Environment)],
    found: &[Found],
) -> Result<Vec<EnvironmentReport>, CommandError> {
    let mut all = Vec::new();
    for (name, environment) in environments {
        let identity = context.identity(state, name);
        let observed = match found.iter().find(|it| it.identity == identity) {
            Some(Found { observed, .. }) => observed.clone(),
            None => Observed::default(),
        };
        let views = report::views(context, &identity, &environment.intent, &observed)?;
        all.push((*name, *environment, views, observed));
    }
    let views: Vec<_> = all.iter().flat_map(|(_, _, views, _)| views.clone()).collect();
    let prices = report::prices(context, cloud, &views).await;
    let reports = all.into_iter().map(|(name, environment, views, observed)| {
        report::report(name, &environment.intent, views, &observed, &prices)
    });
    Ok(reports.collect())
}
