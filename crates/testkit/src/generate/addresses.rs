//! Addresses in all their forms, and their removal. What is peculiar to IPv6
//! is in [`super::six`].

use super::model::{Address, Prefix};
use super::plan::ip;
use super::{Gen, Theme};

impl Gen {
    /// An ordinary address on most devices.
    pub(super) fn first_addresses(&mut self) {
        let names: Vec<String> = self.model.devices.iter().map(|device| device.name.clone()).collect();
        for name in names {
            let count = if self.theme == Theme::Sources { self.range(1, 5) } else { 1 };
            for _ in 0..count {
                if self.chance(9, 10) {
                    self.plain_address(&name);
                }
            }
        }
        if self.theme == Theme::Sources {
            let count = self.range(0, 4);
            (0..count).for_each(|_| self.label());
        }
    }

    /// One step about addresses.
    pub(super) fn address(&mut self) {
        let name = self.device();
        let family = if self.is_six() { "-6" } else { "-4" };
        let labels = match (self.is_six(), self.theme) {
            (false, _) => 0,
            (_, Theme::Sources) => 6,
            _ => 2,
        };
        match self.weighted(&[(7, 0), (6, 1), (5, 2), (2, 3), (8, 4), (1, 5), (3, 6), (1, 7), (labels, 8)]) {
            0 => self.plain_address(&name),
            1 => self.secondary(),
            2 => self.peculiar(&name),
            3 => self.peer(&name),
            4 => self.remove_address(),
            5 => {
                self.say(format!("ip {family} addr flush dev {name}"));
                self.addresses_of(&name).clear();
            }
            6 => self.replace_address(),
            7 => {
                let what = match self.is_six() {
                    true => ["scope link", "scope global", "to 2001:db8::/32", "deprecated", "permanent"],
                    false => ["label", "scope global", "to 10.0.0.0/8", "secondary", "permanent"],
                };
                let what = self.one(&what);
                let what = if what == "label" { format!("label {name}") } else { what.to_owned() };
                self.say(format!("ip {family} addr flush dev {name} {what}"));
            }
            _ => self.label(),
        }
    }

    fn add_address(&mut self, name: &str, address: Address, options: &str) {
        let peer = match address.peer {
            Some(peer) => format!("{} peer {peer}", address.own),
            None => address.own.to_string(),
        };
        let verb = if self.chance(1, 12) { "replace" } else { "add" };
        let labelled = !self.is_six() && self.chance(1, 16);
        let label = if labelled { format!(" label {name}:x") } else { String::new() };
        let length = if address.is_host() && self.chance(1, 2) {
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
        if self.is_six() {
            return self.address_options6();
        }
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
        let subnet = self.subnet();
        let own = if self.chance(3, 5) { subnet.nth(1) } else { self.host_in(subnet) };
        let options = self.address_options();
        self.add_address(name, Address { own, peer: None, length: subnet.length }, &options);
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
        let others = if self.is_six() { [32, 48, 64, 65, 120, 128] } else { [8, 16, 24, 25, 30, 32] };
        let length = if self.chance(1, 6) { self.one(&others) } else { known.length };
        let options = if self.chance(1, 2) { self.address_options() } else { String::new() };
        self.add_address(&name, Address { own, peer: None, length }, &options);
    }

    /// /31, /32, /0, classes D and E, 127/8, the zero network.
    fn peculiar(&mut self, name: &str) {
        if self.is_six() {
            let (own, length) = self.peculiar6();
            let options = self.address_options();
            return self.add_address(name, Address { own, peer: None, length }, &options);
        }
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
        if own.is_multicast() && self.chance(1, 4) {
            options.push_str(" autojoin");
        }
        self.add_address(name, Address { own, peer: None, length }, &options);
    }

    fn peer(&mut self, name: &str) {
        let other = if self.is_six() { self.subnet() } else { Prefix::of(ip(10, 77, 0, 0), 24) };
        let own = if self.chance(1, 3) { self.own_address() } else { self.host_in(other) };
        let subnet = self.subnet();
        let peer = self.host_in(subnet);
        let lengths = if self.is_six() { [128, 128, 128, 64, 127, 48] } else { [32, 32, 32, 24, 31, 16] };
        let length = self.one(&lengths);
        let options = if self.chance(1, 3) { self.address_options() } else { String::new() };
        self.add_address(name, Address { own, peer: Some(peer), length }, &options);
    }

    /// Removal: with the length, without it, by the peer, of one that is not there.
    fn remove_address(&mut self) {
        let all = self.all_addresses();
        if all.is_empty() {
            return;
        }
        let (name, address) = self.one(&all);
        if !self.is_six() && self.chance(1, 3) {
            let verb = if self.chance(2, 3) { "1" } else { "0" };
            let scope = if self.chance(1, 2) { "all".into() } else { name.clone() };
            self.say(format!("sysctl -w net.ipv4.conf.{scope}.promote_secondaries={verb}"));
        }
        let Address { own, peer, length } = address;
        let by_peer = !self.is_six() || self.chance(1, 2);
        let line = match (peer, self.range(0, 8)) {
            (_, 0) => format!("ip addr del {own} dev {name}"),
            (Some(peer), _) if by_peer => format!("ip addr del {own} peer {peer}/{length} dev {name}"),
            (_, 1) if self.is_six() => {
                format!("ip addr del {own}/{} dev {name}", self.one(&[64, 128, 48]))
            }
            (None, 1) => format!("ip addr del {own}/{length} dev {name} label {name}"),
            _ => format!("ip addr del {own}/{length} dev {name}"),
        };
        self.say(line);
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
        let (name, Address { own, length, .. }) = self.one(&all);
        let verb = self.one(&["change", "replace", "add"]);
        let options = self.address_options();
        let peer = match self.is_six() && self.chance(1, 10) {
            true => format!(" peer {}", self.special_address()),
            false => String::new(),
        };
        self.say(format!("ip addr {verb} {own}{peer}/{length} dev {name}{options}"));
        if self.chance(1, 4) {
            self.dump();
        }
    }
}
