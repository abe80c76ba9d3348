//! What is printed, where it cannot be, and files that are written.

use std::fs::File;
use std::process::Stdio;

use crate::{fingerpost, run, run_with, told};

/// Each command that prints much by itself.
const PRINTING: [&str; 6] =
    ["--help", "completions bash", "man", "examples", "examples plain", "explain --example plain 8.8.8.8"];

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_is_an_error() {
    for line in PRINTING {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let output = fingerpost().args(line.split(' ')).stdout(full).output().expect("the command starts");
        let (status, _, err) = told(output);
        assert_eq!(status, 2, "{line}");
        assert!(err.contains("No space left on device") && !err.contains("panicked"), "{line}: {err}");
    }
}

#[test]
fn who_reads_no_further_is_no_error() {
    for line in PRINTING {
        let mut command = fingerpost();
        command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        drop(child.stdout.take());
        let (status, _, err) = told(child.wait_with_output().expect("the command ends"));
        assert_eq!((status, err.as_str()), (0, ""), "{line}");
    }
}

#[test]
fn completions_offer_the_examples() {
    let (status, script, _) = run("completions bash");
    assert_eq!(status, 0);
    assert!(script.contains("rp-filter-max/device-loose"));
}

#[test]
fn the_manual_is_one_page() {
    let (status, page, _) = run("man");
    assert_eq!(status, 0);
    for title in ["SYNOPSIS", "VERBS", "QUESTION", "EXPECTATIONS", "EXIT STATUS", "EXAMPLES"] {
        assert!(page.lines().any(|line| line.starts_with(".SH") && line.contains(title)), "{title}");
    }
    assert!(!page.contains("EXTRA") && !page.contains("explain(1)"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_capture_goes_to_standard_output_or_through_a_link() {
    let (status, out, err) = run("capture -o -");
    assert_eq!(status, 0, "{err}");
    assert!(out.starts_with("{\"fingerpost\":1"));
    let folder = std::env::temp_dir().join(format!("fingerpost-cli-{}-links", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let link = folder.join("link");
    std::os::unix::fs::symlink("file", &link).expect("a link");
    let (status, _, err) = run(&format!("capture -o {}", link.display()));
    let (is_link, text) = (link.is_symlink(), std::fs::read_to_string(folder.join("file")));
    std::fs::remove_dir_all(&folder).expect("a folder");
    assert_eq!(status, 0, "{err}");
    assert!(is_link && text.expect("the link's target").starts_with("{\"fingerpost\":1"));
}

#[test]
fn what_is_not_shown_is_said_once_a_command() {
    let (status, out, err) = run_with("run -", b"ip link add e0 type veth peer name p0\nip -s -s link\n");
    assert_eq!((status, out.matches("RX:").count()), (0, 3));
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn help_says_what_redaction_leaves() {
    let (_, help, _) = run("capture --help");
    assert!(help.contains("names of devices"), "{help}");
}

#[test]
fn two_destinations_are_compared_and_both_journeys_told() {
    let (status, out, err) = run("explain --example v6-leak --both 198.51.100.1 2001:db8:9::1");
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(
        out.starts_with("2001:db8:9::1 (from 2001:db8:1::10) comes before 198.51.100.1 (from 10.8.0.2), by")
    );
    assert_eq!(out.matches("output lookup").count(), 2, "{out}");
    for (line, part) in [
        ("explain --example v6-leak --both 198.51.100.1 192.0.2.1", "an IPv4 and an IPv6 address"),
        ("explain --example v6-leak --both 198.51.100.1", "compares two addresses"),
        ("explain --example v6-leak --both -", "two addresses"),
        ("explain --example v6-leak 2001:db8::1 from 10.0.0.1", "of one family"),
    ] {
        let (status, out, err) = run(line);
        assert!(status == 2 && out.is_empty() && err.contains(part), "{line}: {err}");
    }
}

#[test]
fn what_a_firewall_asks_is_answered_alone_and_in_a_stream() {
    let (status, out, _) = run("explain --example firewalld-v6-rpfilter");
    assert!(status == 0 && out.contains("decision     missing, the rule matches"), "{out}");
    let (status, ..) = run("explain|--example|firewalld-v6-rpfilter|--expect|found");
    assert_eq!(status, 1);
    let questions = b"\"2001:db8:1::10 from 2001:db8:99::1 iif eth0\"\n\"2001:db8:1::10\"\n";
    let line = "explain|--example|firewalld-v6-rpfilter|-|--fib|rpfilter --loose";
    let (status, out, _) = crate::run_with(line, questions);
    let answers: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((status, &answers[0]["outcome"]["matches"]), (2, &serde_json::Value::Bool(true)));
    assert!(answers[1]["error"].as_str().is_some_and(|error| error.contains("iif D")), "{out}");
}
