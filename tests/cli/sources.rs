//! One source a command, and always looked at.

use crate::{Scratch, run, run_with};

#[test]
fn two_sources_are_refused_wherever_they_stand() {
    let file = Scratch::new("none.fp", b"");
    let path = file.path();
    let lines = [
        format!("--snapshot {path} explain --example plain 8.8.8.8"),
        format!("explain --script {path} --example plain 8.8.8.8"),
        "--example plain explain --example wg-quick 8.8.8.8".into(),
        "--pid 1 explain --example plain 8.8.8.8".into(),
        "--pid 1 -n blue explain 8.8.8.8".into(),
        format!("--snapshot {path} ip --example plain link"),
        "--example plain run -".into(),
        "-n blue man".into(),
        format!("--apply {path} run -"),
        "--example plain examples".into(),
        "--example plain capture".into(),
        format!("--apply {path} capture"),
        "--script - --apply - explain 8.8.8.8".into(),
        "--script - explain -".into(),
    ];
    for line in lines {
        let (status, out, err) = run(&line);
        assert_eq!((status, out.as_str()), (2, ""), "{line}");
        assert!(err.starts_with("fingerpost: ") && err.lines().count() == 1, "{line}: {err}");
    }
}

#[test]
fn a_namespace_is_chosen_in_every_source() {
    let script = Scratch::new("two.sh", b"ip netns add blue\nip -n blue link set lo up\n");
    let path = script.path();
    for line in ["explain --example plain 8.8.8.8".to_string(), format!("explain --script {path} 127.0.0.1")]
    {
        let (status, out, err) = run(&format!("-n nope {line}"));
        assert_eq!((status, out.as_str()), (2, ""), "{line}");
        assert!(err.contains("there is no namespace \"nope\""), "{err}");
    }
    assert_eq!(run(&format!("--script {path} explain 127.0.0.1")).0, 0);
    assert!(run(&format!("--script {path} explain 127.0.0.1")).1.contains("cannot be sent"));
    assert!(run(&format!("explain -n blue --script {path} 127.0.0.1")).1.contains("is this host"));
}

#[test]
fn source_options_may_follow_the_verb() {
    let (status, out, _) = run("explain --example plain 8.8.8.8");
    assert_eq!((status, run("--example plain explain 8.8.8.8").1), (0, out));
    let (status, out, _) = run("ip --example plain -4 route show default");
    assert_eq!((status, out.as_str()), (0, "default via 192.0.2.1 dev eth0 \n"));
}

#[test]
fn an_unknown_example_is_refused_with_the_known_ones() {
    for line in ["explain --example nope", "examples nope"] {
        let (status, _, err) = run(line);
        assert_eq!(status, 2);
        assert!(err.contains("tunnelvision"), "{err}");
    }
    assert_eq!(run("explain --example networkd-deletes-rules").0, 0, "stands for a variant");
}

#[test]
fn nothing_is_changed_in_any_source() {
    let script = Scratch::new("one.sh", b"ip link set lo up\n");
    for source in ["--example plain".to_string(), format!("--script {}", script.path())] {
        for change in ["link set lo down", "route add 9.0.0.0/8 dev lo", "addr add 10.0.0.1/8 dev lo"] {
            let (status, out, err) = run(&format!("{source} ip {change}"));
            assert_eq!((status, out.as_str()), (2, ""), "{source} {change}");
            assert!(err.contains("use --apply SCRIPT to ask what if"), "{err}");
        }
        assert_eq!(run(&format!("{source} ip netns add blue")).0, 1);
    }
}

#[test]
fn texts_without_end_are_not_read_to_their_end() {
    for line in ["run /dev/zero", "--script /dev/zero ip link", "explain --example plain --apply /dev/zero"] {
        let (status, out, err) = run(line);
        assert_eq!((status, out.as_str()), (2, ""), "{line}");
        assert!(err.contains("/dev/zero: longer than 64 MiB"), "{line}: {err}");
    }
    let (status, _, err) = run("--example plain ip -batch /dev/zero");
    assert_eq!(status, 255);
    assert!(err.contains("/dev/zero:1: a command of more than 1 MiB"), "{err}");
}

#[test]
fn a_script_s_errors_name_its_place() {
    let marked = Scratch::new("bom.sh", "\u{feff}ip link\n".as_bytes());
    let (status, _, err) = run(&format!("run {}", marked.path()));
    assert_eq!(status, 2);
    assert!(err.contains("line 1, column 1: a byte order mark (BOM)"), "{err}");
    let marked = Scratch::new("bom.fp", "\u{feff}{\"fingerpost\":1}\n".as_bytes());
    let (_, _, err) = run(&format!("--snapshot {} ip link", marked.path()));
    assert!(err.contains("a byte order mark (BOM)"), "{err}");
    for line in ["run -", "--script - ip link", "--example plain --apply - ip link"] {
        let (status, _, err) = run_with(line, b"ip link\nnonsense\n");
        assert_eq!(status, 2);
        assert!(err.starts_with("fingerpost: standard input: line 2, column 1: "), "{line}: {err}");
    }
}

#[test]
fn a_release_that_is_none_is_refused() {
    for release in ["abc", "=", "99999999999.1"] {
        let (status, _, err) = run(&format!("run --release {release} -"));
        assert_eq!(status, 2);
        assert!(err.contains("such as 6.18 or 6.18.3-generic"), "{err}");
    }
    assert_eq!(run("run --release 6.12.9-arch1 -").0, 0);
}

#[test]
fn a_refused_rule_of_a_folder_is_named_by_file_and_entry() {
    let folder = std::env::temp_dir().join(format!("fingerpost-cli-{}-folder", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    let lo = r#"[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback"}]"#;
    write("addr.json", lo);
    write("route.json", "[]");
    write("rule.json", r#"[{"priority":0,"src":"all","table":"local"},{"priority":5,"src":"all","goto":3}]"#);
    let (status, _, err) = run(&format!("explain --snapshot {} 8.8.8.8", folder.display()));
    write("rule.json", r#"[{"priority":"x","src":"all"}]"#);
    let other = run(&format!("explain --snapshot {} 8.8.8.8", folder.display()));
    std::fs::remove_dir_all(&folder).expect("a folder");
    assert_eq!(status, 2);
    assert!(err.contains("rule.json, entry 2: a rule that Linux would refuse"), "{err}");
    assert!(other.2.contains("field priority: string \"x\", expected a number in range"), "{}", other.2);
}
