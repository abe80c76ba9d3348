//! Calls of sockets, asked of the engine.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use fingerpost_engine::path::Frame;
use fingerpost_engine::path::sockets::{Called, Control, Discovery, Kind, Origin, SocketId};
use fingerpost_engine::trace::Tracer;
use fingerpost_net::{Errno, Family};

use super::{Ends, Engine, NS};
use crate::packets::call::{Answer, Call, Place, Read, ReadError, Setting, Speaks, With, place};
use crate::packets::case::{Bytes, Seen};

/// A socket of the case.
#[derive(Clone, Copy)]
pub(super) struct Opened {
    pub(super) id: SocketId,
    family: Family,
    speaks: Speaks,
}

impl Engine {
    /// Does a call and says how it was answered.
    pub(super) fn call(&mut self, socket: u8, call: &Call, seen: &mut Seen, ends: &mut Ends) -> Answer {
        if let Call::Open { family, speaks } = call {
            return self.open(socket, *family, *speaks);
        }
        let Some(&opened) = self.sockets.get(&socket) else { return Answer::error(Errno::EBADF) };
        let id = opened.id;
        match call {
            Call::Open { .. } => Answer::default(),
            Call::Set(setting) => self.set(id, setting),
            Call::Bind(to) => {
                let to = self.address(to);
                answered(self.world.bind(NS, id, to).map(|()| "ok".to_owned()))
            }
            Call::Connect(to) => {
                let to = self.address(to);
                let called = self.world.connect(NS, id, to, &mut Tracer::on(ends));
                answered(self.emitted(called, seen).map(|()| "ok".to_owned()))
            }
            Call::Send { to, with, data } => {
                let (to, control) = (to.as_ref().map(|to| self.address(to)), self.control(with));
                let called = self.world.send(NS, id, to, &control, &data.0, &mut Tracer::on(ends));
                answered(self.emitted(called, seen).map(|len| len.to_string()))
            }
            Call::Read => self.read(opened),
            Call::ReadError => match self.world.error_report(NS, id) {
                None => Answer::error(Errno::EAGAIN),
                Some(report) => {
                    let origin = match report.origin {
                        Origin::Local => None,
                        Origin::Icmp { kind, code } => Some((kind, code)),
                    };
                    let (errno, info, offender) = (report.errno, report.info, report.offender);
                    let text = ReadError { errno, origin, info, offender, to: report.to }.text();
                    Answer { text, data: Some(Bytes(report.bytes)), is_packet: false }
                }
            },
            Call::Error => match self.world.socket_error(NS, id) {
                None => Answer::text("none"),
                Some(errno) => Answer::error(errno),
            },
            Call::Name => {
                let local = self.world.socket_of(NS, id).map(|socket| place(socket.local()));
                Answer::text(local.unwrap_or_default())
            }
            Call::Peer => match self.world.socket_of(NS, id).and_then(|socket| socket.peer()) {
                Some(peer) => Answer::text(place(peer)),
                None => Answer::error(Errno::ENOTCONN),
            },
            Call::Close => {
                self.world.close(NS, id);
                self.sockets.remove(&socket);
                Answer::text("ok")
            }
        }
    }

    fn open(&mut self, socket: u8, family: u8, speaks: Speaks) -> Answer {
        let family = if family == 4 { Family::V4 } else { Family::V6 };
        let kind = match speaks {
            Speaks::Udp => Kind::Udp,
            Speaks::Raw(number) => Kind::Raw(number),
        };
        match self.world.socket(NS, family, kind, 0) {
            Ok(id) => {
                let before = self.sockets.insert(socket, Opened { id, family, speaks });
                if let Some(before) = before {
                    self.world.close(NS, before.id);
                }
                Answer::text("ok")
            }
            Err(errno) => Answer::error(errno),
        }
    }

    /// What left is kept; the result is handed on.
    fn emitted<T>(&self, called: Called<T>, seen: &mut Seen) -> Result<T, Errno> {
        let leave = |Frame { dev, bytes, .. }| self.emit(seen, dev, bytes);
        called.emitted.into_iter().for_each(leave);
        called.result
    }

    fn read(&mut self, socket: Opened) -> Answer {
        match self.world.receive_from(NS, socket.id) {
            Ok(arrival) => {
                let dev = self.name_of(arrival.dev);
                let read =
                    Read { from: arrival.from, to: arrival.to, dev, ttl: arrival.ttl, tos: arrival.tos };
                let is_packet = socket.family == Family::V4 && matches!(socket.speaks, Speaks::Raw(_));
                Answer { text: read.text(), data: Some(Bytes(arrival.bytes)), is_packet }
            }
            Err(errno) => Answer::error(errno),
        }
    }

    fn index_of(&self, dev: Option<&str>) -> u32 {
        let ns = self.world.ns(NS).ok();
        dev.and_then(|dev| ns?.config.links.find(dev)).map_or(0, |link| link.index())
    }

    fn address(&self, to: &Place) -> SocketAddr {
        match to.at {
            SocketAddr::V4(_) => to.at,
            SocketAddr::V6(at) => {
                SocketAddrV6::new(*at.ip(), at.port(), 0, self.index_of(to.dev.as_deref())).into()
            }
        }
    }

    fn control(&self, with: &With) -> Control {
        Control {
            dev: self.index_of(with.dev.as_deref()),
            source: with.source.map(|source| match source {
                IpAddr::V4(source) => source.into(),
                IpAddr::V6(source) => source.into(),
            }),
            ttl: with.ttl,
            tos: with.tos,
            dont_route: with.dont_route,
        }
    }

    fn set(&mut self, id: SocketId, setting: &Setting) -> Answer {
        let dev = match setting {
            Setting::Device(dev) => self.index_of(dev.as_deref()),
            Setting::UnicastDevice(dev) | Setting::MulticastDevice(dev, _) => self.index_of(Some(dev)),
            _ => 0,
        };
        let Some(options) = self.world.socket_options(NS, id) else { return Answer::error(Errno::EBADF) };
        match setting {
            Setting::Mark(mark) => options.mark = *mark,
            Setting::Device(_) => options.dev = dev,
            Setting::Tos(tos) => options.tos = *tos,
            Setting::Ttl(ttl) => options.ttl = Some(*ttl),
            Setting::MulticastTtl(ttl) => options.multicast_ttl = *ttl,
            Setting::MulticastLoop(on) => options.multicast_loop = *on,
            Setting::MulticastDevice(_, source) => {
                (options.multicast_dev, options.multicast_source) = (dev, *source);
            }
            Setting::UnicastDevice(_) => options.unicast_dev = dev,
            Setting::Discovery(mode) => {
                options.discovery = match mode {
                    0 => Discovery::Dont,
                    1 => Discovery::Want,
                    2 => Discovery::Do,
                    3 => Discovery::Probe,
                    4 => Discovery::Interface,
                    5 => Discovery::Omit,
                    _ => return Answer::error(Errno::EINVAL),
                }
            }
            Setting::Broadcast(on) => options.broadcast = *on,
            Setting::DontRoute(on) => options.dont_route = *on,
            Setting::Transparent(on) => options.transparent = *on,
            Setting::FreeBind(on) => options.free_bind = *on,
            Setting::ReportsErrors(on) => options.reports_errors = *on,
            Setting::WithHeader(on) => options.with_header = *on,
            Setting::ReuseAddress(on) => options.reuse_address = *on,
            Setting::ReusePort(on) => options.reuse_port = *on,
            Setting::V6Only(on) => options.v6_only = *on,
        }
        Answer::text("ok")
    }
}

fn answered(result: Result<String, Errno>) -> Answer {
    match result {
        Ok(text) => Answer::text(text),
        Err(errno) => Answer::error(errno),
    }
}
