//! Fingerpost's side: the same script through `fingerpost run --json -`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{pinned, run};
use crate::script::{Answer, LineAnswer};

/// The longest a scenario may take on Fingerpost's side.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a run of the program left.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// For each line its answer, `None` where the program gave none.
    pub answers: Vec<Option<Answer>>,
    /// The program's own exit status.
    pub status: i32,
    /// What the program itself said on standard error: a panic, a refused script.
    pub stderr: String,
}

impl Outcome {
    /// What went wrong with the program itself, when lines are unanswered.
    pub fn complaint(&self) -> Option<String> {
        let missing = self.answers.iter().filter(|answer| answer.is_none()).count();
        let said = self.stderr.lines().take(3).collect::<Vec<_>>().join(" / ");
        let of = self.answers.len();
        (missing > 0).then(|| format!("{missing} of {of} lines unanswered, status {}: {said}", self.status))
    }
}

/// Runs scripts through a `fingerpost` program.
#[derive(Clone, Debug)]
pub struct Subject {
    program: PathBuf,
    cpu: Option<usize>,
    release: Option<String>,
    fib: Option<String>,
}

impl Subject {
    /// The program at `path`; without one, the `fingerpost` beside this program.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn new(path: Option<&Path>, cpu: Option<usize>) -> io::Result<Self> {
        let program = match path {
            Some(path) => path.to_owned(),
            None => std::env::current_exe()?.with_file_name("fingerpost"),
        };
        if program.is_file() {
            return Ok(Subject { program, cpu, release: None, fib: None });
        }
        let message = format!("{} is not there: build it, or name it with --fingerpost", program.display());
        Err(io::Error::new(io::ErrorKind::NotFound, message))
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The same program, behaving as a kernel release; `None` is its default.
    pub fn as_release(&self, release: Option<&str>) -> Self {
        Subject { release: release.map(str::to_owned), ..self.clone() }
    }

    /// The same program, with lookups in the structure of this name; `None` is its default.
    pub fn with_fib(&self, fib: Option<&str>) -> Self {
        Subject { fib: fib.map(str::to_owned), ..self.clone() }
    }

    /// Runs the script.
    ///
    /// # Errors
    ///
    /// The program cannot be started, does not end in time, or prints
    /// something else than objects of the documented shape.
    pub fn run(&self, lines: &[String]) -> io::Result<Outcome> {
        let mut command = pinned(self.cpu, &self.program);
        command.args(["run", "--json", "-"]);
        command.args(self.release.iter().flat_map(|release| ["--release", release]));
        command.envs(self.fib.iter().map(|fib| ("FINGERPOST_FIB", fib)));
        let done = run(&mut command, &(lines.join("\n") + "\n"), DEADLINE)?;
        let mut answers = vec![None; lines.len()];
        for text in done.stdout.lines() {
            let read: LineAnswer = serde_json::from_str(text)
                .map_err(|error| io::Error::other(format!("{error} in {text:?}")))?;
            match answers.get_mut(read.line.wrapping_sub(1)) {
                Some(place) => *place = Some(read.answer),
                None => return Err(io::Error::other(format!("no line {} in the script", read.line))),
            }
        }
        Ok(Outcome { answers, status: done.status, stderr: done.stderr })
    }
}
