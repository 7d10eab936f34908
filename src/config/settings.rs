//! The keys of `cloudtop.toml`. Each is the flag of `cloudtop up` of the same name, with `_` for `-`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::notify::NotifySetting;
use super::secrets::{self, SecretSetting};
use super::snapshots::SnapshotsSetting;
use super::values;
use crate::domain::budget::Budget;
use crate::domain::choosing::Fallback;
use crate::domain::demand::Arch;
use crate::domain::forward::Forward;
use crate::domain::intent::{ImageFamily, Interruption};

/// How far `up` waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitFor {
    /// Not at all: return when everything is asked for.
    None,
    /// Until EC2 says that the instances run.
    Running,
    /// Until ssh answers.
    Ssh,
    /// Until the first boot is finished and the template's own check passes.
    Ready,
}

/// The persistent volume of each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeSetting {
    /// `volume = false`, `--no-volume`.
    Without,
    /// Its size when it is made, GiB.
    Gib(u32),
}

impl<'de> Deserialize<'de> for VolumeSetting {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a size in GiB, or false for no volume")]
        enum Written {
            Gib(i64),
            Switch(bool),
        }
        match Written::deserialize(input)? {
            Written::Gib(gib) => values::check_volume_gib(gib).map(Self::Gib).map_err(D::Error::custom),
            Written::Switch(false) => Ok(Self::Without),
            Written::Switch(true) => Err(D::Error::custom("expected a size in GiB, or false for no volume")),
        }
    }
}

/// What one environment is to be, as far as it was said. `None`: not said here.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EnvironmentSettings {
    /// The region, for example `us-east-1`.
    pub region: Option<String>,
    /// The profile in the AWS configuration.
    pub profile: Option<String>,
    /// Instance types that will do, by name.
    pub types: Option<Vec<String>>,
    /// The least number of vCPUs.
    pub cpus: Option<u32>,
    /// The least memory, GiB.
    pub memory: Option<u32>,
    /// The processor architecture.
    pub arch: Option<Arch>,
    /// Whether the machine must have instance store.
    pub local_ssd: Option<bool>,
    /// Whether the machine must have a GPU.
    pub gpu: Option<bool>,
    /// The only availability zone allowed.
    pub zone: Option<String>,
    /// The most to pay, USD per node and hour.
    pub max_price: Option<f64>,
    /// The least saving against on-demand, in per cent.
    #[serde(deserialize_with = "values::saving")]
    pub min_saving: Option<u32>,
    /// Minutes lost to an interruption.
    pub interruption_minutes: Option<u32>,
    /// What is launched when no spot pool will do.
    pub fallback: Option<Fallback>,
    /// What EC2 does with a node that it takes away.
    pub on_interruption: Option<Interruption>,
    /// A node that was taken away does not come back.
    pub one_time: Option<bool>,
    /// A built-in template's name, or a directory.
    pub template: Option<String>,
    /// User data to send as it is, instead of a template's.
    pub user_data: Option<PathBuf>,
    /// The template's variables.
    #[serde(deserialize_with = "template_variables")]
    pub set: BTreeMap<String, String>,
    /// The operating system, where the template is made for several.
    pub os: Option<ImageFamily>,
    /// The directory of the file in which a variable is set, where it is one: paths among them are relative to it.
    #[serde(skip)]
    pub set_in: BTreeMap<String, PathBuf>,
    /// The image to boot, instead of the newest of the template's family.
    pub ami: Option<String>,
    /// The name of an image of one's own to boot, with `@VERSION` for one version of it.
    pub image: Option<String>,
    /// The persistent volume.
    pub volume: Option<VolumeSetting>,
    /// A volume that exists.
    pub volume_id: Option<String>,
    /// The ssh key.
    pub key: Option<PathBuf>,
    /// Who may reach port 22, as CIDR blocks.
    pub allow_ssh: Option<Vec<String>>,
    /// A security group of the user's own.
    pub security_group: Option<String>,
    /// A subnet of the user's own.
    pub subnet: Option<String>,
    /// How far `up` waits.
    pub wait: Option<WaitFor>,
    /// How long `up` waits.
    #[serde(deserialize_with = "values::duration")]
    pub timeout: Option<Duration>,
    /// How long the environment lives.
    #[serde(deserialize_with = "values::duration")]
    pub ttl: Option<Duration>,
    /// After how long without use nodes stop themselves; zero: never.
    #[serde(deserialize_with = "values::idle")]
    pub idle: Option<Duration>,
    /// The number of nodes.
    pub nodes: Option<u32>,
    /// Whether nodes are laid out over availability zones.
    pub spread: Option<bool>,
    /// Leave the request open until there is capacity.
    pub wait_for_capacity: Option<bool>,
    /// The instance profile that nodes are launched with.
    pub instance_profile: Option<String>,
    /// The user's own files that nodes get over ssh, by their path on a node.
    #[serde(deserialize_with = "secrets::read")]
    pub secrets: BTreeMap<String, SecretSetting>,
    /// The ports that a shell on a node forwards.
    pub forward: Option<Vec<Forward>>,
    /// Whether nodes may use the user's ssh agent while somebody is logged in.
    pub forward_agent: Option<bool>,
    /// Tags of the user's own on everything that is made.
    pub tags: BTreeMap<String, String>,
    /// What may be spent in a month. At the top level of a file it is about all environments together, and is not here:
    /// see [`super::Config::budgets`].
    pub budget: Option<Budget>,
    /// Whom `watch` tells what happens.
    pub notify: Option<NotifySetting>,
    /// The snapshots that `watch` makes of persistent volumes.
    pub snapshots: Option<SnapshotsSetting>,
}

/// The names of all keys of [`EnvironmentSettings`], for "did you mean".
pub(super) const KEYS: &[&str] = &[
    "region",
    "profile",
    "types",
    "cpus",
    "memory",
    "arch",
    "local_ssd",
    "gpu",
    "zone",
    "max_price",
    "min_saving",
    "interruption_minutes",
    "fallback",
    "on_interruption",
    "one_time",
    "template",
    "user_data",
    "set",
    "os",
    "ami",
    "image",
    "volume",
    "volume_id",
    "key",
    "allow_ssh",
    "security_group",
    "subnet",
    "wait",
    "timeout",
    "ttl",
    "idle",
    "nodes",
    "spread",
    "wait_for_capacity",
    "instance_profile",
    "secrets",
    "forward",
    "forward_agent",
    "tags",
    "budget",
    "notify",
    "snapshots",
];

/// The keys of a table within the settings that has keys of its own, and is not the user's to name.
pub(super) fn keys_within(table: &str) -> Option<&'static [&'static str]> {
    match table {
        "budget" => Some(&["monthly", "action"]),
        "notify" => Some(&["command", "desktop"]),
        "snapshots" => Some(&["every", "keep"]),
        _ => None,
    }
}

impl EnvironmentSettings {
    /// These settings, and where they are silent, those of `below`.
    ///
    /// `set`, `secrets` and `tags` are joined by key. Where two keys answer the same question, the upper answer removes the
    /// lower one: types against requirements, a zone against `spread`, a volume's id against its size or absence, an image's
    /// id against its name.
    #[must_use]
    pub fn over(self, mut below: Self) -> Self {
        if self.types.is_some() {
            (below.cpus, below.memory, below.local_ssd, below.gpu) = (None, None, None, None);
        }
        if self.cpus.is_some() || self.memory.is_some() || self.local_ssd.is_some() || self.gpu.is_some() {
            below.types = None;
        }
        if self.zone.is_some() {
            below.spread = None;
        }
        if self.spread == Some(true) {
            below.zone = None;
        }
        if self.ami.is_some() {
            below.image = None;
        }
        if self.image.is_some() {
            below.ami = None;
        }
        if self.volume.is_some() {
            below.volume_id = None;
        }
        if self.volume_id.is_some() {
            below.volume = None;
        }
        below.set_in.retain(|name, _| !self.set.contains_key(name));
        below.set_in.extend(self.set_in);
        below.set.extend(self.set);
        below.secrets.extend(self.secrets);
        below.tags.extend(self.tags);
        Self {
            region: self.region.or(below.region),
            profile: self.profile.or(below.profile),
            types: self.types.or(below.types),
            cpus: self.cpus.or(below.cpus),
            memory: self.memory.or(below.memory),
            arch: self.arch.or(below.arch),
            local_ssd: self.local_ssd.or(below.local_ssd),
            gpu: self.gpu.or(below.gpu),
            zone: self.zone.or(below.zone),
            max_price: self.max_price.or(below.max_price),
            min_saving: self.min_saving.or(below.min_saving),
            interruption_minutes: self.interruption_minutes.or(below.interruption_minutes),
            fallback: self.fallback.or(below.fallback),
            on_interruption: self.on_interruption.or(below.on_interruption),
            one_time: self.one_time.or(below.one_time),
            template: self.template.or(below.template),
            user_data: self.user_data.or(below.user_data),
            set: below.set,
            os: self.os.or(below.os),
            set_in: below.set_in,
            ami: self.ami.or(below.ami),
            image: self.image.or(below.image),
            volume: self.volume.or(below.volume),
            volume_id: self.volume_id.or(below.volume_id),
            key: self.key.or(below.key),
            allow_ssh: self.allow_ssh.or(below.allow_ssh),
            security_group: self.security_group.or(below.security_group),
            subnet: self.subnet.or(below.subnet),
            wait: self.wait.or(below.wait),
            timeout: self.timeout.or(below.timeout),
            ttl: self.ttl.or(below.ttl),
            idle: self.idle.or(below.idle),
            nodes: self.nodes.or(below.nodes),
            spread: self.spread.or(below.spread),
            wait_for_capacity: self.wait_for_capacity.or(below.wait_for_capacity),
            instance_profile: self.instance_profile.or(below.instance_profile),
            secrets: below.secrets,
            forward: self.forward.or(below.forward),
            forward_agent: self.forward_agent.or(below.forward_agent),
            tags: below.tags,
            budget: self.budget.or(below.budget),
            notify: self.notify.or(below.notify),
            snapshots: self.snapshots.or(below.snapshots),
        }
    }

    /// Makes the paths in it mean what they mean in a file in `directory`; `~/` is the home directory.
    pub(super) fn resolve_paths(&mut self, directory: &Path, home: Option<&Path>) {
        let resolve = |path: &Path| match (path.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => directory.join(path),
        };
        for path in [&mut self.user_data, &mut self.key].into_iter().flatten() {
            *path = resolve(path);
        }
        self.set_in = self.set.keys().map(|name| (name.clone(), directory.to_owned())).collect();
        for file in self.secrets.values_mut().filter_map(SecretSetting::file_mut) {
            *file = resolve(file);
        }
        // A program without a slash is looked for where programs are.
        let program = self.notify.as_mut().and_then(|it| it.command.first_mut());
        if let Some(program) = program.filter(|program| program.contains('/')) {
            *program = resolve(Path::new(program)).to_string_lossy().into_owned();
        }
        // A template without a slash is the name of a built-in one.
        if let Some(template) = self.template.as_mut().filter(|template| template.contains('/') || *template == ".") {
            *template = resolve(Path::new(template)).to_string_lossy().into_owned();
        }
    }
}

/// `set` takes TOML's own types, which `--set KEY=VALUE` cannot write, and hands on what `--set` would have said.
fn template_variables<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string, a whole number, true, false, or a list of strings")]
    enum Written {
        Text(String),
        Number(i64),
        Switch(bool),
        List(Vec<String>),
    }
    let written = BTreeMap::<String, Written>::deserialize(input)?;
    let spelt = |value| match value {
        Written::Text(text) => text,
        Written::Number(number) => number.to_string(),
        Written::Switch(switch) => switch.to_string(),
        Written::List(items) => items.join(","),
    };
    Ok(written.into_iter().map(|(name, value)| (name, spelt(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> EnvironmentSettings {
        super::super::parse_toml(text).unwrap_or_default()
    }

    #[test]
    fn an_answer_removes_the_lower_answer_to_the_same_question() {
        let below = settings("types = [\"c7i.xlarge\"]\nspread = true\nvolume = false\n");
        let merged = settings("cpus = 8\nzone = \"us-east-1a\"\nvolume_id = \"vol-1\"\n").over(below);
        assert_eq!((merged.types, merged.cpus), (None, Some(8)));
        assert_eq!((merged.spread, merged.zone.as_deref()), (None, Some("us-east-1a")));
        assert_eq!((merged.volume, merged.volume_id.as_deref()), (None, Some("vol-1")));

        let below = settings("cpus = 8\nmemory = 32\narch = \"arm64\"\nvolume_id = \"vol-1\"\n");
        let merged = settings("types = [\"c7g.xlarge\"]\nvolume = 20\n").over(below);
        assert_eq!((merged.cpus, merged.memory, merged.arch), (None, None, Some(Arch::Arm64)));
        assert_eq!((merged.volume, merged.volume_id), (Some(VolumeSetting::Gib(20)), None));
    }

    #[test]
    fn variables_and_tags_are_joined_by_name() {
        let below = settings("set = { a = \"1\", b = \"2\" }\ntags = { team = \"x\" }\n");
        let merged = settings("set = { b = \"3\" }\ntags = { cost = \"y\" }\n").over(below);
        assert_eq!(merged.set.values().collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(merged.tags.len(), 2);
    }

    #[test]
    fn variables_may_be_written_in_their_own_type() {
        let settings = settings("[set]\npackages = [\"git\", \"tmux\"]\nport = 8080\nfast = true\n");
        assert_eq!(settings.set["packages"], "git,tmux");
        assert_eq!((settings.set["port"].as_str(), settings.set["fast"].as_str()), ("8080", "true"));
    }
}
