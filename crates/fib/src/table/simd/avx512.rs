//! AVX-512.

use core::arch::x86_64::*;
use core::sync::atomic::{AtomicU32, AtomicU64};

use fingerpost_net::Ip;

use super::{BATCH, Level, Paths, Runs, View, Width, fetch_ahead};
use crate::table::dir24::{Dir24View, flag};
use crate::table::entry::{INNER, IS_BLOCK, KIND_SHIFT, LEAF, SKIP, WORD_MASK};
use crate::table::fib::Shape;
use crate::table::lookup::Answers;

const LANES: usize = 8;
const GROUPS: usize = BATCH / LANES;

/// As [`View::lookup`], for each address.
pub(super) fn batch<I: Ip>(view: &View<'_>, level: Level, addrs: &[I], values: &mut [u32]) {
    // SAFETY: called for `Level(Kind::Avx512)` alone, which exists only where all features
    // of these functions were found.
    #[allow(unsafe_code)]
    unsafe {
        match (I::WIDTH == 32, view.paths.width) {
            (true, _) => batch4(view, level, addrs, values),
            (false, Width::One) => batch6::<I, 0>(view, level, addrs, values),
            (false, Width::Two) => batch6::<I, 1>(view, level, addrs, values),
            (false, Width::Four) => batch6::<I, 2>(view, level, addrs, values),
        }
    }
}

/// IPv4: sixteen lanes of 32 bits, two such groups in flight, through the
/// directory, a page and block by block. Where few addresses are left that more
/// blocks decide, they are looked up one by one.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn batch4<I: Ip>(view: &View<'_>, level: Level, addrs: &[I], values: &mut [u32]) {
    let top = Halves::of_numbers(view.paths.top);
    let blocks = Blocks4::of(&view.paths);
    let page_mask = _mm512_set1_epi32((1 << Shape::V4.page) - 1);

    for (addrs, values) in addrs.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
        fetch_ahead(addrs);
        let heads = heads4(addrs);
        let mut rest = [_mm512_setzero_si512(); 2];
        let mut entry = rest;
        for group in 0..2 {
            let lanes: &[u32; 16] = heads[group * 16..].first_chunk().unwrap_or(&[0; 16]);
            let key = load(lanes);
            let page = top.at(!0, _mm512_srli_epi32::<{ 32 - Shape::V4.top as u32 }>(key));
            let below = _mm512_srli_epi32::<{ 32 - Shape::V4.depth() as u32 }>(key);
            let at = _mm512_add_epi32(_mm512_slli_epi32::<1>(page), _mm512_and_si512(below, page_mask));
            entry[group] = blocks.words.at(!0, at);
            rest[group] = _mm512_slli_epi32::<{ Shape::V4.depth() as u32 }>(key);
        }
        let mut deep = 0;
        for group in 0..2 {
            blocks.leaves(&mut entry[group], rest[group]);
            deep |= u32::from(blocks.lanes(entry[group])) << (group * 16);
        }
        while deep.count_ones() >= FEW {
            deep = 0;
            for group in 0..2 {
                blocks.step(&mut entry[group], &mut rest[group]);
                deep |= u32::from(blocks.lanes(entry[group])) << (group * 16);
            }
        }
        let mut found = [0; BATCH];
        for (found, &entry) in found.as_chunks_mut().0.iter_mut().zip(&entry) {
            store(answer(&view.answers, entry), Some(found));
        }
        give(&found, values);
        while deep != 0 {
            let at = deep.trailing_zeros() as usize;
            if let Some(addr) = addrs.get(at) {
                values[at] = view.lookup(level, *addr);
            }
            deep &= deep - 1;
        }
    }
}

/// So few of a batch are looked up one by one.
const FEW: u32 = 4;

/// Blocks of an IPv4 table, for sixteen lanes.
struct Blocks4 {
    words: Halves,
    /// Codes in a half: their number's logarithm, and a code's bits and mask.
    in_half: __m512i,
    in_half_mask: __m512i,
    code_bits: __m128i,
    code_mask: __m512i,
}

impl Blocks4 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn of(paths: &Paths<'_>) -> Blocks4 {
        let width = paths.width.shift();
        Blocks4 {
            words: Halves::of(paths.words),
            in_half: _mm512_set1_epi32(2 - width.cast_signed()),
            in_half_mask: _mm512_set1_epi32((1 << (2 - width)) - 1),
            code_bits: _mm_cvtsi32_si128(3 + width.cast_signed()),
            code_mask: _mm512_set1_epi32((u32::MAX >> (32 - (8 << width))).cast_signed()),
        }
    }

    /// Lanes that have not come to an answer.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn lanes(&self, entry: __m512i) -> __mmask16 {
        _mm512_movepi32_mask(entry)
    }

    /// From entries that are leaves to their answers; `rest` begins with the bits that
    /// the blocks decide.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn leaves(&self, entry: &mut __m512i, rest: __m512i) {
        let kind = _mm512_srli_epi32::<KIND_SHIFT>(*entry);
        let leaf = _mm512_cmpeq_epi32_mask(kind, _mm512_set1_epi32(LEAF.cast_signed()));
        let at = _mm512_and_si512(*entry, _mm512_set1_epi32(WORD_MASK.cast_signed()));
        let run = self.run(leaf, at, rest);
        let half = self.half(leaf, at, _mm512_srlv_epi32(run, self.in_half));
        *entry = _mm512_mask_mov_epi32(*entry, leaf, self.code(half, run));
    }

    /// One block further, of whatever kind.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn step(&self, entry: &mut __m512i, rest: &mut __m512i) {
        let kind = _mm512_srli_epi32::<KIND_SHIFT>(*entry);
        let leaf = _mm512_cmpeq_epi32_mask(kind, _mm512_set1_epi32(LEAF.cast_signed()));
        let inner = _mm512_cmpeq_epi32_mask(kind, _mm512_set1_epi32(INNER.cast_signed()));
        let skip = _mm512_cmpeq_epi32_mask(kind, _mm512_set1_epi32(SKIP.cast_signed()));
        let at = _mm512_and_si512(*entry, _mm512_set1_epi32(WORD_MASK.cast_signed()));
        let run = self.run(leaf | inner, at, *rest);
        let place = _mm512_mask_srlv_epi32(run, leaf, run, self.in_half);
        let mut next = self.half(leaf | inner, at, place);
        next = _mm512_mask_mov_epi32(next, leaf, self.code(next, run));
        let mut taken = _mm512_set1_epi32(6);
        if skip != 0 {
            // The bits to compare are in the upper half; the lowest one ends them.
            let twice = _mm512_slli_epi32::<1>(at);
            let bits = self.words.at(skip, _mm512_add_epi32(twice, _mm512_set1_epi32(1)));
            let low = _mm512_andnot_si512(bits, _mm512_sub_epi32(bits, _mm512_set1_epi32(1)));
            let end = _mm512_popcnt_epi32(low);
            let differ = _mm512_srlv_epi32(_mm512_xor_si512(bits, *rest), end);
            let other = _mm512_mask_cmpgt_epu32_mask(skip, differ, _mm512_set1_epi32(1));
            let place = _mm512_maskz_set1_epi32(other, 1);
            next = _mm512_mask_mov_epi32(next, skip, self.half(skip, at, place));
            taken = _mm512_mask_sub_epi32(taken, skip, _mm512_set1_epi32(31), end);
        }
        *entry = _mm512_mask_mov_epi32(*entry, leaf | inner | skip, next);
        *rest = _mm512_sllv_epi32(*rest, taken);
    }

    /// The run that the slot of the first six bits belongs to, in the block at a word.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn run(&self, lanes: __mmask16, at: __m512i, rest: __m512i) -> __m512i {
        let slot = _mm512_srli_epi32::<26>(rest);
        self.words.ones_below(lanes, at, _mm512_sub_epi32(_mm512_set1_epi32(63), slot))
    }

    /// A half of the block at a word, counted from behind its first word.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn half(&self, lanes: __mmask16, at: __m512i, place: __m512i) -> __m512i {
        let first = _mm512_add_epi32(_mm512_slli_epi32::<1>(at), _mm512_set1_epi32(2));
        self.words.at(lanes, _mm512_add_epi32(first, place))
    }

    /// The code of a run, from the half that it is in.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn code(&self, half: __m512i, run: __m512i) -> __m512i {
        let place = _mm512_sll_epi32(_mm512_and_si512(run, self.in_half_mask), self.code_bits);
        _mm512_and_si512(_mm512_srlv_epi32(half, place), self.code_mask)
    }
}

/// DIR-24-8: sixteen lanes, two such groups in flight.
pub(super) fn batch24<I: Ip>(view: &View<'_>, dir24: Dir24View<'_>, addrs: &[I], values: &mut [u32]) {
    // SAFETY: as in `batch`.
    #[allow(unsafe_code)]
    unsafe {
        match dir24.wide {
            true => run24::<I, true, 4>(view, dir24, addrs, values),
            false => run24::<I, false, 2>(view, dir24, addrs, values),
        }
    }
}

/// `BYTES`: of an entry.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn run24<I: Ip, const WIDE: bool, const BYTES: i32>(
    view: &View<'_>,
    dir24: Dir24View<'_>,
    addrs: &[I],
    values: &mut [u32],
) {
    let top = Halves::of_numbers(dir24.top);
    let pages = Entries::of(dir24.pages, BYTES);
    let groups = Entries::of(dir24.groups, BYTES);
    let is_group = _mm512_set1_epi32(flag(WIDE).cast_signed());
    let entry_mask = _mm512_set1_epi32(if WIDE { -1 } else { 0xffff });
    // Entries in a word, as a logarithm.
    let in_word = _mm_cvtsi32_si128(if WIDE { 1 } else { 2 });
    for (addrs, values) in addrs.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
        fetch_ahead(addrs);
        let heads = heads4(addrs);
        let mut found = [0; BATCH];
        for group in 0..2 {
            let lanes: &[u32; 16] = heads[group * 16..].first_chunk().unwrap_or(&[0; 16]);
            let key = load(lanes);
            let page = top.at(!0, _mm512_srli_epi32::<20>(key));
            let place = _mm512_and_si512(_mm512_srli_epi32::<8>(key), _mm512_set1_epi32(0xfff));
            let at = _mm512_add_epi32(_mm512_sll_epi32(page, in_word), place);
            let entry = _mm512_and_si512(pages.at::<BYTES>(!0, at), entry_mask);
            let lanes = _mm512_test_epi32_mask(entry, is_group);
            let first = _mm512_slli_epi32::<8>(_mm512_andnot_si512(is_group, entry));
            let at = _mm512_or_si512(first, _mm512_and_si512(key, _mm512_set1_epi32(0xff)));
            let deep = _mm512_and_si512(groups.at::<BYTES>(lanes, at), entry_mask);
            let code = _mm512_mask_mov_epi32(entry, lanes, deep);
            store(answer(&view.answers, code), found[group * 16..].first_chunk_mut());
        }
        give(&found, values);
    }
}

/// Memory as entries of two or four bytes.
struct Entries {
    base: *const u8,
    last: __m512i,
}

impl Entries {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn of(words: &[AtomicU64], bytes: i32) -> Entries {
        let entries = words.len() * 8 / bytes as usize;
        assert!(entries > 1 && entries < 1 << 31);
        // The last entry but one, so that four bytes can be read there.
        Entries { base: words.as_ptr().cast(), last: _mm512_set1_epi32(entries as i32 - 2) }
    }

    /// Four bytes from each entry on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn at<const BYTES: i32>(&self, lanes: __mmask16, at: __m512i) -> __m512i {
        let at = _mm512_min_epu32(at, self.last);
        // SAFETY: `at` is at most the index of the last entry but one, and less than 2^31;
        // see `Halves::at` for why the words are not being written.
        #[allow(unsafe_code)]
        unsafe {
            _mm512_mask_i32gather_epi32::<BYTES>(_mm512_setzero_si512(), lanes, at, self.base.cast())
        }
    }
}

/// IPv6: eight lanes of 64 bits, four such groups in flight. Addresses that
/// more than 64 bits decide are looked up one by one.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn batch6<I: Ip, const WIDTH: u32>(view: &View<'_>, level: Level, addrs: &[I], values: &mut [u32]) {
    for (addrs, values) in addrs.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
        fetch_ahead(addrs);
        let mut heads = [0; BATCH];
        match <&[I; BATCH]>::try_from(addrs) {
            Ok(addrs) => (0..BATCH).for_each(|at| heads[at] = (addrs[at].to_key() >> 64) as u64),
            Err(_) => {
                heads.iter_mut().zip(addrs).for_each(|(head, addr)| *head = (addr.to_key() >> 64) as u64)
            }
        }
        let mut codes = [0; BATCH];
        let mut found = [0; BATCH];
        let mut deep = run6::<WIDTH>(&view.paths, &heads, &mut codes);
        for (codes, found) in codes.as_chunks().0.iter().zip(found.as_chunks_mut().0) {
            store(answer(&view.answers, load(codes)), Some(found));
        }
        give(&found, values);
        while deep != 0 {
            let at = deep.trailing_zeros() as usize;
            if let Some(addr) = addrs.get(at) {
                values[at] = view.lookup(level, *addr);
            }
            deep &= deep - 1;
        }
    }
}

/// IPv4 addresses as numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn heads4<I: Ip>(addrs: &[I]) -> [u32; BATCH] {
    let mut heads = [0; BATCH];
    // The usual, full batch apart: a loop of a fixed number of steps becomes vectors.
    match <&[I; BATCH]>::try_from(addrs) {
        Ok(addrs) => {
            for at in 0..BATCH {
                heads[at] = (addrs[at].to_key() >> 96) as u32;
            }
        }
        Err(_) => {
            for (head, addr) in heads.iter_mut().zip(addrs) {
                *head = (addr.to_key() >> 96) as u32;
            }
        }
    }
    heads
}

/// The values of codes.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn answer(answers: &Answers<'_>, code: __m512i) -> __m512i {
    if answers.dictionary.is_some() {
        let mut codes = [0; 16];
        store(code, Some(&mut codes));
        codes.iter_mut().for_each(|code| *code = answers.value(*code));
        return load(&codes);
    }
    let none = _mm512_cmpeq_epi32_mask(code, _mm512_setzero_si512());
    let value = _mm512_sub_epi32(code, _mm512_set1_epi32(1));
    _mm512_mask_set1_epi32(value, none, answers.default.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn give(found: &[u32; BATCH], values: &mut [u32]) {
    match <&mut [u32; BATCH]>::try_from(&mut *values) {
        Ok(values) => *values = *found,
        Err(_) => values.iter_mut().zip(found).for_each(|(value, found)| *value = *found),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn load(lanes: &[u32; 16]) -> __m512i {
    // SAFETY: sixteen numbers of four bytes; the load needs no alignment.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_loadu_si512(lanes.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn store(lanes: __m512i, to: Option<&mut [u32; 16]>) {
    if let Some(to) = to {
        // SAFETY: sixteen numbers of four bytes; the store needs no alignment.
        #[allow(unsafe_code)]
        unsafe {
            _mm512_storeu_si512(to.as_mut_ptr().cast(), lanes);
        }
    }
}

/// Memory as halves of words, for indexes of 32 bits: there are fewer than
/// 2^31 halves.
struct Halves {
    base: *const u8,
    last: __m512i,
}

impl Halves {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn of(words: &[AtomicU64]) -> Halves {
        assert!(!words.is_empty() && words.len() < 1 << 30);
        // The last half but one, so that a whole word can be read there.
        Halves { base: words.as_ptr().cast(), last: _mm512_set1_epi32(words.len() as i32 * 2 - 2) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn of_numbers(numbers: &[u32]) -> Halves {
        assert!(!numbers.is_empty() && numbers.len() < 1 << 31);
        Halves { base: numbers.as_ptr().cast(), last: _mm512_set1_epi32(numbers.len() as i32 - 1) }
    }

    /// The half at each index.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn at(&self, lanes: __mmask16, at: __m512i) -> __m512i {
        let at = _mm512_min_epu32(at, self.last);
        // SAFETY: `at` is at most the index of a half within the slice, and less than 2^31.
        // Blocks that a version refers to are not written while it can be read, so that loads
        // need not be atomic (and each lane is one load of the machine).
        #[allow(unsafe_code)]
        unsafe {
            _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), lanes, at, self.base.cast())
        }
    }

    /// How many ones of the word at each index are not shifted out to the left.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
    fn ones_below(&self, lanes: __mmask16, word: __m512i, shift: __m512i) -> __m512i {
        let word = _mm512_min_epu32(word, _mm512_srli_epi32::<1>(self.last));
        let (low, high) = (_mm512_castsi512_si256(word), _mm512_extracti64x4_epi64::<1>(word));
        let none = _mm512_setzero_si512();
        // SAFETY: the indexes count words and are at most half of `last`: a word of the slice.
        #[allow(unsafe_code)]
        let (low, high) = unsafe {
            (
                _mm512_mask_i32gather_epi64::<8>(none, lanes as u8, low, self.base.cast()),
                _mm512_mask_i32gather_epi64::<8>(none, (lanes >> 8) as u8, high, self.base.cast()),
            )
        };
        let shifts = (_mm512_castsi512_si256(shift), _mm512_extracti64x4_epi64::<1>(shift));
        let low = _mm512_popcnt_epi64(_mm512_sllv_epi64(low, _mm512_cvtepu32_epi64(shifts.0)));
        let high = _mm512_popcnt_epi64(_mm512_sllv_epi64(high, _mm512_cvtepu32_epi64(shifts.1)));
        let low = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(low));
        _mm512_inserti64x4::<1>(low, _mm512_cvtepi64_epi32(high))
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
        let halves =
            unsafe { _mm512_mask_i64gather_epi32::<1>(_mm256_setzero_si256(), lanes, at, self.base.cast()) };
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

/// The codes of 32 addresses by their first 64 bits; returns a bit for each
/// that more bits decide.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq")]
fn run6<const WIDTH: u32>(paths: &Paths<'_>, heads: &[u64; BATCH], codes: &mut [u32; BATCH]) -> u32 {
    let bytes = Bytes::of(paths.words);
    let zero = _mm512_setzero_si512();
    let shape = Shape::V6;
    let top_shift = _mm_cvtsi64_si128(64 - i64::from(shape.top));
    let page_shift = _mm_cvtsi64_si128(64 - i64::from(shape.page));
    let skip_top = _mm_cvtsi64_si128(shape.top.into());
    let skip_page = _mm_cvtsi64_si128(shape.page.into());

    // What is left of the addresses, inverted: the upper six bits are then 63 less the slot.
    let mut rest = [zero; GROUPS];
    let mut entry = [zero; GROUPS];
    let mut used = [_mm512_set1_epi64(shape.depth().into()); GROUPS];
    let mut deep = 0;
    for (group, heads) in heads.chunks_exact(LANES).enumerate() {
        let [a, b, c, d, e, f, g, h] = *heads else { unreachable!() };
        let head =
            _mm512_set_epi64(h as i64, g as i64, f as i64, e as i64, d as i64, c as i64, b as i64, a as i64);
        let page = pages(paths.top, _mm512_srl_epi64(head, top_shift));
        let below = _mm512_sll_epi64(head, skip_top);
        let at = _mm512_srl_epi64(below, page_shift);
        let at = _mm512_add_epi64(_mm512_slli_epi64::<3>(page), _mm512_slli_epi64::<2>(at));
        entry[group] = bytes.halves(!0, at);
        rest[group] = _mm512_xor_si512(_mm512_sll_epi64(below, skip_page), _mm512_set1_epi64(-1));
    }

    let is_block = _mm512_set1_epi64(IS_BLOCK.into());
    let half = _mm512_set1_epi64(0xffff_ffff);
    let code = _mm512_set1_epi64(i64::from(u32::MAX >> (32 - (8 << WIDTH))));
    loop {
        let mut blocks = [0; GROUPS];
        for group in 0..GROUPS {
            blocks[group] = _mm512_test_epi64_mask(entry[group], is_block);
        }
        if blocks == [0; GROUPS] {
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
            let inner = _mm512_cmpeq_epi64_mask(kind, _mm512_set1_epi64(INNER.into()));
            let skip = _mm512_cmpeq_epi64_mask(kind, _mm512_set1_epi64(SKIP.into()));

            // Runs: the answer or entry number `run` behind the block's first word.
            let slot = _mm512_srli_epi64::<58>(rest[group]);
            let run = _mm512_popcnt_epi64(_mm512_sllv_epi64(word[group], slot));
            let scaled = _mm512_slli_epi64::<WIDTH>(run);
            let scaled = _mm512_mask_slli_epi64::<2>(scaled, inner, run);
            // A skip block's entries stand where the first run would.
            let after = _mm512_add_epi64(at[group], _mm512_set1_epi64(8));
            let place = _mm512_mask_add_epi64(after, !skip, after, scaled);
            let found = bytes.words(blocks[group], place);
            let mut next = _mm512_and_si512(found, _mm512_mask_mov_epi64(code, inner | skip, half));
            let mut taken = _mm512_set1_epi64(6);

            if skip != 0 {
                // Bits below the lowest one, which ends the bits to compare.
                let bits = word[group];
                let low = _mm512_andnot_si512(bits, _mm512_sub_epi64(bits, _mm512_set1_epi64(1)));
                let end = _mm512_popcnt_epi64(low);
                // Ones where `rest`, which is inverted, agrees with the bits.
                let differ = _mm512_ternarylogic_epi64::<0b1001_1001>(zero, rest[group], bits);
                let differ = _mm512_srlv_epi64(differ, end);
                let other = _mm512_mask_cmpgt_epu64_mask(skip, differ, _mm512_set1_epi64(1));
                next = _mm512_mask_srli_epi64::<32>(next, other, found);
                taken = _mm512_mask_sub_epi64(taken, skip, _mm512_set1_epi64(63), end);
            }
            used[group] = _mm512_add_epi64(used[group], taken);
            let beyond = _mm512_mask_cmpgt_epi64_mask(blocks[group], used[group], _mm512_set1_epi64(64));
            deep |= u32::from(beyond) << (group * LANES);
            next = _mm512_maskz_mov_epi64(!beyond, next);
            entry[group] = _mm512_mask_mov_epi64(entry[group], blocks[group], next);
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

/// As [`Level::spread`].
pub(super) fn spread(slots: u64, codes: &[u32], entries: &mut [u32; 64]) {
    // SAFETY: as in `batch`.
    #[allow(unsafe_code)]
    unsafe {
        spread64(slots, codes, entries);
    }
}

#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq,popcnt")]
fn spread64(slots: u64, codes: &[u32], entries: &mut [u32; 64]) {
    let mut codes = codes;
    for (part, entries) in entries.as_chunks_mut().0.iter_mut().enumerate() {
        let lanes = (slots >> (part * 16)) as __mmask16;
        let (own, rest) = codes.split_at(lanes.count_ones() as usize);
        // SAFETY: as many numbers are read as lanes are set, which is the length of `own`.
        #[allow(unsafe_code)]
        let spread = unsafe { _mm512_mask_expandloadu_epi32(load(entries), lanes, own.as_ptr().cast()) };
        store(spread, Some(entries));
        codes = rest;
    }
}

/// As [`Level::runs`].
pub(super) fn runs(entries: &[u32; 64]) -> Runs {
    // SAFETY: as in `batch`.
    #[allow(unsafe_code)]
    unsafe {
        runs64(entries)
    }
}

#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq,popcnt")]
fn runs64(entries: &[u32; 64]) -> Runs {
    let mut runs = Runs { starts: 0, entries: [0; 80], count: 0 };
    // The first slot begins a run whatever is before it.
    let mut last = _mm512_set1_epi32((!entries[0]).cast_signed());
    for (part, entries) in entries.as_chunks().0.iter().enumerate() {
        let own = load(entries);
        let before = _mm512_alignr_epi32::<15>(own, last);
        let starts = _mm512_cmpneq_epi32_mask(own, before);
        runs.starts |= u64::from(starts) << (part * 16);
        store(_mm512_maskz_compress_epi32(starts, own), runs.entries[runs.count..].first_chunk_mut());
        runs.count += starts.count_ones() as usize;
        last = own;
    }
    runs.starts &= !1;
    runs
}
