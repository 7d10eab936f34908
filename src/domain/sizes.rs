//! The sizes of machines that a newcomer is shown, and what each would cost.

use jiff::Timestamp;

use super::demand::{Demand, Requirements};
use super::intent::Intent;
use super::market::Market;
use super::pools::{self, Choice};

/// vCPUs and GiB: four GiB a vCPU, as the general-purpose families have.
const SIZES: [(u32, u32); 6] = [(2, 8), (4, 16), (8, 32), (16, 64), (32, 128), (64, 256)];

/// A size, and the pool that `up` would launch it in now.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    /// What it must have at least.
    pub requirements: Requirements,
    /// The first choice; `None` where nothing will do.
    pub first: Option<Choice>,
}

/// The least that must be surveyed for [`sizes`]: the smallest of them, and otherwise what `like` says.
#[must_use]
pub fn smallest(like: &Requirements) -> Requirements {
    let (cpus, memory_gib) = SIZES[0];
    Requirements { cpus, memory_gib, ..like.clone() }
}

/// Each size with its first choice, by the ranking that `up` uses. Architecture and local disks are those of `like`.
#[must_use]
pub fn sizes(intent: &Intent, market: &Market, like: &Requirements, now: Timestamp) -> Vec<Size> {
    let of = |(cpus, memory_gib): (u32, u32)| {
        let requirements = Requirements { cpus, memory_gib, ..like.clone() };
        let intent = Intent { demand: Demand::Requirements(requirements.clone()), ..intent.clone() };
        let first = pools::rank(&intent, market, &[], None, 1, now).choices.into_iter().next();
        Size { requirements, first }
    };
    SIZES.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::fixture::{self, at};

    #[test]
    fn a_size_has_the_first_choice_of_up_and_none_where_nothing_is_big_enough() {
        let market = fixture::market(at(0));
        let like = Requirements::default();
        let all = sizes(&fixture::intent(), &market, &like, at(0));
        assert_eq!(all.len(), SIZES.len());
        let four = all.iter().find(|size| size.requirements.cpus == 4);
        assert_eq!(four.and_then(|size| size.first.as_ref()).map(|it| it.facts.vcpus), Some(4));
        assert_eq!(all.last().map(|size| size.first.is_some()), Some(false));
    }
}
