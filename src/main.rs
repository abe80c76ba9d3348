//! The `fingerpost` command.

use std::io::{self, Write};

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let json = args.iter().any(|a| a == "--json");
    let text = io::read_to_string(io::stdin()).unwrap();
    let script = match fingerpost::script::Script::parse(&text) { Ok(s) => s, Err(e) => { eprintln!("{e}"); return 2.into() } };
    let mut world = fingerpost_engine::World::new(1, fingerpost_engine::Behaviour::default());
    let names = fingerpost_iproute::Names::default();
    let mut runner = fingerpost::script::Runner { world: &mut world, ns: fingerpost_model::NsId(0), names: &names };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let status = fingerpost::script::run(&script, &mut runner, json, &mut out).unwrap();
    out.flush().unwrap();
    (status as u8).into()
}
