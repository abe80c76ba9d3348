//! Several hosts and what pings print between them: transcripts that Fingerpost's virtual
//! network and real namespaces have to repeat, times aside.
//!
//! Behind a command (`$ `) stand its standard output, its standard error with `! ` before
//! each line, and its exit status in brackets unless it is 0; `# ` begins a remark. Blanks at
//! line ends and blank lines do not count; a tab is written as four blanks. Beyond the
//! transcript, both sides' answers have to be equal byte for byte.
//!
//! The kernel's side needs root, `unshare`, `ip`, `sysctl`, and iputils' `ping`. Without them
//! a test says so and is content with the transcript, unless `FINGERPOST_REQUIRE_KERNEL=1`.

use std::process::Command;
use std::sync::OnceLock;

use fingerpost_testkit::network::sides;
use fingerpost_testkit::script::Answer;

/// The release of iputils whose ping is modelled.
const PING: &str = "20221126";

macro_rules! transcripts {
    ($($name:ident,)*) => {
        $(#[test]
        fn $name() {
            check(include_str!(concat!(stringify!($name), ".txt")));
        })*
    };
}

transcripts! {
    bridge,
    options,
    redirect,
    refusals,
    three_hosts,
}

/// A command and what is expected of it.
struct Step<'a> {
    command: &'a str,
    expected: Vec<&'a str>,
}

fn check(transcript: &str) {
    let steps = parse(transcript);
    let lines: Vec<String> = steps.iter().map(|step| step.command.to_owned()).collect();
    let ours = sides::ours(&lines).expect("commands of scripts");
    judge("Fingerpost", &steps, &ours);
    if kernel_is_there() {
        let theirs = sides::theirs(&lines).expect("namespaces");
        judge("the kernel", &steps, &theirs);
        for ((line, ours), theirs) in lines.iter().zip(&ours).zip(&theirs) {
            assert_eq!(ours, theirs, "{line}");
        }
    }
}

fn parse(transcript: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in transcript.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { command, expected: Vec::new() }),
            None if line.starts_with("# ") => {}
            None => steps.last_mut().expect("a transcript begins with a command").expected.push(line),
        }
    }
    steps
}

fn judge(side: &str, steps: &[Step<'_>], answers: &[Answer]) {
    for (step, answer) in steps.iter().zip(answers) {
        let shown = shown(answer);
        assert_eq!(shown.join("\n"), step.expected.join("\n"), "{side} says of `{}`", step.command);
    }
    assert_eq!(steps.len(), answers.len(), "{side} answers each line");
}

/// An answer in the transcript's form.
fn shown(answer: &Answer) -> Vec<String> {
    let plain = |line: &str| line.replace('\t', "    ").trim_end().to_owned();
    let mut lines: Vec<String> = answer.stdout.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let errors = answer.stderr.lines().map(plain).filter(|line| !line.is_empty());
    lines.extend(errors.map(|line| format!("! {line}")));
    if answer.status != 0 {
        lines.push(format!("[{}]", answer.status));
    }
    lines
}

/// Whether namespaces can be made here, with the ping that is modelled.
fn kernel_is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        let required = std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref() == Ok("1");
        let run = |program: &str, args: &[&str]| Command::new(program).args(args).output();
        let version = run("ping", &["-V"]).map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let ready =
            run("unshare", &["--net", "--mount", "sh", "-c", "ip link set lo up && command -v sysctl"]);
        let why = match (version, ready) {
            (Ok(version), _) if !version.contains(PING) => {
                format!("this is another ping: {}", version.trim())
            }
            (Ok(_), Ok(output)) if output.status.success() => return true,
            _ => "no network namespace can be made here, or ping, ip or sysctl is missing".to_owned(),
        };
        assert!(!required, "{why}");
        eprintln!("the kernel is not asked: {why}");
        false
    })
}
