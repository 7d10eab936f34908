//! A cluster of three with the real etcd: the template's scripts and its `cluster.conf`, and certificates of the real authority,
//! in namespaces of this machine (tests/node/cluster.sh).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use cloudtop::clock::Clock;
use cloudtop::pki::{self, Certificate};
use cloudtop::templates::{Context, Member, Node, Receiver, Template, set_variables};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The members, as cluster.sh has them.
fn members() -> Vec<Member> {
    let member = |index: u32| Member {
        node: Node::of(&"core".parse().unwrap(), index, 3),
        address: Some(format!("10.77.0.{}", 10 + index)),
    };
    (0..3).map(member).collect()
}

/// Writes what a node is given over ssh.
fn give(member: &Member, members: &[Member], authority: &Path, directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    let addresses: [IpAddr; 1] = [member.address.as_ref().unwrap().parse().unwrap()];
    let files =
        [("ca.crt", Certificate::Ca), ("member.crt", Certificate::Certificate), ("member.key", Certificate::Key)];
    for (name, which) in files {
        let now = Clock::system().now();
        let text = pki::certificate(authority, &member.node.name, &addresses, which, now).unwrap();
        fs::write(directory.join(name), text).unwrap();
    }
    fs::write(directory.join("cluster.conf"), cluster_conf(member, members)).unwrap();
}

fn cluster_conf(member: &Member, members: &[Member]) -> String {
    let template = Template::load("etcd").unwrap();
    let context = Context {
        environment: "core".to_owned(),
        region: "us-east-1".to_owned(),
        nodes: 3,
        expires_at: None,
        idle_minutes: None,
        installation: "i".to_owned(),
        self_attach: false,
        variables: set_variables(&template, &BTreeMap::new()).unwrap(),
        volume: None,
    };
    let secrets = BTreeMap::from([("cluster_token".to_owned(), "5e".repeat(32))]);
    let receiver = Receiver { member, members, secrets: &secrets };
    template.render_delivered("parts/cluster.conf", &context, receiver).unwrap().text
}

/// Whether this machine has all that the test needs: root, namespaces and a network of one's own, and the programs.
fn has_stage() -> bool {
    let line = "PATH=/usr/sbin:/sbin:$PATH; set -e
        for program in etcd etcdctl openssl curl setpriv pgrep; do command -v $program; done
        id etcd
        unshare --mount --net --pid --fork sh -c \
            'ip link add name one type bridge && ip link add name two type veth peer name three'";
    let asked = Command::new("sh").args(["-c", line]).output();
    asked.is_ok_and(|done| done.status.success())
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that was not made must say so")]
fn a_cluster_of_three_forms_loses_members_and_has_them_back() {
    if !has_stage() {
        eprintln!("skipped: it needs root, namespaces, etcd-server, etcd-client, openssl, curl and iproute2");
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let (stage, members) = (temp.path(), members());
    for member in &members {
        give(member, &members, &stage.join("client"), &stage.join(&member.node.name).join("given"));
    }
    // Renewed: what was issued before is forgotten.
    fs::remove_file(stage.join("client/members/core-0.json")).unwrap();
    give(&members[0], &members, &stage.join("client"), &stage.join("renewed/core-0"));
    give(&members[0], &members, &stage.join("other"), &stage.join("stranger"));

    let scripts = format!("source {HERE}/tests/node/cluster.sh; source {HERE}/tests/node/etcd-scene.sh");
    let scene = format!("set -- {} {HERE}/templates/parts; {scripts}", stage.display());
    let played =
        Command::new("unshare").args(["--mount", "--net", "--propagation", "private", "bash", "-c", &scene]).output();
    let played = played.unwrap();
    let (told, failed) = (String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    assert!(played.status.success(), "{told}\n{failed}");
}
