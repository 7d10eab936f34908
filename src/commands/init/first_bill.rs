//! What the answers cost, before anything is made.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::intent::VolumeWish;
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::pools::{self, Choice};

use super::super::preflight::Fit;

/// What most people need it for: eight hours on each of 22 days.
const WORKING_HOURS: f64 = 8.0 * 22.0;
/// What a budget that is proposed is rounded up to, USD.
const ROUND: f64 = 5.0;

/// What an environment will cost.
pub struct FirstBill {
    /// The pool that `up` would launch in now.
    first: Choice,
    /// How many nodes.
    nodes: u32,
    /// What its persistent volumes cost in a month, USD.
    volumes: f64,
}

/// The bill of what `up` would do now; `None` where it would launch nothing.
pub fn of(fit: &Fit, now: Timestamp) -> Option<FirstBill> {
    let intent = &fit.environment.intent;
    let market = fit.market.as_ref()?;
    let first = pools::rank(intent, market, &[], None, intent.nodes, now).choices.into_iter().next()?;
    let gib = match intent.volume {
        VolumeWish::Managed { gib } => u64::from(gib) * u64::from(intent.nodes),
        VolumeWish::None | VolumeWish::Existing { .. } => 0,
    };
    let (volumes, _) = money::gp3_per_month(&intent.region, gib);
    Some(FirstBill { first, nodes: intent.nodes, volumes })
}

impl FirstBill {
    fn per_hour(&self) -> f64 {
        self.first.price * f64::from(self.nodes)
    }

    /// A budget that working hours stay within, USD a month.
    pub fn budget(&self) -> f64 {
        ((self.per_hour() * WORKING_HOURS + self.volumes) / ROUND).ceil() * ROUND
    }

    /// Its form in JSON.
    pub fn shape(&self) -> Value {
        json!({ "instance_type": self.first.pool.instance_type, "zone": self.first.pool.zone,
                "price_per_hour": self.per_hour(), "price_per_month": self.per_hour() * HOURS_PER_MONTH,
                "volumes_per_month": self.volumes })
    }
}

/// The bill for people.
pub fn in_words(bill: Option<&FirstBill>) -> String {
    let Some(bill) = bill else { return "It is there already: `up` would launch nothing.\n".to_owned() };
    let nodes = if bill.nodes == 1 { String::new() } else { format!("{} nodes, each ", bill.nodes) };
    let mut rows = vec![
        ("8 hours on 22 days".to_owned(), bill.per_hour() * WORKING_HOURS),
        ("on all the time".to_owned(), bill.per_hour() * HOURS_PER_MONTH),
    ];
    if bill.volumes > 0.0 {
        rows.push(("its persistent disks, on or off".to_owned(), bill.volumes));
    }
    let rows = rows.iter().map(|(what, usd)| format!("    {what:32} {:>9} a month\n", money::amount(*usd)));
    format!(
        "{nodes}{} now, {} an hour in all:\n{}",
        bill.first.pool,
        money::hourly(bill.per_hour()),
        rows.collect::<String>()
    )
}
