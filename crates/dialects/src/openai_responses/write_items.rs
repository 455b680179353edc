//! Writes turns as the items of a request's input.

use std::collections::{BTreeMap, VecDeque};

use domain::{
    Content, Foreign, Loss, Losses, Media, MediaKind, MediaSource, Role, Text, Thinking, ToolCall,
    ToolResult, Turn,
};

use super::item::own_foreign;
use super::output::{self, media_name};
use crate::form::Vendor;
use crate::json::quoted;
use crate::object::{ObjectText, array};

/// The longest id of a call that OpenAI takes.
const CALL_ID_BYTES_MAX: usize = 64;
/// What a tool said where nothing of it can be told.
const UNTELLABLE: &str = "The tool gave something that cannot be shown here.";

/// The items as they grow.
pub(super) struct Items<'a> {
    vendor: Vendor,
    losses: &'a mut Losses,
    written: Vec<String>,
    /// Calls of tools that take free text, by their written ids.
    free_text: BTreeMap<String, ()>,
    /// Ids that were made for calls without one, by the tool's name, until they are answered.
    made: BTreeMap<Box<str>, VecDeque<String>>,
    made_count: usize,
}

impl<'a> Items<'a> {
    pub(super) fn new(vendor: Vendor, losses: &'a mut Losses) -> Self {
        Self {
            vendor,
            losses,
            written: Vec::new(),
            free_text: BTreeMap::new(),
            made: BTreeMap::new(),
            made_count: 0,
        }
    }

    /// The items as an array.
    pub(super) fn end(self) -> String {
        array(&self.written)
    }

    /// Adds one turn: a message for each run of text and media, an item for everything else.
    pub(super) fn add(&mut self, turn: &Turn) {
        if turn.name.is_some() {
            self.losses.dropped("name");
        }
        let role = match turn.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let mut parts = Vec::new();
        for content in &turn.content {
            match content {
                Content::Text(text) => parts.push(self.text_part(text, role)),
                Content::Refusal(text) => parts.push(self.refusal_part(text, role)),
                Content::Media(media) => parts.extend(self.media_part(media, role)),
                Content::Foreign(foreign) if is_part(foreign) => {
                    parts.extend(self.foreign(content, foreign));
                }
                item => {
                    self.close_message(role, &mut parts);
                    self.add_item(item);
                }
            }
        }
        self.close_message(role, &mut parts);
    }

    fn close_message(&mut self, role: &str, parts: &mut Vec<Part>) {
        let parts = std::mem::take(parts);
        let content = match parts.as_slice() {
            [] => return,
            // The one form of a message that all servers take.
            [Part { plain: Some(text), .. }] => quoted(text),
            many => array(&many.iter().map(|part| part.json.clone()).collect::<Vec<_>>()),
        };
        let item = ObjectText::of("message").text("role", role).raw("content", &content).end();
        self.written.push(item);
    }

    fn text_part(&mut self, text: &Text, role: &str) -> Part {
        if text.cache.is_some() {
            self.losses.dropped("cache_control");
        }
        if role != "assistant" || self.vendor == Vendor::Perplexity {
            if !text.citations.is_empty() {
                self.losses.dropped("citations");
            }
            let json = ObjectText::of("input_text").text("text", &text.text).end();
            return Part { json, plain: Some(text.text.clone()) };
        }
        let chars = u64::try_from(text.text.chars().count()).unwrap_or(u64::MAX);
        let cited = text.citations.iter();
        let annotations: Vec<String> =
            cited.filter_map(|cited| output::citation(cited, chars, self.losses)).collect();
        let json = ObjectText::of("output_text")
            .text("text", &text.text)
            .list("annotations", &annotations)
            .end();
        let plain = annotations.is_empty().then(|| text.text.clone());
        Part { json, plain }
    }

    fn refusal_part(&mut self, text: &str, role: &str) -> Part {
        if role == "assistant" && self.vendor != Vendor::Perplexity {
            return Part { json: output::refusal_part(text), plain: None };
        }
        self.losses.approximated("refusal");
        let json = ObjectText::of("input_text").text("text", text).end();
        Part { json, plain: Some(text.to_owned()) }
    }

    fn media_part(&mut self, media: &Media, role: &str) -> Option<Part> {
        if media.cache.is_some() {
            self.losses.dropped("cache_control");
        }
        let written = match role {
            // What the assistant said has text in it and nothing else.
            "assistant" => None,
            _ => write_media(media, self.vendor),
        };
        if written.is_none() {
            self.losses.dropped(media_name(media.kind));
        } else if let (MediaKind::Document, MediaSource::Text(_)) = (media.kind, &media.source) {
            self.losses.approximated("document");
        }
        written.map(|json| Part { json, plain: None })
    }

    fn foreign(&mut self, content: &Content, foreign: &Foreign) -> Option<Part> {
        let own = own_foreign(content).filter(|_| self.vendor != Vendor::Perplexity);
        if own.is_none() {
            self.losses.add(Loss::unmapped(&foreign.kind));
        }
        own.map(|own| Part { json: own.json.as_str().to_owned(), plain: None })
    }

    fn add_item(&mut self, content: &Content) {
        match content {
            Content::Thinking(thinking) => self.add_thinking(thinking),
            Content::ToolCall(call) => self.add_call(call),
            Content::ToolResult(result) => self.add_result(result),
            Content::SearchResults(_) => self.losses.dropped("search_results"),
            Content::Foreign(foreign) => {
                let own = self.foreign(content, foreign);
                self.written.extend(own.map(|own| own.json));
            }
            Content::Text(_) | Content::Refusal(_) | Content::Media(_) => {}
        }
    }

    /// Thinking goes back only to whom it came from, who knows it by its seal.
    fn add_thinking(&mut self, thinking: &Thinking) {
        let proof = thinking.proof.as_ref().filter(|_| self.vendor != Vendor::Perplexity);
        let sealed = proof.and_then(|proof| output::sealed(proof, self.losses));
        let (Some(sealed), Some(proof)) = (sealed, proof) else {
            self.losses.dropped("thinking");
            return;
        };
        let item = ObjectText::of("reasoning")
            .text_if("id", proof.id.as_deref())
            .raw("summary", &output::summary(&thinking.text))
            .text("encrypted_content", sealed)
            .end();
        self.written.push(item);
    }

    fn add_call(&mut self, call: &ToolCall) {
        if call.signature.is_some() {
            self.losses.dropped("thought_signature");
        }
        let call_id = if call.id.is_empty() {
            let made = format!("call_{}", self.made_count);
            self.made_count += 1;
            self.made.entry(call.name.clone()).or_default().push_back(made.clone());
            made
        } else {
            bounded_id(&call.id)
        };
        let free_text = call.free_text && self.vendor != Vendor::Perplexity;
        if call.free_text && !free_text {
            self.losses.approximated("custom_tool_call");
        }
        let item = if free_text {
            self.free_text.insert(call_id.clone(), ());
            ObjectText::of("custom_tool_call")
                .text("call_id", &call_id)
                .text("name", &call.name)
                .text("input", &call.arguments)
                .end()
        } else {
            let arguments = match &*call.arguments {
                text if call.free_text => ObjectText::new().text("input", text).end(),
                "" => "{}".to_owned(),
                arguments => arguments.to_owned(),
            };
            ObjectText::of("function_call")
                .text("call_id", &call_id)
                .text("name", &call.name)
                .text("arguments", &arguments)
                .end()
        };
        self.written.push(item);
    }

    fn add_result(&mut self, result: &ToolResult) {
        if result.is_error {
            self.losses.approximated("tool_result.is_error");
        }
        if result.cache.is_some() {
            self.losses.dropped("cache_control");
        }
        let call_id = if result.id.is_empty() {
            self.answered(result.name.as_deref())
        } else {
            bounded_id(&result.id)
        };
        let kind = match self.free_text.contains_key(&call_id) {
            true => "custom_tool_call_output",
            false => "function_call_output",
        };
        let output = if result.is_error {
            self.write_output(&as_error(&result.content))
        } else {
            self.write_output(&result.content)
        };
        let item = ObjectText::of(kind).text("call_id", &call_id).raw("output", &output).end();
        self.written.push(item);
    }

    /// The oldest id that was made for a call of this tool and is not answered yet.
    fn answered(&mut self, name: Option<&str>) -> String {
        let mut take = |name: &str| self.made.get_mut(name).and_then(VecDeque::pop_front);
        let own = name.and_then(&mut take);
        own.or_else(|| self.made.values_mut().find_map(VecDeque::pop_front))
            .unwrap_or_else(|| "call_unknown".to_owned())
    }

    fn write_output(&mut self, content: &[Content]) -> String {
        let mut parts: Vec<Part> = Vec::with_capacity(content.len());
        for content in content {
            match content {
                Content::Text(text) => parts.push(self.text_part(text, "tool")),
                Content::Media(media) if self.vendor == Vendor::Perplexity => {
                    self.losses.dropped(media_name(media.kind));
                }
                Content::Media(media) => parts.extend(self.media_part(media, "tool")),
                Content::Foreign(foreign) => parts.extend(self.foreign(content, foreign)),
                Content::Refusal(text) => parts.push(self.refusal_part(text, "tool")),
                Content::SearchResults(_) => self.losses.dropped("search_results"),
                Content::Thinking(_) => self.losses.dropped("thinking"),
                Content::ToolCall(_) | Content::ToolResult(_) => {
                    self.losses.dropped("tool_result");
                }
            }
        }
        match parts.as_slice() {
            [] if content.is_empty() => "\"\"".to_owned(),
            // A call must be answered, and an empty text would be a lie.
            [] => quoted(UNTELLABLE),
            [Part { plain: Some(text), .. }] => quoted(text),
            many if self.vendor == Vendor::Perplexity => {
                let texts: Vec<&str> = many.iter().filter_map(|p| p.plain.as_deref()).collect();
                quoted(&texts.join("\n"))
            }
            many => array(&many.iter().map(|part| part.json.clone()).collect::<Vec<_>>()),
        }
    }
}

/// A part of a message.
struct Part {
    json: String,
    /// The text, if nothing else is in it.
    plain: Option<String>,
}

/// A part of this dialect belongs into a message; everything else is an item by itself.
fn is_part(foreign: &Foreign) -> bool {
    let kind = &foreign.kind;
    kind.starts_with("input_") || kind.starts_with("output_") || &**kind == "computer_screenshot"
}

/// What a failed tool returned, with a word that says so: there is no other place for it.
fn as_error(content: &[Content]) -> Vec<Content> {
    let mut told = content.to_vec();
    match told.first_mut() {
        Some(Content::Text(first)) => first.text.insert_str(0, "Error: "),
        None => told.push(Content::text("Error")),
        // A sentence of ours may stand for what cannot be shown.
        Some(_) => {}
    }
    told
}

/// An id of bearable length, the same for a call and its result.
fn bounded_id(id: &str) -> String {
    if id.len() <= CALL_ID_BYTES_MAX {
        return id.to_owned();
    }
    // FNV-1a: two long ids that begin alike must stay two.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let kept: String = id.chars().filter(char::is_ascii).take(CALL_ID_BYTES_MAX - 17).collect();
    format!("{kept}_{hash:016x}")
}

fn write_media(media: &Media, vendor: Vendor) -> Option<String> {
    let own_file = |dialect| dialect == domain::Dialect::OpenAiResponses;
    let mime = |usual: &str| media.mime.as_deref().unwrap_or(usual).to_owned();
    match (media.kind, &media.source) {
        (MediaKind::Image, source) => {
            let mut image = ObjectText::of("input_image");
            match source {
                MediaSource::Url(url) => image.text("image_url", url),
                MediaSource::Base64(data) => {
                    image.text("image_url", &format!("data:{};base64,{data}", mime("image/png")))
                }
                MediaSource::File(dialect, id)
                    if own_file(*dialect) && vendor != Vendor::Perplexity =>
                {
                    image.text("file_id", id)
                }
                MediaSource::File(..) | MediaSource::Text(_) => return None,
            };
            let detail = media.detail.as_deref().filter(|_| vendor != Vendor::Perplexity);
            Some(image.text_if("detail", detail).end())
        }
        _ if vendor == Vendor::Perplexity => None,
        (MediaKind::Document, source) => {
            let mut file = ObjectText::of("input_file");
            let name = media.name.as_deref();
            match source {
                MediaSource::Url(url) => file.text("file_url", url),
                MediaSource::Base64(data) => {
                    let data = format!("data:{};base64,{data}", mime("application/pdf"));
                    // Bytes without a name are refused.
                    file.text("filename", name.unwrap_or("document.pdf")).text("file_data", &data)
                }
                MediaSource::File(dialect, id) if own_file(*dialect) => file.text("file_id", id),
                MediaSource::File(..) => return None,
                MediaSource::Text(text) => {
                    let title = name.map_or(String::new(), |name| format!("{name}\n\n"));
                    return Some(ObjectText::of("input_text").text("text", &(title + text)).end());
                }
            };
            Some(file.end())
        }
        (MediaKind::Audio, MediaSource::Base64(data)) => {
            let format = match media.mime.as_deref() {
                Some("audio/mpeg" | "audio/mp3") => "mp3",
                Some("audio/wav" | "audio/x-wav" | "audio/wave") => "wav",
                _ => return None,
            };
            let audio = ObjectText::new().text("data", data).text("format", format).end();
            Some(ObjectText::of("input_audio").raw("input_audio", &audio).end())
        }
        (MediaKind::Audio | MediaKind::Video, _) => None,
    }
}
