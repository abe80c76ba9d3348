//! Questions: `ip route get` in its output, input and fibmatch forms, of either family.

use std::net::IpAddr;

use super::rules::{MARKS, PORTS, TOS, UIDS};
use super::{Gen, Theme};

impl Gen {
    /// One question.
    pub(super) fn question(&mut self) {
        self.asked += 1;
        let destination = self.destination();
        let input = if self.theme == Theme::Input { 70 } else { 30 };
        let form = match self.weighted(&[(55, 0), (input, 1), (10, 2), (4, 3)]) {
            0 => self.output_form(),
            1 => self.input_form(),
            2 => format!(" fibmatch{}", self.output_form()),
            _ => format!(" fibmatch{}", self.input_form()),
        };
        let (fibmatch, form) = match form.strip_prefix(" fibmatch") {
            Some(rest) => ("fibmatch ", rest.to_owned()),
            None => ("", form),
        };
        let selectors = self.selectors();
        let options = self.weighted(&[
            (50, ""),
            (40, "-j "),
            (3, "-d "),
            (3, "-d -j "),
            (2, "-o "),
            (1, if self.is_six() { "-6 " } else { "-4 " }),
            (1, "-N "),
        ]);
        let family = if self.is_six() && self.chance(1, 2) { "-6 " } else { "" };
        let length = if self.is_six() && self.chance(1, 80) { "/64" } else { "" };
        let tail = if self.chance(1, 60) { self.one(&[" connected", " notify"]) } else { "" };
        let words = self.weighted(&[(30, "route get"), (1, "r g"), (1, "ro get")]);
        self.say(format!(
            "ip {family}{options}{words} {fibmatch}{destination}{length}{form}{selectors}{tail}"
        ));
    }

    fn destination(&mut self) -> IpAddr {
        match self.weighted(&[(46, 0), (14, 1), (10, 2), (5, 3), (8, 4), (6, 5), (3, 6)]) {
            0 => match self.model.routes.is_empty() {
                true => self.special_address(),
                false => {
                    let at = self.range(0, self.model.routes.len() as u64) as usize;
                    let prefix = self.model.routes[at].prefix;
                    self.host_in(prefix)
                }
            },
            1 => self.on_link().1,
            2 => self.own_address(),
            3 => self.link_subnet().1.last(),
            4 => self.special_address(),
            5 => {
                let prefix = self.route_prefix();
                self.host_in(prefix)
            }
            _ => self.link_subnet().1.base,
        }
    }

    fn output_form(&mut self) -> String {
        let mut form = self.vrf_of_question().unwrap_or_default();
        let sources = if self.theme == Theme::Subtrees { 6 } else { 3 };
        if self.chance(sources, 10) {
            let source = self.source_of_question();
            let length = if self.is_six() && self.chance(1, 60) { "/64" } else { "" };
            form += &format!(" from {source}{length}");
        }
        let several = self.is_six() && matches!(self.theme, Theme::Sources | Theme::Multipath);
        if self.chance(if several { 4 } else { 2 }, 10) {
            form += &format!(" {} {}", self.one(&["oif", "oif", "dev"]), self.device());
        }
        form
    }

    /// An address that packets may come from.
    fn source_of_question(&mut self) -> IpAddr {
        let known = self.model.sources.clone();
        let of_routes = if known.is_empty() { 0 } else { 12 };
        match self.weighted(&[(24, 0), (3, 1), (2, 2), (1, 3), (of_routes, 4)]) {
            0 => self.own_address(),
            1 => self.on_link().1,
            2 => self.special_address(),
            3 => self.link_subnet().1.last(),
            _ => {
                let prefix = self.one(&known);
                self.host_in(prefix)
            }
        }
    }

    fn input_form(&mut self) -> String {
        let mut device = if self.chance(4, 5) { self.good_device() } else { self.device() };
        let source = match self.weighted(&[(20, 0), (8, 1), (8, 2)]) {
            0 => {
                let (on, address) = self.on_link();
                if self.chance(3, 4) {
                    device = on;
                }
                address
            }
            1 => {
                let prefix = self.route_prefix();
                self.host_in(prefix)
            }
            _ => self.source_of_question(),
        };
        let mut form = if self.chance(1, 20) { String::new() } else { format!(" from {source}") };
        form += &format!(" iif {device}");
        if self.chance(1, 30) {
            form += &format!(" oif {}", self.device());
        }
        form
    }

    pub(super) fn selectors(&mut self) -> String {
        let rules = if self.theme == Theme::Rules { 3 } else { 1 };
        let mut text = String::new();
        if self.chance(rules, 8) {
            text += &format!(" mark {}", self.one(&MARKS));
        }
        if self.chance(rules, 10) {
            text += &format!(" {} {}", self.one(&["tos", "dsfield"]), self.one(&TOS));
        }
        if self.chance(rules, 14) {
            text += &format!(" uid {}", self.one(&UIDS));
        }
        let ports = if self.theme == Theme::Multipath { 4 } else { rules };
        if self.chance(ports, 10) {
            let icmp = if self.is_six() { "ipv6-icmp" } else { "icmp" };
            let protocol = self.weighted(&[(6, "tcp"), (6, "udp"), (2, icmp), (1, "47")]);
            text += &format!(" ipproto {protocol}");
            if protocol == "tcp" || protocol == "udp" {
                for word in ["sport", "dport"] {
                    if self.chance(2, 3) {
                        let any = self.range(1, 65536).to_string();
                        let port = self.one(&PORTS);
                        text += &format!(" {word} {}", if self.chance(1, 2) { port } else { &any });
                    }
                }
            }
        }
        text
    }
}
