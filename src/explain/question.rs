//! Questions in `ip route get`'s grammar, and as JSON objects.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_engine::Config;
use fingerpost_engine::lookup::Flow4;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::Received;
use fingerpost_model::RouteMsg;
use fingerpost_net::{Family, IpPrefix};
use serde::{Deserialize, Serialize};

/// UDP, the protocol of questions that name none, as in `ip route get`.
const UDP: u8 = 17;
const ICMP: u8 = 1;

/// A question: which way does this packet go? Fields that are not given take
/// any value, or the one that `ip route get` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Destination address.
    pub to: String,
    /// Source address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Device that the packet is received on; without it the packet is made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iif: Option<String>,
    /// Device that the packet has to leave by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oif: Option<String>,
    /// Mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// User id of the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Transport protocol's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipproto: Option<u8>,
    /// Source port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sport: Option<u16>,
    /// Destination port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dport: Option<u16>,
    /// Type of service byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// VRF device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
}

/// Words that a question knows, for messages.
const KEYS: &str = "from, iif, oif, dev, mark, uid, ipproto, sport, dport, tos, vrf";

impl Question {
    /// Reads `ADDRESS [from A] [iif D] [oif D] [mark M] …`.
    pub fn parse(words: &[String]) -> Result<Question, String> {
        let mut question = Question::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = |key: &str| words.next().ok_or(format!("'{key}' needs a value"));
            match word {
                "to" => question.to = value(word)?.into(),
                "from" => question.from = Some(value(word)?.into()),
                "iif" => question.iif = Some(value(word)?.into()),
                "oif" | "dev" => question.oif = Some(value(word)?.into()),
                "mark" | "fwmark" => question.mark = Some(number(word, value(word)?)?),
                "uid" => question.uid = Some(number(word, value(word)?)?),
                "ipproto" => question.ipproto = Some(protocol(value(word)?)?),
                "sport" => question.sport = Some(number(word, value(word)?)?),
                "dport" => question.dport = Some(number(word, value(word)?)?),
                "tos" | "dsfield" => question.tos = Some(hex(word, value(word)?)?),
                "vrf" => question.vrf = Some(value(word)?.into()),
                address if question.to.is_empty() => question.to = address.into(),
                other => return Err(format!("'{other}' is not part of a question; it knows {KEYS}")),
            }
        }
        if question.to.is_empty() {
            return Err(format!("a question begins with an address, then {KEYS}"));
        }
        Ok(question)
    }

    /// Reads a JSON object, or a string in the grammar of [`Question::parse`].
    pub fn from_json(line: &str) -> Result<Question, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Words(String),
            Object(serde_json::Value),
        }
        let at = |e: serde_json::Error| {
            let text = e.to_string();
            let text = text.rfind(" at line ").map_or(text.clone(), |end| text[..end].to_string());
            format!("column {}: {text}", e.column().max(1))
        };
        match serde_json::from_str(line).map_err(at)? {
            Either::Words(text) => {
                Question::parse(&text.split_whitespace().map(String::from).collect::<Vec<_>>())
            }
            Either::Object(value) => serde_json::from_value(value).map_err(|e| e.to_string()),
        }
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
        add("vrf", self.vrf.clone());
        text
    }

    /// The question with its names resolved on a host.
    pub fn resolve(&self, config: &Config, default_uid: u32) -> Result<Resolved, String> {
        let device = |name: &Option<String>| match name {
            None => Ok(0),
            Some(name) => match config.links.find(name) {
                Some(link) => Ok(link.index()),
                None => Err(format!("there is no device \"{name}\"")),
            },
        };
        let vrf = device(&self.vrf)?;
        if vrf != 0 && config.links.get(vrf).is_none_or(|link| link.vrf_table().is_none()) {
            return Err(format!("\"{}\" is not a VRF device", self.vrf.as_deref().unwrap_or("")));
        }
        let oif = device(&self.oif)?;
        Ok(Resolved {
            dst: address(&self.to)?,
            src: self.from.as_deref().map_or(Ok(Ipv4Addr::UNSPECIFIED), address)?,
            iif: device(&self.iif)?,
            oif: if vrf != 0 { vrf } else { oif },
            mark: self.mark.unwrap_or(0),
            uid: self.uid.unwrap_or(default_uid),
            proto: self.ipproto.unwrap_or(UDP),
            sport: self.sport.unwrap_or(0),
            dport: self.dport.unwrap_or(0),
            tos: self.tos.unwrap_or(0),
        })
    }
}

/// A question in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Destination.
    pub dst: Ipv4Addr,
    /// Source, unspecified for none.
    pub src: Ipv4Addr,
    /// Ingress device, 0 for packets made here.
    pub iif: u32,
    /// Egress device demanded, 0 any.
    pub oif: u32,
    /// Mark.
    pub mark: u32,
    /// User id.
    pub uid: u32,
    /// Protocol.
    pub proto: u8,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Type of service.
    pub tos: u8,
}

impl Resolved {
    /// The flow of a packet made here.
    pub fn flow(&self) -> Flow4 {
        Flow4 {
            src: self.src,
            oif: self.oif,
            mark: self.mark,
            dscp: self.tos & 0xfc,
            uid: self.uid,
            proto: self.proto,
            sport: self.sport,
            dport: self.dport,
            ..Flow4::to(self.dst)
        }
    }

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
        }
    }

    /// The same question for a running kernel (`RTM_GETROUTE`).
    pub fn request(&self, with_uid: bool) -> RouteMsg {
        let given = |value: u32| (value != 0).then_some(value);
        let mut msg = RouteMsg::new(Family::V4);
        msg.dst = Some(IpPrefix::host(IpAddr::V4(self.dst)));
        msg.src = (!self.src.is_unspecified()).then(|| IpPrefix::host(IpAddr::V4(self.src)));
        msg.iif = given(self.iif);
        msg.oif = given(self.oif);
        msg.mark = given(self.mark);
        msg.uid = with_uid.then_some(self.uid);
        msg.ip_proto = (self.proto != UDP).then_some(self.proto);
        msg.sport = (self.sport != 0).then_some(self.sport);
        msg.dport = (self.dport != 0).then_some(self.dport);
        msg.tos = self.tos;
        msg.flags = fingerpost_model::RouteFlags::LOOKUP_TABLE;
        msg
    }
}

fn address(text: &str) -> Result<Ipv4Addr, String> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(addr)) => Ok(addr),
        Ok(IpAddr::V6(_)) => Err(format!("\"{text}\": IPv6 questions are not answered yet")),
        Err(_) => Err(format!("\"{text}\" is not an address; a question looks like: 8.8.8.8 from 192.0.2.1")),
    }
}

/// A decimal or 0x number.
fn number<T: TryFrom<u64>>(key: &str, text: &str) -> Result<T, String> {
    let parsed = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed
        .ok()
        .and_then(|n| T::try_from(n).ok())
        .ok_or_else(|| format!("'{key} {text}': expected a number in range, decimal or 0x…"))
}

/// A hexadecimal number, with or without 0x, as iproute2 takes tos.
fn hex(key: &str, text: &str) -> Result<u8, String> {
    u8::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| format!("'{key} {text}': expected a hexadecimal byte"))
}

fn protocol(text: &str) -> Result<u8, String> {
    Ok(match text {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "sctp" => 132,
        other => number("ipproto", other)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Question, String> {
        Question::parse(&text.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_grammar_is_that_of_ip_route_get() {
        let question =
            parse("8.8.8.8 from 10.0.0.1 iif eth0 mark 0x10 ipproto tcp dport 53 tos 0x10").unwrap();
        assert_eq!(question.mark, Some(16));
        assert_eq!(question.ipproto, Some(6));
        assert_eq!(question.words(), "8.8.8.8 from 10.0.0.1 iif eth0 mark 0x10 ipproto 6 dport 53 tos 0x10");
    }

    #[test]
    fn bad_questions_say_what_was_expected() {
        assert!(parse("").unwrap_err().contains("begins with an address"));
        assert!(parse("1.1.1.1 mark").unwrap_err().contains("needs a value"));
        assert!(parse("1.1.1.1 mark -1").unwrap_err().contains("expected a number"));
        assert!(parse("1.1.1.1 colour red").unwrap_err().contains("'colour'"));
        assert!(address("x").unwrap_err().contains("is not an address"));
    }

    #[test]
    fn json_takes_objects_and_strings() {
        let object = Question::from_json(r#"{"to":"1.1.1.1","oif":"eth0"}"#).unwrap();
        assert_eq!(object, Question::from_json(r#""1.1.1.1 oif eth0""#).unwrap());
        assert!(Question::from_json(r#"{"to":"1.1.1.1","colour":1}"#).unwrap_err().contains("colour"));
    }
}
