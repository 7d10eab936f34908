//! Reading the user's own secrets, on their machine: from files, the environment and commands.

use std::process::Stdio;

use tokio::process::Command;

use super::{DeliveryError, Parcel, Secret};
use crate::domain::secrets::{SecretFile, SecretSource};

/// The most that one file may hold, bytes. A node's shell reads it byte by byte.
pub(super) const MOST: usize = 256 * 1024;

/// Reads all of them; `login` owns those of which nobody says whose they are.
///
/// Commands may ask the user something: they have the terminal.
///
/// # Errors
/// The first that cannot be had.
pub(super) async fn read(files: &[SecretFile], login: &str) -> Result<Vec<Parcel>, DeliveryError> {
    let mut parcels = Vec::new();
    for file in files {
        let content = content(file).await?;
        if content.len() > MOST {
            return Err(DeliveryError::TooLarge { path: file.path.clone(), size: content.len(), most: MOST });
        }
        parcels.push(Parcel {
            path: file.path.clone(),
            mode: file.mode,
            owner: file.owner.clone().unwrap_or_else(|| login.to_owned()),
            content: Secret::new(content),
            of_template: false,
        });
    }
    Ok(parcels)
}

async fn content(file: &SecretFile) -> Result<Vec<u8>, DeliveryError> {
    let path = || file.path.clone();
    match &file.from {
        SecretSource::File(from) => tokio::fs::read(from).await.map_err(|source| DeliveryError::File {
            path: path(),
            file: from.clone(),
            source,
        }),
        SecretSource::Env(variable) => {
            let value = std::env::var_os(variable).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| DeliveryError::Variable { path: path(), variable: variable.clone() })?;
            Ok(std::os::unix::ffi::OsStringExt::into_vec(value))
        }
        SecretSource::Command(line) => printed(&file.path, line).await,
    }
}

/// What a command prints, without the line's end that most put behind a password.
async fn printed(path: &str, line: &str) -> Result<Vec<u8>, DeliveryError> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(line).stdout(Stdio::piped()).kill_on_drop(true);
    let child = shell.spawn().map_err(|source| DeliveryError::Start { path: path.to_owned(), source })?;
    let output =
        child.wait_with_output().await.map_err(|source| DeliveryError::Start { path: path.to_owned(), source })?;
    let failed = |how: String| Err(DeliveryError::Command { path: path.to_owned(), how });
    if !output.status.success() {
        return failed(format!("failed ({})", output.status));
    }
    let mut bytes = output.stdout;
    if bytes.iter().filter(|byte| **byte == b'\n').count() == 1 && bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.is_empty() { failed("printed nothing".to_owned()) } else { Ok(bytes) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    async fn read_one(from: SecretSource) -> Result<Parcel, DeliveryError> {
        let file = SecretFile { path: "~/x".to_owned(), from, mode: 0o600, owner: None };
        Ok(read(&[file], "ubuntu").await?.remove(0))
    }

    #[tokio::test]
    async fn a_secret_comes_from_a_file_the_environment_or_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("netrc");
        std::fs::write(&file, "machine x\n").unwrap();
        let parcel = read_one(SecretSource::File(file)).await.unwrap();
        assert_eq!((parcel.content.reveal(), parcel.owner.as_str()), (&b"machine x\n"[..], "ubuntu"));
        let home = read_one(SecretSource::Env("HOME".to_owned())).await.unwrap();
        assert_eq!(home.content.reveal(), std::env::var("HOME").unwrap().as_bytes());
        for (line, content) in [("echo one", &b"one"[..]), ("echo one; echo two", b"one\ntwo\n"), ("printf x", b"x")] {
            let parcel = read_one(SecretSource::Command(line.to_owned())).await.unwrap();
            assert_eq!(parcel.content.reveal(), content, "{line}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_missing_is_named_by_its_place_and_never_shown() {
        let nowhere = SecretSource::File("/nonexistent/netrc".into());
        let unset = SecretSource::Env("CLOUDTOP_TEST_UNSET".to_owned());
        let fails = SecretSource::Command("echo hunter2; exit 3".to_owned());
        let silent = SecretSource::Command("true".to_owned());
        for (from, words) in [
            (nowhere, "/nonexistent/netrc"),
            (unset, "CLOUDTOP_TEST_UNSET"),
            (fails, "exit status: 3"),
            (silent, "printed nothing"),
        ] {
            let error = read_one(from).await.unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains("~/x") && said.contains(words) && !said.contains("hunter2"), "{said}");
            assert!(error.hint().is_some());
        }
    }

    #[tokio::test]
    async fn what_is_too_large_for_a_delivery_is_refused_here() {
        let line = format!("head -c {} /dev/zero", MOST + 1);
        let error = read_one(SecretSource::Command(line)).await.unwrap_err();
        assert!(matches!(error, DeliveryError::TooLarge { size, .. } if size == MOST + 1));
    }
}
