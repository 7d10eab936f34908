//! Templates: directories of `template.toml`, `user-data` and the parts that it includes, rendered into user data.
//!
//! - `manifest`: what `template.toml` says
//! - `source`: where a template's files come from: built into the program, or a directory of the user's
//! - `variables`: `--set NAME=VALUE` checked against what the template declares
//! - `context`: what a template may refer to
//! - `render`: minijinja with undefined names refused and every value quoted for where it lands
//! - `diagnose`: a rendering error in words, with the names that there are
//! - `ready`: the question whether a node is ready, and its answer
//! - `user_data`: size, compression, and user data that no template made

mod builtin;
mod context;
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
pub use error::TemplateError;
pub use manifest::{Boot, Image, Kubeconfig, Manifest, Ready, UserDataFormat, VariableKind, VariableSpec};
pub use ready::{Readiness, read_answer};
pub use render::UserData;
pub use user_data::{Prepared, USER_DATA_LIMIT, UnknownHeader, check_user_data_file, prepare};
pub use variables::{Value, Variables, set_variables};

use std::path::Path;

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
