//! systemd units: what systemd would pass over, or refuse (systemd.syntax(7), systemd.service(5)).

use super::finding::Embedded;
use super::{Check, rules};
use crate::config::nearest;

/// Suffixes of units, with the section that is their own.
const KINDS: [(&str, &str); 9] = [
    (".service", "Service"),
    (".timer", "Timer"),
    (".socket", "Socket"),
    (".mount", "Mount"),
    (".automount", "Automount"),
    (".swap", "Swap"),
    (".path", "Path"),
    (".slice", "Slice"),
    (".target", ""),
];

/// What kind of unit a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnitKind {
    /// Its own section, without brackets; empty where it has none.
    section: &'static str,
    /// Whether it only adds to another unit.
    drop_in: bool,
}

/// A setting, where it stands.
struct Setting<'a> {
    section: &'a str,
    key: &'a str,
    value: &'a str,
}

/// What kind of unit a file is by its path. `None`: it is none, or one of which nothing is known here.
pub(super) fn kind_of(path: &str) -> Option<UnitKind> {
    let place = ["/etc/systemd/", "/usr/lib/systemd/", "/lib/systemd/", "/run/systemd/"];
    place.iter().any(|place| path.starts_with(place)).then(|| kind_of_name(path)).flatten()
}

/// The same, of a unit that is given by its name.
pub(super) fn kind_of_name(name: &str) -> Option<UnitKind> {
    let (unit, drop_in) = match name.rsplit_once(".d/") {
        Some((unit, part)) => (unit, part.ends_with(".conf")),
        None => (name, false),
    };
    let (_, section) = KINDS.iter().find(|(suffix, _)| unit.ends_with(suffix))?;
    Some(UnitKind { section, drop_in })
}

/// The same, of a drop-in of the unit with this name.
pub(super) fn kind_of_drop_in(unit: &str) -> Option<UnitKind> {
    kind_of_name(unit).map(|kind| UnitKind { drop_in: true, ..kind })
}

/// Whether a unit says when it wants to be started, which takes an `enable`.
pub(super) fn has_install(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "[Install]")
}

/// Looks a unit over.
pub(super) fn check(check: &mut Check<'_>, unit: &Embedded<'_>, kind: UnitKind) {
    let settings = read(check, unit, kind);
    if kind.section == "Service" && !kind.drop_in {
        service(check, unit, &settings);
    }
    if kind.section == "Timer" && !kind.drop_in && !settings.iter().any(|it| it.key.starts_with("On")) {
        let message = format!("{}: the timer has no time: systemd refuses it", unit.name);
        check.say(rules::UNIT, unit.place(1), message, "add OnCalendar=, OnBootSec= or the like");
    }
}

/// Reads a unit line by line, as systemd does, and says what it would pass over.
fn read<'a>(check: &mut Check<'_>, unit: &Embedded<'a>, kind: UnitKind) -> Vec<Setting<'a>> {
    let mut settings = Vec::new();
    let mut section = "";
    let mut goes_on = false;
    for (index, line) in unit.text.lines().enumerate() {
        let (place, trimmed) = (unit.place(index + 1), line.trim());
        if trimmed.starts_with(['#', ';']) || (trimmed.is_empty() && !goes_on) {
            continue;
        }
        // A line that goes on may be followed by comments, and by anything that belongs to its value.
        let is_rest = std::mem::replace(&mut goes_on, line.ends_with('\\'));
        if is_rest {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            match name.strip_suffix(']') {
                Some(name) => section = name,
                None => {
                    let message = format!("{}: `{trimmed}` is no section: the ] is missing", unit.name);
                    check.say(rules::UNIT, place, message, "systemd refuses the unit");
                }
            }
            known_section(check, unit, kind, section, index + 1);
            continue;
        }
        match trimmed.split_once('=') {
            Some((key, value)) if !section.is_empty() => {
                settings.push(Setting { section, key: key.trim(), value: value.trim() });
            }
            Some(_) => {
                let message = format!("{}: `{}` stands before any section", unit.name, short(trimmed));
                check.say(
                    rules::UNIT,
                    place,
                    message,
                    "put it below [Unit], [Service] or the like; systemd passes over it here",
                );
            }
            None => {
                let message = format!("{}: `{}` has no =", unit.name, short(trimmed));
                check.say(
                    rules::UNIT,
                    place,
                    message,
                    "systemd passes over the line; a value that goes on needs \\ at the end of the line before",
                );
            }
        }
    }
    settings
}

fn known_section(check: &mut Check<'_>, unit: &Embedded<'_>, kind: UnitKind, section: &str, line: usize) {
    let known = ["Unit", "Install", kind.section];
    if section.is_empty() || section.starts_with("X-") || known.contains(&section) {
        return;
    }
    let meant = nearest(section, known.into_iter().filter(|name| !name.is_empty()));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean [{meant}]?"));
    let message = format!("{}: units of this kind have no section [{section}]{meant}", unit.name);
    check.say(rules::UNIT_SECTION, unit.place(line), message, "systemd passes over all of it");
}

/// What systemd refuses of a service: nothing to run, or several things where it takes one.
fn service(check: &mut Check<'_>, unit: &Embedded<'_>, settings: &[Setting<'_>]) {
    let of = |key: &'static str| settings.iter().filter(move |it| it.section == "Service" && it.key == key);
    // An empty assignment takes back what was set before it.
    let starts = of("ExecStart").fold(0, |count, it| if it.value.is_empty() { 0 } else { count + 1 });
    let oneshot = of("Type").next_back().is_some_and(|it| it.value == "oneshot");
    let something_else = of("ExecStop").chain(of("SuccessAction")).next().is_some();
    let (message, advice) = match (starts, oneshot) {
        (0, _) if !something_else => ("has no ExecStart=: systemd refuses it", "add ExecStart=/path/to/program"),
        (0, false) => ("has no ExecStart=, which only Type=oneshot may leave out", "add it, or Type=oneshot"),
        (2.., false) => {
            ("has several ExecStart=, which only Type=oneshot may have", "join them in a script, or add Type=oneshot")
        }
        _ => return,
    };
    check.say(rules::UNIT, unit.place(1), format!("{}: {message}", unit.name), advice);
}

fn short(line: &str) -> String {
    line.chars().take(60).collect()
}
