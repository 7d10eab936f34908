//! What a pool really costs: its price, and what its interruptions cost whoever works there.
//!
//! For a node that runs for an hour:
//!
//! ```text
//! score [USD/h] = P + L x (M / 60) x (60 x V + P)
//!
//! P  the spot price of the pool now                                    USD per hour
//! L  interruptions to expect: -ln(1 - S) / 730                         per hour
//! S  the share of such instances that is interrupted in a month        0 to 1
//! M  minutes lost to an interruption, which the user can set           minutes
//! V  what a minute of the user's time is counted as: 1                 USD per minute
//! ```
//!
//! In the minutes lost the user waits or works again what was lost, and the machine is paid for. Dividing by the share
//! of the hours that is useful instead would change the second term by less than a thousandth of itself.
//!
//! S comes from the Spot Advisor's band (<https://aws.amazon.com/ec2/spot/instance-advisor/>), which is of the month
//! before. L is the rate of the exponential law under which a month of 730 hours is survived by 1 - S of the instances.
//! Nothing here was fitted to a history of prices.

use std::cmp::Ordering;

use super::advisor::Band;
use super::money::HOURS_PER_MONTH;

/// Minutes lost to an interruption where the user says nothing: to be told, to have a machine again, to open everything
/// again and to do once more what was in memory alone. In the published trace of p3.2xlarge a launch in the zone that
/// was lost works again within 10 minutes in one case of five, and within an hour in two of three.
pub const DEFAULT_MINUTES: u32 = 30;
/// The most minutes that may be lost to an interruption: a day.
pub const MOST_MINUTES: u32 = 24 * 60;
/// What a minute of the user's time is counted as, USD: about what half of the software developers in the US earn
/// (Bureau of Labor Statistics, Occupational Outlook Handbook: some 130,000 USD for 2,080 hours). One number is enough to
/// set: who counts a minute at half of it sets half the minutes.
pub const USD_PER_MINUTE: f64 = 1.0;
/// The share that is interrupted in a month where the Advisor says nothing: the middle of its middle band, and about
/// the mean of all that it says (12.1 % in its file of February 2021, 14.1 % in that of June 2025).
const UNKNOWN_SHARE: f64 = 0.125;
/// Where the last band, which has no upper end, is taken to end: it is twice as wide as the others.
const OVER_20_ENDS: f64 = 0.30;
/// vCPUs, as a power of two, at which a type is taken to be at the upper end of its band: 128.
const LARGEST_LOG2: f64 = 7.0;

/// What a node in a pool is expected to cost, USD per hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The pool's price.
    pub price: f64,
    /// What its interruptions cost.
    pub interruptions: f64,
}

/// A pool to be weighed. It needs no more than a history of prices and the Advisor's file can tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate<'a> {
    /// The instance type.
    pub instance_type: &'a str,
    /// Its vCPUs.
    pub vcpus: u32,
    /// The availability zone.
    pub zone: &'a str,
    /// The spot price now, USD per hour.
    pub price: f64,
    /// The Advisor's band of the type in the region; `None`: not known.
    pub band: Option<Band>,
}

impl Score {
    /// Of a spot pool at `price` USD per hour, where an interruption costs `minutes`.
    #[must_use]
    pub fn spot(price: f64, band: Option<Band>, vcpus: u32, minutes: u32) -> Self {
        let hours_lost = f64::from(minutes) / 60.0;
        let usd_per_hour_lost = 60.0 * USD_PER_MINUTE + price;
        Self { price, interruptions: per_hour(monthly_share(band, vcpus)) * hours_lost * usd_per_hour_lost }
    }

    /// Of an on-demand instance at `price` USD per hour, which nobody takes away.
    #[must_use]
    pub fn on_demand(price: f64) -> Self {
        Self { price, interruptions: 0.0 }
    }

    /// The price and the interruptions, USD per hour.
    #[must_use]
    pub fn total(self) -> f64 {
        self.price + self.interruptions
    }

    /// What one node more costs in this pool, USD per hour, when `there` of the `nodes` of a cluster are in it already.
    ///
    /// Instances of one type in one zone are taken away together: of 2,635 interruptions, over 92 % came within three
    /// minutes of another in the same pool (Spot-and-Scoot, arXiv 2604.16457). To lose all nodes at once is counted as
    /// twice what losing them one by one costs, and k of n of them as (1 + (k - 1) / (n - 1)) times that. The node that
    /// comes after k others so adds 1 + 2k / (n - 1) times the cost of its own interruptions.
    #[must_use]
    pub fn beside(self, there: u32, nodes: u32) -> f64 {
        let others = nodes.saturating_sub(1);
        let share = if others == 0 { 0.0 } else { f64::from(there.min(others)) / f64::from(others) };
        self.total() + 2.0 * share * self.interruptions
    }
}

impl Candidate<'_> {
    /// What it is expected to cost where an interruption costs `minutes`.
    #[must_use]
    pub fn score(&self, minutes: u32) -> Score {
        Score::spot(self.price, self.band, self.vcpus, minutes)
    }
}

/// Candidates with their scores, the best first; equal ones by name, so that two runs agree.
#[must_use]
pub fn rank<'a>(candidates: &[Candidate<'a>], minutes: u32) -> Vec<(Candidate<'a>, Score)> {
    let mut ranked: Vec<_> = candidates.iter().map(|it| (*it, it.score(minutes))).collect();
    ranked.sort_by(|(a, of_a), (b, of_b)| order((*of_a, a.instance_type, a.zone), (*of_b, b.instance_type, b.zone)));
    ranked
}

/// The order of two pools, each by its score, its type and its zone.
#[must_use]
pub fn order(a: (Score, &str, &str), b: (Score, &str, &str)) -> Ordering {
    a.0.total().total_cmp(&b.0.total()).then_with(|| a.1.cmp(b.1)).then_with(|| a.2.cmp(b.2))
}

/// The share of the instances of a type that is interrupted in a month, 0 to 1.
///
/// A band is five points wide, and larger sizes are interrupted more: in the Advisor's file of February 2021 the mean is
/// 8 % at 2 vCPUs and 13 % from 8 on. So a type is put into its band by its size: at the lower end with 1 vCPU, at the
/// upper with 128, the doublings between at equal steps. Where the band is not known the size is not looked at either:
/// pools of which nothing is known stay in the order of their prices.
#[must_use]
pub fn monthly_share(band: Option<Band>, vcpus: u32) -> f64 {
    let (low, high) = match band {
        None => return UNKNOWN_SHARE,
        Some(Band::Under5) => (0.0, 0.05),
        Some(Band::To10) => (0.05, 0.10),
        Some(Band::To15) => (0.10, 0.15),
        Some(Band::To20) => (0.15, 0.20),
        Some(Band::Over20) => (0.20, OVER_20_ENDS),
    };
    let size = (f64::from(vcpus.max(1)).log2() / LARGEST_LOG2).min(1.0);
    low + (high - low) * size
}

/// Interruptions in an hour, where that share of the instances is interrupted in a month.
#[must_use]
pub fn per_hour(monthly_share: f64) -> f64 {
    -(1.0 - monthly_share).ln() / HOURS_PER_MONTH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate<'a>(instance_type: &'a str, zone: &'a str, price: f64, band: Option<Band>) -> Candidate<'a> {
        Candidate { instance_type, vcpus: 4, zone, price, band }
    }

    fn names<'a>(ranked: &[(Candidate<'a>, Score)]) -> Vec<(&'a str, &'a str)> {
        ranked.iter().map(|(it, _)| (it.instance_type, it.zone)).collect()
    }

    /// To the sixth decimal.
    fn six(usd: f64) -> String {
        format!("{usd:.6}")
    }

    #[test]
    fn a_score_is_the_price_and_what_interruptions_cost() {
        // 4 vCPUs are 2 of 7 doublings: 2/7 of 5 % is 1.428571 %; -ln(0.98571429) is 0.01438874, over 730 hours
        // 0.0000197106 an hour. Half an hour of the user's 60 USD and of the machine's 0.06 is 30.03 USD.
        let calm = Score::spot(0.06, Some(Band::Under5), 4, 30);
        assert_eq!(
            (six(calm.price), six(calm.interruptions), six(calm.total())),
            answer("0.060000", "0.000592", "0.060592")
        );
        // 20 % and 2/7 of 10 % is 22.857143 %; -ln(0.77142857) is 0.25951120, over 730 hours 0.0003554948 an hour.
        let rough = Score::spot(0.05, Some(Band::Over20), 4, 30);
        assert_eq!(
            (six(rough.price), six(rough.interruptions), six(rough.total())),
            answer("0.050000", "0.010674", "0.060674")
        );
        // 12.5 %; -ln(0.875) is 0.13353139, over 730 hours 0.0001829197 an hour; an hour of 60 + 2 USD.
        let unknown = Score::spot(2.0, None, 96, 60);
        assert_eq!(
            (six(unknown.price), six(unknown.interruptions), six(unknown.total())),
            answer("2.000000", "0.011341", "2.011341")
        );
    }

    fn answer(price: &str, interruptions: &str, total: &str) -> (String, String, String) {
        (price.to_owned(), interruptions.to_owned(), total.to_owned())
    }

    #[test]
    fn a_cheaper_pool_that_is_interrupted_more_may_cost_more() {
        let rough = candidate("m5.xlarge", "us-east-1a", 0.05, Some(Band::Over20));
        let calm = candidate("m5a.xlarge", "us-east-1a", 0.06, Some(Band::Under5));
        assert_eq!(names(&rank(&[rough, calm], 30))[0].0, "m5a.xlarge");
        assert_eq!(names(&rank(&[rough, calm], 29))[0].0, "m5.xlarge", "who loses less takes the cheaper one");
    }

    #[test]
    fn without_minutes_or_without_bands_the_order_is_that_of_the_prices() {
        let pools = [(2, 0.051, Band::Under5), (96, 0.050, Band::Over20), (8, 0.052, Band::To10)];
        let known = pools.map(|(vcpus, price, band)| Candidate { vcpus, ..candidate("x", "a", price, Some(band)) });
        let unknown = known.map(|it| Candidate { band: None, ..it });
        for ranked in [rank(&known, 0), rank(&unknown, 30), rank(&unknown, MOST_MINUTES)] {
            assert_eq!(ranked.iter().map(|(it, _)| it.price).collect::<Vec<_>>(), [0.050, 0.051, 0.052]);
        }
        assert_eq!(rank(&known, 0)[0].1.total(), 0.050);
    }

    #[test]
    fn equal_scores_are_in_the_order_of_their_names() {
        let pools = [("b", "z2"), ("a", "z2"), ("b", "z1"), ("a", "z1")].map(|(t, z)| candidate(t, z, 0.1, None));
        assert_eq!(names(&rank(&pools, 30)), [("a", "z1"), ("a", "z2"), ("b", "z1"), ("b", "z2")]);
    }

    #[test]
    fn bands_and_sizes_are_in_order_and_meet_at_their_ends() {
        let shares = Band::ALL.map(|band| [1, 2, 64, 128, 448].map(|vcpus| monthly_share(Some(band), vcpus)));
        assert!(shares.concat().is_sorted(), "{shares:?}");
        assert_eq!(shares[0][0], 0.0);
        assert_eq!(shares[1][0], shares[0][3]);
        assert_eq!(shares[4][4], OVER_20_ENDS);
        assert_eq!(monthly_share(Some(Band::To10), 0), 0.05, "a type without vCPUs is as small as can be");
    }

    #[test]
    fn a_month_is_survived_by_those_that_were_not_interrupted() {
        assert!(((-per_hour(0.125) * HOURS_PER_MONTH).exp() - 0.875).abs() < 1e-12);
        assert_eq!(per_hour(0.0), 0.0);
    }

    #[test]
    fn to_lose_all_nodes_at_once_costs_twice_what_losing_them_one_by_one_does() {
        let score = Score { price: 0.10, interruptions: 0.001 };
        let of = |nodes: u32| (0..nodes).map(|there| score.beside(there, nodes)).sum::<f64>();
        assert_eq!(six(of(1)), "0.101000");
        assert_eq!(six(of(3)), six(3.0 * 0.10 + 3.0 * 2.0 * 0.001));
        assert_eq!(six(of(100)), six(100.0 * 0.10 + 100.0 * 2.0 * 0.001));
        assert_eq!(six(score.beside(0, 3)), "0.101000", "the first is alone");
        assert_eq!(six(Score::on_demand(0.2).beside(2, 3)), "0.200000");
    }
}
