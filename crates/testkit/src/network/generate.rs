//! Random small networks, and pings in them.

use fingerpost_net::{Family, Rng};

/// A script: hosts on links and bridges, and what they ping.
pub fn script(family: Family, seed: u64, index: u64) -> Vec<String> {
    let mut rng = Rng::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(index));
    let mut plan = Plan::new(family, &mut rng);
    plan.build(&mut rng);
    plan.lines
}

/// A network in the making.
struct Plan {
    family: Family,
    hosts: usize,
    /// Of each segment the hosts on it.
    segments: Vec<Vec<usize>>,
    lines: Vec<String>,
}

impl Plan {
    fn new(family: Family, rng: &mut Rng) -> Plan {
        let hosts = 2 + rng.below(4) as usize;
        // A tree of segments, each new host on one that is there or on a new one.
        let mut segments: Vec<Vec<usize>> = vec![vec![0]];
        for host in 1..hosts {
            let other = rng.below(host as u64) as usize;
            match rng.chance(1, 2) {
                true => {
                    let at = rng.below(segments.len() as u64) as usize;
                    segments[at].push(host);
                }
                false => segments.push(vec![other, host]),
            }
        }
        // Sometimes one more way.
        if hosts > 2 && rng.chance(1, 3) {
            let (a, b) = (rng.below(hosts as u64) as usize, rng.below(hosts as u64) as usize);
            if a != b {
                segments.push(vec![a, b]);
            }
        }
        segments.retain(|segment| segment.len() > 1);
        Plan { family, hosts, segments, lines: Vec::new() }
    }

    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    fn on(&mut self, host: usize, rest: &str) {
        self.say(format!("ip -n h{host} {rest}"));
    }

    fn set(&mut self, host: usize, setting: &str) {
        self.say(format!("ip netns exec h{host} sysctl -qw {setting}"));
    }

    fn addr(&self, segment: usize, last: usize) -> String {
        match self.family {
            Family::V4 => format!("10.{segment}.0.{last}"),
            Family::V6 => format!("2001:db8:{segment}::{last:x}"),
        }
    }

    fn subnet(&self, segment: usize) -> String {
        match self.family {
            Family::V4 => format!("10.{segment}.0.0/24"),
            Family::V6 => format!("2001:db8:{segment}::/64"),
        }
    }

    fn build(&mut self, rng: &mut Rng) {
        let len = if self.family == Family::V4 { 24 } else { 64 };
        for host in 0..self.hosts {
            self.say(format!("ip netns add h{host}"));
            if self.family == Family::V6 {
                self.set(host, "net.ipv6.conf.default.accept_dad=0");
                self.set(host, "net.ipv6.conf.default.router_solicitations=0");
            }
            if rng.chance(19, 20) {
                self.on(host, "link set lo up");
            }
        }
        for at in 0..self.segments.len() {
            self.segment(at, rng);
        }
        for at in 0..self.segments.len() {
            for host in self.segments[at].clone() {
                if rng.chance(29, 30) {
                    let addr = self.addr(at, host + 1);
                    self.on(host, &format!("addr add {addr}/{len} dev e{at}"));
                }
            }
        }
        for host in 0..self.hosts {
            self.routes(host, rng);
            self.settings(host, rng);
        }
        if rng.chance(1, 3) {
            self.mtu(rng);
        }
        for _ in 0..4 + rng.below(4) {
            self.ping(rng);
        }
    }

    /// Links of a segment: one between two hosts, or a bridge, in a namespace of its own or
    /// at one of the hosts.
    fn segment(&mut self, at: usize, rng: &mut Rng) {
        let hosts = self.segments[at].clone();
        let mac = |host: usize| format!("02:00:00:00:{at:02x}:{:02x}", host + 1);
        if let ([a, b], true) = (&hosts[..], rng.chance(2, 3)) {
            let ends = format!(
                "address {} netns h{a} type veth peer name e{at} address {} netns h{b}",
                mac(*a),
                mac(*b)
            );
            self.say(format!("ip link add e{at} {ends}"));
        } else {
            let own = rng.chance(1, 3).then(|| hosts[rng.below(hosts.len() as u64) as usize]);
            let space = match own {
                Some(host) => format!("h{host}"),
                None => format!("s{at}"),
            };
            let bridge = if own.is_some() { format!("e{at}") } else { "br0".to_owned() };
            if own.is_none() {
                self.say(format!("ip netns add {space}"));
            }
            self.say(format!("ip -n {space} link add {bridge} type bridge"));
            if let Some(host) = own {
                self.say(format!("ip -n {space} link set {bridge} address {}", mac(host)));
            }
            for host in hosts.iter().filter(|&&host| Some(host) != own) {
                let peer = format!("type veth peer name p{at}-{host} netns {space}");
                self.say(format!("ip link add e{at} address {} netns h{host} {peer}", mac(*host)));
                self.say(format!("ip -n {space} link set p{at}-{host} master {bridge} up"));
                if rng.chance(1, 12) {
                    let setting = [
                        "flood off",
                        "mcast_flood off",
                        "bcast_flood off",
                        "learning off",
                        "isolated on",
                        "hairpin on",
                    ];
                    let setting = setting[rng.below(6) as usize];
                    self.say(format!("ip -n {space} link set p{at}-{host} type bridge_slave {setting}"));
                }
            }
            self.say(format!("ip -n {space} link set {bridge} up"));
        }
        for host in hosts {
            if rng.chance(39, 40) {
                self.on(host, &format!("link set e{at} up"));
            }
        }
    }

    /// The segments that a host is on.
    fn of(&self, host: usize) -> Vec<usize> {
        (0..self.segments.len()).filter(|&at| self.segments[at].contains(&host)).collect()
    }

    /// A neighbour on the way to a segment, and the segment that leads to it.
    fn next(&self, host: usize, target: usize) -> Option<(usize, usize)> {
        let mut seen = vec![false; self.hosts];
        let mut queue = std::collections::VecDeque::from([(host, None)]);
        seen[host] = true;
        while let Some((here, first)) = queue.pop_front() {
            if self.segments[target].contains(&here) {
                return first;
            }
            for at in self.of(here) {
                for &other in &self.segments[at] {
                    if !std::mem::replace(&mut seen[other], true) {
                        queue.push_back((other, first.or(Some((at, other)))));
                    }
                }
            }
        }
        None
    }

    fn routes(&mut self, host: usize, rng: &mut Rng) {
        let own = self.of(host);
        for target in (0..self.segments.len()).filter(|at| !own.contains(at)) {
            let dst = self.subnet(target);
            let usual = self.next(host, target);
            let Some(by) = rng.pick(&own).copied() else { continue };
            let others: Vec<usize> = self.segments[by].iter().copied().filter(|&h| h != host).collect();
            let odd = rng.pick(&others).map(|&other| (by, other));
            let hop = if rng.chance(5, 6) { usual } else { odd };
            match (rng.below(16), hop) {
                (0, _) => {}
                (1, _) => {
                    let kind = ["blackhole", "unreachable", "prohibit"][rng.below(3) as usize];
                    self.on(host, &format!("route add {kind} {dst}"));
                }
                (2, _) => self.on(host, &format!("route add {dst} dev e{by}")),
                (_, Some((at, other))) => {
                    let via = self.addr(at, other + 1);
                    let more = if rng.chance(1, 12) { " mtu 1300" } else { "" };
                    self.on(host, &format!("route add {dst} via {via}{more}"));
                }
                _ => {}
            }
        }
        if rng.chance(1, 4)
            && let Some(&at) = rng.pick(&own)
            && let Some(&other) = rng.pick(&self.segments[at].clone())
            && other != host
        {
            let via = self.addr(at, other + 1);
            let family = if self.family == Family::V6 { "-6 " } else { "" };
            self.say(format!("ip -n h{host} {family}route add default via {via}"));
        }
        if rng.chance(1, 10) {
            let addr = match self.family {
                Family::V4 => format!("10.9{host}.0.1/32"),
                Family::V6 => format!("2001:db8:9{host}::1/128"),
            };
            self.on(host, &format!("addr add {addr} dev lo"));
        }
    }

    fn settings(&mut self, host: usize, rng: &mut Rng) {
        let is_router = self.of(host).len() > 1;
        let forwards = if is_router { rng.chance(9, 10) } else { rng.chance(1, 4) };
        if forwards {
            self.set(
                host,
                match self.family {
                    Family::V4 => "net.ipv4.ip_forward=1",
                    Family::V6 => "net.ipv6.conf.all.forwarding=1",
                },
            );
        }
        let settings: &[&str] = match self.family {
            Family::V4 => &[
                "net.ipv4.conf.all.rp_filter=1",
                "net.ipv4.conf.all.rp_filter=2",
                "net.ipv4.conf.all.send_redirects=0",
                "net.ipv4.conf.all.accept_redirects=0",
                "net.ipv4.icmp_echo_ignore_all=1",
                "net.ipv4.icmp_echo_ignore_broadcasts=0",
                "net.ipv4.ip_default_ttl=3",
                "net.ipv4.icmp_errors_use_inbound_ifaddr=1",
                "net.ipv4.ip_no_pmtu_disc=1",
                "net.ipv4.ip_forward_use_pmtu=1",
                "net.ipv4.conf.all.arp_ignore=1",
                "net.ipv4.conf.all.arp_announce=2",
                "net.ipv4.conf.all.proxy_arp=1",
                "net.ipv4.neigh.default.mcast_solicit=1",
            ],
            Family::V6 => &[
                "net.ipv6.conf.all.hop_limit=3",
                "net.ipv6.conf.all.accept_redirects=0",
                "net.ipv6.icmp.echo_ignore_all=1",
                "net.ipv6.icmp.echo_ignore_multicast=1",
                "net.ipv6.neigh.default.mcast_solicit=1",
            ],
        };
        if rng.chance(1, 3)
            && let Some(setting) = rng.pick(settings)
        {
            self.set(host, setting);
        }
    }

    /// A segment, or one end of it, takes only shorter packets.
    fn mtu(&mut self, rng: &mut Rng) {
        let at = rng.below(self.segments.len() as u64) as usize;
        let sizes: &[u32] =
            if self.family == Family::V4 { &[1400, 1000, 600, 1500] } else { &[1400, 1280, 1450] };
        let Some(&mtu) = rng.pick(sizes) else { return };
        let all = rng.chance(4, 5);
        for host in self.segments[at].clone() {
            if all || rng.chance(1, 2) {
                self.on(host, &format!("link set e{at} mtu {mtu}"));
            }
        }
    }

    fn ping(&mut self, rng: &mut Rng) {
        let host = rng.below(self.hosts as u64) as usize;
        let at = rng.below(self.segments.len() as u64) as usize;
        let members = self.segments[at].clone();
        let Some(&other) = rng.pick(&members) else { return };
        let target = match rng.below(20) {
            0 => self.addr(at, 77),
            1 => self.addr(88, 1),
            2 if self.family == Family::V4 => format!("-b 10.{at}.0.255"),
            2 => "-I e0 ff02::1".to_owned(),
            3 if self.family == Family::V4 => "224.0.0.1".to_owned(),
            4 => match self.family {
                Family::V4 => format!("10.9{other}.0.1"),
                Family::V6 => format!("2001:db8:9{other}::1"),
            },
            _ => self.addr(at, other + 1),
        };
        let mut options = format!("-c {}", 1 + rng.below(3));
        if rng.chance(1, 4) {
            options += " -i 0.3";
        }
        // Not whole seconds, so that nothing ends just when a neighbour fails.
        options += if rng.chance(1, 2) { " -W 1.2" } else { " -W 4.2" };
        if rng.chance(1, 4) {
            options += &format!(" -t {}", 1 + rng.below(4));
        }
        if rng.chance(1, 3) {
            let sizes = [8, 15, 16, 500, 972, 1000, 1252, 1372, 1400, 1452, 1472, 1473, 3000, 9000];
            options += &format!(" -s {}", sizes[rng.below(sizes.len() as u64) as usize]);
        }
        if rng.chance(1, 3) {
            options += [" -M do", " -M dont", " -M want"][rng.below(3) as usize];
        }
        if rng.chance(1, 8)
            && let Some(&own) = rng.pick(&self.of(host))
        {
            let source = if rng.chance(1, 2) { self.addr(own, host + 1) } else { format!("e{own}") };
            options += &format!(" -I {source}");
        }
        for (option, den) in [(" -q", 20), (" -O", 15), (" -Q 0x10", 15), (" -p a5", 20), (" -r", 25)] {
            if rng.chance(1, den) {
                options += option;
            }
        }
        self.say(format!("ip netns exec h{host} ping {options} {target}"));
    }
}
