//! The live machine: dumps against what the real `ip` prints, lookups, the
//! facts that no dump shows, and privileges.
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use common::{EVERYTHING, WIRE, in_namespace, printed, sh};
use fingerpost_host::{Capture, CaptureOptions, Live, Target, import};
use fingerpost_iproute::{Env, Names, run};
use fingerpost_model::snapshot::{Line, Netns};
use fingerpost_model::{
    AddrLabelMsg, AddrMsg, BucketFilter, Change, Kernel, LinkMsg, MetricKind, NexthopMsg, NlFlags, NsId, Op,
    RouteFilter, RouteFlags, RouteMsg, RuleMsg, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix};

const NS: NsId = NsId(0);

fn here() -> Live {
    Live::open(&Target::Current).expect("the current namespace can always be opened")
}

fn quick() -> CaptureOptions {
    CaptureOptions { tools: false, ..CaptureOptions::default() }
}

fn lines(capture: &Capture) -> Vec<Line> {
    let mut lines = Vec::new();
    capture
        .lines(&mut |line| {
            lines.push(line);
            Ok(())
        })
        .expect("memory takes all");
    lines
}

fn netns(capture: &Capture) -> Netns {
    match lines(capture).into_iter().next() {
        Some(Line::Netns(netns)) => netns,
        other => panic!("the first line is {other:?}"),
    }
}

fn question(to: &str) -> RouteMsg {
    let mut m = RouteMsg::new(Family::V4);
    m.dst = Some(IpPrefix::host(to.parse().expect("an address")));
    m
}

/// The same as `ip -j` shows it: what it does not show is taken out of what the kernel tells.
mod shown {
    use super::*;
    use fingerpost_model::MetricKind;

    pub fn link(m: &LinkMsg) -> LinkMsg {
        let mut m = LinkMsg { linkmode: None, other: Vec::new(), stats: None, ..m.clone() };
        // iproute2 6.1 does not know these.
        (m.gso_ipv4_max_size, m.gro_ipv4_max_size) = (None, None);
        // A link in another namespace is all that is printed with its number.
        if let Some(info) = &mut m.info {
            info.data.clear();
            info.slave_data.clear();
        }
        m
    }

    pub fn address(m: &AddrMsg) -> AddrMsg {
        AddrMsg { stamps: None, other: Vec::new(), protocol: None, ..m.clone() }
    }

    pub fn route(m: &RouteMsg) -> RouteMsg {
        let mut m = RouteMsg { cacheinfo: None, other: Vec::new(), ..m.clone() };
        m.metrics.values.retain(|(kind, _)| *kind != MetricKind::LOCK);
        m
    }

    pub fn rule(m: &RuleMsg) -> RuleMsg {
        // The kernel gives each single port a full mask; ip prints others only.
        let partial = |mask: Option<u16>| mask.filter(|&mask| mask != u16::MAX);
        RuleMsg { sport_mask: partial(m.sport_mask), dport_mask: partial(m.dport_mask), ..m.clone() }
    }

    pub fn nexthop(m: &NexthopMsg) -> NexthopMsg {
        let mut m = NexthopMsg { other: Vec::new(), ..m.clone() };
        if let Some(group) = &mut m.resilient {
            group.unbalanced_time = None;
        }
        m
    }
}

fn by_ip() -> Vec<Line> {
    let commands = [
        ("addr.json", "ip -d -j addr"),
        ("route.json", "ip -j route show table all"),
        ("rule.json", "ip -d -j rule"),
        ("rule6.json", "ip -d -6 -j rule"),
        ("nexthop.json", "ip -j nexthop"),
        ("neigh.json", "ip -j neigh"),
        ("addrlabel.json", "ip -j addrlabel"),
    ];
    let texts: BTreeMap<String, String> =
        commands.iter().map(|(file, command)| (file.to_string(), printed(command))).collect();
    let imported = import::texts_by_name(&texts).expect("ip prints what import reads");
    imported.lines
}

macro_rules! pick {
    ($lines:expr, $kind:ident, $as:expr) => {
        $lines
            .iter()
            .filter_map(|line| if let Line::$kind(m) = line { Some($as(m)) } else { None })
            .collect::<Vec<_>>()
    };
}

fn same<T: PartialEq + std::fmt::Debug>(ours: &[T], theirs: &[T]) {
    for (one, other) in ours.iter().zip(theirs) {
        assert_eq!(one, other);
    }
    assert_eq!(ours.len(), theirs.len());
    assert!(!ours.is_empty());
}

#[test]
fn dumps_are_what_ip_prints() {
    in_namespace("dumps_are_what_ip_prints", || {
        sh(&[WIRE, EVERYTHING].concat());
        // Link states and IPv6 addresses settle a little later: ip must say the same before and after.
        let mut theirs = by_ip();
        let (ours, theirs) = (0..200)
            .find_map(|_| {
                let ours = lines(&here().capture(&quick()).expect("readable"));
                let before = std::mem::replace(&mut theirs, by_ip());
                (before == theirs).then_some((ours, before))
            })
            .expect("it settles");
        same(&pick!(ours, Link, shown::link), &pick!(theirs, Link, shown::link));
        same(&pick!(ours, Address, shown::address), &pick!(theirs, Address, shown::address));
        same(&pick!(ours, Route, shown::route), &pick!(theirs, Route, shown::route));
        same(&pick!(ours, Rule, shown::rule), &pick!(theirs, Rule, shown::rule));
        same(&pick!(ours, Nexthop, shown::nexthop), &pick!(theirs, Nexthop, shown::nexthop));
        let label = |m: &AddrLabelMsg| AddrLabelMsg { sequence: 0, ..m.clone() };
        same(&pick!(ours, AddressLabel, label), &pick!(theirs, AddressLabel, label));
        let known = |m: &fingerpost_model::NeighMsg| (m.dst, m.lladdr.clone(), m.index, m.state, m.flags);
        let ours: Vec<_> = pick!(ours, Neighbour, known).into_iter().filter(|m| m.3.0 != 0x40).collect();
        assert_eq!(ours, pick!(theirs, Neighbour, known));
        assert_eq!(ours.len(), 3);
    });
}

#[test]
fn settings_and_texts() {
    in_namespace("settings_and_texts", || {
        sh(WIRE);
        sh(
            "echo 1 > /proc/sys/net/ipv4/conf/v0/rp_filter; echo 9 > /proc/sys/net/ipv4/fib_multipath_hash_seed",
        );
        let capture = here().capture(&quick()).expect("readable");
        let all = lines(&capture);
        let setting = |path: &str| {
            all.iter().find_map(|line| match line {
                Line::Sysctl(p, value) if p == path => Some(value.clone()),
                _ => None,
            })
        };
        for path in [
            "ipv4/ip_forward",
            "ipv4/conf/all/rp_filter",
            "ipv4/conf/v0/accept_local",
            "ipv4/conf/default/forwarding",
            "ipv4/neigh/v1/base_reachable_time_ms",
            "ipv4/route/min_pmtu",
            "ipv4/tcp_early_demux",
            "ipv4/udp_l3mdev_accept",
            "ipv4/fib_multipath_hash_policy",
            "ipv4/icmp_ratemask",
            "ipv4/ipfrag_high_thresh",
            "ipv6/conf/all/forwarding",
            "ipv6/route/min_adv_mss",
        ] {
            let file = std::fs::read_to_string(format!("/proc/sys/net/{path}")).expect("the kernel has it");
            assert_eq!(setting(path).as_deref(), Some(file.trim_end()), "{path}");
        }
        assert_eq!(setting("ipv4/conf/v0/rp_filter").as_deref(), Some("1"));
        assert_eq!(netns(&capture).hash_seed, Some(9));
        for secret in ["ipv4/tcp_fastopen_key", "ipv6/conf/all/stable_secret"] {
            assert!(setting(secret).is_none(), "{secret} is a secret");
        }
        let text = |name: &str| {
            all.iter().any(|l| matches!(l, Line::Text(n, t) if n == name && t.contains("Main:")))
        };
        assert!(text("/proc/net/fib_trie") && text("/proc/net/fib_triestat"));
        assert!(!capture.header().release.is_empty());
    });
}

#[test]
fn c006_c009_whether_rules_were_ever_changed() {
    in_namespace("c006_c009_whether_rules_were_ever_changed", || {
        let rules = || netns(&here().capture(&quick()).expect("readable")).custom_rules;
        assert_eq!(rules(), None, "an empty namespace tells nothing");
        sh("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up");
        sh("ip route add 10.0.0.0/8 dev v0");
        assert_eq!(rules(), None, "main alone tells nothing");
        sh("ip link set lo up");
        assert_eq!(rules(), Some(false), "one trie");
        sh("ip rule add pref 5 lookup 7");
        assert_eq!(rules(), Some(true), "the rule is listed");
        sh("ip rule del pref 5");
        assert_eq!(rules(), Some(true), "the rule is gone, and its effect stays");
        sh("ip link set lo down");
        assert_eq!(rules(), Some(true), "an empty local table that was split off");
    });
}

#[test]
fn c033_t22_whether_the_full_source_check_is_on() {
    in_namespace("c033_t22_whether_the_full_source_check_is_on", || {
        let known = || {
            let netns = netns(&here().capture(&quick()).expect("readable"));
            (netns.custom_rules, netns.custom_local_routes, netns.realm_users)
        };
        sh(WIRE);
        assert_eq!(known(), (Some(false), Some(false), Some(false)));
        sh("ip route add 10.70.0.0/16 via 10.1.0.7 realms 5");
        assert_eq!(known(), (Some(false), None, Some(true)), "with realms the question tells no more");
        sh("ip route del 10.70.0.0/16; sleep 0.3");
        assert_eq!(known(), (Some(false), Some(false), Some(false)));
        sh("ip route add local 10.88.0.1 dev lo; ip route del local 10.88.0.1 dev lo");
        assert_eq!(
            known(),
            (Some(false), Some(true), Some(false)),
            "the route is gone, and its effect stays"
        );
        sh("echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter");
        assert_eq!(known(), (Some(false), None, Some(false)), "with rp_filter no question can tell");
        sh("ip route add local 10.88.0.1 dev lo");
        assert_eq!(known(), (Some(false), Some(true), Some(false)), "it is listed");
    });
}

#[test]
fn questions_one_and_many() {
    in_namespace("questions_one_and_many", || {
        sh(&[WIRE, "ip route add unreachable 10.66.0.0/16; ip route add default via 10.1.0.254"].concat());
        let mut live = here();
        let answer = live.route_get(&question("8.8.8.8")).expect("a default route");
        assert_eq!((answer.gateway, answer.prefsrc), ("10.1.0.254".parse().ok(), "10.1.0.1".parse().ok()));
        let refusal = live.route_get(&question("10.66.1.1")).expect_err("unreachable");
        assert_eq!(refusal.errno, Errno::EHOSTUNREACH);
        let mut bad = question("8.8.8.8");
        bad.scope = fingerpost_model::Scope::LINK;
        let refusal = live.route_get(&bad).expect_err("not strict");
        assert_eq!(refusal.text.as_deref(), Some("ipv4: Invalid values in header for route get request"));

        let many: Vec<RouteMsg> =
            (0..5000).map(|i| question(&format!("10.{}.{}.9", 60 + i % 8, i / 8 % 256))).collect();
        let answers = live.route_get_all(&many).expect("the socket works");
        assert_eq!(answers.len(), many.len());
        for (question, answer) in many.iter().zip(&answers) {
            let unreachable = question.dst.expect("set").addr.to_string().starts_with("10.66.");
            match answer {
                Ok(route) => assert!(!unreachable && route.dst == question.dst, "{question:?}"),
                Err(refusal) => assert!(unreachable && refusal.errno == Errno::EHOSTUNREACH),
            }
        }
    });
}

#[test]
fn a_kernel_that_answers_and_refuses_changes() {
    in_namespace("a_kernel_that_answers_and_refuses_changes", || {
        sh(&[WIRE, EVERYTHING].concat());
        let mut live = here();
        let kernel: &mut dyn Kernel = &mut live;
        assert_eq!(kernel.get_link(NS, 0, Some("v1")).expect("there").group, Some(7));
        assert_eq!(kernel.get_link(NS, 0, Some("nine")).expect_err("not there").errno, Errno::ENODEV);
        assert_eq!(kernel.get_nexthop(NS, 10).expect("there").group[0].weight, 200);
        assert_eq!(kernel.get_nexthop(NS, 99).expect_err("not there").errno, Errno::ENOENT);

        let mut count = |filter: RouteFilter| {
            let mut count = 0;
            kernel.routes(NS, &filter, &mut |_| count += 1).map(|()| count).map_err(|refusal| refusal.errno)
        };
        let table =
            |id| RouteFilter { family: Some(Family::V4), table: Some(TableId(id)), ..RouteFilter::default() };
        assert_eq!(count(table(100)), Ok(1));
        assert_eq!(count(table(u32::MAX)), Ok(1), "C-001");
        assert_eq!(count(table(99)), Err(Errno::ENOENT), "C-005");
        let blackholes = RouteFilter { kind: Some(6), family: Some(Family::V4), ..RouteFilter::default() };
        assert_eq!(count(blackholes), Ok(1));

        assert_eq!(kernel.read_file(NS, "/proc/sys/net/ipv4/ip_forward").as_deref(), Ok("0\n"));
        assert!(kernel.read_file(NS, "/proc/net/fib_trie").is_ok_and(|text| text.contains("10.1.0.1")));
        assert_eq!(kernel.read_file(NS, "/etc/passwd"), Err(Errno::ENOENT));
        assert_eq!(kernel.read_file(NS, "/proc/sys/../1/environ"), Err(Errno::ENOENT));

        let op = Op { flags: NlFlags::CREATE, change: Change::NewRoute(question("10.5.5.5")) };
        let refusal = kernel.apply(NS, op).expect_err("never");
        assert_eq!(
            (refusal.errno, refusal.text.as_deref()),
            (Errno::EPERM, Some("Nothing ever changes a real host"))
        );
        assert_eq!(kernel.write_file(NS, "/proc/sys/net/ipv4/ip_forward", "1"), Err(Errno::EPERM));
        assert_eq!(kernel.add_netns("x"), Err(Errno::EPERM));
    });
}

#[test]
fn another_namespace_by_process_and_by_path() {
    in_namespace("another_namespace_by_process_and_by_path", || {
        sh(WIRE);
        let mut child = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up; ip addr add 10.99.0.1/32 dev lo; echo up; cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut up = [0; 3];
        std::io::Read::read_exact(child.stdout.as_mut().expect("piped"), &mut up).expect("it comes up");
        for target in [Target::Pid(child.id()), Target::named(&format!("/proc/{}/ns/net", child.id()))] {
            let mut live = Live::open(&target).expect("root may enter");
            let capture = live.capture(&quick()).expect("readable");
            let all = lines(&capture);
            assert_eq!(pick!(all, Link, |m: &LinkMsg| m.index), [1], "{target:?}");
            assert!(
                all.iter().any(|l| matches!(l, Line::Text(_, t) if t.contains("10.99.0.1"))),
                "its own files"
            );
            assert!(live.route_get(&question("10.99.0.1")).is_ok());
            assert_eq!(
                live.route_get(&question("10.1.0.9")).expect_err("not here").errno,
                Errno::ENETUNREACH
            );
        }
        drop(child.stdin.take());
        let _ = child.wait();
    });
}

/// Set for the part of a test that runs as an ordinary user.
const AS_USER: &str = "FINGERPOST_TEST_AS_USER";

#[test]
fn an_ordinary_user_reads_the_own_namespace_and_no_other() {
    const TEST: &str = "an_ordinary_user_reads_the_own_namespace_and_no_other";
    if std::env::var_os(AS_USER).is_some() {
        let capture = here().capture(&quick()).expect("it needs no privilege");
        let all = lines(&capture);
        assert_eq!(pick!(all, Link, |m: &LinkMsg| m.name.clone()).len(), 3);
        assert_eq!(netns(&capture).custom_rules, Some(false));
        assert!(here().route_get(&question("10.1.0.9")).is_ok());
        let Err(error) = Live::open(&Target::Pid(1)) else { panic!("an ordinary user opened it") };
        let error = error.to_string();
        assert!(
            error.starts_with("cannot enter the network namespace of process 1: Permission denied"),
            "{error}"
        );
        assert!(error.ends_with("run it with sudo, or inside the namespace"), "{error}");
        return;
    }
    in_namespace(TEST, || {
        sh(WIRE);
        let own = std::env::current_exe().expect("a path");
        let status = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(own)
            .args([TEST, "--exact", "--nocapture", "--test-threads=1"])
            .env(AS_USER, "1")
            .status()
            .expect("setpriv");
        assert!(status.success(), "it failed as an ordinary user");
    });
}

#[test]
fn this_very_host_is_captured_and_read_again() {
    let capture = here().capture(&CaptureOptions::default()).expect("it needs no privilege");
    let mut bytes = Vec::new();
    capture.write(&mut bytes).expect("memory");
    let mut reader = fingerpost_model::snapshot::Reader::new(&bytes[..]).expect("a header");
    assert_eq!(reader.header(), capture.header());
    assert_eq!(reader.header().taken.len(), "2026-01-01T00:00:00Z".len());
    for line in lines(&capture) {
        assert_eq!(reader.next_line().expect("a good line"), Some(line));
    }
    assert_eq!(reader.next_line().expect("the end"), None);
}

#[test]
fn dumps_are_whole_while_things_change() {
    in_namespace("dumps_are_whole_while_things_change", || {
        let batch: String = (0..2000).map(|i| format!("rule add pref {} lookup 7\n", 1000 + i)).collect();
        sh(&format!("ip -batch - <<'END'\n{batch}END"));
        // A rule before all others: a dump that goes on by position then skips one or tells one twice.
        let changes = std::thread::spawn(|| {
            let mut hand = common::hand::Hand::new();
            let mut rule = RuleMsg::new(Family::V4);
            rule.priority = Some(5);
            rule.action = fingerpost_model::RuleAction::TO_TABLE;
            rule.table = TableId(7);
            for _ in 0..150 {
                hand.add(Change::NewRule(rule.clone()));
                hand.delete(Change::DelRule(rule.clone()));
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        });
        let mut live = here();
        let mut dumps = 0;
        while !changes.is_finished() || dumps == 0 {
            let mut seen = Vec::new();
            let dumped = live.rules(NS, Some(Family::V4), &mut |m| seen.push(m.priority.unwrap_or(0)));
            if let Err(refusal) = dumped {
                assert_eq!((refusal.errno, seen.len()), (Errno::EINTR, 0), "given up, and said so");
                continue;
            }
            seen.retain(|&priority| priority != 5);
            assert!(seen.is_sorted() && seen.len() == 2003, "{}: none missing, none twice", seen.len());
            dumps += 1;
        }
        changes.join().expect("changed without a refusal");
        assert!(dumps > 3, "{dumps} dumps came through");
    });
}

#[test]
fn programs_are_asked_if_they_are_there() {
    const TEST: &str = "programs_are_asked_if_they_are_there";
    const SECOND: &str = "FINGERPOST_TEST_WITH_PATH";
    if std::env::var_os(SECOND).is_some() {
        let capture = here().capture(&CaptureOptions::default()).expect("it needs no privilege");
        let texts: Vec<_> = lines(&capture)
            .into_iter()
            .filter_map(|line| if let Line::Text(name, text) = line { Some((name, text)) } else { None })
            .collect();
        assert!(texts.contains(&("nft list ruleset".into(), "table ip filter\n".into())), "{texts:?}");
        let not_seen = &capture.header().not_seen;
        let said = "iptables rules: iptables-save: you must be root";
        assert!(not_seen.iter().any(|sentence| sentence == said), "{not_seen:?}");
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("fingerpost-programs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, script) in [
        ("nft", "#!/bin/sh\n[ \"$*\" = \"list ruleset\" ] && echo table ip filter\n"),
        ("iptables-save", "#!/bin/sh\necho you must be root >&2\nexit 4\n"),
    ] {
        std::fs::write(folder.join(name), script).expect("written");
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), all).expect("made executable");
    }
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let status = Command::new(std::env::current_exe().expect("a path"))
        .args([TEST, "--exact", "--nocapture"])
        .envs([("PATH", path.as_str()), (SECOND, "1")])
        .status()
        .expect("started");
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(status.success(), "it failed with the programs");
}

#[test]
fn names_and_numbers_that_are_not_there() {
    let error = |target: Target| match Live::open(&target) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{target:?} was opened"),
    };
    assert!(
        error(Target::named("no-such-one")).starts_with("there is no network namespace named `no-such-one`")
    );
    assert!(error(Target::Name("../../etc/passwd".into())).starts_with("there is no network namespace"));
    assert_eq!(error(Target::Pid(u32::MAX)), format!("there is no process {}", u32::MAX));
    assert!(error(Target::Path("/no/such".into())).contains("check that it exists"));
    let mut live = here();
    assert_eq!(live.find_netns("no-such-one"), None);
}

#[test]
fn buckets_and_ids_of_namespaces_are_asked_for() {
    in_namespace("buckets_and_ids_of_namespaces_are_asked_for", || {
        sh("
            mkdir -p /run/netns
            mount -t tmpfs none /run/netns
            ip netns add red
            ip netns add blue
            ip link add i0 type ifb
            ip link set i0 netns red
            ip link set lo up
            ip nexthop add id 1 dev lo
            ip nexthop add id 2 dev lo
            ip nexthop add id 9 group 1/2 type resilient buckets 4
        ");
        let mut live = here();
        assert_eq!(live.netns_names(), Some(vec!["blue".to_string(), "red".to_string()]));
        let [blue, red] = ["blue", "red"].map(|name| live.find_netns(name).expect("it has just been named"));
        assert_eq!((live.netns_id(NS, red), live.netns_id(NS, blue)), (Some(0), None));
        let mut members = |member| {
            let mut found = Vec::new();
            let filter = BucketFilter { group: Some(9), member, ..BucketFilter::default() };
            let dumped = live.nexthop_buckets(NS, &filter, &mut |m| {
                let bucket = m.bucket.expect("a bucket");
                assert_eq!(m.id, 9);
                found.push((bucket.index, bucket.nh_id));
            });
            dumped.map(|()| found)
        };
        let all =
            [2, 2, 1, 1].iter().zip(0..).map(|(&id, index)| (Some(index), Some(id))).collect::<Vec<_>>();
        assert_eq!(members(None), Ok(all.clone()));
        assert_eq!(members(Some(1)), Ok(all[2..].to_vec()));
        let one = live.get_nexthop_bucket(NS, 9, 3).expect("there are four");
        assert_eq!(one.bucket.and_then(|bucket| bucket.nh_id), Some(1));
        let refused = live.get_nexthop_bucket(NS, 9, 4).expect_err("there are four");
        assert_eq!(refused.text.as_deref(), Some("Bucket index out of bounds"));
        let other = BucketFilter { group: Some(1), ..BucketFilter::default() };
        let refused = live.nexthop_buckets(NS, &other, &mut |_| ()).expect_err("it is no group");
        assert_eq!(refused.text.as_deref(), Some("Not a nexthop group"));
    });
}

#[test]
fn what_ipv6_shows_is_captured_and_printed_as_ip_does() {
    in_namespace("what_ipv6_shows_is_captured_and_printed_as_ip_does", || {
        // A path of which a router, in a namespace of its own, says that it is narrow.
        sh("mount -t tmpfs none /run; ip netns add router
            ip link add v0 type veth peer name r0
            ip link set r0 netns router
            ip link set v0 up; ip -n router link set r0 up
            ip addr add 2001:db8::1/64 dev v0 nodad; ip -n router addr add 2001:db8::2/64 dev r0 nodad
            ip -n router link add i0 type ifb; ip -n router link set i0 mtu 1280 up
            ip -n router addr add 2001:db8:9::1/64 dev i0 nodad
            ip netns exec router sysctl -qw net.ipv6.conf.all.forwarding=1
            ip -6 route add 2001:db8:9::/64 via 2001:db8::2
            ip addrlabel add prefix 2001:db8:9::/64 dev v0 label 77");
        let sender = std::net::UdpSocket::bind("[::]:0").expect("a socket");
        let mut all = Vec::new();
        let exception = |line: &Line| match line {
            Line::Route(m) if m.family == Family::V6 && m.flags.has(RouteFlags::CLONED) => Some(m.clone()),
            _ => None,
        };
        for _ in 0..200 {
            // Too long for it; refused once the path is known.
            let _ = sender.send_to(&[0; 1400], "[2001:db8:9::7]:9");
            std::thread::sleep(std::time::Duration::from_millis(20));
            all = lines(&here().capture(&quick()).expect("readable"));
            if all.iter().any(|line| exception(line).is_some()) {
                break;
            }
        }
        let learned = all.iter().find_map(exception).expect("the router told the path's MTU");
        assert_eq!(learned.dst, Some(IpPrefix::host("2001:db8:9::7".parse().expect("an address"))));
        assert_eq!(learned.metrics.get(MetricKind::MTU), Some(1280));
        let labels = pick!(all, AddressLabel, |m: &AddrLabelMsg| (m.prefix, m.index, m.label));
        assert_eq!(labels.len(), 11, "ten that Linux has by itself");
        assert!(labels.iter().any(|&(_, index, label)| index != 0 && label == Some(77)));
        let label = here().get_address_label(NS, "2002::1".parse().expect("an address"), 0);
        assert_eq!(label.expect("there is one for all").label, Some(2));

        for command in [
            "-6 route show cache",
            "-6 -j route show cache",
            "-6 -d route show table all",
            "addrlabel",
            "-j addrlabel list",
            "token",
            "-j token list dev v0",
            "-6 netconf",
            "-j netconf show",
            "-6 netconf show dev v0",
            "maddress",
            "-6 -j maddress show",
            "-o -6 maddress show dev v0",
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            let env = Env { open: &|_| Err(Errno::ENOENT), exec: None };
            // Lifetimes run meanwhile: the real tool must say the same before and after.
            let same = (0..100).any(|_| {
                let before = printed(&format!("ip {command}"));
                let ours = run(&words, &mut here(), NS, &Names::default(), &env);
                before == ours.stdout && ours.status == 0
            });
            assert!(same, "ip {command}");
        }
    });
}
