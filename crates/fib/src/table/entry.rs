//! What a word of the compiled table means.

/// An entry of a page or of an inner block.
///
/// ```text
///   0 ccc…c  (31 bits)   the answer: code c
/// 1 00 bbb…b (29 bits)   leaf block at word b
/// 1 01 bbb…b             inner block
/// 1 10 bbb…b             skip block
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry(pub u32);

/// What an entry refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Block {
    /// 64 answers as runs: a word with a bit for each slot that differs from
    /// the one before, then the answer of each run, in as many bytes as codes need.
    Leaf,
    /// The same with entries (four bytes) in place of answers.
    Inner,
    /// Bits to compare: a word with them at the top, ended by a one, then the
    /// entry if they agree (low half) and the one if not.
    Skip,
}

/// Bit 31: a block.
pub(super) const IS_BLOCK: u32 = 1 << 31;
/// The three upper bits of references to each kind of block.
pub(super) const LEAF: u32 = 0b100;
pub(super) const INNER: u32 = 0b101;
pub(super) const SKIP: u32 = 0b110;
/// Where the kind ends.
pub(super) const KIND_SHIFT: u32 = 29;
/// The word that a block starts at.
pub(super) const WORD_MASK: u32 = (1 << KIND_SHIFT) - 1;

impl Entry {
    /// No answer.
    pub const NONE: Entry = Entry(0);
    /// Nothing was compiled yet. Never in a table.
    pub const UNBUILT: Entry = Entry(u32::MAX);

    pub fn answer(code: u32) -> Entry {
        debug_assert!(code & IS_BLOCK == 0);
        Entry(code)
    }

    pub fn block(kind: Block, word: u32) -> Entry {
        debug_assert!(word <= WORD_MASK);
        let kind = match kind {
            Block::Leaf => LEAF,
            Block::Inner => INNER,
            Block::Skip => SKIP,
        };
        Entry(kind << KIND_SHIFT | word)
    }

    pub fn is_block(self) -> bool {
        self.0 & IS_BLOCK != 0
    }

    /// The kind of block and the word that it starts at; `None` for an answer.
    pub fn as_block(self) -> Option<(Block, usize)> {
        let kind = match self.0 >> KIND_SHIFT {
            LEAF => Block::Leaf,
            INNER => Block::Inner,
            SKIP => Block::Skip,
            _ => return None,
        };
        Some((kind, (self.0 & WORD_MASK) as usize))
    }
}
