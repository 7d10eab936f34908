//! How long to wait between two looks, by name, each with the reason for its numbers.

use std::time::Duration;

/// Looking at EC2: quick at first, for most things take a second or two, then every five seconds. A look is at most
/// five describes; EC2 refills about twenty a second.
pub const LOOKS: Schedule =
    Schedule { first: Duration::from_millis(500), factor: 1.5, longest: Duration::from_secs(5) };

/// The least wait between two looks while only nodes are waited for: they are asked themselves, and EC2 would tell no more
/// than that it takes one away, of which it gives notice two minutes before.
pub const QUIET: Duration = Duration::from_secs(15);

/// After a call that EC2 refused for being one too many, or that had no answer.
pub const AFTER_TROUBLE: Schedule =
    Schedule { first: Duration::from_secs(2), factor: 2.0, longest: Duration::from_secs(20) };

/// Asking a node over ssh: often enough to notice at once, and not so often that sshd's penalties for failed
/// connections (OpenSSH 9.8 and later) shut us out.
pub const PROBES: Schedule =
    Schedule { first: Duration::from_millis(500), factor: 1.6, longest: Duration::from_secs(5) };

/// A row of waits, each longer than the one before, up to a longest.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    first: Duration,
    factor: f64,
    longest: Duration,
}

/// Where one is in a schedule.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    schedule: Schedule,
    next: Duration,
}

impl Schedule {
    /// The schedule from its beginning.
    #[must_use]
    pub fn start(self) -> Pace {
        Pace { schedule: self, next: self.first }
    }
}

impl Pace {
    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.mul_f64(self.schedule.factor).min(self.schedule.longest);
        wait
    }

    /// Something has changed: quick again.
    pub fn restart(&mut self) {
        self.next = self.schedule.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_start_again() {
        let mut pace = LOOKS.start();
        let waits: Vec<Duration> = (0..10).map(|_| pace.next_wait()).collect();
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits[9], Duration::from_secs(5));
        pace.restart();
        assert_eq!(pace.next_wait(), Duration::from_millis(500));
    }
}
