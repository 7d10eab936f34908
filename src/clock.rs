//! The one clock. Every other room takes time as an argument or asks this.

use jiff::Timestamp;
use tokio::time::Instant;

/// Wall-clock time that advances with tokio's clock.
///
/// Under a paused tokio clock (tests) it stands still until the runtime moves it, so that a wait of minutes
/// takes no time; otherwise it is the machine's clock as it was at the start, plus the time since.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that shows the machine's own time.
    #[must_use]
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// A clock that shows `base` now and goes on from there.
    #[must_use]
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now() }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let elapsed = jiff::SignedDuration::try_from(self.started.elapsed()).unwrap_or_default();
        self.base.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}
