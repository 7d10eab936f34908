//! A command over ssh that goes on until it is told to end: what it says is read line by line, and the end of its standard
//! input is the word to end. It has that, too, when this program dies or the connection is lost.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::command::SshOptions;
use super::error::SshError;
use super::paths::SshDir;
use super::run;

/// What is read of standard error, bytes: its last line says why.
const MOST_COMPLAINT: u64 = 16 * 1024;

/// A command that runs. It is killed, and so is its connection, when this is dropped.
#[derive(Debug)]
pub struct Dialogue {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Dialogue {
    /// Starts a command that asks nothing.
    ///
    /// # Errors
    /// [`SshError::UnknownAlias`], [`SshError::Spawn`] or [`SshError::DamagedConfig`].
    pub fn begin(dir: &SshDir, alias: &str, options: &SshOptions, command: &[String]) -> Result<Self, SshError> {
        let options = SshOptions { batch: true, ..options.clone() };
        let mut ssh = run::prepared(dir, alias, &options, command)?;
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = ssh.spawn().map_err(|source| SshError::Spawn { program: "ssh", source })?;
        let stdin = child.stdin.take();
        let lines = child.stdout.take().map(|pipe| BufReader::new(pipe).lines());
        Ok(Self { child, stdin, lines })
    }

    /// The next line that it says; `None` where it says nothing more, or nothing in that time.
    pub async fn next_line(&mut self, within: Duration) -> Option<String> {
        let lines = self.lines.as_mut()?;
        tokio::time::timeout(within, lines.next_line()).await.ok()?.ok()?
    }

    /// Tells it to end.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// The last line of its complaints, where it has any.
    pub async fn complaint(mut self, within: Duration) -> Option<String> {
        let mut text = Vec::new();
        let pipe = self.child.stderr.take()?;
        let read = async move {
            let _ = pipe.take(MOST_COMPLAINT).read_to_end(&mut text).await;
            text
        };
        let text = tokio::time::timeout(within, read).await.ok()?;
        let text = String::from_utf8_lossy(&text);
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }
}
