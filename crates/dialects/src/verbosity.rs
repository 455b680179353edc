//! How many words an answer is to have, which OpenAI's two forms ask alike and nobody else knows.

use domain::{Losses, Verbosity};

/// What a word of OpenAI's asks for; `None` for one that is not known.
pub(crate) fn read(word: &str) -> Option<Verbosity> {
    Some(match word {
        "low" => Verbosity::Low,
        "medium" => Verbosity::Medium,
        "high" => Verbosity::High,
        _ => return None,
    })
}

/// OpenAI's word for it.
pub(crate) fn word(wish: Verbosity) -> &'static str {
    match wish {
        Verbosity::Low => "low",
        Verbosity::Medium => "medium",
        Verbosity::High => "high",
    }
}

/// Names the wish as lost where it cannot be told. The usual measure is what happens anyway.
pub(crate) fn lose(wish: Option<Verbosity>, losses: &mut Losses) {
    if wish.is_some_and(|wish| wish != Verbosity::Medium) {
        losses.dropped("verbosity");
    }
}

/// The wish, if a model of OpenAI's bears it; else it is named as lost. Models that do not think
/// refuse every measure but the usual one.
pub(crate) fn borne(
    wish: Option<Verbosity>,
    reasons: Option<bool>,
    losses: &mut Losses,
) -> Option<&'static str> {
    if reasons == Some(false) {
        lose(wish, losses);
        return None;
    }
    wish.map(word)
}
