//! Rendering: minijinja with undefined names refused and every value quoted for where it lands.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::context::SeenNode;
use super::source::Source;
use super::{Boot, Content, Context, Node, Template, TemplateError, deliver, diagnose, filters, ready};

/// The file that renders to the user data.
const USER_DATA: &str = "user-data";
/// What error messages call the check of `template.toml`.
const READY: &str = "ready.command";
/// What error messages call the command of `template.toml` for the user's own machine.
const AFTER_UP: &str = "after_up";

/// Rendered user data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserData {
    /// As it was rendered; [`super::prepare`] makes it what is sent.
    pub raw: Vec<u8>,
    /// Whether the template looked at the node: then other nodes need a rendering of their own.
    pub per_node: bool,
}

impl Template {
    /// Renders the user data of a node.
    ///
    /// # Errors
    /// [`TemplateError::Render`], with file, line, the name that is not there and those that are.
    pub fn render(&self, context: &Context, node: &Node) -> Result<UserData, TemplateError> {
        let text = self.read(USER_DATA)?;
        let looked_at = Arc::new(AtomicBool::new(false));
        let values = context.values(&self.manifest, SeenNode::value(node, Arc::clone(&looked_at)));
        let rendered = self.render_text(USER_DATA, &text, filters::json, Value::from(values))?;
        Ok(UserData { raw: rendered.into_bytes(), per_node: looked_at.load(Ordering::Relaxed) })
    }

    /// The one line for a node's shell that asks whether the node is ready; [`super::read_answer`] reads the answer.
    ///
    /// `None`: nothing is to be asked, a node that answers ssh is ready.
    ///
    /// # Errors
    /// As [`Self::render`], of `ready.command` in `template.toml`.
    pub fn ready_command(&self, context: &Context, node: &Node) -> Result<Option<String>, TemplateError> {
        let values = context.values(&self.manifest, SeenNode::value(node, Arc::default()));
        let check = self.render_text(READY, &self.manifest.ready.command, filters::shell, Value::from(values))?;
        Ok(ready::question(self.manifest.boot() == Boot::CloudInit, &check))
    }

    /// The command for the user's own machine that is shown once the node is there, if the template has one.
    ///
    /// # Errors
    /// As [`Self::render`], of `after_up` in `template.toml`.
    pub fn after_up(&self, context: &Context, node: &Node) -> Result<Option<String>, TemplateError> {
        let Some(text) = &self.manifest.after_up else { return Ok(None) };
        let values = context.values(&self.manifest, SeenNode::value(node, Arc::default()));
        Ok(Some(self.render_text(AFTER_UP, text, filters::shell, Value::from(values))?))
    }

    /// The names that its texts refer to, in whatever branch: `vars.x`, `env.name`, `volume`; and those of them of which a text
    /// asks whether they are there.
    ///
    /// # Errors
    /// A text that cannot be read or is no template.
    pub(super) fn names(&self) -> Result<(BTreeSet<String>, BTreeSet<String>), TemplateError> {
        let (mut names, mut optional) = (BTreeSet::new(), BTreeSet::new());
        let mut files =
            vec![(USER_DATA.to_owned(), None), (READY.to_owned(), Some(self.manifest.ready.command.clone()))];
        files.extend(self.manifest.after_up.clone().map(|text| (AFTER_UP.to_owned(), Some(text))));
        files.extend(self.manifest.deliver.iter().filter_map(|it| match it.content() {
            Some(Content::Source(file)) => Some((file.to_owned(), None)),
            _ => None,
        }));
        files.push((deliver::DONE.to_owned(), Some(self.manifest.deliver_done.command.clone())));
        let mut seen = BTreeSet::new();
        let values = Value::UNDEFINED;
        let failed = |file: &str, error: &Error| diagnose::explain(self.label(), file, error, &values);
        let environment = environment(&self.source, filters::json).map_err(|error| failed(USER_DATA, &error))?;
        while let Some((file, text)) = files.pop() {
            if !seen.insert(file.clone()) {
                continue;
            }
            let text = text.map_or_else(|| self.source.read(&file), Ok).map_err(|source| {
                TemplateError::Unreadable { template: self.label().to_owned(), file: file.clone(), source }
            })?;
            let template = environment.template_from_named_str(&file, &text).map_err(|error| failed(&file, &error))?;
            names.extend(template.undeclared_variables(true));
            optional.extend(asked_for(&text));
            files.extend(included(&text).map(|name| (name, None)));
        }
        Ok((names, optional))
    }

    /// The text of a file of the template, unrendered.
    pub(super) fn read(&self, file: &str) -> Result<String, TemplateError> {
        self.source.read(file).map_err(|source| TemplateError::Unreadable {
            template: self.label().to_owned(),
            file: file.to_owned(),
            source,
        })
    }

    pub(super) fn render_text(
        &self,
        file: &str,
        text: &str,
        quote: fn(&Value) -> Result<String, Error>,
        values: Value,
    ) -> Result<String, TemplateError> {
        environment(&self.source, quote)
            .and_then(|environment| environment.render_named_str(file, text, values.clone()))
            .map_err(|error| diagnose::explain(self.label(), file, &error, &values))
    }
}

/// The names of which a text asks whether they are there: they need not be.
fn asked_for(text: &str) -> impl Iterator<Item = String> + '_ {
    let questions = text.match_indices(" is defined");
    questions.filter_map(|(at, _)| text[..at].rsplit([' ', '(', '%']).next().map(str::to_owned))
}

/// The files that a text includes by name.
fn included(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("{%").skip(1).filter_map(|tag| {
        let rest = tag.trim_start_matches(['-', '+']).trim_start().strip_prefix("include")?.trim_start();
        let quote = rest.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
        rest[1..].split_once(quote).map(|(name, _)| name.to_owned())
    })
}

fn environment(source: &Source, quote: fn(&Value) -> Result<String, Error>) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // It keeps the text of the failing expression, which names what is undefined.
    environment.set_debug(true);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    // JSON escaping marks what `{% set %}...{% endset %}` gathered as written, so that it is not quoted again.
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    environment.set_formatter(move |out, _, value| {
        let written = if value.is_safe() { value.to_string() } else { quote(value)? };
        out.write_str(&written).map_err(Error::from)
    });
    environment.add_filter("tojson", |value: &Value| filters::json(value).map(Value::from_safe_string));
    environment.add_filter("sh", |value: &Value| filters::shell(value).map(Value::from_safe_string));
    environment.add_filter("data_url", filters::data_url);
    environment.add_filter("gzip_data_url", filters::gzip_data_url);
    environment.add_filter("plain_data_url", filters::plain_data_url);
    environment.add_filter("uncommented", filters::uncommented);
    environment
        .add_filter("block", |text: &Value, indent: usize| filters::block(text, indent).map(Value::from_safe_string));

    let files = source.clone();
    environment.add_function("file", move |name: &str| files.read(name).map_err(|error| unreadable(name, &error)));
    let files = source.clone();
    environment.set_loader(move |name| match files.read(name) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(name, &error)),
    });
    Ok(environment)
}

fn unreadable(file: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("cannot read its file `{file}`: {error}"))
}
