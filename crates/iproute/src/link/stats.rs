//! A device's counters (`print_stats64`), those that `-s` shows once.

use fingerpost_model::LinkMsg;

use crate::Ctx;

/// Columns are at least as wide as their headings.
const WIDTHS: [usize; 7] = [10, 7, 6, 7, 7, 7, 10];
const RX: [&str; 6] = ["bytes", "packets", "errors", "dropped", "missed", "mcast"];
const TX: [&str; 6] = ["bytes", "packets", "errors", "dropped", "carrier", "collsns"];

/// Prints the counters, or says that they are not known. The second line of `-s -s` needs
/// counters that are not kept.
pub(crate) fn print(ctx: &mut Ctx<'_>, m: &LinkMsg) {
    let Some(stats) = &m.stats else {
        if !std::mem::replace(&mut ctx.p.stats_noted, true) {
            ctx.p.out.err("fingerpost: the counters of devices are not known here, and not shown\n");
        }
        return;
    };
    if ctx.p.opt.stats > 1 && !std::mem::replace(&mut ctx.p.stats_noted, true) {
        ctx.p.out.err("fingerpost: the error counters of \"-s -s\" are not supported and not shown\n");
    }
    let (human, iec) = (ctx.p.opt.human, ctx.p.opt.iec);
    let out = &mut ctx.p.out;
    if out.is_json() {
        out.open_object(Some("stats64"));
        let rx = ["bytes", "packets", "errors", "dropped", "over_errors", "multicast"];
        let tx = ["bytes", "packets", "errors", "dropped", "carrier_errors", "collisions"];
        for (key, names, values) in [("rx", rx, stats.rx), ("tx", tx, stats.tx)] {
            out.open_object(Some(key));
            for (name, value) in names.iter().zip(values) {
                out.json_num(name, value);
            }
            out.close_object();
        }
        out.close_object();
        return;
    }
    let mut widths = WIDTHS;
    if !human {
        for values in [stats.rx, stats.tx] {
            for (width, value) in widths.iter_mut().zip(values) {
                *width = (*width).max(value.to_string().len());
            }
        }
    }
    let sl = out.sl();
    for (i, (label, names, values)) in [("RX", RX, stats.rx), ("TX", TX, stats.tx)].into_iter().enumerate() {
        if i > 0 {
            out.fp(sl);
        }
        out.fp_fmt(format_args!("    {label}: {:>1$}", names[0], widths[0] - 4));
        for (name, width) in names[1..].iter().zip(&widths[1..]) {
            out.fp_fmt(format_args!(" {name:>width$}"));
        }
        // The last heading is empty: nothing compressed is counted.
        out.fp_fmt(format_args!(" {:>1$}{sl}    ", "", widths[6]));
        for (value, width) in values.into_iter().zip(widths) {
            let text = if human { scaled(value, iec) } else { value.to_string() };
            out.fp_fmt(format_args!("{text:>width$} "));
        }
    }
}

/// A number with a unit prefix and about three digits (`print_num`).
fn scaled(count: u64, iec: bool) -> String {
    let base: u64 = if iec { 1024 } else { 1000 };
    if count < base {
        return count.to_string();
    }
    let mut prefixes = "kMGTPE".chars();
    let mut prefix = prefixes.next().unwrap_or('k');
    let mut unit = base;
    while count / base >= unit {
        let Some(next) = prefixes.next() else { break };
        prefix = next;
        unit = unit.saturating_mul(base);
    }
    // As many decimals as leave three digits.
    let mut precision = 2;
    let mut limit = 10;
    while precision > 0 && count / unit >= limit {
        precision -= 1;
        limit *= 10;
    }
    let i = if iec { "i" } else { "" };
    format!("{:.precision$}{prefix}{i}", count as f64 / unit as f64)
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn numbers_are_scaled_to_three_digits() {
        assert_eq!(scaled(999, false), "999");
        assert_eq!(scaled(1000, false), "1.00k");
        assert_eq!(scaled(12_345, false), "12.3k");
        assert_eq!(scaled(123_456, false), "123k");
        assert_eq!(scaled(1_234_567, false), "1.23M");
        assert_eq!(scaled(1024, true), "1.00ki");
        assert_eq!(scaled(u64::MAX, false), "18.4E");
    }
}
