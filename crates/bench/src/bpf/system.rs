//! The system call `bpf`, and what is made by it.
//!
//! It reads and writes memory that is named by address, so this module is let
//! out of the workspace's rule against `unsafe`; each use says why it holds.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::Slot;

/// An array of the kernel's that a program can reach.
pub struct Array<T> {
    fd: OwnedFd,
    len: u32,
    elements: PhantomData<T>,
}

/// What the kernel may read from memory and write to it byte by byte.
///
/// # Safety
///
/// It has no padding, and any bytes are a value of it.
pub unsafe trait Plain: Copy {
    const ZERO: Self;
}

// SAFETY: an integer.
unsafe impl Plain for u32 {
    const ZERO: Self = 0;
}

// SAFETY: integers, laid out as in C, without gaps: the sizes of the fields add up to 72 bytes.
unsafe impl Plain for Slot {
    const ZERO: Self = Slot::EMPTY;
}

impl<T: Plain> Array<T> {
    /// All zeros.
    pub fn new(len: usize) -> io::Result<Self> {
        let len = u32::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut request = abi::MapCreate {
            kind: abi::MAP_TYPE_ARRAY,
            key_size: size_of::<u32>() as u32,
            value_size: size_of::<T>() as u32,
            max_entries: len,
            flags: 0,
        };
        // SAFETY: the command reads the request and no other memory.
        let fd = unsafe { descriptor(abi::MAP_CREATE, &mut request) }?;
        Ok(Array { fd, len, elements: PhantomData })
    }

    /// By which programs name it.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Writes the first elements.
    pub fn write(&self, elements: &[T]) -> io::Result<()> {
        let numbers: Vec<u32> = (0..self.len).take(elements.len()).collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let mut request = abi::Batch {
            keys: numbers.as_ptr() as u64,
            values: elements.as_ptr() as u64,
            count: numbers.len() as u32,
            map: self.fd.as_raw_fd(),
            ..abi::Batch::default()
        };
        // SAFETY: the kernel reads `count` numbers of four bytes and as many
        // elements of the size that the array was made with, which is `T`'s.
        unsafe { bpf(abi::MAP_UPDATE_BATCH, &mut request) }.map(drop)
    }

    /// All elements.
    pub fn read(&self) -> io::Result<Vec<T>> {
        let mut numbers = vec![0u32; self.len as usize];
        let mut elements = vec![T::ZERO; self.len as usize];
        let mut last = 0u32;
        let mut request = abi::Batch {
            last: &raw mut last as u64,
            keys: numbers.as_mut_ptr() as u64,
            values: elements.as_mut_ptr() as u64,
            count: self.len,
            map: self.fd.as_raw_fd(),
            ..abi::Batch::default()
        };
        // SAFETY: the kernel writes up to `count` numbers of four bytes, as
        // many elements of the size that the array was made with, which is
        // `T`'s and any bytes are one, and one number more to `last`.
        unsafe { bpf(abi::MAP_LOOKUP_BATCH, &mut request) }?;
        match request.count == self.len {
            true => Ok(elements),
            false => Err(io::Error::other(format!("{} of {} elements", request.count, self.len))),
        }
    }
}

/// Loads a program, which stays as long as the descriptor.
pub fn load(code: &[u64]) -> io::Result<OwnedFd> {
    let mut request = abi::ProgramLoad {
        kind: abi::PROGRAM_TYPE_XDP,
        length: code.len() as u32,
        code: code.as_ptr() as u64,
        // The helper is for programs that say this.
        license: c"GPL".as_ptr() as u64,
        ..abi::ProgramLoad::default()
    };
    // SAFETY: the kernel reads `length` instructions of eight bytes, and the license up to its zero byte.
    if let Ok(program) = unsafe { descriptor(abi::PROGRAM_LOAD, &mut request) } {
        return Ok(program);
    }
    // Once more, to be told why not.
    let mut log = vec![0u8; 1 << 16];
    request.log_level = 1;
    request.log_size = log.len() as u32;
    request.log = log.as_mut_ptr() as u64;
    // SAFETY: as above, and the kernel writes up to `log_size` bytes to the log.
    unsafe { descriptor(abi::PROGRAM_LOAD, &mut request) }.map_err(|error| {
        let log = String::from_utf8_lossy(&log);
        io::Error::new(error.kind(), format!("a BPF program: {error} {}", log.trim_end_matches('\0')))
    })
}

/// Runs a program so many times.
pub fn run(program: &OwnedFd, times: usize) -> io::Result<()> {
    // An XDP program has to be given a frame.
    let frame = [0u8; 64];
    if times == 0 {
        return Ok(());
    }
    let mut request = abi::TestRun {
        program: program.as_raw_fd(),
        size_in: frame.len() as u32,
        data_in: frame.as_ptr() as u64,
        repeat: u32::try_from(times).map_err(|_| io::ErrorKind::InvalidInput)?,
        ..abi::TestRun::default()
    };
    // SAFETY: the kernel reads `size_in` bytes of the frame. Programs write to their arrays only.
    unsafe { bpf(abi::PROGRAM_TEST_RUN, &mut request) }.map(drop)
}

/// # Safety
///
/// As of [`bpf`]; and the command's result is a descriptor of its own.
unsafe fn descriptor<T>(command: i32, request: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's.
    let fd = unsafe { bpf(command, request) }?;
    // SAFETY: nobody else has the descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `bpf(2)`.
///
/// # Safety
///
/// The request is laid out as the command's part of `union bpf_attr`, without
/// padding, and addresses in it are of memory that the command may use as it does.
#[cfg(target_os = "linux")]
unsafe fn bpf<T>(command: i32, request: &mut T) -> io::Result<i32> {
    // SAFETY: the kernel uses as many bytes of the request as it has; the rest is the caller's.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, request as *mut T, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

/// There is none here.
///
/// # Safety
///
/// It does nothing.
#[cfg(not(target_os = "linux"))]
unsafe fn bpf<T>(_: i32, _: &mut T) -> io::Result<i32> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Numbers and layouts of Linux's `bpf.h`.
mod abi {
    pub const MAP_CREATE: i32 = 0;
    pub const PROGRAM_LOAD: i32 = 5;
    pub const PROGRAM_TEST_RUN: i32 = 10;
    pub const MAP_LOOKUP_BATCH: i32 = 24;
    pub const MAP_UPDATE_BATCH: i32 = 26;

    pub const MAP_TYPE_ARRAY: u32 = 2;
    pub const PROGRAM_TYPE_XDP: u32 = 6;

    #[repr(C)]
    pub struct MapCreate {
        pub kind: u32,
        pub key_size: u32,
        pub value_size: u32,
        pub max_entries: u32,
        pub flags: u32,
    }

    #[repr(C)]
    #[derive(Default)]
    pub struct Batch {
        pub first: u64,
        pub last: u64,
        pub keys: u64,
        pub values: u64,
        pub count: u32,
        pub map: i32,
        pub element_flags: u64,
        pub flags: u64,
    }

    #[repr(C)]
    #[derive(Default)]
    pub struct ProgramLoad {
        pub kind: u32,
        pub length: u32,
        pub code: u64,
        pub license: u64,
        pub log_level: u32,
        pub log_size: u32,
        pub log: u64,
    }

    #[repr(C)]
    #[derive(Default)]
    pub struct TestRun {
        pub program: i32,
        pub returned: u32,
        pub size_in: u32,
        pub size_out: u32,
        pub data_in: u64,
        pub data_out: u64,
        pub repeat: u32,
        pub duration: u32,
    }
}
