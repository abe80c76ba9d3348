//! Calls of sockets, asked of the engine.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use fingerpost_engine::path::Frame;
use fingerpost_engine::path::sockets::{self, Called, Control, Discovery, Kind, Origin, SocketId};
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
            Call::Read => self.read(opened, ends),
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
            Call::Name => answered(self.world.socket_name(NS, id).map(place)),
            Call::Peer => answered(self.world.peer_name(NS, id).map(place)),
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

    fn read(&mut self, socket: Opened, ends: &mut Ends) -> Answer {
        match self.world.receive_from(NS, socket.id, &mut Tracer::on(ends)) {
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
        let setting = match setting.clone() {
            Setting::Mark(mark) => sockets::Setting::Mark(mark),
            Setting::Device(_) => sockets::Setting::Device(dev),
            Setting::Tos(tos) => sockets::Setting::Tos(tos),
            Setting::Ttl(ttl) => sockets::Setting::Ttl(Some(ttl)),
            Setting::MulticastTtl(ttl) => sockets::Setting::MulticastTtl(ttl),
            Setting::MulticastLoop(on) => sockets::Setting::MulticastLoop(on),
            Setting::MulticastDevice(_, source) => sockets::Setting::MulticastDevice(dev, source),
            Setting::UnicastDevice(_) => sockets::Setting::UnicastDevice(dev),
            Setting::Discovery(mode) => match mode {
                0 => sockets::Setting::Discovery(Discovery::Dont),
                1 => sockets::Setting::Discovery(Discovery::Want),
                2 => sockets::Setting::Discovery(Discovery::Do),
                3 => sockets::Setting::Discovery(Discovery::Probe),
                4 => sockets::Setting::Discovery(Discovery::Interface),
                5 => sockets::Setting::Discovery(Discovery::Omit),
                _ => return Answer::error(Errno::EINVAL),
            },
            Setting::Broadcast(on) => sockets::Setting::Broadcast(on),
            Setting::DontRoute(on) => sockets::Setting::DontRoute(on),
            Setting::Transparent(on) => sockets::Setting::Transparent(on),
            Setting::FreeBind(on) => sockets::Setting::FreeBind(on),
            Setting::ReportsErrors(on) => sockets::Setting::ReportsErrors(on),
            Setting::WithHeader(on) => sockets::Setting::WithHeader(on),
            Setting::ReuseAddress(on) => sockets::Setting::ReuseAddress(on),
            Setting::ReusePort(on) => sockets::Setting::ReusePort(on),
            Setting::V6Only(on) => sockets::Setting::V6Only(on),
        };
        answered(self.world.set_option(NS, id, setting).map(|()| "ok".to_owned()))
    }
}

fn answered(result: Result<String, Errno>) -> Answer {
    match result {
        Ok(text) => Answer::text(text),
        Err(errno) => Answer::error(errno),
    }
}
