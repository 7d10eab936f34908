//! A line to simulated nodes on which only time passes, so that a thousand nodes can be asked on a paused clock: there
//! neither sockets nor ssh's processes would be waited for.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::domain::observed::Probe;
use crate::simulator::Simulator;
use crate::simulator::sshd::{CloudInit, NodeFacts};

use super::probe::BANNER_WITHIN;

/// When TCP sends its first packet and its repeats, each after the one before: 1 s, then twice as long each time
/// (RFC 6298, 2.1 and 5.5). A machine that boots drops them.
const SENT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];

/// A line, and how slow it is.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where the nodes are.
    pub simulator: Simulator,
    /// What a command over ssh takes, from the first packet to its exit code.
    pub login: Duration,
}

impl Line {
    /// How a node stands.
    pub(super) async fn ask(&self, instance: &str, logins: &Semaphore) -> Probe {
        if timeout(BANNER_WITHIN, self.connected(instance)).await.is_err() {
            return Probe::Unreachable(format!("no answer within {BANNER_WITHIN:?}"));
        }
        let _turn = logins.acquire().await;
        self.log_in(instance).await
    }

    async fn connected(&self, instance: &str) {
        for pause in SENT {
            sleep(pause).await;
            if self.facts(instance).is_some() {
                return;
            }
        }
        std::future::pending().await
    }

    /// The answer is of the moment at which the command runs, which is not the one at which it is known here.
    async fn log_in(&self, instance: &str) -> Probe {
        sleep(self.login / 2).await;
        let facts = self.facts(instance);
        sleep(self.login / 2).await;
        match facts.map(|it| it.cloud_init) {
            Some(CloudInit::Done) => Probe::Ready,
            Some(CloudInit::Running) => Probe::Reachable("its first boot is not finished".to_owned()),
            None => Probe::Unreachable("the connection was closed".to_owned()),
        }
    }

    fn facts(&self, instance: &str) -> Option<NodeFacts> {
        self.simulator.node_facts(instance).ok().flatten()
    }
}
