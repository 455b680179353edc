//! What a simulated provider understands and says: a drill's request tells it how long the answer
//! shall be, and the answer is words with numbers. The wire forms are the fault wall's, and the path
//! of a request tells which one is spoken, so that whatever the settings under test ask is answered
//! in kind. The headers of limits are in `limits`.

use super::plant::{TurnedAway, wait_of};
use crate::crowd::Size;
use crate::scenario::Fault;
use crate::wall::{
    Answer, Cause, Delivery, Dialect, Door, Envelope, Finish, Piece, Received, Refused, Service,
    Tokens, answer_head, door,
};

/// With which a drill's prompt begins. Nothing in it has to be escaped, so that it is found in a
/// body of any dialect.
const PROMPT: &str = "drill prompt=";

/// Whose try it is: a request of the fleet, and how often its SDK has sent it before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) request: u64,
    pub(crate) round: u32,
}

/// The prompt of a drill's request: it names its own length, so that a provider need not hold a
/// text of that length, and whose it is, so that tries can be told from requests. No two are alike.
pub(crate) fn prompt(size: Size, asker: Asker) -> String {
    let Size { input_tokens, output_tokens } = size;
    let Asker { request, round } = asker;
    format!("{PROMPT}{input_tokens} answer={output_tokens} request={request} round={round} ")
}

/// A request as a provider understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) dialect: Dialect,
    pub(crate) model: String,
    pub(crate) delivery: Delivery,
    pub(crate) usage: bool,
    pub(crate) size: Size,
    pub(crate) asker: Asker,
    /// Words of the answer that stand in the request already: another provider said them before its
    /// stream died, and this one goes on after them.
    pub(crate) said: u32,
}

impl Asked {
    pub(crate) fn streams(&self) -> bool {
        self.delivery != Delivery::Whole
    }

    /// What every event of the answer carries.
    pub(crate) fn envelope(&self, serial: u64, unix_s: u64) -> Envelope {
        Envelope {
            serial,
            created: unix_s,
            model: self.model.clone(),
            delivery: self.delivery,
            usage_asked: self.usage,
            searched: false,
        }
    }

    /// The answer as the wire forms know it; of a stream, what is counted at its end.
    pub(crate) fn answer(&self, is_empty: bool) -> Answer {
        let output = if is_empty { 0 } else { self.size.output_tokens };
        let pieces = if self.streams() { Vec::new() } else { vec![self.words(0, output)] };
        let count = |tokens: u32| usize::try_from(tokens).unwrap_or(usize::MAX);
        let input = count(self.size.input_tokens);
        let tokens = Tokens { input, output: count(output), ..Tokens::default() };
        Answer { pieces, finish: Finish::Stop, tokens }
    }

    /// Some tokens of the answer: one short word each. They are numbered, so that no part of an
    /// answer looks like another.
    pub(crate) fn words(&self, from: u32, until: u32) -> Piece {
        Piece::Text((from..until).map(|n| format!(" w{}", self.said.saturating_add(n))).collect())
    }
}

/// Reads a request.
///
/// # Errors
/// What is answered instead: for a path that is none, or a body that is none of a drill's.
pub(crate) fn understand(received: &Received) -> Result<Asked, Refused> {
    let refuse = |dialect: Dialect, cause| dialect.refuse(&cause, &Envelope::default());
    let route = match door(received) {
        Door::Ask(route) if route.service == Service::Answer => route,
        Door::Ask(route) => return Err(refuse(route.dialect, Cause::NotFound)),
        Door::Unknown(dialect) | Door::Models(dialect, _) => {
            return Err(refuse(dialect, Cause::NotFound));
        }
        Door::WrongMethod(dialect) => return Err(refuse(dialect, Cause::WrongMethod)),
        Door::Health | Door::Log | Door::Reset => {
            return Err(refuse(Dialect::Chat, Cause::NotFound));
        }
    };
    let dialect = route.dialect;
    let order = dialect.read(route.service, route.model.as_deref(), received);
    let ask = order.map_err(|cause| refuse(dialect, cause))?.ask;
    let told = told(&received.body);
    let Told { size, asker, said } = told.ok_or_else(|| {
        refuse(dialect, Cause::Invalid("the prompt is none of a drill".to_owned()))
    })?;
    Ok(Asked {
        dialect,
        model: ask.model,
        delivery: route.delivery.unwrap_or(ask.delivery),
        usage: ask.include_usage,
        size,
        asker,
        said,
    })
}

/// What a prompt tells.
struct Told {
    size: Size,
    asker: Asker,
    said: u32,
}

/// The size in the last prompt of a body, less what has been said of the answer since.
fn told(body: &[u8]) -> Option<Told> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, told) = text.rsplit_once(PROMPT)?;
    let (input, rest) = told.split_once(" answer=")?;
    let (output, rest) = rest.split_once(" request=")?;
    let (request, rest) = rest.split_once(" round=")?;
    let (round, rest) = rest.split_once(' ')?;
    let asker = Asker { request: request.parse().ok()?, round: round.parse().ok()? };
    let size = Size { input_tokens: input.parse().ok()?, output_tokens: output.parse().ok()? };
    let numbered = |word: &&str| {
        let number = word.strip_prefix('w').unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let words = rest.split(|c: char| !c.is_ascii_alphanumeric()).filter(numbered);
    let said = u32::try_from(words.count()).unwrap_or(u32::MAX);
    let output_tokens = size.output_tokens.saturating_sub(said).max(1);
    let input_tokens = size.input_tokens.saturating_add(said);
    Some(Told { size: Size { input_tokens, output_tokens }, asker, said })
}

/// Why a try is turned away, and the wait that is told with it.
pub(crate) fn cause_of(turned_away: TurnedAway, refusal: Option<u16>) -> Cause {
    let wait = wait_of(turned_away).map(|wait| wait.as_secs_f64().ceil().max(1.0) as u32);
    match turned_away {
        TurnedAway::Quota(_) | TurnedAway::Fault(Fault::LimitWall) => {
            Cause::RateLimited { retry_after_s: wait }
        }
        TurnedAway::Full if refusal == Some(429) => Cause::RateLimited { retry_after_s: None },
        TurnedAway::Full | TurnedAway::Fault(Fault::Overloaded) => Cause::Overloaded,
        TurnedAway::Fault(Fault::Errors) => Cause::ServerError,
        TurnedAway::Fault(_) => Cause::Unavailable,
    }
}

/// A refusal with further header lines.
pub(crate) fn whole_refusal(refused: &Refused, more: &str) -> String {
    let Refused { status, content_type, headers, body } = refused;
    let mut text =
        answer_head(*status, content_type, Some(body.len()), &format!("{headers}{more}"));
    text.push_str(body);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { input_tokens: 1_155, output_tokens: 211 };
    const ASKER: Asker = Asker { request: 17, round: 2 };

    fn received(target: &str, body: &str) -> Received {
        let mut received = Received::new("POST", target);
        received.keep("anthropic-version", "2023-06-01");
        received.body = body.to_owned().into();
        received
    }

    #[test]
    fn a_prompt_is_understood_again_on_every_path() {
        let prompt = prompt(SIZE, ASKER);
        let chat = format!(
            r#"{{"model":"m","stream":true,"stream_options":{{"include_usage":true}},"max_tokens":9,"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
        );
        let input = format!(r#"{{"model":"m","stream":true,"input":"{prompt}"}}"#);
        let parts = format!(r#"{{"contents":[{{"parts":[{{"text":"{prompt}"}}]}}]}}"#);
        for (target, body, dialect) in [
            ("/v1/chat/completions", &chat, Dialect::Chat),
            ("/openai/deployments/m/chat/completions?api-version=1", &chat, Dialect::Azure),
            ("/v1/messages", &chat, Dialect::Messages),
            ("/v1/responses", &input, Dialect::Responses),
            ("/v1/agent", &input, Dialect::Agent),
            ("/v1beta/models/m:streamGenerateContent?alt=sse", &parts, Dialect::Gemini),
        ] {
            let asked = understand(&received(target, body)).unwrap();
            let told =
                (asked.dialect, asked.model.as_str(), asked.delivery, asked.size, asked.said);
            assert_eq!(told, (dialect, "m", Delivery::Events, SIZE, 0), "{target}");
            assert_eq!(asked.asker, ASKER, "{target}");
        }
        assert_eq!(understand(&received("/v1/nothing", &chat)).unwrap_err().status, 404);
        let stranger = r#"{"model":"m","messages":[{"content":"hello"}]}"#;
        assert_eq!(
            understand(&received("/v1/chat/completions", stranger)).unwrap_err().status,
            400
        );
    }

    #[test]
    fn who_takes_over_goes_on_where_the_other_stopped() {
        let prompt = prompt(Size { input_tokens: 10, output_tokens: 5 }, ASKER);
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"{prompt}"}},{{"role":"assistant","content":" w0 w1 w2"}}]}}"#
        );
        let asked = understand(&received("/v1/chat/completions", &body)).unwrap();
        assert_eq!(asked.size, Size { input_tokens: 13, output_tokens: 2 });
        assert_eq!(asked.words(0, 2), Piece::Text(" w3 w4".to_owned()));
    }
}
