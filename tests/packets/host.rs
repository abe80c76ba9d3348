//! A host made by a script, and packets for it.

use std::net::Ipv4Addr;

use fingerpost::script::{Runner, Script};
use fingerpost_engine::path::sockets::{Setting, SocketId};
use fingerpost_engine::path::{Handled, Outcome};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Behaviour, Time, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::wire::{Checksum, Ethernet, Header, Icmp, Ipv4, Tcp, Udp, checksum, ethertype, proto};
use zerocopy::IntoBytes;

/// A link-layer address that is told from others by its last byte.
pub fn mac(last: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, last]
}

/// The usual host: two devices, a neighbour behind each.
pub const ROUTER: &str = "
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip link set e1 address 02:00:00:00:00:11 up
ip addr add 10.0.0.1/24 dev e0
ip addr add 10.1.0.1/24 dev e1
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:03 dev e1
ip route add 20.0.0.0/8 via 10.1.0.2
sysctl -w net.ipv4.ip_forward=1
";

pub struct Host {
    pub world: World,
}

impl Host {
    pub fn new(script: &str) -> Host {
        let mut host = Host { world: World::new(1, Behaviour::default()) };
        host.run(script);
        host
    }

    /// Runs lines, all of which have to succeed.
    pub fn run(&mut self, script: &str) {
        let script = Script::parse(script).unwrap();
        for command in script.commands() {
            let names = Names::default();
            let outcome = Runner { world: &mut self.world, ns: NsId(0), names: &names }.run(&command.words);
            assert_eq!(outcome.status, 0, "{}: {}", command.text, outcome.stderr);
        }
    }

    pub fn device(&self, name: &str) -> u32 {
        self.world.ns(NsId(0)).unwrap().config.links.find(name).unwrap().index()
    }

    /// A socket is told something.
    pub fn set(&mut self, id: SocketId, setting: Setting) {
        self.world.set_option(NsId(0), id, setting).unwrap();
    }

    /// A frame enters by a device.
    pub fn frame(&mut self, dev: &str, frame: &[u8]) -> Handled {
        let dev = self.device(dev);
        self.world.receive(NsId(0), dev, frame, &mut Tracer::off()).unwrap()
    }

    /// The link-layer address of a device.
    pub fn own(&self, dev: &str) -> [u8; 6] {
        let links = &self.world.ns(NsId(0)).unwrap().config.links;
        links.find(dev).unwrap().msg.address.clone().unwrap().0.try_into().unwrap()
    }

    /// A packet enters, in a frame addressed to the device.
    pub fn packet(&mut self, dev: &str, packet: &[u8]) -> Handled {
        self.frame(dev, &framed(self.own(dev), mac(2), packet))
    }

    /// Time passes; what is emitted meanwhile, with the milliseconds.
    pub fn pass(&mut self, millis: u64) -> Vec<(u64, Vec<u8>)> {
        let until = Time(self.world.now.0 + millis);
        let emitted = self.world.run_until(until, &mut Tracer::off());
        emitted.into_iter().map(|(at, _, frame)| (at.0, frame.bytes)).collect()
    }

    /// The path MTU that was learned for a destination.
    pub fn learned(&self, dst: &str) -> Option<u32> {
        let (ns, dst) = (self.world.ns(NsId(0)).unwrap(), dst.parse::<Ipv4Addr>().unwrap());
        let mut known = ns.state.exceptions.iter(self.world.now);
        known.find(|&(_, addr, _)| addr == dst).map(|(_, _, exception)| exception.pmtu)
    }

    /// What has been counted, by name; 0 if it has not.
    pub fn counted(&self, name: &str) -> u64 {
        let counters = &self.world.ns(NsId(0)).unwrap().state.counters;
        counters.nonzero().find(|(known, _)| known == name).map_or(0, |(_, count)| count)
    }
}

/// A packet in a frame.
pub fn framed(dst: [u8; 6], src: [u8; 6], packet: &[u8]) -> Vec<u8> {
    let header = Ethernet { dst, src, ethertype: ethertype::IPV4.into() };
    [header.as_bytes(), packet].concat()
}

/// The packet in a frame.
pub fn unframed(frame: &[u8]) -> (Ethernet, Ipv4, &[u8]) {
    let packet = &frame[Ethernet::LEN..];
    let header = *Ipv4::read(packet).unwrap();
    (*Ethernet::read(frame).unwrap(), header, &packet[header.header_len()..])
}

/// An IPv4 packet without options.
pub fn ipv4(src: &str, dst: &str, proto: u8, payload: &[u8]) -> Vec<u8> {
    let addr = |text: &str| text.parse::<Ipv4Addr>().unwrap().octets();
    let header = Ipv4 {
        version_ihl: 0x45,
        tos: 0,
        total_len: ((20 + payload.len()) as u16).into(),
        id: 7.into(),
        fragment: 0.into(),
        ttl: 64,
        proto,
        checksum: 0.into(),
        src: addr(src),
        dst: addr(dst),
    };
    edited([header.as_bytes(), payload].concat(), |_| {})
}

/// A packet with its header changed, the checksum made right again.
pub fn edited(mut packet: Vec<u8>, change: impl FnOnce(&mut Ipv4)) -> Vec<u8> {
    let header = Ipv4::edit(&mut packet).unwrap();
    change(header);
    header.checksum.set(0);
    let len = header.header_len().min(packet.len());
    let sum = checksum(&packet[..len]);
    Ipv4::edit(&mut packet).unwrap().checksum.set(sum);
    packet
}

/// A UDP packet whose checksum is left out.
pub fn udp(src: &str, dst: &str, data: &[u8]) -> Vec<u8> {
    let len = (Udp::LEN + data.len()) as u16;
    let header = Udp { sport: 1000.into(), dport: 53.into(), len: len.into(), checksum: 0.into() };
    ipv4(src, dst, proto::UDP, &[header.as_bytes(), data].concat())
}

/// An ICMP packet.
pub fn icmp(src: &str, dst: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let header = Icmp { kind, code: 0, checksum: 0.into(), rest: [0, 1, 0, 2] };
    let mut message = [header.as_bytes(), data].concat();
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(src, dst, proto::ICMP, &message)
}

/// The reason for which a packet was dropped.
pub fn reason(handled: &Handled) -> &'static str {
    match handled.outcome {
        Outcome::Dropped(reason) => reason.name(),
        other => panic!("not dropped: {other:?}"),
    }
}

/// A TCP segment from port 1000 to 80, with its two numbers.
pub fn tcp(src: &str, dst: &str, flags: u8, (seq, ack): (u32, u32)) -> Vec<u8> {
    let mut header = Tcp {
        sport: 1000.into(),
        dport: 80.into(),
        seq: seq.into(),
        ack: ack.into(),
        data_offset: 5 << 4,
        flags,
        window: 100.into(),
        checksum: 0.into(),
        urgent: 0.into(),
    };
    let sum = Checksum::ZERO.pseudo4(src.parse().unwrap(), dst.parse().unwrap(), proto::TCP, Tcp::LEN);
    header.checksum = sum.bytes(header.as_bytes()).finish().into();
    ipv4(src, dst, proto::TCP, header.as_bytes())
}
