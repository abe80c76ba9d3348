//! `ip`: iproute2's commands on a source.

use std::io::{self, Write};

use fingerpost_iproute::{Env, Sinks, run_to};
use fingerpost_model::NsId;

use crate::readonly::ReadOnly;
use crate::script;
use crate::source::SourceArgs;

pub(super) fn run(before: SourceArgs, words: &[String]) -> anyhow::Result<u8> {
    let (after, words) = SourceArgs::before_words(words)?;
    let source = before.and(after)?.load()?;
    let names = source.names.clone();
    let mut kernel = ReadOnly::new(source);
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    let mut stderr = io::stderr();
    let env = Env { open: &script::open, exec: None };
    let sinks = Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let (status, _) = run_to(words, &mut kernel, NsId(0), &names, &env, sinks);
    stdout.flush()?;
    Ok(status as u8)
}
