//! Asking nodes one question, once, side by side.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::domain::intent::Intent;
use crate::domain::names::{EnvName, host_alias};
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::ssh::readiness::{self, CheckResult};
use crate::ssh::{SshError, SshOptions, Tty, managed_config};

use super::probe::{self, Reach, Way};

/// Nodes that are asked at the same time. Each is one ssh process.
const AT_ONCE: usize = 24;
/// How long a node has to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// How long all of them have, however many they are.
const ALL_WITHIN: Duration = Duration::from_secs(20);

/// What nodes answered, by index: what a node printed, or why it did not answer.
pub type Answers = BTreeMap<u32, Result<String, String>>;

/// Asks those nodes that run: gives each this line for its shell.
///
/// # Errors
/// When ssh's configuration cannot be written.
pub async fn ask(
    reach: &Reach,
    env: &EnvName,
    intent: &Intent,
    views: &[NodeView],
    line: &str,
) -> Result<Answers, SshError> {
    // Addresses may have changed since the last `up`: EC2 may have stopped and started a node.
    let hosts = probe::hosts(reach, env, intent.nodes, &intent.access, views);
    managed_config::write_environment(&reach.ssh_dir, env.as_str(), &hosts)?;
    let deadline = Instant::now() + ALL_WITHIN;
    let (mut tasks, mut answers) = (JoinSet::new(), Answers::new());
    for view in views.iter().filter(|view| view.phase >= Phase::Running && view.index < intent.nodes) {
        let Some(instance) = view.instance_id.clone().filter(|_| view.public_ip.is_some()) else { continue };
        if tasks.len() >= AT_ONCE {
            answers.extend(tasks.join_next().await.and_then(Result::ok));
        }
        let (reach, alias, index) = (reach.clone(), host_alias(env, view.index, intent.nodes), view.index);
        let line = line.to_owned();
        tasks.spawn(async move {
            let answer = tokio::time::timeout_at(deadline, one(&reach, &instance, &alias, line)).await;
            (index, answer.unwrap_or_else(|_elapsed| Err(format!("no answer within {ALL_WITHIN:?}"))))
        });
    }
    answers.extend(tasks.join_all().await);
    Ok(answers)
}

async fn one(reach: &Reach, instance: &str, alias: &str, line: String) -> Result<String, String> {
    tracing::debug!(instance, alias, "asking a node");
    match &reach.way {
        Way::Direct => at(reach, alias, line, None).await,
        #[cfg(feature = "simulator")]
        Way::Simulated { simulator, .. } => {
            // It listens for as long as it is held.
            let listener = simulator.ssh_listener(instance).await.map_err(|error| error.to_string())?;
            at(reach, alias, line, Some(listener.address)).await
        }
        #[cfg(feature = "simulator")]
        Way::Imagined(_) => Err("no command runs where no ssh is".to_owned()),
    }
}

async fn at(reach: &Reach, alias: &str, line: String, via: Option<SocketAddr>) -> Result<String, String> {
    let options =
        SshOptions { batch: true, connect_timeout: Some(ANSWER_WITHIN), tty: Tty::Never, via, ..SshOptions::default() };
    match readiness::check(&reach.ssh_dir, alias, &options, &[line], ANSWER_WITHIN).await {
        CheckResult::Answered { output, .. } => Ok(output),
        CheckResult::NotYet { reason }
        | CheckResult::KeyRefused { reason }
        | CheckResult::BadConfiguration { reason } => Err(reason),
        CheckResult::HostKeyChanged(error) | CheckResult::Failed(error) => Err(error.to_string()),
    }
}
