//! Expectations: `--expect 'dev wg0'`.

use super::report::{Explanation, Verdict};

/// What an answer should be, in pairs such as `dev wg0` and words such as `dropped`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Dev(String),
    Via(String),
    Source(String),
    Table(u32),
    Kind(String),
    Errno(String),
    Reason(String),
    Verdict(Verdict),
}

/// Words that an expectation knows, for messages.
const KNOWN: &str = "dev D, via G, src A, table N, type T, errno NAME, reason NAME, \
sent, delivered, forwarded, dropped, refused";

impl Expectation {
    /// Reads an expectation.
    pub fn parse(text: &str) -> Result<Expectation, String> {
        let mut words = text.split_whitespace();
        let mut parts = Vec::new();
        while let Some(word) = words.next() {
            let verdict = match word {
                "sent" => Some(Verdict::Sent),
                "delivered" => Some(Verdict::Delivered),
                "forwarded" => Some(Verdict::Forwarded),
                "dropped" => Some(Verdict::Dropped),
                "refused" => Some(Verdict::Refused),
                _ => None,
            };
            if let Some(verdict) = verdict {
                parts.push(Part::Verdict(verdict));
                continue;
            }
            let mut value = || words.next().map(str::to_string).ok_or(format!("'{word}' needs a value"));
            parts.push(match word {
                "dev" => Part::Dev(value()?),
                "via" | "gateway" => Part::Via(value()?),
                "src" | "from" => Part::Source(value()?),
                "table" => {
                    let id = value()?;
                    Part::Table(id.parse().map_err(|_| format!("'table {id}': expected a table's number"))?)
                }
                "type" => Part::Kind(value()?),
                "errno" => Part::Errno(value()?),
                "reason" => Part::Reason(value()?),
                other => return Err(format!("'{other}' is not part of an expectation; it knows {KNOWN}")),
            });
        }
        if parts.is_empty() {
            return Err(format!("an expectation is empty; it knows {KNOWN}"));
        }
        Ok(Expectation { text: text.to_string(), parts })
    }

    /// Compares an answer: `Some` says what is otherwise than expected.
    pub fn violated_by(&self, explanation: &Explanation) -> Option<String> {
        let outcome = &explanation.outcome;
        let holds = |part: &Part| match part {
            Part::Dev(dev) => {
                outcome.dev.as_ref() == Some(dev) || on_every_leg(explanation, |leg| leg == dev)
            }
            Part::Via(gateway) => outcome.gateway.as_ref() == Some(gateway),
            Part::Source(source) => outcome.source.as_ref() == Some(source),
            Part::Table(id) => outcome.table == Some(*id),
            Part::Kind(kind) => outcome.kind.as_ref() == Some(kind),
            Part::Errno(name) => outcome.errno_name == Some(name.as_str()),
            Part::Reason(name) => outcome.drop_reason == Some(name.as_str()),
            Part::Verdict(verdict) => outcome.verdict == *verdict,
        };
        let all = self.parts.iter().all(holds) && explanation.otherwise.is_empty();
        (!all).then(|| format!("expected {}, but {}", self.text, outcome.text))
    }
}

fn on_every_leg(explanation: &Explanation, holds: impl Fn(&String) -> bool) -> bool {
    let legs = &explanation.outcome.legs;
    !legs.is_empty() && legs.iter().all(|leg| holds(&leg.dev))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_refused() {
        assert!(Expectation::parse("dev").unwrap_err().contains("needs a value"));
        assert!(Expectation::parse("colour red").unwrap_err().contains("'colour'"));
        assert!(Expectation::parse("").unwrap_err().contains("empty"));
        assert!(Expectation::parse("sent dev eth0 via 10.0.0.1 table 254").is_ok());
    }
}
