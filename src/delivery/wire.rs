//! What is said to a node, and what it answers: lines on the standard streams of a program that is sent first.
//!
//! The command line that a node sees, and that its sudo writes down, is always the same and holds nothing of the user's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Parcel;

/// The program that takes files on a node.
const PROGRAM: &str = include_str!("node.sh");
/// The program that takes from a node what is its own, before an image is made of it.
const CLEANER: &str = include_str!("clean.sh");
/// Runs the program that stands in the first line of standard input; what follows is for the program to read. A shell that
/// reads its program from standard input (`sh -s`) may take more of it than the program: dash before 0.5.13 does.
const RUNNER: &str = r#"sh -c 'read -r program && eval "$(printf %s "$program" | base64 -d)"' sh "$HOME""#;

/// What a node says last that has nothing of its own any more.
pub const CLEAN: &str = "clean";
/// The exit status of the cleaning where the tools failed: then nothing was taken away.
pub const TOOLS_FAILED: u8 = 5;

/// The exit status of the program when the command after a delivery failed.
pub const DONE_FAILED: u8 = 4;

/// What a node has of what was delivered to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Has {
    /// Digests by path.
    digests: BTreeMap<String, String>,
    /// Whether the command after the last change has still to succeed.
    change: bool,
}

/// The command line for a node where one logs in as `user`.
#[must_use]
pub fn command(user: &str) -> String {
    // Images whose login user is root need no sudo, and may have none.
    if user == "root" { RUNNER.to_owned() } else { format!("sudo -n {RUNNER}") }
}

/// Asks a node what it has.
#[must_use]
pub fn question() -> Vec<u8> {
    said("have\n")
}

/// Has a node take away what is its own: keys, identity, logs, and these files. With `tools`, it first waits until those of
/// its template are there. Its last words are [`CLEAN`] where all of that is gone.
#[must_use]
pub fn cleaning(files: &[String], tools: bool) -> Vec<u8> {
    let files: String = files.iter().map(|path| format!("gone {path}\n")).collect();
    let tools = if tools { "tools\n" } else { "" };
    format!("{}\n{tools}{files}clean\nend\n", BASE64_STANDARD.encode(CLEANER)).into_bytes()
}

/// Reads the answer to [`question`]. Other lines may stand around it: what a user's shell prints at its start.
#[must_use]
pub fn read_answer(output: &str) -> Has {
    let mut has = Has::default();
    for line in output.lines().map(str::trim_end) {
        if line == "change" {
            has.change = true;
        } else if let Some((digest, path)) = line.strip_prefix("has ").and_then(|rest| rest.split_once(' ')) {
            has.digests.insert(path.to_owned(), digest.to_owned());
        }
    }
    has
}

impl Has {
    /// The files of a package that the node lacks, or has otherwise.
    #[must_use]
    pub fn lacks<'a>(&self, parcels: &'a [Parcel]) -> Vec<&'a Parcel> {
        parcels.iter().filter(|it| self.digests.get(&it.path) != Some(&it.digest())).collect()
    }

    /// What to say to a node that has this and should have these files; `done` is what it runs after a change of the
    /// template's. `None`: there is nothing to say.
    #[must_use]
    pub fn shipment(&self, parcels: &[Parcel], done: Option<&str>) -> Option<Vec<u8>> {
        let lacks = self.lacks(parcels);
        if lacks.is_empty() && !self.change {
            return None;
        }
        let mut lines = String::new();
        // Noted before the first file is written: a connection that breaks in the middle must not lose the command.
        if lacks.iter().any(|it| it.of_template) {
            lines.push_str("change\n");
        }
        for parcel in &lacks {
            let content = BASE64_STANDARD.encode(parcel.content.reveal());
            // Writing into a String cannot fail.
            let _ = writeln!(lines, "file {:04o} {} {}\n{content}", parcel.mode, parcel.owner, parcel.path);
        }
        for parcel in parcels {
            let _ = writeln!(lines, "record {} {}", parcel.digest(), parcel.path);
        }
        let _ = writeln!(lines, "recorded\ndone {}", BASE64_STANDARD.encode(done.unwrap_or_default()));
        Some(said(&lines))
    }
}

fn said(lines: &str) -> Vec<u8> {
    format!("{}\n{lines}end\n", BASE64_STANDARD.encode(PROGRAM)).into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::Secret;
    use super::*;

    fn parcel(path: &str, content: &str, of_template: bool) -> Parcel {
        let content = Secret::new(content);
        Parcel { path: path.to_owned(), mode: 0o600, owner: "root".to_owned(), content, of_template }
    }

    fn lines(sent: &[u8]) -> Vec<String> {
        String::from_utf8(sent.to_vec()).unwrap().lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn only_what_a_node_lacks_is_sent_and_everything_is_recorded() {
        let parcels = [parcel("/etc/a b", "one", true), parcel("~/.netrc", "two", false)];
        let answer = format!("Welcome!\nhas {} /etc/a b\nhas 00 ~/.netrc\n", parcels[0].digest());
        let has = read_answer(&answer);
        let sent = lines(&has.shipment(&parcels, None).unwrap());
        assert_eq!(sent[..2], ["file 0600 root ~/.netrc", "dHdv"]);
        assert_eq!(sent[2], format!("record {} /etc/a b", parcels[0].digest()));
        assert_eq!(sent[4..], ["recorded", "done ", "end"], "nothing of the template's has changed");
    }

    #[test]
    fn a_node_that_has_everything_is_told_nothing_unless_its_command_has_to_run_again() {
        let parcels = [parcel("/etc/a", "one", true)];
        let answer = format!("has {} /etc/a\n", parcels[0].digest());
        assert_eq!(read_answer(&answer).shipment(&parcels, Some("true")), None);
        let sent = lines(&read_answer(&format!("change\n{answer}")).shipment(&parcels, Some("true")).unwrap());
        assert!(sent.contains(&"done dHJ1ZQ==".to_owned()) && !sent.iter().any(|line| line.starts_with("file")));
    }

    #[test]
    fn a_change_of_the_templates_is_noted_before_the_first_file() {
        let parcels = [parcel("/etc/a", "one", true)];
        assert_eq!(lines(&Has::default().shipment(&parcels, None).unwrap())[0], "change");
    }

    #[test]
    fn the_command_line_holds_nothing_but_itself() {
        assert!(command("ubuntu").starts_with("sudo -n sh -c"));
        assert!(command("root").starts_with("sh -c"));
    }
}
