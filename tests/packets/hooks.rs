//! Netfilter's hooks: the same chains as functions here and as nft's in the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use fingerpost_engine::path::sockets::{Control, Kind as SocketKind, Setting};
use fingerpost_engine::path::{AtHook, Handled, Kind, Outcome, Verdict};
use fingerpost_engine::trace::{Hook, Tracer};
use fingerpost_model::NsId;
use fingerpost_net::wire::{Checksum, Ethernet, Icmp, Ipv6, ethertype, icmp6, next};
use fingerpost_net::{Errno, Family};
use zerocopy::IntoBytes;

use crate::host::{Host, ROUTER, edited, framed, icmp, mac, reason, tcp, udp};
use crate::kernel::{self, Asked, Step, ask, masked};

/// What a chain does with each packet.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Notes devices and mark.
    See,
    Mark(u32),
    /// Appends a digit to the mark, which so tells an order.
    Digit(u32),
    Tos(u8),
    Ecn(u8),
    HopLimit(u8),
    Source(&'static str),
    /// Of chains of type nat: the destination of the flow.
    Destination(&'static str),
    Drop,
}

#[derive(Clone, Copy, Debug)]
struct Chain {
    hook: Hook,
    priority: i32,
    kind: Kind,
    acts: &'static [Act],
}

const fn chain(hook: Hook, priority: i32, acts: &'static [Act]) -> Chain {
    Chain { hook, priority, kind: Kind::Filter, acts }
}

const fn route(priority: i32, acts: &'static [Act]) -> Chain {
    Chain { hook: Hook::Output, priority, kind: Kind::Route, acts }
}

/// Input device, output device, mark.
type Seen = BTreeSet<(String, String, u32)>;

/// What is compared.
#[derive(Debug, Default, PartialEq)]
struct Happened {
    /// By chain.
    seen: Vec<Seen>,
    frames: Vec<(String, Vec<u8>)>,
    counters: BTreeMap<String, u64>,
}

/// The chains as nft's.
fn ruleset(family: Family, chains: &[Chain]) -> String {
    let (table, ip, limit) = match family {
        Family::V4 => ("ip", "ip", "ttl"),
        Family::V6 => ("ip6", "ip6", "hoplimit"),
    };
    let mut text = String::from("nft -f - <<'END'\n");
    let _ = writeln!(text, "table {table} t {{");
    for (index, chain) in chains.iter().enumerate() {
        let kind = match chain.kind {
            Kind::Filter => "filter",
            Kind::Route => "route",
            Kind::Nat => "nat",
        };
        let hook = format!("{:?}", chain.hook).to_lowercase();
        let _ =
            writeln!(text, "set seen{index} {{\n type ifname . ifname . mark\n flags dynamic\n size 64\n}}");
        let _ = writeln!(
            text,
            "chain c{index} {{\n type {kind} hook {hook} priority {}\n policy accept",
            chain.priority
        );
        for act in chain.acts {
            let _ = match *act {
                Act::See => {
                    writeln!(text, "update @seen{index} {{ meta iifname . meta oifname . meta mark }}")
                }
                Act::Mark(mark) => writeln!(text, "meta mark set {mark}"),
                Act::Digit(digit) => {
                    writeln!(text, "meta mark set meta mark << 4\nmeta mark set meta mark | {digit}")
                }
                Act::Tos(tos) => writeln!(text, "{ip} dscp set {}", tos >> 2),
                Act::Ecn(ecn) => writeln!(text, "{ip} ecn set {ecn}"),
                Act::HopLimit(hops) => writeln!(text, "{ip} {limit} set {hops}"),
                Act::Source(addr) => writeln!(text, "{ip} saddr set {addr}"),
                Act::Destination(addr) if chain.kind == Kind::Nat => writeln!(text, "dnat to {addr}"),
                Act::Destination(addr) => writeln!(text, "{ip} daddr set {addr}"),
                Act::Drop => writeln!(text, "drop"),
            };
        }
        text += "}\n";
    }
    text + "}\nEND\n"
}

/// What a set of nft's holds, as it is listed.
fn listed(said: &str, index: usize) -> Seen {
    let set = said.split_once(&format!("set seen{index} {{")).expect("a set").1;
    let set = set.split_once("\n\t}").expect("its end").0;
    let Some((_, elements)) = set.split_once("elements = {") else { return Seen::new() };
    let elements = elements.split_once('}').expect("their end").0.split(',');
    let name = |text: &str| text.trim().trim_matches('"').to_owned();
    elements
        .map(|element| match element.split(" . ").collect::<Vec<_>>()[..] {
            [input, output, mark] => {
                let mark = u32::from_str_radix(mark.trim().trim_start_matches("0x"), 16).expect("a mark");
                (name(input), name(output), mark)
            }
            _ => panic!("{element}"),
        })
        .collect()
}

impl Host {
    /// Registers the chains; what each sees.
    fn install(&mut self, family: Family, chains: &[Chain]) -> Vec<Arc<Mutex<Seen>>> {
        let (ns, _) = self.world.ns_mut(NsId(0)).unwrap();
        chains
            .iter()
            .map(|&chain| {
                let seen = Arc::new(Mutex::new(Seen::new()));
                let notes = Arc::clone(&seen);
                let function = move |packet: &mut AtHook<'_>| act_all(chain.acts, packet, &notes);
                let Chain { hook, priority, kind, .. } = chain;
                ns.config.hooks.register(family, hook, priority, kind, Arc::new(function));
                seen
            })
            .collect()
    }
}

fn act_all(acts: &[Act], packet: &mut AtHook<'_>, notes: &Mutex<Seen>) -> Verdict {
    let config = packet.config;
    let name = |dev: u32| config.links.get(dev).map_or(String::new(), |link| link.name().to_owned());
    for act in acts {
        match *act {
            Act::See => {
                notes.lock().unwrap().insert((name(packet.input), name(packet.output), packet.mark()));
            }
            Act::Mark(mark) => packet.set_mark(mark),
            Act::Digit(digit) => packet.set_mark(packet.mark() << 4 | digit),
            Act::Tos(tos) => packet.set_tos(tos & 0xfc | packet.tos() & 3),
            Act::Ecn(ecn) => packet.set_tos(packet.tos() & 0xfc | ecn),
            Act::HopLimit(hops) => packet.set_hop_limit(hops),
            Act::Source(addr) => assert!(packet.set_source(addr.parse::<IpAddr>().unwrap())),
            Act::Destination(addr) => assert!(packet.set_destination(addr.parse::<IpAddr>().unwrap())),
            Act::Drop => return Verdict::Drop,
        }
    }
    Verdict::Accept
}

/// The script that makes the host.
fn setup(family: Family, more: &str) -> String {
    let base = match family {
        Family::V4 => ROUTER,
        Family::V6 => ROUTER6,
    };
    format!("{HELD}{base}{more}")
}

/// Seconds after which the kernel reports no groups any longer.
fn quiet(family: Family) -> f32 {
    if family == Family::V4 { 0.1 } else { 1.5 }
}

/// Both answers are the same; the engine's, with the outcome of each step.
#[track_caller]
fn same(family: Family, more: &str, chains: &[Chain], steps: &[Step]) -> (Happened, Vec<Handled>) {
    let setup = setup(family, more);
    let mut host = Host::new(&setup);
    let seen = host.install(family, chains);
    let rules = ruleset(family, chains);
    let quiet = quiet(family);
    let asked = Asked { quiet, rules: &rules, tell: "nft list ruleset", ..Asked::of(&setup, steps) };
    let (both, handled, said) = kernel::same(&mut host, &asked);
    let seen: Vec<Seen> = seen.iter().map(|seen| seen.lock().unwrap().clone()).collect();
    if let Some(said) = said {
        let theirs: Vec<Seen> = (0..chains.len()).map(|index| listed(&said, index)).collect();
        assert_eq!(seen, theirs, "seen here, and in the kernel");
    }
    (Happened { seen, frames: both.frames, counters: both.counters }, handled)
}

/// Nothing but what is asked about.
const HELD: &str = "
sysctl -w net.ipv6.conf.default.addr_gen_mode=1
sysctl -w net.ipv4.icmp_ratelimit=0
sysctl -w net.ipv6.icmp.ratelimit=0
sysctl -w net.ipv4.icmp_msgs_per_sec=100000
sysctl -w net.ipv4.icmp_msgs_burst=100000
sysctl -w net.ipv6.auto_flowlabels=0
sysctl -w net.ipv6.conf.default.accept_dad=0
";

/// The usual host, of IPv6.
const ROUTER6: &str = "
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip link set e1 address 02:00:00:00:00:11 up
ip addr add 2001:db8::1/64 dev e0 nodad
ip addr add 2001:db8:1::1/64 dev e1 nodad
ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:03 dev e1
ip route add 2001:db8:20::/48 via 2001:db8:1::2
sysctl -w net.ipv6.conf.all.forwarding=1
";

/// Another way for marked packets, by the second device.
const MARKED4: &str = "
ip rule add fwmark 5 lookup 7
ip route add default via 10.1.0.2 table 7
";
const MARKED6: &str = "
ip -6 rule add fwmark 5 lookup 7
ip -6 route add default via 2001:db8:1::2 table 7
";

const NAMES: [(Family, &str, &str, &str); 2] = [
    (Family::V4, "10.0.0.2", "10.0.0.1", "20.0.0.1"),
    (Family::V6, "2001:db8::2", "2001:db8::1", "2001:db8:20::1"),
];

fn marked(family: Family) -> &'static str {
    if family == Family::V4 { MARKED4 } else { MARKED6 }
}

/// An echo request from the neighbour at the first device.
fn echo(family: Family, src: &str, dst: &str) -> Step {
    Step::Frame(
        "e0",
        match family {
            Family::V4 => framed(mac(0x10), mac(2), &icmp(src, dst, 8, b"ping")),
            Family::V6 => framed6(&message6(src, dst, icmp6::ECHO, b"ping")),
        },
    )
}

fn framed6(packet: &[u8]) -> Vec<u8> {
    let header = Ethernet { dst: mac(0x10), src: mac(2), ethertype: ethertype::IPV6.into() };
    [header.as_bytes(), packet].concat()
}

fn message6(src: &str, dst: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let head = Icmp { kind, code: 0, checksum: 0.into(), rest: [0, 1, 0, 2] };
    let mut message = [head.as_bytes(), data].concat();
    let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
    let sum = Checksum::ZERO.pseudo6(src, dst, next::ICMPV6, message.len()).bytes(&message).finish();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = Ipv6 {
        word: Ipv6::word_of(0, 0),
        payload_len: (message.len() as u16).into(),
        next: next::ICMPV6,
        hop_limit: 64,
        src: src.octets(),
        dst: dst.octets(),
    };
    [header.as_bytes(), &message].concat()
}

const EVERYWHERE: [Chain; 5] = [
    chain(Hook::Prerouting, 0, &[Act::See]),
    chain(Hook::Input, 0, &[Act::See]),
    chain(Hook::Forward, 0, &[Act::See]),
    chain(Hook::Output, 0, &[Act::See]),
    chain(Hook::Postrouting, 0, &[Act::See]),
];

fn devices(seen: &Seen) -> Vec<(&str, &str)> {
    seen.iter().map(|(input, output, _)| (input.as_str(), output.as_str())).collect()
}

#[test]
fn c222_hooks_see_the_devices_that_are_known() {
    for (family, peer, own, far) in NAMES {
        // Forwarded, for this host, and answered.
        let steps = [echo(family, peer, far), echo(family, peer, own)];
        let (happened, _) = same(family, "", &EVERYWHERE, &steps);
        let [prerouting, input, forward, output, postrouting] = &happened.seen[..] else { panic!() };
        assert_eq!(devices(prerouting), [("e0", "")]);
        assert_eq!(devices(input), [("e0", "")]);
        assert_eq!(devices(forward), [("e0", "e1")]);
        assert_eq!(devices(output), [("", "e0")]);
        assert_eq!(devices(postrouting), [("", "e0"), ("e0", "e1")]);
    }
}

#[test]
fn c222_what_this_host_sends_itself_comes_back_by_loopback() {
    // The answer to an own address goes to this host: by loopback it comes again.
    let settings = "sysctl -w net.ipv4.conf.all.accept_local=1";
    let (happened, _) = same(Family::V4, settings, &EVERYWHERE, &[echo(Family::V4, "10.1.0.1", "10.0.0.1")]);
    assert_eq!(devices(&happened.seen[0]), [("e0", ""), ("lo", "")]);
    assert_eq!(devices(&happened.seen[4]), [("", "lo")]);
}

#[test]
fn c222_neighbour_discovery_leaves_from_its_own_device() {
    // Solicitations and advertisements stand at their device from the beginning.
    let asks = echo(Family::V6, "2001:db8::7", "2001:db8::1");
    let (happened, _) = same(Family::V6, "", &EVERYWHERE, &[asks]);
    assert_eq!(devices(&happened.seen[3]), [("", "e0")]);
    assert!(devices(&happened.seen[4]).contains(&("e0", "e0")), "{happened:?}");
}

#[test]
fn c223_a_drop_ends_the_packet_and_counters_stay() {
    for (family, peer, own, far) in NAMES {
        let (forwarded, delivered, sent) = match family {
            Family::V4 => ("IpForwDatagrams", "IpInDelivers", "IpOutRequests"),
            Family::V6 => ("Ip6OutForwDatagrams", "Ip6InDelivers", "Ip6OutRequests"),
        };
        let lost = if family == Family::V4 { "IpOutDiscards" } else { "Ip6OutDiscards" };
        // Per hook: what was counted of a forwarded packet, and of a request that is answered.
        for (hook, counted) in [
            (Hook::Prerouting, [0, 0, 0, 0]),
            (Hook::Input, [1, 0, 0, 0]),
            (Hook::Forward, [1, 1, 1, 0]),
            (Hook::Output, [1, 1, 1, 1]),
            (Hook::Postrouting, [1, 1, 1, 1]),
        ] {
            let drops = [Chain { hook, priority: 0, kind: Kind::Filter, acts: &[Act::See, Act::Drop] }];
            let steps = [echo(family, peer, far), echo(family, peer, own)];
            let (happened, handled) = same(family, "", &drops, &steps);
            let count = |name: &str| happened.counters.get(name).copied().unwrap_or(0);
            assert_eq!([forwarded, delivered, sent, lost].map(count), counted, "{hook:?}");
            let stops_first = !matches!(hook, Hook::Input | Hook::Output);
            assert_eq!(handled[0].outcome != Outcome::Sent, stops_first, "{hook:?}");
            if stops_first {
                assert_eq!(reason(&handled[0]), "NETFILTER_DROP");
            }
        }
    }
}

#[test]
fn c224_chains_run_by_priority_and_the_last_of_equal_ones_first() {
    for (family, peer, own, far) in NAMES {
        const DIGITS: [Chain; 11] = [
            chain(Hook::Prerouting, -150, &[Act::Digit(2)]),
            chain(Hook::Prerouting, -300, &[Act::Digit(1)]),
            chain(Hook::Prerouting, 300, &[Act::See]),
            chain(Hook::Forward, 0, &[Act::Digit(5)]),
            chain(Hook::Forward, -150, &[Act::Digit(3)]),
            chain(Hook::Forward, 0, &[Act::Digit(4)]),
            chain(Hook::Forward, 1, &[Act::See]),
            chain(Hook::Input, 100, &[Act::Digit(8)]),
            chain(Hook::Input, 100, &[Act::Digit(7)]),
            chain(Hook::Input, 0, &[Act::Digit(6)]),
            chain(Hook::Input, 2147483647, &[Act::See]),
        ];
        let (happened, _) = same(family, "", &DIGITS, &[echo(family, peer, far), echo(family, peer, own)]);
        let marks = |index: usize| happened.seen[index].iter().map(|seen| seen.2).collect::<Vec<_>>();
        assert_eq!((marks(2), marks(6), marks(10)), (vec![0x12], vec![0x12345], vec![0x12678]));
    }
}

#[test]
fn c225_the_input_decision_sees_what_prerouting_changed() {
    for (family, peer, own, far) in NAMES {
        let (unreachable, nearby) = match family {
            Family::V4 => ("ip route add unreachable 30.0.0.0/8", "30.0.0.1"),
            Family::V6 => ("ip route add unreachable 2001:db8:30::/48", "2001:db8:30::1"),
        };
        let marks = [chain(Hook::Prerouting, -150, &[Act::Mark(5)])];
        let more = format!("{}{unreachable}", marked(family));
        let (happened, _) = same(family, &more, &marks, &[echo(family, peer, nearby)]);
        assert_eq!(happened.frames[0].0, "e1", "the mark's table leads there");
        let (happened, _) = same(family, &more, &[], &[echo(family, peer, nearby)]);
        assert_eq!(happened.frames[0].0, "e0", "an error");
        let addresses: &[Chain] = match family {
            Family::V4 => &[chain(
                Hook::Prerouting,
                0,
                &[Act::Destination("20.0.0.9"), Act::Source("10.0.0.9"), Act::Tos(0x48)],
            )],
            Family::V6 => &[chain(
                Hook::Prerouting,
                0,
                &[Act::Destination("2001:db8:20::9"), Act::Source("2001:db8::9"), Act::Tos(0x48)],
            )],
        };
        // To this host, but elsewhere once it is changed; and the other way round.
        let (happened, _) = same(family, "", addresses, &[echo(family, peer, own), echo(family, peer, far)]);
        assert_eq!(happened.frames.len(), 2);
        assert!(happened.frames.iter().all(|(dev, _)| dev == "e1"));
    }
}

#[test]
fn c225_a_source_that_prerouting_made_up_is_checked() {
    let chains = [chain(Hook::Prerouting, 0, &[Act::Source("20.0.0.7")])];
    let settings = "sysctl -w net.ipv4.conf.e0.rp_filter=1";
    let steps = [echo(Family::V4, "10.0.0.2", "20.0.0.1")];
    let (_, handled) = same(Family::V4, settings, &chains, &steps);
    assert_eq!(reason(&handled[0]), "IP_RPFILTER");
}

#[test]
fn c242_c243_a_changed_packet_is_looked_up_again_by_chains_of_type_route_alone() {
    for (family, peer, own, _) in NAMES {
        let steps = [echo(family, peer, own)];
        let by = |chains: &[Chain]| {
            let (happened, _) = same(family, marked(family), chains, &steps);
            let [(dev, frame)] = &happened.frames[..] else { panic!("{happened:?}") };
            let source = match family {
                Family::V4 => frame[26..30].to_vec(),
                Family::V6 => frame[22..38].to_vec(),
            };
            let own = match own.parse::<IpAddr>().unwrap() {
                IpAddr::V4(own) => own.octets().to_vec(),
                IpAddr::V6(own) => own.octets().to_vec(),
            };
            assert_eq!(source, own, "the source stays");
            dev.clone()
        };
        let seen = chain(Hook::Output, 10, &[Act::See]);
        let left = chain(Hook::Postrouting, 10, &[Act::See]);
        assert_eq!(by(&[route(0, &[Act::Mark(5)]), seen, left]), "e1");
        assert_eq!(by(&[chain(Hook::Output, 0, &[Act::Mark(5)]), seen, left]), "e0");
        // What another chain changed before does not count, unless something changes again.
        let marked = chain(Hook::Output, -200, &[Act::Mark(5)]);
        assert_eq!(by(&[marked, route(0, &[Act::See])]), "e0");
        assert_eq!(by(&[marked, route(0, &[Act::Tos(0x48)])]), "e1");
        assert_eq!(by(&[marked, route(0, &[Act::Mark(5)])]), "e0");
        let by_ecn = by(&[marked, route(0, &[Act::Ecn(1)])]);
        let by_hops = by(&[marked, route(0, &[Act::HopLimit(9)])]);
        assert_eq!(
            (by_ecn.as_str(), by_hops.as_str()),
            match family {
                Family::V4 => ("e1", "e0"),
                Family::V6 => ("e1", "e1"),
            }
        );
    }
}

#[test]
fn c242_addresses_and_type_of_service_look_up_again() {
    for (family, peer, own, _) in NAMES {
        let (to, from, more) = match family {
            Family::V4 => (
                route(0, &[Act::Destination("20.0.0.1")]),
                route(0, &[Act::Source("10.1.0.1")]),
                "ip rule add from 10.1.0.1 iif lo lookup 7\nip rule add tos 0x10 lookup 7\nip route add default via 10.1.0.2 table 7",
            ),
            Family::V6 => (
                route(0, &[Act::Destination("2001:db8:20::1")]),
                route(0, &[Act::Source("2001:db8:1::1")]),
                "ip -6 rule add from 2001:db8:1::1 iif lo lookup 7\nip -6 rule add tos 0x10 lookup 7\nip -6 route add default via 2001:db8:1::2 table 7",
            ),
        };
        for chain in [to, from, route(0, &[Act::Tos(0x10)])] {
            let (happened, _) = same(family, more, &[chain], &[echo(family, peer, own)]);
            assert_eq!(happened.frames[0].0, "e1", "{chain:?}");
        }
    }
}

#[test]
fn c242_where_no_way_is_found_the_packet_is_dropped_with_the_error() {
    for (family, peer, own, _) in NAMES {
        let (more, lost) = match family {
            Family::V4 => ("ip rule add fwmark 5 prohibit", "IpOutDiscards"),
            Family::V6 => ("ip -6 rule add fwmark 5 prohibit", "Ip6OutDiscards"),
        };
        let chains = [route(0, &[Act::Mark(5)]), chain(Hook::Output, 1, &[Act::See])];
        let (happened, _) = same(family, more, &chains, &[echo(family, peer, own)]);
        assert!(happened.frames.is_empty() && happened.seen[1].is_empty());
        assert_eq!(happened.counters.get(lost), Some(&1));
    }
}

#[test]
fn c242_ports_take_part_where_rules_ask_for_them() {
    // A segment that nobody expects is reset, from its port.
    let more = "ip rule add sport 80 fwmark 5 lookup 7\nip route add default via 10.1.0.2 table 7";
    let step = Step::Frame("e0", framed(mac(0x10), mac(2), &tcp("10.0.0.2", "10.0.0.1", 2, (1, 0))));
    let (happened, _) = same(Family::V4, more, &[route(0, &[Act::Mark(5)])], &[step]);
    assert_eq!(happened.frames[0].0, "e1");
}

/// Sends a datagram, and says what it is told.
const SENDER: &str = r#"perl -MSocket=:all -MIO::Socket::IP -e '
 my $s = IO::Socket::IP->new(Proto=>"udp",LocalHost=>"OWN",LocalPort=>5000) or die; BIND
 my ($e, $a) = getaddrinfo("PEER",9,{socktype=>SOCK_DGRAM});
 print "told ", defined(send($s,"x",0,$a->{addr})) ? 0 : $!+0, "\n"'"#;

/// A datagram from a socket, here and in the kernel: what the sender is told, and the frames.
#[track_caller]
fn sent(
    family: Family,
    more: &str,
    chains: &[Chain],
    bound_to: Option<&str>,
) -> Result<Vec<(String, Vec<u8>)>, Errno> {
    let setup = setup(family, more);
    let (own, peer) = match family {
        Family::V4 => ("10.0.0.1", "10.0.0.2"),
        Family::V6 => ("2001:db8::1", "2001:db8::2"),
    };
    let mut host = Host::new(&setup);
    host.install(family, chains);
    let ns = NsId(0);
    let dev = bound_to.map_or(0, |dev| host.device(dev));
    let id = host.world.socket(ns, family, SocketKind::Udp, 0).unwrap();
    host.set(id, Setting::Device(dev));
    let addr = |text: &str, port: u16| SocketAddr::new(text.parse().unwrap(), port);
    host.world.bind(ns, id, addr(own, 5000)).unwrap();
    let to = Some(addr(peer, 9));
    let called = host.world.send(ns, id, to, &Control::default(), b"x", &mut Tracer::off());
    let name = |dev: u32| host.world.ns(ns).unwrap().config.links.get(dev).unwrap().name().to_owned();
    let frames = called.emitted.iter().map(|frame| (name(frame.dev), masked(&frame.bytes)));
    let ours = called.result.map(|_| frames.collect::<Vec<_>>());
    let bind = bound_to.map_or(String::new(), |dev| format!(r#"setsockopt($s,1,25,"{dev}") or die;"#));
    let program = SENDER.replace("OWN", own).replace("PEER", peer).replace("BIND", &bind);
    let steps = [Step::Run(Box::leak(program.replace('\n', "").into_boxed_str()))];
    let rules = ruleset(family, chains);
    if let Some(did) = ask(&Asked { quiet: quiet(family), rules: &rules, ..Asked::of(&setup, &steps) }) {
        let theirs: Vec<_> = did.frames.iter().map(|(dev, frame)| (dev.clone(), masked(frame))).collect();
        let told = ours.as_ref().map_or_else(|errno| errno.0, |_| 0);
        assert_eq!((told, ours.clone().unwrap_or_default()), (did.told, theirs), "here, and in the kernel");
    }
    ours
}

#[test]
fn c223_the_sender_is_told_of_a_drop() {
    for family in [Family::V4, Family::V6] {
        for hook in [Hook::Output, Hook::Postrouting] {
            let drops = [chain(hook, 0, &[Act::Drop])];
            assert_eq!(sent(family, "", &drops, None), Err(Errno::EPERM), "{hook:?}");
        }
        let way = if family == Family::V4 {
            "ip rule add fwmark 5 prohibit"
        } else {
            "ip -6 rule add fwmark 5 prohibit"
        };
        assert_eq!(sent(family, way, &[route(0, &[Act::Mark(5)])], None), Err(Errno::EACCES));
    }
}

#[test]
fn c242_a_socket_s_device_stays_demanded() {
    for family in [Family::V4, Family::V6] {
        let marks = [route(0, &[Act::Mark(5)])];
        let dev = |bound| sent(family, marked(family), &marks, bound).unwrap()[0].0.clone();
        assert_eq!((dev(None).as_str(), dev(Some("e0")).as_str()), ("e1", "e0"));
    }
}

#[test]
fn c244_a_new_destination_by_nat_is_looked_up_again() {
    for family in [Family::V4, Family::V6] {
        let nat = |acts| [Chain { hook: Hook::Output, priority: -100, kind: Kind::Nat, acts }];
        let chains = match family {
            Family::V4 => nat(&[Act::Destination("20.0.0.1")]),
            Family::V6 => nat(&[Act::Destination("2001:db8:20::1")]),
        };
        let frames = sent(family, "", &chains, None).unwrap();
        let [(dev, frame)] = &frames[..] else { panic!("{frames:?}") };
        let source: IpAddr = match family {
            Family::V4 => <[u8; 4]>::try_from(&frame[26..30]).unwrap().into(),
            Family::V6 => <[u8; 16]>::try_from(&frame[22..38]).unwrap().into(),
        };
        let first = if family == Family::V4 { "10.0.0.1" } else { "2001:db8::1" };
        assert_eq!((dev.as_str(), source), ("e1", first.parse().unwrap()), "the first lookup's source");
    }
}

#[test]
fn checksums_follow_and_wrong_ones_stay_wrong() {
    let chains = [chain(
        Hook::Forward,
        0,
        &[Act::Source("10.0.0.99"), Act::Destination("20.9.9.9"), Act::Tos(0x20), Act::HopLimit(7)],
    )];
    let packets = [
        tcp("10.0.0.2", "20.0.0.1", 2, (1, 0)),
        udp("10.0.0.2", "20.0.0.1", b"data"),
        icmp("10.0.0.2", "20.0.0.1", 8, b"ping"),
        edited(tcp("10.0.0.2", "20.0.0.1", 2, (1, 0)), |header| header.fragment.set(0x2000)),
        edited(tcp("10.0.0.2", "20.0.0.1", 2, (1, 0)), |header| header.fragment.set(5)),
    ];
    let mut wrong = tcp("10.0.0.2", "20.0.0.1", 2, (1, 0));
    wrong[36] ^= 0x55;
    let steps: Vec<Step> = packets
        .into_iter()
        .chain([wrong])
        .map(|packet| Step::Frame("e0", framed(mac(0x10), mac(2), &packet)))
        .collect();
    let (happened, _) = same(Family::V4, "", &chains, &steps);
    assert_eq!(happened.frames.len(), 6);
}

#[test]
fn who_is_registered_can_be_taken_away_and_a_clone_keeps_its_own() {
    let mut host = Host::new(ROUTER);
    let register = |host: &mut Host, verdict: Verdict| {
        let (ns, _) = host.world.ns_mut(NsId(0)).unwrap();
        ns.config.hooks.register(Family::V4, Hook::Forward, 0, Kind::Filter, Arc::new(move |_| verdict))
    };
    let packet = udp("10.0.0.2", "20.0.0.1", b"data");
    let id = register(&mut host, Verdict::DropWith(Errno::EACCES));
    let copy = host.world.clone();
    assert_eq!(reason(&host.packet("e0", &packet)), "NETFILTER_DROP");
    assert!(host.world.ns_mut(NsId(0)).unwrap().0.config.hooks.unregister(id));
    assert!(!host.world.ns_mut(NsId(0)).unwrap().0.config.hooks.unregister(id));
    assert_eq!(host.packet("e0", &packet).outcome, Outcome::Sent);
    assert_eq!(reason(&Host { world: copy }.packet("e0", &packet)), "NETFILTER_DROP");
    register(&mut host, Verdict::Unknown("queued packets"));
    assert_eq!(host.packet("e0", &packet).outcome, Outcome::Unknown("queued packets"));
}
