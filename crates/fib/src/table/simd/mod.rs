//! Looking up many addresses at once with the machine's vector instructions.
//!
//! `unsafe` code is in this module, in [`words`](super::words) and in
//! [`publish`](super::publish). Here it is of two kinds: calling a function
//! that needs instructions of the machine, which a [`Level`] is the proof of,
//! and vectors loaded and stored, above all *gathers*, loads from as many places
//! as there are lanes. The index of each gather is clamped to the slice that it
//! reads, so that no content of a table could make it read elsewhere.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod slots;

#[cfg(target_arch = "x86_64")]
use core::sync::atomic::AtomicU64;

use fingerpost_net::Ip;

#[cfg(target_arch = "x86_64")]
use super::codes::Width;
use super::lookup::{Paths, View};
#[cfg(target_arch = "x86_64")]
use slots::Runs;

/// Which instructions a table works with, batches of lookups above all. All give
/// the same answers.
///
/// A value exists only where the machine has the instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Whether the machine has these features: asked at run time with `std`, else
/// known from how the crate is compiled.
#[cfg(target_arch = "x86_64")]
macro_rules! has {
    ($($feature:tt),*) => {{
        #[cfg(feature = "std")]
        let found = true $(&& std::arch::is_x86_feature_detected!($feature))*;
        #[cfg(not(feature = "std"))]
        let found = true $(&& cfg!(target_feature = $feature))*;
        found
    }};
}

impl Level {
    /// No particular instructions: available everywhere. On 64-bit ARM the
    /// compiler uses NEON where it helps (counting bits); there are no gathers.
    pub const PORTABLE: Level = Level(Kind::Portable);

    /// The levels of this machine, the best last.
    pub fn all() -> impl Iterator<Item = Level> + Clone {
        #[cfg(target_arch = "x86_64")]
        let vector = {
            let avx2 = !cfg!(miri) && has!("avx2", "popcnt", "bmi1", "bmi2");
            let avx512 = avx2 && has!("avx512f", "avx512vl", "avx512dq", "avx512bw", "avx512vpopcntdq");
            [avx2.then_some(Level(Kind::Avx2)), avx512.then_some(Level(Kind::Avx512))]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let vector: [Option<Level>; 0] = [];
        core::iter::once(Level::PORTABLE).chain(vector.into_iter().flatten())
    }

    /// The best level of this machine.
    pub fn best() -> Level {
        Level::all().last().unwrap_or(Level::PORTABLE)
    }

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }
}

/// Whether the compiler may use instructions that count bits anyway.
#[cfg(target_arch = "x86_64")]
const COUNTS: bool = cfg!(all(target_feature = "popcnt", target_feature = "bmi1", target_feature = "bmi2"));

/// Addresses in flight at once.
#[cfg(target_arch = "x86_64")]
const BATCH: usize = 32;

/// Fetches the addresses that come after these, in this call or the next: a long
/// row of them is read from memory in pieces, and the machine foretells that
/// only up to the end of a page.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn fetch_ahead<I>(addrs: &[I]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    const AHEAD: usize = 2048;
    const LINE: usize = 64;
    for line in (0..size_of_val(addrs)).step_by(LINE) {
        let ahead = addrs.as_ptr().wrapping_byte_add(AHEAD + line);
        // SAFETY: fetching is no access: whatever address it is given, nothing is read that
        // anybody could see, and nothing fails. The instruction belongs to every x86-64.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
        }
    }
}

impl View<'_> {
    /// The value for an address, or [`NONE`](super::NONE).
    #[inline(always)]
    pub fn lookup<I: Ip>(&self, level: Level, addr: I) -> u32 {
        self.answers.value(match self.dir24 {
            Some(dir24) if I::WIDTH == 32 => dir24.code((addr.to_key() >> 96) as u32),
            _ => self.paths.on_machine(level, addr),
        })
    }

    /// As [`View::lookup`], for each address.
    pub fn batch<I: Ip>(&self, level: Level, addrs: &[I], values: &mut [u32]) {
        match (level.0, self.dir24) {
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx512, Some(dir24)) => avx512::batch24(self, dir24, addrs, values),
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx2, None) => avx2::batch(self, level, addrs, values),
            #[cfg(target_arch = "x86_64")]
            (Kind::Avx512, None) => avx512::batch(self, level, addrs, values),
            // DIR-24-8: two independent loads each, of which the machine keeps many in flight.
            _ => {
                for (addr, value) in addrs.iter().zip(values) {
                    *value = self.lookup(level, *addr);
                }
            }
        }
    }
}

impl Paths<'_> {
    #[inline(always)]
    fn on_machine<I: Ip>(self, level: Level, addr: I) -> u32 {
        match level.0 {
            Kind::Portable => self.code(addr),
            // Compiled for such a machine, it can become part of the caller.
            #[cfg(target_arch = "x86_64")]
            _ if COUNTS => self.code(addr),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => {
                // SAFETY: both levels exist only where the features were found.
                #[allow(unsafe_code)]
                unsafe {
                    code_counting(self.words, self.top, self.width, addr)
                }
            }
        }
    }
}

/// [`Paths::code`] with instructions that count bits and shift by any number.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt,bmi1,bmi2")]
fn code_counting<I: Ip>(words: &[AtomicU64], top: &[u32], width: Width, addr: I) -> u32 {
    Paths { words, top, width }.code(addr)
}
