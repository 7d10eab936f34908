//! `cloudtop template`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::{CommandError, Exit, Globals};
use crate::clock::Clock;
use crate::config;
use crate::domain::intent::ImageFamily;
use crate::domain::names::EnvName;
use crate::domain::plan::VOLUME_DEVICE;
use crate::templates::check::{self, Around, Level, Tools};
use crate::templates::{self, Template, TemplateError};
use crate::ui::{Ui, checks};

use super::context::{current_dir, home_dir};
use super::wish::{key_value, operating_system, volume_gib};

/// The installation that a rendering is for which nobody sends.
const SAMPLE_INSTALLATION: &str = "0199aaaa-0000-7000-8000-00000000000a";

/// The region of a rendering where none is named.
const SAMPLE_REGION: &str = "us-east-1";

/// Look at and render templates.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop template list\n  cloudtop template render cloudtop --set packages=git,htop\n  cloudtop template check ./mine"
)]
pub struct TemplateArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: TemplateAction,
}

/// What to do with templates.
#[derive(Debug, Subcommand)]
pub enum TemplateAction {
    /// The built-in templates
    #[command(after_help = "Example:\n  cloudtop template list")]
    List,
    /// What a template is and what can be set
    #[command(after_help = "Examples:\n  cloudtop template show cloudtop\n  cloudtop template show ./mine --json")]
    Show {
        /// A built-in template, or a directory (with a slash)
        template: String,
    },
    /// The user data that a node would get, on stdout
    Render(RenderArgs),
    /// Look a template or a file of user data over, offline
    Check(CheckArgs),
}

/// What to render.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cloudtop template render cloudtop --set packages=git,htop --volume 100 --ttl 8h --idle 45m"
)]
pub struct RenderArgs {
    /// A built-in template, or a directory (with a slash)
    template: String,
    /// Set a variable
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// Operating system, where the template is made for several
    #[arg(long, value_parser = operating_system, value_name = "ubuntu|debian|amazon-linux")]
    os: Option<ImageFamily>,
    /// The environment's name
    #[arg(long, default_value = "dev")]
    name: EnvName,
    /// The node
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    node: u32,
    /// The number of nodes
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    nodes: u32,
    /// With a persistent volume of that size
    #[arg(long, value_name = "GIB", value_parser = volume_gib, conflicts_with = "no_volume")]
    volume: Option<u32>,
    /// Without a persistent volume
    #[arg(long)]
    no_volume: bool,
    /// As a throwaway that ends after that time, for example 8h
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    ttl: Option<Duration>,
    /// With nodes that stop themselves when nobody has used them for that time, for example 45m
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    idle: Option<Duration>,
    /// As with an instance profile and --on-interruption terminate: nodes attach their volumes themselves
    #[arg(long)]
    self_attach: bool,
}

/// What to look over.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop template check ./mine\n  cloudtop template check ./mine --set version=1.31 --strict\n  cloudtop template check boot.yaml --template coreos\n\nExit code 2 when there is an error. docs/template-check.md says what is looked for."
)]
pub struct CheckArgs {
    /// A built-in template, a directory (with a slash), or a file for `up --user-data`
    #[arg(value_name = "NAME|DIR|FILE")]
    subject: String,
    /// Set a variable of the template
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// The template whose image the file is for
    #[arg(long, value_name = "NAME|DIR", conflicts_with = "set")]
    template: Option<String>,
    /// Operating system, where the template is made for several
    #[arg(long, value_parser = operating_system, value_name = "ubuntu|debian|amazon-linux")]
    os: Option<ImageFamily>,
    /// Warnings fail, too
    #[arg(long)]
    strict: bool,
}

/// Runs `cloudtop template`.
///
/// # Errors
/// What is wrong with the template, with its exit code.
pub fn run(args: &TemplateArgs, globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    match &args.action {
        TemplateAction::List => list(globals, ui),
        TemplateAction::Show { template } => show(&Template::load(template)?, globals, ui),
        TemplateAction::Render(args) => {
            let template = Template::load(&args.template)?.on(args.os)?;
            let region = globals.region.as_deref().unwrap_or(SAMPLE_REGION);
            let node = templates::Node::of(&args.name, args.node, args.nodes);
            render(&template, &render_context(&template, args, region)?, &node, ui)
        }
        TemplateAction::Check(args) => check(args, globals, ui),
    }
}

fn list(globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    let templates = Template::builtin().into_iter().map(Template::load).collect::<Result<Vec<_>, _>>()?;
    if globals.json {
        let shapes: Vec<_> = templates.iter().map(shape).collect();
        return Ok(ui.json(&serde_json::json!({ "format_version": 1, "templates": shapes }))?);
    }
    let width = templates.iter().map(|it| it.label().len()).max().unwrap_or_default();
    let lines: Vec<String> =
        templates.iter().map(|it| format!("{:width$}  {}", it.label(), it.manifest.description)).collect();
    ui.answer(&lines.join("\n"))?;
    Ok(())
}

fn show(template: &Template, globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    if globals.json {
        return Ok(ui.json(&shape(template))?);
    }
    let manifest = &template.manifest;
    let mut lines = vec![manifest.name.clone(), manifest.description.clone(), String::new()];
    lines.push(format!("login: {}", manifest.user));
    if !manifest.os.is_empty() {
        let others: Vec<&str> = manifest.os.keys().map(|os| os.as_str()).collect();
        lines.push(format!("--os: {} unless you say {}", manifest.image.family.as_str(), others.join(" or ")));
    }
    if let Some(command) = after_up(template) {
        lines.push(format!("after `up {}`, on your machine: {command}", EnvName::example()));
    }
    for (name, spec) in &manifest.variables {
        lines.push(format!("--set {name}=...  {}", spec.description));
    }
    ui.answer(&lines.join("\n"))?;
    Ok(())
}

/// The command for the user's own machine, as it is for an environment of the usual name; as it is written where it needs
/// more than that.
fn after_up(template: &Template) -> Option<String> {
    let name = EnvName::example();
    let node = templates::Node::of(&name, 0, 1);
    let args = RenderArgs {
        template: template.label().to_owned(),
        set: Vec::new(),
        os: None,
        name,
        node: 0,
        nodes: 1,
        volume: None,
        no_volume: false,
        ttl: None,
        idle: None,
        self_attach: false,
    };
    let rendered =
        render_context(template, &args, SAMPLE_REGION).and_then(|context| Ok(template.after_up(&context, &node)?));
    rendered.unwrap_or_else(|_needs_more| template.manifest.after_up.clone())
}

fn shape(template: &Template) -> serde_json::Value {
    let manifest = &template.manifest;
    let variables: Vec<_> = manifest
        .variables
        .iter()
        .map(|(name, spec)| serde_json::json!({ "name": name, "description": spec.description }))
        .collect();
    serde_json::json!({
        "name": template.label(),
        "description": manifest.description,
        "user": manifest.user,
        "os": std::iter::once(&manifest.image.family).chain(manifest.os.keys()).map(|os| os.as_str()).collect::<Vec<_>>(),
        "persistent_volume": manifest.persistent_volume,
        "variables": variables,
    })
}

fn render_context(template: &Template, args: &RenderArgs, region: &str) -> Result<templates::Context, CommandError> {
    let default = template.manifest.persistent_volume.then_some(super::wish::DEFAULT_VOLUME_GIB);
    let gib = args.volume.or(default).filter(|_| !args.no_volume);
    Ok(templates::Context {
        environment: args.name.to_string(),
        region: region.to_owned(),
        nodes: args.nodes,
        expires_at: args.ttl.and_then(|ttl| Clock::system().now().checked_add(ttl).ok()),
        idle_minutes: args.idle.map(|idle| u32::try_from(idle.as_secs() / 60).unwrap_or(u32::MAX)).filter(|it| *it > 0),
        installation: SAMPLE_INSTALLATION.to_owned(),
        variables: templates::set_variables(template, &settings(template, &args.set)?)?,
        self_attach: args.self_attach && gib.is_some(),
        volume: gib.map(|gib| templates::Volume { device: VOLUME_DEVICE.to_owned(), gib: Some(gib), id: None }),
    })
}

fn check(args: &CheckArgs, globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    let mut tools = Tools::new(true, true);
    let report = match user_data_file(&args.subject) {
        Some(file) => {
            let around = match &args.template {
                Some(template) => Around::of(&Template::load(template)?.on(args.os)?),
                None => Around { gzip: true, ..Around::default() },
            };
            let bytes = std::fs::read(file)
                .map_err(|source| TemplateError::UserDataUnreadable { path: file.to_owned(), source })?;
            check::user_data(&args.subject, &bytes, &around, &mut tools)
        }
        None => {
            if args.template.is_some() {
                return Err(CommandError::usage("--template says which image a FILE is for; a template names its own"));
            }
            let template = Template::load(&args.subject)?.on(args.os)?;
            check::template(&template, &settings(&template, &args.set)?, &mut tools)?
        }
    };
    if globals.json {
        ui.json(&checks::Shape::new(&args.subject, &report))?;
    } else {
        for note in &report.not_looked_into {
            ui.note(&format!("not looked into: {note}"));
        }
        ui.answer(&checks::text(&args.subject, &report))?;
    }
    let least = if args.strict { Level::Warning } else { Level::Error };
    let fails = report.findings.iter().any(|finding| finding.rule.level >= least);
    if fails { Err(CommandError::silent(Exit::Usage.code())) } else { Ok(()) }
}

/// What was set, with the paths among it as `up` takes them.
fn settings(template: &Template, set: &[(String, String)]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut set = set.iter().cloned().collect();
    let cwd = current_dir()?;
    templates::resolve_files(template, &mut set, home_dir().as_deref(), |_| cwd.clone());
    Ok(set)
}

/// A file of user data, as against a template: a template is a name or a directory.
fn user_data_file(subject: &str) -> Option<&Path> {
    let path = Path::new(subject);
    let is_template = Template::builtin().contains(&subject) || path.is_dir();
    // A path that is not there is told as a file only where it looks like one.
    (!is_template && (path.is_file() || path.extension().is_some())).then_some(path)
}

fn render(
    template: &Template,
    context: &templates::Context,
    node: &templates::Node,
    ui: &Ui,
) -> Result<(), CommandError> {
    let rendered = template.render(context, node)?;
    let prepared = templates::prepare(rendered.raw.clone(), template.manifest.may_be_gzipped())?;
    let zipped = if prepared.gzipped { format!(", {} as sent (gzip)", prepared.bytes.len()) } else { String::new() };
    ui.note(&format!("{} bytes{zipped} of {}", prepared.raw_len, templates::USER_DATA_LIMIT));
    // User data may be anything, so it goes out as it is.
    match std::io::stdout().write_all(&rendered.raw) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::new(Exit::Failed, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
