//! The built-in situations: scripts with a line of story and a question.

use clap::builder::{PossibleValue, PossibleValuesParser};

/// A situation.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its name; variants are `NAME/variant`.
    pub name: &'static str,
    /// The script that sets it up.
    pub script: &'static str,
}

macro_rules! examples {
    ($($name:literal)*) => {
        /// All situations, by name.
        pub const ALL: &[Example] =
            &[$(Example { name: $name, script: include_str!(concat!("../examples/", $name, ".sh")) }),*];
    };
}

examples! {
    "ecmp-hash-policy"
    "ecmp-hash-policy/l4"
    "firewalld-v6-rpfilter"
    "half-defaults"
    "killswitch-inbound"
    "multi-wan"
    "networkd-deletes-rules/after"
    "networkd-deletes-rules/before"
    "plain"
    "rp-filter-max"
    "rp-filter-max/all-loose"
    "rp-filter-max/device-loose"
    "rp-filter-max/device-strict"
    "rp-filter-max/off"
    "strict-rpf-exit-node"
    "tunnelvision"
    "v6-leak"
    "v6-ouroboros"
    "v6-ouroboros/before"
    "vrf-fallthrough"
    "vrf-fallthrough/route"
    "vrf-fallthrough/rule"
    "wg-quick"
}

/// The names, for the command line: also those that stand for a variant.
pub fn names() -> PossibleValuesParser {
    let bases = ALL.iter().filter_map(|example| example.name.split_once('/')).map(|(base, _)| base);
    let mut hidden: Vec<&str> = bases.filter(|base| ALL.iter().all(|e| e.name != *base)).collect();
    hidden.dedup();
    let shown = ALL.iter().map(|example| PossibleValue::new(example.name).help(example.story()));
    shown.chain(hidden.into_iter().map(|base| PossibleValue::new(base).hide(true))).collect::<Vec<_>>().into()
}

impl Example {
    /// The example with this name; a name that only has variants stands for its last one.
    pub fn find(name: &str) -> Option<Example> {
        let exact = ALL.iter().find(|example| example.name == name);
        let variant =
            || ALL.iter().rev().find(|e| e.name.split_once('/').is_some_and(|(base, _)| base == name));
        exact.or_else(variant).copied()
    }

    /// What it is about, in one line.
    pub fn story(&self) -> &'static str {
        self.script.lines().next().unwrap_or("").trim_start_matches("# ")
    }

    /// What a firewall asks about the question's packet, if that is what it is about.
    pub fn fib(&self) -> Option<&'static str> {
        self.script.lines().find_map(|line| line.strip_prefix("# Fib: "))
    }

    /// A question that shows it.
    pub fn question(&self) -> &'static str {
        self.script.lines().find_map(|line| line.strip_prefix("# Ask: ")).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_has_a_story_and_a_question() {
        for example in ALL {
            assert!(example.script.starts_with("# ") && !example.question().is_empty(), "{}", example.name);
        }
    }
}
