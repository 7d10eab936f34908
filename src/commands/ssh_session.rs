//! A session on one node: its forwards, waiting until the node answers, and coming back after an interruption.

use std::net::TcpListener;
use std::time::Duration;

use crate::cli::{CommandError, Exit};
use crate::domain::forward::{self, Forward};
use crate::domain::intent::Goal;
use crate::domain::phase::Phase;
use crate::ssh::SshOptions;
use crate::ssh::readiness::CheckResult;
use crate::ssh::run::Ended;

use super::context::Context;
use super::ssh::{self, Found, Looked, NodeName, SshArgs};

/// Between two looks at a node that is waited for: sshd holds more frequent callers off (`ssh::readiness`).
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// What a session is to be.
pub(super) struct Session<'a> {
    name: &'a NodeName,
    command: &'a [String],
    options: SshOptions,
    wait: bool,
    reconnect: bool,
}

impl<'a> Session<'a> {
    /// From what was typed and what the configuration says.
    ///
    /// # Errors
    /// A port of this machine that is wanted twice or is taken; a broken configuration.
    pub(super) fn new(args: &'a SshArgs, name: &'a NodeName, context: &Context) -> Result<Self, CommandError> {
        let settings = context.config()?.environment(name.env().as_str());
        let mut forwards = args.forward.clone();
        if let Some(port) = forward::wanted_twice(&forwards) {
            return Err(CommandError::usage(format!("--forward {port}: two forwards cannot begin at the same port")));
        }
        for forward in &forwards {
            free(forward.local).map_err(|error| taken(forward, &error))?;
        }
        // Those of the file are for whoever works there, not for each command of a script.
        let configured = settings.forward.filter(|_| args.command.is_empty()).unwrap_or_default();
        forwards.extend(usable(context, &args.forward, configured));
        if args.no_shell && forwards.is_empty() {
            let error = CommandError::usage("there is nothing to forward");
            return Err(error.hint("say what with --forward PORT, or with `forward` in cloudtop.toml"));
        }
        let options = SshOptions {
            all_forwards: !args.forward.is_empty(),
            forwards,
            agent: args.forward_agent || settings.forward_agent.unwrap_or(false),
            no_shell: args.no_shell,
            ..SshOptions::default()
        };
        let wait = args.wait || args.reconnect;
        Ok(Self { name, command: &args.command, options, wait, reconnect: args.reconnect })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// What went wrong, with its exit code; the command's or the shell's own exit code.
    pub(super) async fn run(&self, context: &Context) -> Result<(), CommandError> {
        loop {
            let node = match self.wait {
                true => until_it_answers(context, self.name).await?,
                false => ssh::find(context, self.name).await?,
            };
            if self.options.no_shell {
                self.tell_forwards(context);
            }
            match self.connect(context, &node).await? {
                Ended::Exited(0) => return Ok(()),
                Ended::NoConnection if self.reconnect => {
                    context.ui.status(&format!("the connection to {} is lost; Ctrl-C gives it up", self.name));
                }
                Ended::NoConnection => return self.explain(context, &node).await,
                ended => return Err(CommandError::silent(ended.code())),
            }
        }
    }

    /// Runs ssh. Ctrl-C is the way out of forwards without a shell, and says what it has ended.
    async fn connect(&self, context: &Context, node: &Found) -> Result<Ended, CommandError> {
        let running = node.run(&self.options, self.command);
        if !self.options.no_shell {
            return running.await;
        }
        let _held = context.interrupt.hold();
        context.interrupt.unless(running).await.unwrap_or_else(|signal| {
            let text = format!("{}: the forwards are closed; {} runs on", signal.as_str(), self.name);
            Err(CommandError::new(Exit::Code(signal.exit_code()), text))
        })
    }

    fn tell_forwards(&self, context: &Context) {
        for Forward { local, host, port } in &self.options.forwards {
            context.ui.status(&format!("127.0.0.1:{local} leads to {host}:{port} as {} sees it", self.name));
        }
    }

    /// ssh has told that there is no connection; EC2 may know why.
    async fn explain(&self, context: &Context, node: &Found) -> Result<(), CommandError> {
        match ssh::find(context, self.name).await {
            Ok(now) if now.instance == node.instance => Err(match now.check().await {
                CheckResult::NotYet { reason } => {
                    let text = format!("{} does not answer over ssh: {reason}", self.name);
                    let hint = format!("`cloudtop ssh {} --wait` waits until it does", self.name);
                    CommandError::new(Exit::Code(255), text).hint(hint)
                }
                checked => ssh::no_connection(checked),
            }),
            Ok(now) => {
                let text = format!("{} is gone, and {} has taken its place", node.instance, now.instance);
                Err(CommandError::new(Exit::Code(255), text)
                    .hint(format!("`cloudtop ssh {}` connects to the new one", self.name)))
            }
            Err(mut error) => {
                error.exit = Exit::Code(255);
                Err(error.hint(format!("`cloudtop ssh {} --reconnect` waits until it is back", self.name)))
            }
        }
    }
}

/// The configured forwards that can be made: another session may hold them already, and those typed win.
fn usable(context: &Context, typed: &[Forward], configured: Vec<Forward>) -> Vec<Forward> {
    let others = configured.into_iter().filter(|it| typed.iter().all(|typed| typed.local != it.local));
    let can_be_made = |forward: &Forward| match free(forward.local) {
        Ok(()) => true,
        Err(error) => {
            context.ui.warn(&format!("{}; it is left out", taken_in_words(forward, &error)));
            false
        }
    };
    others.filter(can_be_made).collect()
}

fn free(port: u16) -> std::io::Result<()> {
    TcpListener::bind(("127.0.0.1", port)).map(drop)
}

fn taken(forward: &Forward, error: &std::io::Error) -> CommandError {
    let hint = format!("let it begin elsewhere: --forward OTHER:{}:{}", forward.host, forward.port);
    CommandError::new(Exit::Failed, taken_in_words(forward, error)).hint(hint)
}

fn taken_in_words(forward: &Forward, error: &std::io::Error) -> String {
    let port = forward.local;
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("port {port} of this machine is taken by another program"),
        std::io::ErrorKind::PermissionDenied => format!("port {port} of this machine is for root alone"),
        _ => format!("port {port} of this machine cannot be opened: {error}"),
    }
}

/// Waits until a node answers over ssh, and says what it waits for whenever that changes.
async fn until_it_answers(context: &Context, name: &NodeName) -> Result<Found, CommandError> {
    let mut said = String::new();
    loop {
        let looked = ssh::look(context, name.env()).await?;
        let why = match looked.node(name) {
            Ok(node) => match answers(&node).await? {
                None => return Ok(node),
                Some(why) => why,
            },
            Err(error) if !comes_back(&looked, name) => return Err(error),
            Err(error) => {
                looked.view(name).map_or_else(|| error.to_string(), |view| format!("it is {}", ssh::in_words(view)))
            }
        };
        if why != said {
            context.ui.status(&format!("waiting for {name}: {why}"));
            said = why;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Why a node does not answer yet; nothing when it does.
async fn answers(node: &Found) -> Result<Option<String>, CommandError> {
    match node.check().await {
        CheckResult::Answered { .. } => Ok(None),
        CheckResult::NotYet { reason } | CheckResult::KeyRefused { reason } => Ok(Some(reason)),
        CheckResult::BadConfiguration { reason } => Err(CommandError::new(Exit::Code(255), reason)),
        CheckResult::HostKeyChanged(error) | CheckResult::Failed(error) => Err(error.into()),
    }
}

/// Whether EC2 brings a node back, or is about to: one that somebody stopped stays stopped, and one that is gone is made
/// by `up` alone.
fn comes_back(looked: &Looked, name: &NodeName) -> bool {
    let wanted = looked.environment.intent.goal == Goal::Running;
    let phase = looked.view(name).map_or(Phase::Absent, |view| view.phase);
    wanted && !matches!(phase, Phase::Stopped | Phase::Absent | Phase::Gone)
}
