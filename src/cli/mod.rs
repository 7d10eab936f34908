//! The command line: what may be typed, who does it, and with what exit code it ends.

pub mod args;
// The page tells of everything that can be built in.
#[cfg(all(test, feature = "simulator", feature = "actual"))]
mod cli_doc;
mod completion;
mod error;
#[cfg(test)]
mod errors_doc;
#[cfg(test)]
mod examples;
mod exit;
mod grammar;
pub mod logging;
mod verbs;

use std::process::ExitCode;
use std::sync::Arc;

use clap_complete::CompleteEnv;

use crate::commands;
use crate::ui::{Ui, UiOptions};

pub use args::{Cli, Command, Globals};
pub use error::{CommandError, exit_of};
pub use exit::Exit;
pub use grammar::{command, parse};

/// Parses the command line, does what it says, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    // Where a shell asks what may follow, this answers and ends the program.
    CompleteEnv::with_factory(grammar::completing).complete();
    let cli = match parse(std::env::args_os()) {
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
