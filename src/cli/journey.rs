//! `explain --packet`, `--send` and `--connect`: one packet's whole life.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use fingerpost_engine::Config;
use fingerpost_engine::path::has_header;
use fingerpost_engine::path::sockets::Kind;
use fingerpost_net::Family;
use fingerpost_net::wire::{Mac, next, proto};

use super::replay::seconds;
use super::{OK, UNKNOWN, VIOLATED, explain};
use crate::explain::{Expectation, Question, ResolvedQuestion};
use crate::journey::{self, Arrival, Carried, Deed, Journey, Link, Listener, SPORT, Sending, Words, text};
use crate::replay::{self, Capture, devices};
use crate::source::{Source, SourceArgs, read_text};

/// The packet, and how long time goes on.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "One packet's whole way")]
pub(super) struct PacketArgs {
    /// Have one packet come to the host, and tell its whole way: stages, lookups, what it moves
    /// and what goes out because of it. It is given by the options below, or in words as QUESTION
    #[arg(long, group = "way", conflicts_with_all = ["against", "verify", "fib", "both"])]
    packet: bool,
    /// Have a program of the host send it, through a UDP or raw socket
    #[arg(long, group = "way", conflicts_with_all = ["against", "verify", "fib", "both"])]
    send: bool,
    /// Have a program of the host connect a socket: the lookups that it takes, the source that it
    /// gets, and what is sent
    #[arg(long, group = "way", conflicts_with_all = ["against", "verify", "fib", "both"])]
    connect: bool,
    /// A socket of the host is there to receive it, or listens
    #[arg(long, requires = "packet", conflicts_with_all = ["hex", "pcap"])]
    listen: bool,
    /// The device that the socket is bound to
    #[arg(long, value_name = "DEV", requires = "way")]
    bind_dev: Option<String>,
    /// The user whose program it is
    #[arg(long, value_name = "UID", requires = "way", conflicts_with = "packet")]
    uid: Option<String>,
    /// The device by which it comes; for --pcap, in place of the interface that the capture names
    #[arg(long = "in", visible_alias = "on", value_name = "DEV", requires = "packet")]
    device: Option<String>,
    /// Its source
    #[arg(long, value_name = "ADDRESS", requires = "way")]
    from: Option<String>,
    /// Its destination
    #[arg(long, value_name = "ADDRESS", requires = "way")]
    to: Option<String>,
    /// It is a UDP datagram to this port; without a protocol it is an echo request
    #[arg(long, value_name = "PORT", requires = "way", group = "carried")]
    udp: Option<String>,
    /// It is a TCP segment that begins a connection to this port
    #[arg(long, value_name = "PORT", requires = "way", group = "carried")]
    tcp_syn: Option<String>,
    /// It is a TCP segment to this port, within a connection (ACK)
    #[arg(long, value_name = "PORT", requires = "way", group = "carried")]
    tcp: Option<String>,
    /// It is an ICMP message, of IPv6 an ICMPv6 message: echo, echo-reply, timestamp, or TYPE[/CODE]
    #[arg(long, value_name = "TYPE", requires = "way", group = "carried")]
    icmp: Option<String>,
    /// It is an ARP request: who has the destination? Tell the source
    #[arg(long, requires = "packet", group = "carried")]
    arp: bool,
    /// It is of this protocol, by name or number, and carries zeros
    #[arg(long, value_name = "PROTOCOL", requires = "way", group = "carried")]
    proto: Option<String>,
    /// Its source port; 40000 without
    #[arg(long, value_name = "PORT", requires = "way")]
    sport: Option<String>,
    /// Its length in bytes from the IP header on; as short as can be without
    #[arg(long, value_name = "BYTES", requires = "way")]
    len: Option<usize>,
    /// It must not be cut up (don't fragment)
    #[arg(long, requires = "way")]
    df: bool,
    /// Its time to live, or hop limit; 64 without
    #[arg(long, value_name = "HOPS", requires = "way")]
    ttl: Option<u8>,
    /// Its type of service or traffic class, as in QUESTION
    #[arg(long, value_name = "TOS", requires = "way")]
    tos: Option<String>,
    /// Its flow label (IPv6)
    #[arg(long, value_name = "LABEL", requires = "way")]
    flowlabel: Option<String>,
    /// The mark that it has before it is routed, such as tc or a program's socket gives one
    #[arg(long, value_name = "MARK", requires = "way")]
    mark: Option<String>,
    /// The link-layer address that its frame comes from; without, that of the neighbour that the
    /// source is, or 00:00:5e:00:53:01
    #[arg(long, value_name = "MAC", requires = "packet", value_parser = mac)]
    mac: Option<Mac>,
    /// The link-layer address that its frame goes to; without, the device's, or that of the group
    /// or of all
    #[arg(long, value_name = "MAC", requires = "packet", value_parser = mac)]
    to_mac: Option<Mac>,
    /// It is these bytes, in hexadecimal from the IP header on; - is standard input
    #[arg(long, value_name = "DIGITS", requires = "packet", conflicts_with_all = WORDS)]
    hex: Option<String>,
    /// The digits of --hex begin with the link header
    #[arg(long, requires = "hex", conflicts_with_all = ["mac", "to_mac"])]
    frame: bool,
    /// It is one of this capture, pcap or pcapng; - is standard input
    #[arg(long, value_name = "FILE", requires = "packet", conflicts_with_all = WORDS)]
    #[arg(conflicts_with_all = ["hex", "mac", "to_mac"])]
    pcap: Option<PathBuf>,
    /// Which packet of the capture, from 1; the first without
    #[arg(long, value_name = "N", requires = "pcap")]
    nth: Option<u64>,
    /// Let so many seconds pass after it
    #[arg(long, value_name = "SECONDS", requires = "way", value_parser = seconds)]
    until: Option<u64>,
}

/// Options that say what a packet is.
const WORDS: [&str; 14] = [
    "from",
    "to",
    "udp",
    "tcp_syn",
    "tcp",
    "icmp",
    "arp",
    "proto",
    "sport",
    "len",
    "df",
    "ttl",
    "tos",
    "flowlabel",
];

/// A link-layer address of Ethernet.
fn mac(text: &str) -> Result<Mac, String> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let is_byte =
            |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_hexdigit());
        let part = parts.next().filter(is_byte);
        *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or(MAC)?;
    }
    if parts.next().is_none() { Ok(mac) } else { Err(MAC.into()) }
}

const MAC: &str = "expected a link-layer address such as 02:00:00:00:00:01";

pub(super) fn run(
    args: &SourceArgs,
    words: &[String],
    packet: &PacketArgs,
    json: bool,
    expect: Option<&str>,
) -> anyhow::Result<u8> {
    let reads_stdin = packet.hex.as_deref() == Some("-") || packet.pcap.as_deref() == Some(Path::new("-"));
    if reads_stdin && args.reads_stdin() {
        bail!("standard input can be read only once");
    }
    packet.check()?;
    let mut source = args.load()?;
    let expectation = expect.map(|text| Expectation::parse(text, &source.names));
    let expectation = expectation.transpose().map_err(anyhow::Error::msg)?;
    let deed = deed(&source, words, packet)?;
    let until = packet.until.unwrap_or(0);
    source.world.settle();
    let journey = journey::journey(&mut source, &deed, until).map_err(anyhow::Error::msg)?;
    show(&journey, json)?;
    Ok(status(&journey, expectation.as_ref()))
}

fn show(journey: &Journey, json: bool) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        serde_json::to_writer(&mut out, journey)?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(text::render(journey, explain::style()).as_bytes())?;
    }
    out.flush()?;
    Ok(())
}

/// The exit status; a violated expectation is said on standard error.
fn status(journey: &Journey, expectation: Option<&Expectation>) -> u8 {
    let is_open = !journey.otherwise.is_empty();
    if let Some(violation) = expectation.and_then(|e| e.violated(&journey.outcome, is_open)) {
        complain!("fingerpost: {violation}");
        return VIOLATED;
    }
    if is_open || !journey.unknown.is_empty() { UNKNOWN } else { OK }
}

impl PacketArgs {
    /// Whether a packet's way is asked for.
    pub fn is_given(&self) -> bool {
        self.packet || self.send || self.connect
    }

    /// Options that say nothing about such a packet are refused rather than passed over.
    fn check(&self) -> anyhow::Result<()> {
        let is_made = self.send || self.connect;
        let option = if self.send { "--send" } else { "--connect" };
        let has_no_ports = self.icmp.is_some() || self.arp;
        let idle = [
            ("--hex", self.hex.is_some() && is_made, format!("with {option} a program sends, in words")),
            ("--pcap", self.pcap.is_some() && is_made, format!("with {option} a program sends, in words")),
            ("--frame", self.frame && self.hex.is_none(), "it is about the digits of --hex".into()),
            ("--nth", self.nth.is_some() && self.pcap.is_none(), "it is about a capture, --pcap".into()),
            ("--listen", self.listen && is_made, format!("with {option} the socket sends")),
            ("--mac", self.mac.is_some() && is_made, "the host says from where its frames come".into()),
            ("--to-mac", self.to_mac.is_some() && is_made, "the host says where its frames go".into()),
            ("--sport", self.sport.is_some() && has_no_ports, "what is no TCP or UDP has no ports".into()),
            ("--len", self.len.is_some() && self.arp, "a request of ARP has one length".into()),
            ("--df", self.df && self.arp, "ARP is never cut up".into()),
            ("--ttl", self.ttl.is_some() && self.arp, "ARP is never forwarded".into()),
            ("--tos", self.tos.is_some() && self.arp, "ARP has none".into()),
        ];
        match idle.into_iter().find(|(_, is_idle, _)| *is_idle) {
            Some((name, _, why)) => bail!("{name}: {why}"),
            None => Ok(()),
        }
    }
}

/// What happens to the host.
fn deed(source: &Source, words: &[String], packet: &PacketArgs) -> anyhow::Result<Deed> {
    if packet.send || packet.connect {
        let sending = sending(source, words, packet)?;
        return Ok(if packet.send { Deed::Send(sending) } else { Deed::Connect(sending) });
    }
    arrival(source, words, packet).map(Deed::Arrive)
}

/// The packet as it arrives.
fn arrival(source: &Source, words: &[String], packet: &PacketArgs) -> anyhow::Result<Arrival> {
    let config = &source.world.ns(source.ns).map_err(|refusal| anyhow!("{refusal}"))?.config;
    let mark = packet.mark.iter().flat_map(|mark| ["mark", mark]);
    if let Some(path) = &packet.pcap {
        no_words(words, "--pcap")?;
        let (dev, frame) = captured(config, path, packet)?;
        let question = question(source, ["::"].into_iter().chain(mark))?;
        return Ok(Arrival { dev, frame, mark: question.mark.unwrap_or(0), listener: None });
    }
    let link = Link { src: packet.mac, dst: packet.to_mac };
    if let Some(digits) = &packet.hex {
        no_words(words, "--hex")?;
        let (name, text) = match digits.as_str() {
            "-" => ("standard input", read_text(Path::new("-"))?),
            digits => ("--hex", digits.to_string()),
        };
        let bytes = journey::bytes_of(&text).map_err(|why| anyhow!("{name}: {why}"))?;
        let device = packet.device.as_deref().ok_or_else(|| no_device(config))?;
        let device = config.links.find(device).ok_or_else(|| unknown_device(config, device))?;
        if packet.frame && !has_header(device) {
            bail!("--frame: what comes by {} has no link header", device.name());
        }
        let frame = if packet.frame { bytes } else { journey::framed(config, device, link, bytes) };
        let question = question(source, ["::"].into_iter().chain(mark))?;
        let mark = question.mark.unwrap_or(0);
        return Ok(Arrival { dev: device.index(), frame, mark, listener: None });
    }
    by_words(source, config, words, packet, link)
}

fn no_words(words: &[String], option: &str) -> anyhow::Result<()> {
    match words.first() {
        Some(word) => bail!("{word}: with {option} nothing else says what the packet is"),
        None => Ok(()),
    }
}

fn no_device(config: &Config) -> anyhow::Error {
    anyhow!("--in DEV says by which device the packet comes; the host has {}", devices(config))
}

fn unknown_device(config: &Config, name: &str) -> anyhow::Error {
    anyhow!("--in: the host has no device {name}; it has {}", devices(config))
}

/// A question, whose words were options; complaints name those.
fn question<'a>(source: &Source, words: impl Iterator<Item = &'a str>) -> anyhow::Result<Question> {
    let words: Vec<String> = words.map(String::from).collect();
    let options = [("'ipproto ", "'--proto "), ("'dport ", "'the port "), ("'iif ", "'--in ")];
    Question::parse(&words, &source.names).map_err(|why| {
        let option = options.iter().find_map(|(key, option)| Some((option, why.strip_prefix(key)?)));
        anyhow!("{}", option.map_or(why.clone(), |(option, rest)| format!("{option}{rest}")))
    })
}

/// The words of a packet as a question.
fn question_of(source: &Source, words: &[String], packet: &PacketArgs) -> anyhow::Result<Question> {
    if words == ["-"] {
        bail!("there is one packet at a time; its words are options, or those of a question");
    }
    if words.is_empty() && packet.to.is_none() {
        let or = if packet.packet { "; or give it with --hex or --pcap" } else { "" };
        bail!("--to ADDRESS says where the packet goes{or}");
    }
    if let (Some(to), false) = (&packet.to, words.is_empty()) {
        bail!("--to {to}: the words of the question say where the packet goes");
    }
    let given = words.iter().chain(&packet.to).map(String::as_str);
    let port = packet.udp.as_ref().or(packet.tcp_syn.as_ref()).or(packet.tcp.as_ref());
    let named = [
        ("from", packet.from.as_ref()),
        ("iif", packet.device.as_ref()),
        ("oif", packet.bind_dev.as_ref()),
        ("ipproto", packet.proto.as_ref()),
        ("sport", packet.sport.as_ref()),
        ("dport", port),
        ("tos", packet.tos.as_ref()),
        ("flowlabel", packet.flowlabel.as_ref()),
        ("mark", packet.mark.as_ref()),
        ("uid", packet.uid.as_ref()),
    ];
    let named = named.into_iter().filter_map(|(key, value)| Some([key, value?.as_str()]));
    question(source, given.chain(named.flatten()))
}

/// A packet in the words of a question, and further ones.
fn by_words(
    source: &Source,
    config: &Config,
    words: &[String],
    packet: &PacketArgs,
    link: Link,
) -> anyhow::Result<Arrival> {
    let question = question_of(source, words, packet)?;
    if question.from.is_none() && packet.from.is_none() {
        bail!("--from ADDRESS says where the packet comes from");
    }
    let Some(name) = &question.iif else { return Err(no_device(config)) };
    if let Some(device) = question.oif.as_ref().or(question.vrf.as_ref())
        && !packet.listen
    {
        bail!(
            "{device}: routing says by which device a packet leaves; with --listen --bind-dev binds the socket"
        );
    }
    let resolved = question.resolve(config, source.world.uid);
    let resolved = resolved.map_err(|why| match why.starts_with("there is no device") {
        true => unknown_device(config, name),
        false => anyhow!("{why}"),
    })?;
    let is_six = matches!(resolved, ResolvedQuestion::V6(_));
    let carried = carried(packet, &question, is_six).map_err(anyhow::Error::msg)?;
    let made = Words { carried, length: packet.len, df: packet.df, ttl: packet.ttl };
    let bytes = made.packet(&resolved).map_err(anyhow::Error::msg)?;
    let (dev, bound, port) = match &resolved {
        ResolvedQuestion::V4(resolved) => (resolved.iif, resolved.oif, resolved.dport),
        ResolvedQuestion::V6(resolved) => (resolved.iif, resolved.oif, resolved.dport),
    };
    let device = config.links.get(dev).ok_or_else(|| unknown_device(config, name))?;
    if carried == Carried::ArpRequest && !has_header(device) {
        bail!("--arp: no ARP comes by {name}, which has no link-layer addresses");
    }
    let family = if is_six { Family::V6 } else { Family::V4 };
    let listener = match packet.listen {
        true => Some(Listener { kind: kind(carried, is_six, "--listen")?, family, port, dev: bound }),
        false => None,
    };
    if (link.src.is_some() || link.dst.is_some()) && !has_header(device) {
        bail!("--mac, --to-mac: what comes by {name} has no link header");
    }
    let frame = journey::framed(config, device, link, bytes);
    Ok(Arrival { dev, frame, mark: question.mark.unwrap_or(0), listener })
}

/// What a socket is asked for, in the words of a question and further ones.
fn sending(source: &Source, words: &[String], packet: &PacketArgs) -> anyhow::Result<Sending> {
    let config = &source.world.ns(source.ns).map_err(|refusal| anyhow!("{refusal}"))?.config;
    let question = question_of(source, words, packet)?;
    if let Some(device) = &question.iif {
        bail!("{device}: what a program of this host sends comes by no device; --bind-dev binds its socket");
    }
    if question.flowlabel.is_some() {
        bail!("--flowlabel: sockets are given flow labels by the host");
    }
    let device = question.oif.as_ref().or(question.vrf.as_ref());
    let resolved = question.resolve(config, source.world.uid);
    let resolved = resolved.map_err(|why| match (why.starts_with("there is no device"), device) {
        (true, Some(name)) => {
            anyhow!("--bind-dev: the host has no device {name}; it has {}", devices(config))
        }
        _ => anyhow!("{why}"),
    })?;
    let is_six = matches!(resolved, ResolvedQuestion::V6(_));
    let carried = carried(packet, &question, is_six).map_err(anyhow::Error::msg)?;
    let option = if packet.send { "--send" } else { "--connect" };
    let kind = kind(carried, is_six, option)?;
    let made = Words { carried, length: packet.len, df: packet.df, ttl: None };
    let data = made.data(is_six).map_err(anyhow::Error::msg)?;
    let (from, to, dev, uid, sport, tos) = match &resolved {
        ResolvedQuestion::V4(q) => {
            let from = q.has_source().then_some(IpAddr::V4(q.src));
            (from, SocketAddr::from((q.dst, q.dport)), q.oif, q.uid, q.sport, q.tos)
        }
        ResolvedQuestion::V6(q) => {
            let from = q.has_source().then_some(IpAddr::V6(q.src));
            let to = SocketAddrV6::new(q.dst, q.dport, 0, q.oif);
            (from, to.into(), q.oif, q.uid, q.sport, q.tos)
        }
    };
    let sport = if sport == 0 { SPORT } else { sport };
    let mark = question.mark.unwrap_or(0);
    Ok(Sending { kind, from, sport, to, dev, mark, tos, ttl: packet.ttl, df: packet.df, uid, data })
}

/// The socket that something is sent by, or received.
fn kind(carried: Carried, is_six: bool, option: &str) -> anyhow::Result<Kind> {
    Ok(match carried {
        Carried::Udp => Kind::Udp,
        Carried::Icmp(..) if is_six => Kind::Raw(next::ICMPV6),
        Carried::Icmp(..) => Kind::Raw(proto::ICMP),
        Carried::Other(number) => Kind::Raw(number),
        Carried::Tcp(_) if option == "--send" => {
            bail!("--send: TCP sends within connections; --connect shows how one begins")
        }
        Carried::Tcp(_) => Kind::Tcp,
        Carried::ArpRequest => bail!("{option}: no socket speaks ARP"),
    })
}

/// What a packet of words carries: without any word for it, an echo request.
fn carried(packet: &PacketArgs, question: &Question, is_six: bool) -> Result<Carried, String> {
    if packet.udp.is_some() {
        return Ok(Carried::Udp);
    } else if packet.tcp_syn.is_some() {
        return Ok(Carried::SYN);
    } else if packet.tcp.is_some() {
        return Ok(Carried::ACK);
    } else if packet.arp {
        return Ok(Carried::ArpRequest);
    }
    let icmp = |text| journey::message(text, is_six).map(|(kind, code)| Carried::Icmp(kind, code));
    if let Some(text) = &packet.icmp {
        return icmp(text);
    }
    match question.ipproto {
        Some(proto::UDP) => Ok(Carried::Udp),
        Some(proto::TCP) => Ok(Carried::SYN),
        None if question.dport.is_some() => Ok(Carried::Udp),
        None => icmp("echo"),
        Some(proto::ICMP) if !is_six => icmp("echo"),
        Some(next::ICMPV6) if is_six => icmp("echo"),
        Some(other) => Ok(Carried::Other(other)),
    }
}

/// A packet of a capture, and the device by which it enters.
fn captured(config: &Config, path: &Path, packet: &PacketArgs) -> anyhow::Result<(u32, Vec<u8>)> {
    let nth = packet.nth.unwrap_or(1);
    if nth == 0 {
        bail!("--nth 0: the first packet is 1");
    }
    let mut capture = Capture::open(path)?;
    let name = capture.name.clone();
    let mut last = 0;
    while let Some(found) = capture.next_packet()? {
        last = found.number;
        if last < nth {
            continue;
        }
        let place = || format!("{name}: packet {last}, at byte {}", found.offset);
        if found.is_outbound {
            bail!("{}: it was on its way out when it was captured, and did not come to this host", place());
        }
        if found.is_cut() {
            bail!(
                "{}: only the first {} of its {} bytes were captured; capture with a larger snapshot length \
                 (tcpdump -s 0)",
                place(),
                found.bytes.len(),
                found.length
            );
        }
        let mut how = replay::Options::default();
        match (&packet.device, &found.interface.name) {
            (Some(device), _) if config.links.find(device).is_none() => {
                return Err(unknown_device(config, device));
            }
            (Some(device), Some(name)) => how.renamed.push((name.clone(), device.clone())),
            (Some(device), None) => how.on = Some(device.clone()),
            (None, _) => {}
        }
        let dev = replay::entry(config, &how, found.interface).with_context(place)?;
        return Ok((dev, found.bytes.to_vec()));
    }
    bail!("{name}: there is no packet {}; it has {last}", nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_layer_addresses() {
        assert_eq!(mac("02:00:5e:00:53:f"), Ok([2, 0, 0x5e, 0, 0x53, 0xf]));
        for bad in
            ["", "02:00", "02:00:00:00:00:00:00", "02:00:00:00:00:g0", "02:00:00:00:00:", "+2:0:0:0:0:0:0"]
        {
            assert!(mac(bad).is_err_and(|why| why.contains("such as")), "{bad}");
        }
    }
}
