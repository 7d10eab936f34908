//! What kind of user data it is, and who looks at it (cloud-init's documentation, "user-data formats").

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::finding::{Embedded, Lines, Place};
use super::yaml::{self, Node};
use super::{Check, UserDataFormat, cloud_config, disks, files, ignition, keys, rules, secrets, shell};
use crate::config::nearest;
use crate::domain::intent::ImageFamily;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const JINJA: &str = "## template: jinja";
const ADVICE: &str = "the first line must be #cloud-config, or cloud-init boots a bare machine and calls that done";

/// Looks at user data of any kind.
pub(super) fn check(check: &mut Check<'_>, bytes: &[u8]) {
    if bytes.trim_ascii().is_empty() {
        return check.say(rules::EMPTY, None, "there is nothing in it", "leave it out to use a template's own");
    }
    if !bytes.starts_with(GZIP_MAGIC) {
        return text(check, bytes);
    }
    match files::gunzip(bytes) {
        Some(plain) => text(check, &plain),
        None => check.not_looked_into("the content: it begins like gzip, and is not whole or more than a MiB"),
    }
}

fn text(check: &mut Check<'_>, bytes: &[u8]) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            return check.say(
                rules::ENCODING,
                Some(Place::line(line)),
                "this is not UTF-8",
                "save it as UTF-8; nothing else was looked into",
            );
        }
    };
    let lower = text.get(..text.len().min(4096)).unwrap_or(text).to_ascii_lowercase();
    if lower.contains("mime-version:") || lower.starts_with("content-type:") {
        return mime(check, text);
    }
    by_header(check, text);
}

/// What the first line says.
fn by_header(check: &mut Check<'_>, text: &str) {
    let first = text.trim_start().lines().next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let begins =
        |header: &str| first == header || first.strip_prefix(header).is_some_and(|rest| rest.starts_with([' ', '\t']));
    if let Some(rest) = text.strip_prefix(JINJA) {
        return jinja(check, rest);
    }
    if first.starts_with("#!") {
        return script(check, text, 1);
    }
    if begins("#cloud-config") {
        return cloud_config_for(check, text);
    }
    if first.starts_with('{') || check.around.format == Some(UserDataFormat::Ignition) {
        return ignition::check(check, text);
    }
    if begins("#cloud-boothook") {
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        return script(check, rest, 2);
    }
    let others = ["#include", "#include-once", "#cloud-config-archive", "#cloud-config-jsonp", "#part-handler"];
    if let Some(kind) = others.iter().find(|kind| begins(kind)) {
        return check.not_looked_into(format!("what is below {kind}"));
    }
    unknown_header(check, text);
}

fn cloud_config_for(check: &mut Check<'_>, text: &str) {
    if check.around.family == Some(ImageFamily::FedoraCoreos) {
        let message = "Fedora CoreOS has no cloud-init: it takes Ignition alone";
        return check.say(rules::HEADER, Some(Place::line(1)), message, "write Butane and translate it with `butane`");
    }
    cloud_config::check(check, text);
}

/// cloud-init fills such a text in at the first boot, from what the metadata service says.
fn jinja(check: &mut Check<'_>, rest: &str) {
    if rest.contains("{{") || rest.contains("{%") {
        return check.not_looked_into("what is below `## template: jinja`: cloud-init fills it in at the first boot");
    }
    let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    check.first_line += 1;
    by_header(check, rest);
    check.first_line -= 1;
}

/// A script, or the text of a boothook, which is one too.
fn script(check: &mut Check<'_>, text: &str, line: usize) {
    secrets::check(check, text, |at| Some(Place::line(at + line - 1)));
    let script = Embedded { name: "the script", text, lines: Lines::Below(Place::line(line)) };
    if check.is_unrendered(&script) {
        return;
    }
    match shell::shell_of(text) {
        Some(name) => {
            shell::check(check, &script, name);
            disks::in_script(check, &script);
        }
        None => check.not_looked_into("the syntax of a script that is not for sh or bash"),
    }
}

/// Nothing that is known: a slip in `#cloud-config`, a cloud-config without it, or something else.
fn unknown_header(check: &mut Check<'_>, text: &str) {
    let line = text.lines().next().unwrap_or_default();
    let word = line.trim_start_matches(['\u{feff}', '#', ' ']).to_ascii_lowercase().replace([' ', '_'], "-");
    let root = yaml::read(text.trim_start_matches('\u{feff}')).ok().flatten();
    let has = |root: &Node, key: &str| root.get(key).is_some();
    let place = Some(Place::line(1));
    if root.as_ref().is_some_and(|it| has(it, "variant") && has(it, "version")) {
        return check.say(
            rules::HEADER,
            place,
            "this is Butane, which no node reads",
            "translate it: butane --strict FILE",
        );
    }
    let is_cloud_config = root.is_some_and(|it| keys::KEYS.iter().any(|(key, ..)| has(&it, key)) || has(&it, "coreos"));
    if is_cloud_config || nearest(word.trim_end(), ["cloud-config"]).is_some() {
        return check.say(rules::HEADER, place, format!("it begins with {:?}", short(line)), ADVICE);
    }
    if check.around.format == Some(UserDataFormat::CloudConfig) {
        return check.say(
            rules::HEADER,
            place,
            format!("it begins with {:?}, which cloud-init does not know", short(line)),
            ADVICE,
        );
    }
    let message = format!("it begins with {:?}, which neither cloud-init nor Ignition knows", short(line));
    check.say(rules::UNKNOWN_HEADER, place, message, "the node may boot as if it had no user data");
}

fn short(line: &str) -> String {
    line.chars().take(60).collect()
}

/// A message of several parts, each looked at as what it says it is.
fn mime(check: &mut Check<'_>, text: &str) {
    let (headers, body, at) = head(text);
    let Some(boundary) = parameter(&headers, "boundary") else {
        return check.not_looked_into("a MIME message without parts");
    };
    let mark = format!("--{boundary}");
    let (mut part, mut begins, mut inside) = (String::new(), at, false);
    for (index, line) in body.lines().enumerate() {
        if line.trim_end() != mark && line.trim_end() != format!("{mark}--") {
            part.push_str(line);
            part.push('\n');
            continue;
        }
        if std::mem::replace(&mut inside, true) {
            one_part(check, &part, begins);
        }
        part.clear();
        begins = at + index + 2;
    }
    if inside && !part.trim().is_empty() {
        one_part(check, &part, begins);
    }
    if !inside {
        check.say(
            rules::HEADER,
            Some(Place::line(1)),
            format!("the boundary {boundary:?} is nowhere"),
            "cloud-init finds no part in it",
        );
    }
}

/// A part that begins at a line of the message.
fn one_part(check: &mut Check<'_>, part: &str, line: usize) {
    let (headers, body, below) = head(part);
    let kind = header(&headers, "content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let encoding = header(&headers, "content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    let body = match encoding.as_str() {
        "base64" => {
            let packed: String = body.split_ascii_whitespace().collect();
            let plain = BASE64_STANDARD.decode(packed).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let Some(plain) = plain else {
                return check.not_looked_into("a part of the MIME message that is base64 of no text");
            };
            plain
        }
        "quoted-printable" => return check.not_looked_into("a part of the MIME message that is quoted-printable"),
        _ => body,
    };
    let before = std::mem::replace(&mut check.first_line, line + below);
    match kind.as_str() {
        "text/cloud-config" => cloud_config::check(check, &body),
        "text/x-shellscript" => script(check, &body, 1),
        "text/plain" | "" => by_header(check, &body),
        _ => check.not_looked_into(format!("a part of the MIME message of type {kind}")),
    }
    check.first_line = before;
}

/// The headers of a message, each on one line, the rest, and how many lines are before it.
fn head(text: &str) -> (Vec<String>, String, usize) {
    let mut headers: Vec<String> = Vec::new();
    let mut lines = text.lines();
    let mut count = 0;
    for line in lines.by_ref() {
        count += 1;
        if line.trim().is_empty() {
            break;
        }
        match headers.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(last) => last.push_str(line),
            None => headers.push(line.to_owned()),
        }
    }
    let rest: Vec<&str> = lines.collect();
    (headers, rest.join("\n") + "\n", count)
}

fn header(headers: &[String], name: &str) -> Option<String> {
    let value = |line: &String| {
        line.split_once(':')
            .filter(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, it)| it.trim().to_owned())
    };
    headers.iter().find_map(value)
}

fn parameter(headers: &[String], name: &str) -> Option<String> {
    let value = header(headers, "content-type")?;
    value.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}
