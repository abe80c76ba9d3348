//! A list that versions share: a change copies one chunk.

use std::sync::Arc;

/// Elements of a chunk.
const CHUNK: usize = 128;

/// A list in shared chunks. The last one is filled up with an element that is not in it.
#[derive(Clone)]
pub(super) struct Chunked<T> {
    chunks: Vec<Arc<[T]>>,
    len: usize,
    filler: T,
}

impl<T: Clone> Chunked<T> {
    /// An empty list.
    pub fn new(filler: T) -> Self {
        Chunked { chunks: Vec::new(), len: 0, filler }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The element at a position; the filler, or none, behind the last.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// Adds an element; its position.
    pub fn push(&mut self, element: T) -> usize {
        let at = self.len;
        if at.is_multiple_of(CHUNK) {
            self.chunks.push(vec![self.filler.clone(); CHUNK].into());
        }
        self.len += 1;
        self.set(at, element);
        at
    }

    /// Replaces an element that is there.
    pub fn set(&mut self, at: usize, element: T) {
        if at < self.len
            && let Some(chunk) = self.chunks.get_mut(at / CHUNK)
        {
            Arc::make_mut(chunk)[at % CHUNK] = element;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_share_what_did_not_change() {
        let mut list = Chunked::new(0);
        (1..=300).for_each(|n| assert_eq!(list.push(n), n - 1));
        let before = list.clone();
        list.set(200, 7);
        list.push(301);
        assert_eq!((before.get(200), list.get(200)), (Some(&201), Some(&7)));
        assert_eq!((before.len(), list.len()), (300, 301));
        assert!(Arc::ptr_eq(&before.chunks[0], &list.chunks[0]));
        assert!(!Arc::ptr_eq(&before.chunks[1], &list.chunks[1]));
    }
}
