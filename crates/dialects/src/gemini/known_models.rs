//! What Google's models bear, by their names: an older one refuses what a newer one needs.

use domain::{Effort, ModelCard};

/// What a model bears, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bears {
    /// Its generation, times ten; 0 if the name does not tell.
    generation: u32,
    pro: bool,
    lite: bool,
}

/// How the thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thought {
    Level(&'static str),
    Budget(u64),
}

impl Bears {
    pub(super) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or_default();
        let rest = name.strip_prefix("gemini-").unwrap_or_default();
        let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let told = number.parse::<f64>().ok().filter(|number| (0.0..100.0).contains(number));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be small and not negative"
        )]
        let generation = told.map_or(0, |number| (number * 10.0).round() as u32);
        // An alias stands for the newest model of its kind.
        let newest = !rest.is_empty() && name.ends_with("-latest") && generation == 0;
        Self {
            generation: if newest { 30 } else { generation },
            pro: name.contains("pro"),
            lite: name.contains("lite"),
        }
    }

    /// Calls of functions must come back with a signature, results of functions may have media,
    /// and hosted tools and a schema of the answer may stand beside functions.
    pub(super) fn third(self) -> bool {
        self.generation >= 30
    }

    /// An answer after a schema and functions exclude each other.
    pub(super) fn refuses_schema_with_functions(self) -> bool {
        (1..30).contains(&self.generation)
    }

    /// It can think at all. What the name does not tell, the card may.
    fn thinks(self, card: &ModelCard) -> bool {
        match card.reasons {
            Some(reasons) => reasons,
            None => self.generation >= 25,
        }
    }

    /// The wish for an effort, and whether it means not quite the same; `None` if the model cannot
    /// be asked.
    pub(super) fn effort(self, effort: Effort, card: &ModelCard) -> Option<(Thought, bool)> {
        if !self.thinks(card) {
            return None;
        }
        if self.third() {
            let level = match effort {
                // Its thinking cannot be turned off.
                Effort::None | Effort::Minimal if self.pro => {
                    return Some((Thought::Level("LOW"), true));
                }
                Effort::None => return Some((Thought::Level("MINIMAL"), true)),
                Effort::Minimal => "MINIMAL",
                Effort::Low => "LOW",
                Effort::Medium if self.pro && self.generation == 30 => {
                    return Some((Thought::Level("HIGH"), true));
                }
                Effort::Medium => "MEDIUM",
                Effort::High => "HIGH",
                Effort::Highest => return Some((Thought::Level("HIGH"), true)),
            };
            return Some((Thought::Level(level), false));
        }
        Some(match effort {
            Effort::None if self.pro => (Thought::Budget(128), true),
            Effort::None => (Thought::Budget(0), false),
            Effort::Minimal | Effort::Low => (Thought::Budget(1024), true),
            Effort::Medium => (Thought::Budget(8192), true),
            Effort::High => (Thought::Budget(24_576), true),
            Effort::Highest => (Thought::Budget(self.budget_max()), true),
        })
    }

    /// The budget within the model's bounds, and whether it had to be changed; `None` if the model
    /// cannot be asked.
    pub(super) fn budget(self, tokens: u64, card: &ModelCard) -> Option<(Thought, bool)> {
        if !self.thinks(card) {
            return None;
        }
        let least = match (self.pro, self.lite) {
            (true, _) => 128,
            (false, true) => 512,
            (false, false) => 1,
        };
        let borne = tokens.clamp(least, self.budget_max());
        Some((Thought::Budget(borne), borne != tokens))
    }

    fn budget_max(self) -> u64 {
        if self.pro || self.third() { 32_768 } else { 24_576 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        assert!(Bears::of("gemini-3-flash-preview").third());
        assert!(Bears::of("models/gemini-3.1-pro-preview").third());
        assert!(Bears::of("gemini-flash-latest").third());
        assert!(!Bears::of("gemini-2.5-pro").third());
        assert!(!Bears::of("tuned-thing").third());
        assert!(Bears::of("gemini-2.0-flash").refuses_schema_with_functions());
        assert!(!Bears::of("tuned-thing").refuses_schema_with_functions());
    }

    #[test]
    fn effort_has_levels_or_budgets() {
        let card = ModelCard::default();
        let effort = |model: &str, effort| Bears::of(model).effort(effort, &card);
        let level = |level, off| Some((Thought::Level(level), off));
        assert_eq!(effort("gemini-3-flash", Effort::Medium), level("MEDIUM", false));
        assert_eq!(effort("gemini-3-pro", Effort::Medium), level("HIGH", true));
        assert_eq!(effort("gemini-3-flash", Effort::None), level("MINIMAL", true));
        assert_eq!(effort("gemini-2.5-flash", Effort::None), Some((Thought::Budget(0), false)));
        assert_eq!(effort("gemini-2.0-flash", Effort::High), None);
    }
}
