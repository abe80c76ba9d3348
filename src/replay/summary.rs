//! What a run came to, in numbers and in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::path::Outcome;

/// What became of the packets of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packets of the capture.
    pub packets: u64,
    /// Frames that left the host.
    pub emitted: u64,
    /// How many fared how.
    fates: BTreeMap<Outcome, u64>,
    /// Packets whose times lie before those of packets before them.
    pub backwards: Numbers,
    /// Packets of which only the beginning was captured.
    pub cut: Numbers,
    /// Packets that were on their way out when they were captured.
    pub outbound: Numbers,
}

/// Some packets: how many, and the first one's number in the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// How many.
    pub count: u64,
    /// The first; 0 if there is none.
    pub first: u64,
}

impl Numbers {
    pub(super) fn add(&mut self, packet: u64) {
        self.first = if self.count == 0 { packet } else { self.first };
        self.count += 1;
    }
}

/// The word for an outcome, and its reason: the kernel's drop reason, or the name of what
/// is not modelled.
pub(crate) fn words(outcome: Outcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        Outcome::Sent => ("forwarded", None),
        Outcome::Delivered => ("delivered", None),
        Outcome::Queued => ("queued", None),
        Outcome::Dropped(DropReason::Consumed) => ("dropped", None),
        Outcome::Dropped(reason) => ("dropped", Some(reason.name())),
        Outcome::Unknown(what) => ("unknown", Some(what)),
    }
}

/// Why it matters which sockets a captured host has.
pub(crate) const SOCKETS: &str = "one that takes the packet changes the answer";

impl Summary {
    pub(super) fn add(&mut self, outcome: Outcome) {
        *self.fates.entry(outcome).or_default() += 1;
    }

    /// What is unknown: how many packets met what.
    pub fn unknown(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.fates.iter().filter_map(|(&outcome, &count)| match outcome {
            Outcome::Unknown(what) => Some((what, count)),
            _ => None,
        })
    }

    /// How many packets were dropped since nobody listened.
    pub fn without_socket(&self) -> u64 {
        self.fates.get(&Outcome::Dropped(DropReason::NoSocket)).copied().unwrap_or(0)
    }

    /// The numbers: a line for all packets, and one for each fate.
    pub fn text(&self) -> String {
        let Summary { packets, emitted, .. } = self;
        let mut text = format!("{packets} packets in, {emitted} frames out\n");
        let mut fates: Vec<_> = self.fates.iter().map(|(&outcome, count)| (words(outcome), count)).collect();
        fates.sort_unstable();
        for ((word, reason), count) in fates {
            let reason = reason.map_or(String::new(), |reason| format!(" {reason}"));
            // A text takes everything.
            let _ = writeln!(text, "{count:>12} {word}{reason}");
        }
        text
    }
}
