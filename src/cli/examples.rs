//! Every command shows how it is used, and what it shows can be typed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use clap::Command;

use super::grammar;

/// The commands that a user sees, each with the words that lead to it.
pub(super) fn commands() -> Vec<(String, Command)> {
    let mut all = grammar::command().disable_help_subcommand(true);
    all.build();
    let mut found = Vec::new();
    collect("cloudtop".to_owned(), &all, &mut found);
    found
}

fn collect(path: String, command: &Command, found: &mut Vec<(String, Command)>) {
    found.push((path.clone(), command.clone()));
    for inner in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        collect(format!("{path} {}", inner.get_name()), inner, found);
    }
}

/// What stands below a command's options.
pub(super) fn below(command: &Command) -> String {
    command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default()
}

/// The command lines of this program in a text: lines of their own, without what a remark or a pipe adds.
fn lines(text: &str) -> Vec<String> {
    let own = text.lines().filter(|line| line.starts_with("  cloudtop")).map(str::trim);
    let bare =
        |line: &str| [" | ", " > ", "  "].iter().fold(line.to_owned(), |line, end| before(&line, end).to_owned());
    own.map(bare).collect()
}

fn before<'a>(line: &'a str, end: &str) -> &'a str {
    line.split(end).next().unwrap_or(line)
}

/// The words of a line as a shell reads them, as far as examples go: blanks, and quotes around a word or a part of it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars().chain([' ']) {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) if word.is_empty() => {}
            (' ', None) => words.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    words
}

#[test]
fn every_command_has_an_example_of_itself() {
    let has = |path: &str, command: &Command| {
        let plain = |line: &String| line.replace("--sim ", "");
        lines(&below(command)).iter().any(|line| format!("{} ", plain(line)).starts_with(&format!("{path} ")))
    };
    let lacking: Vec<String> = commands().iter().filter(|(path, it)| !has(path, it)).map(|it| it.0.clone()).collect();
    assert!(
        lacking.is_empty(),
        "these have no example: add #[command(after_help = \"Example:\\n  {} ...\")] to each:\n{}",
        lacking[0],
        lacking.join("\n")
    );
}

#[test]
fn every_example_can_be_typed() {
    let mut wrong = Vec::new();
    for (path, command) in commands() {
        for line in lines(&below(&command)) {
            match grammar::parse(words(&line)) {
                Err(error) if error.exit_code() != 0 => wrong.push(format!("in the help of `{path}`: {line}\n{error}")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_line_of_help_is_read_as_a_shell_reads_it() {
    let text = "Examples:\n  cloudtop a --b 'c d' > file\n  cloudtop gc   all of it\nsee cloudtop\n  KEY=1 cloudtop x";
    let found: Vec<Vec<String>> = lines(text).iter().map(|line| words(line)).collect();
    assert_eq!(found, [vec!["cloudtop", "a", "--b", "c d"], vec!["cloudtop", "gc"]]);
}
