//! A snapshot from a folder with outputs of `ip -j`.
//!
//! Read are `link.json` or `addr.json` (`ip -d -j addr`; one of them must be
//! there), `route.json` (`ip -j route show table all`; must be there) and, as
//! far as they are there, `route6.json`, `rule.json`, `rule6.json`,
//! `nexthop.json`, `neigh.json`, `addrlabel.json`, `rt_tables`, `sysctl.txt` (`sysctl -a`) and
//! `release.txt` (`uname -r`).
//!
//! `ip` prints less than the kernel tells. What is missing or not understood
//! is said in the header's `not_seen`, one sentence each.

mod json;
mod links;
mod names;
mod others;
mod routes;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use fingerpost_model::snapshot::{FORMAT, Header, Line, Netns, Writer};
use fingerpost_model::{RouteMsg, RouteType, RuleMsg, TableId, proto};
use fingerpost_net::Family;

use json::Source;
use names::Names;

/// Files that are read, if they are there.
const FILES: [&str; 12] = [
    "link.json",
    "addr.json",
    "route.json",
    "route6.json",
    "rule.json",
    "rule6.json",
    "nexthop.json",
    "neigh.json",
    "addrlabel.json",
    "rt_tables",
    "sysctl.txt",
    "release.txt",
];

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 512 << 20;

/// Why a folder cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{file}: {error}")]
    Read {
        /// The file's name.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// A file is needed and not there.
    #[error("{file} is missing; make it with `{command}`")]
    Missing {
        /// The file's name.
        file: &'static str,
        /// The command that makes it.
        command: &'static str,
    },
    /// The routes are those of one table.
    #[error(
        "route.json holds no route of table local, though addr.json holds addresses; \
         make it with `ip -j route show table all > route.json`"
    )]
    OneTable,
    /// A file's content is not what it should be.
    #[error("{file}, line {line}, column {column}{}: {problem}", in_field(.field))]
    Content {
        /// The file's name.
        file: String,
        /// Line from 1.
        line: usize,
        /// Column from 1, in bytes.
        column: usize,
        /// The field, with the fields that it stands in; empty if it is in none.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

fn in_field(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!(", field {field}") }
}

/// What a folder holds, as a snapshot's header and lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The header.
    pub header: Header,
    /// The lines after it.
    pub lines: Vec<Line>,
    /// Where each line comes from.
    pub places: Vec<Place>,
}

/// Where something stands in a folder, for messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file; empty for what is concluded from several.
    pub file: &'static str,
    /// The entry of the file's array, from 1; 0 if that is not known.
    pub entry: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file, self.entry) {
            ("", _) => f.write_str("the folder"),
            (file, 0) => f.write_str(file),
            (file, entry) => write!(f, "{file}, entry {entry}"),
        }
    }
}

impl Imported {
    /// Writes it as a snapshot.
    pub fn write(&self, output: impl Write) -> io::Result<()> {
        let mut writer = Writer::new(output, &self.header)?;
        for line in &self.lines {
            writer.write(line)?;
        }
        writer.finish().map(drop)
    }
}

/// Reads a folder.
pub fn folder(path: &Path) -> Result<Imported, ImportError> {
    let mut texts = BTreeMap::new();
    for file in FILES {
        let error = |error| ImportError::Read { file: file.into(), error };
        match fs::metadata(path.join(file)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(error(e)),
            Ok(_) => {}
        }
        let mut text = String::new();
        let mut input = fs::File::open(path.join(file)).map_err(error)?.take(MAX_FILE + 1);
        input.read_to_string(&mut text).map_err(error)?;
        if text.len() as u64 > MAX_FILE {
            return Err(error(io::ErrorKind::FileTooLarge.into()));
        }
        if text.starts_with('\u{feff}') {
            let problem = "a byte order mark (BOM); save the text without it".into();
            return Err(ImportError::Content {
                file: file.into(),
                line: 1,
                column: 1,
                field: String::new(),
                problem,
            });
        }
        texts.insert(file.to_string(), text);
    }
    texts_by_name(&texts)
}

/// Reads texts under the names that the files of a folder would have.
pub fn texts_by_name(texts: &BTreeMap<String, String>) -> Result<Imported, ImportError> {
    let mut import = Import {
        texts,
        names: Names::default(),
        not_seen: Vec::new(),
        lines: Vec::new(),
        places: Vec::new(),
    };
    import.lines()?;
    let release = texts.get("release.txt").map(|text| text.trim().to_string());
    if release.is_none() {
        import.not_seen.push("the kernel's release: there is no release.txt (uname -r)".into());
    }
    let header = Header {
        fingerpost: FORMAT,
        release: release.unwrap_or_default(),
        not_seen: import.not_seen,
        ..Header::default()
    };
    Ok(Imported { header, lines: import.lines, places: import.places })
}

/// A route and its entry in the file.
type Entry = (usize, RouteMsg);

struct Import<'a> {
    texts: &'a BTreeMap<String, String>,
    names: Names,
    not_seen: Vec<String>,
    lines: Vec<Line>,
    places: Vec<Place>,
}

impl<'a> Import<'a> {
    /// Adds lines of a file, each with its entry.
    fn add(&mut self, file: &'static str, lines: impl IntoIterator<Item = (usize, Line)>) {
        for (entry, line) in lines {
            self.lines.push(line);
            self.places.push(Place { file, entry });
        }
    }

    /// Adds lines of a file whose order is not the file's.
    fn add_all(&mut self, file: &'static str, lines: impl IntoIterator<Item = Line>) {
        self.add(file, lines.into_iter().map(|line| (0, line)));
    }

    fn source(&self, file: &'static str) -> Option<Source<'a>> {
        self.texts.get(file).map(|text| Source::new(file, text))
    }

    /// A file that may be missing; then that is said.
    fn optional(&mut self, file: &'static str, otherwise: &str) -> Option<Source<'a>> {
        let source = self.source(file);
        if source.is_none() {
            self.not_seen.push(format!("{file} is missing: {otherwise}"));
        }
        source
    }

    fn lines(&mut self) -> Result<(), ImportError> {
        if let Some(text) = self.texts.get("rt_tables") {
            self.names.read_tables("rt_tables", text)?;
        }
        self.devices()?;
        if let Some(text) = self.texts.get("sysctl.txt") {
            let settings = others::settings("sysctl.txt", text)?;
            self.add_all("sysctl.txt", settings.into_iter().map(|(path, value)| Line::Sysctl(path, value)));
        } else {
            self.not_seen.push("sysctl.txt is missing: settings are taken to be the defaults".into());
        }
        let four = self.rules("rule.json", Family::V4)?;
        let six = self.rules("rule6.json", Family::V6)?;
        if let Some(source) = self.optional("nexthop.json", "nexthop objects are taken to be none") {
            let nexthops = others::nexthops(&source, &self.names, &mut self.not_seen)?;
            if nexthops.iter().any(|object| object.resilient.is_some()) {
                self.not_seen.push("buckets of resilient groups: taken to be given out anew".into());
            }
            self.add_all("nexthop.json", nexthops.into_iter().map(Line::Nexthop));
            self.not_seen.extend(source.not_imported());
        }
        let (routes, routes_of) = self.routes()?;
        self.netns(&four, &routes);
        let rule = |(entry, rule)| (entry, Line::Rule(rule));
        self.add("rule.json", four.into_iter().map(rule));
        self.add("rule6.json", six.into_iter().map(rule));
        for ((entry, route), file) in routes.into_iter().zip(routes_of) {
            self.add(file, [(entry, Line::Route(route))]);
        }
        if let Some(source) = self.optional("neigh.json", "neighbours are taken to be none") {
            let neighbours = others::neighbours(&source, &self.names)?;
            self.add_all("neigh.json", neighbours.into_iter().map(Line::Neighbour));
            self.not_seen.extend(source.not_imported());
        }
        if let Some(source) = self.of_ipv6("addrlabel.json", "address labels are taken to be Linux's own") {
            let labels = others::labels(&source, &self.names)?;
            self.add_all("addrlabel.json", labels.into_iter().map(Line::AddressLabel));
            self.not_seen.extend(source.not_imported());
        }
        Ok(())
    }

    /// A file that may be missing; that is said where there are addresses of IPv6.
    fn of_ipv6(&mut self, file: &'static str, otherwise: &str) -> Option<Source<'a>> {
        let six = |line: &Line| matches!(line, Line::Address(m) if m.family == Family::V6);
        if self.lines.iter().any(six) { self.optional(file, otherwise) } else { self.source(file) }
    }

    fn devices(&mut self) -> Result<(), ImportError> {
        let addresses = self.source("addr.json");
        let file = if self.texts.contains_key("link.json") { "link.json" } else { "addr.json" };
        let Some(source) = self.source(file) else {
            return Err(ImportError::Missing { file: "addr.json", command: "ip -d -j addr > addr.json" });
        };
        let links = links::links(&source, &mut self.names)?;
        self.add_all(file, links.into_iter().map(Line::Link));
        self.not_seen.extend(source.not_imported());
        match addresses {
            Some(source) => {
                let addresses = links::addresses(&source)?;
                self.add_all("addr.json", addresses.into_iter().map(Line::Address));
                self.not_seen.extend(source.not_imported());
            }
            None => self.not_seen.push("addr.json is missing: there are no addresses".into()),
        }
        Ok(())
    }

    /// The rules of a family, each with its entry in the file.
    fn rules(&mut self, file: &'static str, family: Family) -> Result<Vec<(usize, RuleMsg)>, ImportError> {
        let source = match family {
            Family::V4 => self.optional(file, "the rules are taken to be the default ones"),
            Family::V6 => self.of_ipv6(file, "the rules of IPv6 are taken to be the default ones"),
        };
        let Some(source) = source else {
            return Ok(rules::default_rules(family).into_iter().map(|rule| (0, rule)).collect());
        };
        let rules = rules::rules(&source, family, &self.names)?;
        self.not_seen.extend(source.not_imported());
        Ok(rules)
    }

    /// Routes with their entries, IPv4 first, and the file of each.
    fn routes(&mut self) -> Result<(Vec<Entry>, Vec<&'static str>), ImportError> {
        let Some(source) = self.source("route.json") else {
            let command = "ip -j route show table all > route.json";
            return Err(ImportError::Missing { file: "route.json", command });
        };
        let with = |routes: Vec<Entry>, file: &'static str| routes.into_iter().map(move |r| (file, r));
        let four = routes::routes(&source, None, &self.names, &mut self.not_seen)?;
        let mut all: Vec<_> = with(four, "route.json").collect();
        self.not_seen.extend(source.not_imported());
        if let Some(source) = self.source("route6.json") {
            all.retain(|(_, (_, route))| route.family == Family::V4);
            let six = routes::routes(&source, Some(Family::V6), &self.names, &mut self.not_seen)?;
            all.extend(with(six, "route6.json"));
            self.not_seen.extend(source.not_imported());
        }
        let address = |line: &Line| matches!(line, Line::Address(m) if m.family == Family::V4);
        let local = |route: &RouteMsg| route.family == Family::V4 && route.table == TableId::LOCAL;
        if self.lines.iter().any(address) && !all.iter().any(|(_, (_, route))| local(route)) {
            return Err(ImportError::OneTable);
        }
        all.sort_by_key(|(_, (_, route))| route.family);
        let files = all.iter().map(|(file, _)| *file).collect();
        Ok((all.into_iter().map(|(_, entry)| entry).collect(), files))
    }

    /// The namespace's own line, first of all, with what can be concluded of what no dump shows.
    fn netns(&mut self, rules: &[(usize, RuleMsg)], routes: &[Entry]) {
        let rules: Vec<RuleMsg> = rules.iter().map(|(_, rule)| rule.clone()).collect();
        let four = || routes.iter().map(|(_, route)| route).filter(|route| route.family == Family::V4);
        let by_hand = |route: &RouteMsg| route.kind == RouteType::LOCAL && route.protocol != proto::KERNEL;
        let realms = |route: &RouteMsg| {
            route.realms.is_some() || route.multipath.iter().any(|leg| leg.realms.is_some())
        };
        let netns = Netns {
            custom_rules: (!rules::are_default(&rules, Family::V4)).then_some(true),
            custom_local_routes: four().any(by_hand).then_some(true),
            labels_read: self.texts.contains_key("addrlabel.json"),
            realm_users: Some(four().any(realms) || rules.iter().any(|rule| rule.realms.is_some())),
            ..Netns::default()
        };
        self.lines.insert(0, Line::Netns(netns));
        self.places.insert(0, Place::default());
    }
}
