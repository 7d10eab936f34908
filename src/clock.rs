//! The one clock. Every other room takes time as an argument or asks this.

use jiff::Timestamp;
use tokio::time::Instant;

/// Wall-clock time that advances with tokio's clock.
///
/// Under a paused tokio clock (tests) it stands still until the runtime moves it, so that a wait of minutes
/// takes no time; otherwise it is the machine's clock as it was at the start, plus the time since. The time in which a
/// machine sleeps does not count for tokio: [`Clock::system`] takes it from the machine's clock when that is ahead.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
    /// Whether it is the machine's own time that it shows.
    is_system: bool,
}

impl Clock {
    /// A clock that shows the machine's own time.
    #[must_use]
    pub fn system() -> Self {
        Self { is_system: true, ..Self::starting_at(Timestamp::now()) }
    }

    /// A clock that shows `base` now and goes on from there.
    #[must_use]
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now(), is_system: false }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let elapsed = jiff::SignedDuration::try_from(self.started.elapsed()).unwrap_or_default();
        let now = self.base.checked_add(elapsed).unwrap_or(Timestamp::MAX);
        if self.is_system { now.max(Timestamp::now()) } else { now }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_in_which_the_machine_slept_counts() {
        let hour = Duration::from_secs(3600);
        let slept = Clock { base: Timestamp::now() - hour, started: Instant::now(), is_system: true };
        assert!(slept.now() > Timestamp::now() - hour / 2);
        let virtual_one = Clock { is_system: false, ..slept };
        assert!(virtual_one.now() < Timestamp::now() - hour / 2, "a test's clock is its own");
    }
}
