//! The ssh room against the real OpenSSH: sshd on loopback, ssh-agent, and ssh's own reading of our configuration.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloudtop::delivery::{Parcel, Secret, wire};
use cloudtop::domain::said::{self, Said};
use cloudtop::ssh::command::ssh_argv;
use cloudtop::ssh::copy::{End, copy};
use cloudtop::ssh::host_keys::forget_host_key;
use cloudtop::ssh::include::add_include;
use cloudtop::ssh::keys::{self, Origin};
use cloudtop::ssh::managed_config::write_environment;
use cloudtop::ssh::readiness::{CheckResult, banner, check, tell};
use cloudtop::ssh::run::{Ended, Output, capture, exec};
use cloudtop::ssh::stream::{Stream, stream};
use cloudtop::ssh::{HostEntry, KeySearch, SshDir, SshError, SshOptions};

const PATIENCE: Duration = Duration::from_secs(30);
const ALIAS: &str = "cloudtop-dev";

/// A program that ends with its handle.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with a user's key, the managed folder (with a space in its path), and what the sshds need.
struct World {
    root: tempfile::TempDir,
    dir: SshDir,
    key: PathBuf,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = SshDir::new(&root.path().join("my tools")).unwrap();
        let key = keygen(&root.path().join("user key"));
        Self { root, dir, key }
    }

    /// The managed configuration's one host: this machine, as that instance.
    fn host(&self, port: u16, instance: &str) -> HostEntry {
        HostEntry {
            alias: ALIAS.to_owned(),
            environment: "dev".to_owned(),
            host_name: "127.0.0.1".to_owned(),
            port,
            user: user(),
            identity_file: Some(self.key.clone()),
            host_key_alias: instance.to_owned(),
            proxy_command: None,
        }
    }

    fn point_to(&self, port: u16, instance: &str) {
        write_environment(&self.dir, "dev", &[self.host(port, instance)]).unwrap();
    }

    /// Starts an sshd that lets the user's key in, with a host key of that name, and waits until it answers.
    async fn sshd(&self, host_key: &str, port: Option<u16>) -> (Running, u16) {
        let key = self.root.path().join(host_key);
        if !key.exists() {
            keygen(&key);
        }
        let config = self.root.path().join(format!("{host_key}.conf"));
        let authorized = self.root.path().join("authorized_keys");
        fs::copy(self.key.with_extension("pub"), &authorized).unwrap();
        let text = format!(
            "ListenAddress 127.0.0.1\nHostKey \"{}\"\nAuthorizedKeysFile \"{}\"\nStrictModes no\nUsePAM no\n\
             PidFile none\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
             SetEnv CLOUDTOP_KEPT={}\nSubsystem sftp internal-sftp\n",
            key.display(),
            authorized.display(),
            self.root.path().join("kept").display()
        );
        fs::write(&config, text).unwrap();
        // A port that was free a moment ago may be taken by the time sshd binds it.
        for _ in 0..5 {
            let port = port.unwrap_or_else(free_port);
            if let Some(running) = self.start(&config, port).await {
                return (running, port);
            }
        }
        panic!("sshd did not start: {}", fs::read_to_string(self.root.path().join("sshd.log")).unwrap());
    }

    async fn start(&self, config: &Path, port: u16) -> Option<Running> {
        let log = File::create(self.root.path().join("sshd.log")).unwrap();
        let mut command = Command::new(sshd_path());
        command.args(["-D", "-e", "-p", &port.to_string(), "-f"]).arg(config);
        let mut sshd = Running(command.stdin(Stdio::null()).stderr(log).spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && sshd.0.try_wait().unwrap().is_none() {
            if banner("127.0.0.1", port, PATIENCE).await.is_ok() {
                return Some(sshd);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    async fn run(&self, command: &[&str]) -> Result<Output, SshError> {
        capture(&self.dir, ALIAS, &SshOptions::default(), &words(command), PATIENCE).await
    }

    /// Says something to the program that takes files; its exit code and what it prints.
    async fn deliver(&self, said: Vec<u8>) -> (u8, String) {
        let command = [wire::command("root")];
        match tell(&self.dir, ALIAS, &SshOptions::default(), &command, Some(said), PATIENCE).await {
            CheckResult::Answered { code, output } => (code, output.trim().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    /// What it has of these files, and what is sent for want of them.
    async fn shipment(&self, parcels: &[Parcel], done: &str) -> Option<Vec<u8>> {
        let (code, output) = self.deliver(wire::question()).await;
        assert_eq!(code, 0, "{output}");
        wire::read_answer(&output).shipment(parcels, Some(done))
    }

    fn parcel(&self, path: &str, owner: &str, content: impl Into<Vec<u8>>) -> Parcel {
        let (path, owner) = (self.root.path().join(path).display().to_string(), owner.to_owned());
        Parcel { path, mode: 0o640, owner, content: Secret::new(content), of_template: true }
    }

    async fn check(&self, command: &[&str]) -> CheckResult {
        check(&self.dir, ALIAS, &SshOptions::default(), &words(command), PATIENCE).await
    }
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

/// sshd starts itself again for each connection and therefore wants to be called by its full path.
fn sshd_path() -> &'static str {
    let places = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
    let found = places.into_iter().find(|path| Path::new(path).exists());
    let path = found.expect("these tests need OpenSSH's server: `apt-get install openssh-server`");
    if user() == "root" {
        // Debian's unit file makes this folder; run by root, sshd refuses to start without it.
        fs::create_dir_all("/run/sshd").unwrap();
    }
    path
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn keygen(path: &Path) -> PathBuf {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    assert!(command.status().unwrap().success());
    path.to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// What ssh itself makes of a configuration file, as `name value` lines.
fn read_by_ssh(config: &Path) -> Vec<String> {
    let output = Command::new("ssh").arg("-G").arg("-F").arg(config).arg(ALIAS).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_real_server_says_who_it_is() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    let banner = banner("127.0.0.1", port, PATIENCE).await.unwrap();
    assert!(banner.0.starts_with("SSH-2.0-OpenSSH_"), "{}", banner.0);
}

#[tokio::test]
async fn a_commands_output_and_exit_code_come_back() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    for (command, code) in [("true", 0), ("false", 1), ("exit 42", 42)] {
        assert_eq!(world.run(&[command]).await.unwrap().status, Ended::Exited(code), "{command}");
    }
    let output = world.run(&["echo", "to  stdout;", "echo to stderr >&2"]).await.unwrap();
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("to stdout\n", "to stderr\n"));
    assert_eq!(world.run(&["cat"]).await.unwrap().stdout, "", "standard input must be empty");

    let exit = words(&["exit", "42"]);
    assert_eq!(exec(&world.dir, ALIAS, &SshOptions::default(), &exit).await.unwrap(), Ended::Exited(42));
}

#[tokio::test]
async fn a_command_that_does_not_end_is_given_up() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    // sshd lets a command without a terminal run on after its client is gone, so it must be a short one.
    let sleep = words(&["sleep", "10"]);
    let result = capture(&world.dir, ALIAS, &SshOptions::default(), &sleep, Duration::from_secs(1)).await;
    assert!(matches!(result, Err(SshError::TimedOut { .. })), "{result:?}");
}

#[tokio::test]
async fn readiness_is_told_with_the_machines_own_reason() {
    let world = World::new();
    let (sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    assert!(matches!(world.check(&["true"]).await, CheckResult::Answered { code: 0, .. }));

    let result = world.check(&["echo status: running; echo; exit 2"]).await;
    assert!(
        matches!(&result, CheckResult::Answered { code: 2, output } if output.trim() == "status: running"),
        "{result:?}"
    );

    drop(sshd);
    let result = world.check(&["true"]).await;
    assert!(matches!(&result, CheckResult::NotYet { reason } if reason.contains("refused")), "{result:?}");
    assert_eq!(world.run(&["true"]).await.unwrap().status, Ended::NoConnection);
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_refused() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    let other = keygen(&world.root.path().join("other"));
    let host = HostEntry { identity_file: Some(other), ..world.host(port, "i-0a") };
    write_environment(&world.dir, "dev", &[host]).unwrap();
    let result = world.check(&["true"]).await;
    assert!(matches!(&result, CheckResult::KeyRefused { reason } if reason.contains("publickey")), "{result:?}");
}

#[tokio::test]
async fn a_host_key_is_pinned_to_the_instance_and_not_to_the_address() {
    let world = World::new();
    let (first, port) = world.sshd("first", None).await;
    world.point_to(port, "i-0a");
    assert_eq!(world.run(&["true"]).await.unwrap().status, Ended::Exited(0));

    drop(first);
    let (_second, _) = world.sshd("second", Some(port)).await;
    let error = world.run(&["true"]).await.unwrap_err();
    assert!(matches!(&error, SshError::HostKeyChanged { instance, .. } if instance == "i-0a"), "{error}");
    assert!(error.hint().unwrap().contains("ssh-keygen -R i-0a"));
    assert!(matches!(world.check(&["true"]).await, CheckResult::HostKeyChanged(_)));

    world.point_to(port, "i-0b");
    assert_eq!(world.run(&["true"]).await.unwrap().status, Ended::Exited(0), "a new instance is no alarm");

    assert!(forget_host_key(&world.dir, "i-0a").unwrap());
    world.point_to(port, "i-0a");
    assert_eq!(world.run(&["true"]).await.unwrap().status, Ended::Exited(0), "a forgotten key is learnt anew");
}

#[tokio::test]
async fn a_key_that_only_the_agent_has_logs_in() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    let socket = world.root.path().join("agent");
    let mut command = Command::new("ssh-agent");
    let _agent = Running(command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap());
    let deadline = Instant::now() + PATIENCE;
    while !socket.exists() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The first key is one that EC2 does not import; the second has no private file any more.
    let ecdsa = world.root.path().join("ecdsa");
    let mut make = Command::new("ssh-keygen");
    assert!(make.args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(&ecdsa).status().unwrap().success());
    let mut add = Command::new("ssh-add");
    assert!(add.arg("-q").arg(&ecdsa).arg(&world.key).env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
    fs::remove_file(&world.key).unwrap();

    let search = KeySearch { agent_socket: Some(socket.as_os_str()), ..KeySearch::default() };
    let key = keys::choose(&world.dir, &search).await.unwrap();
    assert_eq!((key.origin, key.passed_over.len(), key.public.comment.as_str()), (Origin::Agent, 1, "test"));
    // A public key's file as IdentityFile makes ssh offer that key alone of all the agent has.
    let offered = fs::read_to_string(key.identity_file.as_deref().unwrap()).unwrap();
    assert_eq!(offered.trim_end(), key.public.to_openssh());
    let host = HostEntry { identity_file: key.identity_file, ..world.host(port, "i-0a") };
    write_environment(&world.dir, "dev", &[host]).unwrap();
    let mut ssh = Command::new("ssh");
    ssh.args(["-o", "BatchMode=yes", "-F"]).arg(world.dir.config()).args([ALIAS, "exit 7"]);
    assert_eq!(ssh.env("SSH_AUTH_SOCK", &socket).stdin(Stdio::null()).status().unwrap().code(), Some(7));
}

#[tokio::test]
async fn what_a_node_says_is_read_through_a_real_shell_whether_it_has_our_scripts_or_not() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    let bare = world.run(&[said::QUESTION]).await.unwrap();
    assert_eq!((bare.status, bare.stderr.as_str()), (Ended::Exited(0), ""));
    // The same line, of files that are there.
    let run = world.root.path().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("tools"), "state done\nok setup: done\nfailed repository x: no end within 60 s\n").unwrap();
    fs::write(run.join("idle"), "in use: somebody is typing in a terminal\n").unwrap();
    let question = said::QUESTION.replace("/run/cloudtop", run.to_str().unwrap());
    let CheckResult::Answered { code: 0, output } = world.check(&[&question]).await else { panic!("no answer") };
    let said = Said::read(&output);
    assert_eq!((said.volume, said.idle.as_deref()), (None, Some("in use: somebody is typing in a terminal")));
    assert_eq!(said.tools.unwrap().in_words(), "1 done; failed: repository x: no end within 60 s");
}

#[tokio::test]
async fn ssh_reads_the_managed_file_as_it_was_meant() {
    let world = World::new();
    let key = world.root.path().join("50% of a key");
    let proxy = "nc -X 'a \"b\"' %h %p";
    let host = HostEntry {
        identity_file: Some(key.clone()),
        proxy_command: Some(proxy.to_owned()),
        ..world.host(2222, "i-0a")
    };
    write_environment(&world.dir, "dev", &[host]).unwrap();
    let user_config = world.root.path().join("user.config");
    fs::write(&user_config, "Host *\n    User nobody\n    StrictHostKeyChecking no\n").unwrap();
    assert!(add_include(&user_config, &world.dir).unwrap());

    for file in [world.dir.config(), user_config] {
        let lines = read_by_ssh(&file);
        let known_hosts = format!("userknownhostsfile {}", world.dir.known_hosts().display());
        for expected in [
            "hostname 127.0.0.1",
            "port 2222",
            &format!("user {}", user()),
            &format!("identityfile {}", key.display().to_string().replace('%', "%%")),
            "identitiesonly yes",
            "hostkeyalias i-0a",
            &known_hosts,
            "globalknownhostsfile none",
            "hashknownhosts no",
            "stricthostkeychecking accept-new",
            "checkhostip no",
            "serveraliveinterval 15",
            "serveralivecountmax 4",
            "forwardagent no",
            "connecttimeout 10",
            &format!("proxycommand {proxy}"),
        ] {
            assert!(lines.iter().any(|line| line == expected), "no `{expected}` in {lines:#?}");
        }
    }
}

#[tokio::test]
async fn files_are_taken_whole_and_the_command_for_them_runs_until_it_succeeds() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    let large: Vec<u8> = (0..150_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let parcels = [world.parcel("new place/a b", &user(), "one\n"), world.parcel("etc/large", &user(), large.clone())];
    let log = world.root.path().join("log");
    let done = |end: &str| format!("cat; echo ran >>'{}'; echo not well; {end}", log.display());

    let first = world.shipment(&parcels, &done("false")).await.unwrap();
    assert_eq!(world.deliver(first).await, (wire::DONE_FAILED, "not well".to_owned()));
    assert_eq!(fs::read_to_string(&parcels[0].path).unwrap(), "one\n");
    assert_eq!(fs::read(&parcels[1].path).unwrap(), large);
    assert_eq!(fs::metadata(&parcels[0].path).unwrap().permissions().mode() & 0o777, 0o640);

    let again = world.shipment(&parcels, &done("true")).await.unwrap();
    assert!(again.len() < 10_000, "the files are there and are not sent again");
    assert_eq!(world.deliver(again).await, (0, String::new()));
    assert_eq!(fs::read_to_string(&log).unwrap(), "ran\nran\n");
    assert_eq!(world.shipment(&parcels, &done("true")).await, None);

    fs::remove_file(&parcels[0].path).unwrap();
    let lost = world.shipment(&parcels, &done("true")).await.unwrap();
    assert_eq!(world.deliver(lost).await.0, 0);
    assert_eq!(fs::read_to_string(&parcels[0].path).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 3);
    let left: Vec<_> = fs::read_dir(world.root.path().join("etc")).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left: {left:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_with_the_reason() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    fs::create_dir(world.root.path().join("place")).unwrap();
    for (parcel, words) in [
        (world.parcel("x", "nosuchuser", "a"), "there is no user nosuchuser here"),
        (world.parcel("place", &user(), "a"), "is a directory"),
        (world.parcel("user key/below", &user(), "a"), "user key"),
    ] {
        let said = world.shipment(std::slice::from_ref(&parcel), "true").await.unwrap();
        let (code, output) = world.deliver(said).await;
        assert!(code == 3 && output.contains(words), "{code} {output}");
    }
    let mut cut = world.shipment(&[world.parcel("x", &user(), "a")], "true").await.unwrap();
    cut.truncate(cut.len() - 30);
    assert_eq!(world.deliver(cut).await.0, 3);
}

#[tokio::test]
async fn output_comes_in_whole_lines_on_the_stream_that_it_was_written_to() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    let lines = std::sync::Mutex::new(Vec::new());
    let hear = |from, line: &str| lines.lock().unwrap().push((from, line.to_owned()));
    let command = words(&["printf 'a\\nb'; printf c >&2; cat; exit 3"]);
    let ended = stream(&world.dir, ALIAS, &SshOptions::default(), &command, hear).await.unwrap();
    assert_eq!(ended, Ended::Exited(3));
    let lines = lines.into_inner().unwrap();
    let of =
        |stream| lines.iter().filter(|(from, _)| *from == stream).map(|(_, line)| line.as_str()).collect::<Vec<_>>();
    assert_eq!((of(Stream::Stdout), of(Stream::Stderr)), (vec!["a", "b"], vec!["c"]));
}

#[tokio::test]
async fn a_forward_leads_to_a_port_of_the_node_and_a_taken_one_ends_ssh() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    // sshd itself is the service behind the forward: what answers there is an ssh server's banner.
    let local = free_port();
    let forwards = vec![format!("{local}:127.0.0.1:{port}").parse().unwrap()];
    let options = SshOptions { forwards, all_forwards: true, ..SshOptions::default() };
    let ask = words(&["sleep 10"]);
    let held = capture(&world.dir, ALIAS, &options, &ask, PATIENCE);
    let look = async {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(banner) = banner("127.0.0.1", local, PATIENCE).await {
                return banner.0;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nothing answers behind the forward");
    };
    tokio::select! {
        ended = held => panic!("{ended:?}"),
        banner = look => assert!(banner.starts_with("SSH-2.0-OpenSSH_"), "{banner}"),
    }

    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let forwards = vec![format!("{}", taken.local_addr().unwrap().port()).parse().unwrap()];
    let options = SshOptions { forwards, all_forwards: true, ..SshOptions::default() };
    let output = capture(&world.dir, ALIAS, &options, &words(&["true"]), PATIENCE).await.unwrap();
    assert_eq!(output.status, Ended::NoConnection);
    assert!(output.stderr.contains("in use"), "{}", output.stderr);
}

#[tokio::test]
async fn the_agent_is_there_on_the_node_only_when_it_is_lent() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    let socket = world.root.path().join("agent");
    let mut command = Command::new("ssh-agent");
    let _agent = Running(command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap());
    let deadline = Instant::now() + PATIENCE;
    while !socket.exists() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (agent, there) in [(false, "no"), (true, "yes")] {
        let options = SshOptions { agent, batch: true, ..SshOptions::default() };
        let argv =
            ssh_argv(&world.dir, ALIAS, &options, &words(&["test -S \"$SSH_AUTH_SOCK\" && echo yes || echo no"]));
        let mut ssh = Command::new(&argv[0]);
        let output = ssh.args(&argv[1..]).env("SSH_AUTH_SOCK", &socket).stdin(Stdio::null()).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), there, "{agent}");
    }
}

#[tokio::test]
async fn files_and_directories_go_to_a_node_and_back() {
    let world = World::new();
    let (_sshd, port) = world.sshd("host", None).await;
    world.point_to(port, "i-0a");
    let path = |name: &str| world.root.path().join(name).display().to_string();
    let there = |path: String| End::There { alias: ALIAS.to_owned(), path };
    fs::create_dir_all(path("from/deep")).unwrap();
    fs::write(path("from/deep/a file"), "here\n").unwrap();

    let gone = copy(&world.dir, &[End::Here(path("from"))], &there(path("node")), true).await.unwrap();
    assert_eq!(gone, Ended::Exited(0));
    assert_eq!(fs::read_to_string(path("node/deep/a file")).unwrap(), "here\n");
    let back = copy(&world.dir, &[there(path("node/deep/a file"))], &End::Here(path("back")), true).await.unwrap();
    assert_eq!((back, fs::read_to_string(path("back")).unwrap().as_str()), (Ended::Exited(0), "here\n"));
    let across = copy(&world.dir, &[there(path("back"))], &there(path("across")), true).await.unwrap();
    assert_eq!((across, fs::read_to_string(path("across")).unwrap().as_str()), (Ended::Exited(0), "here\n"));
    let none = copy(&world.dir, &[there(path("none"))], &End::Here(path("x")), true).await.unwrap();
    assert!(matches!(none, Ended::Exited(code) if code != 0), "{none:?}");
}
