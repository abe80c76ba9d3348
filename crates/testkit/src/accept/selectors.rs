//! Are the reasons for which rules are left out true ones? Where a rule is said
//! to fail on one selector alone, the question is changed so that it is met:
//! the rule must then match.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

/// A changed question, and the rule that must match it.
pub struct Changed {
    /// The question's words.
    pub words: Vec<String>,
    /// The rule's position.
    rule: usize,
    /// The purpose of the lookup it is part of.
    purpose: String,
    /// What is being tried, for complaints.
    pub trial: String,
}

/// What a changed question showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rule matched.
    Matched,
    /// It is still left out.
    Skipped,
    /// It was not come to.
    NotReached,
}

/// All changed questions that an explanation gives rise to.
pub fn changed(words: &[String], explanation: &Value, devices: &[String]) -> Vec<Changed> {
    let lookup = &explanation["lookups"][0];
    let purpose = lookup["purpose"].as_str().unwrap_or("");
    let Some(rules) = lookup["rules"].as_array() else { return Vec::new() };
    let mut all = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let failing = rule["failing"].as_array().map_or(0, Vec::len);
        let (Some("skipped"), 1) = (rule["verdict"].as_str(), failing) else { continue };
        let (Some(selector), Some(wanted)) = (rule["selector"].as_str(), rule["rule_value"].as_str()) else {
            continue;
        };
        let Some(words) = satisfying(words, selector, wanted, devices) else { continue };
        let purpose = if words.iter().any(|word| word == "iif") { "input" } else { purpose };
        let trial = format!("{}: rule {} ({})", words.join(" "), rule["pref"], rule["rule"]);
        all.push(Changed { words, rule: at, purpose: purpose.to_owned(), trial });
    }
    all
}

/// The question with one selector met; `None` where no question can meet it.
fn satisfying(words: &[String], selector: &str, wanted: &str, devices: &[String]) -> Option<Vec<String>> {
    let first = wanted.split(['-', '/']).next().unwrap_or(wanted);
    let known = |name: &str| devices.iter().any(|device| device == name);
    let is_input = words.iter().any(|word| word == "iif");
    let inside = |prefix: &str| -> Option<String> {
        let (addr, len) = match prefix.split_once('/') {
            Some((addr, len)) => (addr, len.parse().ok()?),
            None => (prefix, u8::MAX),
        };
        Some(match addr.parse().ok()? {
            IpAddr::V4(addr) => Ipv4Addr::from_bits(addr.to_bits() | u32::from(len < 31)).to_string(),
            IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() | u128::from(len < 127)).to_string(),
        })
    };
    // Other packets have no ports.
    let protocol = words.iter().position(|word| word == "ipproto").and_then(|at| words.get(at + 1));
    let has_ports = protocol.is_none_or(|name| ["tcp", "udp", "6", "17"].contains(&name.as_str()));
    let mut words = words.to_vec();
    let mut set = |key: &str, value: &str| match words.iter().position(|word| word == key) {
        Some(at) => words[at + 1] = value.to_owned(),
        None => words.extend([key.to_owned(), value.to_owned()]),
    };
    match selector {
        "fwmark" => set("mark", first),
        "uidrange" if !is_input => set("uid", first),
        "sport" | "dport" if has_ports && !wanted.contains('/') => set(selector, first),
        "ipproto" => set("ipproto", first),
        "tos" if wanted.starts_with("0x") => {
            let key = if words.iter().any(|word| word == "dsfield") { "dsfield" } else { "tos" };
            return Some(with(words, key, wanted));
        }
        "from" if is_input => set("from", &inside(wanted)?),
        "to" => words[0] = inside(wanted)?,
        "oif" if !is_input && known(wanted) => {
            let key = if words.iter().any(|word| word == "dev") { "dev" } else { "oif" };
            return Some(with(words, key, wanted));
        }
        "iif" if is_input && known(wanted) => set("iif", wanted),
        _ => return None,
    }
    Some(words)
}

fn with(mut words: Vec<String>, key: &str, value: &str) -> Vec<String> {
    match words.iter().position(|word| word == key) {
        Some(at) => words[at + 1] = value.to_owned(),
        None => words.extend([key.to_owned(), value.to_owned()]),
    }
    words
}

/// What became of the rule under the changed question.
pub fn judge(changed: &Changed, explanation: &Value) -> Verdict {
    let lookup = &explanation["lookups"][0];
    if lookup["purpose"].as_str() != Some(&changed.purpose) {
        return Verdict::NotReached;
    }
    match lookup["rules"][changed.rule]["verdict"].as_str() {
        None | Some("not_reached") => Verdict::NotReached,
        Some("skipped") => Verdict::Skipped,
        Some(_) => Verdict::Matched,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn one_failing_selector_is_met() {
        let rule = |selector: &str, value: &str| {
            json!({"lookups": [{"purpose": "output", "rules": [
                {"pref": 5, "verdict": "skipped", "selector": selector, "rule_value": value, "failing": [selector]}]}]})
        };
        let one = |selector: &str, value: &str, question: &str| {
            let all = changed(&words(question), &rule(selector, value), &["e0".into()]);
            all.first().map(|changed| changed.words.join(" "))
        };
        assert_eq!(one("fwmark", "0x10/0xff", "1.1.1.1").as_deref(), Some("1.1.1.1 mark 0x10"));
        assert_eq!(one("fwmark", "0x10", "1.1.1.1 mark 2 uid 3").as_deref(), Some("1.1.1.1 mark 0x10 uid 3"));
        assert_eq!(one("to", "10.0.0.0/8", "1.1.1.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(one("oif", "e0", "1.1.1.1 dev e1").as_deref(), Some("1.1.1.1 dev e0"));
        assert_eq!(one("oif", "gone", "1.1.1.1"), None);
        assert_eq!(one("sport", "22", "1.1.1.1 ipproto icmp"), None);
    }

    #[test]
    fn only_a_rule_left_out_again_speaks_against_the_reason() {
        let changed =
            Changed { words: words("1.1.1.1"), rule: 0, purpose: "output".into(), trial: String::new() };
        let with =
            |verdict: &str| json!({"lookups": [{"purpose": "output", "rules": [{"verdict": verdict}]}]});
        assert_eq!(judge(&changed, &with("found")), Verdict::Matched);
        assert_eq!(judge(&changed, &with("skipped")), Verdict::Skipped);
        assert_eq!(judge(&changed, &with("not_reached")), Verdict::NotReached);
    }
}
