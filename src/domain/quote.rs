//! What a pool is and costs, as `prices` shows it: one line each.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::advisor::Band;
use super::demand::{Arch, Demand, Requirements};
use super::market::TypeFacts;
use super::points::Points;
use super::price_history::PriceHistory;

/// One pool, with its type and what it has cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The region.
    pub region: String,
    /// The instance type.
    pub instance_type: String,
    /// Its vCPUs.
    pub vcpus: u32,
    /// Its memory, MiB.
    pub memory_mib: u64,
    /// Its architectures.
    pub archs: Vec<Arch>,
    /// Its instance store in all, GB; 0: none.
    pub local_disk_gb: u64,
    /// How many instance-store disks.
    pub local_disks: u32,
    /// How many GPUs.
    #[serde(default)]
    pub gpus: u32,
    /// The availability zone.
    pub zone: String,
    /// The spot price now, USD per hour.
    pub now: f64,
    /// The lowest price in the span, USD per hour.
    pub min: f64,
    /// The median price in the span, USD per hour.
    pub median: f64,
    /// The highest price in the span, USD per hour.
    pub max: f64,
    /// Mean prices of equal parts of the span, oldest first, USD per hour.
    pub points: Points,
    /// The on-demand price, USD per hour, where it is known.
    pub on_demand: Option<f64>,
    /// How often instances of the type were interrupted in the region, where the Spot Advisor says.
    #[serde(default)]
    pub band: Option<Band>,
    /// How likely EC2 takes a launch of any of the types asked about to find room in the zone: 1 to 10, 10 the likeliest.
    #[serde(default)]
    pub score: Option<u8>,
}

impl Quote {
    /// Puts together what is known of a pool.
    #[must_use]
    pub fn new(region: &str, facts: &TypeFacts, history: PriceHistory, on_demand: Option<f64>) -> Self {
        Self {
            region: region.to_owned(),
            instance_type: history.instance_type,
            vcpus: facts.vcpus,
            memory_mib: facts.memory_mib,
            archs: facts.archs.clone(),
            local_disk_gb: facts.local_disk_gb,
            local_disks: facts.local_disks,
            gpus: facts.gpus,
            zone: history.zone,
            now: history.now,
            min: history.min,
            median: history.median,
            max: history.max,
            points: history.points.into_iter().collect(),
            on_demand,
            band: None,
            score: None,
        }
    }

    /// The part of the on-demand price that spot saves now: 0.7 is 70 %. Negative where spot costs more.
    #[must_use]
    pub fn saving(&self) -> Option<f64> {
        self.on_demand.filter(|usd| *usd > 0.0).map(|usd| 1.0 - self.now / usd)
    }

    /// By how much the price has changed over the span: 0.1 is up by 10 %. `None` where it began at nothing.
    #[must_use]
    pub fn change(&self) -> Option<f64> {
        self.points.first().filter(|first| *first > 0.0).map(|first| self.now / first - 1.0)
    }
}

/// A column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The instance type's name.
    Type,
    /// vCPUs, most first.
    Cpus,
    /// Memory, most first.
    Memory,
    /// Instance store, most first.
    Disks,
    /// GPUs, most first.
    Gpus,
    /// The zone's name.
    Zone,
    /// The price now, lowest first.
    Price,
    /// The price now for each vCPU, lowest first.
    PricePerCpu,
    /// The saving against on-demand, most first.
    Saving,
    /// The change over the span, what fell most first.
    Change,
    /// How often instances are interrupted, least first.
    Band,
    /// The placement score, highest first.
    Score,
    /// The lowest price.
    Min,
    /// The median price.
    Median,
    /// The highest price.
    Max,
}

/// Sorts quotes by a column; equal ones by price, then by name, so that two runs agree.
pub fn sort(quotes: &mut [Quote], by: Column, reverse: bool) {
    quotes.sort_by(|a, b| order(a, b, by, reverse));
}

/// The first `most` of the quotes as [`sort`] orders them: of tens of thousands, without sorting the others.
#[must_use]
pub fn first(mut quotes: Vec<Quote>, most: usize, by: Column, reverse: bool) -> Vec<Quote> {
    if most < quotes.len() {
        quotes.select_nth_unstable_by(most, |a, b| order(a, b, by, reverse));
        quotes.truncate(most);
    }
    sort(&mut quotes, by, reverse);
    quotes
}

fn order(a: &Quote, b: &Quote, by: Column, reverse: bool) -> Ordering {
    let first = compare(a, b, by);
    let first = if reverse { first.reverse() } else { first };
    first
        .then_with(|| a.now.total_cmp(&b.now))
        .then_with(|| (&a.instance_type, &a.zone).cmp(&(&b.instance_type, &b.zone)))
}

fn compare(a: &Quote, b: &Quote, by: Column) -> Ordering {
    let per_cpu = |it: &Quote| it.now / f64::from(it.vcpus.max(1));
    // What is not known comes last.
    let known = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
    match by {
        Column::Type => a.instance_type.cmp(&b.instance_type),
        Column::Cpus => b.vcpus.cmp(&a.vcpus),
        Column::Memory => b.memory_mib.cmp(&a.memory_mib),
        Column::Disks => b.local_disk_gb.cmp(&a.local_disk_gb),
        Column::Gpus => b.gpus.cmp(&a.gpus),
        Column::Zone => a.zone.cmp(&b.zone),
        Column::Price => a.now.total_cmp(&b.now),
        Column::PricePerCpu => per_cpu(a).total_cmp(&per_cpu(b)),
        Column::Saving => known(a.saving().map(|part| -part)).total_cmp(&known(b.saving().map(|part| -part))),
        Column::Change => known(a.change()).total_cmp(&known(b.change())),
        Column::Band => a.band.is_none().cmp(&b.band.is_none()).then(a.band.cmp(&b.band)),
        Column::Score => b.score.cmp(&a.score),
        Column::Min => a.min.total_cmp(&b.min),
        Column::Median => a.median.total_cmp(&b.median),
        Column::Max => a.max.total_cmp(&b.max),
    }
}

/// Which types are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Those of these names, in which `*` stands for any letters and `?` for one.
    Names(Vec<String>),
    /// Those that have at least this much.
    Requirements(Requirements),
}

impl Question {
    /// The demand to ask EC2 with, where no name has to be matched.
    #[must_use]
    pub fn as_demand(&self) -> Option<Demand> {
        match self {
            Self::Names(names) if names.iter().any(|name| is_pattern(name)) => None,
            Self::Names(names) => Some(Demand::Types(names.clone())),
            Self::Requirements(wanted) => Some(Demand::Requirements(wanted.clone())),
        }
    }

    /// Whether a type is asked about.
    #[must_use]
    pub fn is_about(&self, facts: &TypeFacts) -> bool {
        match self {
            Self::Names(names) => names.iter().any(|name| matches(name, &facts.name)),
            Self::Requirements(wanted) => Demand::Requirements(wanted.clone()).accepts(facts).is_ok(),
        }
    }
}

/// Whether a name has to be matched, rather than looked up.
#[must_use]
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Whether a pattern stands for a name: `*` for any letters, none too, and `?` for one.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and how much of the name it has eaten so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, eaten)) = star else { return false };
                star = Some((at, eaten + 1));
                p = at + 1;
                n = eaten + 1;
            }
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters_and_a_question_mark_for_one() {
        for (pattern, name, does) in [
            ("c7*.4xlarge", "c7i.4xlarge", true),
            ("c7*.4xlarge", "c7gd.4xlarge", true),
            ("c7*.4xlarge", "c7i.24xlarge", false),
            ("c7?.4xlarge", "c7gd.4xlarge", false),
            ("c7?.4xlarge", "c7g.4xlarge", true),
            ("*", "m5.large", true),
            ("*.large", "m5.xlarge", false),
            ("m5.large", "m5.large", true),
            ("m5.larg", "m5.large", false),
            ("*5*a*", "m5.large", true),
            ("", "m5.large", false),
        ] {
            assert_eq!(matches(pattern, name), does, "{pattern} {name}");
        }
    }

    fn quote(name: &str, vcpus: u32, now: f64, on_demand: Option<f64>) -> Quote {
        Quote {
            region: "us-east-1".to_owned(),
            instance_type: name.to_owned(),
            vcpus,
            memory_mib: 1024,
            archs: vec![Arch::X86_64],
            local_disk_gb: 0,
            local_disks: 0,
            gpus: 0,
            zone: "us-east-1a".to_owned(),
            now,
            min: now,
            median: now,
            max: now,
            points: [now * 2.0, now].into_iter().collect(),
            on_demand,
            band: None,
            score: None,
        }
    }

    fn sorted(by: Column, reverse: bool) -> Vec<String> {
        let mut quotes = vec![quote("b", 4, 0.2, Some(0.4)), quote("a", 2, 0.15, None), quote("c", 8, 0.2, Some(1.0))];
        sort(&mut quotes, by, reverse);
        quotes.into_iter().map(|it| it.instance_type).collect()
    }

    #[test]
    fn what_is_not_known_comes_last_and_equal_ones_by_name() {
        assert_eq!(sorted(Column::Price, false), ["a", "b", "c"]);
        assert_eq!(sorted(Column::Saving, false), ["c", "b", "a"]);
        assert_eq!(sorted(Column::PricePerCpu, false), ["c", "b", "a"]);
        assert_eq!(sorted(Column::Cpus, false), ["c", "b", "a"]);
        assert_eq!(sorted(Column::Type, true), ["c", "b", "a"]);
    }

    #[test]
    fn the_first_few_are_those_that_sorting_all_puts_first() {
        let names = ["f", "b", "e", "a", "d", "c"];
        let quotes: Vec<Quote> = names.iter().map(|name| quote(name, 2, 0.1, None)).collect();
        for most in 0..=names.len() + 1 {
            let few = first(quotes.clone(), most, Column::Price, false);
            let few: Vec<&str> = few.iter().map(|it| it.instance_type.as_str()).collect();
            assert_eq!(few, ["a", "b", "c", "d", "e", "f"][..most.min(names.len())]);
        }
    }

    #[test]
    fn what_is_interrupted_least_comes_first_and_what_nobody_knows_of_last() {
        let mut quotes = [("a", None), ("b", Some(Band::Over20)), ("c", Some(Band::Under5))]
            .map(|(name, band)| Quote { band, ..quote(name, 2, 0.1, None) });
        sort(&mut quotes, Column::Band, false);
        assert_eq!(quotes.map(|it| it.instance_type), ["c", "b", "a"]);
    }

    #[test]
    fn a_saving_is_told_against_on_demand_and_a_change_against_the_beginning() {
        let it = quote("a", 2, 0.25, Some(1.0));
        assert_eq!(it.saving(), Some(0.75));
        assert_eq!(it.change(), Some(-0.5));
        assert_eq!(quote("a", 2, 0.25, Some(0.0)).saving(), None);
        assert_eq!(quote("a", 2, 0.0, None).change(), None);
    }
}
