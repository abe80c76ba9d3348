//! veth: pairs of devices, possibly in two namespaces.

use fingerpost_model::{LinkFlags, LinkMsg, LlAddr, Refusal};

use super::create::Asked;
use super::kind::Kind;
use super::{At, Devices};
use crate::config::Link;

impl Devices<'_> {
    /// The other end.
    pub(super) fn veth_peer(&self, at: At) -> Option<At> {
        let link = self.link(at)?;
        if Kind::of(link) != Kind::Veth {
            return None;
        }
        let peer = At { ns: link.link_ns.unwrap_or(at.ns), dev: link.msg.link? };
        self.link(peer).map(|_| peer)
    }

    /// Makes a pair; the peer is registered first and so has the lower index (`veth_newlink`).
    pub(super) fn create_veth(&mut self, asked: Asked) -> Result<At, Refusal> {
        let peer = asked.msg.info.as_ref().and_then(|info| info.peer.as_deref());
        let given = match peer {
            Some(peer) => peer.clone(),
            // A peer of which nothing is said gets what the device gets.
            None => LinkMsg {
                index: 0,
                name: None,
                address: None,
                flags: LinkFlags(0),
                change: LinkFlags(0),
                ..asked.msg.clone()
            },
        };
        let ns = match &given.netns {
            Some(netns) => self.namespace(netns)?,
            None => asked.from,
        };
        let mut peer = self.blank(Kind::Veth, &given)?;
        peer.msg.name = Some(given.name.clone().unwrap_or_else(|| "veth%d".into()));
        peer.msg.index = given.index;
        if given.address.is_none() {
            self.random_address(&mut peer);
        }
        let peer = self.register(ns, peer)?;
        self.set_carrier(peer, false);
        let result = self.configure(peer, &given).and_then(|()| self.create_other_end(asked, peer));
        if result.is_err() {
            self.delete(peer);
        }
        result
    }

    fn create_other_end(&mut self, asked: Asked, peer: At) -> Result<At, Refusal> {
        let mut link = asked.link;
        if asked.msg.address.is_none() {
            self.random_address(&mut link);
        }
        let at = self.register(asked.ns, link)?;
        self.set_carrier(at, false);
        self.connect(at, peer);
        self.connect(peer, at);
        Ok(at)
    }

    /// Writes into a device where its other end, or its lower device, lies.
    pub(super) fn connect(&mut self, at: At, other: At) {
        let elsewhere = (at.ns != other.ns).then_some(other.ns);
        let id = elsewhere.and_then(|ns| self.nsid(at.ns, ns));
        let Some(link) = self.link_mut(at) else { return };
        link.msg.link = Some(other.dev);
        link.link_ns = elsewhere;
        link.msg.link_netnsid = id;
    }

    /// A random, locally administered unicast address (`eth_hw_addr_random`).
    pub(super) fn random_address(&mut self, link: &mut Link) {
        let mut bytes = self.world.rng.next_u64().to_le_bytes()[..6].to_vec();
        bytes[0] = bytes[0] & 0xfe | 0x02;
        link.msg.address = Some(LlAddr(bytes));
    }
}
