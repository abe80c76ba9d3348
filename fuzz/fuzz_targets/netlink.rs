//! Arbitrary bytes as netlink datagrams: frames, a reply, messages, requests.
//! What decodes must encode, and decode to the same again.
#![no_main]

use fingerpost_netlink::request::{self, to_op};
use fingerpost_netlink::{Frame, Message, Stream, frames};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut stream = Stream::new(0);
    let _ = stream.feed(data, |frame| Message::decode(&frame).map(|_| ()));
    for frame in frames(data) {
        let Ok(frame) = frame else { break };
        let _ = frame.report();
        if let Ok(message) = Message::decode(&frame) {
            round_trip(&message);
        }
        if let Ok(Some(op)) = to_op(&frame) {
            let _ = request::change(&op, 1);
        }
    }
});

fn round_trip(message: &Message) {
    // A message can hold more than one attribute can carry.
    let Ok(bytes) = message.encode() else { return };
    let frame = Frame { kind: message.new_kind(), flags: 0, seq: 0, port: 0, payload: &bytes };
    let again = Message::decode(&frame).expect("what was encoded decodes");
    assert_eq!(*message, again);
}
