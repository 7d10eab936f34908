//! Running a command over ssh whose output is handed on line by line, while it comes.

use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::command::SshOptions;
use super::error::SshError;
use super::paths::SshDir;
use super::run::{self, Ended};

/// The longest line that is held back until its end has come, in bytes: a program may write without ever ending one.
const MOST_LINE: usize = 64 * 1024;

/// Which stream a line came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error: the command's, and ssh's own complaints.
    Stderr,
}

/// Runs a command without ever asking anything or giving it any input. Each whole line goes to `line`, without its line
/// end; what is not UTF-8 is replaced. Ssh is killed when the caller gives up.
///
/// # Errors
/// [`SshError::UnknownAlias`], [`SshError::Spawn`] or [`SshError::DamagedConfig`]. A connection that fails is no error
/// here but [`Ended::NoConnection`].
pub async fn stream(
    dir: &SshDir,
    alias: &str,
    options: &SshOptions,
    command: &[String],
    line: impl Fn(Stream, &str),
) -> Result<Ended, SshError> {
    let options = SshOptions { batch: true, ..options.clone() };
    let failed = |source| SshError::Spawn { program: "ssh", source };
    let mut ssh = run::prepared(dir, alias, &options, command)?;
    ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = ssh.spawn().map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    tokio::join!(
        hand_on(stdout, |text| line(Stream::Stdout, text)),
        hand_on(stderr, |text| line(Stream::Stderr, text))
    );
    child.wait().await.map(Ended::from).map_err(failed)
}

/// Until the pipe is closed. One that cannot be read any more has nothing to say either.
async fn hand_on(pipe: Option<impl AsyncRead + Unpin>, line: impl Fn(&str)) {
    let Some(mut pipe) = pipe else { return };
    let (mut held, mut chunk) = (Vec::new(), vec![0; 8 * 1024]);
    while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
        held.extend_from_slice(&chunk[..count]);
        give_out(&mut held, &line);
    }
    if !held.is_empty() {
        line(&in_words(&held));
    }
}

/// Takes whole lines out of what has come.
fn give_out(held: &mut Vec<u8>, line: &impl Fn(&str)) {
    let whole = held.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    for text in held[..whole].split_inclusive(|byte| *byte == b'\n') {
        line(&in_words(text));
    }
    held.drain(..whole);
    if held.len() > MOST_LINE {
        line(&in_words(held));
        held.clear();
    }
}

fn in_words(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::cell::RefCell;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn lines_are_whole_however_they_arrive() {
        let (mut there, here) = tokio::io::duplex(64);
        let lines = RefCell::new(Vec::new());
        let write = async move {
            for piece in ["on", "e\ntw", "o\r\n\nth", "ree"] {
                there.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(write, hand_on(Some(here), |line| lines.borrow_mut().push(line.to_owned())));
        assert_eq!(lines.into_inner(), ["one", "two", "", "three"]);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_not_held_for_ever() {
        let (mut there, here) = tokio::io::duplex(1024);
        let lines = RefCell::new(Vec::new());
        let write = async move { there.write_all(&vec![b'x'; 2 * MOST_LINE]).await.unwrap() };
        tokio::join!(write, hand_on(Some(here), |line| lines.borrow_mut().push(line.len())));
        let lines = lines.into_inner();
        assert!(lines.len() > 1 && lines.iter().sum::<usize>() == 2 * MOST_LINE, "{lines:?}");
    }
}
