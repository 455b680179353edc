//! What an answer says, as events of the internal form. A whole answer is one long chunk, so that
//! both are read alike. It keeps in mind what a stream has told before.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Delta, Dialect, Event, Finish, Loss, Losses, MediaKind, Proof, ProofKind, Usage};
use serde_json::value::RawValue;

use super::answer::{Answer, AnswerChoice, Call, Said, Words};
use super::chunk::finish_of;
use super::shared::{read_annotation, read_logprobs, read_reasoning_detail};
use crate::json::Shape;
use crate::media::{media_at, media_of};
use crate::raw::{elements, get, get_object, get_text, members_of, text};

/// Tool calls of one choice that are told apart.
const CALLS_MAX: usize = 1024;
/// Choices whose calls are told apart.
const CHOICES_MAX: usize = 128;
/// A reason for a finish is kept up to this length.
const REASON_CHARS_MAX: usize = 64;

/// Turns the chunks of one answer into events.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Teller {
    /// Something was told, so that it is too late for the start.
    started: bool,
    found: usize,
    usage: Option<Usage>,
    calls: BTreeMap<u16, Vec<KnownCall>>,
    /// Choices that are over. OpenRouter says so again in the chunk that tells the usage.
    finished: BTreeSet<u16>,
    lost: Losses,
}

/// A tool call that has begun.
#[derive(Debug, Clone, PartialEq)]
struct KnownCall {
    index: Option<u64>,
    id: Box<str>,
}

impl Teller {
    /// Adds what the answer says to `events`.
    pub(super) fn tell(&mut self, answer: Answer<'_>, events: &mut Vec<Event>) {
        self.tell_start(&answer, events);
        let from = events.len();
        for loss in answer.lost {
            self.lose(loss, events);
        }
        // Perplexity tells all that it found in each chunk.
        let new: Vec<_> = answer.found.into_iter().skip(self.found).collect();
        if !new.is_empty() {
            self.found += new.len();
            events.push(Event::Delta { choice: 0, delta: Delta::SearchResults(new) });
        }
        for (place, choice) in answer.choices.into_iter().enumerate() {
            let index = choice.index.unwrap_or(place as u64);
            match u16::try_from(index) {
                Ok(index) if usize::from(index) < CHOICES_MAX => {
                    self.tell_choice(index, choice, events);
                }
                _ => self.lose(Loss::dropped("choices"), events),
            }
        }
        if let Some(usage) = answer.usage.filter(|usage| self.usage != Some(*usage)) {
            self.usage = Some(usage);
            events.push(Event::Usage(usage));
        }
        self.started |= events.len() > from;
    }

    fn tell_start(&mut self, answer: &Answer<'_>, events: &mut Vec<Event>) {
        let named =
            |shape: &Shape<'_>| shape.as_text().filter(|name| !name.is_empty()).map(Box::from);
        let (id, model) = (named(&answer.id), named(&answer.model));
        if !self.started && (id.is_some() || model.is_some()) {
            self.started = true;
            events.push(Event::Start { id, model });
        }
    }

    fn lose(&mut self, loss: Loss, events: &mut Vec<Event>) {
        if self.lost.iter().all(|known| *known != loss) {
            self.lost.add(loss.clone());
            events.push(Event::Lost(loss));
        }
    }

    fn tell_choice(&mut self, index: u16, mut choice: AnswerChoice<'_>, events: &mut Vec<Event>) {
        for loss in std::mem::take(&mut choice.lost) {
            self.lose(loss, events);
        }
        let finish = finish(&choice);
        self.tell_said(index, choice.said, events);
        if let Some(logprobs) = choice.logprobs {
            let mut lost = Vec::new();
            let read = read_logprobs(logprobs, &mut lost);
            if !read.is_empty() {
                events.push(Event::Delta { choice: index, delta: Delta::LogProbs(read) });
            }
            lost.into_iter().for_each(|loss| self.lose(loss, events));
        }
        if let Some(finish) = finish.filter(|_| self.finished.insert(index)) {
            events.push(Event::Finish { choice: index, finish });
        }
    }

    fn tell_said(&mut self, choice: u16, mut said: Said<'_>, events: &mut Vec<Event>) {
        for loss in std::mem::take(&mut said.lost) {
            self.lose(loss, events);
        }
        let mut tell = |delta| events.push(Event::Delta { choice, delta });
        let spoken = !said.reasoning.is_empty();
        let mut proofs = Vec::new();
        tell_words(said.reasoning, Delta::Thinking, &mut tell);
        for (words, proof) in said.details.into_iter().filter_map(read_reasoning_detail) {
            if !spoken && !words.is_empty() {
                tell(Delta::Thinking(words));
            }
            proofs.extend(proof);
        }
        proofs.into_iter().for_each(|proof| tell(Delta::Proof(proof)));
        if let Some(first) = said.calls.first_mut() {
            // Google signs the message as a whole; its own form has the signature on the first call.
            first.signature = first.signature.take().or_else(|| said.signature.take());
        } else if let Some(signature) = said.signature {
            let (dialect, kind) = (Dialect::Gemini, ProofKind::Signature);
            tell(Delta::Proof(Proof { dialect, kind, id: None, data: signature.into() }));
        }
        let mut strange = Vec::new();
        match said.content {
            Words::Parts(parts) => {
                parts.into_iter().for_each(|part| tell_part(part, &mut tell, &mut strange));
            }
            words => tell_words(words, Delta::Text, &mut tell),
        }
        for citation in said.annotations {
            match read_annotation(citation) {
                Some(citation) => tell(Delta::Citation(citation)),
                None => strange.push(Loss::dropped("annotations")),
            }
        }
        tell_words(said.refusal, Delta::Refusal, &mut tell);
        for image in said.images {
            if !tell_image(image, &mut tell) {
                strange.push(Loss::dropped("images"));
            }
        }
        if let Some(audio) = said.audio {
            strange.extend(tell_audio(audio, &mut tell));
        }
        strange.into_iter().for_each(|loss| self.lose(loss, events));
        for call in said.calls {
            self.tell_call(choice, &call, events);
        }
    }

    fn tell_call(&mut self, choice: u16, call: &Call<'_>, events: &mut Vec<Event>) {
        let known = self.calls.entry(choice).or_default();
        let id = call.id.as_text().unwrap_or_default();
        let name = call.text.name.as_text().unwrap_or_default();
        let place = place_of(known, call.index, id, name);
        let at = place.unwrap_or(known.len());
        if place.is_none() {
            if at >= CALLS_MAX {
                return self.lose(Loss::dropped("tool_calls"), events);
            }
            known.push(KnownCall { index: call.index, id: id.into() });
        }
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        if place.is_none() {
            let delta = Delta::ToolCall {
                index,
                id: id.into(),
                name: name.into(),
                free_text: call.free_text,
                signature: call.signature.as_deref().map(Box::from),
            };
            events.push(Event::Delta { choice, delta });
        }
        let text = call.text.arguments();
        if !text.is_empty() {
            events.push(Event::Delta { choice, delta: Delta::Arguments { index, text } });
        }
    }
}

/// Which of the known calls a piece belongs to. Mistral gives no index, and Google's compatible
/// path gives all calls the same one, so that an id that differs begins a new call.
fn place_of(known: &[KnownCall], index: Option<u64>, id: &str, name: &str) -> Option<usize> {
    let same_id = |call: &KnownCall| id.is_empty() || call.id.is_empty() || *call.id == *id;
    match index {
        Some(_) => known.iter().rposition(|call| call.index == index && same_id(call)),
        None if !id.is_empty() => known.iter().rposition(|call| *call.id == *id),
        None if !name.is_empty() => None,
        None => known.len().checked_sub(1),
    }
}

fn tell_words(words: Words<'_>, delta: fn(String) -> Delta, tell: &mut impl FnMut(Delta)) {
    match words {
        Words::None => {}
        Words::Text(text) => {
            if !text.is_empty() {
                tell(delta(text.into_owned()));
            }
        }
        Words::Parts(parts) => {
            for words in parts.into_iter().filter_map(part_text).filter(|text| !text.is_empty()) {
                tell(delta(words));
            }
        }
    }
}

fn part_text(part: &RawValue) -> Option<String> {
    Some(get_text(&members_of(part)?, "text")?.into_owned())
}

/// One part of a content array, Mistral's way.
fn tell_part(part: &RawValue, tell: &mut impl FnMut(Delta), lost: &mut Vec<Loss>) {
    let pairs = members_of(part).unwrap_or_default();
    let kind = get_text(&pairs, "type").unwrap_or_default();
    let mut say = |delta: fn(String) -> Delta, words: &str| {
        if !words.is_empty() {
            tell(delta(words.to_owned()));
        }
    };
    match kind.as_ref() {
        "text" | "output_text" => say(Delta::Text, &get_text(&pairs, "text").unwrap_or_default()),
        "refusal" => say(Delta::Refusal, &get_text(&pairs, "refusal").unwrap_or_default()),
        "thinking" => {
            let Some(thinking) = get(&pairs, "thinking") else { return };
            if let Some(words) = text(thinking) {
                say(Delta::Thinking, &words);
            }
            let parts = elements(thinking).unwrap_or_default();
            parts.into_iter().filter_map(part_text).for_each(|words| say(Delta::Thinking, &words));
        }
        "image_url" if tell_image(part, tell) => {}
        _ => lost.push(Loss::unmapped(&format!("content.{kind}"))),
    }
}

fn tell_image(image: &RawValue, tell: &mut impl FnMut(Delta)) -> bool {
    let pairs = members_of(image).unwrap_or_default();
    let inner = get_object(&pairs, "image_url");
    let url = get_text(&inner, "url").or_else(|| get_text(&pairs, "image_url"));
    let Some(url) = url.filter(|url| !url.is_empty()) else { return false };
    tell(Delta::Media(media_at(MediaKind::Image, &url)));
    true
}

/// Spoken answers: the recording as a medium, its transcript as the answer's text, which is what
/// it is for everybody who cannot listen.
fn tell_audio(audio: &RawValue, tell: &mut impl FnMut(Delta)) -> Option<Loss> {
    let pairs = members_of(audio)?;
    let words = get_text(&pairs, "transcript").filter(|words| !words.is_empty());
    let spoken = words.is_some();
    if let Some(words) = words {
        tell(Delta::Text(words.into_owned()));
    }
    if let Some(data) = get_text(&pairs, "data").filter(|data| !data.is_empty()) {
        let mut media = media_of(MediaKind::Audio, &data);
        media.name = get_text(&pairs, "id").map(Box::from);
        tell(Delta::Media(media));
        return Some(Loss::approximated("audio"));
    }
    spoken.then(|| Loss::approximated("audio"))
}

/// Why the choice is over, if it is.
fn finish(choice: &AnswerChoice<'_>) -> Option<Finish> {
    let word = choice.finish.as_text().filter(|word| !word.is_empty())?;
    let short =
        |text: &str| text.chars().take(REASON_CHARS_MAX).collect::<String>().into_boxed_str();
    Some(match finish_of(word) {
        Finish::Stop => match choice.stop_reason.as_text().filter(|met| !met.is_empty()) {
            Some(met) => Finish::StopSequence(met.into()),
            None => Finish::Stop,
        },
        Finish::ContentFilter(_) => {
            let native = choice.native_finish.as_text().filter(|native| *native != word);
            let reason = choice.filtered.as_deref().or(native).unwrap_or_default();
            Finish::ContentFilter(short(reason))
        }
        other => other,
    })
}
