//! A question with an answer that can be checked: a small sum, thrown anew each time, so that no
//! cache knows it and a model that has lost its mind is found out.

use clock::Dice;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    text: Box<str>,
    sum: u64,
}

impl Question {
    /// Throws two numbers of two digits.
    pub fn thrown(dice: &mut Dice) -> Self {
        let (a, b) = (10 + dice.below(90), 10 + dice.below(90));
        let text = format!("What is {a} + {b}? Reply with the number only.");
        Self { text: text.into(), sum: a + b }
    }

    /// What is asked.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is to be answered.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// True if the sum stands in the answer as a number of its own. The question's own numbers are
    /// smaller than their sum, so that an echo is no answer.
    pub fn is_answered_by(&self, answer: &str) -> bool {
        let mut numbers =
            answer.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        numbers.any(|number| number.parse() == Ok(self.sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_found_and_an_echo_is_none() {
        let mut dice = Dice::seeded(5);
        for _ in 0..1000 {
            let question = Question::thrown(&mut dice);
            let sum = question.sum();
            assert!(question.is_answered_by(&format!("**{sum}**.")));
            assert!(question.is_answered_by(&format!("That makes {sum}")));
            assert!(!question.is_answered_by(question.text()));
            assert!(!question.is_answered_by(&format!("1{sum}")));
            assert!(!question.is_answered_by(&(sum + 1).to_string()));
        }
        assert!(!Question::thrown(&mut dice).is_answered_by(""));
    }
}
