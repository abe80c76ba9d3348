//! Structures that only C can reach: programs in `peers/*.c`, compiled here
//! and now, that build, look up and change as they are told over pipes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use fingerpost_net::{Family, Ip, Prefix};

use super::structure::{Change, Mode, Pass, Reader};
use super::subject::{Applied, Memory, Order, Subject, Trace, Work};
use crate::process::slab_mb;
use crate::table::Route;

/// A program for one structure.
pub struct Program {
    /// As `--structures` and the rows name it.
    pub name: &'static str,
    source: &'static str,
    /// For the compiler.
    flags: &'static [&'static str],
    /// The package that pkg-config knows its libraries by.
    package: Option<&'static str>,
    /// What is missing when `package` is.
    remedy: &'static str,
    /// Whether it takes many keys at once.
    is_batched: bool,
    /// Whether the kernel holds its table, and goes on clearing up after its end.
    is_kernels: bool,
}

/// DPDK's.
const RTE_FIB: Program = Program {
    name: "rte_fib",
    source: include_str!("../../peers/rte_fib.c"),
    flags: &[],
    package: Some("libdpdk"),
    remedy: "install libdpdk-dev, pkg-config and a C compiler",
    is_batched: true,
    is_kernels: false,
};

/// The kernel's own, by `bpf_fib_lookup` where that can be had.
const LINUX: Program = Program {
    name: "linux",
    source: include_str!("../../peers/linux.c"),
    flags: &[],
    package: None,
    remedy: "install a C compiler and libc6-dev",
    is_batched: false,
    is_kernels: true,
};

/// The same, asked by netlink messages in any case.
const LINUX_GETROUTE: Program = Program { name: "linux-getroute", flags: &["-DNO_BPF=1"], ..LINUX };

/// Names in the order in which they are measured when nothing else is said.
pub const DEFAULT: [&str; 2] = ["rte_fib", "linux"];
/// Those that are measured when they are named.
pub const OTHERS: [&str; 1] = ["linux-getroute"];

/// The program of this name.
pub fn named(name: &str) -> Option<&'static Program> {
    [&RTE_FIB, &LINUX, &LINUX_GETROUTE].into_iter().find(|program| program.name == name)
}

/// Compiles a program into `dir`.
///
/// # Errors
///
/// The compiler or a library is missing: what to install is named.
pub fn compile(program: &Program, dir: &Path) -> io::Result<PathBuf> {
    let source = dir.join(format!("{}.c", program.name));
    let built = dir.join(program.name);
    fs::write(dir.join("peer.h"), include_str!("../../peers/peer.h"))?;
    fs::write(&source, program.source)?;
    let missing = |_| io::Error::other(program.remedy);
    let mut flags = Vec::new();
    if let Some(package) = program.package {
        let found =
            Command::new("pkg-config").args(["--cflags", "--libs", package]).output().map_err(missing)?;
        if !found.status.success() {
            return Err(io::Error::other(program.remedy));
        }
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        flags.extend(found.split_whitespace().map(String::from));
    }
    let output = Command::new("cc")
        .args(["-std=gnu11", "-O3", "-march=native", "-o"])
        .args([&built, &source])
        .args(program.flags)
        .args(flags)
        .output()
        .map_err(missing)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let first = text.lines().find(|line| line.contains("error")).unwrap_or("cc failed").to_string();
        return Err(io::Error::other(format!("{first} ({})", program.remedy)));
    }
    Ok(built)
}

/// The table and the traces as programs read them. Removed when dropped.
pub struct Files {
    dir: PathBuf,
}

impl Files {
    /// Writes them to a directory.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn new<I: Ip>(
        dir: &Path,
        sorted: &[Route<I>],
        shuffled: &[Route<I>],
        traces: &[Trace<I>],
    ) -> io::Result<Self> {
        let files = Files { dir: dir.to_path_buf() };
        for (order, routes) in [(Order::Sorted, sorted), (Order::Shuffled, shuffled)] {
            write_changes(&files.routes(order), routes.iter().map(|r| (r.prefix, Some(r.hop))))?;
        }
        for (slot, trace) in traces.iter().enumerate() {
            let mut out = BufWriter::new(File::create(files.trace(slot))?);
            for key in &trace.keys {
                out.write_all(&key.to_key().to_be_bytes()[..usize::from(I::WIDTH / 8)])?;
            }
            out.flush()?;
        }
        Ok(files)
    }

    fn routes(&self, order: Order) -> PathBuf {
        self.dir.join(match order {
            Order::Sorted => "sorted",
            Order::Shuffled => "shuffled",
        })
    }

    fn trace(&self, slot: usize) -> PathBuf {
        self.dir.join(format!("trace{slot}"))
    }
}

/// `struct change` of `peer.h`: 16 bytes of address, a hop (0: take away), a length.
fn write_changes<I: Ip>(
    path: &Path,
    changes: impl Iterator<Item = (Prefix<I>, Option<u16>)>,
) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for (prefix, hop) in changes {
        out.write_all(&prefix.addr().to_key().to_be_bytes())?;
        out.write_all(&u32::from(hop.unwrap_or(0)).to_le_bytes())?;
        out.write_all(&u32::from(prefix.len()).to_le_bytes())?;
    }
    out.flush()
}

/// A program at work.
pub struct External {
    program: &'static Program,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    backend: String,
    dir: PathBuf,
    /// Whether the traces were handed over.
    knows_traces: bool,
}

impl External {
    /// Starts a compiled program for a family, with files in `dir`.
    ///
    /// # Errors
    ///
    /// It says that it cannot work here.
    pub fn start<I: Ip>(
        program: &'static Program,
        built: &Path,
        dir: &Path,
        batch: usize,
    ) -> io::Result<Self> {
        let family = match I::FAMILY {
            Family::V4 => "4",
            Family::V6 => "6",
        };
        let log = File::create(dir.join(format!("{}.log", program.name)))?;
        let mut child = Command::new(built)
            .args([family, &batch.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut external = External {
            program,
            child,
            stdin,
            stdout: BufReader::new(stdout),
            backend: String::new(),
            dir: dir.to_path_buf(),
            knows_traces: false,
        };
        external.backend = external.answer()?.join(" ");
        Ok(external)
    }

    fn ask(&mut self, question: &str) -> io::Result<Vec<String>> {
        if let Some(stdin) = &mut self.stdin {
            // A broken pipe shows in the missing answer.
            let _ = writeln!(stdin, "{question}").and_then(|()| stdin.flush());
        }
        self.answer()
    }

    /// `ok WORDS` or `error TEXT`.
    fn answer(&mut self) -> io::Result<Vec<String>> {
        let mut line = String::new();
        self.stdout.by_ref().take(4096).read_line(&mut line)?;
        match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
            ("ok", words) => Ok(words.split_whitespace().map(String::from).collect()),
            ("error", text) => Err(io::Error::other(text.to_string())),
            _ => {
                let log = fs::read_to_string(self.dir.join(format!("{}.log", self.program.name)));
                let last = log.unwrap_or_default().lines().last().unwrap_or("no word why").to_string();
                Err(io::Error::other(format!("it ended: {last}")))
            }
        }
    }

    fn numbers<const N: usize>(&mut self, question: &str) -> io::Result<[u64; N]> {
        let words = self.ask(question)?;
        let numbers: Option<Vec<u64>> = words.iter().map(|word| word.parse().ok()).collect();
        numbers
            .and_then(|numbers| <[u64; N]>::try_from(numbers).ok())
            .ok_or_else(|| io::Error::other(format!("{question}: answered {words:?}")))
    }

    fn build_from<I: Ip>(&mut self, work: &Work<'_, I>, order: Order) -> io::Result<(Duration, usize)> {
        let path = files(work)?.routes(order);
        let [time, bytes] = self.numbers(&format!("build {} {}", work.limit.as_secs(), path.display()))?;
        Ok((Duration::from_nanos(time), bytes as usize))
    }

    fn hand_traces<I: Ip>(&mut self, work: &Work<'_, I>) -> io::Result<()> {
        if !self.knows_traces {
            for slot in 0..work.traces.len() {
                let path = files(work)?.trace(slot);
                self.ask(&format!("trace {slot} {}", path.display()))?;
            }
            self.knows_traces = true;
        }
        Ok(())
    }
}

fn files<'a, I: Ip>(work: &Work<'a, I>) -> io::Result<&'a Files> {
    work.files.ok_or_else(|| io::Error::other("the table was not written for it"))
}

impl<I: Ip> Subject<I> for External {
    fn name(&self) -> &'static str {
        self.program.name
    }

    fn backend(&self) -> String {
        self.backend.clone()
    }

    fn is_batched(&self) -> bool {
        self.program.is_batched
    }

    fn no_match(&self) -> u32 {
        0
    }

    fn publishes(&self) -> bool {
        false
    }

    fn build(&mut self, work: &Work<'_, I>, order: Order) -> io::Result<Duration> {
        self.build_from(work, order).map(|(time, _)| time)
    }

    fn weigh(&mut self, work: &Work<'_, I>) -> io::Result<Memory> {
        let (_, bytes) = self.build_from(work, Order::Sorted)?;
        self.backend = self.ask("backend")?.join(" ");
        Ok(Memory { bytes, lookup: None })
    }

    fn answers(
        &mut self,
        work: &Work<'_, I>,
        mode: Mode,
        trace: usize,
        count: usize,
    ) -> io::Result<Vec<u32>> {
        self.hand_traces(work)?;
        let path = self.dir.join("answers");
        self.ask(&format!("answers {} {trace} {count} {}", mode.name(), path.display()))?;
        let bytes = fs::read(&path)?;
        fs::remove_file(&path)?;
        let answers = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(answers.collect())
    }

    fn pass(&mut self, work: &Work<'_, I>, mode: Mode, trace: usize, count: usize) -> io::Result<Pass> {
        self.hand_traces(work)?;
        let [time, sum] = self.numbers(&format!("pass {} {trace} {count}", mode.name()))?;
        Ok(Pass { time: Duration::from_nanos(time), sum: sum as u32 })
    }

    fn reader(&self) -> Option<Reader<I>> {
        None
    }

    fn held(&self) -> Option<usize> {
        None
    }

    fn apply(&mut self, changes: &[Change<I>], batch: usize, most: Duration) -> io::Result<Applied> {
        let path = self.dir.join("changes");
        write_changes(&path, changes.iter().map(|change| (change.prefix, change.hop)))?;
        let question = format!("apply {batch} {} {}", most.as_nanos(), path.display());
        let words = self.ask(&question)?;
        let wrong = || io::Error::other(format!("{question}: answered {words:?}"));
        let [done, time, refused @ ..] = words.as_slice() else { return Err(wrong()) };
        Ok(Applied {
            done: done.parse().ok().filter(|&done| done <= changes.len()).ok_or_else(wrong)?,
            time: Duration::from_nanos(time.parse().map_err(|_| wrong())?),
            refused: Some(refused.join(" ")).filter(|text| !text.is_empty()),
        })
    }
}

impl Drop for External {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.stdin.take());
        let _ = self.child.wait();
        if self.program.is_kernels {
            settled();
        }
    }
}

/// Waits, ten seconds at most, until the kernel has cleared up a namespace.
fn settled() {
    let mut before = f64::INFINITY;
    for _ in 0..50 {
        let Ok(now) = slab_mb() else { return };
        if (before - now).abs() < 0.5 {
            return;
        }
        before = now;
        sleep(Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fib::keys::{Keys, draw};
    use crate::fib::oracle::Oracle;
    use crate::fib::peers::Native;
    use crate::fib::structure::plain_sum;
    use crate::fib::updates::{after, churn};
    use crate::table::synthetic;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// Answers, also after changes; or why there are none.
    fn agrees<I: Native>(program: &'static Program, dir: &Path) -> io::Result<()> {
        let built = compile(program, dir)?;
        let mut subject: Box<dyn Subject<I>> = Box::new(External::start::<I>(program, &built, dir, 64)?);
        let routes = synthetic::<I>(1, 1000);
        let traces = [Trace { kind: Keys::InPrefix, keys: draw(Keys::InPrefix, &routes, 1000, 1) }];
        let files = Files::new(dir, &routes, &routes, &traces)?;
        let limit = Duration::from_secs(60);
        let work = Work {
            routes: &routes,
            shuffled: &routes,
            traces: &traces,
            batch: 64,
            limit,
            files: Some(&files),
        };
        subject.build(&work, Order::Sorted)?;
        let mut modes = vec![Mode::Independent, Mode::Dependent];
        modes.extend(subject.is_batched().then_some(Mode::Batched));
        let keys = &traces[0].keys;
        let mut expected = Oracle::new(&routes).hops(&routes, keys);
        for &mode in &modes {
            assert_eq!(subject.answers(&work, mode, 0, 1000)?, expected, "{}, {mode:?}", program.name);
            // Not a multiple of what is looked up at once.
            let sum = subject.pass(&work, mode, 0, 700)?.sum;
            assert_eq!(sum, plain_sum(&expected[..700], 0), "{}, {mode:?}", program.name);
        }
        let changes = churn(&routes, 500, 1);
        let applied = subject.apply(&changes, 100, limit)?;
        let now = after(&routes, &changes[..applied.done]);
        expected = Oracle::new(&now).hops(&now, keys);
        assert_eq!(subject.answers(&work, modes[0], 0, 1000)?, expected, "{}, changed", program.name);
        Ok(())
    }

    #[test]
    fn programs_answer_as_the_oracle() {
        for program in [&RTE_FIB, &LINUX, &LINUX_GETROUTE] {
            for family in [Family::V4, Family::V6] {
                let name = format!("fingerpost-bench-{}-{}-{family:?}", std::process::id(), program.name);
                let dir = std::env::temp_dir().join(name);
                fs::create_dir_all(&dir).expect("can be made");
                let result = match family {
                    Family::V4 => agrees::<Ipv4Addr>(program, &dir),
                    Family::V6 => agrees::<Ipv6Addr>(program, &dir),
                };
                fs::remove_dir_all(&dir).expect("was made");
                if let Err(error) = result {
                    eprintln!("skipped: {}, {family:?}: {error}", program.name);
                }
            }
        }
    }
}
