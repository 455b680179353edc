//! Whether a new text that repeats nothing of the old one can be its next words. It is judged by
//! signs, each of which is worth a few points for or against; the sum decides, and the heaviest
//! sign on the winning side is the why. What is in doubt is not joined: a clean error can be
//! mended, half of one answer behind half of another cannot.
//!
//! A sign is how the old text ends (in mid-sentence, after a sentence, at a line's end, within
//! code), how the new one begins (a small letter, a capital, a mark, a heading, an address to the
//! reader), and whether both speak of the same things. A capital letter is weighed by what can
//! explain it: a name that was told before, a name after a name or after a word that asks for one,
//! a title, an abbreviation, a language that gives it to every noun. Scripts without case are
//! judged by the rest alone.

use super::Manner;
use super::caseless;
use super::lexicon;
use super::retold;
use super::told::{Ending, NEAR_WORDS_MAX, Told, Wants};
use super::words::{Word, akin, content_count, is_wordless, last, shared_content};

/// Different words that say something, of old and new, without which it proves nothing that they
/// have none in common.
const OLD_CONTENT_MIN: usize = 12;
const NEW_CONTENT_MIN: usize = 6;
/// Letters that show in which script a text is.
const SCRIPT_LETTERS_MIN: usize = 8;
/// And how many are looked at, on either side of the joint.
const SCRIPT_LETTERS_MAX: usize = 40;

/// The heaviest sign for or against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitWhy {
    /// It begins as a sentence goes on: in small letters, or with a mark.
    GoesOn,
    /// The old text had come to the end of a sentence or a line.
    AfterAnEnd,
    /// Its capital is a name's, a noun's or a title's.
    Name,
    /// Nothing speaks against it.
    NothingAgainst,
    /// It begins a new sentence where the old one was not over.
    NewSentence,
    /// It begins a heading, a list, a table or a block of code there.
    NewBlock,
    /// It turns to its reader.
    Address,
    /// It says again what the old text began with.
    Reopens,
    /// It is written in another script.
    OtherScript,
    /// It speaks of nothing that the old text speaks of.
    OtherMatter,
}

impl FitWhy {
    /// The word used in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoesOn => "begins as a sentence goes on",
            Self::AfterAnEnd => "begins where a sentence had ended",
            Self::Name => "begins with a name",
            Self::NothingAgainst => "nothing speaks against it",
            Self::NewSentence => "begins a new sentence within one",
            Self::NewBlock => "begins a new block within a sentence",
            Self::Address => "turns to its reader",
            Self::Reopens => "begins the answer anew",
            Self::OtherScript => "is written in another script",
            Self::OtherMatter => "speaks of something else",
        }
    }
}

/// The sum of all signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) goes_on: bool,
    pub(super) why: FitWhy,
}

/// The signs that were found.
#[derive(Default)]
pub(super) struct Signs(Vec<(i32, FitWhy)>);

impl Signs {
    pub(super) fn add(&mut self, points: i32, why: FitWhy) {
        if points != 0 {
            self.0.push((points, why));
        }
    }

    fn fit(&self) -> Fit {
        let sum: i32 = self.0.iter().map(|(points, _)| points).sum();
        let goes_on = sum >= 0;
        let heaviest = if goes_on {
            self.0.iter().filter(|(points, _)| *points > 0).max_by_key(|(points, _)| *points)
        } else {
            self.0.iter().min_by_key(|(points, _)| *points)
        };
        Fit { goes_on, why: heaviest.map_or(FitWhy::NothingAgainst, |(_, why)| *why) }
    }
}

/// Judges a new text, of which `new` are the words.
pub(super) fn judge(told: &Told<'_>, manner: Manner, fresh: &str, new: &[Word]) -> Fit {
    let mut signs = Signs::default();
    let start = Start::of(fresh);
    let ending = told.ending();
    if lexicon::addresses(start.text) {
        signs.add(-6, FitWhy::Address);
    }
    if is_other_script(told.said, fresh) {
        signs.add(-6, FitWhy::OtherScript);
    }
    let matter = matter(told, new);
    match ending {
        Ending::Code if told.is_in_comment() && !fresh.starts_with(['\n', '\r']) => {
            within(told, manner, (&start, fresh, new), true, &mut signs);
        }
        Ending::Code => in_code(told, &start, &mut signs),
        Ending::Sentence | Ending::Line => {
            signs.add(1, FitWhy::AfterAnEnd);
            signs.add(if matter < 0 { -3 } else { 0 }, FitWhy::OtherMatter);
            let sums_up = lexicon::sums_up(&start.text.to_lowercase());
            let opening = told.opening();
            let after = told.words.get(opening.len()..).unwrap_or_default();
            let after = last(after, NEAR_WORDS_MAX);
            if !sums_up && retold::of_the_beginning(opening, after, new) {
                signs.add(-4, FitWhy::Reopens);
            }
            if start.block == Block::Title && !told.said.trim_start().starts_with("# ") {
                signs.add(-3, FitWhy::NewBlock);
            }
        }
        Ending::Within { loose } => {
            within(told, manner, (&start, fresh, new), loose, &mut signs);
            if caseless::is_of(told, fresh) {
                caseless::within(told, fresh, &mut signs);
            } else {
                signs.add(matter, FitWhy::OtherMatter);
            }
        }
    }
    signs.fit()
}

/// Both speak of the same, of different things, or it cannot be told.
fn matter(told: &Told<'_>, new: &[Word]) -> i32 {
    let near = last(told.words, NEAR_WORDS_MAX);
    if shared_content(near, new) > 0 {
        return 1;
    }
    let enough = content_count(near) >= OLD_CONTENT_MIN;
    if enough && content_count(new) >= NEW_CONTENT_MIN { -1 } else { 0 }
}

/// A block of code is open, and prose is no code.
fn in_code(told: &Told<'_>, start: &Start<'_>, signs: &mut Signs) {
    signs.add(2, FitWhy::GoesOn);
    if start.block == Block::Fence && start.text.trim_end().len() > 3 && !told.is_at_line_end() {
        signs.add(-3, FitWhy::NewBlock);
    }
    let line = start.text.lines().next().unwrap_or_default();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | ',' | '\'' | '-' | '.' | ':');
    let prose = line.split_whitespace().count() >= 5 && line.chars().all(plain);
    let capital = line.starts_with(char::is_uppercase);
    if prose && capital {
        signs.add(-4, FitWhy::NewSentence);
    }
}

/// The old text broke off within a sentence. `loose`: within a heading, a list or a table, where a
/// line may end without a mark.
fn within(
    told: &Told<'_>,
    manner: Manner,
    (start, fresh, new): (&Start<'_>, &str, &[Word]),
    loose: bool,
    signs: &mut Signs,
) {
    if lexicon::turns(start.text) {
        signs.add(-5, FitWhy::Address);
    }
    let dash = fresh.starts_with(' ') && start.text.starts_with("- ");
    let new_line = fresh.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
    match start.block {
        Block::None => {}
        // A dash between words, and no list.
        Block::Item if dash => return signs.add(2, FitWhy::GoesOn),
        Block::Item if loose && new_line => return signs.add(2, FitWhy::AfterAnEnd),
        Block::Row if told.last_line().starts_with('|') => {
            return signs.add(2, FitWhy::GoesOn);
        }
        _ if loose && new_line => return signs.add(1, FitWhy::AfterAnEnd),
        _ => return signs.add(-5, FitWhy::NewBlock),
    }
    if new_line && loose {
        signs.add(2, FitWhy::AfterAnEnd);
    } else if new_line {
        signs.add(-1, FitWhy::NewSentence);
    }
    let blank = fresh.starts_with(' ');
    let joint_is_word = told.said.ends_with(char::is_alphanumeric);
    let Some(letter) = start.text.chars().next() else { return };
    if letter.is_uppercase() {
        if !start.led && told.said.ends_with(char::is_uppercase) {
            return signs.add(2, FitWhy::GoesOn);
        }
        // What is prefilled goes on letter by letter: without a blank the word itself goes on.
        let torn = manner == Manner::Prefill && joint_is_word && !start.led;
        signs.add(if torn { -3 } else { 0 }, FitWhy::NewSentence);
        signs.add(if blank && !start.led_by_mark { 2 } else { 0 }, FitWhy::Name);
        capital(told, start, new, loose, signs);
    } else if letter.is_lowercase() {
        signs.add(3, FitWhy::GoesOn);
    } else if letter.is_alphabetic() {
        signs.add(1, FitWhy::NothingAgainst);
    } else if letter.is_numeric() || start.led_by_mark || is_mark(letter) {
        signs.add(2, FitWhy::GoesOn);
    }
}

/// A mark that may stand within a sentence.
fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation() && c != '{'
}

/// A capital letter within a sentence: what can explain it?
fn capital(told: &Told<'_>, start: &Start<'_>, new: &[Word], loose: bool, signs: &mut Signs) {
    let word = start.word();
    let folded = word.to_lowercase();
    let next_is_capital = start.second().is_some_and(|next| next.starts_with(char::is_uppercase));
    let joint = told.joint();
    let german = told.is_german();
    let free = loose || german || told.gives_capitals();
    if word == "I" || folded.starts_with("i'") || folded.starts_with("i’") {
        return signs.add(if joint.takes_a_clause() { 0 } else { -3 }, FitWhy::NewSentence);
    }
    if start.is_subject() && !joint.takes_a_clause() {
        let behind_little = if joint.is_open() { 0 } else { -2 };
        signs.add(if start.bold { -3 } else { behind_little }, FitWhy::NewSentence);
    }
    if start.is_lead() {
        return signs.add(if loose { -1 } else { -4 }, FitWhy::NewBlock);
    }
    if word.chars().skip(1).any(char::is_uppercase) || word.chars().any(char::is_numeric) {
        return signs.add(1, FitWhy::Name);
    }
    if lexicon::is_starter(&folded) && joint.wants != Wants::Anything {
        let points = match (next_is_capital && !german, loose) {
            (true, _) => -1,
            (false, true) => -2,
            (false, false) => -5,
        };
        return signs.add(points, FitWhy::NewSentence);
    }
    if told.is_name(word) {
        return signs.add(2, FitWhy::Name);
    }
    let common = |known: &Word| akin(&known.folded, &folded) && told.is_small(&known.folded);
    if !free && told.words.iter().any(common) {
        return signs.add(-4, FitWhy::NewSentence);
    }
    if german && !loose {
        // A noun follows an article or an adjective; behind another noun a sentence begins.
        let behind_a_noun = joint.capital && !joint.comma;
        return signs.add(if behind_a_noun { -2 } else { 1 }, FitWhy::Name);
    }
    signs.add(if free { 0 } else { -2 }, FitWhy::NewSentence);
    // A name, an apposition to it, and so on: `Paris, where`; `Albert Einstein`.
    let asked_for = match joint.wants {
        Wants::Nothing => 0,
        Wants::Word | Wants::Clause => 1,
        Wants::Anything => 2,
    };
    let signs_of_a_name = asked_for
        + i32::from(joint.capital) * 2
        + i32::from(next_is_capital)
        + i32::from(start.is_explained());
    signs.add(signs_of_a_name, FitWhy::Name);
    if free && content_count(new) >= NEW_CONTENT_MIN && !joint.is_open() && !joint.capital {
        signs.add(-1, FitWhy::NewSentence);
    }
}

/// A block of layout that a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    /// A heading of the first level.
    Title,
    Heading,
    Fence,
    Item,
    Row,
}

impl Block {
    fn of(text: &str) -> Self {
        let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = text.len() - number.len();
        let numbered =
            (1..=2).contains(&digits) && (number.starts_with(". ") || number.starts_with(") "));
        match text {
            _ if text.starts_with("```") || text.starts_with("~~~") => Self::Fence,
            _ if text.starts_with("# ") => Self::Title,
            _ if text.trim_start_matches('#').starts_with(' ') && text.starts_with('#') => {
                Self::Heading
            }
            _ if text.starts_with("- ") || text.starts_with("* ") || text.starts_with("• ") => {
                Self::Item
            }
            _ if numbered => Self::Item,
            _ if text.starts_with("| ") && has_cells(text) => Self::Row,
            _ if text.starts_with("---") => Self::Heading,
            _ => Self::None,
        }
    }
}

fn has_cells(text: &str) -> bool {
    text.lines().next().unwrap_or_default().matches('|').count() > 1
}

/// How a new text begins.
struct Start<'a> {
    /// From its first letter or mark that counts.
    text: &'a str,
    block: Block,
    /// Something stands before it: blanks, emphasis, a bracket, a quotation mark.
    led: bool,
    led_by_mark: bool,
    bold: bool,
}

impl<'a> Start<'a> {
    fn of(fresh: &'a str) -> Self {
        let bare = fresh.trim_start();
        let block = Block::of(bare);
        let text = if block == Block::None {
            bare.trim_start_matches(['*', '_', '(', '[', '"', '\'', '“', '„', '«', '‘', '`'])
        } else {
            bare
        };
        // Emphasis alone changes nothing: a bold word may begin an answer.
        let mark = bare.get(..bare.len() - text.len()).unwrap_or_default();
        let led_by_mark = mark.contains(['(', '[', '"', '\'', '“', '„', '«', '‘', '`']);
        Self { text, block, led: text.len() < fresh.len(), led_by_mark, bold: mark.contains("**") }
    }

    /// Its first word as it is spelled.
    fn word(&self) -> &'a str {
        let inner = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’');
        let end = self.text.find(|c| !inner(c)).unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or_default().trim_end_matches(['\'', '’'])
    }

    /// Its second word, if nothing but a blank or a hyphen parts it from the first.
    fn second(&self) -> Option<&'a str> {
        let rest = self.text.get(self.word().len()..)?;
        rest.strip_prefix([' ', '-'])
    }

    /// Words in bold and a colon, as paragraphs are headed.
    fn is_lead(&self) -> bool {
        let mut parts = self.text.splitn(2, "**");
        let (words, after) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.bold && (words.ends_with([':', '：', '.']) || after.starts_with([':', '：', '\n']))
    }

    /// The name that it begins with has a verb of its own: `Paris is`, `**Ada Lovelace** was`.
    fn is_subject(&self) -> bool {
        let words = self.text.split_whitespace().skip(1);
        let small = words.take(3).find(|word| !word.starts_with(char::is_uppercase));
        matches!(small, Some("is" | "are" | "was" | "were" | "has" | "ist" | "sind" | "est" | "es"))
    }

    /// The first word is explained, linked or closed off, as names are: `Boston, who`; `Ada's`;
    /// `Google and`.
    fn is_explained(&self) -> bool {
        let rest = self.text.get(self.word().len()..).unwrap_or_default();
        let next = self.second().and_then(|next| next.split(' ').next()).unwrap_or_default();
        let linked =
            matches!(next, "and" | "or" | "in" | "of" | "on" | "at" | "for" | "from" | "with");
        linked
            || rest.starts_with([',', '.', ')', ';', '”', '"', '?', '!'])
            || rest.starts_with("'s ")
    }
}

/// One is written in letters of Latin, Greek or Russian kind, the other in signs without blanks.
fn is_other_script(said: &str, fresh: &str) -> bool {
    let mut old_letters = said.chars().rev().filter(|c| c.is_alphabetic()).take(SCRIPT_LETTERS_MAX);
    let mut new_letters = fresh.chars().filter(|c| c.is_alphabetic()).take(SCRIPT_LETTERS_MAX);
    let count = |letters: &mut dyn Iterator<Item = char>| {
        letters.fold((0, 0), |(signs, all), c| (signs + usize::from(is_wordless(c)), all + 1))
    };
    let (old_signs, old) = count(&mut old_letters);
    let (new_signs, new) = count(&mut new_letters);
    let enough = old >= SCRIPT_LETTERS_MIN && new >= SCRIPT_LETTERS_MIN;
    let none_before = !said.contains(is_wordless);
    enough && ((none_before && new_signs * 2 > new) || (new_signs == 0 && old_signs * 4 > old * 3))
}
