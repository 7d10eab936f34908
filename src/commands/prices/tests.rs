//! What the program says while it asks, and what docs/prices.md shows of it, in a simulated market at one time.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser as _;

use crate::cli::Cli;
use crate::clock::Clock;
use crate::commands::{self, Account, Surroundings};
use crate::engine::Interrupt;
use crate::simulator::{FaultRule, Settings, Simulator, Trouble};
use crate::ui::{Ui, UiOptions};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/prices.md");
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures/prices-chart.svg");
const COMMAND: &str = "UPDATE_DOCS=1 cargo test --lib prices::tests";
/// How a transcript begins on the page; it ends with the block.
const PROMPT: &str = "$ cloudtop --sim ";

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

/// All that a command prints, in a world that nobody has touched.
async fn said(words: &[&str]) -> String {
    said_with(words, None).await
}

/// The same, where something may go wrong.
async fn said_with(words: &[&str], fault: Option<FaultRule>) -> String {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state.json");
    let mut args = vec!["cloudtop", "--sim", "--state", state.to_str().unwrap()];
    args.extend(words);
    let clock = Clock::starting_at("2026-11-21T12:00:00Z".parse().unwrap());
    let simulator = Simulator::in_memory(Settings::default(), clock);
    if let Some(fault) = fault {
        simulator.add_fault(fault).unwrap();
    }
    let out = Said::default();
    let around = Surroundings {
        ui: Arc::new(Ui::over(UiOptions::default(), out.clone(), out.clone())),
        clock,
        interrupt: Interrupt::by_hand().1,
        account: Some(Account { http_client: simulator.http_client(), simulator, line: None }),
    };
    commands::talk_to_ec2(Cli::parse_from(args), around).await.unwrap();
    String::from_utf8(out.0.lock().unwrap().clone()).unwrap()
}

/// The page, with each transcript as it is now.
async fn renewed(page: &str) -> String {
    let mut lines = Vec::new();
    let mut rest = page.lines();
    while let Some(line) = rest.next() {
        lines.push(line.to_owned());
        let Some(words) = line.strip_prefix(PROMPT) else { continue };
        lines.extend(said(&words.split(' ').collect::<Vec<_>>()).await.lines().map(str::to_owned));
        lines.extend(rest.by_ref().find(|line| line.starts_with("```")).map(str::to_owned));
    }
    lines.join("\n") + "\n"
}

#[track_caller]
fn compare(file: &str, now: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(Path::new(file).parent().unwrap()).unwrap();
        std::fs::write(file, now).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(written == now, "{file} is not what the program says: `{COMMAND}` writes it anew\n{now}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_long_is_told_now_and_then_how_far_it_is() {
    let words = ["prices", "m5.large", "--regions", "us-east-1,eu-west-1"];
    let late =
        |seconds| FaultRule::new("DescribeSpotPriceHistory", Trouble::Late(Duration::from_secs(seconds))).first(1);
    let told = said_with(&words, Some(late(15))).await;
    let lines: Vec<&str> = told.lines().filter(|line| line.starts_with("waiting for EC2: ")).collect();
    assert!(lines.len() == 1 && lines[0].ends_with(" rows so far, 1 of 2 regions are done"), "{told}");
    assert!(!said_with(&words, Some(late(5))).await.contains("waiting"));
}

#[tokio::test(start_paused = true)]
async fn the_transcripts_on_the_page_are_what_the_program_says() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    assert!(page.matches(PROMPT).count() >= 2);
    compare(PAGE, &renewed(&page).await);
}

#[tokio::test(start_paused = true)]
async fn the_picture_on_the_page_is_what_the_program_draws() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("chart.svg");
    said(&["prices", "--chart", "m5.large", "--days", "90", "--svg", file.to_str().unwrap()]).await;
    compare(PICTURE, &std::fs::read_to_string(file).unwrap());
}
