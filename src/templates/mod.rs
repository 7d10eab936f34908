//! Templates: directories of `template.toml`, `user-data` and the parts that it includes, rendered into user data.
//!
//! - `manifest`: what `template.toml` says
//! - `source`: where a template's files come from: built into the program, or a directory of the user's
//! - `variables`: `--set NAME=VALUE` checked against what the template declares
//! - `context`: what a template may refer to
//! - `render`: minijinja with undefined names refused and every value quoted for where it lands
//! - `deliver`: the files that a template has delivered over ssh
//! - `diagnose`: a rendering error in words, with the names that there are
//! - `ready`: the question whether a node is ready, and its answer
//! - `check`: looks a template or user data over before anything is created
//! - `user_data`: size, compression, and user data that no template made

mod builtin;
pub mod check;
mod context;
mod deliver;
mod diagnose;
mod error;
mod filters;
mod manifest;
mod ready;
mod render;
mod source;
mod user_data;
mod variables;

pub use context::{Context, Node, Volume};
pub use deliver::{Content, Deliver, DeliverDone, Member, Receiver, Rendered};
pub use error::TemplateError;
pub use manifest::{Boot, Image, Kubeconfig, Manifest, OtherOs, Ready, UserDataFormat, VariableKind, VariableSpec};
pub use ready::{BOOT_QUESTION, Readiness, read_answer};
pub use render::UserData;
pub use user_data::{Prepared, USER_DATA_LIMIT, prepare, read_user_data_file};
pub use variables::{Value, Variables, resolve_files, set_variables};

use std::path::Path;

use crate::domain::intent::ImageFamily;
use source::Source;

/// A template that has been found and understood.
#[derive(Clone, Debug)]
pub struct Template {
    /// What `template.toml` says.
    pub manifest: Manifest,
    source: Source,
}

impl Template {
    /// Finds a template: a built-in one by its name, or a directory (`.`, or anything with a slash in it).
    ///
    /// # Errors
    /// [`TemplateError::NotFound`] when there is none of that name or no such directory; else what is wrong with it.
    pub fn load(name_or_directory: &str) -> Result<Self, TemplateError> {
        let source = if name_or_directory == "." || name_or_directory.contains('/') {
            Source::directory(Path::new(name_or_directory))?
        } else {
            builtin::find(name_or_directory)?
        };
        let manifest = Manifest::read(&source)?;
        Ok(Self { manifest, source })
    }

    /// The template as it is on this operating system; `None`: its own.
    ///
    /// # Errors
    /// [`TemplateError::OtherOs`] when it is not made for that.
    pub fn on(mut self, os: Option<ImageFamily>) -> Result<Self, TemplateError> {
        let own = self.manifest.image.family;
        let Some(os) = os.filter(|os| *os != own) else { return Ok(self) };
        let Some(other) = self.manifest.os.get(&os) else {
            let known = std::iter::once(&own).chain(self.manifest.os.keys()).map(|it| it.as_str());
            return Err(TemplateError::OtherOs {
                template: self.label().to_owned(),
                os: os.as_str(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        };
        self.manifest.user.clone_from(&other.user);
        self.manifest.image.family = os;
        Ok(self)
    }

    /// The names of the built-in templates, in alphabetical order.
    #[must_use]
    pub fn builtin() -> Vec<&'static str> {
        builtin::names()
    }

    /// What users call it: a built-in template's name, or the directory as it was given.
    #[must_use]
    pub fn label(&self) -> &str {
        self.source.label()
    }
}

#[cfg(test)]
mod tests;
