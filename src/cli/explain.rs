//! `explain`: one question, or a stream of them.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anyhow::{Context, bail};
use fingerpost_engine::lookup::hash::Asker;
use serde::Serialize;

use super::{OK, UNKNOWN, USAGE, VIOLATED};
use crate::examples;
use crate::explain::{self, Expectation, Explanation, Expression, Question, text};
use crate::source::{Source, SourceArgs};
use crate::verify::{self, Judgement};

/// Longest line of a stream of questions, in bytes.
const MAX_LINE: usize = 1 << 20;

/// What is asked about the answer.
pub(super) struct Options {
    pub json: bool,
    pub expect: Option<String>,
    pub against: Option<String>,
    pub verify: bool,
    pub fib: Option<String>,
    pub both: bool,
}

pub(super) fn run(args: &SourceArgs, words: &[String], options: &Options) -> anyhow::Result<u8> {
    let stream = words == ["-"];
    if stream && args.reads_stdin() {
        bail!("standard input can be read only once");
    }
    let mut source = args.load()?;
    let expect = |text| Expectation::parse(text, &source.names);
    let expectation = options.expect.as_deref().map(expect).transpose().map_err(anyhow::Error::msg)?;
    let other = options.against.as_deref().map(SourceArgs::named).transpose()?;
    let of_example = options.fib.as_deref().or(match (words, &args.example) {
        ([], Some(name)) => examples::Example::find(name).and_then(|example| example.fib()),
        _ => None,
    });
    let fib = of_example.map(Expression::parse).transpose().map_err(anyhow::Error::msg)?;
    let also = Also { other: other.as_ref(), verify: options.verify, fib: fib.as_ref() };
    if options.verify && (source.live.is_none() || !args.apply.is_empty()) {
        bail!("--verify asks the running kernel: it needs the live host as source, without --apply");
    }
    if stream {
        if options.both {
            bail!("--both takes one question, with two addresses");
        }
        return explain_stream(&mut source, also, expectation.as_ref());
    }
    if options.both {
        return explain_both(&source, words, options.json);
    }
    let own: Vec<String>;
    let words = match (words, &args.example) {
        ([], Some(name)) => {
            let example = examples::Example::find(name).context("no such example")?;
            own = example.question().split_whitespace().map(String::from).collect();
            &own
        }
        _ => words,
    };
    let question = Question::parse(words, &source.names).map_err(anyhow::Error::msg)?;
    let answered = answer_all(&mut source, also, &question).map_err(anyhow::Error::msg)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if options.json {
        serde_json::to_writer(&mut out, &answered)?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(text::render(&answered.explanation, style()).as_bytes())?;
        print_extras(&answered, &mut out)?;
    }
    out.flush()?;
    Ok(answered.status(expectation.as_ref(), ""))
}

/// What else is asked about each question.
#[derive(Clone, Copy)]
struct Also<'a> {
    other: Option<&'a Source>,
    verify: bool,
    fib: Option<&'a Expression>,
}

/// Two destinations: the first words are their addresses, the others belong to both.
fn explain_both(source: &Source, words: &[String], json: bool) -> anyhow::Result<u8> {
    let [first, second, rest @ ..] = words else {
        bail!("--both compares two addresses, as in: explain --both 192.0.2.1 2001:db8::1");
    };
    let question = |addr: &String| {
        let words: Vec<String> = std::iter::once(addr).chain(rest).cloned().collect();
        Question::parse(&words, &source.names)
    };
    let (first, second) =
        question(first).and_then(|a| Ok((a, question(second)?))).map_err(anyhow::Error::msg)?;
    let asked = source.asked(Asker::Socket).map_err(anyhow::Error::msg)?;
    let mut both = explain::both(asked, [&first, &second]).map_err(anyhow::Error::msg)?;
    let configured = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let conf = std::fs::read_to_string("/etc/gai.conf").unwrap_or_default();
    if source.live.is_some() && conf.lines().any(configured) {
        both.unknown.push("/etc/gai.conf changes the tables; its lines are not accounted for".into());
    }
    for destination in &mut both.destinations {
        destination.explanation.not_seen = source.not_seen.clone();
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        serde_json::to_writer(&mut out, &both)?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(text::render_both(&both, style()).as_bytes())?;
    }
    out.flush()?;
    Ok(if both.unknown.is_empty() { OK } else { UNKNOWN })
}

/// One question's answer with what else was asked about it.
#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    explanation: Explanation,
    /// What the running kernel says.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Judgement>,
    /// The first step at which the other source differs: here and there; null when none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_difference: Option<Option<(String, String)>>,
}

impl Answered {
    /// The exit status; a violated expectation is said on standard error.
    fn status(&self, expectation: Option<&Expectation>, place: &str) -> u8 {
        if let Some(violation) = expectation.and_then(|e| e.violated_by(&self.explanation)) {
            complain!("fingerpost: {place}{violation}");
            return VIOLATED;
        }
        if matches!(self.verified, Some(Judgement::Differs { .. })) {
            return VIOLATED;
        }
        let known = self.explanation.unknown.is_empty() && self.explanation.otherwise.is_empty();
        if known { OK } else { UNKNOWN }
    }
}

fn answer_all(source: &mut Source, also: Also<'_>, question: &Question) -> Result<Answered, String> {
    let explanation = answer(source, question, also)?;
    let first_difference = match also.other {
        Some(other) => {
            let there = answer(other, question, Also { verify: false, ..also })?;
            Some(explain::first_difference(&explanation, &there))
        }
        None => None,
    };
    let verified = match &mut source.live {
        Some(_) if also.verify && also.fib.is_some() => {
            Some(Judgement::CannotAsk("only rules of a firewall are told what fib gives"))
        }
        Some(live) if also.verify => {
            let config = &source.world.ns(source.ns).map_err(|refusal| refusal.to_string())?.config;
            let resolved = question.resolve(config, source.world.uid)?;
            Some(verify::verify(live, config, &resolved, &explanation))
        }
        _ => None,
    };
    Ok(Answered { explanation, verified, first_difference })
}

fn print_extras(answered: &Answered, out: &mut dyn Write) -> io::Result<()> {
    match &answered.verified {
        None => {}
        Some(Judgement::Agrees) => writeln!(out, "verified     the running kernel gives the same answer")?,
        Some(Judgement::Differs { ours, kernel }) => {
            writeln!(out, "verified     NO: the running kernel says \"{kernel}\", fingerpost \"{ours}\"")?;
        }
        Some(Judgement::CannotAsk(why)) => writeln!(out, "verified     cannot ask: {why}")?,
    }
    match &answered.first_difference {
        None => {}
        Some(None) => writeln!(out, "\nboth answer the same way, step by step")?,
        Some(Some((here, there))) => {
            writeln!(out, "\nthe first difference:\n  here   {here}\n  there  {there}")?;
        }
    }
    Ok(())
}

/// A line that is no question, as it is answered in a stream.
#[derive(Serialize)]
struct Unanswered {
    schema: u32,
    /// The line's number, from 1.
    line: usize,
    /// What is wrong with it.
    error: String,
}

/// Questions from standard input, one a line; an object a line goes out.
fn explain_stream(
    source: &mut Source,
    also: Also<'_>,
    expectation: Option<&Expectation>,
) -> anyhow::Result<u8> {
    let mut input = io::BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut status = OK;
    let mut bytes = Vec::new();
    for line in 1.. {
        if input.buffer().is_empty() {
            // Who asks one question after the other waits for the answer.
            out.flush()?;
        }
        bytes.clear();
        let read = (&mut input).take(MAX_LINE as u64).read_until(b'\n', &mut bytes);
        let read = read.with_context(|| format!("standard input, line {line}"))?;
        if read == 0 {
            break;
        }
        let answer = question_of(&bytes, source).and_then(|question| match question {
            Some(question) => answer_all(source, also, &question).map(Some),
            None => Ok(None),
        });
        let now = match answer {
            Ok(None) => continue,
            Ok(Some(answered)) => {
                serde_json::to_writer(&mut out, &answered)?;
                answered.status(expectation, &format!("standard input, line {line}: "))
            }
            Err(error) => {
                serde_json::to_writer(&mut out, &Unanswered { schema: explain::SCHEMA, line, error })?;
                USAGE
            }
        };
        out.write_all(b"\n")?;
        // Bad input outweighs a violation, and that what is unknown.
        let weight = |status: u8| [OK, UNKNOWN, VIOLATED, USAGE].iter().position(|&s| s == status);
        status = if weight(now) > weight(status) { now } else { status };
        if bytes.len() == MAX_LINE {
            break;
        }
    }
    out.flush()?;
    Ok(status)
}

/// The question on a line; `None` for a blank one.
fn question_of(line: &[u8], source: &Source) -> Result<Option<Question>, String> {
    if line.len() == MAX_LINE {
        return Err(format!("the line is longer than {} MiB; what follows is not read", MAX_LINE >> 20));
    }
    let line = explain::text_of(line)?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    Question::from_json(line.trim_end(), &source.names).map(Some)
}

/// Answers a question; where something hidden could not be found out and the
/// answer turns on it, the other answer is given too.
fn answer(source: &Source, question: &Question, also: Also<'_>) -> Result<Explanation, String> {
    let asked = source.asked(if also.verify { Asker::Packet } else { Asker::Socket })?;
    let mut explanation = match also.fib {
        Some(expression) => explain::ask_firewall(asked, question, expression)?,
        None => explain::explain(asked, question)?,
    };
    explanation.not_seen = source.not_seen.clone();
    if let (Some(netns), None) = (&source.netns, also.fib) {
        explain::add_alternatives(asked, netns, question, &mut explanation)?;
    }
    Ok(explanation)
}

pub(super) fn style() -> text::Style {
    let terminal = io::stdout().is_terminal();
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = width.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)));
    text::Style {
        width: width.unwrap_or(110),
        colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
