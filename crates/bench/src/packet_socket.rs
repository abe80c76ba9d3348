//! A packet socket that sends many frames by a device at once.
//!
//! The system calls read memory that is named by address, so this module is let out of
//! the workspace's rule against `unsafe`; each use says why it holds.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Frames that one call sends.
const AT_ONCE: usize = 64;

/// A socket bound to a device.
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Opens it. Nothing is received: it listens for no protocol.
    ///
    /// # Errors
    ///
    /// Not root, or no such device.
    pub fn open(dev: u32) -> io::Result<Self> {
        // SAFETY: no memory is named.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was opened just now, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: integers and bytes, for which zeros are values.
        let mut addr: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        addr.sll_family = libc::AF_PACKET as u16;
        addr.sll_ifindex = dev as i32;
        let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the address lives, and is as long as said.
        match unsafe { libc::bind(fd.as_raw_fd(), (&raw const addr).cast(), len) } {
            0 => Ok(PacketSocket(fd)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Sends frames; how many went.
    ///
    /// # Errors
    ///
    /// None could be sent.
    pub fn send<const N: usize>(&self, frames: &[[u8; N]]) -> io::Result<usize> {
        let mut sent = 0;
        for frames in frames.chunks(AT_ONCE) {
            let mut parts: Vec<libc::iovec> = frames
                .iter()
                .map(|frame| libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: N })
                .collect();
            let mut messages: Vec<libc::mmsghdr> = parts
                .iter_mut()
                .map(|part| {
                    // SAFETY: integers and pointers, for which zeros are values.
                    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
                    (message.msg_hdr.msg_iov, message.msg_hdr.msg_iovlen) = (part, 1);
                    message
                })
                .collect();
            // SAFETY: messages, parts and frames live until the call returns, which reads as much
            // as they say and writes lengths into the messages.
            let count = unsafe {
                libc::sendmmsg(self.0.as_raw_fd(), messages.as_mut_ptr(), messages.len() as u32, 0)
            };
            match usize::try_from(count) {
                Ok(count) => sent += count,
                Err(_) => return Err(io::Error::last_os_error()),
            }
        }
        Ok(sent)
    }
}
