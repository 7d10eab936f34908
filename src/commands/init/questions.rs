//! The questions that need no look at prices.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::CommandError;
use crate::cloud::{Cloud, FreeVolume};
use crate::config::{Answers, EnvironmentSettings, VolumeSetting};
use crate::domain::budget::Budget;
use crate::domain::intent::Interruption;
use crate::domain::names::EnvName;
use crate::ssh::keys;
use crate::templates::Template;

use super::super::context::{Context, home_dir};
use super::super::wish::{DEFAULT_TEMPLATE, DEFAULT_VOLUME_GIB, volume_gib};
use super::first_bill::FirstBill;

/// What the questions are asked about.
pub struct Asked<'a> {
    pub context: &'a Context,
    pub cloud: &'a Cloud,
    pub name: &'a EnvName,
    /// What the files say already.
    pub written: &'a EnvironmentSettings,
    /// What was answered, by flag or here.
    pub answers: &'a mut Answers,
}

/// What it is for.
pub fn template(asked: &mut Asked<'_>) -> Result<(), CommandError> {
    if asked.answers.settings.template.is_some() {
        return Ok(());
    }
    let names = Template::builtin();
    let mut lines = Vec::new();
    for name in &names {
        lines.push(format!("{name:14} {}", Template::load(name)?.manifest.description));
    }
    let before = asked.written.template.as_deref().unwrap_or(DEFAULT_TEMPLATE);
    let proposed = names.iter().position(|name| *name == before);
    if proposed.is_none() {
        lines.push(format!("{before}, as it is now"));
    }
    let chosen =
        asked.context.ui.select("What it is for", &lines, proposed.unwrap_or(names.len()), "--template NAME")?;
    // What is the default anyway need not stand in the file.
    let changed = names.get(chosen).filter(|name| **name != before);
    asked.answers.settings.template = changed.map(|name| (*name).to_owned());
    Ok(())
}

/// The persistent volume: a new one of some size, one that is there, or none.
pub async fn volume(asked: &mut Asked<'_>) -> Result<(), CommandError> {
    let said = &asked.answers.settings;
    let several = said.nodes.or(asked.written.nodes).is_some_and(|nodes| nodes > 1);
    let template = said.template.as_deref().or(asked.written.template.as_deref()).unwrap_or(DEFAULT_TEMPLATE);
    let persistent = Template::load(template)?.manifest.persistent_volume;
    if said.volume.is_some() || said.volume_id.is_some() || several || !persistent {
        return Ok(());
    }
    let state = asked.context.store.read().await?;
    let mut free = asked.cloud.free_volumes().await.unwrap_or_default();
    let (own, others): (Vec<_>, Vec<_>) = free
        .drain(..)
        .partition(|it| it.of.as_ref().is_some_and(|of| of.env == *asked.name && of.owner == state.owner));
    if let Some(kept) = own.first() {
        asked.context.ui.note(&format!(
            "{} of {} GiB in {} is kept from an earlier {}: `up` takes it again",
            kept.id, kept.gib, kept.zone, asked.name
        ));
        return Ok(());
    }
    if !others.is_empty() && asked.context.ui.can_ask() && !asked.context.ui.options().yes {
        let mut lines = vec!["a new volume".to_owned()];
        lines.extend(others.iter().map(volume_line));
        let chosen = asked.context.ui.select("Persistent volume", &lines, 0, "--volume-id ID")?;
        if let Some(volume) = chosen.checked_sub(1).and_then(|place| others.get(place)) {
            asked.answers.settings.volume_id = Some(volume.id.clone());
            return Ok(());
        }
    }
    asked.answers.settings.volume = size(asked)?;
    Ok(())
}

fn volume_line(volume: &FreeVolume) -> String {
    let of = volume.of.as_ref().map(|of| format!(", of the environment {}", of.env));
    let name = volume.name.as_ref().map(|name| format!(", {name:?}"));
    let what = of.or(name).unwrap_or_default();
    format!("{}: {} GiB in {}{what}; the machine will have to be in that zone", volume.id, volume.gib, volume.zone)
}

fn size(asked: &Asked<'_>) -> Result<Option<VolumeSetting>, CommandError> {
    let before = match asked.written.volume {
        Some(VolumeSetting::Gib(gib)) => gib.to_string(),
        Some(VolumeSetting::Without) => "0".to_owned(),
        None => DEFAULT_VOLUME_GIB.to_string(),
    };
    let check = |text: &str| if text == "0" { Ok(()) } else { volume_gib(text).map(|_| ()) };
    let question = "GiB of its persistent volume, mounted at ~/persistent (0: none)";
    let text = asked.context.ui.input(question, &before, "--volume GIB or --no-volume", check)?;
    Ok(Some(match volume_gib(&text) {
        Ok(gib) => VolumeSetting::Gib(gib),
        Err(_) => VolumeSetting::Without,
    }))
}

/// After how long without use it stops itself.
pub fn idle(asked: &mut Asked<'_>) -> Result<(), CommandError> {
    let settings = asked.answers.settings.clone().over(asked.written.clone());
    let would_end = settings.one_time == Some(true) || settings.on_interruption == Some(Interruption::Terminate);
    if asked.answers.settings.idle.is_some() || would_end {
        return Ok(());
    }
    let before = asked.written.idle.map(|idle| idle.as_secs() / 60);
    let mut choices = vec![45, 120, 480, 0];
    // What the file says and nobody proposes stays a choice.
    choices.extend(before.filter(|minutes| !choices.contains(minutes)));
    let words = |minutes: u64| match minutes {
        0 => "never".to_owned(),
        minutes if minutes % 60 == 0 => format!("after {} h", minutes / 60),
        minutes => format!("after {minutes} minutes"),
    };
    let lines: Vec<String> = choices.iter().map(|minutes| words(*minutes)).collect();
    let proposed = before.and_then(|minutes| choices.iter().position(|it| *it == minutes)).unwrap_or(0);
    let question = "It stops itself when nobody uses it (disks are kept)";
    let chosen = asked.context.ui.select(question, &lines, proposed, "--idle TIME")?;
    if choices[chosen] > 0 || before.is_some() {
        asked.answers.settings.idle = Some(Duration::from_secs(choices[chosen] * 60));
    }
    Ok(())
}

/// Which key logs in, where there are several.
pub async fn key(asked: &mut Asked<'_>) -> Result<(), CommandError> {
    let simulated = asked.context.globals.simulated();
    if asked.answers.settings.key.is_some() || asked.written.key.is_some() || simulated {
        return Ok(());
    }
    let files = public_keys().await;
    if files.len() < 2 {
        return Ok(());
    }
    let mut lines = vec!["the ssh agent's first, else ~/.ssh/id_ed25519.pub, else ~/.ssh/id_rsa.pub".to_owned()];
    lines.extend(files.iter().map(|file| file.display().to_string()));
    let chosen = asked.context.ui.select("Key to log in with", &lines, 0, "--key FILE")?;
    asked.answers.settings.key = chosen.checked_sub(1).map(|place| files[place].clone());
    Ok(())
}

/// The public keys of `~/.ssh` that EC2 takes.
async fn public_keys() -> Vec<PathBuf> {
    let Some(directory) = home_dir().map(|home| home.join(".ssh")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.sort();
    let mut usable = Vec::new();
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "pub")) {
        if keys::examine(&file).await.is_ok() {
            usable.push(file);
        }
    }
    usable
}

/// The most to spend in a month, USD: what the file says is proposed, else what working hours come to. `None`: as it is;
/// 0: no budget any more.
pub fn budget(
    context: &Context,
    written: Option<&Budget>,
    bill: Option<&FirstBill>,
) -> Result<Option<f64>, CommandError> {
    let before = written.map(|budget| budget.monthly);
    let proposed = before.or(bill.map(FirstBill::budget)).unwrap_or_default().to_string();
    let check = |text: &str| super::budget(text).map(|_| ());
    let question = "The most to spend on it in a month, USD (0: no budget)";
    let text = context.ui.input(question, &proposed, "--budget USD", check)?;
    let usd = super::budget(&text).map_err(CommandError::usage)?;
    Ok(Some(usd).filter(|usd| Some(*usd) != before && (*usd > 0.0 || before.is_some())))
}
