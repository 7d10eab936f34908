//! Disks: names that do not hold, mounts that stop the boot, file systems that are made anew.

use super::finding::Embedded;
use super::yaml::{Kind, Node};
use super::{Check, rules};
use crate::domain::intent::ImageFamily;

const BY_ID: &str = "use LABEL=, UUID= or /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol...";

/// Looks at the disks of a cloud-config.
pub(super) fn check(check: &mut Check<'_>, root: &Node) {
    mounts(check, root);
    for entry in root.get("fs_setup").and_then(Node::list).unwrap_or_default() {
        fs_setup(check, entry);
    }
    for (device, wish) in root.get("disk_setup").and_then(Node::table).unwrap_or_default() {
        name(check, device);
        let device = device.word().unwrap_or_default();
        if is_on(wish.get("overwrite")) && !is_ephemeral(&device) {
            let message = format!("`overwrite: true` partitions {device} anew at every new instance");
            check.say(rules::FORMATS, Some(wish.at), message, "leave `overwrite` out where the data is to be kept");
        }
    }
    for (_, device) in root.get("device_aliases").and_then(Node::table).unwrap_or_default() {
        name(check, device);
    }
}

fn mounts(check: &mut Check<'_>, root: &Node) {
    // cloud-init's own default has `nofail`.
    let default = root.get("mount_default_fields").and_then(Node::list).and_then(|fields| fields.get(3));
    for mount in root.get("mounts").and_then(Node::list).unwrap_or_default() {
        let Some(fields) = mount.list() else { continue };
        let field = |at: usize| fields.get(at).filter(|it| it.kind != Kind::Null).and_then(Node::word);
        let (Some(device), Some(path)) = (field(0), field(1)) else { continue };
        if let Some(device) = fields.first() {
            name(check, device);
        }
        let kind = field(2).unwrap_or_default();
        let options = field(3).or_else(|| default.and_then(Node::word)).unwrap_or_else(|| "nofail".to_owned());
        let has = |wanted: &[&str]| options.split(',').any(|option| wanted.contains(&option.trim()));
        let is_disk =
            !["tmpfs", "swap", "overlay", "none", "proc", "sysfs"].contains(&kind.as_str()) && path.starts_with('/');
        if is_disk && !has(&["nofail", "noauto", "_netdev", "bind", "rbind"]) {
            let message = format!(
                "the mount of {device} at {path} has no `nofail`: without the disk the boot ends in emergency mode, without ssh"
            );
            check.say(rules::NOFAIL, Some(mount.at), message, "add nofail,x-systemd.device-timeout=10s");
        }
        if path.starts_with("/home/") {
            let message = format!("{path} is made before the users are: the home directory will belong to root");
            check.say(
                rules::MOUNT_IN_HOME,
                Some(mount.at),
                message,
                "mount it elsewhere, or in a unit of your own after the first boot",
            );
        }
    }
}

fn fs_setup(check: &mut Check<'_>, entry: &Node) {
    let Some(device) = entry.get("device") else { return };
    name(check, device);
    let device = device.word().unwrap_or_default();
    // What is blank at every instance may be formatted at every instance.
    if is_ephemeral(&device) {
        return;
    }
    let partition = entry.get("partition").and_then(Node::word).unwrap_or_default();
    if partition == "none" {
        let message = format!("`partition: none` formats {device} at every new instance, `overwrite: false` or not");
        check.say(
            rules::FORMATS,
            Some(entry.at),
            message,
            "format in a script, and only where `blkid -p` exits with 2: nothing there",
        );
    } else if is_on(entry.get("overwrite")) {
        let message = format!("`overwrite: true` formats {device} at every new instance");
        check.say(rules::FORMATS, Some(entry.at), message, "leave `overwrite` out where the data is to be kept");
    }
}

fn is_on(node: Option<&Node>) -> bool {
    matches!(node.map(|it| &it.kind), Some(Kind::Flag(true)))
}

fn is_ephemeral(device: &str) -> bool {
    device.trim_start_matches("/dev/").starts_with("ephemeral")
}

/// Says what is wrong with a disk's name.
fn name(check: &mut Check<'_>, node: &Node) {
    let Some(device) = node.word() else { return };
    if let Some(message) = trouble(&device, check.around.family) {
        check.say(rules::DEVICE, Some(node.at), message, BY_ID);
    }
}

/// Commands in a script that make, mount or stripe a disk of such a name. A script that asks first is left alone.
pub(super) fn in_script(check: &mut Check<'_>, script: &Embedded<'_>) {
    let text = script.text;
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || "'\"=;".contains(c)).collect();
        let uses =
            words.iter().any(|it| *it == "mount" || *it == "mdadm" || it.starts_with("mkfs") || *it == "resize2fs");
        if !uses || line.trim_start().starts_with('#') {
            continue;
        }
        for device in words.iter().filter(|word| word.starts_with("/dev/")) {
            let asks = text.matches(device).count() > 1
                && ["-e ", "-b ", "lsblk", "while", "until", "wait"].iter().any(|it| text.contains(it));
            if let Some(message) = trouble(device, check.around.family).filter(|_| !asks) {
                check.say(rules::DEVICE, script.place(index + 1), message, BY_ID);
            }
        }
    }
}

/// What is wrong with a disk's name on instance types with NVMe, which all of today's are (EC2 user guide, "Amazon EBS
/// volumes and NVMe").
fn trouble(device: &str, family: Option<ImageFamily>) -> Option<String> {
    let bare = device.strip_prefix("/dev/").unwrap_or(device);
    // A partition's number follows the disk's letter, or a dot in cloud-init's own way.
    let letter = |prefix: &str| {
        let rest = bare.strip_prefix(prefix)?;
        let letter = rest.chars().next().filter(char::is_ascii_lowercase)?;
        rest[1..].chars().all(|it| it.is_ascii_digit() || it == '.').then_some(letter)
    };
    let number = |prefix: &str| bare.strip_prefix(prefix)?.chars().next().filter(char::is_ascii_digit);
    if number("ephemeral").is_some() {
        return Some(format!("`{device}` names nothing on instance types with NVMe disks"));
    }
    if letter("xvd").is_some_and(|it| it > 'a') || letter("vd").is_some() || letter("hd").is_some() {
        return Some(format!("there is no {device} on instance types with NVMe disks"));
    }
    // The names that volumes are attached by, where the image links them to the disks.
    let linked = matches!(family, Some(ImageFamily::AmazonLinux | ImageFamily::Debian));
    if letter("sd").is_some_and(|it| it > 'a') && !linked {
        return Some(format!(
            "{device} exists only where the image has Amazon's udev rules (Amazon Linux, Debian), not on Ubuntu"
        ));
    }
    if number("nvme").is_some_and(|it| it > '0') {
        return Some(format!("{device} may be another disk after the next boot"));
    }
    None
}
