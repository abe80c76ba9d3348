//! A journey for people: the answer first, then what happens, a line a stage.

use super::fate::seconds;
use super::report::{Journey, Side, Step};
use crate::explain::text::{LABEL, Page, Style};

/// Renders a journey.
pub fn render(journey: &Journey, style: Style) -> String {
    let mut page = Page::new(style);
    page.answer(&journey.outcome);
    for alternative in &journey.otherwise {
        page.answer_or(alternative);
    }
    page.line("");
    let packet = &journey.packet;
    let mark = if packet.mark == 0 { String::new() } else { format!(", mark {:#x}", packet.mark) };
    page.line(&format!("{:<LABEL$}{}{mark}", "packet", packet.text));
    if let Some([src, dst]) = &packet.link {
        page.line(&format!("{:<LABEL$}from {src} to {dst}", "frame"));
    }
    steps(&mut page, &journey.steps);
    for moment in &journey.later {
        page.line("");
        page.line(&format!("{:<LABEL$}{} s after the packet came", "time", seconds(moment.after)));
        steps(&mut page, &moment.steps);
    }
    page.line("");
    if !journey.counters.is_empty() {
        counters(&mut page, journey, style.width);
    }
    page.labelled("unknown", &journey.unknown);
    page.labelled("not seen", &journey.not_seen);
    page.text
}

/// The steps of a packet, lookups in full, each kind set apart.
fn steps(page: &mut Page, steps: &[Step]) {
    let mut was_lookup = false;
    for step in steps {
        let is_lookup = matches!(step, Step::Lookup(_));
        if is_lookup || was_lookup {
            page.line("");
        }
        was_lookup = is_lookup;
        match step {
            Step::Lookup(lookup) => page.lookup(lookup),
            step => short(page, step),
        }
    }
}

/// A step in its line, and those of a packet beside below it.
fn short(page: &mut Page, step: &Step) {
    match step {
        Step::Stage(stage) => {
            page.with_function(&format!("{:<LABEL$}{}", stage.name, stage.text), stage.function);
        }
        Step::Lookup(lookup) => page.brief_lookup(lookup),
        Step::Side(side) => beside(page, side),
    }
}

/// Stages of packets beside that tell nothing new.
const USUAL: [&str; 8] = ["local out", "hook", "output", "next", "transmit", "receive", "loop", "deliver"];

/// A packet beside: what it is, and of what happens to it what is not the same for all.
fn beside(page: &mut Page, side: &Side) {
    let by = side.dev.as_ref().map_or(String::new(), |dev| format!(", by {dev}"));
    let label = if side.function == "process_backlog" { "receives" } else { "sends" };
    let is_usual = |step: &&Step| match step {
        Step::Stage(stage) => USUAL.contains(&stage.name) && !stage.text.contains(": "),
        _ => false,
    };
    let fate = match (side.outcome, side.reason) {
        ("sent", _) => String::new(),
        ("queued", _) => " (it waits)".into(),
        (outcome, Some(reason)) => format!(" ({outcome}: {reason})"),
        (outcome, None) => format!(" ({outcome})"),
    };
    page.with_function(&format!("{label:<LABEL$}{}{by}{fate}", side.text), side.function);
    page.indent += 2;
    for step in side.steps.iter().filter(|step| !is_usual(step)) {
        short(page, step);
    }
    page.indent -= 2;
}

/// The counters that moved, in lines of the page's width.
fn counters(page: &mut Page, journey: &Journey, width: usize) {
    let mut line = format!("{:<LABEL$}", "counters");
    for (n, (name, count)) in journey.counters.iter().enumerate() {
        let mut text = format!("{name} {count}");
        if n + 1 < journey.counters.len() {
            text.push(',');
        }
        if line.len() > LABEL && line.len() + text.len() > width {
            page.line(&line);
            line = format!("{:<LABEL$}", "");
        }
        line.push_str(&text);
        line.push(' ');
    }
    page.line(&line);
}
