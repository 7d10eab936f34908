//! What a command delivers to the nodes of an environment.

use std::sync::Arc;

use crate::cli::CommandError;
use crate::delivery::Delivery;
use crate::domain::intent::{Goal, Intent};
use crate::domain::names::EnvName;
use crate::templates::{self, Template};

use super::context::Context;
use super::wish;

/// Gathers what the nodes of an environment get over ssh: reads the user's secrets, and makes the environment's own that
/// are missing. `None`: nothing is delivered. The caller holds the environment's lock.
pub async fn gather(context: &Context, name: &EnvName, intent: &Intent) -> Result<Option<Arc<Delivery>>, CommandError> {
    if intent.goal != Goal::Running || (!intent.delivers && intent.secrets.is_empty()) {
        return Ok(None);
    }
    let template = Template::load(&intent.template)?;
    let values = templates::Context {
        environment: name.to_string(),
        region: intent.region.clone(),
        nodes: intent.nodes,
        expires_at: intent.expires_at,
        idle_minutes: intent.idle_minutes,
        variables: templates::set_variables(&template, &intent.set)?,
        volume: wish::known_volume(&intent.volume),
    };
    let own = (intent.secrets.as_slice(), intent.access.user.as_str());
    let directory = context.paths.private_dir(name);
    let delivery = Delivery::gather(template, values, intent.delivers, own, &directory).await?;
    Ok(Some(Arc::new(delivery)))
}
