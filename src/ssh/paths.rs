//! The one folder that holds everything managed for ssh.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::SshError;
use super::{files, quote};

/// The folder with the managed `config`, its `known_hosts` and `keys/`; only its owner may look into it.
#[derive(Clone, Debug)]
pub struct SshDir {
    path: PathBuf,
}

/// While it lives, no other process changes the folder.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

impl SshDir {
    /// The folder at `path`, made if missing, with mode 0700.
    ///
    /// # Errors
    /// When it cannot be made, or when its path cannot be written into an ssh configuration ([`SshError::BadValue`]).
    pub fn new(path: &Path) -> Result<Self, SshError> {
        let path = std::path::absolute(path).map_err(files::failed("resolve", path))?;
        quote::include_path(&path)?;
        private_dir(&path)?;
        private_dir(&path.join("keys"))?;
        Ok(Self { path })
    }

    /// The managed configuration, which `~/.ssh/config` may include.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("config")
    }

    /// The host keys, by instance id.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.path.join("known_hosts")
    }

    /// The folder of key files made here.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// Waits until no other process changes the folder. It is held for the length of one small write, never longer.
    pub(super) fn lock(&self) -> Result<DirLock, SshError> {
        let path = self.path.join("config.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(files::failed("open", &path))?;
        file.lock().map_err(files::failed("lock", &path))?;
        Ok(DirLock { _file: file })
    }
}

/// Makes `path` a folder that only its owner may enter.
pub(super) fn private_dir(path: &Path) -> Result<(), SshError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(files::failed("create", path))?;
    let mode = fs::metadata(path).map_err(files::failed("read", path))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(files::failed("restrict", path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_its_owners_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a b").join("ssh");
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let dir = SshDir::new(&path).unwrap();
        for each in [path, dir.keys()] {
            assert_eq!(fs::metadata(&each).unwrap().permissions().mode() & 0o777, 0o700, "{}", each.display());
        }
    }

    #[test]
    fn a_path_that_ssh_would_read_as_something_else_is_refused_before_it_is_made() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a\nb", "a\"b", "a\\b", "a*b", "a${HOME}b", "a%b"] {
            let path = root.path().join(name);
            assert!(matches!(SshDir::new(&path), Err(SshError::BadValue { .. })), "{name:?}");
            assert!(!path.exists());
        }
    }
}
