//! One verb, one file: its arguments and its function.

mod adopt;
mod advice;
pub mod awake;
mod bill;
mod budget;
mod choosing;
pub mod code;
pub mod completions;
pub mod config;
mod context;
pub mod cost;
#[cfg(feature = "actual")]
mod cost_actual;
pub mod cp;
mod deliver;
pub mod docker_context;
pub mod doctor;
pub mod down;
mod everywhere;
pub mod gc;
mod gc_end;
pub mod history;
pub mod image;
pub mod init;
mod keeping;
pub mod kubeconfig;
pub mod list;
pub mod logs;
mod look_over;
pub mod man;
pub mod moving;
mod notify;
pub mod overview;
mod pace;
pub mod plan;
mod preflight;
mod price_list;
pub mod prices;
mod published;
mod rebuild;
pub mod recover;
mod report;
mod service;
#[cfg(feature = "simulator")]
pub mod sim;
#[cfg(test)]
mod sizes;
mod spending;
pub mod ssh;
mod ssh_all;
mod ssh_session;
pub mod start;
pub mod status;
pub mod stop;
pub mod template;
pub mod test_interrupt;
pub mod top;
pub mod up;
mod vigil;
pub mod volume;
pub mod watch;
mod why;
mod wish;
mod work;

use std::sync::Arc;

use crate::cli::{Cli, Command, CommandError, Exit, Globals};
use crate::ui::Ui;

#[cfg(feature = "simulator")]
pub use context::Account;
use context::Context;
pub use context::Surroundings;
pub use context::{home_dir, load_config};

/// Does what the command line says.
///
/// # Errors
/// What went wrong, with its exit code.
pub fn dispatch(cli: Cli, ui: &Arc<Ui>) -> Result<(), CommandError> {
    match cli.command {
        None => overview::run(&cli.globals, ui),
        Some(Command::Completions(args)) => completions::run(&args, ui),
        Some(Command::Config(args)) => config::run(&args, &cli.globals, ui),
        Some(Command::Man(args)) => man::run(&args, ui),
        Some(Command::Template(args)) => template::run(&args, &cli.globals, ui),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime
                .map_err(|error| CommandError::new(Exit::Failed, format!("cannot start the runtime: {error}")))?;
            runtime.block_on(async {
                let around = Surroundings::of_this_process(Arc::clone(ui))?;
                talk_to_ec2(Cli { globals: cli.globals, command }, around).await
            })
        }
    }
}

/// The verbs of the simulator need no `--sim`: they are about nothing else.
#[cfg(feature = "simulator")]
fn globals(mut globals: Globals, command: &Option<Command>) -> Globals {
    globals.sim |= matches!(command, Some(Command::Sim(_)));
    globals
}

#[cfg(not(feature = "simulator"))]
fn globals(globals: Globals, _: &Option<Command>) -> Globals {
    globals
}

/// Does what the command line says, for a verb that talks to EC2, in a runtime of the caller's. Dropped before its end
/// it leaves what a killed program leaves.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn talk_to_ec2(cli: Cli, around: Surroundings) -> Result<(), CommandError> {
    let Cli { globals: typed, command } = cli;
    let context = &Context::new(globals(typed, &command), around)?;
    let Some(command) = command else { return overview::run(&context.globals, &context.ui) };
    // Each on the heap: a future of all verbs would be as large as the largest, on the stack of whoever polls it.
    match command {
        Command::Up(args) => Box::pin(up::run(&args, context)).await,
        Command::Plan(args) => Box::pin(plan::run(&args, context)).await,
        Command::Stop(args) => Box::pin(stop::run(&args, context)).await,
        Command::Start(args) => Box::pin(start::run(&args, context)).await,
        Command::Move(args) => Box::pin(moving::run(&args, context)).await,
        Command::Down(args) => Box::pin(down::run(&args, context)).await,
        Command::List(args) => Box::pin(list::run(&args, context)).await,
        Command::Top(args) => Box::pin(top::run(&args, context)).await,
        Command::Status(args) => Box::pin(status::run(&args, context)).await,
        Command::Ssh(args) => Box::pin(ssh::run(&args, context)).await,
        Command::Cp(args) => Box::pin(cp::run(&args, context)).await,
        Command::Code(args) => Box::pin(code::run(&args, context)).await,
        Command::Logs(args) => Box::pin(logs::run(&args, context)).await,
        Command::Awake(args) => Box::pin(awake::run(&args, context)).await,
        Command::DockerContext(args) => Box::pin(docker_context::run(&args, context)).await,
        Command::Kubeconfig(args) => Box::pin(kubeconfig::run(&args, context)).await,
        Command::TestInterrupt(args) => Box::pin(test_interrupt::run(&args, context)).await,
        Command::Watch(args) => Box::pin(watch::run(&args, context)).await,
        Command::Prices(args) => Box::pin(prices::run(&args, context)).await,
        Command::Cost(args) => Box::pin(cost::run(&args, context)).await,
        Command::Recover(args) => Box::pin(recover::run(&args, context)).await,
        Command::Volume(args) => Box::pin(volume::run(&args, context)).await,
        Command::Image(args) => Box::pin(image::run(&args, context)).await,
        Command::Gc(args) => Box::pin(gc::run(&args, context)).await,
        Command::Doctor(args) => Box::pin(doctor::run(&args, context)).await,
        Command::Init(args) => Box::pin(init::run(&args, context)).await,
        Command::History(args) => Box::pin(history::run(&args, context)).await,
        #[cfg(feature = "simulator")]
        Command::Sim(args) => Box::pin(sim::run(args, context)).await,
        Command::Completions(_) | Command::Config(_) | Command::Man(_) | Command::Template(_) => Ok(()),
    }
}
