//! How a command ends early: iproute2's messages and exit codes.
//!
//! iproute2 leaves a command in two ways: it *returns* a status, after which a
//! batch may go on, or it *exits*, which ends a batch too. Usage mistakes,
//! bad values and unparsable addresses exit; what the kernel refuses returns.

use fingerpost_model::Refusal;
use fingerpost_net::Errno;

/// Why a command ended early, with what it says on standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Ends the whole program, a batch included.
    pub ends: bool,
    /// Exit status.
    pub status: u8,
    /// Complete lines for standard error; may be empty.
    pub message: String,
    /// The kernel's error number, when it was the kernel that refused.
    pub errno: Option<Errno>,
}

/// What a command gives back.
pub(crate) type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// Ends the program with this status; `message` without its final newline.
    pub fn exit(status: u8, message: impl Into<String>) -> Failure {
        Failure { ends: true, status, message: line(message.into()), errno: None }
    }

    /// Returns from the command with this status; `message` without its final newline.
    pub fn returned(status: u8, message: impl Into<String>) -> Failure {
        Failure { ends: false, status, message: line(message.into()), errno: None }
    }

    /// A word is missing at the end of the command.
    pub fn incomplete() -> Failure {
        Failure::exit(255, "Command line is not complete. Try option \"help\"")
    }

    /// A value is wrong; `why` may end with a newline, as many of iproute2's do.
    pub fn invalid(why: &str, arg: &str) -> Failure {
        Failure { message: format!("Error: argument \"{arg}\" is wrong: {why}\n"), ..Failure::exit(255, "") }
    }

    /// A keyword was given twice.
    pub fn duplicate(key: &str, arg: &str) -> Failure {
        Failure::exit(255, format!("Error: duplicate \"{key}\": \"{arg}\" is the second value."))
    }

    /// A word is either a second value or makes no sense.
    pub fn garbage(key: &str, arg: &str) -> Failure {
        Failure::exit(255, format!("Error: either \"{key}\" is duplicate, or \"{arg}\" is a garbage."))
    }

    /// No device has this name; returns status 1.
    pub fn no_device(name: &str) -> Failure {
        Failure::returned(1, format!("Cannot find device \"{name}\""))
    }

    /// One line on how a command is used; iproute2 exits with 255 after `help` too.
    pub fn usage(text: &str) -> Failure {
        Failure::exit(255, format!("Usage: {text}"))
    }

    /// Something that iproute2 knows and this crate does not.
    pub fn unsupported(what: &str) -> Failure {
        Failure::returned(255, format!("fingerpost: {what} is not supported"))
    }

    /// A request that the kernel refused (`rtnl_talk`): status 2.
    pub fn refused(refusal: &Refusal) -> Failure {
        let message = match refusal_text(refusal) {
            Some(text) => text,
            None => format!("RTNETLINK answers: {}", refusal.errno),
        };
        Failure { errno: Some(refusal.errno), ..Failure::returned(2, message) }
    }

    /// A dump that the kernel refused (`rtnl_dump_filter`), ending in `last`
    /// (`Dump terminated`, `Flush terminated`).
    pub fn dump(refusal: &Refusal, status: u8, last: &str) -> Failure {
        let first = match refusal_text(refusal) {
            Some(text) => Some(text),
            None if matches!(refusal.errno, Errno::ENOENT | Errno::EOPNOTSUPP) => None,
            None if refusal.errno == Errno::EMSGSIZE => Some("Error: Buffer too small for object.".into()),
            None => Some(format!("RTNETLINK answers: {}", refusal.errno)),
        };
        let message = match first {
            Some(first) => format!("{first}\n{last}"),
            None => last.to_string(),
        };
        Failure { errno: Some(refusal.errno), ..Failure::returned(status, message) }
    }
}

/// The extended-ack line, if the refusal carries a text.
fn refusal_text(refusal: &Refusal) -> Option<String> {
    let text = refusal.text.as_deref().filter(|t| !t.is_empty())?;
    let dot = if text.ends_with('.') { "" } else { "." };
    Some(format!("Error: {text}{dot}"))
}

fn line(mut text: String) -> String {
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
