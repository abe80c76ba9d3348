//! Shell patterns for labels (`fnmatch` without flags).

/// Whether `text` matches `pattern`: `*`, `?`, `[…]` with `!` or `^`, and `\`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Where to take up again after the last star, and the text it ate so far.
    let mut retry: Option<(usize, usize)> = None;
    let (mut p, mut t) = (0, 0);
    loop {
        let step = match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            None => (t == text.len()).then_some(0),
            Some(_) => text.get(t).and_then(|&c| one(&pattern[p..], c)),
        };
        match (step, retry) {
            (Some(0), _) => return true,
            (Some(len), _) => {
                p += len;
                t += 1;
            }
            (None, Some((next, eaten))) if eaten < text.len() => {
                retry = Some((next, eaten + 1));
                (p, t) = (next, eaten + 1);
            }
            (None, _) => return false,
        }
    }
}

/// How many characters of the pattern stand for this one character of text.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', next, ..] => (*next == c).then_some(2),
        ['[', rest @ ..] => match set(rest, c) {
            Some((holds, len)) => holds.then_some(len + 1),
            None => (c == '[').then_some(1),
        },
        [next, ..] => (*next == c).then_some(1),
        [] => None,
    }
}

/// Whether a bracket expression holds `c`, and its length; `None` if it does not end.
fn set(pattern: &[char], c: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.first(), Some('!' | '^'));
    let mut i = usize::from(negated);
    let (mut holds, mut first) = (false, true);
    loop {
        let mut low = *pattern.get(i)?;
        if low == ']' && !first {
            return Some((holds != negated, i + 1));
        }
        first = false;
        if low == '\\' {
            i += 1;
            low = *pattern.get(i)?;
        }
        i += 1;
        match (pattern.get(i), pattern.get(i + 1)) {
            (Some('-'), Some(&high)) if high != ']' => {
                holds |= low <= c && c <= high;
                i += 2;
            }
            _ => holds |= low == c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("v0", "v0", true),
            ("v0", "v01", false),
            ("v*", "v0:x", true),
            ("v0:*", "v0", false),
            ("?0", "v0", true),
            ("[vl]0", "l0", true),
            ("[!vl]0", "l0", false),
            ("[a-f]*[0-9]", "eth0", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxx", false),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("", "", true),
            ("*", "", true),
            ("[]x]", "]", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
