//! `cloudtop man`.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use clap_mangen::Man;

use crate::cli::{self, CommandError, Exit};
use crate::ui::Ui;

/// Print the manual page, or write those of all commands.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop man | man -l -\n  cloudtop man template check | man -l -\n  \
cloudtop man --dir ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The command whose page is printed [default: cloudtop itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub command: Vec<String>,
    /// Write a page for every command into this directory
    #[arg(long, alias = "write-to", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// Runs `cloudtop man`.
///
/// # Errors
/// There is no such command, or a page cannot be written.
pub fn run(args: &ManArgs, ui: &Ui) -> Result<(), CommandError> {
    if let Some(directory) = &args.dir {
        return write_all(directory).map_err(|error| {
            CommandError::new(Exit::Failed, format!("cannot write manual pages to {}: {error}", directory.display()))
        });
    }
    let mut text = Vec::new();
    page(find(&args.command)?)
        .render(&mut text)
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot render the manual page: {error}")))?;
    ui.answer(String::from_utf8_lossy(&text).trim_end())?;
    Ok(())
}

/// The page of a command; all belong to one program.
fn page(command: clap::Command) -> Man {
    Man::new(command).source(concat!("cloudtop ", env!("CARGO_PKG_VERSION"))).manual("cloudtop manual")
}

fn write_all(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut all = cli::command().disable_help_subcommand(true);
    all.build();
    write_with_inner(&all, directory)
}

fn write_with_inner(command: &clap::Command, directory: &Path) -> io::Result<()> {
    for inner in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_with_inner(inner, directory)?;
    }
    page(command.clone()).generate_to(directory).map(drop)
}

fn find(words: &[String]) -> Result<clap::Command, CommandError> {
    let mut all = cli::command();
    all.build();
    let mut found = &all;
    for word in words {
        found = found.find_subcommand(word).ok_or_else(|| {
            CommandError::usage(format!("there is no command `{}`: see `cloudtop --help`", words.join(" ")))
        })?;
    }
    Ok(found.clone())
}
