//! Last stage: the HTTP response, its headers and its body, in the caller's dialect.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use dialects::{Envelope, Refusal, RefusalKind};
use domain::{Dialect, Event, Framing, Full, Needs, Operation, Piece, Reply, Sight, Target};
use http::header::{self, HeaderName};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use net::{BoxError, RequestBody};
use telemetry::Outcome;
use upstream::Whole;

use crate::attempt::{Answering, Began};
use crate::early::Early;
use crate::endpoint::Unserved;
use crate::recall::Recorder;
use crate::receipt::Ticket;
use crate::receive::{identify, quoted, refusal};
use crate::relay::{Pen, Relay, RelayParts};
use crate::rung::Ended;
use crate::takeover::Origin;
use crate::trail::Trail;
use crate::{Gateway, Lineup};

const REQUEST_ID: HeaderName = HeaderName::from_static("seawall-request-id");
const SERVED_BY: HeaderName = HeaderName::from_static("seawall-served-by");
const ATTEMPTS: HeaderName = HeaderName::from_static("seawall-attempts");
const WHY: HeaderName = HeaderName::from_static("seawall-why");
const LOSS: HeaderName = HeaderName::from_static("seawall-loss");
/// Read by OpenAI's and Anthropic's clients: whether they may try again by themselves.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RETRY_AFTER_TRUE: HeaderName = HeaderName::from_static("seawall-retry-after");
/// The longest `Retry-After` that is sent: official clients ignore a longer one, or sleep on it.
const RETRY_AFTER_S_MAX: u64 = 60;

/// The body of a response.
#[derive(Debug)]
pub struct ReplyBody(Content);

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    Relay(Box<Relay>),
    Early(Box<Early>),
}

impl ReplyBody {
    fn whole(bytes: Bytes) -> Self {
        Self(Content::Whole(bytes))
    }

    pub(crate) fn early(early: Early) -> Self {
        Self(Content::Early(Box::new(early)))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Relay(relay) => {
                relay.poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Early(early) => early.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Relay(relay) => relay.is_over(),
            Content::Early(early) => early.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Relay(_) | Content::Early(_) => SizeHint::default(),
        }
    }
}

/// A request that ends without an answer.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    ticket: Ticket,
    dialect: Dialect,
    words: Words,
    trail: Trail,
}

#[derive(Debug)]
enum Words {
    Ours(Refusal),
    /// The provider's own, which may go through; and ours, where only an event can be sent.
    Theirs {
        body: Bytes,
        as_event: Refusal,
    },
}

impl TurnedAway {
    /// Before any attempt.
    pub(crate) fn by_us(
        mut ticket: Ticket,
        dialect: Dialect,
        refusal: Refusal,
        reason: &'static str,
    ) -> Box<Self> {
        ticket.close(Outcome::Refused, Some(reason));
        Box::new(Self { ticket, dialect, words: Words::Ours(refusal), trail: Trail::default() })
    }

    /// With the provider's own error.
    pub(crate) fn by_provider(
        mut ticket: Ticket,
        dialect: Dialect,
        (body, as_event): (Bytes, Refusal),
        trail: Trail,
    ) -> Box<Self> {
        ticket.close(Outcome::CallerFault, Some("caller_fault"));
        Box::new(Self { ticket, dialect, words: Words::Theirs { body, as_event }, trail })
    }

    /// After all rungs were tried or passed over.
    pub(crate) fn after_attempts(
        mut ticket: Ticket,
        dialect: Dialect,
        refusal: Refusal,
        reason: &'static str,
        (outcome, trail): (Outcome, Trail),
    ) -> Box<Self> {
        ticket.close(outcome, Some(reason));
        Box::new(Self { ticket, dialect, words: Words::Ours(refusal), trail })
    }
}

/// The response of a request that was turned away.
pub(crate) fn turn_away(turned: TurnedAway) -> Response<ReplyBody> {
    let TurnedAway { mut ticket, dialect, words, trail } = turned;
    let mut response = match words {
        Words::Ours(refusal) => refuse(dialect, &refusal, &ticket.view().id.to_string()),
        Words::Theirs { body, as_event } => json(as_event.status, body),
    };
    if trail.no_repetition || trail.poisoned {
        response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    let why = trail.header(None);
    ticket.set_why(why.to_str().unwrap_or_default());
    ticket.set_status(response.status().as_u16());
    if let Content::Whole(bytes) = &response.body().0 {
        ticket.add_bytes(bytes);
    }
    stamp(&mut response, dialect, &ticket);
    if !why.is_empty() {
        response.headers_mut().insert(WHY, why);
    }
    response
}

/// The last bytes of a stream whose head was sent before its request was turned away.
pub(crate) fn turn_away_in_stream(turned: TurnedAway) -> Bytes {
    let TurnedAway { mut ticket, dialect, words, trail } = turned;
    let (Words::Ours(refusal) | Words::Theirs { as_event: refusal, .. }) = words;
    let why = trail.header(None);
    ticket.set_why(why.to_str().unwrap_or_default());
    ticket.set_status(200);
    let again = refusal.retry_after_s.map(|wait_s| format!(" retry_after_s={wait_s}"));
    let told = format!(
        ": seawall refused status={} attempts={}{} why={}\n\n",
        refusal.status,
        ticket.view().attempts.len(),
        again.unwrap_or_default(),
        why.to_str().unwrap_or_default()
    );
    let form = dialects::of(dialect);
    let told = if form.bears_comments() { told.as_bytes() } else { b"" };
    let event = form.write_stream_refusal(&refusal, Framing::Events);
    let last = Bytes::from([told, &event].concat());
    ticket.add_bytes(&last);
    last
}

/// An answer that goes on in a stream whose head was sent before: what the head would have told,
/// as a comment where the caller's clients bear it, and the body. An answer that is no stream is told
/// as an error.
pub(crate) fn as_stream(
    response: Response<ReplyBody>,
    dialect: Dialect,
) -> (Bytes, Option<ReplyBody>) {
    let (head, body) = response.into_parts();
    if !matches!(body.0, Content::Relay(_)) {
        let text = "the provider answered in one piece where a stream was asked for";
        let refusal = refusal(502, RefusalKind::UpstreamFailed, text.to_owned());
        return (dialects::of(dialect).write_stream_refusal(&refusal, Framing::Events), None);
    }
    if !dialects::of(dialect).bears_comments() {
        return (Bytes::new(), Some(body));
    }
    let told = |name: &HeaderName| {
        head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let text = format!(
        ": seawall answers served_by={} attempts={} why={}\n\n",
        told(&SERVED_BY),
        told(&ATTEMPTS),
        told(&WHY)
    );
    (text.into(), Some(body))
}

/// The head of a stream that nothing is known of yet but why it waits.
pub(crate) fn early_head(
    request: &domain::Request,
    ticket: &Ticket,
    why: &'static str,
) -> Response<()> {
    let mut head = Response::new(());
    stamp(&mut head, request.dialect, ticket);
    head.headers_mut().remove(ATTEMPTS);
    head.headers_mut().insert(WHY, HeaderValue::from_static(why));
    head_of_stream(&mut head, Framing::Events);
    head
}

fn head_of_stream<T>(response: &mut Response<T>, framing: Framing) {
    let content_type = match framing {
        Framing::Events => "text/event-stream; charset=utf-8",
        Framing::JsonArray => "application/json; charset=utf-8",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

/// The response of a request that is being answered.
pub(crate) fn answer(
    gateway: &Gateway,
    lineup: &Arc<Lineup>,
    answering: Answering,
) -> Response<ReplyBody> {
    let Answering { mut ticket, trail, claim, head, began, request, ladder, losses, .. } =
        answering;
    let target = claim.rung.target.clone();
    let why = trail.header(Some(&target));
    ticket.set_why(why.to_str().unwrap_or_default());
    ticket.set_status(200);
    ticket.add_losses(losses);
    let seal = Seal { served_by: claim.rung.served_by.clone(), why, headers: head.headers };
    let recorder = Recorder::begin(&gateway.shared, lineup, &ticket, (&request, &ladder.pattern));
    let whole = WholeReply { gateway, ticket, claim, seal, recorder, dialect: request.dialect };
    match began {
        Began::Whole(answer) => whole.relayed(answer),
        Began::Native(reply) => {
            let model = match &reply {
                Reply::Completion(completion) => completion.model.as_deref(),
                Reply::Embeddings(embeddings) => embeddings.model.as_deref(),
                Reply::InputTokens { .. } => None,
            };
            let envelope = envelope(&request, &whole.ticket, model, &target);
            whole.written(reply, &envelope)
        }
        Began::Streaming { dialect, held, pieces } => {
            let WholeReply { ticket, claim, seal, recorder, .. } = whole;
            let form = dialects::of(request.dialect);
            let pen = match (dialect, request.framing) {
                (Some(_), Framing::Events) => Pen::Relay,
                (Some(_), Framing::JsonArray) => Pen::Array(dialects::JsonArrayFraming::default()),
                (None, _) => {
                    let told = held.iter().find_map(|piece| match piece {
                        Piece::Native(Event::Start { model, .. }) => model.as_deref(),
                        _ => None,
                    });
                    Pen::Writer(form.stream_writer(&envelope(&request, &ticket, told, &target)))
                }
            };
            let mut response = Response::new(());
            stamp(&mut response, request.dialect, &ticket);
            seal.put_on(&mut response);
            head_of_stream(&mut response, request.framing);
            let origin = Origin { request, lineup: lineup.clone(), ladder, trail };
            let relay = Relay::new(RelayParts {
                gateway: gateway.clone(),
                ticket,
                claim,
                held,
                pieces,
                pen,
                recorder,
                origin,
                deadline: answering.deadline,
                gap_max: answering.gap_max,
                attempt_started: answering.attempt_started,
            });
            response.map(|()| ReplyBody(Content::Relay(Box::new(relay))))
        }
    }
}

/// What an answer of ours carries beside its content. Where the upstream does not tell the model's
/// name, as the reserve, the whole target stands for it.
pub(crate) fn envelope(
    request: &domain::Request,
    ticket: &Ticket,
    model_told: Option<&str>,
    target: &Target,
) -> Envelope {
    let base64 = matches!(request.full_if_read(), Some(Full::Embed(asked)) if asked.base64);
    let batch = request.operation == Operation::Embed && dialects::embeds_batch(&request.body);
    Envelope {
        id: ticket.view().id.tail().to_string(),
        model: model_told.map_or_else(|| target.to_string(), str::to_owned),
        created_unix: unix(ticket),
        include_usage: request.outline.usage_in_stream,
        framing: request.framing,
        base64,
        batch,
        hosted_tools: request.outline.needs.contains(Needs::HOSTED_TOOLS),
    }
}

/// The headers that every answer carries.
struct Seal {
    served_by: HeaderValue,
    why: HeaderValue,
    headers: http::HeaderMap,
}

impl Seal {
    fn put_on<T>(self, response: &mut Response<T>) {
        let headers = response.headers_mut();
        headers.extend(self.headers);
        headers.insert(SERVED_BY, self.served_by);
        headers.insert(WHY, self.why);
    }
}

/// An answer that is there at once.
struct WholeReply<'a> {
    gateway: &'a Gateway,
    ticket: Ticket,
    claim: crate::rung::Claim,
    seal: Seal,
    /// Of an answer that is to be kept.
    recorder: Option<Box<Recorder>>,
    dialect: Dialect,
}

impl WholeReply<'_> {
    fn relayed(self, answer: Whole) -> Response<ReplyBody> {
        let Self { gateway, mut ticket, mut claim, seal, recorder, dialect } = self;
        if let Some(recorder) = recorder {
            recorder.keep_body(&answer.body);
        }
        // An answer that came at once tells its pace by its length.
        let took = ticket.view().attempts.last().map(|attempt| attempt.took);
        let spoke = took.zip(answer.sight.usage.map(|usage| usage.output));
        claim.complete(&gateway.judge(), &Ended { usage: answer.sight.usage, spoke });
        ticket.see(&answer.sight, gateway.shared.clock.now());
        ticket.add_bytes(&answer.body);
        ticket.set_status(answer.status);
        ticket.close(Outcome::Answered, None);
        let mut response = json(answer.status, answer.body);
        stamp(&mut response, dialect, &ticket);
        seal.put_on(&mut response);
        response
    }

    /// An answer in the internal form, written into the caller's dialect.
    fn written(mut self, reply: Reply, envelope: &Envelope) -> Response<ReplyBody> {
        let written = dialects::of(self.dialect).write_whole(&reply, envelope);
        self.ticket.add_losses(written.losses);
        let sight = match &reply {
            Reply::Completion(completion) => completion.sight(),
            Reply::Embeddings(embeddings) => {
                Sight { content_deltas: 1, usage: embeddings.usage, ..Sight::default() }
            }
            Reply::InputTokens { .. } => Sight { content_deltas: 1, ..Sight::default() },
        };
        if let Some(recorder) = self.recorder.take() {
            recorder.keep_reply(reply);
        }
        self.relayed(Whole { body: written.body, status: 200, sight })
    }
}

fn unix(ticket: &Ticket) -> u64 {
    // Seconds since 1970 fit; the fraction is of no interest.
    ticket.view().unix_seconds as u64
}

/// Headers that every response of the line has. Official clients read the request's id from a
/// header of their provider's; it is ours unless the provider's own goes through.
fn stamp<T>(response: &mut Response<T>, dialect: Dialect, ticket: &Ticket) {
    let receipt = ticket.view();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(["req_", receipt.id.tail()].concat()) {
        if let Some(name) = dialects::of(dialect).request_id_header() {
            headers.insert(HeaderName::from_static(name), id.clone());
        }
        headers.insert(REQUEST_ID, id);
    }
    let attempts = match receipt.attempts.len() {
        1 => HeaderValue::from_static("1"),
        several => HeaderValue::from(several),
    };
    headers.insert(ATTEMPTS, attempts);
    let losses = &receipt.answer.losses;
    if !losses.is_empty()
        && let Ok(names) = HeaderValue::from_str(&losses.header())
    {
        headers.insert(LOSS, names);
    }
}

fn json(status: u16, body: Bytes) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal in the caller's dialect.
pub(crate) fn refuse(dialect: Dialect, refusal: &Refusal, request_id: &str) -> Response<ReplyBody> {
    let body = dialects::of(dialect).write_refusal(refusal, request_id);
    let mut response = json(refusal.status, body);
    let headers = response.headers_mut();
    if let Some(wait_s) = refusal.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s.min(RETRY_AFTER_S_MAX)));
        headers.insert(RETRY_AFTER_TRUE, HeaderValue::from(wait_s));
    }
    if refusal.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A refusal before the line began: no such path or method.
pub(crate) fn refuse_unreceived(unserved: &Unserved) -> Response<ReplyBody> {
    refuse(unserved.dialect, &unserved.refusal, "")
}

/// A line of plain text, for machines that ask whether we live.
pub(crate) fn plain(status: u16, text: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

impl Gateway {
    /// The list of models, or one of them. It costs no upstream call.
    pub(crate) fn models(
        &self,
        request: &Request<RequestBody>,
        dialect: Dialect,
        wanted: Option<&str>,
    ) -> Response<ReplyBody> {
        let lineup = self.shared.lineup.load();
        if let Err(refusal) = identify(&lineup, request.headers(), request.uri().query()) {
            return refuse(dialect, &refusal, "");
        }
        let created = self.shared.clock.unix_seconds() as u64;
        let form = dialects::of(dialect);
        let Some(wanted) = wanted else {
            let entries: Vec<_> = lineup.ladders.names().map(|name| lineup.entry(name)).collect();
            return json(200, form.write_models(&entries, created));
        };
        if lineup.ladders.find(wanted).is_none() {
            let text = format!("the model {} does not exist here", quoted(wanted));
            let refusal = refusal(404, RefusalKind::ModelNotFound, text);
            return refuse(dialect, &refusal, "");
        }
        json(200, form.write_model(&lineup.entry(wanted), created))
    }
}
