//! Ctrl-C and SIGTERM: while something is being made or ended, the first ends the work at the next safe point and the
//! second ends it at once. At any other time there is nothing to be careful of, and the first ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::signal::unix::{SignalKind, signal};
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

    /// What it did to the run, in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
        }
    }
}

/// How far a run had come when a signal ended it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing had been changed.
    BeforeAnything,
    /// Between two pieces of work, or after the last.
    BetweenWork,
    /// In the middle of work: it was the second signal.
    InWork,
}

/// Tells whether a signal has come.
#[derive(Clone, Debug)]
pub struct Interrupt {
    came: watch::Receiver<Option<Signal>>,
    holds: Arc<Holds>,
}

/// Who holds signals off now, whether anybody ever did, and whether another program has the terminal.
#[derive(Debug, Default)]
struct Holds {
    now: AtomicUsize,
    ever: AtomicUsize,
    lent: AtomicBool,
}

/// While it is there, a signal is left to whoever asks [`Interrupt::came`].
#[derive(Debug)]
pub struct Held(Arc<Holds>);

/// While it is there, Ctrl-C is meant for a program that we have started: the terminal sends it to both.
#[derive(Debug)]
pub struct Lent(Arc<Holds>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.lent.store(false, Ordering::SeqCst);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Interrupt {
    /// Takes SIGINT and SIGTERM from now on. One that nobody holds off, and the second one, ends the process, after
    /// `tell` was told of it.
    ///
    /// They are taken on a thread of their own: the others may be held up by a question to the user.
    ///
    /// # Errors
    /// When the system does not let us take signals.
    pub fn listen(tell: impl Fn(Signal, Cut) + Send + 'static) -> std::io::Result<Self> {
        let (send, came) = watch::channel(None);
        let holds = Arc::new(Holds::default());
        let held = Arc::clone(&holds);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut int, mut term) = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let take = async move {
            loop {
                // A question that SIGTERM has woken up takes that for Ctrl-C, and sends SIGINT after it.
                let signal = tokio::select! {
                    biased;
                    _ = term.recv() => Signal::Terminate,
                    _ = int.recv() => Signal::Interrupt,
                };
                if signal == Signal::Interrupt && held.lent.load(Ordering::SeqCst) {
                    continue;
                }
                if let Some(cut) = held.cut(send.borrow().is_some()) {
                    tell(signal, cut);
                    std::process::exit(i32::from(signal.exit_code()));
                }
                send.send_replace(Some(signal));
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(take))?;
        Ok(Self { came, holds })
    }

    /// Holds signals off until the answer is dropped.
    #[must_use]
    pub fn hold(&self) -> Held {
        self.holds.now.fetch_add(1, Ordering::SeqCst);
        self.holds.ever.store(1, Ordering::SeqCst);
        Held(Arc::clone(&self.holds))
    }

    /// Leaves Ctrl-C to another program, until the answer is dropped.
    #[must_use]
    pub fn lend(&self) -> Lent {
        self.holds.lent.store(true, Ordering::SeqCst);
        Lent(Arc::clone(&self.holds))
    }

    /// One that never comes, and a way to make it come.
    #[must_use]
    pub fn by_hand() -> (watch::Sender<Option<Signal>>, Self) {
        let (send, came) = watch::channel(None);
        (send, Self { came, holds: Arc::default() })
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

    /// Does something unless a signal comes first: for what changes nothing, and may be given up at any moment.
    ///
    /// # Errors
    /// The signal.
    pub fn unless<T>(&self, doing: impl Future<Output = T>) -> impl Future<Output = Result<T, Signal>> {
        let mut signals = self.clone();
        // On the heap before anything else holds it: as an argument of an `async fn` it would be in its future twice.
        let doing = Box::pin(doing);
        async move {
            tokio::select! {
                biased;
                signal = signals.wait() => Err(signal),
                done = doing => Ok(done),
            }
        }
    }
}

impl Holds {
    /// Whether a signal ends the process at once, and in the middle of what.
    fn cut(&self, another_came: bool) -> Option<Cut> {
        match (self.now.load(Ordering::SeqCst), self.ever.load(Ordering::SeqCst)) {
            (0, 0) => Some(Cut::BeforeAnything),
            (0, _) => Some(Cut::BetweenWork),
            _ => another_came.then_some(Cut::InWork),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_signal_within_work_is_held_off() {
        let (_send, interrupt) = Interrupt::by_hand();
        let holds = Arc::clone(&interrupt.holds);
        assert_eq!(holds.cut(false), Some(Cut::BeforeAnything));
        let outer = interrupt.hold();
        let inner = interrupt.hold();
        assert_eq!((holds.cut(false), holds.cut(true)), (None, Some(Cut::InWork)));
        drop(inner);
        assert_eq!(holds.cut(false), None, "one of two still holds");
        drop(outer);
        assert_eq!(holds.cut(false), Some(Cut::BetweenWork));
    }
}
