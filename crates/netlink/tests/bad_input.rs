//! Bad bytes: an error that names the place, never a panic.

mod common;

use fingerpost_net::{Errno, Family};
use fingerpost_netlink::{Message, Progress, Stream, StreamError, frames, kind, request};
use proptest::prelude::*;

/// Decodes all there is in a datagram, in every way there is.
fn read_everything(bytes: &[u8]) {
    for frame in frames(bytes).flatten() {
        let _ = Message::decode(&frame);
        let _ = frame.report();
        let _ = request::to_op(&frame);
    }
    let mut stream = Stream::new(0);
    let _ = stream.feed(bytes, |_| Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn arbitrary_datagrams(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
    }

    #[test]
    fn arbitrary_payloads(
        which in prop_oneof![1u16..5, 16u16..35, 80u16..83, 104u16..107],
        flags: u16,
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        read_everything(&request::message(which, flags, 0, &body));
    }

    #[test]
    fn damaged_messages(
        message in common::message(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut body = message.encode().expect("it fits");
        for (place, value) in damage {
            let place = place.index(body.len());
            body[place] = value;
        }
        read_everything(&request::message(message.new_kind(), 0, 0, &body));
        body.truncate(cut.index(body.len()));
        read_everything(&request::message(message.new_kind(), 0, 0, &body));
    }

    #[test]
    fn what_can_be_read_can_be_written_and_read_again(
        which in prop_oneof![16u16..35, 80u16..83, 104u16..107],
        family in prop_oneof![Just(2u8), Just(10u8)],
        mut body in proptest::collection::vec(prop_oneof![Just(0u8), 0u8..40, any::<u8>()], 4..120),
    ) {
        body[0] = family;
        let bytes = request::message(which, 0, 0, &body);
        let frame = frames(&bytes).next().expect("one").expect("whole");
        if let Ok(message) = Message::decode(&frame) {
            let again = request::message(message.new_kind(), 0, 0, &message.encode().expect("it came from bytes"));
            let again = frames(&again).next().expect("one").expect("whole").payload.to_vec();
            let frame = fingerpost_netlink::Frame { payload: &again, ..frame };
            prop_assert_eq!(Message::decode(&frame), Ok(message));
        }
    }
}

fn complaint(kind: u16, body: &[u8]) -> String {
    let bytes = request::message(kind, 0, 0, body);
    let frame = frames(&bytes).next().expect("one").expect("whole");
    Message::decode(&frame).expect_err("it is bad").to_string()
}

fn attr(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = ((data.len() + 4) as u16).to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn errors_name_message_attribute_and_byte() {
    let header = [2u8, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];
    let with = |attrs: &[Vec<u8>]| [header.to_vec(), attrs.concat()].concat();
    let oif = attr(4, &[1, 0, 0, 0]);
    assert_eq!(
        complaint(kind::NEW_ROUTE, &with(&[oif.clone(), attr(5, &[10, 0, 0])])),
        "RTM_NEWROUTE, attribute RTA_GATEWAY (5), byte 36: 3 bytes of payload, expected 4, an IPv4 address"
    );
    let mut long = attr(8, &[0; 4]);
    long[0] = 200;
    assert_eq!(
        complaint(kind::DEL_ROUTE, &with(&[oif.clone(), long])),
        "RTM_DELROUTE, attribute RTA_METRICS (8), byte 36: the length field says 200 bytes, there are 8"
    );
    assert_eq!(
        complaint(kind::NEW_ROUTE, &with(&[oif, vec![1, 2, 3]])),
        "RTM_NEWROUTE, byte 36: 3 bytes left, expected at least 4"
    );
    assert_eq!(
        complaint(kind::NEW_ROUTE, &[2, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        "RTM_NEWROUTE, byte 17: prefix length 33 exceeds the address width"
    );
    assert_eq!(
        complaint(kind::NEW_RULE, &[28; 12]),
        "RTM_NEWRULE, byte 16: address family 28, expected IPv4 (2) or IPv6 (10)"
    );
    assert_eq!(complaint(kind::NEW_ADDR, &[2]), "RTM_NEWADDR, byte 16: 1 bytes left, expected at least 8");
    assert!(complaint(99, &[]).contains("message type 99"));
    // A leg whose length is beyond the attribute's.
    assert_eq!(
        complaint(kind::NEW_ROUTE, &with(&[attr(9, &[12, 0, 0, 0, 1, 0, 0, 0])])),
        "RTM_NEWROUTE, attribute RTA_MULTIPATH (9), byte 28: the length field says 12 bytes, there are 8"
    );
}

#[test]
fn peers_in_peers_in_peers_do_not_exhaust_the_stack() {
    let mut body = vec![0u8; 16];
    for _ in 0..1500 {
        let data = attr(2, &attr(1, &body));
        let info = attr(18, &[attr(1, b"veth\0"), data].concat());
        body = [vec![0u8; 16], info].concat();
        if body.len() > 60_000 {
            break;
        }
    }
    let bytes = request::message(kind::NEW_LINK, 0, 0, &body);
    let frame = frames(&bytes).next().expect("one").expect("whole");
    let Ok(Message::Link(link)) = Message::decode(&frame) else { panic!("a link") };
    let peer = link.info.expect("info").peer.expect("a peer");
    let inner = peer.info.expect("info");
    assert!(inner.peer.is_none() && inner.data.len() == 1, "the second one is kept as bytes");
}

/// A reply as the kernel frames it: errno, the request's header, and what the extended acknowledgement adds.
fn error_frame(errno: i32, echoed: &[u8], flags: u16, attrs: &[u8]) -> Vec<u8> {
    let body = [&errno.to_ne_bytes()[..], echoed, attrs].concat();
    request::message(2, flags, 9, &body)
}

#[test]
fn extended_acknowledgements() {
    let attrs = [attr(1, b"Nexthop has invalid gateway\0"), attr(2, &36u32.to_ne_bytes())].concat();
    let request = request::nexthop(1, 9).expect("it fits");
    for (flags, echoed) in [(0x300, &request[..16]), (0x200, &request[..])] {
        let bytes = error_frame(-113, echoed, flags, &attrs);
        let report =
            frames(&bytes).next().expect("one").expect("whole").report().expect("good").expect("one");
        assert_eq!((report.errno, report.offset), (113, Some(36)));
        assert_eq!(report.text.as_deref(), Some("Nexthop has invalid gateway"));
        let refusal = report.refusal().expect("refused");
        assert_eq!(refusal.errno, Errno::EHOSTUNREACH);
        assert_eq!(Stream::new(9).feed(&bytes, |_| Ok(())), Err(StreamError::Refused(refusal)));
    }
    let acknowledged = error_frame(0, &request[..16], 0x100, &[]);
    assert_eq!(Stream::new(9).feed(&acknowledged, |_| Ok(())), Ok(Progress::Complete { interrupted: false }));
    let short = error_frame(-22, &request[..8], 0, &[]);
    assert!(frames(&short).next().expect("one").expect("whole").report().is_err());
}

#[test]
fn a_dump_ends_is_interrupted_or_fails() {
    let route = fingerpost_model::RouteMsg::new(Family::V4);
    let body = Message::Route(route).encode().expect("it fits");
    let part = |flags| request::message(kind::NEW_ROUTE, flags, 9, &body);
    let done = |errno: i32| request::message(3, 2, 9, &errno.to_ne_bytes());
    let foreign = request::message(kind::NEW_ROUTE, 2, 8, &body);

    let mut stream = Stream::new(9);
    let mut seen = 0;
    let mut feed = |bytes: &[u8]| {
        stream.feed(bytes, |_| {
            seen += 1;
            Ok(())
        })
    };
    assert_eq!(feed(&[part(2), foreign, part(2)].concat()), Ok(Progress::More));
    assert_eq!(feed(&part(2 | 0x10)), Ok(Progress::More));
    assert_eq!(feed(&done(0)), Ok(Progress::Complete { interrupted: true }));
    assert_eq!(seen, 3);

    let refused = Stream::new(9).feed(&done(-2), |_| Ok(()));
    assert_eq!(refused, Err(StreamError::Refused(Errno::ENOENT.into())), "C-005: a table that is not there");
    let lost = Stream::new(9).feed(&request::message(4, 0, 9, &[]), |_| Ok(()));
    assert_eq!(lost, Err(StreamError::Overrun));
}
