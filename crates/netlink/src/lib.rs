//! Bytes to messages and back: rtnetlink.
//!
//! Reading goes from a datagram to [`Frame`]s ([`frames`], or a whole reply
//! with [`Stream`]), and from a frame to a [`Message`]: the model's structs.
//! Writing goes the other way: [`request`] makes the bytes of dumps, lookups
//! and changes. There are no sockets and no IO here.
//!
//! Whatever is read from outside can be wrong. It then gives a
//! [`DecodeError`], which names the message, the attribute and the byte; it
//! never panics, and allocates no more than a small multiple of what came in.
//! Attributes that the model does not know are kept as they came (`other`), so
//! that decoding, encoding and decoding again gives the same message.
//!
//! The codec is this crate's own rather than `netlink-packet-route`'s: the
//! messages are those of the model either way, so that crate's structs would
//! only stand between; it has no nexthop objects and no netconf; it refuses
//! messages with attributes of unexpected length where the remedy here is to
//! name the place; and its types change with each release. What it would save
//! is the attribute walker, which is [`attr`]: short, and made for these
//! needs.

mod addr_label;
mod address;
pub mod attr;
mod error;
mod frame;
mod link;
mod link_info;
mod message;
mod mroute;
mod neighbour;
mod netconf;
mod nexthop;
mod nsid;
pub mod request;
mod route;
mod rule;
mod stream;

pub use error::{Attribute, DecodeError, EncodeError, Problem};
pub use frame::{Frame, Frames, HEADER, Report, flag, frames};
pub use link::ext_mask;
pub use message::{Message, kind};
pub use nsid::{decode_nsid, nsid};
pub use stream::{Progress, Stream, StreamError};
