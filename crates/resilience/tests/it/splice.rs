//! One answer out of two halves, or an honest no.

use proptest::prelude::*;
use resilience::{Manner, NotContinued, Splice};

const OLD: &str = "Each morning the harbour wakes before the town does. Small boats leave in a line, \
    gulls argue over scraps, and the old crane";
const REST: &str = " swings slowly above the quay. When the weather turns, a long stone wall takes \
    the first blow of every wave.";

/// What the caller reads after the old text, if the new one comes word by word.
fn splice(said: &str, manner: Manner, new: &str) -> Result<String, NotContinued> {
    let mut splice = Splice::new(said, manner);
    let mut read = String::new();
    for piece in new.split_inclusive(' ') {
        read.push_str(&splice.push(piece)?);
    }
    read.push_str(&splice.end()?);
    Ok(read)
}

fn user_turn(new: &str) -> Result<String, NotContinued> {
    splice(OLD, Manner::UserTurn, new)
}

#[test]
fn an_exact_continuation_goes_through_untouched() {
    assert_eq!(splice(OLD, Manner::Prefill, REST).unwrap(), REST);
    // A chat model does not begin with a blank.
    assert_eq!(user_turn(REST.trim_start()).unwrap(), REST);
    assert_eq!(splice("It is a har", Manner::Prefill, "bour town.").unwrap(), "bour town.");
}

#[test]
fn repeated_last_words_are_cut() {
    for new in [
        format!("and the old crane{REST}"),
        format!("crane{REST}"),
        format!("…gulls argue over scraps, and the Old Crane{REST}"),
        format!("Small boats leave in a line, gulls argue over scraps, and the old crane{REST}"),
    ] {
        assert_eq!(user_turn(&new).unwrap(), REST, "{new}");
    }
    let new = format!("over scraps, and the old crane{REST}");
    assert_eq!(splice(OLD, Manner::Prefill, &new).unwrap(), REST);
}

#[test]
fn a_word_that_was_broken_off_is_mended() {
    let read = splice("Each morning the harb", Manner::UserTurn, "harbour wakes early.").unwrap();
    assert_eq!(read, "our wakes early.");
}

#[test]
fn a_start_from_the_beginning_is_cut_whole() {
    assert_eq!(user_turn(&format!("{OLD}{REST}")).unwrap(), REST);
    let spaced = OLD.replace(' ', "\n").to_uppercase();
    assert_eq!(user_turn(&format!("{spaced}{REST}")).unwrap(), REST);
    assert_eq!(splice(OLD, Manner::Prefill, &format!("{OLD}{REST}")).unwrap(), REST);
}

#[test]
fn a_start_from_the_beginning_mends_a_word_that_was_broken_off() {
    let said = "one two three four five six seven eig";
    let whole = "One two three four five six seven eight nine";
    for manner in [Manner::Prefill, Manner::UserTurn] {
        assert_eq!(splice(said, manner, whole).unwrap(), "ht nine");
    }
}

#[test]
fn the_last_punctuation_and_blank_are_told_once_however_they_come() {
    for pieces in [
        &["Let me see. ", "Then"][..],
        &["Let me see", ".", " ", "Then"],
        &["Let me see.", " Then"],
    ] {
        let mut splice = Splice::new("Let me see. ", Manner::UserTurn);
        let mut read = String::new();
        pieces.iter().for_each(|piece| read.push_str(&splice.push(piece).unwrap()));
        read.push_str(&splice.end().unwrap());
        assert_eq!(read, "Then", "{pieces:?}");
    }
}

#[test]
fn another_answer_is_never_glued() {
    let other = "Each morning the harbour wakes before dawn, and nobody is up yet.";
    assert_eq!(user_turn(other), Err(NotContinued::AnotherAnswer));
    let mut splice = Splice::new(OLD, Manner::UserTurn);
    let read: Result<String, _> =
        other.split_inclusive(' ').map(|word| splice.push(word)).collect();
    assert_eq!(read, Err(NotContinued::AnotherAnswer));
}

#[test]
fn a_shorter_answer_does_not_pass_for_the_end() {
    let short = "Each morning the harbour wakes before the town does.";
    assert_eq!(user_turn(short), Err(NotContinued::Shorter));
    // To repeat just the end is to say that it was the end, which cannot be in mid-sentence.
    for nothing in ["and the old crane", "crane", " \n"] {
        assert_eq!(user_turn(nothing), Err(NotContinued::Shorter), "{nothing:?}");
    }
    let ended = splice("The harbour wakes. It is early.", Manner::UserTurn, "It is early.");
    assert_eq!(ended.unwrap(), "");
}

#[test]
fn the_last_words_told_otherwise_are_cut() {
    let said =
        "When the weather turns, the long stone wall takes the very first blow of every wave";
    let new = "the long stone wall always takes the first blow of every wave, so that the boats \
        behind it lie still and the people ashore can finish their work.";
    let read = splice(said, Manner::UserTurn, new).unwrap();
    assert!(read.starts_with(", so that the boats"), "{read}");
}

#[test]
fn an_announcement_is_cut() {
    for announced in [
        "Sure, continuing from there:\n\n",
        "\nSure, here it is: ",
        "Continuing:\n",
        "Here is the rest: ",
    ] {
        let new = format!("{announced}and the old crane{REST}");
        assert_eq!(user_turn(&new).unwrap(), REST, "{announced}");
    }
    // A word that only begins like an announcement is text.
    let said = "The keeper told us what he knew of the tides.";
    let read =
        splice(said, Manner::UserTurn, "Surely the rule is this: never sail alone.").unwrap();
    assert_eq!(read.trim_start(), "Surely the rule is this: never sail alone.");
    // An old text that itself began so is no announcement.
    let said = "Sure: the harbour wakes early and";
    assert_eq!(splice(said, Manner::UserTurn, "then sleeps.").unwrap(), " then sleeps.");
}

#[test]
fn words_that_only_happen_to_be_alike_stay() {
    let read = splice("the boats and the", Manner::UserTurn, "people and the gulls").unwrap();
    assert_eq!(read, " people and the gulls");
    let read = splice("It had been a very", Manner::Prefill, " very long day.").unwrap();
    assert_eq!(read, " very long day.");
}

#[test]
fn a_script_without_blanks_is_joined_letter_by_letter() {
    let said = "每天早上，港口比城镇先醒来。小船排成";
    assert_eq!(splice(said, Manner::UserTurn, "一列离开。").unwrap(), "一列离开。");
    assert_eq!(splice(said, Manner::UserTurn, "小船排成一列离开。").unwrap(), "一列离开。");
}

#[test]
fn nothing_said_yet_is_joined_as_it_comes() {
    assert_eq!(splice("", Manner::UserTurn, "Hello there").unwrap(), "Hello there");
}

proptest! {
    /// Wherever the first provider broke off at a word, and however much of its end the second one
    /// repeats, the caller reads the whole text once.
    #[test]
    fn any_cut_and_any_overlap_give_the_whole(cut in 1_usize..20, overlap in 0_usize..20, pieces in 1_usize..7) {
        let whole = format!("{OLD}{REST}");
        let words: Vec<&str> = whole.split(' ').collect();
        let said = words[..cut].join(" ");
        let from = cut.saturating_sub(overlap);
        let new = words[from..].join(" ");
        // One short word alike is chance by design.
        let letters: usize = words[from..cut].iter().map(|w| w.chars().filter(|c| c.is_alphanumeric()).count()).sum();
        prop_assume!(from == cut || cut - from >= 2 || letters >= 5);
        let mut splice = Splice::new(&said, Manner::UserTurn);
        let mut read = said.clone();
        let letters: Vec<char> = new.chars().collect();
        for piece in letters.chunks(pieces) {
            let piece: String = piece.iter().collect();
            read.push_str(&splice.push(&piece).unwrap());
        }
        read.push_str(&splice.end().unwrap());
        let even = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(even(&read), even(&whole));
    }

    /// Nothing panics, and after the joint everything goes through.
    #[test]
    fn any_text_is_borne(said in "\\PC{0,60}", new in prop::collection::vec("\\PC{0,20}", 0..10)) {
        let mut splice = Splice::new(&said, Manner::UserTurn);
        for piece in new {
            let joined = splice.is_joined();
            match splice.push(&piece) {
                Ok(read) if joined => prop_assert_eq!(read, piece),
                Ok(_) => {}
                Err(_) => return Ok(()),
            }
        }
        let _end = splice.end();
    }
}
