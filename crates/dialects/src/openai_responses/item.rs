//! Reads one item of an answer's output. Items that the provider's own tools leave behind have a
//! counterpart only where they are searches or images.

use domain::{
    Content, Dialect, LogProb, Loss, Losses, Media, MediaKind, MediaSource, SearchResult, Text,
    Thinking, ToolCall,
};
use serde_json::value::RawValue;

use super::input::{read_proof, read_thoughts};
use super::parts::{Part, foreign, names_a_file, read_citations, read_logprobs};
use crate::raw::{elements, object, raw_members, text, word};

/// Findings kept of one search.
const RESULTS_MAX: usize = 256;

raw_members! {
    /// An item of the output.
    Output {
        kind = "type",
        id = "id",
        content = "content",
        call_id = "call_id",
        name = "name",
        arguments = "arguments",
        input = "input",
        summary = "summary",
        encrypted_content = "encrypted_content",
        results = "results",
        contents = "contents",
        action = "action",
        result = "result",
        output_format = "output_format",
    }
}

raw_members! {
    /// One finding of a search.
    Finding { url = "url", title = "title", snippet = "snippet", date = "date" }
}

raw_members! {
    /// What a search did.
    Action { sources = "sources" }
}

/// What one item says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) content: Vec<Content>,
    pub(super) logprobs: Vec<LogProb>,
}

/// Reads an item; an unknown one stays as it is.
pub(super) fn read_item(raw: &RawValue, losses: &mut Losses) -> Said {
    let item = object::<Output<'_>>(raw).unwrap_or_default();
    let kind = word(item.kind).unwrap_or_default();
    let mut said = Said::default();
    match kind.as_ref() {
        "message" => read_message(&item, &mut said, losses),
        "function_call" | "custom_tool_call" => {
            if let Some(call) = read_call(&item) {
                let known = ["status", "created_by"];
                let rest = item.rest.iter().filter(|name| !known.contains(&name.as_ref()));
                rest.for_each(|name| losses.add(Loss::unmapped(name)));
                said.content.push(Content::ToolCall(call));
            }
        }
        "reasoning" => {
            let text = read_thoughts(item.summary, item.content);
            let proof = read_proof(item.encrypted_content, item.id);
            if !text.is_empty() || proof.is_some() {
                said.content.push(Content::Thinking(Thinking { text, proof }));
            }
        }
        "search_results" | "fetch_url_results" | "web_search_call" => match read_results(&item) {
            results if results.is_empty() => said.content.push(as_it_is(&kind, raw)),
            results => said.content.push(Content::SearchResults(results)),
        },
        "image_generation_call" => match read_image(&item) {
            Some(image) => said.content.push(Content::Media(image)),
            None => said.content.push(as_it_is(&kind, raw)),
        },
        other => said.content.push(as_it_is(other, raw)),
    }
    said
}

fn as_it_is(kind: &str, raw: &RawValue) -> Content {
    Content::Foreign(foreign(kind, raw))
}

fn read_message(item: &Output<'_>, said: &mut Said, losses: &mut Losses) {
    if item.rest.iter().any(|name| name.as_ref() == "phase") {
        losses.dropped("phase");
    }
    for raw in item.content.and_then(elements).unwrap_or_default() {
        let part = object::<Part<'_>>(raw).unwrap_or_default();
        match word(part.kind).as_deref() {
            Some("output_text" | "text") => {
                let words = part.text.and_then(text).unwrap_or_default().into_owned();
                let citations = part.annotations.map(read_citations).unwrap_or_default();
                if part.annotations.and_then(elements).is_some_and(|all| {
                    all.len() > citations.len() || all.into_iter().any(names_a_file)
                }) {
                    losses.approximated("annotations");
                }
                said.logprobs.extend(part.logprobs.map(read_logprobs).unwrap_or_default());
                if !words.is_empty() || !citations.is_empty() {
                    said.content.push(Content::Text(Text { text: words, citations, cache: None }));
                }
            }
            Some("refusal") => {
                let words = part.refusal.and_then(text).unwrap_or_default().into_owned();
                said.content.push(Content::Refusal(words));
            }
            other => losses.add(Loss::unmapped(other.unwrap_or("content"))),
        }
    }
}

/// A call that the caller is to run.
pub(super) fn read_call(item: &Output<'_>) -> Option<ToolCall> {
    let free_text = match word(item.kind)?.as_ref() {
        "function_call" => false,
        "custom_tool_call" => true,
        _ => return None,
    };
    let spelled = if free_text { item.input } else { item.arguments };
    let arguments =
        spelled.map(|raw| text(raw).map_or_else(|| raw.get().to_owned(), |text| text.into_owned()));
    Some(ToolCall {
        id: word(item.call_id).or_else(|| word(item.id)).unwrap_or_default().into(),
        name: word(item.name)?.into(),
        arguments: arguments.unwrap_or_default(),
        free_text,
        signature: None,
    })
}

fn read_results(item: &Output<'_>) -> Vec<SearchResult> {
    let sources = item.action.and_then(object::<Action<'_>>).and_then(|action| action.sources);
    let list = item.results.or(item.contents).or(sources).and_then(elements).unwrap_or_default();
    let read = list.into_iter().take(RESULTS_MAX).filter_map(|raw| {
        let finding = object::<Finding<'_>>(raw)?;
        let boxed = |raw: Option<&RawValue>| word(raw).map(Box::from);
        Some(SearchResult {
            url: boxed(finding.url)?,
            title: boxed(finding.title),
            snippet: boxed(finding.snippet),
            date: boxed(finding.date),
        })
    });
    read.collect()
}

fn read_image(item: &Output<'_>) -> Option<Media> {
    let result = word(item.result)?;
    let source = if result.starts_with("https://") || result.starts_with("http://") {
        MediaSource::Url(result.into())
    } else {
        MediaSource::Base64(result.into())
    };
    let format = word(item.output_format);
    let mime = format!("image/{}", format.as_deref().unwrap_or("png"));
    Some(Media {
        kind: MediaKind::Image,
        source,
        mime: Some(mime.into_boxed_str()),
        name: None,
        detail: None,
        cache: None,
    })
}

/// The dialect's own parts that `content` holds as they are.
pub(super) fn own_foreign(content: &Content) -> Option<&domain::Foreign> {
    match content {
        Content::Foreign(foreign) if foreign.dialect == Dialect::OpenAiResponses => Some(foreign),
        _ => None,
    }
}
