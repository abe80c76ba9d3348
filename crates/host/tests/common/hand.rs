//! A socket that changes things, for a test's own namespace.

use fingerpost_model::{Change, NlFlags, Op, Refusal};
use fingerpost_netlink::{Progress, Stream, StreamError, request};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// A socket that changes things: this is a test's own namespace.
pub struct Hand {
    socket: Socket,
    seq: u32,
}

impl Hand {
    pub fn new() -> Self {
        let mut socket = Socket::new(NETLINK_ROUTE).expect("a socket");
        socket.bind_auto().expect("an address");
        socket.set_ext_ack(true).expect("extended acknowledgements");
        Hand { socket, seq: 0 }
    }

    pub fn apply(&mut self, flags: NlFlags, change: Change) -> Result<(), Refusal> {
        self.seq += 1;
        let bytes = request::change(&Op { flags, change }, self.seq).expect("it fits");
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).expect("sent");
        let mut stream = Stream::new(self.seq);
        loop {
            let (datagram, _) = self.socket.recv_from_full().expect("received");
            match stream.feed(&datagram, |_| Ok(())) {
                Ok(Progress::Complete { .. }) => return Ok(()),
                Ok(Progress::More) => {}
                Err(StreamError::Refused(refusal)) => return Err(refusal),
                Err(other) => panic!("{other}"),
            }
        }
    }

    pub fn add(&mut self, change: Change) {
        let told = format!("{change:?}");
        self.apply(NlFlags::CREATE | NlFlags::EXCL, change).unwrap_or_else(|e| panic!("{told}: {e}"));
    }

    pub fn delete(&mut self, change: Change) {
        let told = format!("{change:?}");
        self.apply(NlFlags(0), change).unwrap_or_else(|e| panic!("{told}: {e}"));
    }
}
