//! Random address sets, and destinations to choose a source for.

use std::net::Ipv6Addr;

use super::Gen;
use crate::generate::model::number;
use crate::sources::CONNECT;

impl Gen {
    /// Devices with many addresses, labels and routes, then `connect` lines.
    pub(in super::super) fn whole_sources(&mut self) {
        self.preamble6();
        self.first_links();
        self.first_addresses();
        let steps = self.range(2, 10);
        for _ in 0..steps {
            match self.range(0, 6) {
                0 => self.sysctl6(),
                1 => self.way_to_somewhere(),
                _ => self.address(),
            }
        }
        self.ways_out();
        while self.asked < self.wanted {
            self.asked += 1;
            self.connect();
        }
    }

    /// Routes that lead to most destinations, so that there is something to choose.
    fn ways_out(&mut self) {
        for prefix in ["default", "2000::/3", "fc00::/7", "2002::/16", "ff00::/8"] {
            if self.chance(2, 3) {
                let (device, gateway) = self.on_link();
                let way = if self.chance(1, 3) { String::new() } else { format!(" via {}", gateway) };
                let metric = self.range(1, 2000);
                self.say(format!("ip -6 route add {prefix}{way} dev {device} metric {metric}"));
            }
        }
    }

    /// One hop for packets from anywhere: what else decides is not the source's
    /// choice. (Of several hops a socket takes one by its port, and where a route
    /// is for some sources only it looks twice.)
    fn way_to_somewhere(&mut self) {
        let prefix = self.route_prefix().route_text();
        let (device, gateway) = self.on_link();
        let way = if self.chance(1, 3) { String::new() } else { format!(" via {}", gateway) };
        let source = if self.chance(1, 4) { format!(" src {}", self.own_address()) } else { String::new() };
        let metric = self.range(1, 2000);
        self.say(format!("ip -6 route add {prefix}{way} dev {device}{source} metric {metric}"));
    }

    fn connect(&mut self) {
        let to = match self.range(0, 4) {
            0 => self.special_address(),
            1 => self.on_link().1,
            2 => {
                let subnet = self.subnet();
                self.host_in(subnet)
            }
            _ => self.new_prefix().last(),
        };
        let mut to = number(to);
        // `::` stands for the loopback address to a socket, and an IPv4 address is one of IPv4.
        if to == 0 || to >> 32 == 0xffff {
            to = 1;
        }
        // Scoped destinations need a device, to a socket.
        let link_local = to >> 118 == 0xfe80 >> 6;
        let multicast_of_link = to >> 120 == 0xff && matches!(to >> 112 & 0xf, 1 | 2);
        let device = match link_local || multicast_of_link {
            true => format!(" dev {}", self.good_device()),
            false => String::new(),
        };
        self.lines.push(format!("{CONNECT} {}{device}", Ipv6Addr::from_bits(to)));
    }
}
