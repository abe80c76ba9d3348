//! `flows`: lists of questions.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use fingerpost_net::Rng;
use serde_json::Value;

use crate::{Scratch, fingerpost, run, run_with, start};

const HEADER: &str = "verdict,device,gateway,source,table,rule,route\n";
const SENT: &str = "sent,eth0,192.168.1.66,192.168.1.20,main,32764,0.0.0.0/1\n";

/// Runs a list from standard input, a file however long it is, against an example.
fn ask(options: &str, list: impl AsRef<[u8]>) -> crate::Told {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let list = Scratch::new(&format!("list{}", COUNT.fetch_add(1, Ordering::Relaxed)), list.as_ref());
    let mut command = fingerpost();
    command.args(["flows", "--example", "tunnelvision", "-"]).args(options.split_whitespace());
    command.stdin(File::open(list.path()).expect("the list"));
    crate::told(command.output().expect("the command starts"))
}

#[test]
fn each_question_has_a_row_in_csv_and_as_an_object() {
    let list =
        "to,from,iif,mark\n8.8.8.8,,,\n192.168.1.9,,,0x10\n\n127.0.0.1,,,\n192.168.1.20,8.8.8.8,eth0,\n";
    let (status, out, err) = ask("", list);
    let rows = format!(
        "{HEADER}{SENT}sent,eth0,,192.168.1.20,main,32764,192.168.1.0/24\n\
         delivered,lo,,127.0.0.1,local,0,127.0.0.1/32\ndelivered,lo,,,local,0,192.168.1.20/32\n"
    );
    assert_eq!((status, out.as_str(), err.as_str()), (0, rows.as_str(), ""));
    let (status, out, _) = ask("--json", list);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((status, rows.len()), (0, 4));
    assert_eq!(
        rows[0],
        serde_json::json!({
            "verdict": "sent", "device": "eth0", "gateway": "192.168.1.66", "source": "192.168.1.20",
            "table": "main", "rule": 32764, "route": "0.0.0.0/1",
        })
    );
    assert!(rows[1].get("gateway").is_none() && rows[3].get("source").is_none());
}

#[test]
fn questions_are_read_as_explain_reads_them() {
    // What stands on each side means the same.
    for (columns, fields, words) in [
        ("to", "8.8", "8.8"),
        ("to", "010.1.1.1", "010.1.1.1"),
        ("to,mark", "8.8.8.8,0xca6c", "8.8.8.8 mark 0xca6c"),
        ("to,mark", "8.8.8.8,0145154", "8.8.8.8 mark 0145154"),
        ("to,mark", "8.8.8.8,51820", "8.8.8.8 mark 51820"),
        ("to,tos", "8.8.8.8,10", "8.8.8.8 tos 10"),
        ("to,tos,ipproto", "8.8.8.8,AF11,tcp", "8.8.8.8 tos AF11 ipproto tcp"),
        ("to,ipproto,dport,sport", "8.8.8.8,6,443,01", "8.8.8.8 ipproto 6 dport 443 sport 1"),
        ("to,src,iif", "192.168.1.20,any,eth0", "192.168.1.20 from any iif eth0"),
        ("dst,oif", "8.8.8.8,if2", "8.8.8.8 oif if2"),
        ("to,uid", "8.8.8.8,1000", "8.8.8.8 uid 1000"),
        ("to,flowlabel", "2001:db8::1,0x5", "2001:db8::1 flowlabel 5"),
        ("to,from", "fe80::1%eth0,", "fe80::1%eth0"),
    ] {
        // Twice: names are remembered after the first time.
        let (status, out, err) = ask("--json", format!("{columns}\n{fields}\n{fields}\n"));
        let (_, explained, _) = run(&format!("explain --example tunnelvision {words} --json"));
        let explained: Value = serde_json::from_str(&explained).expect("JSON");
        let outcome = &explained["outcome"];
        assert_eq!((status, out.lines().count()), (0, 2), "{fields}: {err}");
        for line in out.lines() {
            let row: Value = serde_json::from_str(line).expect("JSON");
            for (column, key) in
                [("verdict", "verdict"), ("device", "dev"), ("gateway", "gateway"), ("source", "source")]
            {
                assert_eq!(row[column], outcome[key], "{fields}: {column}");
            }
        }
    }
}

#[test]
fn quotes_line_ends_and_blank_lines_are_understood() {
    for list in [
        "to,iif\n8.8.8.8,\n",
        "to,iif\r\n8.8.8.8,\r\n",
        "\"to\",\"iif\"\n\"8.8.8.8\",\"\"\n",
        "to,iif\n8.8.8.8,",
        "\n \nto\n\n8.8.8.8\n \r\n\n",
        "iif,to\n,8.8.8.8\n",
        "8.8.8.8",
        "8.8.8.8\r\n",
        "{\"to\":\"8.8.8.8\"}\n",
        " {\"to\" : \"8.8.8.8\", \"iif\" : null}",
    ] {
        let (status, out, err) = ask("", list);
        assert_eq!((status, out, err.as_str()), (0, format!("{HEADER}{SENT}"), ""), "{list:?}");
    }
    let (status, out, _) = ask("--format ndjson", "\"8.8.8.8 mark 0\"\n");
    assert_eq!((status, out), (0, format!("{HEADER}{SENT}")));
    for empty in ["", "\n", " \n\r\n", "to\n", "to,mark"] {
        assert_eq!(ask("", empty), (0, HEADER.into(), String::new()), "{empty:?}");
        assert_eq!(ask("--json --format csv", empty), (0, String::new(), String::new()), "{empty:?}");
    }
}

#[test]
fn rows_can_begin_with_their_questions() {
    let list = "dst,mark\n8.8.8.8,0x0\n\"8.8.8.8\",\r\n";
    let (_, out, _) = ask("--with-input", list);
    assert_eq!(out, format!("dst,mark,{HEADER}8.8.8.8,0x0,{SENT}\"8.8.8.8\",,{SENT}"));
    let (_, out, _) = ask("--with-input", "8.8.8.8\n");
    assert_eq!(out, format!("to,{HEADER}8.8.8.8,{SENT}"));
    let (_, out, _) = ask("--with-input --json", list);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&rows[0]["to"], &rows[0]["mark"]), (&"8.8.8.8".into(), &"0x0".into()));
    assert!(rows[1]["to"] == "8.8.8.8" && rows[1].get("mark").is_none() && rows[1]["rule"] == 32764);
    let objects = "{ \"to\":\"8.8.8.8\",\"tos\":16 }\n\"8.8.8.8 oif eth0\"\n";
    let (_, out, _) = ask("--with-input --json", objects);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(rows[0]["tos"] == 16 && rows[0]["verdict"] == "sent", "{out}");
    assert!(rows[1]["question"] == "8.8.8.8 oif eth0" && rows[1]["device"] == "eth0", "{out}");
    let (status, out, err) = ask("--with-input", objects);
    assert!(status == 2 && out.is_empty() && err.contains("needs --json"), "{err}");
}

#[test]
fn the_first_bad_line_ends_the_run_after_the_rows_before_it() {
    for (list, rows, part) in [
        ("to\n8.8.8.8\nx\n8.8.8.8\n", 1, "line 3: column to: \"x\" is not an address"),
        ("to\n8.8.8.8,\n", 0, "line 2: 2 fields, where the header has 1"),
        ("to,mark\n8.8.8.8,\n\n8.8.8.8\n", 1, "line 4: 1 field, where the header has 2"),
        (
            "to,mark\n8.8.8.8,-1\n",
            0,
            "line 2: column mark: 'mark -1': expected a number from 0 to 4294967295",
        ),
        ("to,mark\n8.8.8.8,4294967296\n", 0, "column mark: 'mark 4294967296'"),
        ("to,sport\n8.8.8.8,65536\n", 0, "column sport: 'sport 65536': expected a port"),
        ("dst,src\n8.8.8.8,::1\n", 0, "line 2: column src: 'from ::1' is IPv6, the destination IPv4"),
        ("dst,src\n9,x\n", 0, "line 2: column src: 'from x': expected an address"),
        ("dst\nx\n", 0, "line 2: column dst: \"x\" is not an address"),
        ("to,oif\n8.8.8.8,nope\n", 0, "line 2: column oif: there is no device \"nope\""),
        ("to,vrf\n8.8.8.8,eth0\n", 0, "line 2: column vrf: \"eth0\" is not a VRF device"),
        ("to,oif,vrf\n8.8.8.8,,\n8.8.8.8,eth0,eth0\n", 1, "line 3: \"oif\" and \"vrf\": only one of them"),
        ("to,flowlabel\n8.8.8.8,1\n", 0, "column flowlabel: 'flowlabel': packets of IPv4 have none"),
        ("to,mark\n,1\n", 0, "line 2: column to: \"to\", the destination, is missing"),
        ("to\n\"8.8.8.8\n", 0, "line 2: character 1: a quote that is not closed"),
        ("to\n\"8.8.8.8\"x\n", 0, "line 2: character 10: a comma should follow"),
        ("to\n8.8\0.8.8\n", 0, "line 2: column 4: a control character (0x00)"),
        ("to\r8.8.8.8\r", 0, "line 1: column 3: a control character (0x0d)"),
        ("\u{feff}to\n8.8.8.8\n", 0, "line 1: column 1: a byte order mark (BOM); save the text without it"),
        ("8.8.8.8,\n", 0, "line 1: the first line should name the columns, as in: to,from,iif,mark"),
        ("to,colour\n", 0, "line 1: \"colour\" is not part of a question; it knows to, from, iif"),
        ("from,mark\n", 0, "line 1: no column is named \"to\""),
        ("to,to\n", 0, "line 1: column to is given twice"),
        ("to,dst\n", 0, "line 1: columns to and dst mean the same"),
        ("\n{\"to\":\"8.8.8.8\"}\n{\"to\":\"8.8.8.8\",\"to\":\"9\"}\n", 1, "line 3: \"to\" is given twice"),
        ("{\"to\":\"8.8.8.8\"\n", 0, "line 1: column 15: not JSON"),
        ("{\"to\":\"8.8.8.8\",\"colour\":1}\n", 0, "line 1: \"colour\" is not part of a question"),
        ("{\"mark\":1}\n", 0, "line 1: \"to\", the destination, is missing"),
        ("{\"to\":\"8.8.8.8\"}\n8.8.8.8\n", 1, "line 2: expected an object"),
        ("{\"to\":\"8.8.8.8\"}\n8\n", 1, "line 2: expected an object"),
    ] {
        let (status, out, err) = ask("", list);
        assert!(out.is_empty() || out == format!("{HEADER}{}", SENT.repeat(rows)), "{list:?}: {out}");
        assert!(rows == 0 || !out.is_empty(), "{list:?}");
        assert!(status == 2 && err.contains(part) && err.contains("standard input: line"), "{list:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let (status, out, err) = ask("", b"to\n8.8.8.8\n8.8.8.8\xff\n");
    assert_eq!((status, out), (2, format!("{HEADER}{SENT}")));
    assert!(err.contains("line 3: column 8: not UTF-8 text"), "{err}");
    assert!(ask("", b"\xff\xfet\0o\0").2.contains("line 1: column 1: not UTF-8"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let (status, _, err) = run("flows --example plain /nowhere/list.csv");
    assert!(status == 2 && err.contains("/nowhere/list.csv: No such file"), "{err}");
    let (status, _, err) = run("flows --example plain /");
    assert!(status == 2 && err.contains("fingerpost: /: "), "{err}");
    let (status, _, err) = run("flows --example plain");
    assert!(status == 2 && err.contains("<FILE>"), "{err}");
    let (status, _, err) = run("flows --script - -");
    assert!(status == 2 && err.contains("read only once"), "{err}");
    let file = Scratch::new("list.csv", b"to\n{\"to\":\"8.8.8.8\"}\n");
    let (status, _, err) = run(&format!("flows --example plain {}", file.path()));
    assert!(status == 2 && err.contains(&format!("{}: line 2: column to", file.path())), "{err}");
    // The extension says what it is, and --format has the last word.
    let file = Scratch::new("list.jsonl", b"\"8.8.8.8\"\n");
    assert_eq!(run(&format!("flows --example plain {}", file.path())).0, 0);
    assert_eq!(run(&format!("flows --example plain --format csv {}", file.path())).0, 2);
}

#[test]
fn a_line_without_end_is_an_error_wherever_it_stands() {
    for list in [
        [&[b' '; 3 << 20][..], b"\n8.8.8.8\n"].concat(),
        [b"to\n8.8.8.8\n", &[b'1'; (1 << 20) + 1][..], b"\n8.8.8.8\n"].concat(),
        [b"{\"to\":\"8.8.8.8\"}\n{\"to\":\"", &[b'1'; 5 << 20][..]].concat(),
        [b"to\n", &b"8.8.8.8\n".repeat(40_000)[..], &[b'1'; 9 << 20][..]].concat(),
    ] {
        let (status, _, err) = ask("", &list);
        assert!(status == 2 && err.contains("the line is longer than 1 MiB"), "{err}");
    }
    // As long as it may be.
    let long = format!("{{\"to\":\"8.8.8.8\"{}}}", " ".repeat((1 << 20) - 16));
    assert_eq!(long.len(), 1 << 20);
    let list = format!("{long}\r\n").repeat(3);
    assert_eq!(ask("", list), (0, format!("{HEADER}{}", SENT.repeat(3)), String::new()));
}

/// A list over many blocks, and its rows: all hosts of a network, in an order of chance.
fn long_list(count: usize) -> (String, String) {
    let (mut list, mut rows) = ("mark,to\n".to_string(), String::new());
    for n in 0..count {
        let host = n * 7919 % 60_000;
        let (high, low) = (host >> 8, host & 0xff);
        let mark = n % 3;
        writeln!(list, "{mark},10.{mark}.{high}.{low}").expect("text");
        writeln!(rows, "{mark},10.{mark}.{high}.{low},sent,e{mark},,10.{mark}.0.1,main,,10.{mark}.0.0/16")
            .expect("text");
    }
    (list, rows)
}

const THREE: &str = "
    ip link add e0 type dummy
    ip link add e1 type dummy
    ip link add e2 type dummy
    ip link set e0 up
    ip link set e1 up
    ip link set e2 up
    ip addr add 10.0.0.1/16 dev e0
    ip addr add 10.1.0.1/16 dev e1
    ip addr add 10.2.0.1/16 dev e2
";

#[test]
fn rows_are_in_order_however_many_threads_answer() {
    let (list, rows) = long_list(120_000);
    // Own addresses and broadcasts are something else.
    let odd = |line: &str| {
        [".0.0", ".0.1", ".255.255"]
            .iter()
            .any(|end| line.split(',').nth(1).is_some_and(|to| to.ends_with(end)))
    };
    let expected: Vec<&str> = rows.lines().filter(|line| !odd(line)).collect();
    let list: String =
        list.lines().filter(|line| !odd(line)).fold(String::new(), |all, line| all + line + "\n");
    let (list, script) = (Scratch::new("long.csv", list.as_bytes()), Scratch::new("three", THREE.as_bytes()));
    for jobs in ["1", "2", "13"] {
        let line = format!("flows --script {} {} --with-input --jobs {jobs}", script.path(), list.path());
        let (status, out, err) = run(&line);
        assert_eq!((status, err.as_str()), (0, ""));
        let mut told = out.lines();
        assert_eq!(told.next(), Some("mark,to,verdict,device,gateway,source,table,rule,route"));
        assert!(told.eq(expected.iter().copied()), "{jobs} threads");
    }
}

#[test]
fn a_bad_line_far_behind_is_found_and_all_before_it_answered() {
    let bad = 90_001;
    let mut list = "to\n".to_string();
    for n in 2..200_000 {
        list.push_str(if n == bad || n == bad + 40_000 { "8.8.8.x\n" } else { "8.8.8.8\n" });
    }
    let (status, out, err) = ask("--jobs 5", &list);
    assert_eq!((status, out.lines().count()), (2, bad - 1));
    assert!(out.ends_with(SENT) && err.contains(&format!("line {bad}: column to: \"8.8.8.x\"")), "{err}");
}

#[test]
fn rows_come_before_the_list_is_at_its_end() {
    let mut child = start("flows --example tunnelvision -");
    let mut list = child.stdin.take().expect("standard input");
    let mut rows = BufReader::new(child.stdout.take().expect("standard output"));
    list.write_all(b"to\n").expect("a header");
    let mut row = String::new();
    for expected in [HEADER, SENT, SENT] {
        list.write_all(b"8.8.8.8\n8.8").expect("a question");
        row.clear();
        rows.read_line(&mut row).expect("a row");
        assert_eq!(row, expected);
        list.write_all(b".8.8\n").expect("its end");
    }
    // A bad line ends it, though more could come.
    list.write_all(b"x\n").expect("a line");
    assert_eq!(child.wait().expect("an end").code(), Some(2));
}

#[test]
fn who_reads_no_further_ends_it_though_more_could_come() {
    let mut child = start("flows --example tunnelvision -");
    drop(child.stdout.take());
    let mut list = child.stdin.take().expect("standard input");
    let _ = list.write_all("8.8.8.8\n".repeat(1000).as_bytes());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    let mut complaint = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut complaint).expect("text");
    assert_eq!(complaint, "");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_is_an_error() {
    let list = Scratch::new("full.csv", b"8.8.8.8\n");
    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut command = fingerpost();
    command.args(["flows", "--example", "plain", &list.path()]).stdout(full);
    let (status, _, err) = crate::told(command.output().expect("the command starts"));
    assert!(status == 2 && err.contains("No space left on device"), "{err}");
}

#[test]
fn unknown_answers_are_counted_and_the_first_ones_told() {
    let script = Scratch::new(
        "encap",
        b"ip link add e0 type dummy\nip link set e0 up\nip addr add 10.0.0.1/24 dev e0\n\
          ip route add 20.0.0.0/8 encap ip id 5 dst 10.0.0.3 via 10.0.0.2\n",
    );
    let list = format!("to\n10.0.0.9\n{}10.0.0.9\n", "20.8.8.8\n".repeat(14));
    let (status, out, err) = run_with(&format!("flows --script {} -", script.path()), list.as_bytes());
    assert_eq!(status, 3, "{out}{err}");
    assert_eq!(out.matches("unknown,,,,,,\n").count(), 14, "{out}");
    assert_eq!(out.matches("sent,e0,,10.0.0.1,main").count(), 2, "{out}");
    let told: Vec<&str> = err.lines().filter(|line| line.contains(": unknown: ")).collect();
    assert_eq!(told.len(), 10, "{err}");
    assert!(told[0].contains("standard input: line 3: unknown: the route's encapsulation"), "{err}");
    assert!(err.ends_with("4 more answers are unknown\n"), "{err}");
}

#[test]
fn what_if_is_asked_of_lists_too() {
    let change = Scratch::new("change", b"ip route del 0.0.0.0/1\n");
    let (status, out, err) =
        run_with(&format!("--apply {} flows --example tunnelvision -", change.path()), b"to\n8.8.8.8\n");
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("sent,wg0,"), "{out}");
}

#[test]
fn any_bytes_are_answered_or_refused_and_rows_are_whole() {
    let lists = [
        "to,from,iif,mark\n8.8.8.8,,,\n\"192.168.1.9\",,,0x10\r\n192.168.1.20,8.8.8.8,eth0,7\n127.0.0.1,,,\n",
        "{\"to\":\"8.8.8.8\",\"mark\":16}\n{\"to\":\"192.168.1.20\",\"from\":\"8.8.8.8\",\"iif\":\"eth0\"}\n\"::1\"\n",
    ];
    let mut random = Rng::new(1);
    for n in 0..300 {
        let mut list = lists[n % 2].as_bytes().to_vec();
        for _ in 0..1 + random.below(3) {
            let at = random.below(list.len() as u64) as usize;
            match random.below(4) {
                0 => list[at] = random.next_u32() as u8,
                1 => list[at] = *random.pick(b",\"\n\r0:.{}\\\0 ").expect("a byte"),
                2 => list.truncate(at + 1),
                _ => drop(list.remove(at)),
            }
        }
        let (status, out, err) = ask("--jobs 2", &list);
        let text = String::from_utf8_lossy(&list);
        assert!([0, 2, 3].contains(&status) && !err.contains("panicked"), "{text:?}: {err}");
        assert_eq!(status == 2, err.contains("standard input: line"), "{text:?}: {err}");
        assert!(out.is_empty() || out.starts_with(HEADER) && out.ends_with('\n'), "{text:?}: {out}");
        assert!(out.lines().all(|row| row.split(',').count() == 7), "{text:?}: {out}");
        let lines = list.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        let rows = out.lines().count();
        assert!(status == 2 && rows <= lines || status != 2 && rows >= lines, "{text:?}: {out}");
    }
}
