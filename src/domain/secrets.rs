//! Files that nodes get over ssh from the user's machine: where each comes from and where it goes, never what is in it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The mode of a delivered file where nobody says otherwise: for its owner's eyes alone.
pub const PRIVATE: u32 = 0o600;

/// The longest path that is taken; Linux's own limit is 4,096 bytes.
const MOST_PATH: usize = 1024;

/// A file of the user's own that every node of an environment gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFile {
    /// Where it lies on a node: an absolute path, or one below the login user's home that begins with `~/`.
    pub path: String,
    /// Where what is in it comes from.
    pub from: SecretSource,
    /// Its permissions.
    pub mode: u32,
    /// Whose it is, as `chown` takes it. `None`: the login user's.
    pub owner: Option<String>,
}

/// Where the content of a file comes from, on the user's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
    /// What a line for the shell prints.
    Command(String),
}

/// Whether a file can lie there on a node.
///
/// # Errors
/// What is wrong with the path, in words that follow its name.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    let Some(below) = path.strip_prefix("~/").or_else(|| path.strip_prefix('/')) else {
        return Err("is no place on a node: begin it with / or ~/");
    };
    if path.len() > MOST_PATH || path.trim() != path || path.chars().any(char::is_control) {
        return Err("is no place on a node: it is too long, ends with a space or holds a control character");
    }
    if below.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("is no place on a node: write it without `.`, `..`, doubled slashes and a slash at the end");
    }
    Ok(())
}

/// Reads permissions as `chmod` takes them, for example `0600`.
///
/// # Errors
/// What they must be, for anything but three or four octal digits that say who may read, write and execute.
pub fn parse_mode(text: &str) -> Result<u32, &'static str> {
    let digits = matches!(text.len(), 3 | 4) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| digits && *mode <= 0o777);
    mode.ok_or("must be three or four octal digits without set-id bits, for example \"0600\"")
}

/// Whether a text names an owner as `chown` takes it: a user, or a user and a group with a colon between them.
///
/// # Errors
/// What it must be.
pub fn check_owner(owner: &str) -> Result<(), &'static str> {
    // useradd(8): a lower-case letter or _, then those, digits and dashes, at most 32.
    let first = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_name = |name: &str| {
        name.starts_with(first) && name.len() <= 32 && name.chars().all(|letter| first(letter) || "-.".contains(letter))
    };
    match owner.split(':').collect::<Vec<_>>().as_slice() {
        [user] if is_name(user) => Ok(()),
        [user, group] if is_name(user) && is_name(group) => Ok(()),
        _ => Err("must be a user of the node, or USER:GROUP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_or_below_the_home_and_plain() {
        for good in ["/etc/x", "~/.netrc", "~/a b/c", "/run/secrets/gh"] {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        for bad in ["", "x", "/", "~/", "~", "~root/x", "/etc/", "/etc//x", "/etc/../x", "/a\nb", "/a ", "~/./x"] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn permissions_are_octal_and_have_no_set_id_bits() {
        assert_eq!((parse_mode("0600"), parse_mode("755")), (Ok(0o600), Ok(0o755)));
        for bad in ["", "6", "rw-------", "0o600", "4755", "0888", "+600", "00600"] {
            assert!(parse_mode(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_owner_is_one_word_for_chown() {
        for good in ["root", "etcd", "_x", "systemd-network", "me:users", "1000"] {
            assert_eq!(check_owner(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "-R", "a:b:c", ":x", "x:", "a;b"] {
            assert!(check_owner(bad).is_err(), "{bad:?}");
        }
    }
}
