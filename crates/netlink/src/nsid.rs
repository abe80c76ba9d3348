//! Ids by which a namespace knows others: `struct rtgenmsg` and `NETNSA_*`.
//!
//! They are no configuration objects of the model, so that question and answer
//! stand apart from [`crate::Message`].

use crate::attr::{Builder, attributes};
use crate::error::{DecodeError, EncodeError};
use crate::frame::{Frame, flag};
use crate::message::{Body, kind, name};
use crate::request::message;

attributes! {
    netnsa, "NETNSA_":
    NSID = 1, PID = 2, FD = 3,
}

/// What stands for *no id*.
const NOT_ASSIGNED: i32 = -1;

/// The bytes of a question for the id of the namespace that a file descriptor
/// of the asking process is.
pub fn nsid(fd: i32, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let mut b = Builder::new();
    b.raw(&[0; 4]);
    b.u32(netnsa::FD, fd.cast_unsigned());
    Ok(message(kind::GET_NSID, flag::REQUEST, seq, &b.finish()?))
}

/// The id in an answer; `None` if the namespace has none.
pub fn decode_nsid(frame: &Frame<'_>) -> Result<Option<i32>, DecodeError> {
    let body = Body { name: name(frame.kind), bytes: frame.payload };
    let (_, attrs) = body.split::<4>(netnsa::name)?;
    let mut id = None;
    for view in attrs {
        let view = view?;
        if view.kind() == netnsa::NSID {
            id = Some(view.i32()?).filter(|&id| id != NOT_ASSIGNED);
        }
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames;

    fn answer(id: i32) -> Option<i32> {
        let mut b = Builder::new();
        b.raw(&[0; 4]);
        b.u32(netnsa::NSID, id.cast_unsigned());
        let bytes = message(kind::NEW_NSID, 0, 3, &b.finish().expect("it fits"));
        let frame = frames(&bytes).next().expect("one frame").expect("a whole one");
        decode_nsid(&frame).expect("it is right")
    }

    #[test]
    fn minus_one_is_no_id() {
        assert_eq!((answer(0), answer(7), answer(-1)), (Some(0), Some(7), None));
    }
}
