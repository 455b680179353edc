//! Whole answers in Google's form, and the pieces of them that streams have too.

use domain::{Choice, Completion, Content, Dialect, Finish, LogProb, Loss, Losses, Reply, Usage};

use super::embed;
use super::fields::on_one_line;
use super::finish::words_of;
use super::sources::Sources;
use super::usage::write_usage;
use super::write_parts::{call_part, media_part, own_signature, sign_last, text_part};
use crate::form::{Envelope, Written};
use crate::json::quoted;
use crate::object::{ObjectText, array};

/// Writes a whole answer of any operation.
pub(super) fn write_whole(reply: &Reply, envelope: &Envelope) -> Written {
    let mut losses = Losses::default();
    let body = match reply {
        Reply::Completion(completion) => write_completion(completion, envelope, &mut losses),
        Reply::Embeddings(vectors) => embed::write_vectors(vectors, envelope.batch),
        Reply::InputTokens { count, .. } => format!(r#"{{"totalTokens":{count}}}"#),
    };
    Written { body: body.into(), losses }
}

fn write_completion(answer: &Completion, envelope: &Envelope, losses: &mut Losses) -> String {
    let mut candidates = Vec::with_capacity(answer.choices.len());
    let mut blocked = None;
    for (index, choice) in answer.choices.iter().enumerate() {
        let (candidate, block) = write_candidate(index, choice, losses);
        candidates.push(candidate);
        blocked = blocked.or(block);
    }
    let usage = answer.usage.as_ref().map(|usage| told_usage(usage, losses));
    answer_object(&candidates, blocked.as_deref(), usage, envelope)
}

/// The usage, with what it cannot tell named.
pub(super) fn told_usage(usage: &Usage, losses: &mut Losses) -> String {
    if usage.cache_write > 0 {
        losses.approximated("usage.cache_creation_input_tokens");
    }
    write_usage(usage)
}

/// An answer, or a chunk of one.
pub(super) fn answer_object(
    candidates: &[String],
    blocked: Option<&str>,
    usage: Option<String>,
    envelope: &Envelope,
) -> String {
    let mut answer = ObjectText::new();
    answer.raw("candidates", &array(candidates));
    let feedback = blocked.map(|reason| format!(r#"{{"blockReason":{}}}"#, quoted(reason)));
    answer.raw_if("promptFeedback", feedback);
    answer.raw_if("usageMetadata", usage);
    answer.text("modelVersion", &envelope.model);
    answer.text("responseId", &envelope.id);
    answer.end()
}

/// A candidate, and the reason for a refused prompt if its finish stands for one.
fn write_candidate(index: usize, choice: &Choice, losses: &mut Losses) -> (String, Option<String>) {
    let mut parts = Vec::with_capacity(choice.content.len());
    let mut sources = Sources::default();
    for content in &choice.content {
        write_content(content, &mut parts, &mut sources, losses);
    }
    let mut candidate = ObjectText::new();
    candidate.raw("content", &content_object(&parts));
    let refused = choice.content.iter().any(|said| matches!(said, Content::Refusal(_)));
    let finish = told_finish(choice.finish.as_ref(), refused);
    let block = add_finish(&mut candidate, finish, losses);
    candidate.raw("index", &index.to_string());
    candidate.raw_if("groundingMetadata", sources.metadata());
    if !choice.logprobs.is_empty() {
        candidate.raw("logprobsResult", &write_logprobs(&choice.logprobs));
    }
    (candidate.end(), block)
}

/// Google has no place for a refusal but the finish.
pub(super) fn told_finish(finish: Option<&Finish>, refused: bool) -> &Finish {
    match finish.unwrap_or(&Finish::Stop) {
        Finish::Stop if refused => &Finish::Refusal,
        finish => finish,
    }
}

/// What a candidate says, with the role that says it.
pub(super) fn content_object(parts: &[String]) -> String {
    let mut content = ObjectText::new();
    content.list_if("parts", parts);
    content.text("role", "model");
    content.end()
}

/// Adds why a candidate is over; gives the reason for a refused prompt if that is why.
pub(super) fn add_finish(
    candidate: &mut ObjectText,
    finish: &Finish,
    losses: &mut Losses,
) -> Option<String> {
    let words = words_of(finish);
    if words.approximated {
        losses.approximated("finish_reason");
    }
    if let Finish::StopSequence(sequence) = finish
        && !sequence.is_empty()
    {
        losses.dropped("stop_sequence");
    }
    candidate.text("finishReason", words.word);
    candidate.text_if("finishMessage", words.message);
    words.block.map(str::to_owned)
}

fn write_content(
    content: &Content,
    parts: &mut Vec<String>,
    sources: &mut Sources,
    losses: &mut Losses,
) {
    if !matches!(content, Content::Text(_) | Content::Refusal(_)) {
        sources.end_run();
    }
    match content {
        Content::Text(text) => {
            // A text that only bears citations belongs to the text before it.
            if !text.text.is_empty() {
                sources.end_run();
                sources.said(&text.text);
                parts.push(text_part(&text.text, false, None));
            }
            text.citations.iter().for_each(|citation| sources.cite(citation, losses));
        }
        Content::Refusal(text) => {
            losses.approximated("refusal");
            sources.said(text);
            parts.push(text_part(text, false, None));
        }
        Content::Thinking(thinking) => {
            let signature = own_signature(thinking.proof.as_ref(), losses);
            match (thinking.text.is_empty(), signature) {
                (false, signature) => parts.push(text_part(&thinking.text, true, signature)),
                (true, Some(signature)) => sign_last(parts, signature),
                (true, None) => {}
            }
        }
        Content::ToolCall(call) => {
            let part = call_part(call, call.signature.as_deref(), losses);
            parts.push(part);
        }
        Content::Media(media) => parts.extend(media_part(media, None, losses)),
        Content::SearchResults(results) => sources.found(results, losses),
        Content::Foreign(foreign) if foreign.dialect == Dialect::Gemini => {
            parts.push(on_one_line(foreign.json.as_str()).into_owned());
        }
        Content::Foreign(foreign) => losses.add(Loss::unmapped(&foreign.kind)),
        Content::ToolResult(_) => losses.dropped("tool_result"),
    }
}

/// `logprobsResult`.
pub(super) fn write_logprobs(logprobs: &[LogProb]) -> String {
    let token = |token: &str, logprob: f64| {
        let mut candidate = ObjectText::new();
        candidate.text("token", token);
        let number = serde_json::to_string(&logprob).unwrap_or_else(|_| "0".to_owned());
        candidate.raw("logProbability", &number);
        candidate.end()
    };
    let chosen: Vec<String> =
        logprobs.iter().map(|logprob| token(&logprob.token, logprob.logprob)).collect();
    let tops: Vec<String> = logprobs
        .iter()
        .map(|logprob| {
            let top: Vec<String> = logprob.top.iter().map(|(text, p)| token(text, *p)).collect();
            format!(r#"{{"candidates":{}}}"#, array(&top))
        })
        .collect();
    let mut result = ObjectText::new();
    result.list("chosenCandidates", &chosen);
    if logprobs.iter().any(|logprob| !logprob.top.is_empty()) {
        result.list("topCandidates", &tops);
    }
    result.end()
}
