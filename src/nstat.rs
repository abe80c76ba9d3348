//! `nstat`: the counters of a host in memory, as iproute2's tool prints them.
//!
//! The history file that the tool keeps is not: what has been counted in all (`-a`) is all
//! that can be asked for.

use fingerpost_iproute::Outcome;
use fingerpost_model::{Kernel, NsId};

/// The files in the order in which they are printed.
const FILES: [&str; 3] = ["snmp", "snmp6", "netstat"];

/// Settings and states among the counters, which are left out.
const USELESS: [&str; 7] = [
    "IpForwarding",
    "IpDefaultTTL",
    "TcpRtoAlgorithm",
    "TcpRtoMin",
    "TcpRtoMax",
    "TcpMaxConn",
    "TcpCurrEstab",
];

/// Runs `nstat` with its words.
pub fn run(args: &[String], kernel: &mut dyn Kernel, ns: NsId) -> Outcome {
    let (mut in_all, mut zeros, mut patterns) = (false, false, Vec::new());
    for arg in args {
        let letters = match (arg.strip_prefix("--"), arg.strip_prefix('-')) {
            (Some("ignore"), _) => "a",
            (Some("zeros"), _) => "z",
            (Some("noupdate"), _) => "s",
            (Some(_), _) => "?",
            (None, Some(letters)) => letters,
            (None, None) => {
                patterns.push(arg.to_lowercase());
                ""
            }
        };
        for letter in letters.chars() {
            match letter {
                'a' => in_all = true,
                'z' => zeros = true,
                's' => {}
                _ => return refused(&format!("{arg} is not modelled; -a, -z, -s and patterns are")),
            }
        }
    }
    if !in_all {
        return refused("there is no history here; ask with -a for what has been counted in all");
    }
    if patterns.iter().any(|pattern| pattern.contains(['[', '\\'])) {
        return refused("of patterns * and ? are modelled");
    }
    let mut stdout = "#kernel\n".to_owned();
    for file in FILES {
        let text = match kernel.read_file(ns, &format!("/proc/net/{file}")) {
            Ok(text) => text,
            Err(errno) => return refused(&format!("/proc/net/{file}: {errno}")),
        };
        for (name, value) in counted(file, &text) {
            let is_asked = || {
                let name = name.to_lowercase();
                patterns.is_empty() || patterns.iter().any(|pattern| matches(&name, pattern))
            };
            if (zeros || value != 0) && !USELESS.contains(&name.as_str()) && is_asked() {
                stdout += &format!("{name:<32}{value:<16}   0.0\n");
            }
        }
    }
    Outcome { stdout, ..Outcome::default() }
}

fn refused(why: &str) -> Outcome {
    Outcome { status: 1, stderr: format!("nstat: {why}\n"), ..Outcome::default() }
}

/// The names and values of a file.
fn counted(file: &str, text: &str) -> Vec<(String, u64)> {
    let number = |word: &str| word.parse().unwrap_or(0);
    if file == "snmp6" {
        let of_line = |line: &str| {
            let (name, value) = line.split_once(char::is_whitespace)?;
            Some((name.to_owned(), number(value.trim())))
        };
        return text.lines().filter_map(of_line).collect();
    }
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks_exact(2).flat_map(|pair| {
        let mut names = pair[0].split_whitespace();
        let group = names.next().unwrap_or_default().trim_end_matches(':');
        let values = pair[1].split_whitespace().skip(1);
        names.zip(values).map(|(name, value)| (format!("{group}{name}"), number(value))).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// Whether a name fits a pattern of `*` and `?`. Only the last `*` is ever tried again.
fn matches(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.as_bytes(), pattern.as_bytes());
    let (mut at, mut wanted, mut star) = (0, 0, None);
    while at < name.len() {
        match pattern.get(wanted) {
            Some(b'*') => {
                star = Some((wanted + 1, at));
                wanted += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[at] => (at, wanted) = (at + 1, wanted + 1),
            _ => match star {
                // The star takes one more.
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    (at, wanted) = (taken + 1, behind);
                }
                None => return false,
            },
        }
    }
    pattern[wanted..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, fits) in
            [("ipfor*", true), ("*datagrams", true), ("ip?or*d*s", true), ("ip", false), ("", false)]
        {
            assert_eq!(matches("ipforwdatagrams", pattern), fits, "{pattern}");
        }
    }
}
