//! Why an environment is not as it should be: what the last run came to, and what helps.

use jiff::Timestamp;

use crate::cloud::Cloud;
use crate::domain::advice;
use crate::domain::call::Call;
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::Goal;
use crate::domain::last_run::LastRun;
use crate::domain::phase::Phase;
use crate::domain::quota::Purchase;
use crate::domain::refusals;
use crate::ui::report::EnvironmentReport;
use crate::ui::time::relative;

/// Tells in a report what the last run came to, for whoever did not watch it: what ended it, each pool that refused,
/// the call that failed and what helps. Nothing where it came to its goal, or all is as it should be by now.
pub fn tell(report: &mut EnvironmentReport, run: &LastRun, now: Timestamp) {
    if run.is_done() || is_met(report) {
        return;
    }
    let absent = |phase| matches!(phase, Phase::Absent | Phase::Requested);
    let lacks_pools = report.nodes.iter().any(|node| absent(node.view.phase));
    report.notes.push(match &run.ended {
        Some((at, outcome)) => format!("`{}` ended {}: {outcome}", run.command, relative(*at, now)),
        None => {
            let began = relative(run.began, now);
            format!("`{}` began {began} and has not ended: it is at work, or was killed", run.command)
        }
    });
    if lacks_pools {
        report.notes.extend(refusals::in_words(&run.refusals));
    }
    if let Some(failed) = &run.failed {
        let reason = failed.failure.to_string();
        let told = run.ended.as_ref().is_some_and(|(_, outcome)| outcome.contains(&reason));
        let reason = if told { String::new() } else { format!(": {reason}") };
        report.notes.push(format!("what failed: {}{reason}", failed.call));
        report.notes.extend(advice::hints(&failed.failure));
    }
    let words = waiting_for(report, run, now);
    for node in report.nodes.iter_mut().filter(|node| node.view.phase == Phase::Absent) {
        node.view.waiting_for = Some(words.clone());
    }
}

/// What a node waits for of which nothing is there.
fn waiting_for(report: &EnvironmentReport, run: &LastRun, now: Timestamp) -> String {
    let why = match (&run.failed, &run.ended) {
        (Some(failed), _) => failed.failure.to_string(),
        (None, _) if !run.refusals.is_empty() => refusals::in_short(&run.refusals),
        (None, Some((_, outcome))) => outcome.clone(),
        (None, None) => "nothing is there yet".to_owned(),
    };
    match &run.ended {
        Some((at, _)) => format!("`cloudtop up {}`: the last run ended {}: {why}", report.name, relative(*at, now)),
        None => why,
    }
}

/// Whether all is as it should be.
pub fn is_met(report: &EnvironmentReport) -> bool {
    let phase = report.phase();
    match report.goal {
        Goal::Running => phase == Phase::Ready,
        Goal::Stopped => matches!(phase, Phase::Stopped | Phase::Absent | Phase::Interrupted),
        Goal::Gone { .. } => phase == Phase::Gone,
    }
}

/// Which quota a launch has met, how full it is, and how to have it raised; nothing for failures of another kind.
pub async fn quota_hints(cloud: &Cloud, call: &Call, failure: &Failure) -> Vec<String> {
    let (Call::Launch(launch) | Call::RequestSpot(launch), Class::Quota) = (call, failure.class) else {
        return Vec::new();
    };
    let name = &launch.pool.instance_type;
    let nodes = u64::try_from(launch.nodes.len()).unwrap_or(u64::MAX);
    match cloud.quota_use(name, Purchase::Spot).await {
        Ok(Some(quota)) => vec![quota.in_words(nodes), quota.how_to_raise(nodes)],
        Ok(None) => vec![format!("AWS names no spot quota for {name}: look under Service Quotas, Amazon EC2")],
        Err(failure) => vec![format!("what is in use of the quota could not be asked for: {failure}")],
    }
}
