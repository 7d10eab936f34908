//! The interactive shell: a line editor as simple as a terminal allows, over the same scripted answers.

use super::commands::HELP;
use super::script::{self, Node, Output};

/// Longer lines than this are cut off, so that a client cannot fill the memory.
const LONGEST_LINE: usize = 64 * 1024;

const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const INTERRUPT: u8 = 0x03;
const END_OF_INPUT: u8 = 0x04;
const ESCAPE: u8 = 0x1b;

/// What is to be sent to the client.
pub(super) enum Reply {
    /// This, and the shell goes on.
    More(Output),
    /// This, and the shell is over with that code.
    Over(Output),
}

/// One open shell.
pub(super) struct Shell {
    node: Node,
    /// Whether a person sits at a terminal that expects echo, prompts and CR LF.
    terminal: bool,
    line: Vec<u8>,
    status: u32,
    /// Inside the control sequence of, say, an arrow key.
    escape: bool,
}

impl Shell {
    pub(super) fn new(node: Node, terminal: bool) -> Self {
        Self { node, terminal, line: Vec::new(), status: 0, escape: false }
    }

    /// What is shown at the beginning.
    pub(super) fn greet(&self) -> Output {
        let Node { facts, .. } = &self.node;
        let text = format!(
            "This is a simulated node ({}, {} in {}). It runs nothing and answers only scripted commands:\n{HELP}",
            facts.instance_id, facts.instance_type, facts.zone
        );
        let mut output = Output::default();
        if self.terminal {
            output = Output::text(text).for_terminal();
            self.prompt(&mut output);
        }
        output
    }

    /// Takes what was typed or piped in.
    pub(super) fn typed(&mut self, data: &[u8]) -> Reply {
        let mut output = Output::default();
        for byte in data {
            let over = if self.terminal { self.key(*byte, &mut output) } else { self.byte(*byte, &mut output) };
            if over {
                return self.over(output);
            }
        }
        Reply::More(output)
    }

    /// The input is at its end: what stands there still counts as a line.
    pub(super) fn end(&mut self) -> Reply {
        let mut output = Output::default();
        self.enter(&mut output);
        self.over(output)
    }

    fn over(&self, mut output: Output) -> Reply {
        output.code = self.status;
        Reply::Over(output)
    }

    /// A byte from a pipe.
    fn byte(&mut self, byte: u8, output: &mut Output) -> bool {
        if byte == b'\n' {
            return self.enter(output);
        }
        self.keep(byte);
        false
    }

    /// A key from a terminal.
    fn key(&mut self, byte: u8, output: &mut Output) -> bool {
        if self.escape {
            // A control sequence ends with a letter or a tilde.
            self.escape = !(byte.is_ascii_alphabetic() && byte != b'O' || byte == b'~');
            return false;
        }
        match byte {
            b'\r' | b'\n' => {
                output.stdout.extend(b"\r\n");
                if self.enter(output) {
                    return true;
                }
                self.prompt(output);
            }
            INTERRUPT => {
                self.line.clear();
                output.stdout.extend(b"^C\r\n");
                self.prompt(output);
            }
            END_OF_INPUT if self.line.is_empty() => {
                output.stdout.extend(b"logout\r\n");
                return true;
            }
            ESCAPE => self.escape = true,
            _ if BACKSPACE.contains(&byte) => {
                if self.rub_out() {
                    output.stdout.extend(b"\x08 \x08");
                }
            }
            0x00..0x20 => {}
            _ => {
                self.keep(byte);
                output.stdout.push(byte);
            }
        }
        false
    }

    fn keep(&mut self, byte: u8) {
        if self.line.len() < LONGEST_LINE {
            self.line.push(byte);
        }
    }

    /// Takes the last character away, however many bytes it has.
    fn rub_out(&mut self) -> bool {
        const CONTINUATION: std::ops::Range<u8> = 0x80..0xc0;
        while let Some(byte) = self.line.pop() {
            if !CONTINUATION.contains(&byte) {
                return true;
            }
        }
        false
    }

    /// Carries the line out; true if it left the shell.
    fn enter(&mut self, output: &mut Output) -> bool {
        let line = std::mem::take(&mut self.line);
        let run = script::run(&self.node, &String::from_utf8_lossy(&line), self.status);
        self.status = run.output.code;
        let said = if self.terminal { run.output.for_terminal() } else { run.output };
        output.stdout.extend(said.stdout);
        // A terminal shows both outputs in one place.
        if self.terminal { &mut output.stdout } else { &mut output.stderr }.extend(said.stderr);
        run.left
    }

    fn prompt(&self, output: &mut Output) {
        output.stdout.extend(format!("{}@{} (simulated):~$ ", self.node.user, self.node.facts.hostname).bytes());
    }
}
