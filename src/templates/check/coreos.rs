//! The dialects that begin with `#cloud-config` and are not cloud-init's: coreos-cloudinit's, which Flatcar still reads, and
//! RancherOS's.

use super::finding::{Embedded, Lines, Place};
use super::yaml::{Kind, Node};
use super::{Check, keys, rules, unit};
use crate::config::nearest;
use crate::domain::intent::ImageFamily;

/// Whose words a cloud-config is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    CloudInit,
    CoreOs,
    Rancher,
}

/// Which dialect it is, and what that means on the image that it is for.
pub(super) fn dialect(check: &mut Check<'_>, root: &Node) -> Dialect {
    let entries = root.table().unwrap_or_default();
    let own = |wanted: &str| entries.iter().find(|(key, _)| key.text() == Some(wanted)).map(|(key, _)| key.at);
    if let Some(at) = own("rancher") {
        check.say(
            rules::DIALECT,
            Some(at),
            "`rancher` is RancherOS's, and nothing else reads it",
            "write it for cloud-init, or as Ignition",
        );
        return Dialect::Rancher;
    }
    let family = check.around.family;
    let Some(at) = own("coreos").or_else(|| coreos_user(root)) else {
        return if family == Some(ImageFamily::Flatcar) { Dialect::CoreOs } else { Dialect::CloudInit };
    };
    match family {
        Some(ImageFamily::Flatcar) => {}
        Some(_) => {
            let message =
                "this is coreos-cloudinit's dialect, and the image has cloud-init or Ignition, which do not read it";
            check.say(
                rules::WRONG_DIALECT,
                Some(at),
                message,
                "use it with `--template coreos`, or write it for cloud-init",
            );
        }
        None => {
            let message = "this is coreos-cloudinit's dialect: Flatcar still reads it, cloud-init ignores it";
            check.say(rules::DIALECT, Some(at), message, "use it with `--template coreos`, better as Ignition");
        }
    }
    Dialect::CoreOs
}

/// A user with a key that only coreos-cloudinit knows.
fn coreos_user(root: &Node) -> Option<Place> {
    let users = root.get("users")?.list()?.iter().filter_map(Node::table).flatten();
    let own = |key: &Node| key.text().is_some_and(|it| keys::COREOS_USER.contains(&it.replace('-', "_").as_str()));
    users.map(|(key, _)| key).find(|key| own(key)).map(|key| key.at)
}

/// Looks over what coreos-cloudinit reads.
pub(super) fn check(check: &mut Check<'_>, root: &Node) {
    known(check, root, "", keys::COREOS);
    let Some(coreos) = root.get("coreos") else { return };
    known(check, coreos, "coreos", keys::BELOW_COREOS);
    for unit in coreos.get("units").and_then(Node::list).unwrap_or_default() {
        known(check, unit, "units", keys::COREOS_UNIT);
        let Some(name) = unit.get("name").and_then(Node::word) else {
            check.say(rules::VALUE, Some(unit.at), "a unit without a name", "add `name: something.service`");
            continue;
        };
        content(check, unit, &name, unit::kind_of_name(&name));
        for part in ["drop-ins", "drop_ins"].iter().filter_map(|key| unit.get(key)?.list()).flatten() {
            content(check, part, &name, unit::kind_of_drop_in(&name));
        }
    }
}

fn content(check: &mut Check<'_>, of: &Node, name: &str, kind: Option<unit::UnitKind>) {
    let (Some(node), Some(kind)) = (of.get("content"), kind) else { return };
    if let Kind::Text { text, block } = &node.kind {
        let lines = block.map_or(Lines::At(node.at), Lines::Below);
        let text = Embedded { name, text, lines };
        if !check.is_unrendered(&text) {
            unit::check(check, &text, kind);
        }
    }
}

/// Keys that coreos-cloudinit does not read.
fn known(check: &mut Check<'_>, table: &Node, above: &str, names: &[&'static str]) {
    for (key, _) in table.table().unwrap_or_default() {
        let Some(word) = key.word() else { continue };
        let name = word.replace('-', "_");
        if names.contains(&name.as_str()) {
            continue;
        }
        let place = if above.is_empty() { String::new() } else { format!(" below `{above}`") };
        let meant =
            nearest(&name, names.iter().copied()).map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
        let message = format!("coreos-cloudinit knows no key `{word}`{place}{meant}");
        check.say(rules::UNKNOWN_KEY, Some(key.at), message, "it passes over it");
    }
}

/// The public discovery service of etcd: nobody looks after it, and it answers 503 (etcd-io/discovery.etcd.io issue 82,
/// etcd-io/etcd issue 21915).
pub(super) fn discovery(check: &mut Check<'_>, text: &str) {
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
        if let Some(at) = line.find("discovery.etcd.io/") {
            let place = Place { line: index + 1, column: line[..at].chars().count() + 1 };
            let message =
                "discovery.etcd.io is not looked after and does not answer: a cluster that asks it does not form";
            check.say(rules::DISCOVERY, Some(place), message, "name the members: --initial-cluster");
        }
    }
}
