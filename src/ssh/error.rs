//! What can go wrong between this program and OpenSSH.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A failure of the ssh room. Its message says what happened to what; [`SshError::hint`] says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: "read", "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A value that could break out of its line in an ssh configuration, or mean something else there.
    #[error("the {field} {value:?} cannot be written into an ssh configuration: {reason}")]
    BadValue {
        /// Which value.
        field: &'static str,
        /// The value itself.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The managed configuration's begin and end lines do not pair.
    #[error("{} is damaged at line {line}: a begin or end line of cloudtop has lost its partner", path.display())]
    DamagedConfig {
        /// The managed configuration.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
    },
    /// Two environments would answer to one ssh name.
    #[error("the ssh name {alias} already belongs to the environment {owner}")]
    AliasTaken {
        /// The ssh name.
        alias: String,
        /// The environment that has it.
        owner: String,
    },
    /// The ssh name is in no environment's block. Without this check ssh would ask the DNS for it.
    #[error("{} has no host {alias}", path.display())]
    UnknownAlias {
        /// The ssh name.
        alias: String,
        /// The managed configuration.
        path: PathBuf,
    },
    /// A program of OpenSSH could not be started.
    #[error("cannot start {program}")]
    Spawn {
        /// Its name, looked for on PATH.
        program: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A program of OpenSSH did not end in time and was killed.
    #[error("{what} did not finish within {after:?}")]
    TimedOut {
        /// The program, and the host where there is one.
        what: String,
        /// How long it had.
        after: Duration,
    },
    /// OpenSSH refused an instance that shows another host key than the one pinned for it.
    #[error("the host key of {instance} ({alias}) is not the one it showed before; ssh refused to connect")]
    HostKeyChanged {
        /// The instance id that the key is pinned to.
        instance: String,
        /// The ssh name.
        alias: String,
        /// The file that holds the pinned key.
        known_hosts: PathBuf,
    },
}

impl SshError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::DamagedConfig { path, .. } => {
                format!("delete {}; `cloudtop up NAME` writes an environment's hosts anew", path.display())
            }
            Self::AliasTaken { owner, .. } => format!("choose another name, or end {owner} first"),
            Self::UnknownAlias { .. } => "`cloudtop up NAME` writes the hosts of an environment".to_owned(),
            Self::Spawn { program, .. } => format!("install the OpenSSH client, so that {program} is on PATH"),
            Self::HostKeyChanged { instance, known_hosts, .. } => changed_key_hint(instance, known_hosts),
            Self::Io { .. } | Self::BadValue { .. } | Self::TimedOut { .. } => return None,
        })
    }
}

fn changed_key_hint(instance: &str, known_hosts: &Path) -> String {
    format!(
        "someone may be answering in the instance's place. It is legitimate only if its host keys were made anew on \
         purpose: sshd installed again, cloud-init cleaned, or the root volume replaced. `aws ec2 get-console-output \
         --instance-id {instance}` prints the keys it made at boot. If they agree, forget the old one with: ssh-keygen \
         -R {instance} -f '{}'",
        known_hosts.display()
    )
}
