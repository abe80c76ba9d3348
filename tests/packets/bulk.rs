//! Many packets at once fare as each would alone.

use std::sync::Arc;

use fingerpost_engine::Env;
use fingerpost_engine::path::{Arrived, AtHook, Forwarded, Forwarder, Kind, Outcome, Verdict};
use fingerpost_engine::trace::{Hook, Tracer};
use fingerpost_model::NsId;
use fingerpost_net::{Family, Rng};

use crate::host::{Host, ROUTER, edited, framed, mac, tcp, udp};
use crate::kernel::{Asked, Step, same};

const MORE: &str = "
ip link set e1 mtu 600
ip route add 30.0.0.0/8 via 10.1.0.2 mtu 500
ip route add 40.0.0.0/8 dev e1
ip route add unreachable 50.0.0.0/8
ip route add 60.0.0.0/8 via 10.0.0.3
ip route add 70.0.0.0/8 via 10.1.0.7
ip rule add from 10.0.0.64/26 dport 53 lookup 7
ip route add default via 10.1.0.2 table 7
ip neigh add 40.0.0.1 lladdr 02:00:00:00:00:08 dev e1
ip neigh add 40.0.0.2 lladdr 02:00:00:00:00:09 dev e1 nud stale
sysctl -w net.ipv4.icmp_ratelimit=0
";

/// A frame, mostly one that is forwarded.
fn random(rng: &mut Rng) -> Vec<u8> {
    let sources = ["10.0.0.2", "10.0.0.70", "20.0.0.7", "10.0.0.1", "127.0.0.1"];
    let destinations = [
        "20.0.0.1",
        "20.9.9.9",
        "30.0.0.1",
        "40.0.0.1",
        "40.0.0.2",
        "50.0.0.1",
        "60.0.0.1",
        "70.0.0.1",
        "80.0.0.1",
        "10.0.0.1",
        "10.0.0.255",
        "224.0.0.1",
    ];
    let (src, dst) = (*rng.pick(&sources).unwrap(), *rng.pick(&destinations).unwrap());
    let data = vec![7; *rng.pick(&[0, 4, 480, 560, 700]).unwrap()];
    let packet = if rng.chance(1, 4) { tcp(src, dst, 2, (1, 2)) } else { udp(src, dst, &data) };
    let (ttl, tos, fragment) =
        (*rng.pick(&[64, 2, 1]).unwrap(), *rng.pick(&[0, 0x10, 2, 3]).unwrap(), rng.below(6));
    let mut packet = edited(packet, |header| {
        (header.ttl, header.tos) = (ttl, tos);
        header.fragment.set(match fragment {
            0 => 0x4000,
            1 => 0x2000,
            _ => 0,
        });
    });
    if rng.chance(1, 20) {
        let at = rng.below(packet.len() as u64) as usize;
        packet[at] ^= 1 << rng.below(8);
    }
    if rng.chance(1, 8) {
        packet.extend_from_slice(&[0; 9]);
    }
    let to = if rng.chance(1, 12) { [0xff; 6] } else { mac(0x10) };
    framed(to, mac(2), &packet)
}

#[test]
fn c217_a_batch_gives_what_each_frame_would() {
    let mut rng = Rng::new(3);
    for round in 0..20 {
        let mut host = Host::new(ROUTER);
        host.run(MORE);
        if round % 2 == 1 {
            host.run("sysctl -w net.ipv4.conf.e0.rp_filter=1");
        }
        let (e0, world) = (host.device("e0"), &mut host.world);
        let mut alone = world.clone();
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let forwarder = Forwarder::new(world.ns(NsId(0)).unwrap(), env);
        let frames: Vec<Vec<u8>> = (0..600).map(|_| random(&mut rng)).collect();
        let mut arrived: Vec<Arrived<Vec<u8>>> =
            frames.iter().map(|frame| Arrived { dev: e0, buffer: frame.clone(), len: frame.len() }).collect();
        let mut fates = vec![Forwarded::Ask; frames.len()];
        let state = &mut world.namespaces.get_mut(&NsId(0)).unwrap().state;
        forwarder.forward(&mut arrived, &mut fates, state);
        let mut forwarded = 0;
        for ((frame, arrived), fate) in frames.iter().zip(&arrived).zip(&fates) {
            let expected = alone.receive(NsId(0), e0, frame, &mut Tracer::off()).unwrap();
            match fate {
                Forwarded::Ask => {
                    assert_eq!((&arrived.buffer, arrived.len), (frame, frame.len()), "it is left as it was");
                    let again = world.receive(NsId(0), e0, frame, &mut Tracer::off()).unwrap();
                    assert_eq!(again.outcome, expected.outcome);
                }
                Forwarded::By(dev) => {
                    forwarded += 1;
                    assert_eq!(expected.outcome, Outcome::Sent);
                    let [emitted] = &expected.emitted[..] else { panic!("{expected:?}") };
                    assert_eq!((emitted.dev, &emitted.bytes[..]), (*dev, &arrived.buffer[..arrived.len]));
                }
            }
        }
        assert!(forwarded > 30, "{forwarded} of {}", frames.len());
        let counted = |world: &fingerpost_engine::World| world.ns(NsId(0)).unwrap().state.counters.clone();
        assert_eq!(counted(&host.world), counted(&alone));
    }
}

#[test]
fn c217_the_kernel_s_batches_fare_as_frames_alone() {
    let setup = format!(
        "sysctl -w net.ipv6.conf.default.disable_ipv6=1
sysctl -w net.ipv4.icmp_ratelimit=0
sysctl -w net.ipv4.icmp_msgs_per_sec=100000
sysctl -w net.ipv4.icmp_msgs_burst=100000
{ROUTER}
ip link set e1 mtu 600
ip route add 30.0.0.0/8 via 10.1.0.2 mtu 560
ip rule add from 10.0.0.64/26 dport 53 lookup 7
ip route add default dev e0 table 7
ip neigh add 10.0.0.70 lladdr 02:00:00:00:00:07 dev e0
ip route add blackhole 50.0.0.0/8
sysctl -w net.ipv4.conf.e0.rp_filter=1
sysctl -w net.ipv4.conf.all.send_redirects=0
sysctl -w net.ipv4.conf.e0.send_redirects=0
"
    );
    let mut rng = Rng::new(217);
    let sources = ["10.0.0.2", "10.0.0.70", "20.0.0.7", "10.0.0.1", "127.0.0.1"];
    let destinations = ["20.0.0.1", "20.0.0.1", "20.9.9.9", "30.0.0.1", "50.0.0.1", "10.0.0.1", "10.0.0.255"];
    let mut frame = || {
        let (src, dst) = (*rng.pick(&sources).unwrap(), *rng.pick(&destinations).unwrap());
        let packet = match rng.below(4) {
            0 => tcp(src, dst, 2, (1, 2)),
            // Sources that are no neighbours would be asked for.
            _ => udp(src, dst, &vec![7; *rng.pick(&[4, 480, 560, 700]).unwrap()]),
        };
        let (ttl, fragment) =
            (*rng.pick(&[64, 64, 2, 1]).unwrap(), *rng.pick(&[0, 0, 0, 0x4000, 0x2000]).unwrap());
        let mut packet = edited(packet, |header| {
            header.ttl = ttl;
            header.fragment.set(fragment);
        });
        if rng.chance(1, 20) {
            packet[10] ^= 1;
        }
        framed(if rng.chance(1, 12) { [0xff; 6] } else { mac(0x10) }, mac(2), &packet)
    };
    let steps: Vec<Step> = (0..8).map(|_| Step::Frames("e0", (0..48).map(|_| frame()).collect())).collect();
    let mut host = Host::new(&setup);
    let (both, ..) = same(&mut host, &Asked { in_batches: true, ..Asked::of(&setup, &steps) });
    assert!(both.counters["IpForwDatagrams"] > 50, "{both:?}");
}

#[test]
fn what_hooks_want_to_see_is_left_to_them() {
    let mut host = Host::new(ROUTER);
    let (e0, frame) = (host.device("e0"), framed(mac(0x10), mac(2), &udp("10.0.0.2", "20.0.0.1", b"data")));
    let fate = |host: &Host| {
        let env = Env { behaviour: &host.world.behaviour, now: host.world.now };
        let forwarder = Forwarder::new(host.world.ns(NsId(0)).unwrap(), env);
        let mut state = host.world.ns(NsId(0)).unwrap().state.clone();
        let mut arrived = [Arrived { dev: e0, buffer: frame.clone(), len: frame.len() }];
        let mut fates = [Forwarded::Ask];
        forwarder.forward(&mut arrived, &mut fates, &mut state);
        fates[0]
    };
    assert_eq!(fate(&host), Forwarded::By(host.device("e1")));
    let accept = Arc::new(|_: &mut AtHook<'_>| Verdict::Accept);
    let hooks = &mut host.world.ns_mut(NsId(0)).unwrap().0.config.hooks;
    let id = hooks.register(Family::V4, Hook::Forward, 0, Kind::Filter, accept);
    assert_eq!(fate(&host), Forwarded::Ask);
    host.world.ns_mut(NsId(0)).unwrap().0.config.hooks.unregister(id);
    assert_eq!(fate(&host), Forwarded::By(host.device("e1")));
}
