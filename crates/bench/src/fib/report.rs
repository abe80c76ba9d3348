//! What was measured, as tables to read or as JSON, one object a row.

use std::io::{self, Write};

use fingerpost_net::Family;
use serde::Serialize;

use super::keys::Keys;
use super::measure::{Cell, Figures, Outcome};
use super::options::Hops;
use super::readers::{Company, PACE};
use super::structure::Mode;

/// What the figures of one table are about.
pub struct Heading {
    pub family: Family,
    pub hops: Hops,
    pub table: String,
    pub routes: usize,
    pub segments: usize,
    pub keys: Vec<Keys>,
    pub lookups: usize,
    pub passes: usize,
    pub batch: usize,
}

/// One line of JSON: lookups of one trace in one mode, with the figures of the structure beside it.
#[derive(Serialize)]
struct Row<'a> {
    structure: &'a str,
    backend: &'a str,
    family: u8,
    hops: &'static str,
    keys: Keys,
    mode: &'static str,
    ns: f64,
    ns_best: f64,
    mem_mb: f64,
    build_s: f64,
    updates_per_s: Option<f64>,
    checksum: u64,
    #[serde(flatten)]
    of_mode: OfMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup_mem_mb: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_mem_mb: Option<f64>,
    build_shuffled_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    single_updates_per_s: Option<f64>,
    default_flaps_per_s: Option<f64>,
    wide_flaps_per_s: Option<f64>,
    routes: usize,
    segments: usize,
    passes: usize,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    remarks: &'a [String],
}

/// What only some modes have.
#[derive(Default, Serialize)]
struct OfMode {
    /// ns to the first structure's, the median of the passes' ratios.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// Of a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookups: Option<usize>,
    /// Lookups a second of two readers to those of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    speedup: Option<f64>,
    /// ns of a reader beside a writer to those of the same reader alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    slowdown: Option<f64>,
    /// Changes a second that the writer made.
    #[serde(skip_serializing_if = "Option::is_none")]
    writer_updates_per_s: Option<f64>,
}

/// One line of JSON for a structure without figures.
#[derive(Serialize)]
struct Without<'a> {
    structure: &'a str,
    family: u8,
    hops: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<&'a str>,
}

fn number(family: Family) -> u8 {
    match family {
        Family::V4 => 4,
        Family::V6 => 6,
    }
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// The first structure that was timed so.
fn first(outcomes: &[Outcome], keys: Keys, mode: Mode) -> Option<(&Figures, &Cell)> {
    measured(outcomes).find_map(|figures| Some((figures, cell(figures, keys, mode)?)))
}

fn cell(figures: &Figures, keys: Keys, mode: Mode) -> Option<&Cell> {
    figures.cells.iter().find(|cell| cell.keys == keys && cell.mode == mode)
}

fn measured(outcomes: &[Outcome]) -> impl Iterator<Item = &Figures> {
    outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Measured(figures) => Some(figures),
        Outcome::Wrong { .. } | Outcome::LeftOut { .. } => None,
    })
}

/// Prints JSON.
///
/// # Errors
///
/// The output is closed.
pub fn json(heading: &Heading, outcomes: &[Outcome], out: &mut impl Write) -> io::Result<()> {
    let (family, hops) = (number(heading.family), heading.hops.name());
    for outcome in outcomes {
        match outcome {
            Outcome::Measured(figures) => {
                for cell in &figures.cells {
                    let first = first(outcomes, cell.keys, cell.mode);
                    let ratio = first.map(|(_, first)| cell.ratio(first));
                    let of_mode = OfMode { ratio, lookups: Some(cell.lookups), ..OfMode::default() };
                    let ns = (cell.median(), cell.best());
                    line(out, &row(heading, figures, cell, cell.mode.name(), ns, of_mode))?;
                }
                for shared in &figures.shared {
                    let Some(cell) = cell(figures, shared.keys, Mode::Batched) else { continue };
                    let changes = shared.changes_per_s();
                    let of_mode = OfMode {
                        speedup: (shared.company == Company::TwoReaders).then(|| 1.0 / shared.slowdown()),
                        slowdown: changes.map(|_| shared.slowdown()),
                        writer_updates_per_s: changes,
                        ..OfMode::default()
                    };
                    let ns = (shared.median(), shared.best());
                    line(out, &row(heading, figures, cell, shared.company.name(), ns, of_mode))?;
                }
            }
            Outcome::Wrong { name, problem } => {
                line(out, &Without { structure: name, family, hops, wrong: Some(problem), left_out: None })?;
            }
            Outcome::LeftOut { name, reason } => {
                line(out, &Without { structure: name, family, hops, wrong: None, left_out: Some(reason) })?;
            }
        }
    }
    Ok(())
}

/// The row of a structure for lookups of a cell's trace.
fn row<'a>(
    heading: &Heading,
    figures: &'a Figures,
    cell: &Cell,
    mode: &'static str,
    (ns, ns_best): (f64, f64),
    of_mode: OfMode,
) -> Row<'a> {
    Row {
        structure: figures.name,
        backend: &figures.backend,
        family: number(heading.family),
        hops: heading.hops.name(),
        keys: cell.keys,
        mode,
        ns,
        ns_best,
        mem_mb: mb(figures.memory.bytes),
        build_s: figures.build,
        updates_per_s: figures.updates,
        checksum: cell.checksum,
        of_mode,
        lookup_mem_mb: figures.memory.lookup.map(mb),
        changed_mem_mb: figures.changed.map(mb),
        build_shuffled_s: figures.shuffled,
        single_updates_per_s: figures.single,
        default_flaps_per_s: figures.flaps,
        wide_flaps_per_s: figures.wide,
        routes: heading.routes,
        segments: heading.segments,
        passes: heading.passes,
        remarks: &figures.remarks,
    }
}

fn line(out: &mut impl Write, row: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

/// Prints tables.
///
/// # Errors
///
/// The output is closed.
pub fn text(heading: &Heading, outcomes: &[Outcome], out: &mut impl Write) -> io::Result<()> {
    let Heading { family, hops, table, routes, segments, lookups, passes, batch, .. } = heading;
    writeln!(
        out,
        "IPv{}, {} hops: {table}, {routes} routes, {segments} segments",
        number(*family),
        hops.name()
    )?;
    writeln!(out, "{lookups} keys a trace, {passes} passes, batches of {batch}\n")?;
    let mut rows = vec![words(&[
        "structure",
        "build s",
        "shuffled s",
        "MB",
        "lookups'",
        "changed",
        "updates/s",
        "one by one",
        "default flaps/s",
        "wide flaps/s",
        "backend",
    ])];
    for figures in measured(outcomes) {
        rows.push(vec![
            figures.name.into(),
            short(figures.build),
            short(figures.shuffled),
            short(mb(figures.memory.bytes)),
            figures.memory.lookup.map_or("–".into(), |bytes| short(mb(bytes))),
            figures.changed.map_or("–".into(), |bytes| short(mb(bytes))),
            thousands(figures.updates),
            thousands(figures.single),
            thousands(figures.flaps),
            thousands(figures.wide),
            figures.backend.clone(),
        ]);
    }
    aligned(&rows, out)?;
    for mode in Mode::ALL {
        let Some((base, _)) = heading.keys.iter().find_map(|&keys| first(outcomes, keys, mode)) else {
            continue;
        };
        writeln!(out, "\n{}, ns a lookup: median, best, ratio to {}", mode.name(), base.name)?;
        let mut head = vec![String::new()];
        head.extend(heading.keys.iter().flat_map(|keys| [keys.name().into(), "best".into(), "ratio".into()]));
        let mut rows = vec![head];
        for figures in measured(outcomes).filter(|figures| figures.cells.iter().any(|cell| cell.mode == mode))
        {
            let mut row = vec![figures.name.to_string()];
            for &keys in &heading.keys {
                match (cell(figures, keys, mode), cell(base, keys, mode)) {
                    (Some(cell), Some(base)) => {
                        row.extend([
                            short(cell.median()),
                            short(cell.best()),
                            format!("{:.2}", cell.ratio(base)),
                        ]);
                    }
                    _ => row.extend(words(&["–", "–", "–"])),
                }
            }
            rows.push(row);
        }
        aligned(&rows, out)?;
    }
    company(outcomes, out)?;
    writeln!(out)?;
    for outcome in outcomes {
        match outcome {
            Outcome::Measured(Figures { name, remarks, .. }) => {
                for remark in remarks {
                    writeln!(out, "{name}: {remark}")?;
                }
            }
            Outcome::Wrong { name, problem } => writeln!(out, "{name} is WRONG: {problem}")?,
            Outcome::LeftOut { name, reason } => writeln!(out, "{name} was left out: {reason}")?,
        }
    }
    for &keys in &heading.keys {
        if let Some((_, cell)) = first(outcomes, keys, Mode::Independent) {
            writeln!(out, "checksum, {}: {:016x}", keys.name(), cell.checksum)?;
        }
    }
    writeln!(out)
}

/// The table of readers on threads of their own, where there are such.
fn company(outcomes: &[Outcome], out: &mut impl Write) -> io::Result<()> {
    let Some(keys) = measured(outcomes).find_map(|figures| Some(figures.shared.first()?.keys)) else {
        return Ok(());
    };
    writeln!(
        out,
        "\nreaders on threads, batched, {}: M lookups/s, then ns to those of one alone",
        keys.name()
    )?;
    let pace = format!("beside {}/s", thousands(Some(PACE)));
    let mut rows = vec![words(&[
        "",
        "one reader",
        "two readers",
        "times",
        &pace,
        "made/s",
        "beside a busy one",
        "made/s",
    ])];
    for figures in measured(outcomes) {
        let mut row = vec![figures.name.to_string()];
        for shared in &figures.shared {
            match shared.company {
                Company::OneReader => row.push(short(1e3 / shared.median())),
                Company::TwoReaders => {
                    row.extend([short(1e3 / shared.median()), short(1.0 / shared.slowdown())]);
                }
                Company::BesidePacedWriter | Company::BesideBusyWriter => {
                    row.extend([format!("{:.2}", shared.slowdown()), thousands(shared.changes_per_s())]);
                }
            }
        }
        if row.len() > 1 {
            rows.push(row);
        }
    }
    aligned(&rows, out)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).into()).collect()
}

/// The first column to the left, numbers to the right, and a last column of words to the left again.
fn aligned(rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|word| word.chars().count()).max();
    for row in rows {
        let mut line = String::new();
        for (at, word) in row.iter().enumerate() {
            let width = width(at).unwrap_or(0);
            let is_number = at > 0 && rows[0][at] != "backend";
            line += &if is_number { format!("  {word:>width$}") } else { format!("  {word:<width$}") };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Three digits or so.
fn short(figure: f64) -> String {
    match figure {
        f if f.abs() >= 100.0 => format!("{f:.0}"),
        f if f.abs() >= 10.0 => format!("{f:.1}"),
        f if f.abs() >= 1.0 => format!("{f:.2}"),
        f => format!("{f:.3}"),
    }
}

fn thousands(figure: Option<f64>) -> String {
    match figure.unwrap_or(f64::NAN) {
        f if f.is_nan() => "–".into(),
        f if f >= 1e6 => format!("{:.2} M", f / 1e6),
        f if f >= 1e4 => format!("{:.0} k", f / 1e3),
        f if f >= 1e3 => format!("{:.1} k", f / 1e3),
        f => short(f),
    }
}
