//! `--set NAME=VALUE`, checked against what the template declares.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Template, TemplateError, VariableKind, VariableSpec};
use crate::config::nearest;

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a string, a whole number, true, false, or a list of strings")]
pub enum Value {
    /// Any text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A switch.
    Boolean(bool),
    /// Texts.
    List(Vec<String>),
}

/// The values of all of a template's variables.
pub type Variables = BTreeMap<String, Value>;

impl Value {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> VariableKind {
        match self {
            Self::Text(_) => VariableKind::String,
            Self::Integer(_) => VariableKind::Integer,
            Self::Boolean(_) => VariableKind::Boolean,
            Self::List(_) => VariableKind::List,
        }
    }
}

impl VariableKind {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Integer => "a whole number, such as 3",
            Self::Boolean => "true or false",
            Self::List => "a list, such as git,tmux",
        }
    }

    fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::String => Some(Value::Text(text.to_owned())),
            Self::Integer => text.trim().parse().ok().map(Value::Integer),
            Self::Boolean => text.trim().parse().ok().map(Value::Boolean),
            Self::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Value::List(items.map(str::to_owned).collect()))
            }
        }
    }
}

impl VariableSpec {
    pub(super) fn takes(&self, value: &Value) -> bool {
        self.one_of.is_empty() || matches!(value, Value::Text(text) if self.one_of.contains(text))
    }

    pub(super) fn in_words(&self) -> String {
        if self.one_of.is_empty() { self.kind.in_words().to_owned() } else { self.one_of.join(" or ") }
    }
}

/// The values of all of the template's variables: those that the user set, and the defaults of the others.
///
/// # Errors
/// A variable that the template does not declare, a value of another type, and a variable without a default not set.
pub fn set_variables(template: &Template, set: &BTreeMap<String, String>) -> Result<Variables, TemplateError> {
    let label = || template.label().to_owned();
    let specs = &template.manifest.variables;
    let mut values = Variables::new();
    for (name, text) in set {
        let Some(spec) = specs.get(name) else {
            let hint = names_there_are(name, specs.keys().map(String::as_str));
            return Err(TemplateError::UnknownVariable { template: label(), name: name.clone(), hint });
        };
        let value =
            spec.kind.parse(text).filter(|value| spec.takes(value)).ok_or_else(|| TemplateError::WrongType {
                template: label(),
                name: name.clone(),
                wanted: spec.in_words(),
                given: text.clone(),
            })?;
        values.insert(name.clone(), value);
    }
    for (name, spec) in specs {
        if values.contains_key(name) {
            continue;
        }
        let default = spec.default.clone().ok_or_else(|| TemplateError::Unset {
            template: label(),
            name: name.clone(),
            description: spec.description.clone(),
        })?;
        values.insert(name.clone(), default);
    }
    Ok(values)
}

/// Whether a template's text can refer to a variable of this name.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// "did you mean `x`? There are a, b and x", for people who misspelt a name.
pub(super) fn names_there_are<'a>(word: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let all = names.clone().collect::<Vec<_>>().join(", ");
    match nearest(word, names) {
        _ if all.is_empty() => "there are none".to_owned(),
        Some(meant) => format!("did you mean `{meant}`? There are: {all}"),
        None => format!("there are: {all}"),
    }
}
