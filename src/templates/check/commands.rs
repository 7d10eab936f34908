//! runcmd and bootcmd: each becomes one shell script.

use super::finding::{Embedded, Lines, Place};
use super::yaml::{Kind, Node};
use super::{Check, disks, rules, shell};

/// Looks at the commands of a cloud-config.
pub(super) fn check(check: &mut Check<'_>, root: &Node) {
    for name in ["runcmd", "bootcmd"] {
        let Some(items) = root.get(name).and_then(Node::list) else { continue };
        let (script, places) = joined(check, name, items);
        let script = Embedded { name, text: &script, lines: Lines::Each(places) };
        if !check.is_unrendered(&script) {
            shell::check(check, &script, "sh");
        }
        disks::in_script(check, &script);
        if name == "bootcmd" {
            starts(check, &script);
        } else {
            unchecked(check, items, &script);
        }
    }
}

/// The script that cloud-init makes of a list of commands, and where each of its lines is from.
fn joined(check: &mut Check<'_>, name: &str, items: &[Node]) -> (String, Vec<Place>) {
    let (mut script, mut places) = (String::new(), Vec::new());
    let mut add = |text: &str, place: &dyn Fn(usize) -> Place| {
        for (index, line) in text.split('\n').enumerate() {
            script.push_str(line);
            script.push('\n');
            places.push(place(index));
        }
    };
    for item in items {
        match &item.kind {
            Kind::Text { text, block: Some(first) } => {
                add(text.trim_end(), &|index| Place { line: first.line + index, ..*first });
            }
            Kind::Text { text, block: None } => add(text.trim_end(), &|_| item.at),
            Kind::List(words) => {
                let words: Vec<String> = words.iter().filter_map(Node::word).map(|it| quoted(&it)).collect();
                add(&words.join(" "), &|_| item.at);
            }
            Kind::Null => {}
            Kind::Table(_) => {
                let advice = "quote the whole line: `: ` inside a line without quotes makes a mapping of it";
                check.say(
                    rules::VALUE,
                    Some(item.at),
                    format!("this item of {name} is a mapping, not a command"),
                    advice,
                );
            }
            Kind::Flag(_) | Kind::Number(_) => {
                let message = format!("this item of {name} is {}, not a command", item.in_words());
                check.say(
                    rules::VALUE,
                    Some(item.at),
                    message,
                    "put it into quotes: YAML takes words such as `true` for values",
                );
            }
        }
    }
    (script, places)
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn unchecked(check: &mut Check<'_>, items: &[Node], script: &Embedded<'_>) {
    let commands = script.text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')).count();
    let sets = |line: &str| {
        let line = line.replace('\'', "");
        line.trim_start()
            .strip_prefix("set -")
            .is_some_and(|rest| rest.split(' ').next().is_some_and(|it| it.contains('e')) || rest.contains("errexit"))
    };
    if commands > 1 && !script.text.lines().any(sets) {
        let place = items.first().map(|item| item.at);
        let message = "runcmd is one shell script, and goes on after a command that fails";
        check.say(rules::RUNCMD_E, place, message, "begin it with `- set -e`, and cloud-init reports the failure");
    }
}

fn starts(check: &mut Check<'_>, script: &Embedded<'_>) {
    for (index, line) in script.text.lines().enumerate() {
        let line = line.replace('\'', "");
        let starts =
            ["systemctl start", "systemctl restart", "systemctl enable --now"].iter().any(|it| line.contains(it));
        if starts && !line.contains("--no-block") {
            let message =
                "bootcmd runs before the boot is over: a unit that is ordered behind it never starts, and both wait";
            check.say(
                rules::BOOTCMD_START,
                script.place(index + 1),
                message,
                "add --no-block, or enable the unit alone",
            );
        }
    }
}
