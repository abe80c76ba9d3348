//! Makes a failing script small: delta debugging over its lines, then over
//! the words of the lines that are left.

/// Shrinks `lines`, whose last line is the one that fails.
///
/// `fails` runs a candidate and says whether its last line still fails in the
/// same way; it is called at most `budget` times. The last line always stays
/// last. The result fails whenever `lines` did.
pub fn shrink(lines: &[String], budget: usize, mut fails: impl FnMut(&[String]) -> bool) -> Vec<String> {
    let Some((target, setup)) = lines.split_last() else { return Vec::new() };
    let mut budget = Budget(budget);
    let setup = fewer(setup.to_vec(), &mut budget, |candidate| {
        let mut script = candidate.to_vec();
        script.push(target.clone());
        fails(&script)
    });
    let mut script = setup;
    script.push(target.clone());
    shorter_lines(&mut script, &mut budget, &mut fails);
    script
}

pub(crate) struct Budget(pub(crate) usize);

impl Budget {
    fn spend(&mut self) -> bool {
        let left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        left
    }
}

/// Removes chunks of halving size while the rest still fails.
pub(crate) fn fewer<T: Clone>(
    mut items: Vec<T>,
    budget: &mut Budget,
    mut fails: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let mut size = items.len().max(1);
    loop {
        let mut removed = false;
        let mut end = items.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            if !budget.spend() {
                return items;
            }
            let candidate: Vec<T> = items[..start].iter().chain(&items[end..]).cloned().collect();
            if fails(&candidate) {
                items = candidate;
                removed = true;
            }
            end = start;
        }
        match size {
            1 if !removed => return items,
            1 => {}
            _ => size = size.div_ceil(2),
        }
    }
}

/// Tries each line without one or two neighbouring words.
fn shorter_lines(script: &mut [String], budget: &mut Budget, fails: &mut impl FnMut(&[String]) -> bool) {
    for at in 0..script.len() {
        // A device without its hardware address would get a random one.
        if script[at].contains(" address ") {
            continue;
        }
        for width in [2, 1] {
            let mut from = 2;
            while from + width <= script[at].split_whitespace().count() {
                let mut words: Vec<&str> = script[at].split_whitespace().collect();
                words.drain(from..from + width);
                let line = words.join(" ");
                let old = std::mem::replace(&mut script[at], line);
                if !budget.spend() {
                    script[at] = old;
                    return;
                }
                if !fails(script) {
                    script[at] = old;
                    from += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("ip step {i} with words")).collect()
    }

    /// Fails when both needed lines stand before the last, in order.
    fn oracle(script: &[String]) -> bool {
        let at = |key: &str| script.iter().position(|line| line.starts_with(key));
        let last = script.last().is_some_and(|line| line.starts_with("ip step 99"));
        last && matches!((at("ip step 17"), at("ip step 60")), (Some(a), Some(b)) if a < b)
    }

    #[test]
    fn only_what_is_needed_is_left() {
        let small = shrink(&numbered(100), 10_000, oracle);
        assert_eq!(small, ["ip step 17", "ip step 60", "ip step 99"]);
    }

    #[test]
    fn a_budget_bounds_the_runs_and_the_result_still_fails() {
        for budget in [0, 1, 7, 40] {
            let mut runs = 0;
            let small = shrink(&numbered(100), budget, |script| {
                runs += 1;
                oracle(script)
            });
            assert!(runs <= budget);
            assert!(oracle(&small));
        }
    }

    #[test]
    fn a_line_that_fails_alone_stays_alone() {
        assert_eq!(shrink(&numbered(100), 1000, |_| true), ["ip step"]);
        assert!(shrink(&[], 10, |_| true).is_empty());
    }
}
