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
    let left_out = source.ipv6_left_out;
    let mut kernel = ReadOnly::new(source);
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    let mut stderr = io::stderr();
    let env = Env { open: &script::open, exec: None };
    let sinks = Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let (status, _) = run_to(words, &mut kernel, NsId(0), &names, &env, sinks);
    stdout.flush()?;
    if left_out > 0 && lists_ipv6(words) {
        writeln!(
            io::stderr(),
            "fingerpost: IPv6 is not modelled yet: {left_out} addresses, rules and routes are left out; -4 is whole"
        )?;
    }
    Ok(status as u8)
}

/// Whether a listing of addresses, rules or routes may hold IPv6 ones.
fn lists_ipv6(words: &[String]) -> bool {
    let is_ipv4 = |word: &String| matches!(word.as_str(), "-4" | "inet");
    let object = words.iter().find(|word| !word.starts_with('-'));
    let lists = object
        .is_some_and(|object| ["address", "route", "rule"].iter().any(|o| o.starts_with(object.as_str())));
    lists && !words.iter().any(is_ipv4) && !words.iter().any(|word| word == "get")
}
