//! Weight matrices in 8-bit numbers, and their product with a few rows of input. The loops are
//! plain ones that the compiler turns into the widest instructions of the processor at hand.
//! Candle's own product is not used: it shares each one out over a pool of threads for the whole
//! process, where it waits for the slowest of them, and a gateway under surge is a busy machine.

use candle_core::quantized::{GgmlType, QTensor};
use candle_core::{Device, Tensor};
use pulp::{Arch, NullaryFnOnce};

/// Numbers that share one scale; each width is a multiple of it.
pub(crate) const BLOCK: usize = 32;

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
    numbers: Numbers,
}

/// Rows of 8-bit numbers, each block with its scale.
#[derive(Default)]
struct Numbers {
    small: Vec<i8>,
    scales: Vec<f32>,
}

impl Numbers {
    /// Appends numbers, a multiple of [`BLOCK`] of them.
    fn extend(&mut self, floats: &[f32]) {
        Arch::new().dispatch(Quantise { floats, numbers: self });
    }
}

impl Matrix {
    /// Takes a tensor of any quantisation; one in blocks of 8 bits is taken without loss.
    ///
    /// # Errors
    /// If the tensor has not two dimensions, or a width that is no multiple of [`BLOCK`].
    pub(crate) fn from_tensor(tensor: &QTensor) -> candle_core::Result<Self> {
        let (rows, width) = tensor.shape().dims2()?;
        if width == 0 || !width.is_multiple_of(BLOCK) {
            candle_core::bail!("a width of {width} is no multiple of {BLOCK}");
        }
        let size = rows * width;
        let mut numbers =
            Numbers { small: Vec::with_capacity(size), scales: Vec::with_capacity(size / BLOCK) };
        for first in (0..rows).step_by(LOAD_ROWS) {
            let last = rows.min(first + LOAD_ROWS);
            let ids: Vec<u32> = (first..last).filter_map(|row| u32::try_from(row).ok()).collect();
            let ids = Tensor::new(ids, &Device::Cpu)?;
            numbers.extend(&tensor.embedding(&ids)?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(Self { rows, width, numbers })
    }

    /// One row as floats. A row beyond the last leaves `out` as it is.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        let Numbers { small, scales } = &self.numbers;
        let small = small.chunks_exact(self.width).nth(row).unwrap_or_default();
        let scales = scales.chunks_exact(self.width / BLOCK).nth(row).unwrap_or_default();
        for ((out, small), scale) in
            out.chunks_exact_mut(BLOCK).zip(small.chunks_exact(BLOCK)).zip(scales)
        {
            for (out, small) in out.iter_mut().zip(small) {
                *out = f32::from(*small) * scale;
            }
        }
    }

    /// Makes `out[i][row] = input[i] · self[row]` for each row of `input`.
    pub(crate) fn multiply(&self, input: &Rows, out: &mut Vec<f32>) {
        out.clear();
        out.resize(input.count * self.rows, 0.0);
        Arch::new().dispatch(Product { matrix: self, input: &input.numbers, out });
    }
}

/// A few rows of input in the form that the product needs.
#[derive(Default)]
pub(crate) struct Rows {
    count: usize,
    numbers: Numbers,
}

impl Rows {
    /// Takes over rows of `width` numbers each.
    pub(crate) fn set(&mut self, floats: &[f32], width: usize) {
        self.count = floats.len() / width;
        self.numbers.small.clear();
        self.numbers.scales.clear();
        self.numbers.extend(floats);
    }
}

struct Quantise<'a> {
    floats: &'a [f32],
    numbers: &'a mut Numbers,
}

impl NullaryFnOnce for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for block in self.floats.chunks_exact(BLOCK) {
            let largest = block.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
            let scale = largest / 127.0;
            let times = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            self.numbers.scales.push(scale);
            // The product is within ±127 but for rounding, and what is no number becomes zero.
            let small = block.iter().map(|number| (number * times).round_ties_even() as i32 as i8);
            self.numbers.small.extend(small);
        }
    }
}

struct Product<'a> {
    matrix: &'a Matrix,
    input: &'a Numbers,
    out: &'a mut [f32],
}

impl NullaryFnOnce for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Matrix { rows, width, ref numbers } = *self.matrix;
        let blocks = width / BLOCK;
        let weights = numbers.small.chunks_exact(width).zip(numbers.scales.chunks_exact(blocks));
        // Outer loop over the weights: each of their rows is read from memory once, while the few
        // rows of input stay in the nearest cache.
        for (row, weights) in weights.enumerate() {
            let places = self.out.iter_mut().skip(row).step_by(rows);
            let small = self.input.small.chunks_exact(width);
            let input = small.zip(self.input.scales.chunks_exact(blocks));
            for (place, input) in places.zip(input) {
                *place = dot_blocks(weights, input);
            }
        }
    }
}

#[inline(always)]
fn dot_blocks((a, scales_a): (&[i8], &[f32]), (b, scales_b): (&[i8], &[f32])) -> f32 {
    let mut sum = 0.0;
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK));
    for ((a, b), (scale_a, scale_b)) in blocks.zip(scales_a.iter().zip(scales_b)) {
        // 16-bit products in pairs are what the compiler finds its instruction for.
        let pairs =
            a.iter().zip(b).map(|(a, b)| i32::from(i16::from(*a)) * i32::from(i16::from(*b)));
        sum += pairs.sum::<i32>() as f32 * (scale_a * scale_b);
    }
    sum
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::GgmlDType;

    use super::*;

    #[test]
    fn the_product_is_that_of_candle() {
        let number = |n: usize| ((n * 7919 % 1000) as f32 - 500.0) / 250.0;
        let floats: Vec<f32> = (0..96 * 64).map(number).collect();
        let tensor = Tensor::from_vec(floats, (96, 64), &Device::Cpu).unwrap();
        let tensor = QTensor::quantize(&tensor, GgmlDType::Q8_0).unwrap();
        let matrix = Matrix::from_tensor(&tensor).unwrap();
        let exact = tensor.dequantize(&Device::Cpu).unwrap();
        let exact_rows = exact.to_vec2::<f32>().unwrap();
        for (nth, exact) in exact_rows.iter().enumerate() {
            let mut row = vec![0.0; 64];
            matrix.row(nth, &mut row);
            assert_eq!(&row, exact, "8-bit blocks are taken without loss");
        }
        let input: Vec<f32> = (0..3 * 64).map(|n| number(n * 3 + 1)).collect();
        let (mut rows, mut out) = (Rows::default(), Vec::new());
        rows.set(&input, 64);
        matrix.multiply(&rows, &mut out);
        let input = Tensor::from_vec(input, (3, 64), &Device::Cpu).unwrap();
        let expected = input.matmul(&exact.t().unwrap()).unwrap();
        let expected = expected.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(out.len(), expected.len());
        for (found, expected) in out.iter().zip(expected) {
            // The input's rounding: 64 numbers of up to 2, each off by up to 2 / 254.
            assert!((found - expected).abs() < 0.5, "{found} {expected}");
        }
    }

    #[test]
    fn what_is_no_number_does_not_spread_to_other_blocks() {
        let mut rows = Rows::default();
        let mut floats = vec![1.0; 64];
        floats[3] = f32::NAN;
        rows.set(&floats, 64);
        assert_eq!(rows.numbers.scales.len(), 2);
        assert_eq!(rows.numbers.small[40], 127);
    }
}
