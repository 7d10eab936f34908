//! Where a template's files come from.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::TemplateError;

/// Names, as paths inside a template, and contents.
pub(super) type Files = &'static [(&'static str, &'static str)];

/// A template's files, read one by one as they are asked for.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Built into the program: its own files, and those that all of them share.
    Embedded { name: &'static str, files: Files, parts: Files },
    /// A directory of the user's.
    Directory { label: String, root: PathBuf },
}

impl Source {
    pub(super) fn directory(root: &Path) -> Result<Self, TemplateError> {
        if !root.join("template.toml").exists() {
            return Err(TemplateError::NoManifest { path: root.to_owned() });
        }
        Ok(Self::Directory { label: root.display().to_string(), root: root.to_owned() })
    }

    pub(super) fn label(&self) -> &str {
        match self {
            Self::Embedded { name, .. } => name,
            Self::Directory { label, .. } => label,
        }
    }

    /// Reads a file by its path inside the template, with `/` between the parts.
    ///
    /// Paths that lead out of the template by name are refused, so that reading one's text cannot read another's
    /// files; a symbolic link inside it is the owner's own choice.
    pub(super) fn read(&self, file: &str) -> io::Result<String> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the template has no such file");
        match self {
            Self::Embedded { files, parts, .. } => {
                let mut all = files.iter().chain(*parts);
                all.find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned()).ok_or_else(missing)
            }
            Self::Directory { root, .. } => {
                let path = Path::new(file);
                if !path.components().all(|part| matches!(part, Component::Normal(_))) {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidInput,
                        "a template reads files of its own directory only",
                    ));
                }
                std::fs::read_to_string(root.join(path))
            }
        }
    }
}
