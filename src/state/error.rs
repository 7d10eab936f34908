//! What can go wrong with the files on this machine.

use std::io;
use std::path::{Path, PathBuf};

use super::lock::Waiting;

/// Why the state, a journal or a lock could not be had. Each message names the file and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is nowhere to look for the state.
    #[error("the home directory is not known: set HOME, or name the state file with --state")]
    NoHome,
    /// What was given as the state file cannot be a file.
    #[error("{} is not a file: give --state (or CLOUDTOP_STATE) a file's path, for example ./state.json", shown(path))]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// The operating system refused something.
    #[error("cannot {action} {}: check that it is yours and that its disk has room, or name another state file with --state", path.display())]
    Io {
        /// What was tried, a verb for "cannot ...".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another run holds a lock, and went on holding it for as long as was waited.
    #[error("{held} and has not finished (lock {}): let it finish or end it, then run this again", held.path.display())]
    Locked {
        /// Which lock, and who holds it.
        held: Waiting,
    },
    /// A newer version of the tool wrote the state file.
    #[error("the state file {} has format {found}, and this version of cloudtop knows formats up to {known}: use the newer version that wrote it; the file was left as it is", path.display())]
    Newer {
        /// The state file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
    /// The state file is not one.
    #[error("the state file {} is damaged at line {line}, column {column} ({detail}): move it aside and run `cloudtop recover`, which rebuilds it from EC2's tags; the file was left as it is", path.display())]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// Where, from 1; 0: the file as a whole.
        line: usize,
        /// Where in the line, from 1; 0: before its first character.
        column: usize,
        /// What is wrong.
        detail: String,
    },
    /// A line of a journal that others follow is not an entry.
    #[error("the journal {} is damaged at line {line} ({detail}): move it aside and run the command again, which finds what exists by EC2's tags; the file was left as it is", path.display())]
    DamagedJournal {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
}

impl StateError {
    /// For `map_err`: an error of the operating system with what was tried, and on what.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// A path in a message; an empty one would be invisible.
fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() { "the empty path".to_owned() } else { path.display().to_string() }
}

/// How much is told of what is wrong, characters.
const MOST_DETAIL: usize = 200;

/// What serde_json says is wrong, without the place that it appends to every message. It quotes the value, which may be
/// of any length.
pub(super) fn detail(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    match text.char_indices().nth(MOST_DETAIL) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
