//! `cloudtop kubeconfig`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::cli::{CommandError, Exit};
use crate::domain::kubeconfig;
use crate::domain::names::{EnvName, host_alias};
use crate::ssh::run::Ended;
use crate::templates::{Kubeconfig, Template};

use super::context::Context;
use super::ssh::{self, NodeName};

/// How long the cluster may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// Fetch the kubeconfig of a Kubernetes cluster.
///
/// It reaches the cluster's API through an ssh forward, whose command is printed: no port but ssh's is open to the outside.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop kubeconfig kube -o kube.json\n  KUBECONFIG=kube.json kubectl get nodes   (with the ssh forward that it names)"
)]
pub struct KubeconfigArgs {
    /// The environment's name
    #[arg(value_name = "NAME")]
    pub name: EnvName,
    /// Write it there, readable by you alone, instead of printing it
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The port of this machine at which the ssh forward begins
    #[arg(long, value_name = "PORT", default_value_t = 6443, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
}

/// Runs `cloudtop kubeconfig`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &KubeconfigArgs, context: &Context) -> Result<(), CommandError> {
    let (_, environment) = context.environment(&args.name).await?;
    let template = Template::load(&environment.intent.template)?;
    let Some(of_template) = &template.manifest.kubeconfig else {
        let text = format!("`{}` is no Kubernetes cluster: its template is `{}`", args.name, template.label());
        return Err(CommandError::usage(text).hint("make one with `cloudtop up NAME -n 3 --template k3s`"));
    };
    let name = format!("cloudtop-{}", args.name);
    if let Some(file) = &args.output {
        check_output(file, &name)?;
    }
    let text = ask_the_server(context, args, of_template).await?;
    let fit = kubeconfig::fit(&text, &name, args.port)
        .map_err(|error| CommandError::new(Exit::Failed, format!("the kubeconfig of `{}`: {error}", args.name)))?;
    match &args.output {
        Some(file) => write(file, &fit)?,
        None => context.ui.json(&fit)?,
    }
    let alias = host_alias(&args.name, 0, environment.intent.nodes);
    context.ui.status(&format!(
        "it works while this runs: ssh -F {} -N -L {}:127.0.0.1:{} {alias}",
        context.ssh_dir()?.config().display(),
        args.port,
        of_template.port
    ));
    Ok(())
}

async fn ask_the_server(
    context: &Context,
    args: &KubeconfigArgs,
    of_template: &Kubeconfig,
) -> Result<String, CommandError> {
    let server = NodeName::first(args.name.clone());
    let node = ssh::find(context, &server).await?;
    let output = node.capture(&of_template.command, ANSWERS_WITHIN).await?;
    if output.status == Ended::Exited(0) {
        return Ok(output.stdout);
    }
    let last = output.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
    let text = format!("node 0 of `{}` gave no kubeconfig: {last}", args.name);
    Err(CommandError::new(Exit::Failed, text)
        .hint(format!("`cloudtop up {}` waits until the cluster is ready", args.name)))
}

/// A file is written over only if it is what an earlier run wrote: a kubeconfig may hold the keys of other clusters.
fn check_output(file: &Path, name: &str) -> Result<(), CommandError> {
    let Ok(text) = std::fs::read_to_string(file) else { return Ok(()) };
    let ours = serde_json::from_str::<Value>(&text).is_ok_and(|before| {
        before["current-context"] == name && before["contexts"].as_array().is_some_and(|contexts| contexts.len() == 1)
    });
    if ours {
        return Ok(());
    }
    let error = CommandError::usage(format!("{} exists and holds something else: it is left as it is", file.display()));
    Err(error.hint("name another file with -o, and list both in KUBECONFIG"))
}

/// Whole or not at all, and never readable by others.
fn write(file: &Path, kubeconfig: &Value) -> Result<(), CommandError> {
    let failed =
        |error: std::io::Error| CommandError::new(Exit::Failed, format!("cannot write {}: {error}", file.display()));
    let directory = file.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Its mode is 0600.
    let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    serde_json::to_writer_pretty(&mut temporary, kubeconfig).map_err(|error| failed(error.into()))?;
    temporary.write_all(b"\n").map_err(failed)?;
    temporary.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}
