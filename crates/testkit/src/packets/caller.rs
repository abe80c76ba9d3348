//! A process that does the calls of a case in the kernel: perl has sockets without unsafe code here.
//!
//! Calls that are answered by other values can be added here and in `caller.pl`, which
//! knows nothing of what it packs and unpacks.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fingerpost_net::{Errno, Family};

use crate::packets::call::{Answer, Call, Place, Read, ReadError, Setting, Speaks, With, place};
use crate::packets::case::Bytes;

const PROGRAM: &str = include_str!("caller.pl");

const DONT_ROUTE: i32 = 4;
const DONT_WAIT: i32 = 0x40;
const ERROR_QUEUE: i32 = 0x2000;

const SOCKET: i32 = 1;
const IP: i32 = 0;
const IPV6: i32 = 41;

/// A process with its sockets, by the numbers that a case gives them.
pub struct Caller {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What each socket is.
    kinds: BTreeMap<u8, (Family, Speaks)>,
    devices: BTreeMap<String, u32>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Caller {
    /// Starts the process, in this one's namespace and on its processor.
    ///
    /// # Errors
    ///
    /// There is no perl, or the machine's system calls are not known here.
    pub fn start() -> io::Result<Self> {
        let calls = match std::env::consts::ARCH {
            "x86_64" => ["46", "47"],
            "aarch64" | "riscv64" => ["211", "212"],
            other => return Err(io::Error::other(format!("system calls of {other} are not known"))),
        };
        let mut child = Command::new("perl")
            .args(["-e", PROGRAM])
            .args(calls)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes to perl"));
        };
        let output = BufReader::new(output);
        let mut caller = Caller { child, input, output, kinds: BTreeMap::new(), devices: BTreeMap::new() };
        // Whoever answers has started, and asks the kernel for nothing but what it is told.
        caller.ask("open any 2 2 0")?.map_err(|errno| io::Error::other(format!("no socket: {errno}")))?;
        Ok(caller)
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Does a call.
    ///
    /// # Errors
    ///
    /// The process is gone, or a device is not there.
    pub fn call(&mut self, socket: u8, call: &Call) -> io::Result<Answer> {
        let family = self.kinds.get(&socket).map_or(Family::V4, |(family, _)| *family);
        let done = |answer: Result<Vec<String>, Errno>| match answer {
            Ok(_) => Answer::text("ok"),
            Err(errno) => Answer::error(errno),
        };
        Ok(match call {
            Call::Open { family, speaks } => return self.open(socket, *family, *speaks),
            Call::Set(setting) => {
                let (level, option, value) = self.option(family, setting)?;
                done(self.set(socket, level, option, &value)?)
            }
            Call::Bind(to) => {
                let addr = self.packed(family, to)?;
                done(self.ask(&format!("bind {socket} {addr}"))?)
            }
            Call::Connect(to) => {
                let addr = self.packed(family, to)?;
                done(self.ask(&format!("connect {socket} {addr}"))?)
            }
            Call::Send { to, with, data } => {
                let addr = to.as_ref().map(|to| self.packed(family, to)).transpose()?;
                let is_four = to.as_ref().map_or(family == Family::V4, |to| to.at.is_ipv4());
                let control = self.control(is_four, with)?;
                let flags = DONT_WAIT | if with.dont_route { DONT_ROUTE } else { 0 };
                let addr = addr.as_deref().unwrap_or("-");
                let line = format!("send {socket} {flags} {addr} {} {}", hex(&control), hex(&data.0));
                match self.ask(&line)? {
                    Ok(values) => Answer::text(values.join(" ")),
                    Err(errno) => Answer::error(errno),
                }
            }
            Call::Read => self.read(socket)?,
            Call::ReadError => self.read_error(socket)?,
            Call::Error => match self.ask(&format!("get {socket} {SOCKET} 4"))? {
                Ok(values) => {
                    let value = Bytes::parse(values.first().map_or("", String::as_str)).unwrap_or_default();
                    match int(&value.0) {
                        0 => Answer::text("none"),
                        errno => Answer::error(Errno(errno)),
                    }
                }
                Err(errno) => Answer::error(errno),
            },
            Call::Name => self.name(socket, "name")?,
            Call::Peer => self.name(socket, "peer")?,
            Call::Close => done(self.ask(&format!("close {socket}"))?),
        })
    }

    fn ask(&mut self, line: &str) -> io::Result<Result<Vec<String>, Errno>> {
        writeln!(self.input, "{line}")?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        let mut words = answer.split_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("ok") => Ok(Ok(words.collect())),
            Some("error") => {
                let number = words.next().and_then(|word| word.parse().ok());
                number.map(|number| Err(Errno(number))).ok_or_else(|| io::Error::other("no error number"))
            }
            _ => Err(io::Error::other(format!("no answer to: {line}"))),
        }
    }

    fn open(&mut self, socket: u8, family: u8, speaks: Speaks) -> io::Result<Answer> {
        let family = if family == 4 { Family::V4 } else { Family::V6 };
        let domain = if family == Family::V4 { 2 } else { 10 };
        let (kind, protocol) = match speaks {
            Speaks::Udp => (2, 17),
            Speaks::Raw(number) => (3, number),
        };
        self.kinds.insert(socket, (family, speaks));
        if let Err(errno) = self.ask(&format!("open {socket} {domain} {kind} {protocol}"))? {
            return Ok(Answer::error(errno));
        }
        // What is read is told with it.
        let (four, six) = ([8, 12, 13], [49, 51, 66]);
        let one = 1i32.to_ne_bytes();
        if family == Family::V4 || speaks == Speaks::Udp {
            for option in four {
                // Sockets of IPv6 have no such option but those of IPv4's times to live.
                let _ = self.set(socket, IP, option, &one)?;
            }
        }
        if family == Family::V6 {
            for option in six {
                let _ = self.set(socket, IPV6, option, &one)?;
            }
        }
        Ok(Answer::text("ok"))
    }

    fn set(
        &mut self,
        socket: u8,
        level: i32,
        option: i32,
        value: &[u8],
    ) -> io::Result<Result<Vec<String>, Errno>> {
        self.ask(&format!("set {socket} {level} {option} {}", hex(value)))
    }

    /// A device's number.
    fn index(&mut self, dev: &str) -> io::Result<u32> {
        if let Some(&index) = self.devices.get(dev) {
            return Ok(index);
        }
        let answer = self.ask(&format!("index any {dev}"))?;
        let index = answer.ok().and_then(|values| values.first()?.parse().ok());
        let index = index.ok_or_else(|| io::Error::other(format!("no device {dev}")))?;
        self.devices.insert(dev.to_owned(), index);
        Ok(index)
    }

    fn index_or_none(&mut self, dev: Option<&str>) -> io::Result<u32> {
        dev.map_or(Ok(0), |dev| self.index(dev))
    }

    fn device(&self, index: u32) -> String {
        let known = self.devices.iter().find(|(_, known)| **known == index);
        known.map_or_else(|| format!("device {index}"), |(name, _)| name.clone())
    }

    /// Learns the names of devices, so that what is read can tell them.
    ///
    /// # Errors
    ///
    /// The process is gone, or a device is not there.
    pub fn learn<'a>(&mut self, devices: impl Iterator<Item = &'a str>) -> io::Result<()> {
        for dev in devices {
            self.index(dev)?;
        }
        Ok(())
    }

    /// `struct sockaddr_in`, `struct sockaddr_in6`.
    fn packed(&mut self, family: Family, to: &Place) -> io::Result<String> {
        let index = self.index_or_none(to.dev.as_deref())?;
        let port = to.at.port().to_be_bytes();
        let bytes = match (family, to.at.ip()) {
            (Family::V4, IpAddr::V4(addr)) => {
                [&2u16.to_ne_bytes(), &port[..], &addr.octets(), &[0; 8]].concat()
            }
            (_, addr) => {
                let addr = match addr {
                    IpAddr::V4(addr) => addr.to_ipv6_mapped(),
                    IpAddr::V6(addr) => addr,
                };
                [&10u16.to_ne_bytes(), &port[..], &[0; 4], &addr.octets(), &index.to_ne_bytes()].concat()
            }
        };
        Ok(hex(&bytes))
    }

    fn option(&mut self, family: Family, setting: &Setting) -> io::Result<(i32, i32, Vec<u8>)> {
        let number = |value: i32| value.to_ne_bytes().to_vec();
        let flag = |value: bool| number(value.into());
        let of = |four: i32, six: i32| match family {
            Family::V4 => (IP, four),
            Family::V6 => (IPV6, six),
        };
        let ((level, option), value) = match setting {
            Setting::Mark(mark) => ((SOCKET, 36), mark.to_ne_bytes().to_vec()),
            Setting::Device(dev) => ((SOCKET, 25), [dev.as_deref().unwrap_or("").as_bytes(), &[0]].concat()),
            Setting::Tos(tos) => (of(1, 67), number((*tos).into())),
            Setting::Ttl(ttl) => (of(2, 16), number((*ttl).into())),
            Setting::MulticastTtl(ttl) => (of(33, 18), number((*ttl).into())),
            Setting::MulticastLoop(on) => (of(34, 19), flag(*on)),
            Setting::MulticastDevice(dev, source) => {
                let index = self.index(dev)?.to_ne_bytes();
                let source = source.unwrap_or(Ipv4Addr::UNSPECIFIED).octets();
                let value = match family {
                    Family::V4 => [[0; 4], source, index].concat(),
                    Family::V6 => index.to_vec(),
                };
                (of(32, 17), value)
            }
            Setting::UnicastDevice(dev) => (of(50, 76), self.index(dev)?.to_be_bytes().to_vec()),
            Setting::Discovery(mode) => (of(10, 23), number((*mode).into())),
            Setting::Broadcast(on) => ((SOCKET, 6), flag(*on)),
            Setting::DontRoute(on) => ((SOCKET, 5), flag(*on)),
            Setting::Transparent(on) => (of(19, 75), flag(*on)),
            Setting::FreeBind(on) => (of(15, 78), flag(*on)),
            Setting::ReportsErrors(on) => (of(11, 25), flag(*on)),
            Setting::WithHeader(on) => (of(3, 36), flag(*on)),
            Setting::ReuseAddress(on) => ((SOCKET, 2), flag(*on)),
            Setting::ReusePort(on) => ((SOCKET, 15), flag(*on)),
            Setting::V6Only(on) => ((IPV6, 26), flag(*on)),
        };
        Ok((level, option, value))
    }

    fn control(&mut self, is_four: bool, with: &With) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut add = |level: i32, kind: i32, value: &[u8]| {
            all.extend((16 + value.len() as u64).to_ne_bytes());
            all.extend([level.to_ne_bytes(), kind.to_ne_bytes()].concat());
            all.extend(value);
            all.resize(all.len().next_multiple_of(8), 0);
        };
        let number = |value: u8| i32::from(value).to_ne_bytes();
        let level = if is_four { IP } else { IPV6 };
        if with.dev.is_some() || with.source.is_some() {
            let index = self.index_or_none(with.dev.as_deref())?.to_ne_bytes();
            match (is_four, with.source) {
                (true, source) => {
                    let source = match source {
                        Some(IpAddr::V4(source)) => source,
                        _ => Ipv4Addr::UNSPECIFIED,
                    };
                    add(level, 8, &[index, source.octets(), [0; 4]].concat());
                }
                (false, source) => {
                    let source = match source {
                        Some(IpAddr::V6(source)) => source,
                        Some(IpAddr::V4(source)) => source.to_ipv6_mapped(),
                        None => Ipv6Addr::UNSPECIFIED,
                    };
                    add(level, 50, &[&source.octets()[..], &index].concat());
                }
            }
        }
        if let Some(ttl) = with.ttl {
            add(level, if is_four { 2 } else { 52 }, &number(ttl));
        }
        if let Some(tos) = with.tos {
            add(level, if is_four { 1 } else { 67 }, &number(tos));
        }
        Ok(all)
    }

    /// Receives; the name, the control messages and the data.
    fn receive(&mut self, socket: u8, flags: i32) -> io::Result<Result<Received, Errno>> {
        let answer = self.ask(&format!("receive {socket} {}", flags | DONT_WAIT))?;
        Ok(answer.map(|values| {
            let at = |at: usize| {
                let text = values.get(at).map_or("", String::as_str);
                Bytes::parse(text).unwrap_or_default().0
            };
            Received { from: address(&at(0)), control: messages(&at(1)), data: at(2) }
        }))
    }

    fn read(&mut self, socket: u8) -> io::Result<Answer> {
        let received = match self.receive(socket, 0)? {
            Ok(received) => received,
            Err(errno) => return Ok(Answer::error(errno)),
        };
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let mut read =
            Read { from: received.from.unwrap_or(any), to: any.ip(), dev: String::new(), ttl: 0, tos: 0 };
        for (level, kind, value) in &received.control {
            match (*level, *kind) {
                (IP, 8) if value.len() >= 12 && read.dev.is_empty() => {
                    read.dev = self.device(int(value) as u32);
                    read.to = ipv4(&value[8..]).into();
                }
                (IPV6, 50) if value.len() >= 20 => {
                    read.to = ipv6(value).into();
                    read.dev = self.device(int(&value[16..]) as u32);
                }
                (IP, 2) | (IPV6, 52) => read.ttl = int(value) as u8,
                (IP, 1) => read.tos = value.first().copied().unwrap_or(0),
                (IPV6, 67) => read.tos = int(value) as u8,
                _ => {}
            }
        }
        let is_packet = matches!(self.kinds.get(&socket), Some((Family::V4, Speaks::Raw(_))));
        Ok(Answer { text: read.text(), data: Some(Bytes(received.data)), is_packet })
    }

    fn read_error(&mut self, socket: u8) -> io::Result<Answer> {
        let received = match self.receive(socket, ERROR_QUEUE)? {
            Ok(received) => received,
            Err(errno) => return Ok(Answer::error(errno)),
        };
        let found = received.control.iter().find(|(level, kind, value)| {
            matches!((*level, *kind), (IP, 11) | (IPV6, 25)) && value.len() >= 16
        });
        let Some((_, _, value)) = found else { return Ok(Answer::text("no error")) };
        let (kind, code) = (value[5], value[6]);
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let error = ReadError {
            errno: Errno(int(value)),
            origin: (value[4] != 1).then_some((kind, code)),
            info: int(&value[8..]) as u32,
            offender: address(&value[16..]).map(|offender| offender.ip()),
            to: received.from.unwrap_or(any),
        };
        Ok(Answer { text: error.text(), data: Some(Bytes(received.data)), is_packet: false })
    }

    fn name(&mut self, socket: u8, call: &str) -> io::Result<Answer> {
        Ok(match self.ask(&format!("{call} {socket}"))? {
            Ok(values) => {
                let bytes = Bytes::parse(values.first().map_or("", String::as_str)).unwrap_or_default();
                Answer::text(address(&bytes.0).map_or_else(|| "none".to_owned(), place))
            }
            Err(errno) => Answer::error(errno),
        })
    }
}

/// What `recvmsg` gave.
struct Received {
    from: Option<SocketAddr>,
    control: Vec<(i32, i32, Vec<u8>)>,
    data: Vec<u8>,
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() { "-".to_owned() } else { Bytes(bytes.to_vec()).to_string() }
}

/// A number at the beginning; 0 if there is none.
fn int(bytes: &[u8]) -> i32 {
    bytes.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes))
}

fn ipv4(bytes: &[u8]) -> Ipv4Addr {
    bytes.first_chunk::<4>().map_or(Ipv4Addr::UNSPECIFIED, |bytes| Ipv4Addr::from(*bytes))
}

fn ipv6(bytes: &[u8]) -> Ipv6Addr {
    bytes.first_chunk::<16>().map_or(Ipv6Addr::UNSPECIFIED, |bytes| Ipv6Addr::from(*bytes))
}

/// A packed address.
fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    let ip: IpAddr = match family {
        2 => ipv4(bytes.get(4..8)?).into(),
        10 => ipv6(bytes.get(8..24)?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Control messages: level, type and value.
fn messages(mut bytes: &[u8]) -> Vec<(i32, i32, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some(head) = bytes.first_chunk::<8>() {
        let len = u64::from_ne_bytes(*head) as usize;
        let Some(message) = bytes.get(..len).filter(|message| message.len() >= 16) else { break };
        all.push((int(&message[8..]), int(&message[12..]), message[16..].to_vec()));
        bytes = bytes.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    all
}
