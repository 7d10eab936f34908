//! `cloudtop completions`.

use clap::Args;
use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::cli::{CommandError, Exit};
use crate::ui::Ui;

/// The variable in which the script names its shell when it asks.
const VARIABLE: &str = "COMPLETE";
const PROGRAM: &str = "cloudtop";

/// Print a script with which a shell completes commands, options and names.
///
/// The script asks this program what may follow: names of environments come from the state file, others from
/// cloudtop.toml and the AWS configuration. EC2 is not asked. Write it anew after an update of cloudtop.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cloudtop completions bash > ~/.local/share/bash-completion/completions/cloudtop
  cloudtop completions fish > ~/.config/fish/completions/cloudtop.fish
  source <(cloudtop completions zsh)     (in ~/.zshrc, after compinit)")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Runs `cloudtop completions`.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &CompletionsArgs, ui: &Ui) -> Result<(), CommandError> {
    let (name, all) = (args.shell.to_string(), Shells::builtins());
    let failed = |error: String| CommandError::new(Exit::Failed, format!("cannot write a script for {name}: {error}"));
    let shell = all.completer(&name).ok_or_else(|| failed("the shell is not known".to_owned()))?;
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| failed(error.to_string()))?;
    ui.answer(String::from_utf8_lossy(&script).trim())?;
    Ok(())
}
