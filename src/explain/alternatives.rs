//! Two hosts with equal dumps can answer differently: where capture could not
//! find out what no dump shows, both answers are given.

use std::mem;

use fingerpost_engine::Namespace;
use fingerpost_engine::control::table;
use fingerpost_engine::lookup::rules6;
use fingerpost_model::snapshot::Netns;

use super::build::{Asked, explain};
use super::question::Question;
use super::report::{Alternative, Explanation};
use crate::rules6::are_unclear;

/// Default routes of one table that are tried as the last choice, at most.
pub const MAX_DEFAULTS: u32 = 16;

/// Decisions that are tried as the one cached with a nexthop object, at most.
const MAX_CACHED: usize = 16;

/// Adds the answers under the other value of each fact that is not known, if
/// they differ.
pub fn add_alternatives(
    asked: Asked<'_>,
    netns: &Netns,
    question: &Question,
    explanation: &mut Explanation,
) -> Result<(), String> {
    if question.to.contains(':') {
        without_rules(asked, netns, question, explanation)?;
        return cached_with_objects(asked, question, explanation);
    }
    for (when, ns) in &other_facts(asked.ns, netns) {
        explanation.or(when, explain(Asked { ns, ..asked }, question)?);
    }
    last_choices(asked, question, explanation)
}

/// The namespace under the other value of each fact that was not found out and shows in IPv4.
fn other_facts(space: &Namespace, netns: &Netns) -> Vec<(&'static str, Namespace)> {
    let mut tries: Vec<(&str, Namespace)> = Vec::new();
    let mut consider = |unknown: bool, when: &'static str, change: &dyn Fn(&mut Namespace)| {
        if unknown {
            let mut other = space.clone();
            change(&mut other);
            tries.push((when, other));
        }
    };
    consider(
        netns.custom_rules.is_none() && !space.config.fib.has_custom_rules,
        "if a rule was ever added or deleted",
        &|ns| table::unmerge(&mut ns.config.fib),
    );
    consider(netns.custom_local_routes.is_none(), "if a local route was ever added by hand", &|ns| {
        ns.config.fib.has_custom_local_routes = true;
    });
    consider(netns.realm_users.is_none(), "if a route or rule with realms is in use", &|ns| {
        ns.config.fib.realm_users = ns.config.fib.realm_users.max(1);
    });
    tries
}

/// The namespaces that one can be, as far as a packet may fare otherwise in them, each with
/// what is assumed.
pub(crate) fn alternative_hosts(space: &Namespace, netns: &Netns) -> Vec<(String, Namespace)> {
    let facts = other_facts(space, netns).into_iter().chain(no_rules(space, netns));
    let mut others: Vec<(String, Namespace)> = facts.map(|(when, ns)| (when.to_string(), ns)).collect();
    for choice in 0..last_choices_of(space) {
        let mut other = space.clone();
        other.state.cache.assumed_choice = Some(choice);
        others.push((last_choice(choice), other));
    }
    others
}

/// Where rules of IPv6 that the kernel made are missing and no other one is there,
/// it may be that none was ever added: then tables local and main are searched in
/// turn, whatever the rules are (F-086).
fn without_rules(
    asked: Asked<'_>,
    netns: &Netns,
    question: &Question,
    explanation: &mut Explanation,
) -> Result<(), String> {
    if let Some((when, ns)) = no_rules(asked.ns, netns) {
        explanation.or(when, explain(Asked { ns: &ns, ..asked }, question)?);
    }
    Ok(())
}

/// The namespace without rules, if it may be that none of IPv6 was ever added.
fn no_rules(space: &Namespace, netns: &Netns) -> Option<(&'static str, Namespace)> {
    if netns.custom_rules6.is_some() || !are_unclear(&space.config) {
        return None;
    }
    let mut ns = space.clone();
    ns.config.fib6.has_custom_rules = false;
    Some(("if no IPv6 rule was ever added", ns))
}

/// Routes of IPv6 by one nexthop object share the decision that is cached with it,
/// on each CPU that of the first packet since the routes last changed (F-014).
fn cached_with_objects(
    asked: Asked<'_>,
    question: &Question,
    explanation: &mut Explanation,
) -> Result<(), String> {
    for object in mem::take(&mut explanation.objects) {
        let mut decisions = rules6::cacheable(&asked.ns.config, &asked.ns.state, object, MAX_CACHED + 1);
        if decisions.len() > MAX_CACHED {
            decisions.truncate(MAX_CACHED);
            explanation.unknown.push(format!(
                "which decision is cached with nexthop object {object}: {MAX_CACHED} of those possible were tried"
            ));
        }
        for cached in decisions {
            let other = explain(Asked { assumed_cached: Some((object, cached)), ..asked }, question)?;
            let dst = cached.route.dst;
            explanation.or(&format!("if nexthop object {object} was used for {dst} before"), other);
        }
    }
    Ok(())
}

/// Among equal default routes whose gateways' neighbours are not known to answer,
/// Linux goes on from the one that it chose last, which no dump shows.
fn last_choices(asked: Asked<'_>, question: &Question, explanation: &mut Explanation) -> Result<(), String> {
    for choice in 0..last_choices_of(asked.ns) {
        let other = explain(Asked { assumed_choice: Some(choice), ..asked }, question)?;
        explanation.or(&last_choice(choice), other);
    }
    Ok(())
}

/// How many choices are tried.
fn last_choices_of(space: &Namespace) -> i32 {
    let tables = &space.config.fib.tables;
    let most = tables.iter().map(|table| table.defaults).max().unwrap_or(0).min(MAX_DEFAULTS);
    if most > 1 { most as i32 } else { 0 }
}

fn last_choice(choice: i32) -> String {
    format!("if of equal default routes number {} was chosen last", choice + 1)
}

impl Explanation {
    /// Adds another answer that is possible, unless it is known.
    fn or(&mut self, when: &str, other: Explanation) {
        let is_new = other.outcome != self.outcome
            && self.otherwise.iter().all(|known| known.outcome != other.outcome);
        if is_new {
            self.otherwise.push(Alternative { when: when.to_string(), outcome: other.outcome });
        }
        self.route_get.extend(other.route_get);
    }
}
