//! Reads a whole answer, and the message that a stream begins with.

use domain::{Event, Fault, FaultClass, Finish, Gatherer, Loss, Losses, Operation, Reply, Sight};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::answer::{Blocks, Stop, WireUsage};
use super::block::{elements, read_block};
use crate::body::{error_inside, read_answer};
use crate::json::{Members, Object, Shape, skip};

/// A message as written.
#[derive(Debug, Default)]
pub(super) struct Message<'de> {
    pub(super) kind: Shape<'de>,
    pub(super) id: Shape<'de>,
    pub(super) model: Shape<'de>,
    pub(super) content: Option<&'de RawValue>,
    pub(super) stop: Stop<'de>,
    pub(super) usage: Option<WireUsage>,
    /// Tokens that were counted, in an answer to `count_tokens`.
    pub(super) input_tokens: Option<u64>,
    pub(super) container: bool,
    pub(super) context_management: bool,
    pub(super) error: bool,
}

impl<'de> Members<'de> for Message<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "id" => self.id = map.next_value()?,
            "model" => self.model = map.next_value()?,
            "content" => self.content = Some(map.next_value()?),
            "stop_reason" => self.stop.reason = map.next_value()?,
            "stop_sequence" => self.stop.sequence = map.next_value()?,
            "stop_details" => self.stop.details = Some(map.next_value()?),
            "usage" => self.usage = map.next_value::<Object<WireUsage>>()?.0,
            "input_tokens" => self.input_tokens = map.next_value::<Shape<'de>>()?.as_u64(),
            "container" => self.container = map.next_value::<Shape<'de>>()? != Shape::Null,
            "context_management" => {
                self.context_management = map.next_value::<Shape<'de>>()? != Shape::Null;
            }
            "error" => {
                let error = map.next_value::<Shape<'de>>()?;
                self.error = matches!(error, Shape::Object | Shape::Text(_));
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl Message<'_> {
    /// The model's name, if there is one.
    pub(super) fn model(&self) -> Option<Box<str>> {
        self.model.as_text().filter(|name| !name.is_empty()).map(Box::from)
    }

    /// What a stream or an answer begins with.
    pub(super) fn start(&self) -> Event {
        let id = self.id.as_text().filter(|id| !id.is_empty()).map(Box::from);
        Event::Start { id, model: self.model() }
    }
}

/// Looks at a whole answer: usage, finish, model, size of the text.
pub(super) fn see_whole(operation: Operation, body: &[u8]) -> Result<Sight, Fault> {
    let message = read_message(body)?;
    if operation == Operation::CountTokens {
        counted(&message)?;
        return Ok(Sight::default());
    }
    let (mut content, mut text_chars) = (false, 0_usize);
    for block in elements(message.content).into_iter().filter_map(read_block) {
        let text = block.text.as_text().unwrap_or_default();
        text_chars = text_chars.saturating_add(text.chars().count());
        let thinking = block.thinking.as_text().unwrap_or_default();
        let call = block.kind.as_text() == Some("tool_use");
        content |= !text.is_empty() || !thinking.is_empty() || call;
    }
    let finish = message.stop.finish().map(|(finish, _)| finish);
    check_content(&message, finish.as_ref())?;
    Ok(Sight {
        content_deltas: u32::from(content),
        text_chars: u32::try_from(text_chars).unwrap_or(u32::MAX),
        finish,
        usage: message.usage.as_ref().and_then(WireUsage::normalised),
        model: message.model(),
        end_mark: false,
        malformed: 0,
    })
}

/// Reads a whole answer. Adjacent texts become one, as they do when a stream is gathered; their
/// citations tell by their spans where each belongs.
pub(super) fn read_whole(operation: Operation, body: &[u8]) -> Result<(Reply, Losses), Fault> {
    let message = read_message(body)?;
    if operation == Operation::CountTokens {
        let count = counted(&message)?;
        return Ok((Reply::InputTokens { count, estimated: false }, Losses::default()));
    }
    let mut events = vec![message.start()];
    let mut blocks = Blocks::default();
    for (index, raw) in (0..).zip(elements(message.content)) {
        if let Some(block) = read_block(raw) {
            blocks.start(index, &block, &mut events);
            blocks.stop(index, &mut events);
        }
    }
    let finish = message.stop.finish().map(|(finish, _)| finish);
    check_content(&message, finish.as_ref())?;
    message.stop.read(blocks.said_text(), &mut events);
    if let Some(usage) = &message.usage {
        events.extend(usage.loss().map(Event::Lost));
        events.extend(usage.normalised().map(Event::Usage));
    }
    events.extend(losses(message.container, message.context_management));
    let mut gatherer = Gatherer::default();
    events.into_iter().for_each(|event| gatherer.take(event));
    let (mut completion, losses) = gatherer.finish();
    if completion.choices.is_empty() {
        completion.choices.push(domain::Choice::default());
    }
    Ok((Reply::Completion(completion), losses))
}

/// Members of an answer that have no place in the internal form.
pub(super) fn losses(container: bool, context_management: bool) -> impl Iterator<Item = Event> {
    let container = container.then_some(Loss::dropped("container"));
    let context = context_management.then_some(Loss::dropped("context_management"));
    container.into_iter().chain(context).map(Event::Lost)
}

fn check_content(message: &Message<'_>, finish: Option<&Finish>) -> Result<(), Fault> {
    let has_content = message.content.is_some_and(|content| {
        content.get().starts_with('[') && !elements(Some(content)).is_empty()
    });
    if has_content || finish.is_some() {
        return Ok(());
    }
    Err(Fault::new(FaultClass::Empty, "no content and no stop reason"))
}

fn counted(message: &Message<'_>) -> Result<u64, Fault> {
    let plain = || Fault::new(FaultClass::Malformed, "the answer counts no tokens");
    message.input_tokens.ok_or_else(plain)
}

fn read_message(body: &[u8]) -> Result<Message<'_>, Fault> {
    let message: Message<'_> = read_answer(body)?;
    if message.error || message.kind.as_text() == Some("error") {
        return Err(error_inside(body));
    }
    Ok(message)
}
