//! VRF, VLAN and macvlan devices as a kernel that has them treats them, and what
//! releases do differently: what a comparison with Linux 7.2.7 under
//! user-mode-linux showed (`docs/uml.md`), in memory. Where 6.18 is known to
//! differ, both releases are here. A running kernel of the release that has such
//! devices is asked as well.

mod four;
mod kernel;
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
    let ours = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    if let Some(kernel) = kernel::last(release, lines) {
        assert_eq!(timeless(&kernel), timeless(&ours), "the kernel, and ours, after:{lines}");
    }
    ours
}

/// A text without what runs down while a script runs.
fn timeless(text: &str) -> String {
    let is_time = |word: &&str| word.strip_suffix("sec").is_some_and(|n| n.parse::<i64>().is_ok());
    let words = |line: &str| line.split(' ').filter(|word| !is_time(word)).collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The same answer from both releases that were compared with.
#[track_caller]
fn both(lines: &str, expected: &str) {
    for release in ["6.18", "7.2"] {
        assert_eq!(last(release, lines), expected, "{release}");
    }
}
