//! The dependency rule: who may know whom, read from the sources themselves.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// A line of code, with its place.
struct Line {
    /// Relative to `src`, with slashes.
    file: String,
    number: usize,
    text: String,
}

/// All lines of code below a folder of `src`; comments are left out.
fn code(folder: &str) -> Vec<Line> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src.join(folder), &mut files);
    assert!(!files.is_empty(), "there is nothing in src/{folder}");
    let mut lines = Vec::new();
    for path in files {
        let file = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        for (index, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let text = line.split("//").next().unwrap_or_default().to_owned();
            lines.push(Line { file: file.clone(), number: index + 1, text });
        }
    }
    lines
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
}

/// Fails with every line that breaks a rule.
#[track_caller]
fn assert_none<'a>(rule: &str, lines: impl Iterator<Item = &'a Line>) {
    let broken: Vec<String> = lines.map(|it| format!("src/{}:{}: {}", it.file, it.number, it.text.trim())).collect();
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// Whether a text has the word, not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// Whether a text has a word that begins so.
fn has_prefix(text: &str, prefix: &str) -> bool {
    text.match_indices(prefix).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn the_domain_knows_no_runtime_no_network_and_no_files() {
    let foreign = ["tokio", "hyper", "russh", "clap", "indicatif", "tracing"];
    let systems = ["std::fs", "std::net", "std::process", "std::env", "std::io", "std::thread"];
    let lines = code("domain");
    let breaks = |line: &&Line| {
        foreign.iter().any(|word| has_word(&line.text, word))
            || has_prefix(&line.text, "aws_")
            || systems.iter().any(|name| line.text.contains(name))
            || has_word(&line.text, "async")
    };
    assert_none("src/domain does no work of its own: it only decides", lines.iter().filter(breaks));
}

#[test]
fn the_domain_knows_no_other_room() {
    let lines = code("domain");
    let breaks = |line: &&Line| {
        line.text.match_indices("crate::").any(|(at, name)| {
            let room = &line.text[at + name.len()..];
            !(has_prefix(room, "domain") && room.starts_with("domain"))
        })
    };
    assert_none("src/domain names no room but itself", lines.iter().filter(breaks));
}

#[test]
fn the_domain_reads_no_clock() {
    let lines = code("domain");
    let breaks = |line: &&Line| {
        line.text.contains("Timestamp::now")
            || ["SystemTime", "Instant", "Clock"].iter().any(|word| has_word(&line.text, word))
    };
    assert_none("src/domain is told the time", lines.iter().filter(breaks));
}

#[test]
fn one_file_alone_reads_the_wall_clock() {
    let lines = code("");
    let breaks = |line: &&Line| {
        line.file != "clock.rs" && (line.text.contains("Timestamp::now") || has_word(&line.text, "SystemTime"))
    };
    assert_none("the time is asked of crate::clock", lines.iter().filter(breaks));
}

#[test]
fn only_the_cloud_and_the_simulators_door_know_the_sdk() {
    let lines = code("");
    let rooms = ["cloud/", "simulator/door/", "simulator/tests/"];
    let breaks = |line: &&Line| {
        let allowed = rooms.iter().any(|room| line.file.starts_with(room));
        // The method that opens the door names what it gives.
        let opens = line.file == "simulator/mod.rs" && line.text.contains("fn http_client");
        !allowed && !opens && has_prefix(&line.text, "aws_")
    };
    assert_none("the AWS SDK stays in src/cloud", lines.iter().filter(breaks));
}

#[test]
fn only_the_ui_prints() {
    let words = ["println", "eprintln", "print", "eprint", "dbg"];
    let lines = code("");
    let breaks = |line: &&Line| {
        // `template render` sends bytes that may be no text; the simulated ssh server's stdout is the connection.
        let raw = line.file == "commands/template.rs" && line.text.contains("stdout()");
        let wire = line.file == "commands/sim/mod.rs" && line.text.contains("tokio::io::stdout()");
        let log = line.file == "cli/logging.rs" && line.text.contains("Box::new(io::stderr())");
        let prints = words.iter().any(|word| line.text.contains(&format!("{word}!")) && has_word(&line.text, word));
        let writes = ["io::stdout", "io::stderr", "stdout()", "stderr()"].iter().any(|name| line.text.contains(name));
        !line.file.starts_with("ui/") && !raw && !wire && !log && (prints || writes)
    };
    assert_none("stdout and stderr belong to src/ui", lines.iter().filter(breaks));
}

#[test]
fn no_room_below_the_commands_knows_the_command_line() {
    let rooms =
        ["cloud", "config", "delivery", "domain", "engine", "pki", "simulator", "ssh", "state", "templates", "ui"];
    for room in rooms {
        let lines = code(room);
        let breaks = |line: &&Line| line.text.contains("crate::cli") || line.text.contains("crate::commands");
        assert_none("commands call the rooms, and no room calls a command", lines.iter().filter(breaks));
    }
}

/// The words in quotes that follow `before` on a line.
fn quoted<'a>(lines: &'a [Line], before: &'a str) -> impl Iterator<Item = &'a str> {
    let of_line = move |line: &'a Line| line.text.split(before).skip(1).filter_map(|rest| rest.split('"').next());
    lines.iter().flat_map(of_line)
}

#[test]
fn every_call_that_is_made_is_in_the_policy() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let policy = fs::read_to_string(docs.join("iam-policy.json")).unwrap();
    // What a feature calls that is off by default has a policy of its own.
    let of_actual = fs::read_to_string(docs.join("cost-actual.md")).unwrap();
    let (cloud, domain) = (code("cloud"), code("domain"));
    let calls = domain.into_iter().filter(|line| line.file == "domain/call.rs").collect::<Vec<_>>();
    let mut actions: Vec<&str> = quoted(&cloud, "failure::of(\"").chain(quoted(&calls, "=> \"")).collect();
    // Whoever has credentials may ask whose they are.
    actions.retain(|action| *action != "GetCallerIdentity");
    assert!(actions.len() > 30, "{actions:?}");
    for action in actions {
        // IAM knows S3's lists by the bucket.
        let permission = if action == "ListObjectsV2" { "ListBucket" } else { action };
        let is_actual = ["DescribeSpotDatafeedSubscription", "GetObject", "ListObjectsV2"].contains(&action);
        let (policy, name) = if is_actual { (&of_actual, "cost-actual.md") } else { (&policy, "iam-policy.json") };
        assert!(policy.contains(&format!(":{permission}\"")), "docs/{name} does not allow {action}");
    }
}
