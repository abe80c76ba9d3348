//! Sockets: how they send, which of them receives, what they are told.

use std::net::SocketAddr;

use fingerpost_engine::path::Outcome;
use fingerpost_engine::path::sockets::{Control, Kind, Setting, SocketId};
use fingerpost_engine::trace::Tracer;
use fingerpost_model::NsId;
use fingerpost_net::wire::{DF, Header, Udp};
use fingerpost_net::{Errno, Family};

use crate::host::{Host, ROUTER, framed, icmp, mac, reason, udp, unframed};

const NS: NsId = NsId(0);

/// Datagrams of the helper are from port 1000 to port 2000.
pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Host {
    pub fn open(&mut self) -> SocketId {
        self.world.socket(NS, Family::V4, Kind::Udp, 0).unwrap()
    }

    pub fn bound(&mut self, to: &str) -> SocketId {
        let id = self.open();
        self.world.bind(NS, id, addr(to)).unwrap();
        id
    }

    pub fn connect(&mut self, id: SocketId, to: &str) -> Result<(), Errno> {
        self.world.connect(NS, id, addr(to), &mut Tracer::off()).result
    }

    pub fn connected(&mut self, local: &str, to: &str) -> SocketId {
        let id = self.bound(local);
        self.connect(id, to).unwrap();
        id
    }

    /// Sends; the frames that left.
    pub fn send(&mut self, id: SocketId, to: Option<&str>, data: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let to = to.map(addr);
        let called = self.world.send(NS, id, to, &Control::default(), data, &mut Tracer::off());
        called.result.map(|_| called.emitted.into_iter().map(|frame| frame.bytes).collect())
    }

    pub fn read(&mut self, id: SocketId) -> Option<Vec<u8>> {
        self.world.receive_from(NS, id, &mut Tracer::off()).ok().map(|arrival| arrival.bytes)
    }
}

#[test]
fn a_datagram_leaves_as_linux_makes_it() {
    let mut host = Host::new(ROUTER);
    let id = host.connected("0.0.0.0:5000", "10.1.0.2:53");
    let frames = host.send(id, None, b"hello").unwrap();
    let (_, header, payload) = unframed(&frames[0]);
    let datagram = Udp::read(payload).unwrap();
    assert_eq!((header.source().to_string(), header.ttl, header.fragment.get()), ("10.1.0.1".into(), 64, DF));
    assert_eq!((datagram.sport.get(), datagram.dport.get(), datagram.len.get()), (5000, 53, 13));
    assert_eq!((host.counted("UdpOutDatagrams"), host.counted("IpOutRequests")), (1, 1));
    assert_eq!(host.world.socket_of(NS, id).unwrap().local(), addr("10.1.0.1:5000"));
}

#[test]
fn c282_the_best_fitting_socket_receives() {
    let mut host = Host::new(ROUTER);
    let mut open = |local: &str, dev: Option<&str>, peer: Option<&str>| {
        let id = host.open();
        let dev = dev.map_or(0, |dev| host.device(dev));
        host.set(id, Setting::ReuseAddress(true));
        host.set(id, Setting::Device(dev));
        host.world.bind(NS, id, addr(local)).unwrap();
        if let Some(peer) = peer {
            host.connect(id, peer).unwrap();
        }
        id
    };
    // From the one that fits best to the one that fits least, the last bound of equals first.
    let mut ranked = vec![
        open("0.0.0.0:53", None, None),
        open("0.0.0.0:53", None, None),
        open("0.0.0.0:53", Some("e0"), None),
        open("10.0.0.1:53", None, None),
        open("10.0.0.1:53", Some("e0"), None),
        open("10.0.0.1:53", None, Some("10.0.0.2:1000")),
    ];
    open("0.0.0.0:53", Some("e1"), None);
    open("10.1.0.1:53", None, None);
    while let Some(best) = ranked.pop() {
        let handled = host.packet("e0", &udp("10.0.0.2", "10.0.0.1", b"data"));
        assert_eq!(handled.outcome, Outcome::Delivered);
        assert_eq!(host.read(best), Some(b"data".to_vec()), "{} left", ranked.len());
        host.world.close(NS, best);
    }
    assert_eq!(reason(&host.packet("e0", &udp("10.0.0.2", "10.0.0.1", b"data"))), "NO_SOCKET");
    assert_eq!(host.counted("UdpInDatagrams"), 6);
}

#[test]
fn c271_a_connected_socket_is_told_of_an_error() {
    let mut host = Host::new(ROUTER);
    let id = host.connected("10.0.0.1:1000", "20.0.0.1:2000");
    let frames = host.send(id, None, b"hello").unwrap();
    let mut refused = icmp("20.0.0.1", "10.0.0.1", 3, &frames[0][14..]);
    // Port unreachable.
    (refused[21], refused[23]) = (3, refused[23] - 3);
    assert_eq!(host.packet("e1", &refused).outcome, Outcome::Delivered);
    assert_eq!(host.send(id, None, b"again"), Err(Errno::ECONNREFUSED));
    assert!(host.send(id, None, b"again").is_ok());
}

#[test]
fn c186_what_belongs_to_a_socket_is_not_forwarded() {
    let mut host = Host::new(ROUTER);
    let id = host.bound("10.0.0.1:53");
    host.connect(id, "10.0.0.2:1000").unwrap();
    // Its address goes, and so its packets are another's.
    host.run("ip addr del 10.0.0.1/24 dev e0\nip route add 10.0.0.0/24 via 10.1.0.2");
    let handled = host.packet("e0", &udp("10.0.0.2", "10.0.0.1", b"data"));
    assert_eq!((reason(&handled), host.counted("IpForwDatagrams")), ("NOT_SPECIFIED", 0));
    host.world.close(NS, id);
    let handled = host.packet("e0", &udp("10.0.0.2", "10.0.0.1", b"data"));
    assert_eq!(handled.outcome, Outcome::Sent);
}

#[test]
fn the_choice_within_a_group_is_unknown() {
    let mut host = Host::new(ROUTER);
    let mut open = || {
        let id = host.open();
        host.set(id, Setting::ReusePort(true));
        host.world.bind(NS, id, addr("0.0.0.0:53")).unwrap();
        id
    };
    let both = [open(), open()];
    let handled = host.packet("e0", &udp("10.0.0.2", "10.0.0.1", b"data"));
    assert!(matches!(handled.outcome, Outcome::Unknown(_)));
    host.world.close(NS, both[0]);
    assert_eq!(host.packet("e0", &udp("10.0.0.2", "10.0.0.1", b"data")).outcome, Outcome::Delivered);
}

#[test]
fn who_is_found_before_the_lookup_alone_gets_what_is_for_many() {
    let mut host = Host::new(ROUTER);
    let mut open = |local: &str| {
        let id = host.open();
        host.set(id, Setting::ReuseAddress(true));
        host.world.bind(NS, id, addr(local)).unwrap();
        id
    };
    let (connected, open) = (open("255.255.255.255:53"), open("0.0.0.0:53"));
    host.connect(connected, "10.0.0.2:1000").unwrap();
    // To the host's link-layer address: it is looked at as one for this host.
    let handled = host.packet("e0", &udp("10.0.0.2", "255.255.255.255", b"to one"));
    assert_eq!(handled.outcome, Outcome::Delivered);
    assert_eq!((host.read(connected), host.read(open)), (Some(b"to one".to_vec()), None));
    host.frame("e0", &framed([0xff; 6], mac(2), &udp("10.0.0.2", "255.255.255.255", b"to all")));
    assert_eq!((host.read(connected), host.read(open)), (Some(b"to all".to_vec()), Some(b"to all".to_vec())));
}

/// Linux looks for a receiver of frames to all by another way, and keeps no decision about them.
#[test]
fn the_way_of_a_frame_to_all_is_not_kept() {
    let fares = |first: [u8; 6]| {
        let mut host = Host::new(ROUTER);
        let id = host.connected("10.0.0.1:53", "10.0.0.2:1000");
        host.frame("e0", &framed(first, mac(2), &udp("10.0.0.2", "10.0.0.1", b"data")));
        assert_eq!(host.read(id), Some(b"data".to_vec()));
        host.connect(id, "239.1.1.1:1000").unwrap();
        host.packet("e0", &udp("239.1.1.1", "10.0.0.1", b"data"))
    };
    assert_eq!(fares(Host::new(ROUTER).own("e0")).outcome, Outcome::Delivered);
    assert_eq!(reason(&fares([0xff; 6])), "IP_INVALID_SOURCE");
}

#[test]
fn what_is_sent_to_nowhere_counts_as_received_by_the_device_it_was_told() {
    let mut host = Host::new(ROUTER);
    let id = host.world.socket(NS, Family::V4, Kind::Raw(17), 0).unwrap();
    let mut received_by = |dev: u32| {
        let source = Some("10.1.0.1".parse().unwrap());
        let control = Control { dev, source, ..Control::default() };
        let called = host.world.send(NS, id, Some(addr("0.0.0.0:0")), &control, &[0; 8], &mut Tracer::off());
        called.result.unwrap();
        host.world.receive_from(NS, id, &mut Tracer::off()).unwrap().dev
    };
    let (none, by_name) = (received_by(0), received_by(2));
    assert_eq!((none, by_name), (1, 2));
}
