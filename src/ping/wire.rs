//! A ping's socket in a world: which source and device it gets (`ping4_run`, `ping6_run`),
//! what it hears, and time that passes while it waits.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use fingerpost_engine::counters::Counter;
use fingerpost_engine::path::sockets::{self, Arrival, Control, Kind, Origin, Setting, SocketId};
use fingerpost_engine::path::{Frame, Outcome};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Time, World};
use fingerpost_model::{Kernel, NsId, RouteMsg};
use fingerpost_net::wire::{Header, Icmp, Ipv4, icmp, icmp6, next, proto};
use fingerpost_net::{Errno, Family, IpPrefix};

use super::options::{Discovery, Options, Refused, failed, refuse};
use super::session::{Arrived, Fault, Wire};

/// The port to which a socket is connected to learn a source.
const PROBE_PORT: u16 = 1025;
/// The least that a socket's buffers are set to, and the most (`rmem_max`), bytes.
const LEAST_ROOM: usize = 65_536;
const MOST_ROOM: usize = 212_992;
/// The least room for what was sent and did not leave (`SOCK_MIN_SNDBUF`).
const LEAST_SEND_ROOM: usize = 4_608;

/// The socket of a ping under way.
pub struct Socket<'a> {
    world: &'a mut World,
    ns: NsId,
    id: SocketId,
    family: Family,
    to: SocketAddr,
    control: Control,
    /// ICMP types of IPv4 that are not wanted once errors come by another way.
    hears_errors: bool,
    /// Bytes of probes that wait for a neighbour, and how many may.
    waiting: usize,
    send_room: usize,
    unknown: BTreeSet<&'static str>,
}

/// A socket that may send.
pub struct Opened<'a> {
    pub wire: Socket<'a>,
    /// The first line.
    pub header: String,
    pub warnings: String,
    /// The destination.
    pub target: IpAddr,
    /// Whether the destination may be several hosts.
    pub is_multicast: bool,
}

type Fails<T> = Result<T, (Refused, String)>;

/// Makes the socket and finds its source.
pub fn open<'a>(world: &'a mut World, ns: NsId, options: &Options) -> Fails<Opened<'a>> {
    let family = Family::of(options.address);
    let quiet = |refused| (refused, String::new());
    if may_be_datagram(world, ns) {
        return refuse(2, "a ping_group_range with the group 0 is not supported here").map_err(quiet);
    }
    let kind = Kind::Raw(if family == Family::V4 { proto::ICMP } else { next::ICMPV6 });
    let id = world.socket(ns, family, kind, 0).or_else(|errno| failed("socket", errno)).map_err(quiet)?;
    let to = SocketAddr::new(options.address, 0);
    let wire = Socket {
        world,
        ns,
        id,
        family,
        to,
        control: Control::default(),
        hears_errors: true,
        waiting: 0,
        send_room: 0,
        unknown: BTreeSet::new(),
    };
    let mut setup =
        Setup { wire, options, source: options.source, warnings: String::new(), broadcast: false };
    let prepared = match family {
        Family::V4 => setup.prepare4(),
        Family::V6 => setup.prepare6(),
    };
    let Setup { mut wire, warnings, source, broadcast, .. } = setup;
    if let Err(refused) = prepared {
        wire.world.close(ns, id);
        let unknown = std::mem::take(&mut wire.unknown);
        return match unknown.into_iter().next() {
            None => Err((refused, warnings)),
            Some(name) => {
                Err((Refused { message: format!("not modelled: {name}"), status: super::UNKNOWN }, warnings))
            }
        };
    }
    let is_multicast = broadcast || wire.to.ip().is_multicast();
    let header = header(&wire, options, source);
    let target = wire.to.ip();
    Ok(Opened { wire, header, warnings, target, is_multicast })
}

/// Whether ping would get a socket of ICMP alone, which counts and hears otherwise.
fn may_be_datagram(world: &mut World, ns: NsId) -> bool {
    let range = world.read_file(ns, "/proc/sys/net/ipv4/ping_group_range").unwrap_or_default();
    let mut ends = range.split_whitespace().map_while(|word| word.parse::<u32>().ok());
    matches!((ends.next(), ends.next()), (Some(0), Some(_)))
}

fn header(wire: &Socket<'_>, options: &Options, source: Option<IpAddr>) -> String {
    let (target, size) = (&options.target, options.size);
    let mut text = match wire.family {
        Family::V4 => format!("PING {target} ({}) ", wire.to.ip()),
        Family::V6 => format!("PING {target}({}) ", wire.shown(wire.to)),
    };
    if options.device.is_some() || options.is_bound {
        let device = options.device.as_deref().unwrap_or_default();
        let source = match source {
            Some(IpAddr::V6(addr)) if addr.is_unicast_link_local() && options.source.is_none() => {
                wire.shown(SocketAddrV6::new(addr, 0, 0, wire.control.dev).into())
            }
            Some(source) => source.to_string(),
            None => String::new(),
        };
        let _ = write!(text, "from {source} {device}: ");
    }
    match wire.family {
        Family::V4 => {
            let _ = writeln!(text, "{size}({}) bytes of data.", size + Icmp::LEN + Ipv4::LEN);
        }
        Family::V6 => {
            let _ = writeln!(text, "{size} data bytes");
        }
    }
    text
}

/// A socket that is being prepared.
struct Setup<'a, 'o> {
    wire: Socket<'a>,
    options: &'o Options,
    source: Option<IpAddr>,
    warnings: String,
    broadcast: bool,
}

impl Setup<'_, '_> {
    fn prepare4(&mut self) -> Result<(), Refused> {
        let options = self.options;
        if options.record_route {
            return refuse(2, "option -R is not supported here");
        }
        if let Some(device) = &options.device {
            let Some(dev) = self.wire.device(device) else {
                return failed(&format!("SO_BINDTODEVICE {device}"), Errno::ENODEV);
            };
            self.wire.set(Setting::Device(dev));
        }
        self.broadcast = options.broadcast;
        if self.source.is_none_or(|source| source.is_unspecified()) {
            let source = self.probe4()?;
            self.source = Some(source);
            self.warn_of_other_device(source);
        }
        if self.wire.to.ip().is_unspecified()
            && let Some(source) = self.source
        {
            self.wire.to.set_ip(source);
        }
        self.set_options();
        if options.is_bound {
            self.bind("bind", 0)?;
        }
        if options.ttl == Some(0) {
            return failed("cannot set unicast time-to-live", Errno::EINVAL);
        }
        Ok(())
    }

    /// The source that a connected socket of UDP gets.
    fn probe4(&mut self) -> Result<IpAddr, Refused> {
        let (options, to) = (self.options, SocketAddr::new(self.wire.to.ip(), PROBE_PORT));
        let connected = self.wire.probe(to, options, false);
        if connected != Err(Errno::EACCES) {
            return connected.or_else(|errno| failed("connect", errno));
        }
        if !options.broadcast {
            return refuse(
                2,
                "Do you want to ping broadcast? Then -b. If not, check your local firewall rules",
            );
        }
        self.warnings.push_str("WARNING: pinging broadcast address\n");
        self.wire.probe(to, options, true).or_else(|errno| failed("connect", errno))
    }

    fn prepare6(&mut self) -> Result<(), Refused> {
        let options = self.options;
        let IpAddr::V6(target) = options.address else { return Ok(()) };
        let mut scope = match &options.scope {
            None => 0,
            Some(name) => match self.wire.device(name).or(name.parse().ok()) {
                Some(dev) if is_of_link(target) => dev,
                _ => return refuse(2, format!("{}: Name or service not known", options.target)),
            },
        };
        self.wire.to = SocketAddrV6::new(target, 0, 0, scope).into();
        let dev = match &options.device {
            None => None,
            Some(name) => match self.wire.device(name) {
                Some(dev) => Some(dev),
                None => return refuse(2, format!("unknown iface: {name}")),
            },
        };
        if self.source.is_none_or(|source| source.is_unspecified()) {
            if let Some(dev) = dev {
                self.wire.set(Setting::Device(dev));
                if is_of_link(target) {
                    scope = dev;
                }
            }
            // To addresses of the link it is not connected, and its source stays open.
            let source = match is_of_link(target) {
                true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                false => {
                    let to = SocketAddrV6::new(target, PROBE_PORT, 0, scope).into();
                    self.wire.probe(to, options, false).or_else(|errno| failed("connect", errno))?
                }
            };
            self.source = Some(source);
            self.warn_of_other_device(source);
        } else if let Some(dev) = dev {
            self.wire.set(Setting::Device(dev));
        }
        self.wire.control.dev = dev.unwrap_or(0);
        self.set_options();
        if options.is_bound {
            let is_of_link = matches!(self.source, Some(IpAddr::V6(source)) if is_of_link(source));
            self.bind("bind icmp socket", dev.filter(|_| is_of_link).unwrap_or(0))?;
        }
        Ok(())
    }

    fn bind(&mut self, call: &str, scope: u32) -> Result<(), Refused> {
        let source: SocketAddr = match self.source {
            Some(IpAddr::V6(source)) => SocketAddrV6::new(source, 0, 0, scope).into(),
            source => SocketAddr::new(source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), 0),
        };
        self.wire.world.bind(self.wire.ns, self.wire.id, source).or_else(|errno| failed(call, errno))
    }

    fn set_options(&mut self) {
        let options = self.options;
        let is_many = self.broadcast || self.wire.to.ip().is_multicast();
        let asked = options.discovery.or(is_many.then_some(Discovery::Do));
        let message = options.size + Icmp::LEN;
        let headers = if self.wire.family == Family::V4 { 260 } else { 280 };
        let buffer = message + message.div_ceil(512) * headers;
        self.wire.send_room = (2 * buffer.min(MOST_ROOM)).max(LEAST_SEND_ROOM);
        let broadcast = self.broadcast;
        self.wire.set(Setting::Mark(options.mark.unwrap_or(0)));
        self.wire.set(Setting::Tos(options.tos));
        self.wire.set(Setting::ReportsErrors(true));
        self.wire.set(Setting::Broadcast(broadcast));
        self.wire.set(Setting::DontRoute(options.dont_route));
        self.wire.set(Setting::Room(2 * buffer.clamp(LEAST_ROOM, MOST_ROOM)));
        if let Some(ttl) = options.ttl {
            self.wire.set(Setting::Ttl(Some(ttl)));
            self.wire.set(Setting::MulticastTtl(ttl));
        }
        if let Some(asked) = asked {
            self.wire.set(Setting::Discovery(match asked {
                Discovery::Dont => sockets::Discovery::Dont,
                Discovery::Want => sockets::Discovery::Want,
                Discovery::Do => sockets::Discovery::Do,
            }));
        }
    }

    /// A source that no address of the demanded device is, is remarked on.
    fn warn_of_other_device(&mut self, source: IpAddr) {
        let Some(device) = &self.options.device else { return };
        let (Some(dev), Ok(ns)) = (self.wire.device(device), self.wire.world.ns(self.wire.ns)) else {
            return;
        };
        let links = &ns.config.links;
        let has = match source {
            IpAddr::V4(source) => {
                links.ipv4(dev).is_some_and(|ipv4| ipv4.addrs.iter().any(|have| have.local == source))
            }
            IpAddr::V6(source) => {
                links.ipv6(dev).is_some_and(|ipv6| ipv6.addrs.iter().any(|have| have.addr == source))
            }
        };
        if !has {
            let warning = "Warning: source address might be selected on device other than";
            let _ = writeln!(self.warnings, "ping: {warning}: {device}");
        }
    }
}

impl Socket<'_> {
    /// A number by chance.
    pub fn chance(&mut self) -> u16 {
        self.world.rng.next_u32() as u16
    }

    /// Ends; what it met that is not modelled.
    pub fn close(mut self) -> Vec<&'static str> {
        self.world.close(self.ns, self.id);
        self.unknown.extend(self.world.network.take_unknown());
        self.unknown.into_iter().collect()
    }

    /// The device with this name.
    fn device(&self, name: &str) -> Option<u32> {
        self.world.ns(self.ns).ok()?.config.links.find(name).map(|link| link.index())
    }

    fn set(&mut self, setting: Setting) {
        let _of_a_closed_one = self.world.set_option(self.ns, self.id, setting);
    }

    /// Connects a socket of UDP; the source that it gets.
    fn probe(&mut self, to: SocketAddr, options: &Options, broadcast: bool) -> Result<IpAddr, Errno> {
        let dev = self.world.socket_of(self.ns, self.id).map_or(0, |own| own.options.dev);
        let id = self.world.socket(self.ns, self.family, Kind::Udp, 0)?;
        let (mark, tos) =
            (options.mark.unwrap_or(0), if self.family == Family::V4 { options.tos } else { 0 });
        let settings =
            [Setting::Device(dev), Setting::Mark(mark), Setting::Broadcast(broadcast), Setting::Tos(tos)];
        for setting in settings {
            self.world.set_option(self.ns, id, setting)?;
        }
        let called = self.world.connect(self.ns, id, to, &mut Tracer::off());
        self.carry(called.outcome, called.emitted);
        let source = self.world.socket_of(self.ns, id).map(|socket| socket.local().ip());
        self.world.close(self.ns, id);
        called.result?;
        source.ok_or(Errno::EBADF)
    }

    /// Has frames set out for other namespaces. Those that leave the world get no answer.
    fn carry(&mut self, outcome: Option<Outcome>, frames: Vec<Frame>) {
        if let Some(Outcome::Unknown(name)) = outcome {
            self.unknown.insert(name);
        }
        self.world.carry(self.ns, frames);
    }

    /// An address as ping shows it: of those of a link with their device.
    fn shown(&self, addr: SocketAddr) -> String {
        match addr {
            SocketAddr::V6(addr) if is_of_link(*addr.ip()) && addr.scope_id() != 0 => {
                let links = self.world.ns(self.ns).ok().map(|ns| &ns.config.links);
                match links.and_then(|links| links.get(addr.scope_id())) {
                    Some(link) => format!("{}%{}", addr.ip(), link.name()),
                    None => format!("{}%{}", addr.ip(), addr.scope_id()),
                }
            }
            addr => addr.ip().to_string(),
        }
    }

    /// Who sent an error about a probe, which came by the device that probes leave by.
    fn offender(&mut self, addr: IpAddr) -> String {
        let IpAddr::V6(addr) = addr else { return addr.to_string() };
        if !is_of_link(addr) {
            return addr.to_string();
        }
        let named = match self.to {
            SocketAddr::V6(to) => to.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        let dst = Some(IpPrefix::host(self.to.ip()));
        let request = RouteMsg { dst, ..RouteMsg::new(Family::V6) };
        let dev = match named.max(self.control.dev) {
            0 => self.world.get_route(self.ns, &request).ok().and_then(|route| route.oif).unwrap_or(0),
            dev => dev,
        };
        self.shown(SocketAddrV6::new(addr, 0, 0, dev).into())
    }

    /// Whether something has come.
    fn is_ready(&self) -> bool {
        self.world.socket_of(self.ns, self.id).is_some_and(|socket| socket.is_ready())
    }

    fn arrived(&self, arrival: Arrival) -> Option<Arrived> {
        let (message, options) = match self.family {
            Family::V6 => (arrival.bytes, Vec::new()),
            Family::V4 => {
                let len = Ipv4::read(&arrival.bytes)?.header_len();
                (arrival.bytes.get(len..)?.to_vec(), arrival.bytes.get(Ipv4::LEN..len)?.to_vec())
            }
        };
        let from = match arrival.from {
            SocketAddr::V6(from) if is_of_link(*from.ip()) => {
                SocketAddrV6::new(*from.ip(), 0, 0, arrival.dev).into()
            }
            from => from,
        };
        let shown = self.shown(from);
        Some(Arrived { message, from: from.ip(), shown, ttl: Some(arrival.ttl), options })
    }

    /// Whether a message passes the socket's filter.
    fn is_wanted(&self, message: &[u8]) -> bool {
        match (self.family, message.first()) {
            (_, None) => false,
            (Family::V6, Some(&kind)) => kind == icmp6::ECHO_REPLY,
            (Family::V4, Some(&kind)) => match kind {
                icmp::ECHO_REPLY | icmp::REDIRECT | 4 => true,
                icmp::UNREACHABLE | icmp::TIME_EXCEEDED | icmp::PARAMETER => self.hears_errors,
                _ => false,
            },
        }
    }
}

impl Wire for Socket<'_> {
    fn now(&self) -> i64 {
        self.world.now.0 as i64
    }

    fn time_of_day(&self) -> i64 {
        let wall = self.world.ns(self.ns).map_or(0, |ns| ns.state.wall);
        (wall + self.world.now.0) as i64 * 1000
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Errno> {
        if self.waiting >= self.send_room {
            // It would have to wait until some have left.
            self.unknown.insert("a socket with no room for more packets that wait for a neighbour");
        }
        let mut off = Tracer::off();
        let called = self.world.send(self.ns, self.id, Some(self.to), &self.control, message, &mut off);
        if called.outcome == Some(Outcome::Queued) {
            self.waiting += size_in_memory(message.len());
        }
        let refused = self.world.network.refused();
        self.carry(called.outcome, called.emitted);
        // What the device could not pass on is told to those who want reports of errors.
        let was_refused = self.world.network.refused() > refused && called.outcome == Some(Outcome::Sent);
        if was_refused && let Ok((ns, _)) = self.world.ns_mut(self.ns) {
            // `ip_send_skb`, `ip6_send_skb`.
            ns.state.counters.count(match self.family {
                Family::V4 => Counter::IpOutDiscards,
                Family::V6 => Counter::Ip6OutDiscards,
            });
        }
        match called.result {
            Ok(_) if was_refused => Err(Errno::ENOBUFS),
            result => result.map(|_| ()),
        }
    }

    fn packet(&mut self) -> Option<Arrived> {
        loop {
            let arrival = match self.world.receive_from(self.ns, self.id, &mut Tracer::off()) {
                Ok(arrival) => arrival,
                Err(Errno::EAGAIN) => return None,
                // The report that belongs to it was read.
                Err(_) => continue,
            };
            let Some(arrived) = self.arrived(arrival) else { continue };
            if self.is_wanted(&arrived.message) {
                self.waiting = 0;
                return Some(arrived);
            }
        }
    }

    fn fault(&mut self) -> Option<Fault> {
        let report = self.world.error_report(self.ns, self.id)?;
        Some(match report.origin {
            Origin::Local => Fault::Local { errno: report.errno, info: report.info },
            Origin::Icmp { kind, code } => {
                (self.waiting, self.hears_errors) = (0, false);
                let from = report.offender.map_or(String::new(), |addr| self.offender(addr));
                let target = report.to.ip();
                Fault::Icmp { from, kind, code, info: report.info, target, quoted: report.bytes }
            }
        })
    }

    fn wait(&mut self, until: i64) {
        // What is due then happens behind what is sent then, as timers are never early.
        let (until, before) = (until.max(0) as u64, (until - 1).max(0) as u64);
        while !self.is_ready() && self.world.step_network(Time(before), &mut Tracer::off()).is_some() {}
        if self.is_ready() {
            // What comes at the same instant has come before the process runs.
            let now = self.world.now;
            while self.world.step_network(now, &mut Tracer::off()).is_some() {}
        }
        if !self.is_ready() && self.world.now.0 < until {
            self.world.pass(until - self.world.now.0);
        }
    }
}

/// What a message takes of its socket's room while it waits (`skb->truesize`): its bytes with
/// those of headers and bookkeeping, in a piece of memory of a size that there is, and what
/// describes it. Of one that is cut up each piece counts, here by the usual MTU.
fn size_in_memory(message: usize) -> usize {
    const PIECE: usize = 1480;
    const HEADS: usize = 40 + 31;
    const BOOKKEEPING: usize = 320;
    const SMALL: usize = 704;
    const DESCRIPTION: usize = 256;
    let size = |bytes: usize| match bytes + HEADS + BOOKKEEPING {
        0..=SMALL => SMALL + DESCRIPTION,
        bytes => bytes.next_power_of_two() + DESCRIPTION,
    };
    message / PIECE * size(PIECE) + size(message % PIECE)
}

/// Whether an address needs a device beside it.
fn is_of_link(addr: Ipv6Addr) -> bool {
    addr.is_unicast_link_local() || addr.is_multicast() && addr.octets()[1] & 0xf == 2
}
