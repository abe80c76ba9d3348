//! A journey as data: the schema of `explain --packet --json`.

use std::borrow::Cow;

use serde::Serialize;

use crate::explain::{Alternative, LookupReport, Outcome};
use crate::replay::as_object;

/// A packet's whole life.
#[derive(Clone, Debug, Serialize)]
pub struct Journey {
    /// Version of this schema, which is that of explanations.
    pub schema: u32,
    /// The kernel release whose behaviour is described.
    pub release: String,
    /// The packet.
    pub packet: PacketReport,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What time alone brings about afterwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Moment>,
    /// What becomes of the packet.
    pub outcome: Outcome,
    /// The counters that move, as `nstat` names them, and by how much.
    #[serde(serialize_with = "as_object")]
    pub counters: Vec<(Cow<'static, str>, u64)>,
    /// What could not be read from the host.
    pub not_seen: Vec<String>,
    /// What is not modelled and decides.
    pub unknown: Vec<String>,
    /// Other outcomes that are possible because something could not be found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Alternative>,
}

/// The packet that a journey is about.
#[derive(Clone, Debug, Serialize)]
pub struct PacketReport {
    /// What it is, in a few words.
    pub text: String,
    /// The device that it comes in by; none of a packet made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// From which to which link-layer address its frame goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<[String; 2]>,
    /// Its mark.
    #[serde(skip_serializing_if = "is_zero")]
    pub mark: u32,
    /// Its bytes in hexadecimal: the frame, or of a device without link header the packet.
    pub frame: String,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One thing that happens.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A stage of the way.
    Stage(StageReport),
    /// A lookup.
    Lookup(Box<LookupReport>),
    /// Another packet that is made because of it.
    Side(Side),
}

/// A stage of a packet's way.
#[derive(Clone, Debug, Serialize)]
pub struct StageReport {
    /// Which: receive, hook, deliver, forward, error, local out, output, cut, next, neighbour,
    /// transmit, loop, loop copy, log (what Linux writes to its log); or the end: sent, delivered, taken, waits, dropped,
    /// unknown.
    pub name: &'static str,
    /// In plain words.
    pub text: String,
    /// The kernel function.
    pub function: &'static str,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// What leaves, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
}

/// A packet beside: an ICMP message, an ARP request, a reset.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// What it is, without addresses.
    pub name: String,
    /// What it is.
    pub text: String,
    /// The kernel function that makes it.
    pub function: &'static str,
    /// To which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What becomes of it: sent, delivered, queued, dropped, unknown, looped; or not made.
    pub outcome: &'static str,
    /// The kernel's drop reason, or the name of what is not modelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// By which device it leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// What leaves, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// What happens to it, lookups in brief.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// What happens at one moment after the packet came.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// Milliseconds since then.
    pub after: u64,
    /// What happens.
    pub steps: Vec<Step>,
}
