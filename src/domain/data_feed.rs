//! The Spot Instance data feed: hourly files in which EC2 tells what each spot instance was charged.
//!
//! From the EC2 User Guide ("Track your Spot Instance costs using the Spot Instance data feed"): a file's name is
//! `ACCOUNT.YYYY-MM-DD-HH.N.UNIQUE.gz` (UTC), its lines are parted by tabs, one for each hour of an instance, in the
//! order that a line `#Fields:` names. What the guide does not promise is not relied on: files come when they come, a
//! line's hour is told by its own time and not by its file's name, a file may be delivered twice, and a line may be
//! replaced by one of a higher version.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// The columns, where no line `#Fields:` names others (the User Guide's example).
const FIELDS: [&str; 9] =
    ["Timestamp", "UsageType", "Operation", "InstanceID", "MyBidID", "MyMaxPrice", "MarketPrice", "Charge", "Version"];
/// More than any hour of any instance costs, USD: a larger number is a damaged one.
const MOST_USD: f64 = 1e6;

/// Where the files of a feed are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// What stands before a file's name, with its slash; empty for none.
    pub prefix: String,
}

impl Place {
    /// A bucket and a prefix, with or without the slash behind it.
    #[must_use]
    pub fn new(bucket: &str, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { bucket: bucket.to_owned(), prefix }
    }

    /// The key that all files of an hour and later follow in the bucket's order.
    #[must_use]
    pub fn before(&self, account: &str, hour: Timestamp) -> String {
        format!("{}{account}.{}", self.prefix, hour.strftime("%Y-%m-%d-%H"))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected s3://BUCKET or s3://BUCKET/PREFIX".to_owned();
        let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // "Bucket naming rules" of the S3 User Guide; old buckets may have capitals and underscores.
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.len() < 3 || bucket.len() > 255 || !bucket.chars().all(letter) {
            return Err(wrong());
        }
        Ok(Self::new(bucket, prefix))
    }
}

/// One file, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFile {
    /// The object's key.
    pub key: String,
    /// The hour that it is of.
    pub hour: Timestamp,
    /// Which of that hour's files it is, or which version of them.
    pub number: u32,
}

impl FeedFile {
    /// Reads a key; none for what is no file of this account's feed.
    #[must_use]
    pub fn read(key: &str, place: &Place, account: &str) -> Option<Self> {
        let name = key.strip_prefix(&place.prefix)?.strip_suffix(".gz")?;
        let [of, hour, number, unique] = name.split('.').collect::<Vec<_>>().try_into().ok()?;
        let (day, hour) = hour.rsplit_once('-')?;
        let plain = hour.len() == 2 && !unique.is_empty();
        let hour = format!("{day}T{hour}:00:00").parse::<DateTime>().ok().filter(|_| plain)?;
        let hour = hour.to_zoned(TimeZone::UTC).ok()?.timestamp();
        (of == account).then(|| number.parse().ok())?.map(|number| Self { key: key.to_owned(), hour, number })
    }
}

/// What an hour of an instance was charged.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// The instance.
    pub instance_id: String,
    /// The time that its price was taken at.
    pub at: Timestamp,
    /// USD.
    pub usd: f64,
}

/// Lines by what they are about: (instance, time, usage type), and what the latest of them says: (version, file), USD.
type Lines = BTreeMap<(String, Timestamp, String), ((u32, u32), f64)>;

/// What was read of a feed: the lines of some instances. It is the whole account's, which may have thousands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feed {
    wanted: BTreeSet<String>,
    lines: Lines,
    /// Lines of other instances.
    pub others: usize,
    /// Lines that are none of a feed's.
    pub unreadable: usize,
    /// Lines in another currency than USD.
    pub foreign: usize,
}

impl Feed {
    /// Nothing yet, of these instances.
    #[must_use]
    pub fn of(wanted: BTreeSet<String>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes in a file's text.
    pub fn add(&mut self, file: &FeedFile, text: &str) {
        let mut fields: Vec<String> = FIELDS.iter().map(ToString::to_string).collect();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                if let Some(named) = comment.trim_start().strip_prefix("Fields:") {
                    fields = named.split_whitespace().map(str::to_owned).collect();
                }
                continue;
            }
            match Line::read(line, &fields) {
                Some(line) if !self.wanted.contains(&line.key.0) => self.others += 1,
                Some(Line { usd: Some(usd), key, version }) => self.keep(key, (version, file.number), usd),
                Some(_) => self.foreign += 1,
                None => self.unreadable += 1,
            }
        }
    }

    /// The higher version stands; the same line delivered twice is one.
    fn keep(&mut self, key: (String, Timestamp, String), rank: (u32, u32), usd: f64) {
        let kept = self.lines.entry(key).or_insert((rank, usd));
        // Files come in no order: of two that contradict each other in one version the dearer is believed.
        if rank > kept.0 || (rank == kept.0 && usd > kept.1) {
            *kept = (rank, usd);
        }
    }

    /// All charges between two times, the second left out.
    #[must_use]
    pub fn charges(&self, from: Timestamp, to: Timestamp) -> Vec<Charge> {
        let within = self.lines.iter().filter(|((_, at, _), _)| (from..to).contains(at));
        within.map(|((id, at, _), (_, usd))| Charge { instance_id: id.clone(), at: *at, usd: *usd }).collect()
    }
}

/// One line, as far as it matters.
struct Line {
    key: (String, Timestamp, String),
    version: u32,
    /// None in another currency.
    usd: Option<f64>,
}

impl Line {
    fn read(line: &str, fields: &[String]) -> Option<Self> {
        let values: Vec<&str> = line.split('\t').map(str::trim).collect();
        let value = |name: &str| {
            let at = fields.iter().position(|field| field == name)?;
            values.get(at).copied().filter(|value| !value.is_empty())
        };
        let id = value("InstanceID").filter(|id| id.starts_with("i-") && id.is_ascii())?;
        let key = (id.to_owned(), time(value("Timestamp")?)?, value("UsageType").unwrap_or_default().to_owned());
        let (number, currency) = value("Charge")?.split_once(' ').unwrap_or((value("Charge")?, "USD"));
        let usd = number.parse::<f64>().ok().filter(|usd| (0.0..MOST_USD).contains(usd))?;
        let version = value("Version").and_then(|text| text.parse().ok()).unwrap_or(1);
        Some(Self { key, version, usd: (currency.trim() == "USD").then_some(usd) })
    }
}

/// `2023-12-09 07:13:47 UTC`.
fn time(text: &str) -> Option<Timestamp> {
    let local = strtime::parse("%Y-%m-%d %H:%M:%S UTC", text).ok()?.to_datetime().ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "#Version: 1.0\n#Fields: Timestamp UsageType Operation InstanceID MyBidID MyMaxPrice MarketPrice Charge Version\n";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn file(number: u32) -> FeedFile {
        FeedFile { key: String::new(), hour: at("2026-11-20T07:00:00Z"), number }
    }

    fn wanting() -> Feed {
        Feed::of(["i-0c3e", "i-1", "i-2", "i-9"].map(str::to_owned).into())
    }

    fn line(time: &str, id: &str, charge: &str, version: &str) -> String {
        format!(
            "{time}\tUSE2-SpotUsage:c7a.medium\tRunInstances:SV050\t{id}\tsir-pwq6nmfp\t0.05 USD\t0.01 USD\t{charge}\t{version}\n"
        )
    }

    fn read(files: &[(u32, String)]) -> Feed {
        let mut feed = wanting();
        for (number, text) in files {
            feed.add(&file(*number), &format!("{HEAD}{text}"));
        }
        feed
    }

    fn all(feed: &Feed) -> Vec<(String, String, f64)> {
        let charges = feed.charges(Timestamp::MIN, Timestamp::MAX);
        charges.into_iter().map(|it| (it.instance_id, it.at.to_string(), it.usd)).collect()
    }

    #[test]
    fn a_line_is_an_instance_a_time_and_a_charge() {
        let feed = read(&[(1, line("2026-11-20 07:13:47 UTC", "i-0c3e", "0.0142000000 USD", "1"))]);
        assert_eq!(all(&feed), [("i-0c3e".to_owned(), "2026-11-20T07:13:47Z".to_owned(), 0.0142)]);
        assert_eq!((feed.unreadable, feed.foreign), (0, 0));
    }

    #[test]
    fn a_file_has_hours_of_many_instances_and_those_outside_the_window_are_left_out() {
        let text = line("2026-11-20 07:13:47 UTC", "i-1", "0.1 USD", "1")
            + &line("2026-11-20 08:13:47 UTC", "i-1", "0.2 USD", "1")
            + &line("2026-11-20 08:00:00 UTC", "i-2", "0.4 USD", "1");
        let feed = read(&[(1, text)]);
        let sum = |from, to| feed.charges(at(from), at(to)).iter().map(|it| it.usd).sum::<f64>();
        assert!((sum("2026-11-20T07:00:00Z", "2026-11-20T08:00:00Z") - 0.1).abs() < 1e-12);
        assert!((sum("2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z") - 0.6).abs() < 1e-12);
    }

    /// Each row: what is delivered, and what stands in the end.
    #[test]
    fn what_is_delivered_twice_counts_once_and_a_higher_version_replaces_a_lower() {
        let of = |usd, version| line("2026-11-20 07:13:47 UTC", "i-1", usd, version);
        for (files, stands) in [
            (vec![(1, of("0.1 USD", "1")), (1, of("0.1 USD", "1"))], 0.1),
            (vec![(1, of("0.1 USD", "1")), (2, of("0.3 USD", "2"))], 0.3),
            (vec![(2, of("0.3 USD", "2")), (1, of("0.1 USD", "1"))], 0.3),
            (vec![(1, of("0.1 USD", "1") + &of("0.1 USD", "1"))], 0.1),
        ] {
            assert_eq!(all(&read(&files)).iter().map(|it| it.2).collect::<Vec<_>>(), [stands], "{files:?}");
        }
    }

    #[test]
    fn two_runs_in_one_hour_are_two_charges() {
        let text = line("2026-11-20 07:01:00 UTC", "i-1", "0.1 USD", "1")
            + &line("2026-11-20 07:31:00 UTC", "i-1", "0.1 USD", "1");
        assert_eq!(all(&read(&[(1, text)])).len(), 2);
    }

    #[test]
    fn another_order_of_fields_is_followed() {
        let mut feed = wanting();
        feed.add(&file(1), "#Fields: Charge InstanceID Timestamp\n0.5 USD\ti-9\t2026-11-20 07:13:47 UTC\n");
        assert_eq!(all(&feed), [("i-9".to_owned(), "2026-11-20T07:13:47Z".to_owned(), 0.5)]);
    }

    #[test]
    fn damaged_lines_are_counted_and_cost_nothing() {
        let good = line("2026-11-20 07:13:47 UTC", "i-1", "0.1 USD", "1");
        for bad in [
            line("2026-13-40 07:13:47 UTC", "i-1", "0.1 USD", "1"),
            line("2026-11-20 07:13:47", "i-1", "0.1 USD", "1"),
            line("2026-11-20 07:13:47 UTC", "vol-1", "0.1 USD", "1"),
            line("2026-11-20 07:13:47 UTC", "i-1", "-0.1 USD", "1"),
            line("2026-11-20 07:13:47 UTC", "i-1", "NaN USD", "1"),
            line("2026-11-20 07:13:47 UTC", "i-1", "1e99 USD", "1"),
            line("2026-11-20 07:13:47 UTC", "i-1", "", "1"),
            "2026-11-20 07:13:47 UTC\tcut off".to_owned(),
            "<html>".to_owned(),
        ] {
            let feed = read(&[(1, format!("{bad}\n{good}"))]);
            assert_eq!((feed.unreadable, all(&feed).len()), (1, 1), "{bad}");
        }
        let foreign = read(&[(1, line("2026-11-20 07:13:47 UTC", "i-1", "0.1 CNY", "1"))]);
        assert_eq!((foreign.unreadable, foreign.foreign, all(&foreign).len()), (0, 1, 0));
    }

    #[test]
    fn lines_of_other_instances_are_counted_and_not_kept() {
        let text = line("2026-11-20 07:13:47 UTC", "i-other", "0.1 USD", "1");
        let feed = read(&[(1, text)]);
        assert_eq!((feed.others, feed.unreadable, all(&feed).len()), (1, 0, 0));
    }

    #[test]
    fn a_files_name_tells_its_hour() {
        let place = Place::new("b", "feeds/");
        let read = |key: &str| FeedFile::read(key, &place, "111122223333");
        let found = read("feeds/111122223333.2023-12-09-07.001.b959dbc6.gz").unwrap();
        assert_eq!((found.hour, found.number), (at("2023-12-09T07:00:00Z"), 1));
        for other in [
            "111122223333.2023-12-09-07.001.b959dbc6.gz",
            "feeds/999999999999.2023-12-09-07.001.b959dbc6.gz",
            "feeds/111122223333.2023-12-09-07.001.b959dbc6",
            "feeds/111122223333.2023-12-09-24.001.b959dbc6.gz",
            "feeds/111122223333.2023-12-09.001.b959dbc6.gz",
            "feeds/111122223333.2023-12-09-07.one.b959dbc6.gz",
            "feeds/111122223333.2023-12-09-07.001..gz",
            "feeds/more/111122223333.2023-12-09-07.001.b959dbc6.gz",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn files_are_listed_from_the_hour_that_is_asked_for() {
        let place = Place::new("b", "feeds");
        let before = place.before("1", at("2026-11-20T07:45:00Z"));
        assert_eq!(before, "feeds/1.2026-11-20-07");
        assert!(*"feeds/1.2026-11-20-07.001.a.gz" > *before && *"feeds/1.2026-11-20-06.001.a.gz" < *before);
    }

    #[test]
    fn a_place_is_a_bucket_and_perhaps_a_prefix() {
        let read = |text: &str| text.parse::<Place>().map(|place| (place.bucket, place.prefix));
        assert_eq!(read("s3://my-bucket"), Ok(("my-bucket".to_owned(), String::new())));
        assert_eq!(read("s3://my-bucket/a/b/"), Ok(("my-bucket".to_owned(), "a/b/".to_owned())));
        for wrong in ["my-bucket", "s3://", "s3://a", "s3://my bucket/x", "https://my-bucket"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_charge_that_is_no_amount(text in "\\PC*", tail in proptest::collection::vec("[\\t -~]{0,60}", 0..20)) {
            let mut feed = Feed::default();
            feed.add(&file(1), &format!("{text}\n{}", tail.join("\n")));
            let charges = feed.charges(Timestamp::MIN, Timestamp::MAX);
            prop_assert!(charges.iter().all(|it| it.usd.is_finite() && it.usd >= 0.0));
        }

        #[test]
        fn a_line_with_one_byte_changed_is_still_read_or_counted(at in 0_usize..150, byte in 0_u8..128) {
            let mut text = line("2026-11-20 07:13:47 UTC", "i-0c3e", "0.0142000000 USD", "1").into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let text = String::from_utf8(text).unwrap();
            let mut feed = wanting();
            feed.add(&file(1), &text);
            prop_assert!(all(&feed).iter().all(|it| it.2.is_finite()));
        }

        #[test]
        fn a_name_of_any_shape_is_a_file_or_none(key in "\\PC{0,80}") {
            let _ = FeedFile::read(&key, &Place::new("b", ""), "1");
            let _ = key.parse::<Place>();
        }
    }
}
