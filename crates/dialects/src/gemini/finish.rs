//! Google's words for the end of an answer. An answer that calls functions ends like any other.

use domain::{Fault, FaultClass, Finish};

use crate::json::Shape;
use crate::mask;
use crate::provider_error::FOREIGN_PROOFS;

/// A word of a provider is kept up to this length.
const WORD_CHARS_MAX: usize = 64;

/// Words for an answer that a filter ended.
const FILTERS: [&str; 11] = [
    "SAFETY",
    "RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "MODEL_ARMOR",
    "ESCALATION",
    "PUP_LIMITED_DISABLED",
];

/// Other words that Google's clients know.
const OTHERS: [&str; 9] = [
    "LANGUAGE",
    "OTHER",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
];

/// Words for a refused prompt that are no words for an ended answer.
const BLOCKS: [&str; 1] = ["JAILBREAK"];

/// A finish as written: a word, or its number where a client asked for numbers. `calls` is set if
/// the answer has called functions.
pub(super) fn finish_of(written: &Shape<'_>, calls: bool) -> Option<Finish> {
    let word = match written {
        Shape::Text(word) if !word.is_empty() => word.as_ref(),
        Shape::Whole(number) => numbered(*number)?,
        _ => return None,
    };
    Some(match word {
        "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if calls => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        // The rest comes with the next request.
        "CONTINUATION" => Finish::Paused,
        word if FILTERS.contains(&word) => Finish::ContentFilter(Box::from(word)),
        word => Finish::Other(short(word)),
    })
}

/// The fault that a finish stands for after which there is no answer to be used: the model made a
/// call that nobody can read or nobody offered, and mostly does not when it is asked again.
pub(super) fn failure_of(written: &Shape<'_>, message: &Shape<'_>) -> Option<Fault> {
    let word = match written {
        Shape::Text(word) => word.as_ref(),
        Shape::Whole(number) => numbered(*number)?,
        _ => return None,
    };
    let class = match word {
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE" => FaultClass::Malformed,
        "MISSING_THOUGHT_SIGNATURE" => {
            return Some(Fault::new(FaultClass::ForeignProofs, FOREIGN_PROOFS));
        }
        _ => return None,
    };
    let message = message.as_text().unwrap_or_default();
    Some(Fault::new(class, mask::line(&format!("the answer ended with {word}: {message}"))))
}

/// Why a prompt was refused.
pub(super) fn block_of(written: &Shape<'_>) -> Option<Box<str>> {
    match written {
        Shape::Text(word) if !word.is_empty() => Some(short(word)),
        Shape::Whole(1) => Some("SAFETY".into()),
        Shape::Whole(3) => Some("BLOCKLIST".into()),
        Shape::Whole(4) => Some("PROHIBITED_CONTENT".into()),
        Shape::Whole(_) => Some("OTHER".into()),
        _ => None,
    }
}

fn short(word: &str) -> Box<str> {
    word.chars().take(WORD_CHARS_MAX).collect::<String>().into_boxed_str()
}

fn numbered(number: u64) -> Option<&'static str> {
    Some(match number {
        0 => return None,
        1 => "STOP",
        2 => "MAX_TOKENS",
        3 => "SAFETY",
        4 => "RECITATION",
        6 => "BLOCKLIST",
        7 => "PROHIBITED_CONTENT",
        8 => "SPII",
        9 => "MALFORMED_FUNCTION_CALL",
        _ => "OTHER",
    })
}

/// A finish in Google's words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FinishWords<'a> {
    pub(super) word: &'a str,
    /// What the word does not say.
    pub(super) message: Option<&'a str>,
    /// The reason for a refused prompt, where it is no finish word.
    pub(super) block: Option<&'a str>,
    /// The word does not mean quite the same.
    pub(super) approximated: bool,
}

/// The words for a finish.
pub(super) fn words_of(finish: &Finish) -> FinishWords<'_> {
    let plain = |word| FinishWords { word, message: None, block: None, approximated: false };
    match finish {
        Finish::Stop | Finish::ToolCalls => plain("STOP"),
        Finish::StopSequence(_) => plain("STOP"),
        Finish::Length => plain("MAX_TOKENS"),
        Finish::ContentFilter(reason) if FILTERS.contains(&&**reason) => plain(reason),
        Finish::ContentFilter(reason) if BLOCKS.contains(&&**reason) => {
            FinishWords { block: Some(reason), ..plain("SAFETY") }
        }
        Finish::ContentFilter(reason) => {
            let message = Some(&**reason).filter(|reason| !reason.is_empty());
            FinishWords { message, ..plain("SAFETY") }
        }
        Finish::Refusal => FinishWords {
            message: Some("the model declines to answer"),
            approximated: true,
            ..plain("SAFETY")
        },
        Finish::Paused => FinishWords {
            message: Some("the provider paused a long turn"),
            approximated: true,
            ..plain("OTHER")
        },
        Finish::Other(word) if OTHERS.contains(&&**word) => plain(word),
        Finish::Other(word) => {
            FinishWords { message: Some(word), approximated: true, ..plain("OTHER") }
        }
    }
}
