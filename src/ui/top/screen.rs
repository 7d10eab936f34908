//! The terminal's other screen: taken, drawn on, and given back however the program ends.

use std::io::{self, IsTerminal, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::{cursor, execute, style, terminal};

use super::draw::draw;
use super::model::{Key, Model};
use crate::ui::{ColorChoice, Ui};

/// How long one look for a key takes at most: the clock on the screen goes on meanwhile, and signals are seen.
const KEY_WITHIN: Duration = Duration::from_millis(200);

/// Whether the other screen is shown. The hook for panics and the thread that takes signals must know of it too.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// The screen, until it is dropped.
pub struct Screen<'a> {
    ui: &'a Ui,
    /// Never dropped: its own drop says on stderr that the cursor cannot be shown, and panics where stderr is gone, too.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
}

impl Ui {
    /// Whether there is a terminal to draw on and to take keys from.
    #[must_use]
    pub fn can_draw(&self) -> bool {
        self.can_ask && self.out_is_terminal
    }

    /// Takes the whole terminal. What would be printed meanwhile is kept for [`Ui::kept`].
    ///
    /// # Errors
    /// A terminal that cannot be drawn on.
    pub fn screen(&self) -> io::Result<Screen<'_>> {
        give_back_on_panic();
        if self.has_colours() {
            style::force_color_output(true);
        }
        let terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
        let mut screen = Screen { ui: self, terminal };
        screen.enter()?;
        Ok(screen)
    }

    /// Whether colours are used on standard output.
    #[must_use]
    pub fn has_colours(&self) -> bool {
        match self.options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        }
    }
}

impl Screen<'_> {
    fn enter(&mut self) -> io::Result<()> {
        self.ui.keep_words(true);
        SHOWN.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()?;
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        // Not `clear`, which asks the terminal where its cursor is: not all answer, and the answer would be read as keys.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Draws.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.terminal.draw(|frame| draw(frame, model))?;
        Ok(())
    }

    /// Gives the terminal back for another program.
    pub fn step_aside(&mut self) {
        leave();
    }

    /// Says how the other program ended, and takes keys one by one again.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn ask_for_a_key(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        writeln!(out, "\n{text}; press a key to go back to `cloudtop top`")?;
        out.flush()?;
        SHOWN.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()
    }

    /// Comes back.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn come_back(&mut self) -> io::Result<()> {
        self.enter()
    }

    /// Waits a moment for a key. Blocks: not for the thread of the runtime. While nobody calls it nothing is read, so that
    /// another program has the keys to itself.
    ///
    /// # Errors
    /// A terminal that is gone.
    pub fn key() -> io::Result<Option<Key>> {
        if !event::poll(KEY_WITHIN)? {
            // A terminal that was hung up is always readable, and has no keys.
            return if io::stdin().is_terminal() { Ok(None) } else { Err(io::ErrorKind::NotConnected.into()) };
        }
        Ok(match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => Some(meaning(key)),
            _ => None,
        })
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        leave();
        self.ui.keep_words(false);
    }
}

fn meaning(key: KeyEvent) -> Key {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return if key.code == KeyCode::Char('c') { Key::Quit } else { Key::Other };
    }
    match key.code {
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::First,
        KeyCode::End => Key::Last,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Char(letter) => Key::Char(letter),
        _ => Key::Other,
    }
}

/// Gives the terminal back as it was, once. There is nobody to tell where that fails.
pub(in crate::ui) fn leave() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), terminal::LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}

/// A release build ends at the panic, without dropping anything: only the hook can give the terminal back.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            tell(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_gives_the_terminal_back_before_anything_is_dropped() {
        give_back_on_panic();
        SHOWN.store(true, Ordering::SeqCst);
        let caught = std::panic::catch_unwind(|| assert_eq!(1, 2, "on purpose"));
        assert!(caught.is_err() && !SHOWN.load(Ordering::SeqCst));
    }
}
