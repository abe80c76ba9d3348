//! What a host makes of router advertisements, and of others that have its addresses.

use fingerpost_net::wire::{Ethernet, Header, Ipv6, ethertype, icmp6, nd, next};
use zerocopy::IntoBytes;

use super::{addr, discovery, echo, edited, message, option, packet, parts, summed};
use crate::host::{Host, mac, reason};
use crate::kernel::{Asked, Step, same};

/// A host without addresses of its own but the one of its link.
const HOST6: &str = "
sysctl -w net.ipv6.auto_flowlabels=0
sysctl -w net.ipv6.conf.default.accept_dad=0
ip link set lo up
ip tuntap add e0 mode tap
ip link set e0 address 02:00:00:00:00:10 up
";
const ROUTER: &str = "fe80::2";
const LINK_LOCAL: &str = "fe80::ff:fe00:10";

fn prefix(text: &str, flags: u8, valid: u32, preferred: u32) -> Vec<u8> {
    let head = [nd::PREFIX, 4, 64, flags];
    let times = [valid.to_be_bytes(), preferred.to_be_bytes(), [0; 4]].concat();
    [&head[..], &times, &addr(text).octets()].concat()
}

/// An advertisement of a router for half an hour.
fn advert(src: &str, hop_limit: u8, flags: u8, lifetime: u16, options: &[Vec<u8>]) -> Vec<u8> {
    let [high, low] = lifetime.to_be_bytes();
    let data = [&[0; 8][..], &option(nd::SOURCE_ADDRESS, 2), &options.concat()].concat();
    let packet = message(src, "ff02::1", nd::ROUTER_ADVERT, [hop_limit, flags, high, low], &data);
    edited(packet, |header| header.hop_limit = 255)
}

impl Host {
    /// What `ip` prints.
    fn shows(&mut self, command: &str) -> String {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let names = fingerpost_iproute::Names::default();
        let mut runner = fingerpost::script::Runner {
            world: &mut self.world,
            ns: fingerpost_model::NsId(0),
            names: &names,
        };
        runner.run(&words).stdout
    }
}

#[test]
fn t67_an_advertisement_brings_routes_and_an_address() {
    let mut host = Host::new(HOST6);
    host.enter(&advert(ROUTER, 9, 0x08, 1800, &[prefix("2001:db8:a::", 0xc0, 86400, 14400)]));
    assert_eq!(
        host.shows("ip -6 route show"),
        "2001:db8:a::/64 dev e0 proto kernel metric 256 expires 86400sec pref medium\n\
         fe80::/64 dev e0 proto kernel metric 256 pref medium\n\
         default via fe80::2 dev e0 proto ra metric 1024 expires 1800sec hoplimit 9 pref high\n"
    );
    let shown = host.shows("ip -6 address show dev e0");
    let line = "inet6 2001:db8:a::ff:fe00:10/64 scope global dynamic mngtmpaddr";
    assert!(shown.contains(line) && shown.contains("valid_lft 86400sec preferred_lft 14400sec"), "{shown}");
    // It answers from there, by the router, which is known by its option.
    let handled = host.enter(&echo("2600::1", "2001:db8:a::ff:fe00:10", b""));
    let (link, header, _) = parts(&handled.emitted[0].bytes);
    assert_eq!((link.dst, header.hop_limit), (mac(2), 9));
    // The lifetime ends, an hour before that of the address counts.
    host.pass(1_801_000);
    assert_eq!(host.enter(&echo("2600::1", "2001:db8:a::ff:fe00:10", b"")).emitted.len(), 0);
    host.pass(86_400_000);
    assert!(!host.shows("ip -6 address show dev e0").contains("2001:db8:a"));
}

#[test]
fn t67_two_hours_stay_of_an_address_whose_prefix_is_withdrawn() {
    let mut host = Host::new(HOST6);
    host.enter(&advert(ROUTER, 0, 0, 0, &[prefix("2001:db8:a::", 0xc0, 86400, 14400)]));
    host.enter(&advert(ROUTER, 0, 0, 0, &[prefix("2001:db8:a::", 0xc0, 0, 0)]));
    assert_eq!(host.shows("ip -6 route show"), "fe80::/64 dev e0 proto kernel metric 256 pref medium\n");
    let shown = host.shows("ip -6 address show dev e0");
    assert!(
        shown.contains("deprecated") && shown.contains("valid_lft 7200sec preferred_lft 0sec"),
        "{shown}"
    );
    host.run("sysctl -w net.ipv6.conf.e0.ra_honor_pio_life=1");
    host.enter(&advert(ROUTER, 0, 0, 0, &[prefix("2001:db8:a::", 0xc0, 0, 0)]));
    assert!(!host.shows("ip -6 address show dev e0").contains("2001:db8:a"));
}

#[test]
fn t67_what_is_believed_of_an_advertisement() {
    let whole = || advert(ROUTER, 9, 0, 1800, &[prefix("2001:db8:a::", 0xc0, 86400, 14400)]);
    let brings = |settings: &str, packet: &[u8]| {
        let mut host = Host::new(HOST6);
        host.run(settings);
        host.enter(packet);
        let (routes, addresses) = (host.shows("ip -6 route show"), host.shows("ip -6 address show dev e0"));
        (routes.contains("default"), routes.contains("2001:db8:a::/64"), addresses.contains("2001:db8:a"))
    };
    let conf = |name: &str, value: u32| format!("sysctl -w net.ipv6.conf.e0.{name}={value}");
    assert_eq!(brings("", &whole()), (true, true, true));
    assert_eq!(brings(&conf("accept_ra", 0), &whole()), (false, false, false));
    assert_eq!(brings(&conf("forwarding", 1), &whole()), (false, false, false));
    let hybrid = conf("forwarding", 1) + "\n" + &conf("accept_ra", 2);
    assert_eq!(brings(&hybrid, &whole()), (true, true, true));
    assert_eq!(brings(&conf("accept_ra_defrtr", 0), &whole()), (false, true, true));
    assert_eq!(brings(&conf("accept_ra_pinfo", 0), &whole()), (true, false, false));
    assert_eq!(brings(&conf("autoconf", 0), &whole()), (true, true, false));
    assert_eq!(brings(&conf("accept_ra_min_lft", 1801), &whole()), (false, true, true));
    // From the host's own address only the prefix is taken; preferred for longer than valid, nothing.
    let own = advert(LINK_LOCAL, 9, 0, 1800, &[prefix("2001:db8:a::", 0xc0, 86400, 14400)]);
    assert_eq!(brings("", &own), (false, true, true));
    let odd = advert(ROUTER, 9, 0, 1800, &[prefix("2001:db8:a::", 0xc0, 100, 200)]);
    assert_eq!(brings("", &odd), (true, false, false));
    let near = edited(whole(), |header| header.hop_limit = 64);
    assert_eq!(brings("", &near), (false, false, false));
}

#[test]
fn t67_the_link_s_mtu_is_the_device_s_and_the_route_s() {
    let mut host = Host::new(HOST6);
    let mtu = |mtu: u32| [&[nd::MTU, 1, 0, 0][..], &mtu.to_be_bytes()].concat();
    for (told, is) in [(1279, "1500"), (1501, "1500"), (1400, "1400")] {
        host.enter(&advert(ROUTER, 0, 0, 1800, &[mtu(told)]));
        assert_eq!(host.shows("sysctl -n net.ipv6.conf.e0.mtu").trim(), is);
    }
    assert!(host.shows("ip -6 route show default").contains("mtu 1400"));
}

#[test]
fn a_router_s_other_routes_are_taken_where_that_is_allowed() {
    let mut host = Host::new(HOST6);
    let route = |len: u8, flags: u8, lifetime: u32| {
        let head = [&[nd::ROUTE, 3, len, flags][..], &lifetime.to_be_bytes()].concat();
        [&head[..], &addr("2001:db8:e::1").octets()].concat()
    };
    host.enter(&advert(ROUTER, 0, 0, 0, &[route(48, 0, 600)]));
    assert!(!host.shows("ip -6 route show").contains("2001:db8:e::/48"));
    host.run("sysctl -w net.ipv6.conf.e0.accept_ra_rt_info_max_plen=64");
    host.enter(&advert(ROUTER, 0, 0, 0, &[route(48, 0x18, 600), route(65, 0, 600)]));
    let line = "2001:db8:e::/48 via fe80::2 dev e0 proto ra metric 1024 expires 600sec pref low\n";
    let shown = host.shows("ip -6 route show");
    assert!(shown.contains(line) && !shown.contains("/65"), "{shown}");
    host.enter(&advert(ROUTER, 0, 0, 0, &[route(48, 0, 0)]));
    assert!(!host.shows("ip -6 route show").contains("2001:db8:e::/48"));
}

#[test]
fn a_router_that_is_none_any_more_is_none_by_default() {
    let mut host = Host::new(HOST6);
    host.enter(&advert(ROUTER, 0, 0, 1800, &[]));
    let target = option(nd::TARGET_ADDRESS, 2);
    host.enter(&discovery(ROUTER, LINK_LOCAL, nd::ADVERT, 0x60, ROUTER, &target));
    assert!(!host.shows("ip -6 route show").contains("default"));
}

#[test]
fn who_begins_to_forward_forgets_routers_by_default() {
    let defaults = |settings: &str| {
        let mut host = Host::new(HOST6);
        host.run("ip route add default via fe80::9 dev e0");
        host.enter(&advert(ROUTER, 0, 0, 1800, &[]));
        host.run(settings);
        host.shows("ip -6 route show default").lines().count()
    };
    assert_eq!(defaults(""), 2);
    assert_eq!(defaults("sysctl -w net.ipv6.conf.all.forwarding=1"), 1);
    assert_eq!(defaults("sysctl -w net.ipv6.conf.lo.forwarding=1"), 1);
    let hybrid = "sysctl -w net.ipv6.conf.e0.accept_ra=2\nsysctl -w net.ipv6.conf.all.forwarding=1";
    assert_eq!(defaults(hybrid), 2);
}

#[test]
fn an_address_of_an_advertised_prefix_is_looked_for_and_told_of() {
    let mut host = Host::new(HOST6);
    host.run(
        "sysctl -w net.ipv6.conf.e0.accept_dad=1\nsysctl -w net.ipv6.conf.e0.router_solicitation_delay=0",
    );
    host.enter(&advert(ROUTER, 0, 0, 0, &[prefix("2001:db8:a::", 0xc0, 86400, 14400)]));
    let tentative = |host: &mut Host| host.shows("ip -6 address show dev e0 tentative").contains("db8:a");
    assert!(tentative(&mut host));
    let emitted = host.pass(100);
    let (_, header, message) = parts(&emitted[0].1);
    assert_eq!((emitted[0].0, header.source(), message[0]), (0, addr("::"), nd::SOLICIT));
    assert_eq!(header.destination(), addr("ff02::1:ff00:10"));
    // The group is the one of its own address of the link, so that no router hears of it.
    assert_eq!(emitted.len(), 1);
    host.pass(1_000);
    assert!(!tentative(&mut host));
}

#[test]
fn a_duplicate_of_an_address_that_is_looked_for_is_its_end() {
    let question = |target: &str| discovery("::", "ff02::1:ff00:44", nd::SOLICIT, 0, target, b"");
    let mut host = Host::new(HOST6);
    host.run(
        "sysctl -w net.ipv6.conf.e0.accept_dad=1
         ip addr add 2001:db8::44/64 dev e0
         ip addr add 2001:db8:1::44/64 dev e0 valid_lft 100 preferred_lft 50",
    );
    assert_eq!(host.enter(&question("2001:db8::44")).emitted.len(), 0);
    host.enter(&question("2001:db8:1::44"));
    host.pass(5_000);
    let shown = host.shows("ip -6 address show dev e0");
    assert!(shown.contains("2001:db8::44/64 scope global dadfailed tentative"), "{shown}");
    assert!(!shown.contains("2001:db8:1::44"), "{shown}");
    // With the strictest setting the device's own address ends IPv6 on it.
    let mut host = Host::new(HOST6);
    host.run("ip link set e0 down\nsysctl -w net.ipv6.conf.e0.accept_dad=2\nip link set e0 up");
    let target = option(nd::TARGET_ADDRESS, 9);
    host.enter(&discovery(LINK_LOCAL, "ff02::1", nd::ADVERT, 0x20, LINK_LOCAL, &target));
    assert_eq!(host.shows("sysctl -n net.ipv6.conf.e0.disable_ipv6").trim(), "1");
}

#[test]
fn each_detection_asks_as_often_as_is_set_whatever_went_before() {
    let setup = "
sysctl -w net.ipv6.conf.default.mldv2_unsolicited_report_interval=1
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
sysctl -w net.ipv6.conf.e0.router_solicitations=0
sysctl -w net.ipv6.conf.e0.router_solicitation_delay=0
sysctl -w net.ipv6.conf.all.enhanced_dad=0
sysctl -w net.ipv6.conf.e0.enhanced_dad=0
ip link set e0 address 02:00:00:00:00:10 up
";
    let arrives = |packet: &[u8]| {
        let [.., a, b, c, d] = Ipv6::read(packet).unwrap().dst;
        let header =
            Ethernet { dst: [0x33, 0x33, a, b, c, d], src: mac(2), ethertype: ethertype::IPV6.into() };
        Step::Frame("e0", [header.as_bytes(), packet].concat())
    };
    let own = "2001:db8:a::ff:fe00:10";
    let brings = advert(ROUTER, 0, 0, 0, &[prefix("2001:db8:a::", 0xc0, 86400, 14400)]);
    let mut lengthens = advert(ROUTER, 0, 0, 0, &[]);
    // Milliseconds from one solicitation to the next.
    lengthens[52..56].copy_from_slice(&2000u32.to_be_bytes());
    let lengthens = summed(ROUTER, "ff02::1", next::ICMPV6, lengthens[40..].to_vec(), 2);
    let lengthens =
        edited(packet(ROUTER, "ff02::1", next::ICMPV6, &lengthens), |header| header.hop_limit = 255);
    let objects = discovery("::", "ff02::1:ff00:10", nd::SOLICIT, 0, own, b"");
    let asks = message("2001:db8::9", own, icmp6::ECHO, [0; 4], b"");
    let asks = [&[2, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 2, 0x86, 0xdd][..], &asks].concat();
    let steps = [
        arrives(&brings),
        Step::Wait(100),
        arrives(&objects),
        // That address is gone, and comes again.
        arrives(&lengthens),
        arrives(&brings),
        Step::Wait(300),
        Step::Frame("e0", asks.clone()),
        Step::Wait(2600),
        Step::Frame("e0", asks),
        Step::Wait(300),
    ];
    let mut host = Host::new(setup);
    let asked = Asked { quiet: 2.5, ..Asked::of(setup, &steps) };
    let (both, handled, _) = same(&mut host, &asked);
    let sent = both.frames.iter().filter(|(_, frame)| frame[54] == nd::SOLICIT).count();
    assert_eq!((sent, both.counters["Icmp6InEchos"]), (2, 1));
    assert_eq!(reason(&handled[4]), "IP_INADDRERRORS");
}

#[test]
fn what_is_learned_is_looked_at_now_and_then_whatever_the_interval() {
    let mut host = Host::new(HOST6);
    host.run("sysctl -w net.ipv6.route.gc_interval=0");
    host.enter(&advert(ROUTER, 64, 0, 1800, &[prefix("2001:db8:7::", 0xc0, u32::MAX - 1, 600)]));
    // A timer that sets itself for the same moment would not come to an end here.
    host.pass(5_000);
    // Nor does a long time take long.
    host.run("sysctl -w net.ipv6.route.gc_interval=30");
    host.pass(100 * 365 * 86_400_000);
}
