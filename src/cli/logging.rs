//! The log, for finding out what the tool itself does: off, unless `-vv` or `CLOUDTOP_LOG` asks for it.

use tracing_subscriber::EnvFilter;

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
    let _already_there = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
