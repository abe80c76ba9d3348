//! The `fingerpost` command.

fn main() -> std::process::ExitCode {
    fingerpost::cli::main().into()
}
