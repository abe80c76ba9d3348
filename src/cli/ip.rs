//! `ip`: iproute2's commands on a source.

use std::io::{self, Write};

use fingerpost_iproute::{Env, Names, Sinks, run_to};
use fingerpost_model::{Kernel, NsId};

use crate::live::LiveHost;
use crate::readonly::ReadOnly;
use crate::script;
use crate::source::{SourceArgs, system_names};

pub(super) fn run(before: SourceArgs, words: &[String]) -> anyhow::Result<u8> {
    let (after, words) = SourceArgs::before_words(words)?;
    let args = before.and(after)?;
    if args.is_live() {
        return on(&mut LiveHost::open(args.target())?, &system_names(), words);
    }
    let source = args.load()?;
    let names = source.names.clone();
    on(&mut ReadOnly::new(source), &names, words)
}

/// Runs the command on a kernel; gives its exit status.
fn on(kernel: &mut dyn Kernel, names: &Names, words: &[String]) -> anyhow::Result<u8> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    let mut stderr = io::stderr();
    let env = Env { open: &script::open, exec: None };
    let sinks = Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let (status, _) = run_to(words, kernel, NsId(0), names, &env, sinks);
    stdout.flush()?;
    Ok(status as u8)
}
