//! Devices that not every kernel has: dummy, VLAN, macvlan, and VRF with the
//! routes, rules and questions that concern it. Only made when the scenario's
//! [`Devices`](super::Devices) say so.

use super::Gen;
use super::model::{Device, Kind, Vrf};

const TABLES: [&str; 12] =
    ["10", "10", "20", "100", "200", "1001", "7", "51820", "254", "255", "253", "4294967295"];
const VLAN_IDS: [&str; 9] = ["5", "5", "6", "7", "100", "4094", "1", "0", "4095"];
const MODES: [&str; 8] = [
    "",
    " mode bridge",
    " mode bridge",
    " mode private",
    " mode vepa",
    " mode passthru",
    " mode source",
    " mode bridge nopromisc",
];

impl Gen {
    /// One more device of the kinds of this module.
    pub(super) fn add_stacked(&mut self) {
        match self.weighted(&[(6, 0), (5, 1), (5, 2), (2, 3)]) {
            0 => self.add_device(Kind::Dummy),
            1 => self.add_vlan(),
            2 => self.add_macvlan(),
            _ => self.add_vrf(),
        }
    }

    /// The VRFs that a scenario about them starts with, and who is in them.
    pub(super) fn first_vrfs(&mut self) {
        let count = self.range(1, 4);
        for _ in 0..count {
            self.add_vrf();
        }
        for name in self.ordinary_devices() {
            if self.chance(1, 2) {
                self.enslave(&name);
            }
        }
        if self.chance(1, 3) {
            // Local addresses after the VRFs, as the documentation of VRF recommends.
            let ip = self.ip();
            self.say(format!("{ip} rule add pref 32765 table local"));
            self.say(format!("{ip} rule del pref 0"));
        }
    }

    /// One step about VRFs.
    pub(super) fn vrf(&mut self) {
        if self.model.vrfs.is_empty() {
            return self.add_vrf();
        }
        let device = self.device();
        let Vrf { name, table } = self.some_vrf();
        match self.weighted(&[
            (2, 0),
            (8, 1),
            (4, 2),
            (1, 3),
            (3, 4),
            (2, 5),
            (12, 6),
            (4, 7),
            (6, 8),
            (2, 9),
            (8, 10),
            (3, 11),
            (10, 12),
            (1, 13),
        ]) {
            0 => self.add_vrf(),
            1 => self.enslave(&device),
            2 => {
                self.say(format!("ip link set {device} nomaster"));
                self.show_vrf();
            }
            3 => {
                self.say(format!("ip link del {name}"));
                self.forget(&name);
                self.question();
            }
            4 => self.set_up(&name, false),
            5 => self.set_up(&name, true),
            6 => self.vrf_route(&name, &table),
            7 => self.vrf_default(&name, &table),
            8 => self.leak(&name, &table),
            9 => self.local_address_in(&name),
            10 => self.vrf_rule(&name),
            11 => self.l3mdev_rule_moves(),
            12 => self.show_vrf(),
            _ => self.rename(&name),
        }
    }

    /// ` vrf NAME` for a question, with the outgoing device now and then besides.
    pub(super) fn vrf_of_question(&mut self) -> Option<String> {
        if self.model.vrfs.is_empty() || !self.chance(2, 5) {
            return None;
        }
        let name = if self.chance(1, 25) { self.device() } else { self.some_vrf().name };
        Some(format!(" vrf {name}"))
    }

    /// ` vrf NAME` instead of a route's table.
    pub(super) fn vrf_of_route(&mut self) -> Option<String> {
        if self.model.vrfs.is_empty() || !self.chance(1, 4) {
            return None;
        }
        Some(format!(" vrf {}", self.some_vrf().name))
    }

    fn some_vrf(&mut self) -> Vrf {
        let known = self.model.vrfs.clone();
        if known.is_empty() {
            return Vrf { name: "vrf0".into(), table: "10".into() };
        }
        self.one(&known)
    }

    fn ordinary_devices(&self) -> Vec<String> {
        let ordinary = self.model.devices.iter().filter(|device| device.kind != Kind::Vrf);
        ordinary.map(|device| device.name.clone()).collect()
    }

    fn add_vrf(&mut self) {
        let (name, mac) = (self.fresh_name(&["vrf", "vrf-", "red"]), self.mac());
        let table = self.one(&TABLES);
        let wrong = self.chance(1, 30);
        let data = match self.range(0, 3) {
            0 if wrong => "".to_owned(),
            1 if wrong => " table 0".to_owned(),
            _ => format!(" table {table}"),
        };
        let up = if self.chance(1, 4) { " up" } else { "" };
        self.say(format!("ip link add {name} address {mac}{up} type vrf{data}"));
        self.model.devices.push(device(&name, Kind::Vrf));
        self.model.vrfs.push(Vrf { name: name.clone(), table: table.into() });
        self.model.tables.push(table.into());
        if self.chance(5, 6) {
            self.set_up(&name, true);
        }
        if self.chance(1, 4) {
            self.local_address_in(&name);
        }
        if self.chance(1, 3) {
            self.vrf_default(&name, table);
        }
    }

    fn enslave(&mut self, device: &str) {
        let master = if self.chance(1, 25) { self.device() } else { self.some_vrf().name };
        self.say(format!("ip link set dev {device} master {master}"));
        if self.chance(1, 4) {
            self.show_vrf();
        }
    }

    fn local_address_in(&mut self, name: &str) {
        let six = self.is_six();
        let address = match self.range(0, 4) {
            0 => if six { "::1/128" } else { "127.0.0.1/8" }.to_owned(),
            1 => if six { "2001:db8:ffff::1/128" } else { "192.0.2.1/32" }.to_owned(),
            _ => {
                let subnet = self.subnet();
                format!("{}/{}", subnet.nth(1), subnet.length)
            }
        };
        self.say(format!("ip addr add {address} dev {name}"));
    }

    /// An ordinary route of a VRF, through a device that is in it or not.
    fn vrf_route(&mut self, name: &str, table: &str) {
        let known = !self.chance(1, 2);
        let prefix = if known { self.route_prefix() } else { self.new_prefix() };
        let key = if self.chance(2, 3) { format!(" vrf {name}") } else { format!(" table {table}") };
        let (on, gateway) = self.on_link();
        let way = match self.range(0, 8) {
            0 => format!(" dev {on}"),
            1 => format!(" dev {name}"),
            2 => format!(" via {gateway} dev {name}"),
            3 => format!(" via {gateway} dev {on} onlink"),
            4 => {
                let (other, second) = self.on_link();
                let weight = self.one(&["", " weight 3"]);
                format!(" nexthop via {gateway} dev {on}{weight} nexthop via {second} dev {other}")
            }
            5 => format!(" via {gateway}"),
            _ => format!(" via {gateway} dev {on}"),
        };
        let verb = self.one(&["add", "add", "add", "append", "replace", "change", "prepend"]);
        self.say_route(verb, "", prefix, key, way);
    }

    /// What a VRF answers when it has nothing better.
    fn vrf_default(&mut self, name: &str, table: &str) {
        let key = if self.chance(1, 2) { format!(" vrf {name}") } else { format!(" table {table}") };
        let kind = self.one(&["unreachable ", "unreachable ", "prohibit ", "throw ", "blackhole "]);
        let metric = self.one(&[" metric 4278198272", " metric 8192", ""]);
        let default = self.plan().default();
        self.say_route("add", kind, default, key + metric, String::new());
    }

    /// A route in one table that leads into another VRF.
    fn leak(&mut self, name: &str, table: &str) {
        let prefix = self.new_prefix();
        let (on, gateway) = self.on_link();
        let other = self.some_vrf().name;
        let (key, way) = match self.range(0, 5) {
            0 => (String::new(), format!(" dev {name}")),
            1 => (format!(" vrf {name}"), format!(" dev {other}")),
            2 => (format!(" table {table}"), format!(" via {gateway} dev {on}")),
            3 => (String::new(), format!(" via {gateway} dev {on}")),
            _ => (format!(" vrf {name}"), format!(" dev {on}")),
        };
        self.say_route("add", "", prefix, key, way);
        if self.chance(1, 2) {
            let host = self.host_in(prefix);
            self.asked += 1;
            let vrf = self.some_vrf().name;
            let way = self.one(&["vrf", "oif", "vrf"]);
            self.say(format!("ip route get {host} {way} {vrf}"));
        }
    }

    fn vrf_rule(&mut self, name: &str) {
        let preference = self.one(&["1", "100", "500", "999", "1000", "1001", "2000", "32765"]);
        let table = self.table();
        let mark = self.one(&super::rules::MARKS);
        let selector = match self.range(0, 7) {
            0 => format!("iif {name}"),
            1 => format!("oif {name}"),
            2 => format!("not oif {name}"),
            3 => format!("iif {} ", self.device()),
            4 => format!("fwmark {mark}"),
            5 => format!("from {}", self.rule_prefix()),
            _ => String::new(),
        };
        let action = match self.range(0, 10) {
            0..3 => "l3mdev".to_owned(),
            3 => "l3mdev unreachable".into(),
            4 => "l3mdev prohibit".into(),
            5 => "l3mdev blackhole".into(),
            6 => "l3mdev suppress_prefixlength 0".into(),
            7 => "l3mdev goto 32766".into(),
            8 => format!("table {table} suppress_prefixlength 0"),
            _ => format!("table {table}"),
        };
        let verb = if self.chance(1, 6) { "del" } else { "add" };
        let ip = self.ip();
        self.say(format!("{ip} rule {verb} {selector} {action} pref {preference}"));
    }

    /// The rule that the first VRF device brings, taken away, doubled, put back.
    fn l3mdev_rule_moves(&mut self) {
        let line = self.one(&[
            "ip rule del pref 1000",
            "ip rule add l3mdev pref 1000",
            "ip rule add l3mdev pref 10",
            "ip rule del l3mdev",
            "ip rule add l3mdev unreachable pref 2000",
            "ip rule add l3mdev protocol kernel pref 1000",
            "ip rule flush",
            "ip rule flush protocol kernel",
        ]);
        let six = if self.is_six() { "ip -6 rule" } else { "ip rule" };
        self.say(line.replace("ip rule", six));
        self.say(six);
    }

    /// What is shown of VRFs and of the other devices of this module.
    pub(super) fn show_vrf(&mut self) {
        let name = self.some_vrf().name;
        let one_kind = self.one(&["vrf", "dummy", "vlan", "macvlan"]);
        let own = |kind: Kind| matches!(kind, Kind::Vrf | Kind::Dummy | Kind::Vlan | Kind::Macvlan);
        // `later0` may be something else than it is believed to be, such as a bridge with timers.
        let own = self.model.devices.iter().filter(|device| own(device.kind) && device.name != "later0");
        let names: Vec<String> = own.map(|device| device.name.clone()).collect();
        let device = if names.is_empty() { name.clone() } else { self.one(&names) };
        let (ip, family) = (self.ip(), if self.is_six() { 6 } else { 4 });
        let line = match self.range(0, 20) {
            0 => "ip vrf show".into(),
            1 => "ip -j vrf".into(),
            2 => format!("ip vrf show {name}"),
            3 => format!("{ip} route show vrf {name}"),
            4 => format!("{ip} -j route list vrf {name}"),
            5 => format!("ip -br addr show vrf {name}"),
            6 => format!("ip -br link show vrf {name}"),
            7 => format!("ip -{family} neigh show vrf {name}"),
            8 => format!("ip -d link show type {one_kind}"),
            9 => format!("ip -j link show type {one_kind}"),
            10 => "ip -br link".into(),
            11 | 12 => format!("ip -d link show dev {device}"),
            13 | 14 => format!("ip -j -d link show dev {device}"),
            15 => format!("ip -o link show master {name}"),
            16 => format!("ip -{family} addr show master {name}"),
            17 => format!("{ip} rule"),
            18 => format!("ip nexthop show vrf {name}"),
            _ => format!("ip link show master {name}"),
        };
        self.say(line);
    }

    fn add_vlan(&mut self) {
        let lower = self.lower_device();
        let id = self.one(&VLAN_IDS);
        let name = if self.chance(1, 3) { self.fresh_name(&["vlan", "v"]) } else { format!("{lower}.{id}") };
        let mac = self.mac();
        let between = self.one(&["", "", "", " mtu 1400", " mtu 9000", " up"]);
        let data = match self.range(0, 9) {
            0 => " protocol 802.1ad",
            1 => " reorder_hdr off",
            2 => " loose_binding on",
            3 => " gvrp off",
            4 => " ingress-qos-map 1:2 3:4 egress-qos-map 2:3",
            _ => "",
        };
        let name: String = name.chars().take(15).collect();
        let proto_first = data.starts_with(" protocol");
        let data = if proto_first { format!("{data} id {id}") } else { format!(" id {id}{data}") };
        self.say(format!("ip link add link {lower} name {name} address {mac}{between} type vlan{data}"));
        self.added(name, Kind::Vlan);
    }

    fn add_macvlan(&mut self) {
        let lower = self.lower_device();
        let (name, mac) = (self.fresh_name(&["mv", "mac"]), self.mac());
        let mode = self.one(&MODES);
        let between = self.one(&["", "", "", " mtu 1400", " mtu 9000", " up"]);
        self.say(format!("ip link add link {lower} name {name} address {mac}{between} type macvlan{mode}"));
        self.added(name.clone(), Kind::Macvlan);
        if self.chance(1, 5) {
            let mode = self.one(&MODES);
            self.say(format!("ip link set {name} type macvlan{mode}"));
        }
    }

    /// What other devices stand on: mostly one that can carry them.
    fn lower_device(&mut self) -> String {
        let can = |kind: Kind| matches!(kind, Kind::Veth | Kind::Dummy | Kind::Bridge | Kind::Tap);
        let fit = self.model.devices.iter().filter(|device| can(device.kind));
        let names: Vec<String> = fit.map(|device| device.name.clone()).collect();
        if names.is_empty() || self.chance(1, 8) { self.device() } else { self.one(&names) }
    }

    fn added(&mut self, name: String, kind: Kind) {
        self.model.devices.push(device(&name, kind));
        if self.chance(4, 5) {
            self.set_up(&name, true);
        }
        if self.chance(1, 3) {
            self.show_vrf();
        }
        if self.chance(1, 2) && !self.model.vrfs.is_empty() {
            self.enslave(&name);
        }
        if self.chance(2, 3) {
            self.plain_address(&name);
        }
    }

    fn forget(&mut self, name: &str) {
        self.model.devices.retain(|device| device.name != name);
        self.model.vrfs.retain(|vrf| vrf.name != name);
    }
}

fn device(name: &str, kind: Kind) -> Device {
    Device { name: name.into(), kind, up: false, peer: None, addresses: Vec::new() }
}
