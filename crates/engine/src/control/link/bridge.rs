//! Bridges: which ports forward, and what the bridge takes over from them.
//! With spanning tree a port listens first, and the clock of its timers is not
//! modelled: it goes on listening.

use fingerpost_model::{Attr, BridgePort, LinkFlags, LlAddr, Refusal};
use fingerpost_net::Errno;

use super::kind::{ETHER, GSO_UNLIMITED, Kind};
use super::set::check_mtu;
use super::stack::Event;
use super::{At, Devices, address, bridge_data};
use crate::config::Link;

/// `BR_STATE_DISABLED`.
const DISABLED: u8 = 0;
/// `BR_STATE_LISTENING`.
const LISTENING: u8 = 1;
/// `BR_STATE_FORWARDING`.
const FORWARDING: u8 = 3;
/// `BR_STATE_BLOCKING`.
const BLOCKING: u8 = 4;
/// A bridge's MTU without ports (`ETH_DATA_LEN`).
const DEFAULT_MTU: u32 = 1500;

impl Devices<'_> {
    /// The bridge that a device is a port of.
    pub(super) fn bridge_of(&self, at: At) -> Option<At> {
        let master = At { ns: at.ns, dev: self.link(at)?.master()? };
        (Kind::of(self.link(master)?) == Kind::Bridge).then_some(master)
    }

    /// A bridge's ports, ascending by index.
    fn ports(&self, bridge: At) -> Vec<At> {
        let Some(namespace) = self.world.namespaces.get(&bridge.ns) else { return Vec::new() };
        let ports = namespace.config.links.iter().filter(|link| link.master() == Some(bridge.dev));
        ports.map(|link| At { ns: bridge.ns, dev: link.index() }).collect()
    }

    /// `br_add_if`.
    pub(super) fn add_port(&mut self, bridge: At, at: At) -> Result<(), Refusal> {
        let Some(link) = self.link(at) else { return Ok(()) };
        let kind = Kind::of(link);
        let valid = link.msg.address.as_ref().is_some_and(|a| address::is_valid_ether(&a.0));
        if link.is_loopback() || link.msg.arp_type != ETHER || !valid {
            return Err(Refusal::new(Errno::EINVAL));
        }
        if kind == Kind::Bridge {
            return Err(Refusal::with(Errno::ELOOP, "Can not enslave a bridge to a bridge"));
        }
        self.check_receiver(at, |_| false)?;
        self.check_upper(bridge, at)?;
        self.count_port(at, 1);
        self.write_master(at, Some(bridge));
        self.set_port_state(at, DISABLED);
        self.start_port(bridge, at);
        let moved = self.select_bridge_address(bridge);
        if self.can_forward(at) && self.is_up(bridge) {
            self.enable_port(bridge, at);
        }
        if moved {
            self.address_changed(bridge);
        }
        self.adjust_bridge_mtu(bridge);
        self.adjust_bridge_limits(bridge);
        Ok(())
    }

    /// `br_del_if`.
    pub(super) fn remove_port(&mut self, bridge: At, at: At) {
        self.set_port_state(at, DISABLED);
        self.select_bridge_state(bridge);
        self.write_master(at, None);
        self.count_port(at, -1);
        self.adjust_bridge_mtu(bridge);
        self.adjust_bridge_limits(bridge);
        if self.select_bridge_address(bridge) {
            self.address_changed(bridge);
        }
    }

    /// Settings of a port are changed (`br_port_slave_changelink`, `br_setport`).
    pub(super) fn change_port(&mut self, at: At, given: &[Attr]) -> Result<(), Refusal> {
        let Some(bridge) = self.bridge_of(at) else { return Err(Refusal::new(Errno::EOPNOTSUPP)) };
        if let Some(state) = bridge_data::number(given, bridge_data::PORT_STATE) {
            self.demand_port_state(bridge, at, state)?;
        }
        let changed = match self.link(at).and_then(|link| link.msg.info.as_ref()) {
            Some(info) => bridge_data::change_port(&info.slave_data, given)?,
            None => return Err(Refusal::new(Errno::EOPNOTSUPP)),
        };
        if let Some(info) = self.link_mut(at).and_then(|link| link.msg.info.as_mut()) {
            info.slave_data = changed;
        }
        if bridge_data::number(given, bridge_data::PORT_FLUSH).is_some() {
            self.forget_learned(at);
        }
        Ok(())
    }

    /// `br_set_port_state`: not while the kernel keeps the spanning tree.
    fn demand_port_state(&mut self, bridge: At, at: At, state: u64) -> Result<(), Refusal> {
        let info = self.link(bridge).and_then(|link| link.msg.info.as_ref());
        if info.is_some_and(|info| bridge_data::number(&info.data, bridge_data::STP_STATE) == Some(1)) {
            return Err(Refusal::new(Errno::EBUSY));
        }
        if state > u64::from(BLOCKING) {
            return Err(Refusal::new(Errno::EINVAL));
        }
        let is_disabled = state == u64::from(DISABLED);
        let runs = self.link(at).is_some_and(|link| link.is_up() && (link.has_carrier() || is_disabled));
        if !runs {
            return Err(Refusal::new(Errno::ENETDOWN));
        }
        if let Some(link) = self.link_mut(at) {
            link.msg.bridge_port.get_or_insert_with(BridgePort::default).state = state as u8;
        }
        self.select_bridge_state(bridge);
        Ok(())
    }

    fn forget_learned(&mut self, port: At) {
        if let Some(namespace) = self.world.namespaces.get_mut(&port.ns) {
            namespace.state.learned.forget_port(port.dev);
        }
    }

    /// A port receives all frames: promiscuously, and all multicast.
    fn count_port(&mut self, at: At, change: i32) {
        let Some(link) = self.link_mut(at) else { return };
        for count in [&mut link.msg.promiscuity, &mut link.msg.allmulti] {
            *count = Some(count.unwrap_or(0).saturating_add_signed(change));
        }
    }

    /// `br_device_event`, for a port.
    pub(super) fn bridge_follows(&mut self, port: At, event: Event) {
        let Some(bridge) = self.bridge_of(port) else { return };
        match event {
            Event::Up => {
                if self.is_up(bridge) && self.can_forward(port) {
                    self.enable_port(bridge, port);
                }
            }
            Event::Down => {
                if self.is_up(bridge) {
                    self.disable_port(bridge, port);
                }
            }
            Event::Change => {
                if !self.is_up(bridge) {
                    return;
                }
                if !self.can_forward(port) {
                    self.disable_port(bridge, port);
                } else if self.port_state(port) == DISABLED {
                    self.enable_port(bridge, port);
                }
            }
            Event::Mtu => self.adjust_bridge_mtu(bridge),
            Event::Address => {
                if self.select_bridge_address(bridge) {
                    self.address_changed(bridge);
                }
            }
        }
    }

    /// `br_dev_open`.
    pub(super) fn bridge_opens(&mut self, bridge: At) {
        for port in self.ports(bridge) {
            if self.can_forward(port) {
                self.enable_port(bridge, port);
            }
        }
    }

    /// `br_dev_stop`.
    pub(super) fn bridge_closes(&mut self, bridge: At) {
        for port in self.ports(bridge) {
            self.disable_port(bridge, port);
        }
    }

    fn can_forward(&self, port: At) -> bool {
        self.link(port).is_some_and(|link| link.msg.flags.has(LinkFlags::RUNNING))
    }

    fn port_state(&self, port: At) -> u8 {
        self.link(port).and_then(|link| link.msg.bridge_port.as_ref()).map_or(DISABLED, |p| p.state)
    }

    fn set_port_state(&mut self, port: At, state: u8) {
        if let Some(link) = self.link_mut(port) {
            link.msg.bridge_port.get_or_insert_with(BridgePort::default).state = state;
        }
        if state == DISABLED {
            self.forget_learned(port);
        }
    }

    fn enable_port(&mut self, bridge: At, port: At) {
        let data = self.link(bridge).and_then(|link| link.msg.info.as_ref()).map(|info| &info.data[..]);
        let waits = data.is_some_and(bridge_data::has_spanning_tree);
        self.set_port_state(port, if waits { LISTENING } else { FORWARDING });
        self.select_bridge_state(bridge);
    }

    fn disable_port(&mut self, bridge: At, port: At) {
        if self.port_state(port) != DISABLED {
            self.set_port_state(port, DISABLED);
            self.select_bridge_state(bridge);
        }
    }

    /// A bridge has carrier while a port forwards (`br_port_state_selection`).
    /// Until it is first asked, it has carrier anyhow.
    pub(super) fn select_bridge_state(&mut self, bridge: At) {
        let forwards = self.ports(bridge).iter().any(|&port| self.port_state(port) == FORWARDING);
        self.set_carrier(bridge, forwards);
    }

    /// A bridge whose address no one gave has the lowest of its ports', or
    /// zeros without ports; returns whether it changed (`br_stp_recalculate_bridge_id`).
    fn select_bridge_address(&mut self, bridge: At) -> bool {
        let addresses =
            self.ports(bridge).into_iter().filter_map(|port| self.link(port)?.msg.address.clone());
        let lowest = addresses.min().unwrap_or(LlAddr(vec![0; 6]));
        let Some(link) = self.link_mut(bridge) else { return false };
        let known = link.msg.info.as_ref().map(|info| bridge_data::id_address(&info.data));
        if link.own_address || known.as_ref() == Some(&lowest.0) {
            return false;
        }
        link.msg.address = Some(lowest);
        self.bridge_address_changed(bridge);
        true
    }

    /// The address is part of the bridge's id (`br_stp_change_bridge_id`).
    pub(super) fn bridge_address_changed(&mut self, bridge: At) {
        let Some(link) = self.link_mut(bridge) else { return };
        let address = link.msg.address.clone().unwrap_or_default().0;
        if let Some(info) = &mut link.msg.info {
            bridge_data::set_id(&mut info.data, &address);
        }
        for port in self.ports(bridge) {
            if let Some(info) = self.link_mut(port).and_then(|link| link.msg.info.as_mut()) {
                bridge_data::set_port_id(&mut info.slave_data, &address);
            }
        }
        self.select_bridge_state(bridge);
    }

    /// The settings that a new port starts with.
    fn start_port(&mut self, bridge: At, at: At) {
        let cost = self.port_cost(at);
        let others = self.ports(bridge).into_iter().filter(|&port| port != at);
        let used: Vec<u16> = others
            .filter_map(|port| bridge_data::port_number(&self.link(port)?.msg.info.as_ref()?.slave_data))
            .collect();
        let number = (1..=u16::MAX).find(|number| !used.contains(number)).unwrap_or(u16::MAX);
        let Some(info) = self.link(bridge).and_then(|link| link.msg.info.as_ref()) else { return };
        let data = bridge_data::new_port(number, cost, &info.data);
        if let Some(info) = self.link_mut(at).and_then(|link| link.msg.info.as_mut()) {
            info.slave_data = data;
        }
    }

    /// The cost of a port by its speed: that of 10 Gb/s, or of an unknown one (`port_cost`).
    fn port_cost(&self, at: At) -> u32 {
        match self.link(at).map(Kind::of) {
            Some(Kind::Veth | Kind::Tap) => 2,
            Some(Kind::Vlan | Kind::Macvlan | Kind::Macvtap) => {
                self.lower(at).map_or(100, |lower| self.port_cost(lower))
            }
            _ => 100,
        }
    }

    /// The smallest of the ports' limits of segmentation (`br_set_gso_limits`).
    fn adjust_bridge_limits(&mut self, bridge: At) {
        let ports = self.ports(bridge);
        let limits = ports.into_iter().filter_map(|port| self.link(port)?.msg.tso_max_size);
        let smallest = limits.min().unwrap_or(GSO_UNLIMITED);
        self.limit_segmentation(bridge, smallest);
    }

    /// Sets the limit of a device and of those on top of it (`netif_inherit_tso_max`).
    fn limit_segmentation(&mut self, at: At, limit: u32) {
        let Some(link) = self.link_mut(at) else { return };
        if link.msg.tso_max_size == Some(limit) {
            return;
        }
        link.msg.tso_max_size = Some(limit);
        link.msg.gso_max_size = link.msg.gso_max_size.map(|size| size.min(limit));
        for upper in self.uppers(at) {
            self.limit_segmentation(upper, limit);
        }
    }

    /// The smallest of the ports' MTUs, unless a user gave one (`br_mtu_auto_adjust`).
    fn adjust_bridge_mtu(&mut self, bridge: At) {
        if self.link(bridge).is_none_or(|link| link.own_mtu) {
            return;
        }
        let ports = self.ports(bridge);
        let smallest = ports.into_iter().filter_map(|port| self.link(port)).map(Link::mtu).min();
        let mtu = smallest.unwrap_or(DEFAULT_MTU);
        if self.link(bridge).is_some_and(|link| check_mtu(link, mtu).is_ok()) {
            self.store_mtu(bridge, mtu);
        }
    }
}
