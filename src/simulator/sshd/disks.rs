//! The disks of a simulated node and the commands that show them.

use super::commands::{line, unscripted};
use super::files::{absolute, exists};
use super::script::{Node, Output};
use crate::simulator::catalog::{self, TypeInfo};

/// The size of the root disk in GiB, as most images have it.
const ROOT_GIB: u32 = 8;

const OPTIONS: &str = "rw,relatime";

/// A mounted file system, ext4.
struct Mount {
    source: String,
    target: String,
    gib: u32,
    used_kib: u64,
}

/// What is known of the node's type.
pub(super) fn type_info(node: &Node) -> Option<&'static TypeInfo> {
    catalog::find_type(&node.facts.instance_type)
}

/// Where the data volume is mounted: in the home of the image's own user.
pub(super) fn mount_path(node: &Node) -> String {
    format!("/home/{}/persistent", node.facts.users.first().unwrap_or(&node.user))
}

fn is_xen(node: &Node) -> bool {
    type_info(node).and_then(|info| info.hypervisor.as_deref()) == Some("xen")
}

fn root_disk(node: &Node) -> &'static str {
    if is_xen(node) { "xvda" } else { "nvme0n1" }
}

fn root_partition(node: &Node) -> &'static str {
    if is_xen(node) { "xvda1" } else { "nvme0n1p1" }
}

fn data_disk(node: &Node) -> &'static str {
    if is_xen(node) { "xvdj" } else { "nvme1n1" }
}

/// The NVMe local disks: name and size in bytes. On older types they appear only if the launch maps them.
fn local_disks(node: &Node) -> Vec<(String, u64)> {
    let store = type_info(node).and_then(|info| info.instance_store.as_ref());
    let Some(store) = store.filter(|store| store.nvme == "required") else { return Vec::new() };
    (0..store.disk_count).map(|disk| (format!("nvme{}n1", disk + 2), store.disk_gb * 1_000_000_000)).collect()
}

/// The paths below `/dev`.
pub(super) fn device_paths(node: &Node) -> Vec<String> {
    let mut names = vec![root_disk(node).to_owned(), root_partition(node).to_owned()];
    if node.facts.volume_gib.is_some() {
        names.push(data_disk(node).to_owned());
        if !is_xen(node) {
            // The link that udev makes of the name the volume was attached under.
            names.push("xvdj".to_owned());
        }
    }
    names.extend(local_disks(node).into_iter().map(|(name, _)| name));
    names.into_iter().map(|name| format!("/dev/{name}")).collect()
}

fn mounts(node: &Node) -> Vec<Mount> {
    let root = Mount {
        source: format!("/dev/{}", root_partition(node)),
        target: "/".to_owned(),
        gib: ROOT_GIB,
        used_kib: 1_992_294,
    };
    let data = node.facts.volume_gib.filter(|_| node.facts.volume_mounted).map(|gib| Mount {
        source: format!("/dev/{}", data_disk(node)),
        target: mount_path(node),
        gib,
        used_kib: 24,
    });
    std::iter::once(root).chain(data).collect()
}

/// What `/proc/mounts` holds.
pub(super) fn proc_mounts(node: &Node) -> String {
    mounts(node).iter().map(|mount| format!("{} {} ext4 {OPTIONS} 0 0\n", mount.source, mount.target)).collect()
}

pub(super) fn mountpoint(node: &Node, arguments: &[&str]) -> Output {
    let (quiet, path) = match arguments {
        ["-q" | "--quiet", path] => (true, path),
        [path] if !path.starts_with('-') => (false, path),
        _ => return unscripted("mountpoint", arguments),
    };
    if !exists(node, path) {
        let complaint = format_args!("mountpoint: {path}: No such file or directory");
        return if quiet { Output::code(1) } else { Output::failure(1, complaint) };
    }
    let full = absolute(node, path);
    let mounted = mounts(node).iter().any(|mount| mount.target == full);
    let text = if mounted { "is a mountpoint" } else { "is not a mountpoint" };
    let answer = if quiet { Output::default() } else { line(&format!("{path} {text}")) };
    // util-linux: 32 for a directory that is none.
    Output { code: if mounted { 0 } else { 32 }, ..answer }
}

pub(super) fn findmnt(node: &Node, arguments: &[&str]) -> Output {
    let (mut heading, mut columns, mut wanted) = (true, "TARGET,SOURCE,FSTYPE,OPTIONS", None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "-n" | "--noheadings" => heading = false,
            "-o" | "--output" => columns = words.next().copied().unwrap_or_default(),
            "-no" => (heading, columns) = (false, words.next().copied().unwrap_or_default()),
            "-M" | "--mountpoint" => {}
            path if !path.starts_with('-') => wanted = Some(path),
            _ => return unscripted("findmnt", arguments),
        }
    }
    let full = wanted.map(|path| absolute(node, path));
    let is_wanted = |mount: &Mount| full.as_ref().is_none_or(|full| mount.target == *full || mount.source == *full);
    let found: Vec<Mount> = mounts(node).into_iter().filter(is_wanted).collect();
    if found.is_empty() {
        return Output::code(1);
    }
    let mut rows = if heading { vec![columns.replace(',', " ")] } else { Vec::new() };
    for mount in &found {
        let fields: Option<Vec<&str>> = columns.split(',').map(|column| field(mount, column)).collect();
        let Some(fields) = fields else { return unscripted("findmnt", arguments) };
        rows.push(fields.join(" "));
    }
    line(&rows.join("\n"))
}

fn field<'a>(mount: &'a Mount, column: &str) -> Option<&'a str> {
    match column.to_ascii_uppercase().as_str() {
        "TARGET" => Some(&mount.target),
        "SOURCE" => Some(&mount.source),
        "FSTYPE" => Some("ext4"),
        "OPTIONS" => Some(OPTIONS),
        _ => None,
    }
}

pub(super) fn df(node: &Node, arguments: &[&str]) -> Output {
    let (options, paths): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with('-'));
    let human = match options.as_slice() {
        [] | ["-k"] => false,
        ["-h"] => true,
        _ => return unscripted("df", arguments),
    };
    let heading = if human { "Size Used Avail" } else { "1K-blocks Used Available" };
    let mut text = format!("Filesystem {heading} Use% Mounted on\n");
    let mounts = mounts(node);
    let shown: Vec<&Mount> = if paths.is_empty() {
        mounts.iter().collect()
    } else {
        paths.iter().filter_map(|path| holder(&mounts, &absolute(node, path))).collect()
    };
    for Mount { source, target, gib, used_kib } in shown {
        let total = u64::from(*gib) * 1024 * 1024;
        let size = |kib: u64| if human { human_size(kib * 1024) } else { kib.to_string() };
        let (free, share) = (total.saturating_sub(*used_kib), used_kib * 100 / total.max(1));
        text += &format!("{source} {} {} {} {share}% {target}\n", size(total), size(*used_kib), size(free));
    }
    Output::text(text)
}

/// The file system that a path lies on.
fn holder<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let below = |mount: &&Mount| {
        path.strip_prefix(&mount.target)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || mount.target == "/")
    };
    mounts.iter().filter(below).max_by_key(|mount| mount.target.len())
}

pub(super) fn lsblk(node: &Node, arguments: &[&str]) -> Output {
    if !arguments.is_empty() {
        return unscripted("lsblk", arguments);
    }
    let mut rows = vec![
        (root_disk(node).to_owned(), gib(ROOT_GIB), "disk", String::new()),
        (format!("└─{}", root_partition(node)), gib(ROOT_GIB), "part", "/".to_owned()),
    ];
    if let Some(size) = node.facts.volume_gib {
        let target = if node.facts.volume_mounted { mount_path(node) } else { String::new() };
        rows.push((data_disk(node).to_owned(), gib(size), "disk", target));
    }
    rows.extend(local_disks(node).into_iter().map(|(name, bytes)| (name, bytes, "disk", String::new())));
    let mut text = format!("{:<12} {:>6} TYPE MOUNTPOINTS\n", "NAME", "SIZE");
    for (name, bytes, kind, target) in rows {
        let row = format!("{name:<12} {:>6} {kind} {target}", human_size(bytes));
        text += &format!("{}\n", row.trim_end());
    }
    Output::text(text)
}

fn gib(size: u32) -> u64 {
    u64::from(size) << 30
}

/// As `lsblk` and `df -h` write it: `8G`, `46.6G`, `24K`.
fn human_size(bytes: u64) -> String {
    let mut tenths = bytes.saturating_mul(10);
    let mut units = ["B", "K", "M", "G", "T"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    if tenths.is_multiple_of(10) {
        format!("{}{unit}", tenths / 10)
    } else {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    }
}
