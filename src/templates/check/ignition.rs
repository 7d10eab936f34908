//! An Ignition config, spec 2 or 3 (coreos.github.io/ignition, "configuration specification").

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::finding::{Embedded, Lines, Place, Rule};
use super::yaml::{self, Kind, Node};
use super::{Check, cloud_config, files, rules, secrets, unit};
use crate::config::nearest;
use crate::domain::intent::ImageFamily;

/// The keys of each table, those of both specs. What is below others is not looked at.
const KEYS: [(&str, &[&str]); 6] = [
    ("", &["ignition", "kernelArguments", "networkd", "passwd", "storage", "systemd"]),
    ("ignition", &["config", "proxy", "security", "timeouts", "version"]),
    ("storage", &["directories", "disks", "files", "filesystems", "links", "luks", "raid"]),
    ("systemd", &["units"]),
    ("passwd", &["groups", "users"]),
    ("units", &["contents", "dropins", "enable", "enabled", "mask", "name"]),
];
const FILE: &[&str] = &["append", "contents", "filesystem", "group", "mode", "overwrite", "path", "user"];

/// Looks an Ignition config over.
pub(super) fn check(check: &mut Check<'_>, text: &str) {
    secrets::check(check, text, |line| Some(Place::line(line)));
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        let place = Place { line: error.line().max(1), column: error.column().max(1) };
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        let advice = if cloud_config::foreign(text) {
            "it looks like another tool's template: render it first"
        } else {
            "Ignition fails, and the node does not boot"
        };
        return check.say(rules::JSON, Some(place), message, advice);
    }
    // JSON is YAML but for tabs between values, and that reader knows where everything stands.
    let root = match yaml::read(&text.replace('\t', " ")) {
        Ok(Some(root)) => root,
        Ok(None) => return,
        Err(fault) if fault.duplicate => return cloud_config::say_fault(check, text, &fault),
        Err(_) => return check.not_looked_into("what is in the JSON: it could be read, but not with its lines"),
    };
    if root.table().is_none() {
        return refuse(check, &root, format!("an Ignition config is an object, and this is {}", root.in_words()), "");
    }
    no_reader(check, &root);
    version(check, &root);
    known(check, &root, "");
    for key in ["ignition", "storage", "systemd", "passwd"] {
        if let Some(table) = root.get(key) {
            known(check, table, key);
        }
    }
    storage(check, &root);
    units(check, &root);
    replaced(check, &root);
}

/// The config that takes this one's place, where it is carried along (`ignition.config.replace`). Its lines are its own.
fn replaced(check: &mut Check<'_>, root: &Node) {
    let replace = ["ignition", "config", "replace"].iter().try_fold(root, |at, key| at.get(key));
    let Some((node, decoded)) = replace.and_then(source) else { return };
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        // One in another one's place may not be replaced again: nothing here goes on for ever.
        Some(text) if !text.contains("\"replace\"") => self::check(check, &text),
        Some(_) => refuse(check, node, "the config that takes its place is to be replaced itself".to_owned(), ""),
        None => refuse(check, node, "the source of ignition.config.replace cannot be read".to_owned(), ENCODE),
    }
}

fn refuse(check: &mut Check<'_>, node: &Node, message: String, advice: &str) {
    check.say(rules::IGNITION, Some(node.at), message, advice);
}

fn no_reader(check: &mut Check<'_>, root: &Node) {
    use ImageFamily::{AmazonLinux, Debian, Ubuntu};
    if let Some(Ubuntu | Debian | AmazonLinux) = check.around.family {
        check.say(
            rules::HEADER,
            Some(root.at),
            "this is Ignition, and the image has cloud-init",
            "use an image of Flatcar or Fedora CoreOS, or write #cloud-config",
        );
    }
}

fn version(check: &mut Check<'_>, root: &Node) {
    let Some(version) = root.get("ignition").and_then(|it| it.get("version")) else {
        let advice = "add \"ignition\": { \"version\": \"3.3.0\" }";
        return refuse(check, root, "there is no ignition.version".to_owned(), advice);
    };
    let word = version.word().unwrap_or_default();
    let parts: Vec<Option<u32>> = word.split('.').map(|part| part.split('-').next()?.parse().ok()).collect();
    let only_3 = check.around.family == Some(ImageFamily::FedoraCoreos);
    match parts[..] {
        [Some(3), Some(_), Some(_)] => {}
        [Some(2), Some(_), Some(_)] if !only_3 => {}
        _ => {
            let takes = if only_3 { "Fedora CoreOS takes 3.0.0 and later" } else { "there are 2.x.y and 3.x.y" };
            refuse(
                check,
                version,
                format!("there is no Ignition of version {word:?} for this; {takes}"),
                "3.3.0 is read by every image of today",
            );
        }
    }
}

fn known(check: &mut Check<'_>, table: &Node, name: &str) {
    let Some((_, names)) = KEYS.iter().find(|(known, _)| *known == name) else { return };
    known_of(check, table, name, names);
}

fn known_of(check: &mut Check<'_>, table: &Node, above: &str, names: &[&'static str]) {
    for (key, _) in table.table().unwrap_or_default() {
        let Some(word) = key.word().filter(|word| !names.contains(&word.as_str())) else { continue };
        let place = if above.is_empty() { String::new() } else { format!(" below {above}") };
        let meant =
            nearest(&word, names.iter().copied()).map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
        check.say(
            rules::IGNITION_KEY,
            Some(key.at),
            format!("Ignition knows no key `{word}`{place}{meant}"),
            "it passes over it",
        );
    }
}

fn items<'a>(root: &'a Node, table: &str, list: &str) -> &'a [Node] {
    root.get(table).and_then(|it| it.get(list)).and_then(Node::list).unwrap_or_default()
}

fn storage(check: &mut Check<'_>, root: &Node) {
    let mut written: BTreeMap<String, Place> = BTreeMap::new();
    for list in ["files", "directories", "links"] {
        for entry in items(root, "storage", list) {
            let Some(path) = entry.get("path").and_then(Node::word) else {
                refuse(check, entry, format!("one of {list} has no path"), "add \"path\": \"/...\"");
                continue;
            };
            if !path.starts_with('/') {
                refuse(check, entry, format!("the path {path} is not absolute"), "begin it with /");
            }
            if let Some(before) = written.insert(path.clone(), entry.at) {
                let advice = "make them one: Ignition refuses the whole config";
                refuse(check, entry, format!("{path} is there in line {} already", before.line), advice);
            }
            mode(check, entry, &path);
            if list == "files" {
                known_of(check, entry, "files", FILE);
                contents(check, entry, &path);
            }
        }
    }
}

/// Modes are decimal in JSON, and people write the octal digits.
fn mode(check: &mut Check<'_>, entry: &Node, path: &str) {
    let Some(node) = entry.get("mode") else { return };
    let number = node.word().and_then(|word| word.parse::<u32>().ok());
    let looks_octal = [400, 440, 444, 500, 555, 600, 640, 644, 660, 664, 700, 750, 755, 770, 775, 777];
    let say = |check: &mut Check<'_>, rule: &'static Rule, message: String, advice: &str| {
        check.say(rule, Some(node.at), message, advice)
    };
    match number {
        Some(number) if looks_octal.contains(&number) => {
            let meant = u32::from_str_radix(&number.to_string(), 8).unwrap_or_default();
            say(
                check,
                rules::PERMISSIONS,
                format!("mode {number} of {path} is decimal: {number:o} in octal"),
                &format!("write {meant}, which is 0{number}"),
            );
        }
        Some(number) if number <= 0o7777 => {}
        _ => say(
            check,
            rules::IGNITION,
            format!("the mode of {path} is no number from 0 to 4095"),
            "write it in decimal: 0644 is 420",
        ),
    }
}

fn contents(check: &mut Check<'_>, entry: &Node, path: &str) {
    let Some(contents) = entry.get("contents") else { return };
    let Some((node, decoded)) = source(contents) else { return };
    let Some(bytes) = decoded else {
        return refuse(check, node, format!("the source of {path} is no data URL, or not of gzip as it says"), ENCODE);
    };
    if let Ok(text) = String::from_utf8(bytes) {
        check.embedded(path, &Embedded { name: path, text: &text, lines: Lines::At(node.at) });
        secrets::check(check, &text, |_| Some(node.at));
    }
}

/// How a source is written.
const ENCODE: &str = "write data:;base64,... or data:,...";

/// Where a source stands that is carried along, and what it holds; `None` for that where it cannot be read.
fn source(contents: &Node) -> Option<(&Node, Option<Vec<u8>>)> {
    let node = contents.get("source")?;
    let url = node.text().filter(|url| url.starts_with("data:"))?;
    let gzip = contents.get("compression").and_then(Node::word).is_some_and(|it| it == "gzip");
    Some((node, data_url(url).and_then(|bytes| if gzip { files::gunzip(&bytes) } else { Some(bytes) })))
}

/// The bytes of a data URL (RFC 2397).
fn data_url(url: &str) -> Option<Vec<u8>> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
    let plain = percent_decoded(data);
    if kind.ends_with(";base64") { BASE64_STANDARD.decode(plain).ok() } else { Some(plain) }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code.filter(|_| *byte == b'%') {
            Some(code) => {
                plain.push(code);
                at += 3;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    plain
}

fn units(check: &mut Check<'_>, root: &Node) {
    let mut names: BTreeMap<String, Place> = BTreeMap::new();
    for entry in items(root, "systemd", "units") {
        known(check, entry, "units");
        let Some(name) = entry.get("name").and_then(Node::word) else {
            refuse(check, entry, "a unit has no name".to_owned(), "add \"name\": \"something.service\"");
            continue;
        };
        if let Some(before) = names.insert(name.clone(), entry.at) {
            refuse(check, entry, format!("{name} is there in line {} already", before.line), "make them one");
        }
        text_of(check, entry, &name, unit::kind_of_name(&name));
        for part in entry.get("dropins").and_then(Node::list).unwrap_or_default() {
            text_of(check, part, &name, unit::kind_of_drop_in(&name));
        }
        let enabled =
            ["enabled", "enable"].iter().any(|key| entry.get(key).is_some_and(|it| it.kind == Kind::Flag(true)));
        let text = entry.get("contents").and_then(Node::text).unwrap_or_default();
        let others = items(root, "systemd", "units").iter().filter(|it| *it != entry);
        let named = others.filter_map(|it| it.get("contents")?.text()).any(|text| text.contains(&name));
        if unit::has_install(text) && !enabled && !named {
            let message = format!("{name} has an [Install] section and is not enabled");
            check.say(rules::NOT_ENABLED, Some(entry.at), message, "add \"enabled\": true");
        }
    }
}

fn text_of(check: &mut Check<'_>, of: &Node, name: &str, kind: Option<unit::UnitKind>) {
    let (Some(node), Some(kind)) = (of.get("contents"), kind) else { return };
    if let Some(text) = node.text() {
        let text = Embedded { name, text, lines: Lines::At(node.at) };
        if !check.is_unrendered(&text) {
            unit::check(check, &text, kind);
        }
    }
}
