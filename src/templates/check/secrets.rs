//! What looks like a secret. User data can be read by every process of the node that may reach its metadata, and by
//! whoever may call DescribeInstanceAttribute.

use super::finding::Place;
use super::{Check, rules};

const ADVICE: &str =
    "every user of the node can read user data: bring it over ssh once the node is there, or have the node fetch it";

/// How tokens begin that tell whose they are, what they are, and how many letters follow at least.
const TOKENS: [(&str, &str, usize); 17] = [
    ("AKIA", "an AWS access key id", 16),
    ("ASIA", "an AWS access key id", 16),
    ("ghp_", "a GitHub token", 30),
    ("gho_", "a GitHub token", 30),
    ("ghs_", "a GitHub token", 30),
    ("github_pat_", "a GitHub token", 30),
    ("glpat-", "a GitLab token", 20),
    ("xoxb-", "a Slack token", 20),
    ("xoxp-", "a Slack token", 20),
    ("AIza", "a Google API key", 35),
    ("sk_live_", "a Stripe key", 20),
    ("sk-ant-", "an Anthropic key", 30),
    ("sk-proj-", "an OpenAI key", 30),
    ("npm_", "an npm token", 36),
    ("dckr_pat_", "a Docker Hub token", 20),
    ("hf_", "a Hugging Face token", 30),
    ("SG.", "a SendGrid key", 50),
];

/// Words that say that a value is none yet.
const PLACEHOLDERS: [&str; 12] =
    ["example", "xxx", "...", "your", "<", "${", "{{", "$(", "%", "placeholder", "redacted", "fixme"];

/// Looks for them, line by line. `at` says where a line stands.
pub(super) fn check(check: &mut Check<'_>, text: &str, at: impl Fn(usize) -> Option<Place>) {
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let place = at(index + 1);
        if line.contains("PRIVATE KEY-----") && line.contains("-----BEGIN ") && has_key_material(&lines[index..]) {
            check.say(rules::SECRET, place, "this looks like a private key", ADVICE);
        }
        if let Some(what) = token(line) {
            check.say(rules::SECRET, place, format!("this looks like {what}"), ADVICE);
        }
        if let Some(variable) = assigned_secret(line) {
            check.say(rules::SECRET, place, format!("`{variable}` is given a value here"), ADVICE);
        }
    }
}

/// A key, and not the words of one that is to be put there: a line of base64 follows, or stands beside the mark.
fn has_key_material(lines: &[&str]) -> bool {
    let looks_encoded = |word: &str| {
        word.len() >= 40 && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "+/=".contains(letter))
    };
    lines
        .iter()
        .take(6)
        .flat_map(|line| line.split(|c: char| c.is_whitespace() || c == '\\' || c == '"'))
        .any(|word| looks_encoded(word.trim_start_matches('n')))
}

fn token(line: &str) -> Option<&'static str> {
    if is_placeholder(line) && line.to_ascii_lowercase().contains("example") {
        return None;
    }
    TOKENS
        .iter()
        .find(|(prefix, _, length)| {
            line.match_indices(prefix).any(|(at, _)| {
                let starts_a_word =
                    !line[..at].ends_with(|letter: char| letter.is_ascii_alphanumeric() || "_-/+".contains(letter));
                let rest = &line[at + prefix.len()..];
                let body: String = rest
                    .chars()
                    .take_while(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(*letter))
                    .collect();
                // An access key id is of capitals and digits and of one length.
                let of_its_form = !prefix.ends_with("IA")
                    || (body.len() == *length
                        && body.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit()));
                starts_a_word && body.len() >= *length && of_its_form && varied(&body)
            })
        })
        .map(|(_, what, _)| *what)
}

/// Whether it is not one letter again and again.
fn varied(text: &str) -> bool {
    text.chars().collect::<std::collections::BTreeSet<_>>().len() > 5
}

/// `AWS_SECRET_ACCESS_KEY=...` and the like, with a value.
fn assigned_secret(line: &str) -> Option<&'static str> {
    const NAMES: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"];
    let upper = line.to_ascii_uppercase();
    NAMES.into_iter().find(|name| {
        let Some(at) = upper.find(name) else { return false };
        let rest = &line[at + name.len()..];
        let rest = rest.trim_start_matches(['"', '\'', ' ']);
        let Some(value) = rest.strip_prefix(['=', ':']) else { return false };
        let value = value.trim_matches([' ', '"', '\'']);
        let value = value.split_ascii_whitespace().next().unwrap_or_default();
        value.len() >= 40 && !is_placeholder(value) && !value.starts_with('$') && varied(value)
    })
}

/// Whether a value only stands for one that is to come.
pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    value.is_empty() || value.starts_with('$') || PLACEHOLDERS.iter().any(|word| lower.contains(word))
}

/// Whether a password is a hash, as crypt(3) writes it, or one of those that lock an account.
pub(super) fn is_hashed(password: &str) -> bool {
    let crypt = password.strip_prefix('$').and_then(|rest| rest.split_once('$'));
    crypt.is_some_and(|(kind, _)| !kind.is_empty() && kind.chars().all(|letter| letter.is_ascii_alphanumeric()))
        || matches!(password, "*" | "!" | "!!" | "x" | "R" | "RANDOM")
}
