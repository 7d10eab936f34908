//! Running ssh: at the user's terminal, or with its output caught.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::command::{SshOptions, ssh_argv};
use super::error::SshError;
use super::paths::SshDir;
use super::{host_keys, managed_config};

/// How a run of ssh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The remote command ended with this code, 0 to 254.
    Exited(u8),
    /// ssh ended with 255: it has no connection or lost it. (A remote command that ends with 255 looks the same.)
    NoConnection,
    /// A signal ended ssh itself.
    Killed(i32),
}

impl Ended {
    /// The exit code a shell would show: 255 without a connection, 128 and the signal's number when killed.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::NoConnection => 255,
            Self::Killed(signal) => u8::try_from(128 + signal).unwrap_or(255),
        }
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match status.code().map(u8::try_from) {
            Some(Ok(255) | Err(_)) => Self::NoConnection,
            Some(Ok(code)) => Self::Exited(code),
            None => Self::Killed(status.signal().unwrap_or_default()),
        }
    }
}

/// What a caught run of ssh printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: Ended,
    /// Its standard output; what is not UTF-8 is replaced.
    pub stdout: String,
    /// Its standard error: the remote command's, and ssh's own complaints.
    pub stderr: String,
}

/// Runs ssh at the user's terminal, with a shell when `command` is empty, and waits for its end.
///
/// ssh has the terminal, so it gets the user's signals itself; with a shell it is never killed from here, because that
/// would leave the terminal in raw mode. Its complaints go to the user's standard error as they are.
///
/// # Errors
/// [`SshError::UnknownAlias`], [`SshError::Spawn`], or [`SshError::DamagedConfig`].
pub async fn exec(dir: &SshDir, alias: &str, options: &SshOptions, command: &[String]) -> Result<Ended, SshError> {
    // Forwards alone leave the terminal as it is, and would go on without whoever asked for them.
    let status = prepared(dir, alias, options, command)?.kill_on_drop(options.no_shell).status().await;
    status.map(Ended::from).map_err(|source| SshError::Spawn { program: "ssh", source })
}

/// Runs a command over ssh without ever asking anything or reading standard input, and catches what it prints.
///
/// # Errors
/// [`SshError::TimedOut`] after `timeout` (ssh is killed), [`SshError::HostKeyChanged`], [`SshError::UnknownAlias`] or
/// [`SshError::Spawn`]. A connection that fails otherwise is no error here but [`Ended::NoConnection`].
pub async fn capture(
    dir: &SshDir,
    alias: &str,
    options: &SshOptions,
    command: &[String],
    timeout: Duration,
) -> Result<Output, SshError> {
    feed(dir, alias, options, command, Vec::new(), timeout).await
}

/// As [`capture`], with `input` on the command's standard input. What is in it is neither shown nor logged.
///
/// # Errors
/// As [`capture`].
pub async fn feed(
    dir: &SshDir,
    alias: &str,
    options: &SshOptions,
    command: &[String],
    input: Vec<u8>,
    timeout: Duration,
) -> Result<Output, SshError> {
    let instance = pinned_instance(dir, alias)?;
    let options = SshOptions { batch: true, ..options.clone() };
    let output = fed(ssh(dir, alias, &options, command), "ssh", &format!("ssh {alias}"), input, timeout).await?;
    if output.status == Ended::NoConnection && host_keys::refused(&output.stderr) {
        return Err(SshError::HostKeyChanged { instance, alias: alias.to_owned(), known_hosts: dir.known_hosts() });
    }
    Ok(output)
}

/// Runs a program to its end with nothing on standard input; it is killed after `timeout` or when the caller gives up.
pub(super) async fn finish(
    command: Command,
    program: &'static str,
    what: &str,
    timeout: Duration,
) -> Result<Output, SshError> {
    fed(command, program, what, Vec::new(), timeout).await
}

async fn fed(
    mut command: Command,
    program: &'static str,
    what: &str,
    input: Vec<u8>,
    timeout: Duration,
) -> Result<Output, SshError> {
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| SshError::Spawn { program, source })?;
    let pipe = child.stdin.take();
    let write = async move {
        if let Some(mut pipe) = pipe {
            // A program that ends without reading everything says why by its exit code and its words.
            let _ = pipe.write_all(&input).await;
        }
    };
    let talk = async { tokio::join!(write, child.wait_with_output()).1 };
    let output = tokio::time::timeout(timeout, talk)
        .await
        .map_err(|_elapsed| SshError::TimedOut { what: what.to_owned(), after: timeout })?
        .map_err(|source| SshError::Spawn { program, source })?;
    Ok(Output {
        status: Ended::from(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// ssh to a host that an environment has, ready to be started.
pub(super) fn prepared(
    dir: &SshDir,
    alias: &str,
    options: &SshOptions,
    command: &[String],
) -> Result<Command, SshError> {
    pinned_instance(dir, alias)?;
    Ok(ssh(dir, alias, options, command))
}

fn ssh(dir: &SshDir, alias: &str, options: &SshOptions, command: &[String]) -> Command {
    let argv = ssh_argv(dir, alias, options, command);
    let mut ssh = Command::new("ssh");
    ssh.args(argv.iter().skip(1));
    ssh
}

fn pinned_instance(dir: &SshDir, alias: &str) -> Result<String, SshError> {
    managed_config::instance_of(dir, alias)?
        .ok_or_else(|| SshError::UnknownAlias { alias: alias.to_owned(), path: dir.config() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_of_255_and_a_signal_are_kept_apart() {
        assert_eq!(Ended::from(ExitStatus::from_raw(42 << 8)), Ended::Exited(42));
        assert_eq!(Ended::from(ExitStatus::from_raw(255 << 8)), Ended::NoConnection);
        assert_eq!(Ended::from(ExitStatus::from_raw(9)).code(), 137);
    }

    #[tokio::test]
    async fn a_name_that_no_environment_has_never_reaches_ssh() {
        let root = tempfile::tempdir().unwrap();
        let dir = SshDir::new(root.path()).unwrap();
        let options = SshOptions::default();
        let result = capture(&dir, "example.com", &options, &[], Duration::from_secs(1)).await;
        assert!(matches!(result, Err(SshError::UnknownAlias { .. })));
        assert!(matches!(exec(&dir, "example.com", &options, &[]).await, Err(SshError::UnknownAlias { .. })));
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_killed() {
        let mut sleep = Command::new("sleep");
        sleep.arg("60");
        let result = finish(sleep, "sleep", "sleep", Duration::from_millis(20)).await;
        assert!(matches!(result, Err(SshError::TimedOut { .. })));
    }
}
