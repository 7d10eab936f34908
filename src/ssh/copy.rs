//! Copying files to and from nodes with the system's scp.

use std::ffi::OsString;

use tokio::process::Command;

use super::error::SshError;
use super::paths::SshDir;
use super::run::Ended;

/// One end of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A path of this machine.
    Here(String),
    /// A path of a host, by its ssh name; empty: the login's home.
    There {
        /// The ssh name.
        alias: String,
        /// The path.
        path: String,
    },
}

impl End {
    /// As scp wants it. It takes what has a colon before its first slash for a host, and what begins with a dash for an
    /// option.
    fn word(&self) -> OsString {
        match self {
            Self::Here(path) if !path.starts_with('/') && (path.contains(':') || path.starts_with('-')) => {
                format!("./{path}").into()
            }
            Self::Here(path) => path.into(),
            Self::There { alias, path } => format!("{alias}:{path}").into(),
        }
    }
}

/// Copies at the user's terminal, directories whole, and waits for the end. Between two hosts it goes through this machine
/// (`-3`), for one host cannot log in to the other.
///
/// # Errors
/// [`SshError::Spawn`].
pub async fn copy(dir: &SshDir, from: &[End], to: &End, quiet: bool) -> Result<Ended, SshError> {
    let mut scp = Command::new("scp");
    scp.arg("-F").arg(dir.config()).args(["-r", "-3"]);
    scp.args(quiet.then_some("-q")).arg("--").args(from.iter().map(End::word)).arg(to.word());
    let status = scp.status().await;
    status.map(Ended::from).map_err(|source| SshError::Spawn { program: "scp", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_neither_a_host_nor_an_option() {
        for (path, word) in [("a:b", "./a:b"), ("-r", "./-r"), ("/a:b", "/a:b"), ("a b", "a b")] {
            assert_eq!(End::Here(path.to_owned()).word(), word);
        }
        let there = End::There { alias: "cloudtop-dev".to_owned(), path: "~/x y".to_owned() };
        assert_eq!(there.word(), "cloudtop-dev:~/x y");
    }
}
