//! What cloudtop delivers to a simulated node: taken for real, kept with the instance, and gone with it.
//!
//! The program that stands in the first line of the input is not run, for nothing is; what it does is done here.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::files;
use super::script::{self, Node, Output};
use crate::delivery::wire;

/// Users of every image.
const USERS: [&str; 3] = ["root", "nobody", "daemon"];
/// The mark of answers that only a simulated node gives.
const SIMULATED: &[u8] = b"this node is simulated";

/// What was delivered to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivered {
    /// The files, by their whole path.
    pub files: BTreeMap<String, File>,
    /// Digests by path, as they were said.
    pub record: BTreeMap<String, String>,
    /// Whether the command after a change has still to succeed.
    pub change: bool,
}

/// A file on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its permissions, in octal digits.
    pub mode: String,
    /// Whose it is.
    pub owner: String,
    /// What is in it, in base64.
    pub content: String,
}

impl Delivered {
    /// What is left after the node was off: what lay below /run was in memory.
    pub fn forget_memory(&mut self) {
        self.files.retain(|path, _| !path.starts_with("/run/"));
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a command line is the one by which files are delivered.
pub(super) fn is_delivery(node: &Node, line: &str) -> bool {
    line == wire::command(&node.user)
}

/// Takes what was said after the command line, up to its end.
pub(super) fn take(node: &Node, input: &[u8]) -> (Output, Delivered) {
    let mut taker = Taker { node, delivered: node.facts.delivered.clone(), record: BTreeMap::new() };
    let text = String::from_utf8_lossy(input);
    let output = taker.listen(text.lines().skip(1)).unwrap_or_else(|failed| failed);
    (output, taker.delivered)
}

struct Taker<'a> {
    node: &'a Node,
    delivered: Delivered,
    record: BTreeMap<String, String>,
}

impl Taker<'_> {
    /// What is printed in the end; `Err` for an end with a failure.
    fn listen<'a>(&mut self, mut lines: impl Iterator<Item = &'a str>) -> Result<Output, Output> {
        let mut said = String::new();
        while let Some(line) = lines.next() {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                "have" => said.push_str(&self.have()),
                "change" => self.delivered.change = true,
                "file" => self.put(rest, lines.next().unwrap_or_default())?,
                "record" => {
                    self.record.extend(rest.split_once(' ').map(|(digest, path)| (path.to_owned(), digest.to_owned())));
                }
                "recorded" => self.delivered.record = std::mem::take(&mut self.record),
                "done" => self.finish(rest)?,
                "clean" => {
                    self.delivered = Delivered::default();
                    said.push_str("clean\n");
                }
                "end" => return Ok(Output::text(said)),
                _ => {}
            }
        }
        Err(failed(3, "the connection ended in the middle"))
    }

    fn have(&self) -> String {
        let change = if self.delivered.change { "change\n" } else { "" };
        let there = |path: &&String| self.delivered.files.contains_key(&self.whole(path));
        let record = self.delivered.record.iter().filter(|(path, _)| there(path));
        let has: Vec<String> = record.map(|(path, digest)| format!("has {digest} {path}\n")).collect();
        format!("{change}{}", has.concat())
    }

    fn put(&mut self, terms: &str, content: &str) -> Result<(), Output> {
        let mut words = terms.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (mode, owner, path) = (word(), word(), word());
        let path = self.whole(&path);
        if files::is_directory(self.node, &path) {
            return Err(failed(3, &format!("{path} is a directory")));
        }
        let user = owner.split(':').next().unwrap_or_default();
        if !self.knows(user) {
            return Err(failed(3, &format!("{path}: there is no user {user} here")));
        }
        self.delivered.files.insert(path, File { mode, owner, content: content.to_owned() });
        Ok(())
    }

    /// Runs the command after a change. One that a simulated node does not know is taken to have succeeded.
    fn finish(&mut self, command: &str) -> Result<(), Output> {
        if !self.delivered.change {
            return Ok(());
        }
        let command = String::from_utf8(BASE64_STANDARD.decode(command).unwrap_or_default()).unwrap_or_default();
        let output = script::run(self.node, &command, 0).output;
        let unknown = output.stderr.windows(SIMULATED.len()).any(|part| part == SIMULATED);
        if output.code != 0 && !unknown {
            let said = [output.stdout, output.stderr].concat();
            return Err(failed(4, String::from_utf8_lossy(&said).lines().last().unwrap_or_default()));
        }
        self.delivered.change = false;
        Ok(())
    }

    fn whole(&self, path: &str) -> String {
        path.strip_prefix("~/").map_or_else(|| path.to_owned(), |below| format!("{}/{below}", self.node.home()))
    }

    /// Whether there is such a user: of the image, or made by the user data, as far as that speaks of one.
    fn knows(&self, user: &str) -> bool {
        let (facts, mut plain) = (&self.node.facts, Vec::new());
        let unpacked = flate2::read::GzDecoder::new(facts.user_data.as_slice()).read_to_end(&mut plain).is_ok();
        let user_data = if unpacked { &plain } else { &facts.user_data };
        USERS.contains(&user)
            || facts.users.iter().any(|name| name == user)
            || String::from_utf8_lossy(user_data).contains(user)
    }
}

fn failed(code: u32, why: &str) -> Output {
    Output { code, ..Output::text(format!("{why}\n")) }
}
