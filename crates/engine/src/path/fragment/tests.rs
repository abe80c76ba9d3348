//! What Linux 6.18 made of forwarded packets. A line of `vectors.txt`: name, MTU, header
//! as it was before cutting, payload length, the packet's former fragments if connection
//! tracking had put it together (the largest, whether that one had DF, payload lengths),
//! headers of the fragments sent.

use super::*;
use crate::path::options::tests::bytes;

fn numbers(text: &str) -> Vec<u16> {
    text.split(' ').map(|number| number.parse().unwrap()).collect()
}

fn options_of(header: &[u8]) -> Options {
    Options { len: header.len() as u8 - 20, ..Options::default() }
}

/// T-37.
#[test]
fn c245_to_c247_c249_as_linux_cuts() {
    let mut tried = 0;
    for line in include_str!("vectors.txt").lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [name, mtu, header, len, before, expected] = fields[..] else { panic!("{line}") };
        let payload: Vec<u8> = (0..len.parse().unwrap()).map(|at: usize| (at / 8) as u8).collect();
        let header = bytes(header);
        let before = (before != "-").then(|| numbers(before)).map(|numbers| Reassembled {
            largest: numbers[0],
            keep_df: numbers[1] == 1,
            pieces: numbers[2..].to_vec(),
        });
        let packet = [header.as_slice(), &payload].concat();
        let fragments = cut(&packet, &options_of(&header), mtu.parse().unwrap(), before.as_ref()).unwrap();
        let headers: Vec<Vec<u8>> = fragments.iter().map(|packet| packet[..header.len()].to_vec()).collect();
        let expected: Vec<Vec<u8>> = expected.split(',').map(bytes).collect();
        assert_eq!(headers, expected, "{name}");
        let together = fragments.iter().flat_map(|packet| &packet[header.len()..]).copied();
        assert!(together.eq(payload), "{name}");
        for packet in &fragments {
            assert_eq!(usize::from(Ipv4::read(packet).unwrap().total_len.get()), packet.len(), "{name}");
        }
        tried += 1;
    }
    assert!(tried > 15);
}

/// Fragments put together with DF in the largest were refused at an MTU of 600,
/// when that one had 616 bytes, and not when it was a smaller one that had DF.
#[test]
fn c249_who_must_not_be_cut() {
    let header = |flags: u16| {
        let mut header = *Ipv4::read(&bytes("450005f0006d00003f1100000a0000020a010002")).unwrap();
        header.fragment.set(flags);
        header
    };
    let before = |keep_df| Reassembled { largest: 616, keep_df, pieces: Vec::new() };
    assert!(must_not(&header(DF), 600, true, Some(&before(true))));
    assert!(!must_not(&header(DF), 616, true, Some(&before(true))));
    assert!(!must_not(&header(0), 600, true, Some(&before(false))));
    assert!(must_not(&header(DF), 600, false, None));
    assert!(!must_not(&header(DF), 600, true, None));
    assert!(is_due(601, 600, None) && !is_due(600, 600, None) && is_due(100, 600, Some(&before(false))));
}

/// A route's MTU can be less than a header: Linux sent the packet whole, and counted a
/// fragment. With room for less than eight bytes it would never end.
#[test]
fn narrow_ways() {
    let header = [bytes("4f00008c123400003f1100000a0000020a090002"), vec![1; 40]].concat();
    let packet = [header.as_slice(), &[7; 80]].concat();
    let whole = cut(&packet, &options_of(&header), 56, None).unwrap();
    assert_eq!(whole, [[header[..10].to_vec(), bytes("370d"), header[12..].to_vec(), vec![7; 80]].concat()]);
    assert_eq!(cut(&packet, &options_of(&header), 67, None), Err(TooNarrow));
    assert_eq!(cut(&packet, &options_of(&header), 60, None), Err(TooNarrow));
    assert_eq!(cut(&packet, &options_of(&header), 68, None).unwrap().len(), 10);
    assert_eq!(cut(&packet[..30], &options_of(&header), 600, None), Err(TooNarrow));
    assert_eq!(cut(&[], &options_of(&header), 600, None), Err(TooNarrow));
}
