//! The `sysctl` command on a virtual host: reading and writing by name, with
//! the messages and exit statuses of procps.

use std::fmt::Write;

use fingerpost_iproute::Outcome;
use fingerpost_model::{Kernel, NsId};
use fingerpost_net::Errno;

#[derive(Default)]
struct Options {
    quiet: bool,
    values_only: bool,
    names_only: bool,
    ignore: bool,
    write: bool,
    no_newline: bool,
}

/// Long options that are understood, with the letter that means the same.
const LONG: [(&str, char); 6] =
    [("write", 'w'), ("values", 'n'), ("names", 'N'), ("quiet", 'q'), ("ignore", 'e'), ("binary", 'b')];

/// Long options that are not, so that an abbreviation of both is ambiguous.
const OTHER_LONG: [&str; 8] =
    ["all", "deprecated", "dry-run", "help", "load", "pattern", "system", "version"];

/// Runs `sysctl ARGS` in a namespace.
pub fn run(args: &[String], kernel: &mut dyn Kernel, ns: NsId) -> Outcome {
    let mut outcome = Outcome::default();
    let (options, settings) = match words(args) {
        Ok(read) => read,
        Err(message) => {
            let _ = writeln!(outcome.stderr, "sysctl: {message}");
            outcome.status = 1;
            return outcome;
        }
    };
    if settings.is_empty() {
        outcome
            .stderr
            .push_str("sysctl: no variables specified\nTry `sysctl --help' for more information.\n");
        outcome.status = 1;
        return outcome;
    }
    for setting in settings {
        match setting.split_once('=') {
            // procps passes over what is too short to be a setting.
            _ if setting.len() < 2 && (options.write || setting == "=") => outcome.status |= 1,
            Some((key, value)) => {
                write(kernel, ns, &options, key.trim_end(), value.trim_start(), &mut outcome)
            }
            None if options.write => {
                outcome.stderr.push_str("sysctl: command line(0): invalid syntax, continuing...\n");
                outcome.status |= 1;
            }
            None => read(kernel, ns, &options, setting, &mut outcome),
        }
    }
    outcome
}

/// The options and the settings among the words.
fn words(args: &[String]) -> Result<(Options, Vec<&str>), String> {
    let mut options = Options::default();
    let mut settings = Vec::new();
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        if arg == "--" {
            settings.extend(args.by_ref());
        } else if let Some(long) = arg.strip_prefix("--") {
            let known = LONG.iter().filter(|(name, _)| name.starts_with(long));
            let mut letters = known.map(|&(_, letter)| letter);
            let other = OTHER_LONG.iter().any(|name| name.starts_with(long));
            match (letters.next(), letters.next()) {
                (Some(letter), None) if !other => options.set(letter)?,
                _ => return Err(format!("option {arg} is not supported here")),
            }
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            letters.chars().try_for_each(|letter| options.set(letter))?;
        } else {
            settings.push(arg);
        }
    }
    Ok((options, settings))
}

impl Options {
    fn set(&mut self, letter: char) -> Result<(), String> {
        match letter {
            'w' => self.write = true,
            'q' => self.quiet = true,
            'n' => self.values_only = true,
            'N' => self.names_only = true,
            'e' => self.ignore = true,
            'b' => (self.values_only, self.no_newline) = (true, true),
            'o' | 'x' => {}
            _ => return Err(format!("option -- '{letter}' is not supported here")),
        }
        Ok(())
    }
}

/// Whether a path below `/proc/sys` is one of those that are modelled: what is not
/// there then is not there in Linux either.
pub(crate) fn is_modelled(path: &str) -> bool {
    ["/proc/sys/net/bridge/", "/proc/sys/net/ipv4/", "/proc/sys/net/ipv6/"]
        .iter()
        .any(|below| path.starts_with(below))
}

/// The file of a key: whichever of `.` and `/` comes first separates, the
/// other one stands for itself exchanged, so that device names may hold dots.
fn path_of(key: &str) -> String {
    let swap = key.find(['.', '/']).is_some_and(|at| key.as_bytes()[at] == b'.');
    let exchange = |c| match c {
        '.' if swap => '/',
        '/' if swap => '.',
        c => c,
    };
    format!("/proc/sys/{}", key.chars().map(exchange).collect::<String>())
}

/// The key as it is printed, with dots.
fn name_of(path: &str) -> String {
    let exchange = |c| match c {
        '/' => '.',
        '.' => '/',
        c => c,
    };
    path.trim_start_matches("/proc/sys/").chars().map(exchange).collect()
}

/// Says that there is nothing under a name, or that it is not known whether there is.
fn missing(path: &str, errno: Errno, outcome: &mut Outcome) {
    if path == "/proc/sys/" {
        let _ = writeln!(outcome.stderr, "sysctl: Path is not under /proc/sys/: {path}");
    } else if errno == Errno::EISDIR {
        let name = name_of(path);
        let _ =
            writeln!(outcome.stderr, "sysctl: {name}: a group of settings is not supported here; name one");
    } else if errno == Errno::ENOENT && !is_modelled(path) {
        let name = name_of(path);
        let _ = writeln!(
            outcome.stderr,
            "sysctl: {name}: not modelled; settings below net.bridge, net.ipv4 and net.ipv6 are"
        );
    } else {
        let _ = writeln!(outcome.stderr, "sysctl: cannot stat {path}: {errno}");
        outcome.errno = Some(errno);
    }
}

fn read(kernel: &mut dyn Kernel, ns: NsId, options: &Options, key: &str, outcome: &mut Outcome) {
    let path = path_of(key);
    match kernel.read_file(ns, &path) {
        Ok(text) => {
            for line in text.lines() {
                print(options, &name_of(&path), line, outcome);
            }
        }
        // Write-only entries read as nothing.
        Err(Errno::EACCES) => {}
        Err(Errno::ENOENT) if options.ignore => {}
        // procps stops without a word at what is there and cannot be read.
        Err(Errno::EIO) => outcome.status += 1,
        Err(errno) => {
            missing(&path, errno, outcome);
            outcome.status += 1;
        }
    }
}

fn write(
    kernel: &mut dyn Kernel,
    ns: NsId,
    options: &Options,
    key: &str,
    value: &str,
    outcome: &mut Outcome,
) {
    let path = path_of(key);
    // procps writes a line, so that an empty value is not nothing.
    match kernel.write_file(ns, &path, &format!("{value}\n")) {
        Ok(()) => {
            if !options.quiet {
                print(options, &name_of(&path), value, outcome);
            }
        }
        Err(Errno::ENOENT) if options.ignore => {}
        Err(Errno::ENOENT) => {
            missing(&path, Errno::ENOENT, outcome);
            outcome.status |= 1;
        }
        // procps looks at the mode of a read-only entry or directory before it writes,
        // says "Invalid argument" from an earlier error, and ends with 0.
        Err(Errno::EACCES | Errno::EPERM | Errno::EISDIR) => {
            let _ = writeln!(outcome.stderr, "sysctl: setting key \"{}\": {}", name_of(&path), Errno::EINVAL);
            outcome.errno = Some(Errno::EINVAL);
        }
        Err(errno) => {
            let _ = writeln!(outcome.stderr, "sysctl: setting key \"{}\": {errno}", name_of(&path));
            outcome.errno = Some(errno);
            outcome.status |= 1;
        }
    }
}

fn print(options: &Options, name: &str, value: &str, outcome: &mut Outcome) {
    let out = &mut outcome.stdout;
    if options.names_only {
        out.push_str(name);
    } else if options.values_only {
        out.push_str(value);
    } else {
        let _ = write!(out, "{name} = {value}");
    }
    if !options.no_newline {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_decides() {
        assert_eq!(path_of("net.ipv4.ip_forward"), "/proc/sys/net/ipv4/ip_forward");
        assert_eq!(path_of("net/ipv4/conf/eth0.5/rp_filter"), "/proc/sys/net/ipv4/conf/eth0.5/rp_filter");
        assert_eq!(path_of("net.ipv4.conf.eth0/5.rp_filter"), "/proc/sys/net/ipv4/conf/eth0.5/rp_filter");
    }

    fn run_line(line: &str) -> (i32, String, String) {
        let mut world = fingerpost_engine::World::new(1, fingerpost_engine::Behaviour::default());
        let args: Vec<String> = line.split_whitespace().map(String::from).collect();
        let outcome = run(&args, &mut world, NsId(0));
        (outcome.status, outcome.stdout, outcome.stderr)
    }

    #[test]
    fn what_is_not_modelled_is_not_said_to_be_missing() {
        for line in ["net.core.somaxconn", "kernel.hostname", "-w kernel.hostname=x", "-w vm.swappiness=1"] {
            let (status, out, err) = run_line(line);
            assert_eq!((status, out.as_str()), (1, ""), "{line}");
            assert!(err.contains("not modelled"), "{line}: {err}");
        }
        let (status, _, err) = run_line("net.ipv4.nope net.ipv4.neither");
        assert_eq!(status, 2);
        assert!(err.contains("cannot stat /proc/sys/net/ipv4/nope: No such file or directory"), "{err}");
        assert!(run_line("net.ipv4.route").2.contains("not supported"));
        assert_eq!(run_line("-e kernel.hostname").0, 0);
    }

    #[test]
    fn options_have_long_forms() {
        assert_eq!(run_line("--values net.ipv4.ip_forward"), (0, "0\n".into(), String::new()));
        assert_eq!(run_line("--w --q net.ipv4.ip_forward=1"), (0, String::new(), String::new()));
        assert_eq!(run_line("net.ipv4.ip_forward --names").1, "net.ipv4.ip_forward\n");
        for line in ["-a", "--all", "-p", "--load=x", "--system", "-r x", "--v x", "--foo", "-Z"] {
            let (status, out, err) = run_line(line);
            assert_eq!((status, out.as_str()), (1, ""), "{line}");
            assert!(err.contains("is not supported here"), "{line}: {err}");
        }
    }

    #[test]
    fn blanks_around_the_equals_sign_are_no_setting_as_in_procps() {
        let invalid = "sysctl: command line(0): invalid syntax, continuing...\n";
        assert_eq!(run_line("-w net.ipv4.ip_forward = 1"), (1, String::new(), invalid.into()));
        let (status, out, err) = run_line("-w net.ipv4.ip_forward =1");
        assert_eq!((status, out.as_str()), (1, ""));
        assert_eq!(err, format!("{invalid}sysctl: Path is not under /proc/sys/: /proc/sys/\n"));
        assert_eq!(run_line("net.ipv4.ip_forward =").0, 1);
        assert_eq!(run_line("-w net.ipv4=1").0, 0);
    }
}
