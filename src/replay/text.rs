//! Texts of the report, made faster than formatting makes them.

/// A text of a line, or null.
pub(super) fn string(line: &mut Vec<u8>, text: Option<&str>) -> serde_json::Result<()> {
    let needs_escape = |byte| matches!(byte, b'"' | b'\\' | ..b' ');
    match text {
        Some(text) if !text.bytes().any(needs_escape) => {
            quoted(line, text);
            Ok(())
        }
        text => serde_json::to_writer(line, &text),
    }
}

/// A text that needs no escapes.
pub(super) fn quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    line.extend_from_slice(text.as_bytes());
    line.push(b'"');
}

/// A number in decimal digits.
pub(super) fn number(text: &mut Vec<u8>, mut number: u64) {
    let (mut digits, mut at) = ([0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return text.extend_from_slice(&digits[at..]);
        }
    }
}

/// A number below sixteen as a hexadecimal digit.
fn digit(number: u8) -> u8 {
    number + if number < 10 { b'0' } else { b'a' - 10 }
}

/// The two hexadecimal digits of each byte: computed, many at once, faster than looked up.
pub(super) fn digits(bytes: &[u8], line: &mut Vec<u8>) {
    let begin = line.len();
    line.resize(begin + 2 * bytes.len(), 0);
    let (pairs, _) = line[begin..].as_chunks_mut();
    pairs.iter_mut().zip(bytes).for_each(|(pair, byte)| *pair = [digit(byte >> 4), digit(byte & 15)]);
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    digits(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_serde_has_them() {
        for text in ["eth0", "", "a b~é", "a\"b", "a\\b", "a\nb", "\u{1f}", "\u{7f}"] {
            let mut line = Vec::new();
            string(&mut line, Some(text)).expect("memory takes all");
            assert_eq!(line, serde_json::to_vec(text).expect("memory takes all"));
        }
        for count in [0, 7, 10, 99, 100, u64::MAX] {
            let mut line = Vec::new();
            number(&mut line, count);
            assert_eq!(line, count.to_string().as_bytes());
        }
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex(&bytes), digits);
    }
}
