//! Datagrams in pieces, put together or given up.

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::{Fragment6, MORE6, next, proto};
use zerocopy::IntoBytes;

use super::{FAR, OWN, PEER, ROUTER6, packet, parts, told, udp_payload};
use crate::host::{Host, reason};

/// The pieces of a payload that goes on with `number`, cut at these places.
fn pieces(dst: &str, number: u8, payload: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let ends = cuts.iter().copied().chain([payload.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let piece = |(start, end): (usize, usize)| {
        fragment(dst, number, (start, end < payload.len()), &payload[start..end])
    };
    starts.zip(ends).map(piece).collect()
}

fn fragment(dst: &str, number: u8, (at, more): (usize, bool), payload: &[u8]) -> Vec<u8> {
    let word = at as u16 | if more { MORE6 } else { 0 };
    let header = Fragment6 { next: number, reserved: 0, fragment: word.into(), id: 7.into() };
    packet(PEER, dst, next::FRAGMENT, &[header.as_bytes(), payload].concat())
}

#[test]
fn t62_a_datagram_is_put_together_in_any_order() {
    let datagram = udp_payload(PEER, OWN, &[1; 100]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut host = Host::new(ROUTER6);
        let pieces = pieces(OWN, proto::UDP, &datagram, &[48, 96]);
        assert_eq!(host.enter(&pieces[order[0]]).outcome, Outcome::Queued);
        assert_eq!(host.enter(&pieces[order[1]]).outcome, Outcome::Queued);
        let handled = host.enter(&pieces[order[2]]);
        assert_eq!((reason(&handled), told(&handled).1), ("NO_SOCKET", [1, 4]));
        // The error quotes the datagram without a fragment header.
        let (_, _, error) = parts(&handled.emitted[0].bytes);
        assert_eq!((error[14], &error[48..]), (proto::UDP, &datagram[..]));
        assert_eq!((host.counted("Ip6ReasmReqds"), host.counted("Ip6ReasmOKs")), (3, 1));
    }
}

#[test]
fn t62_fragments_that_go_on_nowhere() {
    let datagram = udp_payload(PEER, OWN, &[1; 100]);
    let mut host = Host::new(ROUTER6);
    // The only one of its datagram, and one in it.
    let handled = host.enter(&fragment(OWN, proto::UDP, (0, false), &datagram));
    assert_eq!((reason(&handled), host.counted("Ip6ReasmOKs")), ("NO_SOCKET", 1));
    let inner = fragment(OWN, proto::UDP, (0, false), &datagram)[40..].to_vec();
    assert_eq!(
        told(&host.enter(&fragment(OWN, next::FRAGMENT, (0, false), &inner))),
        (OWN.into(), [4, 0], 48)
    );
    // Not all headers, no multiple of eight, too long.
    assert_eq!(told(&host.enter(&fragment(OWN, proto::TCP, (0, true), &[0; 16]))), (OWN.into(), [4, 3], 0));
    assert_eq!(
        told(&host.enter(&fragment(OWN, proto::UDP, (0, true), &datagram[..9]))),
        (OWN.into(), [4, 0], 4)
    );
    assert_eq!(
        told(&host.enter(&fragment(OWN, proto::UDP, (65528, false), &[0; 16]))),
        (OWN.into(), [4, 0], 42)
    );
    // A duplicate is ignored, an overlap is the end of it.
    assert_eq!(host.enter(&fragment(OWN, proto::UDP, (0, true), &datagram[..48])).outcome, Outcome::Queued);
    assert_eq!(reason(&host.enter(&fragment(OWN, proto::UDP, (0, true), &datagram[..48]))), "DUP_FRAG");
    assert_eq!(
        reason(&host.enter(&fragment(OWN, proto::UDP, (40, true), &datagram[40..64]))),
        "NOT_SPECIFIED"
    );
    assert_eq!(host.counted("Ip6ReasmFails"), 1);
    // Those of others are not put together.
    assert_eq!(host.enter(&fragment(FAR, proto::UDP, (8, true), &datagram[..8])).outcome, Outcome::Sent);
}

#[test]
fn t62_after_a_minute_the_sender_hears_if_the_beginning_came() {
    let datagram = udp_payload(PEER, OWN, &[1; 100]);
    let mut host = Host::new(ROUTER6);
    let pieces = pieces(OWN, proto::UDP, &datagram, &[48]);
    host.enter(&pieces[1]);
    assert_eq!(host.pass(63_000).len(), 0);
    host.enter(&pieces[0]);
    let emitted = host.pass(63_000);
    let (_, _, error) = parts(&emitted[0].1);
    assert_eq!((emitted[0].0, &error[..2], &error[8..]), (124_928, &[3, 1][..], &pieces[0][..]));
    assert_eq!((host.counted("Ip6ReasmTimeout"), host.counted("Ip6ReasmFails")), (2, 2));
}
