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

/// Runs `sysctl ARGS` in a namespace.
pub fn run(args: &[String], kernel: &mut dyn Kernel, ns: NsId) -> Outcome {
    let mut outcome = Outcome::default();
    let mut options = Options::default();
    let mut settings = Vec::new();
    for arg in args {
        match arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            None => settings.push(arg.as_str()),
            Some(letters) => {
                for letter in letters.chars() {
                    match letter {
                        'w' => options.write = true,
                        'q' => options.quiet = true,
                        'n' => options.values_only = true,
                        'N' => options.names_only = true,
                        'e' => options.ignore = true,
                        'b' => (options.values_only, options.no_newline) = (true, true),
                        'o' | 'x' => {}
                        _ => {
                            let _ = writeln!(
                                outcome.stderr,
                                "sysctl: option -- '{letter}' is not supported here"
                            );
                            outcome.status = 1;
                            return outcome;
                        }
                    }
                }
            }
        }
    }
    if settings.is_empty() {
        outcome.stderr.push_str("sysctl: no variables specified\n");
        outcome.status = 1;
        return outcome;
    }
    for setting in settings {
        match setting.split_once('=') {
            Some((key, value)) => {
                write(kernel, ns, &options, key.trim_end(), value.trim_start(), &mut outcome)
            }
            None if options.write => {
                outcome.stderr.push_str("sysctl: command line(0): invalid syntax, continuing...\n");
                outcome.status = 1;
            }
            None => read(kernel, ns, &options, setting, &mut outcome),
        }
    }
    outcome
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

fn no_such_file(path: &str, errno: Errno, outcome: &mut Outcome) {
    let _ = writeln!(outcome.stderr, "sysctl: cannot stat {path}: {errno}");
    outcome.errno = Some(errno);
    outcome.status = 1;
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
        Err(errno) => no_such_file(&path, errno, outcome),
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
        Err(Errno::ENOENT) => no_such_file(&path, Errno::ENOENT, outcome),
        // procps looks at the mode of a read-only entry before it writes, says
        // "Invalid argument" from an earlier error, and ends with 0.
        Err(Errno::EACCES | Errno::EPERM) => {
            let _ = writeln!(outcome.stderr, "sysctl: setting key \"{}\": {}", name_of(&path), Errno::EINVAL);
            outcome.errno = Some(Errno::EINVAL);
        }
        Err(errno) => {
            let _ = writeln!(outcome.stderr, "sysctl: setting key \"{}\": {errno}", name_of(&path));
            outcome.errno = Some(errno);
            outcome.status = 1;
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
}
