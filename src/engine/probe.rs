//! Asking the nodes themselves: does sshd answer, is the first boot finished.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::delivery::Delivery;
use crate::domain::intent::Access;
use crate::domain::names::{EnvName, host_alias};
use crate::domain::observed::Probe;
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::ssh::managed_config::{self, HostEntry};
use crate::ssh::readiness::{self, CheckResult};
use crate::ssh::{SshDir, SshError, SshOptions, Tty};
use crate::templates::{self, Member, Readiness};

use super::deliver::{self, Load, Talk};
use super::schedule::{PROBES, Pace};

/// Nodes that are asked at the same time. One that boots drops what is sent to it, so that asking it takes all of
/// [`BANNER_WITHIN`], and costs a socket alone.
const AT_ONCE: usize = 96;
/// How many of them are spoken to over ssh: each is a process with three pipes, and a shell of macOS grants a program no
/// more than 256 open files.
const LOGINS: usize = 48;
/// How long a node has to accept a connection and name its ssh version.
pub(super) const BANNER_WITHIN: Duration = Duration::from_secs(5);
/// How soon a node is asked again that answered and is not ready: a login that succeeds brings no penalty of sshd's.
const ANSWERED_WAITS: Duration = Duration::from_secs(2);
/// How long the ready command may take.
const CHECK_WITHIN: Duration = Duration::from_secs(30);
/// How many times in a row a node may refuse the key: cloud-init installs it while sshd already answers.
const KEY_REFUSALS: u32 = 24;
/// How many times in a row the command after a delivery may fail: what it starts may wait for other nodes.
const DONE_FAILURES: u32 = 6;

/// How nodes are reached.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Where the tool keeps its ssh files.
    pub ssh_dir: SshDir,
    /// The way there.
    pub way: Way,
}

/// The way to a node's sshd.
#[derive(Clone, Debug)]
pub enum Way {
    /// By its public address.
    Direct,
    /// To a simulated node in this very process, on loopback.
    #[cfg(feature = "simulator")]
    Simulated {
        /// The world that the node is in.
        simulator: crate::simulator::Simulator,
        /// The command that other processes reach it with; `{}` stands for the instance id.
        proxy_command: String,
    },
    /// To a simulated node without ssh: what asking takes passes on tokio's clock, which may be paused.
    #[cfg(feature = "simulator")]
    Imagined(super::imagined::Line),
}

/// Keeps asking nodes, some at a time, each at its own pace.
pub(super) struct Prober {
    reach: Reach,
    env: EnvName,
    nodes: u32,
    access: Access,
    delivery: Option<Arc<Delivery>>,
    /// The members that delivered files were made for last.
    members: Vec<Member>,
    tasks: JoinSet<Answer>,
    logins: Arc<Semaphore>,
    /// By instance id.
    states: BTreeMap<String, State>,
    /// What ssh's configuration says of the nodes now.
    written: Vec<HostEntry>,
}

struct State {
    pace: Pace,
    due: Instant,
    under_way: bool,
    /// How the last answers were that may not go on for ever, and how many in a row.
    in_a_row: (Asked, u32),
    /// What it gets; nothing while it has not been put together, or when it has it.
    load: Option<Load>,
}

/// How far one asking came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    KeyRefused,
    /// It has its files, and the command for them failed.
    DoneFailed,
    Otherwise,
}

impl Asked {
    /// How often in a row a node may answer so, and what is said of it then.
    fn patience(self) -> Option<(u32, &'static str)> {
        match self {
            Self::KeyRefused => Some((KEY_REFUSALS, "it refuses the key again and again")),
            Self::DoneFailed => Some((DONE_FAILURES, "again and again")),
            Self::Otherwise => None,
        }
    }
}

/// What came of one asking.
struct Answer {
    instance: String,
    probe: Probe,
    asked: Asked,
    /// Whether the node has its files now, as far as there are any.
    has_files: bool,
}

impl Prober {
    pub(super) fn new(reach: Reach, env: EnvName, nodes: u32, access: Access, delivery: Option<Arc<Delivery>>) -> Self {
        let (members, tasks, states, written) = (Vec::new(), JoinSet::new(), BTreeMap::new(), Vec::new());
        let logins = Arc::new(Semaphore::new(LOGINS));
        Self { reach, env, nodes, access, delivery, members, tasks, logins, states, written }
    }

    /// Notes who the members of the cluster are. True when they are others than those that files were made for: then
    /// every node, ready or not, is to be asked anew.
    pub(super) fn members_changed(&mut self, views: &[NodeView]) -> bool {
        if self.delivery.is_none() {
            return false;
        }
        let members = deliver::members(&self.env, self.nodes, views);
        if members == self.members {
            return false;
        }
        self.members = members;
        self.states.values_mut().for_each(|state| state.load = None);
        true
    }

    /// Starts asking those nodes that run, are not known to be ready, and were not asked a moment ago.
    ///
    /// # Errors
    /// When ssh's configuration cannot be written.
    pub(super) fn ask(
        &mut self,
        views: &[NodeView],
        ready: &dyn Fn(&str) -> bool,
        time: Timestamp,
    ) -> Result<(), SshError> {
        self.write_hosts(views)?;
        let now = Instant::now();
        let waits = |view: &&NodeView| {
            view.phase >= Phase::Attached && view.instance_id.as_deref().is_some_and(|instance| !ready(instance))
        };
        let asked: BTreeSet<&str> = views.iter().filter(waits).filter_map(|view| view.instance_id.as_deref()).collect();
        self.states.retain(|instance, _| asked.contains(instance.as_str()));
        let mut due = Vec::new();
        for view in views.iter().filter(waits) {
            let Some((instance, address)) = view.instance_id.clone().zip(view.public_ip.clone()) else { continue };
            let state = self.states.entry(instance.clone()).or_insert_with(|| State::new(now));
            if !state.under_way && state.due <= now {
                due.push((state.due, view, instance, address));
            }
        }
        // Who has waited longest comes first: the first nodes are due again before the last ones had their turn.
        due.sort_by_key(|(since, ..)| *since);
        for (_, view, instance, address) in due.into_iter().take(AT_ONCE.saturating_sub(self.tasks.len())) {
            let Some(state) = self.states.get_mut(&instance) else { continue };
            state.under_way = true;
            let put_together = || match (&self.delivery, self.members.iter().find(|it| it.node.index == view.index)) {
                (Some(delivery), Some(member)) => deliver::load(delivery, member, &self.members, time),
                _ => Load::None,
            };
            let load = state.load.get_or_insert_with(put_together).clone();
            let question = Question {
                load,
                waits_for_cloud_init: self.delivery.as_ref().is_some_and(|it| it.waits_for_cloud_init()),
                user: self.access.user.clone(),
                reach: self.reach.clone(),
                alias: host_alias(&self.env, view.index, self.nodes),
                instance,
                address,
                port: self.access.port,
                ready_command: self.access.ready_command.clone(),
                logins: Arc::clone(&self.logins),
            };
            self.tasks.spawn(question.ask());
        }
        Ok(())
    }

    /// When the next node is due to be asked, if one is and there is room for one more question.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.tasks.len() >= AT_ONCE {
            return None;
        }
        self.states.values().filter(|state| !state.under_way).map(|state| state.due).min()
    }

    /// Waits for the next answers. Never returns while nobody is asked.
    pub(super) async fn answers(&mut self) -> Vec<(String, Probe)> {
        let mut answers = Vec::new();
        loop {
            match self.tasks.join_next().await {
                Some(Ok(first)) => answers.push(self.take(first)),
                // A task that panicked or was aborted has no answer; its node is asked again when it is due.
                Some(Err(_)) => continue,
                None => std::future::pending().await,
            }
            while let Some(Ok(more)) = self.tasks.try_join_next() {
                answers.push(self.take(more));
            }
            return answers;
        }
    }

    fn take(&mut self, answer: Answer) -> (String, Probe) {
        let Answer { instance, probe, asked, has_files } = answer;
        let state = self.states.entry(instance.clone()).or_insert_with(|| State::new(Instant::now()));
        state.under_way = false;
        let wait = state.pace.next_wait();
        let answered = asked == Asked::Otherwise && matches!(probe, Probe::Reachable(_));
        state.due = Instant::now() + if answered { wait.min(ANSWERED_WAITS) } else { wait };
        state.in_a_row = (asked, if state.in_a_row.0 == asked { state.in_a_row.1 + 1 } else { 1 });
        if self.delivery.is_some() && state.load.is_none() && probe == Probe::Ready {
            // The members changed while it was asked: it is ready with files that were right before.
            return (instance, Probe::Reachable("its files are made anew, for the cluster has changed".to_owned()));
        }
        state.keep_load(&probe, has_files);
        let Probe::Reachable(reason) = &probe else { return (instance, probe) };
        match asked.patience() {
            Some((most, words)) if state.in_a_row.1 >= most => {
                let failed = Probe::Failed(format!("{words}: {reason}"));
                (instance, failed)
            }
            _ => (instance, probe),
        }
    }

    /// Keeps ssh's configuration of the nodes true: their addresses change over a stop and start.
    pub(super) fn write_hosts(&mut self, views: &[NodeView]) -> Result<(), SshError> {
        let entries = hosts(&self.reach, &self.env, self.nodes, &self.access, views);
        if entries != self.written {
            managed_config::write_environment(&self.reach.ssh_dir, self.env.as_str(), &entries)?;
            self.written = entries;
        }
        Ok(())
    }
}

impl State {
    fn new(now: Instant) -> Self {
        Self { pace: PROBES.start(), due: now, under_way: false, in_a_row: (Asked::Otherwise, 0), load: None }
    }

    /// A node that has its files is not asked about them again, unless it was away in between: what lies below /run is
    /// gone after a boot. What could not be put together is tried anew.
    fn keep_load(&mut self, probe: &Probe, has_files: bool) {
        let away = matches!(probe, Probe::Unreachable(_));
        match &self.load {
            Some(Load::Package(_)) if has_files => self.load = Some(Load::None),
            Some(Load::None | Load::Waits(_)) if away || !has_files => self.load = None,
            _ => {}
        }
    }
}

/// What ssh needs to know of the nodes that have an address.
#[must_use]
pub fn hosts(reach: &Reach, env: &EnvName, nodes: u32, access: &Access, views: &[NodeView]) -> Vec<HostEntry> {
    let with_address = views.iter().filter(|view| view.index < nodes && view.phase >= Phase::Running);
    with_address
        .filter_map(|view| {
            let (instance, address) = view.instance_id.clone().zip(view.public_ip.clone())?;
            Some(HostEntry {
                alias: host_alias(env, view.index, nodes),
                environment: env.to_string(),
                host_name: address,
                port: access.port,
                user: access.user.clone(),
                identity_file: access.identity_file.clone(),
                proxy_command: reach.way.proxy_command().map(|command| command.replace("{}", &instance)),
                host_key_alias: instance,
            })
        })
        .collect()
}

impl Way {
    /// The command that other processes reach a node with; `{}` stands for its instance id.
    fn proxy_command(&self) -> Option<&str> {
        match self {
            Self::Direct => None,
            #[cfg(feature = "simulator")]
            Self::Simulated { proxy_command, .. } => Some(proxy_command),
            #[cfg(feature = "simulator")]
            Self::Imagined(_) => None,
        }
    }
}

/// One asking of one node.
struct Question {
    load: Load,
    waits_for_cloud_init: bool,
    user: String,
    reach: Reach,
    alias: String,
    instance: String,
    address: String,
    port: u16,
    ready_command: Option<String>,
    logins: Arc<Semaphore>,
}

impl Question {
    async fn ask(self) -> Answer {
        let (probe, asked, has_files) = match &self.reach.way {
            Way::Direct => self.ask_at(&self.address, self.port, None).await,
            #[cfg(feature = "simulator")]
            Way::Simulated { simulator, .. } => match simulator.ssh_listener(&self.instance).await {
                Ok(listener) => {
                    let at: SocketAddr = listener.address;
                    self.ask_at(&at.ip().to_string(), at.port(), Some(at)).await
                }
                Err(error) => (Probe::Unreachable(error.to_string()), Asked::Otherwise, false),
            },
            #[cfg(feature = "simulator")]
            Way::Imagined(line) => (line.ask(&self.instance, &self.logins).await, Asked::Otherwise, true),
        };
        Answer { instance: self.instance, probe, asked, has_files }
    }

    /// How the node stands, and whether it has its files.
    async fn ask_at(&self, address: &str, port: u16, via: Option<SocketAddr>) -> (Probe, Asked, bool) {
        if let Err(why) = readiness::banner(address, port, BANNER_WITHIN).await {
            return (Probe::Unreachable(why.to_string()), Asked::Otherwise, false);
        }
        let _turn = self.logins.acquire().await;
        let options = SshOptions {
            batch: true,
            connect_timeout: Some(BANNER_WITHIN),
            tty: Tty::Never,
            via,
            ..SshOptions::default()
        };
        let talk = Talk { dir: &self.reach.ssh_dir, alias: &self.alias, user: &self.user, options: options.clone() };
        if let Err((probe, asked)) = talk.hand_over(&self.load, self.waits_for_cloud_init).await {
            return (probe, asked, false);
        }
        let Some(command) = &self.ready_command else { return (Probe::Ready, Asked::Otherwise, true) };
        let command = std::slice::from_ref(command);
        let answer = readiness::check(&self.reach.ssh_dir, &self.alias, &options, command, CHECK_WITHIN).await;
        let (probe, asked) = standing(answer);
        (probe, asked, true)
    }
}

/// How a node stands, by what came of asking whether it is ready.
pub(super) fn standing(result: CheckResult) -> (Probe, Asked) {
    match result {
        CheckResult::Answered { code, output } => (read(code, &output), Asked::Otherwise),
        CheckResult::NotYet { reason } => (Probe::Reachable(reason), Asked::Otherwise),
        CheckResult::KeyRefused { reason } => (Probe::Reachable(reason), Asked::KeyRefused),
        CheckResult::HostKeyChanged(error) | CheckResult::Failed(error) => {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            (Probe::Failed(format!("{error}{hint}")), Asked::Otherwise)
        }
        CheckResult::BadConfiguration { reason } => (Probe::Failed(reason), Asked::Otherwise),
    }
}

/// What a node's answer to the ready command means.
fn read(code: u8, output: &str) -> Probe {
    match templates::read_answer(i32::from(code), output) {
        Readiness::Ready { .. } => Probe::Ready,
        Readiness::Waiting(why) => Probe::Reachable(why),
        Readiness::Failed(why) => Probe::Failed(why),
    }
}
