//! Carries an intent out: observe, plan, write down, act, until nothing is left to do or the time is over.
//!
//! Whatever happens to a run, the next one looks at what EC2 shows and at the journal, and goes on from there.

mod act;
pub mod ask;
mod deliver;
mod ending;
#[cfg(feature = "simulator")]
pub mod imagined;
pub mod interrupt;
pub mod probe;
mod removal;
pub mod report;
mod run;
pub mod schedule;
mod volume_work;

pub use ending::{Ending, EngineError, Outcome};
pub use interrupt::{Cut, Interrupt, Signal};
pub use probe::Reach;
pub use removal::{Removal, Removed};
pub use report::{Progress, Reporter};
pub use run::{Options, Publishing, Run};
pub use volume_work::{VolumeWork, Worked};
