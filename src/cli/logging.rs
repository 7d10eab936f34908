//! The log, for finding out what the tool itself does: off, unless `-vv` or `CLOUDTOP_LOG` asks for it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The filter of the log.
const VARIABLE: &str = "CLOUDTOP_LOG";

/// Where the log goes instead of stderr, once a screen is drawn that it would be written over.
static FILE: OnceLock<File> = OnceLock::new();

/// Sends the log to stderr: `-vv` for our own lines, `-vvv` for the SDK's too. `CLOUDTOP_LOG` takes levels by module
/// (`cloudtop=debug,rustls=trace`) and wins. Where nobody asks for a log, nothing is made ready for one.
pub fn start(verbose: u8) {
    let Some(filter) = filter(std::env::var(VARIABLE).ok().as_deref(), verbose) else { return };
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    // A second subscriber in one process (tests) is refused, and the first one stays.
    let _already_there = tracing_subscriber::registry().with(lines).with(filter).try_init();
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

/// What is logged; a variable that cannot be read counts for nothing.
fn filter(variable: Option<&str>, verbose: u8) -> Option<Targets> {
    let by_flag = match verbose {
        0 | 1 => None,
        2 => Some("cloudtop=debug"),
        _ => Some("debug"),
    };
    let named = variable.filter(|text| !text.is_empty()).and_then(|text| text.parse().ok());
    named.or_else(|| by_flag?.parse().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn levels(variable: Option<&str>, verbose: u8) -> Option<(LevelFilter, LevelFilter)> {
        let level = |filter: &Targets, target: &str| {
            let all =
                [LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::WARN, LevelFilter::ERROR];
            all.into_iter()
                .find(|it| filter.would_enable(target, &it.into_level().unwrap()))
                .unwrap_or(LevelFilter::OFF)
        };
        filter(variable, verbose).map(|it| (level(&it, "cloudtop::engine"), level(&it, "rustls")))
    }

    #[test]
    fn there_is_no_log_unless_it_is_asked_for() {
        assert_eq!(levels(None, 0), None);
        assert_eq!(levels(Some(""), 1), None);
        assert_eq!(levels(Some("= = nonsense"), 0), None);
    }

    #[test]
    fn flags_ask_for_our_own_lines_then_for_all() {
        assert_eq!(levels(None, 2), Some((LevelFilter::DEBUG, LevelFilter::OFF)));
        assert_eq!(levels(None, 3), Some((LevelFilter::DEBUG, LevelFilter::DEBUG)));
    }

    #[test]
    fn the_variable_wins_over_the_flag() {
        assert_eq!(levels(Some("rustls=trace,info"), 3), Some((LevelFilter::INFO, LevelFilter::TRACE)));
        assert_eq!(levels(Some("cloudtop=warn"), 0), Some((LevelFilter::WARN, LevelFilter::OFF)));
    }
}
