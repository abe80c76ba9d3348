//! By which leg of a multipath route of IPv4 packets leave, and what rules see of their ports.

use fingerpost_net::wire::proto;

use crate::host::{Host, ROUTER, framed, ipv4, mac, udp};
use crate::kernel::{Asked, Step, same};
use crate::teach::about;

const FROM: &str = "10.0.0.2";
const TO: &str = "50.0.0.1";

/// What the kernel does with packets too: the last bytes of the addresses to which they leave.
#[track_caller]
fn taken(more: &str, packets: &[Vec<u8>]) -> Vec<u8> {
    let setup = format!(
        "sysctl -w net.ipv6.conf.default.disable_ipv6=1
{ROUTER}sysctl -w net.ipv4.fib_multipath_hash_seed=4660
sysctl -w net.ipv4.icmp_ratelimit=0
ip neigh add 10.1.0.3 lladdr 02:00:00:00:00:34 dev e1
ip neigh add 10.1.0.4 lladdr 02:00:00:00:00:35 dev e1
ip neigh add 10.1.0.5 lladdr 02:00:00:00:00:36 dev e1
ip route add 50.0.0.0/8 nexthop via 10.1.0.3 nexthop via 10.1.0.4 nexthop via 10.1.0.5
{more}
"
    );
    let framed = |packet: &Vec<u8>| Step::Frame("e0", framed(mac(0x10), mac(2), packet));
    let steps: Vec<Step> = packets.iter().map(framed).collect();
    let (both, ..) = same(&mut Host::new(&setup), &Asked::of(&setup, &steps));
    both.frames.iter().map(|(_, frame)| frame[5]).collect()
}

/// The legs by letters.
fn legs(more: &str, packets: &[Vec<u8>]) -> String {
    let taken = taken(more, packets);
    assert_eq!(taken.len(), packets.len());
    taken.iter().map(|leg| char::from(b'a' + leg - 0x34)).collect()
}

fn policy(number: u32) -> String {
    format!("sysctl -w net.ipv4.fib_multipath_hash_policy={number}\n")
}

/// Packets whose payload begins with four bytes that tell them apart, of so many each.
fn numbered(protocols: &[u8], count: u8) -> Vec<Vec<u8>> {
    let of = |number: u8| {
        let payload = move |n: u8| [0, n, 0, 77, 7, n, n, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        (0..count).map(move |n| ipv4(FROM, TO, number, &payload(n)))
    };
    protocols.iter().flat_map(|&number| of(number)).collect()
}

#[test]
fn c057_c110_ports_of_sctp_dccp_and_udp_lite_and_indices_of_ipsec_are_hashed() {
    let packets = numbered(&[proto::TCP, 33, 50, 51, 132, 136, 47], 4);
    let fields = "sysctl -w net.ipv4.fib_multipath_hash_fields=0x37";
    assert_eq!(legs(&policy(1), &packets), "abbcabcbbcaabcacaabbbacaaaaa");
    assert_eq!(legs(&format!("{}{fields}", policy(3)), &packets), "bbababbacaaccaccaaaccacbbbbb");
}

#[test]
fn c110_rules_see_ports_of_every_protocol_that_has_them() {
    let with = |number: u8, payload: &[u8]| ipv4(FROM, TO, number, payload);
    let ports = [0x0f, 0xa0, 0x13, 0x88];
    let packets = [
        with(proto::UDP, &ports),
        with(proto::TCP, &ports),
        with(33, &ports),
        with(50, &ports),
        with(51, &[[0; 4], ports].concat()),
        with(132, &ports),
        with(136, &ports),
        // Not these.
        with(proto::UDP, &ports[..3]),
        with(51, &ports),
        with(47, &ports),
        with(2, &ports),
    ];
    let left = taken("ip rule add pref 5 dport 5000 blackhole", &packets);
    assert_eq!(left.len(), 4);
}

/// Packets of both families in IPv4, in GRE and in Ethernet in GRE, and errors.
fn holding() -> Vec<Vec<u8>> {
    let of = |host: u8| {
        let four = udp(&format!("10.9.9.{host}"), "10.8.8.8", &[host]);
        let mut six = vec![0x60, 0, 0, host, 0, 4, 59, 64];
        six.extend([host; 36]);
        let within =
            |number: u8, header: &[u8], inner: &[u8]| ipv4(FROM, TO, number, &[header, inner].concat());
        [
            within(4, &[], &four),
            within(41, &[], &six),
            within(47, &[0, 0, 8, 0], &four),
            within(47, &[&[0x10, 0, 0x65, 0x58, 0, 0, 0, 1][..], &[2; 12], &[0x86, 0xdd]].concat(), &six),
            within(41, &[], &six[..30]),
            within(4, &[], &within(4, &[], &four)),
            about(FROM, TO, (3, 1), [0; 4], &udp(TO, &format!("10.9.9.{host}"), b"data")),
            udp(FROM, &format!("50.0.0.{host}"), b"data"),
        ]
    };
    (1..6).flat_map(of).collect()
}

#[test]
fn c058_c059_what_is_inside_a_packet_is_hashed_where_the_policy_asks_for_it() {
    let fields = |fields: u32| format!("{}sysctl -w net.ipv4.fib_multipath_hash_fields={fields}", policy(3));
    let by = [policy(0), policy(1), policy(2), fields(4095), fields(4032), fields(512)];
    let taken = by.map(|more| legs(&more, &holding()));
    assert_eq!(
        taken,
        [
            "bbbbbbabbbbbbbacbbbbbbcabbbbbbaabbbbbbbb",
            "caaaacbbcaaaacbccaaaacbacaaaacbacaaaacbc",
            "cacabcbbacacbabccbcbbcbabababbbabcbcbbbb",
            "caabbcaababcbbaacbbbbcaabbbcbbacacbcbaac",
            "ababaabbbbbbabbbccccacbbbbbbabbbccccacbb",
            "cbcbccbbcacaccbbcacaccbbcacaccbbcacaccbb",
        ]
    );
}
