//! Texts that only other programs can give: packet filter and traffic control.
//!
//! They are asked if they are installed; a program that is missing or that is
//! refused costs nothing but a sentence.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::files::MAX_FILE;

/// The longest that a program may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// Devices whose traffic control filters are asked for, at most.
const MAX_FILTERED: usize = 64;

/// What is asked, and what it tells in words.
const COMMANDS: [(&[&str], &str); 5] = [
    (&["nft", "list", "ruleset"], "nftables rules"),
    (&["iptables-save"], "iptables rules"),
    (&["ip6tables-save"], "ip6tables rules"),
    (&["ip", "xfrm", "policy"], "IPsec policies"),
    (&["tc", "qdisc", "show"], "traffic control"),
];

/// Texts by command line, and sentences on what could not be had.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub texts: Vec<(String, String)>,
    pub not_seen: Vec<String>,
}

/// Runs the programs in the namespace of the calling thread.
pub(super) fn texts() -> Texts {
    let mut texts = Texts::default();
    for (words, what) in COMMANDS {
        ask(words, what, &mut texts);
    }
    let filtered: Vec<(String, &str)> = texts
        .texts
        .iter()
        .filter(|(name, _)| name.starts_with("tc "))
        .flat_map(|(_, text)| text.lines().filter_map(filtered_device))
        .take(MAX_FILTERED)
        .collect();
    for (device, hook) in filtered {
        for side in if hook == "clsact" { &["ingress", "egress"][..] } else { &["ingress"][..] } {
            ask(&["tc", "filter", "show", "dev", &device, side], "traffic control filters", &mut texts);
        }
    }
    texts
}

/// The device of a qdisc line that can carry filters before or after routing.
fn filtered_device(line: &str) -> Option<(String, &'static str)> {
    let mut words = line.split_whitespace();
    let hook = match (words.next()?, words.next()?) {
        ("qdisc", "clsact") => "clsact",
        ("qdisc", "ingress") => "ingress",
        _ => return None,
    };
    let device = words.skip_while(|&word| word != "dev").nth(1)?;
    Some((device.to_string(), hook))
}

fn ask(words: &[&str], what: &str, texts: &mut Texts) {
    let Some((&program, arguments)) = words.split_first() else { return };
    let Some(path) = find(program) else {
        texts.not_seen.push(format!("{what}: the program {program} is not installed"));
        return;
    };
    match run(Command::new(path).args(arguments)) {
        Ok(text) if text.trim().is_empty() => {}
        Ok(text) => texts.texts.push((words.join(" "), text)),
        Err(problem) => texts.not_seen.push(format!("{what}: {}: {problem}", words.join(" "))),
    }
}

/// The program on the search path, or where administrators' programs are.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|place| place.join(program)).find(|file| file.is_file())
}

fn run(command: &mut Command) -> Result<String, String> {
    let command = command.env("LC_ALL", "C").env("NO_COLOR", "1");
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("it has no output".into());
    };
    let (sender, receiver) = mpsc::channel();
    let errors = sender.clone();
    std::thread::spawn(move || sender.send((true, read_limited(stdout))));
    std::thread::spawn(move || errors.send((false, read_limited(stderr))));
    let (mut text, mut complaint) = (Ok(Vec::new()), Vec::new());
    for _ in 0..2 {
        match receiver.recv_timeout(DEADLINE) {
            Ok((true, read)) => text = read,
            Ok((false, read)) => complaint = read.unwrap_or_default(),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it took longer than {} seconds", DEADLINE.as_secs()));
            }
        }
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    let text = text.map_err(|e| e.to_string())?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    let complaint = String::from_utf8_lossy(&complaint);
    match complaint.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => Err(line.trim().to_string()),
        None => Err(status.to_string()),
    }
}

/// Reads all there is, at most [`MAX_FILE`] bytes; the rest is read and dropped, so that the writer ends.
fn read_limited(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        io::copy(&mut from, &mut io::sink())?;
        return Err(io::Error::other(format!("its output is longer than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_with_filters_are_found() {
        let find = |line| filtered_device(line).map(|(device, hook)| format!("{device} {hook}"));
        assert_eq!(find("qdisc clsact ffff: dev eth0 parent ffff:fff1 "), Some("eth0 clsact".into()));
        assert_eq!(find("qdisc ingress ffff: dev e1 parent ffff:fff1 ---"), Some("e1 ingress".into()));
        assert_eq!(find("qdisc noqueue 0: dev lo root refcnt 2 "), None);
    }

    #[test]
    fn a_program_that_fails_gives_its_complaint() {
        assert_eq!(run(Command::new("sh").args(["-c", "echo yes"])), Ok("yes\n".into()));
        assert_eq!(run(Command::new("sh").args(["-c", "echo no >&2; exit 3"])), Err("no".into()));
    }
}
