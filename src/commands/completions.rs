//! `cloudtop completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Cli, CommandError};
use crate::ui::Ui;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cloudtop completions bash > ~/.local/share/bash-completion/completions/cloudtop")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Runs `cloudtop completions`.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &CompletionsArgs, ui: &Ui) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cloudtop", &mut script);
    ui.answer(String::from_utf8_lossy(&script).trim_end())?;
    Ok(())
}
