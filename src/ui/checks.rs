//! What `template check` answers, for people and for scripts.

use serde::Serialize;

use super::text::counted;
use crate::templates::USER_DATA_LIMIT;
use crate::templates::check::{Finding, Level, Report};

/// A line for each finding, and one that sums them up.
#[must_use]
pub fn text(subject: &str, report: &Report) -> String {
    let mut lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let counts = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Hint, "hint")];
    let counts = counts.map(|(level, word)| (report.count(level), word)).into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| counted(count, word)).collect();
    let said = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    let sizes = report.sizes.iter().map(|size| {
        let sent = if size.sent == size.raw { String::new() } else { format!(", {} as sent", size.sent) };
        format!("; {} bytes{sent}, of {USER_DATA_LIMIT}", size.raw)
    });
    lines.push(format!("{subject}: {said}{}", sizes.collect::<String>()));
    lines.join("\n")
}

/// The same as JSON.
#[derive(Debug, Serialize)]
pub struct Shape<'a> {
    format_version: u32,
    subject: &'a str,
    errors: usize,
    warnings: usize,
    hints: usize,
    findings: Vec<FindingShape<'a>>,
    sizes: Vec<SizeShape<'a>>,
    not_looked_into: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct FindingShape<'a> {
    level: &'static str,
    rule: &'static str,
    file: &'a str,
    /// From 1; null where a finding is about the whole.
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    advice: &'a str,
}

#[derive(Debug, Serialize)]
struct SizeShape<'a> {
    of: &'a str,
    bytes: usize,
    bytes_as_sent: usize,
    limit: usize,
}

impl<'a> Shape<'a> {
    /// Of a report about a template or a file.
    #[must_use]
    pub fn new(subject: &'a str, report: &'a Report) -> Self {
        let size = |it: &'a crate::templates::check::Size| SizeShape {
            of: &it.of,
            bytes: it.raw,
            bytes_as_sent: it.sent,
            limit: USER_DATA_LIMIT,
        };
        Self {
            format_version: 1,
            subject,
            errors: report.count(Level::Error),
            warnings: report.count(Level::Warning),
            hints: report.count(Level::Hint),
            findings: report.findings.iter().map(FindingShape::from).collect(),
            sizes: report.sizes.iter().map(size).collect(),
            not_looked_into: report.not_looked_into.iter().map(String::as_str).collect(),
        }
    }
}

impl<'a> From<&'a Finding> for FindingShape<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            level: finding.rule.level.as_str(),
            rule: finding.rule.name,
            file: &finding.file,
            line: finding.place.map(|place| place.line),
            column: finding.place.map(|place| place.column),
            message: &finding.message,
            advice: &finding.advice,
        }
    }
}
