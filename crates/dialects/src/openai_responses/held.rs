//! How much a piece of an answer takes while it is held for its whole item. How much may be held
//! is the writer's to say.

use domain::{Citation, Delta, LogProb, Media, MediaSource, SearchResult};

/// What the names and brackets around a small piece take, roughly.
const FRAME_BYTES: usize = 64;

/// Bytes that a piece adds to what is held.
pub(super) fn held_bytes(delta: &Delta) -> usize {
    match delta {
        Delta::Text(text) | Delta::Refusal(text) | Delta::Thinking(text) => text.len(),
        Delta::Arguments { text, .. } => text.len(),
        Delta::Proof(proof) => proof.data.len() + FRAME_BYTES,
        Delta::ToolCall { id, name, .. } => id.len() + name.len() + FRAME_BYTES,
        Delta::Citation(citation) => citation_bytes(citation),
        Delta::SearchResults(results) => results.iter().map(result_bytes).sum(),
        Delta::LogProbs(logprobs) => logprobs.iter().map(logprob_bytes).sum(),
        Delta::Media(media) => media_bytes(media),
    }
}

fn citation_bytes(citation: &Citation) -> usize {
    let Citation { url, title, quote, span: _ } = citation;
    let texts = [url, title, quote].into_iter().flatten().map(|text| text.len());
    texts.sum::<usize>() + FRAME_BYTES
}

/// Of a finding, its address alone is told.
fn result_bytes(result: &SearchResult) -> usize {
    result.url.len() + FRAME_BYTES
}

/// A token is written as a text and as a list of its bytes.
fn logprob_bytes(logprob: &LogProb) -> usize {
    let tokens = logprob.top.iter().map(|(token, _)| token).chain([&logprob.token]);
    tokens.map(|token| token.len() * 5 + FRAME_BYTES).sum()
}

fn media_bytes(media: &Media) -> usize {
    let (MediaSource::Url(text)
    | MediaSource::Base64(text)
    | MediaSource::File(_, text)
    | MediaSource::Text(text)) = &media.source;
    text.len() + FRAME_BYTES
}
