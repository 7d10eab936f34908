//! The few files of a simulated node, worked out anew for each question.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::commands::{is_flatcar, unscripted};
use super::disks;
use super::script::{Node, Output};
use super::{CloudInit, NodeFacts};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    Device,
    File(Vec<u8>),
}

/// All paths of the node.
fn entries(node: &Node) -> BTreeMap<String, Entry> {
    let facts = &node.facts;
    let file = |text: String| Entry::File(text.into_bytes());
    let mut files = vec![
        ("/etc/hostname".to_owned(), file(format!("{}\n", facts.hostname))),
        ("/etc/os-release".to_owned(), file(os_release(facts))),
        ("/proc/mdstat".to_owned(), file("Personalities : \nunused devices: <none>\n".to_owned())),
        ("/proc/mounts".to_owned(), file(disks::proc_mounts(node))),
        (format!("{}/.ssh/authorized_keys", node.home()), file(facts.authorized_keys.join("\n") + "\n")),
    ];
    if !is_flatcar(node) {
        files.extend([
            ("/run/cloud-init/instance-data.json".to_owned(), file(instance_data(node))),
            ("/var/lib/cloud/data/instance-id".to_owned(), file(format!("{}\n", facts.instance_id))),
            ("/var/lib/cloud/instance/user-data.txt".to_owned(), Entry::File(facts.user_data.clone())),
        ]);
    }
    if facts.cloud_init == CloudInit::Done {
        // The template's own sign that it has done all it had to.
        files.push(("/run/cloudtop/ready".to_owned(), file(String::new())));
    }
    let delivered = facts.delivered.files.iter();
    files
        .extend(delivered.map(|(path, file)| {
            (path.clone(), Entry::File(BASE64_STANDARD.decode(&file.content).unwrap_or_default()))
        }));
    files.extend(disks::device_paths(node).into_iter().map(|path| (path, Entry::Device)));
    if facts.volume_mounted {
        files.push((format!("{}/lost+found", disks::mount_path(node)), Entry::Directory));
    }
    for directory in ["/tmp".to_owned(), "/run/cloudtop".to_owned(), node.home()] {
        files.push((directory, Entry::Directory));
    }
    with_parents(files)
}

fn with_parents(files: Vec<(String, Entry)>) -> BTreeMap<String, Entry> {
    let mut all = BTreeMap::from([("/".to_owned(), Entry::Directory)]);
    for (path, entry) in files {
        for (end, _) in path.match_indices('/').skip(1) {
            all.extend(path.get(..end).map(|parent| (parent.to_owned(), Entry::Directory)));
        }
        all.insert(path, entry);
    }
    all
}

/// What cloud-init keeps of the metadata, in its own names; a small part of it.
fn instance_data(node: &Node) -> String {
    let facts = &node.facts;
    let data = json!({
        "ds": {"meta_data": {
            "instance-type": facts.instance_type, "local-ipv4": facts.private_ip, "public-ipv4": facts.public_ip,
        }},
        "v1": {
            "availability_zone": facts.zone, "cloud_name": "aws", "instance_id": facts.instance_id,
            "local_hostname": facts.hostname, "machine": node.machine(), "region": facts.region,
        },
    });
    format!("{data:#}\n")
}

fn os_release(facts: &NodeFacts) -> String {
    // Without version numbers: the facts do not say which release the image is of.
    let (id, name) = match facts.users.first().map(String::as_str) {
        Some("admin") => ("debian", "Debian GNU/Linux"),
        Some("ec2-user") => ("amzn", "Amazon Linux"),
        Some("core") => ("flatcar", "Flatcar Container Linux by Kinvolk"),
        _ => ("ubuntu", "Ubuntu"),
    };
    format!("NAME=\"{name}\"\nID={id}\nPRETTY_NAME=\"{name} (simulated)\"\n")
}

/// The path without dots and doubled slashes, from the root.
pub(super) fn absolute(node: &Node, path: &str) -> String {
    let full = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", node.home()) };
    let mut parts = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether anything stands at the path.
pub(super) fn exists(node: &Node, path: &str) -> bool {
    entries(node).contains_key(&absolute(node, path))
}

/// Whether a directory stands at the path.
pub(super) fn is_directory(node: &Node, path: &str) -> bool {
    entries(node).get(path) == Some(&Entry::Directory)
}

/// `stat -c FORMAT` of a file that was delivered: `%a`, `%U` and `%n`.
pub(super) fn stat(node: &Node, arguments: &[&str]) -> Output {
    let ["-c", format, path] = arguments else { return unscripted("stat", arguments) };
    let Some(file) = node.facts.delivered.files.get(&absolute(node, path)) else {
        return Output::failure(1, format_args!("stat: cannot statx '{path}': No such file or directory"));
    };
    let mode = file.mode.trim_start_matches('0');
    let user = file.owner.split(':').next().unwrap_or_default();
    Output::text(format.replace("%a", mode).replace("%U", user).replace("%n", path) + "\n")
}

pub(super) fn cat(node: &Node, arguments: &[&str]) -> Output {
    if arguments.is_empty() || arguments.iter().any(|path| path.starts_with('-')) {
        return unscripted("cat", arguments);
    }
    let (entries, mut output) = (entries(node), Output::default());
    for path in arguments {
        let complaint = match entries.get(&absolute(node, path)) {
            Some(Entry::File(bytes)) => {
                output.stdout.extend(bytes);
                continue;
            }
            Some(Entry::Directory) => "Is a directory",
            Some(Entry::Device) => "Permission denied",
            None => "No such file or directory",
        };
        output.stderr.extend(format!("cat: {path}: {complaint}\n").bytes());
        output.code = 1;
    }
    output
}

/// `ls`, one name a line as into a pipe.
pub(super) fn ls(node: &Node, arguments: &[&str]) -> Output {
    let (options, mut paths): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with('-'));
    if options.iter().any(|option| !option.trim_matches(['-', '1', 'a', 'A', 'd']).is_empty()) {
        return unscripted("ls", arguments);
    }
    let has = |letters: &[char]| options.iter().any(|option| option.contains(letters));
    if paths.is_empty() {
        paths.push(".");
    }
    let (entries, mut output) = (entries(node), Output::default());
    for path in paths {
        let full = absolute(node, path);
        let names = match entries.get(&full) {
            Some(Entry::Directory) if !has(&['d']) => children(&entries, &full),
            Some(_) => vec![path],
            None => {
                output.stderr.extend(format!("ls: cannot access '{path}': No such file or directory\n").bytes());
                output.code = 2;
                continue;
            }
        };
        for name in names.into_iter().filter(|name| !name.starts_with('.') || has(&['a', 'A', 'd'])) {
            output.stdout.extend(format!("{name}\n").bytes());
        }
    }
    output
}

fn children<'a>(entries: &'a BTreeMap<String, Entry>, directory: &str) -> Vec<&'a str> {
    let prefix = if directory == "/" { "/".to_owned() } else { format!("{directory}/") };
    entries
        .keys()
        .filter_map(|path| path.strip_prefix(&prefix))
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .collect()
}

/// `test` and `[`: 0 if it holds, 1 if not, 2 if it is not understood.
pub(super) fn test(node: &Node, name: &str, arguments: &[&str]) -> Output {
    let words = match (name, arguments) {
        ("[", [words @ .., "]"]) => words,
        ("[", _) => return Output::failure(2, "[: missing ]"),
        _ => arguments,
    };
    let negations = words.iter().take_while(|word| **word == "!").count();
    let (_, words) = words.split_at(negations);
    match holds(node, words) {
        Some(truth) => Output::truth(truth == (negations % 2 == 0)),
        None => unscripted(name, arguments),
    }
}

fn holds(node: &Node, words: &[&str]) -> Option<bool> {
    let at = |path: &str| entries(node).remove(&absolute(node, path));
    Some(match words {
        [] => false,
        [word] => !word.is_empty(),
        ["-n", word] => !word.is_empty(),
        ["-z", word] => word.is_empty(),
        ["-e" | "-r", path] => at(path).is_some(),
        ["-f", path] => matches!(at(path), Some(Entry::File(_))),
        ["-d" | "-x", path] => at(path) == Some(Entry::Directory),
        ["-b", path] => at(path) == Some(Entry::Device),
        ["-s", path] => matches!(at(path), Some(Entry::File(bytes)) if !bytes.is_empty()),
        [one, "=" | "==", other] => one == other,
        [one, "!=", other] => one != other,
        [one, operator, other] => compare(one.parse().ok()?, operator, other.parse().ok()?)?,
        _ => return None,
    })
}

fn compare(one: i64, operator: &str, other: i64) -> Option<bool> {
    Some(match operator {
        "-eq" => one == other,
        "-ne" => one != other,
        "-lt" => one < other,
        "-le" => one <= other,
        "-gt" => one > other,
        "-ge" => one >= other,
        _ => return None,
    })
}
