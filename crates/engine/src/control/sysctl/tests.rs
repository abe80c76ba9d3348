//! The texts that entries take, against what a 6.18 kernel was seen to do.

use fingerpost_net::Errno;

use super::{read, write};
use crate::behaviour::Behaviour;
use crate::world::World;
use fingerpost_model::NsId;

fn world() -> World {
    World::new(1, Behaviour::default())
}

fn set(world: &mut World, path: &str, value: &str) -> Result<String, Errno> {
    let (ns, env) = world.ns_mut(NsId(0)).expect("the first namespace exists");
    write(ns, env, path, value)?;
    read(ns, path)
}

fn get(world: &World, path: &str) -> Result<String, Errno> {
    read(world.ns(NsId(0)).expect("the first namespace exists"), path)
}

#[test]
fn numbers_are_read_as_proc_dointvec_reads_them() {
    let mut w = world();
    let path = "net/ipv4/conf/lo/rp_filter";
    for (text, shown) in [
        ("1", "1"),
        ("0x10", "16"),
        ("010", "8"),
        (" 1", "1"),
        ("1 2", "1"),
        ("-0", "0"),
        ("-2147483648", "-2147483648"),
        ("7\n", "7"),
    ] {
        assert_eq!(set(&mut w, path, text), Ok(format!("{shown}\n")), "{text:?}");
    }
    for text in ["2147483648", "abc", "08", "+1", "1,2", "1x", "\n", "99999999999999999999999", "0x", "-"] {
        assert_eq!(set(&mut w, path, text), Err(Errno::EINVAL), "{text:?}");
    }
    assert_eq!(set(&mut w, path, ""), Ok("7\n".into()));
}

#[test]
fn ranges_of_the_multipath_settings() {
    // C-060
    let mut w = world();
    for (name, good, bad) in [
        ("fib_multipath_hash_policy", &["0", "3"][..], &["4", "-1", "-0"][..]),
        ("fib_multipath_hash_fields", &["1", "4095"], &["0", "4096"]),
        ("fib_multipath_hash_seed", &["0", "4294967295"], &["4294967296", "-1"]),
        ("fib_multipath_use_neigh", &["0", "1"], &["2"]),
        ("route/min_pmtu", &["68", "2147483647"], &["67"]),
        ("ip_default_ttl", &["1", "255"], &["0", "256"]),
        ("ip_no_pmtu_disc", &["3", "255"], &["256"]),
        ("ip_forward_use_pmtu", &["2", "0"], &["256"]),
        ("route/mtu_expires", &["-2", "100000"], &["2147483647"]),
    ] {
        let path = format!("net/ipv4/{name}");
        for text in good {
            assert_eq!(set(&mut w, &path, text), Ok(format!("{text}\n")), "{path} {text}");
        }
        for text in bad {
            assert_eq!(set(&mut w, &path, text), Err(Errno::EINVAL), "{path} {text}");
        }
    }
}

#[test]
fn units_of_neighbour_settings() {
    let mut w = world();
    let dir = "net/ipv4/neigh/lo";
    let mut check = |name: &str, text: &str, other: &str, shown: &str| {
        set(&mut w, &format!("{dir}/{name}"), text).expect("taken");
        assert_eq!(get(&w, &format!("{dir}/{other}")), Ok(format!("{shown}\n")), "{name} {text}");
    };
    check("base_reachable_time", "20", "base_reachable_time_ms", "20000");
    check("base_reachable_time_ms", "1", "base_reachable_time_ms", "4");
    check("base_reachable_time_ms", "-2147483649", "base_reachable_time_ms", "2147483648");
    check("retrans_time", "3", "retrans_time", "2");
    check("retrans_time", "-1", "retrans_time", "-0");
    check("retrans_time", "2147483647", "retrans_time", "429496728");
    check("retrans_time_ms", "1000", "retrans_time", "100");
    check("unres_qlen", "101", "unres_qlen_bytes", "211090");
    assert_eq!(set(&mut w, &format!("{dir}/app_solicit"), "-1"), Err(Errno::EINVAL));
    assert_eq!(set(&mut w, &format!("{dir}/interval_probe_time_ms"), "0"), Err(Errno::EINVAL));
}

#[test]
fn forwarding_reaches_every_device_and_turns_redirects_round() {
    // C-288
    let mut w = world();
    let before = w.namespaces[&NsId(0)].config.fib.generation;
    set(&mut w, "net/ipv4/ip_forward", "1").expect("taken");
    for (path, shown) in [
        ("conf/all/forwarding", "1"),
        ("conf/lo/forwarding", "1"),
        ("conf/default/forwarding", "1"),
        ("conf/all/accept_redirects", "0"),
        ("conf/lo/accept_redirects", "1"),
        ("conf/default/accept_redirects", "1"),
    ] {
        assert_eq!(get(&w, &format!("net/ipv4/{path}")), Ok(format!("{shown}\n")), "{path}");
    }
    // C-145
    assert_ne!(w.namespaces[&NsId(0)].config.fib.generation, before);
    set(&mut w, "net/ipv4/conf/lo/forwarding", "0").expect("taken");
    assert_eq!(get(&w, "net/ipv4/ip_forward"), Ok("1\n".into()));
    set(&mut w, "net/ipv4/conf/all/forwarding", "0").expect("taken");
    assert_eq!(get(&w, "net/ipv4/conf/all/accept_redirects"), Ok("1\n".into()));
}

#[test]
fn default_reaches_devices_that_were_not_set_themselves() {
    let mut w = world();
    set(&mut w, "net/ipv4/conf/default/rp_filter", "1").expect("taken");
    assert_eq!(get(&w, "net/ipv4/conf/lo/rp_filter"), Ok("1\n".into()));
    set(&mut w, "net/ipv4/conf/lo/rp_filter", "2").expect("taken");
    set(&mut w, "net/ipv4/conf/default/rp_filter", "0").expect("taken");
    assert_eq!(get(&w, "net/ipv4/conf/lo/rp_filter"), Ok("2\n".into()));
    set(&mut w, "net/ipv4/conf/default/promote_secondaries", "1").expect("taken");
    assert_eq!(get(&w, "net/ipv4/conf/lo/promote_secondaries"), Ok("0\n".into()));
}

#[test]
fn what_is_not_there_or_not_writable() {
    let mut w = world();
    for (path, error) in [
        ("net/ipv4/conf/nosuch/rp_filter", Errno::ENOENT),
        ("net/ipv4/conf/lo/nosuch", Errno::ENOENT),
        ("net/ipv4/nosuch", Errno::ENOENT),
        ("net/ipv4/route/error_cost", Errno::ENOENT),
        ("net/ipv4/conf/lo", Errno::EISDIR),
        ("net/bridge", Errno::EISDIR),
        ("net/bridge/nosuch", Errno::ENOENT),
        ("net/ipv4/conf/lo/mc_forwarding", Errno::EACCES),
        ("net/ipv4/tcp_available_congestion_control", Errno::EACCES),
        ("kernel/hostname", Errno::ENOENT),
    ] {
        assert_eq!(set(&mut w, path, "1"), Err(error), "{path}");
    }
    assert_eq!(get(&w, "net/ipv4/route/flush"), Err(Errno::EACCES));
    let before = w.namespaces[&NsId(0)].config.fib.generation;
    let (ns, env) = w.ns_mut(NsId(0)).expect("the first namespace exists");
    write(ns, env, "net/ipv4/route/flush", "1").expect("taken");
    assert_ne!(w.namespaces[&NsId(0)].config.fib.generation, before);
}

#[test]
fn entries_of_several_numbers() {
    let mut w = world();
    let ports = "net/ipv4/ip_local_port_range";
    assert_eq!(get(&w, ports), Ok("32768\t60999\n".into()));
    assert_eq!(set(&mut w, ports, "4095"), Ok("4095\t60999\n".into()));
    assert_eq!(set(&mut w, ports, "2000 3000"), Ok("2000\t3000\n".into()));
    assert_eq!(set(&mut w, ports, "3000 2000"), Err(Errno::EINVAL));
    assert_eq!(set(&mut w, ports, "1 70000"), Err(Errno::EINVAL));
    let groups = "net/ipv4/ping_group_range";
    assert_eq!(set(&mut w, groups, "1 2"), Ok("1\t2\n".into()));
    assert_eq!(set(&mut w, groups, "5 2"), Ok("1\t0\n".into()));
    assert_eq!(set(&mut w, "net/ipv4/ip_local_reserved_ports", "9,7-8,1"), Ok("1,7-9\n".into()));
    assert_eq!(set(&mut w, "net/ipv4/tcp_congestion_control", "nosuch"), Err(Errno::ENOENT));
}

#[test]
fn ipv6_settings_are_kept() {
    let mut w = world();
    assert_eq!(get(&w, "net/ipv6/conf/lo/mtu"), Ok("65536\n".into()));
    assert_eq!(get(&w, "net/ipv6/conf/lo/accept_dad"), Ok("-1\n".into()));
    set(&mut w, "net/ipv6/conf/all/disable_ipv6", "1").expect("taken");
    assert_eq!(get(&w, "net/ipv6/conf/lo/disable_ipv6"), Ok("1\n".into()));
    assert_eq!(set(&mut w, "net/ipv6/conf/nosuch/disable_ipv6", "1"), Err(Errno::ENOENT));
}
