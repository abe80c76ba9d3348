//! Devices that move to another namespace, and the ids by which namespaces
//! know each other.

use fingerpost_model::{NsId, Refusal};
use fingerpost_net::Errno;

use super::carrier::refresh;
use super::create::next_index;
use super::kind::Kind;
use super::{At, Devices, name};
use crate::control::{event, neighbour, sysctl};

impl Devices<'_> {
    /// The id by which `ns` knows `other`: the lowest that is free when it is
    /// first needed (`peernet2id_alloc`).
    pub(super) fn nsid(&mut self, ns: NsId, other: NsId) -> Option<i32> {
        let ids = &mut self.world.namespaces.get_mut(&ns)?.config.links.nsids;
        if let Some((&id, _)) = ids.iter().find(|&(_, &known)| known == other) {
            return Some(id);
        }
        let id = (0..).find(|id| !ids.contains_key(id))?;
        ids.insert(id, other);
        Some(id)
    }

    /// Moves a device (`__dev_change_net_namespace`): it goes down, leaves its
    /// master, loses addresses and routes, and keeps its index if that is free.
    pub(super) fn move_to(&mut self, at: At, ns: NsId, wanted: Option<&str>) -> Result<At, Refusal> {
        let refuse = |errno, text: &str| Err(Refusal::with(errno, text));
        let Some(link) = self.link(at) else { return Err(Refusal::new(Errno::ENODEV)) };
        if Kind::of(link).stays() {
            return refuse(Errno::EINVAL, "The interface netns is immutable");
        }
        let old_name = link.name().to_string();
        let altnames = link.msg.altnames.clone();
        let Some(target) = self.world.namespaces.get_mut(&ns) else {
            return Err(Refusal::new(Errno::EINVAL));
        };
        let links = &mut target.config.links;
        let mut new_name = old_name.clone();
        if name::is_taken(links, &old_name) {
            let Some(wanted) = wanted else {
                return refuse(Errno::EEXIST, "An interface with the same name exists in the target netns");
            };
            new_name = name::prepare(links, wanted, Errno::EEXIST).map_err(|refusal| {
                let text = format!("Unable to use '{wanted}' for the new interface name in the target netns");
                Refusal::with(refusal.errno, text)
            })?;
        }
        if let Some(taken) = altnames.iter().find(|alt| name::is_taken(links, alt)) {
            let text = format!("An interface with the altname {taken} exists in the target netns");
            return refuse(Errno::EEXIST, &text);
        }
        let index = if links.get(at.dev).is_some() { next_index(links) } else { at.dev };
        self.set_down(at);
        self.release(at);
        self.to_recount.extend(self.lower(at));
        self.tell(at, event::link_unregister);
        self.tell(at, neighbour::device_down);
        let new = At { ns, dev: index };
        let peer = self.veth_peer(at);
        let uppers = self.uppers(at);
        let lower = self.lower(at);
        let Some(old) = self.world.namespaces.get_mut(&at.ns) else {
            return Err(Refusal::new(Errno::EINVAL));
        };
        let Some(mut link) = old.config.links.remove(at.dev) else {
            return Err(Refusal::new(Errno::ENODEV));
        };
        sysctl::forget_device(&mut old.config, &old_name);
        // What is told of the device's leaving names the place it goes to.
        self.nsid(at.ns, ns);
        self.waiting.iter_mut().filter(|waiting| **waiting == at).for_each(|waiting| *waiting = new);
        (link.ipv4, link.ipv6) = (None, None);
        link.msg.index = index;
        link.msg.name = Some(new_name);
        link.msg.qdisc = Some("noop".into());
        refresh(&mut link);
        if let Some(target) = self.world.namespaces.get_mut(&ns) {
            target.config.links.insert(link);
        }
        self.tell(new, event::link_registered);
        if let Some(peer) = peer {
            self.connect(new, peer);
            self.connect(peer, new);
        }
        if let Some(lower) = lower {
            self.connect(new, lower);
        }
        for upper in uppers {
            self.connect(upper, new);
        }
        Ok(new)
    }
}
