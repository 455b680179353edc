//! What whole answers and chunks say in the same words: why the model stopped, tool calls, media.

use domain::{Finish, Losses, Media, MediaKind, MediaSource};

use super::shared::data_url;
use crate::object::ObjectText;

/// A finish in OpenAI's words, and beside it what they leave out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FinishWords {
    pub(super) word: &'static str,
    /// The provider's own reason, as OpenRouter tells it.
    pub(super) native: Option<Box<str>>,
    /// The stop string that was met, as vLLM tells it.
    pub(super) stop_reason: Option<Box<str>>,
}

impl FinishWords {
    /// Strict clients refuse words that OpenAI does not know. `called` is true if the answer asks
    /// for tools, `refused` if it declines in words.
    pub(super) fn of(
        finish: Option<&Finish>,
        (called, refused): (bool, bool),
        losses: &mut Losses,
    ) -> Self {
        let word = |word| Self { word, ..Self::default() };
        match finish {
            None | Some(Finish::Stop) => word(if called { "tool_calls" } else { "stop" }),
            Some(Finish::StopSequence(met)) => Self {
                stop_reason: Some(met.clone()).filter(|met| !met.is_empty()),
                ..word("stop")
            },
            Some(Finish::Length) => word("length"),
            Some(Finish::ToolCalls) => word("tool_calls"),
            Some(Finish::ContentFilter(reason)) => Self {
                native: Some(reason.clone()).filter(|reason| !reason.is_empty()),
                ..word("content_filter")
            },
            // Words that decline are an answer; without them something is missing.
            Some(Finish::Refusal) if refused => word("stop"),
            Some(Finish::Refusal) => {
                losses.approximated("stop_reason");
                Self { native: Some("refusal".into()), ..word("content_filter") }
            }
            Some(Finish::Paused) => {
                losses.approximated("stop_reason");
                Self { native: Some("pause_turn".into()), ..word("stop") }
            }
            Some(Finish::Other(other)) => {
                losses.approximated("stop_reason");
                Self { native: Some(other.clone()), ..word("stop") }
            }
        }
    }

    /// Adds the members to a choice.
    pub(super) fn write(&self, choice: &mut ObjectText) {
        choice.text("finish_reason", self.word);
        choice.text_if("native_finish_reason", self.native.as_deref());
        choice.text_if("stop_reason", self.stop_reason.as_deref());
    }
}

/// The beginning of a tool call, with its arguments or without.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallHead<'a> {
    /// Its number, in a stream.
    pub(super) index: Option<usize>,
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) free_text: bool,
    pub(super) signature: Option<&'a str>,
}

impl CallHead<'_> {
    pub(super) fn write(&self, arguments: &str) -> String {
        let (kind, member) =
            if self.free_text { ("custom", "input") } else { ("function", "arguments") };
        let mut inner = ObjectText::new();
        inner.text("name", self.name).text(member, arguments);
        let mut call = ObjectText::new();
        if let Some(index) = self.index {
            call.raw("index", &index.to_string());
        }
        call.text("id", self.id).text("type", kind).raw(kind, &inner.end());
        if let Some(signature) = self.signature {
            let mut google = ObjectText::new();
            google.text("thought_signature", signature);
            let mut extra = ObjectText::new();
            extra.raw("google", &google.end());
            call.raw("extra_content", &extra.end());
        }
        call.end()
    }
}

/// The id of a call whose provider gave none.
pub(super) fn call_id(id: &str, answer: &str, choice: usize, number: usize) -> String {
    if id.is_empty() { format!("call_{answer}_{choice}_{number}") } else { id.to_owned() }
}

/// A drawn image as OpenRouter shows it.
pub(super) fn image(media: &Media) -> Option<String> {
    let url = match (&media.kind, &media.source) {
        (MediaKind::Image, MediaSource::Url(url)) => url.to_string(),
        (MediaKind::Image, MediaSource::Base64(data)) => {
            data_url(media.mime.as_deref().unwrap_or("image/png"), data)
        }
        _ => return None,
    };
    let mut inner = ObjectText::new();
    inner.text("url", &url);
    let mut image = ObjectText::new();
    image.text("type", "image_url").raw("image_url", &inner.end());
    Some(image.end())
}

/// A spoken answer; its words are the answer's text.
pub(super) fn audio(media: &Media, answer: &str) -> Option<String> {
    let (MediaKind::Audio, MediaSource::Base64(data)) = (&media.kind, &media.source) else {
        return None;
    };
    let id = media.name.as_deref().map_or_else(|| format!("audio_{answer}"), str::to_owned);
    let mut audio = ObjectText::new();
    audio.text("id", &id).text("data", data).whole("expires_at", 0).text("transcript", "");
    Some(audio.end())
}
