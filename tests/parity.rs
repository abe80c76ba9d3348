//! Keeps `docs/parity.md` and the tests in step: every point has one line, the
//! tests named there exist, and a test that cites a point stands in its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LAST_C: u32 = 317;
const LAST_T: u32 = 71;
