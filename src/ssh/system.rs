//! What OpenSSH there is on this machine: its version, and what its agent holds.

use std::ffi::OsStr;
use std::time::Duration;

use tokio::process::Command;

use super::error::SshError;
use super::public_key::PublicKey;
use super::run::{self, Ended};

/// Both answer at once, or are asking someone something that nobody sees.
const PATIENCE: Duration = Duration::from_secs(5);

/// What there is of an ssh agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agent {
    /// None is named.
    Absent,
    /// One is named and does not answer.
    Silent,
    /// One answers; its keys that EC2 imports, and the number of the others.
    Holds(Vec<PublicKey>, usize),
}

/// The version that the system's ssh says, for example `OpenSSH_9.2p1`.
///
/// # Errors
/// There is no ssh on PATH, or it does not answer.
pub async fn version() -> Result<String, SshError> {
    let mut ssh = Command::new("ssh");
    ssh.arg("-V");
    let output = run::finish(ssh, "ssh", "ssh -V", PATIENCE).await?;
    // OpenSSH says it on stderr, with the version of its cryptographic library behind it.
    let said = if output.stderr.trim().is_empty() { output.stdout } else { output.stderr };
    let first = said.lines().next().unwrap_or_default();
    Ok(first.split([',', ' ']).next().unwrap_or_default().to_owned())
}

/// What the agent at a socket (as in SSH_AUTH_SOCK) holds.
///
/// # Errors
/// There is no `ssh-add` on PATH, or it does not end.
pub async fn agent(socket: Option<&OsStr>) -> Result<Agent, SshError> {
    let Some(socket) = socket.filter(|socket| !socket.is_empty()) else { return Ok(Agent::Absent) };
    let mut list = Command::new("ssh-add");
    list.arg("-L").env("SSH_AUTH_SOCK", socket);
    let output = run::finish(list, "ssh-add", "ssh-add -L", PATIENCE).await?;
    match output.status {
        Ended::Exited(0) => {
            let keys: Vec<_> = output.stdout.lines().map(PublicKey::parse).collect();
            let others = keys.iter().filter(|key| key.is_err()).count();
            Ok(Agent::Holds(keys.into_iter().flatten().collect(), others))
        }
        // ssh-add(1): 1 if the command fails, as for want of keys; 2 if it cannot reach the agent.
        Ended::Exited(1) => Ok(Agent::Holds(Vec::new(), 0)),
        _ => Ok(Agent::Silent),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_agent_and_a_dead_one_are_told_apart() {
        assert_eq!(agent(None).await.unwrap(), Agent::Absent);
        assert_eq!(agent(Some(OsStr::new(""))).await.unwrap(), Agent::Absent);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(agent(Some(folder.path().join("nobody").as_os_str())).await.unwrap(), Agent::Silent);
    }

    #[tokio::test]
    async fn the_systems_ssh_says_its_version() {
        let version = version().await.unwrap();
        assert!(version.starts_with("OpenSSH") && !version.contains(','), "{version}");
    }
}
