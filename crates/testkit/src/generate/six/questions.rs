//! IPv6 questions: `ip -6 route get` in its output, input and fibmatch forms.

use super::model::{Prefix, text};
use super::{Gen, Theme};

impl Gen {
    /// One question.
    pub(in super::super) fn question6(&mut self) {
        let destination = self.destination6();
        let input = if self.theme == Theme::Input { 70 } else { 24 };
        let (fibmatch, is_input) = match self.weighted(&[(55, 0), (input, 1), (8, 2), (4, 3)]) {
            0 => ("", false),
            1 => ("", true),
            2 => ("fibmatch ", false),
            _ => ("fibmatch ", true),
        };
        let form = if is_input { self.input_form6() } else { self.output_form6() };
        let selectors = self.selectors();
        let options =
            self.weighted(&[(50, ""), (40, "-j "), (3, "-d "), (3, "-d -j "), (2, "-o "), (1, "-N ")]);
        let family = if self.chance(1, 2) { "-6 " } else { "" };
        let words = self.weighted(&[(30, "route get"), (1, "r g"), (1, "ro get")]);
        let length = if self.chance(1, 80) { "/64" } else { "" };
        let tail = if self.chance(1, 60) { self.one(&[" connected", " notify"]) } else { "" };
        self.say(format!(
            "ip {family}{options}{words} {fibmatch}{}{length}{form}{selectors}{tail}",
            text(destination)
        ));
    }

    fn destination6(&mut self) -> u128 {
        match self.weighted(&[(46, 0), (14, 1), (10, 2), (3, 3), (10, 4), (6, 5), (4, 6)]) {
            0 => match self.six.routes.is_empty() {
                true => self.special_address6(),
                false => {
                    let at = self.range(0, self.six.routes.len() as u64) as usize;
                    let prefix = self.six.routes[at].prefix;
                    self.host_in6(prefix)
                }
            },
            1 => self.on_link6().1,
            2 => self.own_address6(),
            3 => self.link_subnet6().1.last(),
            4 => self.special_address6(),
            5 => {
                let prefix = self.route_prefix6();
                self.host_in6(prefix)
            }
            _ => self.link_subnet6().1.base,
        }
    }

    /// An address that packets may come from.
    fn source6(&mut self) -> u128 {
        let sources = self.six.sources.clone();
        match self.weighted(&[(20, 0), (4, 1), (2, 2), (1, 3), (if sources.is_empty() { 0 } else { 12 }, 4)])
        {
            0 => self.own_address6(),
            1 => self.on_link6().1,
            2 => self.special_address6(),
            3 => self.new_prefix6().last(),
            _ => {
                let prefix = self.one(&sources);
                self.host_in6(prefix)
            }
        }
    }

    fn output_form6(&mut self) -> String {
        let mut form = self.vrf_of_question().unwrap_or_default();
        let sources = if self.theme == Theme::Subtrees { 6 } else { 3 };
        if self.chance(sources, 10) {
            let source = self.source6();
            let length = if self.chance(1, 60) { "/64" } else { "" };
            form += &format!(" from {}{length}", text(source));
        }
        let devices = if matches!(self.theme, Theme::Sources | Theme::Multipath) { 4 } else { 2 };
        if self.chance(devices, 10) {
            form += &format!(" {} {}", self.one(&["oif", "oif", "dev"]), self.device());
        }
        form
    }

    fn input_form6(&mut self) -> String {
        let mut device = if self.chance(4, 5) { self.good_device6() } else { self.device() };
        let source = match self.weighted(&[(16, 0), (8, 1), (8, 2)]) {
            0 => {
                let (on, address) = self.on_link6();
                if self.chance(3, 4) {
                    device = on;
                }
                address
            }
            1 => {
                let prefix = self.route_prefix6();
                self.host_in6(prefix)
            }
            _ => self.source6(),
        };
        let mut form = if self.chance(1, 12) { String::new() } else { format!(" from {}", text(source)) };
        form += &format!(" iif {device}");
        if self.chance(1, 30) {
            form += &format!(" oif {}", self.device());
        }
        form
    }

    /// A rule's selector: with or without host bits, or one address.
    pub(in super::super) fn rule_prefix6(&mut self) -> String {
        match self.range(0, 6) {
            0 => text(self.own_address6()),
            1 => text(self.on_link6().1),
            2 => self.link_subnet6().1.text(),
            3 => {
                let (_, Prefix { base, length }) = self.link_subnet6();
                format!("{}/{length}", text(base + 1))
            }
            4 => self.one(&["::/0", "all", "2001:db8::/32", "2000::/3", "fe80::/10", "fc00::/7"]).into(),
            _ => self.route_prefix6().text(),
        }
    }
}
