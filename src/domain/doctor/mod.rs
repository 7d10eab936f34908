//! What `cloudtop doctor` finds: one verdict a thing that was looked at, and the mend.
//!
//! - `permissions`: what may be done, and the statements that are missing
//! - `network`: whether what is launched can be reached
//! - `quota`: whether what is asked for fits
//! - `credentials`: whose they are, and how long they last
//! - `clock`: whether this machine's clock will do

pub mod clock;
pub mod credentials;
pub mod network;
pub mod permissions;
pub mod quota;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is, a word that stays the same: scripts look for it.
    pub name: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen, a sentence.
    pub found: String,
    /// What to do about it; none where nothing need be done.
    pub mend: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, or may work; it is worth knowing.
    Warning,
    /// Something will fail because of it.
    Wrong(Area),
    /// Not looked at, because something else must be mended first.
    Skipped,
}

/// What a wrong thing is about, the least first: the exit code is that of the last one in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Anything else.
    Other,
    /// Flags, configuration or template.
    Configuration,
    /// Credentials, permission or quota.
    Access,
    /// The state file or a journal.
    State,
}

impl Verdict {
    /// The word that people and scripts are told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong(_) => "wrong",
            Self::Skipped => "skipped",
        }
    }
}

impl Check {
    /// As it should be.
    #[must_use]
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), mend: None }
    }

    /// Worth knowing.
    #[must_use]
    pub fn warning(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, found: found.into(), mend: Some(mend.into()) }
    }

    /// Something will fail because of it.
    #[must_use]
    pub fn wrong(name: &'static str, area: Area, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Wrong(area), found: found.into(), mend: Some(mend.into()) }
    }

    /// Not looked at; `why` names what is in the way.
    #[must_use]
    pub fn skipped(name: &'static str, why: &str) -> Self {
        Self { name, verdict: Verdict::Skipped, found: format!("not looked at: {why}"), mend: None }
    }
}

/// The worst area in which something is wrong; none where nothing is.
#[must_use]
pub fn worst(checks: &[Check]) -> Option<Area> {
    let areas = checks.iter().filter_map(|check| match check.verdict {
        Verdict::Wrong(area) => Some(area),
        Verdict::Ok | Verdict::Warning | Verdict::Skipped => None,
    });
    areas.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_what_was_skipped_are_not_wrong() {
        let fine = [Check::ok("a", "fine"), Check::warning("b", "hm", "mend it"), Check::skipped("c", "no network")];
        assert_eq!(worst(&fine), None);
        assert_eq!(fine[2].found, "not looked at: no network");
    }

    #[test]
    fn of_several_wrong_things_the_worst_counts() {
        let wrong = |area| Check::wrong("x", area, "broken", "mend it");
        assert_eq!(worst(&[wrong(Area::Other), wrong(Area::Configuration)]), Some(Area::Configuration));
        assert_eq!(worst(&[wrong(Area::Access), wrong(Area::Configuration)]), Some(Area::Access));
        assert_eq!(worst(&[wrong(Area::Access), wrong(Area::State), wrong(Area::Other)]), Some(Area::State));
    }
}
