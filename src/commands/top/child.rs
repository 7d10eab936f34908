//! Other commands of this program, run on the plain terminal.

use std::ffi::OsString;

use tokio::process::Command;

use crate::cli::Globals;

use super::super::context::Context;

/// Runs a command on the plain terminal, and says how it ended.
pub(super) async fn run(context: &Context, verb: &str, name: &str) -> String {
    // Ctrl-C ends the command, and not the screen behind it.
    let _lent = context.interrupt.lend();
    let ended = match std::env::current_exe() {
        Ok(program) => Command::new(program).args(words(&context.globals, verb, name)).status().await,
        Err(error) => Err(error),
    };
    match ended.map(|status| status.code()) {
        Ok(Some(code)) => format!("`cloudtop {verb} {name}` has ended with exit code {code}"),
        Ok(None) => format!("`cloudtop {verb} {name}` was ended by a signal"),
        Err(error) => format!("`cloudtop {verb} {name}` cannot be run: {error}"),
    }
}

/// The command line, with the options that this run was given.
fn words(globals: &Globals, verb: &str, name: &str) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![verb.into(), name.into()];
    // The question was answered on the screen. What `up` and `start` ask of their own accord, as of a budget that is spent,
    // is another question.
    if matches!(verb, "stop" | "down") || globals.yes {
        words.push("--yes".into());
    }
    #[cfg(feature = "simulator")]
    if globals.sim {
        words.push("--sim".into());
    }
    let texts =
        [("--region", &globals.region), ("--profile", &globals.profile), ("--endpoint-url", &globals.endpoint_url)];
    for (flag, value) in texts {
        words.extend(value.iter().flat_map(|value| [OsString::from(flag), value.into()]));
    }
    for (flag, file) in [("--state", &globals.state), ("--config", &globals.config)] {
        words.extend(file.iter().flat_map(|file| [OsString::from(flag), file.into()]));
    }
    words.extend(std::iter::repeat_n(OsString::from("--verbose"), usize::from(globals.verbose)));
    if globals.quiet {
        words.push("--quiet".into());
    }
    let color = clap::ValueEnum::to_possible_value(&globals.color);
    words.extend(color.map(|value| OsString::from(format!("--color={}", value.get_name()))));
    words
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::cli;

    /// The same options mean the same again, whatever they are.
    #[test]
    fn a_command_gets_the_options_of_this_run() {
        let line = "cloudtop top --region eu-west-1 --profile work --state /tmp/a --config /tmp/b -vv -q --color never";
        let typed = cli::parse(line.split(' ')).unwrap().globals;
        for (verb, yes) in [("ssh", false), ("stop", true), ("down", true), ("start", false), ("up", false)] {
            let words = words(&typed, verb, "dev");
            let again = cli::parse([OsString::from("cloudtop")].into_iter().chain(words)).unwrap().globals;
            assert_eq!(again.yes, yes, "{verb}");
            let same = cli::Globals { yes: false, ..again };
            assert_eq!(format!("{same:?}"), format!("{typed:?}"), "{verb}");
        }
    }
}
