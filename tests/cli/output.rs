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
