//! `cloudtop ssh`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::domain::environment::Environment;
use crate::domain::forward::Forward;
use crate::domain::names::{EnvName, NameError, host_alias};
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::engine::probe;
use crate::ssh::dialogue::Dialogue;
use crate::ssh::include;
use crate::ssh::managed_config;
use crate::ssh::readiness::{self, CheckResult};
use crate::ssh::run::{self, Ended, Output};
use crate::ssh::{SshDir, SshOptions, Tty};

use super::context::{Context, home_dir};
use super::{report, ssh_all, ssh_session};

/// How long a connection may take to be made.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// A shell on a node, or a command's output and exit code.
///
/// With a command after `--`, its output and exit code are those of `cloudtop ssh`; 255 is ssh's own failure.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop ssh dev\n  cloudtop ssh core/2\n  cloudtop ssh dev -- make -C src test\n  cloudtop ssh core --all -- uptime\n  cloudtop ssh dev --forward 8080   (localhost:8080 is the node's)\n  cloudtop ssh dev --reconnect      (across interruptions)\n  cloudtop ssh --setup   (so that plain `ssh cloudtop-dev` works)"
)]
pub struct SshArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]", required_unless_present = "setup")]
    pub node: Option<NodeName>,
    /// Add one Include line to ~/.ssh/config, so that plain ssh knows the nodes; a name has no part in it
    #[arg(long, conflicts_with = "command")]
    pub setup: bool,
    /// Run the command on every node, side by side; the exit code is the highest
    #[arg(long, requires = "command", conflicts_with_all = ["setup", "wait", "reconnect", "forward", "no_shell", "forward_agent"])]
    pub all: bool,
    /// Wait until the node answers, saying what for
    #[arg(long, conflicts_with = "setup")]
    pub wait: bool,
    /// Wait until the node answers, and connect again whenever the connection is lost
    #[arg(long, conflicts_with_all = ["setup", "command"])]
    pub reconnect: bool,
    /// A port of this machine that leads to the node, or to a host that it reaches; can be repeated
    #[arg(short = 'L', long, value_name = "PORT[:HOST][:PORT]", conflicts_with = "setup")]
    pub forward: Vec<Forward>,
    /// No shell, the forwards alone, until Ctrl-C
    #[arg(short = 'N', long, conflicts_with_all = ["setup", "command"])]
    pub no_shell: bool,
    /// Let the node use your ssh agent; its root can use your keys meanwhile
    #[arg(short = 'A', long, conflicts_with = "setup")]
    pub forward_agent: bool,
    /// The command; as with ssh, its words are joined and read by the node's shell
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// A node as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName {
    env: EnvName,
    index: Option<u32>,
}

/// Why a text names no node.
#[derive(Debug, thiserror::Error)]
pub enum NodeNameError {
    /// The environment's name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What is behind the slash is no number.
    #[error("the index behind the slash must be a number, for example core/2")]
    Index,
}

impl NodeName {
    /// Node 0 of an environment.
    #[must_use]
    pub fn first(env: EnvName) -> Self {
        Self { env, index: Some(0) }
    }

    /// The environment.
    #[must_use]
    pub fn env(&self) -> &EnvName {
        &self.env
    }

    /// The node, where one was named.
    #[must_use]
    pub fn index(&self) -> Option<u32> {
        self.index
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}/{index}", self.env),
            None => self.env.fmt(f),
        }
    }
}

impl FromStr for NodeName {
    type Err = NodeNameError;

    fn from_str(text: &str) -> Result<Self, NodeNameError> {
        match text.split_once('/') {
            None => Ok(Self { env: text.parse()?, index: None }),
            Some((env, index)) => {
                Ok(Self { env: env.parse()?, index: Some(index.parse().map_err(|_| NodeNameError::Index)?) })
            }
        }
    }
}

/// Runs `cloudtop ssh`.
///
/// # Errors
/// What went wrong, with its exit code; a command's own exit code.
pub async fn run(args: &SshArgs, context: &Context) -> Result<(), CommandError> {
    // With CLOUDTOP_ENV there is always a name.
    let Some(name) = args.node.as_ref().filter(|_| !args.setup) else { return setup(context, &context.ssh_dir()?) };
    if args.all {
        return match name.index {
            None => ssh_all::run(context, &name.env, &args.command).await,
            Some(_) => Err(CommandError::usage("--all is every node: leave out the index behind the slash")),
        };
    }
    let session = ssh_session::Session::new(args, name, context)?;
    session.run(context).await
}

/// A command on a node with the user's own terminal.
///
/// # Errors
/// What went wrong, with its exit code; the command's own exit code.
pub(super) async fn on_node(context: &Context, name: &NodeName, command: &[String]) -> Result<(), CommandError> {
    let node = find(context, name).await?;
    match node.run(&SshOptions::default(), command).await? {
        Ended::Exited(0) => Ok(()),
        Ended::NoConnection => node.explain().await,
        ended => Err(CommandError::silent(ended.code())),
    }
}

/// An environment's nodes as they are now, with ssh's configuration for those that run.
pub(super) struct Looked {
    /// What was asked for.
    pub environment: Environment,
    /// Every node.
    pub views: Vec<NodeView>,
    /// The directory of our ssh files.
    pub ssh_dir: SshDir,
    name: EnvName,
    cloud: Cloud,
}

/// A node that runs, and the way there.
pub(super) struct Found {
    ssh_dir: SshDir,
    /// The name that ssh has for it.
    pub alias: String,
    /// What EC2 calls it.
    pub instance: String,
    /// The connection to its region.
    pub cloud: Cloud,
}

/// Finds a node, and lets ssh know it.
///
/// # Errors
/// There is none of the name, or it does not run.
pub(super) async fn find(context: &Context, name: &NodeName) -> Result<Found, CommandError> {
    look(context, &name.env).await?.node(name)
}

/// Looks at all nodes of an environment, and lets ssh know them.
///
/// # Errors
/// There is no such environment, or EC2 does not answer.
pub(super) async fn look(context: &Context, name: &EnvName) -> Result<Looked, CommandError> {
    let ssh_dir = context.ssh_dir()?;
    let (state, environment) = context.environment(name).await?;
    let cloud = context.connect(Some(&environment.intent.region), environment.profile.as_deref()).await?;
    let identity = context.identity(&state, name);
    let report = report::look(context, &cloud, &identity, &environment).await?;
    let views: Vec<NodeView> = report.nodes.into_iter().map(|node| node.view).collect();
    write_hosts(context, &environment, name, &views)?;
    Ok(Looked { environment, views, ssh_dir, name: name.clone(), cloud })
}

impl Looked {
    /// One node.
    ///
    /// # Errors
    /// There is none of that index, or it does not run.
    pub(super) fn node(&self, name: &NodeName) -> Result<Found, CommandError> {
        let (env, nodes, index) = (&self.name, self.environment.intent.nodes, name.index.unwrap_or(0));
        if index >= nodes {
            let text = format!("`{env}` has no node {index}: it has {nodes}, numbered from 0");
            return Err(CommandError::new(Exit::NotFound, text));
        }
        let instance = must_run(env, index, &self.views)?;
        let (ssh_dir, cloud) = (self.ssh_dir.clone(), self.cloud.clone());
        Ok(Found { ssh_dir, alias: host_alias(env, index, nodes), instance, cloud })
    }

    /// One node's view, where there is one.
    pub(super) fn view(&self, name: &NodeName) -> Option<&NodeView> {
        self.views.iter().find(|view| view.index == name.index.unwrap_or(0))
    }
}

impl Found {
    /// Runs a command there, or a shell, at the user's own terminal.
    pub(super) async fn run(&self, options: &SshOptions, command: &[String]) -> Result<Ended, CommandError> {
        let options = SshOptions { connect_timeout: Some(CONNECT_WITHIN), ..options.clone() };
        Ok(run::exec(&self.ssh_dir, &self.alias, &options, command).await?)
    }

    /// Runs a command there that asks nothing, and catches what it prints.
    pub(super) async fn capture(&self, command: &str, within: Duration) -> Result<Output, CommandError> {
        let options = SshOptions { connect_timeout: Some(CONNECT_WITHIN), ..SshOptions::default() };
        Ok(run::capture(&self.ssh_dir, &self.alias, &options, &[command.to_owned()], within).await?)
    }

    /// The same with something on the command's standard input, which is neither shown nor logged.
    pub(super) async fn feed(&self, command: &str, input: Vec<u8>, within: Duration) -> Result<Output, CommandError> {
        let options = SshOptions { connect_timeout: Some(CONNECT_WITHIN), ..SshOptions::default() };
        Ok(run::feed(&self.ssh_dir, &self.alias, &options, &[command.to_owned()], input, within).await?)
    }

    /// Starts a command there that goes on until it is told to end.
    pub(super) fn talk(&self, command: &str) -> Result<Dialogue, CommandError> {
        let options = SshOptions { connect_timeout: Some(CONNECT_WITHIN), ..SshOptions::default() };
        Ok(Dialogue::begin(&self.ssh_dir, &self.alias, &options, &[command.to_owned()])?)
    }

    /// Whether it answers over ssh.
    pub(super) async fn check(&self) -> CheckResult {
        let connect_timeout = Some(CONNECT_WITHIN);
        let options = SshOptions { batch: true, connect_timeout, tty: Tty::Never, ..SshOptions::default() };
        readiness::check(&self.ssh_dir, &self.alias, &options, &["true".to_owned()], 2 * CONNECT_WITHIN).await
    }

    /// ssh has said that it has no connection, in its own words; this says what is behind it where that can be told.
    pub(super) async fn explain(&self) -> Result<(), CommandError> {
        Err(no_connection(self.check().await))
    }
}

/// The error of a connection that ssh could not make, or lost. Its own words were seen, so most need no more.
pub(super) fn no_connection(checked: CheckResult) -> CommandError {
    match checked {
        CheckResult::HostKeyChanged(error) => {
            let mut error = CommandError::from(error);
            error.exit = Exit::Code(255);
            error
        }
        _ => CommandError::silent(255),
    }
}

fn setup(context: &Context, ssh_dir: &SshDir) -> Result<(), CommandError> {
    let Some(home) = home_dir() else {
        return Err(CommandError::usage("the home directory is not known: set HOME"));
    };
    let ssh_config = home.join(".ssh").join("config");
    let added = include::add_include(&ssh_config, ssh_dir)?;
    let what = if added { "now includes" } else { "already includes" };
    context.ui.status(&format!(
        "{} {what} {}: plain `ssh cloudtop-NAME` works",
        ssh_config.display(),
        ssh_dir.config().display()
    ));
    Ok(())
}

/// A node that does not run cannot be reached, and ssh would only say that it timed out.
fn must_run(env: &EnvName, index: u32, views: &[NodeView]) -> Result<String, CommandError> {
    let Some(view) = views.iter().find(|view| view.index == index) else {
        return Err(CommandError::new(Exit::NotFound, format!("`{env}` has no node {index}")));
    };
    if let Some(instance) = runs(view) {
        return Ok(instance.to_owned());
    }
    let text = format!("node {index} of `{env}` does not run: it is {}", in_words(view));
    let verb = if view.phase == Phase::Stopped { "start" } else { "up" };
    Err(CommandError::new(Exit::Failed, text).hint(format!("bring it back with `cloudtop {verb} {env}`")))
}

/// The instance of a node that runs and has an address.
pub(super) fn runs(view: &NodeView) -> Option<&str> {
    let instance = view.instance_id.as_deref().filter(|_| view.public_ip.is_some());
    instance.filter(|_| view.phase >= Phase::Running)
}

/// Where a node is, and what it waits for.
pub(super) fn in_words(view: &NodeView) -> String {
    let why = view.waiting_for.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{}{why}", view.phase.as_str())
}

/// Addresses may have changed since the last `up`: EC2 may have stopped and started the node.
fn write_hosts(
    context: &Context,
    environment: &Environment,
    env: &EnvName,
    views: &[NodeView],
) -> Result<(), CommandError> {
    let reach = context.reach()?;
    let hosts = probe::hosts(&reach, env, environment.intent.nodes, &environment.intent.access, views);
    Ok(managed_config::write_environment(&reach.ssh_dir, env.as_str(), &hosts)?)
}
