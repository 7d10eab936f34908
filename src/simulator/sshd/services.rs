//! The services of a simulated node: cloud-init, systemd, etcd and Docker, as their clients show them.

use serde_json::json;

use super::CloudInit;
use super::commands::{line, unscripted};
use super::script::{Node, Output};
use crate::simulator::chance;

fn is_done(node: &Node) -> bool {
    node.facts.cloud_init == CloudInit::Done
}

/// `cloud-init status`, which ends with 0 both while it is running and when it is done.
pub(super) fn cloud_init(node: &Node, arguments: &[&str]) -> Output {
    let (status, detail) = (if is_done(node) { "done" } else { "running" }, "DataSourceEc2Local");
    let updated = node.facts.launched_at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let answer = match arguments {
        ["status"] | ["status", "--wait" | "-w"] => line(&format!("status: {status}")),
        ["status", "--long" | "-l"] | ["status", "--wait", "--long"] => line(&format!(
            "status: {status}\nextended_status: {status}\nboot_status_code: enabled-by-generator\n\
             last_update: {updated}\ndetail: {detail}\nerrors: []\nrecoverable_errors: {{}}"
        )),
        ["status", "--format", "json"] | ["status", "--format=json"] | ["status", "--wait", "--format", "json"] => {
            let answer = json!({
                "boot_status_code": "enabled-by-generator", "datasource": "ec2", "detail": detail, "errors": [],
                "extended_status": status, "last_update": updated, "recoverable_errors": {}, "status": status,
            });
            line(&format!("{answer:#}"))
        }
        ["--version"] => line("/usr/bin/cloud-init 26.1"),
        _ => unscripted("cloud-init", arguments),
    };
    let waits = arguments.iter().any(|word| matches!(*word, "--wait" | "-w"));
    if waits && !is_done(node) {
        // A connection sees the node as it was when it began, so it can never see the end: better a failure than a
        // success that would be taken for it.
        let complaint = b"cloud-init: this node is simulated: it does not wait; ask again\n".to_vec();
        return Output { stderr: complaint, code: 1, ..answer };
    }
    answer
}

pub(super) fn systemctl(node: &Node, arguments: &[&str]) -> Output {
    match arguments {
        ["is-system-running"] if is_done(node) => line("running"),
        ["is-system-running"] => Output { code: 1, ..line("starting") },
        ["is-active", rest @ ..] => is_active(node, rest),
        _ => unscripted("systemctl", arguments),
    }
}

/// Exit status 0 if one of the units is active, else 3, as systemd has it.
fn is_active(node: &Node, arguments: &[&str]) -> Output {
    let (options, units): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with('-'));
    let states: Vec<&str> = units.iter().map(|unit| unit_state(node, unit)).collect();
    let code = if states.contains(&"active") { 0 } else { 3 };
    if options.contains(&"--quiet") || options.contains(&"-q") || states.is_empty() {
        return Output::code(code);
    }
    Output { code, ..line(&states.join("\n")) }
}

fn unit_state(node: &Node, unit: &str) -> &'static str {
    let late = if is_done(node) { "active" } else { "activating" };
    match unit.strip_suffix(".service").unwrap_or(unit) {
        "ssh" | "sshd" | "sshd.socket" | "ssh.socket" => "active",
        "cloud-init.target" | "cloud-final" | "docker" | "containerd" | "etcd" | "etcd-member" => late,
        cloudtop if cloudtop.starts_with("cloudtop") => late,
        _ => "inactive",
    }
}

/// A cluster of this one node: the facts know of no other.
pub(super) fn etcdctl(node: &Node, arguments: &[&str]) -> Output {
    let words: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).collect();
    if !is_done(node) {
        return Output::failure(1, "127.0.0.1:2379 is unhealthy: failed to connect: connection refused");
    }
    let (name, ip) = (&node.facts.hostname, &node.facts.private_ip);
    match words.as_slice() {
        ["endpoint", "health"] => line("127.0.0.1:2379 is healthy: successfully committed proposal: took = 1.604ms"),
        ["member", "list"] => {
            let member = chance::draw(node.facts.seed, &["etcd member", &node.facts.instance_id]);
            line(&format!("{member:016x}, started, {name}, http://{ip}:2380, http://{ip}:2379, false"))
        }
        _ => unscripted("etcdctl", arguments),
    }
}

/// The etcd template's own script: every member is there as soon as this one was told of the others.
pub(super) fn etcd(node: &Node, arguments: &[&str]) -> Output {
    let told = node.facts.delivered.files.contains_key("/etc/cloudtop/etcd/cluster.conf");
    match arguments {
        ["refresh"] => Output::default(),
        ["ready"] if told && is_done(node) => line("all members are healthy"),
        ["ready"] if told => Output { code: 1, ..line("etcd has not started yet") },
        ["ready"] => {
            let waits = "waiting for the cluster's addresses and certificates: they come over ssh";
            Output { code: 1, ..line(waits) }
        }
        ["ctl", arguments @ ..] => etcdctl(node, arguments),
        _ => unscripted("etcd", arguments),
    }
}

/// The `k3s` template's own script: a node is in the cluster once it has been given its part in it.
pub(super) fn k3s(node: &Node, arguments: &[&str]) -> Output {
    let given = node.facts.delivered.files.contains_key("/etc/rancher/k3s/config.yaml");
    match arguments {
        ["ready", _] if given && is_done(node) => Output::default(),
        ["ready", _] => Output { code: 1, ..line("k3s waits for its configuration") },
        ["kubeconfig"] if given => line(
            &json!({
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{ "name": "default", "cluster": {
                    "server": "https://127.0.0.1:6443", "certificate-authority-data": "c2ltdWxhdGVk",
                } }],
                "users": [{ "name": "default", "user": { "client-key-data": "c2ltdWxhdGVk" } }],
                "contexts": [{ "name": "default", "context": { "cluster": "default", "user": "default" } }],
                "current-context": "default",
            })
            .to_string(),
        ),
        ["kubeconfig"] => Output::failure(1, "/usr/local/bin/k3s: not found"),
        _ => unscripted("k3s", arguments),
    }
}

pub(super) fn docker(node: &Node, arguments: &[&str]) -> Output {
    if !is_done(node) {
        let complaint =
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
        return Output::failure(1, complaint);
    }
    match arguments {
        ["ps"] | ["ps", "-a"] => line("CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES"),
        ["ps", "-q" | "-aq"] => Output::default(),
        ["info"] => line(&format!(
            "Containers: 0\nImages: 0\nServer Version: 28.5.2 (simulated)\nArchitecture: {}\nName: {}",
            node.machine(),
            node.facts.hostname
        )),
        _ => unscripted("docker", arguments),
    }
}

/// The templates' own script; nothing runs here that could hold the volume.
pub(super) fn interrupt(arguments: &[&str]) -> Output {
    match arguments {
        ["rehearse"] => line(
            "rehearsing: an interruption would come in two minutes\n\
             the volume is written back; what would be ended before it is unmounted: nothing",
        ),
        _ => unscripted("interrupt", arguments),
    }
}

/// `curl` of etcd's health, and of what the instance metadata tells of spot; nothing else listens here.
pub(super) fn curl(node: &Node, arguments: &[&str]) -> Output {
    let urls: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let [url] = urls.as_slice() else { return unscripted("curl", arguments) };
    let address = url.strip_prefix("http://").unwrap_or(url);
    if is_done(node) && matches!(address, "127.0.0.1:2379/health" | "localhost:2379/health") {
        return Output::text(r#"{"health":"true","reason":""}"#);
    }
    if let Some(path) = address.strip_prefix("169.254.169.254/latest/meta-data/") {
        return metadata(node, path);
    }
    let host = address.split('/').next().unwrap_or_default();
    Output::failure(
        7,
        format_args!("curl: (7) Failed to connect to {host}: Connection refused (this node is simulated)"),
    )
}

/// What EC2 tells the instance of its end (EC2 user guide, "Spot Instance interruption notices" and "EC2 instance rebalance
/// recommendations"). Nothing told is a 404.
fn metadata(node: &Node, path: &str) -> Output {
    let told = match path {
        "spot/instance-action" => {
            node.facts.notice.map(|(action, at)| json!({ "action": action, "time": at.strftime(UTC).to_string() }))
        }
        "events/recommendations/rebalance" => {
            node.facts.rebalance.map(|at| json!({ "noticeTime": at.strftime(UTC).to_string() }))
        }
        _ => None,
    };
    match told {
        Some(told) => Output::text(told.to_string()),
        None => Output::failure(22, "curl: (22) The requested URL returned error: 404"),
    }
}

/// How the metadata writes an instant.
pub(super) const UTC: &str = "%Y-%m-%dT%H:%M:%SZ";
