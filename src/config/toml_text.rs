//! TOML whose errors say where: line, column and the line itself.

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a TOML text, and where. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}\n  | {text}")]
pub struct TomlFault {
    /// Where the fault begins.
    pub line: usize,
    /// Where it begins in that line, in characters.
    pub column: usize,
    /// The line as it stands in the file.
    pub text: String,
    /// What is wrong there.
    pub message: String,
}

/// A key that nothing reads: the path to it, and its line.
pub(super) struct Unread {
    pub path: Vec<String>,
    pub line: Option<usize>,
}

/// Reads a TOML text, unknown keys being an error if `T` denies them.
///
/// # Errors
/// Broken TOML, a value of another type than the key has, or a missing key.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, TomlFault> {
    toml::from_str(text).map_err(|error| fault(text, &error))
}

/// Reads a TOML text and lists the keys that nothing reads.
pub(super) fn parse_listing_unread<T: DeserializeOwned>(text: &str) -> Result<(T, Vec<Unread>), TomlFault> {
    let input = toml::Deserializer::parse(text).map_err(|error| fault(text, &error))?;
    let mut paths = Vec::new();
    let value = serde_ignored::deserialize(input, |path| paths.push(steps(&path)))
        .map_err(|error: toml::de::Error| fault(text, &error))?;
    let unread = paths.into_iter().map(|path| Unread { line: line_of_key(text, &path), path }).collect();
    Ok((value, unread))
}

fn fault(text: &str, error: &toml::de::Error) -> TomlFault {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    TomlFault {
        line: line_number(text, start),
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        text: text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default().to_owned(),
        message: error.message().trim_end().replace('\n', "; "),
    }
}

fn line_number(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn steps(path: &serde_ignored::Path<'_>) -> Vec<String> {
    use serde_ignored::Path;
    match path {
        Path::Root => Vec::new(),
        Path::Map { parent, key } => {
            let mut above = steps(parent);
            above.push(key.clone());
            above
        }
        Path::Seq { parent, .. }
        | Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => steps(parent),
    }
}

fn line_of_key(text: &str, path: &[String]) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (last, above) = path.split_last()?;
    let mut table = document.get_ref();
    for step in above {
        let DeValue::Table(inner) = table.get(step.as_str())?.get_ref() else { return None };
        table = inner;
    }
    let (key, _) = table.get_key_value(last.as_str())?;
    Some(line_number(text, key.span().start))
}
