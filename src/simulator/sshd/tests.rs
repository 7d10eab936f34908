//! The scripted answers, and the server against the real OpenSSH client.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::deliver::Delivered;
use super::script::{self, Node};
use super::{CloudInit, NodeFacts, host_public_key, serve_connection};

fn facts() -> NodeFacts {
    NodeFacts {
        instance_id: "i-0123456789abcdef0".to_owned(),
        hostname: "ip-172-31-5-9".to_owned(),
        users: vec!["ubuntu".to_owned()],
        authorized_keys: Vec::new(),
        seed: 7,
        private_ip: "172.31.5.9".to_owned(),
        public_ip: "198.51.100.7".to_owned(),
        instance_type: "c7g.xlarge".to_owned(),
        zone: "us-west-1a".to_owned(),
        region: "us-west-1".to_owned(),
        launched_at: "2026-11-21T07:00:00Z".parse().unwrap(),
        cloud_init: CloudInit::Done,
        volume_mounted: true,
        volume_gib: Some(100),
        notice: None,
        rebalance: None,
        user_data: b"#cloud-config\n".to_vec(),
        delivered: Delivered::default(),
    }
}

/// Standard output, standard error and exit status.
fn answer_of(facts: &NodeFacts, line: &str) -> (String, String, u32) {
    let node = Node { facts: Arc::new(facts.clone()), user: facts.users[0].clone() };
    let output = script::run(&node, line, 0).output;
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap(), output.code)
}

fn answer(line: &str) -> (String, String, u32) {
    answer_of(&facts(), line)
}

#[track_caller]
fn says(line: &str, stdout: &str, code: u32) {
    assert_eq!(answer(line), (stdout.to_owned(), String::new(), code), "{line}");
}

#[test]
fn lists_are_carried_out_as_the_shell_does() {
    says("true && echo yes || echo no", "yes\n", 0);
    says("false && echo yes || echo no", "no\n", 0);
    says("false; echo $?; true; echo \"$?\"", "1\n0\n", 0);
    says("! false && echo turned", "turned\n", 0);
    says("echo a &&\n echo b # and no more\n", "a\nb\n", 0);
    says("echo one; exit 3; echo two", "one\n", 3);
    says("sh -c 'exit 4'; echo $?", "4\n", 0);
    says("bash -lc 'false'", "", 1);
    says("exit 257", "", 1);
    says("", "", 0);
}

#[test]
fn quotes_variables_and_redirections_are_understood() {
    says(r#"echo 'a  $HOME' "b  $USER" c\ d"#, "a  $HOME b  ubuntu c d\n", 0);
    says("echo ~ ~/persistent '~' a~ ${HOME}x", "/home/ubuntu /home/ubuntu/persistent ~ a~ /home/ubuntux\n", 0);
    says("nosuch 2>/dev/null; echo $?", "127\n", 0);
    says("nosuch >/dev/null 2>&1 || echo caught", "caught\n", 0);
    says("nosuch &>/dev/null", "", 127);
    says("echo hidden > /dev/null; echo 2", "2\n", 0);
    says("X=1 sudo -n -u root timeout 5 env A=b whoami", "root\n", 0);
    says("printf '%s-%d%%\\n' a 1 b 2; echo -n x", "a-1%\nb-2%\nx", 0);
    assert_eq!(answer("echo lost >&2"), (String::new(), "lost\n".to_owned(), 0));
}

#[test]
fn what_is_not_understood_fails_and_says_so() {
    for line in [
        "echo a | cat",
        "echo $(id)",
        "echo `id`",
        "echo a > file",
        "sleep 1 &",
        "echo 'a",
        "&& true",
        "true &&",
        "cat < x",
    ] {
        let (stdout, stderr, code) = answer(line);
        assert_eq!((stdout.as_str(), code), ("", 2), "{line}");
        assert!(stderr.contains("simulated"), "{line}: {stderr}");
    }
    let complaint = "reboot: not found (this node is simulated: it answers only scripted commands)\n";
    assert_eq!(answer("sudo reboot"), (String::new(), complaint.to_owned(), 127));
    assert_eq!(answer("systemctl restart docker").2, 2);
}

#[test]
fn a_long_or_odd_line_does_no_harm() {
    for part in ["! ", "sudo ", "sh -c ", "env ", "test ! ", "\\", "\"$", "${", ">", "a=", "~", "é"] {
        answer(&part.repeat(20_000));
    }
    says(&format!("[ {} a ]", "! ".repeat(20_000)), "", 0);
}

#[test]
fn the_machine_is_that_of_the_facts() {
    says("uname", "Linux\n", 0);
    says(
        "uname -m; nproc; hostname; whoami; id -un; pwd",
        "aarch64\n4\nip-172-31-5-9\nubuntu\nubuntu\n/home/ubuntu\n",
        0,
    );
    says("uname -srm", "Linux 7.0.0-1012-aws aarch64\n", 0);
    says("uptime -s", "2026-11-21 07:00:00\n", 0);
    says("cat /etc/hostname /var/lib/cloud/instance/user-data.txt", "ip-172-31-5-9\n#cloud-config\n", 0);
    let data: serde_json::Value = serde_json::from_str(&answer("cat /run/cloud-init/instance-data.json").0).unwrap();
    assert_eq!(
        (&data["v1"]["region"], &data["ds"]["meta_data"]["public-ipv4"]),
        (&"us-west-1".into(), &"198.51.100.7".into())
    );
    let intel = NodeFacts { instance_type: "c7i.large".to_owned(), ..facts() };
    assert_eq!(answer_of(&intel, "uname -m; nproc").0, "x86_64\n2\n");
}

#[test]
fn ready_stands_exactly_when_cloud_init_is_done() {
    let running = NodeFacts { cloud_init: CloudInit::Running, ..facts() };
    let line = "test -e /run/cloudtop/ready && [ -f /run/cloudtop/ready ]; echo $?; ls /run/cloudtop";
    assert_eq!(answer(line).0, "0\nready\n");
    assert_eq!(answer_of(&running, line).0, "1\n");
}

#[test]
fn cloud_init_answers_as_the_real_one() {
    let running = NodeFacts { cloud_init: CloudInit::Running, ..facts() };
    says("cloud-init status", "status: done\n", 0);
    says("cloud-init status --wait", "status: done\n", 0);
    assert_eq!(answer_of(&running, "cloud-init status"), ("status: running\n".to_owned(), String::new(), 0));
    for line in ["cloud-init status --wait", "cloud-init status -w"] {
        assert_eq!(answer_of(&running, line).2, 1, "a wait that cannot be waited for is no success");
    }
    let json: serde_json::Value = serde_json::from_str(&answer("cloud-init status --format json").0).unwrap();
    assert_eq!((json["status"].as_str(), json["errors"].as_array().unwrap().len()), (Some("done"), 0));
    assert!(answer("cloud-init status --long").0.contains("\ndetail: DataSourceEc2Local\n"));
    let flatcar = NodeFacts { users: vec!["core".to_owned()], ..facts() };
    assert_eq!(answer_of(&flatcar, "cloud-init status").2, 127);
}

#[test]
fn the_volume_is_seen_where_it_is() {
    says("mountpoint -q ~/persistent", "", 0);
    says("findmnt -n -o SOURCE,FSTYPE /home/ubuntu/persistent", "/dev/nvme1n1 ext4\n", 0);
    says("test -b /dev/xvdj && ls ~/persistent", "lost+found\n", 0);
    assert!(answer("lsblk").0.contains("nvme1n1        100G disk /home/ubuntu/persistent\n"), "{}", answer("lsblk").0);
    assert!(answer("df -h ~/persistent").0.ends_with("/dev/nvme1n1 100G 24K 99.9G 0% /home/ubuntu/persistent\n"));
    let bare = NodeFacts { volume_mounted: false, ..facts() };
    assert_eq!(answer_of(&bare, "mountpoint -q /tmp").2, 32);
    assert_eq!(answer_of(&bare, "mountpoint -q ~/persistent").2, 1);
    assert_eq!(answer_of(&bare, "test -d ~/persistent; echo $?; findmnt ~/persistent; test -b /dev/xvdj").0, "1\n");
    let old = NodeFacts { instance_type: "c3.large".to_owned(), ..facts() };
    assert!(answer_of(&old, "lsblk").0.contains("\nxvdj "));
}

#[test]
fn services_come_up_with_the_node() {
    let running = NodeFacts { cloud_init: CloudInit::Running, ..facts() };
    says(
        "systemctl is-system-running; systemctl is-active ssh docker.service nosuch",
        "running\nactive\nactive\ninactive\n",
        0,
    );
    says("systemctl is-active --quiet nosuch", "", 3);
    assert_eq!(answer_of(&running, "systemctl is-system-running").2, 1);
    assert_eq!(answer_of(&running, "systemctl is-active docker"), ("activating\n".to_owned(), String::new(), 3));
    says("curl -fsS http://127.0.0.1:2379/health", r#"{"health":"true","reason":""}"#, 0);
    assert_eq!(answer("curl -s http://example.com/").2, 7);
    let told = NodeFacts {
        notice: Some(("stop", "2026-11-21T12:02:00Z".parse().unwrap())),
        rebalance: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        ..facts()
    };
    let ask = |facts: &NodeFacts, path: &str| {
        answer_of(facts, &format!("curl -sf http://169.254.169.254/latest/meta-data/{path}"))
    };
    assert_eq!(ask(&told, "spot/instance-action").0, r#"{"action":"stop","time":"2026-11-21T12:02:00Z"}"#);
    assert_eq!(ask(&told, "events/recommendations/rebalance").0, r#"{"noticeTime":"2026-11-21T12:00:00Z"}"#);
    assert_eq!(ask(&facts(), "spot/instance-action").2, 22);
    assert_eq!(answer("etcdctl --write-out=simple endpoint health").2, 0);
    assert_eq!(answer_of(&running, "etcdctl endpoint health").2, 1);
    assert!(answer("etcdctl member list").0.contains(", started, ip-172-31-5-9, http://172.31.5.9:2380,"));
}

#[test]
fn a_host_key_belongs_to_one_instance_of_one_world() {
    let key = host_public_key(7, "i-1");
    assert_eq!(key, host_public_key(7, "i-1"));
    assert_ne!(key, host_public_key(7, "i-2"));
    assert_ne!(key, host_public_key(8, "i-1"));
    assert!(russh::keys::PublicKey::from_openssh(&key).is_ok());
}

/// A node that listens on loopback, and what OpenSSH needs to reach it.
struct Listening {
    directory: TempDir,
    port: u16,
}

impl Listening {
    /// Starts serving; the node lets `key` in and is pinned by its host key.
    async fn start(mut facts: NodeFacts) -> Self {
        let directory = tempfile::tempdir().unwrap();
        facts.authorized_keys = vec![new_key(directory.path(), "key").await];
        new_key(directory.path(), "stranger").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pin = format!("[127.0.0.1]:{port} {}\n", host_public_key(facts.seed, &facts.instance_id));
        std::fs::write(directory.path().join("known_hosts"), pin).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_connection(stream, facts.clone(), Arc::new(|_| {})));
            }
        });
        Self { directory, port }
    }

    fn ssh(&self, key: &str, destination: &str, more: &[&str]) -> Command {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let mut command = Command::new("/usr/bin/ssh");
        command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).kill_on_drop(true);
        command.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]);
        command.args(["-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null"]);
        command.args(["-o", &format!("UserKnownHostsFile={}", path("known_hosts")), "-i", &path(key)]);
        command.args(["-p", &self.port.to_string(), "-o", &format!("ControlPath={}", path("mux"))]);
        command.args(more).arg(destination);
        command
    }

    /// Runs a command on the node: standard output, standard error, exit status.
    async fn run(&self, line: &str) -> (String, String, Option<i32>) {
        finished(self.ssh("key", "ubuntu@127.0.0.1", &[]).args(["--", line]), "").await
    }
}

async fn new_key(directory: &Path, name: &str) -> String {
    let path = directory.join(name);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&path);
    assert!(command.status().await.unwrap().success());
    std::fs::read_to_string(path.with_extension("pub")).unwrap()
}

async fn finished(command: &mut Command, input: &str) -> (String, String, Option<i32>) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command may end before it has read anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[tokio::test]
async fn openssh_gets_output_and_exit_status() {
    let node = Listening::start(facts()).await;
    assert_eq!(node.run("uname").await, ("Linux\n".to_owned(), String::new(), Some(0)));
    assert_eq!(node.run("false").await, (String::new(), String::new(), Some(1)));
    assert_eq!(node.run("echo out; echo err >&2; exit 42").await, ("out\n".to_owned(), "err\n".to_owned(), Some(42)));
    let (_, stderr, code) = node.run("nosuch").await;
    assert!(stderr.contains("nosuch: not found (this node is simulated"), "{stderr}");
    assert_eq!(code, Some(127));
}

#[tokio::test]
async fn openssh_gets_user_data_of_the_largest_size_whole() {
    let user_data = vec![b'x'; 16 * 1024];
    let node = Listening::start(NodeFacts { user_data: user_data.clone(), ..facts() }).await;
    let (stdout, _, code) = node.run("sudo cat /var/lib/cloud/instance/user-data.txt").await;
    assert_eq!((stdout.as_bytes(), code), (user_data.as_slice(), Some(0)));
}

#[tokio::test]
async fn a_strange_key_and_a_strange_user_are_refused() {
    let node = Listening::start(facts()).await;
    for (key, destination) in [("stranger", "ubuntu@127.0.0.1"), ("key", "root@127.0.0.1")] {
        let (_, stderr, code) = finished(node.ssh(key, destination, &[]).args(["--", "true"]), "").await;
        assert!(stderr.contains("Permission denied (publickey)"), "{stderr}");
        assert_eq!(code, Some(255));
    }
}

#[tokio::test]
async fn another_instance_at_the_same_address_is_a_changed_host_key() {
    let (one, other) = (Listening::start(facts()).await, "i-0fedcba9876543210");
    let pin = format!("[127.0.0.1]:{} {}\n", one.port, host_public_key(7, other));
    std::fs::write(one.directory.path().join("known_hosts"), pin).unwrap();
    let (_, stderr, code) = one.run("true").await;
    assert!(stderr.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{stderr}");
    assert_eq!(code, Some(255));
}

#[tokio::test]
async fn a_person_at_a_terminal_is_greeted_and_leaves_with_exit() {
    let node = Listening::start(facts()).await;
    let typed = "unamx\x7fe\r\x1b[Ahostname\rexit 3\r";
    let (stdout, _, code) = finished(&mut node.ssh("key", "ubuntu@127.0.0.1", &["-tt"]), typed).await;
    assert!(
        stdout.starts_with("This is a simulated node (i-0123456789abcdef0, c7g.xlarge in us-west-1a)."),
        "{stdout}"
    );
    assert!(stdout.contains("ubuntu@ip-172-31-5-9 (simulated):~$ unamx\x08 \x08e\r\nLinux\r\n"), "{stdout}");
    assert!(stdout.contains("\r\nip-172-31-5-9\r\n"), "{stdout}");
    assert_eq!(code, Some(3));
}

#[tokio::test]
async fn lines_from_a_pipe_are_carried_out_until_it_ends() {
    let node = Listening::start(facts()).await;
    let lines = "hostname\nnosuch 2>/dev/null\necho $?\nfalse";
    let answer = finished(&mut node.ssh("key", "ubuntu@127.0.0.1", &["-T"]), lines).await;
    assert_eq!(answer, ("ip-172-31-5-9\n127\n".to_owned(), String::new(), Some(1)));
}

#[tokio::test]
async fn many_connections_at_once_and_many_channels_of_one_are_served() {
    let node = Listening::start(facts()).await;
    let runs: Vec<_> = (0..12)
        .map(|number| {
            let mut command = node.ssh("key", "ubuntu@127.0.0.1", &[]);
            command.arg("--").arg(format!("exit {number}"));
            tokio::spawn(async move { finished(&mut command, "").await.2 })
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        assert_eq!(run.await.unwrap(), Some(i32::try_from(number).unwrap()));
    }
    let shared = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60"];
    for number in 1..4 {
        let line = format!("exit {number}");
        let mut command = node.ssh("key", "ubuntu@127.0.0.1", &shared);
        // The master that stays behind would keep the pipes of its outputs open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        assert_eq!(command.args(["--", &line]).status().await.unwrap().code(), Some(number));
    }
    let (_, stderr, _) = finished(&mut node.ssh("key", "ubuntu@127.0.0.1", &["-O", "exit"]), "").await;
    assert!(stderr.contains("Exit request sent"), "{stderr}");
}
