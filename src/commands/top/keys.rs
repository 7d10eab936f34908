//! Keys, one at a time and only when they are asked for: another program may have the terminal meanwhile.

use std::io;

use tokio::sync::mpsc;

use crate::ui::top::{Key, Screen};

/// Reads keys on a thread of its own, which nobody waits for at the end: on a terminal that was closed it may never answer.
pub(super) struct Keys {
    ask: std::sync::mpsc::Sender<()>,
    told: mpsc::Receiver<io::Result<Option<Key>>>,
    /// Whether the thread was asked and has not answered.
    asked: bool,
}

impl Keys {
    pub(super) fn new() -> io::Result<Self> {
        let (ask, asks) = std::sync::mpsc::channel();
        let (tell, told) = mpsc::channel(1);
        let read = move || {
            while asks.recv().is_ok() {
                if tell.blocking_send(Screen::key()).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("keys".to_owned()).spawn(read)?;
        Ok(Self { ask, told, asked: false })
    }

    /// The next key, or none within a moment. What is given up here is told the next time.
    pub(super) async fn next(&mut self) -> io::Result<Option<Key>> {
        if !self.asked {
            self.ask.send(()).map_err(io::Error::other)?;
            self.asked = true;
        }
        let told = self.told.recv().await;
        self.asked = false;
        told.unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))
    }
}
