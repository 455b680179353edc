//! What is known of the old text: how it ends, which names it told, and how it spells its nouns.
//! What follows from that for a new text is judged in `fit`.

use super::lexicon;
use super::words::{SENTENCE_ENDS, Word, first, first_sentence, is_wordless, last};

/// Words within sentences from which it is seen whether every noun has a capital.
const SPELLED_MIN: usize = 12;
/// The text is looked at for spellings from its end, so far back.
const SPELLED_BYTES_MAX: usize = 16 * 1024;
/// Words of the end that are looked at for what the text is about, and in which language.
pub(super) const NEAR_WORDS_MAX: usize = 400;
/// The first sentence has at most so many words.
const OPENING_WORDS_MAX: usize = 24;

/// Where the old text broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Behind a sentence, or a colon.
    Sentence,
    /// Behind a line feed.
    Line,
    /// Within a block of code.
    Code,
    /// Within a sentence; `loose` within a heading, a list's item or a table's row.
    Within { loose: bool },
}

/// What the old text's last word and the marks behind it ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Nothing: a clause might be over.
    Nothing,
    /// A word: behind an article, a preposition, a small verb.
    Word,
    /// A word, or a clause with a subject of its own: behind a conjunction or a comma.
    Clause,
    /// Anything: a quotation or a bracket was opened.
    Anything,
}

/// The old text's last word and what stands behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joint {
    pub(super) wants: Wants,
    pub(super) comma: bool,
    /// The word has a capital, as a name's first part.
    pub(super) capital: bool,
}

impl Joint {
    /// Something must follow.
    pub(super) fn is_open(self) -> bool {
        self.wants != Wants::Nothing
    }

    /// That may be a clause with a subject of its own.
    pub(super) fn takes_a_clause(self) -> bool {
        matches!(self.wants, Wants::Clause | Wants::Anything)
    }
}

/// The old text.
pub(super) struct Told<'a> {
    pub(super) said: &'a str,
    pub(super) words: &'a [Word],
    /// Words within sentences as they are spelled.
    spelled: Vec<&'a str>,
}

impl<'a> Told<'a> {
    pub(super) fn new(said: &'a str, words: &'a [Word]) -> Self {
        Self { said, words, spelled: within_sentences(said) }
    }

    pub(super) fn ending(&self) -> Ending {
        if self.is_in_fence() {
            return Ending::Code;
        }
        let end = self.said.trim_end_matches([' ', '\t', '\r']);
        if end.ends_with('\n') || end.is_empty() {
            return Ending::Line;
        }
        let closing = ['"', '\'', '”', '’', '»', ')', ']', '*', '_', '`', '」', '』', '）', '“'];
        let bare = end.trim_end_matches(closing);
        let marks = ['.', '!', '?', '…', '。', '！', '？', ':', '：', '।', '؟'];
        // A closed bracket alone ends no sentence, nor does an opened one.
        if bare.ends_with(marks) && !end.ends_with(['(', '[']) {
            return Ending::Sentence;
        }
        let line = self.last_line();
        let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = number.len() < line.len() && number.starts_with(['.', ')']);
        let loose = numbered || line.starts_with(['#', '-', '*', '|', '•', '+']);
        // Only a list's mark, or that of a heading: a line begins.
        let mark = |c: char| c.is_ascii_digit() || "#-*•+.) []|_".contains(c);
        if loose && line.chars().all(mark) {
            return Ending::Line;
        }
        Ending::Within { loose }
    }

    pub(super) fn last_line(&self) -> &'a str {
        self.said.rsplit('\n').next().unwrap_or_default().trim_start()
    }

    pub(super) fn is_at_line_end(&self) -> bool {
        self.said.trim_end_matches([' ', '\t', '\r']).ends_with('\n')
    }

    fn is_in_fence(&self) -> bool {
        let fence = |line: &&str| line.trim_start().starts_with("```");
        self.said.lines().filter(fence).count() % 2 == 1
    }

    /// The last line of code is, or holds, a comment.
    pub(super) fn is_in_comment(&self) -> bool {
        let lines = self.said.trim_end().rsplit('\n').next().unwrap_or_default();
        ["#", "//", "/*", " *", "--", "\"\"\"", "<!--"].iter().any(|mark| lines.contains(mark))
    }

    pub(super) fn is_wordless(&self) -> bool {
        self.said.trim_end().ends_with(is_wordless)
    }

    pub(super) fn joint(&self) -> Joint {
        let end = self.said.trim_end();
        // These two open and close alike.
        let open =
            |mark: char| end.ends_with(mark) && self.last_line().matches(mark).count() % 2 == 1;
        let quote =
            end.ends_with(['“', '„', '«', '‘', '(', '[', '「', '（']) || open('"') || open('`');
        let bare = end.trim_end_matches([',', ';', '、', '，', '–', '—', '*', '_', '"', '“', '(']);
        let word = bare.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let comma = end.ends_with([',', ';', '、', '，', '–', '—', '/', '&', '-']);
        let folded = word.to_lowercase();
        let wants = match () {
            () if quote => Wants::Anything,
            () if comma || lexicon::joins_clauses(&folded) => Wants::Clause,
            () if lexicon::is_dangling(&folded) => Wants::Word,
            () => Wants::Nothing,
        };
        let capital = word.starts_with(char::is_uppercase) && self.spelled.last() == Some(&word);
        Joint { wants, comma, capital }
    }

    /// It is German, so that every noun has a capital.
    pub(super) fn is_german(&self) -> bool {
        let near = last(self.words, NEAR_WORDS_MAX);
        let german = near.iter().filter(|word| lexicon::is_german(&word.folded)).count();
        german * 6 > near.len() && german >= 2
    }

    /// Many words have a capital, as in a title.
    pub(super) fn gives_capitals(&self) -> bool {
        let capitals = self.spelled.iter().filter(|word| word.starts_with(char::is_uppercase));
        self.spelled.len() >= SPELLED_MIN && capitals.count() * 4 >= self.spelled.len()
    }

    /// This spelling, with its capital, stood within a sentence.
    pub(super) fn is_name(&self, word: &str) -> bool {
        let stem = word.trim_end_matches("'s").trim_end_matches("’s");
        self.spelled.iter().any(|known| *known == word || *known == stem)
    }

    /// This word stood within a sentence in small letters.
    pub(super) fn is_small(&self, folded: &str) -> bool {
        self.spelled.contains(&folded)
    }

    /// The words of the first sentence.
    pub(super) fn opening(&self) -> &'a [Word] {
        first(first_sentence(self.said, self.words), OPENING_WORDS_MAX)
    }

    /// How many words belong to the sentence that it broke off in, or ended with, and how many to
    /// the clause.
    pub(super) fn sentence_words(&self) -> (usize, usize) {
        let end = self.said.trim_end().trim_end_matches(SENTENCE_ENDS).trim_end();
        let from = end.rfind(SENTENCE_ENDS).unwrap_or(0);
        let clause = end.rfind([',', ';', ':', '，', '、']).unwrap_or(0).max(from);
        let behind = |at| self.words.iter().rev().take_while(|word| word.end > at).count();
        (behind(from), behind(clause))
    }
}

/// Words that begin no sentence, no line and no quotation.
fn within_sentences(said: &str) -> Vec<&str> {
    let from = said.floor_char_boundary(said.len().saturating_sub(SPELLED_BYTES_MAX));
    let text = said.get(from..).unwrap_or_default();
    let mut spelled = Vec::new();
    let mut begins = true;
    let mut rest = text;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let gap = rest.get(..start).unwrap_or_default();
        begins |= gap.contains(['.', '!', '?', '\n', ':', '"', '“', '„', '«', '…', '•', '|', '*']);
        let word = rest.get(start..).unwrap_or_default();
        let end = word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        if !begins {
            spelled.push(word);
        }
        begins = false;
        rest = after;
    }
    spelled
}
