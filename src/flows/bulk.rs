//! Rows from compiled decisions, for lists that are long enough to compile for.
//!
//! A row here is what the lookup alone would say; of questions of which compiled
//! decisions say nothing there is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_engine::config::Config;
use fingerpost_engine::fast::{Answer, Code, Compiled4, Compiled6, Named, Source};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::Received;
use fingerpost_engine::lookup::{Flow4, Flow6, receive6, socket6};
use fingerpost_engine::{Env, Namespace};
use fingerpost_net::Ip;

use super::answer::{Row, Verdict, verdict4, verdict6};
use crate::explain::{Resolved, ResolvedQuestion};

/// Compiled decisions of a namespace, as far as they say all that counts.
pub(super) struct Bulk {
    v4: Option<Compiled4>,
    v6: Option<Compiled6>,
}

/// Questions of one family and direction: their places in the list, and what is asked.
struct Asked<T> {
    at: Vec<usize>,
    packets: Vec<T>,
}

impl<T> Asked<T> {
    fn of(questions: &[ResolvedQuestion], packet: impl Fn(&ResolvedQuestion) -> Option<T>) -> Self {
        let asked = questions.iter().enumerate().filter_map(|(at, question)| Some((at, packet(question)?)));
        let (at, packets) = asked.unzip();
        Asked { at, packets }
    }

    /// The answers of `decide`, each with its place.
    fn answers<I: Ip>(
        &self,
        decide: impl FnOnce(&[T], &mut [(Code, Named<I>)]),
    ) -> impl Iterator<Item = (usize, Code, Named<I>)> + '_ {
        let mut answers = vec![(0, Named::NOTHING); self.packets.len()];
        decide(&self.packets, &mut answers);
        self.at.iter().zip(answers).map(|(&at, (code, named))| (at, code, named))
    }
}

impl Bulk {
    /// Compiles for a namespace. What was learned of single destinations, and tunnels,
    /// compiled decisions do not know.
    pub fn new(ns: &Namespace, env: Env<'_>) -> Self {
        let config = &ns.config;
        let infos = config.fib.infos.iter().flatten();
        let has_encap = infos.flat_map(|info| config.hops(info).iter()).any(|hop| hop.encap.is_some());
        let plain4 = ns.state.exceptions.is_empty() && !has_encap;
        let plain6 = ns.state.exceptions6.is_empty();
        Bulk {
            v4: plain4.then(|| Compiled4::naming_routes(config, env)),
            v6: plain6.then(|| Compiled6::naming_routes(config, env)),
        }
    }

    /// The rows of the questions for which there is one.
    pub fn rows(&self, config: &Config, questions: &[ResolvedQuestion]) -> Vec<Option<Row>> {
        let mut rows = vec![None; questions.len()];
        if let Some(compiled) = &self.v4 {
            rows4(compiled, questions, &mut rows);
        }
        if let Some(compiled) = &self.v6 {
            rows6(compiled, config, questions, &mut rows);
        }
        rows
    }
}

fn v4(question: &ResolvedQuestion, received: bool) -> Option<&Resolved<Ipv4Addr>> {
    match question {
        ResolvedQuestion::V4(question) if (question.iif != 0) == received => Some(question),
        _ => None,
    }
}

fn v6(question: &ResolvedQuestion, received: bool) -> Option<&Resolved<Ipv6Addr>> {
    match question {
        ResolvedQuestion::V6(question) if (question.iif != 0) == received => Some(question),
        _ => None,
    }
}

fn bare<I: Ip>(verdict: Verdict, named: Named<I>) -> Row {
    Row { rule: named.rule, route: named.route.map(Into::into), ..Row::bare(verdict) }
}

fn rows4(compiled: &Compiled4, questions: &[ResolvedQuestion], rows: &mut [Option<Row>]) {
    let view = compiled.view();
    let sent: Asked<Flow4> = Asked::of(questions, |question| v4(question, false).map(Resolved::flow));
    let packet = |question: &ResolvedQuestion| v4(question, true).map(|asked| asked.packet(Asker::Socket));
    let received: Asked<Received> = Asked::of(questions, packet);
    for (at, code, named) in sent.answers(|flows, answers| view.output_batch_by(flows, answers)) {
        rows[at] = v4(&questions[at], false).and_then(|question| row4(question, view.answer(code), named));
    }
    for (at, code, named) in received.answers(|packets, answers| view.input_batch_by(packets, answers)) {
        rows[at] = v4(&questions[at], true).and_then(|question| row4(question, view.answer(code), named));
    }
}

fn row4(
    question: &Resolved<Ipv4Addr>,
    answer: &fingerpost_engine::fast::Answer4,
    named: Named<Ipv4Addr>,
) -> Option<Row> {
    let received = question.iif != 0;
    let (decision, source) = match answer {
        Answer::Ask => return None,
        Answer::Failed(_) if received => return Some(bare(Verdict::Dropped, named)),
        Answer::Failed(_) => return Some(bare(Verdict::Refused, named)),
        Answer::Decided { decision, source } => (decision, source),
    };
    let verdict = verdict4(received, decision);
    if verdict == Verdict::Dropped {
        return Some(bare(verdict, named));
    }
    let source = match source {
        Source::Destination => question.dst,
        Source::Given => question.src,
        Source::Decision | Source::Selected(_) => decision.source,
    };
    Some(Row {
        device: Some(decision.dev),
        gateway: decision.gateway,
        source: (!received).then_some(source.into()),
        table: named.table,
        ..bare(verdict, named)
    })
}

fn rows6(compiled: &Compiled6, config: &Config, questions: &[ResolvedQuestion], rows: &mut [Option<Row>]) {
    let view = compiled.view();
    let sent: Asked<Flow6> = Asked::of(questions, |question| v6(question, false).map(Resolved::flow));
    let flow = |question: &ResolvedQuestion| v6(question, true).map(|asked| asked.received(false));
    let received: Asked<Flow6> = Asked::of(questions, flow);
    for (at, code, named) in sent.answers(|flows, answers| view.output_batch_by(flows, answers)) {
        let Some(question) = v6(&questions[at], false) else { continue };
        let source = view.source(code, question.src, question.dst);
        // A socket that leaves its source open looks again where there is no way, or no source.
        let is_open = !question.has_source() && source.is_none_or(|source| source.is_unspecified());
        let src = if question.has_source() { question.src } else { source.unwrap_or(question.src) };
        if !is_open && !socket6::mixes_families(src, question.dst) {
            rows[at] = row6(config, question, view.answer(code), named, source);
        }
    }
    for (at, code, named) in received.answers(|flows, answers| view.input_batch_by(flows, answers)) {
        let Some(question) = v6(&questions[at], true) else { continue };
        rows[at] = match receive6::refused(config, question.iif, question.src, question.dst) {
            Some(_) => Some(Row::bare(Verdict::Dropped)),
            None => row6(config, question, view.answer(code), named, None),
        };
    }
}

fn row6(
    config: &Config,
    question: &Resolved<Ipv6Addr>,
    answer: &fingerpost_engine::fast::Answer6,
    named: Named<Ipv6Addr>,
    source: Option<Ipv6Addr>,
) -> Option<Row> {
    let decision = match answer {
        Answer::Ask => return None,
        Answer::Failed(_) if question.iif != 0 => return Some(bare(Verdict::Dropped, named)),
        Answer::Failed(_) => return Some(bare(Verdict::Refused, named)),
        Answer::Decided { decision, .. } => decision,
    };
    Some(Row {
        device: Some(decision.dev),
        gateway: decision.gateway.map(IpAddr::V6),
        source: source.filter(|source| !source.is_unspecified()).map(IpAddr::V6),
        table: named.table,
        ..bare(verdict6(config, question, decision), named)
    })
}
