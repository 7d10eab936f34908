//! `[notify]`: a command of the user's own that `watch` tells what happens.

use serde::{Deserialize, Deserializer, de::Error as _};

/// The command that is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NotifySetting {
    /// The program and its arguments. No shell reads them: what a message says can never become a command.
    #[serde(deserialize_with = "command")]
    pub command: Vec<String>,
}

fn command<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a list: the program and its arguments, for example [\"notify-send\", \"cloudtop\"]"
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
