//! `cloudtop prices --best`: the order in which `up` would take the pools.

use jiff::Timestamp;

use super::super::context::Context;
use super::{PricesArgs, SHOWN};
use crate::cli::CommandError;
use crate::domain::quote::Quote;
use crate::domain::score::{self, Candidate};
use crate::ui::best::{self, Best};

/// Prints the pools by their scores.
pub(super) fn show(args: &PricesArgs, context: &Context, quotes: &[Quote], at: Timestamp) -> Result<(), CommandError> {
    // What holds for every environment is at the top level of the file.
    let configured = context.config()?.environment("").interruption_minutes;
    let minutes = args.interruption_minutes.or(configured).unwrap_or(score::DEFAULT_MINUTES);
    let candidates: Vec<Candidate<'_>> = quotes.iter().map(candidate).collect();
    let mut ranked = score::rank(&candidates, minutes);
    let all = ranked.len();
    let most = args.top.or((!context.globals.json).then_some(SHOWN)).filter(|most| *most > 0);
    ranked.truncate(most.unwrap_or(all));
    let best = Best { pools: &ranked, minutes, at };
    if context.globals.json {
        return Ok(context.ui.json(&best::shape(&best))?);
    }
    context.ui.answer(&best::table(&best, context.ui.table_width()))?;
    if ranked.len() < all {
        context.ui.status(&format!("{} of {all} pools; --top 0 shows all", ranked.len()));
    }
    context.ui.status(&format!(
        "EXPECTED is the price and what interruptions cost, at {minutes} minutes each (docs/choosing.md)"
    ));
    Ok(())
}

fn candidate(quote: &Quote) -> Candidate<'_> {
    Candidate {
        instance_type: &quote.instance_type,
        vcpus: quote.vcpus,
        zone: &quote.zone,
        price: quote.now,
        band: quote.band,
    }
}
