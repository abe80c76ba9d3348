//! Hosts whose programs use sockets: calls, packets that concern them, and changes beneath them.
//!
//! The engine goes along while a case is made, so that packets can answer what was sent and
//! quote it. That it is right is not taken for granted: another answer of its makes another
//! case, which the kernel is asked like any other.

mod four;
mod options;

use std::net::{IpAddr, SocketAddr};

use fingerpost_engine::Behaviour;
use fingerpost_net::{Family, Rng};

use crate::packets::Subject;
use crate::packets::call::{Call, Place, Setting, Speaks, With};
use crate::packets::case::{Bytes, Step};
use crate::packets::engine::Engine;
use crate::packets::generate::{one, weighted};
use crate::packets::masks::Links;

/// Ports that sockets take and packets go to.
const PORTS: [u16; 4] = [5000, 5000, 53, 7];

/// A host as those see it who make calls and packets for it.
pub trait Scene {
    /// Its family.
    fn family(&self) -> Family;
    /// The devices that frames enter by, by name.
    fn devices(&self) -> Vec<String>;
    /// One of its addresses.
    fn own(&self, rng: &mut Rng) -> IpAddr;
    /// Somebody whom it may send to.
    fn target(&self, rng: &mut Rng) -> IpAddr;
    /// Somebody who may send to it by a device.
    fn sender(&self, rng: &mut Rng, dev: usize) -> IpAddr;
    /// An address that it may receive at, be it shared.
    fn place(&self, rng: &mut Rng) -> IpAddr;
    /// The largest packet of a device.
    fn mtu(&self, dev: usize) -> u16;
    /// Whether an address says nothing without its link.
    fn needs_link(&self, addr: IpAddr) -> bool;
    /// A datagram that arrives by a device.
    fn datagram(&self, rng: &mut Rng, dev: usize, ends: [SocketAddr; 2]) -> Step;
    /// An error or a redirect about a packet, which arrives by a device.
    fn error(&self, rng: &mut Rng, dev: usize, about: &[u8]) -> Option<Step>;
    /// A whole packet for a raw socket.
    fn whole(&self, rng: &mut Rng) -> Vec<u8>;
    /// A change of the configuration.
    fn change(&self, rng: &mut Rng, about: Option<IpAddr>) -> String;
    /// Any packet.
    fn other(&self, rng: &mut Rng, dev: usize) -> Step;
}

/// What befalls a host.
pub struct Story<'a, S> {
    scene: &'a S,
    engine: Engine,
    links: Links,
    steps: Vec<Step>,
    sockets: Vec<Known>,
    /// Packets that left, with the device.
    sent: Vec<(usize, Vec<u8>)>,
    at_us: u64,
}

/// A socket as far as the story goes.
#[derive(Clone)]
struct Known {
    number: u8,
    family: Family,
    speaks: Speaks,
    is_bound_to_device: bool,
    is_with_header: bool,
}

/// The steps of a host with sockets.
pub fn steps(rng: &mut Rng, scene: &impl Scene, script: &[String]) -> Vec<Step> {
    let mut story = Story {
        scene,
        engine: Engine::new(script, Behaviour::default()),
        links: Links::of(script),
        steps: Vec::new(),
        sockets: Vec::new(),
        sent: Vec::new(),
        at_us: 0,
    };
    for number in 0..1 + rng.below(4) as u8 {
        story.open(rng, number);
    }
    for _ in 0..12 + rng.below(14) {
        story.go_on(rng);
    }
    for socket in story.sockets.clone() {
        for call in [Call::Read, Call::Read, Call::ReadError, Call::Error, Call::Name, Call::Peer] {
            story.call(socket.number, call);
        }
    }
    story.steps
}

impl<S: Scene> Story<'_, S> {
    fn add(&mut self, step: Step) {
        self.at_us += 2000;
        let seen = self.engine.step(&step, self.at_us..self.at_us);
        for (dev, frame) in seen.emitted {
            let at = self.scene.devices().iter().position(|name| *name == dev);
            let start = self.links.network(&dev, &frame.0);
            if let (Some(at), Some(start)) = (at, start) {
                self.sent.push((at, frame.0[start..].to_vec()));
            }
        }
        self.steps.push(step);
    }

    fn call(&mut self, socket: u8, call: Call) {
        self.add(Step::Call { socket, call });
    }

    fn open(&mut self, rng: &mut Rng, number: u8) {
        let scene = self.scene.family();
        let family = if scene == Family::V4 && rng.chance(5, 6) { Family::V4 } else { Family::V6 };
        let ping = if family == Family::V4 { 1 } else { 58 };
        let speaks = match weighted(rng, &[(14, 0), (3, 1), (1, 2), (1, 3), (1, 4)]) {
            // Raw sockets of IPv6 have nothing of IPv4.
            1..=4 if family != scene => Speaks::Udp,
            1 => Speaks::Raw(ping),
            2 => Speaks::Raw(99),
            3 => Speaks::Raw(17),
            4 => Speaks::Raw(255),
            _ => Speaks::Udp,
        };
        let is_with_header = family == Family::V4 && speaks == Speaks::Raw(255);
        let mut known = Known { number, family, speaks, is_bound_to_device: false, is_with_header };
        self.call(number, Call::Open { family: if family == Family::V4 { 4 } else { 6 }, speaks });
        for _ in 0..one(rng, &[0, 1, 1, 2, 3, 5]) {
            let setting = options::random(rng, &known.clone().into_choice(self.scene, true));
            self.set(&mut known, setting);
        }
        if rng.chance(1, 3) {
            self.call(number, Call::Set(Setting::ReuseAddress(true)));
        }
        if rng.chance(3, 4) {
            let addr = match weighted(rng, &[(4, 0), (5, 1), (2, 2), (1, 3)]) {
                0 => unspecified(scene),
                1 => self.scene.own(rng),
                2 => self.scene.place(rng),
                _ => self.scene.target(rng),
            };
            let port = if rng.chance(1, 12) { 0 } else { one(rng, &PORTS) };
            let place = self.place(rng, addr, port);
            known.is_bound_to_device |= place.dev.is_some();
            self.call(number, Call::Bind(place));
        }
        self.sockets.retain(|socket| socket.number != number);
        self.sockets.push(known);
        if rng.chance(1, 2) {
            self.connect(rng, number);
        }
        self.call(number, Call::Name);
    }

    fn set(&mut self, known: &mut Known, setting: Setting) {
        match &setting {
            Setting::Device(dev) => known.is_bound_to_device = dev.is_some(),
            Setting::WithHeader(on) => known.is_with_header = *on,
            _ => {}
        }
        self.call(known.number, Call::Set(setting));
    }

    /// The device of an address of a link binds its socket.
    fn note_device(&mut self, number: u8, place: &Place) {
        for known in self.sockets.iter_mut().filter(|known| known.number == number) {
            known.is_bound_to_device |= place.dev.is_some();
        }
    }

    fn connect(&mut self, rng: &mut Rng, number: u8) {
        let (addr, port) = (self.scene.target(rng), one(rng, &[1024, 1025, 53, 5000]));
        let place = self.place(rng, addr, port);
        self.note_device(number, &place);
        self.call(number, Call::Connect(place));
    }

    /// An address with its link, if it needs one, and now and then if not.
    fn place(&self, rng: &mut Rng, addr: IpAddr, port: u16) -> Place {
        let named = match self.scene.needs_link(addr) {
            true => rng.chance(9, 10),
            false => self.scene.family() == Family::V6 && rng.chance(1, 30),
        };
        let dev = named.then(|| rng.pick(&self.scene.devices()).cloned()).flatten();
        Place { at: SocketAddr::new(addr, port), dev }
    }

    fn go_on(&mut self, rng: &mut Rng) {
        let Some(mut socket) = rng.pick(&self.sockets).cloned() else { return };
        let number = socket.number;
        let dev = rng.below(self.scene.devices().len() as u64) as usize;
        match weighted(
            rng,
            &[
                (24, 0),
                (14, 1),
                (14, 2),
                (7, 3),
                (3, 4),
                (2, 5),
                (5, 6),
                (3, 7),
                (2, 8),
                (1, 9),
                (1, 10),
                (6, 11),
            ],
        ) {
            0 => self.send(rng, &socket),
            1 => self.receive(rng, &socket, dev),
            2 => self.trouble(rng, dev),
            3 => self.call(number, Call::Read),
            4 => self.call(number, Call::Error),
            5 => self.call(number, Call::ReadError),
            6 => {
                let about = self.engine.ends_of(number).and_then(|(_, peer)| peer).map(|peer| peer.ip());
                let line = self.scene.change(rng, about);
                self.add(Step::Change { line });
            }
            7 => {
                let setting = options::random(rng, &socket.clone().into_choice(self.scene, false));
                self.set(&mut socket, setting);
                self.sockets.retain(|known| known.number != number);
                self.sockets.push(socket);
            }
            8 => self.connect(rng, number),
            9 => self.open(rng, number),
            10 => self.call(number, Call::Name),
            _ => {
                let step = self.scene.other(rng, dev);
                self.add(step);
            }
        }
    }

    fn send(&mut self, rng: &mut Rng, socket: &Known) {
        let peer = self.engine.ends_of(socket.number).and_then(|(_, peer)| peer);
        let to = match peer {
            Some(_) if rng.chance(5, 6) => None,
            _ => {
                let (addr, port) = (self.scene.target(rng), one(rng, &[1024, 1025, 53, 5000, 0]));
                // A raw socket of IPv6 takes the port for its protocol.
                let is_raw6 = socket.family == Family::V6 && socket.speaks != Speaks::Udp;
                let port = if is_raw6 && rng.chance(9, 10) { 0 } else { port };
                Some(self.place(rng, addr, port))
            }
        };
        let is_mapped = socket.family != self.scene.family();
        let with = if rng.chance(1, 5) && !is_mapped { self.with(rng) } else { With::default() };
        let len = self.size(rng);
        let data = match (socket.is_with_header, socket.speaks) {
            (true, _) => self.scene.whole(rng),
            (false, Speaks::Raw(number @ (1 | 58))) => {
                let kind = if number == 1 { 8 } else { 128 };
                let mut data = vec![kind, 0, 0, 0, 0, 1, 0, 2];
                data.resize(len.max(8), 7);
                data
            }
            _ => (0..len).map(|at| at as u8).collect(),
        };
        self.call(socket.number, Call::Send { to, with, data: Bytes(data) });
    }

    fn size(&self, rng: &mut Rng) -> usize {
        let dev = rng.below(self.scene.devices().len() as u64) as usize;
        let mtu = usize::from(self.scene.mtu(dev));
        match weighted(rng, &[(12, 0), (6, 1), (3, 2), (1, 3), (1, 4)]) {
            0 => rng.below(60) as usize,
            1 => (mtu + rng.below(6) as usize).saturating_sub(one(rng, &[30, 50])),
            2 => (one(rng, &[552, 576, 700, 1000, 1280]) + rng.below(5) as usize).saturating_sub(30),
            3 => one(rng, &[1600, 2500, 4000]),
            _ => one(rng, &[0, 65507, 65508, 65527, 65528, 65535, 65536]),
        }
    }

    fn with(&self, rng: &mut Rng) -> With {
        let dev = if rng.chance(1, 3) { rng.pick(&self.scene.devices()).cloned() } else { None };
        let source = match rng.below(6) {
            0 | 1 => Some(self.scene.own(rng)),
            2 => Some(self.scene.target(rng)),
            _ => None,
        };
        With {
            dev,
            source,
            ttl: rng.chance(1, 4).then(|| one(rng, &[1, 2, 33, 255])),
            tos: rng.chance(1, 4).then(|| one(rng, &[0, 0x10, 0xb8, 0x03])),
            dont_route: rng.chance(1, 5),
        }
    }

    /// A datagram for a socket, most of the time from its peer.
    fn receive(&mut self, rng: &mut Rng, socket: &Known, dev: usize) {
        let (local, peer) =
            self.engine.ends_of(socket.number).unwrap_or((unknown(self.scene.family()), None));
        let local_ip = local.ip().to_canonical();
        let to = match local_ip.is_unspecified() || rng.chance(1, 10) {
            true if rng.chance(1, 3) => self.scene.place(rng),
            true => self.scene.own(rng),
            false => local_ip,
        };
        let port = if local.port() == 0 || rng.chance(1, 10) { one(rng, &PORTS) } else { local.port() };
        let from = match peer {
            Some(peer) if rng.chance(4, 5) => SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            _ => SocketAddr::new(self.scene.sender(rng, dev), 1024),
        };
        // Most of the time by where the host sends to the peer.
        let dev = match self.sent.last() {
            Some(&(way, _)) if rng.chance(2, 3) => way,
            _ => dev,
        };
        if Family::of(to) == self.scene.family() && Family::of(from.ip()) == self.scene.family() {
            let step = self.scene.datagram(rng, dev, [from, SocketAddr::new(to, port)]);
            self.add(step);
        }
    }

    /// An error about something that was sent.
    fn trouble(&mut self, rng: &mut Rng, dev: usize) {
        let Some((way, about)) = rng.pick(&self.sent).cloned() else { return };
        let dev = if rng.chance(5, 6) { way } else { dev };
        if let Some(step) = self.scene.error(rng, dev, &about) {
            self.add(step);
        }
    }
}

impl Known {
    fn into_choice(self, scene: &impl Scene, is_new: bool) -> options::Choice {
        options::Choice {
            family: self.family,
            is_mapped: self.family != scene.family(),
            is_udp: self.speaks == Speaks::Udp,
            is_new,
            is_bound_to_device: self.is_bound_to_device,
            devices: scene.devices(),
        }
    }
}

fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::V4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn unknown(family: Family) -> SocketAddr {
    SocketAddr::new(unspecified(family), 0)
}
