//! VRF, VLAN and macvlan devices as a kernel that has them treats them, and what
//! releases do differently: what a comparison with Linux 7.2.7 under
//! user-mode-linux showed (`docs/uml.md`), in memory. Where 6.18 is known to
//! differ, both releases are here.

mod four;
mod six;
mod six_releases;

use fingerpost::script::{Runner, Script};
use fingerpost_engine::{Behaviour, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;

/// The last command's output, standard error after standard output.
fn last(release: &str, lines: &str) -> String {
    let mut world = World::new(1, Behaviour::of_release(release));
    let names = Names::default();
    let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
    let script = Script::parse(lines).unwrap_or_else(|error| panic!("{error:?}"));
    let outcomes: Vec<_> =
        script.commands().iter().map(|command| (command, runner.run(&command.words))).collect();
    let (last, before) = outcomes.split_last().expect("a script has commands");
    for (command, outcome) in before {
        assert_eq!(outcome.status, 0, "{}: {}", command.text, outcome.stderr);
    }
    let (_, outcome) = last;
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The same answer from both releases that were compared with.
#[track_caller]
fn both(lines: &str, expected: &str) {
    for release in ["6.18", "7.2"] {
        assert_eq!(last(release, lines), expected, "{release}");
    }
}
