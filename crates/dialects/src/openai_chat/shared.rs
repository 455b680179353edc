//! Pieces that requests and answers have in common: citations, media inside URLs, proofs of
//! thinking, log probabilities; read and written.

use domain::{
    Citation, Dialect, LogProb, Loss, Media, MediaKind, MediaSource, Proof, ProofKind, SearchResult,
};
use serde_json::value::RawValue;

use super::raw::{elements, get, get_object, get_text, number as read_number, object, text, whole};
use crate::json::members;
use crate::object::{ObjectText, array, push_quoted, shortest};

/// The web address in an annotation, if it is a citation of one.
pub(super) fn read_annotation(annotation: &RawValue) -> Option<Citation> {
    let pairs = object(annotation)?;
    if get_text(&pairs, "type").as_deref() != Some("url_citation") {
        return None;
    }
    let inner = get_object(&pairs, "url_citation");
    let told = |name| get_text(&inner, name).filter(|text| !text.is_empty()).map(Box::from);
    let place = |name| get(&inner, name).and_then(whole);
    // Two zeros stand for a place that is not known.
    let span = place("start_index").zip(place("end_index")).filter(|span| *span != (0, 0));
    Some(Citation { url: told("url"), title: told("title"), quote: told("content"), span })
}

/// A citation as an annotation; `None` if it names no address, which the form cannot do without.
pub(super) fn write_annotation(citation: &Citation, chars_before: u64) -> Option<String> {
    let url = citation.url.as_deref()?;
    let (start, end) = citation.span.map_or((0, 0), |(start, end)| {
        (start.saturating_add(chars_before), end.saturating_add(chars_before))
    });
    let mut inner = ObjectText::new();
    inner.whole("end_index", end).whole("start_index", start);
    inner.text("title", citation.title.as_deref().unwrap_or_default()).text("url", url);
    inner.text_if("content", citation.quote.as_deref());
    let mut annotation = ObjectText::new();
    annotation.text("type", "url_citation").raw("url_citation", &inner.end());
    Some(annotation.end())
}

/// One element of `search_results`.
pub(super) fn read_search_result(found: &RawValue) -> Option<SearchResult> {
    let pairs = object(found)?;
    let told = |name| get_text(&pairs, name).filter(|text| !text.is_empty()).map(Box::from);
    Some(SearchResult {
        url: told("url")?,
        title: told("title"),
        snippet: told("snippet"),
        date: told("date"),
    })
}

/// `citations` and `search_results` as Perplexity tells them, the values of both members.
pub(super) fn write_search_results(results: &[SearchResult]) -> (String, String) {
    let quoted = |text: &str| {
        let mut written = String::new();
        push_quoted(&mut written, text);
        written
    };
    let urls: Vec<String> = results.iter().map(|found| quoted(&found.url)).collect();
    let whole: Vec<String> = results
        .iter()
        .map(|found| {
            let mut object = ObjectText::new();
            object.text("title", found.title.as_deref().unwrap_or_default());
            object.text("url", &found.url);
            object.text_if("date", found.date.as_deref());
            object.text_if("snippet", found.snippet.as_deref());
            object.end()
        })
        .collect();
    (array(&urls), array(&whole))
}

/// A medium at an address, or inside a `data:` URL.
pub(super) fn media_at(kind: MediaKind, url: &str) -> Media {
    let media = |source, mime: Option<&str>| Media {
        kind,
        source,
        mime: mime.filter(|mime| !mime.is_empty()).map(Box::from),
        name: None,
        detail: None,
        cache: None,
    };
    match split_data_url(url) {
        Some((mime, data)) => media(MediaSource::Base64(data.into()), Some(mime)),
        None => media(MediaSource::Url(url.into()), None),
    }
}

fn split_data_url(url: &str) -> Option<(&str, &str)> {
    let scheme = url.get(..5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let (head, data) = url.get(5..)?.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    Some((head.split(';').next().unwrap_or_default(), data))
}

/// Base64 as a `data:` URL.
pub(super) fn data_url(mime: &str, data: &str) -> String {
    format!("data:{mime};base64,{data}")
}

/// The words and the proof in one element of OpenRouter's `reasoning_details`. The proof's data is
/// the whole element without its words, so that it goes back as it came.
pub(super) fn read_reasoning_detail(detail: &RawValue) -> Option<(String, Option<Proof>)> {
    let pairs = object(detail)?;
    let words = get_text(&pairs, "text").or_else(|| get_text(&pairs, "summary"));
    let told = |name| get_text(&pairs, name).filter(|text| !text.is_empty());
    let proof = |kind| Proof {
        dialect: Dialect::OpenAiChat,
        kind,
        id: told("id").map(Box::from),
        data: without_member(detail.get(), "text").into(),
    };
    let proof = if told("data").is_some() {
        Some(proof(ProofKind::Sealed))
    } else {
        told("signature").map(|_| proof(ProofKind::Signature))
    };
    Some((words.unwrap_or_default().into_owned(), proof))
}

/// The element of `reasoning_details` that a proof was read from, with the words of the thinking.
pub(super) fn write_reasoning_detail(proof: &Proof, words: &str) -> Option<String> {
    let inner = proof.data.trim().strip_prefix('{')?;
    if proof.dialect != Dialect::OpenAiChat {
        return None;
    }
    if proof.kind == ProofKind::Sealed || words.is_empty() {
        return Some(proof.data.to_string());
    }
    let mut detail = String::from("{\"text\":");
    push_quoted(&mut detail, words);
    detail.push_str(if inner.trim_start().starts_with('}') { "" } else { "," });
    detail.push_str(inner);
    Some(detail)
}

fn without_member(object: &str, name: &str) -> String {
    let text = object.as_bytes();
    let kept: Vec<String> = members(text)
        .into_iter()
        .filter(|member| !member.is_named(text, name))
        .filter_map(|member| {
            let (name, value) = (object.get(member.name)?, object.get(member.value)?);
            Some(format!("{name}:{value}"))
        })
        .collect();
    format!("{{{}}}", kept.join(","))
}

/// `logprobs` of a choice: those of its text, then those of its refusal. `lost` gets the bytes,
/// which the internal form does not keep.
pub(super) fn read_logprobs(logprobs: &RawValue, lost: &mut Vec<Loss>) -> Vec<LogProb> {
    let Some(pairs) = object(logprobs) else { return Vec::new() };
    let mut read = Vec::new();
    for name in ["content", "refusal"] {
        let tokens = get(&pairs, name).and_then(elements).unwrap_or_default();
        for token in tokens.into_iter().filter_map(object) {
            let alternatives = get(&token, "top_logprobs").and_then(elements).unwrap_or_default();
            let top = alternatives.into_iter().filter_map(object).filter_map(|pairs| one(&pairs));
            if let Some((word, logprob)) = one(&token) {
                read.push(LogProb { token: word, logprob, top: top.collect() });
            }
            if get(&token, "bytes").is_some_and(|bytes| bytes.get() != "null") {
                lost.push(Loss::dropped("logprobs.bytes"));
            }
        }
    }
    lost.dedup();
    read
}

fn one(pairs: &[super::raw::Pair<'_>]) -> Option<(String, f64)> {
    let logprob = get(pairs, "logprob").and_then(read_number)?;
    Some((get(pairs, "token").and_then(text)?.into_owned(), logprob))
}

/// `logprobs` of a choice. The bytes of a token are not known to us, and null says so.
pub(super) fn write_logprobs(logprobs: &[LogProb]) -> String {
    if logprobs.is_empty() {
        return "null".to_owned();
    }
    let one = |token: &str, logprob: f64| {
        let mut object = ObjectText::new();
        object.text("token", token).raw("logprob", &shortest(logprob)).raw("bytes", "null");
        object
    };
    let tokens: Vec<String> = logprobs
        .iter()
        .map(|told| {
            let top: Vec<String> =
                told.top.iter().map(|(token, logprob)| one(token, *logprob).end()).collect();
            let mut object = one(&told.token, told.logprob);
            object.list("top_logprobs", &top);
            object.end()
        })
        .collect();
    format!(r#"{{"content":{},"refusal":null}}"#, array(&tokens))
}
