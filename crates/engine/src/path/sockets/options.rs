//! What a socket was told about its packets (`ip(7)`, `ipv6(7)`, `socket(7)`).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_net::{Errno, Family};

use crate::behaviour::Behaviour;

/// How a socket learns and uses path MTUs (`IP_MTU_DISCOVER`, C-149).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Discovery {
    /// Packets may be cut on their way.
    Dont,
    /// They may not, as long as they fit; what is longer is cut here.
    #[default]
    Want,
    /// They may not, and what is longer is refused.
    Do,
    /// The same by the device's MTU, whatever was learned.
    Probe,
    /// By the device's MTU; packets may be cut on their way.
    Interface,
    /// The same, and what is longer is cut here.
    Omit,
}

impl Discovery {
    /// `ip_sk_use_pmtu`.
    pub(super) fn uses_path(self) -> bool {
        self < Discovery::Probe
    }

    /// Whether packets say that they must not be cut, by a path whose MTU is locked or not
    /// (`ip_dont_fragment`).
    pub(super) fn keeps_whole(self, is_locked: bool) -> bool {
        self == Discovery::Do || self == Discovery::Want && !is_locked
    }

    /// `ip_sk_ignore_df`.
    pub(super) fn may_cut_here(self) -> bool {
        self < Discovery::Do || self == Discovery::Omit
    }
}

/// A socket's options. Device numbers are 0 for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `SO_MARK`.
    pub mark: u32,
    /// `SO_BINDTODEVICE`.
    pub dev: u32,
    /// `IP_TOS`, `IPV6_TCLASS`.
    pub tos: u8,
    /// `IP_TTL`, `IPV6_UNICAST_HOPS`; the route's or the host's unless set.
    pub ttl: Option<u8>,
    /// `IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`.
    pub multicast_ttl: u8,
    /// `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`: the device.
    pub multicast_dev: u32,
    /// `IP_MULTICAST_IF`: the source.
    pub multicast_source: Option<Ipv4Addr>,
    /// `IP_MULTICAST_LOOP`, `IPV6_MULTICAST_LOOP`.
    pub multicast_loop: bool,
    /// `IP_UNICAST_IF`, `IPV6_UNICAST_IF`.
    pub unicast_dev: u32,
    /// `IP_MTU_DISCOVER`, `IPV6_MTU_DISCOVER`.
    pub discovery: Discovery,
    /// `IP_MTU_DISCOVER` of a socket of IPv6, which counts where it sends IPv4.
    pub discovery_as_v4: Discovery,
    /// `SO_BROADCAST`.
    pub broadcast: bool,
    /// `SO_DONTROUTE`.
    pub dont_route: bool,
    /// `IP_TRANSPARENT`, `IPV6_TRANSPARENT`.
    pub transparent: bool,
    /// `IP_FREEBIND`, `IPV6_FREEBIND`.
    pub free_bind: bool,
    /// `IP_RECVERR`, `IPV6_RECVERR`: errors are queued with what they are about.
    pub reports_errors: bool,
    /// `IP_HDRINCL`, and that of raw sockets of the protocol RAW: what is sent begins with
    /// its header.
    pub with_header: bool,
    /// `SO_REUSEADDR`.
    pub reuse_address: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// `IPV6_V6ONLY`.
    pub v6_only: bool,
    /// The user whose socket it is; 0 may do everything.
    pub uid: u32,
    /// `SO_RCVBUF` as it counts: bytes, with what a packet takes beside its own.
    pub room: usize,
}

impl Options {
    /// Those that count where IPv4 is sent: a socket of IPv6 has some of its own for that,
    /// which nobody sets here.
    pub(super) fn as_v4(&self, family: Family) -> Options {
        if family == Family::V4 {
            return self.clone();
        }
        let usual = Options::default();
        Options {
            tos: usual.tos,
            ttl: usual.ttl,
            multicast_ttl: usual.multicast_ttl,
            multicast_dev: usual.multicast_dev,
            multicast_source: usual.multicast_source,
            multicast_loop: usual.multicast_loop,
            unicast_dev: usual.unicast_dev,
            discovery: self.discovery_as_v4,
            reports_errors: usual.reports_errors,
            ..self.clone()
        }
    }
}

/// An option with its value (`setsockopt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// [`Options::mark`].
    Mark(u32),
    /// [`Options::dev`].
    Device(u32),
    /// [`Options::tos`].
    Tos(u8),
    /// [`Options::ttl`].
    Ttl(Option<u8>),
    /// [`Options::multicast_ttl`].
    MulticastTtl(u8),
    /// [`Options::multicast_dev`] and, of IPv4, [`Options::multicast_source`].
    MulticastDevice(u32, Option<Ipv4Addr>),
    /// [`Options::multicast_loop`].
    MulticastLoop(bool),
    /// [`Options::unicast_dev`].
    UnicastDevice(u32),
    /// [`Options::discovery`].
    Discovery(Discovery),
    /// [`Options::broadcast`].
    Broadcast(bool),
    /// [`Options::dont_route`].
    DontRoute(bool),
    /// [`Options::transparent`].
    Transparent(bool),
    /// [`Options::free_bind`].
    FreeBind(bool),
    /// [`Options::reports_errors`].
    ReportsErrors(bool),
    /// [`Options::with_header`].
    WithHeader(bool),
    /// [`Options::reuse_address`].
    ReuseAddress(bool),
    /// [`Options::reuse_port`].
    ReusePort(bool),
    /// [`Options::v6_only`].
    V6Only(bool),
    /// [`Options::room`].
    Room(usize),
}

impl Setting {
    /// Whether Linux locks the socket to set this; the rest is written without
    /// (`do_ip_setsockopt`, `do_ipv6_setsockopt`, `sk_setsockopt`).
    pub(super) fn locks(self, family: Family, behaviour: &Behaviour) -> bool {
        match self {
            Setting::Mark(_)
            | Setting::Device(_)
            | Setting::Tos(_)
            | Setting::Broadcast(_)
            | Setting::DontRoute(_)
            | Setting::ReuseAddress(_)
            | Setting::ReusePort(_)
            | Setting::V6Only(_)
            | Setting::Room(_) => true,
            Setting::UnicastDevice(_) | Setting::MulticastDevice(..) => {
                family == Family::V4 || !behaviour.sockets6_are_told_devices_unlocked
            }
            Setting::Transparent(_) | Setting::FreeBind(_) if family == Family::V6 => true,
            Setting::Transparent(_)
            | Setting::FreeBind(_)
            | Setting::Ttl(_)
            | Setting::MulticastLoop(_)
            | Setting::ReportsErrors(_)
            | Setting::WithHeader(_)
                if family == Family::V4 =>
            {
                !behaviour.sockets4_are_told_unlocked
            }
            Setting::Transparent(_)
            | Setting::FreeBind(_)
            | Setting::Ttl(_)
            | Setting::MulticastLoop(_)
            | Setting::ReportsErrors(_)
            | Setting::WithHeader(_)
            | Setting::MulticastTtl(_)
            | Setting::Discovery(_) => !behaviour.more_is_told_unlocked,
        }
    }
}

impl Options {
    /// Sets one; whether the decision that the socket keeps is forgotten (`sk_dst_reset`).
    pub(super) fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Mark(mark) => return std::mem::replace(&mut self.mark, mark) != mark,
            Setting::Tos(tos) => return std::mem::replace(&mut self.tos, tos) != tos,
            Setting::Device(dev) => {
                self.dev = dev;
                return true;
            }
            Setting::DontRoute(on) => {
                self.dont_route = on;
                return true;
            }
            Setting::Ttl(ttl) => self.ttl = ttl,
            Setting::MulticastTtl(ttl) => self.multicast_ttl = ttl,
            Setting::MulticastDevice(dev, source) => {
                (self.multicast_dev, self.multicast_source) = (dev, source);
            }
            Setting::MulticastLoop(on) => self.multicast_loop = on,
            Setting::UnicastDevice(dev) => self.unicast_dev = dev,
            Setting::Discovery(discovery) => self.discovery = discovery,
            Setting::Broadcast(on) => self.broadcast = on,
            Setting::Transparent(on) => self.transparent = on,
            Setting::FreeBind(on) => self.free_bind = on,
            Setting::ReportsErrors(on) => self.reports_errors = on,
            Setting::WithHeader(on) => self.with_header = on,
            Setting::ReuseAddress(on) => self.reuse_address = on,
            Setting::ReusePort(on) => self.reuse_port = on,
            Setting::V6Only(on) => self.v6_only = on,
            Setting::Room(room) => self.room = room,
        }
        false
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            mark: 0,
            dev: 0,
            tos: 0,
            ttl: None,
            multicast_ttl: 1,
            multicast_dev: 0,
            multicast_source: None,
            multicast_loop: true,
            unicast_dev: 0,
            discovery: Discovery::default(),
            discovery_as_v4: Discovery::default(),
            broadcast: false,
            dont_route: false,
            transparent: false,
            free_bind: false,
            reports_errors: false,
            with_header: false,
            reuse_address: false,
            reuse_port: false,
            v6_only: false,
            uid: 0,
            room: 212_992,
        }
    }
}

/// What is told with one datagram (`sendmsg`'s control messages).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// `IP_PKTINFO`, `IPV6_PKTINFO`: the device.
    pub dev: u32,
    /// The same: the source.
    pub source: Option<IpAddr>,
    /// `IP_TTL`, `IPV6_HOPLIMIT`.
    pub ttl: Option<u8>,
    /// `IP_TOS`, `IPV6_TCLASS`.
    pub tos: Option<u8>,
    /// `MSG_DONTROUTE`.
    pub dont_route: bool,
}

impl Control {
    /// What IPv4 reads of messages of IPv6 (`ip_cmsg_send`): of `IPV6_PKTINFO` a device, with a
    /// source that is IPv4's; of no others.
    pub(super) fn of_mapped(&self) -> Result<Control, Errno> {
        let is_info = self.dev != 0 || self.source.is_some();
        let source = self.source.map(|source| source.to_canonical());
        if is_info && !source.is_some_and(|source| source.is_ipv4()) {
            return Err(Errno::EINVAL);
        }
        Ok(Control { source, ttl: None, tos: None, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sockets_of_ipv6_are_told_unlocked() {
        let locks =
            |release: &str, setting: Setting| setting.locks(Family::V6, &Behaviour::of_release(release));
        for setting in [
            Setting::Ttl(Some(9)),
            Setting::MulticastTtl(9),
            Setting::MulticastLoop(false),
            Setting::Discovery(Discovery::Do),
            Setting::ReportsErrors(true),
        ] {
            assert!(locks("6.6", setting) && !locks("6.7", setting), "{setting:?}");
        }
        for setting in [Setting::FreeBind(true), Setting::Transparent(true), Setting::Tos(8)] {
            assert!(locks("6.6", setting) && locks("6.18", setting), "{setting:?}");
        }
        for setting in [Setting::UnicastDevice(1), Setting::MulticastDevice(1, None)] {
            assert!(locks("6.7", setting) && !locks("6.8", setting), "{setting:?}");
        }
    }
}
