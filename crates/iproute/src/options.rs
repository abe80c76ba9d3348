//! The options before the object: `-4`, `-j`, `-batch`, … with their abbreviations.

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_u32, matches};

/// What the options say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// `-f`, `-4`, `-6`, …
    pub family: Af,
    /// `-j`.
    pub json: bool,
    /// `-p`.
    pub pretty: bool,
    /// How often `-d` was given.
    pub details: u32,
    /// How often `-s` was given.
    pub stats: u32,
    /// `-o`.
    pub oneline: bool,
    /// `-br`.
    pub brief: bool,
    /// `-h`.
    pub human: bool,
    /// `-iec`.
    pub iec: bool,
    /// `-force`.
    pub force: bool,
    /// `-a`.
    pub all: bool,
    /// How often `-t` or `-ts` was given.
    pub timestamp: u32,
    /// `-l`: most rounds of an address flush.
    pub loops: i32,
    /// `-b FILE`.
    pub batch: Option<String>,
    /// Whether the kernel filters dumps. iproute2 does not ask for that in a batch.
    pub strict: bool,
}

/// The one line that stands for iproute2's long help.
pub(crate) const USAGE: &str = "ip [ OPTIONS ] OBJECT { COMMAND | help }";

/// Takes the options from the front of `args`; `Some` is the exit status of
/// an option that ends the run.
pub(crate) fn parse(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Done<Option<i32>> {
    let usage = || Failure::usage(USAGE);
    ctx.p.opt.loops = 10;
    while let Some(word) = args.peek() {
        if word == "--" {
            args.take();
            break;
        }
        if !word.starts_with('-') {
            break;
        }
        args.take();
        let opt = if word.starts_with("--") { &word[1..] } else { word };
        let is = |full: &str| matches(opt, full);
        let o = &mut ctx.p.opt;
        if is("-loops") {
            let text = args.take().ok_or_else(usage)?;
            o.loops = crate::lex::strtol(text, 10).map_or(0, |(n, _)| n as i32);
        } else if is("-family") {
            let name = args.take().ok_or_else(usage)?;
            if name == "help" {
                return Err(usage());
            }
            o.family =
                Af::from_name(name).ok_or_else(|| Failure::invalid("invalid protocol family", name))?;
        } else if opt == "-4" {
            o.family = Af::Inet;
        } else if opt == "-6" {
            o.family = Af::Inet6;
        } else if opt == "-0" {
            o.family = Af::Packet;
        } else if opt == "-M" {
            o.family = Af::Mpls;
        } else if opt == "-B" {
            o.family = Af::Bridge;
        } else if is("-human") || is("-human-readable") {
            o.human = true;
        } else if is("-iec") {
            o.iec = true;
        } else if is("-stats") || is("-statistics") {
            o.stats += 1;
        } else if is("-details") {
            o.details += 1;
        } else if is("-resolve") {
            let what = "option \"-resolve\" (addresses are not looked up in the DNS)";
            return Err(Failure { ends: true, ..Failure::unsupported(what) });
        } else if is("-oneline") {
            o.oneline = true;
        } else if is("-timestamp") || is("-tshort") {
            o.timestamp += 1;
        } else if is("-Version") {
            ctx.p.out.raw("ip utility, iproute2-6.1.0, libbpf 1.1.2\n");
            return Ok(Some(0));
        } else if is("-force") {
            o.force = true;
        } else if is("-batch") {
            o.batch = Some(args.take().ok_or_else(usage)?.to_string());
        } else if is("-brief") {
            o.brief = true;
        } else if is("-json") {
            o.json = true;
        } else if is("-pretty") {
            o.pretty = true;
        } else if is("-rcvbuf") {
            let size = args.take().ok_or_else(usage)?;
            if get_u32(size, 0).is_none() {
                return Err(Failure::exit(255, format!("Invalid rcvbuf size '{size}'")));
            }
        } else if is_color(opt) {
        } else if is("-help") {
            return Err(usage());
        } else if is("-netns") {
            // Without a name iproute2 looks for the one that C prints for no string.
            let name = args.take().unwrap_or("(null)");
            match ctx.kernel.find_netns(name) {
                Some(ns) => ctx.ns = ns,
                None => return Err(crate::netns::cannot_enter(ctx, name)),
            }
        } else if is("-Numeric") {
            ctx.p.names.set_numeric(true);
        } else if is("-all") {
            o.all = true;
        } else if opt == "-echo" {
            return Err(Failure { ends: true, ..Failure::unsupported("option \"-echo\"") });
        } else {
            return Err(Failure::exit(255, format!("Option \"{opt}\" is unknown, try \"ip -help\".")));
        }
    }
    let oneline = ctx.p.opt.oneline;
    ctx.p.out.set_oneline(oneline);
    Ok(None)
}

/// Whether it is `-c`, `-color`, `-color=WHEN`. Nothing is ever coloured.
fn is_color(opt: &str) -> bool {
    let (name, when) = opt.split_once('=').unwrap_or((opt, ""));
    matches(name, "-color") && matches!(when, "" | "always" | "auto" | "never")
}
