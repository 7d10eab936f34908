//! What environments have cost this month, read from their journals: EC2 is not asked.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cli::CommandError;
use crate::domain::bill::{Bill, Tariff, Usage};
use crate::domain::budget::{Budget, Scope, Standing};
use crate::domain::journal::{Entry, Event};
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::names::EnvName;
use crate::ui::report::EnvironmentReport;

use super::context::Context;

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

impl Spending {
    /// Reads it.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn this_month(context: &Context) -> Result<Self, CommandError> {
        let mut all = BTreeMap::new();
        for name in context.paths.journals()? {
            let spent = spent(&name, &context.journal(&name).read()?, context.clock.now());
            all.insert(name, spent);
        }
        Ok(Self(all))
    }

    /// USD that a budget is charged with, this month.
    pub fn of(&self, scope: &Scope) -> f64 {
        self.covered(scope).map(|it| it.usd).sum()
    }

    /// USD an hour that a budget is charged with by what goes on now.
    pub fn per_hour(&self, scope: &Scope) -> f64 {
        self.covered(scope).map(|it| it.per_hour).sum()
    }

    /// USD that one environment has cost this month.
    pub fn of_env(&self, name: &str) -> f64 {
        self.0.iter().find(|(known, _)| known.as_str() == name).map_or(0.0, |(_, spent)| spent.usd)
    }

    /// USD of all environments this month.
    pub fn total(&self) -> f64 {
        self.of(&Scope::All)
    }

    /// How a budget stands.
    pub fn standing(&self, scope: &Scope, budget: Budget) -> Standing {
        Standing { scope: scope.clone(), budget, spent: self.of(scope) }
    }

    fn covered<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a Spent> {
        self.0.iter().filter(|(name, _)| scope.covers(name)).map(|(_, spent)| spent)
    }
}

/// What a journal tells of this month. Hours are counted at the price of the launch: EC2 is not asked.
fn spent(name: &EnvName, entries: &[Entry], now: Timestamp) -> Spent {
    let bill = Bill::of(&Usage::read(name.as_str(), entries), &Tariff::default(), Bill::month_of(now), now);
    Spent { usd: bill.month_so_far.as_f64(), per_hour: bill.per_hour.as_f64() }
}

/// Puts into a report what its environment has cost this month, where its journal can be read.
pub fn add_to(context: &Context, name: &EnvName, report: &mut EnvironmentReport) {
    let entries = context.journal(name).read().ok();
    report.spent_this_month = entries.map(|entries| spent(name, &entries, context.clock.now()).usd);
}

/// Puts into reports what each environment has cost this month. What cannot be read is warned of and left out.
pub fn add_to_all(context: &Context, reports: &mut [EnvironmentReport]) -> Option<Spending> {
    match Spending::this_month(context) {
        Ok(spending) => {
            for report in reports {
                report.spent_this_month = Some(spending.of_env(&report.name));
            }
            Some(spending)
        }
        Err(error) => {
            context.ui.warn(&format!("what was spent is not known: {error}"));
            None
        }
    }
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

/// When the present life of an environment began, or the last one if it has ended.
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
    spent(name, &entries, context.clock.now()).per_hour * HOURS_PER_MONTH
}
