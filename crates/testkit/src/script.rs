//! What passes between the sides: a script, and an answer to each line.

use serde::{Deserialize, Serialize};

use crate::words;

/// How one command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The exit status, as a shell shows it.
    pub status: i32,
    /// The errno behind a refusal, where the side says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// Everything written to standard output.
    pub stdout: String,
    /// Everything written to standard error.
    pub stderr: String,
}

/// One object of `fingerpost run --json`, and of the kernel's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAnswer {
    /// The line of the script, from 1.
    pub line: usize,
    /// The command as the side understood it; not compared.
    #[serde(default)]
    pub command: String,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// What another program answered to the same line at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Answer>,
}

/// A recorded scenario: the script and the kernel's answers, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The seed it was generated from.
    pub seed: u64,
    /// Its index under that seed.
    pub scenario: u64,
    /// The release of the kernel that answered, as `uname -r` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The lines.
    pub lines: Vec<String>,
    /// As many answers as lines.
    pub answers: Vec<Answer>,
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Asks for one routing decision: `ip route get`.
    Question,
    /// Shows state and changes none.
    Dump,
    /// Means to change something.
    Change,
}

/// A command's kind, for counting and grouping: `ip route get`, `sysctl`, `cat fib_trie`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandKind {
    /// The name printed.
    pub name: String,
    /// What the line is for.
    pub purpose: Purpose,
}

const OBJECTS: [(&str, &str); 11] = [
    ("address", "a"),
    ("addrlabel", "addrl"),
    ("route", "r"),
    ("rule", "ru"),
    ("link", "l"),
    ("neighbour", "n"),
    ("neighbor", "n"),
    ("nexthop", "nex"),
    ("tuntap", "tu"),
    ("netns", "netn"),
    ("vrf", "v"),
];

/// The kind of a line. Never fails: what cannot be split is a `?` change.
pub fn kind_of(line: &str) -> CommandKind {
    kind_of_words(&words::split(line).unwrap_or_default())
}

fn kind_of_words(words: &[String]) -> CommandKind {
    let kind = |name: &str, purpose| CommandKind { name: name.to_owned(), purpose };
    match words.first().map(String::as_str) {
        Some("ip") => ip_kind(&words[1..]),
        Some("sysctl") if words.iter().any(|word| word.contains('=')) => kind("sysctl -w", Purpose::Change),
        Some("sysctl") => kind("sysctl", Purpose::Dump),
        Some("cat") => {
            let file = words.get(1).and_then(|path| path.rsplit('/').next()).unwrap_or("");
            kind(&format!("cat {file}"), Purpose::Dump)
        }
        _ => kind("?", Purpose::Change),
    }
}

fn ip_kind(words: &[String]) -> CommandKind {
    let mut options = String::new();
    let mut rest = words.iter().map(String::as_str);
    if let [netns, exec, _, command @ ..] = words
        && (netns.as_str(), exec.as_str()) == ("netns", "exec")
        && !command.is_empty()
    {
        return kind_of_words(command);
    }
    let object = loop {
        match rest.next() {
            Some("-n" | "-netns" | "-f" | "-family") => {
                rest.next();
            }
            Some("-j" | "-json") => options.push_str(" -j"),
            Some("-d" | "-details") => options.push_str(" -d"),
            Some("-br" | "-brief") => options.push_str(" -br"),
            Some(option) if option.starts_with('-') => {}
            Some(object) => break object,
            None => break "",
        }
    };
    let object = OBJECTS
        .iter()
        .find(|(full, short)| !object.is_empty() && (full.starts_with(object) || object == *short))
        .map_or(object, |(full, _)| full);
    let mut verb = rest.next().unwrap_or("show");
    if verb == "bucket" {
        verb = "bucket show";
    }
    let purpose = match (object, verb) {
        ("route", verb) if !verb.is_empty() && "get".starts_with(verb) => Purpose::Question,
        ("link", "s") => Purpose::Change,
        (_, "bucket show" | "show" | "list" | "ls" | "sh" | "s" | "l" | "get" | "lst") => Purpose::Dump,
        _ => Purpose::Change,
    };
    let verb = if purpose == Purpose::Question { "get" } else { verb };
    CommandKind { name: format!("ip{options} {object} {verb}"), purpose }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let name = |line| kind_of(line).name;
        assert_eq!(name("ip -4 -j route get 1.1.1.1"), "ip -j route get");
        assert_eq!(kind_of("ip r g 1.1.1.1").purpose, Purpose::Question);
        assert_eq!(name("ip ru"), "ip rule show");
        assert_eq!(name("ip netns exec blue ip -j addr"), "ip -j address show");
        assert_eq!(name("ip -n blue link set e0 up"), "ip link set");
        assert_eq!(kind_of("ip netns add blue").purpose, Purpose::Change);
        assert_eq!(kind_of("ip l s e0 up").purpose, Purpose::Change);
        assert_eq!(name("ip addr add 1.1.1.1/8 dev e0"), "ip address add");
        assert_eq!(kind_of("ip -4 a").purpose, Purpose::Dump);
        assert_eq!(name("sysctl -w net.ipv4.ip_forward=1"), "sysctl -w");
        assert_eq!(name("cat /proc/net/fib_trie"), "cat fib_trie");
        assert_eq!(kind_of("'").name, "?");
    }

    #[test]
    fn a_line_answer_reads_what_run_json_prints() {
        let text = r#"{"line":12,"command":"ip x","status":2,"errno":101,"stdout":"","stderr":"e\n"}"#;
        let read: LineAnswer = serde_json::from_str(text).expect("parses");
        assert_eq!((read.line, read.answer.status, read.answer.errno), (12, 2, Some(101)));
        let without: LineAnswer =
            serde_json::from_str(r#"{"line":1,"command":"ip","status":0,"stdout":"","stderr":""}"#)
                .expect("parses");
        assert_eq!(without.answer.errno, None);
    }
}
