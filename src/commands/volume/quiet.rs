//! A file system that rests for the moment in which a snapshot of it is begun.
//!
//! What `CreateSnapshot` takes is what is on the volume when the call returns. A node that runs is asked to freeze the file
//! system of its persistent volume until then: what wants to write meanwhile waits. It thaws when it is told to, when the
//! connection is lost, when this program dies, and by a timer of the node's own that was set before it was frozen.

use std::time::Duration;

use crate::cli::CommandError;
use crate::domain::stored::StoredVolume;
use crate::ssh::dialogue::Dialogue;

use super::super::context::Context;
use super::super::ssh::{self, CONNECT_WITHIN, NodeName};
use super::place::Place;

/// What runs on the node, as root. It says `frozen`, waits for the end of its input, and says `thawed`; or `late`, where the
/// timer was first; or `synced`, where the file system cannot be frozen, and only what was in memory was written.
const SCRIPT: &str = include_str!("freeze.sh");
/// The name of the script where the node shows what runs.
const NAME: &str = "cloudtop-freeze";
/// After this many seconds the node thaws by itself, whatever happens here.
const LIMIT: &str = "20";
/// How long a node has to write what it holds in memory.
const WRITES_WITHIN: Duration = Duration::from_secs(45);
/// How long a node has to say that it has thawed.
const THAWS_WITHIN: Duration = Duration::from_secs(10);

/// What was done for a snapshot's sake.
pub struct Quiet {
    /// Of which node, in words; nothing where nothing was needed.
    of: String,
    how: How,
}

enum How {
    NotNeeded,
    /// Frozen, until this ends.
    Frozen(Box<Dialogue>),
    /// What was in memory was written.
    Synced,
    /// The node could not be asked; why.
    Not(String),
}

impl Quiet {
    /// Nothing writes to the volume.
    pub fn not_needed() -> Self {
        Self { of: String::new(), how: How::NotNeeded }
    }

    /// Has the node of a volume come to rest, as far as it can. That it cannot is no error.
    pub async fn begin(context: &Context, place: &Place, volume: &StoredVolume) -> Self {
        if volume.volume.attachment.is_none() {
            return Self::not_needed();
        }
        let (env, node) = (&place.identity.env, volume.node().unwrap_or_default());
        let how = ask(context, place, node).await.unwrap_or_else(|error| How::Not(error.to_string()));
        Self { of: format!("node {node} of {env}"), how }
    }

    /// Lets it write again, and says what the snapshot is worth.
    pub async fn end(self, context: &Context) {
        let of = &self.of;
        let as_after_power_cut = "what was half written by then is as after a power cut";
        match self.how {
            How::NotNeeded => {}
            How::Frozen(mut dialogue) => {
                dialogue.hang_up();
                match dialogue.next_line(THAWS_WITHIN).await.as_deref() {
                    Some("thawed") => context.ui.status(&format!(
                        "the file system of {of} was frozen for that moment: the snapshot is whole files as they stood"
                    )),
                    Some(_) => context.ui.note(&format!(
                        "EC2 took longer than the {LIMIT} s for which {of} may hold its writes; {as_after_power_cut}"
                    )),
                    None => context.ui.note(&format!(
                        "{of} did not say whether it held its writes all the time, and lets them go after {LIMIT} s by \
                         itself; {as_after_power_cut}"
                    )),
                }
            }
            How::Synced => {
                context.ui.status(&format!("{of} has written what it held in memory; {as_after_power_cut}"));
            }
            How::Not(why) => context.ui.note(&format!(
                "{of} could not be asked to write what it holds in memory ({why}): the snapshot is what a power cut \
                 would leave"
            )),
        }
    }
}

async fn ask(context: &Context, place: &Place, node: u32) -> Result<How, CommandError> {
    let name: NodeName = format!("{}/{node}", place.identity.env)
        .parse()
        .map_err(|error: ssh::NodeNameError| CommandError::usage(error.to_string()))?;
    let mut dialogue = ssh::find(context, &name).await?.talk(&command())?;
    Ok(match dialogue.next_line(CONNECT_WITHIN + WRITES_WITHIN).await.as_deref() {
        Some("frozen") => How::Frozen(Box::new(dialogue)),
        Some("synced") => How::Synced,
        _ => {
            dialogue.hang_up();
            let why = dialogue.complaint(THAWS_WITHIN).await;
            How::Not(why.unwrap_or_else(|| "it does not answer".to_owned()))
        }
    })
}

/// One word for the node's shell, which takes it apart again. Whoever may not be root there can write what is in memory.
fn command() -> String {
    let script = SCRIPT.replace('\'', r"'\''");
    format!("sudo -n true && exec sudo -n sh -c '{script}' {NAME} {LIMIT}; sync; echo synced")
}
