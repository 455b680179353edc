//! Joins the answer of a second provider to what a first one has already said: finds how much of
//! the new text repeats the old one and cuts that off, so that the caller reads one answer. It
//! knows no wire form and asks nobody; how the second provider is asked to go on is decided by its
//! abilities, and arrives here as a [`Manner`].
//!
//! A second provider may go on exactly; repeat the last words; repeat them in other words; say first
//! that it will now go on; or start again from the beginning. It may also begin quite another
//! answer, and two halves of two answers are never glued: that is [`NotContinued`].
//!
//! So the new text is held until the place where it goes on is known: where a repetition ends
//! (`words`), where a retelling ends (`retold`), or at its first letter if its first words fit the
//! old text's end (`fit`). What is held is bounded in words, and its holder bounds it in time by
//! [`Splice::decide`].
//!
//! All comparing is done word by word, without regard to case, blanks and punctuation, because
//! those are what differs between two tellings of the same.

mod caseless;
mod fit;
mod lexicon;
mod retold;
mod told;
mod words;

use std::fmt;

pub use fit::FitWhy;
use retold::Retelling;
use told::{Ending, Told};
use words::{Word, ends_with, first, is_wordless, last, words_of};

/// Text of the first provider that is compared; a longer one cannot be told from a restart.
const SAID_BYTES_MAX: usize = 256 * 1024;
/// So many words alike from the beginning are a restart and no chance.
const RESTART_WORDS: usize = 6;
/// So many of the old text's last words are a repetition, however they are spelled.
const PROVEN_WORDS: usize = 4;
/// New words that are looked at before a text that repeats nothing is judged: so many in any case,
/// and so many if they may be a retelling.
const JUDGED_WORDS_MIN: usize = 12;
const JUDGED_WORDS_MAX: usize = 24;
/// In a script where each letter counts as a word, these numbers are so many times as large.
const LETTERS_A_WORD: usize = 2;
/// And no more than so many bytes of it.
const JUDGED_BYTES_MAX: usize = 600;
/// Words of the old end in which a retelling's words are looked for.
const RETOLD_WORDS: usize = 16;
/// A first line that says only that it goes on has at most so many bytes, or so few words.
const PREAMBLE_BYTES_MAX: usize = 160;
const PREAMBLE_WORDS_FEW: usize = 3;

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
    /// It told the last words again, in others, and nobody can say up to where.
    Retold,
    /// Its first words are not the next words of the old one.
    Unfitting(FitWhy),
}

impl NotContinued {
    /// The word used in logs, receipts and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnotherAnswer => "another_answer",
            Self::Shorter => "shorter_answer",
            Self::Retold => "retold",
            Self::Unfitting(_) => "unfitting",
        }
    }
}

impl fmt::Display for NotContinued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnotherAnswer => f.write_str("the next provider started another answer"),
            Self::Shorter => {
                f.write_str("the next provider's answer is shorter than what was already said")
            }
            Self::Retold => f.write_str("the next provider told the last words again in others"),
            Self::Unfitting(why) => {
                write!(f, "the next provider did not go on: its text {}", why.as_str())
            }
        }
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
    why: &'static str,
}

/// How much is known of the new text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// More will come.
    Some,
    /// More will come, but too late.
    Enough,
    /// It is over.
    All,
}

/// What is known of the held text.
enum Found {
    /// More is needed.
    Nothing,
    /// Everything before this place repeats the old text, or nothing does, for this reason.
    GoesOnAt(usize, &'static str),
    Not(NotContinued),
}

impl Splice {
    /// A join to what was said so far.
    pub fn new(said: &str, manner: Manner) -> Self {
        let from = said.floor_char_boundary(said.len().saturating_sub(SAID_BYTES_MAX));
        let said = said.get(from..).unwrap_or_default().to_owned();
        let words = words_of(&said);
        Self { manner, said, words, held: String::new(), joined: false, why: "" }
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
        self.settle(Known::Some)
    }

    /// No more is waited for: what is held is judged as it is, unless it is still repeating.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn decide(&mut self) -> Result<String, NotContinued> {
        if self.joined { Ok(String::new()) } else { self.settle(Known::Enough) }
    }

    /// The new text is over; gives what is left of it.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn end(&mut self) -> Result<String, NotContinued> {
        if self.joined { Ok(String::new()) } else { self.settle(Known::All) }
    }

    /// True once the place was found; from then on all text goes through.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// Why it was joined where it was; empty before that.
    pub fn why(&self) -> &'static str {
        self.why
    }

    fn settle(&mut self, known: Known) -> Result<String, NotContinued> {
        let over = known == Known::All;
        let Some(skip) = self.preamble(over) else { return Ok(String::new()) };
        let fresh = self.held.get(skip..).unwrap_or_default();
        let (at, why) = match self.find(fresh, known) {
            Found::Nothing => return Ok(String::new()),
            Found::Not(why) => return Err(why),
            Found::GoesOnAt(at, why) => (at, why),
        };
        let rest = fresh.get(at..).unwrap_or_default();
        let joined = self.join(rest, at > 0);
        if joined.is_empty() && !over {
            // What comes next may still be the old text's last punctuation, or its last blank.
            return Ok(joined);
        }
        let within = || {
            let told = Told::new(&self.said, &self.words);
            matches!(told.ending(), Ending::Within { .. })
        };
        if over && joined.trim().is_empty() && within() {
            // To say nothing more is no end where a sentence is not over.
            return Err(NotContinued::Shorter);
        }
        self.joined = true;
        self.why = why;
        self.held = String::new();
        Ok(joined)
    }

    /// How many bytes at the front only say that it goes on; `None` while that cannot be told.
    fn preamble(&self, over: bool) -> Option<usize> {
        const OPENERS: [&str; 14] = [
            "Sure",
            "Certainly",
            "Of course",
            "Absolutely",
            "Continuing",
            "Here is",
            "Here's",
            "Here’s",
            "Picking up",
            "Okay",
            "OK",
            "Apologies",
            "I apologize",
            "Sorry",
        ];
        if self.manner == Manner::Prefill {
            return Some(0);
        }
        let start = self.held.trim_start();
        let is_word = |rest: &str| !rest.starts_with(char::is_alphanumeric);
        let opens = OPENERS.iter().any(|opener| start.strip_prefix(opener).is_some_and(is_word));
        if !opens {
            let may_open = OPENERS.iter().any(|opener| opener.starts_with(start));
            return if may_open && !over { None } else { Some(0) };
        }
        // The old text itself may begin like that.
        let old = self.said.trim_start();
        if old.starts_with(start.get(..8.min(start.len())).unwrap_or(start)) {
            return Some(0);
        }
        let lead = self.held.len() - start.len();
        match start.find(['\n', ':']) {
            Some(end) if end < PREAMBLE_BYTES_MAX => {
                let line = start.get(..=end).unwrap_or_default();
                Some(if is_announcement(line) { lead + end + 1 } else { 0 })
            }
            Some(_) => Some(0),
            None if over || start.len() > PREAMBLE_BYTES_MAX => Some(0),
            None => None,
        }
    }

    fn find(&self, fresh: &str, known: Known) -> Found {
        let mut new = words_of(fresh);
        let over = known == Known::All;
        // The last word may still be growing.
        if !over && !fresh.ends_with(|c: char| !c.is_alphanumeric()) {
            new.pop();
        }
        if self.words.is_empty() {
            return Found::GoesOnAt(0, "nothing was told");
        }
        if new.is_empty() && !over {
            let long = fresh.len() > JUDGED_BYTES_MAX;
            return if long { self.judge(fresh, &new) } else { Found::Nothing };
        }
        if let Some(found) = self.restart(fresh, &new, over) {
            return found;
        }
        if let Some(found) = self.overlap(fresh, &new, over) {
            return found;
        }
        if self.manner == Manner::UserTurn
            && let Some(at) = self.half_word(fresh)
        {
            return Found::GoesOnAt(at, "a half word was repeated");
        }
        let scale = if new.first().is_some_and(Word::is_letter) { LETTERS_A_WORD } else { 1 };
        let enough = new.len() >= JUDGED_WORDS_MAX * scale
            || fresh.len() > JUDGED_BYTES_MAX
            || (new.len() >= JUDGED_WORDS_MIN * scale && !self.may_retell(&new));
        if known == Known::Some && !enough { Found::Nothing } else { self.judge(fresh, &new) }
    }

    /// It repeats nothing: is it a retelling, and if not, are these the next words?
    fn judge(&self, fresh: &str, new: &[Word]) -> Found {
        let told = Told::new(&self.said, &self.words);
        let sentence = first(words::first_sentence(fresh, new), JUDGED_WORDS_MAX);
        match retold::of_the_end(&self.words, sentence, told.sentence_words()) {
            Retelling::Until(at) => {
                return Found::GoesOnAt(at, "the last words were told in others");
            }
            Retelling::Unclear => return Found::Not(NotContinued::Retold),
            Retelling::No => {}
        }
        let fit = fit::judge(&told, self.manner, fresh, new);
        if fit.goes_on {
            Found::GoesOnAt(0, fit.why.as_str())
        } else {
            Found::Not(NotContinued::Unfitting(fit.why))
        }
    }

    /// Does it start again from the beginning?
    fn restart(&self, fresh: &str, new: &[Word], over: bool) -> Option<Found> {
        let old = &self.words;
        let alike = old.iter().zip(new).take_while(|(a, b)| a.folded == b.folded).count();
        if alike == old.len() {
            let last = new.get(alike - 1)?;
            return Some(Found::GoesOnAt(last.end, "it was told from the start"));
        }
        if alike + 1 == old.len()
            && let Some(at) = self.rest_of_word(fresh, new, alike)
        {
            return Some(Found::GoesOnAt(at, "it was told from the start"));
        }
        if alike == new.len() {
            if !over {
                return Some(Found::Nothing);
            }
            // It ended inside the old text: fine if that is the old text's own end.
            let is_end = ends_with(old, new);
            let all = new.last().map_or(0, |word| word.end);
            let short = Found::Not(NotContinued::Shorter);
            return Some(if is_end { Found::GoesOnAt(all, "it had been the end") } else { short });
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

    /// Does its beginning repeat the old text's last words, however many?
    fn overlap(&self, fresh: &str, new: &[Word], over: bool) -> Option<Found> {
        for at in 0..self.words.len() {
            let repeated = self.words.get(at..).unwrap_or_default();
            let alike = repeated.iter().zip(new).take_while(|(a, b)| a.folded == b.folded).count();
            if alike == new.len() && alike < repeated.len() {
                // All of it stands inside the old end; what comes next will tell.
                if !over {
                    return Some(Found::Nothing);
                }
            } else if self.begins_anew(at, fresh, new) {
                // The same words with a capital of their own are a sentence that begins with them.
            } else if alike == repeated.len() && self.is_telling(repeated) {
                let last = new.get(alike - 1)?;
                return Some(Found::GoesOnAt(last.end, "the last words were repeated"));
            } else if alike > 0
                && alike + 1 == repeated.len()
                && let Some(at) = self.rest_of_word(fresh, new, alike)
                && self.is_telling(repeated)
            {
                return Some(Found::GoesOnAt(at, "the last words were repeated"));
            }
        }
        None
    }

    /// A few words that the old text ends with, from `at` on, have a capital only in the new one:
    /// `to the harbour`, `The harbour is`.
    fn begins_anew(&self, at: usize, fresh: &str, new: &[Word]) -> bool {
        let capital = |text: &str, word: Option<&Word>| {
            let until = word.and_then(|word| text.get(..word.end)).unwrap_or_default();
            let spelled = until.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            spelled.starts_with(char::is_uppercase)
        };
        self.words.len() - at < PROVEN_WORDS
            && capital(fresh, new.first())
            && !capital(&self.said, self.words.get(at))
    }

    /// One short word alike is chance; after a prefill two are.
    fn is_telling(&self, repeated: &[Word]) -> bool {
        let letters: usize = repeated.iter().map(Word::chars).sum();
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
        let longer = first.folded.len() > half.folded.len() && half.chars() >= 3;
        // A whole word may be the beginning of a longer one by chance.
        let before = self.words.get(..self.words.len() - 1).unwrap_or_default();
        let whole = lexicon::is_dangling(&half.folded)
            || before.iter().any(|word| word.folded == half.folded);
        if whole || self.begins_anew(self.words.len() - 1, fresh, &words_of(fresh)) {
            return None;
        }
        (longer && first.folded.starts_with(&half.folded)).then(|| {
            let letters = half.folded.chars().count();
            let rest = fresh.get(lead..).unwrap_or_default();
            let bytes = rest.char_indices().nth(letters).map_or(rest.len(), |(at, _)| at);
            lead + bytes
        })
    }

    /// Is there a sign that its beginning tells the old end in other words?
    fn may_retell(&self, new: &[Word]) -> bool {
        words::shared_content(last(&self.words, RETOLD_WORDS), first(new, JUDGED_WORDS_MIN)) > 0
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

/// A line that says only that it will go on now.
fn is_announcement(line: &str) -> bool {
    const MEANT: [&str; 14] = [
        "answer",
        "break",
        "broke",
        "cont",
        "cut",
        "go on",
        "here it is",
        "here you",
        "interrupt",
        "left off",
        "message",
        "pick",
        "rest",
        "text",
    ];
    let line = line.to_lowercase();
    words_of(&line).len() <= PREAMBLE_WORDS_FEW || MEANT.iter().any(|word| line.contains(word))
}
