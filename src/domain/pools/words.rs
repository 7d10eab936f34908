//! Why a pool was chosen, in one sentence of money.

use super::{Choice, Ranking};
use crate::domain::money;

/// Amounts that differ by less are the same in every sentence: EC2's prices have six decimals at most.
const SAME: f64 = 0.000_000_5;

/// Why `choice` is taken rather than the best of the others.
#[must_use]
pub fn explained(choice: &Choice, ranking: &Ranking) -> String {
    let runner_up = ranking.choices.iter().find(|other| other.pool != choice.pool);
    let price = money::hourly(choice.price);
    if choice.on_demand {
        return format!("ON-DEMAND: {} at {price} an hour, no spot saving: no spot pool will do now", choice.pool);
    }
    let Some(other) = runner_up else {
        return format!("{} at {price} an hour is the only pool that will do", choice.pool);
    };
    if choice.band.is_none() && other.band.is_none() {
        let next = money::hourly(other.price);
        return format!("{} at {price} an hour is cheapest; next is {} at {next}", choice.pool, other.pool);
    }
    format!("{}: {}; {}", choice.pool, parts(choice), against(choice, other))
}

/// What is left to say of `choice` where it and its price were told already: what interruptions cost there, and the next.
#[must_use]
pub fn beyond_price(choice: &Choice, next: &Choice) -> String {
    let interruptions = money::hourly(choice.score.interruptions);
    format!("and {interruptions} an hour for interruptions ({}); {}", band(choice), against(choice, next))
}

/// The parts of a score: `$0.0475 an hour + $0.0012 for interruptions (<5%)`.
fn parts(choice: &Choice) -> String {
    let price = money::hourly(choice.price);
    let interruptions = money::hourly(choice.score.interruptions);
    format!("{price} an hour + {interruptions} for interruptions ({})", band(choice))
}

fn against(choice: &Choice, other: &Choice) -> String {
    let cheaper = choice.price - other.price;
    let calmer = other.score.interruptions - choice.score.interruptions;
    let amount = money::hourly(cheaper.abs());
    if cheaper > SAME && calmer > SAME {
        return format!("{} is {amount} cheaper but interrupted more ({})", other.pool, band(other));
    }
    let price = match cheaper {
        it if it < -SAME => format!("{amount} dearer"),
        it if it > SAME => format!("{amount} cheaper"),
        _ => "as cheap".to_owned(),
    };
    let how = match calmer {
        it if it > SAME => "interrupted more",
        it if it < -SAME => "interrupted less",
        _ => "interrupted as much",
    };
    let join = if cheaper < -SAME && calmer < -SAME { "but" } else { "and" };
    format!("next is {}, {price} {join} {how} ({})", other.pool, band(other))
}

fn band(choice: &Choice) -> &'static str {
    choice.band.map_or("how often is not known", |band| band.as_str())
}
