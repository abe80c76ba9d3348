//! Signed segments (RFC 2385, RFC 5925). No socket here has a key: what is signed the old
//! way is for none of them, and is not answered by a reset ([`Signature::keeps_from_reset6`]
//! says where the newer way counts).

use fingerpost_net::wire::{Header, Tcp};

use crate::lookup::DropReason;

const END: u8 = 0;
const NOOP: u8 = 1;
const DIGEST: u8 = 19;
/// What a digest takes among the options, bytes; in fewer that are left none is looked for,
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
    /// As RFC 5925 has it, which the kernel compared with can read, but not check.
    Authentication,
    /// Options that end early, or more than one signature.
    Malformed,
}

impl Signature {
    /// Reads a segment's options (`tcp_do_parse_auth_options`).
    pub fn of(segment: &[u8]) -> Signature {
        let end = Tcp::read(segment).map_or(0, |tcp| tcp.header_len()).min(segment.len());
        let mut rest = segment.get(Tcp::LEN..end).unwrap_or_default();
        let mut found = Signature::None;
        while rest.len() >= DIGEST_LEN {
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
                AUTHENTICATION => (len >= LEAST_AUTHENTICATION, Signature::Authentication),
                _ => (true, Signature::None),
            };
            let is_second = found != Signature::None && signature != Signature::None;
            if len < 2 || len > rest.len() || !is_well_formed || is_second {
                return Signature::Malformed;
            }
            if signature != Signature::None {
                found = signature;
            }
            rest = &rest[len..];
        }
        found
    }

    /// Whether a segment of IPv6 that nobody expects is not reset for it; of IPv4 none with a
    /// signature of either kind is. A kernel without RFC 5925 looks at that kind in IPv4 alone.
    pub fn keeps_from_reset6(self) -> bool {
        matches!(self, Signature::Digest | Signature::Malformed)
    }

    /// Why a socket does not take such a segment (`tcp_inbound_hash`).
    pub fn refused(self) -> Option<DropReason> {
        match self {
            Signature::None | Signature::Authentication => None,
            Signature::Digest => Some(DropReason::TcpMd5Unexpected),
            Signature::Malformed => Some(DropReason::TcpAuthHdr),
        }
    }
}
