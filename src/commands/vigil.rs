//! What watching tells, once each, and what it does about budgets.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::cli::{CommandError, Exit};
use crate::config::SnapshotsSetting;
use crate::domain::budget::{self, Action, Budget, Deed, Level, Scope, Standing, Watched};
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::phase::{Phase, Wait};
use crate::ui::report::{EnvironmentReport, NodeReport};

use super::context::Context;
use super::keeping::Keeper;
use super::moving::offer;
use super::notify::{Event, Notices};
use super::report;
use super::spending::{self, Spending};
use super::stop::Change;

/// How long budgets go unasked: each time is a look at all of EC2 that was spent on.
const ASKED_EVERY: Duration = Duration::from_secs(300);

/// The least time for which nodes are waited for before the schedule of snapshots is looked at again.
const LEAST_PATIENCE: Duration = Duration::from_secs(60);

/// What is kept in mind from look to look.
pub struct Vigil<'a> {
    context: &'a Context,
    name: &'a EnvName,
    notices: Notices,
    keeper: Keeper,
    budgets: Vec<(Scope, Budget)>,
    /// When budgets were asked last.
    asked: Option<Instant>,
    /// The instances that were ready when all were, with the times at which they were launched.
    ready: BTreeMap<u32, Life>,
    /// Whether it was told that something was taken away, and not yet that it is back.
    away: bool,
}

/// What tells an instance from another, and from itself before it was stopped.
type Life = (Option<String>, Option<Timestamp>);

impl<'a> Vigil<'a> {
    /// Begins; the configuration is read once, so that a slip in it later does not end the watch.
    ///
    /// # Errors
    /// A broken configuration.
    pub fn begin(context: &'a Context, name: &'a EnvName, desktop: bool) -> Result<Self, CommandError> {
        let config = context.config()?;
        let budgets = config.budgets().into_iter().filter(|(scope, _)| scope.covers(name)).collect();
        let settings = config.environment(name.as_str());
        let notices = Notices::new(settings.notify, desktop);
        let keeper = Keeper::new(settings.snapshots.and_then(SnapshotsSetting::schedule));
        Ok(Self { context, name, notices, keeper, budgets, asked: None, ready: BTreeMap::new(), away: false })
    }

    /// How long until a snapshot is due, or it is to be asked again whether one is.
    pub fn until_snapshot(&self) -> Option<Duration> {
        self.keeper.wait(self.context.clock.now())
    }

    /// Keeps the schedule of snapshots.
    ///
    /// # Errors
    /// The user's signal.
    pub async fn keep_snapshots(&mut self) -> Result<(), CommandError> {
        for trouble in self.keeper.keep(self.context, self.name).await? {
            self.tell(Event::SnapshotFailed, &trouble).await;
        }
        Ok(())
    }

    /// How long nodes may be waited for at a time: what is spent meanwhile must be seen.
    pub fn patience(&self, left: Option<Duration>) -> Option<Duration> {
        let stops = self.budgets.iter().any(|(_, budget)| budget.action == Action::Stop);
        let asked = stops.then_some(ASKED_EVERY);
        // What is waited for may come in a moment: a schedule is not worth a look at once.
        let snapshot = self.until_snapshot().map(|wait| wait.max(LEAST_PATIENCE));
        left.into_iter().chain(asked).chain(snapshot).min()
    }

    /// Tells the user's desktop and command. That it fails is said, and never ends the watch.
    pub async fn tell(&self, event: Event, message: &str) {
        for trouble in self.notices.tell(self.name, event, message).await {
            self.context.ui.warn(&trouble);
        }
    }

    /// Tells that watching ends by an error; the user's own signal is none.
    pub async fn tell_failure(&self, error: &CommandError) {
        if !matches!(error.exit, Exit::Code(_)) {
            self.tell(Event::Failed, &format!("{} is no longer watched: {error}", self.name)).await;
        }
    }

    /// Takes in a look: tells of nodes that were taken away since the last.
    pub async fn seen(&mut self, report: &EnvironmentReport) {
        let taken: Vec<&NodeReport> = report.nodes.iter().filter(|node| self.is_taken(node)).collect();
        if taken.is_empty() || self.away {
            return;
        }
        self.away = true;
        let one = |node: &&NodeReport| match &node.view.waiting_for {
            Some(why) => format!("node {} of {}: {why}", node.view.index, self.name),
            None => format!("node {} of {} was taken away", node.view.index, self.name),
        };
        let message = taken.iter().map(one).collect::<Vec<_>>().join("; ");
        self.tell(Event::Interrupted, &message).await;
        self.offer_to_move(report).await;
    }

    /// Says, once for each time that EC2 takes something away, that it could be had elsewhere.
    async fn offer_to_move(&self, report: &EnvironmentReport) {
        let Ok(state) = self.context.store.read().await else { return };
        let Some(environment) = state.environments.get(self.name) else { return };
        let views: Vec<_> = report.nodes.iter().map(|node| node.view.clone()).collect();
        let now = self.context.clock.now();
        if let Some(offer) = offer::where_it_waits(self.name, &environment.intent, &views, now) {
            self.context.ui.note(&offer);
        }
    }

    fn is_taken(&self, node: &NodeReport) -> bool {
        let other = |was: &Life| *was != life(node) || node.view.phase < Phase::Launching;
        node.view.phase == Phase::Interrupted || self.ready.get(&node.view.index).is_some_and(other)
    }

    /// Every node is ready, as a look showed that found nothing to do.
    pub fn is_ready(&mut self, report: &EnvironmentReport) {
        self.away = false;
        self.ready = report.nodes.iter().map(|node| (node.view.index, life(node))).collect();
    }

    /// Every node is ready after something was done for it.
    pub async fn became_ready(&mut self, report: &EnvironmentReport) {
        let hour = money::hourly(report.price_per_hour());
        let (event, words) = if self.away { (Event::Back, "ready again") } else { (Event::Ready, "ready") };
        self.is_ready(report);
        self.tell(event, &format!("every node of {} is {words}, at {hour} an hour", self.name)).await;
    }

    /// Looks at what was spent: tells, and stops what runs where a budget says so. Whether it was stopped.
    ///
    /// # Errors
    /// Of the state's files, and of stopping.
    pub async fn keep_budgets(&mut self, environment: &Environment) -> Result<bool, CommandError> {
        let intent = &environment.intent;
        if self.budgets.is_empty() || report::is_over(intent.goal) || !self.is_time_to_ask() {
            return Ok(false);
        }
        let (state, now) = (self.context.store.read().await?, self.context.clock.now());
        let cloud = self.context.connect(Some(&intent.region), environment.profile.as_deref()).await?;
        let spending = Spending::ask(self.context, &cloud, &state).await?;
        let memory = state.budgets;
        let watched = Watched {
            runs: intent.goal == Goal::Running || memory.is_stopping(self.name, now),
            can_stop: !intent.one_time,
            allowed: memory.is_allowed(self.name, now),
        };
        for (scope, budget) in &self.budgets {
            let standing = spending.standing(scope, *budget);
            match budget::on_watch(&standing, watched) {
                Deed::Nothing => {}
                Deed::Tell(level) => self.tell_of_budget(&standing, level, watched).await?,
                Deed::Stop => {
                    self.stop(&standing).await?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_time_to_ask(&mut self) -> bool {
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= ASKED_EVERY);
        if due {
            self.asked = Some(Instant::now());
        }
        due
    }

    async fn tell_of_budget(&self, standing: &Standing, level: Level, watched: Watched) -> Result<(), CommandError> {
        if !self.is_news(standing, level).await? {
            return Ok(());
        }
        let (what, words) = (standing.scope.in_words(), standing.in_words());
        let (event, mut message) = match level {
            Level::Spent => (Event::BudgetSpent, format!("{what} is spent: {words}")),
            Level::Within | Level::Near => (Event::BudgetWarning, format!("{what} is nearly spent: {words}")),
        };
        if level == Level::Spent && watched.runs && !watched.can_stop && standing.budget.action == Action::Stop {
            message.push_str(&format!(
                "; {0} was made with --one-time and cannot be stopped: `cloudtop down {0}` ends it",
                self.name
            ));
        }
        self.context.ui.warn(&message);
        self.tell(event, &message).await;
        Ok(())
    }

    /// Whether this was not told before: by any watch, of this budget, this month.
    async fn is_news(&self, standing: &Standing, level: Level) -> Result<bool, CommandError> {
        let (mut news, now) = (false, self.context.clock.now());
        self.context.store.update(|state| news = state.budgets.tell(standing, level, now)).await?;
        Ok(news)
    }

    /// Stops what runs. Disks are kept, and nothing is ended.
    async fn stop(&self, standing: &Standing) -> Result<(), CommandError> {
        let spent = format!("{} is spent: {}", standing.scope.in_words(), standing.in_words());
        self.context.ui.warn(&format!("{spent}; stopping {}", self.name));
        let (name, now) = (self.name, self.context.clock.now());
        self.context.store.update(|state| state.budgets.begin_stop(name, now)).await?;
        let change = Change { name, goal: Goal::Stopped, verb: "stop", wait: Wait::None, timeout: None };
        let report = change.carry_out(self.context).await?;
        self.context.store.update(|state| state.budgets.end_stop(name, standing, now)).await?;
        let kept = money::amount(spending::kept_per_month(self.context, name).max(report.volume_usd_per_month));
        let message = format!(
            "{spent}; {0} was stopped, its disks are kept (about {kept} a month); \
             `cloudtop start {0} --over-budget` starts it all the same",
            self.name
        );
        self.context.ui.status(&message);
        self.tell(Event::StoppedForBudget, &message).await;
        Ok(())
    }
}

fn life(node: &NodeReport) -> Life {
    (node.view.instance_id.clone(), node.view.launched_at)
}
