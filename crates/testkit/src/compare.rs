//! Where two runs of one script differ.

use crate::normalise::{normalise, says_nothing};
use crate::script::{Answer, kind_of};
use crate::texts::implied_errnos;

/// Which part of an answer differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// Fingerpost gave no answer to the line.
    Missing,
    /// The exit status.
    Status,
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// The errno against what the kernel's words imply.
    Errno,
}

/// One line that the two sides answer differently.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The line, from 0.
    pub line: usize,
    /// The first part that differs.
    pub aspect: Aspect,
    /// Equal for differences that look alike: the kind of command, the aspect,
    /// and the first differing words with numbers masked.
    pub class: String,
    /// The oracle's answer, normalised.
    pub kernel: Answer,
    /// The subject's answer, normalised.
    pub ours: Option<Answer>,
}

/// Compares the answers to `lines`, in order.
pub fn differences(lines: &[String], kernel: &[Answer], ours: &[Option<Answer>]) -> Vec<Difference> {
    let answers = kernel.iter().zip(ours).enumerate().zip(lines);
    answers.filter_map(|((at, (kernel, ours)), line)| difference(at, line, kernel, ours.as_ref())).collect()
}

fn difference(at: usize, line: &str, kernel: &Answer, ours: Option<&Answer>) -> Option<Difference> {
    if says_nothing(line, kernel) {
        return None;
    }
    let mut kernel = kernel.clone();
    normalise(line, &mut kernel);
    let ours = ours.map(|ours| {
        let mut ours = ours.clone();
        normalise(line, &mut ours);
        ours
    });
    let (aspect, detail) = match &ours {
        None => (Aspect::Missing, String::new()),
        Some(ours) => first_aspect(&kernel, ours)?,
    };
    let class = format!("{} | {aspect:?} | {detail}", kind_of(line).name);
    Some(Difference { line: at, aspect, class, kernel, ours })
}

fn first_aspect(kernel: &Answer, ours: &Answer) -> Option<(Aspect, String)> {
    if kernel.status != ours.status {
        let said = |answer: &Answer| {
            let text = answer.stderr.lines().next().unwrap_or_default();
            format!("{} {}", answer.status, shorten(&mask(text)))
        };
        return Some((Aspect::Status, format!("kernel {} | ours {}", said(kernel), said(ours))));
    }
    if kernel.stderr != ours.stderr {
        return Some((Aspect::Stderr, first_words(&kernel.stderr, &ours.stderr)));
    }
    if kernel.stdout != ours.stdout {
        return Some((Aspect::Stdout, first_words(&kernel.stdout, &ours.stdout)));
    }
    let expected = match kernel.errno {
        Some(errno) => vec![errno],
        None if kernel.status == 0 && kernel.stderr.is_empty() => Vec::new(),
        None => implied_errnos(&kernel.stderr)?,
    };
    if expected.is_empty() && ours.errno.is_none() {
        return None;
    }
    if ours.errno.is_some_and(|errno| expected.contains(&errno)) {
        return None;
    }
    Some((Aspect::Errno, format!("kernel {expected:?} | ours {:?}", ours.errno)))
}

/// The words by which the first differing lines differ, masked.
fn first_words(kernel: &str, ours: &str) -> String {
    let pieces = |text: &str| -> Vec<String> {
        text.replace("},{", "},\n{").lines().map(|line| line.replace(',', ", ")).collect()
    };
    let (kernel, ours) = (pieces(kernel), pieces(ours));
    let at = kernel.iter().zip(&ours).take_while(|(a, b)| a == b).count();
    let words = |lines: &[String]| -> Vec<String> {
        lines.get(at).map(|line| line.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
    };
    let (kernel, ours) = (words(&kernel), words(&ours));
    let head = kernel.iter().zip(&ours).take_while(|(a, b)| a == b).count();
    let (kernel, ours) = (&kernel[head..], &ours[head..]);
    let tail = kernel.iter().rev().zip(ours.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |words: &[String]| shorten(&mask(&words[..words.len() - tail].join(" ")));
    format!("kernel `{}` | ours `{}`", middle(kernel), middle(ours))
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 90;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Replaces numbers, addresses and prefixes by `#`, and so the numbers in names.
pub fn mask(text: &str) -> String {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '_' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end.max(c.len_utf8()));
        rest = after;
        let numeric = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/' | 'x');
        if c.is_ascii_digit() && word.chars().all(numeric) {
            out.push('#');
        } else {
            mask_digits(word, &mut out);
        }
    }
    out
}

fn mask_digits(word: &str, out: &mut String) {
    let mut in_number = false;
    for c in word.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !in_number {
            out.push('#');
        }
        in_number = c.is_ascii_digit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: i32, stdout: &str, stderr: &str) -> Answer {
        Answer { status, errno: None, stdout: stdout.into(), stderr: stderr.into() }
    }

    fn one(line: &str, kernel: Answer, ours: Option<Answer>) -> Vec<Difference> {
        differences(&[line.to_owned()], &[kernel], &[ours])
    }

    #[test]
    fn equal_answers_do_not_differ() {
        assert!(one("ip route", said(0, "x\n", ""), Some(said(0, "x\n", ""))).is_empty());
        let refused = said(2, "", "RTNETLINK answers: File exists\n");
        let ours = Answer { errno: Some(17), ..refused.clone() };
        assert!(one("ip route add 1.0.0.0/8 dev e0", refused, Some(ours)).is_empty());
    }

    #[test]
    fn each_aspect_is_seen() {
        let aspect = |kernel, ours| one("ip route", kernel, ours)[0].aspect;
        assert_eq!(aspect(said(0, "", ""), None), Aspect::Missing);
        assert_eq!(aspect(said(0, "", ""), Some(said(2, "", ""))), Aspect::Status);
        assert_eq!(aspect(said(2, "", "a"), Some(said(2, "", "b"))), Aspect::Stderr);
        assert_eq!(aspect(said(0, "a", ""), Some(said(0, "b", ""))), Aspect::Stdout);
        let refused = said(2, "", "RTNETLINK answers: File exists\n");
        assert_eq!(aspect(refused.clone(), Some(refused)), Aspect::Errno);
        let with_errno = Answer { errno: Some(2), ..said(0, "", "") };
        assert_eq!(aspect(said(0, "", ""), Some(with_errno)), Aspect::Errno);
    }

    #[test]
    fn masks() {
        assert_eq!(mask("10.0.0.0/8 dev eth12 metric 0x1f"), "# dev eth# metric #");
        assert_eq!(mask("net.ipv4.fib_multipath é 02:00:0a:b1:00:01"), "net.ipv#.fib_multipath é #");
    }

    #[test]
    fn alike_differences_share_a_class() {
        let class = |a: &str, b: &str| one("ip route", said(0, a, ""), Some(said(0, b, "")))[0].class.clone();
        let first = class("same\n10.0.0.0/8 dev e0 metric 5\n", "same\n10.0.0.0/8 dev e0 metric 6\n");
        assert_eq!(first, class("20.0.0.0/8 dev e1 metric 7\n", "20.0.0.0/8 dev e1 metric 99\n"));
        assert_ne!(first, class("20.0.0.0/8 dev e1 metric 7\n", "20.0.0.0/8 dev e1 proto static\n"));
    }
}
