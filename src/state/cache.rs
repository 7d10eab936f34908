//! What may be forgotten: answers that are worth keeping for a while.
//!
//! A file here that is missing, damaged, of another question or too old is as good as none; that it cannot be written is no
//! failure either.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::files;
use super::paths::Paths;

/// The version of what is kept. Answers of another version are not read.
const FORMAT: u32 = 1;

/// An answer that was kept.
#[derive(Debug, PartialEq)]
pub struct Kept<T> {
    /// The answer.
    pub answer: T,
    /// When it was given.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct File<T> {
    format: u32,
    /// The question, whole: files are named by its hash, and two questions may have the same.
    question: String,
    at: Timestamp,
    answer: T,
}

/// Answers of one kind.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    kind: &'static str,
    keeps: SignedDuration,
}

impl Cache {
    /// Answers of the kind `kind`, each kept for as long as `keeps`.
    #[must_use]
    pub fn new(paths: &Paths, kind: &'static str, keeps: SignedDuration) -> Self {
        Self { directory: paths.cache_dir().to_owned(), kind, keeps }
    }

    /// The answer to a question, if it was given recently enough.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, question: &str, now: Timestamp) -> Option<Kept<T>> {
        self.last(question, now).filter(|kept| now.duration_since(kept.at) <= self.keeps)
    }

    /// The answer to a question, however long ago it was given.
    #[must_use]
    pub fn last<T: DeserializeOwned>(&self, question: &str, now: Timestamp) -> Option<Kept<T>> {
        let text = std::fs::read(self.path(question)).ok()?;
        let file: File<T> = serde_json::from_slice(&text).ok()?;
        // An answer from the future was given by a clock that was wrong: nobody knows how old it is.
        let is_past = now.duration_since(file.at) >= SignedDuration::ZERO;
        (file.format == FORMAT && file.question == question && is_past)
            .then_some(Kept { answer: file.answer, at: file.at })
    }

    /// Keeps an answer.
    pub fn put<T: Serialize>(&self, question: &str, answer: &T, now: Timestamp) {
        let file = File { format: FORMAT, question: question.to_owned(), at: now, answer };
        let Ok(text) = serde_json::to_vec(&file) else { return };
        let kept = files::make_dir(&self.directory, false).and_then(|()| files::replace(&self.path(question), &text));
        if let Err(error) = kept {
            tracing::debug!(%error, "an answer was not kept");
        }
    }

    fn path(&self, question: &str) -> PathBuf {
        // FNV-1a: the same on every machine and in every version.
        let hash = question
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        self.directory.join(format!("{}-{hash:016x}.json", self.kind))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    #[test]
    fn an_answer_is_given_again_to_the_same_question_until_it_is_old() {
        let place = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(Some(&place.path().join("state.json"))).unwrap();
        let cache = Cache::new(&paths, "prices", SignedDuration::from_mins(5));
        assert_eq!(cache.get::<u32>("a", at(0)), None);
        cache.put("a", &7, at(0));
        assert_eq!(cache.get("a", at(5)), Some(Kept { answer: 7, at: at(0) }));
        assert_eq!(cache.get::<u32>("a", at(6)), None, "too old");
        assert_eq!(cache.last("a", at(6)), Some(Kept { answer: 7, at: at(0) }));
        assert_eq!(cache.get::<u32>("a", at(-1)), None, "from the future");
        assert_eq!(cache.get::<u32>("b", at(1)), None, "another question");
        assert_eq!(cache.get::<String>("a", at(1)), None, "another answer");
        std::fs::write(cache.path("a"), "{").unwrap();
        assert_eq!(cache.get::<u32>("a", at(1)), None, "damaged");
        // Two questions with one hash.
        std::fs::copy(
            {
                cache.put("b", &8, at(0));
                cache.path("b")
            },
            cache.path("c"),
        )
        .unwrap();
        assert_eq!(cache.get::<u32>("c", at(1)), None);
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_no_failure() {
        let place = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(Some(&place.path().join("state.json"))).unwrap();
        std::fs::create_dir_all(paths.cache_dir().parent().unwrap()).unwrap();
        std::fs::write(paths.cache_dir(), "in the way").unwrap();
        let cache = Cache::new(&paths, "prices", SignedDuration::from_mins(5));
        cache.put("a", &7, at(0));
        assert_eq!(cache.get::<u32>("a", at(0)), None);
    }
}
