//! Altering devices (`do_setlink`). A request is carried out attribute by
//! attribute; what was done before a refusal stays done, as in Linux.

use fingerpost_model::{LinkFlags, LinkMsg, NlFlags, NsId, Refusal};
use fingerpost_net::Errno;

use super::kind::Kind;
use super::reception::PASSTHRU;
use super::stack::Event;
use super::{At, Devices, address, attributes, bridge_data, inet6, name, vlan_data};
use crate::config::Link;
use crate::control::{event, stable_privacy, sysctl};

/// The bits of an attribute's number that are not flags (`NLA_TYPE_MASK`).
const TYPE: u16 = 0x3fff;
/// Attributes that the model does not decode and that are announced:
/// `IFLA_AF_SPEC`, `IFLA_PROTO_DOWN`, `IFLA_XDP`.
const ANNOUNCED: [u16; 3] = [26, PROTO_DOWN, 43];
const PROTO_DOWN: u16 = 39;

/// Longest alias in bytes (`IFALIASZ - 1`).
const MAX_ALIAS: usize = 255;

/// Whether the device may have this MTU (`dev_validate_mtu`). Linux reads the
/// number as a signed one.
pub(super) fn check_mtu(link: &Link, mtu: u32) -> Result<(), Refusal> {
    if mtu > i32::MAX as u32 || mtu < link.msg.min_mtu.unwrap_or(0) {
        return Err(Refusal::with(Errno::EINVAL, "mtu less than device minimum"));
    }
    match link.msg.max_mtu {
        Some(max) if max > 0 && mtu > max => {
            Err(Refusal::with(Errno::EINVAL, "mtu greater than device maximum"))
        }
        _ => Ok(()),
    }
}

/// The device's flags with those of the request (`rtnl_dev_combine_flags`).
pub(super) fn combine_flags(link: &Link, msg: &LinkMsg) -> LinkFlags {
    if msg.change.0 == 0 {
        return msg.flags;
    }
    link.msg.flags.without(msg.change).with(LinkFlags(msg.flags.0 & msg.change.0))
}

impl Devices<'_> {
    /// A request for a device that exists (`rtnl_changelink`).
    pub(super) fn change_link(
        &mut self,
        at: At,
        flags: NlFlags,
        kind: Option<Kind>,
        target: NsId,
        msg: &LinkMsg,
    ) -> Result<(), Refusal> {
        if flags.has(NlFlags::EXCL) {
            return Err(Refusal::new(Errno::EEXIST));
        }
        if flags.has(NlFlags::REPLACE) {
            return Err(Refusal::new(Errno::EOPNOTSUPP));
        }
        if has_data(msg) {
            self.change_data(at, kind, msg)?;
        }
        let of_port = msg.info.as_ref().map_or(&[][..], |info| &info.slave_data);
        if !of_port.is_empty() {
            self.change_port(at, of_port)?;
        }
        self.set_link(at, target, msg, has_data(msg) || !of_port.is_empty() || msg.bridge_port.is_some())
    }

    /// The attributes of the kind (`rtnl_link_ops.changelink`).
    fn change_data(&mut self, at: At, kind: Option<Kind>, msg: &LinkMsg) -> Result<(), Refusal> {
        let unsupported = Err(Refusal::new(Errno::EOPNOTSUPP));
        let Some(link) = self.link_mut(at) else { return unsupported };
        let own = Kind::of(link);
        if kind != Some(own) {
            return unsupported;
        }
        let (Some(info), Some(given)) = (&mut link.msg.info, &msg.info) else { return unsupported };
        match own {
            Kind::Bridge => info.data = bridge_data::merge(&info.data, &given.data),
            Kind::Vlan => info.data = vlan_data::change(&info.data, &given.data),
            Kind::Macvlan | Kind::Macvtap => {
                let passes = |mode: Option<u32>| mode == Some(PASSTHRU);
                if given.mode.is_some() && passes(given.mode) != passes(info.mode) {
                    return Err(Refusal::new(Errno::EINVAL));
                }
                info.mode = given.mode.or(info.mode);
            }
            Kind::Ipvlan | Kind::Ipvtap => {
                info.mode = given.mode.or(info.mode);
                if !given.data.is_empty() {
                    info.data = vec![attributes::ipvlan_flags(&given.data)];
                }
            }
            Kind::Wireguard => {}
            _ => return unsupported,
        }
        Ok(())
    }

    /// `do_setlink`. Some attributes are announced even where they change
    /// nothing (`DO_SETLINK_NOTIFY`), and carrier marks on hops then looked at
    /// anew; so are attributes of the kind, which `announced` stands for.
    fn set_link(
        &mut self,
        mut at: At,
        target: NsId,
        msg: &LinkMsg,
        mut announced: bool,
    ) -> Result<(), Refusal> {
        let result = self.set_attributes(&mut at, target, msg, &mut announced);
        if announced && self.is_up(at) {
            self.changed(at);
        }
        result
    }

    /// Sets one attribute after the other, up to the first that is refused.
    fn set_attributes(
        &mut self,
        place: &mut At,
        target: NsId,
        msg: &LinkMsg,
        announced: &mut bool,
    ) -> Result<(), Refusal> {
        if let Some(link) = self.link(*place) {
            address::check_lengths(link, msg)?;
        }
        if msg.netns.is_some() && target != place.ns {
            *place = self.move_to(*place, target, msg.name.as_deref())?;
        }
        let at = *place;
        if let Some(address) = &msg.address {
            self.change_address(at, address)?;
        }
        if let Some(mtu) = msg.mtu {
            self.change_mtu(at, mtu)?;
        }
        if let (Some(group), Some(link)) = (msg.group, self.link_mut(at)) {
            link.msg.group = Some(group);
            *announced = true;
        }
        if msg.index != 0
            && let Some(name) = &msg.name
        {
            self.rename(at, name)?;
        }
        if let Some(alias) = &msg.alias {
            self.set_alias(at, alias)?;
            *announced = true;
        }
        if let Some(broadcast) = &msg.broadcast {
            self.change_broadcast(at, broadcast);
        }
        self.configure(at, msg)?;
        if let Some(master) = msg.master {
            self.set_master(at, master)?;
        }
        if let Some(carrier) = msg.carrier {
            self.change_carrier(at, carrier != 0)?;
        }
        let mode = self.link(at).and_then(|link| link.msg.linkmode);
        *announced |= msg.linkmode.is_some_and(|new| Some(new) != mode);
        self.set_rest(at, msg);
        let has_secret = self.has_secret(at);
        if let Some(link) = self.link_mut(at) {
            inet6::set(link, has_secret, msg)?;
        }
        let asks_down = msg.other.iter().any(|attr| attr.kind & TYPE == PROTO_DOWN);
        if asks_down && !matches!(self.link(at).map(Kind::of), Some(Kind::Macvlan)) {
            return Err(Refusal::with(Errno::EOPNOTSUPP, "Protodown not supported by device"));
        }
        // What is refused above is not announced.
        *announced |= msg.other.iter().any(|attr| ANNOUNCED.contains(&(attr.kind & TYPE)));
        Ok(())
    }

    /// Whether IPv6 addresses of the device can be made of a secret.
    fn has_secret(&self, at: At) -> bool {
        let space = self.world.namespaces.get(&at.ns);
        space
            .zip(self.link(at))
            .is_some_and(|(space, link)| stable_privacy::secret(&space.config, link.name()).is_some())
    }

    /// What cannot be refused.
    fn set_rest(&mut self, at: At, msg: &LinkMsg) {
        let Some(link) = self.link_mut(at) else { return };
        for (asked, field) in [
            (msg.txqlen, &mut link.msg.txqlen),
            (msg.gso_max_size, &mut link.msg.gso_max_size),
            (msg.gso_max_segs, &mut link.msg.gso_max_segs),
            (msg.gro_max_size, &mut link.msg.gro_max_size),
            (msg.gso_ipv4_max_size, &mut link.msg.gso_ipv4_max_size),
            (msg.gro_ipv4_max_size, &mut link.msg.gro_ipv4_max_size),
        ] {
            *field = asked.or(*field);
        }
        link.msg.linkmode = msg.linkmode.or(link.msg.linkmode);
        if let Some(state) = msg.operstate {
            self.set_operstate(at, state);
        }
    }

    /// Every device of a group (`rtnl_group_changelink`): stops at the first refusal.
    pub(super) fn change_group(
        &mut self,
        ns: NsId,
        group: u32,
        target: NsId,
        msg: &LinkMsg,
    ) -> Result<(), Refusal> {
        for at in self.group(ns, group) {
            self.set_link(at, target, msg, false)?;
        }
        Ok(())
    }

    /// The devices of a group, in the order in which they came.
    pub(super) fn group(&self, ns: NsId, group: u32) -> Vec<At> {
        let links = self.world.namespaces.get(&ns).map(|namespace| &namespace.config.links);
        let members =
            links.into_iter().flat_map(|links| links.in_order()).filter(|link| link.group() == group);
        members.map(|link| At { ns, dev: link.index() }).collect()
    }

    /// Sets the MTU, if device and driver take it (`netif_set_mtu_ext`).
    pub(super) fn change_mtu(&mut self, at: At, mtu: u32) -> Result<(), Refusal> {
        let Some(link) = self.link(at) else { return Ok(()) };
        if mtu == link.mtu() {
            return Ok(());
        }
        check_mtu(link, mtu)?;
        let kind = Kind::of(link);
        let limit = self.lower(at).and_then(|lower| self.link(lower)).map_or(u32::MAX, Link::mtu);
        if mtu > limit {
            match kind {
                Kind::Vlan => return Err(Refusal::new(Errno::ERANGE)),
                kind if kind.is_macvlan() => return Err(Refusal::new(Errno::EINVAL)),
                _ => {}
            }
        }
        if let Some(link) = self.link_mut(at) {
            link.own_mtu = true;
        }
        self.store_mtu(at, mtu);
        Ok(())
    }

    /// Writes the MTU and tells of it.
    pub(super) fn store_mtu(&mut self, at: At, mtu: u32) {
        let Some(link) = self.link_mut(at) else { return };
        let old = link.mtu();
        if old == mtu {
            return;
        }
        link.msg.mtu = Some(mtu);
        self.tell(at, |ns, env, dev| event::mtu_changed(ns, env, dev, old));
        self.tell_stack(at, Event::Mtu);
    }

    /// `netif_change_name`; allowed while the device is up.
    fn rename(&mut self, at: At, wanted: &str) -> Result<(), Refusal> {
        let Some(namespace) = self.world.namespaces.get(&at.ns) else { return Ok(()) };
        let links = &namespace.config.links;
        let Some(old) = links.get(at.dev).map(|link| link.name().to_string()) else { return Ok(()) };
        if old == wanted {
            return Ok(());
        }
        let new = name::prepare(links, wanted, Errno::EEXIST)?;
        if name::is_reserved(&new) {
            return Err(Refusal::new(Errno::EINVAL));
        }
        if let Some(namespace) = self.world.namespaces.get_mut(&at.ns) {
            sysctl::rename_device(&mut namespace.config, &old, &new);
        }
        if let Some(link) = self.link_mut(at) {
            link.msg.name = Some(new);
        }
        self.tell(at, |ns, env, dev| event::link_renamed(ns, env, dev, &old));
        Ok(())
    }

    /// `netif_set_alias`; an empty one removes it.
    fn set_alias(&mut self, at: At, alias: &str) -> Result<(), Refusal> {
        if alias.len() > MAX_ALIAS {
            return Err(Refusal::new(Errno::EINVAL));
        }
        if let Some(link) = self.link_mut(at) {
            link.msg.alias = (!alias.is_empty()).then(|| alias.to_string());
        }
        Ok(())
    }

    /// `netif_change_carrier`.
    fn change_carrier(&mut self, at: At, on: bool) -> Result<(), Refusal> {
        match self.link(at).map(Kind::of) {
            Some(kind) if kind.has_settable_carrier() => {
                self.set_carrier(at, on);
                Ok(())
            }
            _ => Err(Refusal::new(Errno::EOPNOTSUPP)),
        }
    }
}

/// Whether the request brings data of the kind (`IFLA_INFO_DATA`).
fn has_data(msg: &LinkMsg) -> bool {
    msg.info.as_ref().is_some_and(|info| {
        info.vrf_table.is_some()
            || info.vlan_id.is_some()
            || info.vlan_protocol.is_some()
            || info.mode.is_some()
            || info.peer.is_some()
            || info.tun_type.is_some()
            || !info.data.is_empty()
    })
}
