//! Locks between runs. The kernel gives them back when a process dies, so no lock is ever stale; the files stay,
//! because deleting one would let two runs lock two files of one name.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::StateError;
use super::files;
use crate::domain::names::EnvName;

/// How long to wait between two tries. The state is locked for some milliseconds at a time.
const STEP: Duration = Duration::from_millis(20);
/// How long to wait before saying so: two runs that meet for a moment are not worth a line.
const QUIET: Duration = Duration::from_millis(300);

/// A lock that somebody else holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The lock file.
    pub path: PathBuf,
    /// The process that holds it, as far as it has said so.
    pub pid: Option<u32>,
    /// The environment that it is about; `None`: the state file.
    pub env: Option<EnvName>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another cloudtop")?;
        if let Some(pid) = self.pid {
            write!(f, " (pid {pid})")?;
        }
        match &self.env {
            Some(env) => write!(f, " is working on `{env}`"),
            None => f.write_str(" is using the state file"),
        }
    }
}

/// Who is told, once, that a lock is being waited for.
pub type Announce<'a> = dyn Fn(&Waiting) + Send + Sync + 'a;

/// A lock that is wanted.
pub(super) struct Wanted<'a> {
    /// The lock file.
    pub path: &'a Path,
    /// The environment that it is about; `None`: the state file.
    pub env: Option<&'a EnvName>,
    /// How long to wait for it.
    pub patience: Duration,
    /// Who is told of a wait.
    pub announce: &'a Announce<'a>,
}

/// The right to read, held together with other readers.
pub(super) struct Shared(#[expect(dead_code, reason = "the open file is the lock")] File);

/// The right to write, held alone. Its file names this process.
pub(super) struct Exclusive(File);

impl Wanted<'_> {
    /// Waits for the right to read. `None` where nobody has ever written: there is nothing to wait for, and a reader
    /// leaves no files behind.
    pub async fn shared(&self) -> Result<Option<Shared>, StateError> {
        match File::open(self.path) {
            Ok(file) => {
                self.wait(&file, File::try_lock_shared).await?;
                Ok(Some(Shared(file)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::io("open", self.path)(error)),
        }
    }

    /// Waits for the right to write.
    pub async fn exclusive(&self) -> Result<Exclusive, StateError> {
        let mut options = OpenOptions::new();
        let file = files::open_private(self.path, options.read(true).write(true).create(true).truncate(false))?;
        self.wait(&file, File::try_lock).await?;
        // A courtesy to those who wait: a full disk is no reason to give the lock back.
        let _ = file.set_len(0).and_then(|()| file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0));
        Ok(Exclusive(file))
    }

    /// Tries until it works or patience is at its end. Given up by dropping.
    async fn wait(&self, file: &File, try_lock: fn(&File) -> Result<(), TryLockError>) -> Result<(), StateError> {
        let started = Instant::now();
        let mut announced = false;
        loop {
            match try_lock(file) {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(StateError::io("lock", self.path)(error)),
            }
            let waited = started.elapsed();
            if waited >= self.patience {
                return Err(StateError::Locked { held: self.holder() });
            }
            if waited >= QUIET && !announced {
                (self.announce)(&self.holder());
                announced = true;
            }
            sleep(STEP.min(self.patience.saturating_sub(waited))).await;
        }
    }

    fn holder(&self) -> Waiting {
        let pid = fs::read_to_string(self.path).ok().and_then(|text| text.trim().parse().ok());
        Waiting { path: self.path.to_owned(), pid, env: self.env.cloned() }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        // Or somebody who waits for a reader would be told of a writer that is long gone.
        let _ = self.0.set_len(0);
    }
}
