//! Whoever reads the output may stop at any time: a closed pipe ends the bench quietly.

use std::io::Read;
use std::process::{Command, Stdio};

const FIB: &str =
    "fib --family 4 --hops optimistic --routes 500 --lookups 64 --passes 1 --structures lc-trie,treebitmap";

/// Runs the bench with nobody reading one of its outputs; its exit status, and what the other says.
fn closed(words: &str, is_stdout: bool) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost-bench"));
    let mut child = command
        .args(words.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the bench can be started");
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut text = String::new();
    match is_stdout {
        true => {
            drop(stdout);
            stderr.expect("is a pipe").read_to_string(&mut text).expect("is text");
        }
        false => {
            drop(stderr);
            stdout.expect("is a pipe").read_to_string(&mut text).expect("is text");
        }
    }
    (child.wait().expect("ends").code(), text)
}

#[test]
fn nobody_reads_the_figures() {
    let json = format!("{FIB} --json");
    let verbs = ["help", "fib --help", FIB, &json, "load --routes 500 --no-kernel"];
    for words in verbs {
        let (status, text) = closed(words, true);
        assert_eq!(status, Some(0), "{words}: {text}");
        assert!(!text.contains("panic") && !text.contains("roken pipe"), "{words}: {text}");
    }
}

#[test]
fn nobody_reads_the_progress() {
    let (status, text) = closed(FIB, false);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("treebitmap"), "{text}");
    let (status, _) = closed("fib --family 5", false);
    assert_eq!(status, Some(2), "a mistake stays one");
}
