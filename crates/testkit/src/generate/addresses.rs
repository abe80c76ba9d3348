//! Addresses in all their forms, and their removal.

use super::Gen;
use super::model::{Address, Prefix, dotted, ip};

impl Gen {
    /// An ordinary address on most devices.
    pub(super) fn first_addresses(&mut self) {
        let names: Vec<String> = self.model.devices.iter().map(|device| device.name.clone()).collect();
        for name in names {
            if self.chance(9, 10) {
                self.plain_address(&name);
            }
        }
    }

    /// One step about addresses.
    pub(super) fn address(&mut self) {
        let name = self.device();
        match self.weighted(&[(6, 0), (6, 1), (5, 2), (2, 3), (9, 4), (1, 5), (2, 6), (1, 7)]) {
            0 => self.plain_address(&name),
            1 => self.secondary(),
            2 => self.peculiar(&name),
            3 => self.peer(&name),
            4 => self.remove_address(),
            5 => {
                self.say(format!("ip -4 addr flush dev {name}"));
                self.addresses_of(&name).clear();
            }
            6 => self.replace_address(),
            _ => {
                let what = self.one(&["label", "scope global", "to 10.0.0.0/8", "secondary", "permanent"]);
                let what = if what == "label" { format!("label {name}") } else { what.to_owned() };
                self.say(format!("ip -4 addr flush dev {name} {what}"));
            }
        }
    }

    fn addresses_of(&mut self, name: &str) -> &mut Vec<Address> {
        let at = self.model.devices.iter().position(|device| device.name == name);
        match at {
            Some(at) => &mut self.model.devices[at].addresses,
            None => &mut self.model.loopback,
        }
    }

    fn add_address(&mut self, name: &str, address: Address, options: &str) {
        let peer = match address.peer {
            Some(peer) => format!("{} peer {}", dotted(address.own), dotted(peer)),
            None => dotted(address.own),
        };
        let verb = if self.chance(1, 12) { "replace" } else { "add" };
        let label = if self.chance(1, 16) { format!(" label {name}:x") } else { String::new() };
        let length = if address.length == 32 && self.chance(1, 2) {
            String::new()
        } else {
            format!("/{}", address.length)
        };
        self.say(format!("ip addr {verb} {peer}{length}{options}{label} dev {name}"));
        let addresses = self.addresses_of(name);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    fn address_options(&mut self) -> String {
        const OPTIONS: &[&str] = &[
            " broadcast +",
            " brd +",
            " brd -",
            " brd 10.0.0.200",
            " brd 255.255.255.255",
            " scope link",
            " scope host",
            " scope global",
            " scope 50",
            " scope site",
            " metric 50",
            " metric 200",
            " noprefixroute",
            " valid_lft forever preferred_lft forever",
            " preferred_lft 0",
        ];
        let mut options = String::new();
        while self.chance(1, 3) {
            let option = self.one(OPTIONS);
            let brd = [" brd", " broadcast"];
            let second = brd.iter().any(|word| option.starts_with(word))
                && brd.iter().any(|word| options.contains(word));
            if !second || self.chance(1, 10) {
                options.push_str(option);
            }
        }
        options
    }

    pub(super) fn plain_address(&mut self, name: &str) {
        if self.is_six() {
            return self.plain_address6(name);
        }
        let subnet = self.subnet();
        let host = if self.chance(3, 5) { subnet.base + 1 } else { self.host_in(subnet) };
        let options = self.address_options();
        self.add_address(name, Address { own: host, peer: None, length: subnet.length }, &options);
    }

    /// A second address in a subnet that is there, or the same one somewhere else.
    fn secondary(&mut self) {
        let all = self.all_addresses();
        if all.is_empty() {
            return;
        }
        let (device, known) = self.one(&all);
        let other = self.device();
        let name = if self.chance(3, 4) { device } else { other };
        let own = if self.chance(1, 5) { known.own } else { self.host_in(known.subnet()) };
        let length = if self.chance(1, 6) { self.one(&[8, 16, 24, 25, 30, 32]) } else { known.length };
        let options = if self.chance(1, 3) { self.address_options() } else { String::new() };
        self.add_address(&name, Address { own, peer: None, length }, &options);
    }

    /// /31, /32, /0, classes D and E, 127/8, the zero network.
    fn peculiar(&mut self, name: &str) {
        let (own, length) = self.one(&[
            (ip(10, 1, 1, 1), 32),
            (ip(10, 1, 1, 2), 31),
            (ip(10, 1, 1, 3), 31),
            (ip(224, 1, 1, 1), 24),
            (ip(239, 0, 0, 9), 32),
            (ip(240, 0, 0, 1), 8),
            (ip(255, 255, 255, 255), 24),
            (ip(255, 255, 255, 254), 32),
            (ip(127, 5, 5, 5), 8),
            (ip(127, 0, 0, 2), 32),
            (ip(127, 7, 7, 7), 24),
            (ip(0, 1, 2, 3), 8),
            (ip(0, 0, 0, 0), 32),
            (ip(0, 0, 0, 0), 8),
            (ip(7, 7, 7, 7), 0),
            (ip(11, 0, 0, 0), 8),
            (ip(11, 255, 255, 255), 8),
            (ip(12, 1, 1, 1), 1),
            (ip(10, 0, 0, 1), 30),
        ]);
        let mut options = self.address_options();
        if own >= ip(224, 0, 0, 0) && own < ip(240, 0, 0, 0) && self.chance(1, 4) {
            options.push_str(" autojoin");
        }
        self.add_address(name, Address { own, peer: None, length }, &options);
    }

    fn peer(&mut self, name: &str) {
        let subnet = self.subnet();
        let own = if self.chance(1, 3) {
            self.own_address()
        } else {
            self.host_in(Prefix::of(ip(10, 77, 0, 0), 24))
        };
        let peer = self.host_in(subnet);
        let length = self.one(&[32, 32, 32, 24, 30, 31, 16]);
        let options = if self.chance(1, 4) { self.address_options() } else { String::new() };
        self.add_address(name, Address { own, peer: Some(peer), length }, &options);
    }

    /// Removal: with the length, without it, by the peer, of one that is not there.
    fn remove_address(&mut self) {
        let all = self.all_addresses();
        if all.is_empty() {
            return;
        }
        let (name, address) = self.one(&all);
        if self.chance(1, 3) {
            let verb = if self.chance(2, 3) { "1" } else { "0" };
            let scope = if self.chance(1, 2) { "all".into() } else { name.clone() };
            self.say(format!("sysctl -w net.ipv4.conf.{scope}.promote_secondaries={verb}"));
        }
        let own = dotted(address.own);
        let length = address.length;
        match (address.peer, self.range(0, 8)) {
            (_, 0) => self.say(format!("ip addr del {own} dev {name}")),
            (Some(peer), _) => {
                self.say(format!("ip addr del {own} peer {}/{length} dev {name}", dotted(peer)));
            }
            (None, 1) => self.say(format!("ip addr del {own}/{length} dev {name} label {name}")),
            (None, _) => self.say(format!("ip addr del {own}/{length} dev {name}")),
        }
        self.addresses_of(&name).retain(|known| *known != address);
        if self.chance(1, 3) {
            self.dump();
        }
    }

    /// Changes what can be changed about an address that is there.
    fn replace_address(&mut self) {
        let all = self.all_addresses();
        if all.is_empty() {
            return;
        }
        let (name, address) = self.one(&all);
        let verb = self.one(&["change", "replace", "add"]);
        let options = self.address_options();
        self.say(format!("ip addr {verb} {}/{} dev {name}{options}", dotted(address.own), address.length));
    }
}
