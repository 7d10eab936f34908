//! The command line as it is parsed: what `args` declares, values that complete in the shell, and the environment that
//! `CLOUDTOP_ENV` names. All of it is laid over the declarations here, so that a new command has it without a word.

use std::any::TypeId;
use std::ffi::OsString;

use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _};

use super::{Cli, completion, verbs};
use crate::commands::ssh::NodeName;
use crate::domain::names::EnvName;

/// The environment of commands that are given none.
const ENV_VARIABLE: &str = "CLOUDTOP_ENV";

/// The commands that `CLOUDTOP_ENV` speaks for: each has one name and no second word that could be taken for it. `down`
/// is not among them, for what ends a machine is told which, nor is `history`, which without a name tells of all.
const SPOKEN_FOR: &[&str] =
    &["up", "plan", "stop", "start", "status", "ssh", "logs", "docker-context", "kubeconfig", "watch"];

/// All that may be typed.
#[must_use]
pub fn command() -> clap::Command {
    let named = std::env::var_os(ENV_VARIABLE).is_none_or(|name| !name.is_empty());
    if named { Cli::command().mut_subcommands(with_environment) } else { Cli::command() }
}

/// The same with what values may be, for a shell that asks: a command that runs has no use for it.
#[must_use]
pub(super) fn completing() -> clap::Command {
    completed(command())
}

/// The grammar that a line needs. Scripts often ask for the version and nothing else: for that, the grammar of all commands
/// need not be made.
fn needed(words: &[OsString]) -> clap::Command {
    match words {
        [_, flag] if flag == "--version" || flag == "-V" => {
            clap::Command::new("cloudtop").version(env!("CARGO_PKG_VERSION"))
        }
        _ => command(),
    }
}

/// Parses a command line, its first word being the program.
///
/// # Errors
/// It cannot be meant so, with what was probably meant; `--help` and `--version` come this way too.
pub fn parse(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    let mut command = needed(&words);
    let mut matches: ArgMatches = command.try_get_matches_from_mut(words).map_err(verbs::explain)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

fn with_environment(command: clap::Command) -> clap::Command {
    if !SPOKEN_FOR.contains(&command.get_name()) {
        return command;
    }
    command.mut_args(|arg| if names_environment(&arg) { arg.env(ENV_VARIABLE) } else { arg })
}

fn completed(command: clap::Command) -> clap::Command {
    let makes = matches!(command.get_name(), "up" | "plan");
    command.mut_args(|arg| completion::of(arg, makes)).mut_subcommands(completed)
}

fn names_environment(arg: &Arg) -> bool {
    let kind = arg.get_value_parser().type_id();
    arg.is_positional() && (kind == TypeId::of::<EnvName>() || kind == TypeId::of::<NodeName>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        command().debug_assert();
        completing().debug_assert();
    }

    #[test]
    fn a_lone_version_flag_is_answered_as_by_the_whole_grammar() {
        for flag in ["-V", "--version"] {
            let short = parse(["cloudtop", flag]).unwrap_err();
            let whole = command().try_get_matches_from(["cloudtop", flag]).unwrap_err();
            assert_eq!((short.to_string(), short.kind()), (whole.to_string(), whole.kind()));
        }
    }

    #[test]
    fn a_command_that_cloudtop_env_speaks_for_has_one_name_and_no_other_word() {
        for name in SPOKEN_FOR {
            let all = Cli::command();
            let command = all.find_subcommand(name).unwrap();
            let words: Vec<&Arg> = command.get_positionals().filter(|arg| !arg.is_last_set()).collect();
            assert!(matches!(*words, [only] if names_environment(only)), "`{name}` has other words than a name");
        }
    }

    #[test]
    fn what_ends_a_machine_is_told_which() {
        for name in ["down", "gc", "recover"] {
            assert!(!SPOKEN_FOR.contains(&name), "{name}");
        }
    }
}
