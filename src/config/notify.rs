//! `[notify]`: whom `watch` tells what happens.

use serde::{Deserialize, Deserializer, de::Error as _};

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct NotifySetting {
    /// A command of the user's own: the program and its arguments, or nothing. No shell reads them: what a message says can
    /// never become a command.
    pub command: Vec<String>,
    /// Whether a notice is shown on the desktop.
    pub desktop: bool,
}

/// The table as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(default, deserialize_with = "command")]
    command: Vec<String>,
    #[serde(default)]
    desktop: bool,
}

impl TryFrom<Written> for NotifySetting {
    type Error = &'static str;

    fn try_from(Written { command, desktop }: Written) -> Result<Self, &'static str> {
        if command.is_empty() && !desktop {
            return Err("it tells nobody: give it a `command`, or `desktop = true`");
        }
        Ok(Self { command, desktop })
    }
}

fn command<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a list: the program and its arguments, for example [\"mail\", \"me@example.com\"]"
    )]
    enum Written {
        List(Vec<String>),
    }
    let Written::List(words) = Written::deserialize(input)?;
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(D::Error::custom("the list begins with the program to run")),
    }
}
