//! `cloudtop doctor`.
//!
//! - `subject`: what it is asked about: the environment, or what `up` would make by the configuration
//! - `local`: what is on this machine
//! - `remote`: what AWS says

mod local;
mod remote;
mod subject;

use std::future::Future;
use std::time::Duration;

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::domain::doctor::{self, Area, Check};
use crate::domain::names::EnvName;
use crate::ui::{shapes, tables};

use super::context::Context;
use subject::Subject;

/// How long one check may take. Without a network none takes as long.
const LIMIT: Duration = Duration::from_secs(20);

/// What is wrong, and how to mend it.
///
/// Looks at the configuration, the state and ssh on this machine, and at credentials, permissions, network, quota and
/// clock at AWS. Nothing is made or changed: what changes something is tried as EC2's dry run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop doctor\n  cloudtop doctor dev --json\n\
Exit codes: 0 nothing is wrong (warnings may be there), 7 the state, 6 credentials, permission or quota, \
2 configuration, 1 anything else; the highest of them where there are several.")]
pub struct DoctorArgs {
    /// The environment to look at it for: its region, subnet, types, key and template
    pub name: Option<EnvName>,
}

/// Runs `cloudtop doctor`.
///
/// # Errors
/// Something is wrong; it has been told, and the exit code is the worst thing's.
pub async fn run(args: &DoctorArgs, context: &Context) -> Result<(), CommandError> {
    context.ui.status(&format!("looking; no check takes longer than {} s", LIMIT.as_secs()));
    let subject = Subject::find(context, args.name.as_ref()).await;
    let (mut checks, remote) = tokio::join!(local::checks(context, &subject), remote::checks(context, &subject));
    checks.extend(remote);
    if context.globals.json {
        context.ui.json(&shapes::DoctorShape::from(checks.as_slice()))?;
    } else {
        context.ui.answer(&tables::doctor(&checks, context.ui.table_width()))?;
    }
    match doctor::worst(&checks) {
        None => Ok(()),
        Some(area) => Err(CommandError::silent(exit(area).code())),
    }
}

fn exit(area: Area) -> Exit {
    match area {
        Area::Other => Exit::Failed,
        Area::Configuration => Exit::Usage,
        Area::Access => Exit::Denied,
        Area::State => Exit::State,
    }
}

/// The checks, or after [`LIMIT`] that they did not end.
fn within(name: &'static str, checks: impl Future<Output = Vec<Check>>) -> impl Future<Output = Vec<Check>> {
    // Each on the heap: side by side they would make one large future.
    let checks = Box::pin(checks);
    async move {
        let ended = tokio::time::timeout(LIMIT, checks).await;
        ended.unwrap_or_else(|_elapsed| {
            let found = format!("it did not end within {} s", LIMIT.as_secs());
            vec![Check::warning(name, found, "run `cloudtop doctor -vv`, which shows the calls")]
        })
    }
}

/// An error and what caused it, in one sentence.
fn in_words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
