//! `--fib`: what nft's `fib` and iptables' `rpfilter` are told, with reasons.

use fingerpost::explain::Verdict;

use crate::host::{Host, lookup};

const ROUTER: &str = "
sysctl -qw net.ipv4.conf.all.rp_filter=0
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 10.1.0.10/24 dev eth0
ip addr add 10.2.0.10/24 dev eth1
ip addr add 2001:db8:1::10/64 dev eth0
ip addr add 2001:db8:2::10/64 dev eth1
ip route add default via 10.2.0.1
ip -6 route add default via fe80::1 dev eth1
";

fn told(host: &Host, expression: &str, question: &str) -> (Verdict, String) {
    let outcome = host.ask_fib(expression, question).expect("an answer").outcome;
    (outcome.verdict, outcome.text)
}

#[test]
fn the_reason_why_a_way_back_is_missing_is_told_for_both_families() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add unreachable 22.0.0.0/8\nip -6 route add unreachable 2001:db8:50::/48");
    let reverse = "saddr . iif oif";
    let cases = [
        ("10.1.0.10 from 10.1.0.7", Verdict::Found, "leaves by eth0"),
        ("2001:db8:1::10 from 2001:db8:1::7", Verdict::Found, "leaves by eth0"),
        ("10.1.0.10 from 8.8.8.8", Verdict::Missing, "leaves by eth1, not by eth0"),
        ("2001:db8:1::10 from 2001:4860::1", Verdict::Missing, "leaves by eth1, not by eth0"),
        ("10.1.0.10 from 10.2.0.10", Verdict::Missing, "is of type local"),
        ("2001:db8:1::10 from 2001:db8:2::10", Verdict::Missing, "is of type local"),
        ("10.1.0.10 from 22.0.0.1", Verdict::Missing, "there is no way back to 22.0.0.1"),
        ("2001:db8:1::10 from 2001:db8:50::1", Verdict::Missing, "there is no way back"),
        ("ff02::1 from fe80::7", Verdict::Found, "leaves by eth0"),
    ];
    for (question, verdict, text) in cases {
        let told = told(&host, reverse, &format!("{question} iif eth0"));
        assert!(told.0 == verdict && told.1.contains(text), "{question}: {told:?}");
    }
    // Duplicate address detection is never refused.
    let (verdict, text) = told(&host, reverse, "ff02::1:ff00:7 from :: iif eth0 ipproto 58");
    assert!(verdict == Verdict::Found && text.contains("without address"), "{text}");
}

#[test]
fn rpfilter_strict_and_loose() {
    let host = Host::new(ROUTER);
    for (to, near, far, own) in [
        ("10.1.0.10", "10.1.0.7", "8.8.8.8", "10.2.0.10"),
        ("2001:db8:1::10", "2001:db8:1::7", "2001:4860::1", "2001:db8:2::10"),
    ] {
        let matches = |options: &str, from: &str| {
            let question = format!("{to} from {from} iif eth0");
            host.ask_fib(&format!("rpfilter {options}"), &question).expect("an answer").outcome.matches
        };
        assert_eq!(matches("", near), Some(true));
        assert_eq!(matches("", far), Some(false));
        assert_eq!(matches("--invert", far), Some(true));
        assert_eq!(matches("--loose", far), Some(true));
        assert_eq!(matches("--loose", own), Some(false));
        assert_eq!(matches("--loose --accept-local", own), Some(true));
    }
}

#[test]
fn the_lookup_is_explained_like_any_other() {
    let mut host = Host::new(ROUTER);
    host.run("ip -6 rule add pref 100 fwmark 7 lookup 100\nip -6 route add default dev eth0 table 100");
    let question = "2001:db8:1::10 from 2001:4860::1 iif eth0 mark 7";
    let with = host.ask_fib("saddr . mark . iif oif missing", question).expect("an answer");
    assert_eq!(with.outcome.matches, Some(false));
    let back = lookup(&with, "fib");
    assert_eq!((back.function, back.key.mark, back.deciding_rule), ("nft_fib6_eval", 7, Some(1)));
    let without = host.ask_fib("saddr . iif oif missing", question).expect("an answer");
    assert_eq!((without.outcome.matches, lookup(&without, "fib").key.mark), (Some(true), 0));
    let kind = host.ask_fib("daddr type local", "10.1.0.10 from 10.1.0.7 iif eth0").expect("an answer");
    assert_eq!((kind.outcome.matches, kind.outcome.kind.as_deref()), (Some(true), Some("local")));
}

#[test]
fn questions_that_a_rule_could_not_ask_are_refused() {
    let host = Host::new(ROUTER);
    let refused =
        |expression: &str, question: &str| host.ask_fib(expression, question).expect_err(expression);
    assert!(refused("saddr . iif oif", "10.1.0.10").contains("iif D"));
    assert!(refused("daddr . oif type", "10.1.0.10").contains("oif D"));
    assert!(refused("daddr . iif type", "10.1.0.10 from 10.1.0.7").contains("received"));
}
