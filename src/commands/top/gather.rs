//! What there is, gathered with the calls that `list` makes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::budget::Standing;
use crate::domain::environment::Environment;
use crate::domain::history::{History, Kind};
use crate::domain::names::EnvName;
use crate::domain::price_history::{PriceHistory, Span};
use crate::state::State;
use crate::ui::report::EnvironmentReport;
use crate::ui::top::Happening;

use super::super::budget;
use super::super::context::Context;
use super::super::list::{self, Place};
use super::super::spending::{Seen, Spending};

/// How long the prices of a day are good for: EC2 changes them every few minutes at most, and a part of the chart is 24.
const PRICES_FOR: Duration = Duration::from_secs(600);
/// The span of the chart, hours.
const HOURS: i64 = 24;
/// How many events of an environment are shown at most.
const MOST_EVENTS: usize = 40;

/// What one look has shown.
#[derive(Default)]
pub struct Look {
    pub reports: Vec<EnvironmentReport>,
    pub spent: Option<f64>,
    pub budgets: Vec<Standing>,
    pub events: Vec<Happening>,
    pub prices: Vec<PriceHistory>,
    /// What was not answered: what was seen before is shown of it.
    pub troubles: Vec<String>,
}

/// Looks, and keeps what need not be asked again.
pub struct Gatherer<'a> {
    context: &'a Context,
    places: BTreeMap<Place, Known>,
    seen: Vec<Seen>,
    /// As it was read last: should the file not be readable for once, all is shown still.
    state: Option<State>,
}

/// What is known of one region.
struct Known {
    cloud: Cloud,
    reports: Vec<EnvironmentReport>,
    prices: Prices,
}

/// What pools have cost, and when that was asked.
#[derive(Default)]
struct Prices {
    types: BTreeSet<String>,
    asked: Option<Instant>,
    of: Vec<PriceHistory>,
}

impl<'a> Gatherer<'a> {
    pub fn new(context: &'a Context) -> Self {
        Self { context, places: BTreeMap::new(), seen: Vec::new(), state: None }
    }

    /// Looks at everything once. What fails is told, and ends nothing.
    pub async fn look(&mut self) -> Look {
        let mut troubles = Vec::new();
        match self.context.store.read().await {
            Ok(state) => self.state = Some(state),
            Err(error) => troubles.push(error.to_string()),
        }
        let Some(state) = self.state.clone() else { return Look { troubles, ..Look::default() } };
        let places = list::by_place(self.context, &state);
        self.places.retain(|place, _| places.contains_key(place));
        self.seen.retain(|seen| places.contains_key(&(seen.region.clone(), seen.profile.clone())));
        for (place, environments) in &places {
            if let Err(error) = self.look_at(&state, place, environments).await {
                troubles.push(format!("{}: {error}", place.0));
            }
        }
        self.put_together(&state, troubles)
    }

    async fn look_at(
        &mut self,
        state: &State,
        place: &Place,
        environments: &[(&EnvName, &Environment)],
    ) -> Result<(), CommandError> {
        let (region, profile) = place;
        if !self.places.contains_key(place) {
            let cloud = self.context.connect(Some(region), profile.as_deref()).await?;
            let known = Known { cloud, reports: Vec::new(), prices: Prices::default() };
            self.places.insert(place.clone(), known);
        }
        let Some(known) = self.places.get_mut(place) else { return Ok(()) };
        // Of what was ended meanwhile nothing is left, whether EC2 answers or not.
        known.reports.retain(|report| environments.iter().any(|(name, _)| name.as_str() == report.name));
        let found = known.cloud.observe_all(Some(&state.owner)).await?;
        known.reports = list::of_place(self.context, state, &known.cloud, environments, &found).await?;
        self.seen.retain(|seen| (&seen.region, &seen.profile) != (region, profile));
        self.seen.push(Seen { region: region.clone(), profile: profile.clone(), found });
        known.ask_prices(self.context).await
    }

    fn put_together(&self, state: &State, mut troubles: Vec<String>) -> Look {
        let context = self.context;
        let mut reports: Vec<_> = self.places.values().flat_map(|known| known.reports.clone()).collect();
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        let spending = Spending::read(context, state, &self.seen);
        if let Err(error) = &spending {
            troubles.push(format!("what was spent is not known: {error}"));
        }
        let spending = spending.ok().inspect(|it| it.add_to(&mut reports));
        Look {
            budgets: spending.as_ref().map_or_else(Vec::new, |it| budget::for_list(context, it, &reports)),
            spent: spending.map(|it| it.total()),
            events: state.environments.keys().flat_map(|name| events(context, name)).collect(),
            prices: self.places.values().flat_map(|known| known.prices.of.clone()).collect(),
            reports,
            troubles,
        }
    }
}

impl Known {
    /// Asks what the pools in use have cost in the last day, where that is not known or has become old.
    async fn ask_prices(&mut self, context: &Context) -> Result<(), CommandError> {
        let nodes = self.reports.iter().flat_map(|it| &it.nodes).map(|node| &node.view);
        let types: BTreeSet<String> =
            nodes.filter(|view| !view.on_demand).filter_map(|view| view.instance_type.clone()).collect();
        let is_fresh = self.prices.asked.is_some_and(|asked| asked.elapsed() < PRICES_FOR);
        if types.is_empty() || (is_fresh && types == self.prices.types) {
            return Ok(());
        }
        let now = context.clock.now();
        let span = Span { from: now - SignedDuration::from_hours(HOURS), to: now };
        let names: Vec<String> = types.iter().cloned().collect();
        let (of, _) = self.cloud.price_history(&names, span, &Arc::new(AtomicUsize::new(0))).await?;
        self.prices = Prices { types, asked: Some(Instant::now()), of };
        Ok(())
    }
}

/// What runs on an environment have done, the newest first. A journal that cannot be read is told of by what is spent.
fn events(context: &Context, name: &EnvName) -> Vec<Happening> {
    let entries = context.journal(name).read().unwrap_or_default();
    let happening = |at, text| Happening { at, env: name.to_string(), text };
    let mut all = Vec::new();
    for run in History::read(&entries).runs.into_iter().rev() {
        if let Some((at, outcome)) = run.ended {
            all.push(happening(at, format!("`{}` has ended: {outcome}", run.command)));
        }
        // Every call that took effect would drown what it led to.
        let told = run.lines.into_iter().rev().filter(|it| !matches!(it.kind, Kind::Done | Kind::Settled));
        all.extend(told.map(|line| happening(line.at, line.text)));
        all.push(happening(run.began, format!("`{}` has begun", run.command)));
        if all.len() >= MOST_EVENTS {
            break;
        }
    }
    all.truncate(MOST_EVENTS);
    all
}
