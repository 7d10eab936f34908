//! The pools that refused, told so that twenty of them stay readable: by code, each pool by name, EC2's reason once.

use std::collections::BTreeMap;

use super::failure::{Class, Failure};
use super::observed::{RequestState, SpotRequest};
use super::pools::{Pool, Refusal};
use super::{advice, lifecycle};

/// The most different reasons of EC2's that are shown for one code. They differ in the names of pools alone.
const REASONS: usize = 3;

/// The newest refusal of each pool; of equally new ones that of the fewest instances.
#[must_use]
pub fn newest(refusals: &[Refusal]) -> Vec<Refusal> {
    let mut pools: BTreeMap<(&str, &str, bool), &Refusal> = BTreeMap::new();
    for refusal in refusals {
        let known = pools.entry(key(refusal)).or_insert(refusal);
        if (refusal.at, std::cmp::Reverse(refusal.at_least)) > (known.at, std::cmp::Reverse(known.at_least)) {
            *known = refusal;
        }
    }
    pools.into_values().cloned().collect()
}

/// The pools that let a request wait until it was cancelled, as refusals: `RequestSpotInstances` itself refuses nothing
/// for want of capacity.
pub fn given_up<'a>(requests: impl Iterator<Item = &'a SpotRequest>) -> impl Iterator<Item = Refusal> {
    let waited = |it: &&SpotRequest| {
        it.state == RequestState::Cancelled && it.instance_id.is_none() && it.status == "canceled-before-fulfillment"
    };
    requests.filter(waited).filter_map(|request| {
        let (zone, at) = (request.zone.clone()?, request.created_at?);
        let failure = Failure {
            action: "RequestSpotInstances".to_owned(),
            code: "capacity-not-available".to_owned(),
            message: format!("{} waited there without being fulfilled", request.id),
            class: Class::Capacity,
        };
        let pool = Pool { instance_type: request.instance_type.clone(), zone, subnet: None };
        Some(Refusal { pool, at, at_least: 1, failure, on_demand: false })
    })
}

/// A sentence for each code: what it means, the pools, EC2's own reason.
#[must_use]
pub fn in_words(refusals: &[Refusal]) -> Vec<String> {
    by_code(refusals).into_iter().map(|(code, refused)| line(code, &refused)).collect()
}

/// How many refused with which code: `4 pools refused (InsufficientInstanceCapacity)`.
#[must_use]
pub fn in_short(refusals: &[Refusal]) -> String {
    let codes = by_code(refusals).into_iter().map(|(code, refused)| match refused.len() {
        1 => format!("1 pool refused ({code})"),
        count => format!("{count} pools refused ({code})"),
    });
    codes.collect::<Vec<_>>().join(", ")
}

fn key(refusal: &Refusal) -> (&str, &str, bool) {
    (&refusal.pool.instance_type, &refusal.pool.zone, refusal.on_demand)
}

/// The refusals of each code, by pool; most first.
fn by_code(refusals: &[Refusal]) -> Vec<(&str, Vec<&Refusal>)> {
    let mut codes: BTreeMap<&str, Vec<&Refusal>> = BTreeMap::new();
    for refusal in refusals {
        codes.entry(&refusal.failure.code).or_default().push(refusal);
    }
    let mut codes: Vec<_> = codes.into_iter().collect();
    for (_, refused) in &mut codes {
        refused.sort_by_key(|refusal| key(refusal));
    }
    codes.sort_by_key(|(_, refused)| std::cmp::Reverse(refused.len()));
    codes
}

fn line(code: &str, refused: &[&Refusal]) -> String {
    let meaning = match lifecycle::CODES.iter().find(|status| status.code == code) {
        Some(status) => status.sentence,
        None => refused.first().map_or("", |first| advice::of(first.failure.class, code).sentence),
    };
    format!("{meaning} ({code}): {}. {}", pools(refused), reasons(refused))
}

/// The pools by type: `m7a.xlarge in us-east-1a, us-east-1b; m6a.xlarge in us-east-1a`.
fn pools(refused: &[&Refusal]) -> String {
    let mut types: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
    for refusal in refused {
        types.entry((&refusal.pool.instance_type, refusal.on_demand)).or_default().push(&refusal.pool.zone);
    }
    let types = types.into_iter().map(|((name, on_demand), zones)| {
        let how = if on_demand { " on demand" } else { "" };
        format!("{name} in {}{how}", zones.join(", "))
    });
    types.collect::<Vec<_>>().join("; ")
}

/// EC2's own reasons, each once; one for example where there are many.
fn reasons(refused: &[&Refusal]) -> String {
    let mut seen: Vec<&Refusal> = Vec::new();
    for refusal in refused {
        if !seen.iter().any(|known| known.failure.message == refusal.failure.message) {
            seen.push(refusal);
        }
    }
    match seen.as_slice() {
        [] => String::new(),
        [one] => format!("EC2: {}", one.failure.message),
        [first, rest @ ..] if rest.len() >= REASONS => {
            format!("EC2, of {}: {} (and {} more of this kind)", first.pool, first.failure.message, rest.len())
        }
        few => {
            let few = few.iter().map(|it| format!("EC2, of {}: {}", it.pool, it.failure.message));
            few.collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::domain::failure::{Class, Failure};

    fn refusal(name: &str, zone: &str, second: i64, code: &str, message: &str) -> Refusal {
        Refusal {
            pool: Pool { instance_type: name.to_owned(), zone: zone.to_owned(), subnet: None },
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second),
            at_least: 1,
            on_demand: false,
            failure: Failure {
                action: "RunInstances".to_owned(),
                code: code.to_owned(),
                message: message.to_owned(),
                class: Class::Capacity,
            },
        }
    }

    #[test]
    fn pools_that_refuse_alike_share_a_sentence_that_names_each() {
        let dry = |name, zone| refusal(name, zone, 0, "InsufficientInstanceCapacity", "There is no Spot capacity.");
        let dear = refusal("m5.large", "b", 0, "SpotMaxPriceTooLow", "Your price is lower.");
        let lines = in_words(&[dry("m5.large", "b"), dry("c5.large", "a"), dear, dry("m5.large", "a")]);
        assert_eq!(
            lines,
            [
                "EC2 has no capacity for this type in that zone now (InsufficientInstanceCapacity): c5.large in a; \
                 m5.large in a, b. EC2: There is no Spot capacity.",
                "the spot price there is above your limit (SpotMaxPriceTooLow): m5.large in b. EC2: Your price is lower.",
            ]
        );
    }

    #[test]
    fn twenty_pools_with_twenty_reasons_stay_one_sentence() {
        let zone = |n: i64| format!("zone-{n}");
        let refused: Vec<Refusal> = (0..20)
            .map(|n| refusal("m5.large", &zone(n), 0, "InsufficientInstanceCapacity", &format!("none in {n}")))
            .collect();
        let lines = in_words(&refused);
        assert_eq!(lines.len(), 1);
        assert!((0..20).all(|n| lines[0].contains(&zone(n))), "{lines:?}");
        assert!(lines[0].ends_with("EC2, of m5.large in zone-0: none in 0 (and 19 more of this kind)"), "{lines:?}");
        assert_eq!(in_words(&refused[..2])[0].matches("EC2, of").count(), 2);
        assert_eq!(in_short(&refused), "20 pools refused (InsufficientInstanceCapacity)");
    }

    #[test]
    fn a_request_that_was_held_is_told_by_its_status() {
        let held = refusal("m5.large", "a", 0, "capacity-not-available", "sir-1 waited there");
        assert!(
            in_words(&[held])[0].starts_with("EC2 has no spot capacity there now (capacity-not-available): m5.large")
        );
    }

    #[test]
    fn of_each_pool_the_newest_word_counts() {
        let old = refusal("m5.large", "a", 0, "InsufficientInstanceCapacity", "old");
        let new = refusal("m5.large", "a", 9, "SpotMaxPriceTooLow", "new");
        let kept = newest(&[new.clone(), old, refusal("m5.large", "b", 0, "Unsupported", "other")]);
        assert_eq!(kept.iter().map(|it| it.failure.message.as_str()).collect::<Vec<_>>(), ["new", "other"]);
    }
}
