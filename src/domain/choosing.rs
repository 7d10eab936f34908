//! What the user says about choosing pools, beside what the machines must be.

use serde::{Deserialize, Serialize};

use super::score;

/// How pools are weighed, which are too dear, and what happens when none will do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choosing {
    /// Minutes lost to an interruption. `None`: [`score::DEFAULT_MINUTES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruption_minutes: Option<u32>,
    /// The least saving against on-demand, in per cent. `None` and 0: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_saving: Option<u32>,
    /// What is launched when no spot pool will do.
    pub fallback: Fallback,
}

/// What is launched when no spot pool will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// Nothing.
    #[default]
    None,
    /// On-demand instances, at their full price.
    OnDemand,
}

impl Fallback {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::None, Self::OnDemand];

    /// The word in flags, configuration and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OnDemand => "on-demand",
        }
    }
}

impl Choosing {
    /// Minutes lost to an interruption.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        self.interruption_minutes.unwrap_or(score::DEFAULT_MINUTES)
    }

    /// The most that a spot node may cost where on-demand costs `on_demand` USD per hour. `None`: there is no such limit.
    #[must_use]
    pub fn most_beside(&self, on_demand: f64) -> Option<f64> {
        let saving = self.min_saving.filter(|per_cent| *per_cent > 0)?;
        // As fine as EC2's own prices.
        Some((on_demand * f64::from(100 - saving.min(100)) * 1e4).round() / 1e6)
    }

    /// Whether the on-demand prices must be known to choose as the user says.
    #[must_use]
    pub fn needs_price_list(&self) -> bool {
        self.most_beside(0.0).is_some() || self.fallback == Fallback::OnDemand
    }
}
