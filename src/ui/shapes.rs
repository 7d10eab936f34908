//! The JSON that scripts rely on: fields are added, never renamed. Money is a number in USD, times are RFC 3339 UTC.

mod prices;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

use super::report::{EnvironmentReport, NodeReport, VolumeReport, goal_word, volume_word};
use super::volumes::SnapshotShape;
use crate::domain::advisor::Band;
use crate::domain::budget::Standing;
use crate::domain::doctor::Check;
use crate::domain::names::EnvName;
use crate::domain::plan::{Plan, Status, Step};
use crate::domain::pools::{self, Choice, Rejection};
use crate::domain::said::Said;
pub use prices::PricesShape;

/// The version of these shapes. It changes when a field changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// One environment.
#[derive(Debug, Serialize)]
pub struct EnvironmentShape<'a> {
    format_version: u32,
    name: &'a str,
    kind: &'static str,
    region: &'a str,
    /// Null where nodes are in several zones, or nothing is anywhere.
    zone: Option<&'a str>,
    goal: &'static str,
    phase: &'static str,
    nodes: Vec<NodeShape<'a>>,
    volumes: Vec<VolumeShape<'a>>,
    /// Those that hold what was on volumes that `down --snapshot` has deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    snapshots: Vec<SnapshotShape<'a>>,
    /// Of the nodes that bill now.
    price_per_hour: f64,
    /// A month like this hour, volumes included.
    price_per_month: f64,
    volume_price_per_month: f64,
    /// Since the first of the month, UTC; null where it is not known.
    spent_this_month: Option<f64>,
    expires_at: Option<Timestamp>,
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct NodeShape<'a> {
    index: u32,
    phase: &'static str,
    /// `spot` or `on-demand`; null while there is no instance.
    market: Option<&'static str>,
    spot_request_id: Option<&'a str>,
    /// EC2's status code.
    spot_status: Option<&'a str>,
    instance_id: Option<&'a str>,
    instance_type: Option<&'a str>,
    zone: Option<&'a str>,
    public_ip: Option<&'a str>,
    private_ip: Option<&'a str>,
    /// The network interface that the node keeps its private address by, where it is fixed.
    interface_id: Option<&'a str>,
    public_dns: Option<&'a str>,
    launched_at: Option<Timestamp>,
    /// What it costs in an hour in which it runs.
    price_per_hour: Option<f64>,
    waiting_for: Option<&'a str>,
    /// What it says of itself; null where it was not asked or did not answer.
    said: Option<SaidShape<'a>>,
    /// Why it did not answer.
    unanswered: Option<&'a str>,
}

/// A node's own words; null of what it has nothing to say of.
#[derive(Debug, Serialize)]
struct SaidShape<'a> {
    volume: Option<&'a str>,
    interruption: Option<&'a str>,
    idle: Option<&'a str>,
    tools: Option<ToolsShape<'a>>,
}

#[derive(Debug, Serialize)]
struct ToolsShape<'a> {
    /// `running` or `done`.
    state: &'static str,
    item: Option<&'a str>,
    started: Option<&'a str>,
    ended: Option<&'a str>,
    /// How many items are as they should be.
    ok: usize,
    left: &'a [String],
    failed: &'a [String],
}

#[derive(Debug, Serialize)]
struct VolumeShape<'a> {
    volume_id: &'a str,
    size_gib: u32,
    zone: &'a str,
    device: Option<&'a str>,
    state: &'static str,
    attached_to: Option<&'a str>,
}

/// Several environments.
#[derive(Debug, Serialize)]
pub struct ListShape<'a> {
    format_version: u32,
    environments: Vec<EnvironmentShape<'a>>,
    /// Of the environments above, in an hour like this.
    price_per_hour: f64,
    /// Of all environments, those that are gone among them; null where it is not known.
    spent_this_month: Option<f64>,
    budgets: Vec<BudgetShape<'a>>,
}

/// A budget and how it stands.
#[derive(Debug, Serialize)]
struct BudgetShape<'a> {
    /// The environment; null: all together.
    name: Option<&'a str>,
    monthly: f64,
    /// `warn` or `stop`.
    action: &'static str,
    spent_this_month: f64,
}

/// What would be done.
#[derive(Debug, Serialize)]
pub struct PlanShape<'a> {
    format_version: u32,
    name: &'a str,
    /// `done`, `working`, `needs-survey` or `blocked`.
    status: &'static str,
    /// Why it is blocked.
    blocked_by: Option<String>,
    steps: Vec<StepShape<'a>>,
    /// Why the first is taken rather than the second.
    choice: Option<String>,
    /// The best first, by `score`.
    pools: Vec<PoolShape<'a>>,
    turned_down: Vec<TurnedDownShape<'a>>,
    waiting_for: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct StepShape<'a> {
    action: &'static str,
    what: String,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct PoolShape<'a> {
    instance_type: &'a str,
    zone: &'a str,
    /// `spot` or `on-demand`.
    market: &'static str,
    price_per_hour: f64,
    /// How many are interrupted in a month, in the Spot Advisor's words; null where it does not say.
    interruption_band: Option<&'static str>,
    /// What its interruptions are expected to cost.
    interruption_cost_per_hour: f64,
    /// The price and the interruptions.
    score: f64,
}

#[derive(Debug, Serialize)]
struct TurnedDownShape<'a> {
    what: &'a str,
    reason: &'a str,
}

/// What `cloudtop doctor` found.
#[derive(Debug, Serialize)]
pub struct DoctorShape<'a> {
    format_version: u32,
    checks: Vec<CheckShape<'a>>,
}

#[derive(Debug, Serialize)]
struct CheckShape<'a> {
    name: &'a str,
    /// `ok`, `warning`, `wrong` or `skipped`.
    result: &'static str,
    found: &'a str,
    mend: Option<&'a str>,
}

impl<'a> From<&'a [Check]> for DoctorShape<'a> {
    fn from(checks: &'a [Check]) -> Self {
        let shape = |check: &'a Check| CheckShape {
            name: check.name,
            result: check.verdict.as_str(),
            found: &check.found,
            mend: check.mend.as_deref(),
        };
        Self { format_version: FORMAT_VERSION, checks: checks.iter().map(shape).collect() }
    }
}

impl<'a> From<&'a EnvironmentReport> for EnvironmentShape<'a> {
    fn from(report: &'a EnvironmentReport) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            name: &report.name,
            kind: report.kind.as_str(),
            region: &report.region,
            zone: report.zone(),
            goal: goal_word(report.goal),
            phase: report.phase().as_str(),
            nodes: report.nodes.iter().map(NodeShape::from).collect(),
            volumes: report.volumes.iter().map(VolumeShape::from).collect(),
            snapshots: report.snapshots.iter().map(|it| SnapshotShape::of(&report.region, it)).collect(),
            price_per_hour: rounded(report.price_per_hour()),
            price_per_month: rounded(report.price_per_month()),
            volume_price_per_month: rounded(report.volume_usd_per_month),
            spent_this_month: report.spent_this_month.map(rounded),
            expires_at: report.expires_at,
            notes: &report.notes,
        }
    }
}

impl<'a> From<&'a NodeReport> for NodeShape<'a> {
    fn from(node: &'a NodeReport) -> Self {
        let view = &node.view;
        Self {
            index: view.index,
            phase: view.phase.as_str(),
            market: view.instance_id.as_ref().map(|_| market_word(view.on_demand)),
            spot_request_id: view.request_id.as_deref(),
            spot_status: view.request_status.as_deref(),
            instance_id: view.instance_id.as_deref(),
            instance_type: view.instance_type.as_deref(),
            zone: view.zone.as_deref(),
            public_ip: view.public_ip.as_deref(),
            private_ip: view.private_ip.as_deref(),
            interface_id: view.interface_id.as_deref(),
            public_dns: view.public_dns.as_deref(),
            launched_at: view.launched_at,
            price_per_hour: node.price_per_hour.map(rounded),
            waiting_for: view.waiting_for.as_deref(),
            said: node.said.as_ref().and_then(|said| said.as_ref().ok()).map(SaidShape::from),
            unanswered: node.said.as_ref().and_then(|said| said.as_ref().err()).map(String::as_str),
        }
    }
}

impl<'a> From<&'a Said> for SaidShape<'a> {
    fn from(said: &'a Said) -> Self {
        Self {
            volume: said.volume.as_deref(),
            interruption: said.interruption.as_deref(),
            idle: said.idle.as_deref(),
            tools: said.tools.as_ref().map(|tools| ToolsShape {
                state: if tools.ended.is_some() { "done" } else { "running" },
                item: tools.item.as_deref(),
                started: tools.started.as_deref(),
                ended: tools.ended.as_deref(),
                ok: tools.ok,
                left: &tools.left,
                failed: &tools.failed,
            }),
        }
    }
}

impl<'a> From<&'a VolumeReport> for VolumeShape<'a> {
    fn from(volume: &'a VolumeReport) -> Self {
        Self {
            volume_id: &volume.volume_id,
            size_gib: volume.size_gib,
            zone: &volume.zone,
            device: volume.device.as_deref(),
            state: volume_word(volume.state),
            attached_to: volume.attached_to.as_deref(),
        }
    }
}

impl<'a> ListShape<'a> {
    /// These environments, with what all have cost this month, USD, and how budgets stand.
    #[must_use]
    pub fn new(reports: &'a [EnvironmentReport], spent: Option<f64>, budgets: &'a [Standing]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            environments: reports.iter().map(EnvironmentShape::from).collect(),
            price_per_hour: rounded(reports.iter().map(EnvironmentReport::price_per_hour).sum()),
            spent_this_month: spent.map(rounded),
            budgets: budgets.iter().map(BudgetShape::from).collect(),
        }
    }
}

impl<'a> From<&'a Standing> for BudgetShape<'a> {
    fn from(standing: &'a Standing) -> Self {
        Self {
            name: standing.scope.env().map(EnvName::as_str),
            monthly: standing.budget.monthly,
            action: standing.budget.action.as_str(),
            spent_this_month: rounded(standing.spent),
        }
    }
}

impl<'a> PlanShape<'a> {
    /// The plan of the environment `name`.
    #[must_use]
    pub fn new(name: &'a str, plan: &'a Plan) -> Self {
        let ranking = super::tables::ranking_of(plan);
        Self {
            format_version: FORMAT_VERSION,
            name,
            status: match plan.status {
                Status::Done => "done",
                Status::Working => "working",
                Status::NeedsSurvey => "needs-survey",
                Status::Blocked(_) => "blocked",
            },
            blocked_by: super::tables::blocked(&plan.status),
            steps: plan.steps.iter().map(StepShape::from).collect(),
            choice: ranking.and_then(|it| Some(pools::explained(it.choices.first()?, it))),
            pools: ranking.iter().flat_map(|it| &it.choices).map(PoolShape::from).collect(),
            turned_down: ranking.iter().flat_map(|it| &it.rejections).map(TurnedDownShape::from).collect(),
            waiting_for: plan.waiting_for.iter().map(String::as_str).collect(),
        }
    }
}

impl<'a> From<&'a Step> for StepShape<'a> {
    fn from(step: &'a Step) -> Self {
        Self { action: step.call.action(), what: step.call.to_string(), reason: &step.reason }
    }
}

impl<'a> From<&'a Choice> for PoolShape<'a> {
    fn from(choice: &'a Choice) -> Self {
        Self {
            instance_type: &choice.pool.instance_type,
            zone: &choice.pool.zone,
            market: market_word(choice.on_demand),
            price_per_hour: rounded(choice.price),
            interruption_band: choice.band.map(Band::as_str),
            interruption_cost_per_hour: rounded(choice.score.interruptions),
            score: rounded(choice.score.total()),
        }
    }
}

impl<'a> From<&'a Rejection> for TurnedDownShape<'a> {
    fn from(rejection: &'a Rejection) -> Self {
        Self { what: &rejection.what, reason: &rejection.why }
    }
}

/// How an instance is paid for.
fn market_word(on_demand: bool) -> &'static str {
    if on_demand { "on-demand" } else { "spot" }
}

/// An amount with six decimals, as fine as EC2's own prices: sums of binary fractions have a tail that means nothing.
pub(super) fn rounded(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}
