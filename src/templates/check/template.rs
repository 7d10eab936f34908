//! A template: rendered with each of the things that an environment may have and without it, so that every branch is seen.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Embedded, Finding, Lines, Place};
use super::{Around, Check, Report, Tools, rules, user_data};
use crate::config::nearest;
use crate::domain::plan::VOLUME_DEVICE;
use crate::templates::variables::{Value, Variables, set_variables};
use crate::templates::{Context, Node, Template, TemplateError, VariableKind, VariableSpec, Volume};

/// A lifetime and an idle time like any other.
const IDLE_MINUTES: u32 = 45;
const EXPIRES_AT: i64 = 1_800_000_000;

/// Looks a template over, with some of its variables set.
///
/// # Errors
/// A variable that is not declared, or a value of another type.
pub fn template(
    template: &Template,
    set: &BTreeMap<String, String>,
    tools: &mut Tools,
) -> Result<Report, TemplateError> {
    let around =
        |template: &Template| Around { format: Some(template.manifest.user_data_format), ..Around::of(template) };
    let mut report = Report::default();
    names(template, &around(template), tools, &mut report);
    for os in std::iter::once(None).chain(template.manifest.os.keys().copied().map(Some)) {
        let template = template.clone().on(os)?;
        for variables in [variables(&template, set, false)?, variables(&template, set, true)?] {
            for branch in 0..BRANCHES {
                let context = context(&template, variables.clone(), branch);
                report.absorb(rendered(&template, &context, &around(&template), tools));
            }
        }
    }
    // The sizes of all branches are many; what counts is the largest.
    report.sizes.sort_by_key(|size| (std::cmp::Reverse(size.sent), std::cmp::Reverse(size.raw), size.of.clone()));
    report.sizes.truncate(1);
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.level));
    Ok(report)
}

/// The variables: those that are set, and of the others the defaults, or, for the branches that those leave out, others.
fn variables(template: &Template, set: &BTreeMap<String, String>, others: bool) -> Result<Variables, TemplateError> {
    let specs = &template.manifest.variables;
    let required: BTreeMap<String, String> = specs
        .iter()
        .filter(|(name, spec)| spec.default.is_none() && !set.contains_key(*name))
        .map(|(name, spec)| (name.clone(), sample(spec).to_owned()))
        .chain(set.iter().map(|(name, value)| (name.clone(), value.clone())))
        .collect();
    let mut values = set_variables(template, &required)?;
    for (name, value) in values.iter_mut().filter(|(name, _)| others && !set.contains_key(*name)) {
        match value {
            Value::Text(text) if specs.get(name).is_some_and(|spec| spec.kind == VariableKind::File) => {
                *text = "#!/bin/sh\ntrue\n".to_owned();
            }
            Value::Boolean(on) => *on = !*on,
            Value::List(items) if items.is_empty() => items.push("sample".to_owned()),
            Value::List(items) => items.clear(),
            // What else a text or a number may be is known to its template alone.
            Value::Text(_) | Value::Integer(_) => {}
        }
    }
    Ok(values)
}

fn sample(spec: &VariableSpec) -> &'static str {
    match spec.kind {
        VariableKind::String | VariableKind::List => "sample",
        VariableKind::Integer => "3",
        VariableKind::Boolean => "true",
        // An empty one that every machine has.
        VariableKind::File => "/dev/null",
    }
}

/// How many environments [`context`] knows.
const BRANCHES: u32 = 32;

/// One of the environments that there may be: each bit is something that it has.
fn context(template: &Template, variables: Variables, branch: u32) -> Context {
    let has = |bit: u32| branch & bit != 0;
    let with_volume = has(1) && template.manifest.volume_mount().is_some();
    Context {
        environment: "sample".to_owned(),
        region: "us-east-1".to_owned(),
        nodes: if has(8) { 3 } else { 1 },
        expires_at: has(2).then(|| jiff::Timestamp::from_second(EXPIRES_AT).ok()).flatten(),
        idle_minutes: has(4).then_some(IDLE_MINUTES),
        installation: "0199aaaa-0000-7000-8000-00000000000a".to_owned(),
        self_attach: has(16) && with_volume,
        variables,
        volume: with_volume.then(|| Volume { device: VOLUME_DEVICE.to_owned(), gib: Some(50), id: None }),
    }
}

/// What a branch is called in messages.
fn label(context: &Context) -> String {
    let parts = [
        context.volume.is_some().then_some("volume"),
        context.expires_at.is_some().then_some("ttl"),
        context.idle_minutes.is_some().then_some("idle"),
        context.self_attach.then_some("self-attachment"),
        (context.nodes > 1).then_some("3 nodes"),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "with nothing more".to_owned() } else { format!("with {}", parts.join(", ")) }
}

fn rendered(template: &Template, context: &Context, around: &Around, tools: &mut Tools) -> Report {
    let mut report = Report::default();
    let indices = if context.nodes > 1 { 0..2 } else { 0..1 };
    for index in indices {
        let name = format!("{}-{index}", context.environment);
        let node = Node { index, ssh_host: format!("cloudtop-{name}"), name };
        match template.render(context, &node) {
            Ok(rendered) => {
                let name = format!("{} (rendered)", template.label());
                let mut one = user_data(&name, &rendered.raw, around, tools);
                for size in &mut one.sizes {
                    size.of = label(context);
                }
                report.absorb(one);
                if !rendered.per_node {
                    ready(template, context, &node, around, tools, &mut report);
                    break;
                }
            }
            Err(error) => report.findings.push(of_error(&error, "user-data")),
        }
        ready(template, context, &node, around, tools, &mut report);
    }
    report
}

/// The question whether a node is ready is a line for its shell.
fn ready(template: &Template, context: &Context, node: &Node, around: &Around, tools: &mut Tools, report: &mut Report) {
    let file = "template.toml";
    match template.ready_command(context, node) {
        Ok(Some(command)) => {
            let mut check = Check::new(file, around, tools);
            let script = Embedded { name: "ready.command", text: &command, lines: Lines::At(Place::line(1)) };
            super::shell::check(&mut check, &script, "sh");
            report.absorb(Report {
                findings: check.report.findings.into_iter().map(|it| Finding { place: None, ..it }).collect(),
                ..check.report
            });
        }
        Ok(None) => {}
        Err(error) => report.absorb(Report { findings: vec![of_error(&error, file)], ..Report::default() }),
    }
}

/// An error of the template as a finding.
fn of_error(error: &TemplateError, file: &str) -> Finding {
    let (file, place, message) = match error {
        TemplateError::Render { file, line, message, .. } => (file.clone(), line.map(Place::line), message.clone()),
        other => (file.to_owned(), None, other.to_string()),
    };
    Finding { rule: rules::TEMPLATE, file, place, message, advice: String::new() }
}

/// The names that a template's text refers to, in all its branches, beside those that there are.
fn names(template: &Template, around: &Around, tools: &mut Tools, report: &mut Report) {
    let mut check = Check::new("template.toml", around, tools);
    let (used, optional) = match template.names() {
        Ok(names) => names,
        // Rendering says it better.
        Err(_) => return,
    };
    let declared = &template.manifest.variables;
    let of_variables: BTreeSet<&str> =
        used.iter().filter_map(|name| name.strip_prefix("vars.")).filter_map(|rest| rest.split('.').next()).collect();
    // Whoever takes all of them, or looks one up by a name that is made up, may use any.
    let any = used.contains("vars");
    for name in declared.keys().filter(|name| !any && !of_variables.contains(name.as_str())) {
        let message = format!("the variable `{name}` is declared, and nothing refers to it");
        check.say(rules::UNUSED_VARIABLE, None, message, "leave it out, or write {{ vars.NAME }} where it belongs");
    }
    let must_be = |name: &&&str| !declared.contains_key(**name) && !optional.contains(&format!("vars.{name}"));
    for name in of_variables.iter().filter(must_be) {
        let meant = nearest(name, declared.keys().map(String::as_str))
            .map_or_else(String::new, |it| format!("; did you mean `vars.{it}`?"));
        let message = format!("`vars.{name}` is not declared{meant}");
        check.say(rules::TEMPLATE, None, message, "declare it below [variables], or correct the name");
    }
    report.absorb(check.report);
}
