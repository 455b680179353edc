//! Finds a retelling: new text whose first words tell in other words what the old one ended with,
//! or what it began with. It only measures; a text that is formulaic, so that each of its lines
//! retells the one before, proves nothing and is passed over.

use super::words::{Word, common, content_count, first, last, shared_content};

/// Words of the old text's end, and of the new beginning, that are looked at.
const OLD_WORDS_MAX: usize = 16;
pub(super) const NEW_WORDS_MAX: usize = 20;
const WORDS_MIN: usize = 5;
/// From this share of words in common, in the same order, the place where it ends is believed.
const ALIKE: f64 = 0.75;
/// From this one it is a retelling, wherever it may end.
const SUSPECT: f64 = 0.6;
/// Words that say something which a retelling has in common with what it retells.
const CONTENT_MIN: usize = 3;
/// In a script where each letter counts as a word, all of these numbers are so many times as large.
const LETTERS_A_WORD: usize = 2;
/// Words of one sentence that are compared without regard to their order.
const SENTENCE_WORDS_MAX: usize = 24;

/// What the beginning of a new text is to the end of the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retelling {
    No,
    /// It retells the end up to this byte.
    Until(usize),
    /// It retells the end, and nobody can say up to where.
    Unclear,
}

/// Compares the sentence that the old text ended with, its last `sentence` words and the clause
/// within it, with the first sentence of the new one. A like sentence further back, or further on,
/// is a refrain.
pub(super) fn of_the_end(
    old: &[Word],
    new: &[Word],
    (sentence, clause): (usize, usize),
) -> Retelling {
    let scale = if old.last().is_some_and(Word::is_letter) { LETTERS_A_WORD } else { 1 };
    let (words_min, content_min) = (WORDS_MIN * scale, CONTENT_MIN * scale);
    let mut ends: Option<(f64, usize, usize)> = None;
    let mut most: Option<(f64, usize)> = None;
    for count_old in words_min..=(OLD_WORDS_MAX * scale).min(sentence) {
        let told = last(old, count_old);
        for count_new in words_min..=(NEW_WORDS_MAX * scale).min(new.len()) {
            let again = first(new, count_new);
            let alike = alike(told, again);
            let same = |a: Option<&Word>, b: Option<&Word>| {
                a.map(|word| &word.folded) == b.map(|word| &word.folded)
            };
            let same_end = same(told.last(), again.last());
            let framed = same_end && same(told.first(), again.first());
            let content_min = if framed { content_min - 1 } else { content_min };
            if alike < SUSPECT || shared_content(told, again) < content_min {
                continue;
            }
            if most.is_none_or(|(known, _)| alike > known) {
                most = Some((alike, count_old));
            }
            if alike >= ALIKE && same_end && ends.is_none_or(|(known, ..)| alike > known) {
                ends = again.last().map(|word| (alike, word.end, count_old));
            }
        }
    }
    let same = || {
        let anew = |count| says_the_same(last(old, count), new) && !is_formulaic(old, count);
        anew(sentence) || anew(clause)
    };
    match (ends, most) {
        (Some((_, end, count)), _) if !is_formulaic(old, count) => Retelling::Until(end),
        (None, Some((_, count))) if !is_formulaic(old, count) => Retelling::Unclear,
        (None, None) if same() => Retelling::Unclear,
        _ => Retelling::No,
    }
}

/// True if the new text begins with what the old one's first sentence said: it is told anew. A
/// formula that the old text repeated itself may come once more. `after` is what followed it.
pub(super) fn of_the_beginning(opening: &[Word], after: &[Word], new: &[Word]) -> bool {
    let size = NEW_WORDS_MAX.min(after.len()).max(1);
    let mut repeats = after.windows(size).step_by(WORDS_MIN);
    says_the_same(opening, new) && !repeats.any(|window| says_the_same(opening, window))
}

/// Most of what a sentence says, in whatever order.
fn says_the_same(sentence: &[Word], new: &[Word]) -> bool {
    let scale = if sentence.last().is_some_and(Word::is_letter) { LETTERS_A_WORD } else { 1 };
    let sentence = last(sentence, SENTENCE_WORDS_MAX * scale);
    let said = content_count(sentence);
    let again = first(new, NEW_WORDS_MAX * scale);
    let shared = shared_content(sentence, again);
    shared > CONTENT_MIN * scale && shared * 3 >= said * 2
}

#[expect(clippy::cast_precision_loss, reason = "a few words")]
fn alike(a: &[Word], b: &[Word]) -> f64 {
    common(a, b) as f64 / a.len().max(b.len()).max(1) as f64
}

/// The last `count` words are themselves like words shortly before them.
fn is_formulaic(old: &[Word], count: usize) -> bool {
    let tail = last(old, count);
    let before = old.get(..old.len().saturating_sub(count)).unwrap_or_default();
    let near = last(before, count * 2);
    near.windows(count.min(near.len()).max(1)).any(|window| alike(window, tail) >= SUSPECT)
}
