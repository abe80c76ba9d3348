//! Signed segments (RFC 2385, RFC 5925). No socket here has a key, so that what is signed is for
//! none of them, and is not answered by a reset, as far as the kernel looks at signatures of its
//! kind ([`Behaviour::tcp_reads_authentication`], [`Behaviour::tcp_checks_authentication`]).

use fingerpost_net::wire::{Header, Tcp};

use super::*;
use crate::behaviour::Behaviour;

const END: u8 = 0;
const NOOP: u8 = 1;
const DIGEST: u8 = 19;
/// What a digest takes among the options, bytes, and what a signature of the newer kind takes
/// at least. In fewer bytes than the shortest that the kernel can check none is looked for,
/// and no other option is checked.
const DIGEST_LEN: usize = 18;
const AUTHENTICATION: u8 = 29;
const LEAST_AUTHENTICATION: usize = 5;

/// How a segment is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::path) enum Signature {
    None,
    /// By a digest (RFC 2385).
    Digest,
    /// As RFC 5925 has it, which not each kernel that reads it can check.
    Authentication,
    /// Options that end early, or more than one signature.
    Malformed,
}

impl Signature {
    /// Reads a segment's options (`tcp_do_parse_auth_options`, before `tcp_parse_md5sig_option`).
    /// Of a kernel that can check the newer kind, or cannot.
    pub fn of(segment: &[u8], behaviour: &Behaviour, checks: bool) -> Signature {
        let reads_all = behaviour.tcp_reads_authentication;
        let least = if reads_all && checks { LEAST_AUTHENTICATION } else { DIGEST_LEN };
        let found = Signature::read(segment, reads_all, least);
        match found {
            Signature::Malformed if !behaviour.tcp_reads_authentication => Signature::None,
            found => found,
        }
    }

    /// The first signature, or what all options come to.
    fn read(segment: &[u8], reads_all: bool, least: usize) -> Signature {
        let end = Tcp::read(segment).map_or(0, |tcp| tcp.header_len()).min(segment.len());
        let mut rest = segment.get(Tcp::LEN..end).unwrap_or_default();
        let mut found = Signature::None;
        while rest.len() >= least {
            let (kind, len) = match rest[0] {
                END => break,
                NOOP => {
                    rest = &rest[1..];
                    continue;
                }
                kind => (kind, usize::from(rest[1])),
            };
            let (is_well_formed, signature) = match kind {
                DIGEST => (len == DIGEST_LEN, Signature::Digest),
                AUTHENTICATION if reads_all => (len >= LEAST_AUTHENTICATION, Signature::Authentication),
                _ => (true, Signature::None),
            };
            let is_second = found != Signature::None && signature != Signature::None;
            if len < 2 || len > rest.len() || !is_well_formed || is_second {
                return Signature::Malformed;
            }
            if signature != Signature::None {
                found = signature;
            }
            if found != Signature::None && !reads_all {
                break;
            }
            rest = &rest[len..];
        }
        found
    }
}

/// What is not known of captured hosts.
const UNKNOWN_CHECK: &str = "whether the kernel checks segments' newer signatures (RFC 5925)";

impl Stack<'_, '_> {
    /// Whether signatures of the newer kind are checked; `None` where that is not known.
    fn checks_authentication(&self) -> Option<bool> {
        let is_known = !self.config.may_have_modules;
        is_known.then_some(self.env.behaviour.tcp_checks_authentication)
    }

    /// How a segment is signed, as far as the kernel reads that; what is not known is named.
    fn signature(&self, segment: &[u8]) -> Result<Signature, &'static str> {
        let of = |checks| Signature::of(segment, self.env.behaviour, checks);
        match self.checks_authentication() {
            Some(checks) => Ok(of(checks)),
            None if of(false) == of(true) => Ok(of(false)),
            None => Err(UNKNOWN_CHECK),
        }
    }

    /// Whether a segment of IPv4 that nobody expects is not reset, for how it is signed.
    pub(in crate::path) fn keeps_from_reset4(&self, segment: &[u8]) -> Result<bool, &'static str> {
        self.signature(segment).map(|signature| signature != Signature::None)
    }

    /// The same of IPv6, where a kernel looks at the newer kind only if it can check it; what is
    /// not known is named.
    pub(in crate::path) fn keeps_from_reset6(&self, segment: &[u8]) -> Result<bool, &'static str> {
        match self.signature(segment)? {
            Signature::None => Ok(false),
            Signature::Digest | Signature::Malformed => Ok(true),
            Signature::Authentication => self.checks_authentication().ok_or(UNKNOWN_CHECK),
        }
    }

    /// What becomes of a segment that the socket does not take for how it is signed
    /// (`tcp_inbound_hash`).
    pub(super) fn refused_as_signed(&mut self, id: SocketId, segment: &[u8]) -> Option<Outcome> {
        let signature = match self.signature(segment) {
            Ok(signature) => signature,
            Err(unknown) => return Some(Outcome::Unknown(unknown)),
        };
        let (counter, reason) = match signature {
            Signature::None => return None,
            Signature::Malformed => return Some(Outcome::Dropped(DropReason::TcpAuthHdr)),
            Signature::Digest => (Counter::TcpExtTCPMD5Unexpected, DropReason::TcpMd5Unexpected),
            // A request that was not signed so meets nothing signed so, checked or not.
            Signature::Authentication if self.state.sockets.state_of(id) == Some(State::SynReceived) => {
                (Counter::TcpExtTCPAOBad, DropReason::TcpAoFailure)
            }
            Signature::Authentication => match self.checks_authentication() {
                Some(false) => return None,
                Some(true) => (Counter::TcpExtTCPAOKeyNotFound, DropReason::TcpAoUnexpected),
                None => return Some(Outcome::Unknown(UNKNOWN_CHECK)),
            },
        };
        self.count(counter);
        Some(Outcome::Dropped(reason))
    }
}
