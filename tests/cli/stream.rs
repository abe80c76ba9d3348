//! `explain -`, questions and expectations.

use std::io::{BufRead, BufReader, Read, Write};

use serde_json::Value;

use crate::{Scratch, run, run_with, start};

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_bad_line_is_answered_and_the_next_one_too() {
    let input =
        b"\"8.8.8.8\"\n{\"to\":\"8.8.8.8\",\"to\":\"9.9.9.9\"}\n\n[1]\n\xff\n{\"to\":\"192.0.2.10\"}\n";
    let (status, out, err) = run_with("explain --example plain -", input);
    assert_eq!((status, err.as_str()), (2, ""));
    let answers = lines(&out);
    assert_eq!(answers.len(), 5);
    let told: Vec<Option<u64>> = answers.iter().map(|answer| answer["line"].as_u64()).collect();
    assert_eq!(told, [None, Some(2), Some(4), Some(5), None]);
    assert_eq!(answers[0]["outcome"]["verdict"], "sent");
    assert_eq!(answers[1]["error"], "\"to\" is given twice");
    assert_eq!(answers[1]["schema"], 1);
    assert_eq!(answers[3]["error"], "column 1: not UTF-8 text");
    assert_eq!(answers[4]["outcome"]["verdict"], "delivered");
}

#[test]
fn a_line_without_end_ends_the_stream() {
    let mut input = vec![b' '; 3 << 20];
    input.extend(b"\n\"8.8.8.8\"\n");
    let (status, out, _) = run_with("explain --example plain -", &input);
    assert_eq!(status, 2);
    assert!(lines(&out)[0]["error"].as_str().is_some_and(|error| error.contains("longer than 1 MiB")));
    let (_, out, _) = run_with("explain --example plain -", "\u{feff}\"8.8.8.8\"\n".as_bytes());
    assert!(lines(&out)[0]["error"].as_str().is_some_and(|error| error.contains("byte order mark")));
}

#[test]
fn an_answer_comes_before_the_next_question() {
    let mut child = start("explain --example plain -");
    let mut questions = child.stdin.take().expect("standard input");
    let mut answers = BufReader::new(child.stdout.take().expect("standard output"));
    for _ in 0..3 {
        questions.write_all(b"\"8.8.8.8\"\n").expect("a question");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("an answer");
        assert_eq!(lines(&answer).len(), 1);
    }
    drop(questions);
    assert!(child.wait().expect("an end").success());
}

#[test]
fn who_reads_no_further_ends_it_in_silence() {
    let mut child = start("explain --example plain -");
    drop(child.stdout.take());
    let _ = child.stdin.take().expect("standard input").write_all("\"8.8.8.8\"\n".repeat(1000).as_bytes());
    let mut complaint = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut complaint).expect("text");
    assert_eq!((child.wait().expect("an end").code(), complaint.as_str()), (Some(0), ""));
}

#[test]
fn questions_have_errors_of_their_own() {
    for (words, part) in [
        ("mark -1", "'mark -1': expected a number from 0 to 4294967295"),
        ("uid -1", "'uid -1': expected a number from 0 to 4294967295"),
        ("sport 65536", "'sport 65536': expected a port from 0 to 65535"),
        ("oif nope", "there is no device \"nope\""),
        ("vrf eth0", "\"eth0\" is not a VRF device"),
    ] {
        let (status, _, err) = run(&format!("explain --example plain 8.8.8.8 {words}"));
        assert_eq!(status, 2);
        assert!(err.starts_with("fingerpost: ") && err.contains(part), "{words}: {err}");
    }
}

#[test]
fn devices_are_found_as_ip_finds_them() {
    let ask = |device: &str| run(&format!("explain --example plain 8.8.8.8 oif {device}"));
    let answer = |told: crate::Told| told.1.lines().next().map(str::to_string);
    let expected = answer(ask("eth0"));
    let index = run("ip --example plain -o link show eth0").1;
    let index = index.split(':').next().expect("a number").to_string();
    for device in [format!("if{index}"), "eth0:1".into()] {
        assert_eq!(answer(ask(&device)), expected, "{device}");
    }
}

#[test]
fn alternative_names_are_names() {
    let link = r#"{"link":{"index":2,"name":"eth0","flags":69699,"mtu":1500,"altnames":["uplink"]}}"#;
    let lines =
        format!("{{\"fingerpost\":1,\"release\":\"6.18\"}}\n{{\"netns\":{{}}}}\n{link}\n{{\"end\":2}}\n");
    let file = Scratch::new("alt.fp", lines.as_bytes());
    let (_, out, err) = run(&format!("explain --snapshot {} 8.8.8.8 oif uplink", file.path()));
    assert!(out.contains("oif eth0"), "{out}{err}");
}

#[test]
fn what_can_never_be_expected_is_a_mistake_of_the_command_line() {
    let expect = |what: &str| run(&format!("explain|--example|plain|8.8.8.8|--expect|{what}"));
    for what in ["reason BOGUS", "errno EBOGUS", "via nonsense", "src nonsense", "type bogus", "table bogus"]
    {
        let (status, out, err) = expect(what);
        assert_eq!((status, out.as_str()), (2, ""), "{what}");
        assert!(err.contains(&format!("'{what}': expected")), "{err}");
    }
    assert_eq!(expect("table main via 192.0.2.1 src 192.0.2.10").0, 0);
    assert_eq!(expect("table local").0, 1);
    assert_eq!(expect("reason IP_RPFILTER").0, 1);
}
