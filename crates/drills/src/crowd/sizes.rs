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

/// Every twentieth of the trace's prompts, with the last one cut into five: the tail is long.
const INPUT: &[f64] = &[
    2.0, 181.0, 207.0, 372.0, 387.0, 396.0, 403.0, 414.0, 703.0, 984.0, 1020.0, 1045.0, 1071.0,
    1097.0, 1130.0, 1189.0, 1315.0, 1877.0, 2735.0, 4083.0,
];
const INPUT_TAIL: &[f64] = &[4083.0, 4090.0, 4100.0, 4120.0, 4142.0, 4900.0];
const OUTPUT: &[f64] = &[
    7.0, 41.0, 54.0, 67.0, 77.0, 85.0, 91.0, 96.0, 103.0, 113.0, 129.0, 151.0, 177.0, 217.0, 384.0,
    395.0, 400.0, 411.0, 424.0, 451.0,
];
const OUTPUT_TAIL: &[f64] = &[451.0, 470.0, 500.0, 550.0, 601.0, 660.0];

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
    let table = if dice.fraction() < 0.05 { tail } else { body };
    by_quantiles(dice, table).round().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_has_the_traces_means() {
        let mut dice = Dice::seeded(1);
        let throws: Vec<Size> = (0..50_000).map(|_| Sizes::Chat.throw(&mut dice)).collect();
        let mean = |of: fn(&Size) -> u32| {
            throws.iter().map(|size| f64::from(of(size))).sum::<f64>() / throws.len() as f64
        };
        let (input, output) = (mean(|size| size.input_tokens), mean(|size| size.output_tokens));
        assert!((input / 1_154.7 - 1.0).abs() < 0.03, "{input}");
        assert!((output / 211.1 - 1.0).abs() < 0.03, "{output}");
    }
}
