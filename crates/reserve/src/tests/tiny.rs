//! A tiny model file: two layers of width 64, and an output that makes each token call for one
//! certain other. It says the alphabet.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use clock::Dice;

pub(super) const WIDTH: usize = 64;
const INNER: usize = 96;
const KV_WIDTH: usize = 32;
const MARKS: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
/// In byte-level spelling; `Ċ` is the line feed, `Ġ` the space, `Ã¤` are the two bytes of `ä`.
const LETTERS: &str = "ĊabcdefghijÃ¤klmnopqrstuvwxyz.Ġ<|>_,?!";

/// What the model says after `assistant\n`: the alphabet with an `ä` in it, then it is done.
pub(super) const SAYS: &str = "abcdefghijäklmnopqrstuvwxyz.";

/// What the model does after its `z.`
#[derive(Clone, Copy, PartialEq)]
pub(super) enum After {
    /// Ends its turn.
    Ends,
    /// Begins again.
    Repeats,
}

/// A model file's bytes.
pub(super) fn bytes(after: After) -> Vec<u8> {
    let tokens: Vec<String> =
        MARKS.map(str::to_owned).into_iter().chain(LETTERS.chars().map(String::from)).collect();
    let place = |token: &str| tokens.iter().position(|other| other == token).unwrap();
    let said = place("Ċ")..=place(".");
    let mut embedding = vec![0.0_f32; tokens.len() * WIDTH];
    let mut output = embedding.clone();
    for token in 0..tokens.len() {
        embedding[token * WIDTH + token] = 1.0;
    }
    for token in said.clone() {
        let next = match (token == *said.end(), after) {
            (false, _) => token + 1,
            (true, After::Ends) => place("<|im_end|>"),
            (true, After::Repeats) => place("a"),
        };
        output[next * WIDTH + token] = 1.0;
    }
    let mut dice = Dice::seeded(11);
    let mut noise = |rows: usize, width: usize, strength: f64| {
        let numbers = (0..rows * width).map(|_| ((dice.fraction() - 0.5) * strength) as f32);
        quantised(numbers.collect(), &[rows, width], GgmlDType::Q8_0)
    };
    let mut tensors = vec![
        (
            "token_embd.weight".to_owned(),
            quantised(embedding, &[tokens.len(), WIDTH], GgmlDType::Q8_0),
        ),
        ("output.weight".to_owned(), quantised(output, &[tokens.len(), WIDTH], GgmlDType::Q4_0)),
        ("output_norm.weight".to_owned(), quantised(vec![1.0; WIDTH], &[WIDTH], GgmlDType::F32)),
    ];
    for layer in 0..2 {
        let mut add =
            |name: &str, tensor| tensors.push((format!("blk.{layer}.{name}.weight"), tensor));
        for norm in ["attn_norm", "ffn_norm"] {
            add(norm, quantised(vec![1.0; WIDTH], &[WIDTH], GgmlDType::F32));
        }
        add("attn_q", noise(WIDTH, WIDTH, 1.0));
        add("attn_k", noise(KV_WIDTH, WIDTH, 1.0));
        add("attn_v", noise(KV_WIDTH, WIDTH, 0.02));
        add("attn_output", noise(WIDTH, WIDTH, 0.02));
        add("ffn_gate", noise(INNER, WIDTH, 0.02));
        add("ffn_up", noise(INNER, WIDTH, 0.02));
        add("ffn_down", noise(WIDTH, INNER, 0.02));
    }
    written(&metadata(tokens), &tensors)
}

fn quantised(numbers: Vec<f32>, shape: &[usize], kind: GgmlDType) -> QTensor {
    QTensor::quantize(&Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap(), kind).unwrap()
}

fn metadata(tokens: Vec<String>) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    let kinds = (0..tokens.len()).map(|token| Value::I32(if token < MARKS.len() { 3 } else { 1 }));
    vec![
        ("general.architecture", text("llama")),
        ("llama.block_count", Value::U32(2)),
        ("llama.context_length", Value::U32(100_000)),
        ("llama.embedding_length", Value::U32(64)),
        ("llama.feed_forward_length", Value::U32(96)),
        ("llama.attention.head_count", Value::U32(4)),
        ("llama.attention.head_count_kv", Value::U32(2)),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.rope.dimension_count", Value::U32(16)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.token_type", Value::Array(kinds.collect())),
        ("tokenizer.ggml.tokens", Value::Array(tokens.into_iter().map(Value::String).collect())),
        ("tokenizer.ggml.merges", Value::Array(Vec::new())),
    ]
}

fn written(metadata: &[(&'static str, Value)], tensors: &[(String, QTensor)]) -> Vec<u8> {
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut bytes = Cursor::new(Vec::new());
    gguf_file::write(&mut bytes, &metadata, &tensors).unwrap();
    bytes.into_inner()
}

/// Writes bytes where a test can load them.
pub(super) fn at(dir: &Path, bytes: &[u8]) -> PathBuf {
    let path = dir.join("tiny.gguf");
    File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}
