#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;

use super::super::{EnvironmentSettings, VolumeSetting, WaitFor};
use super::*;
use crate::domain::budget::Action;
use crate::domain::choosing::Fallback;
use crate::domain::demand::Arch;
use crate::domain::intent::Interruption;
use crate::domain::snapshot_schedule::Schedule;

/// A project directory and a user's configuration directory, with files or without.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new(project: Option<&str>, user: Option<&str>) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("project")).unwrap();
        fs::create_dir_all(root.path().join("user/cloudtop")).unwrap();
        if let Some(text) = project {
            fs::write(root.path().join("project/cloudtop.toml"), text).unwrap();
        }
        if let Some(text) = user {
            fs::write(root.path().join("user/cloudtop/config.toml"), text).unwrap();
        }
        Self { root }
    }

    fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    fn load(&self, explicit: Option<&str>) -> Result<Config, ConfigError> {
        let user = self.root.path().join("user");
        Config::load(explicit.map(Path::new), &self.project(), Some(&user), Some(Path::new("/home/me")))
    }
}

fn fault(project: &str) -> TomlFault {
    match Place::new(Some(project), None).load(None) {
        Err(ConfigError::Broken { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

pub(in crate::config) const EVERY_KEY: &str = r#"
region = "us-west-1"
profile = "work"
types = ["c7i.xlarge", "c7a.xlarge"]
cpus = 4
memory = 16
arch = "x86_64"
local_ssd = true
gpu = true
zone = "us-west-1b"
max_price = 0.25
min_saving = "50%"
interruption_minutes = 20
fallback = "on-demand"
on_interruption = "stop"
one_time = false
template = "cloudtop"
user_data = "my.yaml"
set = { packages = ["git"] }
ami = "ami-1"
image = "tools"
os = "debian"
volume = 20
volume_id = "vol-1"
key = "~/.ssh/id_ed25519.pub"
allow_ssh = ["203.0.113.7/32"]
security_group = "sg-1"
subnet = "subnet-1"
wait = "ready"
timeout = "10m"
ttl = "1h30m"
idle = "45m"
nodes = 3
spread = true
wait_for_capacity = true
instance_profile = "attaches"
forward = [8080, "5432:db:5432"]
forward_agent = true
[secrets]
"~/.netrc" = { file = "~/.netrc" }
[tags]
team = "compilers"
[budget]
monthly = 50
[notify]
command = ["tell"]
desktop = true
[snapshots]
every = "1d"
keep = 7
"#;

#[test]
fn without_files_nothing_is_said() {
    let config = Place::new(None, None).load(None).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.environment("dev"), EnvironmentSettings::default());
}

#[test]
fn every_key_is_read_and_known() {
    let place = Place::new(Some(EVERY_KEY), None);
    let config = place.load(None).unwrap();
    assert_eq!(config.unknown, []);
    let settings = config.environment("dev");
    assert_eq!(settings.arch, Some(Arch::X86_64));
    assert_eq!(settings.on_interruption, Some(Interruption::Stop));
    assert_eq!(settings.min_saving, Some(50));
    assert_eq!(settings.fallback, Some(Fallback::OnDemand));
    assert_eq!(settings.volume, Some(VolumeSetting::Gib(20)));
    assert_eq!(settings.wait, Some(WaitFor::Ready));
    assert_eq!(settings.timeout, Some(Duration::from_secs(600)));
    assert_eq!(settings.ttl, Some(Duration::from_secs(5_400)));
    assert_eq!(settings.tags["team"], "compilers");

    let written: toml::Table = toml::from_str(EVERY_KEY).unwrap();
    let mut known: Vec<_> = KEYS.to_vec();
    known.sort_unstable();
    assert_eq!(written.keys().map(String::as_str).collect::<Vec<_>>(), known);
}

#[test]
fn the_project_wins_over_the_user_and_an_environment_over_the_top_level() {
    let project = "region = \"us-east-1\"\nnodes = 2\n[env.core]\nnodes = 3\n";
    let user = "region = \"eu-west-1\"\nprofile = \"mine\"\nnodes = 9\n[env.core]\nnodes = 8\nttl = \"8h\"\n";
    let config = Place::new(Some(project), Some(user)).load(None).unwrap();
    let core = config.environment("core");
    assert_eq!((core.region.as_deref(), core.profile.as_deref()), (Some("us-east-1"), Some("mine")));
    assert_eq!((core.nodes, core.ttl), (Some(3), Some(Duration::from_secs(28_800))));
    assert_eq!(config.environment("dev").nodes, Some(2));
    assert_eq!(config.environment_names(), ["core"]);
    assert_eq!(config.files.len(), 2);
}

#[test]
fn a_named_file_replaces_the_projects_and_must_be_there() {
    let place = Place::new(Some("nodes = 2\n"), None);
    fs::write(place.project().join("other.toml"), "nodes = 5\n").unwrap();
    assert_eq!(place.load(Some("other.toml")).unwrap().environment("dev").nodes, Some(5));
    let error = place.load(Some("gone.toml")).unwrap_err().to_string();
    assert!(error.contains("gone.toml") && error.contains("--config"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let place = Place::new(None, None);
    fs::create_dir(place.project().join("cloudtop.toml")).unwrap();
    let error = place.load(None).unwrap_err();
    assert!(matches!(&error, ConfigError::Read { .. }) && error.to_string().contains("cloudtop.toml"), "{error}");
}

#[test]
fn broken_toml_is_shown_with_its_line_and_column() {
    let fault = fault("region = \"us-east-1\"\nnodes = = 3\n");
    assert_eq!((fault.line, fault.column, fault.text.as_str()), (2, 9, "nodes = = 3"));
    assert!(fault.to_string().starts_with("line 2, column 9: "), "{fault}");
}

#[test]
fn a_fault_at_the_end_of_the_file_has_a_line_too() {
    let fault = fault("nodes = 3\n[env.dev");
    assert_eq!((fault.line, fault.text.as_str()), (2, "[env.dev"));
}

#[test]
fn a_value_of_the_wrong_type_is_shown_with_its_key() {
    for (text, line, words) in [
        ("# a\nnodes = \"three\"\n", 2, "expected u32"),
        ("\n\n[env.dev]\nspread = 1\n", 4, "expected a boolean"),
        ("volume = true\n", 1, "false for no volume"),
        ("volume = 70000\n", 1, "1 to 65536"),
        ("[env.dev]\nvolume = \"20\"\n", 2, "a size in GiB"),
        ("timeout = \"soon\"\n", 1, "8h"),
        ("timeout = 10\n", 1, "expected a string"),
        ("on_interruption = \"sleep\"\n", 1, "`hibernate`"),
        ("min_saving = 100\n", 1, "0 to 99"),
        ("min_saving = \"half\"\n", 1, "such as 50 or 50%"),
        ("fallback = \"reserved\"\n", 1, "`on-demand`"),
        ("nodes = -1\n", 1, "-1"),
        ("env = 3\n", 1, "expected a map"),
        ("tags = { a = 1 }\n", 1, "expected a string"),
        ("set = { a = 1.5 }\n", 1, "a list of strings"),
        ("[budget]\nmonthly = 0\n", 2, "above 0"),
        ("[budget]\nmonthly = -5.5\n", 2, "above 0"),
        ("[budget]\nmonthly = nan\n", 2, "above 0"),
        ("[budget]\nmonthly = \"50\"\n", 2, "f64"),
        ("[budget]\nmonthly = 5\naction = \"end\"\n", 3, "`stop`"),
        ("[budget]\naction = \"stop\"\n", 1, "missing field `monthly`"),
        ("budget = 50\n", 1, "Budget"),
        ("a = 1\n[env.dev.budget]\nmonthly = 0\n", 3, "above 0"),
        ("[notify]\ncommand = \"mail me\"\n", 2, "expected a list"),
        ("[notify]\ncommand = []\n", 2, "the program to run"),
        ("[notify]\ndesktop = \"yes\"\n", 2, "expected a boolean"),
        ("[notify]\n", 1, "give it a `command`, or `desktop = true`"),
        ("[snapshots]\nevery = 1\n", 2, "expected a string"),
        ("[snapshots]\nevery = \"5m\"\n", 2, "no more often than every hour"),
        ("a = 1\n[env.dev.snapshots]\nkeep = 0\nevery = \"1d\"\n", 3, "from 1 to 1000"),
        ("[snapshots]\nkeep = 7\n", 1, "missing field `every`"),
        ("snapshots = \"daily\"\n", 1, "or false for none"),
        ("snapshots = true\n", 1, "or false for none"),
    ] {
        let fault = fault(text);
        assert_eq!(fault.line, line, "{text}: {fault}");
        assert!(fault.message.contains(words), "{text}: {fault}");
        assert_eq!(Some(fault.text.as_str()), text.lines().nth(line - 1), "{text}");
    }
}

#[test]
fn unknown_keys_are_reported_with_line_and_likely_meaning() {
    let text = "regoin = \"us-east-1\"\n\n[env.\"my.dev\"]\ntpyes = [\"c7i.large\"]\ncolour = 1\n[envs.x]\nnodes = 1\n";
    let config = Place::new(Some(text), None).load(None).unwrap();
    let seen: Vec<_> = config.unknown.iter().map(|key| (key.key.as_str(), key.line, key.meant)).collect();
    assert_eq!(
        seen,
        [
            ("envs", Some(6), Some("env")),
            ("regoin", Some(1), Some("region")),
            ("env.my.dev.colour", Some(5), None),
            ("env.my.dev.tpyes", Some(4), Some("types")),
        ]
    );
    let said = config.unknown[1].to_string();
    assert!(said.ends_with("cloudtop.toml:1: unknown key `regoin`; did you mean `region`?"), "{said}");
}

#[test]
fn a_budget_of_all_environments_is_not_that_of_each() {
    let project = "[budget]\nmonthly = 50\n[env.dev.budget]\nmonthly = 10\naction = \"stop\"\n[env.core]\nnodes = 3\n";
    let user = "[budget]\nmonthly = 80\n[env.core.budget]\nmonthly = 20.5\n";
    let config = Place::new(Some(project), Some(user)).load(None).unwrap();
    let budgets: Vec<_> =
        config.budgets().into_iter().map(|(scope, it)| (scope.in_words(), it.monthly, it.action)).collect();
    let words = |text: &str| text.to_owned();
    assert_eq!(
        budgets,
        [
            (words("the budget of all environments"), 50.0, Action::Warn),
            (words("the budget of core"), 20.5, Action::Warn),
            (words("the budget of dev"), 10.0, Action::Stop),
        ]
    );
    assert_eq!(config.environment("rest").budget, None);
    assert_eq!(config.unknown, []);
}

#[test]
fn a_slip_within_a_table_is_shown_with_that_tables_keys() {
    let text = "[budget]\nmonthly = 5\nacton = \"stop\"\n[env.dev.notify]\ncommand = [\"a\"]\ncommnd = 1\n";
    let config = Place::new(Some(text), None).load(None).unwrap();
    let seen: Vec<_> = config.unknown.iter().map(|key| (key.key.as_str(), key.line, key.meant)).collect();
    let expected = [("budget.acton", Some(3), Some("action")), ("env.dev.notify.commnd", Some(6), Some("command"))];
    assert_eq!(seen, expected);
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let text =
        "user_data = \"boot/my.yaml\"\nkey = \"~/.ssh/id.pub\"\ntemplate = \"./own\"\n[env.a]\ntemplate = \"coreos\"\n";
    let place = Place::new(Some(text), None);
    let settings = place.load(None).unwrap().environment("dev");
    assert_eq!(settings.user_data, Some(place.project().join("boot/my.yaml")));
    assert_eq!(settings.key, Some(PathBuf::from("/home/me/.ssh/id.pub")));
    assert_eq!(settings.template.map(PathBuf::from), Some(place.project().join("./own")));
    assert_eq!(place.load(None).unwrap().environment("a").template.as_deref(), Some("coreos"));
    for (program, meant) in
        [("./tell", place.project().join("./tell")), ("mail", "mail".into()), ("~/t", "/home/me/t".into())]
    {
        let text = format!("[notify]\ncommand = [\"{program}\", \"./x\"]\n");
        fs::write(place.project().join("cloudtop.toml"), text).unwrap();
        let command = place.load(None).unwrap().environment("dev").notify.unwrap().command;
        assert_eq!((Path::new(&command[0]), command[1].as_str()), (meant.as_path(), "./x"));
    }
}

#[test]
fn the_documentation_names_every_key_and_its_examples_are_right() {
    let page = include_str!("../../docs/configuration.md");
    for key in KEYS {
        assert!(page.contains(&format!("`{key}`")), "docs/configuration.md does not speak of {key}");
    }
    let examples = |page: &'static str| page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples: Vec<_> = examples(page)
        .chain(examples(include_str!("../../docs/budget.md")))
        .chain(examples(include_str!("../../docs/volumes.md")))
        .chain(examples(include_str!("../../docs/watch.md")))
        .collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        assert_eq!(Place::new(Some(example), None).load(None).unwrap().unknown, []);
    }
}

#[test]
fn a_schedule_for_all_can_be_left_out_for_one() {
    let text = "[snapshots]\nevery = \"1d\"\n[env.job]\nsnapshots = false\n[env.dev]\nsnapshots = { every = \"6h\", keep = 20 }\n";
    let config = Place::new(Some(text), None).load(None).unwrap();
    let of = |name: &str| config.environment(name).snapshots.and_then(|it| it.schedule());
    let hours = |hours, keep| Some(Schedule { every: SignedDuration::from_hours(hours), keep });
    assert_eq!((of("other"), of("job"), of("dev")), (hours(24, 7), None, hours(6, 20)));
    let text = "[snapshots]\nevry = \"1d\"\nevery = \"1d\"\n";
    let config = Place::new(Some(text), None).load(None).unwrap();
    assert_eq!(config.unknown[0].meant, Some("every"));
}
