//! Which prefixes of a table have changed, for those who keep something made of it.

use fingerpost_net::{Ip, Prefix};

/// More changes than this are told as a change of everything.
const MOST: usize = 1 << 20;

/// What was changed since somebody asked last. Nothing is noted until somebody does.
#[derive(Clone, Debug)]
pub struct Journal<I: Ip> {
    noted: Option<Changes<I>>,
    /// Who asked last.
    reader: u64,
}

/// Changes of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Changes<I: Ip> {
    /// Nobody knows: it counts as if everything had changed.
    All,
    /// Routes of these prefixes, some perhaps more than once.
    Of(Vec<Prefix<I>>),
}

impl<I: Ip> Default for Journal<I> {
    fn default() -> Self {
        Journal { noted: None, reader: 0 }
    }
}

/// What is noted is no part of what a table holds.
impl<I: Ip> PartialEq for Journal<I> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<I: Ip> Journal<I> {
    /// Notes a change of a prefix's routes.
    pub fn note(&mut self, prefix: Prefix<I>) {
        match &mut self.noted {
            Some(Changes::Of(prefixes)) if prefixes.len() < MOST => prefixes.push(prefix),
            Some(changes) => *changes = Changes::All,
            None => {}
        }
    }

    /// Notes a change that may be of any prefix.
    pub fn note_all(&mut self) {
        if let Some(changes) = &mut self.noted {
            *changes = Changes::All;
        }
    }

    /// What has changed since a reader, named by a number, asked last; everything, if
    /// it was another one that did. So one reader is told exactly, several that take
    /// turns are told too much.
    pub fn take(&mut self, reader: u64) -> Changes<I> {
        let noted = self.noted.replace(Changes::Of(Vec::new()));
        let is_other = std::mem::replace(&mut self.reader, reader) != reader;
        noted.filter(|_| !is_other).unwrap_or(Changes::All)
    }
}
