//! docs/cli.md, generated from the declarations that the command line is parsed by, so that it cannot lag behind them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::examples::{below, commands};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
const COMMAND: &str = "UPDATE_DOCS=1 cargo test --all-features --lib cli_doc";

const HEAD: &str = "# The command line

All commands with their words, options, defaults and variables, as `--help` tells them. What a flag of `cloudtop up` says can
stand in `cloudtop.toml`, too: [configuration.md](configuration.md). Exit codes: [errors.md](errors.md).

`cloudtop` alone says what there is and what may be done next, from what this machine knows; EC2 is not asked.

With `CLOUDTOP_ENV=dev` commands that have one name to give (they say so below) are about `dev` where none is given:
`cloudtop ssh -- make test`. `down` is told its name always.

";

const SHELLS: &str = "## Completion and manual pages

The shell completes commands, options, and names from the state and the configuration of this machine. Once, for each shell:

```
cloudtop completions bash > ~/.local/share/bash-completion/completions/cloudtop
cloudtop completions fish > ~/.config/fish/completions/cloudtop.fish
echo 'source <(cloudtop completions zsh)' >> ~/.zshrc      # after compinit
cloudtop man --dir ~/.local/share/man/man1          # then: man cloudtop-up
```

";

const VARIABLES: &str = "Beside the variables above, cloudtop reads those that name AWS's region, profile and credentials, as the
AWS CLI does; `CLOUDTOP_LOG` (filters of the log, as `-vv` writes it); `NO_COLOR`; `COLUMNS`; and `COMPLETE`, by which a shell
asks what may follow.

";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let all = commands();
    for (path, command) in all.iter().filter(|(path, _)| path != "cloudtop") {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        if path.matches(' ').count() == 1 {
            writeln!(page, "- [`{path}`](#{}): {about}", path.replace(' ', "-")).unwrap();
        }
    }
    let (_, top) = &all[0];
    page.push_str("\n## Options of every command\n\n");
    options(&mut page, top.get_arguments().filter(|arg| arg.is_global_set() || is_help(arg)));
    page.push_str(VARIABLES);
    page.push_str(SHELLS);
    for (path, command) in all.iter().skip(1) {
        section(&mut page, path, command);
    }
    write!(page, "---\n\nThis page is generated from the code: `{COMMAND}`.\n").unwrap();
    page
}

fn is_help(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

fn section(page: &mut String, path: &str, command: &Command) {
    let rank = path.matches(' ').count() + 1;
    write!(page, "{} {path}\n\n", "#".repeat(rank.min(4))).unwrap();
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    write!(page, "{about}{}\n\n", if about.ends_with('.') { "" } else { "." }).unwrap();
    let usage = command.clone().render_usage().to_string();
    write!(page, "```\n{}\n```\n\n", usage.trim_start_matches("Usage: ").trim()).unwrap();
    let own = |arg: &&Arg| !arg.is_global_set() && !is_help(arg) && !arg.is_hide_set();
    options(page, command.get_arguments().filter(own));
    let below = below(command);
    if !below.is_empty() {
        write!(page, "```\n{}\n```\n\n", below.trim()).unwrap();
    }
}

fn options<'a>(page: &mut String, args: impl Iterator<Item = &'a Arg>) {
    let rows: Vec<String> = args.map(|arg| format!("| {} | {} |\n", name(arg), meaning(arg))).collect();
    if !rows.is_empty() {
        write!(page, "| option | meaning |\n|---|---|\n{}\n", rows.concat()).unwrap();
    }
}

/// What is typed: `-n`, `--nodes N`.
fn name(arg: &Arg) -> String {
    let value = value(arg);
    if arg.is_positional() {
        return format!("`{}`", value.replace('|', "\\|"));
    }
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = arg.get_short().map(|short| format!("-{short}")).into_iter().chain(long).collect();
    let value = if value.is_empty() { value } else { format!(" {value}") };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}{value}`")).collect();
    names.join(", ").replace('|', "\\|")
}

fn value(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let id = arg.get_id().as_str().to_uppercase();
    let names = arg.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
    names.unwrap_or_else(|| vec![id]).join(" ")
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut parts = vec![help.replace('\n', " ")];
    let values: Vec<String> = arg.get_possible_values().iter().map(|it| format!("`{}`", it.get_name())).collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        parts.push(format!("one of {}", values.join(", ")));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|it| format!("`{}`", it.to_string_lossy())).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        parts.push(format!("default {}", defaults.join(", ")));
    }
    if let Some(variable) = arg.get_env() {
        parts.push(format!("variable `{}`", variable.to_string_lossy()));
    }
    parts.join("; ").replace('|', "\\|").replace('<', "\\<")
}

#[test]
fn the_page_of_the_command_line_says_what_may_be_typed() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, &page).unwrap();
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(written == page, "docs/cli.md is not what the code generates: run `{COMMAND}`");
}

#[test]
fn every_option_says_what_it_means() {
    for (path, command) in commands() {
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            assert!(arg.get_help().is_some(), "`{path}`: `{}` has no help: write a doc comment", arg.get_id());
        }
        assert!(command.get_about().is_some(), "`{path}` does not say what it does: write a doc comment");
    }
}
