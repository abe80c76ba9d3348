//! `accept packets`: random hosts' packets and random networks' pings against the kernel, and
//! what the table of behaviours leaves open.

use std::io;
use std::path::Path;
use std::process::Command;

use fingerpost_net::Family;

use super::{LONG, Line, Plan, number};
use crate::process::run;

/// Packets that have to be compared, and cases that make so many.
const PACKETS4: (u64, u64) = (20_000, 1_350);
const PACKETS6: (u64, u64) = (10_000, 720);
/// Networks of each family.
const NETWORKS: u64 = 40;

pub(super) fn lines(plan: &Plan) -> io::Result<Vec<Line>> {
    Ok(vec![
        data_plane(plan, Family::V4, PACKETS4)?,
        data_plane(plan, Family::V6, PACKETS6)?,
        networks(plan, Family::V4)?,
        networks(plan, Family::V6)?,
        open()?,
    ])
}

fn data_plane(plan: &Plan, family: Family, (packets, cases): (u64, u64)) -> io::Result<Line> {
    let (clean, text) = compare(plan, family, "--data-plane", cases)?;
    let compared = text.split_once(" of them compared").and_then(|(before, _)| before.rsplit(' ').next());
    let compared = compared.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
    let differ =
        text.lines().find(|line| line.contains(" steps differ, in ")).unwrap_or("nothing was compared");
    Ok(Line {
        what: format!("compare --data-plane, IPv{}: {packets} packets and more", number(family)),
        figure: format!("{compared} compared, {differ}"),
        pass: clean && compared >= packets,
    })
}

fn networks(plan: &Plan, family: Family) -> io::Result<Line> {
    let (clean, text) = compare(plan, family, "--network", NETWORKS)?;
    Ok(Line {
        what: format!("compare --network, IPv{}: what pings print in {NETWORKS} networks", number(family)),
        figure: text.lines().next().unwrap_or("nothing was compared").to_owned(),
        pass: clean,
    })
}

/// This program's own `compare`: whether the sides agreed, and what it printed.
fn compare(plan: &Plan, family: Family, what: &str, cases: u64) -> io::Result<(bool, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["compare", what, "--seed", &plan.seed.to_string(), "--cases", &cases.to_string()]);
    command.args(["--family", number(family), "--shrink", "3", "--budget", "60"]);
    let done = run(&mut command, "", LONG)?;
    if done.status != 0 {
        eprintln!("{}{}", done.stdout, done.stderr);
    }
    Ok((done.status == 0, done.stdout))
}

/// Behaviours that packets could show and no test shows.
fn open() -> io::Result<Line> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/parity.md");
    let text = std::fs::read_to_string(&table)?;
    let rows = text.lines().filter(|line| line.starts_with("C-") || line.starts_with("T-"));
    let open = rows.filter(|line| line.ends_with("open: packets")).count();
    Ok(Line {
        what: "points of docs/parity.md that wait for packets".into(),
        figure: format!("{open} open"),
        pass: open == 0,
    })
}
