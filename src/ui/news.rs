//! Single pieces of news from the engine as sentences.

use super::text::{one_line, some_of};
use crate::domain::call::{Call, Made};
use crate::domain::failure::{Class, Failure};
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::pools::{Choice, Ranking, beyond_price};

/// What was chosen, what it costs, and why. `None` where there was nothing to choose.
pub(super) fn chosen(ranking: &Ranking, nodes: usize) -> Option<String> {
    let first = ranking.choices.first()?;
    let launches: Vec<(&Choice, u32)> = match ranking.laid_out.is_empty() {
        true => vec![(first, u32::try_from(nodes).unwrap_or(u32::MAX))],
        false => ranking.launches().collect(),
    };
    let all: f64 = launches.iter().map(|(choice, nodes)| choice.price * f64::from(*nodes)).sum();
    let (hour, month) = (money::hourly(all), money::amount(all * HOURS_PER_MONTH));
    let price = match launches.as_slice() {
        [(choice, 1)] => format!("{} at {hour} an hour ({month} a month)", choice.pool),
        many => {
            let each = many.iter().map(|(choice, nodes)| {
                format!("{nodes} x {} at {} an hour each", choice.pool, money::hourly(choice.price))
            });
            format!("{}, {hour} in all ({month} a month)", each.collect::<Vec<_>>().join(", "))
        }
    };
    Some(match launches.as_slice() {
        _ if first.on_demand => price,
        [(choice, _)] => format!("{price}{}", beside(choice, ranking)),
        _ => format!("{price}; not all in one pool, which can be lost at once"),
    })
}

/// Why it was taken rather than the next, where more than the price speaks.
fn beside(choice: &Choice, ranking: &Ranking) -> String {
    match ranking.choices.iter().find(|other| other.pool != choice.pool) {
        None => "; no other pool will do".to_owned(),
        Some(next) if choice.band.is_none() && next.band.is_none() => {
            format!("; next: {} at {}", next.pool, money::hourly(next.price))
        }
        Some(next) => format!(" {}", beyond_price(choice, next)),
    }
}

/// A call that is sent.
pub(super) fn sent(call: &Call, reason: &str) -> String {
    format!("{call}: {}", one_line(reason))
}

/// What a call made; `None` where it makes nothing that has an id.
pub(super) fn succeeded(call: &Call, made: &Made) -> Option<String> {
    let ids = made.requests.iter().chain(&made.instances).chain(&made.volume).chain(&made.interface);
    let ids: Vec<String> = ids.chain(&made.group).cloned().collect();
    (!ids.is_empty()).then(|| format!("{} made {}", call.action(), some_of(&ids)))
}

/// A call that failed, and what comes next where the failure's class says so.
pub(super) fn failed(call: &Call, failure: &Failure) -> String {
    match (failure.class, call) {
        (Class::Throttled, _) => format!("EC2 asks for slower calls ({}): slowing down", failure.action),
        (Class::Capacity, Call::Launch(launch) | Call::RequestSpot(launch)) => {
            format!("no capacity in {} ({}): trying the next pool", launch.pool, failure.code)
        }
        (Class::Ambiguous, _) => format!("no answer to {}: asking again", failure.action),
        _ => one_line(&failure.to_string()),
    }
}

/// Whether a failure belongs to the ordinary course of things: EC2's lists lag, and what is to be made or to be
/// removed may be so already.
pub(super) fn is_ordinary(class: Class) -> bool {
    matches!(class, Class::NotYetVisible | Class::Gone | Class::Exists | Class::InUse)
}

/// Whether a failure passes, or another pool may do: the work goes on by itself.
pub(super) fn passes(class: Class) -> bool {
    matches!(class, Class::Throttled | Class::Capacity | Class::Ambiguous)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn failure(class: Class, code: &str) -> Failure {
        let (action, message) = ("RunInstances".to_owned(), "EC2's own\nsentence".to_owned());
        Failure { action, code: code.to_owned(), message, class }
    }

    #[test]
    fn the_choice_tells_its_price_and_the_runner_up() {
        let mut ranking = samples::ranking();
        assert_eq!(
            chosen(&ranking, 1).unwrap_or_default(),
            "m7a.xlarge in us-east-1c at $0.0731 an hour ($53.36 a month); next: m6a.xlarge in us-east-1a at $0.0758"
        );
        ranking.choices.truncate(1);
        assert_eq!(
            chosen(&ranking, 3).unwrap_or_default(),
            "3 x m7a.xlarge in us-east-1c at $0.0731 an hour each, $0.2193 in all ($160.09 a month); \
             no other pool will do"
        );
        assert_eq!(chosen(&Ranking::default(), 1), None);
    }

    #[test]
    fn a_failure_tells_what_comes_next_only_where_that_is_known() {
        let say = |class, code| failed(&samples::launch(), &failure(class, code));
        assert_eq!(
            say(Class::Capacity, "InsufficientInstanceCapacity"),
            "no capacity in m7a.xlarge in us-east-1c (InsufficientInstanceCapacity): trying the next pool"
        );
        assert_eq!(
            say(Class::Throttled, "RequestLimitExceeded"),
            "EC2 asks for slower calls (RunInstances): slowing down"
        );
        assert_eq!(say(Class::Ambiguous, "timeout"), "no answer to RunInstances: asking again");
        assert_eq!(
            say(Class::Denied, "UnauthorizedOperation"),
            "RunInstances: EC2's own sentence (UnauthorizedOperation)"
        );
        let start = Call::Start { ids: vec!["i-1".to_owned()] };
        assert_eq!(
            failed(&start, &failure(Class::Capacity, "InsufficientInstanceCapacity")),
            "RunInstances: EC2's own sentence (InsufficientInstanceCapacity)"
        );
    }

    #[test]
    fn a_thousand_ids_stay_one_line() {
        let made = Made { instances: (0..1000).map(|n| format!("i-{n}")).collect(), ..Made::default() };
        assert_eq!(
            succeeded(&samples::launch(), &made).unwrap_or_default(),
            "RunInstances made i-0, i-1, i-2 and 997 more"
        );
        assert_eq!(succeeded(&samples::launch(), &Made::default()), None);
    }
}
