//! Telling the user's desktop, and a command of the user's own, what happens.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::config::NotifySetting;
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
    /// A snapshot that was due could not be made, or an old one not deleted.
    SnapshotFailed,
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
            Self::SnapshotFailed => "snapshot-failed",
            Self::Failed => "failed",
        }
    }

    /// Whether somebody should look now.
    fn is_pressing(self) -> bool {
        matches!(self, Self::Interrupted | Self::StoppedForBudget | Self::SnapshotFailed | Self::Failed)
    }
}

/// Who is told what happens.
pub struct Notices {
    command: Vec<String>,
    desktop: bool,
    /// What was said of the desktop: that nothing can be shown there is said once.
    said: RefCell<BTreeSet<String>>,
}

impl Notices {
    /// Those that the configuration asks for; `desktop` asks for more.
    pub fn new(setting: Option<NotifySetting>, desktop: bool) -> Self {
        let setting = setting.unwrap_or_default();
        Self { command: setting.command, desktop: desktop || setting.desktop, said: RefCell::default() }
    }

    /// Tells everyone; what is to be said of those who may not know.
    pub async fn tell(&self, env: &EnvName, event: Event, message: &str) -> Vec<String> {
        let mut trouble = Vec::new();
        if self.desktop
            && let Err(why) = show(env, event, message).await
            && self.said.borrow_mut().insert(why.clone())
        {
            trouble.push(format!("notices are not shown on the desktop: {why}"));
        }
        if let Err(why) = run(&self.command, env, event, message).await {
            trouble.push(format!("nobody may know of `{}`: {why}", event.as_str()));
        }
        trouble
    }
}

/// Shows a notice on the desktop.
async fn show(env: &EnvName, event: Event, message: &str) -> Result<(), String> {
    let desktop = Desktop::of_this_system();
    if desktop == Desktop::Freedesktop && !has_session() {
        return Err("there is no session bus here (DBUS_SESSION_BUS_ADDRESS)".to_owned());
    }
    run(&desktop.notice(env, event, message), env, event, message).await
}

/// Without a bus `notify-send` would wait, or start one that nobody looks at.
fn has_session() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let bus = std::env::var_os("XDG_RUNTIME_DIR").map(|directory| Path::new(&directory).join("bus"));
    is_set("DBUS_SESSION_BUS_ADDRESS") || is_set("DISPLAY") || bus.is_some_and(|bus| bus.exists())
}

/// The ways in which desktops show notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Desktop {
    /// The desktops of Linux and the BSDs.
    Freedesktop,
    Mac,
}

impl Desktop {
    fn of_this_system() -> Self {
        if cfg!(target_os = "macos") { Self::Mac } else { Self::Freedesktop }
    }

    /// The command that shows a notice. What happened is an argument of its own, and never part of a script; a desktop takes
    /// the text for markup, so that its signs are written out.
    fn notice(self, env: &EnvName, event: Event, message: &str) -> Vec<String> {
        let title = format!("cloudtop: {env}");
        match self {
            Self::Freedesktop => {
                let urgency = if event.is_pressing() { "critical" } else { "normal" };
                let text = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                ["notify-send", "--app-name=cloudtop", "--urgency", urgency, "--", &title, &text]
                    .map(str::to_owned)
                    .into()
            }
            Self::Mac => {
                let show = "display notification (item 2 of argv) with title (item 1 of argv)";
                ["osascript", "-e", "on run argv", "-e", show, "-e", "end run", &title, message]
                    .map(str::to_owned)
                    .into()
            }
        }
    }
}

/// Runs the command and waits for it, not long. The message is on its standard input and, with the rest, in its
/// environment; what it prints on standard output is nobody's answer, and is thrown away.
///
/// # Errors
/// In words, why nobody may have been told.
async fn run(command: &[String], env: &EnvName, event: Event, message: &str) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let child = Command::new(program)
        .args(arguments)
        .env("CLOUDTOP_EVENT", event.as_str())
        .env("CLOUDTOP_ENV", env.as_str())
        .env("CLOUDTOP_MESSAGE", message)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        // A group of its own, so that what it has started in turn ends with it.
        .process_group(0)
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
        Err(_) => {
            kill_group(&child).await;
            Err(format!("`{program}` had not ended after {} seconds and was killed", WITHIN.as_secs()))
        }
        Ok(Err(error)) => Err(format!("`{program}` cannot be waited for: {error}")),
        Ok(Ok(status)) if !status.success() => Err(format!("`{program}` ended with {status}")),
        Ok(Ok(_)) => Ok(()),
    }
}

/// Kills a command that leads a group, and the group. It was not waited for, so that its number is nobody else's yet.
async fn kill_group(leader: &Child) {
    let Some(id) = leader.id() else { return };
    let kill = Command::new("sh").args(["-c", "kill -s KILL -- \"-$1\"", "sh", &id.to_string()]).status();
    // Where there is no shell, the command itself is killed all the same when it is dropped.
    let _ = kill.await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const MESSAGE: &str = "node 0: \"$(reboot)\" & <b>'end run'</b> -e";

    #[test]
    fn a_notice_is_an_argument_and_no_part_of_a_script_on_every_desktop() {
        let env: EnvName = "dev".parse().unwrap();
        let mac = Desktop::Mac.notice(&env, Event::Interrupted, MESSAGE);
        assert_eq!(mac[1..7].iter().filter(|word| *word == "-e").count(), 3);
        assert_eq!(mac[7..], ["cloudtop: dev", MESSAGE]);
        let linux = Desktop::Freedesktop.notice(&env, Event::Interrupted, MESSAGE);
        let text = "node 0: \"$(reboot)\" &amp; &lt;b&gt;'end run'&lt;/b&gt; -e";
        assert_eq!(linux[2..], ["--urgency", "critical", "--", "cloudtop: dev", text]);
        assert_eq!(Desktop::Freedesktop.notice(&env, Event::Back, "")[3], "normal");
    }
}
