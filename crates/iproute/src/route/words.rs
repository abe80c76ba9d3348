//! The words of `ip route get`, read without a kernel: names of devices stay names.

use fingerpost_net::{Family, IpPrefix};

use super::modify::{after_to, new_destination};
use super::usage;
use crate::error::Failure;
use crate::lex::{Addr, Af, Args, get_addr, get_prefix, get_u16, get_u32, matches};
use crate::names::{Names, View};

/// The 20 bits of a flow label.
const MAX_LABEL: u32 = 0x000f_ffff;

/// What the words of `ip route get` ask for.
#[derive(Clone, Debug, Default)]
pub struct RouteQuestion<'a> {
    /// The destination; `None` for `any`, `all` and `default` without a family.
    pub to: Option<IpPrefix>,
    /// The source.
    pub from: Option<IpPrefix>,
    /// The device on which the packet comes in.
    pub iif: Option<&'a str>,
    /// The device by which it goes out; the last of `oif` and `vrf` counts.
    pub oif: Option<&'a str>,
    /// Whether that was given as `vrf`.
    pub is_vrf: bool,
    /// The mark.
    pub mark: Option<u32>,
    /// The user.
    pub uid: Option<u32>,
    /// The transport protocol.
    pub ip_proto: Option<u8>,
    /// The source port.
    pub sport: Option<u16>,
    /// The destination port.
    pub dport: Option<u16>,
    /// The flow label.
    pub flowlabel: Option<u32>,
    /// The type of service.
    pub tos: u8,
    /// `notify`.
    pub notify: bool,
    /// `connected`.
    pub connected: bool,
    /// `fibmatch`.
    pub fibmatch: bool,
    /// `as ADDRESS`.
    pub(super) new_destination: Option<fingerpost_model::Attr>,
    /// The family that the addresses have.
    pub(super) family: Af,
    pub(super) found: bool,
    pub(super) from_given: bool,
    /// The word of the destination whose length is not that of an address.
    odd: Option<&'a str>,
    /// The word that names a second destination.
    second: Option<&'a str>,
    from_word: &'a str,
}

/// A word that does not fit.
#[derive(Debug)]
pub struct RouteQuestionError<'a> {
    /// The key in full; `to` for the destination, empty for a word after it that is no key.
    pub key: &'static str,
    /// Its value; `None` when the words end where it should stand.
    pub value: Option<&'a str>,
    /// What `ip route get` says and how it ends.
    pub(super) failure: Failure,
}

impl<'a> RouteQuestion<'a> {
    /// Reads a question about one packet: the words of `ip route get` with one
    /// destination, and with addresses rather than subnets. `fwmark` stands for
    /// `mark` too, and a flow label can be given, as to newer versions of `ip`.
    pub fn parse(words: &'a [&'a str], names: &Names) -> Result<Self, RouteQuestionError<'a>> {
        let names = View::new(names);
        let host = Host { names: &names, is_vrf: &mut |_| true, odd_length: &mut |_, _| {}, ours: true };
        let mut question = read(Args::new(words), Af::Unspec, host)?;
        let refuse = |key, value| Err(RouteQuestionError { key, value, failure: Failure::exit(1, "") });
        if let Some(word) = question.second {
            return refuse("", Some(word));
        }
        if question.to.is_none() || question.odd.is_some() {
            return refuse("to", question.odd);
        }
        if question.new_destination.is_some() {
            return refuse("", Some("as"));
        }
        // `from 0` and `from any` name no source.
        question.from = question.from.filter(|from| !from.addr.is_unspecified());
        if question.from.is_some_and(|from| from.len != Family::of(from.addr).width()) {
            return refuse("from", Some(question.from_word));
        }
        Ok(question)
    }
}

/// What reading asks of its surroundings.
pub(super) struct Host<'h> {
    pub names: &'h View<'h>,
    /// Whether the device with this name is a VRF.
    pub is_vrf: &'h mut dyn FnMut(&str) -> bool,
    /// Takes the length given with a destination that is not that of an address, and that one.
    pub odd_length: &'h mut dyn FnMut(u32, u32),
    /// Whether `fwmark` and `flowlabel` are words.
    pub ours: bool,
}

/// Reads the words.
pub(super) fn read<'a>(
    mut args: Args<'a>,
    family: Af,
    host: Host<'_>,
) -> Result<RouteQuestion<'a>, RouteQuestionError<'a>> {
    let names = host.names;
    let mut q = RouteQuestion { family, ..RouteQuestion::default() };
    while let Some(word) = args.take() {
        let is = |full: &str| matches(word, full);
        if word == "tos" || is("dsfield") {
            let text = value(&mut args, "tos")?;
            q.tos = good("tos", text, names.parse_dsfield(text), "TOS value is invalid\n")?;
        } else if is("from") {
            q.from_word = value(&mut args, "from")?;
            if matches(q.from_word, "help") {
                return Err(wrong("from", q.from_word, usage()));
            }
            q.from_given = true;
            q.from = q.address("from", q.from_word, get_prefix)?.prefix();
        } else if is("iif") {
            q.iif = Some(value(&mut args, "iif")?);
        } else if is("mark") || (host.ours && word == "fwmark") {
            let text = value(&mut args, "mark")?;
            q.mark = Some(good("mark", text, get_u32(text, 0), "invalid mark value")?);
        } else if is("oif") || word == "dev" {
            (q.oif, q.is_vrf) = (Some(value(&mut args, "oif")?), false);
        } else if is("notify") {
            q.notify = true;
        } else if is("connected") {
            q.connected = true;
        } else if is("vrf") {
            let name = value(&mut args, "vrf")?;
            good("vrf", name, (host.is_vrf)(name).then_some(()), "Invalid VRF\n")?;
            (q.oif, q.is_vrf) = (Some(name), true);
        } else if is("uid") {
            let text = value(&mut args, "uid")?;
            q.uid = Some(good("uid", text, get_u32(text, 0), "invalid UID\n")?);
        } else if is("fibmatch") {
            q.fibmatch = true;
        } else if word == "as" {
            let text = after_to(&mut args).map_err(|failure| missing("as", failure))?;
            q.new_destination = Some(new_destination(q.address("as", text, get_addr)?));
        } else if is("sport") {
            let text = value(&mut args, "sport")?;
            q.sport = Some(good("sport", text, get_u16(text, 0), "invalid sport\n")?);
        } else if is("dport") {
            let text = value(&mut args, "dport")?;
            q.dport = Some(good("dport", text, get_u16(text, 0), "invalid dport\n")?);
        } else if host.ours && word == "flowlabel" {
            let text = value(&mut args, "flowlabel")?;
            let label = get_u32(text, 0).filter(|&label| label <= MAX_LABEL);
            q.flowlabel = Some(good("flowlabel", text, label, "invalid flowlabel\n")?);
        } else if is("ipproto") {
            let text = value(&mut args, "ipproto")?;
            let proto = names.parse_ip_proto(text);
            q.ip_proto = Some(good("ipproto", text, proto, "Invalid \"ipproto\" value\n")?);
        } else {
            q.destination(word, &mut args, host.odd_length)?;
        }
    }
    Ok(q)
}

impl<'a> RouteQuestion<'a> {
    /// A word that is no key: the destination.
    fn destination(
        &mut self,
        word: &'a str,
        args: &mut Args<'a>,
        odd_length: &mut dyn FnMut(u32, u32),
    ) -> Result<(), RouteQuestionError<'a>> {
        let key = if word != "to" && self.found { "" } else { "to" };
        let word = if word == "to" { value(args, "to")? } else { word };
        if matches(word, "help") {
            return Err(wrong(key, word, usage()));
        }
        let addr = self.address(key, word, get_prefix)?;
        let full = self.family.bits();
        let bad = matches!(self.family, Af::Inet | Af::Inet6) && addr.bits != full as i32;
        if bad {
            odd_length(addr.bits as u32, full);
            self.odd = Some(word);
        }
        let len = if bad { full as i32 } else { addr.bits };
        self.to = addr.ip.map(|addr| IpPrefix { addr, len: len as u8 });
        self.second = self.found.then_some(word);
        self.found = true;
        Ok(())
    }

    /// Reads an address; the first one settles the family.
    fn address<'t>(
        &mut self,
        key: &'static str,
        text: &'t str,
        read: fn(&str, Af) -> Result<Addr, Failure>,
    ) -> Result<Addr, RouteQuestionError<'t>> {
        let addr = read(text, self.family).map_err(|failure| wrong(key, text, failure))?;
        if self.family == Af::Unspec {
            self.family = addr.family;
        }
        Ok(addr)
    }
}

fn wrong<'a>(key: &'static str, value: &'a str, failure: Failure) -> RouteQuestionError<'a> {
    RouteQuestionError { key, value: Some(value), failure }
}

fn missing<'a>(key: &'static str, failure: Failure) -> RouteQuestionError<'a> {
    RouteQuestionError { key, value: None, failure }
}

fn value<'a>(args: &mut Args<'a>, key: &'static str) -> Result<&'a str, RouteQuestionError<'a>> {
    args.value().map_err(|failure| missing(key, failure))
}

/// The value, or `ip`'s complaint about its text.
fn good<'a, T>(
    key: &'static str,
    text: &'a str,
    value: Option<T>,
    why: &str,
) -> Result<T, RouteQuestionError<'a>> {
    value.ok_or_else(|| wrong(key, text, Failure::invalid(why, text)))
}
