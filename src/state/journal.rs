//! An environment's journal: one JSON line an entry, on the disk before the call that it speaks of is sent.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use serde::de::IgnoredAny;

use super::error::{self, StateError};
use super::files;
use super::paths::Paths;
use crate::domain::journal::{Entry, Event};
use crate::domain::names::EnvName;

/// The journal of one environment.
///
/// Reading needs no lock. Who appends holds the environment's [`super::EnvLock`].
pub struct Journal {
    paths: Paths,
    path: PathBuf,
    /// Open and in order, once something was appended.
    file: Option<File>,
}

impl Journal {
    /// The journal of an environment. It is made when something is first appended.
    #[must_use]
    pub fn open(paths: &Paths, env: &EnvName) -> Self {
        Self { paths: paths.clone(), path: paths.journal(env), file: None }
    }

    /// Writes an entry down. When this returns, the entry survives a power cut.
    ///
    /// # Errors
    /// [`StateError::Io`], and [`StateError::DamagedJournal`] where the journal is not understood.
    pub fn append(&mut self, entry: &Entry) -> Result<(), StateError> {
        self.append_all(std::slice::from_ref(entry))
    }

    /// Writes entries down with one write and one sync.
    ///
    /// # Errors
    /// As [`Journal::append`]; some of the first entries may then be in the journal, and the next append goes on
    /// after those.
    pub fn append_all(&mut self, entries: &[Entry]) -> Result<(), StateError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)
                .map_err(|error| StateError::io("write", &self.path)(error.into()))?;
            lines.push(b'\n');
        }
        // Put back only when all went well: after a failed write the end must be looked at again.
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open_at_end()?,
        };
        file.write_all(&lines).and_then(|()| file.sync_data()).map_err(StateError::io("write", &self.path))?;
        self.file = Some(file);
        Ok(())
    }

    /// All entries, oldest first. A last line that was not written to its end is left out: its writer was killed
    /// before it could act on it.
    ///
    /// # Errors
    /// [`StateError::DamagedJournal`] and [`StateError::Io`].
    pub fn read(&self) -> Result<Vec<Entry>, StateError> {
        let mut entries = Vec::new();
        self.each(|entry| entries.push(entry))?;
        Ok(entries)
    }

    /// The entries since the environment was last closed, or came to its region, led by that one: those of its present life.
    ///
    /// # Errors
    /// As [`Journal::read`].
    pub fn since_closed(&self) -> Result<Vec<Entry>, StateError> {
        let mut entries = Vec::new();
        self.each(|entry| {
            if matches!(entry.event, Event::Closed { .. } | Event::Moved { .. }) {
                entries.clear();
            }
            entries.push(entry);
        })?;
        Ok(entries)
    }

    fn each(&self, each: impl FnMut(Entry)) -> Result<(), StateError> {
        match File::open(&self.path) {
            Ok(file) => self.scan(&file, each).map(|_| ()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StateError::io("open", &self.path)(error)),
        }
    }

    /// Opens the file for appending and cuts off a line that was not written to its end.
    fn open_at_end(&self) -> Result<File, StateError> {
        self.paths.make_dir(files::directory_of(&self.path))?;
        let file = files::open_private(&self.path, OpenOptions::new().read(true).append(true).create(true))?;
        let good = self.scan(&file, drop)?;
        let length = file.metadata().map_err(StateError::io("read", &self.path))?.len();
        if good < length {
            file.set_len(good).map_err(StateError::io("write", &self.path))?;
        }
        if length == 0 {
            files::sync_directory_of(&self.path)?;
        }
        Ok(file)
    }

    /// Reads line by line (user data makes lines long), and says how many bytes hold whole entries.
    ///
    /// A line of JSON that is no entry was written by another version and is never cut off. What is no JSON at all,
    /// or has no end, is a torn write if it comes last.
    fn scan(&self, file: &File, mut each: impl FnMut(Entry)) -> Result<u64, StateError> {
        let mut reader = BufReader::new(file);
        let (mut line, mut number, mut good) = (Vec::new(), 0, 0);
        let mut torn: Option<StateError> = None;
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(StateError::io("read", &self.path))?;
            number += 1;
            if length == 0 {
                return Ok(good);
            }
            if let Some(error) = torn {
                return Err(error);
            }
            if !line.ends_with(b"\n") {
                return Ok(good);
            }
            match serde_json::from_slice(&line) {
                Ok(entry) => {
                    each(entry);
                    good += length as u64;
                }
                Err(error) => {
                    let detail = error::detail(&error);
                    let damaged = StateError::DamagedJournal { path: self.path.clone(), line: number, detail };
                    if serde_json::from_slice::<IgnoredAny>(&line).is_ok() {
                        return Err(damaged);
                    }
                    torn = Some(damaged);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;
    use std::{fs, slice};

    use super::super::samples::{Place, entries, env};
    use super::*;

    /// A place whose journal of `dev` holds these bytes.
    fn holding(bytes: &[u8]) -> (Place, PathBuf) {
        let place = Place::new();
        let path = place.paths.journal(&env("dev"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        (place, path)
    }

    fn lines() -> Vec<u8> {
        entries().iter().flat_map(|entry| [serde_json::to_vec(entry).unwrap(), vec![b'\n']].concat()).collect()
    }

    #[test]
    fn what_was_appended_is_read_by_the_next_run_and_by_nobody_else() {
        let place = Place::new();
        let mut journal = Journal::open(&place.paths, &env("dev"));
        assert_eq!(journal.read().unwrap(), []);
        assert!(!place.paths.journal(&env("dev")).exists());
        let (first, rest) = (&entries()[0], &entries()[1..]);
        journal.append(first).unwrap();
        journal.append_all(rest).unwrap();
        assert_eq!(Journal::open(&place.paths, &env("dev")).read().unwrap(), entries());
        assert_eq!(Journal::open(&place.paths, &env("core")).read().unwrap(), []);
    }

    #[test]
    fn a_journal_is_its_owners_alone_even_if_it_was_not_before() {
        let (place, path) = holding(b"");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Journal::open(&place.paths, &env("dev")).append(&entries()[0]).unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_journal_cut_anywhere_reads_as_its_first_entries_and_goes_on_after_them() {
        let (all, bytes) = (entries(), lines());
        for cut in 0..=bytes.len() {
            let (place, _) = holding(&bytes[..cut]);
            let mut journal = Journal::open(&place.paths, &env("dev"));
            let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(journal.read().unwrap(), all[..whole], "cut at {cut}");
            journal.append_all(&all[1..2]).unwrap();
            assert_eq!(journal.read().unwrap(), [&all[..whole], &all[1..2]].concat(), "cut at {cut}");
        }
    }

    #[test]
    fn a_last_line_that_the_disk_lost_is_cut_off() {
        for lost in [&b"\0\0\0\0\n"[..], b"\0\0\0", b"{\"at\":\n", b"\xff\xfe\n", b"\n"] {
            let (place, path) = holding(&[&lines()[..], lost].concat());
            let mut journal = Journal::open(&place.paths, &env("dev"));
            assert_eq!(journal.read().unwrap(), entries());
            journal.append(&entries()[0]).unwrap();
            assert!(fs::read(path).unwrap().starts_with(&[lines(), b"{\"at\"".to_vec()].concat()));
        }
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_and_nothing_is_written() {
        let mut bytes = lines();
        bytes[3] = 0;
        let (place, path) = holding(&bytes);
        let mut journal = Journal::open(&place.paths, &env("dev"));
        for error in [journal.read().unwrap_err(), journal.append(&entries()[0]).unwrap_err()] {
            assert!(matches!(error, StateError::DamagedJournal { line: 1, .. }), "{error}");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
        assert_eq!(fs::read(path).unwrap(), bytes);
    }

    #[test]
    fn an_entry_of_another_version_is_never_cut_off() {
        let last = b"{\"at\":\"2026-11-01T00:00:00Z\",\"event\":\"unheard-of\"}\n";
        let bytes = [&lines()[..], last].concat();
        let (place, path) = holding(&bytes);
        let error = Journal::open(&place.paths, &env("dev")).append(&entries()[0]).unwrap_err();
        assert!(error.to_string().contains("unheard-of"), "{error}");
        assert_eq!(fs::read(path).unwrap(), bytes);
    }

    #[test]
    fn a_closed_life_is_history() {
        let place = Place::new();
        let mut journal = Journal::open(&place.paths, &env("dev"));
        let closed = Entry { at: entries()[0].at, event: Event::Closed { volumes: BTreeMap::new() } };
        journal.append_all(&entries()).unwrap();
        assert_eq!(journal.since_closed().unwrap(), entries());
        journal.append(&closed).unwrap();
        assert_eq!(journal.since_closed().unwrap(), slice::from_ref(&closed));
        journal.append(&entries()[0]).unwrap();
        assert_eq!(journal.since_closed().unwrap(), [closed, entries()[0].clone()]);
        assert_eq!(journal.read().unwrap().len(), entries().len() + 2);
    }
}
