//! Arbitrary bytes as a capture, pcap or pcapng: read to the end, or to an error.
#![no_main]

use std::io::Cursor;

use fingerpost::replay::Capture;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(mut capture) = Capture::new(Box::new(Cursor::new(data.to_vec())), "capture".into(), None) else {
        return;
    };
    let mut read = 0;
    while let Ok(Some(packet)) = capture.next_packet() {
        assert!(packet.bytes.len() as u64 <= packet.length, "no more is captured than there was");
        read += packet.bytes.len();
    }
    assert!(read <= data.len(), "what is read stands in the file");
});
