//! Packets made here.

use std::net::Ipv4Addr;

use fingerpost_fib as fib;
use fingerpost_model::{RuleAction, TableId};
use fingerpost_net::Errno;

use super::compose::{ASK, Answers, compose};
use super::{Answer, Code};
use crate::config::{Config, LOOPBACK, Rule};
use crate::lookup::rules::failing;
use crate::lookup::{Flow4, is_limited_broadcast};
use crate::namespace::Env;

/// Addresses that are looked up at once.
const BATCH: usize = 256;

/// Compiled decisions about packets made here, with their source and their device
/// still open. They stand for one [`Config`], until it changes.
pub struct Output4 {
    steps: Vec<Step>,
    answers: Vec<Answer>,
    /// The code where no step finds anything.
    nothing: Code,
}

/// What the rules do, in order: rules next to each other that all packets meet are one step.
struct Step {
    /// The rule, by position, that a packet has to meet; `None` for all packets.
    rule: Option<usize>,
    then: Then,
}

enum Then {
    /// These tables are searched, as one.
    Search(Box<fib::Table<Ipv4Addr>>),
    /// The lookup ends.
    End(Code),
}

impl Output4 {
    /// Compiles a configuration.
    pub fn new(config: &Config, env: Env<'_>) -> Self {
        let mut answers = Answers::new();
        let nothing = answers.refused(Errno::ENETUNREACH);
        let steps = match config.fib.has_custom_rules {
            false => {
                let tables = [TableId::MAIN, TableId::DEFAULT];
                vec![Step { rule: None, then: search(config, env, &tables, &mut answers) }]
            }
            true => of_rules(config, env, &mut answers),
        };
        Output4 { steps, answers: answers.into_list(), nothing }
    }

    /// The answer that a code stands for.
    pub fn answer(&self, code: Code) -> &Answer {
        self.answers.get(code as usize).unwrap_or(&Answer::Ask)
    }

    /// What becomes of a flow, of which destination, mark, type of service, user,
    /// protocol and ports count; one with a source or a device is asked about.
    pub fn decide(&self, config: &Config, flow: &Flow4) -> Code {
        if !is_ordinary(flow.dst) || !flow.src.is_unspecified() || flow.oif != 0 {
            return ASK;
        }
        if flow.iif != LOOPBACK || flow.l3mdev != 0 {
            return ASK;
        }
        for step in &self.steps {
            if let Some(index) = step.rule {
                let Some(rule) = config.rules.list.get(index) else { return ASK };
                let meets = failing(rule, flow, |dev| is_l3_master(config, dev)).is_empty() != rule.invert;
                if !meets {
                    continue;
                }
            }
            match &step.then {
                Then::End(code) => return *code,
                Then::Search(table) => {
                    if let Some(code) = table.lookup(flow.dst) {
                        return code;
                    }
                }
            }
        }
        self.nothing
    }

    /// [`Output4::decide`] for flows that have nothing but a destination; `false`
    /// where the rules ask for more.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn decide_batch(&self, dsts: &[Ipv4Addr], codes: &mut [Code]) -> bool {
        assert_eq!(dsts.len(), codes.len(), "one code for each destination");
        let [Step { rule: None, then: Then::Search(table) }] = &self.steps[..] else { return false };
        for (dsts, codes) in dsts.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            table.lookup_batch(dsts, codes);
            for (&dst, code) in dsts.iter().zip(codes) {
                if *code == fib::NONE {
                    *code = self.nothing;
                }
                if !is_ordinary(dst) {
                    *code = ASK;
                }
            }
        }
        true
    }

    /// How many answers there are, the one to ask included.
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Bytes that lookups may touch.
    pub fn lookup_bytes(&self) -> usize {
        let of_step = |step: &Step| match &step.then {
            Then::Search(table) => table.lookup_bytes(),
            Then::End(_) => 0,
        };
        self.steps.iter().map(of_step).sum()
    }
}

/// Whether a destination is routed by the tables alone.
pub(super) fn is_ordinary(dst: Ipv4Addr) -> bool {
    !dst.is_unspecified() && !dst.is_multicast() && !is_limited_broadcast(dst)
}

fn is_l3_master(config: &Config, dev: u32) -> bool {
    config.links.get(dev).is_some_and(|link| link.vrf_table().is_some())
}

fn of_rules(config: &Config, env: Env<'_>, answers: &mut Answers) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut tables: Vec<TableId> = Vec::new();
    for (index, rule) in config.rules.list.iter().enumerate() {
        let for_all = is_for_all(rule);
        if for_all && leads_to_table(rule) {
            tables.push(rule.table);
            continue;
        }
        if !tables.is_empty() {
            let then = search(config, env, &std::mem::take(&mut tables), answers);
            steps.push(Step { rule: None, then });
        }
        let then = match rule.action {
            _ if leads_to_table(rule) => search(config, env, &[rule.table], answers),
            RuleAction::UNREACHABLE => Then::End(answers.refused(Errno::ENETUNREACH)),
            RuleAction::PROHIBIT => Then::End(answers.refused(Errno::EACCES)),
            RuleAction::NOP => continue,
            RuleAction::TO_TABLE | RuleAction::GOTO => Then::End(ASK),
            _ => Then::End(answers.refused(Errno::EINVAL)),
        };
        steps.push(Step { rule: (!for_all).then_some(index), then });
    }
    if !tables.is_empty() {
        steps.push(Step { rule: None, then: search(config, env, &tables, answers) });
    }
    steps
}

fn search(config: &Config, env: Env<'_>, tables: &[TableId], answers: &mut Answers) -> Then {
    Then::Search(Box::new(compose(config, env, tables, answers)))
}

/// Whether a rule searches one table and keeps what it finds.
fn leads_to_table(rule: &Rule<Ipv4Addr>) -> bool {
    rule.action == RuleAction::TO_TABLE
        && !rule.l3mdev
        && rule.realms == 0
        && rule.suppress_prefixlen < 0
        && rule.suppress_ifgroup == -1
}

/// Whether every flow meets a rule: it differs from one without selectors only in what it does.
fn is_for_all(rule: &Rule<Ipv4Addr>) -> bool {
    let Rule { action, goto, goto_resolved, permanent, protocol, .. } = *rule;
    let Rule { suppress_prefixlen, suppress_ifgroup, realms, .. } = *rule;
    let open = Rule::lookup(rule.priority, rule.table);
    let does = Rule { action, goto, goto_resolved, permanent, protocol, ..open };
    *rule == Rule { suppress_prefixlen, suppress_ifgroup, realms, ..does }
}
