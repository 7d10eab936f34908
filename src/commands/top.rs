//! `cloudtop top`.

mod child;
mod gather;
mod keys;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::cli::{CommandError, Exit, logging};
use crate::engine::Interrupt;
use crate::ui::top::{Key, Model, Wish};

use super::context::Context;
use gather::{Gatherer, Look};
use keys::Keys;

/// How often EC2 is looked at while it answers.
const EVERY: Duration = Duration::from_secs(10);
/// The longest pause after looks that failed: each is twice the last.
const LONGEST: Duration = Duration::from_secs(160);
/// What a shell expects of a program that SIGHUP has ended: 128 and the signal's number.
const HUNG_UP: u8 = 129;

/// All environments and nodes live, with prices, budgets and events, and keys for ssh, stop, start and down.
///
/// Looks at EC2 every 10 seconds, with the calls that `list` makes. Leaving it changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop top\n  cloudtop --region us-east-1 top     only what is there")]
pub struct TopArgs {}

/// Runs `cloudtop top`.
///
/// # Errors
/// No terminal (exit code 2), a terminal that fails, or 129, 130 or 143 when a signal ends it.
pub async fn run(_: &TopArgs, context: &Context) -> Result<(), CommandError> {
    if context.globals.json || !context.ui.can_draw() {
        return Err(CommandError::usage("`top` draws on a terminal and takes keys from it: there is none to use")
            .hint("`cloudtop list --json` tells once what there is")
            .hint("`cloudtop watch NAME` reports changes line by line"));
    }
    let log = log_aside(context)?;
    let (tell, mut told) = mpsc::channel(1);
    let (hurry, hurried) = watch::channel(());
    let looks = keep_looking(Gatherer::new(context), tell, hurried);
    let ended = tokio::select! {
        ended = show(context, &mut told, &hurry) => ended,
        () = looks => Ok(()),
    };
    if let Some(file) = log {
        context.ui.note(&format!("the log is in {}", file.display()));
    }
    ended
}

/// The log of `-vv` would be written over the screen: it goes into a file beside the state. `None`: there is no log.
fn log_aside(context: &Context) -> Result<Option<PathBuf>, CommandError> {
    let file = context.paths.top_log();
    if let Some(directory) = file.parent() {
        context.paths.make_dir(directory)?;
    }
    match logging::into_file(&file) {
        Ok(there_is_one) => Ok(there_is_one.then_some(file)),
        Err(error) => {
            Err(CommandError::new(Exit::State, format!("the log cannot be written to {}: {error}", file.display())))
        }
    }
}

/// Looks again and again, until nobody listens any more.
async fn keep_looking(mut gatherer: Gatherer<'_>, tell: mpsc::Sender<Look>, mut hurried: watch::Receiver<()>) {
    let mut pause = EVERY;
    loop {
        let mut look = gatherer.look().await;
        pause = if look.troubles.is_empty() { EVERY } else { (pause * 2).min(LONGEST) };
        if !look.troubles.is_empty() {
            look.troubles.push(format!("the next look is in {}s", pause.as_secs()));
        }
        if tell.send(look).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = hurried.changed() => {}
        }
    }
}

/// What ends the wait for a key.
enum Came {
    Key(io::Result<Option<Key>>),
    Look(Look),
    Signal(u8),
}

/// Draws, and does what keys say.
async fn show(
    context: &Context,
    told: &mut mpsc::Receiver<Look>,
    hurry: &watch::Sender<()>,
) -> Result<(), CommandError> {
    let mut signals = Signals::new(context)?;
    // Declared before the screen: a signal must not end the program in the middle of giving the terminal back.
    let _held = context.interrupt.hold();
    let mut screen = context.ui.screen().map_err(|error| broken(&error))?;
    let mut model =
        Model { colours: context.ui.has_colours(), unicode: is_utf_8(), yes: context.globals.yes, ..Model::default() };
    let mut keys = Keys::new().map_err(|error| broken(&error))?;
    loop {
        model.now = Some(context.clock.now());
        screen.draw(&model).map_err(|error| broken(&error))?;
        let came = tokio::select! {
            biased;
            code = signals.wait() => Came::Signal(code),
            Some(look) = told.recv() => Came::Look(look),
            pressed = keys.next() => Came::Key(pressed),
        };
        match came {
            Came::Signal(code) => return Err(CommandError::silent(code)),
            Came::Look(look) => take(&mut model, look, context),
            Came::Key(pressed) => {
                let wish = pressed.map_err(|error| broken(&error))?.and_then(|key| model.press(key));
                let (verb, name) = match wish {
                    None => continue,
                    Some(Wish::Quit) => return Ok(()),
                    Some(Wish::Look) => {
                        hurry.send_replace(());
                        continue;
                    }
                    Some(Wish::Ssh(place)) => ("ssh", place.to_string()),
                    Some(Wish::Do(deed)) => (deed.verb.as_str(), deed.env),
                };
                screen.step_aside();
                let ended = child::run(context, verb, &name).await;
                screen.ask_for_a_key(&ended).map_err(|error| broken(&error))?;
                any_key(&mut keys, &mut signals).await?;
                screen.come_back().map_err(|error| broken(&error))?;
                hurry.send_replace(());
            }
        }
    }
}

/// Waits for a key, whichever.
async fn any_key(keys: &mut Keys, signals: &mut Signals) -> Result<(), CommandError> {
    loop {
        tokio::select! {
            biased;
            code = signals.wait() => return Err(CommandError::silent(code)),
            pressed = keys.next() => if pressed.map_err(|error| broken(&error))?.is_some() {
                return Ok(());
            },
        }
    }
}

fn take(model: &mut Model, look: Look, context: &Context) {
    let warnings = context.ui.kept();
    model.trouble = look.troubles.first().or(warnings.last()).map(|first| match look.troubles.last() {
        Some(next) if look.troubles.len() > 1 => format!("{first}; {next}"),
        _ => first.clone(),
    });
    model.spent = look.spent.or(model.spent);
    model.budgets = look.budgets;
    model.prices = look.prices;
    model.take(look.reports, look.events, context.clock.now());
}

/// Signals that end the program, each at a moment when nothing is drawn.
struct Signals {
    interrupt: Interrupt,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new(context: &Context) -> Result<Self, CommandError> {
        let hangup = signal(SignalKind::hangup())
            .map_err(|error| CommandError::new(Exit::Failed, format!("cannot take signals: {error}")))?;
        Ok(Self { interrupt: context.interrupt.clone(), hangup })
    }

    /// The exit code that one asks for.
    async fn wait(&mut self) -> u8 {
        tokio::select! {
            signal = self.interrupt.wait() => signal.exit_code(),
            _ = self.hangup.recv() => HUNG_UP,
        }
    }
}

fn broken(error: &io::Error) -> CommandError {
    CommandError::new(Exit::Failed, format!("the terminal cannot be used any more: {error}"))
        .hint("`cloudtop list` needs no screen")
}

/// Whether the terminal is said to show more than ASCII: the first of these that is set counts, as POSIX has it.
fn is_utf_8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
