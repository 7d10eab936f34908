//! Files that a template has delivered over ssh: what `template.toml` says of them, and how their text is rendered.
//!
//! | name | what, beside what user data may refer to |
//! |---|---|
//! | `node.address` | this node's address in the VPC |
//! | `cluster.members` | all nodes: `.index`, `.name`, `.address` |
//! | `secrets.NAME` | a random secret that the template declares in `secrets` |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde::Deserialize;

use super::context::SeenNode;
use super::{Context, Node, Template, TemplateError, filters, variables};
use crate::domain::secrets::{PRIVATE, check_owner, check_path, parse_mode};
use crate::pki::Certificate;

/// What error messages call the command of `[deliver_done]`.
pub(super) const DONE: &str = "deliver_done.command";

/// One `[[deliver]]` of `template.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// Where the file lies on a node: an absolute path. Below `/run` it is in memory, and sent again after each boot.
    pub path: String,
    source: Option<String>,
    certificate: Option<Certificate>,
    secret: Option<String>,
    #[serde(default = "root")]
    owner: String,
    mode: Option<String>,
}

/// What is in a delivered file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A file of the template, rendered for the node.
    Source(&'a str),
    /// Something of the environment's own certificate authority.
    Certificate(Certificate),
    /// A random secret of the environment.
    Secret(&'a str),
}

/// What a node does when something of the template's was delivered to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverDone {
    /// Lines for a POSIX shell, run as root, rendered with values quoted for it. Run again at the next delivery where
    /// they end with anything but 0.
    #[serde(default)]
    pub command: String,
}

/// A node of the environment as its delivered files may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The node.
    pub node: Node,
    /// Its address in the VPC. `None`: it has none yet.
    pub address: Option<String>,
}

/// What a delivered file is rendered with, besides the [`Context`] of user data.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    /// The node that gets it.
    pub member: &'a Member,
    /// All nodes, itself too.
    pub members: &'a [Member],
    /// The environment's random secrets.
    pub secrets: &'a BTreeMap<String, String>,
}

/// A rendered file.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its text. It may hold secrets.
    pub text: String,
    /// Whether the template looked at the members: then it is right only where all of them have an address.
    pub names_members: bool,
}

fn root() -> String {
    "root".to_owned()
}

impl Deliver {
    /// What is in it.
    #[must_use]
    pub fn content(&self) -> Option<Content<'_>> {
        match (&self.source, self.certificate, &self.secret) {
            (Some(source), None, None) => Some(Content::Source(source)),
            (None, Some(certificate), None) => Some(Content::Certificate(certificate)),
            (None, None, Some(name)) => Some(Content::Secret(name)),
            _ => None,
        }
    }

    /// Whose it is on a node, as `chown` takes it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Its permissions; 0600 where the template does not say.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode.as_deref().and_then(|mode| parse_mode(mode).ok()).unwrap_or(PRIVATE)
    }

    fn check(&self, secrets: &[String]) -> Result<(), String> {
        let path = &self.path;
        check_path(path).map_err(|wrong| format!("the path `{path}` in [[deliver]] {wrong}"))?;
        if path.starts_with('~') {
            return Err(format!("the path `{path}` in [[deliver]] must begin with /"));
        }
        check_owner(&self.owner).map_err(|wrong| format!("the owner of {path} {wrong}"))?;
        if let Some(mode) = &self.mode {
            parse_mode(mode).map_err(|wrong| format!("the mode of {path} {wrong}"))?;
        }
        match self.content() {
            None => Err(format!("{path} needs one of `source`, `certificate` and `secret`, to say what is in it")),
            Some(Content::Secret(name)) if !secrets.iter().any(|known| known == name) => {
                Err(format!("{path} is the secret `{name}`: declare it with secrets = [\"{name}\"] above all tables"))
            }
            Some(_) => Ok(()),
        }
    }
}

/// What is wrong with the deliveries of a template, by themselves.
pub(super) fn check(deliver: &[Deliver], secrets: &[String]) -> Result<(), String> {
    if let Some(bad) = secrets.iter().find(|name| !variables::is_name(name)) {
        return Err(format!("a secret cannot be called `{bad}`: use letters, digits and _"));
    }
    for (place, file) in deliver.iter().enumerate() {
        file.check(secrets)?;
        if deliver[..place].iter().any(|other| other.path == file.path) {
            return Err(format!("{} is delivered twice", file.path));
        }
    }
    Ok(())
}

/// The members as a template sees them. It notes that they were looked at.
#[derive(Debug)]
struct SeenCluster {
    members: Value,
    looked_at: Arc<AtomicBool>,
}

impl Object for SeenCluster {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.looked_at.store(true, Ordering::Relaxed);
        (key.as_str()? == "members").then(|| self.members.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["members"])
    }
}

fn member_value(member: &Member) -> Value {
    Value::from(BTreeMap::from([
        ("index", Value::from(member.node.index)),
        ("name", Value::from(member.node.name.clone())),
        ("address", Value::from(member.address.clone().unwrap_or_default())),
    ]))
}

impl Template {
    /// Whether nodes get files of this template's over ssh.
    #[must_use]
    pub fn delivers(&self) -> bool {
        !self.manifest.deliver.is_empty()
    }

    /// Renders a file of the template for a node that is up. Values are written as they are.
    ///
    /// # Errors
    /// [`TemplateError::Unreadable`] and [`TemplateError::Render`].
    pub fn render_delivered(
        &self,
        file: &str,
        context: &Context,
        receiver: Receiver<'_>,
    ) -> Result<Rendered, TemplateError> {
        let text = self.read(file)?;
        let looked_at = Arc::new(AtomicBool::new(false));
        let cluster = SeenCluster {
            members: receiver.members.iter().map(member_value).collect(),
            looked_at: Arc::clone(&looked_at),
        };
        let secrets: BTreeMap<String, Value> =
            receiver.secrets.iter().map(|(name, secret)| (name.clone(), Value::from(secret.clone()))).collect();
        let mut values = context.values(&self.manifest, member_value(receiver.member));
        values.insert("cluster", Value::from_object(cluster));
        values.insert("secrets", Value::from(secrets));
        let text = self.render_text(file, &text, filters::bare, Value::from(values))?;
        Ok(Rendered { text, names_members: looked_at.load(Ordering::Relaxed) })
    }

    /// What a node runs as root when something of the template's was delivered. `None`: nothing.
    ///
    /// # Errors
    /// [`TemplateError::Render`], of `deliver_done.command` in `template.toml`.
    pub fn deliver_done(&self, context: &Context, node: &Node) -> Result<Option<String>, TemplateError> {
        let values = Value::from(context.values(&self.manifest, SeenNode::value(node, Arc::default())));
        let command = self.render_text(DONE, &self.manifest.deliver_done.command, filters::shell, values)?;
        Ok(Some(command).filter(|command| !command.trim().is_empty()))
    }
}

#[cfg(test)]
mod tests;
