//! Whether a machine answers: first its ssh port, then a command over ssh.
//!
//! Since OpenSSH 9.8 a server keeps a penalty for each source (sshd_config(5), PerSourcePenalties): 1 s for a look at the
//! port without a login, 5 s for a refused login, and from 15 s on it hangs up at once. Ask every five
//! seconds at most; one that lets us in, every two.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout as within;

use super::command::SshOptions;
use super::error::SshError;
use super::paths::SshDir;
use super::run::{self, Ended, Output};

/// How much a server may say before its identification. RFC 4253 4.2 allows lines there and sets no limit.
const MOST_BYTES: u64 = 8 * 1024;

/// How much of a machine's own words is shown as a reason.
const MOST_REASON: usize = 200;

/// A server's identification line, such as `SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner(pub String);

/// Why no ssh server answered, in plain words.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The machine answered that nothing listens.
    #[error("connection refused: the machine is up, its ssh server is not up yet")]
    Refused,
    /// Nothing answered at all.
    #[error(
        "no answer within {0:?}: the machine is still booting, or a security group or a firewall drops the packets"
    )]
    NoAnswer(Duration),
    /// The port is open and stays silent.
    #[error("the port is open, but no ssh identification came within {0:?}")]
    Silent(Duration),
    /// No way leads there.
    #[error("the network has no route there: look at this machine's connection, or the subnet's route table")]
    NoRoute,
    /// The connection ended before the identification.
    #[error("the connection was closed at once: the ssh server is starting, or turns this address away")]
    Closed,
    /// Something else than ssh listens.
    #[error("what listens there is not an ssh server")]
    NotSsh,
    /// Another failure of the network.
    #[error("cannot connect")]
    Other(#[source] io::Error),
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Self::NoRoute,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Other(error),
        }
    }
}

/// Connects to an ssh port and reads the server's identification, all within `timeout`.
///
/// # Errors
/// The reason why there is none.
pub async fn banner(address: &str, port: u16, timeout: Duration) -> Result<Banner, Unreachable> {
    let deadline = tokio::time::Instant::now() + timeout;
    let stream = match within(timeout, TcpStream::connect((address, port))).await {
        Ok(stream) => stream.map_err(|error| match error.kind() {
            ErrorKind::TimedOut => Unreachable::NoAnswer(timeout),
            _ => Unreachable::from(error),
        })?,
        Err(_elapsed) => return Err(Unreachable::NoAnswer(timeout)),
    };
    let read = tokio::time::timeout_at(deadline, read_banner(stream)).await;
    read.unwrap_or(Err(Unreachable::Silent(timeout)))
}

/// Reads up to the first line that begins with `SSH-`; the lines before it are a greeting.
async fn read_banner(stream: impl AsyncRead + Unpin) -> Result<Banner, Unreachable> {
    let mut stream = stream.take(MOST_BYTES);
    let mut line = Vec::new();
    let mut chunk = [0; 256];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(if stream.limit() == 0 { Unreachable::NotSsh } else { Unreachable::Closed });
        }
        for byte in &chunk[..count] {
            if *byte != b'\n' {
                line.push(*byte);
            } else if line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-") {
                return Ok(Banner(plain(&String::from_utf8_lossy(&line))));
            } else if line.starts_with(b"SSH-") || line.starts_with(b"HTTP/") {
                return Err(Unreachable::NotSsh);
            } else {
                line.clear();
            }
        }
    }
}

/// What a readiness check found.
#[derive(Debug)]
pub enum CheckResult {
    /// The command ran to its end. What its answer means is the template's affair.
    Answered {
        /// Its exit code.
        code: u8,
        /// What it printed, its standard error where it printed nothing.
        output: String,
    },
    /// There was no connection this time, and asking again makes sense.
    NotYet {
        /// The last line that ssh printed.
        reason: String,
    },
    /// The server does not take the key. While a machine boots its ssh server may be up before the key is installed, so
    /// this is final only when it lasts.
    KeyRefused {
        /// ssh's own line, with the user and the methods that the server takes.
        reason: String,
    },
    /// The instance shows another host key than before: [`SshError::HostKeyChanged`]. Final.
    HostKeyChanged(SshError),
    /// ssh itself cannot be run or is misconfigured. Final.
    Failed(SshError),
    /// ssh does not accept its configuration. Final.
    BadConfiguration {
        /// ssh's own line.
        reason: String,
    },
}

/// Runs a template's readiness command on the machine and judges the answer.
pub async fn check(
    dir: &SshDir,
    alias: &str,
    options: &SshOptions,
    command: &[String],
    timeout: Duration,
) -> CheckResult {
    tell(dir, alias, options, command, None, timeout).await
}

/// As [`check`], with something on the command's standard input.
pub async fn tell(
    dir: &SshDir,
    alias: &str,
    options: &SshOptions,
    command: &[String],
    input: Option<Vec<u8>>,
    timeout: Duration,
) -> CheckResult {
    match run::feed(dir, alias, options, command, input.unwrap_or_default(), timeout).await {
        Ok(output) => judge(&output),
        Err(error @ SshError::HostKeyChanged { .. }) => CheckResult::HostKeyChanged(error),
        Err(SshError::TimedOut { after, .. }) => {
            CheckResult::NotYet { reason: format!("the check did not finish within {after:?}") }
        }
        Err(error) => CheckResult::Failed(error),
    }
}

fn judge(output: &Output) -> CheckResult {
    match output.status {
        Ended::Exited(code) => {
            let said = if output.stdout.trim().is_empty() { &output.stderr } else { &output.stdout };
            CheckResult::Answered { code, output: said.lines().map(plain).collect::<Vec<_>>().join("\n") }
        }
        Ended::NoConnection => judge_connection(&output.stderr),
        Ended::Killed(signal) => CheckResult::NotYet { reason: format!("signal {signal} ended ssh") },
    }
}

/// The phrases are OpenSSH's own (sshconnect2.c, readconf.c); it does not translate them.
fn judge_connection(stderr: &str) -> CheckResult {
    let line_with =
        |phrases: &[&str]| stderr.lines().find(|line| phrases.iter().any(|phrase| line.contains(phrase))).map(plain);
    if let Some(reason) = line_with(&["Permission denied (", "Too many authentication failures"]) {
        return CheckResult::KeyRefused { reason };
    }
    if let Some(reason) = line_with(&["Bad configuration option", "terminating, ", "Bad owner or permissions"]) {
        return CheckResult::BadConfiguration { reason };
    }
    let reason = last_line(stderr).unwrap_or_else(|| "ssh could not connect and gave no reason".to_owned());
    CheckResult::NotYet { reason }
}

fn last_line(text: &str) -> Option<String> {
    text.lines().map(plain).rfind(|line| !line.is_empty())
}

/// A line as it can be shown: a machine's words must not steer the user's terminal or fill it.
fn plain(line: &str) -> String {
    line.trim().chars().filter(|c| !c.is_control()).take(MOST_REASON).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
