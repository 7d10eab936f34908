//! Looks user data over before anything is created, and without a network.
//!
//! - `template`: a template, rendered in all its branches
//! - `document`: what kind of user data it is: cloud-config, Ignition, a script, MIME, ...
//! - `yaml`, `keys`, `cloud_config`, `files`, `commands`, `disks`: a cloud-config
//! - `coreos`: the dialects that look like one
//! - `ignition`: an Ignition config
//! - `unit`, `shell`, `secrets`: what is in files and commands
//! - `cloud_init`: the installed cloud-init's own opinion
//! - `finding`, `rules`: what is said, and everything that is looked for

mod cloud_config;
mod cloud_init;
mod commands;
mod coreos;
mod disks;
mod document;
mod files;
mod finding;
mod ignition;
mod keys;
mod rules;
mod secrets;
mod shell;
mod template;
#[cfg(test)]
mod tests;
mod unit;
mod yaml;

use std::collections::BTreeSet;

use crate::domain::intent::ImageFamily;

use super::{Template, USER_DATA_LIMIT, UserDataFormat, prepare};

pub use finding::{Finding, Level, Place, Rule};
pub use rules::ALL as RULES;
pub use template::template;

use finding::Embedded;

/// Programs of this machine that are asked.
#[derive(Debug, Default)]
pub struct Tools {
    /// Whether shells are asked for the syntax of scripts.
    pub shells: bool,
    /// Whether the installed cloud-init is asked for its opinion.
    pub cloud_init: bool,
    asked: shell::Shells,
}

impl Tools {
    /// These programs.
    #[must_use]
    pub fn new(shells: bool, cloud_init: bool) -> Self {
        Self { shells, cloud_init, asked: shell::Shells::default() }
    }
}

/// What is known of the machine that the user data is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Its image.
    pub family: Option<ImageFamily>,
    /// The login name of that image.
    pub user: Option<String>,
    /// What the user data must be.
    pub format: Option<UserDataFormat>,
    /// Whether it may be compressed.
    pub gzip: bool,
}

impl Around {
    /// The machine that a template is for; user data of any format may be for the same.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        Self {
            family: Some(template.manifest.image.family),
            user: Some(template.manifest.user.clone()),
            format: None,
            gzip: template.manifest.may_be_gzipped(),
        }
    }
}

/// How large one user data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// Of which rendering.
    pub of: String,
    /// As it is, bytes.
    pub raw: usize,
    /// As it is sent, bytes.
    pub sent: usize,
}

/// All that a check has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was found, in the order of the text.
    pub findings: Vec<Finding>,
    /// The sizes.
    pub sizes: Vec<Size>,
    /// What was not looked into, and why.
    pub not_looked_into: BTreeSet<String>,
}

impl Report {
    /// How many findings of a level there are.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.rule.level == level).count()
    }

    /// Adds what another check of much the same text says; what is said already is not said again. `seen` gives what
    /// makes two findings the same, beside rule and message.
    fn absorb(&mut self, other: Self) {
        let same = |a: &Finding, b: &Finding| a.rule == b.rule && a.message == b.message && a.file == b.file;
        for finding in other.findings {
            if !self.findings.iter().any(|known| same(known, &finding)) {
                self.findings.push(finding);
            }
        }
        for size in other.sizes {
            if !self.sizes.contains(&size) {
                self.sizes.push(size);
            }
        }
        self.not_looked_into.extend(other.not_looked_into);
    }
}

/// Looks user data over: a file's, or what a template rendered. `file` is what findings call it.
#[must_use]
pub fn user_data(file: &str, bytes: &[u8], around: &Around, tools: &mut Tools) -> Report {
    let mut check = Check::new(file, around, tools);
    let size = check.size(bytes);
    document::check(&mut check, bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut report = check.finish(&text);
    report.sizes.push(size);
    report
}

/// One look at one text.
struct Check<'a> {
    around: &'a Around,
    tools: &'a mut Tools,
    file: String,
    /// On which line of the file the text begins that is looked at: parts of a MIME message begin further down.
    first_line: usize,
    report: Report,
}

impl<'a> Check<'a> {
    fn new(file: &str, around: &'a Around, tools: &'a mut Tools) -> Self {
        Self { around, tools, file: file.to_owned(), first_line: 1, report: Report::default() }
    }

    fn say(&mut self, rule: &'static Rule, place: Option<Place>, message: impl Into<String>, advice: &str) {
        let place = place.map(|it| Place { line: it.line + self.first_line - 1, ..it });
        let finding =
            Finding { rule, file: self.file.clone(), place, message: message.into(), advice: advice.to_owned() };
        if !self.report.findings.contains(&finding) {
            self.report.findings.push(finding);
        }
    }

    fn not_looked_into(&mut self, what: impl Into<String>) {
        self.report.not_looked_into.insert(what.into());
    }

    fn size(&mut self, bytes: &[u8]) -> Size {
        let mut sent = bytes.len();
        match prepare(bytes.to_vec(), self.around.gzip) {
            Ok(prepared) => sent = prepared.bytes.len(),
            Err(super::TemplateError::TooLarge { sent: would_be, .. }) => {
                sent = would_be;
                let message = format!("{} bytes, {sent} as sent; EC2 takes at most {USER_DATA_LIMIT}", bytes.len());
                self.say(rules::SIZE, None, message, "make it smaller, or let the node fetch the rest");
            }
            Err(_) => {}
        }
        Size { of: self.file.clone(), raw: bytes.len(), sent }
    }

    /// What a text inside the user data may be: a unit, a script.
    fn embedded(&mut self, path: &str, text: &Embedded<'_>) {
        let (kind, shell) = (unit::kind_of(path), shell::shell_of(text.text));
        if (kind.is_none() && shell.is_none()) || self.is_unrendered(text) {
            return;
        }
        if let Some(kind) = kind {
            unit::check(self, text, kind);
        }
        if let Some(shell) = shell {
            shell::check(self, text, shell);
            disks::in_script(self, text);
        }
    }

    /// Whether a script or unit is for another tool's templates, which is said: then it is not what it will be.
    fn is_unrendered(&mut self, text: &Embedded<'_>) -> bool {
        let marked = |line: &str| cloud_config::is_control(line) || line.contains("<%");
        let Some(index) = text.text.lines().position(marked) else { return false };
        let message = format!("{}: this looks like another tool's template", text.name);
        self.say(
            rules::UNRENDERED,
            text.place(index + 1),
            message,
            "render it first: user data is sent as it is; its syntax was not looked into",
        );
        true
    }

    /// The report, without what the text itself silences.
    fn finish(mut self, text: &str) -> Report {
        let lines: Vec<&str> = text.lines().collect();
        self.report.findings.retain(|finding| !is_silenced(finding, &lines));
        self.report.findings.sort_by_key(|finding| finding.place);
        self.report
    }
}

/// `# cloudtop: allow RULE because REASON` on the line or the one above. What cannot work is not silenced.
fn is_silenced(finding: &Finding, lines: &[&str]) -> bool {
    let Some(place) = finding.place.filter(|_| finding.rule.level != Level::Error) else { return false };
    let last = place.line.min(lines.len());
    let near = lines.get(place.line.saturating_sub(2)..last).unwrap_or_default();
    near.iter().any(|line| {
        let words = line.split_once("# cloudtop: allow ").map(|(_, words)| words).unwrap_or_default();
        words
            .split_once(" because ")
            .is_some_and(|(rule, reason)| rule == finding.rule.name && !reason.trim().is_empty())
    })
}
