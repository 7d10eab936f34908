//! Ctrl-C and SIGTERM: the first ends the work at the next safe point, the second ends it at once.

use tokio::sync::watch;

/// A signal that asks us to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, which Ctrl-C sends.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// The exit code that shells expect: 128 and the signal's number.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Tells whether a signal has come.
#[derive(Clone, Debug)]
pub struct Interrupt {
    came: watch::Receiver<Option<Signal>>,
}

impl Interrupt {
    /// Takes SIGINT and SIGTERM from now on. The second one ends the process.
    ///
    /// # Errors
    /// When the system does not let us take signals.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (send, came) = watch::channel(None);
        let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = int.recv() => Signal::Interrupt,
                    _ = term.recv() => Signal::Terminate,
                };
                if send.borrow().is_some() {
                    std::process::exit(i32::from(signal.exit_code()));
                }
                send.send_replace(Some(signal));
            }
        });
        Ok(Self { came })
    }

    /// One that never comes, and a way to make it come.
    #[must_use]
    pub fn by_hand() -> (watch::Sender<Option<Signal>>, Self) {
        let (send, came) = watch::channel(None);
        (send, Self { came })
    }

    /// The signal, if one has come.
    #[must_use]
    pub fn came(&self) -> Option<Signal> {
        *self.came.borrow()
    }

    /// Waits for a signal.
    pub async fn wait(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.came() {
                return signal;
            }
            if self.came.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
