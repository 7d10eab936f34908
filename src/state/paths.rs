//! Where everything is.

use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

use super::error::StateError;
use super::files;
use crate::domain::names::EnvName;

/// The name of our directories under the system's own.
const OURS: &str = "cloudtop";
/// The name of the state file, unless the user gives another.
const STATE_FILE: &str = "state.json";
/// Where simulated environments are kept, beside the real ones.
const SIMULATED: &str = "sim";

/// The places of all files that the tool keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    state_file: PathBuf,
    directory: PathBuf,
    cache: PathBuf,
    /// Whether the directory is the tool's own, and not one that the user named.
    own: bool,
}

impl Paths {
    /// The places for a state file that the user named, with all else in a folder `FILE.d` beside it, so that two such
    /// files in one folder share nothing; without one, the system's:
    /// `$XDG_STATE_HOME/cloudtop` (`~/.local/state/cloudtop`), on macOS `~/Library/Application Support/cloudtop`.
    ///
    /// # Errors
    /// [`StateError::NotAFile`] and [`StateError::NoHome`].
    pub fn resolve(state_file: Option<&Path>) -> Result<Self, StateError> {
        match state_file {
            Some(path) => Self::given(path),
            None => {
                let system = choose_native_strategy().map_err(|_| StateError::NoHome)?;
                // Apple has no directory for state: data is what it calls it.
                let state = system.state_dir().unwrap_or_else(|| system.data_dir());
                Ok(Self::own(state.join(OURS), system.cache_dir().join(OURS)))
            }
        }
    }

    /// The places for simulated environments: a folder beside the real ones, so that the two never mix. A state file
    /// that the user named is taken as it is: that it holds simulated environments is then the user's word.
    ///
    /// # Errors
    /// As [`Paths::resolve`].
    pub fn for_simulator(state_file: Option<&Path>) -> Result<Self, StateError> {
        let real = Self::resolve(state_file)?;
        Ok(if real.own { real.simulated() } else { real })
    }

    fn own(directory: PathBuf, cache: PathBuf) -> Self {
        Self { state_file: directory.join(STATE_FILE), directory, cache, own: true }
    }

    fn simulated(&self) -> Self {
        let directory = self.directory.join(SIMULATED);
        let cache = directory.join("cache");
        Self::own(directory, cache)
    }

    fn given(path: &Path) -> Result<Self, StateError> {
        let refused = || StateError::NotAFile { path: path.to_owned() };
        if path.file_name().is_none() || path.is_dir() {
            return Err(refused());
        }
        let state_file = std::path::absolute(path).map_err(|_| refused())?;
        let directory = files::with_suffix(&state_file, ".d");
        Ok(Self { cache: directory.join("cache"), state_file, directory, own: false })
    }

    /// The state file, as it was named: possibly a link.
    #[must_use]
    pub fn state_file(&self) -> &Path {
        &self.state_file
    }

    /// The id of this installation once more, so that a lost state file does not make us strangers to our own tags.
    #[must_use]
    pub fn owner_file(&self) -> PathBuf {
        self.directory.join("owner")
    }

    /// What was done for an environment.
    #[must_use]
    pub fn journal(&self, env: &EnvName) -> PathBuf {
        self.directory.join("journal").join(format!("{env}.jsonl"))
    }

    /// The environments that have a journal, by name.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn journals(&self) -> Result<Vec<EnvName>, StateError> {
        let directory = self.directory.join("journal");
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StateError::io("read", &directory)(error)),
        };
        let file_names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<EnvName> = file_names.filter_map(|name| name.strip_suffix(".jsonl")?.parse().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// The lock that a run holds while it works on an environment.
    #[must_use]
    pub fn env_lock(&self, env: &EnvName) -> PathBuf {
        self.directory.join("locks").join(format!("{env}.lock"))
    }

    /// What is kept of an environment for its owner's eyes alone: random secrets, and a certificate authority.
    #[must_use]
    pub fn private_dir(&self, env: &EnvName) -> PathBuf {
        self.directory.join("private").join(env.as_str())
    }

    /// Deletes what is kept of an environment for its owner's eyes alone. What is not there is fine.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn remove_private(&self, env: &EnvName) -> Result<(), StateError> {
        let directory = self.private_dir(env);
        match std::fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StateError::io("delete", &directory)(error))
            }
            _ => Ok(()),
        }
    }

    /// The simulator's world.
    #[must_use]
    pub fn simulator_world(&self) -> PathBuf {
        self.directory.join("sim.jsonl")
    }

    /// Our ssh configuration, known hosts and keys.
    #[must_use]
    pub fn ssh_dir(&self) -> PathBuf {
        self.directory.join("ssh")
    }

    /// The log of `cloudtop top`, where one is wanted.
    #[must_use]
    pub fn top_log(&self) -> PathBuf {
        self.directory.join("top.log")
    }

    /// What can be had again at any time.
    #[must_use]
    pub fn cache_dir(&self) -> &Path {
        &self.cache
    }

    /// Makes one of these directories, open to its owner alone.
    ///
    /// One that was there before is closed to others only in the tool's own directory: with `--state /tmp/s.json` the
    /// directory is not ours to change.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn make_dir(&self, directory: &Path) -> Result<(), StateError> {
        files::make_dir(directory, self.own && (directory.starts_with(&self.directory) || directory == self.cache))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn without_a_name_the_state_is_in_the_systems_place() {
        let paths = Paths::resolve(None).unwrap();
        assert!(paths.state_file().is_absolute());
        assert!(paths.state_file().ends_with("cloudtop/state.json"));
        assert!(paths.cache_dir().ends_with("cloudtop"));
    }

    #[test]
    fn all_else_is_beside_the_state_file() {
        let (paths, env) = (Paths::resolve(Some(Path::new("/x/y.json"))).unwrap(), "dev".parse().unwrap());
        assert_eq!(paths.journal(&env), Path::new("/x/y.json.d/journal/dev.jsonl"));
        assert_eq!(paths.env_lock(&env), Path::new("/x/y.json.d/locks/dev.lock"));
        assert_eq!(paths.simulator_world(), Path::new("/x/y.json.d/sim.jsonl"));
        assert_eq!(paths.ssh_dir(), Path::new("/x/y.json.d/ssh"));
        assert_eq!(paths.cache_dir(), Path::new("/x/y.json.d/cache"));
    }

    #[test]
    fn a_relative_name_holds_wherever_the_run_goes_later() {
        let paths = Paths::resolve(Some(Path::new("s.json"))).unwrap();
        assert_eq!(paths.state_file(), std::env::current_dir().unwrap().join("s.json"));
    }

    #[test]
    fn simulated_environments_are_apart_from_real_ones() {
        let (real, simulated) = (Paths::resolve(None).unwrap(), Paths::for_simulator(None).unwrap());
        assert_eq!(simulated.state_file(), real.directory.join("sim/state.json"));
        assert!(simulated.cache_dir().starts_with(&simulated.directory));
        let named = Some(Path::new("/x/y.json"));
        assert_eq!(Paths::for_simulator(named).unwrap(), Paths::resolve(named).unwrap());
    }

    #[test]
    fn what_cannot_be_a_file_is_refused_with_its_name() {
        for bad in ["", "/", "..", "/tmp"] {
            let error = Paths::resolve(Some(Path::new(bad))).unwrap_err();
            assert!(matches!(error, StateError::NotAFile { .. }), "{bad:?}: {error}");
            assert!(error.to_string().contains(if bad.is_empty() { "empty" } else { bad }), "{error}");
        }
    }

    #[test]
    fn only_directories_of_our_own_are_closed_to_others() {
        let temp = tempfile::tempdir().unwrap();
        let (own, theirs) = (temp.path().join("own"), temp.path().join("theirs"));
        for directory in [&own, &theirs] {
            fs::create_dir(directory).unwrap();
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Paths::own(own.clone(), own.join("cache")).make_dir(&own).unwrap();
        assert_eq!(mode(&own), 0o700);
        let paths = Paths::resolve(Some(&theirs.join("s.json"))).unwrap();
        paths.make_dir(&theirs).unwrap();
        assert_eq!(mode(&theirs), 0o755);
        paths.make_dir(&paths.ssh_dir()).unwrap();
        assert_eq!(mode(&paths.ssh_dir()), 0o700);
    }
}
