//! Exit codes: what scripts rely on.

/// Why a command did not do what it was asked for, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 1: it failed; the message says what exists now.
    Failed,
    /// 2: wrong usage, bad configuration or template; nothing was touched.
    Usage,
    /// 3: no such environment, volume or template.
    NotFound,
    /// 4: not ready in time; resources exist, `up` goes on.
    NotReady,
    /// 5: no capacity, or the price is above the limit, in every allowed pool; or a budget is spent.
    NoCapacity,
    /// 6: credentials, permission or quota.
    Denied,
    /// 7: the state file is locked, damaged or from a newer version.
    State,
    /// The exit code of something else: a remote command, or 128 and a signal's number.
    Code(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotReady => 4,
            Self::NoCapacity => 5,
            Self::Denied => 6,
            Self::State => 7,
            Self::Code(code) => code,
        }
    }
}
