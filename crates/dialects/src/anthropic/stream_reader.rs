//! What the events of a provider's stream mean. Borders, bounds and errors are dealt with in
//! `stream`.

use domain::{Event, Sight};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::answer::{Blocks, More, What, WireUsage};
use super::block::read_block;
use super::message::{Message, losses};
use crate::json::{Members, Object, Shape, skip};
use crate::sse::Fields;
use crate::stream::{Protocol, Verdict, is_plain_text};

/// One event's data.
#[derive(Debug, Default)]
struct Frame<'de> {
    kind: Shape<'de>,
    index: u64,
    message: Option<Box<Message<'de>>>,
    block: Option<&'de RawValue>,
    delta: Option<More<'de>>,
    usage: Option<Box<WireUsage>>,
    context_management: bool,
}

impl<'de> Members<'de> for Frame<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "index" => self.index = map.next_value::<Shape<'de>>()?.as_u64().unwrap_or(0),
            "message" => self.message = map.next_value::<Object<_>>()?.0.map(Box::new),
            "content_block" => self.block = Some(map.next_value()?),
            "delta" => self.delta = map.next_value::<Object<_>>()?.0,
            "usage" => self.usage = map.next_value::<Object<_>>()?.0.map(Box::new),
            "context_management" => {
                self.context_management = map.next_value::<Shape<'de>>()? != Shape::Null;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A stream of one message.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Events {
    started: bool,
    usage: WireUsage,
    blocks: Blocks,
}

impl Protocol for Events {
    fn read(&mut self, fields: &Fields<'_>, events: &mut Vec<Event>) -> Verdict {
        let Some(frame) = read_frame(fields) else { return Verdict::Malformed };
        let index = frame.index;
        match frame.kind.as_text().unwrap_or_default() {
            "message_start" => self.read_start(&frame, events),
            "content_block_start" => match frame.block.and_then(read_block) {
                Some(block) => self.blocks.start(index, &block, events),
                None => return Verdict::Malformed,
            },
            "content_block_delta" => match &frame.delta {
                Some(more) => self.blocks.more(index, more, events),
                None => return Verdict::Malformed,
            },
            "content_block_stop" => self.blocks.stop(index, events),
            "message_delta" => self.read_end(&frame, events),
            "message_stop" => {
                self.blocks.stop_all(events);
                return Verdict::EndMark;
            }
            "ping" => events.push(Event::Ping),
            "error" => return Verdict::Malformed,
            // Kinds of events are added now and then; whoever knows them not passes over them.
            _ => {}
        }
        Verdict::Good
    }

    fn see(&mut self, fields: &Fields<'_>, sight: &mut Sight) -> Verdict {
        let Some(frame) = read_frame(fields) else { return Verdict::Malformed };
        match frame.kind.as_text().unwrap_or_default() {
            "message_start" => {
                let Some(message) = &frame.message else { return Verdict::Malformed };
                if !self.started {
                    sight.model = message.model();
                    self.started = true;
                }
                self.see_usage(message.usage, sight);
            }
            "content_block_start" => {
                let Some(block) = frame.block.and_then(read_block) else {
                    return Verdict::Malformed;
                };
                see_text(&block.text, sight);
                see_content(&block.thinking, sight);
                if block.kind.as_text() == Some("tool_use") {
                    sight.content_deltas += 1;
                }
            }
            "content_block_delta" => {
                let Some(more) = &frame.delta else { return Verdict::Malformed };
                match more.what {
                    What::Text => see_text(&more.text, sight),
                    What::Thinking | What::Json => see_content(&more.text, sight),
                    What::Signature | What::Unknown => {}
                }
            }
            "message_delta" => {
                let stop = frame.delta.as_ref().and_then(|delta| delta.stop.as_ref());
                sight.finish = stop.and_then(|stop| stop.finish()).map(|(finish, _)| finish);
                self.see_usage(frame.usage.as_deref().copied(), sight);
            }
            "message_stop" => return Verdict::EndMark,
            "error" => return Verdict::Malformed,
            _ => {}
        }
        Verdict::Good
    }

    /// Not in translation: there the place of each piece of text is counted for the citations.
    fn text_member(translate: bool) -> Option<&'static [u8]> {
        (!translate).then_some(b"\"text\"")
    }

    fn is_plain_text(&self, event: &Fields<'_>, text: &str, translate: bool) -> bool {
        is_plain_text(self, event, text, translate)
    }
}

impl Events {
    /// A second start, as of two answers spliced into one, tells nothing but its usage.
    fn read_start(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let Some(message) = &frame.message else { return };
        if !self.started {
            self.started = true;
            events.push(message.start());
        }
        self.read_usage(message.usage, events);
    }

    fn read_end(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        if let Some(stop) = frame.delta.as_ref().and_then(|delta| delta.stop.as_ref()) {
            if stop.reason.as_text().is_some() {
                self.blocks.stop_all(events);
            }
            stop.read(self.blocks.said_text(), events);
        }
        self.read_usage(frame.usage.as_deref().copied(), events);
        let container = frame.delta.as_ref().is_some_and(|delta| delta.container);
        events.extend(losses(container, frame.context_management));
    }

    fn read_usage(&mut self, usage: Option<WireUsage>, events: &mut Vec<Event>) {
        if let Some(usage) = usage {
            events.extend(usage.loss().map(Event::Lost));
            self.usage.merge(usage);
            events.extend(self.usage.normalised().map(Event::Usage));
        }
    }

    fn see_usage(&mut self, usage: Option<WireUsage>, sight: &mut Sight) {
        if let Some(usage) = usage {
            self.usage.merge(usage);
            sight.usage = self.usage.normalised();
        }
    }
}

fn read_frame<'a>(fields: &'a Fields<'_>) -> Option<Frame<'a>> {
    let data = fields.data.as_deref().unwrap_or_default();
    let frame = serde_json::from_slice::<Object<Frame<'_>>>(data).ok()?.0?;
    // What does not say what it is is no event of this dialect.
    frame.kind.as_text().is_some().then_some(frame)
}

fn see_content(text: &Shape<'_>, sight: &mut Sight) {
    sight.content_deltas += u32::from(text.as_text().is_some_and(|text| !text.is_empty()));
}

fn see_text(text: &Shape<'_>, sight: &mut Sight) {
    see_content(text, sight);
    let chars = text.as_text().map_or(0, |text| text.chars().count());
    sight.text_chars = sight.text_chars.saturating_add(u32::try_from(chars).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::form::{Reading, StreamReader};
    use crate::stream::EventStream;

    const RELAY: Reading = Reading::Relay { hide_usage: false };

    fn read(mut reader: EventStream<Events>, stream: &str) -> (Vec<String>, u8) {
        reader.push(Bytes::from(stream.to_owned()));
        let mut runs = Vec::new();
        while let Some(run) = reader.next_run() {
            runs.push(format!("{run:?}"));
        }
        while let Some(run) = reader.end() {
            runs.push(format!("{run:?}"));
        }
        (runs, reader.casts())
    }

    fn event() -> impl Strategy<Value = String> {
        let wrapping = prop::sample::select(vec![
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"@"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"@"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"@","text":"@"}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"@"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3},"text":"@"}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","text":"@"}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"message_stop"}"#,
        ]);
        let text = prop::sample::select(vec!["a", " two", "", "é", r#"\n\"x\""#, r"\ud800"]);
        (wrapping, text).prop_map(|(data, text)| format!("data: {}\n\n", data.replace('@', text)))
    }

    proptest! {
        /// Moulds spare work and change nothing.
        #[test]
        fn a_mould_changes_nothing(
            events in proptest::collection::vec((event(), 1_usize..4), 0..12),
            translate in any::<bool>(),
        ) {
            let stream: String = events.iter().map(|(event, times)| event.repeat(*times)).collect();
            let reading = if translate { Reading::Translate } else { RELAY };
            let with = read(EventStream::new(Events::default(), reading), &stream);
            let without = read(EventStream::without_moulds(Events::default(), reading), &stream);
            prop_assert_eq!(with.0, without.0);
        }
    }

    #[test]
    fn one_mould_serves_a_whole_text() {
        let event =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
        let stream = format!("data: {event}\n\n").repeat(100);
        let (runs, casts) = read(EventStream::new(Events::default(), RELAY), &stream);
        assert!(runs[0].contains("content_deltas: 100"), "{runs:?}");
        assert_eq!(casts, 1);
    }
}
