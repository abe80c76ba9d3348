//! AVX-512: eight lanes of 64 bits, four such groups in flight.

use core::arch::x86_64::*;
use core::sync::atomic::{AtomicU32, AtomicU64};

use fingerpost_net::Ip;

use super::{BATCH, Kernel, Paths, Width};
use crate::table::fib::Shape;
use crate::table::entry::{INNER, IS_BLOCK, KIND_SHIFT, LEAF, SKIP, WORD_MASK};

const LANES: usize = 8;
const GROUPS: usize = BATCH / LANES;

pub(super) fn kernel<I: Ip>(width: Width) -> Kernel {
    match (I::WIDTH == 32, width) {
        (true, Width::One) => enter::<0, false>,
        (true, Width::Two) => enter::<1, false>,
        (true, Width::Four) => enter::<2, false>,
        (false, Width::One) => enter::<0, true>,
        (false, Width::Two) => enter::<1, true>,
        (false, Width::Four) => enter::<2, true>,
    }
}

fn enter<const WIDTH: u32, const DEEP: bool>(
    paths: &Paths<'_>,
    heads: &[u64; BATCH],
    codes: &mut [u32; BATCH],
) -> u32 {
    // SAFETY: kernels of this module are handed out for `Level(Kind::Avx512)` alone,
    // which exists only where all features of `run` were found.
    #[allow(unsafe_code)]
    unsafe {
        run::<WIDTH, DEEP>(paths, heads, codes)
    }
}

/// The words as eight-byte lanes may load them: any byte offset up to
/// `last` leaves eight bytes to read.
struct Bytes {
    base: *const u8,
    last: __m512i,
}

impl Bytes {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn of(words: &[AtomicU64]) -> Bytes {
        assert!(!words.is_empty());
        Bytes { base: words.as_ptr().cast(), last: _mm512_set1_epi64((words.len() as i64 - 1) * 8) }
    }

    /// Eight bytes at each byte offset.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn words(&self, lanes: __mmask8, at: __m512i) -> __m512i {
        let at = _mm512_min_epu64(at, self.last);
        // SAFETY: `at` is at most eight bytes before the end of the slice. Blocks that a
        // version refers to are not written while it can be read, so that loads need not
        // be atomic (and each lane is one load of the machine).
        #[allow(unsafe_code)]
        unsafe {
            _mm512_mask_i64gather_epi64::<1>(_mm512_setzero_si512(), lanes, at, self.base.cast())
        }
    }

    /// Four bytes at each byte offset, widened.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn halves(&self, lanes: __mmask8, at: __m512i) -> __m512i {
        let at = _mm512_min_epu64(at, self.last);
        // SAFETY: as for `words`, of which this reads the first half.
        #[allow(unsafe_code)]
        let halves = unsafe {
            _mm512_mask_i64gather_epi32::<1>(_mm256_setzero_si256(), lanes, at, self.base.cast())
        };
        _mm512_cvtepu32_epi64(halves)
    }
}

/// The first word of each page.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn pages(top: &[u32], at: __m512i) -> __m512i {
    assert!(!top.is_empty());
    let at = _mm512_min_epu64(at, _mm512_set1_epi64(top.len() as i64 - 1));
    // SAFETY: `at` is at most the last index of the slice.
    #[allow(unsafe_code)]
    let pages = unsafe { _mm512_i64gather_epi32::<4>(at, top.as_ptr().cast()) };
    _mm512_cvtepu32_epi64(pages)
}

/// `DEEP`: addresses have more than 64 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn run<const WIDTH: u32, const DEEP: bool>(
    paths: &Paths<'_>,
    heads: &[u64; BATCH],
    codes: &mut [u32; BATCH],
) -> u32 {
    let bytes = Bytes::of(paths.words);
    let zero = _mm512_setzero_si512();
    let shape = if DEEP { Shape::V6 } else { Shape::V4 };
    let top_shift = _mm_cvtsi64_si128(64 - i64::from(shape.top));
    let page_shift = _mm_cvtsi64_si128(64 - i64::from(shape.page));
    let skip_top = _mm_cvtsi64_si128(shape.top.into());
    let skip_page = _mm_cvtsi64_si128(shape.page.into());

    let mut rest = [zero; GROUPS];
    let mut entry = [zero; GROUPS];
    let mut used = [_mm512_set1_epi64(shape.depth().into()); GROUPS];
    let mut deep = 0;
    for (group, heads) in heads.chunks_exact(LANES).enumerate() {
        let [a, b, c, d, e, f, g, h] = *heads else { unreachable!() };
        let head = _mm512_set_epi64(
            h as i64, g as i64, f as i64, e as i64, d as i64, c as i64, b as i64, a as i64,
        );
        let page = pages(paths.top, _mm512_srl_epi64(head, top_shift));
        let below = _mm512_sll_epi64(head, skip_top);
        let at = _mm512_srl_epi64(below, page_shift);
        let at = _mm512_add_epi64(_mm512_slli_epi64::<3>(page), _mm512_slli_epi64::<2>(at));
        entry[group] = bytes.halves(!0, at);
        rest[group] = _mm512_sll_epi64(below, skip_page);
    }

    let is_block = _mm512_set1_epi64(IS_BLOCK.into());
    loop {
        let mut blocks = [0; GROUPS];
        for group in 0..GROUPS {
            blocks[group] = _mm512_test_epi64_mask(entry[group], is_block);
        }
        if blocks.iter().all(|&lanes| lanes == 0) {
            break;
        }
        let mut at = [zero; GROUPS];
        let mut word = [zero; GROUPS];
        for group in 0..GROUPS {
            at[group] = _mm512_and_si512(entry[group], _mm512_set1_epi64(WORD_MASK.into()));
            at[group] = _mm512_slli_epi64::<3>(at[group]);
            word[group] = bytes.words(blocks[group], at[group]);
        }
        for group in 0..GROUPS {
            let kind = _mm512_srli_epi64::<KIND_SHIFT>(entry[group]);
            let leaf = _mm512_cmpeq_epi64_mask(kind, _mm512_set1_epi64(LEAF.into()));
            let inner = _mm512_cmpeq_epi64_mask(kind, _mm512_set1_epi64(INNER.into()));
            let skip = _mm512_cmpeq_epi64_mask(kind, _mm512_set1_epi64(SKIP.into()));

            // Runs: the answer or entry number `run` behind the block's first word.
            let slot = _mm512_srli_epi64::<58>(rest[group]);
            let starts = _mm512_sllv_epi64(word[group], _mm512_sub_epi64(_mm512_set1_epi64(63), slot));
            let run = _mm512_popcnt_epi64(starts);
            let scaled = _mm512_slli_epi64::<WIDTH>(run);
            let scaled = _mm512_mask_slli_epi64::<2>(scaled, inner, run);
            let place = _mm512_add_epi64(_mm512_add_epi64(at[group], _mm512_set1_epi64(8)), scaled);
            let mut next = bytes.halves(leaf | inner, place);
            let code = _mm512_set1_epi64(i64::from(u32::MAX >> (32 - (8 << WIDTH))));
            next = _mm512_mask_and_epi64(next, leaf, next, code);
            next = _mm512_mask_mov_epi64(next, !blocks[group], entry[group]);
            let mut taken = _mm512_set1_epi64(6);

            if skip != 0 {
                let after = _mm512_add_epi64(at[group], _mm512_set1_epi64(8));
                let entries = bytes.words(skip, after);
                // Bits below the lowest one, which ends the bits to compare.
                let bits = word[group];
                let low = _mm512_andnot_si512(bits, _mm512_sub_epi64(bits, _mm512_set1_epi64(1)));
                let end = _mm512_popcnt_epi64(low);
                let differ = _mm512_srlv_epi64(_mm512_xor_si512(rest[group], bits), end);
                let same = _mm512_mask_testn_epi64_mask(skip, _mm512_srli_epi64::<1>(differ), _mm512_set1_epi64(-1));
                let other = _mm512_srli_epi64::<32>(entries);
                let same = _mm512_mask_and_epi64(other, same, entries, _mm512_set1_epi64(0xffff_ffff));
                next = _mm512_mask_mov_epi64(next, skip, same);
                taken = _mm512_mask_sub_epi64(taken, skip, _mm512_set1_epi64(63), end);
            }
            if DEEP {
                used[group] = _mm512_add_epi64(used[group], taken);
                let beyond =
                    _mm512_mask_cmpgt_epi64_mask(blocks[group], used[group], _mm512_set1_epi64(64));
                deep |= u32::from(beyond) << (group * LANES);
                next = _mm512_mask_mov_epi64(next, beyond, zero);
            }
            entry[group] = next;
            rest[group] = _mm512_sllv_epi64(rest[group], taken);
        }
    }
    for (codes, entry) in codes.chunks_exact_mut(LANES).zip(entry) {
        let lanes = _mm512_cvtepi64_epi32(entry);
        // SAFETY: `codes` is eight numbers of four bytes; the store needs no alignment.
        #[allow(unsafe_code)]
        unsafe {
            _mm256_storeu_si256(codes.as_mut_ptr().cast(), lanes);
        }
    }
    deep
}

const _: () = assert!(size_of::<AtomicU64>() == 8 && size_of::<AtomicU32>() == 4);
