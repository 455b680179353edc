//! How long prompts and answers are. The built-in table has the statistics of a day of chat
//! (Azure's public trace of 2023, CC-BY 4.0: 19,366 requests); a trace file brings its own pairs.

use clock::Dice;

use super::dice::by_quantiles;

/// Tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub input_tokens: u32,
    pub output_tokens: u32,
}

/// Where sizes come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Sizes {
    /// The built-in table. Prompt and answer are thrown apart: in the trace their ranks hardly
    /// move together (0.07).
    #[default]
    Chat,
    /// One pair out of these, each as likely as the others.
    Pairs(Vec<Size>),
}

/// The trace's prompts at every fortieth of them, and the last fortieth cut into five: the tail is
/// long. The tail's end is not the longest prompt, but what gives the last piece its mean.
const INPUT: &[f64] = &[
    2.0, 120.0, 181.0, 200.0, 207.0, 235.0, 372.0, 379.0, 387.0, 393.0, 396.0, 400.0, 403.0, 407.0,
    414.0, 428.0, 703.0, 922.0, 984.0, 1005.0, 1020.0, 1034.0, 1045.0, 1058.0, 1071.0, 1083.0,
    1097.0, 1112.0, 1130.0, 1153.0, 1189.0, 1277.0, 1315.0, 1434.0, 1877.0, 2310.0, 2735.0, 4075.0,
    4083.0, 4092.0,
];
const INPUT_TAIL: &[f64] = &[4092.0, 4098.0, 4110.0, 4142.0, 4831.0, 6607.0];
/// The same of its answers.
const OUTPUT: &[f64] = &[
    7.0, 28.0, 41.0, 48.0, 54.0, 60.0, 67.0, 72.0, 77.0, 82.0, 85.0, 88.0, 91.0, 93.0, 96.0, 99.0,
    103.0, 108.0, 113.0, 120.0, 129.0, 139.0, 151.0, 162.0, 177.0, 195.0, 217.0, 373.0, 384.0,
    391.0, 395.0, 396.0, 400.0, 406.0, 411.0, 416.0, 424.0, 430.0, 451.0, 522.0,
];
const OUTPUT_TAIL: &[f64] = &[522.0, 540.0, 571.0, 601.0, 644.0, 956.0];
const TAIL_RATIO: f64 = 1.0 / 40.0;

impl Sizes {
    /// The size of one request.
    pub fn throw(&self, dice: &mut Dice) -> Size {
        match self {
            Self::Chat => Size {
                input_tokens: with_tail(dice, INPUT, INPUT_TAIL),
                output_tokens: with_tail(dice, OUTPUT, OUTPUT_TAIL),
            },
            Self::Pairs(pairs) => {
                let at = dice.below(pairs.len() as u64);
                let nothing = Size { input_tokens: 1, output_tokens: 1 };
                pairs.get(at as usize).copied().unwrap_or(nothing)
            }
        }
    }
}

fn with_tail(dice: &mut Dice, body: &[f64], tail: &[f64]) -> u32 {
    let table = if dice.fraction() < TAIL_RATIO { tail } else { body };
    by_quantiles(dice, table).round().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_has_the_traces_means() {
        let mut dice = Dice::seeded(1);
        let throws: Vec<Size> = (0..200_000).map(|_| Sizes::Chat.throw(&mut dice)).collect();
        let mean = |of: fn(&Size) -> u32| {
            throws.iter().map(|size| f64::from(of(size))).sum::<f64>() / throws.len() as f64
        };
        let (input, output) = (mean(|size| size.input_tokens), mean(|size| size.output_tokens));
        assert!((input / 1_154.7 - 1.0).abs() < 0.01, "{input}");
        assert!((output / 211.1 - 1.0).abs() < 0.01, "{output}");
    }
}
