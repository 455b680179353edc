//! Reads a model from a GGUF file. The file is a stranger: every dimension is bounded and checked
//! against the tensors before anything is computed with it, and a panic in the reader below is an
//! error here.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use thiserror::Error;

use crate::matrix::{BLOCK, Matrix};
use crate::model::{Layer, Model, Shape};

/// Larger files are refused unread.
const FILE_BYTES_MAX: u64 = 512 << 20;
const LAYERS_MAX: usize = 128;
const WIDTH_MAX: usize = 8192;
const INNER_MAX: usize = 32_768;
const HEAD_MAX: usize = 512;
const VOCABULARY_MAX: usize = 262_144;
const CONTEXT_MAX: usize = 131_072;
/// A token or a merge of this model's kind has fewer bytes.
const TOKEN_BYTES_MAX: usize = 4096;

/// Why a file is no model that can run here. Blame: whoever made the file.
#[derive(Debug, Error)]
pub(crate) enum GgufError {
    #[error("the file has {0} bytes, more than {FILE_BYTES_MAX}")]
    TooLarge(u64),
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("`{0}` is missing or has another type")]
    Key(String),
    #[error("{what} is {found}, which is not possible here")]
    Bound { what: &'static str, found: usize },
    #[error("tensor `{name}` is {found:?} where {expected:?} is needed")]
    Tensor { name: String, found: Vec<usize>, expected: Vec<usize> },
    #[error("tensor `{0}` is missing")]
    NoTensor(String),
    #[error("the vocabulary is inconsistent: {0}")]
    Vocabulary(&'static str),
}

impl From<candle_core::Error> for GgufError {
    fn from(error: candle_core::Error) -> Self {
        // The first line only: what follows is a backtrace.
        Self::Unreadable(error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

/// What the file says of its tokens.
pub(crate) struct Vocabulary {
    /// By id, in the spelling of byte-level BPE.
    pub(crate) tokens: Vec<String>,
    /// By id: true for marks such as the end of a turn, which are no text.
    pub(crate) marks: Vec<bool>,
    /// Pairs joined by a space, the most urgent first.
    pub(crate) merges: Vec<String>,
}

/// Reads the whole model.
///
/// # Errors
/// [`GgufError`], also where the reader below panics.
pub(crate) fn read(file: File) -> Result<(Model, Vocabulary), GgufError> {
    let bytes = file.metadata().map_err(|error| GgufError::Unreadable(error.to_string()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(GgufError::TooLarge(bytes));
    }
    catch_unwind(AssertUnwindSafe(|| {
        Source::open(BufReader::with_capacity(1 << 20, file))?.model()
    }))
    .unwrap_or_else(|_| Err(GgufError::Unreadable("its reader panicked".to_owned())))
}

struct Source<R> {
    content: Content,
    reader: R,
}

impl<R: Read + Seek> Source<R> {
    fn open(mut reader: R) -> Result<Self, GgufError> {
        Ok(Self { content: Content::read(&mut reader)?, reader })
    }

    fn model(mut self) -> Result<(Model, Vocabulary), GgufError> {
        let vocabulary = self.vocabulary()?;
        let shape = self.shape(vocabulary.tokens.len())?;
        let width = shape.width;
        let embedding = self.matrix("token_embd.weight", (shape.vocab, width))?;
        let output = match self.content.tensor_infos.contains_key("output.weight") {
            true => Some(self.matrix("output.weight", (shape.vocab, width))?),
            false => None,
        };
        let last_norm = self.norm("output_norm.weight", width)?;
        let layers =
            (0..shape.layers).map(|nth| self.layer(nth, &shape)).collect::<Result<_, _>>()?;
        Ok((Model { shape, embedding, layers, last_norm, output }, vocabulary))
    }

    fn layer(&mut self, nth: usize, shape: &Shape) -> Result<Layer, GgufError> {
        let (width, inner, kv) = (shape.width, shape.inner, shape.kv_width());
        let name = |what: &str| format!("blk.{nth}.{what}.weight");
        Ok(Layer {
            before_attention: self.norm(&name("attn_norm"), width)?,
            query: self.matrix(&name("attn_q"), (width, width))?,
            key: self.matrix(&name("attn_k"), (kv, width))?,
            value: self.matrix(&name("attn_v"), (kv, width))?,
            attended: self.matrix(&name("attn_output"), (width, width))?,
            before_inner: self.norm(&name("ffn_norm"), width)?,
            gate: self.matrix(&name("ffn_gate"), (inner, width))?,
            up: self.matrix(&name("ffn_up"), (inner, width))?,
            down: self.matrix(&name("ffn_down"), (width, inner))?,
        })
    }

    fn shape(&self, tokens: usize) -> Result<Shape, GgufError> {
        if self.text("general.architecture")? != "llama" {
            return Err(GgufError::Key("general.architecture".to_owned()));
        }
        let bounded = |key: &'static str, max: usize| {
            let found = self.count(&format!("llama.{key}"))?;
            match found {
                1.. if found <= max => Ok(found),
                _ => Err(GgufError::Bound { what: key, found }),
            }
        };
        let shape = Shape {
            layers: bounded("block_count", LAYERS_MAX)?,
            width: bounded("embedding_length", WIDTH_MAX)?,
            heads: bounded("attention.head_count", WIDTH_MAX)?,
            kv_heads: bounded("attention.head_count_kv", WIDTH_MAX)?,
            inner: bounded("feed_forward_length", INNER_MAX)?,
            vocab: tokens,
            context: bounded("context_length", CONTEXT_MAX)?,
            rope_base: self.float("llama.rope.freq_base").unwrap_or(10_000.0),
            epsilon: self.float("llama.attention.layer_norm_rms_epsilon")?,
        };
        let head = shape.head();
        let turned = self.count("llama.rope.dimension_count").unwrap_or(head);
        let checks = [
            ("the width", shape.width, shape.width.is_multiple_of(BLOCK)),
            ("the inner width", shape.inner, shape.inner.is_multiple_of(BLOCK)),
            ("the number of heads", shape.heads, shape.width.is_multiple_of(shape.heads)),
            ("the width of a head", head, head.is_multiple_of(2) && (2..=HEAD_MAX).contains(&head)),
            ("the number of key heads", shape.kv_heads, shape.heads.is_multiple_of(shape.kv_heads)),
            ("the turned part of a head", turned, turned == head),
        ];
        for (what, found, good) in checks {
            if !good {
                return Err(GgufError::Bound { what, found });
            }
        }
        let sane = |number: f32| number.is_finite() && number > 0.0;
        if !sane(shape.rope_base) || !sane(shape.epsilon) {
            return Err(GgufError::Key("llama.rope.freq_base".to_owned()));
        }
        Ok(shape)
    }

    fn vocabulary(&mut self) -> Result<Vocabulary, GgufError> {
        if self.text("tokenizer.ggml.model")? != "gpt2" {
            return Err(GgufError::Key("tokenizer.ggml.model".to_owned()));
        }
        let metadata = &mut self.content.metadata;
        let tokens = take_texts(metadata, "tokenizer.ggml.tokens")?;
        let merges = take_texts(metadata, "tokenizer.ggml.merges")?;
        let kinds = take_array(metadata, "tokenizer.ggml.token_type")?;
        if tokens.is_empty() || tokens.len() > VOCABULARY_MAX || merges.len() > VOCABULARY_MAX {
            return Err(GgufError::Bound { what: "the vocabulary", found: tokens.len() });
        }
        if kinds.len() != tokens.len() {
            return Err(GgufError::Vocabulary("tokens and their kinds differ in number"));
        }
        let plain = |kind: &Value| matches!(kind, Value::I32(1) | Value::U32(1));
        let marks = kinds.iter().map(|kind| !plain(kind)).collect();
        Ok(Vocabulary { tokens, marks, merges })
    }

    fn matrix(&mut self, name: &str, (rows, width): (usize, usize)) -> Result<Matrix, GgufError> {
        Ok(Matrix::from_tensor(&self.tensor(name, &[rows, width])?)?)
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<Vec<f32>, GgufError> {
        Ok(self.tensor(name, &[width])?.dequantize(&Device::Cpu)?.to_vec1()?)
    }

    fn tensor(&mut self, name: &str, expected: &[usize]) -> Result<QTensor, GgufError> {
        let info = self.content.tensor_infos.get(name);
        let info = info.ok_or_else(|| GgufError::NoTensor(name.to_owned()))?;
        let found = info.shape.dims();
        let floats = matches!(info.ggml_dtype, GgmlDType::F32 | GgmlDType::F16);
        if found != expected || (expected.len() == 1 && !floats) {
            let (found, expected) = (found.to_vec(), expected.to_vec());
            return Err(GgufError::Tensor { name: name.to_owned(), found, expected });
        }
        Ok(self.content.tensor(&mut self.reader, name, &Device::Cpu)?)
    }

    fn value(&self, key: &str) -> Result<&Value, GgufError> {
        self.content.metadata.get(key).ok_or_else(|| GgufError::Key(key.to_owned()))
    }

    fn text(&self, key: &str) -> Result<&str, GgufError> {
        match self.value(key)? {
            Value::String(text) => Ok(text),
            _ => Err(GgufError::Key(key.to_owned())),
        }
    }

    fn count(&self, key: &str) -> Result<usize, GgufError> {
        match self.value(key)? {
            Value::U32(count) => usize::try_from(*count).ok(),
            Value::U64(count) => usize::try_from(*count).ok(),
            _ => None,
        }
        .ok_or_else(|| GgufError::Key(key.to_owned()))
    }

    fn float(&self, key: &str) -> Result<f32, GgufError> {
        match self.value(key)? {
            Value::F32(number) => Ok(*number),
            _ => Err(GgufError::Key(key.to_owned())),
        }
    }
}

fn take_array(metadata: &mut HashMap<String, Value>, key: &str) -> Result<Vec<Value>, GgufError> {
    match metadata.remove(key) {
        Some(Value::Array(values)) => Ok(values),
        _ => Err(GgufError::Key(key.to_owned())),
    }
}

fn take_texts(metadata: &mut HashMap<String, Value>, key: &str) -> Result<Vec<String>, GgufError> {
    let texts = take_array(metadata, key)?.into_iter().map(|value| match value {
        Value::String(text) if text.len() <= TOKEN_BYTES_MAX => Some(text),
        _ => None,
    });
    texts.collect::<Option<_>>().ok_or_else(|| GgufError::Key(key.to_owned()))
}
