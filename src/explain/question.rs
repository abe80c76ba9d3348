//! Questions in `ip route get`'s grammar, and as JSON objects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_engine::Config;
use fingerpost_engine::addrtype::AddrType;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::Received;
use fingerpost_engine::lookup::{Flow, Hashing};
use fingerpost_iproute::{Names, RouteQuestion, RouteQuestionError};
use fingerpost_model::RouteMsg;
use fingerpost_net::{Family, Ip, IpPrefix};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// UDP, the protocol of questions that name none, as in `ip route get`
/// of IPv4 only.
const UDP: u8 = 17;
const ICMP: u8 = 1;

/// A question: which way does this packet go? Fields that are not given take
/// any value, or the one that `ip route get` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Destination address.
    pub to: String,
    /// Source address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Device that the packet is received on; without it the packet is made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iif: Option<String>,
    /// Device that the packet has to leave by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oif: Option<String>,
    /// Mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// User id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Transport protocol's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipproto: Option<u8>,
    /// Source port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sport: Option<u16>,
    /// Destination port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dport: Option<u16>,
    /// Type of service byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Flow label, of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flowlabel: Option<u32>,
    /// VRF device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
}

/// Words that a question knows, for messages.
const KEYS: &str = "from, iif, oif, dev, mark, uid, ipproto, sport, dport, tos, flowlabel, vrf";

/// Keys of a question as an object.
pub const FIELDS: [&str; 12] =
    ["to", "from", "iif", "oif", "mark", "uid", "ipproto", "sport", "dport", "tos", "flowlabel", "vrf"];

/// Refuses what is no key of a question.
pub fn check_key(key: &str) -> Result<(), String> {
    match FIELDS.contains(&key) {
        true => Ok(()),
        false => Err(format!("\"{key}\" is not part of a question; it knows {}", FIELDS.join(", "))),
    }
}

/// A line of a list of questions as text.
///
/// # Errors
///
/// The place of what is none.
pub fn text_of(line: &[u8]) -> Result<&str, String> {
    let line = std::str::from_utf8(line).map_err(|error| {
        let column = String::from_utf8_lossy(&line[..error.valid_up_to()]).chars().count() + 1;
        format!("column {column}: not UTF-8 text")
    })?;
    match line.starts_with('\u{feff}') {
        true => Err("column 1: a byte order mark (BOM); save the text without it".into()),
        false => Ok(line),
    }
}

impl Question {
    /// Reads `ADDRESS [from A] [iif D] [oif D] [mark M] …`, the grammar of `ip route get`.
    ///
    /// An IPv6 address may have a scope, as in `fe80::1%eth0`: the device that the
    /// packet leaves by or comes in on.
    pub fn parse(words: &[String], names: &Names) -> Result<Question, String> {
        let mut scope = None;
        let mut plain = Vec::with_capacity(words.len());
        for word in words {
            let (addr, dev) = split_scope(word)?;
            plain.push(addr);
            if let (Some(dev), Some(other)) = (dev, scope)
                && dev != other
            {
                return Err(format!("'{word}': another address is on {other}; a packet is on one link"));
            }
            scope = scope.or(dev);
        }
        let read = RouteQuestion::parse(&plain, names).map_err(|wrong| complaint(&wrong))?;
        let name = |name: Option<&str>| name.map(str::to_string);
        let given = read.iif.or(read.oif);
        if let (Some(scope), Some(given)) = (scope, given)
            && scope != given
        {
            return Err(format!(
                "'%{scope}' and '{given}' name two devices; a scope is the packet's own link"
            ));
        }
        let oif = read.oif.or(scope.filter(|_| read.iif.is_none()));
        let (oif, vrf) = if read.is_vrf { (None, read.oif) } else { (oif, None) };
        Ok(Question {
            to: read.to.map(|to| to.addr.to_string()).unwrap_or_default(),
            from: read.from.map(|from| from.addr.to_string()),
            iif: name(read.iif),
            oif: name(oif),
            mark: read.mark,
            uid: read.uid,
            ipproto: read.ip_proto,
            sport: read.sport,
            dport: read.dport,
            tos: (read.tos != 0).then_some(read.tos),
            flowlabel: read.flowlabel,
            vrf: name(vrf),
        })
    }

    /// Reads a JSON object with these keys, or a string in the grammar of [`Question::parse`].
    pub fn from_json(line: &str, names: &Names) -> Result<Question, String> {
        let fields = match serde_json::from_str(line) {
            Ok(Line::Words(text)) => {
                let words: Vec<String> = text.split_whitespace().map(String::from).collect();
                return Question::parse(&words, names);
            }
            Ok(Line::Fields(fields)) => fields,
            Err(error) if error.is_data() => {
                return Err("expected an object such as {\"to\":\"8.8.8.8\"}, or a string such as \
                            \"8.8.8.8 oif eth0\""
                    .into());
            }
            Err(error) => {
                let text = error.to_string();
                let problem = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
                return Err(format!("column {}: not JSON: {problem}", error.column().max(1)));
            }
        };
        let mut texts = Vec::with_capacity(fields.len());
        for (key, value) in &fields {
            check_key(key)?;
            if texts.iter().any(|(other, _)| other == key) {
                return Err(format!("\"{key}\" is given twice"));
            }
            let text = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                // In words it is hexadecimal.
                Value::Number(number) if key == "tos" => match number.as_u64() {
                    Some(tos) => Some(format!("{tos:#x}")),
                    None => Some(number.to_string()),
                },
                Value::Number(number) => Some(number.to_string()),
                _ => return Err(format!("\"{key}\": expected a string or a number")),
            };
            texts.push((key.clone(), text));
        }
        Question::of_fields(&texts, names)
    }

    /// Reads a question's parts, each under its key as an object has it, in the order
    /// given and each once. A part without a text takes any value.
    pub fn of_fields(fields: &[(String, Option<String>)], names: &Names) -> Result<Question, String> {
        let has = |wanted: &str| fields.iter().any(|(key, _)| key == wanted);
        if has("oif") && has("vrf") {
            return Err("\"oif\" and \"vrf\": only one of them can be given".into());
        }
        if !has("to") {
            return Err("\"to\", the destination, is missing".into());
        }
        let words = fields.iter().filter_map(|(key, text)| Some([key.clone(), text.clone()?]));
        Question::parse(&words.flatten().collect::<Vec<_>>(), names)
    }

    /// The words of the question.
    pub fn words(&self) -> String {
        let mut text = self.to.clone();
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                text.push_str(&format!(" {key} {value}"));
            }
        };
        add("from", self.from.clone());
        add("iif", self.iif.clone());
        add("oif", self.oif.clone());
        add("mark", self.mark.map(|m| format!("{m:#x}")));
        add("uid", self.uid.map(|v| v.to_string()));
        add("ipproto", self.ipproto.map(|v| v.to_string()));
        add("sport", self.sport.map(|v| v.to_string()));
        add("dport", self.dport.map(|v| v.to_string()));
        add("tos", self.tos.map(|v| format!("{v:#x}")));
        add("flowlabel", self.flowlabel.map(|v| format!("{v:#x}")));
        add("vrf", self.vrf.clone());
        text
    }

    /// The question with its names resolved on a host.
    pub fn resolve(&self, config: &Config, default_uid: u32) -> Result<ResolvedQuestion, String> {
        Ok(match address(&self.to)? {
            IpAddr::V4(dst) => ResolvedQuestion::V4(self.resolved(config, dst, default_uid)?),
            IpAddr::V6(dst) => ResolvedQuestion::V6(self.resolved(config, dst, default_uid)?),
        })
    }

    fn resolved<I: Ip>(&self, config: &Config, dst: I, default_uid: u32) -> Result<Resolved<I>, String> {
        let device = |name: &Option<String>| match name {
            None => Ok(0),
            Some(name) => find_device(config, name).ok_or(format!("there is no device \"{name}\"")),
        };
        let vrf = device(&self.vrf)?;
        if vrf != 0 && config.links.get(vrf).is_none_or(|link| link.vrf_table().is_none()) {
            return Err(format!("\"{}\" is not a VRF device", self.vrf.as_deref().unwrap_or("")));
        }
        let source = |text: &str| I::from_ip(address(text)?).ok_or_else(|| mixed("from", text));
        let oif = device(&self.oif)?;
        if self.flowlabel.is_some() && I::FAMILY == Family::V4 {
            return Err("'flowlabel': packets of IPv4 have none".into());
        }
        Ok(Resolved {
            dst,
            src: self.from.as_deref().map_or(Ok(I::ZERO), source)?,
            iif: device(&self.iif)?,
            oif: if vrf != 0 { vrf } else { oif },
            mark: self.mark.unwrap_or(0),
            uid: self.uid.unwrap_or(default_uid),
            uid_given: self.uid.is_some(),
            proto: self.ipproto.unwrap_or(if I::FAMILY == Family::V4 { UDP } else { 0 }),
            sport: self.sport.unwrap_or(0),
            dport: self.dport.unwrap_or(0),
            tos: self.tos.unwrap_or(0),
            flowlabel: self.flowlabel.unwrap_or(0),
        })
    }
}

/// A question in numbers, of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedQuestion {
    /// About an IPv4 packet.
    V4(Resolved<Ipv4Addr>),
    /// About an IPv6 packet.
    V6(Resolved<Ipv6Addr>),
}

/// A question in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved<I> {
    /// Destination.
    pub dst: I,
    /// Source, unspecified for none.
    pub src: I,
    /// Ingress device, 0 for packets made here.
    pub iif: u32,
    /// Egress device demanded, 0 any.
    pub oif: u32,
    /// Mark.
    pub mark: u32,
    /// User id.
    pub uid: u32,
    /// Whether the question names the user.
    pub uid_given: bool,
    /// Protocol.
    pub proto: u8,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Type of service.
    pub tos: u8,
    /// Flow label, of IPv6.
    pub flowlabel: u32,
}

impl ResolvedQuestion {
    /// A question whose numbers these are.
    pub fn question(&self, config: &Config) -> Question {
        match self {
            ResolvedQuestion::V4(resolved) => resolved.question(config),
            ResolvedQuestion::V6(resolved) => resolved.question(config),
        }
    }
}

impl<I: Hashing> Resolved<I> {
    /// The flow of a packet made here.
    pub fn flow(&self) -> Flow<I> {
        Flow {
            src: self.src,
            oif: self.oif,
            mark: self.mark,
            dscp: self.tos & 0xfc,
            uid: self.uid,
            proto: self.proto,
            sport: self.sport,
            dport: self.dport,
            flowlabel: self.flowlabel,
            ..Flow::to(self.dst)
        }
    }
}

impl<I: Ip> Resolved<I> {
    fn question(&self, config: &Config) -> Question {
        let device = |index: u32| (index != 0).then(|| super::wording::device(config, index));
        Question {
            to: self.dst.to_string(),
            from: self.has_source().then(|| self.src.to_string()),
            iif: device(self.iif),
            // A VRF is found by its name here too.
            oif: device(self.oif),
            mark: Some(self.mark),
            uid: self.uid_given.then_some(self.uid),
            ipproto: Some(self.proto),
            sport: Some(self.sport),
            dport: Some(self.dport),
            tos: Some(self.tos),
            flowlabel: Some(self.flowlabel).filter(|&label| label != 0),
            vrf: None,
        }
    }

    /// Whether the packet has a source before it is routed.
    pub fn has_source(&self) -> bool {
        self.src != I::ZERO
    }

    /// The same question for a running kernel (`RTM_GETROUTE`).
    pub fn request(&self) -> RouteMsg {
        let given = |value: u32| (value != 0).then_some(value);
        let host = |addr: I| Some(IpPrefix::host(addr.into()));
        let of_family = |v4: u8, v6: u8| if I::FAMILY == Family::V4 { v4 } else { v6 };
        let mut msg = RouteMsg::new(I::FAMILY);
        msg.dst = host(self.dst);
        msg.src = host(self.src).filter(|_| self.has_source());
        msg.iif = given(self.iif);
        msg.oif = given(self.oif);
        msg.mark = given(self.mark);
        msg.uid = (self.iif == 0 || self.uid_given && I::FAMILY == Family::V6).then_some(self.uid);
        msg.ip_proto = (self.proto != of_family(UDP, 0)).then_some(self.proto);
        msg.sport = (self.sport != 0).then_some(self.sport);
        msg.dport = (self.dport != 0).then_some(self.dport);
        msg.flowlabel = given(self.flowlabel);
        msg.tos = self.tos;
        if I::FAMILY == Family::V4 {
            msg.flags = fingerpost_model::RouteFlags::LOOKUP_TABLE;
        }
        msg
    }
}

impl Resolved<Ipv6Addr> {
    /// The flow of a packet that is received; `as_route_get` for the one of
    /// `ip route get`, which belongs to nobody rather than to uid 0.
    pub fn received(&self, as_route_get: bool) -> Flow<Ipv6Addr> {
        let nobody = if as_route_get { u32::MAX } else { 0 };
        Flow {
            iif: self.iif,
            oif: 0,
            // A packet always comes from somewhere, if only from `::`.
            has_source: !as_route_get || self.has_source(),
            uid: if self.uid_given { self.uid } else { nobody },
            ..self.flow()
        }
    }
}

impl Resolved<Ipv4Addr> {
    /// The packet, for one that is received.
    pub fn packet(&self, asker: Asker) -> Received {
        let ports = self.proto != ICMP;
        Received {
            dst: self.dst,
            src: self.src,
            dev: self.iif,
            mark: self.mark,
            tos: self.tos,
            proto: self.proto,
            sport: if ports { self.sport } else { 0 },
            dport: if ports { self.dport } else { 0 },
            pseudo: asker == Asker::Packet,
            quoted: None,
            header_dst: None,
            inside: None,
        }
    }
}

/// The device that `ip` means by a name: a name, an alternative name, a name
/// before a colon, or `ifN` by number.
fn find_device(config: &Config, name: &str) -> Option<u32> {
    let links = &config.links;
    let alternative = || {
        let has = |link: &&fingerpost_engine::config::Link| link.msg.altnames.iter().any(|alt| alt == name);
        links.by_index.values().find(has)
    };
    let alias = || links.find(name.split_once(':')?.0);
    let numbered = || links.get(name.strip_prefix("if")?.parse().ok()?);
    let link = links.find(name).or_else(alternative).or_else(alias).or_else(numbered);
    link.map(|link| link.index())
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| not_an_address(text))
}

/// An address and its scope, as in `fe80::1%eth0`; other words as they are.
fn split_scope(word: &str) -> Result<(&str, Option<&str>), String> {
    let Some((addr, scope)) = word.split_once('%') else { return Ok((word, None)) };
    let Ok(parsed) = addr.parse::<Ipv6Addr>() else { return Ok((word, None)) };
    match (scope.is_empty(), AddrType::of(parsed).needs_device()) {
        (true, _) => Err(format!("'{word}': a device's name should follow the %")),
        (_, false) => {
            Err(format!("'{word}': only link-local and multicast addresses have a scope; use oif {scope}"))
        }
        (_, true) => Ok((addr, Some(scope))),
    }
}

fn mixed(key: &str, value: &str) -> String {
    let (this, other) = if value.contains(':') { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
    format!("'{key} {value}' is {this}, the destination {other}; a packet's addresses are of one family")
}

fn not_an_address(text: &str) -> String {
    format!("\"{text}\" is not an address; a question looks like: 8.8.8.8 from 192.0.2.1")
}

/// What is wrong with a word, and what was expected.
fn complaint(wrong: &RouteQuestionError<'_>) -> String {
    let key = wrong.key;
    let Some(value) = wrong.value else {
        return match key {
            "to" => format!("a question begins with an address, then {KEYS}"),
            key => format!("'{key}' needs a value"),
        };
    };
    let expected = match key {
        "" => return format!("'{value}' is not part of a question; it knows {KEYS}"),
        "from" if value.parse::<IpAddr>().is_ok() => return mixed(key, value),
        "to" if value.contains('/') => return format!("\"{value}\": a question is about one address"),
        "from" if value.contains('/') => return format!("'from {value}': a packet has one source"),
        "to" => return not_an_address(value),
        "from" => "an address, any or 0",
        "mark" | "uid" => "a number from 0 to 4294967295: decimal, 0x… or octal with a leading 0",
        "sport" | "dport" => "a port from 0 to 65535: decimal, 0x… or octal with a leading 0",
        "ipproto" => "a protocol's name such as tcp, or its number from 0 to 255",
        "flowlabel" => "a number from 0 to 0xfffff: decimal, 0x… or octal with a leading 0",
        "tos" => "a hexadecimal number from 0 to ff, or a name such as AF11",
        _ => "something else",
    };
    format!("'{key} {value}': expected {expected}")
}

/// A line of a stream of questions.
enum Line {
    Words(String),
    /// Keys and values in order, with duplicates.
    Fields(Vec<(String, Value)>),
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Line;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Line, E> {
                Ok(Line::Words(text.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Line::Fields(fields))
            }
        }
        d.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Question, String> {
        let words: Vec<String> = text.split_whitespace().map(String::from).collect();
        Question::parse(&words, &Names::default())
    }

    fn json(text: &str) -> Result<Question, String> {
        Question::from_json(text, &Names::default())
    }

    #[test]
    fn the_grammar_of_route_get() {
        let question =
            parse("8.8.8.8 from 10.0.0.1 iif eth0 mark 0x10 ipproto tcp dport 53 tos 0x10").unwrap();
        assert_eq!(question.mark, Some(16));
        assert_eq!(question.ipproto, Some(6));
        let words = "8.8.8.8 from 10.0.0.1 iif eth0 mark 0x10 ipproto 6 dport 53 tos 0x10";
        assert_eq!(question.words(), words);
        assert_eq!(parse(words), Ok(question));
    }

    #[test]
    fn numbers_are_read_as_ip_reads_them() {
        let question = parse("8.8.8.8 mark 010 uid 017 sport 010 dport 0x10 ipproto 010 tos 10").unwrap();
        assert_eq!((question.mark, question.uid), (Some(8), Some(15)));
        assert_eq!((question.sport, question.dport), (Some(8), Some(16)));
        assert_eq!((question.ipproto, question.tos), (Some(10), Some(0x10)));
        assert_eq!(parse("8.8.8.8 tos AF11").unwrap().tos, Some(0x28));
        assert_eq!(parse("8.8.8.8 ipproto ospf").unwrap().ipproto, Some(89));
        for text in ["8.8.8.8 mark 08", "8.8.8.8 mark 4294967296", "8.8.8.8 sport 65536", "8.8.8.8 tos 100"] {
            assert!(parse(text).unwrap_err().contains("expected a"), "{text}");
        }
    }

    #[test]
    fn all_words_of_ip_are_known_and_may_be_abbreviated() {
        let plain = parse("8.8.8.8").unwrap();
        for text in
            ["to 8.8.8.8", "8.8.8.8/32", "8.8.8.8 from any", "8.8.8.8 from 0", "8.8.8.8 conn noti fib"]
        {
            assert_eq!(parse(text), Ok(plain.clone()), "{text}");
        }
        assert_eq!(parse("8.8").unwrap().to, "8.8.0.0");
        assert_eq!(parse("8.8.8.8 f 10.0.0.1/32").unwrap().from.as_deref(), Some("10.0.0.1"));
        let question = parse("8.8.8.8 o eth0 ma 1 dp 53 d 10").unwrap();
        assert_eq!(question.words(), "8.8.8.8 oif eth0 mark 0x1 dport 53 tos 0x10");
        assert_eq!(parse("8.8.8.8 oif eth0 vrf blue").unwrap().oif, None, "the last one counts");
    }

    #[test]
    fn bad_questions_say_what_was_expected() {
        let wrong = |text, part: &str| {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains(part), "{complaint}");
        };
        wrong("", "begins with an address");
        wrong("any", "begins with an address");
        wrong("1.1.1.1 mark", "'mark' needs a value");
        wrong("1.1.1.1 mark -1", "'mark -1': expected a number from 0 to 4294967295");
        wrong("1.1.1.1 uid -1", "'uid -1': expected a number from 0 to 4294967295");
        wrong("1.1.1.1 dport 70000", "from 0 to 65535");
        wrong("2001:db8::1 flowlabel 0x100000", "from 0 to 0xfffff");
        wrong("2001:db8::1 flowlabel", "'flowlabel' needs a value");
        wrong("1.1.1.1 ipproto 256", "from 0 to 255");
        wrong("1.1.1.1 colour red", "'colour' is not part of a question");
        wrong("1.1.1.1 2.2.2.2", "'2.2.2.2' is not part of a question");
        wrong("1.1.1.1 as 2.2.2.2", "'as' is not part of a question");
        wrong("1.1.1.0/24", "one address");
        wrong("1.1.1.1 from 10.0.0.0/8", "one source");
        wrong("x", "is not an address");
        assert!(address("x").unwrap_err().contains("is not an address"));
        wrong("2001:db8::1 from 10.0.0.1", "'from 10.0.0.1' is IPv4, the destination IPv6");
        wrong("1.1.1.1 from 2001:db8::1", "'from 2001:db8::1' is IPv6, the destination IPv4");
    }

    #[test]
    fn a_scope_is_the_packet_s_device() {
        assert_eq!(parse("fe80::1%eth0").unwrap().words(), "fe80::1 oif eth0");
        assert_eq!(parse("fe80::1%eth0 oif eth0").unwrap().words(), "fe80::1 oif eth0");
        assert_eq!(parse("ff02::1%eth0 from fe80::2%eth0").unwrap().words(), "ff02::1 from fe80::2 oif eth0");
        assert_eq!(
            parse("fe80::1 from fe80::2%eth0 iif eth0").unwrap().words(),
            "fe80::1 from fe80::2 iif eth0"
        );
        let wrong = |text, part: &str| {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains(part), "{complaint}");
        };
        wrong("fe80::1%eth0 oif eth1", "two devices");
        wrong("fe80::1%eth0 from fe80::2%eth1", "one link");
        wrong("2001:db8::1%eth0", "use oif eth0");
        wrong("fe80::1%", "a device's name");
        assert_eq!(json(r#"{"to":"fe80::1%eth0"}"#).unwrap().oif.as_deref(), Some("eth0"));
    }

    #[test]
    fn json_takes_objects_and_strings() {
        let object = json(r#"{"to":"1.1.1.1","oif":"eth0","tos":16,"from":null}"#).unwrap();
        assert_eq!(object, json(r#""1.1.1.1 oif eth0 tos 10""#).unwrap());
        assert_eq!(json(r#"{"to":"1.1.1.1","mark":"0x10"}"#).unwrap().mark, Some(16));
    }

    #[test]
    fn json_that_is_no_question_is_refused_in_the_users_words() {
        let cases = [
            (r#"{"to":"1.1.1.1","colour":1}"#, "\"colour\" is not part of a question"),
            (r#"{"to":"1.1.1.1","to":"2.2.2.2"}"#, "\"to\" is given twice"),
            (r#"["1.1.1.1"]"#, "expected an object such as"),
            ("5", "expected an object such as"),
            (r#"{"to":"1.1.1.1","mark":-1}"#, "'mark -1': expected a number from 0 to"),
            (r#"{"to":"1.1.1.1","mark":[1]}"#, "\"mark\": expected a string or a number"),
            (r#"{"oif":"eth0"}"#, "\"to\", the destination, is missing"),
            (r#"{"to":"1.1.1.1","oif":"a","vrf":"b"}"#, "only one of them"),
            (r#"{"to":"1.1.1.1""#, "not JSON"),
        ];
        for (line, part) in cases {
            let complaint = json(line).unwrap_err();
            assert!(complaint.contains(part), "{line}: {complaint}");
            assert!(!complaint.contains("u32") && !complaint.contains("struct"), "{complaint}");
        }
    }
}
