//! What was measured, as a table to read and as JSON.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// What a figure should be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// No more.
    AtMost(f64),
    /// No less.
    AtLeast(f64),
}

impl Goal {
    fn holds(self, figure: f64) -> bool {
        match self {
            Goal::AtMost(limit) => figure <= limit,
            Goal::AtLeast(limit) => figure >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Goal::AtMost(limit) => format!("≤ {limit}"),
            Goal::AtLeast(limit) => format!("≥ {limit}"),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    what: String,
    figure: f64,
    unit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reached: Option<bool>,
}

/// Rows and remarks in the order in which they came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    rows: Vec<Row>,
    remarks: Vec<String>,
}

impl Report {
    /// Adds a figure.
    pub fn row(&mut self, what: impl Into<String>, figure: f64, unit: &str, goal: Option<Goal>) {
        let reached = goal.map(|goal| goal.holds(figure));
        self.rows.push(Row { what: what.into(), figure, unit: unit.into(), goal, reached });
    }

    /// Adds a sentence.
    pub fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// Prints the table, or JSON.
    ///
    /// # Errors
    ///
    /// The output is closed.
    pub fn print(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
        if json {
            serde_json::to_writer(&mut *out, self)?;
            return out.write_all(b"\n");
        }
        let width = self.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let figure = number(row.figure);
            write!(out, "{:<width$}  {figure:>9} {:<5}", row.what, row.unit)?;
            match (row.goal, row.reached) {
                (Some(goal), Some(true)) => writeln!(out, "  goal {}: reached", goal.text())?,
                (Some(goal), _) => writeln!(out, "  goal {}: MISSED", goal.text())?,
                _ => writeln!(out)?,
            }
        }
        for remark in &self.remarks {
            writeln!(out, "{remark}")?;
        }
        Ok(())
    }
}

fn number(figure: f64) -> String {
    match figure {
        f if f.abs() >= 100.0 => format!("{f:.0}"),
        f if f.abs() >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}
