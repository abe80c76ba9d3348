//! Links: made, changed and removed. Every one gets its MAC address by hand.

use super::model::{Device, Kind};
use super::{Devices, Gen, Theme};

impl Gen {
    /// The devices that a scenario starts with, most of them up.
    pub(super) fn first_links(&mut self) {
        self.add_veth();
        let more = self.range(1, 4);
        for _ in 0..more {
            self.add_link();
        }
        let down = self.model.devices.iter().filter(|device| !device.up);
        let names: Vec<String> = down.map(|device| device.name.clone()).collect();
        for name in names {
            if self.chance(5, 6) {
                self.set_up(&name, true);
            }
        }
    }

    /// One step about links.
    pub(super) fn link(&mut self) {
        let name = self.device();
        let many = if self.theme == Theme::Links { 4 } else { 1 };
        match self.weighted(&[
            (12, 0),
            (8, 1),
            (3, 2),
            (3, 3),
            (2, 4),
            (3, 5),
            (2 * many, 6),
            (3 * many, 7),
            (2, 8),
            (2, 9),
            (1, 10),
            (2, 11),
        ]) {
            0 => self.set_up(&name, false),
            1 => self.set_up(&name, true),
            2 => {
                let mtu = self.one(&["1400", "1500", "9000", "576", "68", "1280", "65535", "100"]);
                self.say(format!("ip link set dev {name} mtu {mtu}"));
            }
            3 => {
                let group = self.one(&["5", "5", "7", "default", "0", "4294967295"]);
                self.say(format!("ip link set {name} group {group}"));
            }
            4 => self.rename(&name),
            5 => self.delete(&name),
            6 => self.add_link(),
            7 => self.master(),
            8 => {
                let mac = self.mac();
                self.say(format!("ip link set {name} address {mac}"));
            }
            9 => {
                let flag = self.one(&[
                    "arp off",
                    "arp on",
                    "multicast off",
                    "multicast on",
                    "promisc on",
                    "promisc off",
                    "allmulticast on",
                    "allmulticast off",
                    "txqueuelen 50",
                    "alias uplink",
                    "txqlen 0",
                ]);
                self.say(format!("ip link set dev {name} {flag}"));
            }
            10 => {
                let up = self.one(&["down", "up", "mtu 1300"]);
                self.say(format!("ip link set group 5 {up}"));
            }
            _ => self.carrier(),
        }
    }

    /// Down and up again, or one of them.
    pub(super) fn set_up(&mut self, name: &str, up: bool) {
        let word = if up { "up" } else { "down" };
        let dev = if self.chance(1, 3) { "dev " } else { "" };
        self.say(format!("ip link set {dev}{name} {word}"));
        if let Some(device) = self.model.devices.iter_mut().find(|device| device.name == name) {
            device.up = up;
        }
        if !up && self.chance(1, 3) {
            self.dump();
        }
        if !up && self.chance(3, 4) {
            self.set_up(name, true);
        }
    }

    fn carrier(&mut self) {
        let tuns: Vec<String> = self
            .model
            .devices
            .iter()
            .filter(|device| matches!(device.kind, Kind::Tun | Kind::Tap))
            .map(|device| device.name.clone())
            .collect();
        let name = if tuns.is_empty() || self.chance(1, 8) { self.device() } else { self.one(&tuns) };
        let state = self.one(&["off", "on"]);
        self.say(format!("ip link set dev {name} carrier {state}"));
        if state == "off" && self.chance(2, 3) {
            self.question();
            self.dump();
            if self.chance(1, 2) {
                self.say(format!("ip link set {name} carrier on"));
            }
        }
    }

    pub(super) fn rename(&mut self, name: &str) {
        if name == "lo" && self.chance(9, 10) {
            return self.carrier();
        }
        if name == "lo" {
            self.say("ip link set lo name loop");
            self.question();
            return self.say("ip link set loop name lo");
        }
        let new = self.fresh_name(&["ren", "uplink", "x.", "wan-"]);
        self.say(format!("ip link set {name} name {new}"));
        if let Some(device) = self.model.devices.iter_mut().find(|device| device.name == name) {
            device.name = new.clone();
        }
        if let Some(vrf) = self.model.vrfs.iter_mut().find(|vrf| vrf.name == name) {
            vrf.name = new.clone();
        }
        let renamed = self.model.devices.iter_mut().filter(|device| device.peer.as_deref() == Some(name));
        renamed.for_each(|device| device.peer = Some(new.clone()));
    }

    fn delete(&mut self, name: &str) {
        if self.model.devices.len() < 3 && self.chance(4, 5) {
            return self.add_link();
        }
        let kind = self.one(&["", "dev ", ""]);
        self.say(format!("ip link del {kind}{name}"));
        let with = Some(name.to_owned());
        self.model.devices.retain(|device| device.name != name && device.peer != with);
        self.model.vrfs.retain(|vrf| vrf.name != name);
    }

    fn master(&mut self) {
        let bridges: Vec<String> = self
            .model
            .devices
            .iter()
            .filter(|device| device.kind == Kind::Bridge)
            .map(|device| device.name.clone())
            .collect();
        let name = self.device();
        if bridges.is_empty() {
            return self.add_device(Kind::Bridge);
        }
        if self.chance(1, 3) {
            self.say(format!("ip link set {name} nomaster"));
        } else {
            let bridge = self.one(&bridges);
            self.say(format!("ip link set dev {name} master {bridge}"));
        }
    }

    fn add_link(&mut self) {
        if self.devices == Devices::All && self.chance(1, 2) {
            return self.add_stacked();
        }
        let tap = if self.theme == Theme::Links { 3 } else { 1 };
        let kind = self.weighted(&[
            (5, if self.devices == Devices::All { Kind::Dummy } else { Kind::Ifb }),
            (4, Kind::Veth),
            (3, Kind::Bridge),
            (2 * tap, Kind::Tun),
            (tap, Kind::Tap),
        ]);
        if kind == Kind::Veth { self.add_veth() } else { self.add_device(kind) }
    }

    pub(super) fn add_device(&mut self, kind: Kind) {
        let mac = self.mac();
        let name = match kind {
            Kind::Dummy => self.fresh_name(&["d", "dummy"]),
            Kind::Bridge => self.fresh_name(&["br"]),
            Kind::Tun => self.fresh_name(&["tun"]),
            Kind::Tap => self.fresh_name(&["tap"]),
            _ => self.fresh_name(&["i", "ifb"]),
        };
        match kind {
            Kind::Bridge => self.say(format!("ip link add name {name} address {mac} type bridge")),
            Kind::Tun => {
                self.say(format!("ip tuntap add dev {name} mode tun"));
                self.without_random_address(&name);
            }
            Kind::Tap => {
                self.say(format!("ip tuntap add dev {name} mode tap"));
                self.say(format!("ip link set {name} address {mac}"));
            }
            _ => {
                let extra = self.one(&["", "", "", " mtu 1400", " txqueuelen 100", " up"]);
                self.say(format!("ip link add {name} address {mac}{extra} type ifb"));
            }
        }
        self.model.devices.push(Device {
            name: name.clone(),
            kind,
            up: false,
            peer: None,
            addresses: Vec::new(),
        });
        if !self.lines.len().is_multiple_of(5) && self.chance(5, 6) {
            self.set_up(&name, true);
        }
    }

    fn add_veth(&mut self) {
        let (one, two) = self.veth_devices();
        let (mac_one, mac_two) = (self.mac(), self.mac());
        let (name, peer) = (&one.name, &two.name);
        self.say(format!(
            "ip link add {name} address {mac_one} type veth peer name {peer} address {mac_two}"
        ));
        for device in [one, two] {
            let name = device.name.clone();
            self.model.devices.push(device);
            if self.chance(9, 10) {
                self.set_up(&name, true);
            }
        }
    }

    /// Two ends, not yet made.
    pub(super) fn veth_devices(&mut self) -> (Device, Device) {
        let (one, two) = (self.fresh_name(&["e", "eth"]), self.fresh_name(&["e", "p"]));
        let device = |name: &str, peer: &str| Device {
            name: name.into(),
            kind: Kind::Veth,
            up: false,
            peer: Some(peer.into()),
            addresses: Vec::new(),
        };
        (device(&one, &two), device(&two, &one))
    }

    pub(super) fn fresh_name(&mut self, stems: &[&str]) -> String {
        if self.chance(1, 30) {
            // A name that rules may have waited for.
            return "later0".into();
        }
        let stem = self.one(stems);
        self.made += 1;
        format!("{stem}{}", self.made)
    }
}
