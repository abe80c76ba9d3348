//! One source a command, wherever its options stand.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Parser;

use crate::source::SourceArgs;

impl SourceArgs {
    /// Joins the options before a verb and those after it; together they name one source.
    pub fn and(self, after: SourceArgs) -> anyhow::Result<SourceArgs> {
        let both = SourceArgs {
            netns: one("-n", self.netns, after.netns)?,
            pid: one("--pid", self.pid, after.pid)?,
            snapshot: one("--snapshot", self.snapshot, after.snapshot)?,
            script: one("--script", self.script, after.script)?,
            example: one("--example", self.example, after.example)?,
            apply: self.apply.into_iter().chain(after.apply).collect(),
        };
        both.check()?;
        Ok(both)
    }

    fn check(&self) -> anyhow::Result<()> {
        let files = [
            ("--snapshot", self.snapshot.is_some()),
            ("--script", self.script.is_some()),
            ("--example", self.example.is_some()),
        ];
        let mut given = files.iter().filter(|(_, given)| *given).map(|(option, _)| *option);
        let first = given.next();
        if let (Some(first), Some(second)) = (first, given.next()) {
            bail!("{first} and {second} name two sources; give one of them");
        }
        if self.pid.is_some() && self.netns.is_some() {
            bail!("-n and --pid name two namespaces; give one of them");
        }
        if let (Some(_), Some(option)) = (self.pid, first) {
            bail!("--pid means a process of this machine; it does not go with {option}");
        }
        let named = self.script.iter().chain(&self.apply).filter(|path| *path == Path::new("-"));
        if named.count() > 1 {
            bail!("standard input can be read only once");
        }
        Ok(())
    }

    /// Whether a script comes from standard input.
    pub fn reads_stdin(&self) -> bool {
        self.script.iter().chain(&self.apply).any(|path| path == Path::new("-"))
    }

    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.snapshot.iter().chain(&self.script).chain(&self.apply).map(PathBuf::as_path)
    }

    /// Refuses all source options, for this reason.
    pub fn none(&self, why: &str) -> anyhow::Result<()> {
        match *self == SourceArgs::default() {
            true => Ok(()),
            false => bail!("{why}"),
        }
    }

    /// The source options at the front of the words after `ip`, and the words that
    /// are `ip`'s own. `-n` is one of those.
    pub fn before_words(words: &[String]) -> anyhow::Result<(SourceArgs, &[String])> {
        #[derive(Debug, Parser)]
        #[command(name = "fingerpost ip", disable_help_flag = true)]
        struct Front {
            #[command(flatten)]
            source: SourceArgs,
        }
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let name = word.split('=').next().unwrap_or_default();
            if !["--pid", "--snapshot", "--script", "--example", "--apply"].contains(&name) {
                break;
            }
            at += if word.contains('=') { 1 } else { 2 };
        }
        let (front, rest) = words.split_at(at.min(words.len()));
        let front = std::iter::once("ip").map(OsString::from).chain(front.iter().map(OsString::from));
        Ok((Front::try_parse_from(front)?.source, rest))
    }
}

fn one<T>(option: &str, before: Option<T>, after: Option<T>) -> anyhow::Result<Option<T>> {
    if before.is_some() && after.is_some() {
        bail!("{option} is given twice, before and after the verb");
    }
    Ok(before.or(after))
}
