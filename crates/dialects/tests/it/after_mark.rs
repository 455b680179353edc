//! What comes behind a stream's end mark is no part of the answer, in any dialect.

use bytes::Bytes;
use dialects::{Envelope, Reading};
use domain::{Dialect, Event, Finish, Framing, Piece};

const RELAY: Reading = Reading::Relay { hide_usage: false };

fn written(dialect: Dialect) -> (Vec<u8>, Vec<u8>) {
    let mut writer = dialects::of(dialect).stream_writer(&Envelope {
        id: "x".to_owned(),
        model: "m".to_owned(),
        created_unix: 7,
        include_usage: false,
        framing: Framing::Events,
        base64: false,
        batch: false,
        hosted_tools: false,
    });
    let mut whole = writer.start().to_vec();
    let word = writer.event(&Event::text("all is well"));
    whole.extend_from_slice(&word);
    whole.extend_from_slice(&writer.event(&Event::finish(Finish::Stop)));
    whole.extend_from_slice(&writer.end());
    (whole, word.to_vec())
}

/// The relayed bytes and the text that is read of a stream.
fn read(dialect: Dialect, stream: &[u8], reading: Reading, size: usize) -> (Vec<u8>, String) {
    let mut reader = dialects::of(dialect).stream_reader(reading);
    let (mut bytes, mut text) = (Vec::new(), String::new());
    let mut take = |run: Piece| match run {
        Piece::Relayed { bytes: run, .. } => bytes.extend_from_slice(&run),
        Piece::Native(Event::Delta { delta: domain::Delta::Text(word), .. }) => {
            text.push_str(&word);
        }
        Piece::Native(_) => {}
    };
    for piece in stream.chunks(size) {
        reader.push(Bytes::copy_from_slice(piece));
        while let Some(run) = reader.next_run() {
            take(run.unwrap());
        }
    }
    while let Some(run) = reader.end() {
        take(run.unwrap());
    }
    (bytes, text)
}

#[test]
fn nothing_behind_the_mark_goes_on() {
    for dialect in Dialect::ALL {
        let (whole, word) = written(dialect);
        if dialect == Dialect::Gemini {
            // Its finish is the only mark, and what is no word may follow.
            let usage = b"data: {\"usageMetadata\":{\"promptTokenCount\":3}}\r\n\r\n";
            let (bytes, _) = read(dialect, &[&whole[..], &word, usage].concat(), RELAY, 64);
            assert_eq!(bytes, [&whole[..], usage].concat());
            let (_, text) = read(dialect, &[&whole[..], &word].concat(), Reading::Translate, 64);
            assert_eq!(text, "all is well");
            continue;
        }
        let more = [&whole[..], &word, b": bye\n\n", &word, b"data: {\"half\":"].concat();
        for size in [1, 7, 64, more.len()] {
            let (bytes, _) = read(dialect, &more, RELAY, size);
            assert_eq!(bytes, whole, "{dialect} in pieces of {size}");
            let (_, text) = read(dialect, &more, Reading::Translate, size);
            assert_eq!(text, "all is well", "{dialect} in pieces of {size}");
        }
    }
}
