//! `cloudtop init`.

mod first_bill;
mod machine;
mod place;
mod questions;
mod self_attach;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::{CommandError, Exit};
use crate::config::{self, Answers};
use crate::domain::names::EnvName;

use super::context::Context;
use super::preflight;
use super::wish::WishArgs;

/// The project's configuration where `--config` names no other.
const CONFIG_FILE: &str = "cloudtop.toml";
/// What an environment is called when nobody says.
const DEFAULT_NAME: &str = "dev";

/// Ask a few questions, show what the answers cost, and write them into cloudtop.toml.
///
/// Nothing is made in the account. Each question has a flag: what is given by flag is not asked for, and --yes takes what
/// is proposed. Run it again to change the answers; what else is in the file stays as it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop init\n  cloudtop init dev --cpus 8 --memory 32 --volume 100 --budget 50\n  \
cloudtop init --yes -r us-west-2\n  cloudtop init --self-attach\n  cloudtop init --self-attach --remove\n\
With --self-attach it makes an IAM role with which nodes attach their own volumes: docs/self-attach.md"
)]
pub struct InitArgs {
    /// The environment's name [default: dev]
    pub name: Option<EnvName>,
    /// What it should be.
    #[command(flatten)]
    pub wish: Box<WishArgs>,
    /// The most to spend on it in a month, USD; 0: no budget
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub budget: Option<f64>,
    /// Make an IAM role and an instance profile with which nodes attach their own volumes
    #[arg(long, conflicts_with_all = ["name", "budget"])]
    pub self_attach: bool,
    /// Take them away again
    #[arg(long, requires = "self_attach")]
    pub remove: bool,
}

fn budget(text: &str) -> Result<f64, String> {
    let usd: f64 =
        text.trim().trim_start_matches('$').parse().map_err(|_| "use an amount, for example 50".to_owned())?;
    if usd.is_finite() && usd >= 0.0 { Ok(usd) } else { Err("use an amount of 0 or more".to_owned()) }
}

/// Runs `cloudtop init`.
///
/// # Errors
/// What went wrong, with its exit code; nothing is written then.
pub async fn run(args: &InitArgs, context: &Context) -> Result<(), CommandError> {
    if args.self_attach {
        return self_attach::run(args.remove, context).await;
    }
    let file = config_file(context);
    let before = read(&file)?;
    let name = name(args, context)?;
    let written = context.config_unless_missing()?.environment(name.as_str());
    // What is asked and answered, apart from what the files say already.
    let mut answers = Answers { settings: args.wish.settings(), budget: args.budget };
    let cloud = place::choose(context, &written, &mut answers.settings).await?;
    place::tell_what_is_there(context, &cloud).await;
    let mut asked = questions::Asked { context, cloud: &cloud, name: &name, written: &written, answers: &mut answers };
    questions::template(&mut asked)?;
    machine::choose(&mut asked).await?;
    questions::volume(&mut asked).await?;
    questions::idle(&mut asked)?;
    questions::key(&mut asked).await?;
    let budget = written.budget;
    let settings = answers.settings.clone().over(written);
    let fit = preflight::check_settings(context, &name, settings).await?;
    let bill = first_bill::of(&fit, context.clock.now());
    if args.budget.is_none() {
        answers.budget = questions::budget(context, budget.as_ref(), bill.as_ref())?;
    }
    write(context, &name, &file, &before, &answers, bill.as_ref())
}

/// Shows what will be written and the first bill, asks, and writes.
fn write(
    context: &Context,
    name: &EnvName,
    file: &Path,
    before: &str,
    answers: &Answers,
    bill: Option<&first_bill::FirstBill>,
) -> Result<(), CommandError> {
    let after = config::with_answers(before, name.as_str(), answers)
        .map_err(|fault| CommandError::usage(format!("{}: {fault}", file.display())))?;
    let changed = after != before;
    if !context.globals.json {
        context.ui.answer(&format!("{}:\n\n{}", file.display(), indented(&after)))?;
        context.ui.answer(&first_bill::in_words(bill))?;
    }
    if changed {
        // The proposal is yes: this is what the user came for, and nothing is made by it.
        let choices = ["Write it".to_owned(), "Leave everything as it is".to_owned()];
        if context.ui.select(&format!("Write {}", file.display()), &choices, 0, "--yes (-y)")? == 1 {
            context.ui.status("nothing was written");
            return Err(CommandError::silent(1));
        }
        config::write_file(file, &after).map_err(|error| {
            CommandError::new(Exit::Failed, format!("cannot write {}: {error}; it is as it was", file.display()))
        })?;
    }
    let next = format!("cloudtop up {name}");
    if context.globals.json {
        let bill = bill.map(first_bill::FirstBill::shape);
        let shape = json!({ "format_version": 1, "name": name.as_str(), "file": file, "written": changed,
                            "price": bill, "next": next });
        return Ok(context.ui.json(&shape)?);
    }
    let done = if changed { "is written" } else { "says all that already" };
    context.ui.answer(&format!("{} {done}. Next: `{next}`", file.display()))?;
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}

/// The name that was given, the only one in the file, or the usual one.
fn name(args: &InitArgs, context: &Context) -> Result<EnvName, CommandError> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    let config = context.config_unless_missing()?;
    let proposed = match config.environment_names().as_slice() {
        [only] => (*only).to_owned(),
        _ => DEFAULT_NAME.to_owned(),
    };
    let check = |text: &str| text.parse::<EnvName>().map(|_| ()).map_err(|error| error.to_string());
    let text = context.ui.input("Name of the environment", &proposed, "NAME", check)?;
    text.parse().map_err(|error| CommandError::of(Exit::Usage, error))
}

/// The text of the file; nothing where there is none.
fn read(file: &Path) -> Result<String, CommandError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(CommandError::usage(format!("cannot read {}: {error}", file.display()))),
    }
}

pub(super) fn config_file(context: &Context) -> PathBuf {
    context.globals.config.clone().unwrap_or_else(|| PathBuf::from(CONFIG_FILE))
}

impl Context {
    /// The configuration. `init` writes the file that `--config` names, where it is not there yet.
    fn config_unless_missing(&self) -> Result<config::Config, CommandError> {
        if self.globals.config.as_ref().is_some_and(|file| !file.exists()) {
            return Ok(config::Config::default());
        }
        self.config()
    }
}
