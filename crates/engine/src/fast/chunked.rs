//! A list that versions share: a change copies one chunk.

use std::sync::Arc;

/// Elements of a chunk.
const CHUNK: usize = 128;

/// A list in shared chunks.
#[derive(Clone)]
pub(super) struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T: Clone> Chunked<T> {
    /// An empty list.
    pub fn new() -> Self {
        Chunked { chunks: Vec::new(), len: 0 }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The element at a position.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// Adds an element; its position.
    pub fn push(&mut self, element: T) -> usize {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(element);
        }
        self.len += 1;
        self.len - 1
    }

    /// Replaces an element that is there.
    pub fn set(&mut self, at: usize, element: T) {
        if let Some(place) = self.chunks.get_mut(at / CHUNK).and_then(|chunk| Arc::make_mut(chunk).get_mut(at % CHUNK)) {
            *place = element;
        }
    }
}
