//! Nexthop objects and groups.

use super::Gen;
use super::model::Object;

impl Gen {
    /// One step about nexthop objects.
    pub(super) fn nexthop(&mut self) {
        let few = self.model.objects.len() < 3;
        match self.weighted(&[
            (if few { 20 } else { 6 }, 0),
            (7, 1),
            (5, 2),
            (4, 3),
            (3, 4),
            (2, 5),
            (1, 6),
            (1, 7),
        ]) {
            0 => self.add_single("add", None),
            1 => self.add_group("add", None),
            2 => self.replace_object(),
            3 => self.delete_object(),
            4 => {
                let (prefix, id) = (self.route_prefix().route_text(), self.object_id());
                let verb = self.one(&["add", "replace", "append"]);
                let ip = self.ip();
                self.say(format!("{ip} route {verb} {prefix} nhid {id}"));
            }
            5 => {
                let id = self.object_id();
                let line = self.one(&["ip nexthop get id", "ip -j nexthop get id", "ip nexthop show id"]);
                self.say(format!("{line} {id}"));
            }
            6 => {
                let what = self.one(&["", " protocol 99", " groups", " vrf none"]);
                let what =
                    if what == " vrf none" { format!(" dev {}", self.device()) } else { what.to_owned() };
                self.say(format!("ip nexthop flush{what}"));
            }
            _ => {
                let value = self.one(&["0", "1"]);
                self.say(format!("sysctl -w net.ipv4.nexthop_compat_mode={value}"));
            }
        }
    }

    fn object_id(&mut self) -> u64 {
        let ids: Vec<u64> = self.model.objects.iter().map(|object| object.id).collect();
        if ids.is_empty() || self.chance(1, 12) { self.range(1, 60) } else { self.one(&ids) }
    }

    fn fresh_id(&mut self) -> u64 {
        match self.range(0, 12) {
            0 => self.object_id(),
            1 => self.range(1000, 4_000_000_000),
            _ => {
                self.model.objects.iter().map(|object| object.id).filter(|id| *id < 500).max().unwrap_or(0)
                    + 1
            }
        }
    }

    fn add_single(&mut self, verb: &str, id: Option<u64>) {
        let id = match id {
            Some(id) => id,
            None => self.fresh_id(),
        };
        let (device, gateway) = self.on_link();
        let way = match self.weighted(&[(24, 0), (4, 1), (2, 2), (3, 3), (1, 4), (1, 5), (1, 6), (1, 7)]) {
            0 => format!("via {gateway} dev {device}"),
            1 => format!("dev {device}"),
            2 => "blackhole".into(),
            3 => format!("via {} dev {} onlink", self.special_address(), self.good_device()),
            4 => format!("via {} dev {device}", self.gateway()),
            5 => format!("via {gateway}"),
            6 => format!("via inet6 fe80::1 dev {device}"),
            _ => format!("via {gateway} fdb"),
        };
        let id = if self.chance(1, 20) { String::new() } else { format!(" id {id}") };
        let protocol = self.one(&["", "", "", "", " proto static", " protocol 99", " proto kernel"]);
        let ip = self.ip();
        self.say(format!("{ip} nexthop {verb}{id} {way}{protocol}"));
        if let Some(id) = id.strip_prefix(" id ").and_then(|id| id.parse().ok()) {
            self.remember(id, false);
        }
    }

    fn add_group(&mut self, verb: &str, id: Option<u64>) {
        let singles: Vec<u64> =
            self.model.objects.iter().filter(|object| !object.group).map(|object| object.id).collect();
        if singles.is_empty() {
            return self.add_single("add", None);
        }
        let id = match id {
            Some(id) => id,
            None => self.fresh_id(),
        };
        let count = self.range(1, 4).min(singles.len() as u64) as usize;
        let mut members: Vec<u64> = Vec::new();
        let mut tries = 0;
        while members.len() < count && tries < 20 {
            tries += 1;
            let member = if self.chance(1, 20) { self.object_id() } else { self.one(&singles) };
            if !members.contains(&member) || self.chance(1, 40) {
                members.push(member);
            }
        }
        let mut text = Vec::new();
        for member in members {
            text.push(match self.range(0, 3) {
                0 => format!("{member},{}", self.one(&["2", "3", "7", "255", "256", "1"])),
                _ => member.to_string(),
            });
        }
        let kind = self.one(&[
            "",
            "",
            "",
            "",
            " type mpath",
            " type resilient buckets 8",
            " type resilient buckets 32 idle_timer 60",
            " type resilient",
            " type resilient buckets 4 unbalanced_timer 0",
        ]);
        self.say(format!("ip nexthop {verb} id {id} group {}{kind}", text.join("/")));
        self.remember(id, true);
        if kind.contains("buckets") {
            self.say(format!("ip nexthop bucket show id {id}"));
        }
    }

    fn replace_object(&mut self) {
        if self.model.objects.is_empty() {
            return self.add_single("replace", None);
        }
        let known = self.model.objects.clone();
        let Object { id, group } = self.one(&known);
        let group = group != self.chance(1, 6);
        if group {
            self.add_group("replace", Some(id))
        } else {
            self.add_single("replace", Some(id))
        }
        if self.chance(1, 2) {
            self.dump();
        }
    }

    fn delete_object(&mut self) {
        let id = self.object_id();
        self.say(format!("ip nexthop del id {id}"));
        self.model.objects.retain(|object| object.id != id);
        if self.chance(1, 2) {
            self.dump();
        }
    }

    fn remember(&mut self, id: u64, group: bool) {
        self.model.objects.retain(|object| object.id != id);
        self.model.objects.push(Object { id, group });
    }
}
