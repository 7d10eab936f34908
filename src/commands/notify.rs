//! Telling a command of the user's own what happens.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::domain::names::EnvName;

/// How long the command may take. Watching waits for it, so that what it is told is in order.
const WITHIN: Duration = Duration::from_secs(10);

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// EC2 took a node away.
    Interrupted,
    /// What was taken away is ready again.
    Back,
    /// Every node is ready for the first time.
    Ready,
    /// Four fifths of a budget are spent.
    BudgetWarning,
    /// A budget is spent.
    BudgetSpent,
    /// What ran was stopped, for a budget is spent.
    StoppedForBudget,
    /// A throwaway was ended when its time was over.
    Ended,
    /// Watching ends, for something went wrong.
    Failed,
}

impl Event {
    /// The word that the command gets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::Back => "back",
            Self::Ready => "ready",
            Self::BudgetWarning => "budget-warning",
            Self::BudgetSpent => "budget-spent",
            Self::StoppedForBudget => "stopped-for-budget",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

/// Runs the command and waits for it, not long. The message is on its standard input and, with the rest, in its
/// environment; what it prints on standard output is nobody's answer, and is thrown away.
///
/// # Errors
/// In words, why nobody may have been told.
pub async fn run(command: &[String], env: &EnvName, event: Event, message: &str) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let child = Command::new(program)
        .args(arguments)
        .env("CLOUDTOP_EVENT", event.as_str())
        .env("CLOUDTOP_ENV", env.as_str())
        .env("CLOUDTOP_MESSAGE", message)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    let mut stdin = child.stdin.take();
    let told = async {
        if let Some(mut stdin) = stdin.take() {
            // Not every command reads what it is told: the environment says the same.
            let _ = stdin.write_all(format!("{message}\n").as_bytes()).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(WITHIN, told).await {
        Err(_) => Err(format!("`{program}` had not ended after {} seconds and was killed", WITHIN.as_secs())),
        Ok(Err(error)) => Err(format!("`{program}` cannot be waited for: {error}")),
        Ok(Ok(status)) if !status.success() => Err(format!("`{program}` ended with {status}")),
        Ok(Ok(_)) => Ok(()),
    }
}
