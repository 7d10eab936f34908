//! The random secrets of an environment, made once and kept on the user's machine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::DeliveryError;
use crate::state::{StateError, files};

/// How many random bytes a secret is made of.
const BYTES: usize = 32;

/// The secrets of these names, kept one a file in `directory`. Those that are missing are made.
///
/// The caller holds the environment's lock: two at once would make two of one name.
///
/// # Errors
/// [`DeliveryError::State`] and [`DeliveryError::Random`].
pub(super) fn secrets(directory: &Path, names: &[String]) -> Result<BTreeMap<String, String>, DeliveryError> {
    if !names.is_empty() {
        files::make_dir(directory, true)?;
    }
    names.iter().map(|name| Ok((name.clone(), secret(&directory.join(name))?))).collect()
}

fn secret(path: &Path) -> Result<String, DeliveryError> {
    match fs::read_to_string(path) {
        Ok(text) if !text.is_empty() => return Ok(text),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(StateError::Io { action: "read", path: path.to_owned(), source: error }.into());
        }
        _ => {}
    }
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).map_err(DeliveryError::Random)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    files::replace(path, text.as_bytes())?;
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_its_owners_alone() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("secrets");
        let names = ["token".to_owned(), "other".to_owned()];
        let made = secrets(&directory, &names).unwrap();
        assert_eq!(made["token"].len(), 64);
        assert_ne!(made["token"], made["other"]);
        assert_eq!(secrets(&directory, &names).unwrap(), made);
        for (path, mode) in [(directory.clone(), 0o700), (directory.join("token"), 0o600)] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        assert!(secrets(&root.path().join("none"), &[]).unwrap().is_empty() && !root.path().join("none").exists());
    }
}
