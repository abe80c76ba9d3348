//! Policy rules with every selector and action.

use super::Gen;

/// Marks that rules and questions share.
pub const MARKS: [&str; 10] = ["1", "2", "0x10", "0x100", "0x1ff", "0xff", "0", "7", "0xffffffff", "0xca6c"];
/// User ids that rules and questions share.
pub const UIDS: [&str; 6] = ["0", "1", "999", "1000", "1001", "65534"];
/// Ports that rules and questions share.
pub const PORTS: [&str; 8] = ["22", "53", "80", "443", "1000", "2000", "65534", "1"];
/// Type-of-service bytes that rules, routes and questions share.
pub const TOS: [&str; 12] =
    ["0x04", "0x08", "0x10", "0x1c", "0x18", "0x0c", "0x10", "0x30", "0x20", "0x11", "0xf0", "0"];

const PREFERENCES: [&str; 14] =
    ["0", "1", "5", "10", "100", "100", "100", "200", "300", "1000", "32765", "32766", "32767", "40000"];

impl Gen {
    /// One step about rules.
    pub(super) fn rule(&mut self) {
        match self.weighted(&[(20, 0), (6, 1), (2, 2), (2, 3), (1, 4)]) {
            0 => self.add_rule(),
            1 => self.delete_rule(),
            2 => self.default_rules(),
            3 => self.known_rule_again(),
            _ => {
                let which = self.one(&["", "", " table 100", " pref 100"]);
                let ip = self.ip();
                self.say(format!("{ip} rule flush{which}"));
            }
        }
        if self.chance(1, 6) {
            self.dump();
        }
    }

    fn add_rule(&mut self) {
        let mut text = String::new();
        let count = self.weighted(&[(3, 0), (10, 1), (5, 2), (2, 3)]);
        if self.chance(1, 8) {
            text += " not";
        }
        for _ in 0..count {
            text += &self.selector();
        }
        if self.chance(4, 5) {
            let word = self.one(&["pref", "priority", "pref", "order"]);
            let preference = if self.chance(1, 5) {
                self.range(1, 400).to_string()
            } else {
                self.one(&PREFERENCES).to_owned()
            };
            text += &format!(" {word} {preference}");
        }
        text += &self.action();
        let ip = self.ip();
        self.say(format!("{ip} rule add{text}"));
        self.model.rules.push(text);
    }

    fn selector(&mut self) -> String {
        match self.weighted(&[(6, 0), (6, 1), (4, 2), (3, 3), (6, 4), (3, 5), (2, 6), (4, 7), (1, 8), (1, 9)])
        {
            0 => format!(" from {}", self.rule_prefix()),
            1 => format!(" to {}", self.rule_prefix()),
            2 => {
                let name = match self.range(0, 12) {
                    0 => "later0".into(),
                    1..4 => "lo".into(),
                    _ => self.device(),
                };
                format!(" {} {name}", self.one(&["iif", "dev"]))
            }
            3 => {
                let name = if self.chance(1, 12) { "later0".into() } else { self.device() };
                format!(" oif {name}")
            }
            4 => {
                let mask = self.one(&["", "", "", "/0xff", "/0xf", "/0x100", "/0"]);
                format!(" fwmark {}{mask}", self.one(&MARKS))
            }
            5 => format!(" {} {}", self.one(&["tos", "dsfield"]), self.one(&TOS)),
            6 => {
                let (low, high) = (self.one(&UIDS), self.one(&UIDS));
                format!(" uidrange {low}-{high}")
            }
            7 => self.protocol_and_ports(),
            8 => " tun_id 5".into(),
            _ => " from all".into(),
        }
    }

    fn protocol_and_ports(&mut self) -> String {
        let mut text = String::new();
        if self.chance(2, 3) {
            text += &format!(" ipproto {}", self.one(&["tcp", "udp", "icmp", "6", "17", "47", "tcp"]));
        }
        for word in ["sport", "dport"] {
            if self.chance(1, 2) {
                let port = self.one(&PORTS);
                text += &match self.range(0, 3) {
                    0 => format!(" {word} {port}-{}", self.one(&PORTS)),
                    _ => format!(" {word} {port}"),
                };
            }
        }
        text
    }

    /// A prefix with or without host bits, or one address.
    pub(super) fn rule_prefix(&mut self) -> String {
        match self.range(0, 6) {
            0 => self.own_address().to_string(),
            1 => self.on_link().1.to_string(),
            2 => self.link_subnet().1.text(),
            3 => {
                let (_, subnet) = self.link_subnet();
                format!("{}/{}", self.host_in(subnet), subnet.length)
            }
            4 => {
                let wide = match self.is_six() {
                    true => ["::/0", "all", "2001:db8::/32", "2000::/3", "fe80::/10", "fc00::/7"],
                    false => ["0/0", "all", "10.0.0.0/8", "20.0.0.0/8", "0.0.0.0/8", "127.0.0.0/8"],
                };
                self.one(&wide).into()
            }
            _ => {
                let prefix = self.route_prefix();
                if prefix.length == 0 { "all".into() } else { prefix.text() }
            }
        }
    }

    fn action(&mut self) -> String {
        match self.weighted(&[
            (30, 0),
            (3, 1),
            (2, 2),
            (2, 3),
            (2, 4),
            (2, 5),
            (5, 6),
            (2, 7),
            (1, 8),
            (2, 9),
            (1, 10),
        ]) {
            0 => format!(" {} {}", self.one(&["table", "lookup"]), self.table()),
            1 => {
                let preference = self.one(&PREFERENCES);
                let later = self.range(50, 500).to_string();
                format!(" goto {}", self.one(&[preference, &later]))
            }
            2 => " nop".into(),
            3 => " blackhole".into(),
            4 => " unreachable".into(),
            5 => " prohibit".into(),
            6 => {
                let length = self.one(&["0", "0", "8", "16", "24", "32"]);
                let word = self.one(&["suppress_prefixlength", "suppress_prefixlength", "sup_pl"]);
                format!(" table {} {word} {length}", self.table())
            }
            7 => {
                let group = self.one(&["5", "0", "default", "7"]);
                format!(" table {} suppress_ifgroup {group}", self.table())
            }
            8 => format!(" table {} realms {}", self.table(), self.one(&["4", "6/8"])),
            9 => format!(" table {} protocol {}", self.table(), self.one(&["static", "99", "kernel"])),
            _ => self.one(&["", " table 0", " type 5", " l3mdev"]).into(),
        }
    }

    fn known_rule_again(&mut self) {
        if !self.model.rules.is_empty() {
            let known = self.model.rules.clone();
            let text = self.one(&known);
            let not = if self.chance(1, 3) { " not" } else { "" };
            let ip = self.ip();
            self.say(format!("{ip} rule add{not}{text}"));
        }
    }

    fn delete_rule(&mut self) {
        if self.model.rules.is_empty() || self.chance(1, 6) {
            let preference = self.one(&PREFERENCES);
            let ip = self.ip();
            let line = match self.range(0, 4) {
                0 => format!("{ip} rule del table {}", self.table()),
                1 => format!("{ip} rule del {}", self.selector().trim_start()),
                _ => format!("{ip} rule del pref {preference}"),
            };
            return self.say(line);
        }
        let at = self.range(0, self.model.rules.len() as u64) as usize;
        let text = self.model.rules.remove(at);
        let ip = self.ip();
        self.say(format!("{ip} rule del{text}"));
    }

    /// The three rules of a fresh namespace, taken away and put back.
    fn default_rules(&mut self) {
        let three = [(0, "local"), (32766, "main"), (32767, "default")];
        // IPv6 has no table for defaults (C-289).
        let (preference, table) = if self.is_six() { self.one(&three[..2]) } else { self.one(&three) };
        let ip = self.ip();
        self.say(format!("{ip} rule del pref {preference}"));
        self.question();
        if self.chance(2, 3) {
            self.say(format!("{ip} rule add pref {preference} table {table}"));
        }
    }
}
