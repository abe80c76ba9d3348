//! The figures of a run, and how differences are printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fingerpost_net::Family;

use crate::compare::Difference;
use crate::script::{Answer, Purpose, kind_of};
use crate::texts;

/// What has been counted so far.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Scenarios run on both sides.
    pub scenarios: u64,
    /// Lines run.
    pub commands: u64,
    /// `ip route get` lines among them.
    pub questions: u64,
    /// Lines that show state.
    pub dumps: u64,
    /// Lines that mean to change something.
    pub changes: u64,
    /// Lines answered differently.
    pub differing: u64,
    /// Scenarios with such a line.
    pub differing_scenarios: u64,
    /// Lines answered differently once, and not when the script ran again: not
    /// counted above.
    pub once: u64,
    kinds: BTreeMap<(String, i32), u64>,
    errors: BTreeMap<String, u64>,
}

impl Figures {
    /// Counts one scenario by the oracle's answers.
    pub fn count(&mut self, lines: &[String], kernel: &[Answer]) {
        self.scenarios += 1;
        for (line, answer) in lines.iter().zip(kernel) {
            self.commands += 1;
            let kind = kind_of(line);
            match kind.purpose {
                Purpose::Question => self.questions += 1,
                Purpose::Dump => self.dumps += 1,
                Purpose::Change => self.changes += 1,
            }
            *self.kinds.entry((kind.name, answer.status)).or_default() += 1;
            if let Some(text) = texts::error_text(&answer.stderr) {
                *self.errors.entry(text).or_default() += 1;
            }
        }
    }

    /// Counts the differences of one scenario.
    pub fn count_differences(&mut self, differences: &[Difference]) {
        self.differing += differences.len() as u64;
        self.differing_scenarios += u64::from(!differences.is_empty());
    }

    /// Adds what another worker counted.
    pub fn add(&mut self, other: &Figures) {
        self.scenarios += other.scenarios;
        self.commands += other.commands;
        self.questions += other.questions;
        self.dumps += other.dumps;
        self.once += other.once;
        self.changes += other.changes;
        self.differing += other.differing;
        self.differing_scenarios += other.differing_scenarios;
        for (key, count) in &other.kinds {
            *self.kinds.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.errors {
            *self.errors.entry(key.clone()).or_default() += count;
        }
    }

    /// All figures of scenarios of a family as text.
    pub fn text(&self, family: Family) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        line(format!("scenarios    {:>9}", self.scenarios));
        line(format!(
            "commands     {:>9}   changes {}, questions {}, dumps {}",
            self.commands, self.changes, self.questions, self.dumps
        ));
        line("\nkind of command, by status:".into());
        for (name, statuses) in self.by_kind() {
            line(format!("  {name:<28} {statuses}"));
        }
        line("\nerror texts:".into());
        let mut errors: Vec<_> = self.errors.iter().collect();
        errors.sort_by_key(|(text, count)| (std::cmp::Reverse(**count), (*text).clone()));
        for (text, count) in errors {
            line(format!("  {count:>8}  {text}"));
        }
        line("\nknown kernel texts never seen:".into());
        for text in self.never_seen(family) {
            line(format!("            {text}"));
        }
        let unreachable = texts::of(family).filter(|known| !known.reachable).count();
        line(format!("  (and {unreachable} that no command of iproute2 6.1 can earn)"));
        out
    }

    /// The reachable texts of [`texts::of`] the family that no command earned.
    pub fn never_seen(&self, family: Family) -> Vec<&'static str> {
        let seen = |text: &str| {
            let (plain, dotted) = (format!("Error: {text}"), format!("Error: {text}."));
            self.errors.contains_key(&plain) || self.errors.contains_key(&dotted)
        };
        texts::of(family)
            .filter(|known| known.reachable && !seen(known.text))
            .map(|known| known.text)
            .collect()
    }

    fn by_kind(&self) -> BTreeMap<&str, String> {
        let mut kinds: BTreeMap<&str, String> = BTreeMap::new();
        for ((name, status), count) in &self.kinds {
            let text = kinds.entry(name.as_str()).or_default();
            let _ = write!(text, "{status}: {count}  ");
        }
        kinds
    }
}

/// Differences of one class, with the shortest script that shows it.
#[derive(Clone, Debug)]
pub struct Group {
    /// See [`Difference::class`].
    pub class: String,
    /// How many lines differ in this way.
    pub count: u64,
    /// How many of them are the first difference of their scenario, and so
    /// no consequence of another.
    pub first: u64,
    /// The scenario that shows it with the fewest lines.
    pub scenario: u64,
    /// The line of that scenario, from 0.
    pub line: usize,
}

/// Gathers differences by class.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    groups: BTreeMap<String, Group>,
}

impl Groups {
    /// Adds one scenario's differences, in order.
    pub fn add(&mut self, scenario: u64, differences: &[Difference]) {
        for (at, difference) in differences.iter().enumerate() {
            self.merge(Group {
                class: difference.class.clone(),
                count: 1,
                first: u64::from(at == 0),
                scenario,
                line: difference.line,
            });
        }
    }

    /// Adds another worker's groups.
    pub fn merge_all(&mut self, other: Groups) {
        other.groups.into_values().for_each(|group| self.merge(group));
    }

    fn merge(&mut self, new: Group) {
        match self.groups.get_mut(&new.class) {
            Some(group) => {
                group.count += new.count;
                // A first difference shows the cause, so it is the better example.
                let better = (new.first > 0, std::cmp::Reverse(new.line));
                if better > (group.first > 0, std::cmp::Reverse(group.line)) {
                    (group.scenario, group.line) = (new.scenario, new.line);
                }
                group.first += new.first;
            }
            None => {
                self.groups.insert(new.class.clone(), new);
            }
        }
    }

    /// The classes, those most often first in their scenario first.
    pub fn sorted(&self) -> Vec<&Group> {
        let mut groups: Vec<_> = self.groups.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.first, group.count)));
        groups
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// One script with both answers to its last line, for people.
pub fn example(lines: &[String], kernel: &Answer, ours: Option<&Answer>) -> String {
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "    {line}");
    }
    let mut side = |name: &str, answer: Option<&Answer>| match answer {
        None => {
            let _ = writeln!(out, "  {name:<7} no answer");
        }
        Some(answer) => {
            let errno = answer.errno.map(|errno| format!(", errno {errno}")).unwrap_or_default();
            let _ = writeln!(out, "  {name:<7} status {}{errno}", answer.status);
            for (mark, text) in [("2>", &answer.stderr), ("1>", &answer.stdout)] {
                text.lines().for_each(|line| {
                    let _ = writeln!(out, "      {mark} {line}");
                });
            }
        }
    };
    side("kernel", Some(kernel));
    side("ours", ours);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_count_purposes_and_texts() {
        let lines = ["ip route get 1.1.1.1", "ip route add 1.0.0.1/8 dev e0", "ip route"].map(str::to_owned);
        let refused = |text: &str| Answer { status: 2, stderr: text.into(), ..Answer::default() };
        let answers = [
            refused("RTNETLINK answers: Network is unreachable\n"),
            refused("Error: Invalid prefix for given prefix length.\n"),
            Answer::default(),
        ];
        let mut figures = Figures::default();
        let before = figures.never_seen(Family::V4).len();
        figures.count(&lines, &answers);
        figures.add(&figures.clone());
        assert_eq!((figures.scenarios, figures.commands), (2, 6));
        assert_eq!((figures.questions, figures.changes, figures.dumps), (2, 2, 2));
        assert_eq!(figures.never_seen(Family::V4).len(), before - 1);
        assert!(
            figures.text(Family::V4).contains("       2  Error: Invalid prefix for given prefix length.")
        );
    }

    #[test]
    fn a_group_is_shown_by_a_first_difference() {
        let difference = |line| Difference {
            line,
            aspect: crate::compare::Aspect::Status,
            class: "c".into(),
            kernel: Answer::default(),
            ours: None,
        };
        let mut groups = Groups::default();
        groups.add(1, &[difference(50), difference(51)]);
        groups.add(2, &[difference(9)]);
        let sorted = groups.sorted();
        assert_eq!((sorted[0].count, sorted[0].first, sorted[0].scenario), (3, 2, 2));
    }
}
