//! One candidate of an answer on its way into the internal form: its parts become deltas, its calls
//! get indexes and ids, its sources find the text that they belong to.

use domain::{Delta, Event, Loss, MediaSource, Proof};
use serde_json::value::RawValue;

use super::chunk::Candidate;
use super::grounding::{self, Grounding, Said};
use super::part::{Call, Part};
use super::partial_args::Arguments;
use super::turns::{MADE_ID, media, proof};
use crate::base64;
use crate::media::kind_of_mime;
use crate::raw::object;

/// Bytes of a candidate's text that are kept for the positions of its citations.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// What is known of a candidate.
#[derive(Debug)]
pub(super) struct CandidateState {
    choice: u16,
    calls: u32,
    /// A call whose arguments come piece by piece.
    open: Option<(u32, Arguments)>,
    /// The answer's text, for the positions of citations.
    text: String,
    /// Where the last run of text began, and whether it still goes on.
    run_at: usize,
    in_text: bool,
}

impl CandidateState {
    pub(super) fn new(choice: u16) -> Self {
        Self { choice, calls: 0, open: None, text: String::new(), run_at: 0, in_text: false }
    }

    pub(super) fn choice(&self) -> u16 {
        self.choice
    }

    pub(super) fn has_called(&self) -> bool {
        self.calls > 0
    }

    /// Reads a chunk's candidate. `seed` begins the ids of calls that have none.
    pub(super) fn read(&mut self, candidate: Candidate<'_>, seed: &str, events: &mut Vec<Event>) {
        let mut late = Vec::new();
        for part in candidate.parts.into_iter().flatten() {
            self.part(part, seed, events, &mut late);
        }
        if let Some(logprobs) = candidate.logprobs {
            let logprobs = grounding::logprobs(logprobs);
            if !logprobs.is_empty() {
                self.push(Delta::LogProbs(logprobs), events);
            }
        }
        if let Some(metadata) = candidate.citations {
            let said = Said { text: &self.text, run_at: self.run_at };
            self.cite(grounding::recited(metadata, &said), events);
        }
        if let Some(metadata) = candidate.grounding {
            self.ground(metadata, events);
        }
        // A proof ends the text that citations are attached to, so that it comes behind them.
        late.into_iter().for_each(|proof| self.proof(proof, events));
    }

    /// The candidate is over.
    pub(super) fn end(&mut self, events: &mut Vec<Event>) {
        self.close_call(events);
    }

    fn push(&self, delta: Delta, events: &mut Vec<Event>) {
        events.push(Event::Delta { choice: self.choice, delta });
    }

    fn part(
        &mut self,
        mut part: Part<'_>,
        seed: &str,
        events: &mut Vec<Event>,
        late: &mut Vec<Proof>,
    ) {
        let signature = part.signature.take();
        if let Some(call) = part.call.take() {
            self.call(*call, signature.map(Into::into), seed, events);
            return;
        }
        if let Some(text) = part.text.take() {
            if !text.is_empty() {
                self.said(text.into_owned(), part.thought, events);
            }
        } else if let Some(blob) = part.inline.take().or(part.file.take()) {
            self.in_text = false;
            let mime = blob.mime.as_deref();
            let kind = mime.map_or(domain::MediaKind::Document, kind_of_mime);
            let data = blob.data.unwrap_or_default();
            let source = if data.contains("://") {
                MediaSource::Url(data.into())
            } else {
                MediaSource::Base64(base64::usual(&data).into())
            };
            self.push(Delta::Media(media(kind, source, mime, blob.name.as_deref())), events);
        } else if let Some(stranger) = part.stranger() {
            self.in_text = false;
            events.push(Event::Lost(lost_part(stranger)));
            // Its proof belongs to what is lost.
            return;
        }
        if let Some(signature) = signature {
            let proof = proof(&signature);
            if part.thought { self.proof(proof, events) } else { late.push(proof) }
        }
    }

    fn said(&mut self, text: String, thought: bool, events: &mut Vec<Event>) {
        if thought {
            self.in_text = false;
            self.push(Delta::Thinking(text), events);
            return;
        }
        if !std::mem::replace(&mut self.in_text, true) {
            self.run_at = self.text.len();
        }
        if self.text.len() + text.len() <= TEXT_BYTES_MAX {
            self.text.push_str(&text);
        }
        self.push(Delta::Text(text), events);
    }

    fn proof(&mut self, proof: Proof, events: &mut Vec<Event>) {
        self.in_text = false;
        self.push(Delta::Proof(proof), events);
    }

    fn call(
        &mut self,
        call: Call<'_>,
        signature: Option<Box<str>>,
        seed: &str,
        events: &mut Vec<Event>,
    ) {
        if let Some(name) = call.name {
            self.close_call(events);
            self.in_text = false;
            let index = self.calls;
            self.calls += 1;
            let id = match call.id {
                Some(id) => Box::from(&*id),
                None => format!("{MADE_ID}{seed}_{index}").into(),
            };
            let name = Box::from(&*name);
            self.push(Delta::ToolCall { index, id, name, free_text: false, signature }, events);
            if call.goes_on || !call.pieces.is_empty() {
                self.open = Some((index, Arguments::default()));
            } else {
                let text = call.args.map_or("{}", RawValue::get).to_owned();
                self.push(Delta::Arguments { index, text }, events);
            }
        }
        if let Some((_, arguments)) = &mut self.open {
            call.pieces.iter().for_each(|piece| arguments.take(piece));
            if !call.goes_on {
                self.close_call(events);
            }
        }
    }

    fn close_call(&mut self, events: &mut Vec<Event>) {
        if let Some((index, arguments)) = self.open.take() {
            if arguments.broken {
                events.push(Event::Lost(Loss::approximated("functionCall.partialArgs")));
            }
            self.push(Delta::Arguments { index, text: arguments.json() }, events);
        }
    }

    /// Sources, and what they stand for. A citation belongs to the text before it.
    fn ground(&mut self, metadata: &RawValue, events: &mut Vec<Event>) {
        let Some(grounding) = object::<Grounding<'_>>(metadata) else { return };
        for (at, name) in grounding::UNHELD.iter().enumerate() {
            if grounding.unheld & (1 << at) != 0 {
                events.push(Event::Lost(Loss::dropped(name)));
            }
        }
        let said = Said { text: &self.text, run_at: self.run_at };
        self.cite(grounding.citations(&said), events);
        let results = grounding.results();
        if !results.is_empty() {
            self.in_text = false;
            self.push(Delta::SearchResults(results), events);
        }
    }

    fn cite(&self, citations: Vec<domain::Citation>, events: &mut Vec<Event>) {
        if !self.in_text && !citations.is_empty() {
            events.push(Event::Lost(Loss::dropped("groundingMetadata.groundingSupports")));
            return;
        }
        for citation in citations {
            self.push(Delta::Citation(citation), events);
        }
    }
}

/// A part that only Google knows, by a name of ours where we know it.
fn lost_part(kind: &str) -> Loss {
    match kind {
        "executableCode" => Loss::dropped("executableCode"),
        "codeExecutionResult" => Loss::dropped("codeExecutionResult"),
        "toolCall" => Loss::dropped("toolCall"),
        "toolResponse" => Loss::dropped("toolResponse"),
        other => Loss::unmapped(other),
    }
}
