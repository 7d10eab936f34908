//! The files of an authority: each is read whole or not at all, and written so that a crash leaves the old or the new.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::PkiError;
use super::authority::{Authority, Issued};
use crate::state::{StateError, files};

pub(super) fn authority(directory: &Path) -> PathBuf {
    directory.join("ca.json")
}

pub(super) fn client(directory: &Path) -> PathBuf {
    directory.join("client.json")
}

/// Members are apart: one could be called `client`.
pub(super) fn member(directory: &Path, name: &str) -> PathBuf {
    directory.join("members").join(format!("{name}.json"))
}

/// The authority. A damaged one is never replaced unasked: nodes that run trust it alone.
pub(super) fn read_authority(path: &Path) -> Result<Option<Authority>, PkiError> {
    let Some(text) = read(path)? else { return Ok(None) };
    let damaged = |detail| PkiError::Damaged { path: path.to_owned(), detail };
    parse(&text).map(Some).map_err(damaged)
}

/// What was issued. A damaged file is as good as none: another certificate can be issued.
pub(super) fn read_issued(path: &Path) -> Result<Option<Issued>, PkiError> {
    Ok(read(path)?.and_then(|text| parse(&text).ok()))
}

/// Writes one of the above.
pub(super) fn write(path: &Path, content: &impl Serialize) -> Result<(), PkiError> {
    let directory = files::directory_of(path);
    files::make_dir(directory, true)?;
    let text = serde_json::to_vec_pretty(content).map_err(|error| StateError::io("write", path)(error.into()))?;
    Ok(files::replace(path, &text)?)
}

/// Writes what the user's own programs take, where it is not there yet.
pub(super) fn export(directory: &Path, authority: &Authority, client: &Issued) -> Result<(), PkiError> {
    let parts = [("ca.pem", &authority.certificate), ("client.pem", &client.certificate), ("client.key", &client.key)];
    for (name, text) in parts {
        let path = directory.join(name);
        if read(&path)?.as_ref() != Some(text) {
            files::replace(&path, text.as_bytes())?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<String>, PkiError> {
    match fs::read(path) {
        // What is no text is refused by whoever parses it.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path)(error).into()),
    }
}

/// The detail of an error tells where, never what is there: it is a private key.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("line {}, column {}", error.line(), error.column()))
}
