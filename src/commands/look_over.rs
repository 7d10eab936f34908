//! User data looked over before anything is created: what cannot work ends the command, what is doubtful is said.

use std::path::Path;

use crate::cli::CommandError;
use crate::templates::check::{self, Around, Level, Report, Tools};
use crate::templates::{Context, Node, Template};

/// A file of the user's own, for the image of a template. Gives warnings.
pub fn file(path: &Path, bytes: &[u8], template: &Template) -> Result<Vec<String>, CommandError> {
    let name = path.display().to_string();
    let report = check::user_data(&name, bytes, &Around::of(template), &mut Tools::new(true, false));
    warnings(&report, &name)
}

/// What a template renders to for the first node; the others' differ in names and addresses. Gives warnings.
pub fn rendered(template: &Template, context: &Context, first: &Node) -> Result<Vec<String>, CommandError> {
    // The built-in ones are looked over whenever they change, in all their branches.
    if Template::builtin().contains(&template.label()) {
        return Ok(Vec::new());
    }
    let user_data = template.render(context, first)?;
    let around = Around { format: Some(template.manifest.user_data_format), ..Around::of(template) };
    let name = format!("{} (rendered)", template.label());
    warnings(&check::user_data(&name, &user_data.raw, &around, &mut Tools::new(true, false)), template.label())
}

fn warnings(report: &Report, subject: &str) -> Result<Vec<String>, CommandError> {
    let of = |level: Level| {
        report.findings.iter().filter(move |it| it.rule.level == level).map(ToString::to_string).collect::<Vec<_>>()
    };
    let errors = of(Level::Error);
    if errors.is_empty() {
        return Ok(of(Level::Warning));
    }
    let error = CommandError::usage(format!("the user data cannot work:\n  {}", errors.join("\n  ")));
    Err(error.hint(format!("`cloudtop template check {subject}` says all that there is to say of it")))
}
