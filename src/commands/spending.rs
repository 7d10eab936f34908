//! What environments have cost this month: from their journals and from looks that were taken anyway, or asked for in full.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::bill::{Bill, By, Look, Tariff, Usage};
use crate::domain::budget::{Budget, Scope, Standing};
use crate::domain::found::Found;
use crate::domain::journal::{Entry, Event};
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::names::{EnvName, Identity};
use crate::domain::observed::Observed;
use crate::state::State;
use crate::ui::report::EnvironmentReport;

use super::context::Context;
use super::cost;

/// What environments have cost this month, those that are gone among them.
#[derive(Debug, Default)]
pub struct Spending(BTreeMap<EnvName, Spent>);

/// What one environment has cost this month.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    /// USD.
    usd: f64,
    /// USD an hour, going on now.
    per_hour: f64,
}

/// What a look at one region has shown, of all environments there.
pub struct Seen {
    /// The region.
    pub region: String,
    /// The credentials' profile that it was looked at with.
    pub profile: Option<String>,
    /// What was found.
    pub found: Vec<Found>,
}

impl Spending {
    /// Reads it from journals, and from looks that were taken. Nothing more is asked: hours are counted at the price of
    /// their launch, and of regions that were not looked at the journals tell alone.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn read(context: &Context, state: &State, seen: &[Seen]) -> Result<Self, CommandError> {
        let names: BTreeSet<EnvName> =
            context.paths.journals()?.into_iter().chain(state.environments.keys().cloned()).collect();
        let mut all = BTreeMap::new();
        for name in names {
            let entries = context.journal(&name).read()?;
            let mut usage = Usage::read(name.as_str(), &entries);
            let place = state.environments.get(&name).map(|it| (&it.intent.region, &it.profile));
            for look in seen.iter().filter(|look| place.is_none_or(|place| place == (&look.region, &look.profile))) {
                see(&mut usage, &name, &entries, look, context.clock.now());
            }
            all.insert(name, spent(&usage, context.clock.now()));
        }
        Ok(Self(all))
    }

    /// Asks EC2 for it, as `cost` does: what there is, and the spot price in force in each hour, which is kept for some
    /// minutes. What EC2 does not tell is read from the journals.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub async fn ask(context: &Context, cloud: &Cloud, state: &State) -> Result<Self, CommandError> {
        let mut spending = Self::read(context, state, &[])?;
        match cost::month_so_far(context, cloud, state, None).await {
            Ok(bill) => spending.correct(&bill),
            // Another environment's region or profile: no reason not to go on with this one.
            Err(error) => tracing::debug!(%error, "what was spent is told by the journals alone"),
        }
        Ok(spending)
    }

    fn correct(&mut self, bill: &Bill) {
        for group in bill.groups(&By::Environment) {
            if let Ok(name) = group.key.parse::<EnvName>() {
                self.0.entry(name).or_default().usd = group.total.as_f64();
            }
        }
    }

    /// USD that a budget is charged with, this month.
    pub fn of(&self, scope: &Scope) -> f64 {
        self.covered(scope).map(|it| it.usd).sum()
    }

    /// USD an hour that a budget is charged with by what goes on now.
    pub fn per_hour(&self, scope: &Scope) -> f64 {
        self.covered(scope).map(|it| it.per_hour).sum()
    }

    /// USD of all environments this month.
    pub fn total(&self) -> f64 {
        self.of(&Scope::All)
    }

    /// How a budget stands.
    pub fn standing(&self, scope: &Scope, budget: Budget) -> Standing {
        Standing { scope: scope.clone(), budget, spent: self.of(scope) }
    }

    /// Puts into reports what each environment has cost this month.
    pub fn add_to(&self, reports: &mut [EnvironmentReport]) {
        for report in reports {
            let own = self.0.iter().find(|(name, _)| name.as_str() == report.name);
            report.spent_this_month = own.map(|(_, spent)| spent.usd);
        }
    }

    fn covered<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a Spent> {
        self.0.iter().filter(|(name, _)| scope.covers(name)).map(|(_, spent)| spent)
    }
}

fn see(usage: &mut Usage, name: &EnvName, entries: &[Entry], look: &Seen, now: Timestamp) {
    let found = look.found.iter().find(|found| found.identity.env == *name);
    let last_word = entries.last().map(|entry| entry.at);
    usage.see(&Look { env: name.as_str(), region: &look.region, found, last_word, now });
}

fn spent(usage: &Usage, now: Timestamp) -> Spent {
    let bill = Bill::of(usage, &Tariff::default(), Bill::month_of(now), now);
    Spent { usd: bill.month_so_far.as_f64(), per_hour: bill.per_hour.as_f64() }
}

/// Puts into a report what its environment has cost this month, where its journal can be read: `observed` is what EC2 has
/// shown of it.
pub fn add_to(context: &Context, identity: &Identity, observed: &Observed, report: &mut EnvironmentReport) {
    let Ok(entries) = context.journal(&identity.env).read() else { return };
    let found = vec![Found { observed: observed.clone(), ..Found::new(identity.clone()) }];
    let look = Seen { region: report.region.clone(), profile: None, found };
    let (mut usage, now) = (Usage::read(identity.env.as_str(), &entries), context.clock.now());
    see(&mut usage, &identity.env, &entries, &look, now);
    report.spent_this_month = Some(spent(&usage, now).usd);
}

/// Says what an environment costs an hour, and what it came to this month.
pub fn tell(context: &Context, report: &EnvironmentReport) {
    let Some(month) = report.spent_this_month else { return };
    let hour = money::hourly(report.price_per_hour());
    let month = money::spent(month);
    context.ui.status(&format!(
        "{}: instances cost {hour} an hour now; so far this month {month}, disks and addresses with it",
        report.name
    ));
}

/// When the present life of an environment began.
///
/// # Errors
/// A journal that cannot be read.
pub fn life_began(context: &Context, name: &EnvName) -> Result<Option<Timestamp>, CommandError> {
    let entries = context.journal(name).since_closed()?;
    Ok(entries.iter().find(|entry| !matches!(entry.event, Event::Closed { .. })).map(|entry| entry.at))
}

/// Says what an environment came to: since its life began, and this month. Nothing where the journal cannot be read.
pub fn tell_sum(context: &Context, name: &EnvName, began: Option<Timestamp>) {
    let Ok(entries) = context.journal(name).read() else { return };
    let now = context.clock.now();
    let usage = Usage::read(name.as_str(), &entries);
    let life = Bill::of(&usage, &Tariff::default(), began.unwrap_or(Timestamp::MIN), now);
    let (life, month) = (money::spent(life.spent.as_f64()), money::spent(life.month_so_far.as_f64()));
    context.ui.status(&format!("{name} came to {life} in all since it was made; {month} this month"));
}

/// What goes on costing money of an environment in which nothing runs, USD a month: its disks, as its journal tells.
pub fn kept_per_month(context: &Context, name: &EnvName) -> f64 {
    let entries = context.journal(name).read().unwrap_or_default();
    spent(&Usage::read(name.as_str(), &entries), context.clock.now()).per_hour * HOURS_PER_MONTH
}
