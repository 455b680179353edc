//! From bytes of tokens to text that may be said: whole characters only, and nothing that may
//! still become a stop string.

/// What the latest bytes gave.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    /// May be empty.
    pub(crate) text: String,
    /// A stop string was met; nothing more is to be said.
    pub(crate) stopped: bool,
}

/// The text of one answer on its way out. Holds back at most one character less a byte, and the
/// longest stop string less a byte.
#[derive(Debug)]
pub(crate) struct Speech {
    stops: Vec<String>,
    /// The beginning of a character whose other bytes have not come.
    partial: Vec<u8>,
    /// Text that may be the beginning of a stop string.
    held: String,
}

impl Speech {
    /// Empty stop strings are ignored.
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, partial: Vec::new(), held: String::new() }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Said {
        self.partial.extend_from_slice(bytes);
        self.take_characters();
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            return Said { text: std::mem::take(&mut self.held), stopped: true };
        }
        let held = self.held.split_off(self.sayable());
        Said { text: std::mem::replace(&mut self.held, held), stopped: false }
    }

    /// What is left when the answer ends; nothing after a stop string. A character that never became
    /// whole is dropped.
    pub(crate) fn end(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    fn take_characters(&mut self) {
        let mut whole = 0;
        for chunk in self.partial.utf8_chunks() {
            self.held.push_str(chunk.valid());
            whole += chunk.valid().len();
            let ended = whole + chunk.invalid().len() == self.partial.len();
            let broken = chunk.invalid();
            if broken.is_empty() || (ended && may_become_whole(broken)) {
                continue;
            }
            self.held.push(char::REPLACEMENT_CHARACTER);
            whole += broken.len();
        }
        self.partial.drain(..whole);
    }

    /// The length of the held text that no stop string can begin in.
    fn sayable(&self) -> usize {
        let held = self.held.as_str();
        let first = held.char_indices().map(|(at, _)| at).find(|at| {
            let (_, end) = held.split_at(*at);
            self.stops.iter().any(|stop| stop.starts_with(end))
        });
        first.unwrap_or(held.len())
    }
}

/// True if more bytes could make a character of these.
fn may_become_whole(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn say(stops: &[&str], parts: &[&[u8]]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut speech = Speech::new(&stops);
        let mut said = Vec::new();
        for part in parts {
            let Said { text, stopped } = speech.push(part);
            said.push(text);
            if stopped {
                return (said, true);
            }
        }
        said.push(speech.end());
        (said, false)
    }

    #[test]
    fn a_character_waits_for_its_last_byte() {
        let (said, _) = say(&[], &[b"a\xe4", b"\xbd", b"\xa0b", b"\xff!", b"\xe4\xbd"]);
        assert_eq!(said, ["a", "", "你b", "\u{fffd}!", "", ""]);
    }

    #[test]
    fn a_stop_string_across_tokens_is_not_said() {
        let (said, stopped) = say(&["END", ""], &[b"one E", b"N", b"D two"]);
        assert_eq!(said, ["one ", "", ""]);
        assert!(stopped);
    }

    #[test]
    fn a_false_beginning_is_said_after_all() {
        let (said, stopped) = say(&["ENDE"], &[b"an EN", b"DING EN"]);
        assert_eq!(said, ["an ", "ENDING ", "EN"]);
        assert!(!stopped);
    }

    proptest! {
        /// Whatever the borders between tokens, what is said is the text up to the first stop.
        #[test]
        fn borders_do_not_matter(text in "[aé你b]{0,30}", cuts in prop::collection::vec(0_usize..60, 0..8), stop in "[aé你b]{1,3}") {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let (said, stopped) = say(&[&stop], &parts);
            prop_assert_eq!(stopped, text.contains(&stop));
            prop_assert_eq!(said.concat(), text.split(&stop).next().unwrap());
        }

        #[test]
        fn any_bytes_give_text(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..12)) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let (said, _) = say(&[], &parts);
            let all = parts.concat();
            let lossy = String::from_utf8_lossy(&all).into_owned();
            let said = said.concat();
            // An unfinished character at the end is dropped, where the lossy form marks it.
            let (lossy, said) = (lossy.trim_end_matches('\u{fffd}'), said.trim_end_matches('\u{fffd}'));
            prop_assert_eq!(lossy, said);
        }
    }
}
