//! Threads on processors of their own, so that two that are measured do not share one.

use std::io;

pub use system::{Cpu, here};

/// Two processors that this thread may run on.
///
/// # Errors
///
/// There are none.
pub fn two() -> io::Result<[Cpu; 2]> {
    match system::allowed()?.as_slice() {
        &[first, second, ..] => Ok([first, second]),
        _ => Err(io::Error::other("it takes two processors, on Linux")),
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// A processor's number.
    pub type Cpu = usize;

    /// Keeps the thread that made it where it is, until it is dropped.
    pub struct Pinned(CpuSet);

    /// Keeps this thread on a processor for as long as the result lives.
    ///
    /// # Errors
    ///
    /// The thread may not run there.
    pub fn here(cpu: Cpu) -> io::Result<Pinned> {
        let before = sched_getaffinity(None)?;
        let mut only = CpuSet::new();
        only.set(cpu);
        sched_setaffinity(None, &only)?;
        Ok(Pinned(before))
    }

    impl Drop for Pinned {
        fn drop(&mut self) {
            // It may run there: it did before.
            let _ = sched_setaffinity(None, &self.0);
        }
    }

    pub fn allowed() -> io::Result<Vec<Cpu>> {
        let set = sched_getaffinity(None)?;
        Ok((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    /// A processor's number.
    pub type Cpu = usize;

    /// Keeps this thread on a processor: not done here.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn here(_: Cpu) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn allowed() -> io::Result<Vec<Cpu>> {
        Ok(Vec::new())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_is_put() {
        let Ok(cpus) = two() else { return eprintln!("skipped: there are no two processors") };
        for cpu in cpus {
            let pinned = here(cpu).expect("may run there");
            assert_eq!(rustix::thread::sched_getcpu(), cpu);
            assert!(two().is_err(), "it may run nowhere else");
            drop(pinned);
        }
        assert_eq!(two().expect("are there again"), cpus);
    }
}
