//! Arbitrary frames through a host: a router between two networks, with a tunnel and
//! sockets, a host of IPv6 that takes advertisements. The input is records of a device, a pause, a length and a frame's bytes.
#![no_main]

use fingerpost::script::{Runner, Script};
use fingerpost_engine::trace::{Event, Tracer};
use fingerpost_engine::path::sockets::{Kind, Setting};
use fingerpost_engine::{Behaviour, Time, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::Family;
use libfuzzer_sys::fuzz_target;

const HOST: &str = "\
ip link add eth0 type veth peer name p0
ip link add eth1 type veth peer name p1
ip link set eth0 address 02:00:00:00:00:01
ip link set eth1 address 02:00:00:00:00:02
ip tuntap add dev tun0 mode tun
ip link set lo up
ip link set eth0 up
ip link set eth1 up
ip link set p0 up
ip link set p1 up
ip link set tun0 up
ip addr add 10.0.0.1/24 dev eth0
ip addr add 10.1.0.1/24 dev eth1
ip addr add 10.9.0.1/24 dev tun0
ip route add 10.2.0.0/16 via 10.1.0.9
ip route add blackhole 10.3.0.0/16
ip route add unreachable 10.4.0.0/16
ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:aa dev eth1
ip addr add 2001:db8::1/64 dev eth0 nodad
ip addr add 2001:db8:1::1/64 dev eth1 nodad
sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv4.conf.eth1.rp_filter=1
sysctl -w net.ipv4.conf.eth0.proxy_arp=1
";

/// More frames than this only take longer.
const MAX_FRAMES: usize = 64;

thread_local! {
    static WORLD: World = world();
}

fn world() -> World {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    let script = Script::parse(HOST).expect("is a script");
    let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
    for command in script.commands() {
        let outcome = runner.run(&command.words);
        assert_eq!(outcome.status, 0, "{}: {}", command.text, outcome.stderr);
    }
    world.pass(3_000);
    for (family, any) in [(Family::V4, "0.0.0.0"), (Family::V6, "[::]")] {
        for (kind, port) in [(Kind::Udp, 53), (Kind::Tcp, 80), (Kind::Raw(1), 0), (Kind::Raw(58), 0)] {
            let id = world.socket(NsId(0), family, kind, 0).expect("a socket");
            world.set_option(NsId(0), id, Setting::V6Only(true)).expect("a socket");
            if port != 0 {
                world.bind(NsId(0), id, format!("{any}:{port}").parse().expect("an address")).expect("its own");
            }
            if kind == Kind::Tcp {
                world.listen(NsId(0), id, 4).expect("it listens");
            }
        }
    }
    world
}

fuzz_target!(|data: &[u8]| {
    let mut world = WORLD.with(World::clone);
    let devices: Vec<u32> = world.ns(NsId(0)).expect("the first").config.links.iter().map(|link| link.index()).collect();
    let mut rest = data;
    for _ in 0..MAX_FRAMES {
        let [head, pause, length, more @ ..] = rest else { break };
        let (device, is_long) = (devices[usize::from(*head) % devices.len()], head & 0x80 != 0);
        // Long pauses end timers.
        let until = Time(world.now.0 + u64::from(*pause) * if is_long { 1_000 } else { 10 });
        let fired = world.run_until(until, &mut Tracer::off());
        assert!(fired.len() < 10_000, "timers come to an end");
        let (frame, more) = more.split_at(usize::from(*length).min(more.len()));
        rest = more;
        let mut events: Vec<Event> = Vec::new();
        let handled = world.receive(NsId(0), device, frame, &mut Tracer::on(&mut events));
        let handled = handled.expect("the namespace is there");
        assert!(handled.emitted.iter().all(|frame| devices.contains(&frame.dev)), "they leave by a device");
    }
    world.run_until(Time(world.now.0 + 3_600_000), &mut Tracer::off());
});
