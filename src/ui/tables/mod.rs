//! Answers for people. Every function gives a text without a line end at its end.

mod doctor;
mod environment;
pub(super) mod grid;
mod list;
mod plan;
mod prices;
#[cfg(test)]
mod tests;

pub use doctor::doctor;
pub use environment::{nodes, status};
pub use list::{list, list_sums};
pub(super) use plan::{blocked, ranking_of};
pub use plan::{plan, turned_down};
pub use prices::{csv as prices_csv, prices};

use super::text::one_line;

/// A cell for something that may not be there (yet).
fn cell(value: Option<&str>) -> String {
    value.map(one_line).unwrap_or_default()
}
