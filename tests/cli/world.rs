//! A user of their own: a home, a working directory, a state file and a simulated EC2 that nothing else shares.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far more than anything here takes, on the slowest machine that runs the tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much faster than usual the simulated EC2 goes.
const SPEED: &str = "20";

pub struct World {
    root: tempfile::TempDir,
}

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    pub command: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// A world with a simulator that goes fast.
    pub fn new() -> Self {
        let world = Self::empty();
        world.ok("sim set setting speed", &[SPEED]);
        world
    }

    /// A world in which nothing was ever run, with a template for nodes that are no cluster in its directory: `./plain`.
    pub fn empty() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir(world.home()).unwrap();
        let plain = world.cwd().join("plain");
        fs::create_dir_all(&plain).unwrap();
        fs::write(plain.join("template.toml"), include_str!("plain/template.toml")).unwrap();
        fs::write(plain.join("user-data"), include_str!("plain/user-data")).unwrap();
        world
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The directory that commands run in.
    pub fn cwd(&self) -> PathBuf {
        self.root.path().join("cwd")
    }

    pub fn state_file(&self) -> PathBuf {
        self.root.path().join("state.json")
    }

    /// The ssh configuration that the program keeps.
    pub fn ssh_config(&self) -> PathBuf {
        self.root.path().join("state.json.d/ssh/config")
    }

    /// Writes a file into the directory that commands run in.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.cwd().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program with the simulator.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.real(args);
        command.env("CLOUDTOP_SIM", "1");
        command
    }

    /// The program without the simulator: as for AWS itself, with nothing to reach it by.
    pub fn real(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloudtop"));
        self.enclose(&mut command);
        command.args(args);
        command
    }

    /// Any program, with this world's home and nothing of the environment but where programs are.
    pub fn enclose(&self, command: &mut Command) {
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.home()).env("CLOUDTOP_STATE", self.state_file());
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("COLUMNS", "100").env("LC_ALL", "C.UTF-8");
        command.current_dir(self.cwd()).stdin(Stdio::null());
    }

    /// Runs the program to its end. `words` are split at blanks, `more` are taken as they are.
    pub fn run_with(&self, words: &str, more: &[&str]) -> Output {
        self.start(words, more).finish()
    }

    pub fn run(&self, words: &str) -> Output {
        self.run_with(words, &[])
    }

    /// Runs what must succeed.
    pub fn ok(&self, words: &str, more: &[&str]) -> Output {
        self.run_with(words, more).exits(0)
    }

    /// Runs what must succeed, and reads its answer.
    pub fn json(&self, words: &str) -> Value {
        self.ok(words, &["--json"]).json()
    }

    /// Starts the program and gives its handle.
    pub fn start(&self, words: &str, more: &[&str]) -> Running {
        let args: Vec<&str> = words.split_whitespace().chain(more.iter().copied()).collect();
        Running::new(self.command(&args), args.join(" "))
    }

    /// Has EC2 take nodes away, for long enough that the next run sees it.
    pub fn interrupt(&self, target: &str) -> Output {
        self.ok("sim set setting capacity-return", &["80s"]);
        let interrupted = self.ok("sim interrupt", &[target]);
        let name = target.split('/').next().unwrap_or(target);
        phase_reached(self, name, "interrupted");
        interrupted
    }

    /// What exists in the simulated account.
    pub fn account(&self) -> Account {
        Account(self.json("sim show"))
    }

    /// Whether the state knows no environment and the account has nothing in it.
    pub fn assert_nothing_was_made(&self) {
        self.account().assert_empty();
        assert_eq!(self.json("list")["environments"], serde_json::json!([]));
    }
}

impl Output {
    /// Checks the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "`cloudtop {}`: {self:#?}", self.command);
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    /// Checks that stderr has all of these words.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:#?}");
        }
        self
    }

    /// Checks that all of these are in the answer.
    #[track_caller]
    pub fn answers(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stdout.contains(word), "no {word:?} in {self:#?}");
        }
        self
    }

    /// The answer, which is one JSON document and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The rows of the table on stdout, cell by cell; without its head.
    pub fn rows(&self) -> Vec<Vec<&str>> {
        self.stdout.lines().skip(1).map(|line| line.split_whitespace().collect()).collect()
    }
}

/// A run that goes on, killed with its handle.
pub struct Running {
    child: Child,
    command: String,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<String>>,
    seen: Vec<String>,
    started: Instant,
}

impl Running {
    pub fn new(mut command: Command, name: String) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut out = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = Vec::new();
            out.read_to_end(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        });
        Self { child, command: name, lines, stdout: Some(stdout), seen: Vec::new(), started: Instant::now() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line on stderr; none: there are no more.
    pub fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE.saturating_sub(self.started.elapsed())) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("`{}` says nothing more after {:#?}", self.command, self.seen),
        }
    }

    /// Waits for a line that has the words.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str) {
        while let Some(line) = self.next_line() {
            if line.contains(words) {
                return;
            }
        }
        panic!("`{}` ended without saying {words:?}: {:#?}", self.command, self.seen);
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.pid())).status().unwrap();
        assert!(sent.success());
    }

    /// Kills it at once; whether it was still there to be killed.
    pub fn kill(mut self) -> bool {
        self.child.kill().unwrap();
        self.child.wait().unwrap().signal() == Some(9)
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        while self.next_line().is_some() {}
        let status = self.ended();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or(0));
        Output { command: self.command.clone(), code, stdout, stderr: self.seen.join("\n") }
    }

    /// Both streams are closed, so the end is near.
    fn ended(&mut self) -> ExitStatus {
        eventually("the end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is something.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(it) = ask() {
            return it;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until an environment as a whole is in a phase; gives its status.
#[track_caller]
pub fn phase_reached(world: &World, name: &str, phase: &str) -> Value {
    eventually(phase, || Some(world.json(&format!("status {name} --no-ask"))).filter(|status| status["phase"] == phase))
}

/// What exists in the simulated account.
#[derive(Debug)]
pub struct Account(pub Value);

impl Account {
    /// The things of a kind that are not merely listed still.
    pub fn live(&self, kind: &str) -> Vec<&Value> {
        self.0[kind].as_array().unwrap().iter().filter(|it| it["gone"] != true).collect()
    }

    /// The persistent volumes: an instance's own disks go with it.
    pub fn persistent_volumes(&self) -> Vec<&Value> {
        self.live("volumes").into_iter().filter(|it| it["delete_on_termination"] == false).collect()
    }

    #[track_caller]
    pub fn assert_empty(&self) {
        let kinds = ["instances", "spot_requests", "volumes", "security_groups", "key_pairs", "network_interfaces"];
        for kind in kinds {
            assert!(self.live(kind).is_empty(), "{kind} are left: {:#}", self.0);
        }
    }

    /// Checks that there is one of everything that a CloudTop has, and nothing twice.
    #[track_caller]
    pub fn assert_one_cloudtop(&self) {
        for kind in ["instances", "spot_requests", "security_groups", "key_pairs"] {
            assert_eq!(self.live(kind).len(), 1, "{kind}: {:#}", self.0);
        }
        assert_eq!(self.persistent_volumes().len(), 1, "{:#}", self.0);
    }

    /// How often an action was called.
    pub fn calls(&self, action: &str) -> u64 {
        self.0["calls"][action].as_u64().unwrap_or(0)
    }
}
