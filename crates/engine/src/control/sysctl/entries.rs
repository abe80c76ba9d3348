//! The settings of `net.ipv4` that are not per device: those with a field of
//! their own, and those that are kept as text, with what a new namespace has.

use super::format::Form::{self, *};
use crate::config::Ipv4Sysctls;

const MIN: i64 = i32::MIN as i64;
const MAX: i64 = i32::MAX as i64;

/// What a kernel with the usual modules has, where nothing else was read.
pub(crate) const AVAILABLE_CONGESTION_CONTROL: &str = "reno bbr cubic";

/// A setting with a field in [`Ipv4Sysctls`].
pub(super) struct Typed {
    name: &'static str,
    /// Its texts.
    pub(super) form: Form,
    /// Reads the field.
    pub(super) get: fn(&Ipv4Sysctls) -> i64,
    /// Sets the field.
    pub(super) set: fn(&mut Ipv4Sysctls, i64),
}

/// A setting that is kept as text.
pub(super) struct Entry {
    name: &'static str,
    /// What a new namespace has.
    pub(super) default: &'static str,
    /// Its texts.
    pub(super) form: Form,
}

/// The typed setting with this path below `net/ipv4`.
pub(super) fn typed(path: &str) -> Option<&'static Typed> {
    TYPED.iter().find(|typed| typed.name == path)
}

/// The text setting with this path below `net/ipv4`.
pub(super) fn text(path: &str) -> Option<&'static Entry> {
    TEXTS.binary_search_by(|entry| entry.name.cmp(path)).ok().map(|at| &TEXTS[at])
}

const TYPED: &[Typed] = &[
    Typed {
        name: "fib_multipath_hash_fields",
        form: Unsigned(1, 4095),
        get: |s| s.fib_multipath_hash_fields.into(),
        set: |s, v| s.fib_multipath_hash_fields = v as u32,
    },
    Typed {
        name: "fib_multipath_hash_policy",
        form: Unsigned(0, 3),
        get: |s| s.fib_multipath_hash_policy.into(),
        set: |s, v| s.fib_multipath_hash_policy = v as u8,
    },
    Typed {
        name: "fib_multipath_hash_seed",
        form: Unsigned(0, 4_294_967_295),
        get: |s| s.fib_multipath_hash_seed.into(),
        set: |s, v| s.fib_multipath_hash_seed = v as u32,
    },
    Typed {
        name: "fib_multipath_use_neigh",
        form: Unsigned(0, 1),
        get: |s| s.fib_multipath_use_neigh.into(),
        set: |s, v| s.fib_multipath_use_neigh = v != 0,
    },
    Typed {
        name: "ip_forward_use_pmtu",
        form: Unsigned(0, 255),
        get: |s| s.ip_forward_use_pmtu.into(),
        set: |s, v| s.ip_forward_use_pmtu = v != 0,
    },
    Typed {
        name: "ip_no_pmtu_disc",
        form: Unsigned(0, 255),
        get: |s| s.ip_no_pmtu_disc.into(),
        set: |s, v| s.ip_no_pmtu_disc = v as u8,
    },
    Typed {
        name: "ip_nonlocal_bind",
        form: Unsigned(0, 255),
        get: |s| s.ip_nonlocal_bind.into(),
        set: |s, v| s.ip_nonlocal_bind = v != 0,
    },
    Typed {
        name: "nexthop_compat_mode",
        form: Unsigned(0, 1),
        get: |s| s.nexthop_compat_mode.into(),
        set: |s, v| s.nexthop_compat_mode = v != 0,
    },
    Typed {
        name: "route/min_adv_mss",
        form: Int(MIN, MAX),
        get: |s| (s.min_adv_mss as i32).into(),
        set: |s, v| s.min_adv_mss = v as u32,
    },
    Typed {
        name: "route/min_pmtu",
        form: Int(68, MAX),
        get: |s| s.min_pmtu.into(),
        set: |s, v| s.min_pmtu = v as u32,
    },
    Typed {
        name: "route/mtu_expires",
        form: Seconds,
        get: |s| (s.mtu_expires as i32).into(),
        set: |s, v| s.mtu_expires = v as u32,
    },
];

const fn e(name: &'static str, default: &'static str, form: Form) -> Entry {
    Entry { name, default, form }
}

/// The setting of `net.bridge` with this name.
pub(super) fn of_bridges(name: &str) -> Option<&'static Entry> {
    OF_BRIDGES.iter().find(|entry| entry.name == name)
}

/// What bridged packets meet of Netfilter (`br_netfilter`).
const OF_BRIDGES: [Entry; 6] = [
    e("bridge-nf-call-arptables", "1", Switch),
    e("bridge-nf-call-ip6tables", "1", Switch),
    e("bridge-nf-call-iptables", "1", Switch),
    e("bridge-nf-filter-pppoe-tagged", "0", Switch),
    e("bridge-nf-filter-vlan-tagged", "0", Switch),
    e("bridge-nf-pass-vlan-input-dev", "0", Switch),
];

/// Sorted by name.
const TEXTS: &[Entry] = &[
    e("fib_notify_on_flag_change", "0", Unsigned(0, 2)),
    e("fwmark_reflect", "0", Unsigned(0, 255)),
    e("icmp_echo_enable_probe", "0", Unsigned(0, 1)),
    e("icmp_echo_ignore_all", "0", Unsigned(0, 1)),
    e("icmp_echo_ignore_broadcasts", "1", Unsigned(0, 1)),
    e("icmp_errors_use_inbound_ifaddr", "0", Unsigned(0, 1)),
    e("icmp_ignore_bogus_error_responses", "1", Unsigned(0, 1)),
    e("icmp_msgs_burst", "50", Int(0, MAX)),
    e("icmp_msgs_per_sec", "1000", Int(0, MAX)),
    e("icmp_ratelimit", "1000", Millis),
    e("icmp_ratemask", "6168", Int(MIN, MAX)),
    e("igmp_link_local_mcast_reports", "1", Unsigned(0, 255)),
    e("igmp_max_memberships", "20", Int(MIN, MAX)),
    e("igmp_max_msf", "10", Int(MIN, MAX)),
    e("igmp_qrv", "2", Int(1, MAX)),
    e("ip_autobind_reuse", "0", Unsigned(0, 1)),
    e("ip_default_ttl", "64", Unsigned(1, 255)),
    e("ip_dynaddr", "0", Unsigned(0, 255)),
    e("ip_early_demux", "1", Unsigned(0, 255)),
    e("ip_forward_update_priority", "1", Unsigned(0, 1)),
    e("ip_local_port_range", "32768\t60999", PortRange),
    e("ip_local_reserved_ports", "", PortSet),
    e("ip_unprivileged_port_start", "1024", FirstPort),
    e("ipfrag_high_thresh", "4194304", FragHigh),
    e("ipfrag_low_thresh", "3145728", FragLow),
    e("ipfrag_max_dist", "64", Int(0, MAX)),
    e("ipfrag_time", "30", Seconds),
    e("ping_group_range", "1\t0", GroupRange),
    e("raw_l3mdev_accept", "1", Unsigned(0, 1)),
    e("tcp_abort_on_overflow", "0", Unsigned(0, 255)),
    e("tcp_adv_win_scale", "1", Int(-31, 31)),
    e("tcp_allowed_congestion_control", "reno cubic", ReadOnly),
    e("tcp_app_win", "31", Unsigned(0, 31)),
    e("tcp_autocorking", "1", Unsigned(0, 1)),
    e("tcp_available_congestion_control", AVAILABLE_CONGESTION_CONTROL, ReadOnly),
    e("tcp_backlog_ack_defer", "1", Unsigned(0, 1)),
    e("tcp_base_mss", "1024", Int(MIN, MAX)),
    e("tcp_challenge_ack_limit", "2147483647", Int(MIN, MAX)),
    e("tcp_child_ehash_entries", "0", Unsigned(0, 16_777_216)),
    e("tcp_comp_sack_delay_ns", "1000000", Unsigned(0, i64::MAX)),
    e("tcp_comp_sack_nr", "44", Unsigned(0, 255)),
    e("tcp_comp_sack_slack_ns", "100000", Unsigned(0, i64::MAX)),
    e("tcp_congestion_control", "cubic", CongestionControl),
    e("tcp_dsack", "1", Unsigned(0, 255)),
    e("tcp_early_demux", "1", Unsigned(0, 255)),
    e("tcp_early_retrans", "3", Unsigned(0, 4)),
    e("tcp_ecn", "2", Unsigned(0, 2)),
    e("tcp_ecn_fallback", "1", Unsigned(0, 1)),
    e("tcp_ecn_option", "2", Unsigned(0, 2)),
    e("tcp_ecn_option_beacon", "3", Unsigned(0, 3)),
    e("tcp_ehash_entries", "-262144", ReadOnly),
    e("tcp_fack", "0", Unsigned(0, 255)),
    e("tcp_fastopen", "1", Int(MIN, MAX)),
    e("tcp_fastopen_blackhole_timeout_sec", "0", Int(0, MAX)),
    e("tcp_fastopen_key", "00000000-00000000-00000000-00000000", FastopenKey),
    e("tcp_fin_timeout", "60", Seconds),
    e("tcp_frto", "2", Unsigned(0, 255)),
    e("tcp_fwmark_accept", "0", Unsigned(0, 255)),
    e("tcp_invalid_ratelimit", "500", Millis),
    e("tcp_keepalive_intvl", "75", Seconds),
    e("tcp_keepalive_probes", "9", Unsigned(0, 255)),
    e("tcp_keepalive_time", "7200", Seconds),
    e("tcp_l3mdev_accept", "0", Unsigned(0, 1)),
    e("tcp_limit_output_bytes", "4194304", Int(MIN, MAX)),
    e("tcp_max_reordering", "300", Int(1, MAX)),
    e("tcp_max_syn_backlog", "2048", Int(MIN, MAX)),
    e("tcp_max_tw_buckets", "131072", Int(MIN, MAX)),
    e("tcp_migrate_req", "0", Unsigned(0, 1)),
    e("tcp_min_rtt_wlen", "300", Int(0, 86400)),
    e("tcp_min_snd_mss", "48", Int(48, 65535)),
    e("tcp_min_tso_segs", "2", Unsigned(1, 255)),
    e("tcp_moderate_rcvbuf", "1", Unsigned(0, 255)),
    e("tcp_mtu_probe_floor", "48", Int(48, 65535)),
    e("tcp_mtu_probing", "0", Unsigned(0, 255)),
    e("tcp_no_metrics_save", "0", Unsigned(0, 255)),
    e("tcp_no_ssthresh_metrics_save", "1", Unsigned(0, 1)),
    e("tcp_notsent_lowat", "4294967295", Unsigned(0, 4_294_967_295)),
    e("tcp_orphan_retries", "0", Unsigned(0, 255)),
    e("tcp_pacing_ca_ratio", "120", Int(0, 1000)),
    e("tcp_pacing_ss_ratio", "200", Int(0, 1000)),
    e("tcp_pingpong_thresh", "1", Unsigned(1, 255)),
    e("tcp_plb_cong_thresh", "128", Int(0, 256)),
    e("tcp_plb_enabled", "0", Unsigned(0, 1)),
    e("tcp_plb_idle_rehash_rounds", "3", Unsigned(0, 31)),
    e("tcp_plb_rehash_rounds", "12", Unsigned(0, 31)),
    e("tcp_plb_suspend_rto_sec", "60", Unsigned(0, 255)),
    e("tcp_probe_interval", "600", Unsigned(0, 17_179_869)),
    e("tcp_probe_threshold", "8", Int(MIN, MAX)),
    e("tcp_recovery", "1", Unsigned(0, 255)),
    e("tcp_reflect_tos", "0", Unsigned(0, 1)),
    e("tcp_reordering", "3", Int(1, 300)),
    e("tcp_retrans_collapse", "1", Unsigned(0, 255)),
    e("tcp_retries1", "3", Unsigned(0, 255)),
    e("tcp_retries2", "15", Unsigned(0, 255)),
    e("tcp_rfc1337", "0", Unsigned(0, 255)),
    e("tcp_rmem", "4096\t131072\t33554432", Triple),
    e("tcp_rto_max_ms", "120000", Int(1000, 120_000)),
    e("tcp_rto_min_us", "200000", Int(1, MAX)),
    e("tcp_sack", "1", Unsigned(0, 255)),
    e("tcp_shrink_window", "0", Unsigned(0, 1)),
    e("tcp_slow_start_after_idle", "1", Unsigned(0, 255)),
    e("tcp_stdurg", "0", Unsigned(0, 255)),
    e("tcp_syn_linear_timeouts", "4", Unsigned(0, 127)),
    e("tcp_syn_retries", "6", Unsigned(1, 127)),
    e("tcp_synack_retries", "5", Unsigned(0, 255)),
    e("tcp_syncookies", "1", Unsigned(0, 255)),
    e("tcp_thin_linear_timeouts", "0", Unsigned(0, 255)),
    e("tcp_timestamps", "1", Unsigned(0, 255)),
    e("tcp_tso_rtt_log", "9", Unsigned(0, 255)),
    e("tcp_tso_win_divisor", "3", Unsigned(0, 255)),
    e("tcp_tw_reuse", "2", Unsigned(0, 2)),
    e("tcp_tw_reuse_delay", "1000", Unsigned(1, 60_000)),
    e("tcp_window_scaling", "1", Unsigned(0, 255)),
    e("tcp_wmem", "4096\t16384\t4194304", Triple),
    e("tcp_workaround_signed_windows", "0", Unsigned(0, 255)),
    e("udp_child_hash_entries", "0", Unsigned(0, 65536)),
    e("udp_early_demux", "1", Unsigned(0, 255)),
    e("udp_hash_entries", "-16384", ReadOnly),
    e("udp_l3mdev_accept", "0", Unsigned(0, 1)),
    e("udp_rmem_min", "4096", Int(1, MAX)),
    e("udp_wmem_min", "4096", Int(1, MAX)),
    e("xfrm4_gc_thresh", "32768", Int(MIN, MAX)),
];
