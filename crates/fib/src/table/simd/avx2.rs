//! AVX2: four lanes of 64 bits, eight such groups in flight.

use core::arch::x86_64::*;
use core::sync::atomic::AtomicU64;

use fingerpost_net::Ip;

use super::{BATCH, Level, Paths, View, Width, fetch_ahead};
use crate::table::entry::{INNER, IS_BLOCK, KIND_SHIFT, LEAF, SKIP, WORD_MASK};
use crate::table::fib::Shape;

const LANES: usize = 4;
const GROUPS: usize = BATCH / LANES;

/// As [`View::lookup`], for each address.
pub(super) fn batch<I: Ip>(view: &View<'_>, level: Level, addrs: &[I], values: &mut [u32]) {
    // SAFETY: called for `Level(Kind::Avx2)` alone, which exists only where the feature was found.
    #[allow(unsafe_code)]
    unsafe {
        match (I::WIDTH == 32, view.paths.width) {
            (true, Width::One) => chunks::<I, 0, false>(view, level, addrs, values),
            (true, Width::Two) => chunks::<I, 1, false>(view, level, addrs, values),
            (true, Width::Four) => chunks::<I, 2, false>(view, level, addrs, values),
            (false, Width::One) => chunks::<I, 0, true>(view, level, addrs, values),
            (false, Width::Two) => chunks::<I, 1, true>(view, level, addrs, values),
            (false, Width::Four) => chunks::<I, 2, true>(view, level, addrs, values),
        }
    }
}

/// Addresses that more than 64 bits decide are looked up one by one.
#[target_feature(enable = "avx2")]
fn chunks<I: Ip, const WIDTH: i32, const DEEP: bool>(
    view: &View<'_>,
    level: Level,
    addrs: &[I],
    values: &mut [u32],
) {
    for (addrs, values) in addrs.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
        fetch_ahead(addrs);
        let mut heads = [0; BATCH];
        let mut codes = [0; BATCH];
        for (head, addr) in heads.iter_mut().zip(addrs) {
            *head = (addr.to_key() >> 64) as u64;
        }
        let mut deep = run::<WIDTH, DEEP>(&view.paths, &heads, &mut codes);
        view.answers.values(&codes, values);
        while deep != 0 {
            let at = deep.trailing_zeros() as usize;
            if let Some(addr) = addrs.get(at) {
                values[at] = view.lookup(level, *addr);
            }
            deep &= deep - 1;
        }
    }
}

/// The words, to be loaded from at places that are clamped to them.
struct Bytes {
    base: *const u8,
    last: __m256i,
}

impl Bytes {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(words: &[AtomicU64]) -> Bytes {
        assert!(!words.is_empty());
        Bytes { base: words.as_ptr().cast(), last: _mm256_set1_epi64x((words.len() as i64 - 1) * 8) }
    }

    /// Places are sums of small numbers and never negative.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn clamp(&self, at: __m256i) -> __m256i {
        _mm256_blendv_epi8(at, self.last, _mm256_cmpgt_epi64(at, self.last))
    }

    /// Eight bytes at the byte offset of each lane that is all ones.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn words(&self, lanes: __m256i, at: __m256i) -> __m256i {
        let at = self.clamp(at);
        // SAFETY: `at` is at most eight bytes before the end of the slice, and not
        // negative: it is made from masked and counted bits. Blocks that a version refers
        // to are not written while it can be read, so that loads need not be atomic.
        #[allow(unsafe_code)]
        unsafe {
            _mm256_mask_i64gather_epi64::<1>(_mm256_setzero_si256(), self.base.cast(), at, lanes)
        }
    }
}

/// The first word of each page.
#[inline]
#[target_feature(enable = "avx2")]
fn pages(top: &[u32], at: __m256i) -> __m256i {
    assert!(!top.is_empty());
    let last = _mm256_set1_epi64x(top.len() as i64 - 1);
    let at = _mm256_blendv_epi8(at, last, _mm256_cmpgt_epi64(at, last));
    // SAFETY: `at`, a head's upper bits, is not negative and at most the last index.
    #[allow(unsafe_code)]
    let pages = unsafe { _mm256_i64gather_epi32::<4>(top.as_ptr().cast(), at) };
    _mm256_cvtepu32_epi64(pages)
}

/// The number of ones in each lane: sixteen table entries for half a byte.
#[inline]
#[target_feature(enable = "avx2")]
fn count_ones(word: __m256i) -> __m256i {
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let low = _mm256_set1_epi8(15);
    let a = _mm256_shuffle_epi8(table, _mm256_and_si256(word, low));
    let b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi64::<4>(word), low));
    _mm256_sad_epu8(_mm256_add_epi8(a, b), _mm256_setzero_si256())
}

/// `DEEP`: addresses have more than 64 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn run<const WIDTH: i32, const DEEP: bool>(
    paths: &Paths<'_>,
    heads: &[u64; BATCH],
    codes: &mut [u32; BATCH],
) -> u32 {
    let bytes = Bytes::of(paths.words);
    let zero = _mm256_setzero_si256();
    let ones = _mm256_set1_epi64x(-1);
    let half = _mm256_set1_epi64x(0xffff_ffff);
    let shape = if DEEP { Shape::V6 } else { Shape::V4 };
    let top_shift = _mm_cvtsi64_si128(64 - i64::from(shape.top));
    let page_shift = _mm_cvtsi64_si128(64 - i64::from(shape.page));
    let skip_top = _mm_cvtsi64_si128(shape.top.into());
    let skip_page = _mm_cvtsi64_si128(shape.page.into());

    let mut rest = [zero; GROUPS];
    let mut entry = [zero; GROUPS];
    let mut used = [_mm256_set1_epi64x(shape.depth().into()); GROUPS];
    let mut deep = 0;
    for (group, heads) in heads.chunks_exact(LANES).enumerate() {
        let [a, b, c, d] = *heads else { unreachable!() };
        let head = _mm256_set_epi64x(d as i64, c as i64, b as i64, a as i64);
        let page = pages(paths.top, _mm256_srl_epi64(head, top_shift));
        let below = _mm256_sll_epi64(head, skip_top);
        let at = _mm256_srl_epi64(below, page_shift);
        let at = _mm256_add_epi64(_mm256_slli_epi64::<3>(page), _mm256_slli_epi64::<2>(at));
        entry[group] = _mm256_and_si256(bytes.words(ones, at), half);
        rest[group] = _mm256_sll_epi64(below, skip_page);
    }

    let is_block = _mm256_set1_epi64x(IS_BLOCK.into());
    loop {
        let mut any = zero;
        for entry in entry {
            any = _mm256_or_si256(any, entry);
        }
        if _mm256_testz_si256(any, is_block) == 1 {
            break;
        }
        for group in 0..GROUPS {
            let block = _mm256_cmpeq_epi64(_mm256_and_si256(entry[group], is_block), is_block);
            let kind = _mm256_srli_epi64::<{ KIND_SHIFT as i32 }>(entry[group]);
            let leaf = _mm256_cmpeq_epi64(kind, _mm256_set1_epi64x(LEAF.into()));
            let inner = _mm256_cmpeq_epi64(kind, _mm256_set1_epi64x(INNER.into()));
            let skip = _mm256_cmpeq_epi64(kind, _mm256_set1_epi64x(SKIP.into()));
            let at = _mm256_and_si256(entry[group], _mm256_set1_epi64x(WORD_MASK.into()));
            let at = _mm256_slli_epi64::<3>(at);
            let word = bytes.words(block, at);
            let after = _mm256_add_epi64(at, _mm256_set1_epi64x(8));

            // Runs: the answer or entry number `run` behind the block's first word.
            let slot = _mm256_srli_epi64::<58>(rest[group]);
            let run = count_ones(_mm256_sllv_epi64(word, _mm256_sub_epi64(_mm256_set1_epi64x(63), slot)));
            let scaled = _mm256_slli_epi64::<WIDTH>(run);
            let scaled = _mm256_blendv_epi8(scaled, _mm256_slli_epi64::<2>(run), inner);
            // A skip block's entries stand where the first run would.
            let place = _mm256_add_epi64(after, _mm256_andnot_si256(skip, scaled));
            let found = bytes.words(block, place);
            let code = _mm256_set1_epi64x(i64::from(u32::MAX >> (32 - (8 << WIDTH))));
            let mut next = _mm256_and_si256(found, _mm256_blendv_epi8(half, code, leaf));
            let mut taken = _mm256_set1_epi64x(6);

            if _mm256_testz_si256(skip, skip) == 0 {
                // Bits below the lowest one, which ends the bits to compare.
                let low = _mm256_andnot_si256(word, _mm256_sub_epi64(word, _mm256_set1_epi64x(1)));
                let end = count_ones(low);
                let differ = _mm256_srlv_epi64(_mm256_xor_si256(rest[group], word), end);
                let same = _mm256_cmpeq_epi64(_mm256_srli_epi64::<1>(differ), zero);
                let other = _mm256_srli_epi64::<32>(found);
                let either = _mm256_blendv_epi8(other, _mm256_and_si256(found, half), same);
                next = _mm256_blendv_epi8(next, either, skip);
                let compared = _mm256_sub_epi64(_mm256_set1_epi64x(63), end);
                taken = _mm256_blendv_epi8(taken, compared, skip);
            }
            if DEEP {
                used[group] = _mm256_add_epi64(used[group], taken);
                let beyond = _mm256_cmpgt_epi64(used[group], _mm256_set1_epi64x(64));
                let beyond = _mm256_and_si256(beyond, block);
                deep |= (_mm256_movemask_pd(_mm256_castsi256_pd(beyond)) as u32) << (group * LANES);
                next = _mm256_andnot_si256(beyond, next);
            }
            entry[group] = _mm256_blendv_epi8(entry[group], next, block);
            rest[group] = _mm256_sllv_epi64(rest[group], taken);
        }
    }
    for (codes, entry) in codes.chunks_exact_mut(LANES).zip(entry) {
        let even = _mm256_permutevar8x32_epi32(entry, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
        // SAFETY: `codes` is four numbers of four bytes; the store needs no alignment.
        #[allow(unsafe_code)]
        unsafe {
            _mm_storeu_si128(codes.as_mut_ptr().cast(), _mm256_castsi256_si128(even));
        }
    }
    deep
}
