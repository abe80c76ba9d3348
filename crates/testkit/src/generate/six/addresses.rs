//! IPv6 addresses of odd forms, their labels, and neighbours.

use std::net::IpAddr;

use super::Gen;
use crate::generate::model::Prefix;
use crate::generate::plan::link_local;

impl Gen {
    pub(in super::super) fn address_options6(&mut self) -> String {
        const OPTIONS: [(u32, &str); 14] = [
            (10, " nodad"),
            (4, " noprefixroute"),
            (4, " preferred_lft 0"),
            (2, " metric 50"),
            (2, " metric 200"),
            (1, " metric 0"),
            (2, " home"),
            (1, " optimistic"),
            (1, " scope link"),
            (1, " valid_lft forever preferred_lft forever"),
            (1, " valid_lft 5000 preferred_lft 4000"),
            (1, " valid_lft 5000"),
            (1, " preferred_lft 4000"),
            (1, " valid_lft 5000 preferred_lft 0"),
        ];
        let mut options = String::new();
        while self.chance(2, 5) {
            let option = self.weighted(&OPTIONS);
            let twice = ["_lft", "metric"].iter().any(|word| option.contains(word) && options.contains(word));
            if !twice {
                options.push_str(option);
            }
        }
        options
    }

    /// Link-local extras, host routes, short and odd lengths, what may be no address.
    pub(in super::super) fn peculiar6(&mut self) -> (IpAddr, u8) {
        let own = match self.range(0, 7) {
            0..3 => link_local(self.range(1, 6) as u16),
            3 => self.special_address(),
            _ => {
                let subnet = self.subnet();
                self.host_in(subnet)
            }
        };
        (own, self.one(&[64, 64, 128, 128, 127, 126, 10, 3, 0, 1, 96]))
    }

    /// One step about address labels.
    pub(in super::super) fn label(&mut self) {
        let known = self.model.labels.clone();
        if !known.is_empty() && self.chance(1, 4) {
            let which = self.one(&known);
            let label = if self.chance(1, 3) { " label 1".to_owned() } else { String::new() };
            self.say(format!("ip addrlabel del {which}{label}"));
            return self.model.labels.retain(|text| *text != which);
        }
        if self.chance(1, 12) {
            let line = self.one(&[
                "ip addrlabel flush",
                "ip addrlabel del prefix ::/0",
                "ip addrlabel del prefix 2002::/16",
                "ip addrlabel add prefix ::/0 label 7",
                "ip addrlabel add prefix 2001:db8::/32",
                "ip addrlabel add prefix 2001:db8::/32 label 4294967295",
                "ip addrlabel add prefix ::ffff:0:0/90 label 8",
                "ip addrlabel add prefix ::ffff:0:0/97 label 8",
                "ip addrlabel add label 9",
            ]);
            return self.say(line);
        }
        let prefix = match self.range(0, 4) {
            0 => self.route_prefix(),
            1 => Prefix::host(self.own_address()),
            2 => {
                let own = self.own_address();
                Prefix::of(own, self.one(&[3, 16, 32, 48, 64, 96]))
            }
            _ => self.link_subnet().1,
        };
        let device = if self.chance(1, 4) { format!(" dev {}", self.device()) } else { String::new() };
        let which = format!("prefix {}{device}", prefix.text());
        let label = self.one(&["1", "2", "5", "1", "50", "99"]);
        self.say(format!("ip addrlabel add {which} label {label}"));
        self.model.labels.push(which);
    }

    /// One step about neighbours: what gateways are, and entries of routers and proxies.
    pub(in super::super) fn neighbour6(&mut self) {
        if self.chance(5, 6) {
            return self.neighbour();
        }
        let (device, address) = self.on_link();
        let mac = self.mac();
        let line = match self.range(0, 4) {
            0 => format!("ip neigh add proxy {address} dev {device}"),
            1 => format!("ip neigh replace {address} lladdr {mac} dev {device} router nud permanent"),
            2 => format!("ip -6 neigh show proxy dev {device}"),
            _ => format!("ip neigh replace {address} lladdr {mac} dev {device} router nud stale"),
        };
        self.say(line);
    }
}
