//! `cloudtop.toml`: what the user wrote down once so as not to type it.
//!
//! Two files count, the project's (`./cloudtop.toml`, or the one named by `--config`) and the user's
//! (`cloudtop/config.toml` in the configuration directory). Whatever the project's says wins over the user's; in one
//! file `[env.NAME]` wins over the top level. Flags and environment variables win over both: the caller lays
//! [`EnvironmentSettings`] made of them over the answer with [`EnvironmentSettings::over`].
//!
//! - `files`: finding, reading and merging the two files
//! - `settings`: the keys
//! - `edit`: writing answers into a file
//! - `secrets`: the table of files that nodes get over ssh
//! - `notify`: whom `watch` tells what happens
//! - `snapshots`: the schedule of snapshots
//! - `values`: durations and sizes, shared with the flags
//! - `toml_text`: TOML with errors that name line and column
//! - `nearest`: "did you mean"
//! - `credential`: keys that are no settings but secrets
//! - `explain`: which file has said what

mod credential;
mod edit;
mod explain;
mod files;
mod nearest;
mod notify;
#[cfg(test)]
mod schema_tests;
mod secrets;
mod settings;
mod snapshots;
mod toml_text;
mod values;

pub use edit::{Answers, with_answers, write_file};
pub use explain::Setting;
pub use files::{Config, ConfigError, Unknown};
pub use nearest::nearest;
pub use notify::NotifySetting;
pub use secrets::SecretSetting;
pub use settings::{EnvironmentSettings, VolumeSetting, WaitFor};
pub use snapshots::SnapshotsSetting;
pub use toml_text::{TomlFault, parse as parse_toml};
pub use values::{BadValue, MAX_VOLUME_GIB, check_volume_gib, parse_duration, parse_idle, parse_saving};
