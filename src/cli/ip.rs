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
    let left_out = source.ipv6_left_out;
    let status = on(&mut ReadOnly::new(source), &names, words)?;
    if left_out > 0 && lists_ipv6(words) {
        writeln!(
            io::stderr(),
            "fingerpost: IPv6 is not modelled yet: {left_out} addresses and routes are left out"
        )?;
    }
    Ok(status)
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

/// Whether a listing may hold IPv6 objects: `ip` lists addresses, and routes of
/// all tables, of both families, and others when it is told to.
fn lists_ipv6(words: &[String]) -> bool {
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let object = words.iter().find(|word| !word.starts_with('-'));
    let is = |name: &str| object.is_some_and(|object| name.starts_with(object.as_str()));
    let both = is("address") || is("route") && has(&["all"]);
    (both || has(&["-6", "inet6"])) && !has(&["-4", "inet", "get"])
}
