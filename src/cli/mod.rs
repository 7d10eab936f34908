//! The command line: what may be typed, who does it, and with what exit code it ends.

pub mod args;
mod error;
#[cfg(test)]
mod errors_doc;
mod exit;
mod logging;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use crate::commands;
use crate::ui::{Ui, UiOptions};

pub use args::{Cli, Command, Globals};
pub use error::{CommandError, exit_of};
pub use exit::Exit;

/// Parses the command line, does what it says, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come this way too, and go to stdout with exit code 0.
            let _closed_pipe = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    logging::start(cli.globals.verbose);
    let ui = Arc::new(Ui::new(UiOptions {
        json: cli.globals.json,
        quiet: cli.globals.quiet,
        verbose: cli.globals.verbose,
        color: cli.globals.color.into(),
        no_input: cli.globals.no_input,
        yes: cli.globals.yes,
    }));
    match commands::dispatch(cli, &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_silent() {
                ui.error(&error, &error.hints);
            }
            ExitCode::from(error.exit.code())
        }
    }
}
