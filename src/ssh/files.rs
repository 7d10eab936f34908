//! Reading and writing small files so that a crash leaves the old or the new one, never half of either.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::SshError;

/// Turns an I/O error into one that names what was tried and on which path.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SshError {
    let path = path.to_owned();
    move |source| SshError::Io { action, path, source }
}

/// The file's bytes, or nothing when there is no such file.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, SshError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// As [`read_if_there`], as text; a missing file is an empty one.
pub(super) fn read_text(path: &Path) -> Result<String, SshError> {
    let bytes = read_if_there(path)?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|error| failed("read", path)(io::Error::new(ErrorKind::InvalidData, error)))
}

/// Replaces the file at `path` in one step: a synced temporary file beside it, renamed over it, the folder synced.
pub(super) fn replace(path: &Path, contents: &[u8], mode: u32) -> Result<(), SshError> {
    try_replace(path, contents, mode).map_err(failed("write", path))
}

fn try_replace(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::NotADirectory)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(contents)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}
