//! `net.ipv6` settings that steer routing and addresses, as data.

/// Describes one entry of `net.ipv6.conf.DEV` for reading and writing by name.
#[derive(Clone, Copy)]
pub struct ConfEntry6 {
    /// The file's name.
    pub name: &'static str,
    /// Reads the field.
    pub get: fn(&DevConf6) -> i64,
    /// Sets the field.
    pub set: fn(&mut DevConf6, i64),
}

macro_rules! dev_conf6 {
    ($($field:ident = $default:literal;)*) => {
        /// `net.ipv6.conf.DEV`: settings of one device, of `all`, or of `default`.
        /// The names are those of the files.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub struct DevConf6 {
            $(pub $field: i64,)*
        }

        impl Default for DevConf6 {
            fn default() -> Self { DevConf6 { $($field: $default,)* } }
        }

        impl DevConf6 {
            /// Every entry but `stable_secret`, in the order in which `/proc/sys` lists them.
            pub const ENTRIES: &'static [ConfEntry6] = &[
                $(ConfEntry6 { name: stringify!($field), get: |c| c.$field, set: |c, v| c.$field = v },)*
            ];
        }
    };
}

dev_conf6! {
    accept_dad = 1;
    accept_ra = 1;
    accept_ra_defrtr = 1;
    accept_ra_from_local = 0;
    accept_ra_min_hop_limit = 1;
    accept_ra_min_lft = 0;
    accept_ra_mtu = 1;
    accept_ra_pinfo = 1;
    accept_ra_rt_info_max_plen = 0;
    accept_ra_rt_info_min_plen = 0;
    accept_ra_rtr_pref = 1;
    accept_redirects = 1;
    accept_source_route = 0;
    accept_untracked_na = 0;
    addr_gen_mode = 0;
    autoconf = 1;
    dad_transmits = 1;
    disable_ipv6 = 0;
    disable_policy = 0;
    drop_unicast_in_l2_multicast = 0;
    drop_unsolicited_na = 0;
    enhanced_dad = 1;
    force_forwarding = 0;
    force_mld_version = 0;
    force_tllao = 0;
    forwarding = 0;
    hop_limit = 64;
    ignore_routes_with_linkdown = 0;
    ioam6_enabled = 0;
    ioam6_id = 65535;
    ioam6_id_wide = 4294967295;
    keep_addr_on_down = 0;
    max_addresses = 16;
    max_desync_factor = 600;
    mc_forwarding = 0;
    mldv1_unsolicited_report_interval = 10000;
    mldv2_unsolicited_report_interval = 1000;
    mtu = 1280;
    ndisc_evict_nocarrier = 1;
    ndisc_notify = 0;
    ndisc_tclass = 0;
    optimistic_dad = 0;
    proxy_ndp = 0;
    ra_defrtr_metric = 1024;
    ra_honor_pio_life = 0;
    ra_honor_pio_pflag = 0;
    regen_max_retry = 3;
    regen_min_advance = 2;
    router_probe_interval = 60;
    router_solicitation_delay = 1;
    router_solicitation_interval = 4;
    router_solicitation_max_interval = 3600;
    router_solicitations = -1;
    rpl_seg_enabled = 0;
    seg6_enabled = 0;
    seg6_require_hmac = 0;
    suppress_frag_ndisc = 1;
    temp_prefered_lft = 86400;
    temp_valid_lft = 604800;
    use_oif_addrs_only = 0;
    use_optimistic = 0;
    use_tempaddr = 0;
}

/// `net.ipv6` settings that are not per device, as far as routing looks at them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ipv6Sysctls {
    /// `conf.all`.
    pub all: DevConf6,
    /// `conf.default`: what new devices start with.
    pub default: DevConf6,
    /// What the multipath hash covers: 0 to 3 (C-300).
    pub fib_multipath_hash_policy: u8,
    /// Fields of policy 3.
    pub fib_multipath_hash_fields: u32,
}

impl Default for Ipv6Sysctls {
    fn default() -> Self {
        Ipv6Sysctls {
            all: DevConf6 { accept_dad: 0, ..DevConf6::default() },
            default: DevConf6::default(),
            fib_multipath_hash_policy: 0,
            fib_multipath_hash_fields: 7,
        }
    }
}
