//! `cloudtop init --self-attach`.

use std::path::Path;

use serde_json::json;

use crate::cli::{CommandError, Exit};
use crate::domain::self_attach;

use super::super::context::Context;
use super::config_file;

/// Makes the role and the instance profile with which nodes attach their own volumes, or takes them away.
///
/// # Errors
/// What IAM refused, or a configuration file that cannot be written.
pub async fn run(remove: bool, context: &Context) -> Result<(), CommandError> {
    let settings = context.config_unless_missing()?.environment("");
    let cloud = context.connect(settings.region.as_deref(), settings.profile.as_deref()).await?;
    let owner = context.store.settle_owner().await?;
    let name = self_attach::name(&owner);
    if remove {
        let question = format!(
            "Delete the IAM role and the instance profile {name}? Nodes that were launched with it no longer attach their \
             volumes themselves, and EC2 cannot launch them again."
        );
        if !context.ui.confirm(&question, "--yes (-y)")? {
            return Err(CommandError::silent(1));
        }
        cloud.remove_self_attach(&owner).await?;
        return removed(context, &name);
    }
    context.ui.status(&format!(
        "with the IAM role {name} a node may list the account's volumes, and attach to itself those with the tag \
         cloudtop:owner = {owner}; nothing else"
    ));
    if !context.ui.confirm(&format!("Make the role and the instance profile {name}?"), "--yes (-y)")? {
        return Err(CommandError::silent(1));
    }
    context.ui.status("making them, and waiting until IAM knows both");
    cloud.make_self_attach(&owner).await?;
    made(context, &name, settings.instance_profile.as_deref())
}

fn removed(context: &Context, name: &str) -> Result<(), CommandError> {
    if context.globals.json {
        return Ok(context.ui.json(&json!({ "format_version": 1, "removed": name }))?);
    }
    context.ui.answer(&format!("The role and the instance profile {name} are gone."))?;
    let file = config_file(context);
    if std::fs::read_to_string(&file).is_ok_and(|text| text.contains(name)) {
        context.ui.note(&format!("take the line with {name} out of {}", file.display()));
    }
    Ok(())
}

fn made(context: &Context, name: &str, configured: Option<&str>) -> Result<(), CommandError> {
    let file = config_file(context);
    let line = format!("instance_profile = \"{name}\"");
    let next = match configured {
        Some(known) if known == name => format!("{} has it already.", file.display()),
        // AWS knows no profile that the built-in EC2 has made: a project's file does not get it by itself.
        _ if context.globals.simulated() && context.globals.config.is_none() => format!(
            "They are of the built-in EC2, so {} is left as it is: use `cloudtop --sim up NAME --instance-profile {name}`.",
            file.display()
        ),
        _ if write_new(&file, &line)? => format!("{} has it now: `{line}`.", file.display()),
        _ => format!("Add to {}, above its first [table]: {line}", file.display()),
    };
    if context.globals.json {
        return Ok(context.ui.json(&json!({ "format_version": 1, "instance_profile": name, "next": next }))?);
    }
    let use_it =
        "Nodes that are launched with --on-interruption terminate from now on attach their volumes themselves.";
    context.ui.answer(&format!("The role and the instance profile {name} are there. {next}\n{use_it}"))?;
    Ok(())
}

/// Writes a configuration file of one line, where there is none. What is there is the user's to change.
fn write_new(file: &Path, line: &str) -> Result<bool, CommandError> {
    use std::io::Write as _;
    let opened = std::fs::File::options().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut opened| writeln!(opened, "{line}"));
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(CommandError::new(Exit::Failed, format!("cannot write {}: {error}", file.display()))
            .hint(format!("add this line to your configuration: {line}"))),
    }
}
