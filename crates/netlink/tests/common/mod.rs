//! Random messages, of every kind and with every field.
//!
//! Left out are the values that the wire cannot tell from others: an empty
//! list from none, lifetimes of which only one is given, stamps of zero.
#![allow(dead_code)]

use std::net::IpAddr;

use fingerpost_model::*;
use fingerpost_net::{Family, IpPrefix};
use fingerpost_netlink::Message;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

pub fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

pub fn ip_of(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::V4 => any::<[u8; 4]>().prop_map(IpAddr::from).boxed(),
        Family::V6 => any::<[u8; 16]>().prop_map(IpAddr::from).boxed(),
    }
}

pub fn ip() -> BoxedStrategy<IpAddr> {
    family().prop_flat_map(ip_of).boxed()
}

pub fn prefix_of(family: Family) -> impl Strategy<Value = IpPrefix> {
    (ip_of(family), 0..=family.width()).prop_map(|(addr, len)| IpPrefix { addr, len })
}

pub fn text() -> BoxedStrategy<String> {
    "[ -~äλ]{1,15}".boxed()
}

/// Attributes of types that no message knows.
pub fn others() -> BoxedStrategy<Vec<Attr>> {
    let attr = (300u16..0x3fff, any::<bool>(), vec(any::<u8>(), 0..9));
    vec(attr.prop_map(|(kind, nested, data)| Attr { kind: kind | u16::from(nested) << 15, data }), 0..3)
        .boxed()
}

fn lladdr() -> BoxedStrategy<LlAddr> {
    vec(any::<u8>(), 0..33).prop_map(LlAddr).boxed()
}

fn encap() -> BoxedStrategy<Encap> {
    (any::<u16>(), vec(any::<u8>(), 0..20)).prop_map(|(kind, data)| Encap { kind, data }).boxed()
}

pub fn address() -> impl Strategy<Value = AddrMsg> {
    family().prop_flat_map(|family| {
        let first = (
            any::<u32>(),
            0..=family.width(),
            of(ip_of(family)),
            of(ip_of(family)),
            of(any::<[u8; 4]>().prop_map(Into::into)),
            of(text()),
        );
        let second = (
            any::<u8>(),
            any::<u32>(),
            of((any::<u32>(), any::<u32>(), of(any::<[u32; 2]>().prop_filter("stamps", |s| *s != [0, 0])))),
            of(any::<u32>()),
            of(any::<u8>()),
            others(),
        );
        (first, second).prop_map(move |(a, b)| {
            let mut m = AddrMsg::new(family, a.0);
            (m.prefix_len, m.local, m.address, m.broadcast, m.label) = (a.1, a.2, a.3, a.4, a.5);
            (m.scope, m.flags) = (Scope(b.0), IfaFlags(b.1));
            if let Some((preferred, valid, stamps)) = b.2 {
                (m.preferred, m.valid, m.stamps) = (Some(preferred), Some(valid), stamps);
            }
            (m.metric, m.protocol, m.other) = (b.3, b.4, b.5);
            m
        })
    })
}

fn leg() -> BoxedStrategy<NextHopMsg> {
    (any::<u32>(), any::<u8>(), any::<u8>(), of(ip()), of(any::<u32>()), of(encap()), others())
        .prop_map(|(oif, hops, flags, gateway, realms, encap, other)| NextHopMsg {
            oif,
            hops,
            flags: RouteFlags(u32::from(flags)),
            gateway,
            realms,
            encap,
            other,
            ..NextHopMsg::default()
        })
        .boxed()
}

fn metrics() -> BoxedStrategy<Metrics> {
    let value = ((0u8..=255).prop_filter("a name", |&k| k != 16), any::<u32>());
    (vec(value.prop_map(|(k, v)| (MetricKind(k), v)), 0..5), of(text()))
        .prop_map(|(values, congctl)| Metrics { values, congctl })
        .boxed()
}

fn cacheinfo() -> BoxedStrategy<RouteCacheInfo> {
    (any::<[u32; 7]>(), any::<i32>())
        .prop_map(|([refs, last_use, error, used, id, ts, ts_age], expires)| RouteCacheInfo {
            refs,
            last_use,
            expires,
            error,
            used,
            id,
            ts,
            ts_age,
        })
        .boxed()
}

pub fn route() -> impl Strategy<Value = RouteMsg> {
    family().prop_flat_map(|family| {
        let header = (
            of(prefix_of(family)),
            of(prefix_of(family)),
            any::<[u8; 4]>(),
            prop_oneof![0u32..300, any::<u32>()],
            any::<u32>(),
        );
        let hop = (
            of(any::<u32>()),
            of(any::<u32>()),
            of(ip_of(family)),
            of(ip()),
            of(any::<u32>()),
            of(ip_of(family)),
        );
        let more =
            (metrics(), vec(leg(), 0..4), of(any::<u32>()), of(any::<u32>()), of(encap()), of(cacheinfo()));
        let lookup =
            (of(any::<u32>()), of(any::<u32>()), of(any::<u8>()), of(any::<u16>()), of(any::<u16>()));
        let six = (of(any::<u8>()), of(any::<u32>()), of(any::<u32>()), others());
        (header, hop, more, lookup, six).prop_map(move |(h, n, x, l, s)| {
            let mut m = RouteMsg::new(family);
            (m.dst, m.src, m.table, m.flags) = (h.0, h.1, TableId(h.3), RouteFlags(h.4));
            (m.tos, m.protocol, m.scope, m.kind) = (h.2[0], h.2[1], Scope(h.2[2]), RouteType(h.2[3]));
            (m.oif, m.iif, m.gateway, m.via, m.priority, m.prefsrc) = n;
            (m.metrics, m.multipath, m.realms, m.nh_id, m.encap, m.cacheinfo) = x;
            (m.mark, m.uid, m.ip_proto, m.sport, m.dport) = l;
            (m.pref, m.expires, m.flowlabel, m.other) = s;
            m
        })
    })
}

pub fn rule() -> impl Strategy<Value = RuleMsg> {
    family().prop_flat_map(|family| {
        let range = || any::<[u16; 2]>().prop_map(|[start, end]| PortRange { start, end });
        let header = (
            of(prefix_of(family)),
            of(prefix_of(family)),
            any::<[u8; 2]>(),
            prop_oneof![0u32..300, any::<u32>()],
            any::<u32>(),
        );
        let numbers = vec(of(any::<u32>()), 7);
        let signed = (of(any::<i32>()), of(any::<i32>()), of(any::<u64>()), of(any::<[u32; 2]>()));
        let names = (of(text()), of(text()));
        let bytes = vec(of(any::<u8>()), 5);
        let ports = (of(range()), of(range()), of(any::<u16>()), of(any::<u16>()), others());
        (header, numbers, signed, names, bytes, ports).prop_map(move |(h, n, s, names, b, p)| {
            let mut m = RuleMsg::new(family);
            (m.dst, m.src, m.table, m.flags) = (h.0, h.1, TableId(h.3), RuleFlags(h.4));
            (m.tos, m.action) = (h.2[0], RuleAction(h.2[1]));
            (m.priority, m.goto, m.fwmark, m.fwmask) = (n[0], n[1], n[2], n[3]);
            (m.realms, m.flowlabel, m.flowlabel_mask) = (n[4], n[5], n[6]);
            (m.suppress_prefixlen, m.suppress_ifgroup, m.tun_id) = (s.0, s.1, s.2);
            m.uid_range = s.3.map(|[start, end]| UidRange { start, end });
            (m.iifname, m.oifname) = names;
            (m.l3mdev, m.protocol, m.ip_proto, m.dscp, m.dscp_mask) = (b[0], b[1], b[2], b[3], b[4]);
            (m.sport, m.dport, m.sport_mask, m.dport_mask, m.other) = p;
            m
        })
    })
}

pub fn nexthop() -> impl Strategy<Value = NexthopMsg> {
    let member = (any::<u32>(), 1u32..=65536).prop_map(|(id, weight)| NexthopGroupEntry { id, weight });
    let resilient = (of(any::<u16>()), of(any::<u32>()), of(any::<u32>()), of(any::<u64>())).prop_map(
        |(buckets, idle_timer, unbalanced_timer, unbalanced_time)| ResilientGroup {
            buckets,
            idle_timer,
            unbalanced_timer,
            unbalanced_time,
        },
    );
    let bucket = (of(any::<u16>()), of(any::<u64>()), of(any::<u32>()))
        .prop_map(|(index, idle_time, nh_id)| NexthopBucket { index, idle_time, nh_id });
    let header = (any::<u32>(), of(family()), any::<u8>(), any::<u8>(), any::<u32>());
    let rest = (
        of(any::<u32>()),
        of(ip()),
        any::<[bool; 2]>(),
        vec(member, 0..5),
        of(any::<u16>()),
        of(resilient),
        of(bucket),
        of(encap()),
        others(),
    );
    (header, rest).prop_map(|(h, r)| NexthopMsg {
        id: h.0,
        family: h.1,
        scope: Scope(h.2),
        protocol: h.3,
        flags: RouteFlags(h.4),
        oif: r.0,
        gateway: r.1,
        blackhole: r.2[0],
        fdb: r.2[1],
        group: r.3,
        group_type: r.4,
        resilient: r.5,
        bucket: r.6,
        encap: r.7,
        other: r.8,
    })
}

pub fn neighbour() -> impl Strategy<Value = NeighMsg> {
    family().prop_flat_map(|family| {
        let fixed = (any::<u32>(), any::<u16>(), any::<u32>(), any::<u8>());
        let rest = (
            of(ip_of(family)),
            of(lladdr()),
            of(any::<u32>()),
            of(any::<[u32; 4]>()),
            of(any::<u8>()),
            others(),
        );
        (fixed, rest).prop_map(move |(f, r)| {
            let mut m = NeighMsg::new(family, f.0);
            (m.state, m.flags, m.kind) = (NeighState(f.1), NeighFlags(f.2), RouteType(f.3));
            (m.dst, m.lladdr, m.probes, m.cacheinfo, m.protocol, m.other) = r;
            m
        })
    })
}

pub fn netconf() -> impl Strategy<Value = NetconfMsg> {
    (family(), any::<i32>(), vec(of(any::<i32>()), 6), others()).prop_map(|(family, index, v, other)| {
        NetconfMsg {
            family,
            index,
            forwarding: v[0],
            rp_filter: v[1],
            mc_forwarding: v[2],
            bc_forwarding: v[3],
            proxy_neigh: v[4],
            ignore_routes_with_linkdown: v[5],
            other,
        }
    })
}

pub fn addr_label() -> impl Strategy<Value = AddrLabelMsg> {
    family().prop_flat_map(|family| {
        let all = (of(prefix_of(family)), any::<u32>(), of(any::<u32>()), any::<u32>(), others());
        all.prop_map(move |(prefix, index, label, sequence, other)| AddrLabelMsg {
            family,
            prefix,
            index,
            label,
            sequence,
            other,
        })
    })
}

pub fn mroute() -> impl Strategy<Value = MrouteMsg> {
    family().prop_flat_map(|family| {
        let oif = (any::<u32>(), any::<u8>()).prop_map(|(dev, ttl)| MrouteOif { dev, ttl });
        let ends = (of(ip_of(family)), of(ip_of(family)), of(any::<u32>()), of(vec(oif, 0..5)));
        let rest =
            (any::<u32>(), any::<u8>(), any::<bool>(), of(any::<[u64; 3]>()), of(any::<u64>()), others());
        (ends, rest).prop_map(move |((src, dst, iif, oifs), rest)| {
            let (table, protocol, unresolved, stats, age, other) = rest;
            let table = TableId(table);
            MrouteMsg { family, table, src, dst, protocol, unresolved, iif, oifs, stats, age, other }
        })
    })
}

pub fn mroute_table() -> impl Strategy<Value = MrouteTableMsg> {
    let vif = (any::<[u32; 4]>(), any::<u16>(), any::<[u64; 4]>());
    let vif = vif.prop_map(|([id, dev, local, remote], flags, counts)| MrouteVif {
        id,
        dev,
        flags,
        counts,
        local,
        remote,
    });
    let all = (any::<u32>(), any::<u32>(), of(any::<i32>()), any::<[bool; 3]>(), vec(vif, 0..4), others());
    all.prop_map(|(table, waiting, register, [assert, pim, whole], vifs, other)| MrouteTableMsg {
        table: TableId(table),
        waiting,
        register,
        assert,
        pim,
        whole,
        vifs,
        other,
    })
}

fn info(depth: u32) -> BoxedStrategy<LinkInfo> {
    let peer = if depth == 0 { Just(None).boxed() } else { of(link_at(0).prop_map(Box::new)).boxed() };
    let raw = prop_oneof![Just("bridge"), Just("vxlan"), Just("wireguard"), Just("")];
    let of_kind = prop_oneof![
        (raw, others()).prop_map(|(kind, data)| LinkInfo { kind: kind.into(), data, ..LinkInfo::default() }),
        of(any::<u32>()).prop_map(|vrf_table| LinkInfo {
            kind: "vrf".into(),
            vrf_table,
            ..LinkInfo::default()
        }),
        (of(any::<u16>()), of(any::<u16>()), others()).prop_map(|(vlan_id, vlan_protocol, data)| LinkInfo {
            kind: "vlan".into(),
            vlan_id,
            vlan_protocol,
            data,
            ..LinkInfo::default()
        }),
        of(any::<u32>()).prop_map(|mode| LinkInfo { kind: "macvlan".into(), mode, ..LinkInfo::default() }),
        of(any::<u16>().prop_map(u32::from)).prop_map(|mode| LinkInfo {
            kind: "ipvlan".into(),
            mode,
            ..LinkInfo::default()
        }),
        (of(any::<u32>()), of(any::<u32>()), of(any::<u8>()), vec(of(any::<bool>()), 4), others()).prop_map(
            |(tun_owner, tun_group, tun_type, f, data)| LinkInfo {
                kind: "tun".into(),
                tun_owner,
                tun_group,
                tun_type,
                tun_pi: f[0],
                tun_vnet_hdr: f[1],
                tun_persist: f[2],
                tun_multi_queue: f[3],
                data,
                ..LinkInfo::default()
            }
        ),
        peer.prop_map(|peer| LinkInfo { kind: "veth".into(), peer, ..LinkInfo::default() }),
    ];
    (of_kind, of(prop_oneof![Just("vrf"), Just("bond")]), others())
        .prop_map(|(mut info, slave_kind, slave_data)| {
            info.slave_kind = slave_kind.map(str::to_string);
            info.slave_data = slave_data;
            info
        })
        .boxed()
}

pub fn link() -> BoxedStrategy<LinkMsg> {
    link_at(1)
}

fn link_at(depth: u32) -> BoxedStrategy<LinkMsg> {
    let fixed = (any::<u32>(), any::<u16>(), any::<u32>(), any::<u32>());
    let texts = (of(text()), of(text()), of(text()), vec(text(), 0..3));
    let hardware = (of(lladdr()), of(lladdr()), of(lladdr()));
    let numbers = vec(of(any::<u32>()), 18);
    let bytes = vec(of(any::<u8>()), 3);
    let stats = of((any::<[u64; 6]>(), any::<[u64; 6]>()).prop_map(|(rx, tx)| LinkStats { rx, tx }));
    let rest = (of(any::<u32>().prop_map(NsRef::Pid)), of(any::<i32>()), stats, of(info(depth)), others());
    let port = of(any::<u8>().prop_map(|state| BridgePort { state }));
    (fixed, texts, hardware, numbers, bytes, rest, port)
        .prop_map(|(f, t, h, n, b, r, port)| {
            let mut m = LinkMsg {
                index: f.0,
                arp_type: f.1,
                flags: LinkFlags(f.2),
                change: LinkFlags(f.3),
                mtu: n[0],
                txqlen: n[1],
                group: n[2],
                master: n[3],
                link: n[4],
                promiscuity: n[5],
                allmulti: n[6],
                min_mtu: n[7],
                max_mtu: n[8],
                num_tx_queues: n[9],
                num_rx_queues: n[10],
                gso_max_size: n[11],
                gso_max_segs: n[12],
                tso_max_size: n[13],
                tso_max_segs: n[14],
                gro_max_size: n[15],
                gso_ipv4_max_size: n[16],
                gro_ipv4_max_size: n[17],
                operstate: b[0],
                linkmode: b[1],
                carrier: b[2],
                netns: r.0,
                link_netnsid: r.1,
                stats: r.2,
                info: r.3,
                other: r.4,
                ..LinkMsg::default()
            };
            (m.name, m.qdisc, m.alias, m.altnames) = t;
            (m.address, m.broadcast, m.perm_address) = h;
            if let (Some(info), Some(port)) = (&mut m.info, port) {
                info.slave_kind = Some("bridge".into());
                m.bridge_port = Some(port);
            }
            m
        })
        .boxed()
}

pub fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        link().prop_map(Message::Link).boxed(),
        address().prop_map(Message::Address).boxed(),
        route().prop_map(Message::Route).boxed(),
        rule().prop_map(Message::Rule).boxed(),
        nexthop().prop_map(Message::Nexthop).boxed(),
        neighbour().prop_map(Message::Neighbour).boxed(),
        netconf().prop_map(Message::Netconf).boxed(),
        addr_label().prop_map(Message::AddrLabel).boxed(),
        mroute().prop_map(Message::Mroute).boxed(),
        mroute_table().prop_map(Message::MrouteTable).boxed(),
    ]
}
