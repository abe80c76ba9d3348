//! Scenarios of several namespaces: each has its own picture, and what is said
//! in a named one is said with `ip -n NAME` or `ip netns exec NAME`.

use super::model::{Kind, Model};
use super::{Gen, Theme};

const NAMES: [&str; 2] = ["blue", "red"];

impl Gen {
    /// One or two named namespaces, set up as the first one is.
    pub(super) fn first_namespaces(&mut self) {
        if self.theme != Theme::Namespaces {
            return;
        }
        let count = self.range(1, 3) as usize;
        for name in &NAMES[..count] {
            self.say(format!("ip netns add {name}"));
            self.others.push((Some((*name).to_owned()), Model::default()));
            self.switch();
            self.preamble();
            self.first_links();
            self.first_addresses();
            self.first_routes();
            self.switch_home();
        }
    }

    /// Goes on in another namespace.
    pub(super) fn switch(&mut self) {
        if let Some((name, model)) = self.others.pop() {
            let old = (std::mem::replace(&mut self.space, name), std::mem::replace(&mut self.model, model));
            self.others.insert(0, old);
        }
    }

    /// Goes on in the namespace that the script runs in.
    pub(super) fn switch_home(&mut self) {
        for _ in 0..NAMES.len() {
            if self.space.is_some() {
                self.switch();
            }
        }
    }

    /// One step about namespaces.
    pub(super) fn namespace(&mut self) {
        match self.weighted(&[(6, 0), (3, 1), (2, 2), (1, 3)]) {
            0 => self.switch(),
            1 => self.move_link(),
            2 => self.veth_between(),
            _ => {
                let here = self.space.take();
                let line = self.one(&[
                    "ip netns add blue",
                    "ip netns del nosuch",
                    "ip -n nosuch route show",
                    "ip netns exec nosuch ip route show",
                    "ip netns nosuch",
                    "ip link set lo netns nosuch",
                    "ip netns list",
                ]);
                self.say(line);
                self.space = here;
            }
        }
    }

    /// A named namespace other than this one. (Nothing moves back to the first:
    /// it has no name.)
    fn other_name(&mut self) -> Option<String> {
        let names: Vec<String> = self.others.iter().filter_map(|(name, _)| name.clone()).collect();
        if names.is_empty() { None } else { Some(self.one(&names)) }
    }

    fn picture_of(&mut self, name: &str) -> Option<&mut Model> {
        self.others.iter_mut().find(|(known, _)| known.as_deref() == Some(name)).map(|(_, model)| model)
    }

    fn move_link(&mut self) {
        let Some(to) = self.other_name() else { return };
        let name = self.device();
        self.say(format!("ip link set {name} netns {to}"));
        let at = self.model.devices.iter().position(|device| device.name == name);
        if let Some(at) = at
            && self.model.devices[at].kind != Kind::Bridge
        {
            let mut device = self.model.devices.remove(at);
            (device.up, device.addresses) = (false, Vec::new());
            if let Some(model) = self.picture_of(&to) {
                model.devices.push(device);
            }
        }
    }

    fn veth_between(&mut self) {
        let Some(to) = self.other_name() else { return };
        let (one, two) = self.veth_devices();
        let (mac_one, mac_two) = (self.mac(), self.mac());
        let (name, peer) = (&one.name, &two.name);
        self.say(format!(
            "ip link add {name} address {mac_one} type veth peer name {peer} address {mac_two} netns {to}"
        ));
        self.model.devices.push(one);
        if let Some(model) = self.picture_of(&to) {
            model.devices.push(two);
        }
    }

    /// The line as it is said in the current namespace.
    pub(super) fn in_space(&mut self, line: String) -> String {
        let Some(name) = self.space.clone() else { return line };
        match line.strip_prefix("ip ") {
            Some(rest) if !self.chance(1, 5) => format!("ip -n {name} {rest}"),
            _ => format!("ip netns exec {name} {line}"),
        }
    }
}
