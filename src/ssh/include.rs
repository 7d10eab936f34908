//! The one line in the user's own ssh configuration, so that a plain `ssh cloudtop-dev` works.
//!
//! Nothing here asks: the caller has the user's consent before it calls [`add_include`].

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::error::SshError;
use super::paths::{self, SshDir};
use super::{files, quote};

const COMMENT: &str = "# The hosts of cloudtop.";

/// Whether the user's ssh configuration includes the managed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncludeState {
    /// It does, for every host.
    Included,
    /// The file is there, and does not, or only within a Host or Match block.
    Missing,
    /// There is no such file.
    NoFile,
}

/// Looks whether the file at `ssh_config` (`~/.ssh/config`) includes the managed configuration.
///
/// # Errors
/// When the file cannot be read.
pub fn include_state(ssh_config: &Path, dir: &SshDir) -> Result<IncludeState, SshError> {
    let Some(bytes) = files::read_if_there(ssh_config)? else { return Ok(IncludeState::NoFile) };
    Ok(if includes(&bytes, dir) { IncludeState::Included } else { IncludeState::Missing })
}

/// Adds the Include line at the top of the file, once; true when it was not there before.
///
/// At the top, because an Include after a Host line belongs to that Host. The file keeps its mode, and a symbolic link
/// stays one. A missing file is made with mode 0600, its folder with 0700.
///
/// # Errors
/// When the file cannot be read or written.
pub fn add_include(ssh_config: &Path, dir: &SshDir) -> Result<bool, SshError> {
    let line = include_line(dir)?;
    let _lock = dir.lock()?;
    let target = target(ssh_config)?;
    let Some(bytes) = files::read_if_there(&target)? else {
        if let Some(folder) = target.parent().filter(|folder| !folder.exists()) {
            paths::private_dir(folder)?;
        }
        files::replace(&target, format!("{COMMENT}\n{line}\n").as_bytes(), 0o600)?;
        return Ok(true);
    };
    if includes(&bytes, dir) {
        return Ok(false);
    }
    let mut new = format!("{COMMENT}\n{line}\n\n").into_bytes();
    new.extend_from_slice(&bytes);
    files::replace(&target, &new, mode_of(&target)?)?;
    Ok(true)
}

/// Takes out what [`add_include`] put in; true when it was there. The rest of the file stays byte for byte.
///
/// # Errors
/// When the file cannot be read or written.
pub fn remove_include(ssh_config: &Path, dir: &SshDir) -> Result<bool, SshError> {
    let line = include_line(dir)?;
    let _lock = dir.lock()?;
    let target = target(ssh_config)?;
    let Some(bytes) = files::read_if_there(&target)? else { return Ok(false) };
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let text = |at: usize| lines.get(at).map_or(&b""[..], |line| line.trim_ascii());
    let Some(at) = (0..lines.len()).find(|at| text(*at) == line.as_bytes()) else { return Ok(false) };
    let first = if at > 0 && text(at - 1) == COMMENT.as_bytes() { at - 1 } else { at };
    let blank_follows = at + 1 < lines.len() && text(at + 1).is_empty();
    let rest = at + 1 + usize::from(blank_follows);
    let kept = [lines[..first].concat(), lines[rest..].concat()].concat();
    files::replace(&target, &kept, mode_of(&target)?)?;
    Ok(true)
}

fn include_line(dir: &SshDir) -> Result<String, SshError> {
    Ok(format!("Include {}", quote::include_path(&dir.config())?))
}

/// Whether an Include of the managed file stands before the first Host or Match.
fn includes(bytes: &[u8], dir: &SshDir) -> bool {
    let managed = dir.config();
    let managed = managed.to_string_lossy();
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().map(str::trim) {
        let keyword_ends = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let (keyword, rest) = line.split_at(keyword_ends);
        match keyword.to_ascii_lowercase().as_str() {
            "host" | "match" => return false,
            "include" if arguments(rest).any(|path| path == managed) => return true,
            _ => {}
        }
    }
    false
}

/// The words of a configuration line after its keyword; a quoted word keeps its spaces.
fn arguments(rest: &str) -> impl Iterator<Item = &str> {
    let mut rest = rest.trim_start().trim_start_matches('=');
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        rest = after;
        Some(word)
    })
}

/// The file itself when `path` is a symbolic link: people keep their dotfiles elsewhere.
fn target(path: &Path) -> Result<PathBuf, SshError> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    fs::canonicalize(path).map_err(files::failed("follow the symbolic link", path))
}

fn mode_of(path: &Path) -> Result<u32, SshError> {
    let metadata = fs::metadata(path).map_err(files::failed("read", path))?;
    Ok(metadata.permissions().mode() & 0o7777)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::fs::Permissions;

    struct Home {
        root: tempfile::TempDir,
        dir: SshDir,
        config: PathBuf,
    }

    fn home() -> Home {
        let root = tempfile::tempdir().unwrap();
        let dir = SshDir::new(&root.path().join("my tools")).unwrap();
        let config = root.path().join(".ssh/config");
        Home { root, dir, config }
    }

    #[test]
    fn a_missing_file_is_made_private_and_only_once() {
        let home = home();
        assert_eq!(include_state(&home.config, &home.dir).unwrap(), IncludeState::NoFile);
        assert!(add_include(&home.config, &home.dir).unwrap());
        assert!(!add_include(&home.config, &home.dir).unwrap());
        assert_eq!(include_state(&home.config, &home.dir).unwrap(), IncludeState::Included);
        assert_eq!(mode_of(&home.config).unwrap(), 0o600);
        assert_eq!(mode_of(home.config.parent().unwrap()).unwrap(), 0o700);
    }

    #[test]
    fn the_line_goes_to_the_top_and_comes_out_again_without_a_trace() {
        let home = home();
        fs::create_dir(home.config.parent().unwrap()).unwrap();
        let before = b"Host *\n\tUser caf\xe9\n";
        fs::write(&home.config, before).unwrap();
        fs::set_permissions(&home.config, Permissions::from_mode(0o640)).unwrap();
        assert!(add_include(&home.config, &home.dir).unwrap());
        let after = fs::read(&home.config).unwrap();
        assert!(after.starts_with(b"# The hosts of cloudtop.\nInclude \"/") && after.ends_with(before));
        assert_eq!(mode_of(&home.config).unwrap(), 0o640);
        assert!(remove_include(&home.config, &home.dir).unwrap());
        assert!(!remove_include(&home.config, &home.dir).unwrap());
        assert_eq!(fs::read(&home.config).unwrap(), before);
    }

    #[test]
    fn an_include_within_a_host_block_does_not_count() {
        let home = home();
        let path = home.dir.config().display().to_string();
        fs::create_dir(home.config.parent().unwrap()).unwrap();
        for (text, state) in [
            (format!("Host *\nInclude \"{path}\"\n"), IncludeState::Missing),
            (format!("Include \"{path}x\"\n"), IncludeState::Missing),
            (format!("# Include \"{path}\"\n"), IncludeState::Missing),
            (format!("User me\n  include = other \"{path}\"\nHost *\n"), IncludeState::Included),
        ] {
            fs::write(&home.config, &text).unwrap();
            assert_eq!(include_state(&home.config, &home.dir).unwrap(), state, "{text}");
        }
    }

    #[test]
    fn a_symbolic_link_stays_one() {
        let home = home();
        let real = home.root.path().join("dotfile");
        fs::write(&real, "Host *\n").unwrap();
        fs::create_dir(home.config.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&real, &home.config).unwrap();
        assert!(add_include(&home.config, &home.dir).unwrap());
        assert!(home.config.is_symlink());
        assert!(fs::read_to_string(&real).unwrap().starts_with(COMMENT));
    }
}
