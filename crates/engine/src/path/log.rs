//! What Linux writes to its log about packets where `log_martians` is on (C-203), as
//! values and as text.
//!
//! Not here: how often it does so. Linux writes ten such messages at once and then one in
//! five seconds (`net.core.message_burst`, `message_cost`), whatever host they are about.

use std::fmt::Write;
use std::net::Ipv4Addr;

use super::{Packet, Stack};
use crate::behaviour::Behaviour;
use crate::lookup::DropReason;
use crate::lookup::input4::Received;
use crate::trace::Event;

/// An Ethernet header.
pub type LinkHeader = [u8; 14];

/// A message to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// A packet cannot come from its source by this device (`ip_handle_martian_source`).
    MartianSource {
        /// Its destination.
        dst: Ipv4Addr,
        /// Its source.
        src: Ipv4Addr,
        /// The device.
        dev: u32,
        /// Its link header, of a device that has some.
        link_header: Option<LinkHeader>,
    },
    /// A packet cannot go to its destination (`ip_route_input_slow`).
    MartianDestination {
        /// Its destination.
        dst: Ipv4Addr,
        /// Its source.
        src: Ipv4Addr,
        /// The device that it came in by.
        dev: u32,
    },
    /// A source route is not followed here (`ip_rcv_options`).
    SourceRoute {
        /// The packet's source.
        src: Ipv4Addr,
        /// Its destination.
        dst: Ipv4Addr,
    },
    /// A redirect is not believed (`__ip_do_redirect`).
    RedirectIgnored {
        /// Who sent it.
        from: Ipv4Addr,
        /// The device that it came in by.
        dev: u32,
        /// The gateway that it names.
        gateway: Ipv4Addr,
        /// The source of the packet that it is about.
        src: Ipv4Addr,
        /// The destination of that.
        dst: Ipv4Addr,
    },
    /// A host was told of a better gateway as often as it ever is (`ip_rt_send_redirect`).
    RedirectsUnheeded {
        /// The host.
        src: Ipv4Addr,
        /// The device that its packets come in by.
        dev: u32,
        /// Where they go.
        dst: Ipv4Addr,
        /// The gateway.
        gateway: Ipv4Addr,
    },
}

impl Logged {
    /// The message as the log has it, without level and time; some are of two lines.
    /// `name` tells a device's name.
    pub fn text(&self, behaviour: &Behaviour, name: impl Fn(u32) -> String) -> String {
        let is_short = behaviour.martians_are_named;
        match *self {
            Logged::MartianSource { dst, src, dev, link_header } => {
                let name = name(dev);
                let mut text = match is_short {
                    true => format!("IPv4: martian source (src={src}, dst={dst}, dev={name})"),
                    false => format!("IPv4: martian source {dst} from {src}, on dev {name}"),
                };
                if let Some(header) = link_header {
                    text += "\nll header: 00000000:";
                    for byte in header {
                        let _ = write!(text, " {byte:02x}");
                    }
                }
                text
            }
            Logged::MartianDestination { dst, src, dev } => match is_short {
                true => format!("IPv4: martian destination (src={src}, dst={dst}, dev={})", name(dev)),
                false => format!("IPv4: martian destination {dst} from {src}, dev {}", name(dev)),
            },
            Logged::SourceRoute { src, dst } => format!("IPv4: source route option {src} -> {dst}"),
            Logged::RedirectIgnored { from, dev, gateway, src, dst } => format!(
                "IPv4: Redirect from {from} on {} about {gateway} ignored\n  Advised path = {src} -> {dst}",
                name(dev)
            ),
            Logged::RedirectsUnheeded { src, dev, dst, gateway } => {
                format!("IPv4: host {src}/if{dev} ignores redirects for {dst} to {gateway}")
            }
        }
    }
}

impl Stack<'_, '_> {
    /// Reports what is logged, where a device's packets are watched.
    pub(super) fn log(&mut self, dev: u32, what: impl FnOnce() -> Logged) {
        let own = self.config.links.ipv4(dev).is_some_and(|ipv4| ipv4.conf.log_martians != 0);
        if own || self.config.sysctl.all.log_martians != 0 {
            self.tracer.event(|| Event::Logged { what: what() });
        }
    }

    /// Reports a packet that the input lookup refused.
    pub(super) fn log_refused(&mut self, packet: &Packet, received: &Received, reason: DropReason) {
        let &Received { src, dst, dev, .. } = received;
        // Nothing is said of groups, nor of what no lookup was made for.
        let is_silent = matches!(reason, DropReason::NotSpecified | DropReason::InvalidProto);
        if dst.is_multicast() || is_silent {
            return;
        }
        let link_header = packet.link_header;
        let is_destination = match reason {
            DropReason::IpInvalidDest => true,
            DropReason::IpLocalnet => dst.is_loopback(),
            _ => false,
        };
        self.log(dev, || match is_destination {
            true => Logged::MartianDestination { dst, src, dev },
            false => Logged::MartianSource { dst, src, dev, link_header },
        });
    }
}
