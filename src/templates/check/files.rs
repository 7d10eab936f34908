//! write_files: paths, permissions, owners, and what is in the files.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::cloud_config::foreign;
use super::coreos::Dialect;
use super::finding::{Embedded, Lines, Place};
use super::yaml::{Kind, Node};
use super::{Check, rules, secrets, unit};
use crate::config::nearest;

/// What is unpacked at most: more cannot come out of 16 KiB in earnest.
const LARGEST: u64 = 1 << 20;

/// Accounts that Debian's base-passwd makes, and those that stand for root everywhere.
const THERE_FROM_THE_START: [&str; 20] = [
    "root",
    "daemon",
    "bin",
    "sys",
    "adm",
    "games",
    "man",
    "lp",
    "mail",
    "news",
    "uucp",
    "proxy",
    "www-data",
    "backup",
    "list",
    "irc",
    "nobody",
    "sync",
    "systemd-network",
    "messagebus",
];

/// Looks at the files that a cloud-config writes. `source` is all of it.
pub(super) fn check(check: &mut Check<'_>, root: &Node, dialect: Dialect, source: &str) {
    let Some(entries) = ["write_files", "write-files"].iter().find_map(|key| root.get(key)).and_then(Node::list) else {
        return;
    };
    let mut written: BTreeMap<String, Place> = units(root);
    for entry in entries {
        if entry.table().is_none() {
            check.say(
                rules::VALUE,
                Some(entry.at),
                format!("a file is a mapping, and this is {}", entry.in_words()),
                "write `- path: ...`",
            );
            continue;
        }
        let Some(path) = entry.get("path").and_then(Node::word) else {
            check.say(rules::VALUE, Some(entry.at), "a file without a path", "add `path: /...`");
            continue;
        };
        check_path(check, entry, &path);
        permissions(check, entry, dialect);
        if dialect == Dialect::CloudInit {
            owner(check, root, entry, &path);
        }
        let appends = entry.get("append").is_some_and(|it| it.kind == Kind::Flag(true));
        match written.insert(path.clone(), entry.at) {
            Some(before) if !appends => {
                let message = format!(
                    "{path} is written in line {} already: this one takes its place",
                    before.line + check.first_line - 1
                );
                check.say(rules::TWO_WRITERS, Some(entry.at), message, "make them one, or say `append: true`");
            }
            _ => {}
        }
        content(check, entry, &path, source);
    }
}

/// Units of the `coreos` dialect are files, too.
fn units(root: &Node) -> BTreeMap<String, Place> {
    let units = root.get("coreos").and_then(|it| it.get("units")).and_then(Node::list).unwrap_or_default();
    let with_content = units.iter().filter(|unit| unit.get("content").is_some());
    with_content
        .filter_map(|unit| Some((format!("/etc/systemd/system/{}", unit.get("name")?.word()?), unit.at)))
        .collect()
}

fn check_path(check: &mut Check<'_>, entry: &Node, path: &str) {
    let place = entry.get("path").map(|it| it.at);
    if foreign(path) {
        let message = format!("the path {path} looks like another tool's template");
        check.say(rules::UNRENDERED, place, message, "render it first: user data is sent as it is");
    } else if !path.starts_with('/') {
        let message = format!("the path {path} is not absolute: where it ends up is up to chance");
        check.say(rules::TYPE, place, message, "begin it with /");
    }
}

fn permissions(check: &mut Check<'_>, entry: &Node, dialect: Dialect) {
    let Some(node) = entry.get("permissions") else { return };
    match &node.kind {
        Kind::Number(digits) => {
            let octal = digits.starts_with('0') && digits.len() > 1;
            // coreos-cloudinit takes the digits as they are written.
            if dialect == Dialect::CoreOs {
                return;
            }
            if octal {
                let message = format!("permissions are a text, and {digits} without quotes is a number");
                check.say(rules::TYPE, Some(node.at), message, &format!("write \"{digits}\""));
            } else {
                let bits = digits
                    .parse::<u32>()
                    .map_or_else(|_| String::new(), |number| format!(", which is {number:o} in octal"));
                let message = format!("permissions {digits} without quotes are a decimal number{bits}");
                check.say(rules::PERMISSIONS, Some(node.at), message, &format!("write \"0{digits}\""));
            }
        }
        Kind::Text { text, .. } => {
            let digits = text.trim().trim_start_matches("0o");
            let octal = !digits.is_empty() && digits.len() <= 5 && digits.chars().all(|it| it.is_digit(8));
            if !octal && !foreign(text) {
                let message = format!("permissions {text:?} are no octal number");
                check.say(rules::PERMISSIONS, Some(node.at), message, "write them such as \"0644\"");
            }
        }
        _ => {
            let message = format!("permissions are a text such as \"0644\", and this is {}", node.in_words());
            check.say(rules::TYPE, Some(node.at), message, "");
        }
    }
}

/// Files are written before users are made, but for those that are deferred.
fn owner(check: &mut Check<'_>, root: &Node, entry: &Node, path: &str) {
    let Some(node) = entry.get("owner") else { return };
    let Some(owner) = node.word() else { return };
    let name = owner.split(':').next().unwrap_or_default();
    let deferred = entry.get("defer").is_some_and(|it| it.kind == Kind::Flag(true));
    if deferred || name.is_empty() || name.chars().all(|it| it.is_ascii_digit()) || foreign(name) {
        return;
    }
    let users = root.get("users").and_then(Node::list).unwrap_or_default();
    let made_here = users.iter().any(|user| user.get("name").and_then(Node::word).as_deref() == Some(name));
    let of_the_image =
        check.around.user.as_deref() == Some(name) || ["ubuntu", "ec2-user", "admin", "debian", "core"].contains(&name);
    if THERE_FROM_THE_START.contains(&name) {
        return;
    }
    let advice = "add `defer: true`: it is then written when users and packages are there";
    if made_here || of_the_image {
        let message =
            format!("{path} is for {name}, who is made only later: writing it fails, and so do all files after it");
        check.say(rules::OWNER, Some(node.at), message, advice);
    } else {
        let message = format!("{path} is for {name}, whom a bare image may not have yet");
        check.say(rules::OWNER_UNKNOWN, Some(node.at), message, advice);
    }
}

fn content(check: &mut Check<'_>, entry: &Node, path: &str, source: &str) {
    let Some(node) = entry.get("content") else { return };
    let encoding = entry.get("encoding").and_then(Node::word).unwrap_or_default();
    match &node.kind {
        Kind::Text { text, block } if encoding.is_empty() || encoding == "text/plain" => {
            let lines = block.map_or(Lines::At(node.at), Lines::Below);
            let text = Embedded { name: path, text, lines };
            check.embedded(path, &text);
            not_enabled(check, &text, path, source);
        }
        Kind::Text { text, .. } => match decoded(text, &encoding) {
            Ok(Some(text)) => {
                check.embedded(path, &Embedded { name: path, text: &text, lines: Lines::At(node.at) });
                secrets::check(check, &text, |_| Some(node.at));
            }
            Ok(None) => {}
            Err(()) if foreign(text) => {}
            Err(()) => {
                let message = format!("the content of {path} is not what its encoding says ({encoding})");
                check.say(rules::VALUE, Some(node.at), message, "encode it anew: base64 -w0, gzip -9n | base64 -w0");
            }
        },
        Kind::List(_) | Kind::Table(_) => {
            let message = format!("the content of {path} is {}, not a text", node.in_words());
            check.say(rules::VALUE, Some(node.at), message, "begin it with `|` and indent it");
        }
        Kind::Null | Kind::Flag(_) | Kind::Number(_) => {}
    }
    encoding_known(check, entry, &encoding);
}

fn encoding_known(check: &mut Check<'_>, entry: &Node, encoding: &str) {
    let known = ["gz", "gzip", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64", "b64", "base64", "text/plain"];
    if encoding.is_empty() || known.contains(&encoding) || foreign(encoding) {
        return;
    }
    let meant = nearest(encoding, known).map_or_else(String::new, |it| format!("; did you mean {it}?"));
    let place = entry.get("encoding").map(|it| it.at);
    check.say(
        rules::VALUE,
        place,
        format!("there is no encoding {encoding}{meant}"),
        "the file would hold the encoded text",
    );
}

/// The text behind an encoding. `None`: it is there and no text.
fn decoded(text: &str, encoding: &str) -> Result<Option<String>, ()> {
    // Bytes that are no text stand there by YAML's own `!!binary`.
    if !encoding.contains("64") {
        return Ok(None);
    }
    let packed: String = text.split_ascii_whitespace().collect();
    let mut bytes = BASE64_STANDARD.decode(packed).map_err(|_| ())?;
    if encoding.contains("gz") {
        bytes = gunzip(&bytes).ok_or(())?;
    }
    Ok(String::from_utf8(bytes).ok())
}

/// Unpacks gzip. `None`: it is none, or holds more than can be.
pub(super) fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let read = flate2::read::GzDecoder::new(bytes).take(LARGEST + 1).read_to_end(&mut plain);
    (read.is_ok() && plain.len() as u64 <= LARGEST).then_some(plain)
}

/// A unit that wants to be enabled, and that nothing else in the user data names.
fn not_enabled(check: &mut Check<'_>, text: &Embedded<'_>, path: &str, source: &str) {
    let name = path.rsplit('/').next().unwrap_or_default();
    if unit::kind_of(path).is_none()
        || path.contains(".d/")
        || path.contains(".wants/")
        || !unit::has_install(text.text)
    {
        return;
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let named = source.matches(stem).count() - source.matches(path).count().min(source.matches(stem).count());
    if named == 0 {
        let message = format!("{name} has an [Install] section, and nothing here enables it");
        check.say(
            rules::NOT_ENABLED,
            text.place(1),
            message,
            &format!("add `systemctl enable --now {name}` to runcmd"),
        );
    }
}
