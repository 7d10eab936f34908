//! What the templates' own scripts say on a simulated node. Nothing of them is run: their words are worked out from the
//! user data and from what EC2 shows.

use std::io::Read as _;

use super::commands::{line, unscripted};
use super::disks;
use super::script::{Node, Output};
use super::services::UTC;
use super::{CloudInit, NodeFacts};

/// The most user data that is unpacked, bytes.
const MOST_UNPACKED: u64 = 1 << 20;

/// The files in which the scripts keep how they stand: path and text.
pub(super) fn reports(node: &Node) -> Vec<(&'static str, String)> {
    let facts = &node.facts;
    let user_data = user_data(facts);
    let mut reports = Vec::new();
    if user_data.contains("/opt/cloudtop/volume") {
        reports.push(("/run/cloudtop/volume", format!("{}\n", volume(node))));
    }
    if let Some((action, at)) = facts.notice {
        let notice = format!("EC2 takes this instance away at {} ({action})\n", at.strftime(UTC));
        reports.push(("/run/cloudtop/interruption", notice));
    }
    if facts.cloud_init == CloudInit::Running {
        return reports;
    }
    if user_data.contains("/opt/cloudtop/idle") {
        reports.push(("/run/cloudtop/idle", "in use: it has just started\n".to_owned()));
    }
    if user_data.contains("/opt/cloudtop/tools") {
        reports.push(("/run/cloudtop/tools", tools(facts, &user_data)));
    }
    reports
}

fn user_data(facts: &NodeFacts) -> String {
    let mut text = Vec::new();
    let unpacked = flate2::read::GzDecoder::new(facts.user_data.as_slice()).take(MOST_UNPACKED).read_to_end(&mut text);
    String::from_utf8_lossy(if unpacked.is_ok() { &text } else { &facts.user_data }).into_owned()
}

fn volume(node: &Node) -> String {
    match node.facts.volume_mounted {
        true => format!("the volume is mounted at {}", disks::mount_path(node)),
        false => "waiting for the volume".to_owned(),
    }
}

/// All went well, but for servers in `.invalid`, a domain that never resolves (RFC 2606).
fn tools(facts: &NodeFacts, user_data: &str) -> String {
    let results: Vec<String> = listed(user_data)
        .iter()
        .filter_map(|item| {
            let mut words = item.split_whitespace();
            let (kind, url) = words.next().zip(words.next())?;
            let host = url.split('/').nth(2).unwrap_or_default();
            Some(match host.ends_with(".invalid") {
                true => format!("failed {kind} {url}: Could not resolve host: {host}\n"),
                false => format!("ok {kind} {url}: done\n"),
            })
        })
        .collect();
    let at = facts.launched_at.strftime(UTC);
    let exit = u32::from(results.iter().any(|result| result.starts_with("failed")));
    format!("state done\nstarted {at}\nended {at}\nexit {exit}\n{}", results.concat())
}

/// The lines of /etc/cloudtop/tools, as the user data writes them.
fn listed(user_data: &str) -> Vec<&str> {
    let block = user_data.split("  - path: /etc/cloudtop/tools\n    content: |\n").nth(1).unwrap_or_default();
    block.lines().map_while(|line| line.strip_prefix("      ")).collect()
}

/// `idle why` and `idle awake TIME`. A node is worked out anew for each question, so it does not stay awake.
pub(super) fn idle(node: &Node, arguments: &[&str]) -> Output {
    let why = reports(node).into_iter().find(|(path, _)| path.ends_with("/idle")).map(|(_, text)| text);
    match (why, arguments) {
        (None, _) => Output::failure(127, "sudo: /opt/cloudtop/idle: command not found"),
        (Some(why), ["why"]) => Output::text(why),
        (Some(_), ["awake", time]) if *time == "off" || time.ends_with(['h', 'm']) => Output::default(),
        _ => unscripted("idle", arguments),
    }
}

/// `journalctl -u UNIT... -n LINES`, of the templates' units and of cloud-init. It does not follow: it ends.
pub(super) fn journalctl(node: &Node, arguments: &[&str]) -> Output {
    let (mut units, mut lines, mut words) = (Vec::<&str>::new(), usize::MAX, arguments.iter());
    while let Some(word) = words.next() {
        match *word {
            "-u" => units.extend(words.next()),
            "-n" => lines = words.next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX),
            "-o" => {
                words.next();
            }
            "-f" | "-q" | "--no-pager" => {}
            _ => return unscripted("journalctl", arguments),
        }
    }
    let wanted = |unit: &str| {
        units.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => unit.starts_with(start),
            None => unit == *name,
        })
    };
    let entries: Vec<String> = journal(node)
        .into_iter()
        .filter(|(unit, _)| units.is_empty() || wanted(unit))
        .map(|(unit, message)| {
            let at = node.facts.launched_at.strftime("%Y-%m-%dT%H:%M:%S+0000");
            format!("{at} {} {unit}[1]: {message}", node.facts.hostname)
        })
        .collect();
    let older = entries.len().saturating_sub(lines);
    let entries: Vec<String> = entries.into_iter().skip(older).collect();
    if entries.is_empty() { Output::default() } else { line(&entries.join("\n")) }
}

/// Units and what they have said, the oldest first.
fn journal(node: &Node) -> Vec<(&'static str, String)> {
    let mut journal = vec![("cloudtop-ephemeral", "this instance type has no instance store".to_owned())];
    for (path, text) in reports(node) {
        let unit = match path.rsplit('/').next() {
            Some("volume") => "cloudtop-volume",
            Some("interruption") => "cloudtop-interrupt",
            Some("idle") => "cloudtop-idle",
            _ => "cloudtop-tools",
        };
        journal.extend(text.lines().map(|line| (unit, line.to_owned())));
    }
    for (path, unit) in
        [("/etc/cloudtop/etcd/cluster.conf", "cloudtop-etcd"), ("/etc/rancher/k3s/config.yaml", "cloudtop-k3s")]
    {
        if node.facts.delivered.files.contains_key(path) {
            journal.push((unit, "started".to_owned()));
        }
    }
    let done = node.facts.cloud_init == CloudInit::Done;
    let state = if done { "finished. Datasource DataSourceEc2Local." } else { "running 'modules:final'" };
    journal.push(("cloud-final", format!("Cloud-init v. 26.1 {state}")));
    journal
}
