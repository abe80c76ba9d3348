//! Master devices: ports of bridges, devices of VRFs.

use fingerpost_model::{LinkFlags, Refusal};
use fingerpost_net::Errno;

use super::kind::Kind;
use super::{At, Devices, attributes};
use crate::config::Link;
use crate::control::event;

impl Devices<'_> {
    /// Gives a device a master, or none with index 0 (`do_set_master`).
    pub(super) fn set_master(&mut self, at: At, master: u32) -> Result<(), Refusal> {
        let current = self.link(at).and_then(Link::master);
        if let Some(current) = current {
            if current == master {
                return Ok(());
            }
            self.release(at);
        }
        if master == 0 {
            return Ok(());
        }
        let master = At { ns: at.ns, dev: master };
        match self.link(master).map(Kind::of) {
            None => Err(Refusal::new(Errno::EINVAL)),
            Some(Kind::Bridge) => self.add_port(master, at),
            Some(Kind::Vrf) => self.add_to_vrf(master, at),
            Some(_) => Err(Refusal::new(Errno::EOPNOTSUPP)),
        }
    }

    /// Takes a device from its master.
    pub(super) fn release(&mut self, at: At) {
        let Some(master) = self.link(at).and_then(Link::master).map(|dev| At { ns: at.ns, dev }) else {
            return;
        };
        match self.link(master).map(Kind::of) {
            Some(Kind::Bridge) => self.remove_port(master, at),
            Some(Kind::Vrf) => {
                self.write_master(at, None);
                self.cycle(at);
            }
            _ => self.write_master(at, None),
        }
    }

    /// `vrf_add_slave`.
    fn add_to_vrf(&mut self, master: At, at: At) -> Result<(), Refusal> {
        let Some(link) = self.link(at) else { return Ok(()) };
        if link.is_loopback() {
            return Err(Refusal::with(Errno::EOPNOTSUPP, "Can not enslave loopback device to a VRF"));
        }
        if Kind::of(link) == Kind::Vrf {
            return Err(Refusal::with(Errno::EINVAL, "Can not enslave an L3 master device to a VRF"));
        }
        self.check_upper(master, at)?;
        self.write_master(at, Some(master));
        self.cycle(at);
        Ok(())
    }

    /// A device that gets or loses a VRF goes down and up again (`cycle_netdev`).
    ///
    /// The flags that it is given back hold what others on top made it: a device
    /// that receives everything on their behalf does so from now on on its own.
    fn cycle(&mut self, at: At) {
        if self.is_up(at) {
            self.recount(at);
            if let Some(link) = self.link_mut(at) {
                for (count, flag) in
                    [(link.msg.promiscuity, LinkFlags::PROMISC), (link.msg.allmulti, LinkFlags::ALLMULTI)]
                {
                    if count.unwrap_or(0) > 0 {
                        link.msg.flags = link.msg.flags | flag;
                    }
                }
            }
            self.cycled = self.world.behaviour.vlans_follow_later.then_some(at);
            self.set_down(at);
            // What was up can be up.
            let _ = self.set_up(at);
            self.cycled = None;
        }
    }

    /// No loops: the device must not stand on what shall be above it (`__netdev_upper_dev_link`).
    pub(super) fn check_upper(&self, upper: At, at: At) -> Result<(), Refusal> {
        if upper == at || self.stands_on(at, upper) {
            return Err(Refusal::new(Errno::EBUSY));
        }
        Ok(())
    }

    /// Whether `top` is above `bottom`, through any chain of masters and stacked devices.
    fn stands_on(&self, top: At, bottom: At) -> bool {
        let mut seen = vec![bottom];
        let mut next = 0;
        while let Some(&at) = seen.get(next) {
            next += 1;
            let master = self.link(at).and_then(Link::master).map(|dev| At { ns: at.ns, dev });
            for above in self.uppers(at).into_iter().chain(master) {
                if above == top {
                    return true;
                }
                if !seen.contains(&above) {
                    seen.push(above);
                }
            }
        }
        false
    }

    /// Writes the master into the device and tells of it (`NETDEV_CHANGEUPPER`).
    pub(super) fn write_master(&mut self, at: At, master: Option<At>) {
        let table = master.and_then(|m| self.link(m)).and_then(Link::vrf_table);
        let kind = master.and_then(|m| self.link(m)).map(|link| link.kind().to_string());
        let joined = match self.world.namespaces.get_mut(&at.ns) {
            Some(namespace) => {
                namespace.config.links.last_made += 1;
                namespace.config.links.last_made
            }
            None => 0,
        };
        let Some(link) = self.link_mut(at) else { return };
        link.joined = joined;
        let old = link.master().unwrap_or(0);
        link.msg.master = master.map(|m| m.dev);
        link.msg.bridge_port = None;
        let info = link.msg.info.get_or_insert_default();
        info.slave_data =
            table.map(|table| attributes::u32(attributes::VRF_PORT_TABLE, table.0)).into_iter().collect();
        info.slave_kind = kind;
        if info.kind.is_empty() && info.slave_kind.is_none() {
            link.msg.info = None;
        }
        // A VRF's devices are not shown as slaves, bonds' are.
        link.msg.flags = link.msg.flags.without(LinkFlags::SLAVE);
        self.tell(at, |ns, env, dev| event::master_changed(ns, env, dev, old));
    }
}
