//! What can be set about a simulated EC2: its seed, how fast its time-bound steps go, its quotas and refusals.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::SimulatorError;
use super::launch::FAILURES;
use super::quota::GROUPS;

/// The settings of a world. All durations are divided by `speed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What ids, prices and small delays are drawn from.
    pub seed: u64,
    /// How many times faster than set the steps below go.
    pub speed: f64,
    /// From a launch or a start to `running`.
    pub pending: Duration,
    /// From `running` to an ssh server that answers.
    pub boot: Duration,
    /// From there to cloud-init's end.
    pub cloud_init: Duration,
    /// From a spot request to its first evaluation.
    pub evaluation: Duration,
    /// An attach or a detach of a volume.
    pub attach: Duration,
    /// From `creating` to `available` for a volume.
    pub volume_creation: Duration,
    /// From a snapshot's beginning to its end.
    pub snapshot: Duration,
    /// From a change of a volume to its end; half of that until the volume has its new size.
    pub modification: Duration,
    /// Whether snapshots that are begun end as `error`.
    pub snapshots_fail: bool,
    /// From `stopping` to `stopped`.
    pub stop: Duration,
    /// From `shutting-down` to `terminated`.
    pub terminate: Duration,
    /// The longest that a new object stays unseen by describes.
    pub visibility_lag: Duration,
    /// The longest that describes show an old object as it was before its last change.
    pub read_lag: Duration,
    /// From an interruption to the return of the capacity it took.
    pub capacity_return: Duration,
    /// How often an open spot request is tried again.
    pub retry: Duration,
    /// How long what is terminated, cancelled or closed stays listed.
    pub listed: Duration,
    /// The spot quota of each region and group of families, in vCPUs; open requests count.
    pub spot_vcpus: u64,
    /// The on-demand quota of each region and group of families, in vCPUs.
    pub on_demand_vcpus: u64,
    /// Whether the account has the role that EC2 launches spot instances by.
    pub spot_role: bool,
    /// Other quotas for some groups of families, by `spot-GROUP` or `on-demand-GROUP`.
    pub group_vcpus: BTreeMap<String, u64>,
    /// What becomes of instances that are launched, if they do not come up: one of [`super::launch::FAILURES`].
    pub launch_failure: Option<String>,
    /// How generous EC2's request throttling is: 1 is as documented, 0.1 a tenth of it, 0 no throttling at all.
    pub throttling: f64,
    /// The bucket, and perhaps the prefix, that the account's spot data feed goes to: `BUCKET` or `BUCKET/PREFIX`.
    pub data_feed: Option<String>,
    /// Whether the tags of resources are activated as cost allocation tags.
    pub cost_tags: bool,
    /// Actions that the caller has no permission for; `*` and `?` stand for any text and any letter.
    pub denied: Vec<String>,
}

impl Default for Settings {
    /// Brisk enough that a demonstration takes seconds, slow enough that every stage is seen.
    fn default() -> Self {
        Self {
            seed: 1,
            speed: 1.0,
            pending: Duration::from_millis(1200),
            boot: Duration::from_millis(1000),
            cloud_init: Duration::from_millis(800),
            evaluation: Duration::from_millis(300),
            attach: Duration::from_millis(300),
            volume_creation: Duration::from_millis(300),
            snapshot: Duration::from_millis(2000),
            modification: Duration::from_millis(1500),
            snapshots_fail: false,
            stop: Duration::from_millis(1200),
            terminate: Duration::from_millis(1200),
            visibility_lag: Duration::from_millis(200),
            read_lag: Duration::ZERO,
            capacity_return: Duration::from_secs(5),
            retry: Duration::from_secs(2),
            listed: Duration::from_hours(1),
            spot_vcpus: 8000,
            on_demand_vcpus: 8000,
            spot_role: true,
            group_vcpus: BTreeMap::new(),
            launch_failure: None,
            throttling: 0.0,
            data_feed: None,
            cost_tags: false,
            denied: Vec::new(),
        }
    }
}

impl Settings {
    /// A duration as it is at this speed.
    pub(super) fn span(&self, duration: Duration) -> SignedDuration {
        let seconds = duration.as_secs_f64() / self.speed;
        SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX)
    }

    /// The quota of a group of families in every region, in vCPUs.
    pub(super) fn quota(&self, group: &str, spot: bool) -> u64 {
        let (kind, all) = if spot { ("spot", self.spot_vcpus) } else { ("on-demand", self.on_demand_vcpus) };
        self.group_vcpus.get(&format!("{kind}-{group}")).copied().unwrap_or(all)
    }

    /// Every setting with its value as [`Settings::set`] takes it.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("seed", self.seed.to_string()), ("speed", self.speed.to_string())];
        let mut copy = self.clone();
        for name in DURATIONS {
            if let Some(duration) = copy.duration(name) {
                pairs.push((name, format!("{}s", duration.as_secs_f64())));
            }
        }
        pairs.push(("spot-vcpus", self.spot_vcpus.to_string()));
        pairs.push(("on-demand-vcpus", self.on_demand_vcpus.to_string()));
        pairs.push(("spot-role", if self.spot_role { "present" } else { "missing" }.to_owned()));
        let groups = self.group_vcpus.iter().map(|(group, vcpus)| format!("{group}={vcpus}"));
        pairs.push(("group-vcpus", groups.collect::<Vec<_>>().join(",")));
        pairs.push(("launch-failure", self.launch_failure.clone().unwrap_or_else(|| "none".to_owned())));
        pairs.push(("snapshots", if self.snapshots_fail { "fail" } else { "complete" }.to_owned()));
        pairs.push(("throttling", throttling_word(self.throttling)));
        pairs.push(("data-feed", self.data_feed.clone().unwrap_or_else(|| "none".to_owned())));
        pairs.push(("cost-tags", if self.cost_tags { "active" } else { "inactive" }.to_owned()));
        pairs.push(("denied", self.denied.join(",")));
        pairs
    }

    /// Sets one setting. Durations are seconds, or carry a unit: `1.5`, `200ms`, `2m`.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Setting`] if there is no such setting or the value is not one of its kind.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SimulatorError> {
        let key = key.replace('_', "-");
        let invalid = |expected| SimulatorError::Setting { key: key.clone(), value: value.to_owned(), expected };
        match key.as_str() {
            "seed" => self.seed = value.parse().map_err(|_| invalid("a whole number"))?,
            "speed" => {
                let speed: f64 = value.parse().map_err(|_| invalid("a number"))?;
                if !(speed.is_finite() && speed > 0.0) {
                    return Err(invalid("a number above 0"));
                }
                self.speed = speed;
            }
            "spot-vcpus" => self.spot_vcpus = value.parse().map_err(|_| invalid("a whole number"))?,
            "on-demand-vcpus" => self.on_demand_vcpus = value.parse().map_err(|_| invalid("a whole number"))?,
            "spot-role" => {
                self.spot_role = match value {
                    "present" => true,
                    "missing" => false,
                    _ => return Err(invalid("`present` or `missing`")),
                }
            }
            "group-vcpus" => {
                let groups: Option<BTreeMap<_, _>> = listed(value).map(group_quota).collect();
                self.group_vcpus = groups.ok_or_else(|| invalid(GROUP_VCPUS))?;
            }
            "launch-failure" => {
                let known = FAILURES.iter().any(|(name, ..)| *name == value);
                if !known && value != "none" {
                    return Err(invalid(LAUNCH_FAILURE));
                }
                self.launch_failure = known.then(|| value.to_owned());
            }
            "snapshots" => {
                self.snapshots_fail = match value {
                    "fail" => true,
                    "complete" => false,
                    _ => return Err(invalid("`complete` or `fail`")),
                }
            }
            "throttling" => self.throttling = throttling(value).ok_or_else(|| invalid(THROTTLING))?,
            "data-feed" => self.data_feed = (value != "none").then(|| value.to_owned()),
            "cost-tags" => {
                self.cost_tags = match value {
                    "active" => true,
                    "inactive" => false,
                    _ => return Err(invalid("`active` or `inactive`")),
                }
            }
            "denied" => {
                self.denied = listed(value).map(str::to_owned).collect();
            }
            name => {
                let Some(slot) = self.duration(name) else {
                    return Err(invalid("one of the settings that `cloudtop sim show` lists"));
                };
                *slot = parse_duration(value).ok_or_else(|| invalid("seconds, or a duration such as 200ms"))?;
            }
        }
        Ok(())
    }

    fn duration(&mut self, name: &str) -> Option<&mut Duration> {
        Some(match name {
            "pending" => &mut self.pending,
            "boot" => &mut self.boot,
            "cloud-init" => &mut self.cloud_init,
            "evaluation" => &mut self.evaluation,
            "attach" => &mut self.attach,
            "volume-creation" => &mut self.volume_creation,
            "snapshot" => &mut self.snapshot,
            "modification" => &mut self.modification,
            "stop" => &mut self.stop,
            "terminate" => &mut self.terminate,
            "visibility-lag" => &mut self.visibility_lag,
            "read-lag" => &mut self.read_lag,
            "capacity-return" => &mut self.capacity_return,
            "retry" => &mut self.retry,
            "listed" => &mut self.listed,
            _ => return None,
        })
    }
}

const DURATIONS: [&str; 15] = [
    "pending",
    "boot",
    "cloud-init",
    "evaluation",
    "attach",
    "volume-creation",
    "snapshot",
    "modification",
    "stop",
    "terminate",
    "visibility-lag",
    "read-lag",
    "capacity-return",
    "retry",
    "listed",
];

const GROUP_VCPUS: &str = "quotas such as spot-g-vt=8 or on-demand-standard=32, parted by commas; the groups are standard, \
                           dl, f, g-vt, high-memory, hpc, inf, p, p5, trn and x";

/// The parts of a list.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn group_quota(text: &str) -> Option<(String, u64)> {
    let (name, vcpus) = text.split_once('=')?;
    let group = name.strip_prefix("spot-").or_else(|| name.strip_prefix("on-demand-"))?;
    GROUPS.contains(&group).then_some((name.to_owned(), vcpus.parse().ok()?))
}

const LAUNCH_FAILURE: &str = "none, Client.InternalError, Client.InvalidSnapshot.NotFound, Client.VolumeLimitExceeded, \
                              Server.InsufficientInstanceCapacity or Server.InternalError";

const THROTTLING: &str = "`on`, `off`, or a number that EC2's buckets are multiplied by";

fn throttling(text: &str) -> Option<f64> {
    match text {
        "on" => Some(1.0),
        "off" => Some(0.0),
        number => number.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor >= 0.0),
    }
}

fn throttling_word(factor: f64) -> String {
    if factor == 0.0 { "off".to_owned() } else { factor.to_string() }
}

/// Seconds, or a duration with its unit: `1.5`, `200ms`, `2m`; none for anything else.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::time::Duration;

    use super::Settings;

    #[test]
    fn every_setting_that_is_shown_can_be_set_to_what_is_shown() {
        let shown = Settings::default().pairs();
        let mut settings = Settings { seed: 0, pending: Duration::ZERO, listed: Duration::ZERO, ..Settings::default() };
        for (key, value) in shown {
            settings.set(key, &value).unwrap();
        }
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn durations_take_seconds_and_units_and_nothing_negative() {
        let mut settings = Settings::default();
        settings.set("boot", "1.5").unwrap();
        settings.set("visibility_lag", "200ms").unwrap();
        assert_eq!(settings.boot, Duration::from_millis(1500));
        assert_eq!(settings.visibility_lag, Duration::from_millis(200));
        for (key, value) in [("boot", "-1"), ("boot", "-1s"), ("boot", "soon"), ("speed", "0"), ("bot", "1")] {
            assert!(settings.set(key, value).is_err(), "{key}={value}");
        }
    }
}
