//! An environment as it is told to the user.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::CommandError;
use crate::cloud::{Cloud, Known, Want};
use crate::domain::environment::Environment;
use crate::domain::intent::{Goal, Intent};
use crate::domain::last_run::LastRun;
use crate::domain::lifecycle;
use crate::domain::market::SpotPrice;
use crate::domain::money;
use crate::domain::names::{EnvName, Identity};
use crate::domain::observed::{Observed, Snapshot, SnapshotState, SpotRequest};
use crate::domain::phase::{Phase, Wait};
use crate::domain::plan::{self, Inputs, NodeView};
use crate::domain::record::Record;
use crate::domain::refusals;
use crate::domain::said::{self, Said};
use crate::domain::snapshots::Purpose;
use crate::domain::tags;
use crate::engine::ask;
use crate::ui::report::{EnvironmentReport, NodeReport, VolumeReport};

use super::context::Context;
use super::moving::offer;
use super::price_list::PriceList;
use super::{spending, why};

/// Looks at one environment once, without asking its nodes anything.
pub async fn look(
    context: &Context,
    cloud: &Cloud,
    identity: &Identity,
    environment: &Environment,
) -> Result<EnvironmentReport, CommandError> {
    let intent = &environment.intent;
    let known = Known {
        request_ids: &[],
        instance_ids: &[],
        existing_volume: intent.volume.existing(),
        ssh_port: intent.access.port,
        want: Want::in_use(intent),
    };
    let observed = Box::pin(cloud.observe(identity, &known)).await?;
    let views = views(context, identity, intent, &observed)?;
    let prices = prices(context, cloud, &views).await;
    let now = context.clock.now();
    let offer = offer::where_it_waits(&identity.env, intent, &views, now);
    let mut report = report(&identity.env, intent, views, &observed, &prices);
    report.notes.extend(offer.into_iter().chain(offer::on_its_way(&identity.env, intent, now)));
    spending::add_to(context, identity, &observed, &mut report);
    if let Some(run) = last_run(context, &identity.env, &observed)? {
        why::tell(&mut report, &run, now);
    }
    Ok(report)
}

/// The last run on an environment, with the pools where its requests waited in vain.
pub fn last_run(context: &Context, env: &EnvName, observed: &Observed) -> Result<Option<LastRun>, CommandError> {
    let Some(mut run) = LastRun::of(&context.journal(env).since_closed()?) else { return Ok(None) };
    let given_up = refusals::given_up(observed.requests.iter()).filter(|refusal| refusal.at >= run.began);
    run.refusals = refusals::newest(&run.refusals.iter().cloned().chain(given_up).collect::<Vec<_>>());
    Ok(Some(run))
}

/// Every node as it is: the plan's own view of it.
pub fn views(
    context: &Context,
    identity: &Identity,
    intent: &Intent,
    observed: &Observed,
) -> Result<Vec<NodeView>, CommandError> {
    let now = context.clock.now();
    let mut record = Record::read(&context.journal(&identity.env).since_closed()?);
    record.absorb(observed, now);
    Ok(plan::plan(&Inputs { identity, intent, observed, record: &record, wait: Wait::Ready, now }).nodes)
}

/// What nodes cost now, as far as it is known.
#[derive(Default)]
pub struct Prices {
    spot: Vec<SpotPrice>,
    /// By type; asked for only where a node is on demand.
    on_demand: BTreeMap<String, f64>,
}

impl Prices {
    /// What a node costs in an hour in which it runs, USD; `None` where it is not known.
    pub fn of(&self, view: &NodeView) -> Option<f64> {
        let of_pool = |price: &&SpotPrice| {
            Some(&price.instance_type) == view.instance_type.as_ref() && Some(&price.zone) == view.zone.as_ref()
        };
        match view.on_demand {
            true => view.instance_type.as_ref().and_then(|name| self.on_demand.get(name)).copied(),
            false => self.spot.iter().find(of_pool).map(|price| price.usd_per_hour),
        }
    }
}

/// The prices of the pools that nodes are in; nothing where EC2 does not tell them.
pub async fn prices(context: &Context, cloud: &Cloud, views: &[NodeView]) -> Prices {
    let (spot, on_demand) = tokio::join!(spot_prices(context, cloud, views), on_demand(context, cloud, views));
    Prices { spot, on_demand }
}

async fn on_demand(context: &Context, cloud: &Cloud, views: &[NodeView]) -> BTreeMap<String, f64> {
    if !views.iter().any(|view| view.on_demand) {
        return BTreeMap::new();
    }
    let listed = PriceList::of(context).on_demand(cloud, context.clock.now()).await;
    listed.unwrap_or_else(|failure| {
        context.ui.warn(&format!("on-demand prices are not known: {failure}"));
        BTreeMap::new()
    })
}

async fn spot_prices(context: &Context, cloud: &Cloud, views: &[NodeView]) -> Vec<SpotPrice> {
    let views: Vec<&NodeView> = views.iter().filter(|view| !view.on_demand).collect();
    let types: BTreeSet<String> = views.iter().filter_map(|view| view.instance_type.clone()).collect();
    let zones: BTreeSet<String> = views.iter().filter_map(|view| view.zone.clone()).collect();
    if types.is_empty() {
        return Vec::new();
    }
    let (types, zones): (Vec<String>, Vec<String>) = (types.into_iter().collect(), zones.into_iter().collect());
    match cloud.spot_prices(&types, &zones, context.clock.now()).await {
        Ok(prices) => prices,
        Err(failure) => {
            context.ui.warn(&format!("prices are not known: {failure}"));
            Vec::new()
        }
    }
}

/// Asks those nodes that run what they say of themselves. A node that does not answer is no error.
pub async fn ask_nodes(
    context: &Context,
    env: &EnvName,
    intent: &Intent,
    report: &mut EnvironmentReport,
) -> Result<(), CommandError> {
    let views: Vec<NodeView> = report.nodes.iter().map(|node| node.view.clone()).collect();
    let answers = ask::ask(&context.reach()?, env, intent, &views, said::QUESTION).await?;
    for node in &mut report.nodes {
        node.said = answers.get(&node.view.index).map(|answer| answer.as_deref().map(Said::read).map_err(Clone::clone));
    }
    Ok(())
}

/// Puts the report together.
pub fn report(
    name: &EnvName,
    intent: &Intent,
    views: Vec<NodeView>,
    observed: &Observed,
    prices: &Prices,
) -> EnvironmentReport {
    let volumes: Vec<VolumeReport> = observed.volumes.iter().map(volume_report).collect();
    let gib = volumes.iter().map(|volume| u64::from(volume.size_gib)).sum();
    let notes = observed
        .requests
        .iter()
        .filter(|request| lifecycle::is_interrupted(request))
        .map(|request| format!("{}: {}", request.id, lifecycle::in_words(request)));
    let notes = on_demand_note(&views).into_iter().chain(notes);
    let notes = notes.chain(observed.requests.iter().filter_map(|request| orphan(name, observed, request)));
    EnvironmentReport {
        name: name.to_string(),
        kind: intent.kind,
        region: intent.region.clone(),
        goal: intent.goal,
        notes: notes.collect(),
        nodes: views.into_iter().map(|view| priced(view, prices)).collect(),
        volume_usd_per_month: money::gp3_per_month(&intent.region, gib).0,
        volumes,
        spent_this_month: None,
        snapshots: before_deletion(observed),
        expires_at: intent.expires_at,
    }
}

/// Nobody pays the full price without being told.
fn on_demand_note(views: &[NodeView]) -> Option<String> {
    let there = |view: &&NodeView| view.on_demand && view.phase >= Phase::Interrupted;
    let nodes: Vec<String> = views.iter().filter(there).map(|view| view.index.to_string()).collect();
    (!nodes.is_empty()).then(|| {
        let noun = if nodes.len() == 1 { "node" } else { "nodes" };
        format!(
            "ON-DEMAND: {noun} {} at the full price, no spot saving, until it is ended: `down` and `up` try spot again",
            nodes.join(", ")
        )
    })
}

/// The snapshots that hold what was on volumes that are deleted.
fn before_deletion(observed: &Observed) -> Vec<Snapshot> {
    let is_one = |it: &&Snapshot| {
        it.tags.get(tags::SNAPSHOT).is_some_and(|purpose| purpose == Purpose::BeforeDeletion.as_str())
            && it.state == SnapshotState::Completed
    };
    observed.snapshots.iter().filter(is_one).cloned().collect()
}

/// An instance whose request somebody else has cancelled runs on as if nothing were amiss.
fn orphan(name: &EnvName, observed: &Observed, request: &SpotRequest) -> Option<String> {
    let id = request.instance_id.as_ref().filter(|_| lifecycle::leaves_instance(request))?;
    let runs = observed.instances.iter().any(|it| it.id == *id && it.state.is_live());
    let text = format!(
        "{}, the spot request of {id}, was cancelled: the node runs on and bills, but EC2 will neither stop it nor bring it back; \
         `cloudtop down {name}` and `cloudtop up {name}` make it persistent again",
        request.id
    );
    runs.then_some(text)
}

fn priced(view: NodeView, prices: &Prices) -> NodeReport {
    let price_per_hour = prices.of(&view);
    NodeReport { view, price_per_hour, said: None }
}

fn volume_report(volume: &crate::domain::observed::Volume) -> VolumeReport {
    let attachment = volume.attachment.as_ref();
    VolumeReport {
        volume_id: volume.id.clone(),
        size_gib: volume.gib,
        zone: volume.zone.clone(),
        device: attachment.map(|it| it.device.clone()),
        state: volume.state,
        attached_to: attachment.map(|it| it.instance_id.clone()),
    }
}

/// What exists now and what it costs meanwhile, in one line, for messages that end a run early.
pub fn what_exists(report: &EnvironmentReport) -> String {
    let nodes = |holds: fn(&NodeView) -> bool| report.nodes.iter().filter(|it| holds(&it.view)).collect::<Vec<_>>();
    // The last instance of a node that is absent may be listed still, terminated.
    let instances =
        nodes(|view| view.instance_id.is_some() && !matches!(view.phase, Phase::Gone | Phase::Absent | Phase::Ending));
    let open = nodes(|view| view.phase == Phase::Requested && view.request_id.is_some());
    let mut parts = vec![counted(&instances, "instance", |view| view.instance_id.as_deref())];
    if !open.is_empty() {
        parts.push(counted(&open, "open spot request", |view| view.request_id.as_deref()));
    }
    let volumes = report.volumes.len();
    if instances.is_empty() && open.is_empty() && volumes == 0 {
        return format!("{} now has nothing that costs money", report.name);
    }
    let volumes = format!("{volumes} volume{}", if volumes == 1 { "" } else { "s" });
    let mut costs = vec![format!("instances cost {}", hourly(&instances))];
    if !open.is_empty() {
        costs.push(format!("what EC2 still launches would cost {}", hourly(&open)));
    }
    if report.volume_usd_per_month > 0.0 {
        costs.push(format!("volumes cost {} a month", money::amount(report.volume_usd_per_month)));
    }
    format!("{} now has {} and {volumes}; {}", report.name, parts.join(", "), costs.join("; "))
}

/// How many, and which where it is one.
fn counted(nodes: &[&NodeReport], word: &str, id: fn(&NodeView) -> Option<&str>) -> String {
    match nodes {
        [one] => format!("1 {word} ({})", id(&one.view).unwrap_or_default()),
        _ => format!("{} {word}s", nodes.len()),
    }
}

/// What nodes cost in an hour: those that bill, and those that will in a moment.
fn hourly(nodes: &[&NodeReport]) -> String {
    let bills = |phase: Phase| phase.bills() || matches!(phase, Phase::Launching | Phase::Requested);
    let (mut usd, mut unknown) = (0.0, 0);
    for node in nodes.iter().filter(|node| bills(node.view.phase)) {
        match node.price_per_hour {
            Some(price) => usd += price,
            None => unknown += 1,
        }
    }
    match unknown {
        0 => format!("{} an hour", money::hourly(usd)),
        _ => format!("{} an hour, and {unknown} of them a price that is not known", money::hourly(usd)),
    }
}

/// Whether an environment should have anything that runs.
pub fn is_over(goal: Goal) -> bool {
    matches!(goal, Goal::Gone { .. })
}
