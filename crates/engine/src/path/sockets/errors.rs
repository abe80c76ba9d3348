//! What sockets are told of received ICMP errors (C-271), and which of these teach a path
//! MTU (C-148).

use std::net::{IpAddr, SocketAddr};

use fingerpost_net::wire::{Icmp, icmp, icmp6, nd};
use fingerpost_net::{Errno, Family};

use super::options::Discovery;
use super::{Kind, Origin, Report, Socket, SocketId};
use crate::path::Stack;

/// An error about a packet that a socket sent.
#[derive(Clone, Copy, Debug)]
pub(in crate::path) struct Told<'a> {
    /// The message's header.
    pub head: Icmp,
    /// Who sent the message.
    pub offender: IpAddr,
    /// Where the packet went.
    pub to: SocketAddr,
    /// The MTU, where the packet was too long; the place, where something in it was wrong.
    pub info: u32,
    /// What was quoted behind the headers.
    pub data: &'a [u8],
}

/// What an error means to whoever sent the packet: the errno, and whether it ends matters
/// (`icmp_err_convert`, `icmpv6_err_convert`).
pub(in crate::path) fn meaning(head: &Icmp, is_six: bool) -> Option<(Errno, bool)> {
    let known = match (is_six, head.kind, head.code) {
        (false, icmp::UNREACHABLE, code) => match code {
            0 | 5 | 11 => (if code == 5 { Errno::EOPNOTSUPP } else { Errno::ENETUNREACH }, false),
            1 | 12 => (Errno::EHOSTUNREACH, false),
            2 => (Errno::ENOPROTOOPT, true),
            3 => (Errno::ECONNREFUSED, true),
            4 => (Errno::EMSGSIZE, false),
            6 | 9 => (Errno::ENETUNREACH, true),
            7 => (Errno::EHOSTDOWN, true),
            8 => (Errno::ENONET, true),
            10 | 13..=15 => (Errno::EHOSTUNREACH, true),
            _ => (Errno::EHOSTUNREACH, false),
        },
        (false, icmp::TIME_EXCEEDED, _) => (Errno::EHOSTUNREACH, false),
        (false, icmp::PARAMETER, _) => (Errno::EPROTO, true),
        (false, ..) => return None,
        (true, icmp6::UNREACHABLE, code) => match code {
            0 => (Errno::ENETUNREACH, false),
            1 | 5 | 6 => (Errno::EACCES, true),
            2 | 3 => (Errno::EHOSTUNREACH, false),
            4 => (Errno::ECONNREFUSED, true),
            _ => (Errno::EPROTO, true),
        },
        (true, icmp6::TOO_BIG, _) => (Errno::EMSGSIZE, false),
        (true, icmp6::TIME_EXCEEDED, _) => (Errno::EHOSTUNREACH, false),
        (true, icmp6::PARAMETER, _) => (Errno::EPROTO, true),
        (true, ..) => (Errno::EPROTO, false),
    };
    Some(known)
}

impl Socket {
    /// Whether it is told of all errors, if it is a raw one (`raw_err`, `rawv6_err`).
    pub(in crate::path) fn hears_errors(&self, is_six: bool) -> bool {
        let options = if is_six { &self.options } else { &self.options4() };
        options.reports_errors || self.peer.is_some()
    }
}

impl Stack<'_, '_> {
    /// Whether a socket lets itself be taught path MTUs of a family (`ip_sk_accept_pmtu`,
    /// `ip6_sk_accept_pmtu`); raw ones are taught those of IPv6 whenever they are told of errors.
    pub(in crate::path) fn learns_mtu(&self, id: SocketId, family: Family) -> bool {
        let Some(socket) = self.state.sockets.get(id) else { return true };
        let discovery = match family {
            Family::V4 => socket.options4().discovery,
            Family::V6 if socket.kind != Kind::Udp => return socket.hears_errors(true),
            Family::V6 => socket.options.discovery,
        };
        !matches!(discovery, Discovery::Interface | Discovery::Omit)
    }

    /// A socket of UDP or a raw one is told (`__udp4_lib_err`, `raw_err`, `__udp6_lib_err`,
    /// `rawv6_err`): one that is connected of what ends matters, one that asked for it of
    /// all. What is too long counts as such unless packets may be cut on their way.
    pub(in crate::path) fn tell(&mut self, id: SocketId, told: &Told<'_>) {
        let is_six = told.to.is_ipv6();
        if is_six && told.head.kind == nd::REDIRECT {
            return; // Another way is no error.
        }
        let Some((errno, is_fatal)) = meaning(&told.head, is_six) else { return };
        let Some(socket) = self.state.sockets.get_mut(id) else { return };
        let discovery = if is_six { socket.options.discovery } else { socket.options4().discovery };
        let is_raw = socket.kind != Kind::Udp;
        // What is too long matters to all that do not have it cut; to raw ones of IPv6 only
        // if they never have.
        let cuts = match is_raw && is_six {
            true => discovery != Discovery::Do,
            false => discovery == Discovery::Dont,
        };
        let is_too_long = errno == Errno::EMSGSIZE;
        let asked = match is_six {
            true => socket.options.reports_errors,
            false => socket.options4().reports_errors,
        };
        if socket.kind == Kind::Udp && is_too_long && !is_six && cuts {
            return;
        }
        let is_fatal = is_fatal || is_too_long && !cuts;
        let is_heard = match is_raw {
            false => asked || is_fatal && socket.peer.is_some(),
            true => socket.hears_errors(is_six),
        };
        if !is_heard {
            return;
        }
        if !is_raw || asked || is_fatal {
            socket.error = Some(errno);
        }
        let Icmp { kind, code, .. } = told.head;
        let report = Report {
            errno,
            origin: Origin::Icmp { kind, code },
            info: told.info,
            offender: Some(told.offender),
            to: told.to,
            bytes: told.data.to_vec(),
        };
        self.report(id, report);
    }
}
