//! The `cloudtop` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloudtop::cli::main()
}
