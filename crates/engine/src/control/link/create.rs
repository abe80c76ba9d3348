//! Making devices: the request's attributes, registration, and what each
//! driver demands of a new device.

use fingerpost_model::{LinkMsg, NlFlags, NsId, NsRef, Refusal, RuleAction, RuleMsg, TableId, proto};
use fingerpost_net::{Errno, Family};

use super::carrier::refresh;
use super::kind::{ETHER, Kind};
use super::reception::{PASSTHRU, is_passthru};
use super::validate::{self, VLAN_PROTOCOLS};
use super::{At, Devices, address, attributes, bridge_data, name, vlan_data};
use crate::config::{LOOPBACK, Link};
use crate::control::{event, policy, rule, table, table6};

/// Preference of the rule that comes with the first VRF device.
const L3MDEV_RULE: u32 = 1000;
/// `ESRCH` answers for a process that does not exist.
const NO_PROCESS: Errno = Errno::ESRCH;

/// A device that is to be made.
pub(super) struct Asked {
    /// The request.
    pub(super) msg: LinkMsg,
    /// Where `msg.link` lies: the namespace of the request.
    pub(super) from: NsId,
    /// Where the device shall live.
    pub(super) ns: NsId,
    /// The device, with what the request says of it already applied.
    pub(super) link: Link,
}

/// What netlink checks before anything else.
fn check_texts(msg: &LinkMsg) -> Result<(), Refusal> {
    policy::text(msg.name.as_ref(), policy::NAME)?;
    policy::text(msg.alias.as_ref(), policy::ALIAS)
}

impl Devices<'_> {
    /// The loopback device, with the first index.
    pub(super) fn add_loopback(&mut self, ns: NsId) {
        let mut link = Kind::Loopback.template();
        link.msg.name = Some("lo".into());
        link.msg.index = LOOPBACK;
        // A new namespace has room for it.
        let _ = self.register(ns, link);
        if let Some(namespace) = self.world.namespaces.get_mut(&ns) {
            namespace.config.links.last_index = LOOPBACK;
        }
    }

    /// `rtnl_newlink`.
    pub(super) fn new_link(&mut self, ns: NsId, flags: NlFlags, msg: LinkMsg) -> Result<(), Refusal> {
        check_texts(&msg)?;
        let kind_name = msg.info.as_ref().map_or("", |info| info.kind.as_str());
        let kind = Kind::from_name(kind_name);
        if let Some(kind) = kind {
            validate::request(kind, &msg)?;
            if let (Kind::Veth, Some(peer)) = (kind, msg.info.as_ref().and_then(|info| info.peer.as_ref())) {
                check_texts(peer)?;
                validate::request(kind, peer)?;
            }
        }
        let target = match &msg.netns {
            Some(netns) => self.namespace(netns)?,
            None => ns,
        };
        // A new device is looked for where it would be made.
        let creates = flags.has(NlFlags::CREATE | NlFlags::EXCL);
        let place = if creates { target } else { ns };
        let specified = msg.index != 0 || msg.name.is_some();
        let existing = match (msg.index, &msg.name) {
            (0, None) => None,
            (0, Some(name)) => self.find(place, name),
            (index, _) => Some(At { ns: place, dev: index }).filter(|&at| self.link(at).is_some()),
        };
        if let Some(at) = existing {
            return self.change_link(at, flags, kind, target, &msg);
        }
        if !flags.has(NlFlags::CREATE) {
            return match msg.group {
                Some(group) if !specified => self.change_group(ns, group, target, &msg),
                _ => Err(Refusal::new(Errno::ENODEV)),
            };
        }
        let Some(kind) = kind else {
            return Err(Refusal::with(Errno::EOPNOTSUPP, "Unknown device type"));
        };
        let link = self.blank(kind, &msg)?;
        let asked = Asked { msg, from: ns, ns: target, link };
        self.create(kind, asked)
    }

    /// `rtnl_newlink_create`.
    fn create(&mut self, kind: Kind, mut asked: Asked) -> Result<(), Refusal> {
        let wanted = asked.msg.clone();
        asked.link.msg.name = Some(wanted.name.clone().unwrap_or_else(|| format!("{}%d", kind.name())));
        asked.link.msg.index = wanted.index;
        let at = match kind {
            Kind::Veth => {
                asked.link.msg.name = Some(wanted.name.clone().unwrap_or_else(|| "veth%d".into()));
                self.create_veth(asked)?
            }
            Kind::Vlan => self.create_vlan(asked)?,
            kind if kind.is_macvlan() => self.create_macvlan(asked)?,
            kind if kind.is_ipvlan() => self.create_ipvlan(asked)?,
            Kind::Vrf => self.create_vrf(asked)?,
            Kind::Bridge => self.create_bridge(asked)?,
            _ => {
                if asked.link.msg.arp_type == ETHER && wanted.address.is_none() {
                    self.random_address(&mut asked.link);
                }
                self.register(asked.ns, asked.link)?
            }
        };
        let result = self.configure(at, &wanted).and_then(|()| match wanted.master {
            Some(master) => self.set_master(at, master),
            None => Ok(()),
        });
        if result.is_err() {
            self.delete(at);
        }
        result
    }

    /// A new device with the attributes that every kind takes (`rtnl_create_link`).
    pub(super) fn blank(&self, kind: Kind, msg: &LinkMsg) -> Result<Link, Refusal> {
        let mut link = kind.template();
        for (asked, queues, text) in [
            (msg.num_tx_queues, &mut link.msg.num_tx_queues, "Invalid number of transmit queues"),
            (msg.num_rx_queues, &mut link.msg.num_rx_queues, "Invalid number of receive queues"),
        ] {
            if let Some(count) = asked {
                if !(1..=4096).contains(&count) {
                    return Err(Refusal::with(Errno::EINVAL, text));
                }
                *queues = Some(count);
            }
        }
        address::check_lengths(&link, msg)?;
        if let Some(mtu) = msg.mtu {
            super::set::check_mtu(&link, mtu)?;
            link.msg.mtu = Some(mtu);
        }
        if let Some(address) = &msg.address {
            link.msg.address = Some(address.clone());
            link.own_address = true;
        }
        if let Some(broadcast) = &msg.broadcast {
            link.msg.broadcast = Some(broadcast.clone());
        }
        link.msg.txqlen = msg.txqlen.or(link.msg.txqlen);
        link.msg.linkmode = msg.linkmode.or(link.msg.linkmode);
        link.msg.group = msg.group.or(link.msg.group);
        Ok(link)
    }

    /// Gives it name and index and makes it known (`register_netdevice`).
    pub(super) fn register(&mut self, ns: NsId, mut link: Link) -> Result<At, Refusal> {
        let Some(namespace) = self.world.namespaces.get_mut(&ns) else {
            return Err(Refusal::new(Errno::EINVAL));
        };
        let links = &mut namespace.config.links;
        let wanted = link.msg.name.take().unwrap_or_default();
        link.msg.name = Some(name::prepare(links, &wanted, Errno::EEXIST)?);
        if link.msg.index == 0 {
            link.msg.index = next_index(links);
        } else if links.get(link.msg.index).is_some() {
            return Err(Refusal::new(Errno::EBUSY));
        }
        if name::is_reserved(link.name()) {
            return Err(Refusal::new(Errno::EINVAL)); // its index is used up
        }
        refresh(&mut link);
        let at = At { ns, dev: link.index() };
        links.insert(link);
        self.tell(at, event::link_registered);
        if !self.link(at).is_some_and(Link::has_carrier) {
            self.evaluate(at);
        }
        Ok(at)
    }

    /// Sets the flags that came with the request (`rtnl_configure_link`).
    pub(super) fn configure(&mut self, at: At, msg: &LinkMsg) -> Result<(), Refusal> {
        if msg.flags.0 == 0 && msg.change.0 == 0 {
            return Ok(());
        }
        let Some(link) = self.link(at) else { return Ok(()) };
        let wanted = super::set::combine_flags(link, msg);
        self.change_flags(at, wanted)
    }

    /// The namespace that a request names.
    pub(super) fn namespace(&self, netns: &NsRef) -> Result<NsId, Refusal> {
        match netns {
            NsRef::Name(name) => self.world.names.get(name).copied().ok_or(Refusal::new(Errno::EINVAL)),
            // The first process lives in the first namespace; there are no others.
            NsRef::Pid(1) => Ok(NsId(0)),
            NsRef::Pid(_) => Err(Refusal::new(NO_PROCESS)),
        }
    }

    /// The device with this name or alternative name.
    pub(super) fn find(&self, ns: NsId, wanted: &str) -> Option<At> {
        let links = &self.world.namespaces.get(&ns)?.config.links;
        let link = links.iter().find(|link| name::has_name(&link.msg, wanted))?;
        Some(At { ns, dev: link.index() })
    }

    /// The lower device that a request names, in the namespace of the request.
    fn asked_lower(&self, asked: &Asked, index: u32) -> Option<(At, &Link)> {
        let at = At { ns: asked.from, dev: index };
        self.link(at).map(|link| (at, link))
    }

    /// `vlan_newlink`.
    fn create_vlan(&mut self, asked: Asked) -> Result<At, Refusal> {
        let refuse = |errno, text: &str| Err(Refusal::with(errno, format!("8021q: {text}")));
        let info = asked.msg.info.clone().unwrap_or_default();
        let Some(id) = info.vlan_id else { return refuse(Errno::EINVAL, "VLAN id not specified") };
        let Some(index) = asked.msg.link else { return refuse(Errno::EINVAL, "link not specified") };
        let Some((lower, real)) = self.asked_lower(&asked, index) else {
            return refuse(Errno::ENODEV, "link does not exist");
        };
        if real.msg.arp_type != ETHER || Kind::of(real) == Kind::Vrf || is_l3_ipvlan(real) {
            return refuse(Errno::EOPNOTSUPP, "VLANs not supported on device");
        }
        let protocol = info.vlan_protocol.unwrap_or(VLAN_PROTOCOLS[0]);
        let is_same = |&upper: &At| {
            let info = self.link(upper).and_then(|link| link.msg.info.as_ref());
            info.is_some_and(|info| info.vlan_id == Some(id) && info.vlan_protocol == Some(protocol))
        };
        if self.uppers(lower).iter().any(is_same) {
            return refuse(Errno::EEXIST, "VLAN device already exists");
        }
        let mut link = asked.link;
        let limit = real.mtu();
        if asked.msg.mtu.is_none() {
            link.msg.mtu = Some(limit);
        } else if link.mtu() > limit {
            return Err(Refusal::new(Errno::EINVAL));
        }
        address::inherit_flags(&mut link, real);
        link.msg.tso_max_size = real.msg.tso_max_size;
        link.msg.broadcast = real.msg.broadcast.clone();
        if !link.own_address {
            link.msg.address = real.msg.address.clone();
        }
        if let Some(own) = &mut link.msg.info {
            own.vlan_id = Some(id);
            own.vlan_protocol = Some(protocol);
            own.data = vlan_data::first(&info.data);
        }
        link.msg.carrier = Some(0);
        let at = self.register_on(asked.ns, link, lower)?;
        self.transfer_carrier(lower, at);
        self.watch(at);
        Ok(at)
    }

    /// `macvlan_common_newlink`.
    fn create_macvlan(&mut self, asked: Asked) -> Result<At, Refusal> {
        let Some(index) = asked.msg.link else { return Err(Refusal::new(Errno::EINVAL)) };
        let Some((mut lower, mut real)) = self.asked_lower(&asked, index) else {
            return Err(Refusal::new(Errno::ENODEV));
        };
        // On a macvlan it stands beside it.
        if Kind::of(real).is_macvlan()
            && let Some(below) = self.lower(lower)
            && let Some(link) = self.link(below)
        {
            (lower, real) = (below, link);
        }
        let mut link = asked.link;
        if asked.msg.mtu.is_none() {
            link.msg.mtu = Some(real.mtu());
        } else if link.mtu() > real.mtu() {
            return Err(Refusal::new(Errno::EINVAL));
        }
        link.msg.min_mtu = Some(68);
        link.msg.max_mtu = real.msg.max_mtu;
        link.msg.tso_max_size = real.msg.tso_max_size;
        if real.msg.arp_type != ETHER || real.is_loopback() {
            return Err(Refusal::new(Errno::EINVAL));
        }
        self.check_receiver(lower, Kind::is_macvlan)?;
        let mode = asked.msg.info.as_ref().and_then(|info| info.mode);
        let others: Vec<&Link> = self.uppers(lower).iter().filter_map(|&at| self.link(at)).collect();
        let macvlans: Vec<&&Link> = others.iter().filter(|link| Kind::of(link).is_macvlan()).collect();
        let passthru = mode == Some(PASSTHRU);
        if macvlans.iter().any(|link| is_passthru(link)) || passthru && !macvlans.is_empty() {
            return Err(Refusal::new(Errno::EINVAL));
        }
        if let Some(own) = &mut link.msg.info {
            own.mode = Some(mode.unwrap_or(attributes::MACVLAN_VEPA));
            own.data = attributes::macvlan_data();
        }
        if passthru {
            link.msg.address = real.msg.address.clone();
        } else if asked.msg.address.is_none() {
            self.random_address(&mut link);
        }
        let at = self.register_on(asked.ns, link, lower)?;
        self.transfer_carrier(lower, at);
        self.watch(at);
        Ok(at)
    }

    /// `ipvlan_link_new`.
    fn create_ipvlan(&mut self, asked: Asked) -> Result<At, Refusal> {
        let Some(index) = asked.msg.link else { return Err(Refusal::new(Errno::EINVAL)) };
        let Some((mut lower, mut real)) = self.asked_lower(&asked, index) else {
            return Err(Refusal::new(Errno::ENODEV));
        };
        if Kind::of(real).is_ipvlan()
            && let Some(below) = self.lower(lower)
            && let Some(link) = self.link(below)
        {
            (lower, real) = (below, link);
        } else if real.msg.arp_type != ETHER || real.is_loopback() {
            return Err(Refusal::new(Errno::EINVAL));
        }
        self.check_receiver(lower, Kind::is_ipvlan)?;
        let mut link = asked.link;
        if asked.msg.mtu.is_none() {
            link.msg.mtu = Some(real.mtu());
        }
        link.msg.address = real.msg.address.clone();
        link.msg.perm_address = real.msg.address.clone();
        link.own_address = false;
        link.msg.tso_max_size = real.msg.tso_max_size;
        let given = asked.msg.info.clone().unwrap_or_default();
        if let Some(own) = &mut link.msg.info {
            own.mode = Some(given.mode.unwrap_or(attributes::IPVLAN_L3));
            own.data = vec![attributes::ipvlan_flags(&given.data)];
        }
        let at = self.register_on(asked.ns, link, lower)?;
        self.transfer_carrier(lower, at);
        Ok(at)
    }

    /// Registers a device that stands on another.
    fn register_on(&mut self, ns: NsId, mut link: Link, lower: At) -> Result<At, Refusal> {
        link.msg.link = Some(lower.dev);
        link.link_ns = (lower.ns != ns).then_some(lower.ns);
        let at = self.register(ns, link)?;
        self.connect(at, lower);
        Ok(at)
    }

    /// `vrf_newlink`; the first VRF device brings the rule that uses them all.
    fn create_vrf(&mut self, asked: Asked) -> Result<At, Refusal> {
        let refuse = |text: &str| Err(Refusal::with(Errno::EINVAL, text));
        let table = match asked.msg.info.as_ref().and_then(|info| info.vrf_table) {
            None => return refuse("VRF table id is missing"),
            Some(0) => return refuse("Invalid VRF table id"),
            Some(table) => table,
        };
        let mut link = asked.link;
        if let Some(info) = &mut link.msg.info {
            info.vrf_table = Some(table);
        }
        if asked.msg.address.is_none() {
            self.random_address(&mut link);
        }
        let at = self.register(asked.ns, link)?;
        let (ns, env) = self.world.ns_mut(asked.ns)?;
        // The device's table exists from now on (`vrf_rtable_create`).
        table::ensure_table(&mut ns.config.fib, TableId(table));
        table6::ensure_table(&mut ns.config.fib6, TableId(table));
        if !ns.config.links.vrf_seen {
            let message = RuleMsg {
                action: RuleAction::TO_TABLE,
                l3mdev: Some(1),
                priority: Some(L3MDEV_RULE),
                protocol: Some(proto::KERNEL),
                ..RuleMsg::new(Family::V4)
            };
            let flags = NlFlags::CREATE | NlFlags::EXCL;
            let message6 = RuleMsg { family: Family::V6, ..message.clone() };
            let results = [&message, &message6].map(|message| rule::new_rule(ns, env, flags, message));
            ns.config.links.vrf_seen = true;
            let refused = results.into_iter().filter_map(Result::err);
            if let Some(refusal) = { refused }.find(|refusal| refusal.errno != Errno::EEXIST) {
                ns.config.links.vrf_seen = false;
                self.delete(at);
                return Err(refusal);
            }
        }
        Ok(at)
    }

    /// `br_dev_newlink`.
    fn create_bridge(&mut self, asked: Asked) -> Result<At, Refusal> {
        let mut link = asked.link;
        if let (Some(own), Some(given)) = (&mut link.msg.info, &asked.msg.info) {
            own.data = bridge_data::new_bridge(&given.data);
        }
        let given = asked.msg.address.is_some();
        if !given {
            self.random_address(&mut link);
        }
        let at = self.register(asked.ns, link)?;
        if given {
            self.bridge_address_changed(at);
        }
        Ok(at)
    }
}

/// The next free index (`dev_index_reserve`).
pub(super) fn next_index(links: &mut crate::config::Links) -> u32 {
    let mut index = links.last_index;
    loop {
        index = index.checked_add(1).filter(|&i| i <= i32::MAX as u32).unwrap_or(1);
        if links.get(index).is_none() {
            links.last_index = index;
            return index;
        }
    }
}

fn is_l3_ipvlan(link: &Link) -> bool {
    Kind::of(link).is_ipvlan()
}
