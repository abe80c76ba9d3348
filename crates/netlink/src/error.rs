//! What can be wrong with bytes, and with messages that are to become bytes.

use std::fmt;

/// Why bytes are not the message that they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The message type, such as `RTM_NEWROUTE`, or `netlink header`.
    pub message: &'static str,
    /// The attribute in which it is, if in one.
    pub attribute: Option<Attribute>,
    /// Where, in bytes from the start of the message (its header included).
    pub offset: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// An attribute's number and, if it is known, its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The number, without flag bits.
    pub kind: u16,
    /// The name in the kernel's headers.
    pub name: Option<&'static str>,
}

/// What is wrong with the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Fewer bytes than the fixed part needs.
    Short {
        /// Bytes there are.
        found: usize,
        /// Bytes there should be.
        expected: usize,
    },
    /// The length field claims more than there is, or less than its own header.
    LengthField {
        /// The claimed length.
        claimed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// A payload of the wrong size.
    Size {
        /// Its size in bytes.
        found: usize,
        /// What it should be, in words.
        expected: &'static str,
    },
    /// An address family that this message cannot have here.
    Family(u8),
    /// A prefix length beyond the family's width.
    PrefixLength(u8),
    /// A message type that is not a configuration object.
    Kind(u16),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{name} ({})", self.kind),
            None => write!(f, "{}", self.kind),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Short { found, expected } => {
                write!(f, "{found} bytes left, expected at least {expected}")
            }
            Problem::LengthField { claimed, available } => {
                write!(f, "the length field says {claimed} bytes, there are {available}")
            }
            Problem::Size { found, expected } => write!(f, "{found} bytes of payload, expected {expected}"),
            Problem::Family(number) => write!(f, "address family {number}, expected IPv4 (2) or IPv6 (10)"),
            Problem::PrefixLength(len) => write!(f, "prefix length {len} exceeds the address width"),
            Problem::Kind(kind) => write!(f, "message type {kind} is not one that is decoded"),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)?;
        if let Some(attribute) = self.attribute {
            write!(f, ", attribute {attribute}")?;
        }
        write!(f, ", byte {}: {}", self.offset, self.problem)
    }
}

impl std::error::Error for DecodeError {}

/// Why a message cannot be written as bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An attribute's payload exceeds 65531 bytes.
    #[error("attribute {0} is longer than netlink can carry (65531 bytes)")]
    TooLong(u16),
    /// A text that holds a NUL byte.
    #[error("attribute {0}: the text holds a NUL byte")]
    Nul(u16),
    /// tun and tap devices are made through `/dev/net/tun`.
    #[error("tun and tap devices are made through /dev/net/tun, not by netlink")]
    NotNetlink,
    /// A namespace was given by name.
    #[error("netlink takes a namespace by process id or open file, not by the name `{0}`")]
    NamespaceName(String),
    /// A veth peer with a peer of its own.
    #[error("a veth peer cannot have a peer of its own")]
    PeerOfPeer,
}
