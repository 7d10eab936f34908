//! Taking an environment over from the installation that made it: `cloudtop recover NAME --adopt`.
//!
//! Everything of it gets this installation's tag, and a second one that says from whom. So a run that was killed in the
//! middle is finished by running it again, and half an adoption is not taken for an environment that was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::domain::failure::Class;
use crate::domain::found::Found;
use crate::domain::journal::{Entry, Event};
use crate::domain::lifecycle;
use crate::domain::names::{EnvName, Identity};
use crate::domain::tags;
use crate::engine::Signal;
use crate::state::State;

use super::context::Context;
use super::everywhere::{self, FoundThere, Sight};
use super::rebuild;

/// How often it is looked whether anything still has the old tag: what was made a moment ago is listed late.
const MOST_LOOKS: u32 = 8;
/// How long between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// An environment to adopt.
struct Adoption {
    name: EnvName,
    /// From whom.
    from: String,
    region: String,
    cloud: Cloud,
    /// What of it has the old tag still.
    rest: Option<Found>,
}

/// Adopts the named environments, one after the other.
pub async fn run(context: &Context, names: &[EnvName], from: Option<&str>) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    let sight = everywhere::find(context, None).await?;
    let adoptions = names.iter().map(|name| choose(name, from, &state, &sight));
    let adoptions = adoptions.collect::<Result<Vec<Adoption>, CommandError>>()?;
    for adoption in adoptions {
        let question = format!(
            "Adopt `{}` in {} from installation {}? It has {}. Who made it will not find it any more.",
            adoption.name,
            adoption.region,
            adoption.from,
            adoption.rest.as_ref().map_or_else(|| "its tags already".to_owned(), in_words)
        );
        if !context.ui.confirm(&question, "--yes (-y)")? {
            continue;
        }
        adopt(context, adoption).await?;
    }
    Ok(())
}

/// The installation from which an environment of ours was being adopted, where something of it still has the old tag.
pub fn unfinished(ours: &FoundThere, sight: &Sight) -> Option<String> {
    let from = ours.found.tag(tags::ADOPTED_FROM)?;
    let identity = Identity { env: ours.found.identity.env.clone(), owner: from.to_owned() };
    let rest = sight.found.iter().filter(|it| it.region == ours.region && it.found.identity == identity);
    rest.filter(|it| it.found.is_anything_left()).map(|_| from.to_owned()).next()
}

/// Whose environment of that name is meant.
fn choose(name: &EnvName, from: Option<&str>, state: &State, sight: &Sight) -> Result<Adoption, CommandError> {
    let named = |it: &&FoundThere| it.found.identity.env == *name && it.found.is_anything_left();
    let (ours, theirs): (Vec<&FoundThere>, Vec<&FoundThere>) =
        sight.found.iter().filter(named).partition(|it| it.found.identity.owner == state.owner);
    let theirs: Vec<&FoundThere> =
        theirs.into_iter().filter(|it| from.is_none_or(|from| it.found.identity.owner == from)).collect();
    let begun = ours.first().and_then(|it| Some((*it, it.found.tag(tags::ADOPTED_FROM)?)));
    let there = match (theirs.as_slice(), begun) {
        ([one], _) => *one,
        ([], Some((ours, before))) if !state.environments.contains_key(name) => {
            return Ok(Adoption {
                name: name.clone(),
                from: before.to_owned(),
                region: ours.region.clone(),
                cloud: ours.cloud.clone(),
                rest: None,
            });
        }
        ([], _) => {
            let text = format!("there is no `{name}` of another installation to adopt");
            return Err(CommandError::new(Exit::NotFound, text));
        }
        (many, _) => return Err(ambiguous(name, many)),
    };
    let theirs = &there.found.identity.owner;
    let is_that = begun.is_some_and(|(ours, before)| before == theirs.as_str() && ours.region == there.region);
    if (!ours.is_empty() || state.environments.contains_key(name)) && !is_that {
        let text = format!("this installation has a `{name}` of its own: two of one name cannot be told apart");
        return Err(CommandError::usage(text).hint(format!("end your own first: `cloudtop down {name}`")));
    }
    Ok(Adoption {
        name: name.clone(),
        from: theirs.clone(),
        region: there.region.clone(),
        cloud: there.cloud.clone(),
        rest: Some(there.found.clone()),
    })
}

fn ambiguous(name: &EnvName, many: &[&FoundThere]) -> CommandError {
    let of: Vec<String> = many.iter().map(|it| format!("{} in {}", it.found.identity.owner, it.region)).collect();
    let owners: BTreeSet<&str> = many.iter().map(|it| it.found.identity.owner.as_str()).collect();
    let flag = if owners.len() > 1 { "--owner ID" } else { "-r REGION" };
    let text = format!("there are {} environments `{name}`: of {}", many.len(), of.join(", of "));
    CommandError::usage(text).hint(format!("say which is meant with {flag}"))
}

fn in_words(found: &Found) -> String {
    let instances: Vec<&str> =
        found.observed.instances.iter().filter(|it| it.state.is_live()).map(|it| it.id.as_str()).collect();
    let volumes: Vec<&str> = found.observed.volumes.iter().map(|it| it.id.as_str()).collect();
    match (instances.as_slice(), volumes.as_slice()) {
        ([], []) => "no instance and no volume".to_owned(),
        (instances, volumes) => [instances, volumes].concat().join(", "),
    }
}

async fn adopt(context: &Context, adoption: Adoption) -> Result<(), CommandError> {
    let Adoption { name, from, region, cloud, rest } = adoption;
    let _lock = context.lock(&name).await?;
    let held = context.interrupt.hold();
    // What is tagged with this id must be found again: so it is written down first.
    let ours = context.store.settle_owner().await?;
    let mut journal = context.journal(&name);
    let note = |event: Event| Entry { at: context.clock.now(), event };
    journal.append(&note(Event::Began { command: format!("recover {name} --adopt (from {from})") }))?;
    let retagged = match rest {
        Some(rest) => context.interrupt.unless(retag(&cloud, &name, &from, &ours, rest)).await,
        None => Ok(Ok(())),
    };
    let ended = match retagged {
        Ok(Ok(())) => {
            journal.append(&note(Event::Ended { outcome: format!("everything of {name} is this installation's") }))?;
            // What follows changes nothing in EC2, and may be cut off anywhere: `recover` does it, too.
            drop(held);
            return take_in(context, &cloud, &region, Identity { env: name, owner: ours }, &from).await;
        }
        Ok(Err(error)) => error,
        Err(signal) => cut_off(signal, &name, &from),
    };
    journal.append(&note(Event::Ended { outcome: ended.to_string() }))?;
    Err(ended.hint(format!("go on with `cloudtop recover {name} --adopt`: what has the new tag keeps it")))
}

fn cut_off(signal: Signal, name: &EnvName, from: &str) -> CommandError {
    let text = format!("{}: some of `{name}` may have the tag of installation {from} still", signal.as_str());
    CommandError::new(Exit::Code(signal.exit_code()), text)
}

/// Sets the new tag until nothing has the old one.
async fn retag(cloud: &Cloud, name: &EnvName, from: &str, to: &str, rest: Found) -> Result<(), CommandError> {
    // The environment's name is there already; who may tag only what is ours needs it in the call, too.
    let own = [(tags::ENV, name.as_str()), (tags::OWNER, to), (tags::ADOPTED_FROM, from)];
    let own: BTreeMap<String, String> = own.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let identity = Identity { env: name.clone(), owner: from.to_owned() };
    let mut rest = Some(rest);
    for _ in 0..MOST_LOOKS {
        let Some(found) = rest else { return Ok(()) };
        let ids = of(&found);
        if ids.is_empty() {
            return Ok(());
        }
        match cloud.tag(&ids, &own).await {
            Ok(()) => {}
            // One of them has ended since it was listed, or another answer is needed: look again.
            Err(failure) if matches!(failure.class, Class::Gone | Class::NotYetVisible | Class::InUse) => {}
            Err(failure) => return Err(failure.into()),
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let all = cloud.observe_all(Some(from)).await?;
        let (all, _unseen) = cloud.observe_spare(all, Some(from)).await;
        rest = all.into_iter().find(|it| it.identity == identity);
    }
    Err(CommandError::new(
        Exit::Failed,
        format!("EC2 still lists things of `{name}` with the tag of installation {from}"),
    ))
}

/// The ids of what carries the tags of an environment and has not ended.
fn of(found: &Found) -> Vec<String> {
    let seen = &found.observed;
    let instances = seen.instances.iter().filter(|it| it.state.is_live()).map(|it| &it.id);
    let requests = seen.requests.iter().filter(|it| it.state.is_live() || lifecycle::leaves_instance(it));
    let all = instances
        .chain(requests.map(|it| &it.id))
        .chain(seen.volumes.iter().map(|it| &it.id))
        .chain(seen.groups.iter().map(|it| &it.id))
        .chain(found.spare.roots.iter().map(|it| &it.id))
        .chain(found.spare.interfaces.iter().map(|it| &it.id))
        .chain(found.spare.snapshots.iter().map(|it| &it.id));
    // What EC2 launched by itself has no tags: its request's will do.
    let tagged = all.filter(|id| found.tags.get(*id).is_some_and(|tags| tags.contains_key(tags::OWNER)));
    tagged.chain(seen.keys.iter().map(|it| &it.id)).filter(|id| !id.is_empty()).cloned().collect()
}

/// Writes the adopted environment into the state.
async fn take_in(
    context: &Context,
    cloud: &Cloud,
    region: &str,
    identity: Identity,
    from: &str,
) -> Result<(), CommandError> {
    let name = identity.env.clone();
    let all = cloud.observe_all(Some(&identity.owner)).await?;
    let (all, _unseen) = cloud.observe_spare(all, Some(&identity.owner)).await;
    let found = all.into_iter().find(|it| it.identity == identity);
    let found = found.ok_or_else(|| {
        CommandError::new(Exit::Failed, format!("EC2 does not list `{name}` with its new tag yet"))
            .hint(format!("run `cloudtop recover {name}` in a moment"))
    })?;
    let there = FoundThere { found, region: region.to_owned(), cloud: cloud.clone() };
    let rebuilt = rebuild::environment(context, &there)?;
    context.ui.status(&format!("adopted {name} from installation {from}: {}", rebuild::in_words(&there, &rebuilt)));
    for line in rebuild::unknown(context, &there, &rebuilt) {
        context.ui.status(&format!("  {line}"));
    }
    context
        .store
        .update(|state| {
            state.environments.entry(name).or_insert(rebuilt);
        })
        .await?;
    Ok(())
}
