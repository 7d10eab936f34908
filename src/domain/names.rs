//! Names of environments and of what is made for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of an environment. It becomes part of a host alias, whose labels DNS limits to 63 characters.
pub const MAX_NAME_LENGTH: usize = 40;

/// The name of an environment: lower-case letters, digits and dashes, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvName(String);

/// Why a text is no name for an environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The empty string.
    #[error("a name must not be empty: use for example `dev`")]
    Empty,
    /// Longer than [`MAX_NAME_LENGTH`].
    #[error("the name has {length} characters, at most {MAX_NAME_LENGTH} are allowed: use a shorter one")]
    TooLong {
        /// How many characters it has.
        length: usize,
    },
    /// Longer than an image's name may be: its builder's name is longer.
    #[error("the name has {length} characters, at most {most} are allowed for an image: use a shorter one")]
    TooLongForImage {
        /// How many characters it has.
        length: usize,
        /// How many it may have.
        most: usize,
    },
    /// A character that is not allowed, or not allowed there.
    #[error(
        "the name {name:?} is not allowed: use lower-case letters, digits and dashes, a letter first, for example `dev` or `core-2`"
    )]
    Character {
        /// The text as it was given.
        name: String,
    },
}

impl EnvName {
    /// The name that examples use, and that stands in where none was given.
    #[must_use]
    pub fn example() -> Self {
        Self("dev".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let length = text.chars().count();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if length > MAX_NAME_LENGTH {
            return Err(NameError::TooLong { length });
        }
        let allowed = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !allowed || !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.ends_with('-') {
            return Err(NameError::Character { name: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for EnvName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<EnvName> for String {
    fn from(name: EnvName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose an environment is: the name and the installation that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The environment.
    pub env: EnvName,
    /// The id of the installation (`cloudtop:owner`).
    pub owner: String,
}

impl Identity {
    /// The name of the security group and of the key pair made for the environment. Both are unique in a VPC or
    /// region, so the owner is part of it: two people may each have a `dev`.
    #[must_use]
    pub fn resource_name(&self) -> String {
        // The id is a UUIDv7, whose first digits are its time: the last ones tell two installations apart.
        let tail = self.owner.len().saturating_sub(8);
        format!("cloudtop-{}-{}", self.env, self.owner.get(tail..).unwrap_or(&self.owner))
    }
}

/// How ssh knows a node: `cloudtop-dev`, and `cloudtop-core.2` in an environment of several nodes. No name of an
/// environment has a dot, so no two nodes share an alias.
#[must_use]
pub fn host_alias(env: &EnvName, node: u32, nodes: u32) -> String {
    if nodes == 1 && node == 0 { format!("cloudtop-{env}") } else { format!("cloudtop-{env}.{node}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_tag_a_host_or_a_path_are_refused() {
        for good in ["dev", "core-2", "a", "x9"] {
            assert!(good.parse::<EnvName>().is_ok(), "{good}");
        }
        for bad in ["", "a/b", "Dev", "9a", "-a", "a-", "a b", "ä", "..", &"a".repeat(300)] {
            assert!(bad.parse::<EnvName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn two_owners_of_one_name_have_different_resources() {
        let of = |owner: &str| Identity { env: EnvName("dev".to_owned()), owner: owner.to_owned() }.resource_name();
        assert_ne!(of("0199aaaa-0000-7000-8000-00000000000a"), of("0199aaaa-0000-7000-8000-00000000000b"));
    }
}
