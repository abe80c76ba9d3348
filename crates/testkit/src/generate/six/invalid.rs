//! IPv6 commands that are wrong: refused by the kernel, or by `ip` itself.

use super::Gen;

/// Wrong whatever the script has built.
const FIXED: &[&str] = &[
    "ip -6 route add",
    "ip -6 route add 2001:db8::/129 dev lo",
    "ip -6 route add 2001:db8:::1 dev lo",
    "ip -6 route add 10.0.0.0/8 dev lo",
    "ip -4 route add 2001:db8::/32 dev lo",
    "ip -6 route add 2001:db8:77::/48 via 10.0.0.1",
    "ip -6 route add 2001:db8:77::/48 dev nosuch",
    "ip -6 route add 2001:db8:77::/48 nexthop via fe80::1",
    "ip -6 route add 2001:db8:77::/48 nexthop",
    "ip -6 route add 2001:db8:77::/48 nhid 4000",
    "ip -6 route add 2001:db8:77::/48 from 2001:db8::/32 nhid 1",
    "ip -6 route add 2001:db8:77::/48 via fe80::1",
    "ip -6 route add 2001:db8:77::/48 via ff02::1 dev lo",
    "ip -6 route add 2001:db8:77::/48 via :: dev lo",
    "ip -6 route add 2001:db8:77::/48 via ::1",
    "ip -6 route add 2001:db8:77::/48 via ::1 dev lo",
    "ip -6 route add 2001:db8:77::/48 via inet 10.0.0.1 dev lo",
    "ip -6 route add 2001:db8:77::/48 dev lo pref highest",
    "ip -6 route add 2001:db8:77::/48 dev lo pref 9",
    "ip -6 route add 2001:db8:77::/48 dev lo tos 0x10",
    "ip -6 route add 2001:db8:77::/48 dev lo expires x",
    "ip -6 route add 2001:db8:77::/48 dev lo src 2001:db8:dead::1",
    "ip -6 route add 2001:db8:77::/48 dev lo src 10.0.0.1",
    "ip -6 route add 2001:db8:77::/48 dev lo table 99999999999",
    "ip -6 route add 2001:db8:77::/48 dev lo encap nosuch",
    "ip -6 route add 2001:db8:77::/48 dev lo hoplimit 300",
    "ip -6 route add broadcast 2001:db8:77::/48 dev lo",
    "ip -6 route add default onlink dev lo via 2001:db8::1",
    "ip -6 route add default",
    "ip -6 route add unreachable default metric 4294967295 dev lo",
    "ip -6 route add 2001:db8:77::/48 via 2001:db8:dead::1 onlink",
    "ip -6 route del 2001:db8:dead::/48",
    "ip -6 route del 2001:db8:dead::/48 table 987",
    "ip -6 route del default dev nosuch",
    "ip -6 route change 2001:db8:dead::/48 dev lo",
    "ip -6 route get",
    "ip -6 route get default",
    "ip -6 route get 10.0.0.1",
    "ip -6 route get 2001:db8::1 from 10.0.0.1",
    "ip -6 route get 2001:db8::1 iif nosuch",
    "ip -6 route get 2001:db8::1 oif nosuch",
    "ip -6 route get 2001:db8::1/64 from 2001:db8::/64",
    "ip -6 route get 2001:db8::1 ipproto 200",
    "ip -6 route get fibmatch",
    "ip -6 route get 2001:db8::1 vrf lo",
    "ip -6 route show table 987",
    "ip -6 route show table nosuch",
    "ip -6 route show dev nosuch",
    "ip -6 route show exact 10.0.0.0/8",
    "ip -6 route flush",
    "ip -6 route nosuch",
    "ip -6 rule add from 10.0.0.0/8 table 5",
    "ip rule add from 2001:db8::/32 table 5",
    "ip -6 rule add from 2001:db8::/129 table 5",
    "ip -6 rule add goto 1 pref 5",
    "ip -6 rule add table 0",
    "ip -6 rule add tos 0x11 table 5",
    "ip -6 rule del pref 987",
    "ip -6 rule del from 2001:db8:dead::/48",
    "ip -6 rule show nosuch",
    "ip -6 addr add 10.0.0.1/8 dev lo",
    "ip -6 addr add 2001:db8::1/129 dev lo",
    "ip addr add 2001:db8::1/64",
    "ip addr add 2001:db8::1/64 dev nosuch",
    "ip addr add ff02::5/64 dev lo",
    "ip addr add ::/64 dev lo",
    "ip addr add ::1/128 dev lo",
    "ip addr add 2001:db8::1/64 dev lo valid_lft 5 preferred_lft 6",
    "ip addr add 2001:db8::1/64 dev lo valid_lft 0",
    "ip addr add 2001:db8::1/64 dev lo broadcast +",
    "ip addr add 2001:db8::1/64 dev lo autojoin",
    "ip addr add 2001:db8::1/64 dev lo mngtmpaddr noprefixroute nosuch",
    "ip addr add 2001:db8::1/65 dev lo mngtmpaddr",
    "ip addr add 2001:db8::1/64 peer 10.0.0.1 dev lo",
    "ip addr del 2001:db8:dead::1/64 dev lo",
    "ip addr change 2001:db8:dead::1/64 dev lo tentative",
    "ip addrlabel add prefix 2001:db8::/32",
    "ip addrlabel add prefix 10.0.0.0/8 label 5",
    "ip addrlabel add prefix 2001:db8::/32 label x",
    "ip addrlabel add label 5",
    "ip addrlabel del prefix 2001:db8:dead::/48",
    "ip addrlabel nosuch",
    "ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01",
    "ip neigh add ff02::1 lladdr 02:00:00:00:00:01 dev lo",
    "ip neigh del 2001:db8:dead::1 dev lo",
    "ip neigh get 2001:db8:dead::1 dev lo",
    "ip -6 neigh show dev nosuch",
    "ip -6 nexthop add id 900 via 10.0.0.1 dev lo",
    "ip -6 nexthop add id 900 via fe80::1",
    "ip -6 nexthop add id 900 dev nosuch",
    "sysctl -w net.ipv6.conf.all.forwarding=x",
    "sysctl -w net.ipv6.conf.nosuch.forwarding=1",
    "sysctl -w net.ipv6.conf.lo.mtu=100",
    "sysctl -w net.ipv6.conf.lo.addr_gen_mode=9",
    "sysctl -w net.ipv6.conf.lo.disable_ipv6=2",
];

impl Gen {
    /// One command that is wrong.
    pub(in super::super) fn invalid6(&mut self) {
        if self.chance(2, 3) {
            let line = self.one(FIXED);
            return self.say(line);
        }
        let device = self.device();
        let own = self.own_address();
        let (on, gateway) = self.on_link();
        let to = self.new_prefix().route_text();
        let line = match self.range(0, 9) {
            0 => format!("ip -6 route add {to} via {own} dev {device}"),
            1 => format!("ip -6 route add {to} via {own}"),
            2 => format!("ip -6 route add {to} via {gateway} dev lo"),
            3 => format!("ip -6 route add {to} via {gateway} dev {device} onlink"),
            4 => format!("ip -6 route add unreachable {to} via {gateway} dev {on}"),
            5 => format!("ip -6 route add local {to} via {gateway} dev {on}"),
            6 => format!("ip -6 route add {to} via {gateway} nexthop via {gateway} dev {on}"),
            7 => format!("ip addr add {own}/64 dev {device} nodad"),
            _ => {
                format!("ip -6 route add {to} src {own} nexthop via {gateway} dev {on} nexthop dev {device}")
            }
        };
        self.say(line);
    }
}
