//! Writes a stream of chunks from events. Clients rely on its order: the role first, one choice's
//! finish in a chunk of its own, the usage at the end and only if it was asked for.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{Citation, Delta, Event, Finish, Losses, Media, Proof, SearchResult, Usage};

use super::reply::ID_PREFIX;
use super::said::{CallHead, FinishWords, audio, call_id, image};
use super::shared::{
    write_annotation, write_logprobs, write_reasoning_detail, write_search_results,
};
use super::usage::write_usage;
use super::write::write_stream_refusal;
use crate::Refusal;
use crate::form::{Envelope, StreamWriter};
use crate::media::media_word;
use crate::object::{ObjectText, push_number, push_quoted};

/// About the bytes that a chunk has around its head and its delta.
const CHUNK_BYTES: usize = 96;

/// Writes one answer.
#[derive(Debug)]
pub(super) struct ChunkWriter {
    /// The id without its prefix, for ids that are made of it.
    id: String,
    /// Everything of a chunk up to and with `"choices":[`.
    head: String,
    /// The end of a chunk behind its choices' bracket.
    tail: &'static str,
    include_usage: bool,
    usage: Option<Usage>,
    choices: BTreeMap<u16, ChoiceState>,
    losses: Losses,
}

/// What was said of one choice.
#[derive(Debug, Default)]
struct ChoiceState {
    /// The numbers that calls have in the events, by the order in which they began.
    calls: Vec<(u32, bool)>,
    refused: bool,
    finished: bool,
    text_chars: u64,
    /// Where the text began that a citation belongs to.
    block_at: u64,
    in_text: bool,
}

impl ChunkWriter {
    pub(super) fn new(envelope: &Envelope) -> Self {
        Self::under(envelope, &format!("{ID_PREFIX}{}", envelope.id))
    }

    /// Goes on with a stream that somebody else began, under the id that stands in it.
    pub(super) fn resumed(envelope: &Envelope, id: Option<&str>) -> Self {
        let mut writer = id.map_or_else(|| Self::new(envelope), |id| Self::under(envelope, id));
        // Who speaks was told before anything else.
        writer.choices.insert(0, ChoiceState::default());
        writer
    }

    fn under(envelope: &Envelope, id: &str) -> Self {
        let mut head = String::from("data: {\"id\":");
        push_quoted(&mut head, id);
        head.push_str(",\"object\":\"chat.completion.chunk\",\"created\":");
        head.push_str(&envelope.created_unix.to_string());
        head.push_str(",\"model\":");
        push_quoted(&mut head, &envelope.model);
        head.push_str(",\"choices\":[");
        // A caller who asks for usage finds the member in every chunk, as OpenAI writes it.
        let tail = if envelope.include_usage { ",\"usage\":null}\n\n" } else { "}\n\n" };
        Self {
            id: envelope.id.clone(),
            head,
            tail,
            include_usage: envelope.include_usage,
            usage: None,
            choices: BTreeMap::new(),
            losses: Losses::default(),
        }
    }

    /// The state of a choice. The first thing that is said of it is who says it; with that goes
    /// what the provider found, because some clients look for it in the first chunk alone.
    fn open(&mut self, choice: u16, found: Option<&[SearchResult]>, written: &mut String) {
        if self.choices.contains_key(&choice) {
            return;
        }
        self.choices.insert(choice, ChoiceState::default());
        self.chunk(choice, r#"{"role":"assistant","content":""}"#, found, written);
    }

    fn chunk(
        &self,
        choice: u16,
        delta: &str,
        found: Option<&[SearchResult]>,
        written: &mut String,
    ) {
        self.begin_chunk(choice, delta.len(), written);
        written.push_str(delta);
        self.end_chunk(found, written);
    }

    /// A chunk up to its delta, of about so many bytes.
    fn begin_chunk(&self, choice: u16, delta_bytes: usize, written: &mut String) {
        written.reserve(self.head.len() + delta_bytes + CHUNK_BYTES);
        written.push_str(&self.head);
        written.push_str("{\"index\":");
        push_number(written, u64::from(choice));
        written.push_str(",\"delta\":");
    }

    fn end_chunk(&self, found: Option<&[SearchResult]>, written: &mut String) {
        written.push_str(",\"logprobs\":null,\"finish_reason\":null}]");
        if let Some(found) = found {
            let (citations, results) = write_search_results(found);
            written.push_str(",\"citations\":");
            written.push_str(&citations);
            written.push_str(",\"search_results\":");
            written.push_str(&results);
        }
        written.push_str(self.tail);
    }

    /// A chunk of one choice with members beside or in place of the delta.
    fn choice_chunk(&self, mut members: ObjectText, written: &mut String) {
        written.push_str(&self.head);
        written.push_str(&members.end());
        written.push(']');
        written.push_str(self.tail);
    }

    fn delta(&mut self, choice: u16, delta: &Delta, written: &mut String) {
        if let Delta::SearchResults(found) = delta {
            if self.choices.contains_key(&choice) {
                self.chunk(choice, "{}", Some(found), written);
            } else {
                self.open(choice, Some(found), written);
            }
            return;
        }
        self.open(choice, None, written);
        let Some(state) = self.choices.get_mut(&choice) else { return };
        if let Delta::Text(text) = delta {
            if !state.in_text {
                (state.in_text, state.block_at) = (true, state.text_chars);
            }
            state.text_chars += text.chars().count() as u64;
        } else if !matches!(delta, Delta::Citation(_) | Delta::LogProbs(_)) {
            state.in_text = false;
        }
        match delta {
            Delta::Text(text) => self.say(choice, "content", text, written),
            Delta::Refusal(text) => {
                state.refused = true;
                self.say(choice, "refusal", text, written);
            }
            Delta::Thinking(text) => self.say(choice, "reasoning_content", text, written),
            Delta::Proof(proof) => self.proof(choice, proof, written),
            Delta::ToolCall { index, id, name, free_text, signature } => {
                let number = state.calls.len();
                state.calls.push((*index, *free_text));
                let id = call_id(id, &self.id, usize::from(choice), number);
                let head = CallHead {
                    index: Some(number),
                    id: &id,
                    name,
                    free_text: *free_text,
                    signature: signature.as_deref(),
                };
                let delta = format!(r#"{{"tool_calls":[{}]}}"#, head.write(""));
                self.chunk(choice, &delta, None, written);
            }
            Delta::Arguments { index, text } => self.arguments(choice, *index, text, written),
            Delta::Citation(citation) => self.citation(choice, citation, written),
            Delta::LogProbs(logprobs) => {
                let mut members = ObjectText::new();
                members.whole("index", u64::from(choice)).raw("delta", "{}");
                members.raw("logprobs", &write_logprobs(logprobs)).raw("finish_reason", "null");
                self.choice_chunk(members, written);
            }
            Delta::Media(media) => self.media(choice, media, written),
            Delta::SearchResults(_) => {}
        }
    }

    fn say(&self, choice: u16, member: &str, text: &str, written: &mut String) {
        self.begin_chunk(choice, text.len() + member.len(), written);
        written.push_str("{\"");
        written.push_str(member);
        written.push_str("\":");
        push_quoted(written, text);
        written.push('}');
        self.end_chunk(None, written);
    }

    fn arguments(&mut self, choice: u16, index: u32, text: &str, written: &mut String) {
        let known = self.choices.get(&choice).map(|state| state.calls.as_slice());
        let place = known.unwrap_or_default().iter().rposition(|(known, _)| *known == index);
        let Some(place) = place else { return self.losses.dropped("tool_calls.arguments") };
        let free_text =
            known.unwrap_or_default().get(place).is_some_and(|(_, free_text)| *free_text);
        let (kind, member) =
            if free_text { ("custom", "input") } else { ("function", "arguments") };
        let mut inner = ObjectText::new();
        inner.text(member, text);
        let mut call = ObjectText::new();
        call.raw("index", &place.to_string()).raw(kind, &inner.end());
        self.chunk(choice, &format!(r#"{{"tool_calls":[{}]}}"#, call.end()), None, written);
    }

    fn proof(&mut self, choice: u16, proof: &Proof, written: &mut String) {
        // The words have gone out already.
        match write_reasoning_detail(proof, "") {
            Some(detail) => {
                let delta = format!(r#"{{"reasoning_details":[{detail}]}}"#);
                self.chunk(choice, &delta, None, written);
            }
            None => self.losses.dropped("thinking.signature"),
        }
    }

    fn citation(&mut self, choice: u16, citation: &Citation, written: &mut String) {
        let before = self.choices.get(&choice).map_or(0, |state| state.block_at);
        match write_annotation(citation, before) {
            Some(annotation) => {
                let delta = format!(r#"{{"annotations":[{annotation}]}}"#);
                self.chunk(choice, &delta, None, written);
            }
            None => self.losses.dropped("citations"),
        }
    }

    fn media(&mut self, choice: u16, media: &Media, written: &mut String) {
        if let Some(image) = image(media) {
            self.chunk(choice, &format!(r#"{{"images":[{image}]}}"#), None, written);
        } else if let Some(audio) = audio(media, &self.id) {
            self.chunk(choice, &format!(r#"{{"audio":{audio}}}"#), None, written);
        } else {
            self.losses.dropped(media_word(media.kind));
        }
    }

    fn finish(&mut self, choice: u16, finish: &Finish, written: &mut String) {
        self.open(choice, None, written);
        let Some(state) = self.choices.get_mut(&choice) else { return };
        if std::mem::replace(&mut state.finished, true) {
            return;
        }
        let said = (!state.calls.is_empty(), state.refused);
        let words = FinishWords::of(Some(finish), said, &mut self.losses);
        let mut members = ObjectText::new();
        members.whole("index", u64::from(choice)).raw("delta", "{}").raw("logprobs", "null");
        words.write(&mut members);
        self.choice_chunk(members, written);
    }
}

impl StreamWriter for ChunkWriter {
    /// Nothing: the role goes out with the first thing that is said, see `open`.
    fn start(&mut self) -> Bytes {
        Bytes::new()
    }

    fn event(&mut self, event: &Event) -> Bytes {
        let mut written = String::new();
        match event {
            Event::Delta { choice, delta } => self.delta(*choice, delta, &mut written),
            Event::Finish { choice, finish } => self.finish(*choice, finish, &mut written),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Lost(loss) => self.losses.add(loss.clone()),
            Event::Start { .. } | Event::Ping => {}
        }
        Bytes::from(written)
    }

    /// The usage chunk, if it was asked for and told, and the end mark.
    fn end(&mut self) -> Bytes {
        let mut last = String::new();
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            last.push_str(&self.head);
            last.push_str("],\"usage\":");
            last.push_str(&write_usage(&usage));
            last.push_str("}\n\n");
        }
        last.push_str("data: [DONE]\n\n");
        Bytes::from(last)
    }

    /// An error event, and no end mark behind it.
    fn break_off(&mut self, refusal: &Refusal) -> Bytes {
        write_stream_refusal(refusal)
    }

    fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }
}
