//! One configuration, checked inside its namespace.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fingerpost_net::Family;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::questions::{can_be_asked, plain};
use super::selectors::{self, Verdict};
use super::trace::Tracepoint;
use super::{QUESTIONS, TRACED};
use crate::generate::{self, Shape};
use crate::normalise::normalise;
use crate::oracle::kernel_side;
use crate::process::run;
use crate::script::{Answer, Purpose, kind_of};

const DEADLINE: Duration = Duration::from_secs(300);
/// An answer that differs is asked for again: neighbours and timers move on a live host.
const ATTEMPTS: usize = 3;
/// The user who owns nothing.
const NOBODY: &str = "65534";

/// The listings that are held against the real `ip`'s.
const LISTINGS: [&str; 9] = [
    "route show table all",
    "rule",
    "-6 rule",
    "addr",
    "link",
    "nexthop",
    "neigh",
    "addrlabel",
    "-6 netconf",
];
const FORMS: [&str; 3] = ["", "-j ", "-d "];

/// What was found out about configurations.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Findings {
    pub configurations: u64,
    pub asked: u64,
    pub cannot_ask: u64,
    pub unverified: u64,
    pub traced: u64,
    pub other_tables: u64,
    pub selectors: u64,
    pub unconvinced: u64,
    pub listings: u64,
    pub other_listings: u64,
    pub elsewhere: u64,
    pub otherwise: u64,
    pub complaints: Vec<String>,
}

impl Findings {
    /// Adds those of another configuration, but for its complaints.
    pub fn add(&mut self, other: Findings) {
        self.configurations += other.configurations;
        self.asked += other.asked;
        self.cannot_ask += other.cannot_ask;
        self.unverified += other.unverified;
        self.traced += other.traced;
        self.other_tables += other.other_tables;
        self.selectors += other.selectors;
        self.unconvinced += other.unconvinced;
        self.listings += other.listings;
        self.other_listings += other.other_listings;
        self.elsewhere += other.elsewhere;
        self.otherwise += other.otherwise;
    }

    fn complain(&mut self, text: String) {
        if self.complaints.len() < 20 {
            self.complaints.push(text);
        }
    }
}

/// Makes configuration `index` in this namespace and checks it. No figures at
/// all for one that cannot be made here (several namespaces, both families).
///
/// # Errors
///
/// A program cannot be run, or the tracepoint not be used.
pub fn check(seed: u64, index: u64, shape: Shape, fingerpost: &Path, dir: &Path) -> io::Result<Findings> {
    let mut findings = Findings::default();
    let lines = generate::scenario(seed, index, Shape { questions: QUESTIONS * 2, ..shape });
    let is_plain = shape.family == Family::V6 || lines.iter().any(|line| line.contains("disable_ipv6=1"));
    if !is_plain || lines.iter().any(|line| line.contains("netns")) {
        return Ok(findings);
    }
    let changes: String = lines
        .iter()
        .filter(|line| kind_of(line).purpose == Purpose::Change)
        .flat_map(|line| [line.as_str(), "\n"])
        .collect();
    kernel_side(None, changes.as_bytes(), &mut io::sink())?;
    let devices = devices()?;
    let mut asked: Vec<Vec<String>> = lines
        .iter()
        .filter(|line| kind_of(line).purpose == Purpose::Question)
        .filter_map(|line| plain(line, &devices))
        .collect();
    asked.truncate(QUESTIONS);
    if asked.len() < QUESTIONS {
        return Ok(findings);
    }
    findings.configurations = 1;
    let space = Space { fingerpost, devices };
    space.verify(&asked, &mut findings)?;
    space.trace(&asked, &mut findings)?;
    space.selectors(&asked, &mut findings)?;
    let snapshot = dir.join(format!("{index}.fp"));
    space.listings(&snapshot, &mut findings)?;
    space.elsewhere(&asked, &snapshot, &mut findings)?;
    Ok(findings)
}

struct Space<'a> {
    fingerpost: &'a Path,
    devices: Vec<String>,
}

impl Space<'_> {
    fn ask(&self, options: &[&str], questions: &[Vec<String>]) -> io::Result<Vec<Value>> {
        let mut command = Command::new(self.fingerpost);
        command.arg("explain").args(options).arg("-");
        answers(&mut command, questions)
    }

    fn verify(&self, questions: &[Vec<String>], findings: &mut Findings) -> io::Result<()> {
        let mut open = questions.to_vec();
        findings.asked += open.len() as u64;
        for attempt in 1..=ATTEMPTS {
            let mut differing = Vec::new();
            for (question, answer) in open.iter().zip(self.ask(&["--verify"], &open)?) {
                match &answer["verified"] {
                    Value::String(word) if word == "agrees" => {}
                    Value::Object(other) if other.contains_key("cannot_ask") => findings.cannot_ask += 1,
                    verified if attempt == ATTEMPTS => {
                        findings.unverified += 1;
                        let ours = &answer["outcome"];
                        findings.complain(format!("{}: {verified}, here {ours}", question.join(" ")));
                    }
                    _ => differing.push(question.clone()),
                }
            }
            open = differing;
        }
        Ok(())
    }

    /// The tables named, against those that the kernel searched for the real `ip route get`.
    fn trace(&self, questions: &[Vec<String>], findings: &mut Findings) -> io::Result<()> {
        let tracepoint = Tracepoint::open()?;
        let candidates: Vec<Vec<String>> =
            questions.iter().filter(|words| can_be_asked(words)).cloned().collect();
        // A packet of IPv6 that is dropped before any lookup is looked up by `ip` all the same.
        let named = self.ask(&[], &candidates)?;
        // And one that is received has a source, if only `::`, which `ip` does not say.
        let sourceless = |answer: &Value| {
            let asked = &answer["asked"];
            !asked["iif"].is_null() && (asked["from"].is_null() || asked["from"] == "::")
        };
        let comparable =
            |answer: &Value| !is_six(answer) || !tables(answer).is_empty() && !sourceless(answer);
        let looked_up = candidates.into_iter().zip(named).filter(|(_, answer)| comparable(answer));
        let mut open: Vec<Vec<String>> = looked_up.map(|(words, _)| words).take(TRACED).collect();
        findings.traced += open.len() as u64;
        for attempt in 1..=ATTEMPTS {
            let named: Vec<Vec<u32>> = self.ask(&[], &open)?.iter().map(tables).collect();
            tracepoint.take()?;
            let mut pids = Vec::new();
            for words in &open {
                let mut ip = Command::new("ip");
                ip.args(["route", "get"])
                    .args(words)
                    .args(owner(words))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                let mut child = ip.spawn()?;
                pids.push(child.id());
                child.wait()?;
            }
            let mut searched = tracepoint.take()?;
            let mut differing = Vec::new();
            for ((words, pid), named) in open.iter().zip(pids).zip(named) {
                let searched = searched.remove(&pid).unwrap_or_default();
                if searched == named {
                    continue;
                }
                differing.push(words.clone());
                if attempt == ATTEMPTS {
                    findings.other_tables += 1;
                    findings.complain(format!("{}: named {named:?}, searched {searched:?}", words.join(" ")));
                }
            }
            open = differing;
        }
        Ok(())
    }

    fn selectors(&self, questions: &[Vec<String>], findings: &mut Findings) -> io::Result<()> {
        let mut trials = Vec::new();
        for (words, answer) in questions.iter().zip(self.ask(&[], questions)?) {
            trials.extend(selectors::changed(words, &answer, &self.devices));
        }
        let asked: Vec<Vec<String>> = trials.iter().map(|trial| trial.words.clone()).collect();
        for (trial, answer) in trials.iter().zip(self.ask(&[], &asked)?) {
            match selectors::judge(trial, &answer) {
                Verdict::NotReached => {}
                Verdict::Matched => findings.selectors += 1,
                Verdict::Skipped => {
                    findings.selectors += 1;
                    findings.unconvinced += 1;
                    findings.complain(format!("still left out: {}", trial.trial));
                }
            }
        }
        Ok(())
    }

    fn capture(&self, snapshot: &Path) -> io::Result<()> {
        let captured =
            run(Command::new(self.fingerpost).arg("capture").arg("-o").arg(snapshot), "", DEADLINE)?;
        match captured.status {
            0 => Ok(()),
            _ => Err(io::Error::other(format!("capture: {}", captured.stderr))),
        }
    }

    /// The listings of the live namespace, and those of a capture of it.
    fn listings(&self, snapshot: &Path, findings: &mut Findings) -> io::Result<()> {
        let file = snapshot.to_string_lossy().into_owned();
        let sources: [&[&str]; 2] = [&["ip"], &["--snapshot", &file, "ip"]];
        for source in sources {
            for listing in LISTINGS {
                for form in FORMS {
                    let line = format!("ip {form}{listing}");
                    findings.listings += 1;
                    let mut last = None;
                    for _ in 0..ATTEMPTS {
                        if source.len() > 1 {
                            self.capture(snapshot)?;
                        }
                        let real = listed(Path::new("ip"), &[], &line)?;
                        let ours = listed(self.fingerpost, source, &line)?;
                        last = (real != ours).then_some((real, ours));
                        if last.is_none() {
                            break;
                        }
                    }
                    if let Some((real, ours)) = last {
                        findings.other_listings += 1;
                        let told = source.join(" ");
                        findings.complain(format!("{told}: {line}: {}", first_difference(&real, &ours)));
                    }
                }
            }
        }
        Ok(())
    }

    /// A capture, asked by an ordinary user in an empty namespace with nothing on PATH.
    fn elsewhere(
        &self,
        questions: &[Vec<String>],
        snapshot: &Path,
        findings: &mut Findings,
    ) -> io::Result<()> {
        findings.elsewhere += questions.len() as u64;
        let mut same = Vec::new();
        for _ in 0..ATTEMPTS {
            self.capture(snapshot)?;
            let here = self.ask(&[], questions)?;
            let mut command = Command::new("unshare");
            command.args(["--net", "setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
            command.args(["env", "-i", "PATH=/nonexistent"]).arg(self.fingerpost);
            command.arg("--snapshot").arg(snapshot).args(["explain", "-"]);
            let there = answers(&mut command, questions)?;
            same = here.iter().zip(&there).map(|(a, b)| differing_part(a, b)).collect();
            if same.iter().all(Option::is_none) {
                break;
            }
        }
        let _ = std::fs::remove_file(snapshot);
        for (words, difference) in questions.iter().zip(same) {
            if let Some(difference) = difference {
                findings.otherwise += 1;
                findings.complain(format!("{} from the capture: {difference}", words.join(" ")));
            }
        }
        Ok(())
    }
}

/// The first part of two explanations that differs. What could not be read is
/// a matter of the place, not of the answer.
fn differing_part(here: &Value, there: &Value) -> Option<String> {
    let parts = ["question", "lookups", "outcome", "unknown", "otherwise"];
    parts
        .iter()
        .find(|&&part| here[part] != there[part])
        .map(|&part| format!("{part}: here {}, there {}", here[part], there[part]))
}

/// Questions to a program that takes one JSON value a line, and its answers.
fn answers(command: &mut Command, questions: &[Vec<String>]) -> io::Result<Vec<Value>> {
    let lines: Vec<String> =
        questions.iter().map(|words| Value::String(words.join(" ")).to_string()).collect();
    let done = run(command, &(lines.join("\n") + "\n"), DEADLINE)?;
    let answers: Vec<Value> =
        done.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(io::Error::other)?;
    match answers.len() == questions.len() {
        true => Ok(answers),
        false => Err(io::Error::other(format!(
            "{} of {} questions answered, status {}: {}",
            answers.len(),
            questions.len(),
            done.status,
            done.stderr.trim()
        ))),
    }
}

/// Whose packet `ip` is to ask about: a received one is nobody's to it, unless
/// told, and root's as it comes in.
fn owner(words: &[String]) -> &'static [&'static str] {
    let has = |what: &str| words.iter().any(|word| word == what);
    let is_six = words.iter().any(|word| word.contains(':'));
    if is_six && has("iif") && !has("uid") { &["uid", "0"] } else { &[] }
}

/// Whether a question is one of IPv6.
fn is_six(explanation: &Value) -> bool {
    explanation["asked"]["to"].as_str().is_some_and(|to| to.contains(':'))
}

/// The tables that an explanation names, in the order of the searches. Whether
/// the source is an own address is asked before anything else is looked up.
fn tables(explanation: &Value) -> Vec<u32> {
    let mut lookups = explanation["lookups"].as_array().map_or(&[][..], Vec::as_slice);
    // Of IPv6 `ip` asks for one lookup alone; a socket looks again once the source is chosen.
    if is_six(explanation) {
        lookups = lookups.get(..1).unwrap_or_default();
    }
    let (first, rest): (Vec<&Value>, Vec<&Value>) =
        lookups.iter().partition(|lookup| lookup["purpose"] == "own address");
    first
        .into_iter()
        .chain(rest)
        .flat_map(|lookup| lookup["tables"].as_array().map_or(&[][..], Vec::as_slice))
        .filter_map(|table| table["id"].as_u64().and_then(|id| u32::try_from(id).ok()))
        .collect()
}

fn listed(program: &Path, before: &[&str], line: &str) -> io::Result<Answer> {
    let words = line.split_whitespace().skip(1);
    let mut command = Command::new(program);
    command.args(before).args(words).env("LC_ALL", "C").env("NO_COLOR", "1");
    let done = run(&mut command, "", DEADLINE)?;
    let mut answer = Answer { status: done.status, errno: None, stdout: done.stdout, stderr: done.stderr };
    normalise(line, &mut answer);
    answer.stdout = without_timers(&answer.stdout);
    Ok(answer)
}

/// Hides the running timers of bridges: `gc_timer  290.72`.
fn without_timers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_timer ") {
        let (before, after) = rest.split_at(at + "_timer ".len());
        kept.push_str(before);
        rest = after.trim_start_matches(|c: char| c == ' ' || c == '.' || c.is_ascii_digit());
    }
    kept + rest
}

fn first_difference(real: &Answer, ours: &Answer) -> String {
    if real.status != ours.status || real.stderr != ours.stderr {
        return format!("status {} {:?}, here {} {:?}", real.status, real.stderr, ours.status, ours.stderr);
    }
    let split =
        |text: &str| -> Vec<String> { text.replace("},{", "},\n{").lines().map(str::to_owned).collect() };
    let (real, ours) = (split(&real.stdout), split(&ours.stdout));
    let longest = real.len().max(ours.len());
    let at = (0..longest).find(|&at| real.get(at) != ours.get(at)).unwrap_or(0);
    let part = |lines: &[String]| lines.get(at).cloned().unwrap_or_else(|| "(nothing)".into());
    format!("line {}: {}\n    here: {}", at + 1, part(&real), part(&ours))
}

/// The names of this namespace's devices.
fn devices() -> io::Result<Vec<String>> {
    let text = std::fs::read_to_string("/proc/self/net/dev")?;
    let names = text.lines().skip(2).filter_map(|line| line.split_once(':'));
    Ok(names.map(|(name, _)| name.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn own_addresses_are_looked_up_first() {
        let explanation = json!({"lookups": [
            {"purpose": "output", "tables": [{"id": 254}, {"id": 253}]},
            {"purpose": "own address", "tables": [{"id": 255}]}]});
        assert_eq!(tables(&explanation), [255, 254, 253]);
        let six = json!({"asked": {"to": "2001:db8::1"}, "lookups": [
            {"purpose": "output", "tables": [{"id": 255}, {"id": 254}]},
            {"purpose": "output", "tables": [{"id": 255}, {"id": 254}]}]});
        assert_eq!(tables(&six), [255, 254]);
    }

    #[test]
    fn timers_are_hidden() {
        assert_eq!(without_timers("a_timer    0.00 gc_timer  290.72 fwd 1"), "a_timer gc_timer fwd 1");
    }

    #[test]
    fn a_difference_is_shown_by_its_line() {
        let answer = |stdout: &str| Answer { stdout: stdout.into(), ..Answer::default() };
        assert_eq!(first_difference(&answer("a\nb\n"), &answer("a\nc\n")), "line 2: b\n    here: c");
    }
}
