//! `fingerpost-testkit`: compares Fingerpost with the running kernel.

mod cli;
mod runs;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse(std::env::args().skip(1)) {
        Ok(cli::Verb::Help) => {
            print!("{}", cli::USAGE);
            ExitCode::SUCCESS
        }
        Ok(verb) => match runs::run(verb) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => {
                eprintln!("fingerpost-testkit: {error}");
                ExitCode::from(2)
            }
        },
        Err(message) => {
            eprintln!("fingerpost-testkit: {message}\n\n{}", cli::USAGE);
            ExitCode::from(2)
        }
    }
}
