//! What AWS publishes about instance types, gathered for a choice of pools.

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::domain::failure::Failure;
use crate::domain::intent::Intent;
use crate::domain::market::Published;

use super::advice;
use super::context::Context;
use super::price_list::PriceList;

/// What is known for an intent, and why the on-demand prices that it needs are not. Nothing of it is worth waiting or
/// failing for where the user has not asked for it.
pub async fn gather(context: &Context, cloud: &Cloud, intent: &Intent) -> (Published, Option<Failure>) {
    let listed = async {
        match intent.choosing.needs_price_list() {
            true => PriceList::of(context).on_demand(cloud, context.clock.now()).await,
            false => Ok(std::collections::BTreeMap::new()),
        }
    };
    let (bands, listed) = tokio::join!(advice::bands(context), listed);
    let bands = bands.advisor.map(|advisor| advisor.bands_in(cloud.region())).unwrap_or_default();
    match listed {
        Ok(on_demand) => (Published { bands, on_demand }, None),
        Err(failure) => (Published { bands, ..Published::default() }, Some(failure)),
    }
}

/// The same, where nothing may be made before everything is known.
pub async fn insist(context: &Context, cloud: &Cloud, intent: &Intent) -> Result<Published, CommandError> {
    match gather(context, cloud, intent).await {
        (published, None) => Ok(published),
        (_, Some(failure)) => Err(not_known(&failure)),
    }
}

/// The same, in the middle of the work: what is not known is said, and pools that need it are turned down.
pub async fn warn(context: &Context, cloud: &Cloud, intent: &Intent) -> Published {
    let (published, failure) = gather(context, cloud, intent).await;
    if let Some(failure) = failure {
        context.ui.warn(&not_known(&failure).to_string());
    }
    published
}

fn not_known(failure: &Failure) -> CommandError {
    let exit = CommandError::from(failure.clone()).exit;
    let exit = if exit == Exit::Denied { exit } else { Exit::Failed };
    let text = format!("on-demand prices are not known, and `min_saving` and `fallback` go by them: {failure}");
    CommandError::new(exit, text)
        .hint("docs/prices.md says what the price list needs; `--min-saving 0 --fallback none` goes on without")
}
