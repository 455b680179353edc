//! How far the arguments of a call are that come piece by piece. Only brackets and strings are
//! counted, so that no byte is looked at twice; whether it is good JSON is not asked.

/// The arguments so far, without their text.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    depth: u32,
    in_string: bool,
    escaped: bool,
    whole: bool,
}

impl Arguments {
    /// Takes the next piece.
    pub(crate) fn take(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.whole |= self.depth == 0;
                }
                _ => {}
            }
        }
    }

    /// True once their last bracket has come.
    pub(crate) fn are_whole(&self) -> bool {
        self.whole
    }

    /// True while their last bracket is missing and their first one is not.
    pub(crate) fn are_half(&self) -> bool {
        self.depth > 0 && !self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_whole_at_the_last_brace() {
        let read = |pieces: &[&str]| {
            let mut arguments = Arguments::default();
            pieces.iter().for_each(|piece| arguments.take(piece));
            (arguments.are_half(), arguments.are_whole())
        };
        assert_eq!(read(&["{}"]), (false, true));
        assert_eq!(read(&["{\"a\":{\"b\":\"}", "\\\"}\"}", "}"]), (false, true));
        assert_eq!(read(&["{\"a\":{\"b\":\"}", "\\\"}\"}"]), (true, false));
        assert_eq!(read(&["", "{\"a\":\"}"]), (true, false));
        assert_eq!(read(&["", " "]), (false, false));
    }
}
