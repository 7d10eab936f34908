//! What the shell offers while a line is typed: from files of this machine alone, without a lock, a call or a word. A
//! file that is damaged offers nothing; the command itself will say what is wrong with it.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Arg;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};

use crate::commands::cp::Place;
use crate::commands::overview::known;
use crate::commands::ssh::NodeName;
use crate::config::Config;
use crate::domain::demand::Demand;
use crate::domain::environment::Environment;
use crate::domain::names::EnvName;
use crate::templates::Template;

use super::Globals;

/// Of an environment with more nodes than this, nodes are offered only behind the slash.
const NODES_AT_ONCE: u32 = 10;

/// The argument with what its value may be. `makes`: the command makes environments, so those that only the
/// configuration names are offered, too.
pub(super) fn of(arg: Arg, makes: bool) -> Arg {
    let kind = arg.get_value_parser().type_id();
    if kind == TypeId::of::<EnvName>() {
        return arg.add(ArgValueCandidates::new(move || environments(makes)));
    }
    if kind == TypeId::of::<NodeName>() {
        return arg.add(ArgValueCompleter::new(nodes));
    }
    if kind == TypeId::of::<Place>() {
        return arg.add(ArgValueCompleter::new(places));
    }
    match arg.get_id().as_str() {
        "template" | "subject" => arg.add(ArgValueCompleter::new(templates)),
        "profile" => arg.add(ArgValueCandidates::new(profiles)),
        "region" => arg.add(ArgValueCandidates::new(|| words(regions()))),
        "zone" => arg.add(ArgValueCandidates::new(|| words(zones()))),
        "types" => arg.add(ArgValueCandidates::new(|| words(types()))),
        _ => match choices(&arg) {
            none if none.is_empty() => arg,
            choices => arg.add(ArgValueCandidates::new(move || words(choices.clone()))),
        },
    }
}

/// The words that a value's name offers: `stop|hibernate|terminate`, and `off` of `TIME|off`.
fn choices(arg: &Arg) -> Vec<String> {
    let names = arg.get_value_names().into_iter().flatten().filter(|name| name.contains('|'));
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    names.flat_map(|name| name.split('|').filter(is_word).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The global options of the line so far, as far as they lead to other files.
fn typed() -> Globals {
    let typed: Vec<String> =
        std::env::args_os().skip_while(|word| word != "--").skip(2).filter_map(|it| it.into_string().ok()).collect();
    let value = |flag: &str, variable: &str| {
        let behind = typed.windows(2).find(|pair| pair[0] == flag).map(|pair| OsString::from(&pair[1]));
        let joined = || typed.iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('=')).map(OsString::from);
        let of_environment = || std::env::var_os(variable).filter(|it| !it.is_empty());
        behind.or_else(joined).or_else(of_environment).map(PathBuf::from)
    };
    Globals {
        #[cfg(feature = "simulator")]
        sim: typed.iter().any(|word| word == "--sim") || super::args::simulated_by_environment(),
        state: value("--state", "CLOUDTOP_STATE"),
        config: value("--config", "CLOUDTOP_CONFIG"),
        ..Globals::default()
    }
}

fn state() -> Vec<(EnvName, Environment)> {
    known(&typed()).ok().flatten().map(|state| state.environments.into_iter().collect()).unwrap_or_default()
}

fn config() -> Config {
    crate::commands::load_config(&typed()).unwrap_or_default()
}

fn words(mut words: Vec<String>) -> Vec<CompletionCandidate> {
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(CompletionCandidate::new).collect()
}

fn environments(makes: bool) -> Vec<CompletionCandidate> {
    let known = state();
    let config = if makes { config() } else { Config::default() };
    let configured =
        config.environment_names().into_iter().filter(|name| known.iter().all(|it| it.0.as_str() != *name));
    let configured = configured.map(|name| CompletionCandidate::new(name).help(Some("of cloudtop.toml".into())));
    let there = known.iter().map(|(name, it)| CompletionCandidate::new(name.as_str()).help(Some(about(it).into())));
    there.chain(configured).collect()
}

fn about(environment: &Environment) -> String {
    let intent = &environment.intent;
    let plural = if intent.nodes == 1 { "" } else { "s" };
    format!("{}, {} node{plural}", intent.region, intent.nodes)
}

/// Environments, and the nodes of those that have several: all of a few, of many only behind the slash.
fn nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let mut all = Vec::new();
    for (name, environment) in state() {
        let count = environment.intent.nodes;
        all.push(CompletionCandidate::new(name.as_str()).help(Some(about(&environment).into())));
        if count > 1 && (count <= NODES_AT_ONCE || current.starts_with(&format!("{name}/"))) {
            all.extend((0..count).map(|node| CompletionCandidate::new(format!("{name}/{node}"))));
        }
    }
    all.retain(|it| it.get_value().to_string_lossy().starts_with(current));
    all
}

/// Nodes with the colon behind which a path of theirs follows, and files here.
fn places(current: &OsStr) -> Vec<CompletionCandidate> {
    let on_nodes = nodes(current).into_iter().map(|node| {
        let mut name = node.get_value().to_owned();
        name.push(":");
        CompletionCandidate::new(name).help(node.get_help().cloned())
    });
    on_nodes.chain(PathCompleter::any().complete(current)).collect()
}

/// The built-in templates, and directories: of one's own, with a slash.
fn templates(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let built_in = Template::builtin().into_iter().filter(|name| name.starts_with(&*typed));
    let mut all: Vec<_> = built_in.map(CompletionCandidate::new).collect();
    if typed.contains(['/', '.']) {
        all.extend(PathCompleter::dir().complete(current));
    }
    all
}

fn regions() -> Vec<String> {
    let config = config();
    let configured = config.environment_names().into_iter().chain([""]).filter_map(|it| config.environment(it).region);
    let named = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().filter_map(|variable| std::env::var(variable).ok());
    let there = state().into_iter().map(|(_, environment)| environment.intent.region);
    let of_profiles = profile_lines().into_iter().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "region").then(|| value.trim().to_owned())
    });
    configured.chain(named).chain(there).chain(of_profiles).filter(|region| !region.is_empty()).collect()
}

fn zones() -> Vec<String> {
    let config = config();
    let configured = config.environment_names().into_iter().chain([""]).filter_map(|it| config.environment(it).zone);
    configured.chain(state().into_iter().filter_map(|(_, environment)| environment.intent.zone)).collect()
}

fn types() -> Vec<String> {
    let config = config();
    let configured = config.environment_names().into_iter().chain([""]).filter_map(|it| config.environment(it).types);
    let there = state().into_iter().filter_map(|(_, environment)| match environment.intent.demand {
        Demand::Types(types) => Some(types),
        Demand::Requirements(_) => None,
    });
    configured.chain(there).flatten().collect()
}

/// The names of the sections of the AWS configuration; what is in them is for the SDK.
fn profiles() -> Vec<CompletionCandidate> {
    let name = |line: String| {
        let inside = line.strip_prefix('[')?.split(']').next()?.trim().to_owned();
        match inside.split_once(char::is_whitespace) {
            Some(("profile", name)) => Some(name.trim().trim_matches(['"', '\'']).to_owned()),
            Some(_) => None,
            None => Some(inside),
        }
    };
    words(profile_lines().into_iter().filter_map(name).collect())
}

/// The lines of the AWS configuration that have no secret in them: section heads and regions.
fn profile_lines() -> Vec<String> {
    let home = crate::commands::home_dir().unwrap_or_default();
    let file = |variable: &str, name: &str| {
        std::env::var_os(variable).map_or_else(|| home.join(".aws").join(name), |path| Path::new(&path).to_owned())
    };
    let files = [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let texts = files.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let lines = texts.flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>());
    lines.filter(|line| line.starts_with('[') || line.starts_with("region")).collect()
}
