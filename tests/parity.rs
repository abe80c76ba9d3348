//! Keeps `docs/parity.md` and the tests in step: every point has one line, the
//! tests named there exist, and a test that cites a point stands in its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LAST_C: u32 = 317;
const LAST_T: u32 = 71;

/// A point's line: what it says, and the tests, or why there are none.
struct Line {
    words: String,
    shown: String,
}

impl Line {
    fn open(&self) -> Option<&str> {
        self.shown.strip_prefix("open: ")
    }

    fn tests(&self) -> Vec<&str> {
        match self.open() {
            Some(_) => Vec::new(),
            None => self.shown.split(", ").collect(),
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The numbers whose lines stand in the table, each with all its lines.
fn table() -> BTreeMap<String, Vec<Line>> {
    let text = fs::read_to_string(root().join("docs/parity.md")).expect("docs/parity.md");
    let mut lines: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for line in text.lines().filter(|line| ["C-", "T-", "F-"].iter().any(|kind| line.starts_with(kind))) {
        let [number, words, shown] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("number | words | tests: {line}");
        };
        let line = Line { words: words.to_owned(), shown: shown.trim_end().to_owned() };
        lines.entry(number.to_owned()).or_default().push(line);
    }
    lines
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every test, with the numbers that it cites.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    for directory in ["src", "tests", "crates"] {
        sources(&root().join(directory), &mut files);
    }
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        for name in functions(&text) {
            tests.entry(name.to_owned()).or_default().extend(numbers_in_name(name));
        }
        for (numbers, name) in points(&text) {
            let numbers = numbers.split(", ").map(str::to_owned);
            tests.entry(name.to_owned()).or_default().extend(numbers);
        }
    }
    tests
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The functions behind `#[test]`.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    let attribute = concat!("#[", "test]");
    text.split(attribute).skip(1).filter_map(|rest| {
        let at = rest.find("fn ")?;
        // Other attributes may stand between, but no other item.
        (!rest[..at].contains([';', '}']))
            .then(|| identifier(&rest[at + 3..]))
            .filter(|name| !name.is_empty())
    })
}

/// Calls of `point!` (numbers in quotes, then the name) as numbers and name.
fn points(text: &str) -> impl Iterator<Item = (&str, &str)> {
    ["point!(", "point_in_memory!("].into_iter().flat_map(move |call| {
        text.split(call).skip(1).filter_map(|rest| {
            let (numbers, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
            Some((numbers, identifier(rest.strip_prefix(',')?.trim_start())))
        })
    })
}

/// `c010_c022_the_aliases_of_a_leaf` cites C-010 and C-022, `..._c091_to_c102_...` all between.
fn numbers_in_name(name: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    let (mut last, mut range) = (None, false);
    for word in name.split('_') {
        match number(word) {
            Some((kind, n)) => {
                let from = if range { last.map_or(n, |last| last + 1) } else { n };
                numbers.extend((from..=n).map(|n| spelled(kind, n)));
                (last, range) = (Some(n), false);
            }
            None => range = word == "to" && last.is_some(),
        }
    }
    numbers
}

fn number(word: &str) -> Option<(char, u32)> {
    let kind = word.chars().next().filter(|kind| matches!(kind, 'c' | 't' | 'f'))?;
    let digits = &word[1..];
    let ok = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (kind == 't' || digits.len() == 3);
    ok.then(|| digits.parse().ok().map(|n| (kind, n))).flatten()
}

/// Three digits, as in `F-001`.
fn is_number(digits: &str) -> bool {
    digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn spelled(kind: char, n: u32) -> String {
    match kind {
        'c' => format!("C-{n:03}"),
        'f' => format!("F-{n:03}"),
        _ => format!("T-{n}"),
    }
}

#[test]
fn every_point_has_one_line() {
    let table = table();
    let specified = [('c', LAST_C), ('t', LAST_T)];
    let specified = specified.into_iter().flat_map(|(kind, last)| (1..=last).map(move |n| spelled(kind, n)));
    // What was found here is what the table says, gaps allowed.
    let found = table.keys().filter(|number| number.strip_prefix("F-").is_some_and(is_number)).cloned();
    let all: Vec<String> = specified.chain(found).collect();
    for number in &all {
        let lines = table.get(number).map_or(0, Vec::len);
        assert_eq!(lines, 1, "lines of {number}");
    }
    let unknown: Vec<&String> = table.keys().filter(|number| !all.contains(number)).collect();
    assert!(unknown.is_empty(), "no such points: {unknown:?}");
    for (number, line) in
        table.iter().flat_map(|(number, lines)| lines.iter().map(move |line| (number, line)))
    {
        assert!(!line.words.trim().is_empty(), "{number} says nothing");
        assert!(line.open().is_none_or(|why| !why.trim().is_empty()), "{number} is open, but why?");
    }
}

#[test]
fn named_tests_exist() {
    let tests = tests();
    for (number, lines) in table() {
        for name in lines.iter().flat_map(Line::tests) {
            assert!(tests.contains_key(name), "{number} names {name}, which is no test");
        }
    }
}

#[test]
fn tests_stand_in_the_lines_they_cite() {
    let table = table();
    let mut missing = Vec::new();
    for (name, numbers) in tests() {
        for number in numbers {
            let listed = |line: &Line| line.tests().contains(&name.as_str());
            if !table.get(&number).is_some_and(|lines| lines.iter().any(listed)) {
                missing.push(format!("{number}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "not listed in docs/parity.md:\n{}", missing.join("\n"));
}

#[test]
fn numbers_are_read_from_names() {
    assert_eq!(numbers_in_name("c010_c022_the_aliases"), ["C-010", "C-022"]);
    assert_eq!(numbers_in_name("c066_t31_replacement"), ["C-066", "T-31"]);
    assert_eq!(numbers_in_name("rules_c091_to_c093_c104"), ["C-091", "C-092", "C-093", "C-104"]);
    assert_eq!(numbers_in_name("t_c1_to_c"), Vec::<String>::new());
}
