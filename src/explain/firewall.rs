//! Reverse path as firewalls ask it (`explain --fib`): nft's `fib` expression in
//! nft's words, and iptables' `rpfilter` match with its options.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_engine::Env;
use fingerpost_engine::lookup::firewall::{self, Address, Device, Fib, Packet, Rpfilter, Told, Wanted, Why};
use fingerpost_engine::lookup::table6;
use fingerpost_engine::trace::{Event, Event6, Tracer};
use fingerpost_model::RouteType;
use fingerpost_net::Ip;

use super::build::{Answer, Asked, explanation};
use super::question::{Question, Resolved, ResolvedQuestion};
use super::report::{Explanation, LookupReport, Outcome, Verdict};
use super::wording::{device, kind_name};
use super::{build4, build6};

/// What a rule of a firewall asks about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Fib(Fib, Option<Condition>),
    Rpfilter { options: Rpfilter, invert: bool },
}

/// What the expression is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Missing,
    Exists,
    /// A device's name or a type's, and whether it has to be equal.
    Is(String, bool),
}

const USAGE: &str = "an expression is nft's, such as 'saddr . mark . iif oif missing' or 'daddr type local', or \
                     'rpfilter [--loose] [--validmark] [--accept-local] [--invert]'";

impl Expression {
    /// Reads `[fib] saddr|daddr [. mark] [. iif|oif] oif|oifname|type [missing|exists|[!=] VALUE]`,
    /// or `rpfilter` with options of iptables.
    pub fn parse(text: &str) -> Result<Expression, String> {
        let spaced = if text.contains("--") { text.to_string() } else { text.replace('.', " . ") };
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let words = if words.first() == Some(&"-m") { &words[1..] } else { &words };
        let what = match words {
            [] => return Err(USAGE.into()),
            ["rpfilter", options @ ..] => rpfilter(options)?,
            ["fib", rest @ ..] => fib(rest)?,
            rest => fib(rest)?,
        };
        let text = match &what {
            What::Fib(..) => format!("fib {}", words.join(" ").trim_start_matches("fib ")),
            What::Rpfilter { .. } => words.join(" "),
        };
        Ok(Expression { text, what })
    }
}

fn rpfilter(words: &[&str]) -> Result<What, String> {
    let (mut options, mut invert) = (Rpfilter::default(), false);
    for word in words {
        match *word {
            "--loose" => options.loose = true,
            "--validmark" => options.mark = true,
            "--accept-local" => options.accept_local = true,
            "--invert" => invert = true,
            other => return Err(format!("'{other}' is no option of rpfilter; {USAGE}")),
        }
    }
    Ok(What::Rpfilter { options, invert })
}

fn fib(words: &[&str]) -> Result<What, String> {
    let (mut address, mut mark, mut dev) = (None, false, None);
    let mut rest = words.iter().copied();
    let twice =
        |word: &str| Err(format!("'{word}': fib takes one of saddr and daddr, and one of iif and oif"));
    let result = loop {
        match rest.next() {
            Some("saddr") if address.is_none() => address = Some(Address::Source),
            Some("daddr") if address.is_none() => address = Some(Address::Destination),
            Some("mark") => mark = true,
            Some("iif") if dev.is_none() => dev = Some(Device::In),
            Some("oif") if dev.is_none() => dev = Some(Device::Out),
            Some(word @ ("saddr" | "daddr" | "iif" | "oif")) => return twice(word),
            Some(word) => return Err(format!("'{word}' is not part of a fib expression; {USAGE}")),
            None => return Err(format!("'fib {}' ends too early; {USAGE}", words.join(" "))),
        }
        match rest.next() {
            Some(".") => {}
            Some(word) => break word,
            None => return Err(format!("what should fib give: oif, oifname or type? {USAGE}")),
        }
    };
    let wanted = match result {
        "oif" | "oifname" => Wanted::Device,
        "type" => Wanted::Type,
        other => return Err(format!("'{other}': fib gives oif, oifname or type")),
    };
    let Some(address) = address else { return Err("fib looks up saddr or daddr".into()) };
    if wanted == Wanted::Device && dev == Some(Device::Out) {
        return Err("before it is routed a packet has no oif that the route's could be compared with".into());
    }
    let name = |word: &str| word.trim_matches('"').to_string();
    let condition = match rest.collect::<Vec<&str>>()[..] {
        [] => None,
        ["missing"] => Some(Condition::Missing),
        ["exists"] => Some(Condition::Exists),
        ["!=", value] => Some(Condition::Is(name(value), false)),
        ["==", value] | [value] => Some(Condition::Is(name(value), true)),
        _ => return Err(format!("one value at most is compared; {USAGE}")),
    };
    if let (Wanted::Type, Some(Condition::Is(value, _))) = (wanted, &condition)
        && !(0..=u8::MAX).any(|kind| RouteType(kind).name() == Some(value))
    {
        return Err(format!("'{value}' is no type of an address, such as local, unicast or broadcast"));
    }
    Ok(What::Fib(Fib { address, mark, device: dev, wanted }, condition))
}

/// Answers what a firewall would be told about a packet.
pub fn ask_firewall(
    asked: Asked<'_>,
    question: &Question,
    expression: &Expression,
) -> Result<Explanation, String> {
    let answer = match question.resolve(&asked.ns.config, asked.uid)? {
        ResolvedQuestion::V4(packet) => of_v4(asked, &packet, expression)?,
        ResolvedQuestion::V6(packet) => of_v6(asked, &packet, expression)?,
    };
    let mut explanation = explanation(asked, question, answer);
    explanation.fib = Some(expression.text.clone());
    Ok(explanation)
}

fn of_v4(asked: Asked<'_>, question: &Resolved<Ipv4Addr>, expression: &Expression) -> Result<Answer, String> {
    let (config, packet) = (&asked.ns.config, packet(question, expression)?);
    let mut events = Vec::new();
    let tracer = &mut Tracer::on(&mut events);
    let told = match &expression.what {
        What::Fib(ask, _) => firewall::fib4(config, &packet, *ask, tracer),
        What::Rpfilter { options, .. } => firewall::rpfilter4(config, &packet, *options, tracer),
    };
    Ok(answer(asked, question, expression, told, build4::lookups(asked, &events), Vec::new()))
}

fn of_v6(asked: Asked<'_>, question: &Resolved<Ipv6Addr>, expression: &Expression) -> Result<Answer, String> {
    let (config, packet) = (&asked.ns.config, packet(question, expression)?);
    let env = Env { behaviour: asked.behaviour, now: asked.now };
    let state = build6::fresh(asked);
    let mut events = Vec::new();
    let tracer = &mut Tracer::on(&mut events);
    let (told, dev) = match &expression.what {
        What::Fib(ask, _) => {
            let dev = ask.device.is_some_and(|dev| dev == Device::In) && ask.wanted == Wanted::Device;
            (firewall::fib6(config, &state, env, &packet, *ask, tracer), dev)
        }
        What::Rpfilter { options, .. } => {
            (firewall::rpfilter6(config, &state, env, &packet, *options, tracer), !options.loose)
        }
    };
    let mut unknown = Vec::new();
    for event in &events {
        if let Event::V6(Event6::Path(path)) = event
            && dev
        {
            let shares = &path.shares;
            let total: u64 = shares.iter().map(|(.., share)| share).sum();
            let through = |leg: &&(_, usize, u64)| {
                let route = table6::RouteRef::get(leg.0, config);
                let hop = route.and_then(|route| table6::hops(config, route).nth(leg.1));
                hop.is_some_and(|hop| hop.dev == packet.iif)
            };
            let fits: u64 = shares.iter().filter(through).map(|(.., share)| share).sum();
            if fits != 0 && fits != total {
                let percent = fits as f64 * 100.0 / total as f64;
                unknown.push(format!(
                    "the hash chooses one leg of the way back, and its seed is not known: {percent:.1} % of flows \
                     are found to leave by {}",
                    device(config, packet.iif)
                ));
            }
        }
    }
    Ok(answer(asked, question, expression, told, build6::lookups(asked, question, &events), unknown))
}

/// The packet that is meant, if it is one that the expression can be asked of.
fn packet<I: Ip>(question: &Resolved<I>, expression: &Expression) -> Result<Packet<I>, String> {
    let what = &expression.text;
    let (wants_iif, wants_oif) = match &expression.what {
        What::Fib(ask, _) => {
            (ask.wanted == Wanted::Device || ask.device == Some(Device::In), ask.device == Some(Device::Out))
        }
        What::Rpfilter { .. } => (true, false),
    };
    if wants_iif && question.iif == 0 {
        return Err(format!("'{what}' is asked of received packets; say on which device with iif D"));
    }
    if wants_oif && question.oif == 0 {
        return Err(format!("'{what}' asks by which device the packet leaves; say so with oif D"));
    }
    Ok(Packet {
        src: question.src,
        dst: question.dst,
        iif: question.iif,
        oif: question.oif,
        mark: question.mark,
        dscp: question.tos & 0xfc,
        proto: question.proto,
    })
}

fn answer<I: Ip>(
    asked: Asked<'_>,
    question: &Resolved<I>,
    expression: &Expression,
    told: Told,
    lookups: Vec<LookupReport>,
    unknown: Vec<String>,
) -> Answer {
    let config = &asked.ns.config;
    let name = |dev: u32| device(config, dev);
    let (what, dev) = (&expression.text, name(question.iif));
    let (about, to): (_, IpAddr) = match &expression.what {
        What::Fib(Fib { address: Address::Destination, .. }, _) => ("way", question.dst.into()),
        _ => ("way back", question.src.into()),
    };
    let because = match told {
        Told::Type(kind) => format!("the address is {}", kind_name(kind)),
        Told::Device(_, why) => match why {
            Why::Loopback => "packets of loopback are not looked up".into(),
            Why::NoAddressYet => "packets of hosts without address are not looked up".into(),
            Why::Route => match told {
                Told::Device(Some(out), _) => format!("the {about} to {to} leaves by {}", name(out)),
                _ => String::new(),
            },
            Why::OtherDevice(other) => format!("the {about} to {to} leaves by {}, not by {dev}", name(other)),
            Why::NotUnicast(kind) => format!("the {about} to {to} is of type {}", kind_name(kind)),
            Why::NoRoute => format!("there is no {about} to {to}"),
        },
    };
    let gives = match told {
        Told::Device(Some(out), _) => name(out),
        Told::Device(None, _) => "nothing (missing)".into(),
        Told::Type(kind) => kind_name(kind),
    };
    let matches = match &expression.what {
        What::Rpfilter { invert, .. } => Some(told.is_found() != *invert),
        What::Fib(_, condition) => condition.as_ref().map(|condition| match condition {
            Condition::Missing => !told.is_found(),
            Condition::Exists => told.is_found(),
            Condition::Is(value, equal) => (gives == *value) == *equal,
        }),
    };
    let text = match (&expression.what, matches) {
        (What::Rpfilter { .. }, Some(true)) => format!("{what} matches: {because}"),
        (What::Rpfilter { .. }, _) => format!("{what} does not match: {because}"),
        (_, None) => format!("{what} gives {gives}: {because}"),
        (_, Some(true)) => format!("{what} matches: {because}"),
        (_, Some(false)) => format!("{what} does not match: {because}"),
    };
    let mut outcome = Outcome::new(if told.is_found() { Verdict::Found } else { Verdict::Missing }, text);
    outcome.matches = matches;
    match told {
        Told::Device(found, _) => outcome.dev = found.map(name),
        Told::Type(kind) => outcome.kind = Some(kind_name(kind)),
    }
    Answer { lookups, outcome, route_get: None, objects: BTreeSet::new(), unknown, unverified: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_nft_writes_them() {
        let parse = |text| Expression::parse(text).map(|read| read.what);
        let reverse =
            Fib { address: Address::Source, mark: true, device: Some(Device::In), wanted: Wanted::Device };
        assert_eq!(parse("saddr . mark . iif oif"), Ok(What::Fib(reverse, None)));
        assert_eq!(parse("fib saddr.mark.iif oifname"), Ok(What::Fib(reverse, None)));
        let missing = Some(Condition::Missing);
        assert_eq!(parse("fib saddr . mark . iif oif missing"), Ok(What::Fib(reverse, missing)));
        let kind = Fib { address: Address::Destination, mark: false, device: None, wanted: Wanted::Type };
        assert_eq!(
            parse("daddr type != local"),
            Ok(What::Fib(kind, Some(Condition::Is("local".into(), false))))
        );
        let options = Rpfilter { loose: true, mark: true, accept_local: false };
        assert_eq!(
            parse("-m rpfilter --loose --validmark --invert"),
            Ok(What::Rpfilter { options, invert: true })
        );
    }

    #[test]
    fn what_nft_refuses_is_refused_with_what_it_takes() {
        for (text, part) in [
            ("", "such as"),
            ("saddr", "oif, oifname or type"),
            ("saddr . daddr oif", "one of saddr and daddr"),
            ("saddr . iif . oif type", "one of iif and oif"),
            ("mark oif", "saddr or daddr"),
            ("saddr . oif oif", "has no oif"),
            ("saddr . iif colour", "oif, oifname or type"),
            ("saddr type bogus", "no type"),
            ("saddr . colour oif", "not part of"),
            ("rpfilter --tight", "no option"),
            ("saddr .", "too early"),
        ] {
            let complaint = Expression::parse(text).expect_err(text);
            assert!(complaint.contains(part), "{text}: {complaint}");
        }
    }
}
