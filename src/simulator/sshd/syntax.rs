//! The little of the shell's grammar that is understood: words with quotes, a few variables, `&&`, `||`, `;`, `!` and
//! redirections to nowhere.

use std::iter::Peekable;
use std::str::Chars;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `$NAME`, `${NAME}` or `$?`.
    Variable(String),
    /// A `~` that begins a word and stands bare.
    Home,
}

pub(super) type Word = Vec<Piece>;

/// Where output is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Stdout,
    Stderr,
    Nowhere,
}

/// Which of the two outputs a redirection moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
    Both,
}

/// When a command is run, by how the one before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    Succeeded,
    Failed,
}

/// One simple command of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) when: When,
    pub(super) negated: bool,
    pub(super) words: Vec<Word>,
    pub(super) redirections: Vec<(Stream, Target)>,
}

impl Command {
    fn new(when: When) -> Self {
        Self { when, negated: false, words: Vec::new(), redirections: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.redirections.is_empty() && !self.negated
    }
}

/// Reads a command line.
///
/// # Errors
///
/// The part of the line that is not understood.
pub(super) fn parse(line: &str) -> Result<Vec<Command>, String> {
    let mut reader =
        Reader { rest: line.chars().peekable(), commands: Vec::new(), current: Command::new(When::Always) };
    while reader.step()? {}
    if reader.current.is_empty() && reader.current.when != When::Always {
        return Err("end of line after && or ||".to_owned());
    }
    reader.close(When::Always);
    Ok(reader.commands)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    commands: Vec<Command>,
    current: Command,
}

impl Reader<'_> {
    /// Reads one operator or word; false at the end.
    fn step(&mut self) -> Result<bool, String> {
        let Some(next) = self.rest.peek().copied() else { return Ok(false) };
        match next {
            ' ' | '\t' => {
                self.rest.next();
            }
            '\n' => {
                self.rest.next();
                // A line may go on after && and ||.
                if !self.current.is_empty() {
                    self.close(When::Always);
                }
            }
            ';' => {
                self.rest.next();
                self.connect(When::Always, ";")?;
            }
            '#' => while self.rest.next_if(|symbol| *symbol != '\n').is_some() {},
            '&' | '|' => self.operator(next)?,
            '>' => self.redirection(Stream::Stdout)?,
            '(' | ')' | '<' | '`' => return Err(next.to_string()),
            _ => self.word()?,
        }
        Ok(true)
    }

    fn operator(&mut self, symbol: char) -> Result<(), String> {
        self.rest.next();
        match (symbol, self.rest.peek()) {
            ('&', Some('&')) => {
                self.rest.next();
                self.connect(When::Succeeded, "&&")
            }
            ('|', Some('|')) => {
                self.rest.next();
                self.connect(When::Failed, "||")
            }
            ('&', Some('>')) => self.redirection(Stream::Both),
            _ => Err(symbol.to_string()),
        }
    }

    fn connect(&mut self, when: When, symbol: &str) -> Result<(), String> {
        if self.current.is_empty() {
            return Err(symbol.to_owned());
        }
        self.close(when);
        Ok(())
    }

    fn close(&mut self, when: When) {
        let command = std::mem::replace(&mut self.current, Command::new(when));
        if !command.is_empty() {
            self.commands.push(command);
        }
    }

    /// Reads `>` and what follows; only nowhere and the other output are known.
    fn redirection(&mut self, stream: Stream) -> Result<(), String> {
        self.rest.next();
        let mut target = String::new();
        self.rest.next_if_eq(&'>');
        while self.rest.next_if_eq(&' ').is_some() {}
        while let Some(symbol) = self.rest.next_if(|symbol| !" \t\n;|<>".contains(*symbol)) {
            if symbol == '&' && !target.is_empty() {
                return Err(format!("> {target}&"));
            }
            target.push(symbol);
        }
        let target = match target.as_str() {
            "/dev/null" => Target::Nowhere,
            "&1" => Target::Stdout,
            "&2" => Target::Stderr,
            other => return Err(format!("> {other}")),
        };
        self.current.redirections.push((stream, target));
        Ok(())
    }

    fn word(&mut self) -> Result<(), String> {
        let (mut word, mut text, mut bare) = (Word::new(), String::new(), true);
        while let Some(symbol) = self.rest.peek().copied() {
            match symbol {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '(' | ')' => break,
                '>' if word.is_empty() && bare && (text == "1" || text == "2") => {
                    return self.redirection(if text == "1" { Stream::Stdout } else { Stream::Stderr });
                }
                '>' => break,
                '~' if word.is_empty() && text.is_empty() && bare => {
                    self.rest.next();
                    word.push(Piece::Home);
                }
                '\'' | '"' | '\\' | '$' | '`' => {
                    bare &= symbol == '$';
                    self.quoted(symbol, &mut word, &mut text)?;
                }
                _ => {
                    self.rest.next();
                    text.push(symbol);
                }
            }
        }
        if !text.is_empty() || (word.is_empty() && !bare) {
            word.push(Piece::Text(text));
        }
        if self.current.words.is_empty() && bare && word == [Piece::Text("!".to_owned())] {
            self.current.negated = !self.current.negated;
        } else {
            self.current.words.push(word);
        }
        Ok(())
    }

    /// Reads what a quote, a backslash or a dollar begins.
    fn quoted(&mut self, symbol: char, word: &mut Word, text: &mut String) -> Result<(), String> {
        self.rest.next();
        match symbol {
            '\'' => loop {
                match self.rest.next().ok_or("a ' without its pair")? {
                    '\'' => return Ok(()),
                    inner => text.push(inner),
                }
            },
            '"' => loop {
                match self.rest.next().ok_or("a \" without its pair")? {
                    '"' => return Ok(()),
                    '\\' => self.escaped_in_double_quotes(text),
                    '$' => self.variable(word, text)?,
                    '`' => return Err("`".to_owned()),
                    inner => text.push(inner),
                }
            },
            '\\' => {
                text.extend(self.rest.next().filter(|escaped| *escaped != '\n'));
                Ok(())
            }
            '$' => self.variable(word, text),
            _ => Err(symbol.to_string()),
        }
    }

    /// Between double quotes a backslash is itself, but before these.
    fn escaped_in_double_quotes(&mut self, text: &mut String) {
        match self.rest.next_if(|next| "\"\\$`\n".contains(*next)) {
            Some('\n') => {}
            Some(escaped) => text.push(escaped),
            None => text.push('\\'),
        }
    }

    fn variable(&mut self, word: &mut Word, text: &mut String) -> Result<(), String> {
        let mut name = String::new();
        let braced = self.rest.next_if_eq(&'{').is_some();
        if self.rest.next_if_eq(&'?').is_some() {
            name.push('?');
        } else {
            while let Some(letter) = self.rest.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
                name.push(letter);
            }
        }
        if braced && self.rest.next() != Some('}') || !braced && self.rest.peek() == Some(&'(') && name.is_empty() {
            return Err("$(...) or ${...}".to_owned());
        }
        if name.is_empty() {
            text.push('$');
        } else {
            if !text.is_empty() {
                word.push(Piece::Text(std::mem::take(text)));
            }
            word.push(Piece::Variable(name));
        }
        Ok(())
    }
}
