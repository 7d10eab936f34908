//! `cloudtop docker-context`.

use std::io::ErrorKind;
use std::process::Stdio;

use clap::Args;
use tokio::process::Command;

use crate::cli::{CommandError, Exit};
use crate::domain::names::host_alias;
use crate::ssh::run::Ended;

use super::code;
use super::context::Context;
use super::ssh::NodeName;

/// Let your `docker` work on a node.
///
/// It makes a docker context, `cloudtop-NAME`, that reaches the node's docker over ssh, and prints what it runs. The context
/// stays right over stops, starts and interruptions. `down` leaves it alone; `--rm` removes it, also after `down`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop docker-context box\n  docker --context cloudtop-box run hello-world\n  cloudtop docker-context core/2 --print\n  cloudtop docker-context box --rm"
)]
pub struct DockerContextArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// Remove the context
    #[arg(long)]
    pub rm: bool,
    /// Print the command, and run nothing
    #[arg(long)]
    pub print: bool,
}

/// Runs `cloudtop docker-context`.
///
/// # Errors
/// What went wrong, with its exit code; that of `docker`.
pub async fn run(args: &DockerContextArgs, context: &Context) -> Result<(), CommandError> {
    let wanted = wanted(args, context).await?;
    let words = if args.rm { wanted.removal() } else { wanted.making() };
    if args.print {
        return Ok(context.ui.answer(&line(&words))?);
    }
    if !args.rm {
        code::included(context, &context.ssh_dir()?, "docker")?;
    }
    match (wanted.host_there(&words).await?, args.rm) {
        (Some(host), _) if host != wanted.host() => Err(wanted.is_of_others(&host)),
        (Some(_), false) => {
            context.ui.status(&format!("docker has the context {0} already: docker --context {0} ps", wanted.0));
            Ok(())
        }
        (None, true) => {
            context.ui.status(&format!("docker has no context {}", wanted.0));
            Ok(())
        }
        (Some(_), true) | (None, false) => {
            context.ui.status(&line(&words));
            // docker says what it has done on its standard output, which is for answers.
            docker(&words).await
        }
    }
}

/// The node's context. One that is to go may be of an environment that has gone before it.
async fn wanted(args: &DockerContextArgs, context: &Context) -> Result<Wanted, CommandError> {
    let (env, index) = (args.node.env(), args.node.index());
    let nodes = match context.environment(env).await {
        Ok((_, environment)) => environment.intent.nodes,
        Err(error) if args.rm && error.exit == Exit::NotFound => index.map_or(1, |index| index.saturating_add(2)),
        Err(error) => return Err(error),
    };
    if let Some(index) = index.filter(|index| *index >= nodes) {
        let text = format!("`{env}` has no node {index}: it has {nodes}, numbered from 0");
        return Err(CommandError::new(Exit::NotFound, text));
    }
    Ok(Wanted(host_alias(env, index.unwrap_or(0), nodes)))
}

/// A docker context, by the name that ssh has for the node.
struct Wanted(String);

impl Wanted {
    fn host(&self) -> String {
        format!("ssh://{}", self.0)
    }

    fn making(&self) -> Vec<String> {
        let endpoint = format!("host={}", self.host());
        ["context", "create", &self.0, "--docker", &endpoint].map(str::to_owned).into()
    }

    fn removal(&self) -> Vec<String> {
        ["context", "rm", &self.0].map(str::to_owned).into()
    }

    /// Where docker's context of this name leads, if there is one. `words` are for an error: what is to be run then.
    async fn host_there(&self, words: &[String]) -> Result<Option<String>, CommandError> {
        let question = ["context", "inspect", &self.0, "--format", "{{.Endpoints.docker.Host}}"].map(str::to_owned);
        let asked = Command::new("docker").args(question).stdin(Stdio::null()).output().await;
        let output = asked.map_err(|error| cannot_start(&error, words))?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }

    fn is_of_others(&self, host: &str) -> CommandError {
        let text = format!("docker's context {} leads to {host}: it is left as it is", self.0);
        let hint = format!("remove it with `docker context rm {}` if it is not needed", self.0);
        CommandError::new(Exit::Failed, text).hint(hint)
    }
}

async fn docker(words: &[String]) -> Result<(), CommandError> {
    let ran = Command::new("docker").args(words).stdin(Stdio::null()).stdout(Stdio::null()).status().await;
    match Ended::from(ran.map_err(|error| cannot_start(&error, words))?) {
        Ended::Exited(0) => Ok(()),
        ended => Err(CommandError::silent(ended.code())),
    }
}

fn cannot_start(error: &std::io::Error, words: &[String]) -> CommandError {
    let hint = match error.kind() {
        ErrorKind::NotFound => "install docker's client: no daemon is needed here".to_owned(),
        _ => "look at what `docker` on PATH is".to_owned(),
    };
    let failed = CommandError::new(Exit::Failed, format!("cannot start docker: {error}"));
    failed.hint(hint).hint(format!("then, or wherever it is: `{}`", line(words)))
}

fn line(words: &[String]) -> String {
    format!("docker {}", words.join(" "))
}
