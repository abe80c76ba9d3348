//! Two explanations of one question: the first step at which they differ.

use super::report::{Explanation, LookupReport};

/// The first step at which two answers part, as a line for each; `None` when
/// they are the same throughout.
pub fn first_difference(a: &Explanation, b: &Explanation) -> Option<(String, String)> {
    let (left, right) = (steps(a), steps(b));
    let longest = left.len().max(right.len());
    (0..longest).find_map(|n| {
        let line = |lines: &[String]| lines.get(n).cloned().unwrap_or_else(|| "nothing further".into());
        let (l, r) = (line(&left), line(&right));
        (l != r).then_some((l, r))
    })
}

/// Everything that happens, a line a step, in order.
fn steps(explanation: &Explanation) -> Vec<String> {
    let mut lines: Vec<String> = explanation.lookups.iter().flat_map(lookup_steps).collect();
    lines.push(format!("outcome: {}", explanation.outcome.text));
    lines
}

fn lookup_steps(lookup: &LookupReport) -> Vec<String> {
    let mut lines = vec![format!("{} lookup to {}", lookup.purpose, lookup.key.to)];
    for rule in &lookup.rules {
        let verdict = serde_json::to_value(rule.verdict).ok();
        let verdict = verdict.as_ref().and_then(|v| v.as_str()).unwrap_or("").replace('_', " ");
        let found = rule.table.and_then(|at| lookup.tables[at].route.as_ref());
        let found = found.map_or(String::new(), |route| format!(": {}", route.text));
        lines.push(format!("rule {} {}: {verdict}{found}", rule.pref, rule.rule));
    }
    if !lookup.rules_evaluated {
        for table in &lookup.tables {
            let found = table.route.as_ref().map_or("no match".to_string(), |route| route.text.clone());
            lines.push(format!("table {}: {found}", table.name));
        }
    }
    lines.extend(lookup.steps.iter().map(|step| format!("{}: {}", step.about, step.text)));
    lines
}
