//! Rows as text: CSV or an object a line.

use fingerpost_model::TableId;

use super::answer::{Row, Verdict};
use super::out::{Out, Ready};
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
    devices: Vec<Option<Ready>>,
    /// Tables by number, in order.
    tables: Vec<(TableId, Ready)>,
}

impl<'a> Writer<'a> {
    /// Takes the names from where the questions are asked.
    pub fn new(asked: Asked<'a>, json: bool) -> Self {
        let config = &asked.ns.config;
        let mut writer = Writer { asked, json, devices: Vec::new(), tables: Vec::new() };
        for &index in config.links.by_index.keys().take_while(|&&index| index <= MAX_DEVICE) {
            writer.devices.resize(index as usize + 1, None);
            writer.devices[index as usize] = Some(writer.text(&device_name(config, index)));
        }
        let mut tables: Vec<TableId> = config.fib.tables.iter().map(|table| table.id).collect();
        tables.extend(config.fib6.tables.iter().map(|table| table.id));
        tables.sort_by_key(|table| table.0);
        tables.dedup();
        let name = |table: TableId| (table, writer.text(&asked.names.table_name(table.0)));
        writer.tables = tables.into_iter().map(name).collect();
        writer
    }

    /// A text as a field or a JSON string.
    fn text(&self, text: &str) -> Ready {
        let mut out = Out::default();
        match self.json {
            true => put_string(&mut out, text.as_bytes()),
            false => put_field(&mut out, text.as_bytes()),
        }
        Ready::new(out.text())
    }

    /// Adds a row with its end. An object's brace is open already, perhaps with
    /// members before.
    #[inline]
    pub fn put(&self, out: &mut Out, row: &Row) {
        match self.json {
            true => self.object(out, row),
            false => self.fields(out, row),
        }
    }

    fn fields(&self, out: &mut Out, row: &Row) {
        match row.verdict {
            Verdict::Sent => out.literal(b"sent,"),
            Verdict::Forwarded => out.literal(b"forwarded,"),
            Verdict::Delivered => out.literal(b"delivered,"),
            Verdict::Dropped => out.literal(b"dropped,"),
            Verdict::Refused => out.literal(b"refused,"),
            Verdict::Unknown => out.literal(b"unknown,"),
        }
        if let Some(device) = row.device {
            self.device(out, device);
        }
        out.byte(b',');
        if let Some(gateway) = row.gateway {
            out.addr(gateway);
        }
        out.byte(b',');
        if let Some(source) = row.source {
            out.addr(source);
        }
        out.byte(b',');
        if let Some(table) = row.table {
            self.table(out, table);
        }
        out.byte(b',');
        if let Some(rule) = row.rule {
            out.number(rule);
        }
        out.byte(b',');
        if let Some(route) = row.route {
            out.prefix(route);
        }
        out.byte(b'\n');
    }

    /// The members of an object, and its end.
    fn object(&self, out: &mut Out, row: &Row) {
        match row.verdict {
            Verdict::Sent => out.literal(b"\"verdict\":\"sent\""),
            Verdict::Forwarded => out.literal(b"\"verdict\":\"forwarded\""),
            Verdict::Delivered => out.literal(b"\"verdict\":\"delivered\""),
            Verdict::Dropped => out.literal(b"\"verdict\":\"dropped\""),
            Verdict::Refused => out.literal(b"\"verdict\":\"refused\""),
            Verdict::Unknown => out.literal(b"\"verdict\":\"unknown\""),
        }
        if let Some(device) = row.device {
            out.literal(b",\"device\":");
            self.device(out, device);
        }
        if let Some(gateway) = row.gateway {
            out.literal(b",\"gateway\":\"");
            out.addr(gateway);
            out.byte(b'"');
        }
        if let Some(source) = row.source {
            out.literal(b",\"source\":\"");
            out.addr(source);
            out.byte(b'"');
        }
        if let Some(table) = row.table {
            out.literal(b",\"table\":");
            self.table(out, table);
        }
        if let Some(rule) = row.rule {
            out.literal(b",\"rule\":");
            out.number(rule);
        }
        if let Some(route) = row.route {
            out.literal(b",\"route\":\"");
            out.prefix(route);
            out.byte(b'"');
        }
        out.literal(b"}\n");
    }

    #[inline]
    fn device(&self, out: &mut Out, index: u32) {
        match self.devices.get(index as usize) {
            Some(Some(name)) => out.ready(name),
            _ => out.ready(&self.text(&device_name(&self.asked.ns.config, index))),
        }
    }

    #[inline]
    fn table(&self, out: &mut Out, table: TableId) {
        match self.tables.binary_search_by_key(&table.0, |(id, _)| id.0) {
            Ok(at) => out.ready(&self.tables[at].1),
            Err(_) => out.ready(&self.text(&self.asked.names.table_name(table.0))),
        }
    }
}

/// A field of CSV, in quotes where it has to be.
fn put_field(out: &mut Out, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        return out.put(text);
    }
    out.byte(b'"');
    for &byte in text {
        if byte == b'"' {
            out.byte(b'"');
        }
        out.byte(byte);
    }
    out.byte(b'"');
}

/// A JSON string.
pub fn put_string(out: &mut Out, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    out.put(&serde_json::to_vec(&text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        let text = |put: fn(&mut Out, &[u8]), text: &[u8]| {
            let mut out = Out::default();
            put(&mut out, text);
            String::from_utf8(out.text().to_vec()).expect("text")
        };
        assert_eq!(text(put_field, b"eth0.5@x"), "eth0.5@x");
        assert_eq!(text(put_field, b"a,b\"c"), "\"a,b\"\"c\"");
        assert_eq!(text(put_string, b"a\"b\\c"), r#""a\"b\\c""#);
    }
}
