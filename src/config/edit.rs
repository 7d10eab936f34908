//! Writing into `cloudtop.toml` what was answered, and leaving all else of it as the user wrote it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value, value};

use super::{EnvironmentSettings, TomlFault, VolumeSetting, toml_text};

/// Keys that answer the same question: writing the first takes the others out of the same table.
const RIVALS: &[(&str, &[&str])] = &[
    ("types", &["cpus", "memory", "arch", "local_ssd", "gpu"]),
    ("cpus", &["types"]),
    ("memory", &["types"]),
    ("volume", &["volume_id"]),
    ("volume_id", &["volume"]),
    ("zone", &["spread"]),
    ("spread", &["zone"]),
];

/// What is to be written of one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The keys of `[env.NAME]`.
    pub settings: EnvironmentSettings,
    /// The most to spend in a month, USD; 0 takes the budget out, `None` leaves it as it is.
    pub budget: Option<f64>,
}

/// The text of a configuration file with answers for `name` in it. What an empty file gets is the whole of a new one.
/// The region goes to the top of a file that names none: most people have one.
///
/// # Errors
/// The text is not TOML.
pub fn with_answers(text: &str, name: &str, answers: &Answers) -> Result<String, TomlFault> {
    // Read first by the reader whose faults say the line.
    toml_text::parse::<toml::Table>(text)?;
    let mut document: DocumentMut = text.parse().unwrap_or_default();
    let mut settings = answers.settings.clone();
    if let Some(region) = settings.region.take() {
        match document.get("region").and_then(Item::as_str) {
            None => _ = document.insert("region", value(region)),
            Some(there) if there == region => {}
            Some(_) => settings.region = Some(region),
        }
    }
    let all = table_in(document.as_table_mut(), "env", true);
    let environment = table_in(all, name, false);
    for (key, answer) in written(&settings) {
        let rivals = RIVALS.iter().find(|(of, _)| *of == key).map_or(&[][..], |(_, rivals)| rivals);
        for rival in rivals {
            environment.remove(rival);
        }
        set(environment, key, answer);
    }
    match answers.budget {
        Some(monthly) if monthly > 0.0 => set(table_in(environment, "budget", false), "monthly", number(monthly)),
        Some(_) => _ = environment.remove("budget"),
        None => {}
    }
    Ok(document.to_string())
}

/// Writes a configuration file: whoever reads it meanwhile finds the old text or the new, whole. Its permissions stay, and a
/// link to it stays a link.
///
/// # Errors
/// It cannot be written; it is then as it was.
pub fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let Ok(real) = path.canonicalize() else {
        let mut file = File::options().write(true).create_new(true).open(path)?;
        return file.write_all(text.as_bytes());
    };
    let directory = real.parent().unwrap_or(Path::new("/"));
    let mut beside = tempfile::NamedTempFile::new_in(directory)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().set_permissions(std::fs::metadata(&real)?.permissions())?;
    beside.as_file().sync_all()?;
    beside.persist(&real)?;
    Ok(())
}

/// A table in another, made where there is none; `implicit`: without a header of its own.
fn table_in<'t>(above: &'t mut dyn TableLike, key: &str, implicit: bool) -> &'t mut dyn TableLike {
    let mut table = Table::new();
    table.set_implicit(implicit);
    let item = above.entry(key).or_insert(Item::Table(table));
    if !item.is_table_like() {
        *item = toml_edit::table();
    }
    item.as_table_like_mut().unwrap_or_else(|| unreachable!("it is a table now"))
}

/// Exchanges a value and keeps what is written around it, comments among it.
fn set(table: &mut dyn TableLike, key: &str, answer: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(there) => {
            let around = there.decor().clone();
            *there = answer;
            *there.decor_mut() = around;
        }
        None => _ = table.insert(key, value(answer)),
    }
}

/// The settings that were said, as they are written in the file, in the order of its documentation.
fn written(settings: &EnvironmentSettings) -> Vec<(&'static str, Value)> {
    let text = |it: &Option<String>| it.as_deref().map(Value::from);
    let path = |it: &Option<std::path::PathBuf>| it.as_deref().map(Path::to_string_lossy).map(|it| it.as_ref().into());
    let whole = |it: Option<u32>| it.map(|it| Value::from(i64::from(it)));
    let switch = |it: Option<bool>| it.map(Value::from);
    let list = |it: &Option<Vec<String>>| it.as_ref().map(|it| Value::from(it.iter().collect::<Array>()));
    let duration = |it: Option<Duration>| it.map(|it| Value::from(spelt(it)));
    let all = [
        ("region", text(&settings.region)),
        ("profile", text(&settings.profile)),
        ("types", list(&settings.types)),
        ("cpus", whole(settings.cpus)),
        ("memory", whole(settings.memory)),
        ("arch", settings.arch.map(|it| it.as_str().into())),
        ("local_ssd", switch(settings.local_ssd)),
        ("gpu", switch(settings.gpu)),
        ("zone", text(&settings.zone)),
        ("max_price", settings.max_price.map(number)),
        ("min_saving", whole(settings.min_saving)),
        ("interruption_minutes", whole(settings.interruption_minutes)),
        ("fallback", settings.fallback.map(|it| it.as_str().into())),
        ("on_interruption", settings.on_interruption.map(|it| it.as_str().into())),
        ("one_time", switch(settings.one_time)),
        ("template", text(&settings.template)),
        ("user_data", path(&settings.user_data)),
        ("os", settings.os.map(|it| it.as_str().into())),
        ("ami", text(&settings.ami)),
        ("image", text(&settings.image)),
        ("volume", settings.volume.map(volume)),
        ("volume_id", text(&settings.volume_id)),
        ("key", path(&settings.key)),
        ("allow_ssh", list(&settings.allow_ssh)),
        ("security_group", text(&settings.security_group)),
        ("subnet", text(&settings.subnet)),
        ("ttl", duration(settings.ttl)),
        ("idle", duration(settings.idle)),
        ("nodes", whole(settings.nodes)),
        ("spread", switch(settings.spread)),
        ("wait_for_capacity", switch(settings.wait_for_capacity)),
        ("instance_profile", text(&settings.instance_profile)),
    ];
    let mut all: Vec<_> = all.into_iter().filter_map(|(key, answer)| Some((key, answer?))).collect();
    if !settings.set.is_empty() {
        let set = settings.set.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        all.push(("set", Value::InlineTable(set.collect())));
    }
    all
}

fn volume(wanted: VolumeSetting) -> Value {
    match wanted {
        VolumeSetting::Without => false.into(),
        VolumeSetting::Gib(gib) => i64::from(gib).into(),
    }
}

/// Whole numbers without a point, as people write money.
fn number(it: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and far below 2^53")]
    if it.fract() == 0.0 && it.abs() < 1e15 { Value::from(it as i64) } else { Value::from(it) }
}

/// A duration as it is read: `1h30m`.
fn spelt(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0m".to_owned() } else { text }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::config::settings::KEYS;

    fn answers(settings: EnvironmentSettings) -> Answers {
        Answers { settings, budget: None }
    }

    #[test]
    fn a_new_file_has_what_was_answered_and_no_more() {
        let settings = EnvironmentSettings {
            region: Some("us-west-2".to_owned()),
            cpus: Some(8),
            memory: Some(32),
            volume: Some(VolumeSetting::Gib(100)),
            idle: Some(Duration::from_secs(45 * 60)),
            ..EnvironmentSettings::default()
        };
        let text = with_answers("", "dev", &Answers { settings, budget: Some(50.0) }).unwrap();
        let wanted = "region = \"us-west-2\"\n\n[env.dev]\ncpus = 8\nmemory = 32\nvolume = 100\nidle = \"45m\"\n\n\
                      [env.dev.budget]\nmonthly = 50\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_the_user_wrote_stays_as_it_is() {
        let text = "# ours\nregion = \"us-east-1\" # near\n\n[env.core]\nnodes = 3\n\n[env.dev]\n# big\ntypes = [\"m5.large\"]\n\
                    volume = 50 # enough\n\n[tags]\nteam = \"x\"\n";
        let settings = EnvironmentSettings {
            region: Some("us-east-1".to_owned()),
            cpus: Some(4),
            volume: Some(VolumeSetting::Gib(80)),
            ..EnvironmentSettings::default()
        };
        let changed = with_answers(text, "dev", &answers(settings)).unwrap();
        let wanted = "# ours\nregion = \"us-east-1\" # near\n\n[env.core]\nnodes = 3\n\n[env.dev]\n\
                      volume = 80 # enough\ncpus = 4\n\n[tags]\nteam = \"x\"\n";
        assert_eq!(changed, wanted);
    }

    #[test]
    fn another_region_than_the_files_is_the_environments_own() {
        let settings = EnvironmentSettings { region: Some("eu-west-1".to_owned()), ..EnvironmentSettings::default() };
        let changed = with_answers("region = \"us-east-1\"\n", "dev", &answers(settings)).unwrap();
        assert_eq!(changed, "region = \"us-east-1\"\n\n[env.dev]\nregion = \"eu-west-1\"\n");
    }

    #[test]
    fn a_file_is_exchanged_where_its_link_leads_with_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let (real, link) = (place.path().join("real"), place.path().join("link"));
        write_file(&real, "a").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_file(&link, "b").unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "b");
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
    }

    #[test]
    fn a_broken_file_is_not_written_over() {
        assert_eq!(with_answers("[env\n", "dev", &Answers::default()).unwrap_err().line, 1);
    }

    #[test]
    fn what_is_written_is_read_again_as_the_same() {
        let text = "region = \"us-east-1\"\nprofile = \"p\"\ncpus = 2\nmemory = 3\narch = \"arm64\"\nlocal_ssd = true\ngpu = true\n\
                    max_price = 0.25\nmin_saving = 50\ninterruption_minutes = 7\nfallback = \"on-demand\"\non_interruption = \"terminate\"\none_time = true\ntemplate = \"docker\"\n\
                    user_data = \"/a b\"\nos = \"debian\"\nami = \"ami-1\"\nimage = \"tools\"\nvolume = false\nkey = \"/k\"\n\
                    allow_ssh = [\"192.0.2.0/24\"]\nsecurity_group = \"sg-1\"\nsubnet = \"subnet-1\"\nttl = \"26h5s\"\n\
                    idle = \"1h30m\"\nnodes = 3\nspread = true\nwait_for_capacity = true\ninstance_profile = \"i\"\n\
                    set = { a = \"1\" }\n";
        let settings: EnvironmentSettings = toml_text::parse(text).unwrap();
        let again = with_answers("region = \"other\"\n", "dev", &answers(settings.clone())).unwrap();
        let read: toml::Table = toml_text::parse(&again).unwrap();
        let inner = read["env"]["dev"].to_string();
        let inner: EnvironmentSettings = toml_text::parse(
            &toml::to_string(&toml::from_str::<toml::Value>(&format!("x = {inner}")).unwrap()["x"]).unwrap(),
        )
        .unwrap();
        assert_eq!(inner, settings);
    }

    #[test]
    fn every_key_that_a_flag_can_answer_is_written() {
        // These have no flag of `up`, or hold for one run alone.
        let others =
            ["wait", "timeout", "secrets", "tags", "set", "budget", "notify", "snapshots", "forward", "forward_agent"];
        let sample: EnvironmentSettings = toml_text::parse("region=\"r\"\nprofile=\"p\"\ntypes=[\"t\"]\ncpus=1\nmemory=1\n\
            arch=\"arm64\"\nlocal_ssd=true\ngpu=true\nzone=\"z\"\nmax_price=1\nmin_saving=1\ninterruption_minutes=1\nfallback=\"none\"\non_interruption=\"stop\"\none_time=true\ntemplate=\"t\"\n\
            user_data=\"u\"\nos=\"debian\"\nami=\"a\"\nimage=\"i\"\nvolume=1\nvolume_id=\"v\"\nkey=\"k\"\nallow_ssh=[\"a\"]\n\
            security_group=\"s\"\nsubnet=\"s\"\nttl=\"1h\"\nidle=\"1h\"\nnodes=1\nspread=true\nwait_for_capacity=true\n\
            instance_profile=\"i\"\n").unwrap();
        let keys: Vec<&str> = written(&sample).into_iter().map(|(key, _)| key).collect();
        let missing: Vec<_> = KEYS.iter().filter(|key| !keys.contains(key) && !others.contains(key)).collect();
        assert!(missing.is_empty(), "not written: {missing:?}");
    }
}
