//! Writes whole answers, and the pieces that whole and streamed answers share.

use bytes::Bytes;
use domain::{
    Choice, Citation, Completion, Content, Dialect, Finish, Loss, Losses, ProofKind, Reply,
    SearchResult, Text, Thinking, ToolCall, Usage,
};
use serde_json::value::RawValue;

use super::ours;
use super::turns::text_block;
use crate::form::{Envelope, Written};
use crate::json::quoted;
use crate::object::ObjectText;

/// A whole answer: a message, or a count of tokens.
pub(super) fn write_whole(reply: &Reply, envelope: &Envelope) -> Written {
    let mut losses = Losses::default();
    let body = match reply {
        Reply::Completion(completion) => write_message(completion, envelope, &mut losses),
        Reply::InputTokens { count, .. } => format!(r#"{{"input_tokens":{count}}}"#),
        Reply::Embeddings(_) => {
            losses.dropped("embeddings");
            r#"{"type":"error","error":{"type":"api_error","message":"this dialect has no vectors"}}"#
                .to_owned()
        }
    };
    Written { body: Bytes::from(body), losses }
}

fn write_message(completion: &Completion, envelope: &Envelope, losses: &mut Losses) -> String {
    if completion.choices.len() > 1 {
        losses.dropped("n");
    }
    let none = Choice::default();
    let choice = completion.choices.first().unwrap_or(&none);
    if !choice.logprobs.is_empty() {
        losses.dropped("logprobs");
    }
    let filtered = matches!(choice.finish, Some(Finish::ContentFilter(_) | Finish::Refusal));
    let mut writer = Blocks { id: &envelope.id, blocks: Vec::new(), calls: 0, searches: 0 };
    let mut words = String::new();
    let mut refused = false;
    for part in &choice.content {
        match part {
            Content::Refusal(text) => {
                refused = true;
                words.push_str(text);
            }
            part => writer.take(part, losses),
        }
    }
    if !filtered && !words.trim().is_empty() {
        writer.blocks.push(text_block(&words));
    }
    let ending = Ending {
        finish: choice.finish.as_ref(),
        called: writer.calls > 0,
        refused,
        words: if filtered { &words } else { "" },
    };
    let stop = ended(&ending, losses);
    let usage = completion.usage.unwrap_or_default();
    let mut object = ObjectText::new();
    object
        .text("id", &format!("msg_{}", envelope.id))
        .text("type", "message")
        .text("role", "assistant")
        .text("model", &envelope.model)
        .list("content", &writer.blocks);
    write_stop(&mut object, &stop);
    object.raw("usage", &write_usage(&usage)).end()
}

/// The blocks of a whole answer.
struct Blocks<'a> {
    id: &'a str,
    blocks: Vec<String>,
    calls: u32,
    searches: u32,
}

impl Blocks<'_> {
    fn take(&mut self, part: &Content, losses: &mut Losses) {
        match part {
            Content::Text(text) => self.blocks.extend(cited_texts(text, losses)),
            Content::Thinking(thinking) => self.blocks.extend(write_thinking(thinking, losses)),
            Content::ToolCall(call) => {
                let block = self.call(call, losses);
                self.blocks.push(block);
            }
            Content::SearchResults(results) => {
                self.blocks.extend(search_blocks(self.id, self.searches, results, losses));
                self.searches += 1;
            }
            Content::Foreign(foreign) if foreign.dialect == Dialect::Anthropic => {
                self.blocks.push(foreign.json.as_str().to_owned());
            }
            Content::Foreign(foreign) => {
                losses.add(Loss::unmapped(&format!("content.{}", foreign.kind)));
            }
            Content::Media(_) => losses.dropped("content.media"),
            Content::ToolResult(_) => losses.dropped("content.tool_result"),
            Content::Refusal(text) => self.blocks.push(text_block(text)),
        }
    }

    fn call(&mut self, call: &ToolCall, losses: &mut Losses) -> String {
        if call.signature.is_some() {
            losses.dropped("thought_signature");
        }
        let id = if call.id.is_empty() {
            format!("toolu_{}_{}", self.id, self.calls)
        } else {
            call.id.to_string()
        };
        self.calls += 1;
        let text = call.arguments.trim();
        let input = if call.free_text {
            losses.approximated("tools.custom");
            ObjectText::new().text("input", &call.arguments).end()
        } else if text.is_empty() {
            "{}".to_owned()
        } else if text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok() {
            text.to_owned()
        } else {
            losses.approximated("tool_calls.arguments");
            ObjectText::new().text("arguments", &call.arguments).end()
        };
        ObjectText::of("tool_use")
            .text("id", &id)
            .text("name", &call.name)
            .raw("input", &input)
            .end()
    }
}

/// A text as blocks: those parts of it that citations belong to stand by themselves.
fn cited_texts(text: &Text, losses: &mut Losses) -> Vec<String> {
    let mut citations: Vec<(Option<(u64, u64)>, String)> = Vec::new();
    for citation in &text.citations {
        citations.extend(web_citation(citation, losses).map(|written| (citation.span, written)));
    }
    let chars = u64::try_from(text.text.chars().count()).unwrap_or(u64::MAX);
    // Only parts that follow each other can be told apart; others go to the whole text.
    let mut spans: Vec<(u64, u64)> = citations.iter().filter_map(|(span, _)| *span).collect();
    spans.sort_unstable();
    spans.dedup();
    let apart = spans.iter().zip(spans.iter().skip(1)).all(|(one, next)| one.1 <= next.0)
        && spans.iter().all(|(start, end)| start < end && *end <= chars)
        && citations.iter().all(|(span, _)| span.is_some());
    let whole = (0, chars);
    if !apart {
        spans = vec![whole];
    }
    let mut blocks = Vec::new();
    let mut done = 0;
    for span in spans {
        blocks.extend(text_with(&text.text, (done, span.0), &[]));
        let own: Vec<&str> = citations
            .iter()
            .filter(|(place, _)| !apart || *place == Some(span))
            .map(|(_, written)| written.as_str())
            .collect();
        blocks.extend(text_with(&text.text, span, &own));
        done = span.1;
    }
    blocks.extend(text_with(&text.text, (done, chars), &[]));
    blocks
}

/// The block of some characters of a text; nothing if there are none and nothing is attached.
fn text_with(text: &str, (start, end): (u64, u64), citations: &[&str]) -> Option<String> {
    let index = |chars: u64| usize::try_from(chars).unwrap_or(usize::MAX);
    let (start, count) = (index(start), index(end.saturating_sub(start)));
    let part: String = text.chars().skip(start).take(count).collect();
    if part.is_empty() && citations.is_empty() {
        return None;
    }
    Some(ObjectText::of("text").text("text", &part).list_if("citations", citations).end())
}

fn write_thinking(thinking: &Thinking, losses: &mut Losses) -> Option<String> {
    let signature = match &thinking.proof {
        Some(proof) if proof.dialect == Dialect::Anthropic => match proof.kind {
            ProofKind::Signature => &*proof.data,
            ProofKind::Sealed => {
                return Some(ObjectText::of("redacted_thinking").text("data", &proof.data).end());
            }
        },
        Some(_) => {
            losses.dropped("thinking.signature");
            ours::MARK
        }
        None => ours::MARK,
    };
    if thinking.text.is_empty() && signature == ours::MARK {
        return None;
    }
    let mut object = ObjectText::of("thinking");
    Some(object.text("thinking", &thinking.text).text("signature", signature).end())
}

/// A citation of something that has an address; others have no form here.
pub(super) fn web_citation(citation: &Citation, losses: &mut Losses) -> Option<String> {
    let Some(url) = &citation.url else {
        losses.dropped("citations");
        return None;
    };
    let mut object = ObjectText::of("web_search_result_location");
    object.text("url", url);
    match &citation.title {
        Some(title) => object.text("title", title),
        None => object.raw("title", "null"),
    };
    let quote = citation.quote.as_deref().unwrap_or_default();
    Some(object.text("encrypted_index", ours::MARK).text("cited_text", quote).end())
}

/// Another provider's search as if it were Anthropic's: the call of the search, and its result.
pub(super) fn search_blocks(
    id: &str,
    number: u32,
    results: &[SearchResult],
    losses: &mut Losses,
) -> [String; 2] {
    let id = format!("{}{id}_{number}", ours::SEARCH_ID);
    let list: Vec<String> = results
        .iter()
        .map(|result| {
            if result.snippet.is_some() {
                losses.dropped("search_results.snippet");
            }
            let title = result.title.as_deref().unwrap_or(&result.url);
            let age = result.date.as_deref().map_or("null".to_owned(), quoted);
            ObjectText::of("web_search_result")
                .text("url", &result.url)
                .text("title", title)
                .text("encrypted_content", ours::MARK)
                .raw("page_age", &age)
                .end()
        })
        .collect();
    let mut call = ObjectText::of("server_tool_use");
    call.text("id", &id).text("name", "web_search").raw("input", "{}");
    let mut result = ObjectText::of("web_search_tool_result");
    result.text("tool_use_id", &id).list("content", &list);
    [call.end(), result.end()]
}

/// How an answer ended, as far as it was told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<'a> {
    pub(super) finish: Option<&'a Finish>,
    /// Tools were called.
    pub(super) called: bool,
    /// Words of a refusal came.
    pub(super) refused: bool,
    /// Those words, if they are not in the text.
    pub(super) words: &'a str,
}

/// The stop in Anthropic's words.
#[derive(Debug, Default)]
pub(super) struct StopWords {
    reason: &'static str,
    sequence: Option<String>,
    details: Option<String>,
}

/// Clients run tools if the reason says so and not otherwise, so calls make it say so.
pub(super) fn ended(ending: &Ending<'_>, losses: &mut Losses) -> StopWords {
    let plain = |reason| StopWords { reason, ..StopWords::default() };
    let details = |category: &str| {
        let category = if category.is_empty() { "null".to_owned() } else { quoted(category) };
        let words = ending.words;
        let explanation = if words.is_empty() { "null".to_owned() } else { quoted(words) };
        let known = category != "null" || explanation != "null";
        known.then(|| {
            let mut object = ObjectText::of("refusal");
            object.raw("category", &category).raw("explanation", &explanation).end()
        })
    };
    match ending.finish {
        Some(Finish::ContentFilter(reason)) => {
            StopWords { details: details(reason), ..plain("refusal") }
        }
        Some(Finish::Refusal) => StopWords { details: details(""), ..plain("refusal") },
        Some(Finish::Length) => plain("max_tokens"),
        Some(Finish::Paused) => plain("pause_turn"),
        Some(Finish::StopSequence(stop)) => {
            let sequence = (!stop.is_empty()).then(|| stop.to_string());
            StopWords { sequence, ..plain("stop_sequence") }
        }
        Some(Finish::ToolCalls) => plain("tool_use"),
        Some(Finish::Stop | Finish::Other(_)) | None => {
            if matches!(ending.finish, Some(Finish::Other(_))) {
                losses.approximated("finish_reason");
            }
            plain(match (ending.called, ending.refused) {
                (true, _) => "tool_use",
                (false, true) => "refusal",
                (false, false) => "end_turn",
            })
        }
    }
}

/// Adds the members of the stop.
pub(super) fn write_stop(object: &mut ObjectText, stop: &StopWords) {
    let sequence = stop.sequence.as_deref().map_or("null".to_owned(), quoted);
    object.text("stop_reason", stop.reason).raw("stop_sequence", &sequence);
    object.raw_if("stop_details", stop.details.as_deref());
}

/// The counts in Anthropic's form: cached tokens stand beside the input.
pub(super) fn write_usage(usage: &Usage) -> String {
    let mut object = ObjectText::new();
    object
        .whole("input_tokens", usage.input_uncached)
        .whole("cache_creation_input_tokens", usage.cache_write)
        .whole("cache_read_input_tokens", usage.cache_read)
        .whole("output_tokens", usage.output);
    if usage.reasoning == 0 {
        return object.end();
    }
    let details = format!(r#"{{"thinking_tokens":{}}}"#, usage.reasoning);
    object.raw("output_tokens_details", &details).end()
}
