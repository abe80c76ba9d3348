//! `net.ipv4` settings that steer routing, as data.

/// Describes one entry of `net.ipv4.conf.DEV` for reading and writing by name.
#[derive(Clone, Copy)]
pub struct ConfEntry {
    /// The file's name.
    pub name: &'static str,
    /// Reads the field.
    pub get: fn(&DevConf) -> i32,
    /// Sets the field.
    pub set: fn(&mut DevConf, i32),
}

macro_rules! dev_conf {
    ($($(#[$doc:meta])* $field:ident = $default:literal;)*) => {
        /// `net.ipv4.conf.DEV`: integer settings of one device, of `all`, or of `default`.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct DevConf {
            $($(#[$doc])* pub $field: i32,)*
            /// Which entries were set for themselves, by position in [`DevConf::ENTRIES`]:
            /// a later change of `conf.default` leaves those alone. Configuring an
            /// address sets all bits (`ipv4_devconf_setall`).
            pub explicit: u64,
        }

        impl Default for DevConf {
            fn default() -> Self { DevConf { $($field: $default,)* explicit: 0 } }
        }

        impl DevConf {
            /// Every entry, in the order in which `/proc/sys` lists them.
            pub const ENTRIES: &'static [ConfEntry] = &[
                $(ConfEntry { name: stringify!($field), get: |c| c.$field, set: |c, v| c.$field = v },)*
            ];
        }
    };
}

dev_conf! {
    /// Packets with an own source are taken (OR).
    accept_local = 0;
    /// ICMP redirects are believed.
    accept_redirects = 1;
    /// Source-routed packets are taken (AND).
    accept_source_route = 1;
    /// Gratuitous ARP creates entries.
    arp_accept = 0;
    /// Sender address of ARP requests.
    arp_announce = 0;
    /// Neighbours are forgotten on carrier loss.
    arp_evict_nocarrier = 1;
    /// ARP replies only when the source is routed by this device (OR).
    arp_filter = 0;
    /// Which ARP requests are ignored.
    arp_ignore = 0;
    /// Gratuitous ARP on address or device changes.
    arp_notify = 0;
    /// Broadcasts to routed subnets are forwarded (AND).
    bc_forwarding = 0;
    /// Historic.
    bootp_relay = 0;
    /// IPsec policy does not apply (OR).
    disable_policy = 0;
    /// IPsec encryption does not apply.
    disable_xfrm = 0;
    /// Gratuitous ARP is dropped.
    drop_gratuitous_arp = 0;
    /// Unicast in link-layer multicast is dropped (OR).
    drop_unicast_in_l2_multicast = 0;
    /// IGMP version.
    force_igmp_version = 0;
    /// Packets are forwarded; the ingress device decides (T-24).
    forwarding = 0;
    /// IGMPv2 report interval in milliseconds.
    igmpv2_unsolicited_report_interval = 10000;
    /// IGMPv3 report interval in milliseconds.
    igmpv3_unsolicited_report_interval = 1000;
    /// Hops without carrier are skipped (OR; C-018).
    ignore_routes_with_linkdown = 0;
    /// Martian packets are logged (OR).
    log_martians = 0;
    /// Multicast is forwarded; set by a multicast routing daemon (AND).
    mc_forwarding = 0;
    /// Medium identifier for proxy ARP.
    medium_id = 0;
    /// A secondary takes a deleted primary's place (OR; C-083).
    promote_secondaries = 0;
    /// Proxy ARP (OR).
    proxy_arp = 0;
    /// Proxy ARP back to the same device.
    proxy_arp_pvlan = 0;
    /// 127/8 is routed like any other (OR).
    route_localnet = 0;
    /// Reverse-path filter: 0 off, 1 strict, 2 loose (MAX; C-212).
    rp_filter = 0;
    /// Redirects only to listed gateways (OR).
    secure_redirects = 1;
    /// Redirects are sent (OR).
    send_redirects = 1;
    /// Several subnets share the medium (OR).
    shared_media = 1;
    /// The packet's mark counts in reverse lookups (OR; C-213).
    src_valid_mark = 0;
    /// A number for use by others.
    tag = 0;
}

/// `net.ipv4` settings that are not per device.
#[derive(Clone, Debug, PartialEq)]
pub struct Ipv4Sysctls {
    /// `conf.all`.
    pub all: DevConf,
    /// `conf.default`: what new devices start with.
    pub default: DevConf,
    /// What the multipath hash covers: 0 to 3 (C-056 to C-059).
    pub fib_multipath_hash_policy: u8,
    /// Fields of policy 3.
    pub fib_multipath_hash_fields: u32,
    /// Seed of the multipath hash; 0 is random and so unknown (C-061).
    pub fib_multipath_hash_seed: u32,
    /// Hops with a bad neighbour are skipped (C-054).
    pub fib_multipath_use_neigh: bool,
    /// Non-local addresses may be bound.
    pub ip_nonlocal_bind: bool,
    /// Dumps of routes over nexthop objects show the expanded hops too (C-065).
    pub nexthop_compat_mode: bool,
    /// Lowest path MTU, bytes (C-147).
    pub min_pmtu: u32,
    /// Lifetime of a learned path MTU, seconds (C-147).
    pub mtu_expires: u32,
    /// Smallest advertised MSS, bytes.
    pub min_adv_mss: u32,
    /// Path MTU discovery: 0 to 3 (C-148).
    pub ip_no_pmtu_disc: u8,
    /// Forwarding honours learned path MTUs (C-234).
    pub ip_forward_use_pmtu: bool,
    /// Other settings by path below `/proc/sys/net` with their text.
    pub other: std::collections::BTreeMap<String, String>,
}

impl Default for Ipv4Sysctls {
    fn default() -> Self {
        Ipv4Sysctls {
            all: DevConf { accept_source_route: 0, ..DevConf::default() },
            default: DevConf::default(),
            fib_multipath_hash_policy: 0,
            fib_multipath_hash_fields: 7,
            fib_multipath_hash_seed: 0,
            fib_multipath_use_neigh: false,
            ip_nonlocal_bind: false,
            nexthop_compat_mode: true,
            min_pmtu: 552,
            mtu_expires: 600,
            min_adv_mss: 256,
            ip_no_pmtu_disc: 0,
            ip_forward_use_pmtu: false,
            other: std::collections::BTreeMap::new(),
        }
    }
}
