//! `cloudtop ssh --all`: one command on every node, side by side.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use crate::cli::{CommandError, Exit};
use crate::domain::names::{EnvName, host_alias};
use crate::domain::plan::NodeView;
use crate::engine::Signal;
use crate::ssh::run::Ended;
use crate::ssh::stream::{Stream, stream};
use crate::ssh::{SshDir, SshOptions, Tty, host_keys};
use crate::ui::Ui;
use crate::ui::exits::{self, NodeExit};

use super::context::Context;
use super::ssh::{self, CONNECT_WITHIN, Looked};

/// Nodes that work at the same time. Each is one ssh process here.
const AT_ONCE: usize = 24;

/// Runs a command on all nodes of an environment.
///
/// # Errors
/// The highest exit code, with a table of all of them; 255 is a node without a connection.
pub(super) async fn run(context: &Context, name: &EnvName, command: &[String]) -> Result<(), CommandError> {
    let looked = ssh::look(context, name).await?;
    if !looked.views.iter().any(|view| ssh::runs(view).is_some()) {
        // The error of its first node says what there is to be done.
        looked.node(&ssh::NodeName::first(name.clone()))?;
    }
    let held = context.interrupt.hold();
    let ended = context.interrupt.unless(on_all(context, &looked, name, command)).await;
    drop(held);
    let exits = ended.map_err(cut_off)?;
    if context.globals.json {
        context.ui.json(&exits::Shape::new(name.as_str(), &exits))?;
    }
    match exits.iter().filter(|exit| exit.exit_code != 0).count() {
        0 => Ok(()),
        failed => {
            let table = exits::table(&exits, context.ui.table_width());
            let text = format!("the command failed on {failed} of {} nodes\n{table}", exits.len());
            Err(CommandError::new(Exit::Code(exits::highest(&exits)), text))
        }
    }
}

/// The ssh processes end with the runtime. What they began goes on: sshd tells a command without a terminal nothing.
fn cut_off(signal: Signal) -> CommandError {
    let text = format!("{}: every connection was closed; a command that ignores that may run on", signal.as_str());
    CommandError::new(Exit::Code(signal.exit_code()), text)
}

async fn on_all(context: &Context, looked: &Looked, name: &EnvName, command: &[String]) -> Vec<NodeExit> {
    let nodes = looked.environment.intent.nodes;
    let widest = format!("{name}/{}", nodes.saturating_sub(1)).len();
    let (mut tasks, mut exits) = (JoinSet::new(), Vec::new());
    for index in 0..nodes {
        if tasks.len() >= AT_ONCE {
            exits.extend(tasks.join_next().await.and_then(Result::ok));
        }
        let view = looked.views.iter().find(|view| view.index == index);
        if view.and_then(ssh::runs).is_none() {
            exits.push(does_not_run(name, index, view));
            continue;
        }
        let job = Job {
            ui: Arc::clone(&context.ui),
            ssh_dir: looked.ssh_dir.clone(),
            index,
            node: format!("{name}/{index}"),
            alias: host_alias(name, index, nodes),
            command: command.to_vec(),
            widest,
        };
        tasks.spawn(job.run());
    }
    exits.extend(tasks.join_all().await);
    exits.sort_by_key(|exit| exit.index);
    exits
}

fn does_not_run(name: &EnvName, index: u32, view: Option<&NodeView>) -> NodeExit {
    let state = view.map_or_else(|| "absent".to_owned(), ssh::in_words);
    let why = Some(format!("does not run: it is {state}"));
    NodeExit {
        index,
        node: format!("{name}/{index}"),
        exit_code: 255,
        why,
        stdout: String::new(),
        stderr: String::new(),
    }
}

/// The command on one node.
struct Job {
    ui: Arc<Ui>,
    ssh_dir: SshDir,
    index: u32,
    node: String,
    alias: String,
    command: Vec<String>,
    /// The width of the longest node's name.
    widest: usize,
}

impl Job {
    async fn run(self) -> NodeExit {
        let options = SshOptions { connect_timeout: Some(CONNECT_WITHIN), tty: Tty::Never, ..SshOptions::default() };
        let said = Mutex::new((String::new(), String::new()));
        let hear = |stream, line: &str| self.hear(&said, stream, line);
        let ended = stream(&self.ssh_dir, &self.alias, &options, &self.command, hear).await;
        let (stdout, stderr) = said.into_inner().unwrap_or_else(PoisonError::into_inner);
        let why = match &ended {
            Ok(Ended::Exited(_)) => None,
            Ok(Ended::NoConnection) => Some(no_connection(&stderr)),
            Ok(Ended::Killed(signal)) => Some(format!("signal {signal} ended ssh")),
            Err(error) => Some(error.to_string()),
        };
        let exit_code = ended.map_or(255, Ended::code);
        NodeExit { index: self.index, node: self.node, exit_code, why, stdout, stderr }
    }

    /// Shows a line with the node's name before it, and keeps it: all for the JSON, else what ssh may have said last.
    fn hear(&self, said: &Mutex<(String, String)>, stream: Stream, line: &str) {
        let json = self.ui.options().json;
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match stream {
            Stream::Stdout => &mut said.0,
            Stream::Stderr => &mut said.1,
        };
        if json {
            kept.extend([line, "\n"]);
            return;
        }
        let shown = format!("{:<widest$} | {line}", self.node, widest = self.widest);
        match stream {
            // Where stdout takes nothing more, the nodes' work is still to be waited for.
            Stream::Stdout => _ = self.ui.answer(&shown),
            Stream::Stderr => {
                if !host_keys::refused(kept) {
                    line.clone_into(kept);
                }
                self.ui.relay(&shown);
            }
        }
    }
}

/// ssh's last word, or that the node shows another host key.
fn no_connection(stderr: &str) -> String {
    if host_keys::refused(stderr) {
        return "ssh refused it: its host key has changed (`cloudtop ssh` to it says more)".to_owned();
    }
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
    format!("ssh: no connection: {last}")
}
