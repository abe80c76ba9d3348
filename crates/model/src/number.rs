//! Numbers with names: what rtnetlink's small integers mean.
//!
//! They are newtypes over the wire's integer rather than enums, since the
//! kernel stores and returns values outside the named ones.

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident: $int:ty { $($(#[$cdoc:meta])* $const:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$cdoc])* pub const $const: $name = $name($value);)*

            /// The name that iproute2 prints and accepts without any configuration file.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some($text),)* _ => None }
            }

            /// The value with this exact name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some($name($value)),)* _ => None }
            }
        }
    };
}

macro_rules! flags {
    ($(#[$doc:meta])* $name:ident: $int:ty { $($(#[$cdoc:meta])* $const:ident = $value:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$cdoc])* pub const $const: $name = $name($value);)*

            /// Whether every bit of `other` is set.
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
            /// Whether any bit of `other` is set.
            pub const fn any(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }
            /// These bits and those of `other`.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                $name(self.0 | other.0)
            }
            /// These bits but for those of `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                $name(self.0 & !other.0)
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }
    };
}

number! {
    /// A routing table's 32-bit id (C-001).
    TableId: u32 {
        /// 0: in a route request, the main table (C-002).
        UNSPEC = 0, "unspec";
        /// 252: the placeholder in 8-bit fields for ids of 256 and above (C-003).
        COMPAT = 252, "compat";
        /// 253: searched last.
        DEFAULT = 253, "default";
        /// 254: connected routes and those of users.
        MAIN = 254, "main";
        /// 255: local and broadcast addresses.
        LOCAL = 255, "local";
    }
}

number! {
    /// A route's type, `RTN_*`.
    RouteType: u8 {
        /// Not given.
        UNSPEC = 0, "none";
        /// Sent to a gateway or a neighbour.
        UNICAST = 1, "unicast";
        /// Delivered to this host.
        LOCAL = 2, "local";
        /// Sent as link broadcast, accepted as such.
        BROADCAST = 3, "broadcast";
        /// Sent as unicast, refused on input (C-140, C-200).
        ANYCAST = 4, "anycast";
        /// A multicast destination.
        MULTICAST = 5, "multicast";
        /// Dropped in silence, `EINVAL` to senders.
        BLACKHOLE = 6, "blackhole";
        /// `EHOSTUNREACH`, ICMP host unreachable.
        UNREACHABLE = 7, "unreachable";
        /// `EACCES`, ICMP administratively prohibited.
        PROHIBIT = 8, "prohibit";
        /// Ends the search of this table; the next rule is tried.
        THROW = 9, "throw";
        /// Historic.
        NAT = 10, "nat";
        /// Historic.
        XRESOLVE = 11, "xresolve";
    }
}

impl RouteType {
    /// The types that lead nowhere, but for the historic ones.
    pub const ERRORS: [RouteType; 4] =
        [RouteType::BLACKHOLE, RouteType::UNREACHABLE, RouteType::PROHIBIT, RouteType::THROW];
}

number! {
    /// How far a destination is: a numerically larger scope is nearer (`RT_SCOPE_*`).
    Scope: u8 {
        /// Anywhere.
        UNIVERSE = 0, "global";
        /// Interior of an autonomous system.
        SITE = 200, "site";
        /// On a link.
        LINK = 253, "link";
        /// On this host.
        HOST = 254, "host";
        /// Does not exist.
        NOWHERE = 255, "nowhere";
    }
}

number! {
    /// What a policy rule does when it matches, `FR_ACT_*`.
    RuleAction: u8 {
        /// Accepted by the kernel and then behaves as blackhole (C-102).
        UNSPEC = 0, "unspec";
        /// Look up in a table.
        TO_TABLE = 1, "to_tbl";
        /// Continue at another priority.
        GOTO = 2, "goto";
        /// Continue with the next rule.
        NOP = 3, "nop";
        /// End with `EINVAL`.
        BLACKHOLE = 6, "blackhole";
        /// End with `ENETUNREACH`.
        UNREACHABLE = 7, "unreachable";
        /// End with `EACCES`.
        PROHIBIT = 8, "prohibit";
    }
}

number! {
    /// A route metric's number, `RTAX_*`.
    MetricKind: u8 {
        /// Bit mask of locked metrics.
        LOCK = 1, "lock";
        /// Path MTU in bytes.
        MTU = 2, "mtu";
        /// Largest window to advertise, in bytes.
        WINDOW = 3, "window";
        /// Round-trip time, in eighths of a millisecond.
        RTT = 4, "rtt";
        /// Its variance, in quarters of a millisecond.
        RTTVAR = 5, "rttvar";
        /// Slow start threshold in segments.
        SSTHRESH = 6, "ssthresh";
        /// Congestion window clamp in segments.
        CWND = 7, "cwnd";
        /// Advertised MSS in bytes.
        ADVMSS = 8, "advmss";
        /// Reordering tolerance in segments.
        REORDERING = 9, "reordering";
        /// Hop limit of packets sent.
        HOPLIMIT = 10, "hoplimit";
        /// Initial congestion window in segments.
        INITCWND = 11, "initcwnd";
        /// Feature bits (ECN 1, …).
        FEATURES = 12, "features";
        /// Smallest retransmission timeout in milliseconds.
        RTO_MIN = 13, "rto_min";
        /// Initial receive window in segments.
        INITRWND = 14, "initrwnd";
        /// Quick acknowledgements.
        QUICKACK = 15, "quickack";
        /// Congestion control (a name on the wire).
        CC_ALGO = 16, "congctl";
        /// Fast open without cookie.
        FASTOPEN_NO_COOKIE = 17, "fastopen_no_cookie";
    }
}

/// Well-known values of the `protocol` field of routes, rules and nexthops (`RTPROT_*`).
pub mod proto {
    /// Unknown.
    pub const UNSPEC: u8 = 0;
    /// Made by an ICMP redirect.
    pub const REDIRECT: u8 = 1;
    /// Made by the kernel.
    pub const KERNEL: u8 = 2;
    /// Made by an administrator, `ip route`'s default.
    pub const BOOT: u8 = 3;
    /// Made by an administrator to override dynamic routing.
    pub const STATIC: u8 = 4;
}

flags! {
    /// Route and next-hop flags, `RTM_F_*` and `RTNH_F_*`, which share one 32-bit field.
    RouteFlags: u32 {
        /// The next hop is dead.
        DEAD = 1;
        /// Recursive gateway lookup (historic).
        PERVASIVE = 2;
        /// The gateway is on the link whatever the addresses say.
        ONLINK = 4;
        /// Offloaded to hardware.
        OFFLOAD = 8;
        /// The device has no carrier.
        LINKDOWN = 16;
        /// Waiting for resolution (multicast routing).
        UNRESOLVED = 32;
        /// Hardware traps.
        TRAP = 64;
        /// Notify of changes.
        NOTIFY = 0x100;
        /// The answer of a lookup rather than a table entry.
        CLONED = 0x200;
        /// Multipath equalizer (historic).
        EQUALIZE = 0x400;
        /// Prefix addresses.
        PREFIX = 0x800;
        /// Report the table of the lookup.
        LOOKUP_TABLE = 0x1000;
        /// Report the matched entry rather than the answer.
        FIB_MATCH = 0x2000;
        /// Offloaded.
        RTM_OFFLOAD = 0x4000;
        /// Trapped.
        RTM_TRAP = 0x8000;
        /// Somebody asked to be notified of changes of this cached decision (`RTCF_NOTIFY`).
        CACHE_NOTIFY = 0x1_0000;
        /// A redirect would be sent (`RTCF_DOREDIRECT`).
        DOREDIRECT = 0x0100_0000;
        /// Directly connected destination (`RTCF_DIRECTDST`).
        DIRECTDST = 0x2_0000;
        /// Learned from a redirect (`RTCF_REDIRECTED`).
        REDIRECTED = 0x4_0000;
        /// A broadcast destination (`RTCF_BROADCAST`).
        BROADCAST = 0x1000_0000;
        /// A multicast destination (`RTCF_MULTICAST`); also `RTM_F_OFFLOAD_FAILED` (T-18).
        MULTICAST = 0x2000_0000;
        /// An error decision (`RTCF_REJECT`).
        REJECT = 0x4000_0000;
        /// Delivered locally (`RTCF_LOCAL`).
        LOCAL = 0x8000_0000;
    }
}

flags! {
    /// Rule flags, `FIB_RULE_*`.
    RuleFlags: u32 {
        /// Cannot be deleted (C-125).
        PERMANENT = 1;
        /// The selectors are negated (`not`).
        INVERT = 2;
        /// The goto target does not exist.
        UNRESOLVED = 4;
        /// No device has the `iif` name.
        IIF_DETACHED = 8;
        /// No device has the `oif` name.
        OIF_DETACHED = 16;
        /// Of a packet that has no source yet the one that it would get is compared (C-301).
        FIND_SOURCE = 0x1_0000;
    }
}

flags! {
    /// Device flags, `IFF_*`.
    LinkFlags: u32 {
        /// Administratively up.
        UP = 1;
        /// Can broadcast.
        BROADCAST = 2;
        /// Debugging.
        DEBUG = 4;
        /// A loopback device.
        LOOPBACK = 8;
        /// Point to point.
        POINTOPOINT = 0x10;
        /// No trailers.
        NOTRAILERS = 0x20;
        /// Operational.
        RUNNING = 0x40;
        /// Never resolves neighbours.
        NOARP = 0x80;
        /// Receives everything.
        PROMISC = 0x100;
        /// Receives all multicast.
        ALLMULTI = 0x200;
        /// Master of a load balancer.
        MASTER = 0x400;
        /// Slave of a load balancer.
        SLAVE = 0x800;
        /// Multicast capable.
        MULTICAST = 0x1000;
        /// Media selection.
        PORTSEL = 0x2000;
        /// Media automatic.
        AUTOMEDIA = 0x4000;
        /// Dynamic addresses.
        DYNAMIC = 0x8000;
        /// Carrier.
        LOWER_UP = 0x1_0000;
        /// Dormant.
        DORMANT = 0x2_0000;
        /// Echoes what is sent.
        ECHO = 0x4_0000;
    }
}

flags! {
    /// Address flags, `IFA_F_*`.
    IfaFlags: u32 {
        /// Secondary (IPv4) or temporary (IPv6).
        SECONDARY = 1;
        /// No duplicate address detection.
        NODAD = 2;
        /// Optimistic.
        OPTIMISTIC = 4;
        /// Duplicate detection failed.
        DADFAILED = 8;
        /// Home address.
        HOMEADDRESS = 0x10;
        /// Preferred lifetime is over.
        DEPRECATED = 0x20;
        /// Not yet usable.
        TENTATIVE = 0x40;
        /// No lifetime.
        PERMANENT = 0x80;
        /// Temporary addresses are made from it.
        MANAGETEMPADDR = 0x100;
        /// No connected route is made.
        NOPREFIXROUTE = 0x200;
        /// Multicast membership is joined.
        MCAUTOJOIN = 0x400;
        /// Stable privacy.
        STABLE_PRIVACY = 0x800;
    }
}

flags! {
    /// Neighbour states, `NUD_*`: bits, of which an entry has at most one.
    NeighState: u16 {
        /// Being resolved.
        INCOMPLETE = 0x01;
        /// Confirmed recently.
        REACHABLE = 0x02;
        /// Valid, not confirmed recently.
        STALE = 0x04;
        /// About to be probed.
        DELAY = 0x08;
        /// Being probed.
        PROBE = 0x10;
        /// Resolution failed.
        FAILED = 0x20;
        /// Needs no resolution.
        NOARP = 0x40;
        /// Set by an administrator.
        PERMANENT = 0x80;
        /// The states in which the link-layer address may be used (C-054).
        VALID = 0x80 | 0x40 | 0x02 | 0x10 | 0x04 | 0x08;
    }
}

impl NeighState {
    /// iproute2's name of a single state; `None` for 0 (`none`) and mixtures.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x01 => "INCOMPLETE",
            0x02 => "REACHABLE",
            0x04 => "STALE",
            0x08 => "DELAY",
            0x10 => "PROBE",
            0x20 => "FAILED",
            0x40 => "NOARP",
            0x80 => "PERMANENT",
            _ => return None,
        })
    }
}

flags! {
    /// Neighbour flags, `NTF_*`.
    NeighFlags: u32 {
        /// In use.
        USE = 0x01;
        /// Own.
        SELF = 0x02;
        /// Of the master device.
        MASTER = 0x04;
        /// A proxy entry.
        PROXY = 0x08;
        /// Learned by a control plane.
        EXT_LEARNED = 0x10;
        /// Offloaded.
        OFFLOADED = 0x20;
        /// Sticky.
        STICKY = 0x40;
        /// A router.
        ROUTER = 0x80;
        /// Asked for again and again (`NTF_EXT_MANAGED`).
        MANAGED = 0x100;
        /// Not to be forgotten (`NTF_EXT_LOCKED`).
        LOCKED = 0x200;
    }
}

/// A preference label of RFC 6724 (`ip addrlabel`), reserved for IPv6.
pub type AddrLabel = u32;
