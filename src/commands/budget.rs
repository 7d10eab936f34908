//! Budgets before something is launched or started.

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::config::Config;
use crate::domain::budget::{self, Ahead, Answer, Level, Scope, Standing};
use crate::domain::intent::{Intent, VolumeWish};
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::names::EnvName;
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::domain::pools::Ranking;
use crate::ui::report::EnvironmentReport;

use super::context::Context;
use super::preflight::Fit;
use super::report::{self, Prices};
use super::spending::Spending;

/// What is about to be launched or started.
struct Coming<'a> {
    name: &'a EnvName,
    intent: &'a Intent,
    /// The nodes that do not run yet.
    nodes: Vec<NodeView>,
    /// What there is to choose from, where something is launched.
    ranking: Option<&'a Ranking>,
}

/// Before `up`: says what starting costs, and asks the budgets. Where nothing is launched or started they are not asked.
///
/// # Errors
/// Exit code 5 where a budget with `action = "stop"` is spent, and 1 where the user says no.
pub async fn before_up(context: &Context, name: &EnvName, fit: &Fit, over_budget: bool) -> Result<(), CommandError> {
    let (intent, ranking) = (&fit.environment.intent, fit.plan.ranking.as_ref());
    let coming = Coming { name, intent, nodes: not_running(&fit.plan.nodes), ranking };
    coming.ask(context, &fit.cloud, over_budget).await
}

/// Before `start`: the same.
///
/// # Errors
/// As [`before_up`], and where EC2 cannot be looked at.
pub async fn before_start(context: &Context, name: &EnvName, over_budget: bool) -> Result<(), CommandError> {
    let (state, mut environment) = context.environment(name).await?;
    if report::is_over(environment.intent.goal) {
        return Ok(());
    }
    environment.intent.goal = crate::domain::intent::Goal::Running;
    let cloud = context.connect_to(&environment.intent.region, environment.profile.as_deref()).await?;
    let identity = context.identity(&state, name);
    let (plan, _) = super::preflight::plan_now(context, &cloud, &identity, &environment).await?;
    let intent = &environment.intent;
    let coming = Coming { name, intent, nodes: not_running(&plan.nodes), ranking: plan.ranking.as_ref() };
    coming.ask(context, &cloud, over_budget).await
}

/// The nodes that cost nothing an hour yet.
fn not_running(nodes: &[NodeView]) -> Vec<NodeView> {
    nodes.iter().filter(|view| !view.phase.bills() && view.phase != Phase::Launching).cloned().collect()
}

impl Coming<'_> {
    async fn ask(&self, context: &Context, cloud: &Cloud, over_budget: bool) -> Result<(), CommandError> {
        if self.nodes.is_empty() {
            return Ok(());
        }
        let prices = report::prices(context, cloud, &self.stopped()).await;
        self.announce(context, &prices);
        self.ask_budgets(context, cloud, &context.config()?, &self.ahead(context, &prices), over_budget).await
    }

    /// Those that have an instance already: they are started where they are.
    fn stopped(&self) -> Vec<NodeView> {
        self.nodes.iter().filter(|view| view.instance_type.is_some() && view.zone.is_some()).cloned().collect()
    }

    /// Says what starting costs: the price of the launch counts no more. What is launched is announced with its choice.
    fn announce(&self, context: &Context, prices: &Prices) {
        let starts: Vec<NodeView> = self.stopped().into_iter().filter(|view| view.phase == Phase::Stopped).collect();
        let known: Vec<f64> = starts.iter().filter_map(|view| prices.of(view)).collect();
        let Some(first) = starts.first().filter(|_| !known.is_empty()) else { return };
        let (hour, count) = (known.iter().sum::<f64>(), starts.len());
        let what = match (count, &first.instance_type, &first.zone) {
            (1, Some(kind), Some(zone)) => format!("{kind} in {zone}"),
            _ => format!("{count} nodes"),
        };
        let month = money::amount(hour * HOURS_PER_MONTH);
        let hour = money::hourly(hour);
        context.ui.status(&format!("{}: {what}, to be started, costs {hour} an hour now ({month} a month)", self.name));
    }

    /// Asks every budget that an environment is charged to, and notes the user's word for more.
    async fn ask_budgets(
        &self,
        context: &Context,
        cloud: &Cloud,
        config: &Config,
        ahead: &Ahead,
        over_budget: bool,
    ) -> Result<(), CommandError> {
        let name = self.name;
        let budgets: Vec<_> = config.budgets().into_iter().filter(|(scope, _)| scope.covers(name)).collect();
        if budgets.is_empty() {
            return Ok(());
        }
        let spending = Spending::ask(context, cloud, &context.store.read().await?).await?;
        let mut spent = false;
        for (scope, budget) in &budgets {
            let standing = spending.standing(scope, *budget);
            match budget::before_launch(&standing, ahead.usd(spending.per_hour(scope)), over_budget) {
                Answer::Fine => {}
                Answer::TooMuch { by_end } => context.ui.note(&format!(
                    "{} would be passed if {name} ran until then: about {} of {} by the end of the month",
                    scope.in_words(),
                    money::spent(by_end),
                    money::spent(budget.monthly),
                )),
                Answer::Spent => {
                    spent = true;
                    context.ui.warn(&format!("{} is spent: {}", scope.in_words(), standing.in_words()));
                }
                Answer::Refused => return Err(refused(name, &standing)),
            }
        }
        if spent
            && !over_budget
            && context.ui.can_ask()
            && !context.ui.confirm(&format!("Let {name} run all the same?"), "--yes (-y)")?
        {
            return Err(CommandError::silent(1));
        }
        let now = context.clock.now();
        context.store.update(|state| state.budgets.allow(name, over_budget, now)).await?;
        Ok(())
    }

    fn ahead(&self, context: &Context, prices: &Prices) -> Ahead {
        let chosen = self.ranking.and_then(|ranking| ranking.choices.first()).map(|choice| choice.price);
        // A running node has a public address, which is charged for.
        let price = |view: &NodeView| Some(prices.of(view).or(chosen)? + money::PUBLIC_IPV4_PER_HOUR);
        let per_hour = self.nodes.iter().filter_map(price).sum();
        let new = self.nodes.iter().filter(|view| view.phase == Phase::Absent).count();
        let gib = match self.intent.volume {
            VolumeWish::Managed { gib } => u64::from(gib) * u64::try_from(new).unwrap_or(u64::MAX),
            VolumeWish::None | VolumeWish::Existing { .. } => 0,
        };
        let now = context.clock.now();
        Ahead {
            per_hour,
            hours: budget::hours_to_run(now, self.intent.expires_at),
            storage_per_month: money::gp3_per_month(&self.intent.region, gib).0,
            hours_left: budget::hours_left(now),
        }
    }
}

fn refused(name: &EnvName, standing: &Standing) -> CommandError {
    let what = standing.scope.in_words();
    let text = format!("{what} is spent: {}; nothing of {name} was launched or started", standing.in_words());
    let table = standing.scope.env().map_or_else(|| "[budget]".to_owned(), |env| format!("[env.{env}.budget]"));
    CommandError::new(Exit::NoCapacity, text)
        .hint("--over-budget goes on all the same, until the month is over")
        .hint(format!("or raise `monthly` under {table} in cloudtop.toml"))
}

/// How budgets stand, for `list`: that of all, and those of environments that there are. A spent one is warned of; a
/// configuration that cannot be read is too, for what there is must be seen all the same.
pub fn for_list(context: &Context, spending: &Spending, reports: &[EnvironmentReport]) -> Vec<Standing> {
    let budgets = match context.config() {
        Ok(config) => config.budgets(),
        Err(error) => {
            context.ui.warn(&format!("budgets are not known: {error}"));
            return Vec::new();
        }
    };
    let is_shown = |scope: &Scope| scope.env().is_none_or(|env| reports.iter().any(|it| it.name == env.as_str()));
    let shown = budgets.into_iter().filter(|(scope, _)| is_shown(scope));
    let standings: Vec<Standing> = shown.map(|(scope, budget)| spending.standing(&scope, budget)).collect();
    for standing in standings.iter().filter(|it| it.level() == Level::Spent) {
        context.ui.warn(&format!("{} is spent", standing.scope.in_words()));
    }
    standings
}
