//! What is written is read: every message, every request.

mod common;

use fingerpost_model::{Change, NlFlags, Op, TunMode};
use fingerpost_netlink::{EncodeError, HEADER, Message, flag, frames, request};
use proptest::prelude::*;

fn wire(message: &Message) -> Vec<u8> {
    request::message(message.new_kind(), 0, 7, &message.encode().expect("it fits"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_message_survives(message in common::message()) {
        let bytes = wire(&message);
        let mut all = frames(&bytes);
        let frame = all.next().expect("one frame").expect("a whole one");
        prop_assert_eq!((frame.kind, frame.flags, frame.seq), (message.new_kind(), 0, 7));
        prop_assert_eq!(Message::decode(&frame), Ok(message));
        prop_assert!(all.next().is_none());
    }

    #[test]
    fn a_change_survives(message in common::message(), flags in 0u16..16, delete: bool) {
        let change = match (message, delete) {
            (Message::Link(m), false) => Change::NewLink(m),
            (Message::Link(m), true) => Change::DelLink(m),
            (Message::Address(m), false) => Change::NewAddress(m),
            (Message::Address(m), true) => Change::DelAddress(m),
            (Message::Route(m), false) => Change::NewRoute(m),
            (Message::Route(m), true) => Change::DelRoute(m),
            (Message::Rule(m), false) => Change::NewRule(m),
            (Message::Rule(m), true) => Change::DelRule(m),
            (Message::Nexthop(m), false) => Change::NewNexthop(m),
            (Message::Nexthop(m), true) => Change::DelNexthop(m),
            (Message::Neighbour(m), false) => Change::NewNeighbour(m),
            (Message::Neighbour(m), true) => Change::DelNeighbour(m),
            (Message::AddrLabel(m), false) => Change::NewAddrLabel(m),
            (Message::AddrLabel(m), true) => Change::DelAddrLabel(m),
            (Message::Netconf(_) | Message::Mroute(_) | Message::MrouteTable(_), _) => return Ok(()),
        };
        let op = Op { flags: NlFlags(flags << 8), change };
        let bytes = request::change(&op, 3).expect("it fits");
        let frame = frames(&bytes).next().expect("one frame").expect("a whole one");
        prop_assert_eq!(frame.flags & (flag::REQUEST | flag::ACK), flag::REQUEST | flag::ACK);
        prop_assert_eq!(request::to_op(&frame), Ok(Some(op)));
    }
}

#[test]
fn several_messages_in_one_datagram() {
    let one = request::nexthop(5, 1).expect("it fits");
    let two = request::link(0, Some("eth0"), 0, 2).expect("it fits");
    let seqs: Vec<u32> = frames(&[one, two].concat()).map(|f| f.expect("whole").seq).collect();
    assert_eq!(seqs, [1, 2]);
}

#[test]
fn what_netlink_cannot_carry_is_refused() {
    let tun = Change::DelTun { name: "t0".into(), mode: TunMode::Tun };
    assert_eq!(request::change(&Op { flags: NlFlags(0), change: tun }, 1), Err(EncodeError::NotNetlink));

    let mut link = fingerpost_model::LinkMsg { alias: Some("a".repeat(70_000)), ..Default::default() };
    assert_eq!(Message::Link(link.clone()).encode(), Err(EncodeError::TooLong(20)));
    link.alias = Some("a\0b".into());
    assert_eq!(Message::Link(link.clone()).encode(), Err(EncodeError::Nul(20)));
    link.alias = None;
    link.netns = Some(fingerpost_model::NsRef::Name("blue".into()));
    assert_eq!(Message::Link(link).encode(), Err(EncodeError::NamespaceName("blue".into())));

    let mut route = fingerpost_model::RouteMsg::new(fingerpost_net::Family::V4);
    route.multipath = vec![Default::default(); 9000];
    assert_eq!(Message::Route(route).encode(), Err(EncodeError::TooLong(9)), "9000 legs of 8 bytes");
}

#[test]
fn table_ids_beyond_eight_bits_stand_in_an_attribute() {
    // C-003: the header then holds 252, which by itself is an ordinary table.
    let mut route = fingerpost_model::RouteMsg::new(fingerpost_net::Family::V4);
    for (table, header, len) in [(252, 252, 12), (255, 255, 12), (256, 252, 20), (u32::MAX, 252, 20)] {
        route.table = fingerpost_model::TableId(table);
        let bytes = wire(&Message::Route(route.clone()));
        assert_eq!((bytes[HEADER + 4], bytes.len() - HEADER), (header, len), "table {table}");
    }
}
