//! What a check has to say, and where.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth a thought.
    Hint,
    /// Probably not what was meant.
    Warning,
    /// It cannot work, or not as it is written.
    Error,
}

impl Level {
    /// As users and scripts read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A thing that is looked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, by which a line may silence it.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it finds, for people.
    pub finds: &'static str,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The beginning of a line.
    pub(super) fn line(line: usize) -> Self {
        Self { line, column: 1 }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// By which rule.
    pub rule: &'static Rule,
    /// In which text.
    pub file: String,
    /// Where in it, if it is anywhere.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}[{}]: {}", self.rule.level.as_str(), self.rule.name, self.message)?;
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

/// A text within the user data: the content of a file, a script, a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Embedded<'a> {
    /// What it is, for messages: a path, `runcmd`.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
    /// Where its lines are.
    pub lines: Lines,
}

/// Where the lines of a text stand in the user data that it is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// One below the other, from here on.
    Below(Place),
    /// All of them here: quoted, encoded or folded.
    At(Place),
    /// Each where it says.
    Each(Vec<Place>),
}

impl Embedded<'_> {
    /// Where its line `line` (from 1) stands in the user data.
    pub(super) fn place(&self, line: usize) -> Option<Place> {
        let below = line.saturating_sub(1);
        match &self.lines {
            Lines::Below(first) => Some(Place { line: first.line + below, ..*first }),
            Lines::At(place) => Some(*place),
            Lines::Each(places) => places.get(below).or(places.last()).copied(),
        }
    }
}
