//! Joins the answer of a second provider to what a first one has already said: finds how much of
//! the new text repeats the old one and cuts that off, so that the caller reads one answer. It
//! knows no wire form and asks nobody; how the second provider is asked to go on is decided by its
//! abilities, and arrives here as a [`Manner`].
//!
//! A second provider may go on exactly; repeat the last words; repeat them in other words; say first
//! that it will now go on; or start again from the beginning. Whatever starts again and then says
//! something else is another answer, and two halves of two answers are never glued: that is
//! [`NotContinued`].
//!
//! All comparing is done word by word, without regard to case, blanks and punctuation, because
//! those are what differs between two tellings of the same.

use std::fmt;

/// Text of the first provider that is compared; a longer one cannot be told from a restart.
const SAID_BYTES_MAX: usize = 256 * 1024;
/// Words of its end in which an overlap may begin.
const TAIL_WORDS: usize = 40;
/// So many words alike from the beginning are a restart and no chance.
const RESTART_WORDS: usize = 6;
/// Words looked at for a retelling in other words, of the old end and of the new beginning.
const RETOLD_OLD: usize = 16;
const RETOLD_NEW: usize = 20;
const RETOLD_WORDS_MIN: usize = 4;
/// The share of words that a retelling has in common with what it retells.
const RETOLD_ALIKE: f64 = 0.75;
/// A first line that says only that it goes on has at most so many bytes.
const PREAMBLE_BYTES_MAX: usize = 160;

/// How the second provider was asked to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The old text stands as the beginning of its own turn: it goes on from the last letter.
    Prefill,
    /// A user's turn asks it to go on.
    UserTurn,
}

/// The new text is no continuation of the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotContinued {
    /// It started again and told something else.
    AnotherAnswer,
    /// It started again and ended before it came to where the old one broke off.
    Shorter,
}

impl NotContinued {
    /// The word used in logs, receipts and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnotherAnswer => "another_answer",
            Self::Shorter => "shorter_answer",
        }
    }
}

impl fmt::Display for NotContinued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnotherAnswer => "the next provider started another answer",
            Self::Shorter => "the next provider's answer is shorter than what was already said",
        })
    }
}

impl std::error::Error for NotContinued {}

/// One join in progress.
#[derive(Debug, Clone)]
pub struct Splice {
    manner: Manner,
    said: String,
    words: Vec<Word>,
    /// The new text, until it is known where it goes on.
    held: String,
    joined: bool,
}

/// A word without case, and where it ends in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    folded: String,
    end: usize,
}

/// What is known of the held text.
enum Found {
    /// More is needed.
    Nothing,
    /// Everything before this place repeats the old text.
    GoesOnAt(usize),
    Not(NotContinued),
}

impl Splice {
    /// A join to what was said so far.
    pub fn new(said: &str, manner: Manner) -> Self {
        let from = said.floor_char_boundary(said.len().saturating_sub(SAID_BYTES_MAX));
        let said = said.get(from..).unwrap_or_default().to_owned();
        let words = words_of(&said);
        Self { manner, said, words, held: String::new(), joined: false }
    }

    /// Takes more of the new text; gives what the caller is to read now, which may be nothing yet.
    ///
    /// # Errors
    /// If it turns out to be no continuation; nothing must be taken from it then.
    pub fn push(&mut self, text: &str) -> Result<String, NotContinued> {
        if self.joined {
            return Ok(text.to_owned());
        }
        self.held.push_str(text);
        self.settle(false)
    }

    /// The new text is over; gives what is left of it.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn end(&mut self) -> Result<String, NotContinued> {
        if self.joined { Ok(String::new()) } else { self.settle(true) }
    }

    /// True once the place was found; from then on all text goes through.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    fn settle(&mut self, over: bool) -> Result<String, NotContinued> {
        let Some(skip) = self.preamble(over) else { return Ok(String::new()) };
        let fresh = self.held.get(skip..).unwrap_or_default();
        let at = match self.find(fresh, over) {
            Found::Nothing => return Ok(String::new()),
            Found::Not(why) => return Err(why),
            Found::GoesOnAt(at) => at,
        };
        let rest = fresh.get(at..).unwrap_or_default();
        let joined = self.join(rest, at > 0);
        if joined.is_empty() && !over {
            // What comes next may still be the old text's last punctuation, or its last blank.
            return Ok(joined);
        }
        self.joined = true;
        self.held = String::new();
        Ok(joined)
    }

    /// How many bytes at the front only say that it goes on; `None` while that cannot be told.
    fn preamble(&self, over: bool) -> Option<usize> {
        const OPENERS: [&str; 12] = [
            "sure",
            "certainly",
            "of course",
            "continuing",
            "here is the rest",
            "here's the rest",
            "here is the continuation",
            "here's the continuation",
            "picking up",
            "okay",
            "ok,",
            "apologies",
        ];
        if self.manner == Manner::Prefill {
            return Some(0);
        }
        let start = self.held.trim_start().to_lowercase();
        let is_word = |rest: &str| !rest.starts_with(char::is_alphanumeric);
        let opens = OPENERS.iter().any(|opener| start.strip_prefix(opener).is_some_and(is_word));
        let may_open = OPENERS.iter().any(|opener| opener.starts_with(start.as_str()));
        // The old text itself may begin like that.
        let old = self.said.trim_start().to_lowercase();
        if !opens {
            return if may_open && !over { None } else { Some(0) };
        }
        if old.starts_with(start.get(..8.min(start.len())).unwrap_or(&start)) {
            return Some(0);
        }
        let lead = self.held.len() - self.held.trim_start().len();
        let end = self.held.get(lead..)?.find(['\n', ':']).map(|at| lead + at + 1);
        match end {
            Some(end) if end <= PREAMBLE_BYTES_MAX => Some(end),
            Some(_) => Some(0),
            None if over || self.held.len() > PREAMBLE_BYTES_MAX => Some(0),
            None => None,
        }
    }

    fn find(&self, fresh: &str, over: bool) -> Found {
        let mut new = words_of(fresh);
        let whole = fresh.ends_with(|c: char| !c.is_alphanumeric());
        // The last word may still be growing.
        if !over && !whole {
            new.pop();
        }
        if new.is_empty() || self.words.is_empty() {
            return if over || self.words.is_empty() { Found::GoesOnAt(0) } else { Found::Nothing };
        }
        if let Some(found) = self.restart(fresh, &new, over) {
            return found;
        }
        if let Some(found) = self.overlap(&new, over) {
            return found;
        }
        if self.manner == Manner::UserTurn {
            if let Some(at) = self.half_word(fresh) {
                return Found::GoesOnAt(at);
            }
            if self.may_retell(&new) {
                if new.len() < RETOLD_NEW && !over {
                    return Found::Nothing;
                }
                if let Some(at) = self.retold(&new) {
                    return Found::GoesOnAt(at);
                }
            }
        }
        Found::GoesOnAt(0)
    }

    /// Does it start again from the beginning?
    fn restart(&self, fresh: &str, new: &[Word], over: bool) -> Option<Found> {
        let old = &self.words;
        let alike = old.iter().zip(new).take_while(|(a, b)| a.folded == b.folded).count();
        if alike == old.len() {
            let last = new.get(alike - 1)?;
            return Some(Found::GoesOnAt(last.end));
        }
        if alike + 1 == old.len()
            && let Some(at) = self.rest_of_word(fresh, new, alike)
        {
            return Some(Found::GoesOnAt(at));
        }
        if alike == new.len() {
            if !over {
                return Some(Found::Nothing);
            }
            // It ended inside the old text: fine if that is the old text's own end.
            let is_end = ends_with(old, new);
            let all = new.last().map_or(0, |word| word.end);
            let short = Found::Not(NotContinued::Shorter);
            return Some(if is_end { Found::GoesOnAt(all) } else { short });
        }
        (alike >= RESTART_WORDS).then_some(Found::Not(NotContinued::AnotherAnswer))
    }

    /// The old text broke off inside its last word, and the new one has the whole word at the same
    /// place: where the rest of that word begins.
    fn rest_of_word(&self, fresh: &str, new: &[Word], place: usize) -> Option<usize> {
        let half = self.words.last().filter(|word| word.end == self.said.len())?;
        let whole = new.get(place).filter(|whole| whole.folded.starts_with(&half.folded))?;
        let before = place.checked_sub(1).and_then(|at| new.get(at)).map_or(0, |word| word.end);
        let gap = fresh.get(before..whole.end)?;
        let start = before + gap.find(char::is_alphanumeric)?;
        let letters = half.folded.chars().count();
        let (at, _) = fresh.get(start..whole.end)?.char_indices().nth(letters)?;
        Some(start + at)
    }

    /// Does its beginning repeat the old text's last words?
    fn overlap(&self, new: &[Word], over: bool) -> Option<Found> {
        let tail_at = self.words.len().saturating_sub(TAIL_WORDS);
        let tail = self.words.get(tail_at..).unwrap_or_default();
        for at in 0..tail.len() {
            let repeated = tail.get(at..).unwrap_or_default();
            let alike = repeated.iter().zip(new).all(|(a, b)| a.folded == b.folded);
            if !alike {
                continue;
            }
            if new.len() < repeated.len() {
                // All of it stands inside the old end; what comes next will tell.
                return if over { None } else { Some(Found::Nothing) };
            }
            if self.is_telling(repeated) {
                return new.get(repeated.len() - 1).map(|last| Found::GoesOnAt(last.end));
            }
        }
        None
    }

    /// One short word alike is chance; after a prefill two are.
    fn is_telling(&self, repeated: &[Word]) -> bool {
        let letters: usize = repeated.iter().map(|word| word.folded.chars().count()).sum();
        match self.manner {
            Manner::Prefill => repeated.len() >= 3 && letters >= 10,
            Manner::UserTurn => letters >= 5 || repeated.len() >= 2,
        }
    }

    /// The old text broke off inside a word, and the new one begins with that word.
    fn half_word(&self, fresh: &str) -> Option<usize> {
        let half = self.words.last().filter(|word| word.end == self.said.len())?;
        let lead = fresh.len() - fresh.trim_start().len();
        let first = words_of(fresh).into_iter().next()?;
        let longer = first.folded.len() > half.folded.len() && half.folded.chars().count() >= 3;
        (longer && first.folded.starts_with(&half.folded)).then(|| {
            let letters = half.folded.chars().count();
            let rest = fresh.get(lead..).unwrap_or_default();
            let bytes = rest.char_indices().nth(letters).map_or(rest.len(), |(at, _)| at);
            lead + bytes
        })
    }

    /// Is there a sign that its beginning tells the old end in other words?
    fn may_retell(&self, new: &[Word]) -> bool {
        let old = last(&self.words, RETOLD_OLD);
        let long = |word: &&Word| word.folded.chars().count() >= 4;
        let first = new.get(..RETOLD_WORDS_MIN.min(new.len())).unwrap_or_default();
        first.iter().filter(long).any(|word| old.iter().any(|known| known.folded == word.folded))
    }

    /// Where a retelling of the old end is over.
    fn retold(&self, new: &[Word]) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for count_old in RETOLD_WORDS_MIN..=RETOLD_OLD.min(self.words.len()) {
            let old = last(&self.words, count_old);
            for count_new in RETOLD_WORDS_MIN..=RETOLD_NEW.min(new.len()) {
                let told = new.get(..count_new).unwrap_or_default();
                let same_end =
                    old.last().map(|word| &word.folded) == told.last().map(|word| &word.folded);
                if !same_end {
                    continue;
                }
                #[expect(clippy::cast_precision_loss, reason = "a few words")]
                let alike = common(old, told) as f64 / count_old.max(count_new) as f64;
                if alike >= RETOLD_ALIKE && best.is_none_or(|(known, _)| alike > known) {
                    best = told.last().map(|word| (alike, word.end));
                }
            }
        }
        best.map(|(_, at)| at)
    }

    /// The rest of the new text as it follows the old one.
    fn join(&self, rest: &str, cut: bool) -> String {
        let rest = if cut { self.without_marks(rest) } else { rest };
        let joint = self.said.chars().next_back();
        if joint.is_none_or(char::is_whitespace) {
            return rest.trim_start().to_owned();
        }
        let letters = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let needs_blank = !cut
            && self.manner == Manner::UserTurn
            && letters(rest.chars().next())
            && joint.is_some_and(|c| !is_wordless(c));
        if needs_blank { format!(" {rest}") } else { rest.to_owned() }
    }

    /// The repeated part ended in its last word; the punctuation behind it that both have is one.
    fn without_marks<'a>(&self, mut rest: &'a str) -> &'a str {
        let end = self.words.last().map_or(0, |word| word.end);
        let marks = self.said.get(end..).unwrap_or_default();
        for mark in marks.chars().filter(|c| !c.is_whitespace()) {
            match rest.trim_start().strip_prefix(mark) {
                Some(after) => rest = after,
                None => break,
            }
        }
        rest
    }
}

/// Scripts that put no blanks between words.
fn is_wordless(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF
        | 0x0E00..=0x0EFF | 0x20000..=0x3FFFF)
}

/// The words of a text; a letter of a script without blanks is one by itself.
fn words_of(text: &str) -> Vec<Word> {
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

fn last(words: &[Word], count: usize) -> &[Word] {
    words.get(words.len().saturating_sub(count)..).unwrap_or_default()
}

fn ends_with(words: &[Word], end: &[Word]) -> bool {
    let tail = last(words, end.len());
    tail.len() == end.len() && tail.iter().zip(end).all(|(a, b)| a.folded == b.folded)
}

/// Length of the longest common subsequence.
fn common(a: &[Word], b: &[Word]) -> usize {
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
