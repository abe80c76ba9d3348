//! What is read quickly means what `explain` reads.

use fingerpost_engine::lookup::hash::Asker;
use fingerpost_net::Rng;

use super::csv::Columns;
use super::fields::Reader;
use super::ndjson;
use crate::explain::{FIELDS, Question, ResolvedQuestion};
use crate::source::{Source, SourceArgs};

fn source() -> Source {
    let args = SourceArgs { example: Some("tunnelvision".into()), ..SourceArgs::default() };
    args.load().expect("an example")
}

const ADDRS: [&str; 22] = [
    "8.8.8.8",
    "192.168.1.20",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "8.8",
    "010.1.1.1",
    "1.2.3.4.5",
    "8.8.8.256",
    "8.8.8.8/32",
    "0x8.8.8.8",
    "2001:db8::1",
    "::",
    "::ffff:1.2.3.4",
    "fe80::1%eth0",
    "fe80::1%nope",
    "fe80::1",
    "2001:DB8::1",
    "any",
    "default",
    "x",
    "to",
];
const NUMBERS: [&str; 20] = [
    "0",
    "1",
    "010",
    "08",
    "0x10",
    "0X1f",
    "0x",
    "-1",
    "+1",
    " 1",
    "1 ",
    "65535",
    "65536",
    "255",
    "256",
    "1048575",
    "1048576",
    "4294967295",
    "4294967296",
    "1e3",
];
const NAMES: [&str; 16] = [
    "eth0", "wg0", "lo", "if2", "eth0:1", "nope", "tcp", "udp", "ospf", "AF11", "EF", "10", "ff", "b8",
    "0x10", "mark",
];

fn value(random: &mut Rng, key: &str) -> String {
    let list: &[&str] = match key {
        "to" | "from" => &ADDRS,
        "iif" | "oif" | "vrf" | "tos" | "ipproto" => &NAMES,
        _ => &NUMBERS,
    };
    // Sometimes one that belongs elsewhere.
    let list = if random.chance(1, 30) { &NUMBERS[..] } else { list };
    random.pick(list).map_or(String::new(), |text| text.to_string())
}

/// The parts of a question by chance, the destination among them.
fn parts(random: &mut Rng) -> Vec<(&'static str, String)> {
    let mut keys: Vec<&str> = FIELDS.into_iter().filter(|&key| key == "to" || random.chance(1, 5)).collect();
    let last = keys.len() - 1;
    keys.swap(0, random.below(last as u64 + 1) as usize);
    keys.into_iter()
        .map(|key| (key, if random.chance(1, 8) { String::new() } else { value(random, key) }))
        .collect()
}

/// What `explain` makes of it.
fn slowly(source: &Source, question: Result<Question, String>) -> Result<ResolvedQuestion, String> {
    let space = source.world.ns(source.ns).expect("the namespace");
    question?.resolve(&space.config, source.world.uid)
}

#[test]
fn csv_means_what_explain_reads() {
    let source = source();
    let mut reader = Reader::new(source.asked(Asker::Socket).expect("a namespace"));
    let mut random = Rng::new(1);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let parts = parts(&mut random);
        let header: Vec<&str> = parts.iter().map(|(key, _)| *key).collect();
        let columns = Columns::read(header.join(",").as_bytes()).expect("a header");
        let quote = |text: &str, quoted: bool| if quoted { format!("\"{text}\"") } else { text.to_string() };
        let fields: Vec<String> = parts.iter().map(|(_, text)| quote(text, random.chance(1, 5))).collect();
        let line = fields.join(",");
        let given = parts.iter().filter(|(_, text)| !text.is_empty());
        let given: Vec<_> = given.map(|(key, text)| (key.to_string(), Some(text.clone()))).collect();
        let expected = slowly(&source, Question::of_fields(&given, &source.names));
        // Whatever follows on the next lines.
        for behind in ["", "\n8.8.8.8\n", ",\"1.2.3.4.5.6.7.8.9.10"] {
            let rest = format!("{line}{behind}");
            let read = columns.question(rest.as_bytes(), line.len(), &mut reader);
            match (&read, &expected) {
                (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{header:?} {line}"),
                (Err(read), Err(expected)) => assert!(read.ends_with(expected.as_str()), "{line}: {read}"),
                _ => panic!("{header:?} {line}: {read:?}, not {expected:?}"),
            }
        }
        *if expected.is_ok() { &mut good } else { &mut bad } += 1;
    }
    assert!(good > 2_000 && bad > 2_000, "{good} good, {bad} bad");
}

#[test]
fn ndjson_means_what_explain_reads() {
    let source = source();
    let mut reader = Reader::new(source.asked(Asker::Socket).expect("a namespace"));
    let mut random = Rng::new(2);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let mut members: Vec<String> = Vec::new();
        for (key, text) in parts(&mut random) {
            let value = match random.below(12) {
                0 => "null".to_string(),
                1..6 if text.parse::<i64>().is_ok() => text,
                _ => format!("\"{text}\""),
            };
            members.push(format!("\"{key}\":{value}"));
            if random.chance(1, 100) {
                members.push(members[0].clone());
            }
        }
        let mut line = format!("{{{}}}", members.join(", "));
        if random.chance(1, 20) {
            let at = random.below(line.len() as u64) as usize;
            line.insert(at, char::from(b"\\\"{}[],:0 u"[random.below(11) as usize]));
        }
        let expected = slowly(&source, Question::from_json(&line, &source.names));
        let mut members = Vec::new();
        assert_eq!(ndjson::question(line.as_bytes(), &mut members, &mut reader), expected, "{line}");
        *if expected.is_ok() { &mut good } else { &mut bad } += 1;
    }
    assert!(good > 2_000 && bad > 2_000, "{good} good, {bad} bad");
}
