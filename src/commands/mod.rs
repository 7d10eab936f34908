//! One verb, one file: its arguments and its function.

mod adopt;
pub mod completions;
mod context;
pub mod doctor;
pub mod down;
mod everywhere;
pub mod gc;
mod gc_end;
pub mod history;
pub mod list;
pub mod man;
pub mod plan;
mod preflight;
mod rebuild;
pub mod recover;
mod report;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod ssh;
pub mod start;
pub mod status;
pub mod stop;
pub mod template;
pub mod test_interrupt;
pub mod up;
pub mod watch;
mod why;
mod wish;
mod work;

use std::sync::Arc;

use crate::cli::{Cli, Command, CommandError, Exit, Globals};
use crate::ui::Ui;

use context::Context;

/// Does what the command line says.
///
/// # Errors
/// What went wrong, with its exit code.
pub fn dispatch(cli: Cli, ui: &Arc<Ui>) -> Result<(), CommandError> {
    match cli.command {
        Command::Completions(args) => completions::run(&args, ui),
        Command::Man(args) => man::run(&args, ui),
        Command::Template(args) => template::run(&args, &cli.globals, ui),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime
                .map_err(|error| CommandError::new(Exit::Failed, format!("cannot start the runtime: {error}")))?;
            runtime.block_on(async {
                let context = Context::new(globals(cli.globals, &command), Arc::clone(ui))?;
                talk_to_ec2(command, &context).await
            })
        }
    }
}

/// The verbs of the simulator need no `--sim`: they are about nothing else.
#[cfg(feature = "simulator")]
fn globals(mut globals: Globals, command: &Command) -> Globals {
    globals.sim |= matches!(command, Command::Sim(_));
    globals
}

#[cfg(not(feature = "simulator"))]
fn globals(globals: Globals, _: &Command) -> Globals {
    globals
}

async fn talk_to_ec2(command: Command, context: &Context) -> Result<(), CommandError> {
    match command {
        Command::Up(args) => up::run(&args, context).await,
        Command::Plan(args) => plan::run(&args, context).await,
        Command::Stop(args) => stop::run(&args, context).await,
        Command::Start(args) => start::run(&args, context).await,
        Command::Down(args) => down::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::Ssh(args) => ssh::run(&args, context).await,
        Command::TestInterrupt(args) => test_interrupt::run(&args, context).await,
        Command::Watch(args) => watch::run(&args, context).await,
        Command::Recover(args) => recover::run(&args, context).await,
        Command::Gc(args) => gc::run(&args, context).await,
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::History(args) => history::run(&args, context).await,
        #[cfg(feature = "simulator")]
        Command::Sim(args) => sim::run(args, context).await,
        Command::Completions(_) | Command::Man(_) | Command::Template(_) => Ok(()),
    }
}
