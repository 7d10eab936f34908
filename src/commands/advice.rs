//! How often instances are interrupted: the Spot Advisor's bands, for all commands that show or weigh them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cloud::{ADVISOR_URL, Published, spot_advisor};
use crate::domain::advisor::{Advisor, Band};
use crate::state::{Cache, Kept};
use crate::ui::time;

use super::context::Context;

/// Another address of the Advisor's data; nothing is fetched where it is empty.
const ADDRESS: &str = "CLOUDTOP_ADVISOR_URL";
/// How long the data are not asked for again: they tell of the last month.
const KEEPS: SignedDuration = SignedDuration::from_hours(24);
/// How long an address that did not answer is left alone, so that it does not delay every command.
const REST: SignedDuration = SignedDuration::from_mins(5);

/// The bands, as far as they are to be had.
#[derive(Clone, Debug, Default)]
pub struct Bands {
    /// What the Advisor says; `None` where nothing is known.
    pub advisor: Option<Advisor>,
    /// When the data were made, or fetched where nobody says when they were made.
    pub at: Option<Timestamp>,
    /// Why there are no data, or only old ones, in words for the user.
    pub missing: Option<String>,
}

impl Bands {
    /// The band of a type in a region, where it is known.
    pub fn of(&self, region: &str, instance_type: &str) -> Option<Band> {
        self.advisor.as_ref()?.band(region, instance_type)
    }

    fn none(why: &str) -> Self {
        Self { missing: Some(format!("how often instances are interrupted is not known: {why}")), ..Self::default() }
    }
}

/// The data as they are kept.
#[derive(Serialize, Deserialize)]
struct Data {
    advisor: Advisor,
    modified: Option<Timestamp>,
    tag: Option<String>,
}

/// The bands, from the cache where they are of today. It fails never, and takes five seconds at most.
pub async fn bands(context: &Context) -> Bands {
    #[cfg(feature = "simulator")]
    if let Some(simulator) = context.simulator() {
        return simulated(simulator);
    }
    let url = match (std::env::var(ADDRESS).ok(), &context.globals.endpoint_url) {
        (Some(url), _) if url.is_empty() => return Bands::none(&format!("{ADDRESS} is empty, so nothing is asked")),
        (Some(url), _) => url,
        // Who answers there is not AWS, and what AWS says of its own machines is nothing to it.
        (None, Some(endpoint)) => {
            return Bands::none(&format!(
                "the Spot Advisor is not asked with the endpoint {endpoint} ({ADDRESS} sets its address)"
            ));
        }
        (None, None) => ADVISOR_URL.to_owned(),
    };
    published(context, &url).await
}

async fn published(context: &Context, url: &str) -> Bands {
    let now = context.clock.now();
    let (fresh, rest) =
        (Cache::new(&context.paths, "advisor", KEEPS), Cache::new(&context.paths, "advisor-rest", REST));
    if let Some(kept) = fresh.get::<Data>(url, now) {
        return known(kept);
    }
    let old = fresh.last::<Data>(url, now);
    if let Some(kept) = rest.get::<String>(url, now) {
        return stale(old, &kept.answer, now);
    }
    let tag = old.as_ref().and_then(|kept| kept.answer.tag.as_deref());
    let data = match (spot_advisor(url, tag).await, old) {
        (Ok(Published::Data { advisor, modified, tag }), _) => Data { advisor, modified, tag },
        (Ok(Published::Unchanged), Some(old)) => old.answer,
        // Nothing had a tag that it could be unchanged from.
        (Ok(Published::Unchanged), None) => return Bands::default(),
        (Err(error), old) => {
            let why = format!("the Spot Advisor's data cannot be had from {url}: {error}");
            rest.put(url, &why, now);
            return stale(old, &why, now);
        }
    };
    fresh.put(url, &data, now);
    known(Kept { answer: data, at: now })
}

fn known(kept: Kept<Data>) -> Bands {
    let at = kept.answer.modified.unwrap_or(kept.at);
    Bands { advisor: Some(kept.answer.advisor), at: Some(at), missing: None }
}

fn stale(old: Option<Kept<Data>>, why: &str, now: Timestamp) -> Bands {
    let Some(old) = old else { return Bands::none(why) };
    let age = time::relative(old.at, now);
    Bands { missing: Some(format!("{why}; used instead is what was fetched {age}")), ..known(old) }
}

#[cfg(feature = "simulator")]
fn simulated(simulator: &crate::simulator::Simulator) -> Bands {
    let read = simulator.advisor_data().map_err(|error| error.to_string());
    match read.and_then(|(at, json)| Ok((at, Advisor::parse(&json).map_err(|error| error.to_string())?))) {
        Ok((at, advisor)) => Bands { advisor: Some(advisor), at: Some(at), missing: None },
        Err(why) => Bands::none(&why),
    }
}
