//! Ctrl-C and SIGTERM: while something is being made or ended, the first ends the work at the next safe point and the
//! second ends it at once. At any other time there is nothing to be careful of, and the first ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    held: Arc<AtomicBool>,
}

/// While it is there, a signal is left to whoever asks [`Interrupt::came`].
#[derive(Debug)]
pub struct Held(Arc<AtomicBool>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Interrupt {
    /// Takes SIGINT and SIGTERM from now on. One that nobody holds off, and the second one, ends the process.
    ///
    /// # Errors
    /// When the system does not let us take signals.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (send, came) = watch::channel(None);
        let held = Arc::new(AtomicBool::new(false));
        let holds = Arc::clone(&held);
        let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = int.recv() => Signal::Interrupt,
                    _ = term.recv() => Signal::Terminate,
                };
                if send.borrow().is_some() || !holds.load(Ordering::Relaxed) {
                    std::process::exit(i32::from(signal.exit_code()));
                }
                send.send_replace(Some(signal));
            }
        });
        Ok(Self { came, held })
    }

    /// Holds signals off until the answer is dropped.
    #[must_use]
    pub fn hold(&self) -> Held {
        self.held.store(true, Ordering::Relaxed);
        Held(Arc::clone(&self.held))
    }

    /// One that never comes, and a way to make it come.
    #[must_use]
    pub fn by_hand() -> (watch::Sender<Option<Signal>>, Self) {
        let (send, came) = watch::channel(None);
        (send, Self { came, held: Arc::default() })
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
