//! An explanation for people: the answer first, then how it came about.
//!
//! One line a rule or table, the deciding step marked, the kernel's function
//! names at the right edge.

use std::fmt::Write;

use super::both::Both;
use super::report::{
    Alternative, Explanation, Key, LookupReport, Outcome, RuleReport, RuleVerdict, TableReport, Verdict,
};

/// How to render.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns.
    pub width: usize,
    /// Whether to colour (ANSI escapes).
    pub colour: bool,
}

/// Width of the first column.
pub(crate) const LABEL: usize = 13;

/// Renders an explanation.
pub fn render(explanation: &Explanation, style: Style) -> String {
    let mut page = Page::new(style);
    let outcome = &explanation.outcome;
    page.answer(outcome);
    page.legs(outcome);
    for alternative in &explanation.otherwise {
        page.answer_or(alternative);
    }
    for lookup in &explanation.lookups {
        page.line("");
        page.lookup(lookup);
    }
    page.line("");
    page.decision(explanation);
    page.labelled("unknown", &explanation.unknown);
    for switch in &explanation.unverified {
        let release = &explanation.release;
        page.line(&format!(
            "{:<LABEL$}{switch}: not compared with a kernel of release {release}",
            "unverified"
        ));
    }
    page.labelled("not seen", &explanation.not_seen);
    page.text
}

/// Renders a comparison of two destinations: the answer, the rules, both journeys.
pub fn render_both(both: &Both, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&page.paint(Paint::Good, &both.text));
    page.line("");
    page.with_function("order of destinations  RFC 6724, section 6, as glibc has it", "rfc3484_sort");
    let width = both.rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in &both.rules {
        let mark = if rule.decides { "  ◀ decides" } else { "" };
        let line = format!("  rule {}  {:<width$}  {}{mark}", rule.rule, rule.name, rule.text);
        page.painted(rule.decides.then_some(Paint::Strong), &line, "");
    }
    page.labelled("unknown", &both.unknown);
    for destination in &both.destinations {
        page.line("");
        page.text.push_str(&render(&destination.explanation, style));
    }
    page.text
}

pub(crate) enum Paint {
    Good,
    Bad,
    Faint,
    Strong,
}

/// A text in the making.
pub(crate) struct Page {
    pub text: String,
    /// By how much lines are set in.
    pub indent: usize,
    style: Style,
}

impl Page {
    pub fn new(style: Style) -> Page {
        Page { text: String::new(), indent: 0, style }
    }

    /// Sentences, each behind the same label.
    pub fn labelled(&mut self, label: &str, sentences: &[String]) {
        for sentence in sentences {
            self.line(&format!("{label:<LABEL$}{sentence}"));
        }
    }

    /// The answer in one line.
    pub fn answer(&mut self, outcome: &Outcome) {
        let good = matches!(
            outcome.verdict,
            Verdict::Sent
                | Verdict::Delivered
                | Verdict::Forwarded
                | Verdict::Queued
                | Verdict::Connected
                | Verdict::Found
        );
        self.line(&self.paint(if good { Paint::Good } else { Paint::Bad }, &outcome.text));
    }

    /// Another answer that is possible.
    pub fn answer_or(&mut self, alternative: &Alternative) {
        let Alternative { when, outcome } = alternative;
        self.line(&self.paint(Paint::Bad, &format!("or, {when}: {}", outcome.text)));
        self.legs(outcome);
    }

    /// The legs that are possible, with their shares.
    fn legs(&mut self, outcome: &Outcome) {
        for leg in &outcome.legs {
            let via = leg.gateway.as_ref().map_or(String::new(), |gateway| format!(" to {gateway}"));
            let from = leg.source.as_ref().map_or(String::new(), |source| format!(", from {source}"));
            self.line(&format!("  {:>5.1} %  by {}{via}{from}", leg.share * 100.0, leg.dev));
        }
    }

    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.style.colour {
            return text.to_string();
        }
        let code = match paint {
            Paint::Good => "1;32",
            Paint::Bad => "1;31",
            Paint::Faint => "2",
            Paint::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    pub fn line(&mut self, text: &str) {
        let indent = if text.is_empty() { 0 } else { self.indent };
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// A line with a function's name at the right edge, when there is room.
    pub fn with_function(&mut self, text: &str, function: &str) {
        self.painted(None, text, function);
    }

    fn painted(&mut self, paint: Option<Paint>, text: &str, function: &str) {
        let used = self.indent + text.chars().count() + function.len();
        let room = self.style.width.saturating_sub(used);
        let text = paint.map_or(text.to_string(), |paint| self.paint(paint, text));
        let line = if function.is_empty() || room < 2 {
            text
        } else {
            format!("{text}{}{}", " ".repeat(room), self.paint(Paint::Faint, function))
        };
        self.line(&line);
    }

    pub fn lookup(&mut self, lookup: &LookupReport) {
        let head = format!("{} lookup", lookup.purpose);
        let text = format!("{head}  {}", key_text(&lookup.key));
        self.with_function(&text, lookup.function);
        let in_vrf = lookup.steps.iter().any(|step| step.function == "vrf_link_scope_lookup");
        if !lookup.rules_evaluated && lookup.purpose != "own address" && !in_vrf {
            self.line(match lookup.tables.first().is_some_and(|table| table.function.starts_with("fib6")) {
                true => "  no rule was ever added: local, then main are searched directly",
                false => {
                    "  no rule was ever changed: main, merged with local, and default are searched directly"
                }
            });
        }
        let widths = Widths::of(&lookup.rules);
        for (n, rule) in lookup.rules.iter().enumerate() {
            self.rule(rule, lookup, lookup.deciding_rule == Some(n), &widths);
        }
        if lookup.rules.is_empty() {
            for table in &lookup.tables {
                self.table(table);
            }
        }
        for step in &lookup.steps {
            self.with_function(&format!("{:<LABEL$}{}", step.about, step.text), step.function);
        }
    }

    /// A lookup in one line: what was looked up, what decided, what was found.
    pub fn brief_lookup(&mut self, lookup: &LookupReport) {
        let rule = lookup.deciding_rule.filter(|_| lookup.rules_evaluated);
        let by = rule.map_or(String::new(), |at| format!("rule {}: ", lookup.rules[at].pref));
        let result = lookup.result.as_deref().unwrap_or("nothing");
        let (purpose, key) = (lookup.purpose, key_text(&lookup.key));
        self.with_function(&format!("{purpose} lookup  {key}: {by}{result}"), lookup.function);
    }

    fn rule(&mut self, rule: &RuleReport, lookup: &LookupReport, decides: bool, widths: &Widths) {
        let mut line =
            format!("  rule {:<p$}  {:<r$}  ", rule.pref, rule.rule, p = widths.pref, r = widths.rule);
        let column = line.chars().count();
        let table = rule.table.map(|at| &lookup.tables[at]);
        let verdict = verdict_text(rule, table);
        line.push_str(&verdict);
        if rule.verdict == RuleVerdict::NotReached {
            let faint = self.paint(Paint::Faint, &line);
            self.line(&faint);
            return;
        }
        let mark = if decides { "  ◀ decides" } else { "" };
        let strong = || decides.then_some(Paint::Strong);
        let function = table.map_or("", |table| table.function);
        match rule.detail.as_deref().filter(|_| has_second_line(rule.verdict)) {
            Some(detail) => {
                self.with_function(&line, function);
                self.painted(strong(), &format!("{:column$}{detail}{mark}", ""), "");
            }
            None => self.painted(strong(), &format!("{line}{mark}"), function),
        }
        if let Some(table) = table {
            self.passed_over(table, column);
        }
    }

    fn table(&mut self, table: &TableReport) {
        let found = table.route.as_ref().map_or("no match".to_string(), |route| route.text.clone());
        self.with_function(&format!("  table {:<8}  {found}", table.name), table.function);
        self.passed_over(table, 18);
    }

    fn passed_over(&mut self, table: &TableReport, column: usize) {
        for passed in &table.passed_over {
            self.line(&format!("{:column$}passed over {}: {}", "", passed.route, passed.reason));
        }
        if let Some(shorter) = &table.shorter {
            let text = format!("{:column$}before the shorter {shorter}: length goes before metric", "");
            let faint = self.paint(Paint::Faint, &text);
            self.line(&faint);
        }
    }

    fn decision(&mut self, explanation: &Explanation) {
        let outcome = &explanation.outcome;
        let mut parts: Vec<String> = Vec::new();
        parts.extend(outcome.kind.clone());
        parts.extend(outcome.dev.clone());
        parts.extend(outcome.gateway.as_ref().map(|gateway| format!("gateway {gateway}")));
        parts.extend(outcome.mtu.map(|mtu| format!("MTU {mtu}")));
        parts.extend(outcome.input.map(|name| format!("input {name}")));
        parts.extend(outcome.output.map(|name| format!("output {name}")));
        if outcome.redirect {
            parts.push("the sender gets an ICMP redirect".into());
        }
        parts.extend(outcome.errno_name.map(|name| format!("errno {name}")));
        parts.extend(outcome.drop_reason.map(|name| format!("drop reason {name}")));
        parts.extend(outcome.counters.iter().map(|name| format!("counter {name}")));
        if outcome.verdict == Verdict::Dropped {
            parts.push(match outcome.icmp {
                Some(icmp) => format!("the sender gets ICMP {icmp}"),
                None => "the sender hears nothing".into(),
            });
        }
        if outcome.matches.is_some() || matches!(outcome.verdict, Verdict::Found | Verdict::Missing) {
            let told = if outcome.verdict == Verdict::Found { "found" } else { "missing" };
            parts.insert(0, told.into());
            parts.extend(outcome.matches.map(|matches| {
                if matches { "the rule matches".into() } else { "the rule does not match".into() }
            }));
        }
        let text = format!("{:<LABEL$}{}", "decision", parts.join(", "));
        self.line(&text);
    }
}

fn has_second_line(verdict: RuleVerdict) -> bool {
    matches!(verdict, RuleVerdict::Found | RuleVerdict::Suppressed | RuleVerdict::Error)
}

/// Column widths of a rule list.
struct Widths {
    pref: usize,
    rule: usize,
}

impl Widths {
    fn of(rules: &[RuleReport]) -> Widths {
        let pref = rules.iter().map(|rule| rule.pref.to_string().len()).max().unwrap_or(1);
        let rule = rules.iter().map(|rule| rule.rule.chars().count()).max().unwrap_or(1).min(60);
        Widths { pref, rule }
    }
}

fn verdict_text(rule: &RuleReport, table: Option<&TableReport>) -> String {
    let route = table
        .and_then(|table| table.route.as_ref())
        .map_or("no match".to_string(), |route| route.text.clone());
    match rule.verdict {
        RuleVerdict::Skipped => match (rule.selector, &rule.rule_value, &rule.flow_value) {
            (Some("not"), _, _) => "does not match: all selectors fit, and it is negated".into(),
            (Some(selector), Some(wants), Some(has)) => {
                format!("does not match: {selector} is {has}, not {wants}")
            }
            _ => "does not match".into(),
        },
        RuleVerdict::NoTable => "no match: the table does not exist".into(),
        RuleVerdict::NoMatch => match table.and_then(|table| table.route.as_ref()) {
            Some(route) => format!("{}: on to the next rule", route.text),
            None => "no match".into(),
        },
        RuleVerdict::Suppressed | RuleVerdict::Found => route,
        RuleVerdict::Error if table.is_some() => route,
        RuleVerdict::Error => "matches".into(),
        RuleVerdict::Goto | RuleVerdict::Unresolved => rule.detail.clone().unwrap_or_default(),
        RuleVerdict::Nop => "does nothing".into(),
        RuleVerdict::NotReached => match &rule.detail {
            Some(detail) => format!("not reached ({detail})"),
            None => "not reached".into(),
        },
    }
}

fn key_text(key: &Key) -> String {
    let mut text = format!("to {}", key.to);
    let mut add = |word: &str, value: &Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, ", {word} {value}");
        }
    };
    add("from", &key.from);
    add("iif", &key.iif);
    add("oif", &key.oif);
    add("vrf", &key.vrf);
    let _ = write!(text, ", mark {:#x}", key.mark);
    if key.tos != 0 {
        let _ = write!(text, ", tos {:#x}", key.tos);
    }
    if key.uid != 0 && key.uid != u32::MAX {
        let _ = write!(text, ", uid {}", key.uid);
    }
    match key.ipproto {
        0 => {}
        1 => text.push_str(", icmp"),
        6 => text.push_str(", tcp"),
        17 => text.push_str(", udp"),
        58 => text.push_str(", icmpv6"),
        other => {
            let _ = write!(text, ", protocol {other}");
        }
    }
    if key.sport != 0 {
        let _ = write!(text, ", sport {}", key.sport);
    }
    match (key.ipproto, key.dport.to_be_bytes()) {
        (_, [0, 0]) => {}
        // Type and code stand where a port would (`flowi_uli`).
        (1 | 58, [kind, code]) => {
            let _ = write!(text, " {kind}/{code}");
        }
        _ => {
            let _ = write!(text, ", dport {}", key.dport);
        }
    }
    if key.flowlabel != 0 {
        let _ = write!(text, ", flowlabel {:#x}", key.flowlabel);
    }
    text
}
