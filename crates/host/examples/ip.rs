//! `ip` on this machine, without a model in between: every listing and every
//! answer is the kernel's own, read over netlink and printed here. It is how
//! the reading and the printing are tested against the real tool
//! (`fingerpost-testkit compare --live`).

use std::io::{self, BufRead, BufReader};
use std::process::ExitCode;

use fingerpost_host::{Live, Target};
use fingerpost_iproute::{Env, Names, Sinks, run_to};
use fingerpost_model::NsId;
use fingerpost_net::Errno;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut live = Live::open(&Target::Current)?;
    // As `fingerpost ip …` is called, the first word may be `ip`.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words = words.strip_prefix(&["ip".to_string()]).unwrap_or(&words);
    let (mut stdout, mut stderr) = (io::stdout().lock(), io::stderr().lock());
    let sinks = Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let env = Env { open: &open, exec: None };
    let (status, _) = run_to(words, &mut live, NsId(0), &Names::default(), &env, sinks);
    Ok(ExitCode::from(status as u8))
}

fn open(path: &str) -> Result<Box<dyn BufRead>, Errno> {
    let opened = std::fs::File::open(path);
    let file = opened.map_err(|error| Errno(error.raw_os_error().unwrap_or(Errno::EIO.0)))?;
    Ok(Box::new(BufReader::new(file)))
}
