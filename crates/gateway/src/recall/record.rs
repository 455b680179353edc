//! Writes an answer down while it is given. What counts is the internal form, so that a stream can be
//! given again whole and a whole answer as a stream. A record that is dropped leaves nothing behind:
//! whoever sees a clean end says so with [`Recorder::keep`], and nobody else.

use std::sync::Arc;

use bytes::Bytes;
use dialects::{Reading, StreamReader};
use domain::{
    Content, Conversation, Dialect, Event, Finish, Full, Gatherer, Losses, Media, MediaSource,
    Needs, Operation, Piece, Reply, Request, Target, Tool, Usage,
};

use super::{Finished, Question, RecallSettings};
use telemetry::Source;

use crate::Lineup;
use crate::door::Shared;
use crate::receipt::Ticket;

/// Room for a record is taken in steps of this size.
const STEP_BYTES: usize = 4 * 1024;
/// Members that the internal form does not hold and that make no request one of a kind. They are a
/// part of the question.
const HARMLESS: [&str; 4] =
    ["logit_bias", "prompt_cache_retention", "prompt_cache_options", "safety_identifier"];
/// What a request may need and still be one that is answered the same way twice.
const REPEATABLE: [Needs; 5] =
    [Needs::TOOLS, Needs::IMAGES, Needs::DOCUMENTS, Needs::JSON_OUTPUT, Needs::REASONING];

/// One answer on its way.
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    settings: RecallSettings,
    request: Arc<Request>,
    caller: Option<Arc<str>>,
    ladder: Arc<str>,
    given_by: Target,
    /// Of relayed bytes.
    reader: Option<Box<dyn StreamReader>>,
    gatherer: Gatherer,
    usage: Option<Usage>,
    losses: Losses,
    bytes: usize,
    reserved: usize,
}

impl Recorder {
    /// A record of the answer that a rung began, if it is one to keep. Costs a look at a flag where
    /// nothing is kept.
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        lineup: &Lineup,
        ticket: &Ticket,
        (request, ladder): (&Arc<Request>, &Arc<str>),
    ) -> Option<Box<Self>> {
        if !lineup.recall.enabled {
            return None;
        }
        let (receipt, outline) = (ticket.view(), &request.outline);
        let answer = &receipt.answer;
        let asked = matches!(request.operation, Operation::Generate | Operation::Embed);
        if !asked || outline.extended || !may_repeat(outline.needs) {
            return None;
        }
        if answer.source != Source::Provider {
            return None;
        }
        Some(Box::new(Self {
            shared: shared.clone(),
            settings: lineup.recall,
            request: request.clone(),
            caller: receipt.caller.clone(),
            ladder: ladder.clone(),
            given_by: answer.served_by.clone()?,
            reader: None,
            gatherer: Gatherer::default(),
            usage: None,
            losses: answer.losses.clone(),
            bytes: 0,
            reserved: 0,
        }))
    }

    /// The next piece of a stream. False if the answer is too long to be kept, or unreadable.
    pub(crate) fn take(&mut self, piece: &Piece) -> bool {
        let (bytes, sight) = match piece {
            Piece::Native(event) => return self.take_event(event.clone()),
            Piece::Relayed { bytes, sight } => (bytes, sight),
        };
        self.usage = sight.usage.or(self.usage);
        let dialect = self.request.dialect;
        let mut reader = self.reader.take().unwrap_or_else(|| reader_of(dialect));
        reader.push(bytes.clone());
        let mut good = true;
        while let Some(piece) = reader.next_run().filter(|_| good) {
            good = match piece {
                Ok(Piece::Native(event)) => self.take_event(event),
                Ok(Piece::Relayed { .. }) | Err(_) => false,
            };
        }
        self.reader = Some(reader);
        good
    }

    fn take_event(&mut self, event: Event) -> bool {
        let said = match &event {
            Event::Delta { delta, .. } => words(delta),
            Event::Usage(usage) => {
                self.usage = Some(*usage);
                0
            }
            _ => 0,
        };
        self.gatherer.take(event);
        self.grow(said)
    }

    fn grow(&mut self, said: usize) -> bool {
        self.bytes += said;
        if self.bytes > self.settings.answer_bytes_max {
            return false;
        }
        while self.bytes > self.reserved {
            if !self.shared.recall.reserve(STEP_BYTES, self.settings.bytes_max) {
                return false;
            }
            self.reserved += STEP_BYTES;
        }
        true
    }

    /// The stream came to a clean end.
    pub(crate) fn keep(mut self: Box<Self>) {
        let (mut completion, losses) = std::mem::take(&mut self.gatherer).finish();
        completion.usage = self.usage.or(completion.usage);
        self.losses.extend(losses);
        self.keep_reply(Reply::Completion(completion));
    }

    /// The answer came whole, as the provider wrote it.
    pub(crate) fn keep_body(mut self: Box<Self>, body: &Bytes) {
        if body.len() > self.settings.answer_bytes_max.saturating_mul(4) {
            return;
        }
        let form = dialects::of(self.request.dialect);
        if let Ok((reply, losses)) = form.read_whole(self.request.operation, body) {
            self.losses.extend(losses);
            self.keep_reply(reply);
        }
    }

    /// The answer came whole, in the internal form.
    pub(crate) fn keep_reply(mut self: Box<Self>, reply: Reply) {
        let read = self.request.full(|request| dialects::of(request.dialect).read_full(request));
        let repeatable = match read {
            Ok(Full::Conversation(conversation)) => is_repeatable(conversation),
            Ok(Full::Embed(_)) => true,
            // What cannot be read here is stored elsewhere, or is nothing that we know.
            Err(_) => false,
        };
        if !repeatable || !is_finished(&reply) {
            return;
        }
        let question = Question::of(self.caller.as_deref(), &self.ladder, &self.request);
        let losses = std::mem::take(&mut self.losses);
        let answer = Finished { reply, losses, target: self.given_by.clone() };
        let now = self.shared.clock.now();
        self.shared.recall.keep(question, answer, now, &self.settings);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.recall.give_back(self.reserved);
    }
}

fn reader_of(dialect: Dialect) -> Box<dyn StreamReader> {
    dialects::of(dialect).stream_reader(Reading::Translate)
}

fn words(delta: &domain::Delta) -> usize {
    use domain::Delta::{Arguments, Proof, Refusal, Text, Thinking};
    match delta {
        Text(text) | Refusal(text) | Thinking(text) | Arguments { text, .. } => text.len(),
        Proof(proof) => proof.data.len(),
        // An answer with any other part is not kept, but it must be bounded all the same.
        _ => STEP_BYTES,
    }
}

fn may_repeat(needs: Needs) -> bool {
    needs.beyond(REPEATABLE.into_iter().fold(Needs::default(), |all, need| all | need)).is_empty()
}

/// True if the same request may be given the same answer: it says all that it is about, it wants one
/// answer, and nothing is looked up or done at the provider for it.
fn is_repeatable(conversation: &Conversation) -> bool {
    let harmless = |name: &str| HARMLESS.contains(&name);
    let all = conversation.turns.iter().flat_map(|turn| &turn.content);
    may_repeat(conversation.needs)
        && conversation.tools.iter().all(|tool| matches!(tool, Tool::Function(_)))
        && conversation.sampling.choices.is_none_or(|choices| choices == 1)
        && conversation.unmapped.iter().all(|name| harmless(name))
        && all.into_iter().all(says_itself)
}

/// What an address or a foreign part stands for may be something else tomorrow.
fn says_itself(part: &Content) -> bool {
    match part {
        Content::Media(Media { source, .. }) => {
            matches!(source, MediaSource::Base64(_) | MediaSource::Text(_))
        }
        Content::ToolResult(result) => result.content.iter().all(says_itself),
        Content::Foreign(_) => false,
        Content::Text(_)
        | Content::ToolCall(_)
        | Content::Thinking(_)
        | Content::Refusal(_)
        | Content::SearchResults(_) => true,
    }
}

/// True for one answer in words that came to its own end. Calls of tools are acts, a refusal may be
/// another one next time, and what met its limit is half an answer.
fn is_finished(reply: &Reply) -> bool {
    match reply {
        Reply::Completion(completion) => match completion.choices.as_slice() {
            [choice] => {
                let ended = matches!(choice.finish, Some(Finish::Stop | Finish::StopSequence(_)));
                let in_words =
                    |part: &Content| matches!(part, Content::Text(_) | Content::Thinking(_));
                ended && choice.content.iter().all(in_words) && !completion.text().is_empty()
            }
            _ => false,
        },
        Reply::Embeddings(embeddings) => !embeddings.vectors.is_empty(),
        Reply::InputTokens { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use domain::{Choice, Completion, ToolCall};

    use super::*;

    fn reply(content: Vec<Content>, finish: Finish) -> Reply {
        let choice = Choice { content, finish: Some(finish), logprobs: Vec::new() };
        Reply::Completion(Completion { choices: vec![choice], ..Completion::default() })
    }

    #[test]
    fn only_words_that_came_to_their_end_are_kept() {
        let text = || vec![Content::text("yes")];
        assert!(is_finished(&reply(text(), Finish::Stop)));
        assert!(is_finished(&reply(text(), Finish::StopSequence("#".into()))));
        let others = [
            reply(text(), Finish::Length),
            reply(text(), Finish::Refusal),
            reply(text(), Finish::ContentFilter("x".into())),
            reply(text(), Finish::Paused),
            reply(vec![], Finish::Stop),
            reply(vec![Content::Refusal("no".into())], Finish::Stop),
            reply(vec![Content::text("so"), Content::ToolCall(ToolCall::default())], Finish::Stop),
        ];
        for other in &others {
            assert!(!is_finished(other), "{other:?}");
        }
    }

    fn asked(dialect: Dialect, body: &str) -> bool {
        let ask = dialects::Ask {
            operation: Operation::Generate,
            body: body.as_bytes(),
            model_in_path: Some("m"),
            stream_in_path: false,
        };
        let form = dialects::of(dialect);
        let outline = form.read_outline(&ask).unwrap();
        let request = Request::new(dialect, Bytes::copy_from_slice(body.as_bytes()), outline);
        let repeatable = may_repeat(request.outline.needs) && !request.outline.extended;
        repeatable
            && match form.read_full(&request) {
                Ok(Full::Conversation(conversation)) => is_repeatable(&conversation),
                _ => false,
            }
    }

    #[test]
    fn what_hangs_on_something_else_is_not_repeatable() {
        use Dialect::{Anthropic, OpenAiChat, OpenAiResponses};
        let said = r#""messages":[{"role":"user","content":"hi"}]"#;
        let with = |more: &str| format!("{{{said}{more}}}");
        assert!(asked(OpenAiChat, &with("")));
        assert!(asked(OpenAiChat, &with(r#","temperature":1,"logit_bias":{"7":1}"#)));
        assert!(asked(Anthropic, &with(r#","max_tokens":9"#)));
        assert!(asked(OpenAiResponses, r#"{"input":"hi","store":false}"#));
        for more in [r#","n":2"#, r#","logprobs":true"#, r#","something_new":1"#] {
            assert!(!asked(OpenAiChat, &with(more)), "{more}");
        }
        let link = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.test/b.png"}}]}]}"#;
        assert!(!asked(OpenAiChat, link));
        assert!(asked(
            OpenAiChat,
            &link.replace("https://a.test/b.png", "data:image/png;base64,AAAA")
        ));
        assert!(!asked(OpenAiResponses, r#"{"input":"hi","previous_response_id":"resp_1"}"#));
        assert!(!asked(OpenAiResponses, r#"{"input":"hi","tools":[{"type":"web_search"}]}"#));
    }
}
