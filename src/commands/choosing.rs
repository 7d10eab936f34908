//! What the user says about choosing pools, by flag and in `cloudtop.toml`.

use clap::Args;

use crate::cli::CommandError;
use crate::config::{self, EnvironmentSettings};
use crate::domain::choosing::{Choosing, Fallback};
use crate::domain::intent::Intent;
use crate::domain::market::Market;
use crate::domain::{money, pools, score};

use super::context::Context;

/// How pools are weighed, which are too dear, and what happens when none will do.
#[derive(Clone, Debug, Default, Args)]
pub struct ChoosingArgs {
    /// The least that spot must save against on-demand, for example 50%; 0: any
    #[arg(long, value_name = "PERCENT", value_parser = config::parse_saving, allow_negative_numbers = true)]
    pub min_saving: Option<u32>,
    /// Minutes that an interruption costs you: pools are weighed by it [default: 30]; 0: by price alone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(score::MOST_MINUTES)))]
    pub interruption_minutes: Option<u32>,
    /// Launch on-demand instances, at their full price, when no spot pool will do
    #[arg(long, value_parser = fallback, value_name = "on-demand|none")]
    pub fallback: Option<Fallback>,
}

fn fallback(text: &str) -> Result<Fallback, String> {
    Fallback::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| "use on-demand or none".to_owned())
}

impl ChoosingArgs {
    /// Puts the flags among the settings.
    pub fn add_to(&self, settings: EnvironmentSettings) -> EnvironmentSettings {
        EnvironmentSettings {
            min_saving: self.min_saving,
            interruption_minutes: self.interruption_minutes,
            fallback: self.fallback,
            ..settings
        }
    }
}

/// Says what a node would cost on demand, before anything is made.
pub fn tell_of_fallback(context: &Context, intent: &Intent, market: Option<&Market>) {
    let Some(choice) = market.and_then(|it| pools::instead_of_spot(intent, it, context.clock.now())) else { return };
    let price = money::hourly(choice.price);
    let text =
        format!("where no spot pool will do: ON-DEMAND, {} at {price} an hour a node", choice.pool.instance_type);
    context.ui.note(&text);
}

/// What is said now; what was said before stands where nothing is.
///
/// # Errors
/// It contradicts itself.
pub fn choosing(settings: &EnvironmentSettings, previous: Option<&Intent>) -> Result<Choosing, CommandError> {
    let before = previous.map(|it| it.choosing.clone()).unwrap_or_default();
    let choosing = Choosing {
        interruption_minutes: settings.interruption_minutes.or(before.interruption_minutes),
        min_saving: settings.min_saving.or(before.min_saving),
        fallback: settings.fallback.unwrap_or(before.fallback),
    };
    if choosing.minutes() > score::MOST_MINUTES {
        let most = score::MOST_MINUTES;
        return Err(CommandError::usage(format!(
            "`interruption_minutes`: an interruption costs {most} minutes at most"
        )));
    }
    if choosing.fallback == Fallback::OnDemand && settings.wait_for_capacity == Some(true) {
        let error = CommandError::usage("--wait-for-capacity waits for spot, --fallback on-demand does not: keep one");
        return Err(error.hint("without --wait-for-capacity on-demand is taken when every spot pool has refused"));
    }
    Ok(choosing)
}
