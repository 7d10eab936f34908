//! The program and the built-in EC2 in one process, on a virtual clock, so that hours take no time.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser as _;
use cloudtop::cli::{Cli, CommandError};
use cloudtop::clock::Clock;
use cloudtop::commands::{self, Account, Surroundings};
use cloudtop::engine::Interrupt;
use cloudtop::engine::imagined::Line;
use cloudtop::simulator::Simulator;
use cloudtop::ui::{Ui, UiOptions};

/// What a command over ssh takes.
const LOGIN: Duration = Duration::from_millis(700);
const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9mUqkXzYwRZ0bUOVNiqYCJ4xHqXG9Tz0Jg6Zc6mE2c test\n";

/// What was printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printed {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// An account, and a machine that works on it.
pub struct World {
    directory: tempfile::TempDir,
    pub simulator: Simulator,
    clock: Clock,
}

impl World {
    /// A new one, at that time, in which m5.xlarge costs 0.10 an hour.
    pub async fn at(time: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::starting_at(time.parse().unwrap());
        let simulator = Simulator::open(&directory.path().join("account.jsonl"), clock).unwrap();
        let world = Self { directory, simulator, clock };
        std::fs::write(world.file("key.pub"), PUBLIC_KEY).unwrap();
        std::fs::write(world.file("cloudtop.toml"), "").unwrap();
        world.price("0.10").await;
        world
    }

    /// The path of a file of the world's own.
    pub fn file(&self, name: &str) -> String {
        self.directory.path().join(name).to_string_lossy().into_owned()
    }

    /// Runs the program; stdout and stderr.
    pub async fn run(&self, line: &str) -> (Result<(), CommandError>, String, String) {
        let mut words: Vec<String> =
            ["cloudtop", "--sim", "-y", "-r", "us-east-1", "--state"].map(str::to_owned).into();
        words.extend([self.file("state.json"), "--config".to_owned(), self.file("cloudtop.toml")]);
        words.extend(line.split_whitespace().map(str::to_owned));
        if line.starts_with("up ") {
            words.extend(["--key".to_owned(), self.file("key.pub")]);
        }
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        let (out, err) = (Printed::default(), Printed::default());
        let options = UiOptions { yes: true, no_input: true, ..UiOptions::default() };
        let around = Surroundings {
            ui: Arc::new(Ui::over(options, out.clone(), err.clone())),
            clock: self.clock,
            interrupt: Interrupt::by_hand().1,
            account: Some(Account {
                simulator: self.simulator.clone(),
                http_client: self.simulator.http_client(),
                line: Some(Line { simulator: self.simulator.clone(), login: LOGIN }),
            }),
        };
        let result = Box::pin(commands::talk_to_ec2(cli, around)).await;
        (result, out.text(), err.text())
    }

    /// Runs what must succeed; stdout and stderr.
    pub async fn ok(&self, line: &str) -> (String, String) {
        let (result, out, err) = self.run(line).await;
        assert!(result.is_ok(), "{line}: {result:?}\n{err}");
        (out, err)
    }

    /// What the pool that all here is about costs from now on, USD per hour.
    pub async fn price(&self, usd: &str) {
        self.ok(&format!("sim set price us-east-1 m5.xlarge us-east-1a {usd}")).await;
    }
}
