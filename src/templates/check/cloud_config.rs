//! A cloud-config: its keys and the shapes of its values; what is in them is in rooms of its own.

use super::coreos::{self, Dialect};
use super::finding::Place;
use super::yaml::{self, Fault, Kind, Node};
use super::{Check, cloud_init, commands, disks, files, keys, rules, secrets};
use crate::config::nearest;

/// Whose value cloud-init cannot use at all where it is of the wrong type.
const STRICT: [&str; 6] = ["runcmd", "bootcmd", "write_files", "mounts", "fs_setup", "disk_setup"];

/// Looks a cloud-config over.
pub(super) fn check(check: &mut Check<'_>, text: &str) {
    secrets::check(check, text, |line| Some(Place::line(line)));
    let root = match yaml::read(text) {
        Ok(Some(root)) => root,
        Ok(None) => return,
        Err(fault) => return say_fault(check, text, &fault),
    };
    let Some(entries) = root.table() else {
        let message = format!("a cloud-config is a mapping of keys, and this is {}", root.in_words());
        return check.say(rules::VALUE, Some(root.at), message, "write `key: value` lines");
    };
    let dialect = coreos::dialect(check, &root);
    match dialect {
        Dialect::CloudInit => {
            for (key, value) in entries {
                known_key(check, key, value);
            }
            passwords(check, &root);
            commands::check(check, &root);
            disks::check(check, &root);
            substitutions(check, text);
            cloud_init::ask(check, text);
        }
        Dialect::CoreOs => coreos::check(check, &root),
        Dialect::Rancher => check.not_looked_into("RancherOS's own keys: RancherOS has ended"),
    }
    coreos::discovery(check, text);
    files::check(check, &root, dialect, text);
}

/// Why the text cannot be read, and a guess at the reason.
pub(super) fn say_fault(check: &mut Check<'_>, text: &str, fault: &Fault) {
    if fault.duplicate {
        let advice = "only the last one counts: make them one; nothing behind this was looked into";
        return check.say(rules::DUPLICATE_KEY, Some(fault.at), "this key is there already", advice);
    }
    let line = text.lines().nth(fault.at.line.saturating_sub(1)).unwrap_or_default();
    let before = text.lines().nth(fault.at.line.saturating_sub(2)).unwrap_or_default();
    let advice = if foreign(line) || foreign(before) || text.lines().any(is_control) {
        "it looks like another tool's template: render it first, user data is sent as it is"
    } else if line.trim_start_matches(' ').starts_with('\t') {
        "indent with spaces: YAML takes no tabs there"
    } else {
        "cloud-init would boot a bare machine and call that done; nothing else was looked into"
    };
    check.say(rules::YAML, Some(fault.at), fault.message.clone(), advice);
}

/// Marks of other tools' templates.
pub(super) fn foreign(text: &str) -> bool {
    ["{{", "{%", "<%", "%{", "${"].iter().any(|mark| text.contains(mark))
}

/// A line that is an instruction of another tool's templates.
pub(super) fn is_control(line: &str) -> bool {
    let line = line.trim_start();
    ["{{", "{%", "<%", "%{"].iter().any(|mark| line.starts_with(mark))
}

fn known_key(check: &mut Check<'_>, key: &Node, value: &Node) {
    let Some(name) = key.word() else { return };
    if keys::UNLISTED.contains(&name.as_str()) {
        return;
    }
    if keys::OLD_APT.contains(&name.as_str()) {
        let message = format!("`{name}` is a key of cloud-init before 17.1");
        return check.say(rules::OLD_KEY, Some(key.at), message, "put it below `apt:` by its name of today");
    }
    let Some((_, types, below)) = keys::row(&name) else {
        return unknown(check, key, &name, "", keys::KEYS.iter().map(|(name, ..)| *name));
    };
    shape(check, &name, types, value);
    if below.is_empty() {
        return;
    }
    let tables = value.list().unwrap_or(std::slice::from_ref(value));
    for (key, _) in tables.iter().filter_map(Node::table).flatten() {
        let Some(word) = key.word() else { continue };
        // A list of users may be a mapping of names.
        let is_known_table = name != "users" || value.list().is_some();
        if is_known_table && !below.split(' ').any(|known| known == word) {
            unknown(check, key, &word, &name, below.split(' '));
        }
    }
}

/// A key that cloud-init does not know: a slip, or something that it will pass over.
pub(super) fn unknown<'a>(
    check: &mut Check<'_>,
    key: &Node,
    name: &str,
    above: &str,
    known: impl Iterator<Item = &'a str>,
) {
    let place = if above.is_empty() { String::new() } else { format!(" below `{above}`") };
    match nearest(name, known).filter(|meant| alike(name, meant)) {
        Some(meant) => {
            let message = format!("there is no key `{name}`{place}; did you mean `{meant}`?");
            check.say(rules::MISSPELT_KEY, Some(key.at), message, "cloud-init would pass over it");
        }
        None => {
            let message = format!("cloud-init knows no key `{name}`{place}");
            check.say(
                rules::UNKNOWN_KEY,
                Some(key.at),
                message,
                "it passes over it, and newer versions call the boot degraded",
            );
        }
    }
}

/// Whether a name is so near to another that it can only be a slip: short names are near to many.
fn alike(name: &str, meant: &str) -> bool {
    let bare = |text: &str| text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let (name, meant) = (bare(name), bare(meant));
    name == meant || (name.len() >= 5 && (name.len().abs_diff(meant.len()) <= 1))
}

fn shape(check: &mut Check<'_>, name: &str, types: &str, value: &Node) {
    let is = |kind: &str| types.split(' ').any(|known| known == kind);
    let fits = match &value.kind {
        Kind::Null => is("null"),
        Kind::Flag(_) => is("flag") || name == "version",
        // A name of digits is a number for YAML, and cloud-init makes a text of it again.
        Kind::Number(_) => is("number") || is("text"),
        Kind::Text { text, .. } => is("text") || (is("flag") && is_switch(text)),
        Kind::List(_) => is("list"),
        Kind::Table(_) => is("table"),
    };
    if fits {
        return;
    }
    let wanted: Vec<&str> = types.split(' ').map(in_words).collect();
    let message = format!("`{name}` takes {}, and this is {}", wanted.join(" or "), value.in_words());
    if STRICT.contains(&name) && !matches!(value.kind, Kind::Null) {
        check.say(rules::VALUE, Some(value.at), message, "cloud-init cannot use it");
    } else {
        check.say(rules::TYPE, Some(value.at), message, "write it so, or leave the key out");
    }
}

/// What cloud-init takes for a switch although it is a text.
fn is_switch(text: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "1", "0"].contains(&text.to_ascii_lowercase().as_str())
}

fn in_words(kind: &str) -> &'static str {
    match kind {
        "list" => "a list",
        "table" => "a mapping",
        "text" => "a text",
        "flag" => "true or false",
        "number" => "a number",
        _ => "nothing",
    }
}

/// Passwords that are there to be read.
fn passwords(check: &mut Check<'_>, root: &Node) {
    let mut plain: Vec<(&Node, &str)> = Vec::new();
    plain.extend(root.get("password").map(|it| (it, "password")));
    let users = root.get("users").and_then(Node::list).unwrap_or_default();
    for user in users.iter().chain(root.get("user")) {
        for key in ["plain_text_passwd", "plain-text-passwd", "passwd"] {
            plain.extend(user.get(key).map(|it| (it, key)));
        }
    }
    let accounts = root.get("chpasswd").and_then(|it| it.get("users")).and_then(Node::list).unwrap_or_default();
    plain.extend(accounts.iter().filter_map(|it| it.get("password")).map(|it| (it, "password")));
    for (node, key) in plain {
        let Some(word) = node.word() else { continue };
        if !secrets::is_hashed(&word) && !secrets::is_placeholder(&word) {
            let what = if key == "passwd" { "`passwd` takes a hash, and this is none" } else { "a password in plain" };
            check.say(
                rules::SECRET,
                Some(node.at),
                what,
                "log in with an ssh key; or give a hash (mkpasswd -m sha-512), which is still there to be tried at",
            );
        }
    }
    let Some(list) = root.get("chpasswd").and_then(|it| it.get("list")) else { return };
    let lines = list.text().map(str::to_owned).into_iter();
    let items = list.list().unwrap_or_default().iter().filter_map(Node::word);
    let is_plain = |line: &str| {
        let password = line.trim().split_once(':').map(|(_, password)| password);
        password.is_some_and(|it| !secrets::is_hashed(it) && !secrets::is_placeholder(it))
    };
    if lines.chain(items).any(|text| text.lines().any(is_plain)) {
        check.say(rules::SECRET, Some(list.at), "passwords in plain", "log in with ssh keys");
    }
}

/// `$private_ipv4`, which cloud-init leaves as it is.
fn substitutions(check: &mut Check<'_>, text: &str) {
    for (index, line) in text.lines().enumerate() {
        let word = ["$private_ipv4", "$public_ipv4"].into_iter().find(|word| line.contains(word));
        // A script may have a variable of that name.
        if let Some(word) = word.filter(|word| !text.contains(&format!("{}=", &word[1..]))) {
            let column = line.find(word).map_or(1, |at| line[..at].chars().count() + 1);
            let place = Place { line: index + 1, column };
            let message = format!("{word} stays as it is: only coreos-cloudinit replaces it");
            check.say(rules::SUBSTITUTION, Some(place), message, "ask the metadata service on the node: local-ipv4");
        }
    }
}
