//! Where each setting comes from: the files' own words, laid over one another as [`EnvironmentSettings::over`] does it.
//!
//! [`EnvironmentSettings::over`]: super::EnvironmentSettings::over

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Tables whose keys are joined one by one; every other key is replaced as a whole.
const JOINED: &[&str] = &["secrets", "set", "tags"];

/// A setting that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key, with its table where that is joined: `set.packages`.
    pub key: Vec<String>,
    /// Its value, as it is written.
    pub value: Value,
    /// The file that says so.
    pub file: PathBuf,
    /// The table in it that says so: `[env.dev]`, or nothing for the top level.
    pub table: Option<String>,
}

/// Lays what a table says over what was said below it.
pub(super) fn lay(over: &Table, file: &Path, table: Option<String>, below: &mut Vec<Setting>) {
    let mut put = |key: Vec<String>, value: &Value| {
        below.retain(|it| it.key != key && !(it.key.len() == 1 && rivals(&key[0], value).contains(&&*it.key[0])));
        below.push(Setting { key, value: value.clone(), file: file.to_owned(), table: table.clone() });
    };
    // A budget at the top level is about all environments together, and is no setting of one.
    let is_own = |key: &str| key != "env" && (key != "budget" || table.is_some());
    for (key, value) in over.iter().filter(|(key, _)| is_own(key)) {
        match value {
            Value::Table(inner) if JOINED.contains(&key.as_str()) => {
                inner.iter().for_each(|(name, value)| put(vec![key.clone(), name.clone()], value));
            }
            _ => put(vec![key.clone()], value),
        }
    }
}

/// The keys whose weaker answers a key sets aside, for they answer the same question.
fn rivals(key: &str, value: &Value) -> &'static [&'static str] {
    match key {
        "types" => &["cpus", "memory", "local_ssd", "gpu"],
        "cpus" | "memory" | "local_ssd" | "gpu" => &["types"],
        "zone" => &["spread"],
        "spread" if value.as_bool() == Some(true) => &["zone"],
        "volume" => &["volume_id"],
        "volume_id" => &["volume"],
        _ => &[],
    }
}
