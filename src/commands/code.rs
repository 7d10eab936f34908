//! `cloudtop code`.

use std::io::ErrorKind;
use std::time::Duration;

use clap::Args;
use tokio::process::Command;

use crate::cli::{CommandError, Exit};
use crate::domain::intent::VolumeWish;
use crate::ssh::SshDir;
use crate::ssh::include::{self, IncludeState};
use crate::ssh::run::Ended;

use super::context::{Context, home_dir};
use super::ssh::{self, NodeName};

/// How long a node may take to tell where its home directory is.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Open a folder of a node in VS Code.
///
/// It runs `code --remote ssh-remote+cloudtop-NAME FOLDER`; VS Code needs its Remote - SSH extension, and ~/.ssh/config the
/// line of `cloudtop ssh --setup`, which is added if you say so.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop code dev\n  cloudtop code dev persistent/project\n  cloudtop code core/2 /etc"
)]
pub struct CodeArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// The folder, from the login's home on [default: the persistent volume, else the home]
    #[arg(value_name = "FOLDER")]
    pub folder: Option<String>,
}

/// Runs `cloudtop code`.
///
/// # Errors
/// What went wrong, with its exit code; that of `code`.
pub async fn run(args: &CodeArgs, context: &Context) -> Result<(), CommandError> {
    let looked = ssh::look(context, args.node.env()).await?;
    let node = looked.node(&args.node)?;
    included(context, &looked.ssh_dir, "VS Code")?;
    let told = node.capture("pwd", ANSWERS_WITHIN).await?;
    if told.status != Ended::Exited(0) {
        let last = told.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        let text = format!("{} does not answer over ssh: {last}", args.node);
        let hint = format!("`cloudtop ssh {} --wait` waits until it does", args.node);
        return Err(CommandError::new(Exit::Code(255), text).hint(hint));
    }
    let on_volume = looked.environment.intent.volume != VolumeWish::None;
    let wanted = args.folder.as_deref().unwrap_or(if on_volume { "persistent" } else { "" });
    open(&node.alias, &whole(told.stdout.trim(), wanted)).await
}

/// VS Code takes no folder that begins elsewhere than at the root.
fn whole(home: &str, folder: &str) -> String {
    let below = folder.strip_prefix("~/").unwrap_or(if folder == "~" { "" } else { folder });
    match below {
        "" => home.to_owned(),
        _ if below.starts_with('/') => below.to_owned(),
        _ => format!("{}/{below}", home.trim_end_matches('/')),
    }
}

/// What else runs the plain ssh knows nodes only through the user's own file: asks to add the line that it needs.
///
/// # Errors
/// The file cannot be read or written, or the user does not want it.
pub(super) fn included(context: &Context, ssh_dir: &SshDir, program: &str) -> Result<(), CommandError> {
    let home = home_dir().ok_or_else(|| CommandError::usage("the home directory is not known: set HOME"))?;
    let file = home.join(".ssh").join("config");
    if include::include_state(&file, ssh_dir)? == IncludeState::Included {
        return Ok(());
    }
    let question = format!("{program} finds nodes through {}: add cloudtop's Include line to it?", file.display());
    if !context.ui.confirm(&question, "--yes (-y), or `cloudtop ssh --setup`")? {
        let error = CommandError::new(Exit::Failed, format!("{program} cannot find the node, so nothing was done"));
        return Err(error.hint("`cloudtop ssh --setup` adds the line that it needs"));
    }
    include::add_include(&file, ssh_dir)?;
    Ok(())
}

async fn open(alias: &str, folder: &str) -> Result<(), CommandError> {
    let host = format!("ssh-remote+{alias}");
    let ended = Command::new("code").args(["--remote", &host, folder]).status().await.map_err(|error| {
        let text = format!("cannot start VS Code: {error}");
        let hint = match error.kind() {
            ErrorKind::NotFound => {
                "install it so that `code` is on PATH (in it: \"Shell Command: Install 'code' command\")"
            }
            _ => "look at what `code` on PATH is",
        };
        CommandError::new(Exit::Failed, text).hint(hint)
    })?;
    match Ended::from(ended) {
        Ended::Exited(0) => Ok(()),
        ended => Err(CommandError::silent(ended.code())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_begins_at_the_home_unless_it_says_otherwise() {
        for (folder, meant) in
            [("", "/home/u"), ("~", "/home/u"), ("~/a b", "/home/u/a b"), ("a/b", "/home/u/a/b"), ("/etc", "/etc")]
        {
            assert_eq!(whole("/home/u", folder), meant);
        }
    }
}
