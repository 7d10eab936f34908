//! `[secrets]`: files of the user's that nodes get over ssh, by their path on a node.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::domain::secrets::{self, PRIVATE, SecretFile, SecretSource};

/// One of them; its path is its key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct SecretSetting {
    from: SecretSource,
    mode: u32,
    owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    file: Option<PathBuf>,
    env: Option<String>,
    command: Option<String>,
    mode: Option<String>,
    owner: Option<String>,
}

impl TryFrom<Written> for SecretSetting {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let from = match (written.file, written.env, written.command) {
            (Some(file), None, None) => SecretSource::File(file),
            (None, Some(variable), None) => SecretSource::Env(variable),
            (None, None, Some(command)) => SecretSource::Command(command),
            _ => return Err("a secret comes from one of `file`, `env` and `command`".to_owned()),
        };
        let mode = written.mode.map_or(Ok(PRIVATE), |mode| secrets::parse_mode(&mode));
        let mode = mode.map_err(|wrong| format!("its mode {wrong}"))?;
        if let Some(owner) = &written.owner {
            secrets::check_owner(owner).map_err(|wrong| format!("its owner {wrong}"))?;
        }
        Ok(Self { from, mode, owner: written.owner })
    }
}

impl SecretSetting {
    /// The file at its place.
    #[must_use]
    pub fn at(self, path: String) -> SecretFile {
        SecretFile { path, from: self.from, mode: self.mode, owner: self.owner }
    }

    /// The file that it comes from, if it is one.
    pub(super) fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match &mut self.from {
            SecretSource::File(file) => Some(file),
            SecretSource::Env(_) | SecretSource::Command(_) => None,
        }
    }
}

/// Reads the table, and looks at each path.
pub(super) fn read<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, SecretSetting>, D::Error> {
    let written = BTreeMap::<String, SecretSetting>::deserialize(input)?;
    for path in written.keys() {
        secrets::check_path(path).map_err(|wrong| D::Error::custom(format!("`{path}` {wrong}")))?;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::super::{EnvironmentSettings, parse_toml};
    use super::*;

    fn settings(text: &str) -> Result<EnvironmentSettings, String> {
        parse_toml(text).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_secret_says_where_it_comes_from_and_may_say_whose_it_is() {
        let text = "[secrets]\n\"~/.netrc\" = { file = \"netrc\" }\n\
            \"/run/secrets/gh\" = { env = \"GITHUB_TOKEN\", mode = \"0440\", owner = \"root:docker\" }\n";
        let secrets = settings(text).map(|it| it.secrets).unwrap_or_default();
        let files: Vec<_> = secrets.into_iter().map(|(path, secret)| secret.at(path)).collect();
        assert_eq!(files.len(), 2);
        assert_eq!((files[0].path.as_str(), files[0].mode), ("/run/secrets/gh", 0o440));
        assert_eq!(files[0].from, SecretSource::Env("GITHUB_TOKEN".to_owned()));
        assert_eq!((files[1].mode, files[1].owner.clone()), (0o600, None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (text, words) in [
            ("\"~/x\" = {}", "one of `file`, `env` and `command`"),
            ("\"~/x\" = { file = \"a\", env = \"b\" }", "one of `file`, `env` and `command`"),
            ("\"~/x\" = { value = \"hunter2\" }", "unknown field `value`"),
            ("\"~/x\" = { env = \"X\", mode = \"4755\" }", "octal"),
            ("\"~/x\" = { env = \"X\", owner = \"a b\" }", "USER:GROUP"),
            ("\"x\" = { env = \"X\" }", "begin it with / or ~/"),
        ] {
            let error = settings(&format!("nodes = 1\n[secrets]\n{text}\n")).err().unwrap_or_default();
            assert!(error.contains(words) && error.contains("line "), "{text}: {error}");
        }
    }
}
