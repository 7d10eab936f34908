//! `cloudtop template`.

use std::io::Write as _;

use clap::{Args, Subcommand};

use crate::cli::{CommandError, Exit, Globals};
use crate::domain::intent::ImageFamily;
use crate::domain::names::EnvName;
use crate::domain::plan::VOLUME_DEVICE;
use crate::templates::{self, Template};
use crate::ui::Ui;

use super::wish::{key_value, node as node_of, operating_system};

/// Look at and render templates.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop template list\n  cloudtop template render cloudtop --set packages=git,htop"
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
    List,
    /// What a template is and what can be set
    Show {
        /// A built-in template, or a directory (with a slash)
        template: String,
    },
    /// The user data that a node would get, on stdout
    Render {
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
        #[arg(long, default_value_t = 0)]
        node: u32,
        /// The number of nodes
        #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        nodes: u32,
    },
}

/// Runs `cloudtop template`.
///
/// # Errors
/// What is wrong with the template, with its exit code.
pub fn run(args: &TemplateArgs, globals: &Globals, ui: &Ui) -> Result<(), CommandError> {
    match &args.action {
        TemplateAction::List => list(globals, ui),
        TemplateAction::Show { template } => show(&Template::load(template)?, globals, ui),
        TemplateAction::Render { template, set, os, name, node, nodes } => {
            let region = globals.region.as_deref().unwrap_or("us-east-1");
            let template = Template::load(template)?.on(*os)?;
            let context = render_context(&template, set, name, *nodes, region)?;
            render(&template, &context, &node_of(name, *node, *nodes), ui)
        }
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
    if let Some(command) = &manifest.after_up {
        lines.push(format!("after `up`, on your machine: {command}"));
    }
    for (name, spec) in &manifest.variables {
        lines.push(format!("--set {name}=...  {}", spec.description));
    }
    ui.answer(&lines.join("\n"))?;
    Ok(())
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

fn render_context(
    template: &Template,
    set: &[(String, String)],
    name: &EnvName,
    nodes: u32,
    region: &str,
) -> Result<templates::Context, CommandError> {
    let set = set.iter().cloned().collect();
    let volume = template.manifest.persistent_volume.then(|| templates::Volume {
        device: VOLUME_DEVICE.to_owned(),
        gib: Some(super::wish::DEFAULT_VOLUME_GIB),
        id: None,
    });
    Ok(templates::Context {
        environment: name.to_string(),
        region: region.to_owned(),
        nodes,
        expires_at: None,
        idle_minutes: None,
        variables: templates::set_variables(template, &set)?,
        volume,
    })
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
