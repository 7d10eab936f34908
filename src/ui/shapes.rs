//! The JSON that scripts rely on: fields are added, never renamed. Money is a number in USD, times are RFC 3339 UTC.

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
use crate::domain::quote::Quote;
use crate::domain::said::Said;

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

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn an_environment_has_the_fields_that_scripts_rely_on() -> Result<(), serde_json::Error> {
        let report = samples::cloudtop();
        assert_eq!(
            serde_json::to_string_pretty(&EnvironmentShape::from(&report))?,
            r#"{
  "format_version": 1,
  "name": "dev",
  "kind": "cloudtop",
  "region": "us-east-1",
  "zone": "us-east-1c",
  "goal": "running",
  "phase": "ready",
  "nodes": [
    {
      "index": 0,
      "phase": "ready",
      "market": "spot",
      "spot_request_id": "sir-00000000",
      "spot_status": "fulfilled",
      "instance_id": "i-0123456789abcdef0",
      "instance_type": "m7a.xlarge",
      "zone": "us-east-1c",
      "public_ip": "203.0.113.20",
      "private_ip": "172.31.0.20",
      "interface_id": null,
      "public_dns": "ec2-203-0-113-20.compute-1.amazonaws.com",
      "launched_at": "2026-11-21T08:00:00Z",
      "price_per_hour": 0.0731,
      "waiting_for": null,
      "said": null,
      "unanswered": null
    }
  ],
  "volumes": [
    {
      "volume_id": "vol-0123456789abcdef0",
      "size_gib": 100,
      "zone": "us-east-1c",
      "device": "/dev/xvdj",
      "state": "in-use",
      "attached_to": "i-0123456789abcdef0"
    }
  ],
  "price_per_hour": 0.0731,
  "price_per_month": 61.363,
  "volume_price_per_month": 8.0,
  "spent_this_month": 12.5,
  "expires_at": null,
  "notes": []
}"#
        );
        Ok(())
    }

    #[test]
    fn a_list_holds_whole_environments() -> Result<(), serde_json::Error> {
        let reports = [samples::cloudtop(), samples::cluster()];
        let list = serde_json::to_value(ListShape::new(&reports, Some(14.0), &[samples::budget()]))?;
        assert_eq!(list["format_version"], 1);
        assert_eq!((&list["price_per_hour"], &list["spent_this_month"]), (&0.2231.into(), &14.0.into()));
        let budget = serde_json::json!({"name": null, "monthly": 50.0, "action": "warn", "spent_this_month": 41.2});
        assert_eq!(list["budgets"], serde_json::json!([budget]));
        assert_eq!(list["environments"][0], serde_json::to_value(EnvironmentShape::from(&reports[0]))?);
        assert_eq!(list["environments"][1]["zone"], serde_json::Value::Null);
        assert_eq!(list["environments"][1]["expires_at"], "2026-11-21T15:58:00Z");
        assert_eq!(list["environments"][1]["nodes"][2]["spot_status"], "capacity-not-available");
        Ok(())
    }

    #[test]
    fn a_sum_has_no_meaningless_tail() {
        assert_eq!(rounded(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(rounded(0.000_123_4).to_string(), "0.000123");
    }
}

/// Spot prices.
#[derive(Debug, Serialize)]
pub struct PricesShape<'a> {
    format_version: u32,
    /// When EC2 was asked.
    at: Timestamp,
    /// Over how many days minimum, median, maximum and points are.
    days: u32,
    /// When the data on interruptions were made.
    advisor_at: Option<Timestamp>,
    pools: Vec<PriceShape<'a>>,
}

#[derive(Debug, Serialize)]
struct PriceShape<'a> {
    region: &'a str,
    zone: &'a str,
    instance_type: &'a str,
    vcpus: u32,
    memory_mib: u64,
    local_disks: u32,
    local_disk_gb: u64,
    gpus: u32,
    price_per_hour: f64,
    on_demand_per_hour: Option<f64>,
    /// The part of the on-demand price that is saved: 0.7 is 70 %.
    saving: Option<f64>,
    min: f64,
    median: f64,
    max: f64,
    /// Mean prices of equal parts of the days, oldest first.
    points: Vec<f64>,
    /// How many of the type's instances were interrupted in a month, as the Spot Advisor says it.
    band: Option<&'static str>,
    /// How likely a launch of any of the types finds room in the zone, 1 to 10; `null` where nobody asked.
    score: Option<u8>,
}

impl<'a> PricesShape<'a> {
    /// The shape of these quotes.
    #[must_use]
    pub fn new(quotes: &'a [Quote], days: u32, at: Timestamp, advisor_at: Option<Timestamp>) -> Self {
        let pool = |it: &'a Quote| PriceShape {
            region: &it.region,
            zone: &it.zone,
            instance_type: &it.instance_type,
            vcpus: it.vcpus,
            memory_mib: it.memory_mib,
            local_disks: it.local_disks,
            local_disk_gb: it.local_disk_gb,
            gpus: it.gpus,
            price_per_hour: it.now,
            on_demand_per_hour: it.on_demand,
            saving: it.saving(),
            min: it.min,
            median: it.median,
            max: it.max,
            points: it.points.usd(),
            band: it.band.map(Band::as_str),
            score: it.score,
        };
        Self { format_version: FORMAT_VERSION, at, days, advisor_at, pools: quotes.iter().map(pool).collect() }
    }
}
