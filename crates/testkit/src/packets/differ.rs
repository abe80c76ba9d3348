//! Where two sides differ over a case.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::packets::case::{Case, Seen, Step};
use crate::packets::decode;
use crate::packets::masks::{Arrived, Links, masked, shown};

/// A step of a case at which the sides differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step, from 0.
    pub step: usize,
    /// What differs, without names and addresses: equal for differences of one kind.
    pub kind: String,
    /// What befell the judged side at an earlier step: the difference may follow from that.
    pub after: Option<String>,
    /// Both sides, for people.
    pub text: String,
}

/// The steps that differ, in order.
pub fn differences(case: &Case, kernel: &[Seen], ours: &[Seen]) -> Vec<Difference> {
    let links = Links::of(&case.script);
    let mut arrived = Arrived::default();
    // A side that went astray may be in another state than the kernel.
    let mut after: Option<String> = None;
    let mut found = Vec::new();
    for (at, step) in case.steps.iter().enumerate() {
        arrived.note(step, &links);
        let (Some(kernel), Some(ours)) = (kernel.get(at), ours.get(at)) else { break };
        if kernel.refused {
            continue;
        }
        if let Some(name) = &ours.unknown {
            after = Some(format!("what is not modelled: {name}"));
            continue;
        }
        let mut both = (masked(step, kernel, &arrived, &links), masked(step, ours, &arrived, &links));
        if kernel.deaf || ours.deaf {
            for side in [&mut both.0, &mut both.1] {
                side.reasons.clear();
                side.deaf = false;
            }
        }
        if both.0 != both.1 {
            let kind = kind(step, &both.0, &both.1, &links);
            let text = text(step, &both.0, &both.1, &links);
            found.push(Difference { step: at, kind, after: after.clone(), text });
            after = Some("another difference".to_owned());
        }
    }
    found
}

fn kind(step: &Step, kernel: &Seen, ours: &Seen, links: &Links) -> String {
    let mut parts = vec![match step {
        Step::Inject { dev, frame, .. } => {
            let kind = decode::kind(&frame.0, links.has_header(dev));
            kind.split(' ').next().unwrap_or_default().to_owned()
        }
        Step::Call { call, .. } => call.name().to_owned(),
        Step::Wait { .. } => "wait".to_owned(),
        Step::Change { .. } => "change".to_owned(),
        Step::Ask { command } => command.clone(),
    }];
    if kernel.returned != ours.returned {
        let first = |seen: &Seen| {
            let word = seen.returned.as_ref().and_then(|answer| answer.text.split_whitespace().next());
            match word {
                Some(word) if word.bytes().all(|byte| byte.is_ascii_digit()) => "a length".to_owned(),
                Some(word) => word.to_owned(),
                None => "nothing".to_owned(),
            }
        };
        parts.push(format!("answers {}, not {}", first(kernel), first(ours)));
    }
    if kernel.emitted != ours.emitted {
        let list = |seen: &Seen| {
            let kinds = seen.emitted.iter().map(|(dev, frame)| decode::kind(&frame.0, links.has_header(dev)));
            format!("[{}]", kinds.collect::<Vec<_>>().join(", "))
        };
        let (kernel, ours) = (list(kernel), list(ours));
        parts.push(if kernel == ours {
            format!("other bytes in {ours}")
        } else {
            format!("emits {kernel}, not {ours}")
        });
    }
    if kernel.reasons != ours.reasons {
        parts.push(format!("drops {:?}, not {:?}", kernel.reasons, ours.reasons));
    }
    if kernel.answer != ours.answer {
        parts.push("answers otherwise".to_owned());
    }
    if kernel.counters != ours.counters {
        parts.push(format!("counts {}", signs(kernel, ours)));
    }
    parts.join("; ")
}

/// Counters of which the kernel counts more or less: `+IpInReceives`. Those of bytes only if
/// there are no others.
fn signs(kernel: &Seen, ours: &Seen) -> String {
    let all = differing(kernel, ours);
    let is_minor = |name: &str| name.ends_with("Octets") || name.contains("ECT") || name.ends_with("CEPkts");
    let any = all.iter().any(|(name, ..)| !is_minor(name));
    let shown = all.iter().filter(|(name, ..)| !any || !is_minor(name));
    let texts = shown.map(|(name, kernel, ours)| format!("{}{name}", if kernel > ours { '+' } else { '-' }));
    texts.collect::<Vec<_>>().join(" ")
}

/// Counters that differ: `IpInReceives 1, not 0`.
fn counts(kernel: &Seen, ours: &Seen) -> String {
    let texts = differing(kernel, ours).into_iter();
    texts.map(|(name, kernel, ours)| format!("{name} {kernel}, not {ours}")).collect::<Vec<_>>().join(", ")
}

fn differing<'a>(kernel: &'a Seen, ours: &'a Seen) -> Vec<(&'a String, u64, u64)> {
    let names: BTreeSet<&String> = kernel.counters.keys().chain(ours.counters.keys()).collect();
    let of = |seen: &Seen, name: &String| seen.counters.get(name).copied().unwrap_or(0);
    let both = names.into_iter().map(|name| (name, of(kernel, name), of(ours, name)));
    both.filter(|(_, kernel, ours)| kernel != ours).collect()
}

/// A step and what both sides did, for people.
fn text(step: &Step, kernel: &Seen, ours: &Seen, links: &Links) -> String {
    let mut text = step_text(step, links);
    side(&mut text, "kernel", kernel, Some(ours), links);
    side(&mut text, "fingerpost", ours, Some(kernel), links);
    if kernel.counters != ours.counters {
        let _ = writeln!(text, "  counters that differ: {}", counts(kernel, ours));
    }
    text
}

/// A step and what the kernel did, for people.
pub fn one_side(step: &Step, kernel: &Seen, links: &Links) -> String {
    let mut text = step_text(step, links);
    side(&mut text, "kernel", kernel, None, links);
    text
}

/// What a side did; frames that the other has not sent are marked.
fn side(text: &mut String, name: &str, seen: &Seen, other: Option<&Seen>, links: &Links) {
    let _ = writeln!(text, "  {name}:");
    if seen.emitted.is_empty() {
        text.push_str("    emits nothing\n");
    }
    for emitted in &seen.emitted {
        let mark = if other.is_none_or(|other| other.emitted.contains(emitted)) { ' ' } else { '*' };
        let _ = writeln!(text, "   {mark}{}", shown(&emitted.0, &emitted.1, links));
    }
    for line in &seen.answer {
        let mark = if other.is_none_or(|other| other.answer.contains(line)) { ' ' } else { '*' };
        let _ = writeln!(text, "   {mark}{line}");
    }
    if let Some(answer) = &seen.returned {
        let _ = writeln!(text, "    answers {answer}");
    }
    let _ = writeln!(text, "    drops {:?}", seen.reasons);
    let all: Vec<String> = seen.counters.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let _ = writeln!(text, "    counts {}", all.join(", "));
}

/// A step, for people.
pub fn step_text(step: &Step, links: &Links) -> String {
    match step {
        Step::Inject { dev, frame, .. } => format!("  into {}\n", shown(dev, frame, links)),
        Step::Ask { command } => format!("  ip {command}\n"),
        Step::Call { socket, call } => format!("  socket {socket}: {call}\n"),
        Step::Wait { ms } => format!("  {ms} ms pass\n"),
        Step::Change { line } => format!("  {line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::case::Bytes;

    const ERROR: &str = "4500001c12340000400166590a0000010a0000020800f7fd00000000";

    fn emitting(id: u8) -> Seen {
        let mut packet = Bytes::parse(&ERROR.replace(' ', "")).expect("hexadecimal").0;
        packet[5] = id;
        Seen { emitted: vec![("u0".into(), Bytes(packet))], ..Seen::default() }
    }

    #[test]
    fn only_ids_of_its_own_may_differ() {
        let script = vec!["ip tuntap add u0 mode tun".to_owned()];
        let case = |steps| Case { seed: 0, index: 0, script: script.clone(), steps };
        let waiting = case(vec![Step::Wait { ms: 1 }]);
        assert_eq!(differences(&waiting, &[emitting(1)], &[emitting(2)]), []);
        let frame = emitting(1).emitted[0].1.clone();
        let forwarding = case(vec![Step::Inject { dev: "u0".into(), frame, ms: 0 }]);
        let found = differences(&forwarding, &[emitting(1)], &[emitting(2)]);
        let found = found.first().expect("another id");
        assert_eq!((found.step, found.kind.as_str()), (0, "icmp; other bytes in [icmp 8/0]"));
        assert_eq!(differences(&forwarding, &[emitting(1)], &[emitting(1)]), []);
    }

    #[test]
    fn what_is_counted_is_compared() {
        let case = Case { seed: 0, index: 0, script: Vec::new(), steps: vec![Step::Wait { ms: 1 }] };
        let counted = Seen { counters: [("IpInReceives".to_owned(), 2)].into(), ..Seen::default() };
        let found = differences(&case, &[counted], &[Seen::default()]);
        let found = found.first().expect("a difference");
        assert_eq!(found.kind, "wait; counts +IpInReceives");
    }
}
