//! `cloudtop recover`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::domain::names::EnvName;
use crate::state::State;

use super::context::Context;
use super::everywhere::{self, FoundThere, Sight};
use super::list::{self, ListArgs};
use super::{adopt, rebuild};

/// Rebuild lost state from the tags of what is there.
///
/// What the state knows already is left as it is, and so are the environments of other installations.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop recover\n  cloudtop recover dev -r us-west-2\n  cloudtop recover dev --adopt\n  cloudtop recover --owner 0199f000-0000-7000-8000-000000000001"
)]
pub struct RecoverArgs {
    /// The environments to recover [default: all of this installation]
    #[arg(value_name = "NAME")]
    pub names: Vec<EnvName>,
    /// Take the named environments over from the installation that made them: everything of them gets this one's tag
    #[arg(long, requires = "names")]
    pub adopt: bool,
    /// Be that installation from now on, whose state is lost; with --adopt: from whom to adopt
    #[arg(long, value_name = "ID")]
    pub owner: Option<String>,
}

/// Runs `cloudtop recover`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &RecoverArgs, context: &Context) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    if args.adopt {
        adopt::run(context, &args.names, args.owner.as_deref()).await?;
        return list::run(&ListArgs {}, context).await;
    }
    let sight = everywhere::find(context, None).await?;
    let owner = owner(context, args, &state, &sight)?;
    let mut recovered = BTreeMap::new();
    for there in wanted(context, args, &owner, &sight) {
        let name = &there.found.identity.env;
        if state.environments.contains_key(name) {
            if args.names.contains(name) {
                context.ui.status(&format!("{name} is known already, and left as it is"));
            }
            continue;
        }
        let rebuilt = rebuild::environment(context, there)?;
        context.ui.status(&format!("recovered {name}: {}", rebuild::in_words(there, &rebuilt)));
        for line in rebuild::unknown(context, there, &rebuilt) {
            context.ui.status(&format!("  {line}"));
        }
        recovered.insert(name.clone(), rebuilt);
    }
    check_names(args, &owner, &sight)?;
    if recovered.is_empty() {
        context.ui.status("nothing was found that the state does not know");
        return if args.names.is_empty() { Ok(()) } else { list::run(&ListArgs {}, context).await };
    }
    context
        .store
        .update(|state| {
            state.owner.clone_from(&owner);
            for (name, environment) in recovered {
                // Another run may have made one of that name meanwhile.
                state.environments.entry(name).or_insert(environment);
            }
        })
        .await?;
    list::run(&ListArgs {}, context).await
}

/// The environments to recover, one of each name.
fn wanted<'s>(context: &Context, args: &RecoverArgs, owner: &str, sight: &'s Sight) -> Vec<&'s FoundThere> {
    let named = |it: &&FoundThere| args.names.is_empty() || args.names.contains(&it.found.identity.env);
    let mut by_name: BTreeMap<&EnvName, &FoundThere> = BTreeMap::new();
    for there in
        sight.found.iter().filter(|it| it.found.identity.owner == owner && it.found.is_anything_left()).filter(named)
    {
        let name = &there.found.identity.env;
        if let Some(from) = adopt::unfinished(there, sight) {
            let text = format!("{name} was being adopted from installation {from}, and that was not finished");
            context.ui.warn(&format!("{text}: go on with `cloudtop recover {name} --adopt`"));
            continue;
        }
        match by_name.get(name) {
            Some(other) => {
                let (kept, left) = if other.found.is_alive() { (*other, there) } else { (there, *other) };
                by_name.insert(name, kept);
                let text = format!("there is a {name} in {} and one in {}", kept.region, left.region);
                context.ui.warn(&format!("{text}: that in {} is left alone; `cloudtop gc` shows it", left.region));
            }
            None => {
                by_name.insert(name, there);
            }
        }
    }
    by_name.into_values().collect()
}

/// Every environment that was named must be there, and be ours.
fn check_names(args: &RecoverArgs, owner: &str, sight: &Sight) -> Result<(), CommandError> {
    let of = |name: &EnvName| {
        sight
            .found
            .iter()
            .filter(|it| it.found.is_anything_left())
            .filter(|it| it.found.identity.env == *name)
            .collect::<Vec<_>>()
    };
    for name in &args.names {
        let there = of(name);
        if there.iter().any(|it| it.found.identity.owner == owner) {
            continue;
        }
        let regions = if sight.regions == 1 { "that region".to_owned() } else { format!("{} regions", sight.regions) };
        let error = CommandError::new(
            Exit::NotFound,
            format!("nothing in {regions} has the tags of `{name}` and of this installation"),
        );
        return Err(match there.first() {
            Some(other) => error.hint(format!(
                "there is a `{name}` of installation {} in {}: take it over with `cloudtop recover {name} --adopt`",
                other.found.identity.owner, other.region
            )),
            None => error,
        });
    }
    Ok(())
}

/// Whose environments are recovered: this installation's own, or those that the user names. Two people may share an
/// account, and one's environments are not the other's.
fn owner(context: &Context, args: &RecoverArgs, state: &State, sight: &Sight) -> Result<String, CommandError> {
    let left = sight.found.iter().filter(|it| it.found.is_anything_left());
    let owners: BTreeSet<&str> = left.map(|it| it.found.identity.owner.as_str()).collect();
    if let Some(named) = &args.owner {
        if !state.environments.is_empty() && *named != state.owner {
            let text = "this installation has environments of its own, under another id";
            return Err(CommandError::usage(text).hint(
                "use another state file (--state FILE), or take single environments over: `cloudtop recover NAME --adopt`",
            ));
        }
        if !owners.contains(named.as_str()) {
            let text = format!("nothing was found of installation {named}");
            return Err(CommandError::new(Exit::NotFound, text).hint(there_is(&owners)));
        }
        return Ok(named.clone());
    }
    let others: BTreeSet<&str> = owners.iter().copied().filter(|it| *it != state.owner).collect();
    if owners.contains(state.owner.as_str()) || others.is_empty() {
        if !others.is_empty() {
            context.ui.note(&format!("left alone, for they are of other installations: {}", theirs(&others, sight)));
        }
        return Ok(state.owner.clone());
    }
    if !args.names.is_empty() {
        // `check_names` says whose it is.
        return Ok(state.owner.clone());
    }
    context.ui.note(&format!("there are environments of other installations: {}", theirs(&others, sight)));
    Err(CommandError::new(Exit::NotFound, "nothing here is of this installation")
        .hint("if one of those installations was yours and its state is lost, be it from now on: --owner ID")
        .hint("to take over a single environment: `cloudtop recover NAME --adopt`"))
}

fn there_is(owners: &BTreeSet<&str>) -> String {
    match owners.len() {
        0 => "nothing at all was found".to_owned(),
        _ => format!("there is {}", owners.iter().copied().collect::<Vec<_>>().join(", ")),
    }
}

/// Other installations with the names of their environments.
fn theirs(owners: &BTreeSet<&str>, sight: &Sight) -> String {
    let one = |owner: &&str| {
        let of = sight.found.iter().filter(|it| it.found.identity.owner == **owner && it.found.is_anything_left());
        let names: BTreeSet<&str> = of.map(|it| it.found.identity.env.as_str()).collect();
        format!("{owner} ({})", names.into_iter().collect::<Vec<_>>().join(", "))
    };
    owners.iter().map(one).collect::<Vec<_>>().join("; ")
}
