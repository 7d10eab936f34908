//! What can be wrong with a template or with user data. All of it is found before anything is touched.

use std::io;
use std::path::PathBuf;

use crate::config::{TomlFault, nearest};

/// Why a template or user data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// No built-in template of that name, or no such directory.
    #[error(
        "there is no template `{name}`; {} {known}; for a directory of your own write ./{name}",
        meant(name, known)
    )]
    NotFound {
        /// As the user gave it.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A directory was named that is not there, or is not a template.
    #[error("there is no template in {path}: it has no file template.toml")]
    NoManifest {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the template cannot be read.
    #[error("template `{template}`: cannot read its file {file}")]
    Unreadable {
        /// The template.
        template: String,
        /// The file, as the template names it.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// `template.toml` is not TOML, or says something that cannot be.
    #[error("template `{template}`: template.toml, {fault}")]
    Manifest {
        /// The template.
        template: String,
        /// What is wrong, and where.
        fault: TomlFault,
    },
    /// `template.toml` is well-formed, and contradicts itself.
    #[error("template `{template}`: template.toml: {message}")]
    Contradiction {
        /// The template.
        template: String,
        /// What is wrong, and what to write instead.
        message: String,
    },
    /// The template's text does not render.
    #[error("template `{template}`: {file}{}: {message}", line.map_or_else(String::new, |line| format!(", line {line}")))]
    Render {
        /// The template.
        template: String,
        /// The file with the fault.
        file: String,
        /// The line in it, from 1.
        line: Option<usize>,
        /// What is wrong, with the names that there are.
        message: String,
    },
    /// `--set` names a variable that the template does not declare.
    #[error("template `{template}` has no variable `{name}`; {hint}")]
    UnknownVariable {
        /// The template.
        template: String,
        /// The name that was set.
        name: String,
        /// The names that there are, the likely one first.
        hint: String,
    },
    /// `--set` gives a variable a value of another type.
    #[error("template `{template}`: variable `{name}` takes {wanted}, not `{given}`")]
    WrongType {
        /// The template.
        template: String,
        /// The variable.
        name: String,
        /// The type, with an example, or the texts that it can be.
        wanted: String,
        /// The value as it was given.
        given: String,
    },
    /// `--os` names a system that the template is not made for.
    #[error("template `{template}` is not made for {os}; it is for {known}")]
    OtherOs {
        /// The template.
        template: String,
        /// The system that was asked for.
        os: &'static str,
        /// Those that it is made for.
        known: String,
    },
    /// The file whose text a variable is cannot be read.
    #[error("template `{template}`: cannot read the file {} that `{name}` names", path.display())]
    VariableFile {
        /// The template.
        template: String,
        /// The variable.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A variable without a default was not set.
    #[error("template `{template}` needs a value for `{name}` ({description}): give --set {name}=VALUE")]
    Unset {
        /// The template.
        template: String,
        /// The variable.
        name: String,
        /// What it is for.
        description: String,
    },
    /// EC2 takes no user data of that size.
    #[error(
        "the user data is {raw} bytes{}; EC2 takes at most {limit}: make it smaller, or let the node fetch the rest",
        how_sent(*raw, *sent)
    )]
    TooLarge {
        /// Its size as rendered or read, bytes.
        raw: usize,
        /// Its size as it would be sent, bytes: smaller when compressed.
        sent: usize,
        /// The most that EC2 takes, bytes.
        limit: usize,
    },
    /// The file given with `--user-data` cannot be read.
    #[error("cannot read the user data {path}")]
    UserDataUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file given with `--user-data` is empty.
    #[error("the user data {path} is empty: leave --user-data out to use a template")]
    UserDataEmpty {
        /// The file.
        path: PathBuf,
    },
}

impl TemplateError {
    /// Whether there is no such template, as against one that cannot be used.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoManifest { .. })
    }
}

/// The template that was probably meant, and what leads over to all of them.
fn meant(name: &str, known: &str) -> String {
    match nearest(name, known.split(", ")) {
        Some(near) => format!("did you mean `{near}`? Built in are"),
        None => "built in are".to_owned(),
    }
}

fn how_sent(raw: usize, sent: usize) -> String {
    if sent == raw { " and cannot be sent compressed".to_owned() } else { format!(", {sent} compressed") }
}
