//! What other tools call our commands: told where one of their words is typed, and no alias, so that a script has one
//! way to say a thing.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Our command, and what it is called elsewhere.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("up NAME", &["apply", "create", "launch", "new", "run"]),
    ("down NAME", &["delete", "destroy", "kill", "remove", "rm", "terminate"]),
    ("list", &["ls", "ps"]),
    ("status NAME", &["describe", "info", "show"]),
    ("prices", &["price"]),
    ("ssh NAME", &["connect", "exec", "login", "shell"]),
    ("stop NAME", &["halt", "pause", "suspend"]),
    ("start NAME", &["resume"]),
    ("logs NAME", &["log"]),
];

/// The error about an unknown command, with ours where it is another tool's word for one.
pub(super) fn explain(mut error: clap::Error) -> clap::Error {
    let Some(ours) = typed(&error).and_then(|word| ours(&word)) else { return error };
    // What is spelt alike is not what was meant: `terminate` is near to `template`.
    error.remove(ContextKind::SuggestedSubcommand);
    let tip = StyledStr::from(format!("that is `cloudtop {ours}` here"));
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    error
}

/// The word that is no command, where a command of the first rank was wanted.
fn typed(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let (Some(ContextValue::String(word)), Some(ContextValue::StyledStr(usage))) =
        (error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::Usage))
    else {
        return None;
    };
    usage.to_string().contains("cloudtop [OPTIONS]").then(|| word.clone())
}

fn ours(word: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(_, theirs)| theirs.contains(&word)).map(|(ours, _)| *ours)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::grammar;
    use super::*;

    fn said(line: &str) -> String {
        grammar::parse(line.split_whitespace()).unwrap_err().to_string()
    }

    #[test]
    fn a_word_of_another_tool_is_answered_with_ours() {
        for (word, ours) in [
            ("create", "cloudtop up NAME"),
            ("terminate", "cloudtop down NAME"),
            ("ls", "cloudtop list"),
            ("price", "cloudtop prices"),
            ("connect", "cloudtop ssh NAME"),
            ("halt", "cloudtop stop NAME"),
            ("resume", "cloudtop start NAME"),
        ] {
            let said = said(&format!("cloudtop {word} dev"));
            assert!(said.contains(&format!("that is `{ours}` here")), "{said}");
            assert!(!said.contains("similar"), "{said}");
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_command_or_flag() {
        assert!(said("cloudtop statsu dev").contains("'status'"));
        assert!(said("cloudtop up dev --max-pice 1").contains("'--max-price'"));
        assert!(said("cloudtop template ls").contains("'list'") || !said("cloudtop template ls").contains("here"));
    }

    #[test]
    fn ours_are_commands_and_theirs_are_none() {
        let all = grammar::command();
        for (ours, theirs) in ELSEWHERE {
            let verb = ours.split(' ').next().unwrap();
            assert!(all.find_subcommand(verb).is_some(), "{verb} is no command");
            for word in *theirs {
                assert!(all.find_subcommand(word).is_none(), "`{word}` is a command: take it out of ELSEWHERE");
            }
        }
    }
}
