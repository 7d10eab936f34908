//! Finding, reading and merging the project's file and the user's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::explain::{self, Setting};
use super::settings::{KEYS, keys_within};
use super::toml_text::{Unread, parse_listing_unread};
use super::{EnvironmentSettings, TomlFault, credential, nearest};
use crate::domain::budget::{Budget, Scope};

const PROJECT_FILE: &str = "cloudtop.toml";
const USER_FILE: &str = "cloudtop/config.toml";

/// Why the configuration cannot be used. Nothing was done yet.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named by `--config` or `CLOUDTOP_CONFIG` is not there.
    #[error("there is no configuration file {path}: check --config and CLOUDTOP_CONFIG")]
    Missing {
        /// As it was looked for.
        path: PathBuf,
    },
    /// It is there and cannot be read.
    #[error("cannot read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not TOML, or a key has a value that it cannot have.
    #[error("{path}: {fault}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        fault: TomlFault,
    },
    /// It has a key that looks like a credential.
    #[error(
        "{}{}: `{key}` looks like a credential, and this file is no place for one: it is shared, and kept under version control. {}",
        path.display(), line_after_colon(*line), credential::PLACE
    )]
    Credential {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// The whole key.
        key: String,
    },
}

/// A key that nothing reads, most likely a slip; the rest of the file counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: unknown key `{key}`{}", path.display(), line_after_colon(*line), did_you_mean(*meant))]
pub struct Unknown {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The whole key, with the tables that it is in.
    pub key: String,
    /// The key that was probably meant.
    pub meant: Option<&'static str>,
}

/// What the files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The strongest first.
    layers: Vec<Layer>,
    /// Keys that nothing reads, for the caller to print.
    pub unknown: Vec<Unknown>,
    /// The files that were read, the strongest first.
    pub files: Vec<PathBuf>,
}

/// One file's word.
#[derive(Clone, Debug, Default, PartialEq)]
struct Layer {
    shared: EnvironmentSettings,
    /// The budget at the top level: that of all environments together.
    budget: Option<Budget>,
    environments: BTreeMap<String, EnvironmentSettings>,
    /// Where it is.
    path: PathBuf,
    /// What it says, word for word.
    written: toml::Table,
}

/// The part of a file that names environments. It is read apart from the rest, because serde's `flatten` would lose
/// the place of every error.
#[derive(Deserialize)]
struct Environments {
    #[serde(default)]
    env: BTreeMap<String, EnvironmentSettings>,
}

impl Config {
    /// Reads the project's file and the user's, as far as they are there.
    ///
    /// `explicit` is the file that the user named: it replaces the project's and must be there. `cwd` is where
    /// `cloudtop.toml` is looked for, `user_config_dir` what `cloudtop/config.toml` is looked for in, `home` what `~/`
    /// means in their paths.
    ///
    /// # Errors
    /// A named file that is missing, a file that cannot be read, and one that is broken.
    pub fn load(
        explicit: Option<&Path>,
        cwd: &Path,
        user_config_dir: Option<&Path>,
        home: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        match explicit {
            Some(named) => {
                let path = cwd.join(named);
                if !config.read(&path, home)? {
                    return Err(ConfigError::Missing { path });
                }
            }
            None => _ = config.read(&cwd.join(PROJECT_FILE), home)?,
        }
        if let Some(directory) = user_config_dir {
            config.read(&directory.join(USER_FILE), home)?;
        }
        Ok(config)
    }

    /// What the files say of the environment `name`: of each file its `[env.NAME]` over its top level, and the
    /// project's file over the user's.
    #[must_use]
    pub fn environment(&self, name: &str) -> EnvironmentSettings {
        self.layers.iter().rev().fold(EnvironmentSettings::default(), |below, layer| {
            let own = layer.environments.get(name).cloned().unwrap_or_default();
            own.over(layer.shared.clone()).over(below)
        })
    }

    /// The same word for word, each setting with the place that says it; the weakest first.
    #[must_use]
    pub fn explain(&self, name: &str) -> Vec<Setting> {
        let mut settings = Vec::new();
        for layer in self.layers.iter().rev() {
            explain::lay(&layer.written, &layer.path, None, &mut settings);
            let own = layer.written.get("env").and_then(|all| all.get(name)).and_then(toml::Value::as_table);
            if let Some(own) = own {
                explain::lay(own, &layer.path, Some(format!("env.{name}")), &mut settings);
            }
        }
        settings
    }

    /// The environments that the files name, in alphabetical order.
    #[must_use]
    pub fn environment_names(&self) -> Vec<&str> {
        let mut names: Vec<_> =
            self.layers.iter().flat_map(|layer| layer.environments.keys().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The budgets: that of all environments together, and those of single ones. Of each the strongest file's counts.
    #[must_use]
    pub fn budgets(&self) -> Vec<(Scope, Budget)> {
        let all = self.layers.iter().find_map(|layer| layer.budget).map(|budget| (Scope::All, budget));
        let one = |name: &str| Some((Scope::One(name.parse().ok()?), self.environment(name).budget?));
        all.into_iter().chain(self.environment_names().into_iter().filter_map(one)).collect()
    }

    /// Reads one file under the layers there are. `false`: there is no such file.
    fn read(&mut self, path: &Path, home: Option<&Path>) -> Result<bool, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        let broken = |fault| ConfigError::Broken { path: path.to_owned(), fault };
        let (mut shared, unread_above) = parse_listing_unread::<EnvironmentSettings>(&text).map_err(broken)?;
        let (Environments { mut env }, unread_in) = parse_listing_unread::<Environments>(&text).map_err(broken)?;

        let directory = path.parent().unwrap_or(Path::new("."));
        for settings in env.values_mut().chain([&mut shared]) {
            settings.resolve_paths(directory, home);
        }
        let above = unread_above.into_iter().filter(|unread| !in_environments(unread));
        let inside = unread_in.into_iter().filter(in_environments);
        let written: toml::Table = toml::from_str(&text).unwrap_or_default();
        for unread in above.chain(inside) {
            let secret = credential::of(&written, &unread.path);
            let unknown = unknown(path, unread);
            if let Some(key) = secret.filter(|_| unknown.meant.is_none()) {
                return Err(ConfigError::Credential { path: unknown.path, line: unknown.line, key });
            }
            self.unknown.push(unknown);
        }
        let budget = shared.budget.take();
        self.layers.push(Layer { shared, budget, environments: env, path: path.to_owned(), written });
        self.files.push(path.to_owned());
        Ok(true)
    }
}

fn in_environments(unread: &Unread) -> bool {
    unread.path.first().is_some_and(|step| step == "env")
}

fn unknown(file: &Path, unread: Unread) -> Unknown {
    // `env` itself belongs to the top level only.
    let tables: &[&str] = if unread.path.len() == 1 { &["env"] } else { &[] };
    let (last, above) = unread.path.split_last().map_or(("", &[][..]), |(last, above)| (last.as_str(), above));
    let keys = above.last().and_then(|table| keys_within(table)).unwrap_or(KEYS);
    Unknown {
        path: file.to_owned(),
        line: unread.line,
        key: unread.path.join("."),
        meant: nearest(last, keys.iter().chain(tables).copied()),
    }
}

fn line_after_colon(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(":{line}"))
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map_or_else(|| " (it is ignored)".to_owned(), |meant| format!("; did you mean `{meant}`?"))
}

#[cfg(test)]
#[path = "files_tests.rs"]
pub(super) mod tests;
