//! Reads an answer that is no stream.

use domain::{Choice, Fault, FaultClass, Gatherer, Losses, Reply, Sight};
use serde::de::MapAccess;

use super::answer::Answer;
use super::chunk::Chunk;
use super::events::Teller;
use crate::body::{error_inside, read_answer};
use crate::json::{Members, Shape, skip};

/// Looks at the body of an unstreamed success: usage, finish of choice 0, model, size of the text.
/// `content_deltas` is 1 if any choice carries content.
///
/// # Errors
/// `Malformed` if the body is not a JSON object, `Empty` if there is no body or no choice with
/// content or finish, and the class of the error if the provider wrote one into its success.
pub(super) fn see_whole(body: &[u8]) -> Result<Sight, Fault> {
    let chunk: Chunk<'_> = read_answer(body)?;
    if chunk.error.is_some() {
        return Err(error_inside(body));
    }
    let choices = chunk.choices.unwrap_or_default();
    if choices.messages == 0 && choices.finished == 0 {
        return Err(Fault::new(FaultClass::Empty, "no choice with content or finish"));
    }
    Ok(Sight {
        content_deltas: u32::from(choices.messages > 0),
        text_chars: choices.message_chars,
        finish: choices.finish,
        usage: chunk.usage,
        model: model_of(&chunk.model),
        end_mark: false,
        malformed: 0,
    })
}

/// Reads the body of an unstreamed success, and what it says that has no place in the internal
/// form.
///
/// # Errors
/// As for [`see_whole`].
pub(super) fn read_whole(body: &[u8]) -> Result<(Reply, Losses), Fault> {
    let answer: Answer<'_> = read_answer(body)?;
    if answer.failed {
        return Err(error_inside(body));
    }
    let mut events = Vec::new();
    Teller::default().tell(answer, &mut events);
    let mut gatherer = Gatherer::default();
    events.into_iter().for_each(|event| gatherer.take(event));
    let (completion, losses) = gatherer.finish();
    let said = |choice: &Choice| !choice.content.is_empty() || choice.finish.is_some();
    if !completion.choices.iter().any(said) {
        return Err(Fault::new(FaultClass::Empty, "no choice with content or finish"));
    }
    Ok((Reply::Completion(completion), losses))
}

/// A count of input tokens, which only we ourselves and the responses' form tell so.
///
/// # Errors
/// `Malformed` if there is no such number.
pub(super) fn read_input_tokens(body: &[u8]) -> Result<u64, Fault> {
    let count: InputTokens = read_answer(body)?;
    count.0.ok_or_else(|| Fault::new(FaultClass::Malformed, "the body has no `input_tokens`"))
}

#[derive(Default)]
struct InputTokens(Option<u64>);

impl<'de> Members<'de> for InputTokens {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "input_tokens" => self.0 = map.next_value::<Shape<'de>>()?.as_u64(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The model's name, if there is one.
pub(crate) fn model_of(model: &Shape<'_>) -> Option<Box<str>> {
    model.as_text().filter(|name| !name.is_empty()).map(Box::from)
}
