//! The manual page: all verbs with their options on one page.

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::examples;

/// The page in roff.
pub(super) fn page(mut command: Command) -> anyhow::Result<String> {
    command.build();
    let mut text = Vec::new();
    let man = Man::new(command.clone()).title("FINGERPOST").manual("User Commands");
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    let mut page = Roff::new();
    synopsis(&mut page, &command);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        page.control("PP", []).text([roman(paragraph)]);
    }
    page.control("SH", ["SOURCE OPTIONS"]);
    page.text([roman(SOURCES)]);
    options(&mut page, &command, &|_| true);
    page.control("SH", ["VERBS"]);
    for verb in verbs(&command) {
        page.control("SS", [verb.get_name()]);
        page.text(usage(verb));
        let about = verb.get_about().map(|about| format!("{about}.")).unwrap_or_default();
        page.control("PP", []).text([roman(about)]);
        let is_source = |arg: &Arg| command.get_arguments().any(|known| known.get_id() == arg.get_id());
        let all_sources = verb.get_arguments().any(|arg| arg.get_id() == "example");
        if all_sources {
            page.control("PP", []).text([roman("The source options may also stand here.")]);
        }
        options(&mut page, verb, &|arg| !(all_sources && is_source(arg)));
    }
    for (title, entries) in LISTS {
        page.control("SH", [title]);
        for (term, meaning) in entries {
            page.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
        }
    }
    page.control("SH", ["EXAMPLES"]);
    for (line, meaning) in EXAMPLES {
        page.control("TP", []).text([bold(line)]).text([roman(meaning)]);
    }
    page.control("SS", ["Built-in situations"]);
    for example in examples::ALL {
        page.control("TP", []).text([bold(example.name)]).text([roman(example.story())]);
    }
    page.control("SH", ["SEE ALSO"]).text([bold("ip"), roman("(8), "), bold("ip-route"), roman("(8)")]);
    page.to_writer(&mut text)?;
    Ok(String::from_utf8(text)?)
}

/// The verbs, without clap's own.
fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help")
}

fn synopsis(page: &mut Roff, command: &Command) {
    page.control("SH", ["SYNOPSIS"]);
    for (n, verb) in verbs(command).enumerate() {
        if n > 0 {
            page.control("br", []);
        }
        page.text(usage(verb));
    }
}

/// How a verb is used, in one line.
fn usage(verb: &Command) -> Vec<Inline> {
    let mut words = vec![bold("fingerpost"), roman(" ")];
    if ["explain", "flows", "ip"].contains(&verb.get_name()) {
        words.extend([roman("["), italic("SOURCE"), roman("] ")]);
    }
    words.push(bold(verb.get_name()));
    if verb.get_opts().any(|arg| !hidden(arg)) || verb.get_arguments().any(is_flag) {
        words.extend([roman(" ["), italic("OPTIONS"), roman("]")]);
    }
    for arg in verb.get_positionals() {
        let name = value_name(arg);
        match arg.is_required_set() {
            true => words.extend([roman(" "), italic(name)]),
            false => words.extend([roman(" ["), italic(name), roman("]")]),
        }
        if arg.get_num_args().is_some_and(|range| range.max_values() > 1) {
            words.push(roman("..."));
        }
    }
    words
}

fn hidden(arg: &Arg) -> bool {
    arg.is_hide_set() || ["help", "version"].contains(&arg.get_id().as_str())
}

fn is_flag(arg: &Arg) -> bool {
    !arg.is_positional() && !takes_value(arg) && !hidden(arg)
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| arg.get_id().to_string().to_uppercase(), |name| name.to_string())
}

/// A command's arguments, with what they mean.
fn options(page: &mut Roff, command: &Command, shown: &dyn Fn(&Arg) -> bool) {
    for arg in command.get_arguments().filter(|arg| !hidden(arg) && shown(arg)) {
        let mut head = Vec::new();
        if let Some(short) = arg.get_short() {
            head.push(bold(format!("-{short}")));
        }
        if let Some(long) = arg.get_long() {
            if !head.is_empty() {
                head.push(roman(", "));
            }
            head.push(bold(format!("--{long}")));
        }
        if takes_value(arg) {
            if !head.is_empty() {
                head.push(roman(" "));
            }
            head.push(italic(value_name(arg)));
        }
        let mut help = arg.get_help().map(|help| help.to_string()).unwrap_or_default();
        if let [default] = arg.get_default_values()
            && takes_value(arg)
        {
            help.push_str(&format!("; {} without it", default.to_string_lossy()));
        }
        page.control("TP", []).text(head).text([roman(format!("{help}."))]);
    }
}

const DESCRIPTION: [&str; 3] = [
    "Fingerpost is Linux's packet routing in userspace. It says which way Linux sends a packet, and why: every \
     rule with the selector that fails, every table with the routes passed over, the step that decides.",
    "It answers from a live host, from a snapshot of one, from a script of ip(8) commands or from a built-in \
     situation. Without a source option the live host is asked. Nothing ever changes a real host: commands that \
     change something are refused, and --apply changes a copy in memory.",
    "IPv4 and IPv6 are answered. What is not modelled is reported as unknown, by name.",
];

const SOURCES: &str = "One source at most is given. The options stand before the verb, or behind explain \
                       and flows.";

type List = (&'static str, &'static [(&'static str, &'static str)]);

const LISTS: [List; 6] = [
    (
        "QUESTION",
        &[
            ("ADDRESS", "The destination. The words are those of ip route get, with their abbreviations."),
            ("from A", "The source; any and 0 mean none."),
            ("iif D", "The device on which the packet is received; without it the packet is made here."),
            ("oif D, dev D", "The device by which it has to leave: a name, an alternative name or ifN."),
            ("vrf D", "The VRF that it is made in."),
            ("mark M, uid U", "Its mark and its sender's user id, decimal, 0x... or octal with a leading 0."),
            (
                "ipproto P, sport N, dport N",
                "Its protocol, by name or any number, and its ports; UDP without.",
            ),
            ("tos T", "Its type of service, hexadecimal or by name, such as AF11."),
            ("notify, connected, fibmatch", "Are understood and change no answer."),
            (
                "-",
                "Questions come from standard input, a JSON object or string a line, such as \
                 {\"to\":\"8.8.8.8\",\"mark\":1}; a JSON object a line is printed. A line that is no question is \
                 answered with an object that names the line and the error.",
            ),
        ],
    ),
    (
        "LISTS OF QUESTIONS",
        &[
            (
                "CSV",
                "flows takes a list whose first line names the columns, out of: to, from, iif, oif, mark, uid, \
                 ipproto, sport, dport, tos, flowlabel, vrf; dst and src stand for to and from. Addresses alone, \
                 one a line, need no such line. An empty field takes any value, fields may be in quotes (RFC 4180), \
                 and blank lines are skipped.",
            ),
            ("NDJSON", "Or the lines of explain -."),
            (
                "verdict",
                "The columns of the rows begin with what becomes of the packet: sent, forwarded, delivered, dropped, \
                 refused, or unknown, where something decides that is not modelled or could not be found out.",
            ),
            (
                "device, gateway, source, table",
                "As in explain's decision. Of legs among which a hash with an unknown seed chooses, what they have in \
                 common.",
            ),
            (
                "rule, route",
                "The preference of the rule that ended the packet's own lookup, where rules were evaluated, and the \
                 prefix of the route that it found, even if the packet is then dropped.",
            ),
        ],
    ),
    (
        "PACKETS",
        &[
            (
                "words",
                "explain --packet has one packet come to the host in memory and tells its whole way. --in, --from and \
                 --to are needed, or their words in QUESTION; without a protocol it is an echo request. Lengths and \
                 checksums are right. On a device of Ethernet its frame is addressed to the device.",
            ),
            (
                "--hex, --pcap",
                "Any bytes are a packet: those of hexadecimal digits, as tcpdump -x prints them, or one of a capture.",
            ),
            (
                "--send, --connect, --listen",
                "A program of the host sends a datagram, or connects a socket of UDP or TCP; or one waits for the \
                 packet that comes.",
            ),
            (
                "--until",
                "A packet that waits for its neighbour's address is told to wait. When seconds pass, so is what \
                 they bring: further requests, and the failure.",
            ),
        ],
    ),
    (
        "EXPECTATIONS",
        &[
            ("dev D, via G, src A", "The device, gateway and source; with several legs, the device of each."),
            ("table T, type T", "The table that decides, by name or number; the type of the decision."),
            (
                "errno NAME, reason NAME",
                "The error, such as ENETUNREACH; the drop reason, such as IP_RPFILTER.",
            ),
            ("sent, delivered, forwarded, queued, dropped, refused", "What becomes of the packet."),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "Answered, or the expectation holds."),
            ("1", "An expectation is violated, or the running kernel says otherwise (--verify)."),
            ("2", "Usage or bad input."),
            ("3", "Something that is not modelled or could not be read decides; of a list, some answer."),
            ("run", "Exits as the last command of the script."),
            ("ip", "Exits as ip(8): 255, 1 or 2 for what is wrong there; 2 for a change, which is refused."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[("COLUMNS", "The width of what explain prints."), ("NO_COLOR", "No colours if it is set.")],
    ),
];

const EXAMPLES: [(&str, &str); 8] = [
    ("fingerpost explain --example tunnelvision 8.8.8.8", "A built-in situation."),
    (
        "fingerpost explain 192.0.2.7 from 10.0.0.5 iif eth0 --verify",
        "A packet received on this host, and whether the kernel agrees.",
    ),
    (
        "fingerpost capture -o host.fp && fingerpost --snapshot host.fp ip route show table all",
        "This host's configuration in a file, and what is in it.",
    ),
    (
        "fingerpost --apply change.sh explain 8.8.8.8 --against live",
        "What commands would change: the first step at which the answers differ.",
    ),
    (
        "fingerpost explain --packet --in eth0 --from 10.0.0.9 --to 192.0.2.7 --udp 53 --ttl 1",
        "A packet's whole way, and what the host sends because of it.",
    ),
    ("fingerpost explain 8.8.8.8 --expect 'dev wg0'", "A check: exits with 1 if it is not so."),
    (
        "fingerpost flows --snapshot host.fp list.csv --with-input >answers.csv",
        "A list of questions, each with its answer.",
    ),
    ("fingerpost run script.sh", "Commands on a fresh host in memory."),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_page_tells_all_options_and_names_no_other_page_of_ours() {
        let page = super::page(super::super::Cli::command()).expect("a page");
        for word in ["\\-\\-snapshot", "\\-\\-verify", "\\-\\-redact", "\\-\\-release", "\\-\\-also"] {
            assert!(page.contains(word), "{word} in {page}");
        }
        for title in ["SYNOPSIS", "QUESTION", "EXIT STATUS", "EXAMPLES"] {
            assert!(page.contains(title), "{title}");
        }
        assert!(!page.contains("EXTRA") && !page.contains("fingerpost\\-explain(1)"));
    }
}
