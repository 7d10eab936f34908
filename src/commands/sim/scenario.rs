//! Scenario files: TOML, read strictly.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::cli::{CommandError, Exit};
use crate::config;
use crate::simulator::{Deed, FaultRule, Scenario, ScenarioEvent, Settings, Trouble, When};

use super::deed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, deserialize_with = "settings")]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    fault: Vec<Fault>,
    #[serde(default)]
    event: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    calls: String,
    #[serde(deserialize_with = "trouble")]
    fault: Trouble,
    nth: Option<u64>,
    first: Option<u64>,
    #[serde(default, deserialize_with = "share")]
    chance: Option<f64>,
    #[serde(default, deserialize_with = "time")]
    after: Option<Duration>,
    #[serde(default, rename = "for", deserialize_with = "time")]
    lasts: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    #[serde(default, deserialize_with = "time")]
    at: Option<Duration>,
    after_call: Option<String>,
    nth: Option<u64>,
    #[serde(rename = "do")]
    deed: Done,
}

#[derive(Deserialize)]
#[serde(try_from = "Written")]
struct Event(ScenarioEvent);

impl TryFrom<Written> for Event {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let when = match (written.at, written.after_call, written.nth) {
            (Some(at), None, None) => When::At(at),
            (None, Some(actions), nth) => When::AfterCall { actions, nth: nth.unwrap_or(1).max(1) },
            _ => return Err("an event has either `at`, or `after-call` with or without `nth`"),
        };
        Ok(Self(ScenarioEvent { when, deed: written.deed.deed, words: written.deed.words }))
    }
}

/// A deed with the words that it was read from.
struct Done {
    deed: Deed,
    words: String,
}

/// Reads a scenario file.
///
/// # Errors
/// A file that cannot be read, and one that says something that there is not, with the line.
pub fn read(path: &Path) -> Result<Scenario, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::new(Exit::Usage, format!("cannot read the scenario {}: {error}", path.display()))
    })?;
    let broken = |fault| CommandError::new(Exit::Usage, format!("{}: {fault}", path.display()));
    let file: File = config::parse_toml(&text).map_err(broken)?;
    Ok(Scenario {
        settings: file.settings.into_iter().collect(),
        faults: file.fault.into_iter().map(rule).collect(),
        events: file.event.into_iter().map(|event| event.0).collect(),
    })
}

fn rule(fault: Fault) -> FaultRule {
    FaultRule {
        actions: fault.calls,
        trouble: fault.fault,
        nth: fault.nth,
        first: fault.first,
        chance: fault.chance,
        after: fault.after.unwrap_or_default(),
        lasts: fault.lasts,
    }
}

fn trouble<'de, D: Deserializer<'de>>(input: D) -> Result<Trouble, D::Error> {
    String::deserialize(input)?.parse().map_err(D::Error::custom)
}

fn time<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    deed::duration(&Word::deserialize(input)?.0).map(Some).map_err(D::Error::custom)
}

fn share<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    deed::share(&Word::deserialize(input)?.0).map(Some).map_err(D::Error::custom)
}

impl<'de> Deserialize<'de> for Done {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let words = String::deserialize(input)?;
        let deed = deed::parse(&words).map_err(D::Error::custom)?;
        Ok(Self { deed, words })
    }
}

/// A text, a number or a truth value, as the text that a setting takes.
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(input)? {
            toml::Value::String(text) => Ok(Self(text)),
            other @ (toml::Value::Integer(_) | toml::Value::Float(_)) => Ok(Self(other.to_string())),
            other => Err(D::Error::custom(format!("expected text or a number, not {}", other.type_str()))),
        }
    }
}

/// Settings, each tried on its own, so that an error is at its line.
fn settings<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Table;
    struct Value<'k>(&'k str);

    impl<'de> Visitor<'de> for Table {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of settings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut settings = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                let value = map.next_value_seed(Value(&key))?;
                settings.insert(key, value);
            }
            Ok(settings)
        }
    }

    impl<'de> serde::de::DeserializeSeed<'de> for Value<'_> {
        type Value = String;

        fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<String, D::Error> {
            let Word(value) = Word::deserialize(input)?;
            Settings::default().set(self.0, &value).map_err(D::Error::custom)?;
            Ok(value)
        }
    }

    input.deserialize_map(Table)
}
