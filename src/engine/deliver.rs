//! Handing a node its files: asking what it has, sending what it lacks.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::wire::{self, Has};
use crate::delivery::{Delivery, Package, Unpacked};
use crate::domain::observed::Probe;
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::ssh::readiness::{self, CheckResult};
use crate::ssh::{SshDir, SshOptions};
use crate::templates::{self, Member, Readiness};

use super::probe::Asked;

/// How long a node has to take its files and to run the command afterwards.
const SENT_WITHIN: Duration = Duration::from_secs(120);
/// How long a node has to answer a question.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// What a node is to be given now.
#[derive(Clone, Debug)]
pub(super) enum Load {
    /// Nothing: there is nothing for it, or it has it already.
    None,
    /// These files.
    Package(Arc<Package>),
    /// Nothing yet, for want of what these words say.
    Waits(String),
    /// Nothing ever, for the reason that these words say.
    Wrong(String),
}

/// A node, and how it is spoken to.
pub(super) struct Talk<'a> {
    pub dir: &'a SshDir,
    pub alias: &'a str,
    pub user: &'a str,
    pub options: SshOptions,
}

/// The members of a cluster as its delivered files may know them.
pub(super) fn members(env: &str, nodes: u32, views: &[NodeView]) -> Vec<Member> {
    // The address of what is ending is nobody's in a moment.
    let lives = |view: &&NodeView| !matches!(view.phase, Phase::Absent | Phase::Ending | Phase::Gone);
    let address = |index: u32| views.iter().filter(lives).find(|view| view.index == index)?.private_ip.clone();
    (0..nodes).map(|index| Member { node: templates::Node::of(env, index), address: address(index) }).collect()
}

/// Puts together what a member gets.
pub(super) fn load(delivery: &Delivery, member: &Member, members: &[Member], now: Timestamp) -> Load {
    match delivery.pack(member, members, now) {
        Ok(package) => Load::Package(Arc::new(package)),
        Err(Unpacked::Waits(why)) => Load::Waits(format!("its files: {why}")),
        Err(Unpacked::Wrong(error)) => Load::Wrong(format!("its files cannot be put together: {}", chain(&error))),
    }
}

/// An error with its causes, for what is one sentence in the end.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

impl Talk<'_> {
    /// Gives the node its files. `Err` says how it stands with a node that does not have them yet.
    pub(super) async fn hand_over(&self, load: &Load, waits_for_cloud_init: bool) -> Result<(), (Probe, Asked)> {
        if matches!(load, Load::None) {
            return Ok(());
        }
        // Owners of files may come with packages; and cloud-init that has failed is told in its own words.
        if waits_for_cloud_init {
            let (code, output) = self.say(templates::BOOT_QUESTION, None, ANSWERED_WITHIN).await?;
            match templates::read_answer(i32::from(code), &output) {
                Readiness::Ready { .. } => {}
                Readiness::Waiting(why) => return otherwise(Probe::Reachable(why)),
                Readiness::Failed(why) => return otherwise(Probe::Failed(why)),
            }
        }
        match load {
            Load::None => Ok(()),
            Load::Waits(why) => otherwise(Probe::Reachable(why.clone())),
            Load::Wrong(why) => otherwise(Probe::Failed(why.clone())),
            Load::Package(package) => self.send(package).await,
        }
    }

    async fn send(&self, package: &Package) -> Result<(), (Probe, Asked)> {
        let command = wire::command(self.user);
        let (code, output) = self.say(&command, Some(wire::question()), ANSWERED_WITHIN).await?;
        if code != 0 {
            return otherwise(refused(&output));
        }
        let has: Has = wire::read_answer(&output);
        let Some(shipment) = has.shipment(&package.parcels, package.done.as_deref()) else { return Ok(()) };
        let files = has.lacks(&package.parcels).len();
        tracing::debug!(node = self.alias, files, "sending files");
        let (code, output) = self.say(&command, Some(shipment), SENT_WITHIN).await?;
        match code {
            0 => Ok(()),
            wire::DONE_FAILED => {
                let why = format!("its files are there, but the command for them failed: {}", last_line(&output));
                Err((Probe::Reachable(why), Asked::DoneFailed))
            }
            _ => otherwise(refused(&output)),
        }
    }

    /// Says something to the node, and gives what it answers: exit status and output.
    async fn say(
        &self,
        command: &str,
        input: Option<Vec<u8>>,
        within: Duration,
    ) -> Result<(u8, String), (Probe, Asked)> {
        let command = [command.to_owned()];
        match readiness::tell(self.dir, self.alias, &self.options, &command, input, within).await {
            CheckResult::Answered { code, output } => Ok((code, output)),
            other => Err(super::probe::standing(other)),
        }
    }
}

fn otherwise(probe: Probe) -> Result<(), (Probe, Asked)> {
    Err((probe, Asked::Otherwise))
}

/// A node that could not take its files: no sudo, no such owner, a full disk. None of these passes by waiting.
fn refused(output: &str) -> Probe {
    Probe::Failed(format!("it cannot take its files: {}", last_line(output)))
}

fn last_line(output: &str) -> &str {
    output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it does not say why")
}
