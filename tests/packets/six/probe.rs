//! Extended echo requests (RFC 8335): what is told about devices.

use fingerpost_engine::path::Outcome;
use fingerpost_net::wire::icmp6;

use super::judged::{arrives, counted, done, held};
use super::{OWN, PEER, addr, edited, message, parts};
use crate::host::Host;
use crate::kernel::Step;

const ALLOWED: &str = "sysctl -w net.ipv4.icmp_echo_enable_probe=1";

/// A request for a device: the status bits, the kind of name, the name.
fn probe(dst: &str, bits: u8, kind: u8, name: &[u8]) -> Vec<u8> {
    let object = [&[0x20, 0, 0, 0, 0, 4 + name.len() as u8, 3, kind], name].concat();
    message(PEER, dst, icmp6::EXTENDED_ECHO, [0, 1, 2, bits], &object)
}

/// An address as requests name it.
fn six(of: &str) -> Vec<u8> {
    [&[0, 2, 16, 0][..], &addr(of).octets()].concat()
}

/// Code and status of the answer to each request, which is the kernel's.
fn answers(script: &str, requests: &[Vec<u8>]) -> Vec<Option<(u8, u8)>> {
    let steps: Vec<Step> = requests.iter().map(|request| arrives(request)).collect();
    let setup = held(script);
    let (both, _) = done(&setup, &steps);
    let mut host = Host::new(&setup);
    let all: Vec<_> = requests.iter().map(|request| answered(&mut host, request)).collect();
    assert_eq!(counted(&both, "Icmp6OutType161"), all.iter().flatten().count() as u64);
    all
}

fn answered(host: &mut Host, request: &[u8]) -> Option<(u8, u8)> {
    let handled = host.enter(request);
    let (_, _, message) = parts(&handled.emitted.first()?.bytes);
    assert_eq!((message[0], message[6], &message[8..]), (161, 2, &request[48..]));
    Some((message[1], message[7]))
}

#[test]
fn a_device_is_told_about_over_ipv6_too() {
    let script = format!("{ALLOWED}\nip link add v0 type veth peer name v1\nip addr add 10.0.0.1/24 dev e1");
    let cases = [
        (1, &b"e0"[..], Some((0, 5))),
        (1, b"e1\0\0", Some((0, 7))),
        (1, b"v0", Some((0, 0))),
        (1, b"e9", Some((2, 0))),
        (1, b"", Some((1, 0))),
        (2, &[0, 0, 0, 1], Some((0, 7))),
        (2, &[0, 0, 0, 99], Some((2, 0))),
        (3, &[0, 1, 4, 0, 10, 0, 0, 1], Some((0, 7))),
        (3, &six(OWN), Some((0, 5))),
        (3, &six("2001:db8:1::1"), Some((0, 7))),
        (3, &six(PEER), Some((2, 0))),
        (3, &six(OWN)[..19], Some((1, 0))),
        (4, b"e0", Some((1, 0))),
    ];
    // Whatever bits of the status a request has set.
    let mut requests: Vec<_> = cases.iter().map(|(kind, name, _)| probe(OWN, 0xff, *kind, name)).collect();
    let mut expected: Vec<_> = cases.iter().map(|(_, _, status)| *status).collect();
    // A neighbour's device; a packet to many; too short.
    requests.push(probe(OWN, 0xfe, 1, b"e0"));
    expected.push(None);
    requests.push(probe("ff02::1", 1, 1, b"e0"));
    expected.push(Some((0, 5)));
    requests.push(message(PEER, OWN, icmp6::EXTENDED_ECHO, [0, 1, 2, 1], &[0x20, 0, 0]));
    expected.push(Some((1, 0)));
    requests.push(edited(probe(OWN, 1, 1, b"e0"), |header| header.word = 0x6ab0_0000.into()));
    expected.push(Some((0, 5)));
    assert_eq!(answers(&script, &requests), expected);
    let request = [probe(OWN, 1, 1, b"e0")];
    assert_eq!(answers("", &request), [None]);
    let ignored = format!("{ALLOWED}\nsysctl -w net.ipv6.icmp.echo_ignore_all=1");
    assert_eq!(answers(&ignored, &request), [None]);
    let to_many = format!("{ALLOWED}\nsysctl -w net.ipv6.icmp.echo_ignore_multicast=1");
    assert_eq!(answers(&to_many, &[probe("ff02::1", 1, 1, b"e0")]), [None]);
}

#[test]
fn of_devices_with_one_address_the_last_is_told_about() {
    let of = |dev: &str| {
        format!("ip addr add 2001:db8:9::9/128 dev {dev} nodad\nip addr add 10.9.9.9/32 dev {dev}\n")
    };
    let gone =
        |dev: &str| format!("ip addr del 2001:db8:9::9/128 dev {dev}\nip addr del 10.9.9.9/32 dev {dev}\n");
    let (up, down) = (Some((0, 7)), Some((0, 3)));
    let first = format!("{ALLOWED}\nip link add v0 type veth peer name v1\n");
    let requests = [probe(OWN, 1, 3, &six("2001:db8:9::9")), probe(OWN, 1, 3, &[0, 1, 4, 0, 10, 9, 9, 9])];
    let cases = [
        (of("e1") + &of("v0"), down),
        (of("v0") + &of("e1"), up),
        (of("v0") + &of("e1") + &gone("v0") + &of("v0"), down),
        (of("v0") + &of("e1") + &gone("e1"), down),
    ];
    for (more, expected) in cases {
        assert_eq!(answers(&format!("{first}{more}"), &requests), [expected; 2], "{more}");
    }
    // One that is not ready does not count.
    let tentative = format!(
        "{first}sysctl -w net.ipv6.conf.v0.accept_dad=1\n{}ip addr add 2001:db8:9::9/128 dev v0",
        of("e1")
    );
    assert_eq!(answers(&tentative, &requests[..1]), [up]);
}

#[test]
fn devices_of_vrfs_are_told_about_by_their_addresses_of_ipv4_alone() {
    let script = format!(
        "{ALLOWED}\nip link add red type vrf table 10\nip link set red up\nip link set e1 master red\n\
ip addr add 2001:db8:9::9/128 dev e1 nodad\nip addr add 10.9.9.9/32 dev e1"
    );
    let mut host = Host::new(&held(&script));
    let mut ask = |kind, name: &[u8]| answered(&mut host, &probe(OWN, 1, kind, name));
    assert_eq!(ask(3, &six("2001:db8:9::9")), Some((2, 0)));
    assert_eq!(ask(3, &[0, 1, 4, 0, 10, 9, 9, 9]), Some((0, 7)));
    assert_eq!(ask(1, b"e1"), Some((0, 7)));
    assert_eq!(ask(3, &six(OWN)), Some((0, 5)));
}

#[test]
fn who_may_not_ask_about_devices_is_not_answered() {
    let mut host = Host::new(&held(""));
    assert!(matches!(host.enter(&probe(OWN, 1, 1, b"e0")).outcome, Outcome::Dropped(_)));
    assert_eq!(host.counted("Icmp6InType160"), 1);
}
