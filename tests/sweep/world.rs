//! An account, a machine that works on it, and the program, run in this process as its binary runs it.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use cloudtop::cli::{Cli, CommandError};
use cloudtop::clock::Clock;
use cloudtop::commands::{self, Account, Surroundings};
use cloudtop::engine::Interrupt;
use cloudtop::simulator::Simulator;
use cloudtop::ui::{Ui, UiOptions};
use jiff::Timestamp;

use super::network::Network;

const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9mUqkXzYwRZ0bUOVNiqYCJ4xHqXG9Tz0Jg6Zc6mE2c test\n";
/// The journal is synced at each call: a disk in memory makes hundreds of runs quick.
const IN_MEMORY: &str = "/dev/shm";

/// A schedule of snapshots of an environment that no other row knows.
const CONFIGURATION: &str = "[env.kept.snapshots]\nevery = \"1d\"\nkeep = 1\n";

pub struct World {
    directory: tempfile::TempDir,
    pub simulator: Simulator,
    pub network: Network,
    clock: Clock,
    said: Said,
}

/// How a run of the program ended.
pub enum Ended {
    Killed,
    ByItself(Result<(), CommandError>),
}

/// Everything that the program has printed.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A world to begin from, over and over.
pub struct Snapshot {
    directory: tempfile::TempDir,
    at: Timestamp,
    made: BTreeSet<String>,
    said: Vec<u8>,
}

impl World {
    /// An empty account, and a machine that has done nothing yet.
    pub fn empty() -> Self {
        let world = Self::over(directory(), "2026-11-02T10:00:00Z".parse().unwrap());
        // Short for EC2, for each look at it must be computed; new things are shown late all the same.
        let settings = [
            ("pending", "7s"),
            ("stop", "8s"),
            ("terminate", "7s"),
            ("visibility-lag", "6s"),
            ("evaluation", "3s"),
            ("attach", "2s"),
            ("volume-creation", "2s"),
            ("snapshot", "20s"),
            ("modification", "20s"),
            ("capacity-return", "10m"),
        ];
        for (key, value) in settings {
            world.simulator.set(key, value).unwrap();
        }
        std::fs::write(world.file("key.pub"), PUBLIC_KEY).unwrap();
        std::fs::write(world.file("cloudtop.toml"), CONFIGURATION).unwrap();
        world
    }

    /// The world as it was.
    pub fn again(snapshot: &Snapshot) -> Self {
        let copy = directory();
        copy_all(snapshot.directory.path(), copy.path());
        let world = Self::over(copy, snapshot.at);
        world.network.remember(&snapshot.made);
        world.said.clone().write_all(&snapshot.said).unwrap();
        world
    }

    /// The world as it is.
    pub fn snapshot(self) -> Snapshot {
        Snapshot {
            at: self.clock.now(),
            made: self.network.ever_made(""),
            said: self.transcript().into_bytes(),
            directory: self.directory,
        }
    }

    fn over(directory: tempfile::TempDir, at: Timestamp) -> Self {
        let clock = Clock::starting_at(at);
        let simulator = Simulator::open(&directory.path().join("account.jsonl"), clock).unwrap();
        let network = Network::new(simulator.http_client());
        Self { directory, simulator, network, clock, said: Said::default() }
    }

    /// A file of the machine's.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the program until it ends by itself or is killed.
    pub async fn run(&self, line: &str) -> Ended {
        writeln!(self.said.clone(), "$ cloudtop {line}").unwrap();
        let ended = tokio::select! {
            biased;
            () = self.network.killed() => Ended::Killed,
            result = self.program(line) => Ended::ByItself(result),
        };
        let last_words = match &ended {
            Ended::Killed => "killed".to_owned(),
            Ended::ByItself(Ok(())) => "done".to_owned(),
            Ended::ByItself(Err(error)) => format!("exit code {}: {error}", error.exit.code()),
        };
        writeln!(self.said.clone(), "[{last_words}]").unwrap();
        ended
    }

    /// Runs the program undisturbed: `Err` where it does not succeed.
    pub async fn ok(&self, line: &str) -> Result<(), String> {
        match self.run(line).await {
            Ended::ByItself(Ok(())) => Ok(()),
            Ended::ByItself(Err(error)) => Err(format!("`{line}` ends with exit code {}: {error}", error.exit.code())),
            Ended::Killed => Err(format!("`{line}` was killed")),
        }
    }

    async fn program(&self, line: &str) -> Result<(), CommandError> {
        let cli = Cli::try_parse_from(self.arguments(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
        let options = UiOptions { yes: true, no_input: true, verbose: 1, ..UiOptions::default() };
        let around = Surroundings {
            ui: Arc::new(Ui::over(options, self.said.clone(), self.said.clone())),
            clock: self.clock,
            interrupt: Interrupt::by_hand().1,
            account: Some(Account {
                simulator: self.simulator.clone(),
                http_client: self.network.http_client(),
                line: None,
            }),
        };
        Box::pin(commands::talk_to_ec2(cli, around)).await
    }

    /// What is typed, and what keeps the user's own configuration out and a survey short.
    fn arguments(&self, line: &str) -> Vec<String> {
        let path = |name: &str| self.file(name).to_string_lossy().into_owned();
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if words[0] == "up" {
            words.extend(["-t", "m5.xlarge,m5a.xlarge", "--volume", "20", "--key"].map(str::to_owned));
            words.push(path("key.pub"));
        }
        if matches!(words[0].as_str(), "up" | "start" | "move") {
            words.extend(["--wait", "running"].map(str::to_owned));
        }
        let common = ["cloudtop", "--sim", "--yes", "-r", "us-east-1", "--state"].map(str::to_owned);
        let files = [path("state.json"), "--config".to_owned(), path("cloudtop.toml")];
        common.into_iter().chain(files).chain(words).collect()
    }

    /// Everything that was typed and printed.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.said.0.lock().unwrap()).into_owned()
    }
}

fn directory() -> tempfile::TempDir {
    let made = if Path::new(IN_MEMORY).is_dir() { tempfile::tempdir_in(IN_MEMORY) } else { tempfile::tempdir() };
    made.unwrap()
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir(&copy).unwrap();
            copy_all(&path, &copy);
        } else {
            std::fs::copy(&path, &copy).unwrap();
        }
    }
}
