//! One run at a time on one environment.

use std::time::Duration;

use super::error::StateError;
use super::files;
use super::lock::{Announce, Exclusive, Wanted};
use super::paths::Paths;
use crate::domain::names::EnvName;

/// The right to work on an environment and to write its journal, given back when dropped.
///
/// A launch takes minutes, so this is not the state file's lock: `list` and work on other environments go on.
pub struct EnvLock(#[expect(dead_code, reason = "what it does is to be there")] Exclusive);

impl EnvLock {
    /// Waits for the right for at most `patience`; after a moment `announce` is told who has it. Dropping the future
    /// gives up.
    ///
    /// # Errors
    /// [`StateError::Locked`] where another run still works on the environment, [`StateError::Io`].
    pub async fn acquire(
        paths: &Paths,
        env: &EnvName,
        announce: &Announce<'_>,
        patience: Duration,
    ) -> Result<Self, StateError> {
        let path = paths.env_lock(env);
        paths.make_dir(files::directory_of(&path))?;
        let wanted = Wanted { path: &path, env: Some(env), patience, announce };
        Ok(Self(wanted.exclusive().await?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::sync::Mutex;

    use tokio::time::Instant;

    use super::super::samples::{Place, env};
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_second_run_is_told_who_works_on_the_environment_and_gives_up_in_time() {
        let place = Place::new();
        let held = EnvLock::acquire(&place.paths, &env("dev"), &|_| (), MINUTE).await.unwrap();
        let (told, started) = (Mutex::new(Vec::new()), Instant::now());
        let announce = |waiting: &super::super::Waiting| told.lock().unwrap().push(waiting.to_string());
        let Err(error) = EnvLock::acquire(&place.paths, &env("dev"), &announce, MINUTE).await else {
            panic!("two runs work on one environment");
        };
        drop(held);
        let holder = format!("another cloudtop (pid {}) is working on `dev`", std::process::id());
        assert_eq!(*told.lock().unwrap(), std::slice::from_ref(&holder));
        assert!(error.to_string().starts_with(&holder), "{error}");
        assert!(error.to_string().contains("locks/dev.lock"), "{error}");
        assert_eq!(started.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_run_goes_on_when_the_first_ends() {
        let place = Place::new();
        let held = EnvLock::acquire(&place.paths, &env("dev"), &|_| (), MINUTE).await.unwrap();
        let paths = place.paths.clone();
        let second = tokio::spawn(async move { EnvLock::acquire(&paths, &env("dev"), &|_| (), MINUTE).await });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!second.is_finished());
        drop(held);
        assert!(second.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn environments_do_not_wait_for_each_other() {
        let place = Place::new();
        let _dev = EnvLock::acquire(&place.paths, &env("dev"), &|_| (), Duration::ZERO).await.unwrap();
        assert!(EnvLock::acquire(&place.paths, &env("core"), &|_| (), Duration::ZERO).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_given_back_and_its_file_stays() {
        let place = Place::new();
        for _ in 0..2 {
            drop(EnvLock::acquire(&place.paths, &env("dev"), &|_| (), Duration::ZERO).await.unwrap());
        }
        assert_eq!(std::fs::read(place.paths.env_lock(&env("dev"))).unwrap(), b"");
    }
}
