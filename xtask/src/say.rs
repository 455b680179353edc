//! How the chores talk: step lines with the time that has passed. What the steps do is not here.

use std::io::Write;
use std::time::Duration;

use clock::{Clock, SystemClock, Tick};

/// A chore's voice and its watch.
#[derive(Debug)]
pub(crate) struct Voice {
    watch: SystemClock,
    start: Tick,
}

impl Voice {
    /// Starts the watch.
    pub(crate) fn new() -> Self {
        let watch = SystemClock::new();
        let start = watch.now();
        Self { watch, start }
    }

    /// Since the chore began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.watch.now().since(self.start)
    }

    /// One line with the time in front.
    pub(crate) fn step(&self, text: &str) {
        line(&format!("[{:>7}] {text}", span(self.elapsed())));
    }
}

/// One line, flushed: the reader may be a pipe, and a child may write next.
pub(crate) fn line(text: &str) {
    println!("{text}");
    // Nobody is left to be told if standard output is closed.
    drop(std::io::stdout().flush());
}

/// A span as people read it: `0.4 s`, `12.3 s`, `3 m 05 s`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds < 100 {
        format!("{:.1} s", span.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        assert_eq!(span(Duration::from_millis(420)), "0.4 s");
        assert_eq!(span(Duration::from_secs(185)), "3 m 05 s");
    }
}
