//! The wall's listener, its routes and its control doors.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::WallSettings;
use super::answer::{Answer, Envelope};
use super::ask::Ask;
use super::catalogue::{catalogue, scene};
use super::http::{Gone, Line, Received, Unread, answer_head};
use super::ledger::{Begun, End, Ledger, Sent};
use super::play::{BAD_KEY, Circumstances, Performance, Refusal, UNKNOWN_MODEL, decide, refuse};
use super::timing::Timings;
use super::wire::Wire;

/// Further connections wait in the listener's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// After an accept that failed, such as for want of descriptors.
const ACCEPT_PAUSE_MS: u64 = 50;

/// Serves a wall on a listener until `shutdown` is ready; open connections are then dropped.
/// The time of S15 starts now.
pub async fn serve(
    listener: TcpListener,
    settings: WallSettings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let wall = Wall::new(settings, Arc::new(SystemClock::new()));
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut conversations = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accept = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => return Ok(()),
            Some(_) = conversations.join_next() => {}
            (place, accepted) = accept => match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection left before it was served");
                    }
                    let wall = wall.clone();
                    conversations.spawn(async move {
                        wall.converse(stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the wall could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }
}

/// A wall without a listener: it holds conversations on streams that it is given, also on virtual
/// time. Clones share their log.
#[derive(Debug, Clone)]
pub struct Wall {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: WallSettings,
    timings: Timings,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
    answers: AtomicU64,
}

/// Whether the connection lives on.
enum Next {
    Request,
    Close,
    Reset,
}

impl Wall {
    /// A wall whose time runs by `clock`; its waits are those of the runtime.
    pub fn new(settings: WallSettings, clock: Arc<dyn Clock>) -> Self {
        let timings = settings.profile.timings();
        let ledger = Ledger::new(Arc::clone(&clock));
        let answers = AtomicU64::new(0);
        Self { shared: Arc::new(Shared { settings, timings, clock, ledger, answers }) }
    }

    /// Answers the requests of one connection until either side ends it.
    pub async fn converse<S: Wire>(&self, stream: S) {
        let mut line = Line::new(stream);
        loop {
            let next = match line.receive().await {
                Ok(received) => self.shared.answer(&mut line, &received).await,
                Err(Unread::Gone) => Err(Gone),
                Err(Unread::Refused(status, why)) => {
                    let refusal = Refusal::new(status, "bad_request", why);
                    refuse(&mut line, refusal, &mut Sent::default()).await.map(|_| Next::Close)
                }
            };
            match next {
                Ok(Next::Request) => {}
                Ok(Next::Reset) => return line.break_off(),
                Ok(Next::Close) | Err(Gone) => return,
            }
        }
    }
}

impl Shared {
    async fn answer<S: Wire>(&self, line: &mut Line<S>, received: &Received) -> Result<Next, Gone> {
        let then = if received.keep_alive { Next::Request } else { Next::Close };
        let refusal = match (received.method.as_str(), received.path.as_str()) {
            ("POST", "/v1/chat/completions") => {
                return Ok(match self.complete(line, received).await? {
                    End::Finished => then,
                    End::Reset => Next::Reset,
                    End::Cut | End::Stalled | End::Silent | End::HungUp => Next::Close,
                });
            }
            ("GET", path) => match self.look_up(path, received) {
                Ok(body) => {
                    send_json(line, &body).await?;
                    return Ok(then);
                }
                Err(refusal) => refusal,
            },
            ("POST", "/control/reset") => {
                self.ledger.reset();
                send_json(line, &json!({ "status": "reset" })).await?;
                return Ok(then);
            }
            ("POST", _) => NOT_FOUND,
            _ => Refusal::new(405, "method_not_allowed", "The wall knows GET and POST only."),
        };
        refuse(line, refusal, &mut Sent::default()).await?;
        Ok(then)
    }

    fn look_up(&self, path: &str, received: &Received) -> Result<Value, Refusal> {
        match path {
            "/control/health" => Ok(json!({
                "status": "ok",
                "profile": self.settings.profile.as_str(),
                "since_reset_ms": milliseconds(self.ledger.since_reset()),
            })),
            "/control/log" => Ok(self.ledger.as_json()),
            "/v1/models" => {
                self.check_key(received)?;
                let models: Vec<Value> =
                    catalogue().iter().map(|entry| model_json(entry.id)).collect();
                Ok(json!({ "object": "list", "data": models }))
            }
            _ => {
                let id = path.strip_prefix("/v1/models/").ok_or(NOT_FOUND)?;
                self.check_key(received)?;
                scene(id).map(|_| model_json(id)).ok_or(UNKNOWN_MODEL)
            }
        }
    }

    /// Whether the wall expects a key and the request has it; the refusal if it has another.
    /// The comparison need not take constant time: the key of a test tool guards nothing.
    fn check_key(&self, received: &Received) -> Result<bool, Refusal> {
        match &self.settings.expect_key {
            None => Ok(false),
            Some(expected) if received.bearer.as_ref() == Some(expected) => Ok(true),
            Some(_) => Err(BAD_KEY),
        }
    }

    async fn complete<S: Wire>(
        &self,
        line: &mut Line<S>,
        received: &Received,
    ) -> Result<End, Gone> {
        let ask = match Ask::parse(&received.body) {
            Ok(ask) => ask,
            Err(why) => {
                let refusal = Refusal::new(400, "invalid_request", why);
                return refuse(line, refusal, &mut Sent::default()).await;
            }
        };
        let scene = scene(&ask.model);
        let Some(place) = self.ledger.open(Begun {
            model: ask.model.clone(),
            scene: scene.map(|scene| scene.id()),
            stream: ask.stream,
            prefill: ask.prefill.is_some(),
            authorization_present: received.authorization_present,
        }) else {
            return refuse(line, TOO_MANY_MODELS, &mut Sent::default()).await;
        };
        let mut sent = Sent::default();
        let end = match (self.check_key(received), scene) {
            (Err(refusal), _) => refuse(line, refusal, &mut sent).await,
            (Ok(_), None) => refuse(line, UNKNOWN_MODEL, &mut sent).await,
            (Ok(key_matched), Some(scene)) => {
                let case = Circumstances {
                    earlier: place.earlier,
                    since_reset: place.since_reset,
                    prefilled: ask.prefill.is_some(),
                    key_matched,
                };
                let act = decide(scene, case, &self.timings);
                let answer = Answer::compose(scene, &ask, &received.body);
                let envelope = self.envelope(&ask);
                let performance =
                    Performance { envelope: &envelope, answer: &answer, stream: ask.stream };
                performance.play(line, &act, &mut sent).await
            }
        };
        self.ledger.close(place, sent, end.unwrap_or(End::HungUp));
        end
    }

    fn envelope(&self, ask: &Ask) -> Envelope {
        let serial = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        let created = Duration::try_from_secs_f64(self.clock.unix_seconds()).unwrap_or_default();
        Envelope {
            id: format!("chatcmpl-wall-{serial}"),
            created: created.as_secs(),
            model: ask.model.clone(),
            usage_asked: ask.include_usage,
        }
    }
}

const NOT_FOUND: Refusal = Refusal::new(404, "not_found", "The wall has no such path.");
const TOO_MANY_MODELS: Refusal = Refusal::new(
    400,
    "too_many_models",
    "The wall counts 4096 model names at most; POST /control/reset forgets them.",
);

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn model_json(id: &str) -> Value {
    json!({ "id": id, "object": "model", "created": 1_717_459_200, "owned_by": "wall" })
}

async fn send_json<S: Wire>(line: &mut Line<S>, body: &Value) -> Result<(), Gone> {
    let body = body.to_string();
    let mut answer = answer_head(200, "application/json", Some(body.len()), "");
    answer.push_str(&body);
    line.send(answer.as_bytes()).await
}
