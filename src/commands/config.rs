//! `cloudtop config`.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::{CommandError, Exit, Globals};
use crate::config::{Config, Setting};
use crate::domain::names::EnvName;
use crate::templates::Template;
use crate::ui::Ui;

use super::context::load_config;

/// The schema for editors.
const SCHEMA: &str = include_str!("../../docs/cloudtop.schema.json");

/// What cloudtop.toml says, whether it is right, and its schema for editors.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop config check\n  cloudtop config show dev\n  cloudtop config schema > cloudtop.schema.json"
)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Read the files as every command does, and look at what only `up` would; an unknown key fails, too
    #[command(after_help = "Examples:\n  cloudtop config check\n  cloudtop config check --config staging.toml")]
    Check,
    /// What counts for an environment before flags, and which file says so
    #[command(after_help = "Examples:\n  cloudtop config show dev\n  cloudtop config show dev --json")]
    Show {
        /// The environment's name
        name: EnvName,
    },
    /// The JSON schema of cloudtop.toml, with which editors complete keys and mark slips
    #[command(
        after_help = "Example:\n  cloudtop config schema > cloudtop.schema.json\n\nName it in the first line of cloudtop.toml:\n\n  #:schema ./cloudtop.schema.json"
    )]
    Schema,
}

/// Runs `cloudtop config`.
///
/// # Errors
/// What is wrong with the files.
pub fn run(args: &ConfigArgs, globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    match &args.action {
        ConfigAction::Schema => Ok(ui.answer(SCHEMA.trim_end())?),
        ConfigAction::Check => check(&load_config(globals)?, globals, ui),
        ConfigAction::Show { name } => {
            let config = load_config(globals)?;
            for unknown in &config.unknown {
                ui.warn(&unknown.to_string());
            }
            show(&config, name, globals, ui)
        }
    }
}

fn check(config: &Config, globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    let mut wrong: Vec<String> = config.unknown.iter().map(ToString::to_string).collect();
    for name in config.environment_names() {
        if let Err(error) = name.parse::<EnvName>() {
            wrong.push(format!("[env.{name}]: {error}"));
        }
    }
    // What stands at the top level is looked at even where no environment is named.
    for name in config.environment_names().into_iter().chain([""]) {
        let settings = config.environment(name);
        if let Some(template) = &settings.template
            && let Err(error) = Template::load(template).and_then(|template| template.on(settings.os))
        {
            let place = if name.is_empty() { String::new() } else { format!("[env.{name}]: ") };
            wrong.push(format!("{place}{error}"));
        }
    }
    let files: Vec<String> = config.files.iter().map(|file| file.display().to_string()).collect();
    if globals.json {
        let shape = json!({
            "format_version": 1,
            "files": files,
            "environments": config.environment_names(),
            "wrong": wrong,
        });
        ui.json(&shape)?;
    } else {
        wrong.iter().for_each(|it| ui.warn(it));
    }
    if !wrong.is_empty() {
        return Err(CommandError::silent(Exit::Usage.code()));
    }
    let files = if files.is_empty() { "there is no cloudtop.toml here".to_owned() } else { files.join(", ") };
    ui.status(&format!("{files}: nothing is wrong"));
    Ok(())
}

fn show(config: &Config, name: &EnvName, globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    let mut settings = config.explain(name.as_str());
    settings.sort_by(|a, b| a.key.cmp(&b.key));
    if globals.json {
        let shape = json!({
            "format_version": 1,
            "name": name.as_str(),
            "settings": settings.iter().map(shape).collect::<Vec<_>>(),
        });
        return Ok(ui.json(&shape)?);
    }
    if settings.is_empty() {
        ui.status(&format!("no file says anything of {name}: defaults and flags alone count"));
    }
    let lines: Vec<(String, String)> = settings.iter().map(|it| (line(it), origin(it))).collect();
    let wide = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    let text: Vec<String> = lines.iter().map(|(line, origin)| format!("{line:wide$}  # {origin}")).collect();
    Ok(ui.answer(&text.join("\n"))?)
}

fn line(setting: &Setting) -> String {
    let part = |part: &String| if plain(part) { part.clone() } else { toml::Value::String(part.clone()).to_string() };
    let key: Vec<String> = setting.key.iter().map(part).collect();
    format!("{} = {}", key.join("."), setting.value)
}

/// Whether TOML takes a key without quotes.
fn plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

fn origin(setting: &Setting) -> String {
    let file = setting.file.file_name().map_or(setting.file.as_path(), Path::new).display();
    match &setting.table {
        Some(table) => format!("{file} [{table}]"),
        None => file.to_string(),
    }
}

fn shape(setting: &Setting) -> serde_json::Value {
    json!({ "key": setting.key.join("."), "value": setting.value, "file": setting.file, "table": setting.table })
}
