//! Files that only their owner may read, written so that a crash leaves the old content or the new.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::StateError;

/// The mode of our directories: they say what runs where, and hold private keys.
const DIRECTORY_MODE: u32 = 0o700;
/// The mode of our files.
const FILE_MODE: u32 = 0o600;

/// Makes a directory and those above it, each open to its owner alone. With `tighten` one that is there already is
/// closed to others too.
///
/// # Errors
/// [`StateError::Io`] where it cannot be made, or something else is in its place.
pub fn make_dir(path: &Path, tighten: bool) -> Result<(), StateError> {
    let new = !path.exists();
    let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path);
    made.map_err(StateError::io("make the directory", path))?;
    if new {
        sync_directory_of(path)?;
    }
    if tighten {
        let set = fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE));
        set.map_err(StateError::io("set the permissions of", path))?;
    }
    Ok(())
}

/// Opens a file as `options` say, with owner-only permissions whether it is new or not.
///
/// # Errors
/// [`StateError::Io`] where it cannot be opened or belongs to somebody else.
pub fn open_private(path: &Path, options: &mut OpenOptions) -> Result<File, StateError> {
    let file = options.mode(FILE_MODE).open(path).map_err(StateError::io("open", path))?;
    let set = file.set_permissions(Permissions::from_mode(FILE_MODE));
    set.map_err(StateError::io("set the permissions of", path))?;
    Ok(file)
}

/// Replaces a file's content, or makes the file. Whoever reads it meanwhile, and whoever comes after a crash, finds
/// the old content or the new, whole. One writer at a time: the caller holds a lock.
///
/// # Errors
/// [`StateError::Io`]; the file is then as it was.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let temp = with_suffix(path, ".tmp");
    // A run that was killed here may have left one. And in a directory that others may write to, a link of theirs
    // must not be followed: hence never an existing file.
    match fs::remove_file(&temp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StateError::io("remove", &temp)(error)),
        _ => {}
    }
    let mut file = open_private(&temp, OpenOptions::new().write(true).create_new(true))?;
    // Without the sync a power cut after the rename may leave an empty file under the old name.
    file.write_all(content).and_then(|()| file.sync_all()).map_err(StateError::io("write", &temp))?;
    fs::rename(&temp, path).map_err(StateError::io("replace", path))?;
    sync_directory_of(path)
}

/// Makes the names in a file's directory survive a power cut: a file's own sync does not cover its name.
///
/// # Errors
/// [`StateError::Io`].
pub fn sync_directory_of(path: &Path) -> Result<(), StateError> {
    let directory = directory_of(path);
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(StateError::io("sync", directory))
}

/// The directory that a file is in.
#[must_use]
pub fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// A path with something appended to its last name.
#[must_use]
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
