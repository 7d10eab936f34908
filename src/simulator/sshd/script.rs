//! Carries out a command line by looking its answers up.

use std::sync::Arc;

use super::syntax::{self, Command, Piece, Stream, Target, When, Word};
use super::{NodeFacts, commands};
use crate::simulator::catalog;

/// The node as one logged-in user sees it.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) facts: Arc<NodeFacts>,
    pub(super) user: String,
}

impl Node {
    /// The user's home directory.
    pub(super) fn home(&self) -> String {
        format!("/home/{}", self.user)
    }

    /// The kernel's name for the machine's architecture.
    pub(super) fn machine(&self) -> &'static str {
        let arm = catalog::find_type(&self.facts.instance_type)
            .is_some_and(|info| info.architectures.iter().any(|architecture| architecture == "arm64"));
        if arm { "aarch64" } else { "x86_64" }
    }
}

/// What a command or a whole line printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// 0 for success, at most 255.
    pub(super) code: u32,
}

impl Output {
    /// Success that prints this.
    pub(super) fn text(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// An end with that code that prints nothing.
    pub(super) fn code(code: u32) -> Self {
        Self { code, ..Self::default() }
    }

    /// Success or the code 1.
    pub(super) fn truth(holds: bool) -> Self {
        Self::code(u32::from(!holds))
    }

    /// As a terminal wants it, where a line feed alone does not go back to the left edge.
    pub(super) fn for_terminal(self) -> Self {
        Self { stdout: with_returns(&self.stdout), stderr: with_returns(&self.stderr), ..self }
    }

    /// A failure with a line of complaint.
    pub(super) fn failure(code: u32, message: impl std::fmt::Display) -> Self {
        Self { stderr: format!("{message}\n").into_bytes(), ..Self::code(code) }
    }
}

fn with_returns(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

/// How a line ended.
pub(super) struct Run {
    pub(super) output: Output,
    /// Whether it ended by `exit`, so that the shell is over.
    pub(super) left: bool,
}

/// Carries out a command line; `status` is what `$?` is at its beginning.
pub(super) fn run(node: &Node, line: &str, status: u32) -> Run {
    let commands = match syntax::parse(line) {
        Ok(commands) => commands,
        Err(part) => {
            let message = format!("sh: this node is simulated: it does not understand {part}");
            return Run { output: Output::failure(2, message), left: false };
        }
    };
    let mut total = Output::code(status);
    for command in commands {
        let wanted = match command.when {
            When::Always => true,
            When::Succeeded => total.code == 0,
            When::Failed => total.code != 0,
        };
        if !wanted {
            continue;
        }
        let words: Vec<String> = command.words.iter().map(|word| expand(node, word, total.code)).collect();
        if words.first().is_some_and(|name| name == "exit") {
            total.code = exit_code(words.get(1), total.code);
            return Run { output: total, left: true };
        }
        let output = commands::answer(node, &words, total.code);
        redirect(&command, output, &mut total);
    }
    Run { output: total, left: false }
}

fn exit_code(word: Option<&String>, last: u32) -> u32 {
    // As the shell has it: what is no number is misuse (2), and only the low byte counts.
    word.map_or(last, |word| word.parse::<i64>().map_or(2, |code| u32::try_from(code.rem_euclid(256)).unwrap_or(2)))
}

fn expand(node: &Node, word: &Word, status: u32) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Home => node.home(),
        Piece::Variable(name) => match name.as_str() {
            "?" => status.to_string(),
            "HOME" => node.home(),
            "USER" | "LOGNAME" => node.user.clone(),
            "HOSTNAME" => node.facts.hostname.clone(),
            "SHELL" => "/bin/bash".to_owned(),
            _ => String::new(),
        },
    };
    word.iter().map(piece).collect()
}

fn redirect(command: &Command, output: Output, total: &mut Output) {
    let (mut first, mut second) = (Target::Stdout, Target::Stderr);
    for (stream, target) in &command.redirections {
        let target = match target {
            Target::Stdout => first,
            Target::Stderr => second,
            Target::Nowhere => Target::Nowhere,
        };
        match stream {
            Stream::Stdout => first = target,
            Stream::Stderr => second = target,
            Stream::Both => (first, second) = (target, target),
        }
    }
    for (target, bytes) in [(first, output.stdout), (second, output.stderr)] {
        match target {
            Target::Stdout => total.stdout.extend(bytes),
            Target::Stderr => total.stderr.extend(bytes),
            Target::Nowhere => {}
        }
    }
    total.code = if command.negated { u32::from(output.code == 0) } else { output.code };
}
