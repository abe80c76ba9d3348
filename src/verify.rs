//! `--verify`: the same question to the running kernel.

use std::iter;
use std::net::IpAddr;

use fingerpost_engine::Config;
use fingerpost_host::Live;
use fingerpost_model::{MetricKind, Refusal, RouteFlags, RouteMsg};
use fingerpost_net::{Family, Ip};

use serde::Serialize;

use crate::explain::{Explanation, Leg, Outcome, Resolved, ResolvedQuestion, Verdict};

/// What the kernel said about a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// The same.
    Agrees,
    /// Something else.
    Differs {
        /// Our answer.
        ours: String,
        /// The kernel's.
        kernel: String,
    },
    /// The kernel cannot be asked this.
    CannotAsk(&'static str),
}

/// Asks the kernel.
pub fn verify(
    live: &mut Live,
    config: &Config,
    question: &ResolvedQuestion,
    explanation: &Explanation,
) -> Judgement {
    match question {
        ResolvedQuestion::V4(question) => ask(live, config, question, explanation),
        ResolvedQuestion::V6(question) => ask(live, config, question, explanation),
    }
}

fn ask<I: Ip>(
    live: &mut Live,
    config: &Config,
    question: &Resolved<I>,
    explanation: &Explanation,
) -> Judgement {
    match (I::FAMILY, question.proto) {
        (Family::V4, 1 | 6 | 17) | (Family::V6, 0 | 6 | 17 | 58) => {}
        (Family::V4, _) => {
            return Judgement::CannotAsk("`ip route get` knows no protocols but TCP, UDP and ICMP");
        }
        (Family::V6, _) => {
            return Judgement::CannotAsk("`ip -6 route get` knows no protocols but TCP, UDP and ICMPv6");
        }
    }
    let answer = live.route_get(&question.request());
    compare(config, explanation, &answer)
}

/// Compares an explanation with the kernel's reply. Where the explanation names
/// several possible outcomes, any of them agrees.
pub fn compare(config: &Config, explanation: &Explanation, answer: &Result<RouteMsg, Refusal>) -> Judgement {
    let kernel = kernel_text(config, explanation, answer);
    // Of MTUs the kernel tells those of routes and learned ones, not the device's.
    let tells_mtu = answer.as_ref().is_ok_and(|msg| msg.metrics.get(MetricKind::MTU).is_some());
    let others = explanation.otherwise.iter().map(|other| &other.outcome);
    let outcomes: Vec<&Outcome> = match explanation.route_get.is_empty() {
        true => iter::once(&explanation.outcome).chain(others).collect(),
        false => explanation.route_get.iter().collect(),
    };
    let possible: Vec<String> = outcomes.into_iter().flat_map(|outcome| texts(outcome, tells_mtu)).collect();
    match possible.contains(&kernel) {
        true => Judgement::Agrees,
        false => Judgement::Differs { ours: possible.join(" or "), kernel },
    }
}

/// An outcome as the kernel would answer it; several where legs are possible.
fn texts(outcome: &Outcome, tells_mtu: bool) -> Vec<String> {
    let show = |value: Option<&String>| value.cloned().unwrap_or_else(|| "-".into());
    let sent = |dev: Option<&String>, gateway: Option<&String>, source: Option<&String>| {
        let kind = show(outcome.kind.as_ref());
        let redirect = if outcome.redirect { " redirect" } else { "" };
        let mtu = outcome.mtu.filter(|_| tells_mtu).map_or(String::new(), |mtu| format!(" mtu {mtu}"));
        // The kernel's answer has no source when there is none.
        let source = show(source.filter(|&source| source != "0.0.0.0"));
        format!("{kind} dev {} via {} src {source}{redirect}{mtu}", show(dev), show(gateway))
    };
    let source = outcome.source.as_ref();
    match outcome.verdict {
        Verdict::Refused | Verdict::Dropped => vec![outcome.errno_name.unwrap_or("refused").to_string()],
        _ if outcome.legs.is_empty() => vec![sent(outcome.dev.as_ref(), outcome.gateway.as_ref(), source)],
        _ => {
            let leg = |leg: &Leg| sent(Some(&leg.dev), leg.gateway.as_ref(), leg.source.as_ref().or(source));
            outcome.legs.iter().map(leg).collect()
        }
    }
}

fn kernel_text(config: &Config, explanation: &Explanation, answer: &Result<RouteMsg, Refusal>) -> String {
    match answer {
        Err(refusal) => refusal.errno.name().unwrap_or("refused").to_string(),
        Ok(msg) => {
            let dev = msg
                .oif
                .and_then(|index| config.links.get(index))
                .map_or("-".into(), |l| l.name().to_string());
            let text = |addr: Option<IpAddr>| addr.map_or("-".to_string(), |addr| addr.to_string());
            // The kernel leaves the source out when it is the one that was asked for.
            let received = explanation.asked.iif.is_some();
            let source = match (received, msg.prefsrc) {
                (true, _) => "-".into(),
                // Of IPv6 it is the one that would be chosen, whatever the question's is.
                (_, None) if msg.family == Family::V6 => "-".into(),
                (_, None) => text(msg.src.map(|prefix| prefix.addr)),
                (_, some) => text(some),
            };
            let kind = msg.kind.name().unwrap_or("-");
            let redirect = if msg.flags.has(RouteFlags::DOREDIRECT) { " redirect" } else { "" };
            let mtu = msg.metrics.get(MetricKind::MTU).map_or(String::new(), |mtu| format!(" mtu {mtu}"));
            format!("{kind} dev {dev} via {} src {source}{redirect}{mtu}", text(msg.gateway.or(msg.via)))
        }
    }
}
