//! `cloudtop man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::cli::{Cli, CommandError, Exit};
use crate::ui::Ui;

/// Print the manual page, or write those of all commands.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop man | man -l -\n  cloudtop man --write-to ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for every command into this directory
    #[arg(long, value_name = "DIR")]
    pub write_to: Option<PathBuf>,
}

/// Runs `cloudtop man`.
///
/// # Errors
/// When a page cannot be written.
pub fn run(args: &ManArgs, ui: &Ui) -> Result<(), CommandError> {
    if let Some(directory) = &args.write_to {
        return clap_mangen::generate_to(Cli::command(), directory).map_err(|error| {
            CommandError::new(Exit::Failed, format!("cannot write manual pages to {}: {error}", directory.display()))
        });
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot render the manual page: {error}")))?;
    ui.answer(String::from_utf8_lossy(&page).trim_end())?;
    Ok(())
}
