//! What there is to move to, with what it costs and how long it would take.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::cli::{CommandError, Exit};
use crate::cloud::{Cloud, Known, Want};
use crate::domain::call::Call;
use crate::domain::environment::Environment;
use crate::domain::intent::Intent;
use crate::domain::market::Market;
use crate::domain::move_time::{self, Copied, MoveTime};
use crate::domain::moving::{self, Moving, Now, Target};
use crate::domain::names::{EnvName, Identity};
use crate::domain::observed::{Observed, SnapshotState};
use crate::domain::places::Places;
use crate::domain::plan::NodeView;
use crate::domain::pools::{self, Ranking};
use crate::domain::record::Record;
use crate::domain::refusals;
use crate::ui::moving::{Offer, shape, table};

use super::super::context::Context;
use super::super::price_list::PriceList;
use super::super::{published, report};
use super::MoveArgs;

/// An environment as it is before it moves.
pub struct Scene {
    pub name: EnvName,
    observed: Observed,
    record: Record,
    places: Places,
    pub views: Vec<NodeView>,
    /// What nodes cost an hour where they are, USD, as far as it is known.
    pub price_per_hour: Option<f64>,
    boot: Option<Duration>,
}

impl Scene {
    pub async fn look(
        context: &Context,
        cloud: &Cloud,
        identity: &Identity,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let intent = &environment.intent;
        let known = Known {
            request_ids: &[],
            instance_ids: &[],
            existing_volume: intent.volume.existing(),
            ssh_port: intent.access.port,
            want: Want { snapshots: true, ..Want::in_use(intent) },
        };
        let observed = cloud.observe(identity, &known).await?;
        let entries = context.journal(&identity.env).since_closed()?;
        let mut record = Record::read(&entries);
        let now = context.clock.now();
        record.absorb(&observed, now);
        let places = Places::of(&observed, &record, intent.volume.existing(), now);
        let views = report::views(context, identity, intent, &observed)?;
        let prices = report::prices(context, cloud, &views).await;
        let known: Vec<f64> = views.iter().filter_map(|view| prices.of(view)).collect();
        Ok(Self {
            name: identity.env.clone(),
            observed,
            record,
            places,
            price_per_hour: (!known.is_empty()).then(|| known.iter().sum()),
            views,
            boot: move_time::last_boot(&entries),
        })
    }

    /// What an earlier command has asked for and has no answer to could still be made, in the old place.
    pub fn must_be_settled(&self, name: &EnvName) -> Result<(), CommandError> {
        let makes = |call: &Call| matches!(call, Call::Launch(_) | Call::RequestSpot(_) | Call::CreateVolume { .. });
        let Some(pending) = self.record.pending.iter().find(|it| makes(&it.call)) else { return Ok(()) };
        let text =
            format!("an earlier command on `{name}` has not come to its end: no answer yet to `{}`", pending.call);
        Err(CommandError::new(Exit::NotReady, text).hint(format!("`cloudtop up {name}` finishes it; then move")))
    }

    pub fn moving(&self, environment: &Environment, target: &Target, args: &MoveArgs, since: Timestamp) -> Moving {
        let now = Now {
            observed: &self.observed,
            places: &self.places,
            before: environment.intent.moving.as_ref(),
            attached: &self.record.attached,
        };
        let keep_old = args.keep_old || now.before.is_some_and(|it| it.keep_old);
        Moving::to(target, args.wait, keep_old, since, now)
    }

    /// The pools that nodes are in, or wait for.
    pub fn pools(&self) -> BTreeSet<(&str, &str)> {
        self.views.iter().filter_map(|view| Some((view.instance_type.as_deref()?, view.zone.as_deref()?))).collect()
    }

    /// Where nodes are, in words.
    pub fn in_words(&self) -> String {
        let pools: Vec<String> = self.pools().into_iter().map(|(kind, zone)| format!("{kind} in {zone}")).collect();
        if pools.is_empty() { "nowhere yet".to_owned() } else { pools.join(", ") }
    }

    /// The largest volume that cannot come along to a zone.
    fn copied(&self, zone: &str) -> Option<Copied> {
        let elsewhere = self.observed.volumes.iter().filter(|it| it.node_tag.is_some() && it.zone != zone);
        let largest = elsewhere.max_by_key(|it| it.gib)?;
        let whole = |id: &str| {
            let mut of_it = self.observed.snapshots.iter().filter(|it| it.volume_id == id);
            of_it.any(|it| it.state == SnapshotState::Completed)
        };
        Some(Copied { gib: largest.gib, has_snapshot: whole(&largest.id) })
    }

    /// GiB of volumes in all.
    pub fn volumes_gib(&self) -> u32 {
        self.observed.volumes.iter().filter(|it| it.node_tag.is_some()).map(|it| it.gib).sum()
    }

    /// Between regions the snapshot is copied besides, all of it.
    pub fn time_to(&self, region: &str, zone: &str) -> MoveTime {
        let time = MoveTime::of(self.copied(zone), self.boot);
        let across = self.observed.volumes.iter().any(|it| !it.zone.starts_with(region));
        let again = self.copied(zone).filter(|_| across).map(|it| Copied { has_snapshot: false, ..it });
        MoveTime { copy: time.copy + MoveTime::of(again, None).copy, ..time }
    }
}

/// Pools to move to, the best first.
pub struct Choices {
    pub offers: Vec<Offer>,
    /// What was turned down.
    pub ranking: Ranking,
}

impl Choices {
    /// Asks what there is: of a zone the best pool, and of the zone where all nodes are the best of another type.
    pub async fn find(
        context: &Context,
        cloud: &Cloud,
        intent: &Intent,
        scene: &Scene,
        args: &MoveArgs,
    ) -> Result<Self, CommandError> {
        let types = (!args.types.is_empty()).then(|| args.types.clone());
        let asked = Target { zone: args.zone.clone(), types };
        let demand = moving::demand(&asked, &intent.demand);
        let intent = Intent { zone: args.zone.clone(), moving: None, demand, ..intent.clone() };
        let now = context.clock.now();
        let key = cloud.survey(&intent, "", now);
        let list = PriceList::of(context);
        let (market, published, listed) =
            tokio::join!(key, published::insist(context, cloud, &intent), list.on_demand(cloud, now));
        let market = Market { published: published?, ..market? };
        let on_demand = listed.unwrap_or_default();
        let given_up = refusals::given_up(scene.observed.requests.iter());
        let refusals: Vec<_> = scene.record.refusals.iter().cloned().chain(given_up).collect();
        let ranking = pools::rank(&intent, &market, &refusals, None, intent.nodes, now);
        Ok(Self { offers: offers(&ranking, scene, &on_demand, &intent), ranking })
    }

    /// Shows them.
    pub fn tell(&self, context: &Context, scene: &Scene) -> Result<(), CommandError> {
        if context.globals.json {
            let here = scene.in_words();
            return Ok(context.ui.json(&shape(scene.name.as_str(), &here, scene.price_per_hour, &self.offers))?);
        }
        context.ui.answer(&table(&self.offers, context.ui.table_width()))?;
        context.ui.status(
            "TIME is a guess: a minute to stop, 10 s for each GiB of a first snapshot and a tenth of that for a later one, \
             and the last boot of this environment (2 min where there was none)",
        );
        Ok(())
    }
}

fn offers(ranking: &Ranking, scene: &Scene, on_demand: &BTreeMap<String, f64>, intent: &Intent) -> Vec<Offer> {
    let (here, nodes, region) = (scene.pools(), intent.nodes, &intent.region);
    let mut zones = BTreeSet::new();
    let choices = ranking.choices.iter().filter(|it| {
        let pool = (it.pool.instance_type.as_str(), it.pool.zone.as_str());
        !here.contains(&pool)
    });
    let best = choices.filter(|it| zones.insert(it.pool.zone.clone()));
    let offer = |choice: &pools::Choice| {
        let full = on_demand.get(&choice.pool.instance_type).filter(|full| **full > 0.0);
        Offer {
            instance_type: choice.pool.instance_type.clone(),
            zone: choice.pool.zone.clone(),
            nodes,
            price_per_hour: choice.price,
            saving: full.filter(|_| !choice.on_demand).map(|full| 1.0 - choice.price / full),
            band: choice.band,
            score: choice.score,
            on_demand: choice.on_demand,
            time: scene.time_to(region, &choice.pool.zone),
        }
    };
    best.map(offer).collect()
}
