//! Text to tokens and back. Marks such as the beginning of a turn never come out of text: whoever
//! wants one asks for it by name, so a caller cannot forge them.

use std::collections::HashMap;

use thiserror::Error;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;

use crate::gguf::Vocabulary;

/// Text is encoded in parts of about this size, so that a huge prompt is refused before all of it
/// was read, and so that a caller who leaves is noticed in between.
const PART_BYTES: usize = 16 << 10;

/// Why a vocabulary cannot be used, or a text not be encoded.
#[derive(Debug, Error)]
pub(crate) enum TokenizerError {
    #[error("the vocabulary has no token `{0}`")]
    NoMark(&'static str),
    #[error("the vocabulary has two tokens with the same spelling")]
    Twice,
    #[error("the vocabulary's merges are broken")]
    Merge,
    #[error("the tokenizer failed: {0}")]
    Failed(String),
}

impl From<tokenizers::Error> for TokenizerError {
    fn from(error: tokenizers::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A token's number.
pub(crate) type Token = u32;

/// The tokenizer of one model.
pub(crate) struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// By token: its bytes, which need not be whole characters; `None` for marks.
    bytes: Vec<Option<Box<[u8]>>>,
    turn_start: Token,
    turn_end: Token,
}

impl Tokenizer {
    /// # Errors
    /// If the vocabulary lacks the marks of turns or contradicts itself.
    pub(crate) fn new(vocabulary: Vocabulary) -> Result<Self, TokenizerError> {
        let Vocabulary { tokens, marks, merges } = vocabulary;
        let of_letter = bytes_of_letters();
        let bytes = tokens.iter().zip(&marks).map(|(token, mark)| {
            (!mark).then(|| {
                let byte = |letter| of_letter.get(&letter).copied().unwrap_or(b'?');
                token.chars().map(byte).collect()
            })
        });
        let bytes = bytes.collect();
        let count = tokens.len();
        let by_text: Vocab = tokens.into_iter().zip(0..).collect();
        if by_text.len() != count {
            return Err(TokenizerError::Twice);
        }
        let mark = |text| by_text.get(text).copied().ok_or(TokenizerError::NoMark(text));
        let (turn_start, turn_end) = (mark("<|im_start|>")?, mark("<|im_end|>")?);
        let pair = |merge: &String| {
            merge.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))
        };
        let merges = merges.iter().map(pair).collect::<Option<Vec<_>>>();
        let merges = merges.ok_or(TokenizerError::Merge)?;
        let model = BPE::builder().vocab_and_merges(by_text, merges).build()?;
        let mut inner = tokenizers::Tokenizer::new(model);
        inner.with_pre_tokenizer(Some(Sequence::new(vec![
            PreTokenizerWrapper::Digits(Digits::new(true)),
            PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, false, true)),
        ])));
        Ok(Self { inner, bytes, turn_start, turn_end })
    }

    /// The mark before a turn.
    pub(crate) fn turn_start(&self) -> Token {
        self.turn_start
    }

    /// The mark after a turn.
    pub(crate) fn turn_end(&self) -> Token {
        self.turn_end
    }

    /// Appends the tokens of a text, marks in it taken as plain text. Stops early, at a border
    /// between parts, once there are more than `tokens_max` in `tokens`.
    ///
    /// # Errors
    /// If the tokenizer gives up on the text.
    pub(crate) fn encode(
        &self,
        text: &str,
        tokens_max: usize,
        tokens: &mut Vec<Token>,
    ) -> Result<(), TokenizerError> {
        let mut rest = text;
        while !rest.is_empty() && tokens.len() <= tokens_max {
            let (part, after) = rest.split_at(part_end(rest));
            tokens.extend_from_slice(self.inner.encode_fast(part, false)?.get_ids());
            rest = after;
        }
        Ok(())
    }

    /// A token's bytes; `None` if it is a mark or unknown.
    pub(crate) fn bytes(&self, token: Token) -> Option<&[u8]> {
        self.bytes.get(usize::try_from(token).ok()?)?.as_deref()
    }
}

/// Where the first part of a text ends: before white space where possible, as tokens never begin
/// inside a word and go on after it.
fn part_end(text: &str) -> usize {
    if text.len() <= PART_BYTES {
        return text.len();
    }
    let mut end = PART_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (part, _) = text.split_at(end);
    match part.rfind(char::is_whitespace) {
        Some(space) if space > 0 => space,
        _ => end,
    }
}

/// Byte-level BPE spells each byte as one printable letter: printable bytes as themselves, the
/// others, in order, by the letters from U+0100 on.
fn bytes_of_letters() -> HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let others = (0..=u8::MAX).filter(|byte| !printable(*byte));
    let others = (0x100_u32..).filter_map(char::from_u32).zip(others);
    (0..=u8::MAX)
        .filter(|byte| printable(*byte))
        .map(|b| (char::from(b), b))
        .chain(others)
        .collect()
}
