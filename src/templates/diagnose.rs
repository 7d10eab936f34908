//! A rendering error in words: which name is not there, and which are.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::TemplateError;
use super::variables::names_there_are;

/// The error of a template, with the innermost place that it comes from.
pub(super) fn explain(template: &str, file: &str, error: &Error, values: &Value) -> TemplateError {
    let innermost = innermost(error);
    let undefined = (innermost.kind() == ErrorKind::UndefinedError)
        .then(|| failing_texts(innermost).into_iter().flatten().find_map(|text| missing_name(text, values)))
        .flatten();
    let message = undefined.unwrap_or_else(|| {
        let said = innermost.detail().map_or_else(|| innermost.kind().to_string(), str::to_owned);
        match innermost.kind() {
            ErrorKind::UndefinedError => format!("{said}; there are: {}", roots(values)),
            _ => said,
        }
    });
    TemplateError::Render {
        template: template.to_owned(),
        file: innermost.name().unwrap_or(file).to_owned(),
        line: innermost.line(),
        message,
    }
}

/// An error inside an included part arrives wrapped in "could not render include".
fn innermost(error: &Error) -> &Error {
    let mut innermost = error;
    while let Some(inner) = std::error::Error::source(innermost).and_then(|source| source.downcast_ref::<Error>()) {
        innermost = inner;
    }
    innermost
}

fn roots(values: &Value) -> String {
    values.try_iter().into_iter().flatten().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

/// The failing expression, and its whole line: where a filter fails, the expression is the filter's name alone.
fn failing_texts(error: &Error) -> [Option<&str>; 2] {
    let source = error.template_source().unwrap_or_default();
    let expression = error.range().and_then(|range| source.get(range));
    let line = error.line().and_then(|line| source.lines().nth(line.saturating_sub(1)));
    [expression, line]
}

/// The first name in an expression's text that is not there, with those that are.
fn missing_name(expression: &str, values: &Value) -> Option<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
    expression.split(|letter| !is_part(letter)).find_map(|path| missing_in_path(path, values))
}

fn missing_in_path(path: &str, values: &Value) -> Option<String> {
    let mut here = values.clone();
    let mut walked = String::new();
    for step in path.split('.') {
        // Numbers, operators and names of the template's own are none of ours.
        if walked.is_empty() && here.get_attr(step).ok().is_none_or(|found| found.is_undefined()) {
            return None;
        }
        if here.is_none() {
            return Some(format!("`{path}`: there is no {walked} here; ask first, with {{% if {walked} %}}"));
        }
        let next = here.get_attr(step).ok()?;
        if next.is_undefined() {
            return Some(format!("`{path}` is not defined; {}", known_names(step, &here, &walked)));
        }
        if !walked.is_empty() {
            walked.push('.');
        }
        walked.push_str(step);
        here = next;
    }
    None
}

fn known_names(step: &str, table: &Value, prefix: &str) -> String {
    if table.kind() != ValueKind::Map {
        return format!("`{prefix}` has no parts");
    }
    let names: Vec<String> = table.try_iter().into_iter().flatten().map(|name| format!("{prefix}.{name}")).collect();
    names_there_are(&format!("{prefix}.{step}"), names.iter().map(String::as_str))
}
