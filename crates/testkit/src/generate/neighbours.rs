//! Neighbour entries, in the states that stay as they are set.

use super::Gen;

impl Gen {
    /// One step about neighbours: mostly the gateways of routes.
    pub(super) fn neighbour(&mut self) {
        let known = self.model.neighbours.clone();
        if !known.is_empty() && self.chance(1, 3) {
            let (address, device) = self.one(&known);
            let line = match self.range(0, 5) {
                0 => {
                    self.model.neighbours.retain(|entry| *entry != (address.clone(), device.clone()));
                    format!("ip neigh del {address} dev {device}")
                }
                1 => format!("ip neigh get {address} dev {device}"),
                2 => format!("ip neigh replace {address} dev {device} nud failed"),
                _ => {
                    let (mac, state) = (self.mac(), self.state());
                    format!(
                        "ip neigh {} {address} lladdr {mac} dev {device} nud {state}",
                        self.one(&["change", "replace"])
                    )
                }
            };
            return self.say(line);
        }
        if self.chance(1, 25) {
            let (ip, device) = (self.ip(), self.device());
            self.model.neighbours.clear();
            return self.say(format!("{ip} neigh flush dev {device}"));
        }
        let (device, address) = self.on_link();
        let address = if self.chance(1, 15) { self.special_address() } else { address };
        let verb = self.one(&["add", "add", "replace", "change"]);
        let line = match self.range(0, 7) {
            0..3 => format!("ip neigh {verb} {address} dev {device} nud failed"),
            3 => format!("ip neigh {verb} {address} dev {device} nud none"),
            _ => {
                let (mac, state) = (self.mac(), self.state());
                format!("ip neigh {verb} {address} lladdr {mac} dev {device} nud {state}")
            }
        };
        self.say(line);
        self.model.neighbours.push((address.to_string(), device));
    }

    /// States without a timer that could fire within a scenario.
    fn state(&mut self) -> &'static str {
        self.one(&["permanent", "permanent", "reachable", "stale", "stale", "noarp"])
    }
}
