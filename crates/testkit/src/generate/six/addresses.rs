//! IPv6 addresses in all their forms, their labels, and neighbours.

use super::model::{Address, Prefix, link_local, text};
use super::{Gen, Theme};
use crate::generate::model::{Device, Kind};

impl Gen {
    /// An ordinary address on most devices.
    pub(super) fn first_addresses6(&mut self) {
        let names: Vec<String> = self.model.devices.iter().map(|device| device.name.clone()).collect();
        for name in names {
            let count = if self.theme == Theme::Sources { self.range(1, 5) } else { 1 };
            for _ in 0..count {
                if self.chance(9, 10) {
                    self.plain_address6(&name);
                }
            }
        }
        if self.theme == Theme::Sources {
            let count = self.range(0, 4);
            (0..count).for_each(|_| self.label());
        }
    }

    /// One step about addresses.
    pub(super) fn address6(&mut self) {
        let name = self.device();
        let labels = if self.theme == Theme::Sources { 6 } else { 2 };
        match self.weighted(&[(8, 0), (5, 1), (4, 2), (3, 3), (7, 4), (1, 5), (4, 6), (labels, 7), (1, 8)]) {
            0 => self.plain_address6(&name),
            1 => self.second_address6(),
            2 => self.peculiar6(&name),
            3 => self.peer6(&name),
            4 => self.remove_address6(),
            5 => {
                self.say(format!("ip -6 addr flush dev {name}"));
                self.six.addresses.retain(|(device, _)| *device != name);
            }
            6 => self.change_address6(),
            7 => self.label(),
            _ => {
                let what =
                    self.one(&["scope global", "scope link", "to 2001:db8::/32", "permanent", "deprecated"]);
                self.say(format!("ip -6 addr flush dev {name} {what}"));
            }
        }
    }

    fn add_address6(&mut self, name: &str, address: Address, options: &str) {
        let peer = match address.peer {
            Some(peer) => format!("{} peer {}", text(address.own), text(peer)),
            None => text(address.own),
        };
        let verb = if self.chance(1, 12) { "replace" } else { "add" };
        let length = match address.length {
            128 if self.chance(1, 2) => String::new(),
            length => format!("/{length}"),
        };
        self.say(format!("ip addr {verb} {peer}{length}{options} dev {name}"));
        let entry = (name.to_owned(), address);
        if !self.six.addresses.contains(&entry) {
            self.six.addresses.push(entry);
        }
    }

    fn address_options6(&mut self) -> String {
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

    pub(in super::super) fn plain_address6(&mut self, name: &str) {
        let subnet = self.subnet6();
        let own = match self.range(0, 5) {
            0..3 => subnet.base + u128::from(subnet.length < 128),
            _ => self.host_in6(subnet),
        };
        let options = self.address_options6();
        self.add_address6(name, Address { own, peer: None, length: subnet.length }, &options);
    }

    /// Another address in a subnet that is there, or the same one somewhere else.
    fn second_address6(&mut self) {
        let known = self.six.addresses.clone();
        if known.is_empty() {
            return;
        }
        let (device, known) = self.one(&known);
        let other = self.device();
        let name = if self.chance(3, 4) { device } else { other };
        let own = if self.chance(1, 4) { known.own } else { self.host_in6(known.subnet()) };
        let length = if self.chance(1, 5) { self.one(&[32, 48, 64, 65, 120, 128]) } else { known.length };
        let options = self.address_options6();
        self.add_address6(&name, Address { own, peer: None, length }, &options);
    }

    /// Link-local extras, host routes, short and odd lengths, what may be no address.
    fn peculiar6(&mut self, name: &str) {
        let own = match self.range(0, 7) {
            0..3 => link_local(self.range(1, 6) as u16),
            3 => self.special_address6(),
            _ => {
                let subnet = self.subnet6();
                self.host_in6(subnet)
            }
        };
        let length = self.one(&[64, 64, 128, 128, 127, 126, 10, 3, 0, 1, 96]);
        let options = self.address_options6();
        self.add_address6(name, Address { own, peer: None, length }, &options);
    }

    fn peer6(&mut self, name: &str) {
        let subnet = self.subnet6();
        let own = if self.chance(1, 3) { self.own_address6() } else { self.host_in6(subnet) };
        let subnet = self.subnet6();
        let peer = self.host_in6(subnet);
        let length = self.one(&[128, 128, 128, 64, 127, 48]);
        let options = self.address_options6();
        self.add_address6(name, Address { own, peer: Some(peer), length }, &options);
    }

    /// Removal: with the length, with another one, of one that is not there.
    fn remove_address6(&mut self) {
        let all = self.six.addresses.clone();
        if all.is_empty() {
            return;
        }
        let (name, address) = self.one(&all);
        let (own, length) = (text(address.own), address.length);
        let line = match (address.peer, self.range(0, 9)) {
            (_, 0) => format!("ip addr del {own} dev {name}"),
            (_, 1) => format!("ip addr del {own}/{} dev {name}", self.one(&[64, 128, 48])),
            (Some(peer), 2..6) => format!("ip addr del {own} peer {}/{length} dev {name}", text(peer)),
            _ => format!("ip addr del {own}/{length} dev {name}"),
        };
        self.say(line);
        self.six.addresses.retain(|known| *known != (name.clone(), address));
        if self.chance(1, 3) {
            self.dump();
        }
    }

    /// Changes what can be changed about an address that is there.
    fn change_address6(&mut self) {
        let all = self.six.addresses.clone();
        if all.is_empty() {
            return;
        }
        let (name, address) = self.one(&all);
        let verb = self.one(&["change", "replace", "replace", "add"]);
        let options = self.address_options6();
        let peer = if self.chance(1, 10) {
            format!(" peer {}", text(self.special_address6()))
        } else {
            String::new()
        };
        self.say(format!(
            "ip addr {verb} {}{peer}/{} dev {name}{options}",
            text(address.own),
            address.length
        ));
        if self.chance(1, 3) {
            self.dump();
        }
    }

    /// One step about address labels.
    fn label(&mut self) {
        let known = self.six.labels.clone();
        if !known.is_empty() && self.chance(1, 4) {
            let which = self.one(&known);
            let label = if self.chance(1, 3) { " label 1".to_owned() } else { String::new() };
            self.say(format!("ip addrlabel del {which}{label}"));
            return self.six.labels.retain(|text| *text != which);
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
            0 => self.route_prefix6(),
            1 => Prefix::of(self.own_address6(), 128),
            2 => {
                let own = self.own_address6();
                Prefix::of(own, self.one(&[3, 16, 32, 48, 64, 96]))
            }
            _ => self.link_subnet6().1,
        };
        let device = if self.chance(1, 4) { format!(" dev {}", self.device()) } else { String::new() };
        let which = format!("prefix {}{device}", prefix.text());
        let label = self.one(&["1", "2", "5", "1", "50", "99"]);
        self.say(format!("ip addrlabel add {which} label {label}"));
        self.six.labels.push(which);
    }

    /// One step about neighbours: what gateways are, and entries of routers and proxies.
    pub(super) fn neighbour6(&mut self) {
        if self.chance(5, 6) {
            return self.neighbour();
        }
        if self.chance(1, 3) {
            return self.automatic6();
        }
        let (device, address) = self.on_link_text();
        let mac = self.mac();
        let line = match self.range(0, 4) {
            0 => format!("ip neigh add proxy {address} dev {device}"),
            1 => format!("ip neigh replace {address} lladdr {mac} dev {device} router nud permanent"),
            2 => format!("ip -6 neigh show proxy dev {device}"),
            _ => format!("ip neigh replace {address} lladdr {mac} dev {device} router nud stale"),
        };
        self.say(line);
    }

    /// What addresses are made of by themselves.
    fn automatic6(&mut self) {
        let device = self.device();
        let line = match self.range(0, 4) {
            0 => format!("ip token set {} dev {device}", self.one(&["::5", "2001:db8::6", "::"])),
            1 => self.one(&["ip token", "ip -j token list"]).into(),
            _ => {
                let is_tun = |known: &Device| known.name == device && known.kind == Kind::Tun;
                let modes = match self.model.devices.iter().any(is_tun) {
                    true => ["none", "stable_secret"],
                    false => ["eui64", "stable_secret"],
                };
                let mode = self.one(&modes);
                format!("ip link set dev {device} addrgenmode {mode}")
            }
        };
        self.say(line);
    }
}
