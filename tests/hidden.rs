//! What no dump shows is found out on the live host and kept in captures.
//!
//! Needs root and `unshare`; without them the test says so and passes, unless
//! `FINGERPOST_REQUIRE_KERNEL=1`.

use std::process::{Command, Output};

/// Runs a shell script in a network namespace of its own.
fn apart(script: &str) -> Option<Output> {
    let output = Command::new("unshare").args(["--net", "sh", "-e", "-c", script]).output();
    match output {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("unshare failed") => Some(output),
        other => {
            let why = format!("skipped: no network namespace can be made here: {other:?}");
            assert_ne!(std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref(), Ok("1"), "{why}");
            eprintln!("{why}");
            None
        }
    }
}

/// A set-up that begins with two linked devices, e0 and p0.
fn veth(rest: &str) -> String {
    format!(
        "ip link add e0 type veth peer name p0
        for dev in e0 p0; do ip link set $dev up; done
        {rest}"
    )
}

/// Sets a namespace up, and asks the live host and its capture; the kernel has
/// to agree, and the outcome's field to be the one expected.
fn ask(name: &str, situation: &str, field: &str, questions: &[(&str, Option<&str>)]) {
    let fingerpost = env!("CARGO_BIN_EXE_fingerpost");
    let file = std::env::temp_dir().join(format!("fingerpost-{name}-{}.fp", std::process::id()));
    let capture = file.display();
    let mut script = format!("{situation}\n{fingerpost} capture -o {capture} 2>/dev/null\n");
    for (question, _) in questions {
        script += &format!("{fingerpost} explain --json --verify {question}\n");
        script += &format!("{fingerpost} explain --json --snapshot {capture} {question}\n");
    }
    let output = apart(&script);
    let _ = std::fs::remove_file(&file);
    let Some(output) = output else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(answers.len(), 2 * questions.len());
    for ((question, expected), pair) in questions.iter().zip(answers.chunks(2)) {
        assert_eq!(pair[0]["verified"], "agrees", "{question}");
        for answer in pair {
            assert_eq!(answer["outcome"][field].as_str(), *expected, "{question}");
        }
    }
}

#[test]
fn t32_how_gateways_were_reached_is_asked_of_the_kernel_and_kept_in_captures() {
    // Gateways that were, or have since become, own addresses: in table main,
    // behind a rule for marked packets, and as a leg.
    let situation = "
        ip link add e0 type veth peer name p0
        ip link add e1 type veth peer name p1
        for dev in e0 p0 e1 p1; do ip link set $dev up; done
        ip addr add 10.0.0.1/24 dev e0
        ip addr add 10.0.0.2/24 dev e0
        ip addr add 10.1.0.1/24 dev e1
        ip route add 8.0.0.0/8 via 10.0.0.2 dev e0
        ip route add 9.0.0.0/8 via 10.0.0.3 dev e0
        ip route add default via 10.0.0.2 dev e0 table 7
        ip route add 7.0.0.0/8 nexthop via 10.0.0.2 dev e0 nexthop via 10.1.0.9 dev e1
        ip rule add fwmark 0x5 lookup 7
        ip addr del 10.0.0.2/24 dev e0
        ip addr add 10.0.0.3/24 dev e0";
    let questions = [
        ("8.8.8.8", None),
        ("9.9.9.9", Some("10.0.0.3")),
        ("4.4.4.4 mark 5", None),
        ("7.7.7.7 oif e0", None),
        ("7.7.7.7 oif e1", Some("10.1.0.9")),
    ];
    ask("gateways", situation, "gateway", &questions);
}

#[test]
fn f001_which_routes_by_source_are_looked_at_is_asked_of_the_kernel_and_kept_in_captures() {
    // The second addition fails, and from then on what lies in 2001:db8:a:8000::/52
    // alone is looked for among the routes by source of 2001:db8:a::/48; behind
    // rules likewise. Those of 2001:db8:b::/48 are all right.
    let situation = &veth(
        "
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip -6 rule add fwmark 7 lookup 7
        ip -6 rule add from 2001:db8:5::/64 fwmark 8 lookup 8
        for table in main 7 8; do
            ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::2 table $table
            ip -6 route add 2001:db8:a:8000::/52 via 2001:db8:1::3 table $table
            ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::4 table $table || true
            ip -6 route add 2001:db8:b::/48 from 2001:db8:5::/64 via 2001:db8:1::5 table $table
            ip -6 route add 2001:db8:b:8000::/52 via 2001:db8:1::6 table $table
            ip -6 route add default via 2001:db8:1::9 table $table
        done",
    );
    let questions = [
        ("2001:db8:a::1 from 2001:db8:5::1", Some("2001:db8:1::9")),
        ("2001:db8:a:8000::1 from 2001:db8:5::1", Some("2001:db8:1::3")),
        ("2001:db8:b::1 from 2001:db8:5::1", Some("2001:db8:1::5")),
        ("2001:db8:a::1 from 2001:db8:5::1 mark 7", Some("2001:db8:1::9")),
        ("2001:db8:b::1 from 2001:db8:5::1 mark 7", Some("2001:db8:1::5")),
        ("2001:db8:a::1 from 2001:db8:5::1 mark 8", Some("2001:db8:1::9")),
        ("2001:db8:b::1 from 2001:db8:5::1 mark 8", Some("2001:db8:1::5")),
    ];
    ask("by-source", situation, "gateway", &questions);
}

#[test]
fn f001_routes_that_answer_with_errors_are_asked_about_too() {
    let situation = &veth(
        "
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip -6 route add unreachable 2001:db8:a::/48 from 2001:db8:5::/64
        ip -6 route add 2001:db8:a:8000::/52 via 2001:db8:1::3
        ip -6 route add unreachable 2001:db8:a::/48 from 2001:db8:5::/64 || true
        ip -6 route add default via 2001:db8:1::9",
    );
    ask(
        "errors-by-source",
        situation,
        "gateway",
        &[("2001:db8:a::1 from 2001:db8:5::1", Some("2001:db8:1::9"))],
    );
}

#[test]
fn f084_what_legs_have_for_themselves_is_asked_of_the_kernel_and_kept_in_captures() {
    // The second leg prefers a source, which the listing shows of the first alone.
    let situation = "
        sysctl -qw net.ipv4.fib_multipath_hash_seed=7
        ip link add e0 type veth peer name p0
        for dev in e0 p0; do ip link set $dev up; done
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip addr add 2001:db8:1::2/64 dev e0 nodad
        ip -6 route add 2001:db8:a::/48 via 2001:db8:1::8
        ip -6 route append 2001:db8:a::/48 src 2001:db8:1::1 via 2001:db8:1::9";
    let questions = [
        ("2001:db8:a::1", Some("2001:db8:1::1")),
        ("2001:db8:a::2", Some("2001:db8:1::2")),
        ("2001:db8:a::3", Some("2001:db8:1::1")),
    ];
    ask("legs", situation, "source", &questions);
}

#[test]
fn f084_legs_behind_a_better_route_are_asked_about_by_their_devices() {
    let situation = &veth(
        "
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip addr add 2001:db8:1::2/64 dev p0 nodad
        ip -6 route add blackhole 2001:db8:a::/48 metric 10
        ip -6 route add 2001:db8:a::/48 via 2001:db8:1::8 dev e0
        ip -6 route append 2001:db8:a::/48 src 2001:db8:1::1 via 2001:db8:1::9 dev p0",
    );
    let questions =
        [("2001:db8:a::1 oif e0", Some("2001:db8:1::1")), ("2001:db8:a::1 oif p0", Some("2001:db8:1::1"))];
    ask("legs-behind", situation, "source", &questions);
}

#[test]
fn f002_routes_among_the_legs_of_another_are_seen_though_no_dump_shows_them() {
    let mut situation = "
        ip link set lo up
        ip link add e0 type veth peer name p0
        for dev in e0 p0; do ip link set $dev up; done
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip -6 nexthop add id 5 via 2001:db8:1::5 dev e0"
        .to_string();
    let among = [
        ("2001:db8:a::/48", "2001:db8:a::/48 dev p0 src 2001:db8:1::1"),
        ("2001:db8:b::/48", "prohibit 2001:db8:b::/48"),
        ("2001:db8:c::/48", "2001:db8:c::/48 nhid 5"),
    ];
    for (dst, route) in among {
        situation += &format!(
            "
            ip -6 route add {dst} via 2001:db8:1::8
            ip -6 route append {route}
            ip -6 route append {dst} via 2001:db8:1::9"
        );
    }
    ask(
        "among-device",
        &situation,
        "text",
        &[(
            "2001:db8:a::1 oif p0",
            Some("2001:db8:a::1 leaves by p0, straight to its neighbour 2001:db8:a::1, from 2001:db8:1::1"),
        )],
    );
    ask("among-error", &situation, "errno_name", &[("2001:db8:b::1 oif lo", Some("EACCES"))]);
    // The third is never found, for it is no better than the leg before it.
    let note = "IPv6 routes among the legs of others, which no listing shows: 1 lead to nexthop objects and are left out";
    let header = format!("{situation}\n{} capture 2>/dev/null | head -n 1", env!("CARGO_BIN_EXE_fingerpost"));
    let Some(header) = apart(&header) else { return };
    let header: serde_json::Value = serde_json::from_slice(&header.stdout).expect("JSON");
    let notes = header["not_seen"].as_array().expect("notes");
    assert!(notes.iter().any(|said| said == note), "{notes:?}");
}

#[test]
fn f002_routes_by_objects_among_the_legs_of_another_are_told_by_questions() {
    let situation = "
        ip link set lo up
        ip link add e0 type veth peer name p0
        ip link add e1 type veth peer name p1
        for dev in e0 p0 e1 p1; do ip link set $dev up; done
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip nexthop add id 6 via fe80::5 dev e1
        ip -6 nexthop add id 7 dev p0
        ip nexthop add id 8 group 7/6
        ip -6 nexthop add id 9 blackhole
        ip -6 route add 2001:db8:a::/48 via 2001:db8:1::8
        ip -6 route append 2001:db8:a::/48 nhid 8
        ip -6 route append 2001:db8:a::/48 via 2001:db8:1::9
        ip -6 route add 2001:db8:b::/48 via 2001:db8:1::8
        ip -6 route append 2001:db8:b::/48 nhid 9
        ip -6 route append 2001:db8:b::/48 via 2001:db8:1::9";
    let by_one =
        "2001:db8:a::1 leaves by one of 2 legs, chosen by a hash whose seed is not known, from 2001:db8:1::1";
    ask("among-group", situation, "text", &[("2001:db8:a::1 oif e1", Some(by_one))]);
    ask("among-blackhole", situation, "errno_name", &[("2001:db8:b::1 oif lo", Some("EINVAL"))]);
}

#[test]
fn f014_decisions_that_other_routes_can_have_cached_with_an_object_are_told() {
    // Both prefer another source; which one packets get is that of the first one.
    let situation = &veth(
        "
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip addr add 2001:db8:1::2/64 dev e0 nodad
        ip -6 nexthop add id 1 via 2001:db8:1::8 dev e0
        ip -6 route add 2001:db8:a::/48 nhid 1 src 2001:db8:1::1
        ip -6 route add 2001:db8:b::/48 nhid 1 src 2001:db8:1::2
        ip -6 route get 2001:db8:a::1 >/dev/null",
    );
    let fingerpost = env!("CARGO_BIN_EXE_fingerpost");
    let question = format!("{situation}\n{fingerpost} explain --verify 2001:db8:b::1 || test $? = 3");
    let Some(told) = apart(&question) else { return };
    let told = String::from_utf8_lossy(&told.stdout);
    let expected = [
        "2001:db8:b::1 leaves by e0 to 2001:db8:1::8, from 2001:db8:1::2",
        "or, if nexthop object 1 was used for 2001:db8:a::/48 before: 2001:db8:b::1 leaves by e0 to \
         2001:db8:1::8, from 2001:db8:1::1",
        "verified     the running kernel gives the same answer",
    ];
    for line in expected {
        assert!(told.lines().any(|told| told == line), "{told}");
    }
}

#[test]
fn f014_each_member_of_a_group_has_a_decision_cached() {
    let situation = &veth(
        "
        for n in 1 2 3; do ip addr add 2001:db8:1::$n/64 dev e0 nodad; done
        ip -6 nexthop add id 1 via 2001:db8:1::81 dev e0
        ip -6 nexthop add id 2 via 2001:db8:1::82 dev e0
        ip nexthop add id 10 group 1/2
        ip -6 route add 2001:db8:a::/48 nhid 1 src 2001:db8:1::1
        ip -6 route add 2001:db8:b::/48 nhid 10 src 2001:db8:1::2
        ip -6 route add 2001:db8:c::/48 nhid 2 src 2001:db8:1::3
        ip -6 route get 2001:db8:a::1 >/dev/null
        ip -6 route get 2001:db8:c::1 >/dev/null",
    );
    let fingerpost = env!("CARGO_BIN_EXE_fingerpost");
    let questions = format!(
        "{situation}
        for n in 1 2 3 4 5 6 7 8; do {fingerpost} explain --verify 2001:db8:b::$n || test $? = 3; done"
    );
    let Some(told) = apart(&questions) else { return };
    let told = String::from_utf8_lossy(&told.stdout);
    let agreed =
        told.lines().filter(|line| line.starts_with("verified ") && line.ends_with("the same answer"));
    assert_eq!(agreed.count(), 8, "{told}");
    assert!(told.lines().any(|line| line.ends_with("by e0 to 2001:db8:1::82, from 2001:db8:1::3")), "{told}");
}

#[test]
fn f086_deleted_rules_of_ipv6_count_only_once_one_was_added() {
    let situation = &veth(
        "
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip -6 route add 2001:db8:a::/48 via 2001:db8:1::8
        ip -6 rule del pref 32766",
    );
    ask("rules6-deleted", situation, "gateway", &[("2001:db8:a::1", Some("2001:db8:1::8"))]);
    let added = situation
        .replace("ip -6 rule del", "ip -6 rule add pref 5 lookup 5; ip -6 rule del pref 5; ip -6 rule del");
    ask("rules6-added", &added, "gateway", &[("2001:db8:a::1", None)]);
}

#[test]
fn f086_deleted_rules_are_asked_about_where_only_linklocal_routes_tell() {
    let situation = &veth(
        "
        ip addr add fe80::1/64 dev e0 nodad
        ip -6 rule del pref 32766",
    );
    ask("rules6-linklocal", situation, "dev", &[("fe80::a1 oif e0", Some("e0"))]);
}

#[test]
fn c302_labels_that_are_all_gone_are_not_those_of_a_new_host() {
    // By labels 2400::1 would be chosen, by the longest prefix the other.
    let situation = &veth(
        "
        ip addr add 2400::1/64 dev e0 nodad
        ip addr add 2001::1/64 dev e0 nodad
        ip -6 route add 2001:db8::/32 dev e0",
    );
    ask("labels", situation, "source", &[("2001:db8::5", Some("2400::1"))]);
    let flushed = format!("{situation}\nip addrlabel flush");
    ask("no-labels", &flushed, "source", &[("2001:db8::5", Some("2001::1"))]);
}

#[test]
fn f080_loopback_has_ipv6_whatever_its_mtu() {
    let situation = "
        ip link set lo up
        ip link set lo mtu 1000
        ip link add e0 type veth peer name p0
        for dev in e0 p0; do ip link set $dev up; done
        ip addr add 2001:db8:1::1/64 dev e0 nodad
        ip -6 rule add pref 5 lookup 5";
    ask("small-loopback", situation, "dev", &[("2001:db8:1::1", Some("lo"))]);
}

#[test]
fn c157_the_order_in_which_devices_came_is_read_and_kept_in_captures() {
    let situation = "
        ip link add e1 index 17 type veth peer name p1 index 18
        ip link add e2 index 15 type veth peer name p2 index 16
        ip link add b0 index 19 type bridge
        for dev in e1 p1 e2 p2 b0; do ip link set $dev up; done
        ip addr add 10.0.7.1/24 dev e1
        ip addr add 198.51.100.3/29 dev e2";
    ask("order", situation, "source", &[("10.9.9.9 oif b0", Some("10.0.7.1"))]);
}

#[test]
fn questions_whose_answer_has_no_source_agree_too() {
    let situation = &veth(
        "
        ip route add 8.0.0.0/8 dev e0",
    );
    ask("source", situation, "source", &[("8.8.8.8", Some("0.0.0.0")), ("9.9.9.9 oif e0", Some("0.0.0.0"))]);
}

#[test]
fn c090_a_host_whose_rules_are_all_gone_looks_nowhere() {
    let situation = &veth(
        "
        ip addr add 10.0.0.1/24 dev e0
        for pref in 0 32766 32767; do ip rule del pref $pref; done",
    );
    ask("rules", situation, "errno_name", &[("10.0.0.9", Some("ENETUNREACH"))]);
}

#[test]
fn c069_buckets_of_resilient_groups_are_as_the_kernel_gave_them_out() {
    let mut situation = "
        ip link add e0 type veth peer name p0
        for dev in e0 p0; do ip link set $dev up; done
        ip addr add 10.0.0.1/24 dev e0
        sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
        ip nexthop add id 1 via 10.0.0.2 dev e0
        ip nexthop add id 2 via 10.0.0.3 dev e0
        ip nexthop add id 9 group 1/2 type resilient buckets 8 idle_timer 120
        ip route add 20.0.0.0/8 nhid 9\n"
        .to_string();
    // Buckets that carried traffic stay where they are when weights change.
    for n in 0..40 {
        situation += &format!("ip route get 20.0.0.{n} >/dev/null\n");
    }
    situation += "ip nexthop replace id 9 group 1,10/2,1 type resilient buckets 8 idle_timer 120\n";
    let questions: Vec<String> = (1..12).map(|n| format!("20.0.0.{n}")).collect();
    let named: Vec<(&str, Option<&str>)> = questions.iter().map(|q| (q.as_str(), Some("e0"))).collect();
    ask("buckets", &situation, "dev", &named);
}

#[test]
fn c189_groups_that_devices_joined_are_read_and_kept_in_captures() {
    let situation = &veth(
        "
        ip addr add 10.0.0.1/24 dev e0
        ip addr add 239.1.1.1/32 dev e0 autojoin",
    );
    let questions = [
        ("239.1.1.1 from 10.0.0.5 iif e0", Some("delivered")),
        ("239.1.1.2 from 10.0.0.5 iif e0", Some("dropped")),
    ];
    ask("groups", situation, "verdict", &questions);
}

#[test]
fn c147_a_learned_path_mtu_is_read_and_kept_in_captures() {
    // A router whose far side takes 700 bytes tells so when asked to forward 1228.
    let situation = "
        unshare --net sleep 20 &
        sleep 0.3
        ip link add e0 type veth peer name p0 netns $!
        ip link set e0 up
        ip addr add 10.0.0.1/24 dev e0
        ip route add 20.0.0.0/8 via 10.0.0.2
        inside=\"nsenter -t $! -n\"
        $inside ip link set p0 up
        $inside ip addr add 10.0.0.2/24 dev p0
        $inside sysctl -qw net.ipv4.ip_forward=1
        $inside ip link add i1 mtu 700 type ifb
        $inside ip link set i1 up
        $inside ip addr add 20.0.0.2/8 dev i1
        bash -c 'head -c 1200 /dev/zero > /dev/udp/20.0.0.1/9'
        sleep 0.5
        ip route get 20.0.0.1 | grep -q 'mtu 700'";
    ask("pmtu", situation, "text", &[("20.0.0.1", Some("20.0.0.1 leaves by e0 to 10.0.0.2, from 10.0.0.1"))]);
}
