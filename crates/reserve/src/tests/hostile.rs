//! Model files that are broken or made to do harm: an error, and nothing worse.

use std::fs::File;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::tiny::{self, After};
use crate::gguf::{self, GgufError, Vocabulary};
use crate::model::{Model, Sequence};
use crate::tokenizer::Tokenizer;

fn read(bytes: &[u8]) -> Result<(Model, Vocabulary), GgufError> {
    let dir = tempfile::tempdir().unwrap();
    gguf::read(File::open(tiny::at(dir.path(), bytes)).unwrap())
}

fn good() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| tiny::bytes(After::Ends))
}

/// With the number behind this key replaced; the key is followed by four bytes of type.
fn with(key: &str, number: u32) -> Vec<u8> {
    let mut bytes = good().to_vec();
    let at = bytes.windows(key.len()).position(|window| window == key.as_bytes()).unwrap();
    let at = at + key.len() + 4;
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
fn dimensions_that_do_not_fit_are_named() {
    assert!(read(good()).is_ok());
    for (key, number) in [
        ("llama.block_count", 0),
        ("llama.block_count", 3),
        ("llama.block_count", u32::MAX),
        ("llama.embedding_length", 0),
        ("llama.embedding_length", 96),
        ("llama.embedding_length", u32::MAX),
        ("llama.feed_forward_length", 64),
        ("llama.attention.head_count", 0),
        ("llama.attention.head_count", 7),
        ("llama.attention.head_count_kv", 3),
        ("llama.attention.head_count_kv", 0),
        ("llama.rope.dimension_count", 8),
        ("llama.rope.freq_base", f32::NAN.to_bits()),
        ("llama.attention.layer_norm_rms_epsilon", 0),
        ("llama.context_length", u32::MAX),
    ] {
        let error = read(&with(key, number)).err().unwrap_or_else(|| panic!("{key} = {number}"));
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = good();
    let ends = (0..bytes.len()).step_by(397).chain([bytes.len() - 64]);
    for end in ends {
        assert!(read(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is changed in the head of the file: an error, or a model that still computes.
    #[test]
    fn a_changed_file_does_no_harm(changes in prop::collection::vec((0_usize..6000, any::<u8>()), 1..6)) {
        let mut bytes = good().to_vec();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        if let Ok((model, vocabulary)) = read(&bytes) {
            let mut sequence = Sequence::new(&model.shape, 8);
            prop_assert!(model.read(&mut sequence, &[3, 4, u32::MAX], &|| true).is_some());
            if let Ok(tokenizer) = Tokenizer::new(vocabulary) {
                let mut tokens = Vec::new();
                prop_assert!(tokenizer.encode("abc <|im_end|>", 100, &mut tokens).is_ok());
            }
        }
    }
}
