//! Weight matrices in blocks of 8-bit numbers, and their product with a few rows of input. The dot
//! product of two rows is candle's, which picks the processor's instructions at run time; the loop
//! around it is ours, since candle shares out its own over one pool for the whole process, where
//! every product would wait for the slowest thread of a busy machine.

use candle_core::quantized::QTensor;
use candle_core::quantized::k_quants::{BlockQ8_0, GgmlType};
use candle_core::{Device, Tensor};

/// Numbers in one block; each width is a multiple of it.
pub(crate) const BLOCK: usize = BlockQ8_0::BLCK_SIZE;

/// Rows that are turned into floats at once while loading: 2 MB at the width of the usual model.
const LOAD_ROWS: usize = 1024;

/// The dot product of two rows of floats; the shorter one counts.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    f32::vec_dot(a.len().min(b.len()), a, b)
}

/// `rows` × `width` weights.
pub(crate) struct Matrix {
    rows: usize,
    width: usize,
    blocks: Vec<BlockQ8_0>,
}

impl Matrix {
    /// Takes a tensor of any quantisation; one in blocks of 8 bits is taken as it is, without loss.
    ///
    /// # Errors
    /// If the tensor has not two dimensions, or a width that is no multiple of [`BLOCK`].
    pub(crate) fn from_tensor(tensor: &QTensor) -> candle_core::Result<Self> {
        let (rows, width) = tensor.shape().dims2()?;
        if width == 0 || !width.is_multiple_of(BLOCK) {
            candle_core::bail!("a width of {width} is no multiple of {BLOCK}");
        }
        let mut blocks = vec![BlockQ8_0::zeros(); rows * (width / BLOCK)];
        for (part, first) in
            blocks.chunks_mut(LOAD_ROWS * (width / BLOCK)).zip((0..rows).step_by(LOAD_ROWS))
        {
            let last = rows.min(first + LOAD_ROWS);
            let ids: Vec<u32> = (first..last).filter_map(|row| u32::try_from(row).ok()).collect();
            let ids = Tensor::new(ids, &Device::Cpu)?;
            let floats = tensor.embedding(&ids)?.flatten_all()?.to_vec1::<f32>()?;
            BlockQ8_0::from_float(&floats, part);
        }
        Ok(Self { rows, width, blocks })
    }

    /// One row as floats. A row beyond the last leaves `out` as it is.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        if let Some(blocks) = self.blocks.chunks_exact(self.width / BLOCK).nth(row) {
            BlockQ8_0::to_float(blocks, out);
        }
    }

    /// Writes `out[i][row] = input[i] · self[row]` for each row of `input`; `out` has one row of
    /// [`Self::rows`] numbers for each of them.
    pub(crate) fn multiply(&self, input: &Rows, out: &mut Vec<f32>) {
        let per_row = self.width / BLOCK;
        out.clear();
        out.resize(input.count * self.rows, 0.0);
        // Outer loop over the weights: each of their rows is read once, while the few rows of
        // input stay in the nearest cache.
        for (row, weights) in self.blocks.chunks_exact(per_row).enumerate() {
            let places = out.iter_mut().skip(row).step_by(self.rows);
            for (place, input) in places.zip(input.blocks.chunks_exact(per_row)) {
                *place = BlockQ8_0::vec_dot(self.width, weights, input);
            }
        }
    }
}

/// A few rows of input in the form that the dot product needs.
#[derive(Default)]
pub(crate) struct Rows {
    count: usize,
    blocks: Vec<BlockQ8_0>,
}

impl Rows {
    /// Takes over rows of `width` numbers each.
    pub(crate) fn set(&mut self, floats: &[f32], width: usize) {
        self.count = floats.len() / width;
        self.blocks.resize(floats.len() / BLOCK, BlockQ8_0::zeros());
        BlockQ8_0::from_float(floats, &mut self.blocks);
    }
}
