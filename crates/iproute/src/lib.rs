//! iproute2's command language and its printing.
//!
//! [`run`] takes the words of an `ip` command, turns them into rtnetlink
//! requests with the meaning that iproute2 6.1 gives them, asks a
//! [`Kernel`], and prints what iproute2 prints, text or JSON: standard output,
//! standard error and exit status. It also takes the newer syntax for DSCP and
//! port masks in rules. What is not supported says so.
//!
//! No routing behaviour lives here, and no IO: files come from [`Env`],
//! output goes to [`Sinks`].

mod batch;
mod error;
mod lex;
mod links;
mod names;
mod options;
mod output;

mod address;
mod addrlabel;
mod link;
mod maddress;
mod mroute;
mod neigh;
mod netconf;
mod netns;
mod nexthop;
mod route;
mod rule;
mod token;
mod vrf;

use std::io::BufRead;

use fingerpost_model::{Kernel, NsId};
use fingerpost_net::Errno;

use error::{Done, Failure};
use lex::{Args, matches};
use options::Options;
use output::Output;

pub use names::Names;
pub use output::Sinks;
pub use route::{RouteQuestion, RouteQuestionError};

/// What a command left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status.
    pub status: i32,
    /// The error number of the kernel's last refusal.
    pub errno: Option<Errno>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Opens a file for reading; `-` is standard input.
pub type Open<'a> = dyn Fn(&str) -> Result<Box<dyn BufRead>, Errno> + 'a;

/// Runs a program in a namespace (`ip netns exec`); gives its exit status and
/// the error number of the last refusal.
pub type Exec<'a> = dyn Fn(&mut dyn Kernel, NsId, &[&str], &mut Sinks<'_>) -> (i32, Option<Errno>) + 'a;

/// What a command may ask of its surroundings.
pub struct Env<'a> {
    /// Opens a batch file.
    pub open: &'a Open<'a>,
    /// Runs a command in a namespace; `None` where that is not possible.
    pub exec: Option<&'a Exec<'a>>,
}

/// The surroundings of one run, split so that a dump's callback can print
/// while the kernel is borrowed: `let Ctx { kernel, p, ns, .. } = ctx`.
struct Ctx<'a> {
    kernel: &'a mut dyn Kernel,
    ns: NsId,
    env: &'a Env<'a>,
    p: Printer<'a>,
    errno: Option<Errno>,
    /// How many `ip netns exec … ip` this is within.
    depth: usize,
}

/// All that printing needs.
struct Printer<'a> {
    out: Output<'a>,
    opt: Options,
    names: names::View<'a>,
    links: links::LinkMap,
    nexthops: nexthop::Cache,
    /// Whether `ip link show` has run; from then on iproute2 lists addresses as it lists links.
    link_listed: bool,
    /// Whether it was said that `-s -s` shows less than it should.
    stats_noted: bool,
    /// Whether an IPv6 route of another table than main was seen; from then on
    /// iproute2 trusts the tables of IPv6 routes.
    tables6: bool,
}

impl Printer<'_> {
    /// Opens the JSON document if `-j` was given (`new_json_obj(json)`).
    fn open_document(&mut self) {
        self.out.open_document(self.opt.json, self.opt.pretty);
    }
}

impl Ctx<'_> {
    /// Prints a failure's message and keeps its error number.
    fn report(&mut self, failure: &Failure) {
        if !failure.message.is_empty() {
            self.p.out.err(&failure.message);
        }
        if failure.errno.is_some() {
            self.errno = failure.errno;
        }
    }

    /// The device's number, or the failure `Cannot find device "x"`.
    fn index_of(&mut self, name: &str) -> Done<u32> {
        self.p.links.index(self.kernel, self.ns, name).ok_or_else(|| Failure::no_device(name))
    }

    /// Sends a change; a refusal becomes its message with status 2.
    fn apply(&mut self, op: fingerpost_model::Op) -> Done {
        self.kernel.apply(self.ns, op).map_err(|refusal| Failure::refused(&refusal))
    }

    /// Reads device names for a dump that follows.
    fn refresh_links(&mut self) {
        self.p.links.refresh(self.kernel, self.ns);
    }
}

/// Runs `ip ARGS` in namespace `ns` and collects what it prints.
pub fn run(
    args: &[impl AsRef<str>],
    kernel: &mut dyn Kernel,
    ns: NsId,
    names: &Names,
    env: &Env<'_>,
) -> Outcome {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let sinks = Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let (status, errno) = run_to(args, kernel, ns, names, env, sinks);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { status, errno, stdout: text(stdout), stderr: text(stderr) }
}

/// Runs `ip ARGS` in namespace `ns`, printing to `sinks`; gives the exit
/// status and the error number of the kernel's last refusal.
pub fn run_to<'a>(
    args: &[impl AsRef<str>],
    kernel: &'a mut dyn Kernel,
    ns: NsId,
    names: &'a Names,
    env: &'a Env<'a>,
    sinks: Sinks<'a>,
) -> (i32, Option<Errno>) {
    let words: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    let printer = Printer {
        out: Output::new(sinks),
        opt: Options::default(),
        names: names::View::new(names),
        links: links::LinkMap::default(),
        nexthops: nexthop::Cache::default(),
        link_listed: false,
        stats_noted: false,
        tables6: false,
    };
    let mut ctx = Ctx { kernel, ns, env, p: printer, errno: None, depth: 0 };
    for problem in &names.problems {
        ctx.p.out.err_line(format_args!("{problem}"));
    }
    let status = match program(&mut ctx, Args::new(&words)) {
        Ok(status) => status,
        Err(failure) => {
            ctx.report(&failure);
            i32::from(failure.status)
        }
    };
    ctx.p.out.flush();
    (status, ctx.errno)
}

fn program(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done<i32> {
    if let Some(status) = options::parse(ctx, &mut args)? {
        return Ok(status);
    }
    if let Some(file) = ctx.p.opt.batch.take() {
        return batch::run(ctx, &file);
    }
    ctx.p.opt.strict = true;
    let object = args.take().ok_or_else(|| Failure::usage(options::USAGE))?;
    command(ctx, object, args.rest()).map(|()| 0)
}

/// Objects in the order in which abbreviations are tried.
const OBJECTS: [&str; 34] = [
    "address",
    "addrlabel",
    "maddress",
    "route",
    "rule",
    "neighbor",
    "neighbour",
    "ntable",
    "ntbl",
    "link",
    "l2tp",
    "fou",
    "ila",
    "macsec",
    "tunnel",
    "tunl",
    "tuntap",
    "tap",
    "token",
    "tcpmetrics",
    "tcp_metrics",
    "monitor",
    "xfrm",
    "mroute",
    "mrule",
    "netns",
    "netconf",
    "vrf",
    "sr",
    "nexthop",
    "mptcp",
    "ioam",
    "help",
    "stats",
];

/// Runs one command: an object and its words.
fn command(ctx: &mut Ctx<'_>, object: &str, words: &[&str]) -> Done {
    // iproute2 would match an empty word with nothing, too.
    let Some(&full) = OBJECTS.iter().find(|full| matches(object, full)) else {
        return Err(Failure::returned(1, format!("Object \"{object}\" is unknown, try \"ip help\".")));
    };
    let args = Args::new(words);
    match full {
        "address" => address::run(ctx, args),
        "route" => route::run(ctx, args),
        "rule" => rule::run(ctx, args),
        "neighbor" | "neighbour" => neigh::run(ctx, args),
        "link" => link::run(ctx, args),
        "tuntap" | "tap" => link::run_tuntap(ctx, args),
        "netns" => netns::run(ctx, args),
        "vrf" => vrf::run(ctx, args),
        "nexthop" => nexthop::run(ctx, args),
        "addrlabel" => addrlabel::run(ctx, args),
        "maddress" => maddress::run(ctx, args),
        "mroute" => mroute::run(ctx, args),
        "netconf" => netconf::run(ctx, args),
        "token" => token::run(ctx, args),
        "help" => Err(Failure::usage(options::USAGE)),
        _ => Err(Failure::unsupported(&format!("\"ip {full}\""))),
    }
}
