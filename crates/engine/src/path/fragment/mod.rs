//! Cutting IPv4 packets to what a link takes (`ip_do_fragment`, C-245 to C-249).
//!
//! Not here: which MTU holds for a packet, and what follows if it must not be cut (ICMP
//! 3/4 with the MTU, `IpFragFails`, EMSGSIZE for who sent it).

#[cfg(test)]
mod tests;

use fingerpost_net::wire::{DF, Header, Ipv4, MF};

use super::options::{Options, set_checksum};
use super::reassemble::Reassembled;

/// The packet can only be cut into pieces without payload. Linux would not come to an
/// end over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooNarrow;

/// Whether a packet that leaves by a link is cut at all (`ip_finish_output`): it is too
/// long, or was put together here.
pub fn is_due(len: usize, mtu: u32, reassembled: Option<&Reassembled>) -> bool {
    len > mtu as usize || reassembled.is_some()
}

/// Whether a packet that is to be cut may not be (`ip_fragment`): it says so, and either
/// whoever made it did not allow it (`ignore_df`, which Linux sets for what it put
/// together, and for senders without path MTU discovery), or the largest fragment that
/// it came in exceeds the MTU.
pub fn must_not(header: &Ipv4, mtu: u32, ignore_df: bool, reassembled: Option<&Reassembled>) -> bool {
    header.dont_fragment() && (!ignore_df || reassembled.is_some_and(|it| u32::from(it.largest) > mtu))
}

/// The fragments of a packet, in order, ready to be sent. The caller counts
/// `IpFragCreates` for each that it sends, and `IpFragOKs` after the last.
///
/// `packet` begins with its IPv4 header and ends where that says; `options` are those that
/// were read from it or put into it. What was put together here is cut to no more than
/// its largest fragment had, and where its fragments began if that fits.
pub fn cut(
    packet: &[u8],
    options: &Options,
    mtu: u32,
    reassembled: Option<&Reassembled>,
) -> Result<Vec<Vec<u8>>, TooNarrow> {
    let Some((first, payload)) = Ipv4::read(packet).and_then(|ip| packet.split_at_checked(ip.header_len()))
    else {
        return Err(TooNarrow);
    };
    let whole = Ipv4::read(first).ok_or(TooNarrow)?;
    let mtu = reassembled.map_or(mtu, |it| mtu.min(it.largest.into()));
    // A header longer than the MTU leaves all the room there is, in Linux's arithmetic.
    let room = mtu.wrapping_sub(first.len() as u32) as usize;

    let as_it_came = reassembled.map(|it| it.pieces.as_slice()).unwrap_or_default();
    let as_it_came =
        Some(as_it_came).filter(|pieces| fit(pieces, payload.len(), room) && !whole.is_fragment());
    let equal = room & !7;
    if as_it_came.is_none() && payload.len() > room && equal == 0 {
        return Err(TooNarrow);
    }

    let later = later_header(first, whole.offset(), options);
    // Pieces as they came say nothing of DF; others keep it if the largest one had it.
    let keep_df = as_it_came.is_none() && reassembled.is_some_and(|it| it.keep_df);
    let flags = if keep_df { DF } else { 0 };
    let more = whole.fragment.get() & MF;

    let mut out = Vec::new();
    let mut rest = payload;
    let mut offset = whole.offset();
    while !rest.is_empty() {
        let len = match as_it_came {
            Some(pieces) => usize::from(pieces[out.len()]),
            None if rest.len() > room => equal,
            None => rest.len(),
        };
        let (piece, after) = rest.split_at(len);
        let more = if after.is_empty() { more } else { MF };
        let header = if out.is_empty() { first } else { &later };
        out.push(fragment(header, piece, flags | more | (offset / 8) as u16));
        rest = after;
        offset += len;
    }
    Ok(out)
}

/// Whether pieces of these lengths can go as they are.
fn fit(pieces: &[u16], payload: usize, room: usize) -> bool {
    let [rest @ .., last] = pieces else { return false };
    !rest.is_empty()
        && pieces.iter().all(|len| usize::from(*len) <= room && *len > 0)
        && rest.iter().all(|len| len % 8 == 0)
        && pieces.iter().map(|len| usize::from(*len)).sum::<usize>() == payload
        && *last > 0
}

/// The header of fragments after the first. The options of what is a later fragment
/// itself stay as they are.
fn later_header(first: &[u8], offset: usize, options: &Options) -> Vec<u8> {
    let mut header = first.to_vec();
    if offset == 0 {
        options.clone().of_fragments(&mut header);
    }
    header
}

fn fragment(header: &[u8], payload: &[u8], place: u16) -> Vec<u8> {
    let mut packet = Vec::with_capacity(header.len() + payload.len());
    packet.extend_from_slice(header);
    packet.extend_from_slice(payload);
    let len = packet.len();
    if let Some(ip) = Ipv4::edit(&mut packet) {
        ip.total_len.set(len as u16);
        ip.fragment.set(place);
    }
    set_checksum(&mut packet);
    packet
}
