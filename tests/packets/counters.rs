//! `/proc/net/snmp`, `netstat` and `snmp6` of a host.

use fingerpost_model::{Kernel, NsId};

use crate::commands;
use crate::host::{Host, edited, framed, icmp, mac, udp};

const FILES: [&str; 3] = ["snmp", "netstat", "snmp6"];

fn shown(host: &mut Host) -> String {
    FILES.map(|file| host.world.read_file(NsId(0), &format!("/proc/net/{file}")).unwrap()).concat()
}

/// What a command prints.
fn printed(host: &mut Host, command: &str) -> String {
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let names = fingerpost_iproute::Names::default();
    let mut runner = fingerpost::script::Runner { world: &mut host.world, ns: NsId(0), names: &names };
    let outcome = runner.run(&words);
    format!("{}{}", outcome.stdout, outcome.stderr)
}

/// The text without what another build of the same release may leave out.
fn plain(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("MPTcpExt")).collect()
}

/// The host of IPv4 packets alone, so that nothing is sent by itself.
const QUIET: &str = "
sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip tuntap add e0 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip addr add 10.0.0.1/24 dev e0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 dev e0
";

#[test]
fn counters_of_a_fresh_namespace() {
    let mut host = Host::new("sysctl -w net.ipv4.ip_default_ttl=77");
    let ours = shown(&mut host);
    assert!(ours.contains("Ip: 2 77 0 0 0"), "{ours}");
    assert!(ours.contains("Ip6InReceives                   \t0\n"));
    if !commands::is_default_release() {
        return;
    }
    let shows = FILES.map(|file| format!("show cat /proc/net/{file}\n")).concat();
    let script = format!("sysctl -w net.ipv4.ip_default_ttl=77\n{shows}");
    if let Some(said) = commands::said(&script) {
        assert_eq!(plain(&ours), plain(&said));
    }
}

#[test]
fn counters_after_packets() {
    let mut host = Host::new(QUIET);
    host.run("sysctl -w net.ipv4.ip_forward=1");
    let frames: Vec<Vec<u8>> = [
        icmp("10.0.0.2", "10.0.0.1", 8, b"ping"),
        icmp("10.0.0.2", "10.0.0.1", 13, &[1; 12]),
        udp("10.0.0.2", "10.0.0.1", b"data"),
        udp("10.0.0.2", "10.0.0.255", b"data"),
        udp("10.0.0.2", "10.9.0.1", b"no route"),
        edited(udp("10.0.0.2", "10.0.0.3", b"ttl"), |header| header.ttl = 1),
        udp("10.0.0.2", "10.0.0.3", b"redirected"),
    ]
    .iter()
    .map(|packet| framed(mac(0x10), mac(2), packet))
    .collect();
    let settings = "sysctl -w net.ipv4.icmp_ratelimit=0\nsysctl -w net.ipv4.icmp_msgs_per_sec=10000\n";
    let mut script = format!("{QUIET}sysctl -w net.ipv4.ip_forward=1\n{settings}");
    host.run(settings);
    for bytes in &frames {
        host.frame("e0", bytes);
        script += &commands::frame("e0", bytes);
    }
    let mut ours = shown(&mut host);
    let messages: Vec<&str> = ours.lines().filter(|line| line.starts_with("IcmpMsg:")).collect();
    assert_eq!(
        messages,
        ["IcmpMsg: InType8 InType13 OutType0 OutType3 OutType5 OutType11", "IcmpMsg: 1 1 2 1 1 1"]
    );
    if !commands::is_default_release() {
        return;
    }
    script += &FILES.map(|file| format!("show cat /proc/net/{file}\n")).concat();
    for command in ["nstat -a", "nstat -az icmp*echo? IpOut*", "nstat --ignore -s *NoPorts"] {
        ours += &printed(&mut host, command);
        script += &format!("show {command}\n");
    }
    if let Some(said) = commands::said(&script) {
        let said: Vec<&str> = plain(&said).into_iter().filter(|line| !line.starts_with("e0 ")).collect();
        assert_eq!(plain(&ours), said);
    }
}

#[test]
fn what_udp_lite_counts_by_release() {
    let (six_eighteen, later) = ("6.18.3", "7.2.7");
    for (release, has) in [(six_eighteen, true), (later, false)] {
        let mut world = fingerpost_engine::World::new(1, fingerpost_engine::Behaviour::of_release(release));
        let text = world.read_file(NsId(0), "/proc/net/snmp").unwrap();
        assert_eq!(text.contains("\nUdpLite: "), has, "{release}");
    }
}
