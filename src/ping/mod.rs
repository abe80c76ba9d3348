//! `ping` in scripts: what iputils' ping (20221126) does and prints, over the virtual
//! network's sockets and clock. `options` reads the words, `wire` is the socket, `session`
//! sends, hears and counts, `text` and `route` are what is printed.

mod options;
mod route;
mod session;
mod text;
mod wire;

use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Time, World};
use fingerpost_iproute::Outcome;
use fingerpost_model::NsId;

use options::Refused;
use session::Session;
use wire::Opened;

/// The status of an answer that is not known, as of `fingerpost explain`.
const UNKNOWN: i32 = 3;

/// The milliseconds that a process takes to end and the next to begin: what was due when a
/// ping ended has happened when the next one sends.
const BETWEEN: u64 = 10;

/// Runs `ping ARGS` in a namespace; the clock goes on meanwhile.
pub fn run(args: &[String], world: &mut World, ns: NsId) -> Outcome {
    let outcome = ping(args, world, ns);
    let until = Time(world.now.0 + BETWEEN);
    world.run_network(until, &mut Tracer::off());
    outcome
}

fn ping(args: &[String], world: &mut World, ns: NsId) -> Outcome {
    let options = match options::parse(args) {
        Ok(options) => options,
        Err(refused) => return end(&refused, String::new(), String::new()),
    };
    world.network.take_unknown();
    let mut out = String::new();
    if !options.pattern.is_empty() && !options.quiet {
        out.push_str("PATTERN: 0x");
        out.extend(options.pattern.iter().map(|byte| format!("{byte:02x}")));
        out.push('\n');
    }
    let (mut outcome, unknown) = match wire::open(world, ns, &options) {
        Err((refused, warnings)) => (end(&refused, out, warnings), world.network.take_unknown()),
        Ok(Opened { mut wire, header, warnings, target, is_multicast }) => {
            let ident = options.ident.unwrap_or_else(|| wire.chance());
            let mut session = Session::new(&options, &mut wire, ident, (target, is_multicast));
            let status = session.run();
            out.push_str(&header);
            out.push_str(&session.out);
            let stderr = warnings + &session.err;
            (Outcome { status, stdout: out, stderr, errno: None }, wire.close())
        }
    };
    if !unknown.is_empty() {
        // What is not known for sure is not printed.
        let names = unknown.join("; ");
        let stderr = format!("ping: what it would print is not known: not modelled: {names}\n");
        outcome = Outcome { status: UNKNOWN, stdout: String::new(), stderr, errno: None };
    }
    outcome
}

fn end(refused: &Refused, stdout: String, warnings: String) -> Outcome {
    let stderr = format!("{warnings}ping: {}\n", refused.message);
    Outcome { status: refused.status, stdout, stderr, errno: None }
}
