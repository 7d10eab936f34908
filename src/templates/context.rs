//! What a template may refer to.
//!
//! | name | what |
//! |---|---|
//! | `env.name`, `env.region`, `env.nodes` | the environment's name, region and number of nodes |
//! | `env.expires_at` | when its time is up, as systemd's `OnCalendar=` takes it, or none |
//! | `env.idle_minutes` | after how many minutes without use a node stops itself, or none |
//! | `node.index`, `node.name` | this node: a template that looks at it gets user data of its own for each |
//! | `ssh.user` | the login name |
//! | `vars.*` | the template's variables |
//! | `volume` | none, or `.device`, `.gib`, `.id` (none until it is known), `.mount` |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use super::variables;
use super::{Manifest, Variables};

/// What is the same for all nodes of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The environment's name.
    pub environment: String,
    /// The region.
    pub region: String,
    /// How many nodes there are.
    pub nodes: u32,
    /// When its time is up.
    pub expires_at: Option<Timestamp>,
    /// After how many minutes without use a node stops itself.
    pub idle_minutes: Option<u32>,
    /// The template's variables, all of them: see [`super::set_variables`].
    pub variables: Variables,
    /// The persistent volume of each node, if they have one.
    pub volume: Option<Volume>,
}

/// A persistent volume as the user data may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The device name that it is attached as, for example `/dev/sdj`. Inside the guest it may have another.
    pub device: String,
    /// Its size, GiB. `None`: it exists and nobody asked.
    pub gib: Option<u32>,
    /// Its id. `None` when it is made only after the launch.
    pub id: Option<String>,
}

/// The node that user data is rendered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its index, from 0.
    pub index: u32,
    /// Its name, for example `core-0`.
    pub name: String,
}

impl Node {
    /// A node of an environment.
    #[must_use]
    pub fn of(environment: &str, index: u32) -> Self {
        Self { index, name: format!("{environment}-{index}") }
    }
}

/// The node as a template sees it. It notes that it was looked at: then the next node's user data may differ.
#[derive(Debug)]
pub(super) struct SeenNode {
    node: Node,
    looked_at: Arc<AtomicBool>,
}

impl SeenNode {
    /// A node for a template; `looked_at` is set when it looks.
    pub(super) fn value(node: &Node, looked_at: Arc<AtomicBool>) -> Value {
        Value::from_object(Self { node: node.clone(), looked_at })
    }
}

impl Object for SeenNode {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.looked_at.store(true, Ordering::Relaxed);
        match key.as_str()? {
            "index" => Some(Value::from(self.node.index)),
            "name" => Some(Value::from(self.node.name.clone())),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.looked_at.store(true, Ordering::Relaxed);
        Enumerator::Str(&["index", "name"])
    }
}

impl Context {
    /// The names and values for minijinja, with the node as the template may see it.
    pub(super) fn values(&self, manifest: &Manifest, node: Value) -> BTreeMap<&'static str, Value> {
        let variables: BTreeMap<String, Value> =
            self.variables.iter().map(|(name, value)| (name.clone(), template_value(value))).collect();
        BTreeMap::from([
            (
                "env",
                table([
                    ("name", Value::from(self.environment.clone())),
                    ("region", Value::from(self.region.clone())),
                    ("nodes", Value::from(self.nodes)),
                    ("expires_at", Value::from(self.expires_at.map(calendar))),
                    ("idle_minutes", Value::from(self.idle_minutes)),
                ]),
            ),
            ("node", node),
            ("ssh", table([("user", Value::from(manifest.user.clone()))])),
            ("vars", Value::from(variables)),
            ("volume", Value::from(self.volume.as_ref().map(|volume| volume.values(manifest)))),
        ])
    }
}

impl Volume {
    fn values(&self, manifest: &Manifest) -> Value {
        table([
            ("device", Value::from(self.device.clone())),
            ("gib", Value::from(self.gib)),
            ("id", Value::from(self.id.clone())),
            ("mount", Value::from(manifest.volume_mount.clone())),
        ])
    }
}

fn table<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    Value::from(BTreeMap::from(entries))
}

fn template_value(value: &variables::Value) -> Value {
    match value {
        variables::Value::Text(text) => Value::from(text.clone()),
        variables::Value::Integer(number) => Value::from(*number),
        variables::Value::Boolean(switch) => Value::from(*switch),
        variables::Value::List(items) => items.iter().map(|item| Value::from(item.clone())).collect(),
    }
}

/// An instant as systemd's `OnCalendar=` takes it: systemd.time(7) knows no `T` and `Z` in calendar events of old.
fn calendar(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
