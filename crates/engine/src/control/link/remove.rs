//! Removing devices.

use fingerpost_model::{LinkMsg, NsId, Refusal};
use fingerpost_net::Errno;

use super::kind::Kind;
use super::{At, Devices};
use crate::config::{LOOPBACK, Link};
use crate::control::{event, mroute, neighbour, sysctl};

impl Devices<'_> {
    /// `rtnl_dellink`.
    pub(super) fn del_link(&mut self, ns: NsId, msg: &LinkMsg) -> Result<(), Refusal> {
        let at = match (msg.index, &msg.name, msg.group) {
            (0, None, Some(group)) => return self.del_group(ns, group),
            (0, None, None) => return Err(Refusal::new(Errno::EINVAL)),
            (0, Some(name), _) => self.find(ns, name),
            (dev, _, _) => Some(At { ns, dev }),
        };
        match at.and_then(|at| self.link(at).map(|link| (at, is_deletable(link)))) {
            None => Err(Refusal::new(Errno::ENODEV)),
            Some((_, false)) => Err(Refusal::new(Errno::EOPNOTSUPP)),
            Some((at, true)) => {
                self.delete(at);
                Ok(())
            }
        }
    }

    /// `rtnl_group_dellink`: all or none; not the default group.
    fn del_group(&mut self, ns: NsId, group: u32) -> Result<(), Refusal> {
        if group == 0 {
            return Err(Refusal::new(Errno::EPERM));
        }
        let members = self.group(ns, group);
        if members.is_empty() {
            return Err(Refusal::new(Errno::ENODEV));
        }
        if !members.iter().all(|&at| self.link(at).is_some_and(is_deletable)) {
            return Err(Refusal::new(Errno::EOPNOTSUPP));
        }
        for at in members {
            self.delete(at);
        }
        Ok(())
    }

    /// Removes a device and all that cannot be without it: a veth's peer, a
    /// stacked device's upper ones (`unregister_netdevice_many`). A master
    /// lets its devices go.
    pub(super) fn delete(&mut self, at: At) {
        let both: Vec<At> = [Some(at), self.veth_peer(at)].into_iter().flatten().collect();
        let mut doomed = Vec::new();
        for &one in &both {
            self.with_all_uppers(one, &mut doomed);
        }
        for &one in doomed.iter().rev() {
            self.let_go(one);
        }
        for &one in &both {
            self.set_down(one);
        }
        for &one in &doomed {
            self.set_down(one);
            self.unregister(one);
        }
    }

    /// A device and, each after the one that it stands on, what is on top of it.
    fn with_all_uppers(&self, at: At, found: &mut Vec<At>) {
        if found.contains(&at) {
            return;
        }
        found.push(at);
        for upper in self.uppers(at) {
            self.with_all_uppers(upper, found);
        }
    }

    /// Frees the devices of a master, in the order in which they joined it.
    fn let_go(&mut self, master: At) {
        let Some(namespace) = self.world.namespaces.get(&master.ns) else { return };
        let slaves = namespace.config.links.iter().filter(|link| link.master() == Some(master.dev));
        let mut slaves: Vec<(u64, u32)> = slaves.map(|link| (link.joined, link.index())).collect();
        slaves.sort_unstable();
        for (_, dev) in slaves {
            self.release(At { ns: master.ns, dev });
        }
    }

    /// Takes a device that is down out of its namespace.
    fn unregister(&mut self, at: At) {
        if self.link(at).is_none() {
            return;
        }
        self.to_recount.extend(self.lower(at));
        // Its addresses go while it still belongs to its VRF.
        self.tell(at, event::link_unregister);
        self.release(at);
        self.tell(at, neighbour::device_down);
        self.tell(at, |ns, _, dev| mroute::device_gone(ns, dev));
        if let Some(namespace) = self.world.namespaces.get_mut(&at.ns)
            && let Some(link) = namespace.config.links.remove(at.dev)
        {
            sysctl::forget_device(&mut namespace.config, link.name());
        }
        self.waiting.retain(|waiting| *waiting != at);
    }

    /// A namespace goes: what was made in it is destroyed, with veth peers and
    /// stacked devices elsewhere; physical devices return to the first namespace.
    pub(super) fn namespace_exit(&mut self, ns: NsId) {
        let Some(namespace) = self.world.namespaces.get(&ns) else { return };
        let devices: Vec<At> =
            namespace.config.links.in_order().map(|link| At { ns, dev: link.index() }).collect();
        for &at in devices.iter().rev() {
            if at.dev != LOOPBACK && self.link(at).is_some() {
                self.delete(at);
            }
        }
        for namespace in self.world.namespaces.values_mut() {
            namespace.config.links.nsids.retain(|_, known| *known != ns);
        }
    }
}

/// Whether rtnetlink removes it: what it made, and tun devices.
fn is_deletable(link: &Link) -> bool {
    !matches!(Kind::of(link), Kind::Loopback) && !link.kind().is_empty()
}
