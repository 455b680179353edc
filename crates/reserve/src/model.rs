//! The arithmetic of a small Llama: from tokens to the scores of the next one, for one sequence on
//! the thread that asks. It reads no file and draws no token.

use std::ops::ControlFlow;

use crate::matrix::{Matrix, Rows, dot};

/// Prompt tokens that go through a layer together. Enough to read each weight once for many
/// tokens, few enough for the nearest cache.
const CHUNK_TOKENS: usize = 16;

/// The dimensions of a model, checked against each other and against its tensors before use.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) inner: usize,
    pub(crate) vocab: usize,
    /// Positions that the model was trained for.
    pub(crate) context: usize,
    pub(crate) rope_base: f32,
    pub(crate) epsilon: f32,
}

impl Shape {
    /// Numbers in one head.
    pub(crate) fn head(&self) -> usize {
        self.width / self.heads.max(1)
    }

    /// Numbers in all heads of keys.
    pub(crate) fn kv_width(&self) -> usize {
        self.head() * self.kv_heads
    }
}

/// The weights of one layer.
pub(crate) struct Layer {
    pub(crate) before_attention: Vec<f32>,
    pub(crate) query: Matrix,
    pub(crate) key: Matrix,
    pub(crate) value: Matrix,
    pub(crate) attended: Matrix,
    pub(crate) before_inner: Vec<f32>,
    pub(crate) gate: Matrix,
    pub(crate) up: Matrix,
    pub(crate) down: Matrix,
}

/// All weights, shared by every sequence.
pub(crate) struct Model {
    pub(crate) shape: Shape,
    pub(crate) embedding: Matrix,
    pub(crate) layers: Vec<Layer>,
    pub(crate) last_norm: Vec<f32>,
    /// `None` if the output is tied to the embedding.
    pub(crate) output: Option<Matrix>,
}

/// The past of one sequence in one layer.
struct Past {
    /// By head, position, number.
    keys: Vec<f32>,
    /// By head, number, position: sums over positions then run along memory.
    values: Vec<f32>,
}

/// One sequence: what was read so far, and room for `capacity` tokens.
pub(crate) struct Sequence {
    position: usize,
    capacity: usize,
    pasts: Vec<Past>,
    work: Work,
}

/// Intermediate numbers, kept to save allocations.
#[derive(Default)]
struct Work {
    rows: Rows,
    state: Vec<f32>,
    normed: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    heads: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    shares: Vec<f32>,
    scores: Vec<f32>,
}

impl Sequence {
    /// An empty sequence for at most `capacity` tokens; its memory is `layers × kv_width × 8`
    /// bytes a token.
    pub(crate) fn new(shape: &Shape, capacity: usize) -> Self {
        let size = shape.kv_width() * capacity;
        let past = |_| Past { keys: vec![0.0; size], values: vec![0.0; size] };
        let pasts = (0..shape.layers).map(past).collect();
        Self { position: 0, capacity, pasts, work: Work::default() }
    }

    /// Tokens that still fit.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.position)
    }
}

impl Model {
    /// Reads tokens into the sequence and gives the scores of what may follow the last one: one
    /// number for each token of the vocabulary. `go_on` is asked after each layer of each few
    /// tokens; breaks with `None` if it says no or the tokens do not fit.
    pub(crate) fn read<'s>(
        &self,
        sequence: &'s mut Sequence,
        tokens: &[u32],
        go_on: &dyn Fn() -> bool,
    ) -> Option<&'s mut [f32]> {
        if tokens.is_empty() || tokens.len() > sequence.room() {
            return None;
        }
        for chunk in tokens.chunks(CHUNK_TOKENS) {
            if self.read_chunk(sequence, chunk, go_on).is_break() {
                return None;
            }
        }
        let width = self.shape.width;
        let work = &mut sequence.work;
        let last = work.state.chunks_exact(width).next_back()?;
        normalise(last, &self.last_norm, self.shape.epsilon, &mut work.normed);
        work.rows.set(&work.normed, width);
        let output = self.output.as_ref().unwrap_or(&self.embedding);
        output.multiply(&work.rows, &mut work.scores);
        Some(&mut work.scores)
    }

    fn read_chunk(
        &self,
        sequence: &mut Sequence,
        tokens: &[u32],
        go_on: &dyn Fn() -> bool,
    ) -> ControlFlow<()> {
        let Shape { width, epsilon, .. } = self.shape;
        let (first, capacity) = (sequence.position, sequence.capacity);
        let Work { rows, state, normed, query, key, value, heads, gate, up, shares, .. } =
            &mut sequence.work;
        state.clear();
        state.resize(tokens.len() * width, 0.0);
        for (token, row) in tokens.iter().zip(state.chunks_exact_mut(width)) {
            self.embedding.row(usize::try_from(*token).unwrap_or(usize::MAX), row);
        }
        let turns = Turns::new(&self.shape, first, tokens.len());
        for (layer, past) in self.layers.iter().zip(&mut sequence.pasts) {
            if !go_on() {
                return ControlFlow::Break(());
            }
            normalise(state, &layer.before_attention, epsilon, normed);
            rows.set(normed, width);
            layer.query.multiply(rows, query);
            layer.key.multiply(rows, key);
            layer.value.multiply(rows, value);
            turns.turn(query, width);
            turns.turn(key, self.shape.kv_width());
            past.append(&self.shape, capacity, first, (key, value));
            heads.clear();
            heads.resize(query.len(), 0.0);
            let both = query.chunks_exact(width).zip(heads.chunks_exact_mut(width));
            for (nth, (query, heads)) in both.enumerate() {
                past.attend(&self.shape, (capacity, first + nth + 1), query, (shares, heads));
            }
            rows.set(heads, width);
            layer.attended.multiply(rows, query);
            add(state, query);

            normalise(state, &layer.before_inner, epsilon, normed);
            rows.set(normed, width);
            layer.gate.multiply(rows, gate);
            layer.up.multiply(rows, up);
            for (gate, up) in gate.iter_mut().zip(up.iter()) {
                *gate = *gate / (1.0 + (-*gate).exp()) * up;
            }
            rows.set(gate, self.shape.inner);
            layer.down.multiply(rows, query);
            add(state, query);
        }
        sequence.position += tokens.len();
        ControlFlow::Continue(())
    }
}

impl Past {
    /// Keeps the keys and values of the tokens from position `first` on.
    fn append(
        &mut self,
        shape: &Shape,
        capacity: usize,
        first: usize,
        (keys, values): (&[f32], &[f32]),
    ) {
        let head = shape.head();
        for (nth, row) in keys.chunks_exact(shape.kv_width()).enumerate() {
            let all = self.keys.chunks_exact_mut(capacity * head);
            for (kept, new) in all.zip(row.chunks_exact(head)) {
                if let Some(place) = kept.chunks_exact_mut(head).nth(first + nth) {
                    place.copy_from_slice(new);
                }
            }
        }
        for (nth, row) in values.chunks_exact(shape.kv_width()).enumerate() {
            for (kept, new) in self.values.chunks_exact_mut(capacity).zip(row) {
                if let Some(place) = kept.get_mut(first + nth) {
                    *place = *new;
                }
            }
        }
    }

    /// What one token's heads gather from the first `seen` positions. Neighbouring query heads
    /// share a head of keys.
    fn attend(
        &self,
        shape: &Shape,
        (capacity, seen): (usize, usize),
        query: &[f32],
        (shares, out): (&mut Vec<f32>, &mut [f32]),
    ) {
        let head = shape.head();
        let group = head * (shape.heads / shape.kv_heads.max(1));
        let scale = 1.0 / (head as f32).sqrt();
        let pasts =
            self.keys.chunks_exact(capacity * head).zip(self.values.chunks_exact(capacity * head));
        let groups = query.chunks_exact(group).zip(out.chunks_exact_mut(group));
        for ((keys, values), (queries, outs)) in pasts.zip(groups) {
            for (query, out) in queries.chunks_exact(head).zip(outs.chunks_exact_mut(head)) {
                shares.clear();
                shares
                    .extend(keys.chunks_exact(head).take(seen).map(|key| dot(query, key) * scale));
                softmax(shares);
                for (place, values) in out.iter_mut().zip(values.chunks_exact(capacity)) {
                    *place = dot(shares, values);
                }
            }
        }
    }
}

/// The sines and cosines by which queries and keys are turned, so that they know their positions.
struct Turns {
    head: usize,
    /// Per token, per pair of numbers: cosine and sine.
    turns: Vec<(f32, f32)>,
}

impl Turns {
    fn new(shape: &Shape, first: usize, count: usize) -> Self {
        let head = shape.head();
        let turn = |position: usize, pair: usize| {
            let speed = shape.rope_base.powf(-((2 * pair) as f32) / head as f32);
            let (sine, cosine) = (position as f32 * speed).sin_cos();
            (cosine, sine)
        };
        let positions = first..first + count;
        let turns =
            positions.flat_map(|position| (0..head / 2).map(move |pair| turn(position, pair)));
        Self { head, turns: turns.collect() }
    }

    /// Turns each pair of neighbouring numbers in each head of each token's row.
    fn turn(&self, rows: &mut [f32], width: usize) {
        let tokens = rows.chunks_exact_mut(width).zip(self.turns.chunks_exact(self.head / 2));
        for (row, turns) in tokens {
            for head in row.chunks_exact_mut(self.head) {
                for (pair, (cosine, sine)) in head.chunks_exact_mut(2).zip(turns) {
                    if let [a, b] = pair {
                        (*a, *b) = (*a * cosine - *b * sine, *a * sine + *b * cosine);
                    }
                }
            }
        }
    }
}

/// Scales each row to a mean square of one, then by the weights.
fn normalise(rows: &[f32], weights: &[f32], epsilon: f32, out: &mut Vec<f32>) {
    out.clear();
    for row in rows.chunks_exact(weights.len()) {
        let scale = 1.0 / (dot(row, row) / row.len() as f32 + epsilon).sqrt();
        out.extend(row.iter().zip(weights).map(|(number, weight)| number * scale * weight));
    }
}

fn add(to: &mut [f32], more: &[f32]) {
    for (to, more) in to.iter_mut().zip(more) {
        *to += more;
    }
}

/// Turns scores into shares that sum to one.
pub(crate) fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}
