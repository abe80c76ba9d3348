//! Where a configuration comes from: a live host, a snapshot, a folder of
//! `ip -j` outputs, a script, or a built-in example.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use fingerpost_engine::config::Search;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::{Behaviour, RestoreError, Restored, Restoring, World, restore};
use fingerpost_host::{CaptureOptions, Live, Target, import};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_model::snapshot::{Netns, Reader};

use crate::examples::{ALL, Example};
use crate::explain::Asked;
use crate::script::{Runner, Script};
use crate::settle::settle;

/// Seed of what is random in memory, such as MAC addresses.
pub(crate) const SEED: u64 = 1;

/// How long after a script questions are asked, in milliseconds: duplicate address
/// detection of IPv6 begins within one second and takes another.
const SETTLED: u64 = 3_000;

/// The environment variable that names the structure which lookups search. It is
/// for testing: no answer depends on it.
const SEARCH: &str = "FINGERPOST_FIB";
/// What it says to have questions answered from compiled decisions too.
const DECISIONS: &str = "decisions";

/// A fresh world, as the environment wants it to search.
pub(crate) fn fresh_world(behaviour: Behaviour) -> anyhow::Result<World> {
    let mut world = World::new(SEED, behaviour);
    match std::env::var(SEARCH).as_deref() {
        Ok(DECISIONS) => world.check_compiled(),
        _ => world.set_search(search()?),
    }
    Ok(world)
}

/// The structure that lookups search, as the environment says.
fn search() -> anyhow::Result<Search> {
    match std::env::var(SEARCH).as_deref() {
        Err(std::env::VarError::NotPresent) | Ok("lc-trie" | DECISIONS) => Ok(Search::LcTrie),
        Ok("compiled") => Ok(Search::Compiled),
        _ => bail!("{SEARCH} is none of lc-trie, compiled and decisions"),
    }
}

/// Options that name a source.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct SourceArgs {
    /// A network namespace: a name of `ip netns`, or a path; in a snapshot, a namespace of it
    #[arg(short = 'n', long = "netns", value_name = "NAME|PATH")]
    pub netns: Option<String>,
    /// The network namespace of a process
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// A snapshot made by `capture`, or a folder of `ip -j` outputs
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// A script of ip and sysctl lines
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// A built-in situation; `examples` lists them
    #[arg(long, value_name = "NAME", value_parser = crate::examples::names(), hide_possible_values = true)]
    pub example: Option<String>,
    /// Make these changes to the copy in memory first; can be given several times
    #[arg(long, value_name = "SCRIPT")]
    pub apply: Vec<PathBuf>,
}

/// A configuration in memory, and what is known about its origin.
pub struct Source {
    /// The world.
    pub world: World,
    /// The namespace that questions are about.
    pub ns: NsId,
    /// Names of tables and the like.
    pub names: Names,
    /// What could not be read.
    pub not_seen: Vec<String>,
    /// What was found out about the namespace, when it was captured.
    pub netns: Option<Netns>,
    /// The live host, for `--verify`.
    pub live: Option<Live>,
    /// The namespaces of a snapshot, with what was found out about each.
    /// What decides about packets there and is not modelled.
    pub deciders: Vec<&'static str>,
    captured: Vec<(NsId, Netns)>,
}

impl SourceArgs {
    /// Loads the source, then applies the what-if scripts.
    pub fn load(&self) -> anyhow::Result<Source> {
        let mut source = self.load_base()?;
        for path in &self.apply {
            let text = read_text(path)?;
            source.run_script(&text, &label(path))?;
        }
        Ok(source)
    }

    fn load_base(&self) -> anyhow::Result<Source> {
        if let Some(name) = &self.example {
            return example(name)?.select(self.netns.as_deref());
        }
        if let Some(path) = &self.script {
            let mut source = Source::empty()?;
            source.run_script(&read_text(path)?, &label(path))?;
            return source.select(self.netns.as_deref());
        }
        if let Some(path) = &self.snapshot {
            return snapshot(path)?.select(self.netns.as_deref());
        }
        live(&self.target())
    }

    /// The live namespace that is meant.
    pub fn target(&self) -> Target {
        match (&self.netns, self.pid) {
            (Some(name), _) => Target::named(name),
            (None, Some(pid)) => Target::Pid(pid),
            (None, None) => Target::Current,
        }
    }

    /// Whether it is the live host as it is, rather than a file or a changed copy.
    pub fn is_live(&self) -> bool {
        let file = self.snapshot.is_some() || self.script.is_some() || self.example.is_some();
        !file && self.apply.is_empty()
    }

    /// A source named by one word, as `--against` takes it.
    pub fn named(word: &str) -> anyhow::Result<Source> {
        if word == "live" {
            return live(&Target::Current);
        }
        if let Some(name) = word.strip_prefix("example:") {
            return example(name);
        }
        if let Some(name) = word.strip_prefix("netns:") {
            return live(&Target::named(name));
        }
        let path = Path::new(word);
        if !path.exists() && Example::find(word).is_some() {
            return example(word);
        }
        if path.is_dir() || looks_like_snapshot(path)? {
            return snapshot(path);
        }
        let mut source = Source::empty()?;
        source.run_script(&read_text(path)?, word)?;
        Ok(source)
    }
}

impl Source {
    fn empty() -> anyhow::Result<Source> {
        Ok(Source::of_world(fresh_world(Behaviour::default())?))
    }

    /// A host in memory: a world's first namespace, of which everything is known.
    pub fn of_world(world: World) -> Source {
        Source {
            world,
            ns: NsId(0),
            names: Names::default(),
            not_seen: Vec::new(),
            netns: None,
            live: None,
            deciders: Vec::new(),
            captured: Vec::new(),
        }
    }

    fn of(mut restored: Restored) -> anyhow::Result<Source> {
        let Some((ns, netns)) = restored.namespaces.first().cloned() else {
            bail!("the snapshot holds no namespace");
        };
        restored.world.set_search(search()?);
        let mut not_seen = restored.header.not_seen.clone();
        not_seen.extend(restored.not_used);
        let mut deciders = Vec::new();
        let filters = restored
            .texts
            .iter()
            .any(|(_, name, text)| name.contains("nft") && text.contains("hook "))
            || restored.texts.iter().any(|(_, name, text)| name.contains("tables") && text.contains("-A "));
        if restored.texts.iter().any(|(_, name, _)| name == "ip xfrm policy") {
            deciders.push("what IPsec policies do with packets");
            not_seen.push(
                "IPsec policies exist but are not evaluated: they can block, or wrap and route anew".into(),
            );
        }
        if filters {
            deciders.push("what packet filter rules do with packets");
            not_seen.push(
                "packet filter rules exist but are not evaluated: what they drop, and marks and addresses \
                 that they change, are not accounted for"
                    .into(),
            );
        }
        Ok(Source {
            world: restored.world,
            ns,
            names: Names::default(),
            not_seen,
            netns: Some(netns),
            live: None,
            deciders,
            captured: restored.namespaces,
        })
    }

    /// Where its questions are asked, and by whom.
    pub fn asked(&self, asker: Asker) -> Result<Asked<'_>, String> {
        Ok(Asked {
            ns: self.world.ns(self.ns).map_err(|refusal| refusal.to_string())?,
            behaviour: &self.world.behaviour,
            now: self.world.now,
            uid: self.world.uid,
            names: &self.names,
            asker,
            assumed_choice: None,
            assumed_cached: None,
        })
    }

    fn select(mut self, name: Option<&str>) -> anyhow::Result<Source> {
        if let Some(name) = name {
            self.ns = *self.world.names.get(name).ok_or_else(|| {
                let known: Vec<&str> = self.world.names.keys().map(String::as_str).collect();
                match known.is_empty() {
                    true => anyhow!("there is no namespace \"{name}\"; the only one has no name"),
                    false => anyhow!("there is no namespace \"{name}\"; there are: {}", known.join(", ")),
                }
            })?;
            let facts = self.captured.iter().find(|(ns, _)| *ns == self.ns);
            self.netns = facts.map(|(_, netns)| netns.clone());
        }
        Ok(self)
    }

    /// Runs a script that has to succeed line by line. Then time passes until the
    /// addresses that it added are known to be nobody else's.
    fn run_script(&mut self, text: &str, what: &str) -> anyhow::Result<()> {
        let script = Script::parse(text).with_context(|| what.to_string())?;
        let mut runner = Runner { world: &mut self.world, ns: self.ns, names: &self.names };
        for command in script.commands() {
            let outcome = runner.run(&command.words);
            if outcome.status != 0 {
                let line = command.line;
                bail!("{what}: line {line}: {}: {}", command.text, outcome.stderr.trim_end());
            }
        }
        self.world.pass(SETTLED);
        Ok(())
    }
}

fn example(name: &str) -> anyhow::Result<Source> {
    let Some(example) = Example::find(name) else {
        let names: Vec<&str> = ALL.iter().map(|example| example.name).collect();
        bail!("there is no example \"{name}\"; there are: {}", names.join(", "));
    };
    let mut source = Source::empty()?;
    source.run_script(example.script, &format!("example {name}"))?;
    Ok(source)
}

/// A namespace of this machine.
pub(crate) fn live(target: &Target) -> anyhow::Result<Source> {
    let mut live = Live::open(target)?;
    let options = CaptureOptions { trie: false, ..CaptureOptions::default() };
    let mut capture = live.capture(&options)?;
    let restored = settle(&mut capture, std::slice::from_mut(&mut live))?;
    let mut source = Source::of(restored)?;
    source.names = system_names();
    source.world.uid = host_uid();
    source.live = Some(live);
    Ok(source)
}

/// The uid that a live kernel assumes for questions without one.
pub(crate) fn host_uid() -> u32 {
    // The owner of this process's own directory is its effective user.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let Ok(about) = std::fs::metadata("/proc/self") {
            return about.uid();
        }
    }
    0
}

/// Names from this machine's iproute2 files.
pub(crate) fn system_names() -> Names {
    Names::load(&mut |path| std::fs::read_to_string(path).ok(), &mut |dir| {
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .map(|entries| entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    })
}

fn snapshot(path: &Path) -> anyhow::Result<Source> {
    let what = || path.display().to_string();
    if path.is_dir() {
        let imported = import::folder(path).with_context(what)?;
        let import::Imported { header, lines, places, .. } = imported;
        let named = |error| match error {
            // Its line is that of no file; the header is line 1.
            RestoreError::Line { line, problem } => match places.get(line.wrapping_sub(2)) {
                Some(place) => anyhow!("{}: {place}: {problem}", path.display()),
                None => anyhow!("{}: {problem}", path.display()),
            },
            error => anyhow!("{}: {error}", path.display()),
        };
        let mut restoring = Restoring::new(header, SEED);
        for line in lines {
            restoring.push(line).map_err(named)?;
        }
        return Source::of(restoring.finish().map_err(named)?);
    }
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).with_context(what)?);
    if file.fill_buf().with_context(what)?.starts_with("\u{feff}".as_bytes()) {
        bail!("{}: {BYTE_ORDER_MARK}", path.display());
    }
    let reader = Reader::new(file).with_context(what)?;
    Source::of(restore(reader, SEED).with_context(what)?)
}

/// Whether a file begins as snapshots do.
fn looks_like_snapshot(path: &Path) -> anyhow::Result<bool> {
    let mut start = [0u8; 14];
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let n = io::Read::read(&mut file, &mut start)?;
    Ok(start[..n].starts_with(b"{\"fingerpost\":"))
}

/// What messages call a file.
pub(crate) fn label(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

/// What is wrong with a text that begins with U+FEFF.
const BYTE_ORDER_MARK: &str = "line 1, column 1: a byte order mark (BOM); save the text without it";

/// Longest text that is read, in bytes.
const MAX_TEXT: u64 = 64 << 20;

/// A text file, or standard input for `-`.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let what = label(path);
    let mut bytes = Vec::new();
    let mut read = |input: &mut dyn io::Read| input.take(MAX_TEXT + 1).read_to_end(&mut bytes);
    match path == Path::new("-") {
        true => read(&mut io::stdin().lock()),
        false => File::open(path).and_then(|mut file| read(&mut file)),
    }
    .with_context(|| what.clone())?;
    if bytes.len() as u64 > MAX_TEXT {
        bail!("{what}: longer than {} MiB, the most that is read", MAX_TEXT >> 20);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = good.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&good[start..]).chars().count() + 1;
        anyhow!("{what}: line {line}, column {column}: not UTF-8 text")
    })?;
    if text.starts_with('\u{feff}') {
        bail!("{what}: {BYTE_ORDER_MARK}");
    }
    Ok(text)
}
