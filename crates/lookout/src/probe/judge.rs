//! What an answer to a probe's question says about the one who gave it. Pure.

use domain::{FaultClass, Finish, Usage};

use super::Question;

/// What was heard of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    pub text: String,
    /// Thinking was shown, or content came whose words are not ours to read.
    pub thought: bool,
    pub finish: Option<Finish>,
    pub usage: Option<Usage>,
    /// Milliseconds from the call to the first content.
    pub first_content_ms: Option<u64>,
}

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeOutcome {
    Right,
    /// It works, and had no room to say the answer: a model that thinks used up its tokens.
    Alive,
    /// An answer came, and it was wrong.
    Wrong,
    /// Right, and far slower than usual.
    Slow,
    /// No answer, for this reason.
    Failed(FaultClass),
    /// Our key, our quota or our pace was refused: nothing is known about the provider.
    OwnAccount,
    /// The probe cannot work as it is set up, such as with a model that does not exist.
    Unusable(FaultClass),
    /// Nothing could be reached from here: nothing is known about the provider.
    OwnNetwork,
}

impl ProbeOutcome {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Alive => "alive",
            Self::Wrong => "wrong",
            Self::Slow => "slow",
            Self::Failed(_) => "failed",
            Self::OwnAccount => "own_account",
            Self::Unusable(_) => "unusable",
            Self::OwnNetwork => "own_network",
        }
    }

    /// True if it speaks against the provider.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Wrong | Self::Slow | Self::Failed(_))
    }

    /// True if it speaks for the provider.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Right | Self::Alive)
    }
}

/// Judges an answer. `slow_ms` is what counts as far slower than usual.
pub fn judge(question: &Question, heard: Result<&Heard, FaultClass>, slow_ms: u64) -> ProbeOutcome {
    let heard = match heard {
        Ok(heard) => heard,
        Err(class) => return of_fault(class),
    };
    let is_slow = heard.first_content_ms.is_some_and(|ms| ms > slow_ms);
    if question.is_answered_by(&heard.text) {
        return if is_slow { ProbeOutcome::Slow } else { ProbeOutcome::Right };
    }
    match &heard.finish {
        // Thinking, shown or only counted, may use up all tokens; so may a long preface.
        Some(Finish::Length | Finish::Paused) => ProbeOutcome::Alive,
        None => ProbeOutcome::Failed(FaultClass::Cut),
        Some(_) if heard.text.is_empty() && heard.thought => ProbeOutcome::Alive,
        Some(Finish::Stop | Finish::StopSequence(_)) if heard.text.is_empty() => {
            ProbeOutcome::Failed(FaultClass::Empty)
        }
        Some(_) => ProbeOutcome::Wrong,
    }
}

fn of_fault(class: FaultClass) -> ProbeOutcome {
    match class {
        FaultClass::KeyRejected
        | FaultClass::QuotaExhausted
        | FaultClass::SpendLimit
        | FaultClass::RateLimited
        | FaultClass::Acceleration => ProbeOutcome::OwnAccount,
        FaultClass::ModelUnknown
        | FaultClass::ContextLength
        | FaultClass::ContentFilter
        | FaultClass::CallerFault
        | FaultClass::CallerGone
        | FaultClass::Unfit
        | FaultClass::Outrun
        | FaultClass::ForeignProofs
        | FaultClass::Busy
        | FaultClass::Internal => ProbeOutcome::Unusable(class),
        FaultClass::Connect
        | FaultClass::Reset
        | FaultClass::Silent
        | FaultClass::SlowFirstToken
        | FaultClass::Stalled
        | FaultClass::Crawling
        | FaultClass::Cut
        | FaultClass::Empty
        | FaultClass::Malformed
        | FaultClass::ServerError
        | FaultClass::Overloaded
        | FaultClass::TotalTime => ProbeOutcome::Failed(class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Dice;

    fn heard(text: &str, finish: Option<Finish>) -> Heard {
        Heard { text: text.into(), finish, first_content_ms: Some(300), ..Heard::default() }
    }

    #[test]
    fn each_ending_has_its_verdict() {
        let question = Question::thrown(&mut Dice::seeded(1));
        let right = question.sum().to_string();
        let of = |heard: &Heard| judge(&question, Ok(heard), 1_000);
        assert_eq!(of(&heard(&right, Some(Finish::Stop))), ProbeOutcome::Right);
        assert_eq!(of(&heard("12", Some(Finish::Stop))), ProbeOutcome::Wrong);
        assert_eq!(of(&heard("", Some(Finish::Stop))), ProbeOutcome::Failed(FaultClass::Empty));
        assert_eq!(of(&heard("", None)), ProbeOutcome::Failed(FaultClass::Cut));
        assert_eq!(of(&heard("I will not", Some(Finish::Refusal))), ProbeOutcome::Wrong);
        let late = Heard { first_content_ms: Some(1_001), ..heard(&right, Some(Finish::Stop)) };
        assert_eq!(of(&late), ProbeOutcome::Slow);
    }

    #[test]
    fn a_model_that_thinks_is_not_dead_for_lack_of_tokens() {
        let question = Question::thrown(&mut Dice::seeded(1));
        let usage = Usage { output: 16, reasoning: 16, ..Usage::default() };
        let spent =
            Heard { usage: Some(usage), first_content_ms: None, ..heard("", Some(Finish::Length)) };
        assert_eq!(judge(&question, Ok(&spent), 1_000), ProbeOutcome::Alive);
        let thought = Heard { thought: true, ..heard("", Some(Finish::Stop)) };
        assert_eq!(judge(&question, Ok(&thought), 1_000), ProbeOutcome::Alive);
    }

    #[test]
    fn our_own_troubles_are_not_the_providers() {
        let question = Question::thrown(&mut Dice::seeded(1));
        for (class, want) in [
            (FaultClass::KeyRejected, ProbeOutcome::OwnAccount),
            (FaultClass::RateLimited, ProbeOutcome::OwnAccount),
            (FaultClass::ModelUnknown, ProbeOutcome::Unusable(FaultClass::ModelUnknown)),
            (FaultClass::Overloaded, ProbeOutcome::Failed(FaultClass::Overloaded)),
        ] {
            let outcome = judge(&question, Err(class), 1_000);
            assert_eq!(outcome, want);
            assert_eq!(outcome.is_bad(), matches!(want, ProbeOutcome::Failed(_)));
        }
    }
}
