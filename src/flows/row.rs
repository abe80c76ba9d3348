//! Rows as text: CSV or an object a line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::TableId;
use fingerpost_net::IpPrefix;

use super::answer::{Row, Verdict};
use crate::explain::{Asked, device_name};

/// The columns.
pub const COLUMNS: &str = "verdict,device,gateway,source,table,rule,route";

/// Greatest number of a device whose name is kept ready.
const MAX_DEVICE: u32 = 1 << 16;

/// Writes rows; each worker has its own.
pub struct Writer<'a> {
    asked: Asked<'a>,
    /// Objects rather than CSV.
    json: bool,
    /// Names of devices by number, as they are written.
    devices: Vec<Vec<u8>>,
    /// Tables by number, in order.
    tables: Vec<(TableId, Vec<u8>)>,
}

impl<'a> Writer<'a> {
    /// Takes the names from where the questions are asked.
    pub fn new(asked: Asked<'a>, json: bool) -> Self {
        let config = &asked.ns.config;
        let mut writer = Writer { asked, json, devices: Vec::new(), tables: Vec::new() };
        for &index in config.links.by_index.keys().take_while(|&&index| index <= MAX_DEVICE) {
            writer.devices.resize(index as usize + 1, Vec::new());
            writer.devices[index as usize] = writer.text(&device_name(config, index));
        }
        let mut tables: Vec<TableId> = config.fib.tables.iter().map(|table| table.id).collect();
        tables.extend(config.fib6.tables.iter().map(|table| table.id));
        tables.sort_by_key(|table| table.0);
        tables.dedup();
        writer.tables =
            tables.into_iter().map(|table| (table, writer.text(&asked.names.table_name(table.0)))).collect();
        writer
    }

    /// A text as a field or a JSON string.
    fn text(&self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.json {
            true => put_string(&mut bytes, text.as_bytes()),
            false => put_field(&mut bytes, text.as_bytes()),
        }
        bytes
    }

    /// Adds a row with its end; for JSON the object's brace is open already where
    /// members were put before.
    #[inline]
    pub fn put(&self, out: &mut Vec<u8>, row: &Row) {
        match self.json {
            true => self.object(out, row),
            false => self.fields(out, row),
        }
        out.push(b'\n');
    }

    fn fields(&self, out: &mut Vec<u8>, row: &Row) {
        out.extend_from_slice(name(row.verdict).as_bytes());
        out.push(b',');
        if let Some(device) = row.device {
            self.device(out, device);
        }
        out.push(b',');
        if let Some(gateway) = row.gateway {
            put_addr(out, gateway);
        }
        out.push(b',');
        if let Some(source) = row.source {
            put_addr(out, source);
        }
        out.push(b',');
        if let Some(table) = row.table {
            self.table(out, table);
        }
        out.push(b',');
        if let Some(rule) = row.rule {
            put_number(out, rule);
        }
        out.push(b',');
        if let Some(route) = row.route {
            put_prefix(out, route);
        }
    }

    /// The members of an object, and its end.
    fn object(&self, out: &mut Vec<u8>, row: &Row) {
        out.extend_from_slice(b"\"verdict\":\"");
        out.extend_from_slice(name(row.verdict).as_bytes());
        out.push(b'"');
        if let Some(device) = row.device {
            out.extend_from_slice(b",\"device\":");
            self.device(out, device);
        }
        if let Some(gateway) = row.gateway {
            out.extend_from_slice(b",\"gateway\":\"");
            put_addr(out, gateway);
            out.push(b'"');
        }
        if let Some(source) = row.source {
            out.extend_from_slice(b",\"source\":\"");
            put_addr(out, source);
            out.push(b'"');
        }
        if let Some(table) = row.table {
            out.extend_from_slice(b",\"table\":");
            self.table(out, table);
        }
        if let Some(rule) = row.rule {
            out.extend_from_slice(b",\"rule\":");
            put_number(out, rule);
        }
        if let Some(route) = row.route {
            out.extend_from_slice(b",\"route\":\"");
            put_prefix(out, route);
            out.push(b'"');
        }
        out.push(b'}');
    }

    #[inline]
    fn device(&self, out: &mut Vec<u8>, index: u32) {
        match self.devices.get(index as usize) {
            Some(name) if !name.is_empty() => out.extend_from_slice(name),
            _ => out.extend(self.text(&device_name(&self.asked.ns.config, index))),
        }
    }

    #[inline]
    fn table(&self, out: &mut Vec<u8>, table: TableId) {
        match self.tables.binary_search_by_key(&table.0, |(id, _)| id.0) {
            Ok(at) => out.extend_from_slice(&self.tables[at].1),
            Err(_) => out.extend(self.text(&self.asked.names.table_name(table.0))),
        }
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Sent => "sent",
        Verdict::Forwarded => "forwarded",
        Verdict::Delivered => "delivered",
        Verdict::Dropped => "dropped",
        Verdict::Refused => "refused",
        Verdict::Unknown => "unknown",
    }
}

/// A field of CSV, in quotes where it has to be.
fn put_field(out: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        out.extend_from_slice(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
    }
    out.push(b'"');
}

/// A JSON string.
pub fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    out.extend(serde_json::to_vec(&text).unwrap_or_default());
}

fn put_prefix(out: &mut Vec<u8>, prefix: IpPrefix) {
    put_addr(out, prefix.addr);
    out.push(b'/');
    put_number(out, prefix.len.into());
}

#[inline]
fn put_addr(out: &mut Vec<u8>, addr: IpAddr) {
    match addr {
        IpAddr::V4(addr) => put_ipv4(out, addr),
        IpAddr::V6(addr) => put_ipv6(out, addr),
    }
}

/// The numbers of a byte in decimal, each with its length.
const DECIMAL: [([u8; 3], u8); 256] = {
    let mut table = [([0; 3], 0); 256];
    let mut n = 0;
    while n < 256 {
        let digits = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        table[n] = match n {
            0..10 => ([digits[2], 0, 0], 1),
            10..100 => ([digits[1], digits[2], 0], 2),
            _ => (digits, 3),
        };
        n += 1;
    }
    table
};

#[inline]
fn put_ipv4(out: &mut Vec<u8>, addr: Ipv4Addr) {
    let mut text = [0u8; 16];
    let mut at = 0;
    for octet in addr.octets() {
        let (digits, length) = DECIMAL[usize::from(octet)];
        text[at..at + 3].copy_from_slice(&digits);
        at += usize::from(length);
        text[at] = b'.';
        at += 1;
    }
    out.extend_from_slice(&text[..at - 1]);
}

/// An address of IPv6 as the standard library writes it (RFC 5952).
fn put_ipv6(out: &mut Vec<u8>, addr: Ipv6Addr) {
    if let Some(mapped) = addr.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        return put_ipv4(out, mapped);
    }
    let parts = addr.segments();
    let zeros = longest_zeros(&parts);
    let mut text = [0u8; 40];
    let mut at = 0;
    let mut put = |byte: u8| {
        text[at] = byte;
        at += 1;
    };
    let mut n = 0;
    while n < parts.len() {
        if n == zeros.start {
            put(b':');
            put(b':');
            n = zeros.end;
            continue;
        }
        if n > 0 && n != zeros.end {
            put(b':');
        }
        let part = parts[n];
        let digits = (16 - part.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            put(b"0123456789abcdef"[usize::from(part >> (4 * digit) & 0xf)]);
        }
        n += 1;
    }
    out.extend_from_slice(&text[..at]);
}

/// The longest row of zeros, the first of equal ones; one behind the end where none
/// has two.
fn longest_zeros(parts: &[u16; 8]) -> std::ops::Range<usize> {
    let mut longest = 0..0;
    let mut start = 0;
    for (n, &part) in parts.iter().enumerate() {
        if part != 0 {
            start = n + 1;
        } else if n + 1 - start > longest.len() {
            longest = start..n + 1;
        }
    }
    if longest.len() < 2 { parts.len()..parts.len() } else { longest }
}

fn put_number(out: &mut Vec<u8>, mut number: u32) {
    let mut text = [0u8; 10];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&text[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use fingerpost_net::Rng;

    use super::*;

    fn text(put: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn addresses_and_numbers_are_written_as_the_standard_library_does() {
        let mut random = Rng::new(1);
        for _ in 0..20_000 {
            let mut next = || random.next_u64();
            let (low, mask, high) = (next(), next() & next(), next());
            let v4 = Ipv4Addr::from_bits((low & mask) as u32);
            assert_eq!(text(|out| put_ipv4(out, v4)), v4.to_string());
            assert_eq!(
                text(|out| put_number(out, (low >> (high % 33)) as u32)),
                ((low >> (high % 33)) as u32).to_string()
            );
            // Whole parts are zero now and then.
            let keep = (0..8).fold(0u128, |keep, n| keep | u128::from(mask >> n & 1) * 0xffff << (16 * n));
            let v6 = Ipv6Addr::from_bits((u128::from(high) << 64 | u128::from(low)) & keep);
            assert_eq!(text(|out| put_ipv6(out, v6)), v6.to_string());
        }
        for addr in
            ["::", "::1", "1::", "::ffff:1.2.3.4", "::1.2.3.4", "1:0:0:2::3", "0:1::", "fe80::1:0:0:1"]
        {
            let addr: Ipv6Addr = addr.parse().expect("an address");
            assert_eq!(text(|out| put_ipv6(out, addr)), addr.to_string());
        }
    }

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        assert_eq!(text(|out| put_field(out, b"eth0.5@x")), "eth0.5@x");
        assert_eq!(text(|out| put_field(out, b"a,b\"c")), "\"a,b\"\"c\"");
        assert_eq!(text(|out| put_string(out, b"a\"b\\c")), r#""a\"b\\c""#);
    }
}
