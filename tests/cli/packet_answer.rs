//! `explain --packet`: words that do not fit, and what the answer's line says.

use crate::packet::{answer, packet, router};

/// An option that says nothing about such a packet is refused, not passed over.
#[test]
fn words_that_do_not_belong_to_the_packet_are_refused() {
    let words = "--in eth0 --from 10.0.0.9 --to 10.1.0.9";
    for (words, option) in [
        (format!("{words} --frame"), "--frame: it is about the digits of --hex"),
        (format!("{words} --nth 2"), "--nth: it is about a capture"),
        (format!("{words} --icmp echo --sport 4"), "--sport: what is no TCP or UDP has no ports"),
        (format!("{words} --arp --ttl 3"), "--ttl: ARP is never forwarded"),
        (format!("{words} --arp --len 60"), "--len: a request of ARP has one length"),
        (format!("{words} 192.0.2.1"), "--to 10.1.0.9: the words of the question say where"),
    ] {
        let (status, out, err) = packet("idle_words", &words);
        assert_eq!((status, out.as_str()), (2, ""), "{words}");
        assert!(err.contains(option), "{words}: {err}");
    }
    let script = router("idle_words_of_programs", "");
    for (option, value) in [("--mac", "02:00:00:00:00:05"), ("--to-mac", "02:00:00:00:00:05")] {
        let line =
            format!("explain --script {} --send --udp 53 --to 10.1.0.9 {option} {value}", script.path());
        let (status, out, err) = crate::run(&line);
        assert_eq!((status, out.as_str()), (2, ""), "{line}");
        assert!(err.contains(&format!("{option}: the host says")), "{err}");
    }
}

/// `IP_TTL` is 1 to 255 (`do_ip_setsockopt`), `IPV6_UNICAST_HOPS` may be 0.
#[test]
fn a_socket_of_ipv4_takes_no_time_to_live_of_0() {
    let script = router("no_time_to_live", "");
    let send = |to: &str| {
        let line = format!("explain --script {} --send --udp 53 --ttl 0 --to {to}", script.path());
        crate::run(&line).1.lines().next().unwrap_or_default().to_string()
    };
    assert_eq!(send("10.1.0.9"), "refused: setsockopt fails: Invalid argument (EINVAL)");
    assert_eq!(send("2001:db8:1::9"), "sent out of eth1 to 2001:db8:1::9 (02:00:00:00:00:aa)");
}

#[test]
fn the_answer_says_why_where_the_reason_alone_does_not() {
    let words = "--in eth0 --from 10.0.0.9 --to";
    assert_eq!(
        answer("a_frame_for_many", "", &format!("{words} 10.1.0.9 --to-mac 01:00:5e:00:00:01")),
        (0, "dropped: NOT_SPECIFIED on eth0, its frame is for many, and such are not forwarded".into())
    );
    assert_eq!(
        answer("an_ack_for_a_listener", "", &format!("{words} 10.0.0.1 --tcp 80 --listen")),
        (
            0,
            "dropped: TCP_FLAGS on eth0, its flags do not belong to the state of the socket, \
             and a TCP RST goes back to 10.0.0.9"
                .into()
        )
    );
}

/// What a program of this host would answer does not leave: that is the answer, not a detail.
#[test]
fn the_answer_says_that_nothing_goes_back() {
    let words = "--in eth0 --from 198.51.100.7 --to 10.0.0.1";
    for (rules, error) in [
        ("ip rule add pref 75 lookup 75\nip rule add pref 76 unreachable\n", "ENETUNREACH"),
        ("ip rule add pref 75 lookup 75\nip route add blackhole default table 75\n", "EINVAL"),
    ] {
        let back = format!("; nothing goes back: no way leads to 198.51.100.7 ({error})");
        for (carried, end) in
            [("--tcp-syn 22 --listen", "taken by this host"), ("--icmp echo", "delivered to this host")]
        {
            let told = answer("nothing_goes_back", rules, &format!("{words} {carried}"));
            assert_eq!(told, (0, format!("{end}{back}")), "{carried}");
        }
    }
    let default = "ip route add default via 10.0.0.9\n";
    let told = answer("something_goes_back", default, &format!("{words} --tcp-syn 22 --listen"));
    assert_eq!(told.1, "taken by this host, and a TCP SYN+ACK goes back to 198.51.100.7");
}
