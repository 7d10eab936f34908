//! The log, for finding out what the tool itself does: off, unless `-vv` or `CLOUDTOP_LOG` asks for it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Where the log goes instead of stderr, once a screen is drawn that it would be written over.
static FILE: OnceLock<File> = OnceLock::new();

/// Sends the log to stderr: `-vv` for our own lines, `-vvv` for the SDK's too. `CLOUDTOP_LOG` takes tracing's filters
/// and wins.
pub fn start(verbose: u8) {
    let by_flag = match verbose {
        0 | 1 => "off",
        2 => "cloudtop=debug",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("CLOUDTOP_LOG").unwrap_or_else(|_| EnvFilter::new(by_flag));
    // A second subscriber in one process (tests) is refused, and the first one stays.
    let _already_there = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).try_init();
}

fn writer() -> Box<dyn Write> {
    match FILE.get() {
        Some(file) => Box::new(file),
        None => Box::new(io::stderr()),
    }
}

/// Sends the log into a file from now on, if there is one at all; whether there is.
///
/// # Errors
/// A file that cannot be made.
pub fn into_file(path: &Path) -> io::Result<bool> {
    if LevelFilter::current() == LevelFilter::OFF {
        return Ok(false);
    }
    let _already_there = FILE.set(File::create(path)?);
    Ok(true)
}
