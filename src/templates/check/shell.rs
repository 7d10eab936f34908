//! Asks the shells that are installed whether they can read a script. Nothing of it is run: `-n` reads only.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::finding::Embedded;
use super::{Check, rules};

/// The shells' answers, each text asked once.
#[derive(Debug, Default)]
pub(super) struct Shells {
    asked: HashMap<(&'static str, String), Answer>,
}

/// What a shell says to a script.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Reads,
    /// It does not, and why, in its words, with the line.
    Fault(Option<usize>, String),
    /// The shell is not there.
    Absent,
}

/// The shell that a script's first line names, if it is one that can be asked.
pub(super) fn shell_of(script: &str) -> Option<&'static str> {
    let line = script.lines().next()?.strip_prefix("#!")?;
    let mut words = line.split_ascii_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = words.find(|word| *word != "env" && !word.starts_with('-'))?;
    ["sh", "bash", "dash"].into_iter().find(|shell| *shell == program)
}

/// Says what the shell cannot read. `shell`: `sh`, `bash` or `dash`.
pub(super) fn check(check: &mut Check<'_>, script: &Embedded<'_>, shell: &'static str) {
    if !check.tools.shells {
        return;
    }
    match check.tools.asked.ask(shell, script.text) {
        Answer::Reads => {}
        Answer::Absent => {
            check.not_looked_into(format!("the shell syntax of scripts for {shell}: it is not installed here"))
        }
        Answer::Fault(line, words) => {
            let place = script.place(line.unwrap_or(1));
            // Amazon Linux and Flatcar have bash as /bin/sh, Debian and Ubuntu dash.
            if shell == "sh" && check.tools.asked.ask("bash", script.text) == Answer::Reads {
                let message = format!("{}: bash can read this, a plain sh cannot: {words}", script.name);
                check.say(
                    rules::BASHISM,
                    place,
                    message,
                    "begin it with #!/bin/bash where it is a file, or write it for a POSIX shell",
                );
            } else {
                let message = format!("{}: {shell} cannot read this: {words}", script.name);
                check.say(rules::SHELL, place, message, "mend the script; nothing of it would run");
            }
        }
    }
}

impl Shells {
    fn ask(&mut self, shell: &'static str, script: &str) -> Answer {
        let key = (shell, script.to_owned());
        self.asked.entry(key).or_insert_with(|| ask(shell, script)).clone()
    }
}

fn ask(shell: &'static str, script: &str) -> Answer {
    let mut command = Command::new(shell);
    // BASH_ENV and the like would have a shell run something before it reads.
    command
        .arg("-n")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")));
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return Answer::Absent };
    let input = child.stdin.take();
    let text = script.to_owned();
    // A shell that has seen a fault stops reading; whoever then writes gets an error, which means nothing.
    let writer = std::thread::spawn(move || input.map(|mut input| input.write_all(text.as_bytes())));
    let output = child.wait_with_output();
    drop(writer.join());
    match output {
        Ok(output) if output.status.success() => Answer::Reads,
        Ok(output) => fault(&String::from_utf8_lossy(&output.stderr)),
        Err(_) => Answer::Absent,
    }
}

/// `sh: 3: Syntax error: ...` of dash, `bash: line 3: syntax error ...` of bash.
fn fault(stderr: &str) -> Answer {
    let first = stderr.lines().next().unwrap_or_default();
    let mut parts = first.splitn(3, ": ");
    let (_, number, rest) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
    let line = number.trim_start_matches("line ").parse().ok();
    let words = if line.is_some() { rest.unwrap_or(first) } else { first };
    Answer::Fault(line, words.trim().to_owned())
}
