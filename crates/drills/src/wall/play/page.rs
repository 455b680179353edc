//! What is no answer in any dialect: a page for people, bytes that are not what their head says,
//! and a head that hardly comes.

use std::time::Duration;

use super::super::decide::Page;
use super::super::http::{Gone, LAST_CHUNK, Line, answer_head};
use super::super::ledger::{End, Sent};
use super::super::wire::Wire;

const HTML: &str = "<!doctype html>\n<html><head><title>Bad gateway</title></head>\n\
    <body><h1>The harbour is closed</h1><p>Ray ID: wall</p></body></html>\n";
/// The mark of gzip, then a method of compression that there is not, and noise.
const GARBAGE: [u8; 16] = [
    0x1f, 0x8b, 0x07, 0xff, 0x00, 0xd2, 0x9c, 0x41, 0xe7, 0x03, 0xb8, 0x5a, 0x0d, 0xc1, 0x77, 0x2e,
];

/// Makes the head longer than any patience.
const SLOW_CHARS: usize = 400;

/// Sends what stands for an answer; a head that drips is given up after `silence`.
pub(crate) async fn show<S: Wire>(
    line: &mut Line<S>,
    page: Page,
    silence: Duration,
    sent: &mut Sent,
) -> Result<End, Gone> {
    match page {
        Page::Html(status) => {
            let head = answer_head(status, "text/html; charset=utf-8", Some(HTML.len()), "");
            line.send(format!("{head}{HTML}").as_bytes()).await?;
            sent.status = Some(status);
            Ok(End::Finished)
        }
        Page::Gzip => {
            let head = answer_head(200, "text/event-stream", None, "content-encoding: gzip\r\n");
            let mut answer = head.into_bytes();
            answer.extend_from_slice(format!("{:x}\r\n", GARBAGE.len()).as_bytes());
            answer.extend_from_slice(&GARBAGE);
            answer.extend_from_slice(format!("\r\n{LAST_CHUNK}").as_bytes());
            line.send(&answer).await?;
            sent.status = Some(200);
            Ok(End::Finished)
        }
        Page::Drip(every) => {
            let mut left = silence;
            let slow = format!("x-slow: {}\r\n", "z".repeat(SLOW_CHARS));
            for byte in answer_head(200, "text/event-stream", None, &slow).bytes() {
                let Some(rest) = left.checked_sub(every) else { break };
                line.send(&[byte]).await?;
                line.pause(every).await?;
                left = rest;
            }
            Ok(End::Silent)
        }
    }
}
