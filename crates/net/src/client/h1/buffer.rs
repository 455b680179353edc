//! The read buffer of a core, lent to a connection only while it reads: an idle connection and an
//! open stream own no buffer. It keeps no bytes from one loan to the next that anyone looks at.

use std::cell::Cell;

/// A burst of a hundred events fits.
const BUFFER_BYTES: usize = 32 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends the buffer to `read`. Within `read` the core has no other, so a loan within a loan gets
/// one of its own.
pub(super) fn lend<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take();
    if buffer.is_empty() {
        buffer.resize(BUFFER_BYTES, 0);
    }
    let result = read(&mut buffer);
    BUFFER.set(buffer);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loans_are_of_one_size_and_never_the_same_memory() {
        lend(|outer| {
            lend(|inner| {
                assert_eq!((outer.len(), inner.len()), (BUFFER_BYTES, BUFFER_BYTES));
                assert_ne!(outer.as_ptr(), inner.as_ptr());
            });
        });
    }
}
