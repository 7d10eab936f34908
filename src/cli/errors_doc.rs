//! docs/errors.md, generated from the tables that the program itself speaks by, so that it cannot lag behind them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cloud::error_codes;
use crate::domain::advice;
use crate::domain::failure::Class;
use crate::domain::lifecycle::{self, Meaning};
use crate::domain::quota;

use super::{Exit, exit_of};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
const COMMAND: &str = "UPDATE_DOCS=1 cargo test --lib errors_doc";

const HEAD: &str = "# What cloudtop says when something is waited for or goes wrong

Every message says what happened, to which thing, and what to do next; the next step follows as a `hint:`. `cloudtop status NAME`
tells the same of an environment that nobody watches, from what EC2 shows and from the environment's journal. A code that is
not on this page is shown as it is, with EC2's own sentence.

";

const DENIED: &str = "For a missing permission cloudtop names who lacks which action on which thing, as far as AWS says, and the
statement of [iam-policy.json](iam-policy.json) to add. For a vCPU quota it names the quota, its limit, what is in use and asked
for, and the command that has it raised.

";

/// All classes, in the order of the page.
const CLASSES: [Class; 12] = [
    Class::Capacity,
    Class::Quota,
    Class::Denied,
    Class::Credentials,
    Class::Throttled,
    Class::Ambiguous,
    Class::InUse,
    Class::NotYetVisible,
    Class::Gone,
    Class::Exists,
    Class::BadRequest,
    Class::Unknown,
];

/// What a class is called on the page, and what cloudtop does by itself.
fn about(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Capacity => ("No capacity", "the pool is put aside for three minutes and the next is tried"),
        Class::Quota => ("A limit of the account", "another pool would not help: the command ends"),
        Class::Denied => ("Not allowed", "the command ends"),
        Class::Credentials => ("Credentials", "the command ends"),
        Class::Throttled => ("Too many calls", "the call is made again, more slowly"),
        Class::Ambiguous => {
            ("No clear answer", "the call is made again with the same token, so that nothing is made twice")
        }
        Class::InUse => ("Something else first", "the call is made again at a later look"),
        Class::NotYetVisible => ("Not shown", "EC2's lists lag: the call is made again at a later look"),
        Class::Gone => ("Gone", "that is taken for done, or planned anew"),
        Class::Exists => ("There already", "that is taken for done"),
        Class::BadRequest => ("Wrong call", "the same call would never succeed: the command ends"),
        Class::Unknown => ("Any other code", "the command ends"),
    }
}

fn exits() -> Vec<(u8, &'static str)> {
    let all = [Exit::Failed, Exit::Usage, Exit::NotFound, Exit::NotReady, Exit::NoCapacity, Exit::Denied, Exit::State];
    let words = |exit| match exit {
        Exit::Failed => "it failed; the message says what exists now",
        Exit::Usage => "wrong usage, bad configuration or template; nothing was touched",
        Exit::NotFound => "no such environment, volume or template",
        Exit::NotReady => "not ready in time; resources exist and bill, `up` goes on",
        Exit::NoCapacity => {
            "no capacity, or the price is above the limit, in every allowed pool; or a budget that stops is spent"
        }
        Exit::Denied => "credentials, permission or quota",
        Exit::State => "the state file is locked, damaged or from a newer version",
        Exit::Code(_) => "a remote command's own exit code, or 128 and a signal's number",
    };
    let mut exits = vec![(0, "done")];
    exits.extend(all.into_iter().map(|exit| (exit.code(), words(exit))));
    exits.push((130, "interrupted by Ctrl-C (SIGINT); the message says what exists"));
    exits.push((143, "interrupted by SIGTERM; the message says what exists"));
    exits
}

fn table(page: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    page.push_str(&line(&head.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()));
    page.push_str(&line(&vec!["---".to_owned(); head.len()]));
    for row in rows {
        page.push_str(&line(&row));
    }
    page.push('\n');
}

fn error_tables(page: &mut String) {
    let mut by_class: BTreeMap<usize, Vec<(&str, &[&str])>> = BTreeMap::new();
    let place = |class| CLASSES.iter().position(|it| *it == class).unwrap();
    for (class, code, actions) in error_codes() {
        by_class.entry(place(class)).or_default().push((code, actions));
    }
    for (code, class) in advice::OURS {
        by_class.entry(place(*class)).or_default().push((code, &[]));
    }
    by_class.entry(place(Class::Unknown)).or_default();
    for (index, mut codes) in by_class {
        let class = CLASSES[index];
        let (name, by_itself) = about(class);
        let exit = exit_of(class).code();
        write!(page, "### {name}\n\nWhat cloudtop does by itself: {by_itself}. Exit code of a command that ends by it: {exit}.\n\n").unwrap();
        if codes.is_empty() {
            let advice = advice::of(class, "");
            write!(page, "{}: {}.\n\n", advice.sentence, advice.next).unwrap();
            continue;
        }
        codes.sort_unstable();
        let row = |(code, actions): (&str, &[&str])| {
            let advice = advice::of(class, code);
            let after = if actions.is_empty() { String::new() } else { format!(" after {}", actions.join(", ")) };
            vec![format!("`{code}`{after}"), advice.sentence.to_owned(), advice.next.to_owned()]
        };
        table(page, &["code", "what happened", "what to do next"], codes.into_iter().map(row));
    }
}

fn meaning(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Progress => "on its way",
        Meaning::Holding => "held",
        Meaning::Fulfilled => "there",
        Meaning::Marked => "two minutes' notice",
        Meaning::Interrupted => "interrupted by EC2",
        Meaning::ByUser => "by a user",
        Meaning::Failed => "failed",
        Meaning::Ended => "over",
        Meaning::Unknown => "not known",
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("## Exit codes\n\n");
    table(
        &mut page,
        &["code", "meaning"],
        exits().into_iter().map(|(code, words)| vec![code.to_string(), words.to_owned()]),
    );
    page.push_str(
        "## Spot status codes\n\nWhat EC2 says of a spot request, in progress lines, `status` and timeouts. A request that is\nheld gives way to another pool after half a minute, unless it may wait (`--wait-for-capacity`).\n\n",
    );
    let row = |it: &lifecycle::Status| {
        let own = [format!("`{}`", it.code), meaning(it.meaning).to_owned()];
        [&own[..], &[it.sentence.to_owned(), it.next.to_owned()]].concat()
    };
    table(&mut page, &["code", "kind", "what happened", "what to do next"], lifecycle::CODES.iter().map(row));
    page.push_str("## Error codes\n\n");
    page.push_str(DENIED);
    error_tables(&mut page);
    page.push_str("## vCPU quotas\n\nOf each region; open spot requests count in those for spot.\n\n");
    let row = |it: quota::Quota| {
        vec![format!("`{}`", it.code), it.purchase.as_str().to_owned(), it.families.to_owned(), it.name.to_owned()]
    };
    table(&mut page, &["code", "bought", "families", "AWS's name"], quota::all().into_iter().map(row));
    write!(page, "---\n\nThis page is generated from the code: `{COMMAND}`.\n").unwrap();
    page
}

#[test]
fn the_page_of_errors_says_what_the_program_says() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, &page).unwrap();
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(written == page, "docs/errors.md is not what the code generates: run `{COMMAND}`");
}
