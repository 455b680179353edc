//! What a request gets: the doors of the providers, the lists of models and the control doors.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clock::Clock;
use serde_json::{Value, json};

use super::WallSettings;
use super::answer::TEXT;
use super::ask::Delivery;
use super::catalogue::{Entry, Scene, entry_of};
use super::compose::compose;
use super::decide::{Act, Circumstances, decide};
use super::dialect::{Dialect, Envelope, Order, Wish, models_list, models_one};
use super::further::Plot;
use super::http::{Gone, KeyPlace, Line, Received, answer_head};
use super::ledger::{Begun, End, Kept, Ledger, Place, Sent};
use super::play::{Performance, refuse, show, withhold};
use super::refusal::Cause;
use super::route::{Door, Route, door};
use super::timing::{Profile, Timings};
use super::wire::Wire;

/// The log keeps so much of a path; the longest name of a model fits.
const PATH_CHARS_MAX: usize = 512;

/// What S36 cannot bear.
const POISON: &[u8] = b"wall-poison";

/// Everything that the conversations of a wall share.
#[derive(Debug)]
pub(crate) struct Doors {
    settings: WallSettings,
    timings: Timings,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
    answers: AtomicU64,
}

/// Whether the connection lives on.
pub(crate) enum Next {
    Request,
    Close,
    Reset,
}

/// What HTTP/2 answers with.
pub(crate) struct ChatEvents {
    /// The opening, each piece, and the end with its mark.
    pub(crate) events: Vec<String>,
    pub(crate) plot: Option<Plot>,
    pub(crate) place: Place,
    pub(crate) between: Duration,
}

/// A request that may be answered.
struct Admitted<'a> {
    order: &'a Order,
    entry: &'static Entry,
    key_matched: bool,
    place: Place,
}

impl Doors {
    pub(crate) fn new(settings: WallSettings, clock: Arc<dyn Clock>) -> Self {
        let timings = settings.profile.timings();
        let ledger = Ledger::new(Arc::clone(&clock));
        Self { settings, timings, clock, ledger, answers: AtomicU64::new(0) }
    }

    pub(crate) fn profile(&self) -> Profile {
        self.settings.profile
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) async fn answer<S: Wire>(
        &self,
        line: &mut Line<S>,
        received: &Received,
    ) -> Result<Next, Gone> {
        let then = if received.keep_alive { Next::Request } else { Next::Close };
        let found = match door(received) {
            Door::Ask(route) => {
                return Ok(match self.ask(line, received, &route).await? {
                    End::Finished => then,
                    End::Reset => Next::Reset,
                    End::Cut | End::Stalled | End::Silent | End::HungUp => Next::Close,
                });
            }
            Door::Models(dialect, id) => self
                .models(dialect, id.as_deref(), received)
                .map_err(|cause| (dialect, cause, id.unwrap_or_default())),
            Door::Health => Ok(self.health()),
            Door::Log => Ok(self.ledger.as_json(received.query("bodies") == Some("1"))),
            Door::Reset => {
                self.ledger.reset();
                Ok(json!({ "status": "reset" }))
            }
            Door::Unknown(dialect) => Err((dialect, Cause::NotFound, String::new())),
            Door::WrongMethod(dialect) => Err((dialect, Cause::WrongMethod, String::new())),
        };
        match found {
            Ok(body) => send_json(line, &body).await?,
            Err((dialect, cause, model)) => {
                let envelope = Envelope { model, ..self.envelope() };
                let refused = dialect.refuse(&cause, &envelope);
                refuse(line, &refused, &mut Sent::default()).await?;
            }
        }
        Ok(then)
    }

    /// Refuses what could not be read as HTTP; nobody knows for whom it was.
    pub(crate) async fn refuse_unread<S: Wire>(
        &self,
        line: &mut Line<S>,
        status: u16,
        why: &'static str,
    ) -> Result<Next, Gone> {
        let refused = Dialect::Chat.refuse(&Cause::Unreadable(status, why), &self.envelope());
        refuse(line, &refused, &mut Sent::default()).await?;
        Ok(Next::Close)
    }

    fn health(&self) -> Value {
        json!({
            "status": "ok",
            "profile": self.settings.profile.as_str(),
            "since_reset_ms": milliseconds(self.ledger.since_reset()),
        })
    }

    fn models(
        &self,
        dialect: Dialect,
        id: Option<&str>,
        received: &Received,
    ) -> Result<Value, Cause> {
        self.check_key(dialect, received)?;
        match id {
            None => Ok(models_list(dialect)),
            Some(id) => entry_of(id).map(|_| models_one(dialect, id)).ok_or(Cause::UnknownModel),
        }
    }

    /// Whether the wall expects a key and the request has it where this provider looks for it; the
    /// refusal if it has another. The comparison need not take constant time: the key of a test
    /// tool guards nothing.
    fn check_key(&self, dialect: Dialect, received: &Received) -> Result<bool, Cause> {
        match &self.settings.expect_key {
            None => Ok(false),
            Some(expected) => {
                // Azure serves responses in OpenAI's form, but with keys in its own place.
                let azure = received.path.starts_with("/openai/");
                let dialect = if azure { Dialect::Azure } else { dialect };
                let found = received.key_in(dialect.key_places());
                (found == Some(expected)).then_some(true).ok_or(Cause::BadKey)
            }
        }
    }

    /// A healthy stream of chat completions in its events, for a request's body that came by other
    /// means than HTTP/1.1; none if it asks for no model of the wall. The plot is the model's, if
    /// it has one.
    pub(crate) fn chat_events(&self, body: &Bytes) -> Option<ChatEvents> {
        let mut received = Received::new("POST", "/v1/chat/completions");
        received.body = body.clone();
        let Door::Ask(route) = door(&received) else { return None };
        let order = route.dialect.read(route.service, None, &received).ok()?;
        let entry = entry_of(&order.ask.model)?;
        let kept = Kept::new(&received.body, &[]);
        let place = self.ledger.open(begun(&received, &route, Some(&order), Some(entry)), kept)?;
        let answer = compose(entry.scene, &order.ask, body);
        let mut script =
            route.dialect.script(&order.wish, self.enveloped(Some(&order), &route), &answer);
        let mut events = vec![script.opening().concat()];
        events.extend(answer.pieces.iter().map(|piece| script.piece(piece).concat()));
        events.push([script.closing(), script.mark()].concat().concat());
        let plot = match entry.scene {
            Scene::Further(plot) => Some(plot),
            _ => None,
        };
        Some(ChatEvents { events, plot, place, between: self.timings.between })
    }

    async fn ask<S: Wire>(
        &self,
        line: &mut Line<S>,
        received: &Received,
        route: &Route,
    ) -> Result<End, Gone> {
        let dialect = route.dialect;
        let read =
            dialect.read(route.service, route.model.as_deref(), received).map(|mut order| {
                if let Some(delivery) = route.delivery {
                    order.ask.delivery = delivery;
                }
                order
            });
        let order = read.as_ref().ok();
        let entry = order.and_then(|order| entry_of(&order.ask.model));
        let envelope = self.enveloped(order, route);
        let begun = begun(received, route, order, entry);
        let kept = Kept::new(&received.body, &received.headers);
        let mut sent = Sent::default();
        let Some(place) = self.ledger.open(begun, kept) else {
            let refused = dialect.refuse(&Cause::TooManyModels, &envelope);
            return refuse(line, &refused, &mut sent).await;
        };
        let admitted = match &read {
            Err(cause) => Err(cause.clone()),
            Ok(order) => self.check_key(dialect, received).and_then(|key_matched| {
                let entry = entry.ok_or(Cause::UnknownModel)?;
                Ok(Admitted { order, entry, key_matched, place })
            }),
        };
        let end = match admitted {
            Err(cause) => refuse(line, &dialect.refuse(&cause, &envelope), &mut sent).await,
            Ok(admitted) => {
                let scene = Staged { dialect, envelope, body: &received.body };
                self.perform(line, admitted, scene, &mut sent).await
            }
        };
        self.ledger.close(place, sent, end.unwrap_or(End::HungUp));
        end
    }

    async fn perform<S: Wire>(
        &self,
        line: &mut Line<S>,
        admitted: Admitted<'_>,
        staged: Staged<'_>,
        sent: &mut Sent,
    ) -> Result<End, Gone> {
        let Admitted { order, entry, key_matched, place } = admitted;
        let Staged { dialect, envelope, body } = staged;
        let streamed = envelope.delivery != Delivery::Whole;
        let case = Circumstances {
            earlier: place.earlier,
            since_reset: place.since_reset,
            since_last: place.since_last,
            last_second: place.last_second,
            first_key: place.first_key,
            continues: order.ask.continued(TEXT).is_some(),
            sealed: order.ask.sealed,
            poisoned: entry.scene == Scene::Further(Plot::Poison) && is_poisoned(body),
            prefilled: order.ask.prefill.is_some(),
            key_matched,
            streamed,
        };
        let mut scene = entry.scene;
        let mut act = decide(scene, &case, &self.timings);
        let converses = matches!(order.wish, Wish::Answer);
        if act == Act::Refuse(Cause::Filtered) && converses && dialect.refuses_in_band() {
            scene = Scene::Refusal;
            act = decide(scene, &case, &self.timings);
        }
        match act {
            Act::Refuse(cause) => refuse(line, &dialect.refuse(&cause, &envelope), sent).await,
            Act::Silence(_) | Act::Reset => withhold(line, &act).await,
            Act::Page(page) => show(line, page, self.timings.silence, sent).await,
            Act::Answer(play) => {
                let mut answer = compose(scene, &order.ask, body);
                if !converses {
                    answer.pieces.clear();
                }
                let mut script = dialect.script(&order.wish, envelope, &answer);
                let script = script.as_mut();
                let mut performance = Performance { script, answer: &answer, streamed };
                performance.answer(line, &play, sent).await
            }
        }
    }

    /// What every event of the next answer carries, for nobody in particular.
    fn envelope(&self) -> Envelope {
        let serial = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        let created = Duration::try_from_secs_f64(self.clock.unix_seconds()).unwrap_or_default();
        Envelope { serial, created: created.as_secs(), ..Envelope::default() }
    }

    fn enveloped(&self, order: Option<&Order>, route: &Route) -> Envelope {
        let envelope = self.envelope();
        match order {
            Some(Order { ask, .. }) => Envelope {
                model: ask.model.clone(),
                delivery: ask.delivery,
                usage_asked: ask.include_usage,
                searched: ask.searches,
                ..envelope
            },
            None => {
                let model = route.model.clone().unwrap_or_default();
                Envelope { model, delivery: route.delivery.unwrap_or_default(), ..envelope }
            }
        }
    }
}

/// In whose words, and to what body, a request is answered.
struct Staged<'a> {
    dialect: Dialect,
    envelope: Envelope,
    body: &'a [u8],
}

fn begun(
    received: &Received,
    route: &Route,
    order: Option<&Order>,
    entry: Option<&Entry>,
) -> Begun {
    let ask = order.map(|order| &order.ask);
    Begun {
        model: ask.map(|ask| ask.model.clone()).unwrap_or_default(),
        scene: entry.map(Entry::short),
        dialect: route.dialect.as_str(),
        path: received.path.chars().take(PATH_CHARS_MAX).collect(),
        stream: ask.is_some_and(|ask| ask.delivery != Delivery::Whole),
        prefill: ask.is_some_and(|ask| ask.prefill.is_some()),
        authorization_present: received.authorization_present,
        key_trace: received.key_trace(),
        keys_in: received.key_places().map(KeyPlace::as_str).collect::<BTreeSet<_>>(),
    }
}

/// Whether a request holds the word that S36 cannot bear.
fn is_poisoned(body: &[u8]) -> bool {
    body.windows(POISON.len()).any(|part| part == POISON)
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

async fn send_json<S: Wire>(line: &mut Line<S>, body: &Value) -> Result<(), Gone> {
    let body = body.to_string();
    let mut answer = answer_head(200, "application/json", Some(body.len()), "");
    answer.push_str(&body);
    line.send(answer.as_bytes()).await
}
