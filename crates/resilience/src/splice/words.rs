//! Texts as words, so that two tellings of the same can be compared: without case, blanks and
//! punctuation. What a likeness means is not decided here.

/// A word without case, and where it ends in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) folded: String,
    pub(super) end: usize,
}

/// Letters that two forms of one word begin with, at least: `harbour`, `harbours`.
const STEM_CHARS_MIN: usize = 4;
/// And letters that either form may have beyond them.
const ENDING_CHARS_MAX: usize = 3;

impl Word {
    pub(super) fn chars(&self) -> usize {
        self.folded.chars().count()
    }

    /// A letter of a script that puts no blanks between words.
    pub(super) fn is_letter(&self) -> bool {
        self.folded.chars().any(is_wordless)
    }

    /// It says something: a long word, or a letter of a script that puts no blanks between words.
    pub(super) fn is_content(&self) -> bool {
        let sign = |c: char| is_wordless(c) && !matches!(c, '\u{3040}'..='\u{309F}');
        let long = self.chars() >= STEM_CHARS_MIN || self.folded.chars().any(sign);
        long && !super::lexicon::is_small(&self.folded)
    }
}

/// Two forms of one word, as far as letters tell.
pub(super) fn akin(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let longer = a.chars().count().max(b.chars().count());
    same >= STEM_CHARS_MIN && same + ENDING_CHARS_MAX >= longer
}

/// Scripts that put no blanks between words.
pub(super) fn is_wordless(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF
        | 0x0E00..=0x0EFF | 0x20000..=0x3FFFF)
}

/// The words of a text; a letter of a script without blanks is one by itself.
pub(super) fn words_of(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        let alone = is_wordless(c);
        match words.last_mut() {
            Some(word) if open && !alone => {
                word.folded.extend(c.to_lowercase());
                word.end = end;
            }
            _ => words.push(Word { folded: c.to_lowercase().collect(), end }),
        }
        open = !alone;
    }
    words
}

pub(super) fn last(words: &[Word], count: usize) -> &[Word] {
    words.get(words.len().saturating_sub(count)..).unwrap_or_default()
}

pub(super) fn first(words: &[Word], count: usize) -> &[Word] {
    words.get(..count.min(words.len())).unwrap_or_default()
}

pub(super) fn ends_with(words: &[Word], end: &[Word]) -> bool {
    let tail = last(words, end.len());
    tail.len() == end.len() && tail.iter().zip(end).all(|(a, b)| a.folded == b.folded)
}

/// Length of the longest common subsequence.
pub(super) fn common(a: &[Word], b: &[Word]) -> usize {
    let mut row = vec![0_usize; b.len() + 1];
    for left in a {
        let mut diagonal = 0;
        for (at, right) in b.iter().enumerate() {
            let above = row.get(at + 1).copied().unwrap_or(0);
            let before = row.get(at).copied().unwrap_or(0);
            let here = if left.folded == right.folded { diagonal + 1 } else { above.max(before) };
            diagonal = above;
            if let Some(place) = row.get_mut(at + 1) {
                *place = here;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}

/// How many different words of `b` that say something have a form of themselves in `a`.
pub(super) fn shared_content(a: &[Word], b: &[Word]) -> usize {
    let mut counted: Vec<&str> = Vec::new();
    for word in b.iter().filter(|word| word.is_content()) {
        let new = !counted.iter().any(|known| akin(known, &word.folded));
        if new && a.iter().any(|known| akin(&known.folded, &word.folded)) {
            counted.push(&word.folded);
        }
    }
    counted.len()
}

/// How many different words there are that say something.
pub(super) fn content_count(words: &[Word]) -> usize {
    shared_content(words, words)
}

/// The words of a text's first sentence or line; all of them if it is not over.
pub(super) fn first_sentence<'a>(text: &str, words: &'a [Word]) -> &'a [Word] {
    let lead = text.len() - text.trim_start().len();
    let mut from = lead;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(SENTENCE_ENDS)) {
        let after = text.get(from + at..).unwrap_or_default();
        let mark = after.chars().next().map_or(1, char::len_utf8);
        let rest = after.get(mark..).unwrap_or_default();
        // A dot within a number or a name ends nothing.
        if rest.is_empty()
            || mark > 1
            || after.starts_with('\n')
            || rest.starts_with(char::is_whitespace)
        {
            let end = from + at;
            let count = words.iter().take_while(|word| word.end <= end).count();
            return words.get(..count).unwrap_or_default();
        }
        from += at + mark;
    }
    words
}

/// Marks behind which another sentence begins.
pub(super) const SENTENCE_ENDS: [char; 7] = ['.', '!', '?', '\n', '。', '！', '？'];
