//! On-demand instances, where the user has asked for them and no spot pool will do.

use super::{Choice, DEAREST, Demand, Image, Offers, Ranking, RejectionKind, asked_before, suitable_image, too_dear};
use crate::domain::choosing::Fallback;
use crate::domain::market::TypeFacts;
use crate::domain::money;
use crate::domain::score::Score;

/// Offers on-demand instances, within the limit that the user set: it is the most to pay, whatever for.
pub(super) fn fall_back(ranking: &mut Ranking, offers: &Offers<'_>, wanted: u32) {
    if offers.intent.choosing.fallback != Fallback::OnDemand {
        return;
    }
    let listed = &offers.market.published.on_demand;
    let limit = limit(offers);
    for facts in offers.suitable() {
        let Ok(image) = suitable_image(offers.intent, offers.market, facts) else { continue };
        let name = format!("{} on demand", facts.name);
        match (listed.get(&facts.name), &limit) {
            (None, _) => {
                let why = "the price list has no on-demand price for it".to_owned();
                ranking.turn_down(&name, RejectionKind::Unsuitable, why);
            }
            (Some(price), Some((most, why))) if price > most => {
                ranking.turn_down(&name, RejectionKind::Price, why.clone());
            }
            (Some(price), _) => offer(ranking, offers, facts, image, *price, wanted),
        }
    }
}

/// The most to pay, and how to say so.
fn limit(offers: &Offers<'_>) -> Option<(f64, String)> {
    if let Some(most) = offers.intent.max_price {
        return Some((most, format!("it costs more than the limit of {}", money::hourly(most))));
    }
    if matches!(offers.intent.demand, Demand::Types(_)) {
        return None;
    }
    let listed = offers.suitable().filter_map(|facts| offers.market.published.on_demand.get(&facts.name).copied());
    let cheapest = listed.min_by(f64::total_cmp)?;
    Some((cheapest * f64::from(DEAREST), too_dear()))
}

fn offer(ranking: &mut Ranking, offers: &Offers<'_>, facts: &TypeFacts, image: &Image, price: f64, wanted: u32) {
    for zone in offers.zones_of(facts) {
        // Why a zone will not do is said of its spot pool already.
        let Ok(pool) = offers.pool(facts, zone) else { continue };
        match asked_before(&ranking.refusals, &pool, true, wanted) {
            Ok(in_part) => ranking.choices.push(Choice {
                pool,
                price,
                facts: facts.clone(),
                image: image.clone(),
                in_part,
                score: Score::on_demand(price),
                band: None,
                max_price: None,
                on_demand: true,
            }),
            Err((kind, why)) => ranking.turn_down(&format!("{pool} on demand"), kind, why),
        }
    }
}
